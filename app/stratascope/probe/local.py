"""The collector in this process, for a /proc of the containers' kernel, without JSON; and its entries as readings.

If our sandbox bars us from that /proc, the collector runs on the host instead (`piped.HostProber`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from sys import intern
from typing import Any

from stratascope.collector.read import PID_MAX
from stratascope.collector.serve import Collector
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.ground import HOST_WANTS
from stratascope.core.ports import ContainerCapture, Wish


class LocalProber:
    """A `core.ports.Prober`. May be called from several threads at once."""

    def __init__(self) -> None:
        # one collector per thread: it caches where cgroups are mounted
        self._local = threading.local()

    def host(self, names: tuple[str, ...] | None = None) -> Capture:
        """The facts of the machine that this program runs on."""
        return Entries().capture(0, self._collector().host(HOST_WANTS if names is None else names))

    def capture(self, wishes: tuple[Wish, ...]) -> tuple[ContainerCapture, ...]:
        """One answer per wish, in order; what could not be read is a gap."""
        entries = Entries()
        return tuple(
            entries.found(answer)
            for answer in self._collector().capture(
                [(wish.pid, wish.wants, wish.member_wants, wish.members, wish.container) for wish in wishes],
                {wish.pid: wish.others for wish in wishes if wish.others is not None},
            )
        )

    def close(self) -> None:
        """Nothing needs to be closed."""

    def _collector(self) -> Collector:
        collector: Collector | None = getattr(self._local, "collector", None)
        if collector is None:
            collector = self._local.collector = Collector()
        return collector


Entry = Sequence[Any]
Process = Sequence[Any]  # pid, entries, groups


class MalformedError(ValueError):
    """An answer not in the collector's form."""


class Entries:
    """Converts one answer's entries into readings. A group above several containers is one list, converted once."""

    def __init__(self) -> None:
        # the list is kept alive too, so that its id stays unique
        self._shared: dict[int, tuple[Sequence[Entry], list[Reading]]] = {}

    def capture(self, pid: int, entries: Sequence[Entry], groups: Sequence[Sequence[Entry]] = ()) -> Capture:
        """Convert one process, or the host (0)."""
        readings = [_reading(entry) for entry in entries]
        for group in groups:
            held = self._shared.get(id(group))
            if held is None:
                made = [_reading(entry) for entry in group]
                held = self._shared[id(group)] = (group, made)
            readings += held[1]
        return Capture(pid, tuple(readings))

    def found(self, answer: Sequence[Any]) -> ContainerCapture:
        """Convert the answer to one wish."""
        first, members, how, unread = answer
        return ContainerCapture(self.capture(*first), tuple([self.capture(*member) for member in members]), how, unread)


def _reading(entry: Entry) -> Reading:
    """Names and texts are stored once: most containers of a machine have the same filter, limits and maps."""
    if len(entry) == 3:
        name, source, text = entry
        return Reading(intern(name), source, intern(text))
    name, source, _, kind, errno, detail = entry
    return Reading(intern(name), source, None, Gap(GapKind(kind), errno, detail))


def checked(answer: Any) -> Sequence[Any]:
    """Validate a reply's answer to one wish, from a pipe; raises MalformedError."""
    if not (isinstance(answer, list) and len(answer) == 4 and isinstance(answer[1], list)):
        raise MalformedError("an answer is [process, members, how, unread]")
    if not isinstance(answer[2], str):
        raise MalformedError("how members were found is a word")
    if not _is_number(answer[3], PID_MAX):
        raise MalformedError("how many were not read is a number")
    for process in (answer[0], *answer[1]):
        if not (isinstance(process, list) and len(process) == 3 and _is_number(process[0], PID_MAX)):
            raise MalformedError("a process is [pid, entries, groups]")
        checked_entries(process[1])
        if not isinstance(process[2], list):
            raise MalformedError("groups are a list")
        for group in process[2]:
            checked_entries(group)
    return answer


def checked_entries(entries: Any) -> Sequence[Entry]:
    """Validate a reply's entries; raises MalformedError."""
    if not isinstance(entries, list):
        raise MalformedError("entries are a list")
    for entry in entries:
        if not isinstance(entry, list) or len(entry) not in (3, 6):
            raise MalformedError("an entry has 3 or 6 parts")
        if not (isinstance(entry[0], str) and isinstance(entry[1], str)):
            raise MalformedError("an entry starts with its name and source")
        if len(entry) == 3:
            if not isinstance(entry[2], str):
                raise MalformedError("an entry's text is text")
        elif not (
            entry[2] is None
            and isinstance(entry[3], str)
            and entry[3] in _KINDS
            and (entry[4] is None or _is_number(entry[4], _ERRNO_MAX))
            and isinstance(entry[5], str)
        ):
            raise MalformedError("a gap is a kind, an errno and a detail")
    return entries


def _is_number(value: Any, most: int) -> bool:
    return type(value) is int and 0 <= value <= most


_ERRNO_MAX = 4095  # include/linux/err.h
_KINDS = frozenset(kind.value for kind in GapKind)
