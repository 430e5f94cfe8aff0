"""The context of a refused call, read at once: its path or address, the caller, and where the path led.

A process may be gone a moment later, or another text may be at the same address, so everything is read while the
records are fresh, before they are sorted. Reads are bounded so that a process refused without end leaves some to
others: paths and addresses of at most PATHS_MAX calls per second; the rest (`core/observation/events.py` has its form)
of the first refusal of each kind, and of AROUND_MAX per second.

Most processes that are refused something end at once, so the surest source counts first: the stack as the kernel copied
it at that moment; then memory, unless something suggests that it was used again; and for a process that has ended, in
`late`, the file that the text is in, what is known of the process since it began, and the path walk of another process
with the same root directory.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from stratascope.collector.observe.credentials import Around, Held, described, read_held
from stratascope.collector.observe.memory import NONE, FileOffset, Stack
from stratascope.collector.observe.paths import BYTES_MAX, HERE, PathReader, below, number_of, place
from stratascope.collector.read import TooLongError, read_file

PATHS_MAX = 200  # per second
AROUND_MAX = 100
LATE_MAX = 100  # texts read from files
_TOUCHED = 20000000  # nanoseconds by which a file's ctime may be late
DESCRIBED_MAX = 4096  # kinds remembered per process
IN_VAIN_MAX = 3  # times that one kind is read again because its memory may have been overwritten
SHARE = 2  # one process gets at most 1/SHARE
SIZE_MAX = 24 << 10  # characters of one context's JSON; a container chooses its paths
KINDS = ("path", "at", "entry", "entry-at", "fd")
_PATH_MAX = 4096
_NO_FOLLOW = 0x100  # AT_SYMLINK_NOFOLLOW
_SECOND = 1000000000
# the index of struct sockaddr in a call's arguments, and of its size
ADDRESSED = {"bind": (1, 2), "connect": (1, 2), "sendto": (4, 5)}
# the index of a second path, which the call's answer may be about
SECOND_PATHS = {"rename": (1, "entry"), "renameat": (3, "entry-at"), "renameat2": (3, "entry-at"), "link": (1, "entry"),
           "linkat": (3, "entry-at"), "pivot_root": (1, "path"), "move_mount": (1, "at")}  # fmt: skip
# names of address families, and the lengths of their addresses (struct sockaddr_nl, _ll, _alg, _vm, _xdp)
_FAMILIES = {16: ("netlink", 12), 17: ("packet", 20), 38: ("alg", 88), 40: ("vsock", 16), 44: ("xdp", 16)}
Numbers = Dict[str, Dict[str, int]]
Wanted = Dict[str, Dict[int, Tuple[Any, ...]]]  # by entry point and number


class RefusedSyscall(NamedTuple):
    """A refused call. `at`: nanoseconds; `answer`: the error."""

    pid: int
    tid: int
    abi: str
    number: int
    errno: int
    values: Tuple[int, ...]
    at: int


class Moment:
    """The context of one refused call. `around`: None if it was not read."""

    __slots__ = ("address", "around", "at", "key", "path", "relative")

    def __init__(self, path: str, at: int, address: str, around: Optional[Around], key: Tuple[Any, ...] = ()) -> None:
        self.path = path
        self.at = at  # the address that its text was read from; 0: nothing was read
        self.address = address
        self.around = around
        self.key = key  # identifies the kind that it describes
        self.relative = ""  # as it was named, where it begins at the working directory

    def overwritten(self) -> Moment:
        """Return it without what was read from memory."""
        around = None
        if self.around is not None:
            around = {name: found for name, found in self.around.items() if name not in ("place", "other", "address")}
        return Moment("", self.at, "", around)

    def another(self) -> None:
        """Drop the identity: it may not be the caller's."""
        if self.around is not None:
            kept = ("tid", "place", "other", "address", "forked_in_vain")
            self.around = {name: found for name, found in self.around.items() if name in kept}


class Budget:
    """An allowance per second, of which one process gets at most 1/SHARE."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until = 0
        self._used: Dict[int, int] = {}

    def take(self, pid: int, now: int) -> bool:
        """Take one; whether the allowance permits it."""
        if now > self._until:
            self._until = now + _SECOND
            self._used.clear()
        mine = self._used.get(pid, 0)
        if mine * SHARE >= self._most or sum(self._used.values()) >= self._most:
            return False
        self._used[pid] = mine + 1
        return True


class Moments:
    """Reads contexts. `paths`: where a call's path is: (place, kind), or with a third, the place of its flags.

    Kinds: a "path"; one that begins "at" the open directory before it; an "entry", a name in a directory whose last
    link is not followed, also relative to an open directory ("entry-at"); an open file ("fd").
    """

    def __init__(self, paths: Wanted, numbers: Numbers, counted: Dict[str, str]) -> None:
        self._paths = paths
        self._addressed = _by_number(ADDRESSED, numbers)
        self._others = _by_number(SECOND_PATHS, numbers)
        self._counted = counted
        self._reader: Optional[PathReader] = PathReader() if paths else None
        self._budget, self._around, self._late = Budget(PATHS_MAX), Budget(AROUND_MAX), Budget(LATE_MAX)
        self._described: Dict[int, Set[Tuple[Any, ...]]] = {}
        self._in_vain: Dict[int, Dict[Tuple[Any, ...], int]] = {}
        self.elder = 0  # a process of the container that sees all its mounts
        self._view: Tuple[int, Tuple[str, str]] = (0, ("", ""))  # the elder's mount namespace and root directory

    @property
    def given_up(self) -> bool:
        """Whether reading was given up."""
        return self._reader is not None and self._reader.given_up

    def of(self, call: RefusedSyscall, taken: Callable[[], Stack], forks: bool) -> Optional[Moment]:
        """Read at once. `taken`: returns its stack; `forks`: the call creates a process. None: over the allowance."""
        pid, tid, abi, number, errno, values, at = call
        wanted = self._paths.get(abi, {}).get(number)
        address = self._addressed.get(abi, {}).get(number)
        path, memory, data, stack = "", 0, b"", NONE
        if (wanted is not None or address is not None) and self._reader is not None:
            if not self._budget.take(pid, at):
                return None
            stack = taken()
            if wanted is not None and len(values) > wanted[0]:
                path, memory = self._path(tid, values, wanted, stack)
            elif address is not None and len(values) > address[1]:
                size = number_of(values[address[1]])
                there = stack.data(values[address[0]], min(size, BYTES_MAX)) if size > 1 else b""
                if there is None:
                    memory = values[address[0]]
                    there = self._reader.data(tid, memory, size) if memory else b""
                data = there
        found = address_of(data)
        context = json.dumps(found) if found else ""
        key = (abi, number, errno, path or memory, context)
        mine = self._described.setdefault(pid, set())
        around: Optional[Around] = None
        if key not in mine and self._around.take(pid, at):
            if len(mine) >= DESCRIBED_MAX:
                mine.clear()
                self._in_vain.pop(pid, None)
            mine.add(key)
            around = described(tid)
            if found:
                around["address"] = found
            if forks:
                around["forked_in_vain"] = self._forked_in_vain()
            if wanted is not None and self._reader is not None:
                around["place"] = self._place(tid, path, values, wanted)
                self._second(around, call, stack)
            around = bounded(around)
        moment = Moment(path, memory, context, around, key)
        if wanted is not None and path:
            moment.relative = self._relative(values, wanted, stack)
        return moment

    def late(
        self,
        call: RefusedSyscall,
        moment: Moment,
        lies: Optional[FileOffset],
        held: Optional[Held],
        parent: int,
        folder: str = "",
    ) -> None:
        """Add what could not be read at once. `lies`: the file that its path is in; `held`: what its process had;
        `folder`: its working directory, "" if not known.
        """
        if moment.relative and folder and moment.path != joined(folder, moment.relative):
            moment.path = joined(folder, moment.relative)  # it may be elsewhere by now, or have ended
            if moment.around is not None:
                moment.around.pop("place", None)
        wanted = self._paths.get(call.abi, {}).get(call.number)
        if wanted is None or self._reader is None:
            if held is not None and moment.around is not None:
                moment.around = {**held.around, **moment.around}
            return
        guide = self.elder or parent
        if not moment.path and lies is not None and guide and self._late.take(call.pid, call.at):
            before = call.at + time.time_ns() - time.monotonic_ns() - _TOUCHED
            text, ended, _ = self._reader.content(guide, lies, before).partition(b"\0")
            if ended:
                moment.path = self._whole(call.tid, text.decode("utf-8", "surrogateescape"), call.values, wanted)
        around = moment.around
        if around is None:
            return
        if held is not None:
            around = {**held.around, **around}
        if moment.path.startswith("/") and around.get("place") is None and (held is None or self._sees(guide, held)):
            around["place"] = self._reader.led(0, moment.path, _follows(call.values, wanted), guide)
            around["presumed"] = int(held is None)
        moment.around = bounded(around)

    def gives(self, held: Held, program: str, parent: int) -> bool:
        """Whether an executed file may give rights to a process that had `held`."""
        guide = self.elder or parent
        if self._reader is None or not program.startswith("/") or not self._sees(guide, held):
            return True
        node = (self._reader.led(0, program, True, guide) or {}).get("node")
        return not node or node[0] != "file" or bool(node[1] & (stat.S_ISUID | stat.S_ISGID)) or bool(node[5])

    def leads(self, pid: int, path: str) -> str:
        """Where an absolute path leads, as that process sees it, or the elder does if it has ended; "" if unknown."""
        if self._reader is None:
            return ""
        alive = pid if os.path.exists("/proc/%d/root/" % pid) else 0
        found = self._reader.led(alive, path, True, self.elder) if alive or self.elder else None
        return "" if found is None or found["node"] is None else found["path"]

    def as_before(self, pid: int, held: Held, program: str, parent: int) -> Optional[Around]:
        """A process's context at exec, from what it had before and the file that it executed."""
        guide = self.elder or parent
        if self._reader is None or not program.startswith("/") or not self._sees(guide, held):
            return None
        there = self._reader.led(0, program, True, guide)
        return None if there is None else bounded({"tid": pid, **held.around, "place": there})

    def ran(self, pid: int) -> Tuple[Optional[Held], Optional[Around]]:
        """A process's credentials; and its context with the file that it runs, as reported."""
        held = read_held(pid)
        if self._reader is None or held is None:
            return held, None
        there = self._reader.opened(pid, "exe", self.elder)
        return held, None if there is None else bounded({"tid": pid, **held.around, "place": there})

    def overwritten(self, pid: int, moment: Moment) -> Moment:
        """Return it without what was read from memory, so that the next one of its kind is read."""
        if moment.around is not None:
            times = self._in_vain.setdefault(pid, {})
            times[moment.key] = times.get(moment.key, 0) + 1
            if times[moment.key] <= IN_VAIN_MAX:
                self._described.get(pid, set()).discard(moment.key)
        return moment.overwritten()

    def process_ended(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._described.pop(pid, None)
        self._in_vain.pop(pid, None)

    def close(self) -> None:
        """End its child."""
        if self._reader is not None:
            self._reader.close()

    # -- inside

    def _sees(self, guide: int, held: Optional[Held]) -> bool:
        """Whether the guide resolves every path as a process that had `held` does."""
        if not guide or held is None:
            return False
        if self._view[0] != guide:
            found = read_held(guide)
            self._view = guide, ("", "") if found is None else found.view
        return self._view[1] == held.view

    def _path(self, tid: int, values: Tuple[int, ...], wanted: Tuple[Any, ...], stack: Stack) -> Tuple[str, int]:
        where, kind = wanted[:2]
        if kind == "fd":
            number = number_of(values[where])
            return (below(tid, place(tid, values[where])) if number >= 0 else ""), 0
        assert self._reader is not None
        found = stack.text(values[where])
        if found is not None:
            return self._whole(tid, found.decode("utf-8", "surrogateescape"), values, wanted), 0
        text = self._reader.text(tid, values[where])
        # unprintable text may be something that was written there since
        return self._whole(tid, text, values, wanted) if text.isprintable() else "", values[where]

    def _whole(self, tid: int, text: str, values: Tuple[int, ...], wanted: Tuple[Any, ...]) -> str:
        """Make the path absolute, if its base is known."""
        where, kind = wanted[:2]
        if text and not text.startswith("/"):
            base = below(tid, place(tid, values[where - 1] if kind.endswith("at") else None))
            text = base.rstrip("/") + "/" + text if base.startswith("/") else text
        return text[:_PATH_MAX]

    def _relative(self, values: Tuple[int, ...], wanted: Tuple[Any, ...], stack: Stack) -> str:
        """The text of a path that begins at the working directory; "" for others."""
        where, kind = wanted[:2]
        if kind == "fd" or (kind.endswith("at") and number_of(values[where - 1]) != HERE):
            return ""
        text = (stack.text(values[where]) or b"/").decode("utf-8", "surrogateescape")
        return "" if text.startswith("/") else text

    def _second(self, around: Around, call: RefusedSyscall, stack: Stack) -> None:
        wanted = self._others.get(call.abi, {}).get(call.number)
        if wanted is not None and len(call.values) > wanted[0]:
            path, _ = self._path(call.tid, call.values, wanted, stack)
            if path.startswith("/"):
                around["other"] = self._place(call.tid, path, call.values, wanted)

    def _place(self, tid: int, path: str, values: Tuple[int, ...], wanted: Tuple[Any, ...]) -> Optional[Around]:
        assert self._reader is not None
        where, kind = wanted[:2]
        if kind == "fd":
            number = number_of(values[where])
            return self._reader.opened(tid, "fd/%d" % number, self.elder) if number >= 0 else None
        if not path:  # an empty path is the open directory itself (AT_EMPTY_PATH)
            number = number_of(values[where - 1]) if kind.endswith("at") else -1
            return self._reader.opened(tid, "fd/%d" % number, self.elder) if number >= 0 else None
        return self._reader.led(tid, path, _follows(values, wanted), self.elder) if path.startswith("/") else None

    def _forked_in_vain(self) -> Optional[int]:
        for folder in self._counted.values():
            try:
                word = read_file(folder + "/pids.events").partition("max ")[2].split("\n", 1)[0]
            except (OSError, TooLongError):
                continue
            if word.strip().isdigit():
                return int(word)
        return None


def joined(folder: str, path: str) -> str:
    """A path that begins at a folder; "" if neither is absolute, or it is too long."""
    if path.startswith("/"):
        return path[:_PATH_MAX]
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    whole = folder.rstrip("/") + "/" + path if path not in ("", ".") else folder
    return whole if folder.startswith("/") and len(whole) < _PATH_MAX else ""


def _follows(values: Tuple[int, ...], wanted: Tuple[Any, ...]) -> bool:
    """Whether a link at the end of the path is followed."""
    if wanted[1].startswith("entry"):
        return False
    return not (len(wanted) > 2 and len(values) > wanted[2] and values[wanted[2]] & _NO_FOLLOW)


def _by_number(names: Dict[str, Tuple[Any, ...]], numbers: Numbers) -> Wanted:
    return {abi: {table[name]: names[name] for name in names if name in table} for abi, table in numbers.items()}


def address_of(data: bytes) -> Optional[List[Any]]:
    """Decode a struct sockaddr into family, text, port; None if the family is unknown or the length wrong: stack memory
    may hold something else a moment later.
    """
    if len(data) < 2:
        return None
    (family,) = struct.unpack_from("=H", data)
    if family == socket.AF_UNIX:
        path = data[2:110]
        text = "@" + path[1:].decode("utf-8", "surrogateescape") if path[:1] == b"\0" else ""
        return ["unix", text or path.split(b"\0")[0].decode("utf-8", "surrogateescape"), 0]
    if family == socket.AF_INET and len(data) == 16:
        return ["inet", socket.inet_ntop(socket.AF_INET, data[4:8]), struct.unpack_from("!H", data, 2)[0]]
    if family == socket.AF_INET6 and len(data) in (24, 28):
        return ["inet6", socket.inet_ntop(socket.AF_INET6, data[8:24]), struct.unpack_from("!H", data, 2)[0]]
    name, least = _FAMILIES.get(family, (str(family), BYTES_MAX))
    if len(data) < least:
        return None
    if name == "vsock":
        port, cid = struct.unpack_from("=II", data, 4)
        return [name, str(cid), port]
    return [name, "", 0]


def bounded(around: Around) -> Around:
    """Remove the parts that a container made too long."""
    for name in ("place", "other", "address"):
        if len(json.dumps(around)) > SIZE_MAX:
            around.pop(name, None)
    return around
