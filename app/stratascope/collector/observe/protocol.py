"""The observer's request, and the output of its lines.

{"ask": "observe", "pid": N, "start": its start time (field 22 of /proc/PID/stat) or "", "container": id or "", "group":
a control group's path or "", "seconds": S, "numbers": {entry point: {name of a call: number}}, "arguments": {entry
point: {number: [place, …]}}, "paths": {entry point: {number: [place, kind]}} or with a third, the place of flags
(`moments` has the kinds), "answers": {entry point: {errno: [number, …]}} of its filters, "places": {path in it:
whether what is reached through it is told}: its mounts and devices}: with "group" the PID may be 0. Syscall numbers
come from the requester, since this program knows few names. An invalid request, or one that names nothing that can be
observed, gets {"refused": why}.
"""

from __future__ import annotations

import json
import os
import select
import time
from typing import Any, Dict, List, NamedTuple, Tuple

from stratascope.collector.observe.calls import WantedCalls
from stratascope.collector.observe.moments import KINDS, Wanted
from stratascope.collector.observe.refusals import Answered
from stratascope.collector.read import PID_MAX

SECONDS_MAX = 7 * 24 * 3600
NUMBERS_MAX = 4096  # calls in one table
PLACES_MAX = 64  # mounts and devices
LINE_MAX = 60 << 10
LAST = 1.0  # seconds in which the rest must be read at the end
_encoded = json.JSONEncoder(separators=(",", ":")).encode  # reused: `dumps` would make an encoder for each line


class RefusedError(Exception):
    """A request that can't be served."""


class Request(NamedTuple):
    """What to observe."""

    pid: int
    start: str
    container: str
    group: str
    seconds: float
    numbers: Dict[str, Dict[str, int]]
    asked: WantedCalls
    places: Dict[str, bool]


def request_of(found: Dict[str, Any]) -> Request:
    """Validate a request. Raises RefusedError."""
    pid, seconds = found.get("pid"), found.get("seconds")
    words = [found.get(name, "") for name in ("start", "container", "group")]
    if (
        not isinstance(pid, int)
        or isinstance(pid, bool)
        or not 0 <= pid <= PID_MAX
        or not all(isinstance(each, str) for each in words)
    ):
        raise RefusedError("pid: a process id was expected; start, container, group: text")
    if not isinstance(seconds, (int, float)) or not 0 < seconds <= SECONDS_MAX:
        raise RefusedError("seconds: a number was expected, of at most %d" % SECONDS_MAX)
    if not pid and not words[2]:
        raise RefusedError("a process or a group was expected")
    numbers = {
        abi: {name: _small(number, 1 << 31) for name, number in table.items()}
        for abi, table in _tables(found, "numbers").items()
    }
    arguments = {
        abi: {_key(key): tuple(_small(place, 5) for place in _list(places)) for key, places in table.items()}
        for abi, table in _tables(found, "arguments").items()
    }
    paths: Wanted = {}
    for abi, table in _tables(found, "paths").items():
        for key, value in table.items():
            if len(_list(value)) not in (2, 3) or value[1] not in KINDS:
                raise RefusedError("paths: [place, kind] was expected, or also the place of flags")
            flags = [_small(each, 5) for each in value[2:]]
            paths.setdefault(abi, {})[_key(key)] = (_small(value[0], 5), value[1], *flags)
    answers: Answered = {}
    for abi, table in _tables(found, "answers").items():
        for key, calls in table.items():
            if not isinstance(calls, list) or len(calls) > NUMBERS_MAX:
                raise RefusedError("answers: lists of numbers of calls were expected")
            answers.setdefault(_small(_key(key), 4095), {})[abi] = {_small(each, 1 << 31) for each in calls}
    wanted = WantedCalls(arguments, paths, answers)
    return Request(pid, words[0], words[1], words[2], float(seconds), numbers, wanted, _places(found.get("places", {})))


def _places(found: Any) -> Dict[str, bool]:
    if not isinstance(found, dict) or len(found) > PLACES_MAX:
        raise RefusedError("places: an object of at most %d paths was expected" % PLACES_MAX)
    for path, watched in found.items():
        if not path.startswith("/") or len(path) > 4096 or ".." in path.split("/") or type(watched) is not bool:
            raise RefusedError("places: absolute paths, and true or false, were expected")
    return found


def _tables(found: Dict[str, Any], name: str) -> Dict[str, Dict[str, Any]]:
    tables = found.get(name, {})
    if not isinstance(tables, dict) or len(tables) > 8:
        raise RefusedError("%s: an object was expected" % name)
    for table in tables.values():
        if not isinstance(table, dict) or len(table) > NUMBERS_MAX:
            raise RefusedError("%s: objects of at most %d were expected" % (name, NUMBERS_MAX))
    return tables


def _list(value: Any) -> List[Any]:
    if not isinstance(value, list) or len(value) > 64:
        raise RefusedError("a short list was expected")
    return value


def _small(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise RefusedError("a number was expected, of at most %d" % most)
    return value


def _key(value: str) -> int:
    if not value.isdigit() or len(value) > 9:
        raise RefusedError("the number of a call was expected")
    return int(value)


class Lines:
    """The output: lines in the order of time, written only while there is room and a reader.

    A line that was begun is always completed, even if all after it are dropped.
    """

    def __init__(self, requests: int, replies: int, until: float) -> None:
        self._requests = requests
        self._replies = replies
        self.until = until
        self._held: List[Tuple[int, bytes]] = []
        self._begun = b""  # the rest of a line that was begun

    def tell(self, at: int, kind: str, *fields: Any) -> None:
        """Queue one event, at that time in nanoseconds."""
        line = _encoded([kind, round(at / 1e9, 6), *fields]).encode("ascii")
        if len(line) <= LINE_MAX:
            self._held.append((at, line))

    def now(self, kind: str, *fields: Any) -> None:
        """Queue one event that was found by polling."""
        self.tell(time.monotonic_ns(), kind, *fields)

    def write(self, last: bool = False) -> str:
        """Write all lines; returns why to stop, or "". `last`: write the rest, whatever the input says.

        When the input ends, or the time is over, the reader still gets what there is, if it reads.
        """
        self._held.sort(key=lambda each: each[0])
        data = self._begun + b"".join(line + b"\n" for _, line in self._held)
        self._held = []
        sent, why = 0, ""
        poll = select.poll()
        poll.register(self._replies, select.POLLOUT)
        if not last:
            poll.register(self._requests, select.POLLIN)
        while sent < len(data):
            left = LAST if last or why else max(0.0, self.until - time.monotonic())
            ready = dict(poll.poll(1000 * left))
            if not ready and not last and not why:
                why = "the time is over"
            elif not ready:
                return self._give_up(data, sent, why)
            if self._requests in ready and not self.goes_on():
                why = "it was ended"
                poll.unregister(self._requests)
            if self._replies in ready:
                try:
                    sent += os.write(self._replies, data[sent : sent + select.PIPE_BUF])
                except BlockingIOError:
                    continue  # another writer to the pipe was faster
                except OSError:
                    return self._give_up(data, sent)
        self._begun = b""
        return why

    def goes_on(self) -> bool:
        """Whether the input has not ended."""
        try:
            return bool(os.read(self._requests, 4096))  # input only means that the request goes on
        except OSError:
            return False

    def _give_up(self, data: bytes, sent: int, why: str = "") -> str:
        """Drop unread lines, except a line that was begun, and queue a `lost` event with their number; returns
        `why`.
        """
        under_way = data[sent - 1 : sent] != b"\n" if sent else bool(self._begun)
        end = data.index(b"\n", sent) + 1 if under_way else sent
        self._begun = data[sent:end]
        left = data[end:].splitlines()
        if left:
            self.now("lost", sum(json.loads(line)[2] if line.startswith(b'["lost",') else 1 for line in left))
        return why or "nobody listens"
