"""The last refusals of one container, collected from the observer's events and grouped; bounded for any input.

Refusals are similar if the same program was refused the same call in the same way on the same path, ignoring digits;
many names that would have been created in one folder are grouped too. A refusal whose path or address could not be read
joins the last similar one where it is known. A refusal just before a process died is marked as its possible cause.

A line of the kernel's log comes slightly before or after, and identifies the process, not the call: it is attached to
all refusals of that process at that time, and each layer selects the one that fits. If a filter killed a process for a
call that was not seen, the log line names the call.

Requests over netlink (addresses, routes, the firewall) are refused in the kernel's reply, while the call that sends
them succeeds: there the capability check itself is the refusal.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.observation.events import (
    CapabilityCheck,
    Check,
    Circumstances,
    Event,
    Exit,
    Failed,
    Log,
    Masked,
    NotGained,
    OutOfMemory,
    Process,
    Signal,
)
from stratascope.core.observation.fold import Program, decisive, is_refused_request
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.refusals.tried import MAKES, Use, uses
from stratascope.linux.audit import FilterKill, parse_record
from stratascope.linux.capability import name_of
from stratascope.linux.syscalls import call_name
from stratascope.value import Value, replace

NAMES = 3  # so many names in one folder are grouped
_BY_WHAT_THEY_ARE = frozenset(("mknod", "mknodat", "bind"))
_MOST = 4096


def folder_of(attempt: Attempt) -> str:
    """The folder in which it would have created something; empty: it tried something else, or not known."""
    path = attempt.path.rstrip("/")
    made = attempt.name in MAKES or (uses(attempt) == (Use.NAMES,) and attempt.name.startswith(("open", "creat")))
    if not (attempt.entered and made and path.startswith("/")) or attempt.name in _BY_WHAT_THEY_ARE:
        return ""
    return posixpath.dirname(path)


class SameFolder:
    """Groups refusals in one folder: the keys so far, or the common key that replaces them."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._together: dict[str, str] = {}  # key -> its common key

    def now(self, key: str) -> str:
        """The key under which a refusal is counted: the common one if it is grouped."""
        return self._together.get(key, key)

    def join(self, key: str, common: str) -> tuple[str, ...]:
        """Add a key to the group `common`. Returns the keys that now move to it; none while there are too few."""
        known = self._keys.setdefault(common, [])
        if key in known:
            return ()
        if len(known) >= NAMES:
            self._remember(key, common)
            return (key,)
        known.append(key)
        if len(self._keys) > _MOST:
            del self._keys[next(iter(self._keys))]
        if len(known) < NAMES:
            return ()
        for each in known:
            self._remember(each, common)
        return tuple(known)

    def _remember(self, key: str, common: str) -> None:
        if len(self._together) >= _MOST:
            del self._together[next(iter(self._together))]
        self._together[key] = common


KINDS_MOST = 500  # entries kept; the oldest is dropped first, and counted
LAST_MOST = 8  # last refusals kept per process, as possible causes of its death
DIED = 2.0  # seconds: a refusal this shortly before a process's end may be its cause
WENT_ON = 0.1  # seconds after which a process counts as having continued: one that gives up ends sooner
LATE = 3.0  # seconds: longest distance of a log line from its refusal
LINES_MOST = 8
_PROCESSES_MOST = 4096
_COUNT_MOST = 1 << 53
_NUMBERS = re.compile(r"[0-9]+")
_SIGSYS, _SIGXFSZ = 31, 25
_SENT = (None, 0, 1, 2, 3, 9, 15)  # a requested end: SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGTERM
_SECCOMP = 1  # SYS_SECCOMP, siginfo's si_code
# Arguments that distinguish refusals of a call. Registers beyond a call's last argument hold arbitrary values.
_TELLING = {
    "clone": (0,),
    "ioctl": (1,),
    "personality": (0,),
    "prctl": (0, 1),
    "setns": (1,),
    "socket": (0, 1, 2),
    "unshare": (0,),
}
_POINTER = 4096  # prctl's second argument may be a pointer, which differs each time
_Kind = tuple[int, str, int, int, bool, str]


class RefusalEntry(Value):
    """One refusal, or several similar ones. `at`, `last`: on the observer's clock. `ended`: a process died right after
    it. `survived`: a process ended normally, or continued for a while. `session`: in a process started from outside
    (exec). `many`: for several names in one folder, of which the last one is given.
    """

    key: str
    attempt: Attempt
    at: float
    last: float
    count: int
    pid: int
    ended: bool = False
    survived: bool = False
    session: bool = False
    many: bool = False


class RefusalRing:
    """Collects refusals from events, each fed with its process; None: it runs no program of the container."""

    def __init__(self) -> None:
        self._entries: dict[str, RefusalEntry] = {}
        self._of: dict[int, dict[str, float]] = {}  # by process: keys of its last refusals, and their times
        self._over: set[int] = set()  # the processes in `_of` that have ended
        self._latest = 0.0
        self._ended: dict[int, Program] = {}  # kept since a masked path is reported late: its process may have ended
        self._lines: dict[int, list[Log]] = {}  # by process: its last log lines, for refusals still to come
        self._kinds: dict[_Kind, str] = {}  # the observer's identity of a kind of refusal -> its key here
        self._about: dict[str, str] = {}  # key without path and address -> the last key that has one
        self._folders = SameFolder()
        self.forgotten = 0  # number of entries dropped

    def feed(self, event: Event, process: Program | None) -> None:
        """Process the next event."""
        self._latest = max(self._latest, event.at)
        match event:
            case Exit():
                self._exit(event)
                if process is not None:
                    if len(self._ended) >= _PROCESSES_MOST:
                        del self._ended[next(iter(self._ended))]
                    self._ended[event.pid] = process
            case Log():
                self._logged(event)
            case Process() if event.how == "fork":
                for known in (self._of, self._lines, self._ended):
                    known.pop(event.pid, None)
                self._over.discard(event.pid)
            case _:
                if process is None and isinstance(event, Masked):
                    process = self._ended.get(event.pid)
                if process is None:
                    return
                attempt = _attempt(event, process.name)
                if attempt is not None:
                    self._add(event, getattr(event, "pid", 0), process, attempt, getattr(event, "count", 1))

    def entries(self) -> tuple[RefusalEntry, ...]:
        """The entries, oldest first."""
        going_on = {
            self._folders.now(key)
            for pid, last in self._of.items()
            if pid not in self._over
            for key, at in last.items()
            if self._latest - at > WENT_ON
        }
        return tuple(
            replace(entry, survived=True) if entry.key in going_on and not entry.survived else entry
            for entry in self._entries.values()
        )

    # -- inside

    def _add(self, event: Event, pid: int, process: Program, attempt: Attempt, count: int) -> None:
        key = self._known(event, attempt) if isinstance(event, Failed) else _key(attempt)
        if key not in self._entries:
            key = self._joined(key, attempt)
        key = self._in_folder(key, attempt)
        self._put(RefusalEntry(key, attempt, event.at, event.at, count, pid, session=process.session))
        if pid not in self._of and len(self._of) >= _PROCESSES_MOST:
            oldest = next(iter(self._of))
            del self._of[oldest]
            self._over.discard(oldest)
        last = self._of.setdefault(pid, {})
        last.pop(key, None)
        last[key] = event.at
        if len(last) > LAST_MOST:
            del last[next(iter(last))]
        for line in self._lines.get(pid, ()):
            self._attach_line(pid, line)

    def _joined(self, key: str, attempt: Attempt) -> str:
        """The key to count it under: a refusal without path joins the last similar one, and one with a path takes over
        those without.
        """
        bare = "\0".join((*_key_without_object(attempt), "", ""))
        if key == bare:
            known = self._folders.now(self._about.get(bare, ""))
            return known if known in self._entries else key
        if len(self._about) >= _PROCESSES_MOST:
            del self._about[next(iter(self._about))]
        self._about[bare] = key
        before = self._entries.get(bare)
        if before is not None:
            self._move(before, replace(before, key=key, attempt=attempt))
        return key

    def _in_folder(self, key: str, attempt: Attempt) -> str:
        """The key to count it under: the folder's common one, once it has many names."""
        folder = folder_of(attempt)
        if folder:
            common = "\0".join((*_key_without_object(attempt), folder, "*"))
            for each in self._folders.join(key, common):
                before = self._entries.get(each)
                if before is not None:
                    self._move(before, replace(before, key=common, many=True))
        return self._folders.now(key)

    def _move(self, before: RefusalEntry, after: RefusalEntry) -> None:
        """Move an entry to another key, merging it with the entry already there."""
        del self._entries[before.key]
        self._put(after)
        last = self._of.get(before.pid, {})
        if before.key in last:
            last[after.key] = last.pop(before.key)

    def _put(self, new: RefusalEntry) -> None:
        """Add an entry, merging it with the one of the same key."""
        old = self._entries.pop(new.key, None)
        if old is None:
            entry = new
        else:
            attempt = new.attempt
            less = attempt.around == Circumstances() or (_about(old.attempt) and not _about(attempt))
            kept = old.attempt if less else replace(attempt, lines=old.attempt.lines)
            count = min(old.count + new.count, _COUNT_MOST)
            entry = replace(
                old,
                attempt=kept,
                last=new.last,
                count=count,
                pid=new.pid,
                ended=old.ended or new.ended,
                survived=old.survived or new.survived,
                session=old.session or new.session,
            )
        self._entries[new.key] = entry
        if len(self._entries) > KINDS_MOST:
            del self._entries[next(iter(self._entries))]
            self.forgotten += 1

    def _known(self, event: Failed, attempt: Attempt) -> str:
        """Its key. Repetitions come without circumstances, so their key is looked up by the observer's identity."""
        kind = event.pid, event.abi, event.number, event.errno, event.entered, event.path
        if event.around == Circumstances():
            return self._kinds.get(kind) or _key(attempt)
        if len(self._kinds) >= _PROCESSES_MOST:
            del self._kinds[next(iter(self._kinds))]
        self._kinds[kind] = key = _key(attempt)
        return key

    def _logged(self, event: Log) -> None:
        if event.pid not in self._lines and len(self._lines) >= _PROCESSES_MOST:
            del self._lines[next(iter(self._lines))]
        lines = self._lines.setdefault(event.pid, [])
        lines.append(event)
        del lines[:-LINES_MOST]
        self._attach_line(event.pid, event)

    def _attach_line(self, pid: int, line: Log) -> None:
        """Attach a log line to all refusals of the process at that time."""
        record = parse_record(line.text)
        killed = isinstance(record, FilterKill) and record.signal == _SIGSYS
        for kept, at in tuple(self._of.get(pid, {}).items()):
            key = self._folders.now(kept)
            entry = self._entries.get(key)
            if entry is None or abs(line.at - at) > LATE or (entry.attempt.kind is AttemptKind.KILLED) != killed:
                continue
            attempt = entry.attempt
            if line.text not in attempt.lines and len(attempt.lines) < LINES_MOST:
                attempt = replace(attempt, lines=(*attempt.lines, line.text))
            if isinstance(record, FilterKill) and record.name and not attempt.name:
                # the log names the call: the refusal is similar to others of that call
                named = replace(attempt, abi=record.abi, name=record.name)
                del self._entries[key], self._of[pid][kept]
                entry = replace(entry, key=_key(named), attempt=named)
                self._put(entry)
                self._of[pid][entry.key] = at
            else:
                self._entries[key] = replace(entry, attempt=attempt)

    def _exit(self, event: Exit) -> None:
        last = self._of.get(event.pid, {})  # kept: the kernel's log lines may come after its end
        if last:
            self._over.add(event.pid)
        for kept, at in last.items():
            key = self._folders.now(kept)
            entry = self._entries.get(key)
            if entry is None:
                continue
            failed = event.code or event.signal not in _SENT or entry.attempt.kind is AttemptKind.OUT_OF_MEMORY
            gave_up = bool(failed and event.at - at <= DIED)
            ended = entry.ended or gave_up
            survived = entry.survived or event.code == 0 or (event.at - at > WENT_ON and not gave_up)
            self._entries[key] = replace(entry, ended=ended, survived=survived)


def _attempt(event: Event, process: str) -> Attempt | None:
    match event:
        case Failed():
            return attempt_of(event, process)
        case Check() if is_refused_request(event):
            return _request_of(event, process)
        case Masked():
            return Attempt(AttemptKind.MASKED, process, path=event.path, around=event.around)
        case NotGained():
            return Attempt(AttemptKind.NOT_GAINED, process, path=event.program, around=event.around)
        case Signal(number=number) if number == _SIGSYS and event.code == _SECCOMP:
            name = "" if event.call is None else call_name(event.abi, event.call)
            return Attempt(AttemptKind.KILLED, process, event.abi, name, entered=False, values=event.values)
        case Signal(number=number) if number == _SIGXFSZ:
            return Attempt(AttemptKind.TOO_LARGE, process)
        case OutOfMemory():
            return Attempt(AttemptKind.OUT_OF_MEMORY, process)
    return None


def attempt_of(event: Failed, process: str) -> Attempt:
    """Build an attempt from a refused call."""
    around = event.around
    lacked = sorted({name_of(each.capability) for each in decisive(around.checks or ())})
    return Attempt(
        AttemptKind.CALL,
        process,
        event.abi,
        call_name(event.abi, event.number),
        event.errno,
        event.entered,
        event.values,
        event.path,
        tuple(lacked) if event.entered else (),
        around,
    )


def _request_of(event: Check, process: str) -> Attempt:
    """Build an attempt from a refused netlink request: its call succeeded, its reply says EPERM."""
    around = Circumstances(checks=(CapabilityCheck(event.capability, event.answer, event.initial, event.frames),))
    name = "" if event.call is None else call_name(event.abi, event.call)
    lacked = (name_of(event.capability),)
    return Attempt(AttemptKind.REQUEST, process, event.abi, name, -event.answer, lacked=lacked, around=around)


def _key(attempt: Attempt) -> str:
    return "\0".join((*_key_without_object(attempt), *(_about(attempt) or ("", ""))))


def _key_without_object(attempt: Attempt) -> tuple[str, ...]:
    """The part of the key without path and address."""
    telling = [attempt.values[place] for place in _TELLING.get(attempt.name, ()) if place < len(attempt.values)]
    if attempt.name == "prctl":
        telling = [value if value < _POINTER else 0 for value in telling]
    return (
        *(attempt.kind.value, attempt.process, attempt.abi, attempt.name, str(attempt.errno), str(attempt.entered)),
        ",".join(attempt.lacked),
        ",".join(map(str, telling)),
    )


def _about(attempt: Attempt) -> tuple[str, str] | None:
    """The path, with digits replaced, and the address; None: neither is known."""
    address = attempt.around.address
    if not attempt.path and address is None:
        return None
    text = "" if address is None else f"{address.family} {address.text} {address.port}"
    return _NUMBERS.sub("#", attempt.path), text
