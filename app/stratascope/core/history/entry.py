"""What is recorded of a container: its state in parts, each written when it changes; and its resource usage, as means
and peaks over a span of time, computed from counter readings.

A container is identified by engine and name, which survive a relaunch, Compose and an engine's restart; its id is one
of the recorded parts. Decided against the id: each relaunch would begin a new history.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

from stratascope.core.message import MessageError
from stratascope.value import Value, field, replace


class Subject(Value):
    """The container that a history belongs to, by engine and name."""

    engine: str
    name: str


class Made(Value):
    """The container that has the name. `by_us`: created by one of our relaunches, according to its label; `by`: the
    login name of who started it, by the kernel's audit (/proc/PID/loginuid), which an engine without a daemon keeps;
    `owner`: "compose" or "systemd", which created it. Empty: not known who.
    """

    id: str
    by_us: bool = False
    by: str = ""
    owner: str = ""


class Image(Value):
    name: str
    id: str = ""


class Run(Value):
    """Its run state. `status`: a `core.container.Status`, or GONE; `started`: seconds since the epoch, 0.0: unknown."""

    status: str
    started: float = 0.0
    exit_code: int | None = None
    out_of_memory: bool = False


class Exposed(Value):
    """Its exposure, 0.0 to 10.0. `root`: read as root, which sees more; differences between readers are no changes."""

    worst: float
    best: float
    root: bool = False


class Unlike(Value):
    """A process that differs from the first. `kind`: "exec" for a session; `fields`: "capabilities.effective" …"""

    command: str
    kind: str
    fields: tuple[str, ...]


class Limits(Value):
    """Enforced limits: bytes, processes, cores; None: no limit."""

    memory: int | None = None
    pids: int | None = None
    cpu: float | None = None


GONE = "gone"  # status: its engine has no container of that name


class PartKind(StrEnum):
    """The parts of a `Standing`, by the names of its fields."""

    MADE = "made"
    IMAGE = "image"
    RUN = "run"
    SETTINGS = "settings"
    LIMITS = "limits"
    EXPOSED = "exposed"
    LAYERS = "layers"
    THREATS = "threats"
    DRIFT = "drift"


Part = Made | Image | Run | Limits | Exposed | tuple[str, ...] | tuple[tuple[str, str], ...] | tuple[Unlike, ...]


class Standing(Value):
    """A container's state at one moment. None: not known then, so that part is not written.

    `settings`: the requested options, as in a run command; `layers`: verdicts by layer; `threats`: ids of open
    threats that are critical or high, worst first.
    """

    made: Made | None = None
    image: Image | None = None
    run: Run | None = None
    settings: tuple[str, ...] | None = None
    limits: Limits | None = None
    exposed: Exposed | None = None
    layers: tuple[tuple[str, str], ...] | None = None
    threats: tuple[str, ...] | None = None
    drift: tuple[Unlike, ...] | None = None

    def part(self, kind: PartKind) -> Part | None:
        """The value of that part."""
        found: Part | None = getattr(self, kind.value)
        return found


class HistoryEntry(Value):
    """A recorded change: from `at` on (seconds since the epoch), this part had this value."""

    at: float
    kind: PartKind
    value: Part


class UsageRow(Value):
    """Usage in the `span` seconds before `at`: mean and peak of bytes, cores, processes, and bytes per second of disk
    input and output. None: not readable. A following row that is nearly equal is not written.
    """

    at: float
    span: float
    memory: float | None = None
    memory_peak: float | None = None
    cpu: float | None = None
    cpu_peak: float | None = None
    pids: float | None = None
    pids_peak: float | None = None
    io: float | None = None
    io_peak: float | None = None


class WatchSpan(Value):
    """A period of recording; nothing is known about the gaps between periods."""

    began: float
    until: float


class Batch(Value):
    """What is written at once. `watch`: the current period of recording so far."""

    watch: WatchSpan
    entries: tuple[tuple[Subject, HistoryEntry], ...] = ()
    used: tuple[tuple[Subject, UsageRow], ...] = ()


class Recent(Value):
    """What was written last. `mark`: grows with each entry; smaller than before: the history was begun anew."""

    mark: int
    entries: dict[Subject, tuple[HistoryEntry, ...]] = field(default_factory=dict)


class HistoryError(MessageError):
    """The history can't be read or written; `message` says why and what to do."""


class HistoryReader(Protocol):
    """Read access to the records. All methods raise HistoryError; times in seconds since the epoch."""

    def subjects(self) -> tuple[Subject, ...]:
        """Everything that has a history."""

    def entries(self, subject: Subject) -> tuple[HistoryEntry, ...]:
        """One subject's entries, oldest first."""

    def used(self, subject: Subject, since: float) -> tuple[UsageRow, ...]:
        """Usage rows, oldest first, beginning with the last one before `since`: a row holds until the next."""

    def watches(self, since: float) -> tuple[WatchSpan, ...]:
        """Periods of recording that extend beyond that moment, oldest first."""

    def latest(self) -> dict[Subject, Standing]:
        """The last known state of each subject."""

    def recent(self, since: float, after: int = 0) -> Recent:
        """All subjects: the last entry of each part up to that moment, and all later ones, in the order in which they
        were written. `after`: the mark of a former answer, to get only what was written since.
        """

    def exposures(self, since: float) -> dict[Subject, tuple[HistoryEntry, ...]]:
        """The exposures of all subjects, for sparklines: from that moment on, preceded by the last one before it."""


class HistoryStore(HistoryReader, Protocol):
    """Write access to the records."""

    def claim(self) -> bool:
        """Become the one program that writes, unless another is; True if so. May be called repeatedly."""

    def renewed(self) -> bool:
        """Whether something was written, by whomever, since the last call. Never raises."""

    def write(self, batch: Batch) -> None:
        """Write all of it, or nothing."""

    def tidy(self, now: float) -> None:
        """Thin out old rows, and drop what exceeds the size limit."""

    def close(self) -> None:
        """Release the store. May be called twice."""


def changed(before: Standing, now: Standing) -> tuple[tuple[PartKind, Part], ...]:
    """The parts of `now` that are known and differ from `before`."""
    parts = ((kind, now.part(kind)) for kind in PartKind)
    return tuple((kind, part) for kind, part in parts if part is not None and part != before.part(kind))


def standing_of(parts: Sequence[tuple[PartKind, Part]], before: Standing | None = None) -> Standing:
    """Combine parts into a state; later ones replace earlier ones."""
    known: dict[str, Any] = dict(parts)
    return replace(Standing() if before is None else before, **known)


class Counted(Value):
    """Counter values: bytes and processes now; CPU seconds and bytes of I/O since the start. None: not read."""

    memory: int | None = None
    pids: int | None = None
    cpu: float | None = None
    io: int | None = None


class Counters(Protocol):
    """Reads resource counters from this machine's kernel."""

    def read(self, groups: str) -> Counted:
        """The counters of a container's control groups, given the text of /proc/PID/cgroup. Never raises."""


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
    """Computes usage rows for one run of one container: `add` each reading, `take` the row since the last one."""

    def __init__(self) -> None:
        self._before: tuple[float, Counted] | None = None
        self._from: float | None = None
        self._sums = {name: _Sum() for name in ("memory", "pids", "cpu", "io")}

    def add(self, at: float, counted: Counted) -> None:
        """Add a reading; `at` in seconds. A counter or time that goes backwards starts over."""
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
        """The row since the last one; None if nothing could be read."""
        if self._before is None or self._from is None:
            return None
        at, began, sums = self._before[0], self._from, self._sums
        self._from, self._sums = at, {name: _Sum() for name in sums}
        if at <= began or not any(each.count for each in sums.values()):
            return None
        fields = {name: each.mean for name, each in sums.items()}
        return UsageRow(at, at - began, **fields, **{f"{name}_peak": each.peak for name, each in sums.items()})
