"""What stood around a refused call, read at once: its path or address, who called, and where that led.

A process may be gone a moment later, and another text may lie at the same place of its memory; so whatever is read is
read while the records are fresh, before they are put into order. It is bounded, and so that a process which is refused
without end leaves some of it to others: paths and addresses of at most PATHS_MAX calls in a second, the rest
(`core/observation/circumstances.py` has its form) of the first refusal of each kind, and of AROUND_MAX in a second.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Dict, List, Optional, Set, Tuple

from stratascope.collector.observe.paths import BYTES_MAX, PathReader, number_of, place
from stratascope.collector.observe.walk import below
from stratascope.collector.read import TooLongError, read_file

PATHS_MAX = 200  # in a second
AROUND_MAX = 50
DESCRIBED_MAX = 4096  # of one process, that are remembered
SHARE = 2  # one process has one part of so many
SIZE_MAX = 24 << 10  # characters of one's JSON; a container names its paths
KINDS = ("path", "at", "entry", "entry-at", "fd")
GROUPS_MAX = 64
_PATH_MAX = 4096
_NO_FOLLOW = 0x100  # AT_SYMLINK_NOFOLLOW
_SECOND = 1000000000
# where struct sockaddr stands in a call's arguments, and its size
_ADDRESSED = {"bind": (1, 2), "connect": (1, 2), "sendto": (4, 5)}
# names of families, and how long their addresses are (struct sockaddr_nl, _ll, _alg, _vm, _xdp)
_FAMILIES = {16: ("netlink", 12), 17: ("packet", 20), 38: ("alg", 88), 40: ("vsock", 16), 44: ("xdp", 16)}
_LIMITS = {
    "Max cpu time": "cpu",
    "Max file size": "fsize",
    "Max data size": "data",
    "Max stack size": "stack",
    "Max core file size": "core",
    "Max resident set": "rss",
    "Max processes": "nproc",
    "Max open files": "nofile",
    "Max locked memory": "memlock",
    "Max address space": "as",
    "Max file locks": "locks",
    "Max pending signals": "sigpending",
    "Max msgqueue size": "msgqueue",
    "Max nice priority": "nice",
    "Max realtime priority": "rtprio",
    "Max realtime timeout": "rttime",
}

Wanted = Dict[str, Dict[int, Tuple[Any, ...]]]  # by entry point and number
Around = Dict[str, Any]


class Moment:
    """Of one refused call. `around`: None where that was not read."""

    __slots__ = ("address", "around", "at", "path")

    def __init__(self, path: str, at: int, address: str, around: Optional[Around]) -> None:
        self.path = path
        self.at = at  # where in its memory the path, or the address, lay; 0: nowhere
        self.address = address
        self.around = around

    def overwritten(self) -> Moment:
        """The same without what was read of its memory."""
        around = None
        if self.around is not None:
            around = {name: found for name, found in self.around.items() if name not in ("place", "address")}
        return Moment("", 0, "", around)


class Budget:
    """So many in a second, and of one process one part of SHARE."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._until = 0
        self._used: Dict[int, int] = {}

    def take(self, pid: int, now: int) -> bool:
        """Whether one more may be."""
        if now > self._until:
            self._until = now + _SECOND
            self._used.clear()
        mine = self._used.get(pid, 0)
        if mine * SHARE >= self._most or sum(self._used.values()) >= self._most:
            return False
        self._used[pid] = mine + 1
        return True


class Moments:
    """`paths`: where a call's path stands: (place, kind), or with a third, the place of its flags.

    Kinds: a "path"; one that begins "at" the open folder before it; an "entry", a name in a folder that is no link to
    be followed, also one of an open folder ("entry-at"); a file that is open ("fd").
    """

    def __init__(self, paths: Wanted, numbers: Dict[str, Dict[str, int]], counted: Dict[str, str]) -> None:
        self._paths = paths
        self._addressed = {
            abi: {table[name]: where for name, where in _ADDRESSED.items() if name in table}
            for abi, table in numbers.items()
        }
        self._counted = counted
        self._reader: Optional[PathReader] = PathReader() if paths else None
        self._budget, self._around = Budget(PATHS_MAX), Budget(AROUND_MAX)
        self._described: Dict[int, Set[Tuple[Any, ...]]] = {}
        self.elder = 0  # a process of the container that sees all its mounts

    @property
    def given_up(self) -> bool:
        """Whether nothing is read any more."""
        return self._reader is not None and self._reader.given_up

    def of(self, ids: Tuple[int, int], abi: str, number: int, errno: int, values: Tuple[int, ...], at: int,
           forks: bool) -> Optional[Moment]:  # fmt: skip
        """`ids`: process, thread. `at`: nanoseconds. None: too many."""
        pid, tid = ids
        wanted = self._paths.get(abi, {}).get(number)
        address = self._addressed.get(abi, {}).get(number)
        path, memory, data = "", 0, b""
        if (wanted is not None or address is not None) and self._reader is not None:
            if not self._budget.take(pid, at):
                return None
            if wanted is not None and len(values) > wanted[0]:
                path, memory = self._path(tid, values, *wanted[:2])
            elif address is not None and len(values) > address[1]:
                size = number_of(values[address[1]])
                memory = values[address[0]]
                if memory and size > 1:
                    data = self._reader.data(tid, values[address[0]], size)
        found = address_of(data)
        said = json.dumps(found) if found else ""
        key = (abi, number, errno, path, said)
        mine = self._described.setdefault(pid, set())
        around: Optional[Around] = None
        if key not in mine and self._around.take(pid, at):
            if len(mine) >= DESCRIBED_MAX:
                mine.clear()
            mine.add(key)
            around = who(tid)
            if found:
                around["address"] = found
            if forks:
                around["forked_in_vain"] = self._in_vain()
            if wanted is not None and self._reader is not None:
                around["place"] = self._place(tid, path, values, wanted)
            around = bounded(around)
        return Moment(path, memory, said, around)

    def ran(self, pid: int) -> Optional[Around]:
        """Who it is, and the file that it runs."""
        if self._reader is None:
            return None
        there = self._reader.opened(pid, "exe", self.elder)
        if there is None:
            return None
        return bounded(dict(who(pid), place=there))

    def over(self, pid: int) -> None:
        """A process has ended."""
        self._described.pop(pid, None)

    def close(self) -> None:
        """Its child."""
        if self._reader is not None:
            self._reader.close()

    # -- inside

    def _path(self, tid: int, values: Tuple[int, ...], where: int, kind: str) -> Tuple[str, int]:
        if kind == "fd":
            number = number_of(values[where])
            return (below(tid, place(tid, values[where])) if number >= 0 else ""), 0
        assert self._reader is not None
        text = self._reader.text(tid, values[where])
        if text and not text.startswith("/"):
            base = below(tid, place(tid, values[where - 1] if kind.endswith("at") else None))
            text = base.rstrip("/") + "/" + text if base.startswith("/") else text
        return text[:_PATH_MAX], values[where]

    def _place(self, tid: int, path: str, values: Tuple[int, ...], wanted: Tuple[Any, ...]) -> Optional[Around]:
        assert self._reader is not None
        where, kind = wanted[:2]
        if kind == "fd":
            number = number_of(values[where])
            return self._reader.opened(tid, "fd/%d" % number, self.elder) if number >= 0 else None
        if not path:  # an empty one is the open folder itself (AT_EMPTY_PATH)
            number = number_of(values[where - 1]) if kind.endswith("at") else -1
            return self._reader.opened(tid, "fd/%d" % number, self.elder) if number >= 0 else None
        follows = not kind.startswith("entry")
        if len(wanted) > 2 and len(values) > wanted[2] and values[wanted[2]] & _NO_FOLLOW:
            follows = False
        return self._reader.led(tid, path, follows, self.elder) if path.startswith("/") else None

    def _in_vain(self) -> Optional[int]:
        for folder in self._counted.values():
            try:
                word = read_file(folder + "/pids.events").partition("max ")[2].split("\n", 1)[0]
            except (OSError, TooLongError):
                continue
            if word.strip().isdigit():
                return int(word)
        return None


def who(tid: int) -> Around:
    """As whom a thread works, what it may, and what limits it; nothing where it is gone."""
    found: Around = {"tid": tid}
    try:
        status = read_file("/proc/%d/status" % tid)
        line = {name: text.strip() for name, _, text in (each.partition(":") for each in status.split("\n"))}
        users, groups = line["Uid"].split(), line["Gid"].split()  # real, effective, saved, of files
        found["ids"] = [int(users[1]), int(groups[1]), int(users[3]), int(groups[3])]
        found["groups"] = list(map(int, line["Groups"].split()[:GROUPS_MAX]))
        found["effective"], found["permitted"] = line["CapEff"], line["CapPrm"]
        found["bounding"] = line["CapBnd"]
        if "NStgid" in line:
            found["inside"] = int(line["NStgid"].split()[-1])
        if "NoNewPrivs" in line:
            found["no_new_privs"] = int(line["NoNewPrivs"])
        found["limits"] = limits(read_file("/proc/%d/limits" % tid))
    except (OSError, TooLongError, KeyError, IndexError, ValueError):
        pass
    return found


def limits(text: str) -> Dict[str, int]:
    """Soft limits by their names in `--ulimit`, of /proc/PID/limits; those without one are left out."""
    found: Dict[str, int] = {}
    for line in text.split("\n")[1:]:
        name = _LIMITS.get(line[:25].strip())
        word = line[26:].split(None, 1)[:1]
        if name is not None and word and word[0].isdigit():
            found[name] = int(word[0])
    return found


def address_of(data: bytes) -> Optional[List[Any]]:
    """Family, text, port of a struct sockaddr; None where it is none that is known, or not of its length: memory of a
    stack may hold something else a moment later."""
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
    """The same, without what a container made too long."""
    for name in ("place", "address"):
        if len(json.dumps(around)) > SIZE_MAX:
            around.pop(name, None)
    return around
