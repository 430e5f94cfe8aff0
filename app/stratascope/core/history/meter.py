"""Counter readings to rows of usage: means and peaks over a span of time. Pure."""

from __future__ import annotations

from typing import Protocol

from stratascope.core.history.entry import UsageRow
from stratascope.value import Value


class Counted(Value):
    """Bytes and processes now; seconds of CPU and bytes of input and output since the start. None: not read."""

    memory: int | None = None
    pids: int | None = None
    cpu: float | None = None
    io: int | None = None


class Counters(Protocol):
    """Reads them from this machine's kernel."""

    def read(self, groups: str) -> Counted:
        """Of a container's control groups, given the text of /proc/PID/cgroup. Never raises."""


class _Sum:
    __slots__ = ("count", "most", "total")

    def __init__(self) -> None:
        self.total, self.count, self.most = 0.0, 0, 0.0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1
        self.most = max(self.most, value)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def peak(self) -> float | None:
        return self.most if self.count else None


class Meter:
    """For one run of one container: `add` each reading, `take` the row since the last one."""

    def __init__(self) -> None:
        self._before: tuple[float, Counted] | None = None
        self._from: float | None = None
        self._sums = {name: _Sum() for name in ("memory", "pids", "cpu", "io")}

    def add(self, at: float, counted: Counted) -> None:
        """`at` in seconds. A counter or a time that goes backwards starts anew."""
        if self._from is None:
            self._from = at
        for name in ("memory", "pids"):
            value = getattr(counted, name)
            if value is not None:
                self._sums[name].add(value)
        if self._before is not None and at > self._before[0]:
            then, before = self._before
            for name in ("cpu", "io"):
                was, now = getattr(before, name), getattr(counted, name)
                if was is not None and now is not None and now >= was:
                    self._sums[name].add((now - was) / (at - then))
        self._before = (at, counted)

    def take(self) -> UsageRow | None:
        """None if nothing could be read."""
        if self._before is None or self._from is None:
            return None
        at, began, sums = self._before[0], self._from, self._sums
        self._from, self._sums = at, {name: _Sum() for name in sums}
        if at <= began or not any(each.count for each in sums.values()):
            return None
        fields = {name: each.mean for name, each in sums.items()}
        return UsageRow(at, at - began, **fields, **{f"{name}_peak": each.peak for name, each in sums.items()})
