"""Readings of a process that need privileges, on request only: seccomp filters, namespace owners, id maps of mounts.

`seccomp:*` gives `seccomp:0` (the oldest), `seccomp:1` …, or one gap under its own name. `owner:net` is the user
namespace that owns the process's network namespace (ioctl_ns(2), NS_GET_USERNS). `netns:…` is a setting below /proc/sys
that belongs to a network namespace: /proc shows the reader's, so a child joins the process's and reads it there.
`root:…` is about its root directory (`root_files`, `special_files`, `giving_programs`, `reach`), `environ:…` about its
environment (`variables`), for readers that may trace it.

`mnt:…` are the id maps of its mounts; mountinfo only marks a mount as `idmapped` (mount_setattr(2)). statmount(2)
reports them since Linux 6.15, in the reader's ids, to a caller with CAP_SYS_ADMIN over the mount namespace. It uses
mount ids of its own, so listmount(2) lists those first. Neither resolves a path or calls into a file system.

Who is not root may read most of it of containers in a user namespace that is their own, as a rootless engine's is:
whoever made one holds every capability in it (user_namespaces(7)). A child joins it where reading takes that, for a
network namespace's setting and for files that are closed to all but their owner.

Everything except owners and mounts is read by short-lived children, one per process, because a stopped target may never
answer: each child has a time limit, and so has the request as a whole; what was not read in it has the errno ETIMEDOUT,
as a busy machine may answer later. A child that can't even be killed, because it waits for somebody's FUSE, is
abandoned; it ends when the FUSE does, and until then no other is started for that process. Nothing here ever writes.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from errno import ETIMEDOUT
from typing import Any, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from stratascope.collector import children
from stratascope.collector.chroot import files_of
from stratascope.collector.entering import join_own
from stratascope.collector.filters import NoFiltersError, needless, read_filters, why_not
from stratascope.collector.giving_programs import WAIT, read_programs
from stratascope.collector.names import (
    DEVICES,
    FIREWALL,
    GIVING_PROGRAMS,
    IDMAPS,
    OWNER,
    PORT_START,
    PORTS,
    REACH,
    SECCOMP,
    SPECIAL,
    TRIED,
    VARIABLES,
)
from stratascope.collector.read import (
    CHUNK,
    CLONE_NEWNET,
    DENIED,
    GONE,
    UNSUPPORTED,
    Entry,
    TooLongError,
    ended,
    entry,
    failed,
    failure,
    join,
    open_process,
    process_kind,
    read_file,
    start_of,
)
from stratascope.collector.root_files import read_devices
from stratascope.collector.special_files import prepare, read_special

MOUNTS_MAX = 4096  # mounts examined; those beyond are not reported

# include/uapi/linux/nsfs.h: _IOR(0xb7, 5, __u64), since Linux 6.11
_NS_GET_MNTNS_ID = 0x8008B705
_ELSEWHERE = ("alpha", "mips", "parisc", "ppc", "sparc")  # _IOR and some call numbers differ on these
# include/uapi/linux/mount.h
_STATMOUNT, _LISTMOUNT = 457, 458
_REQUEST = struct.Struct("=IIQQQ")  # struct mnt_id_req: size, 0, mount, request mask or last id, mount namespace
_ALL = 0xFFFFFFFFFFFFFFFF  # LSMT_ROOT
_BASIC, _UIDS, _GIDS = 0x2, 0x2000, 0x4000  # STATMOUNT_MNT_BASIC, _MNT_UIDMAP, _MNT_GIDMAP
_MASK, _OLD_ID, _MAPS, _TEXT = 8, 56, 152, 512  # offsets in struct statmount
_AT_ONCE = 512
_ROOM = 1 << 16  # two maps of 340 lines take less than half of it


def read_idmaps(directory: int, pid: int) -> Entry:
    """IDMAPS: one line per map, `MOUNT uid` or `MOUNT gid` and triples; MOUNT is the id in mountinfo.

    A triple is the first id on the disk, the first id that processes see, and the count.
    """
    source = "statmount(2) in /proc/%d/ns/mnt" % pid
    try:
        marked = _marked(read_file("mountinfo", directory))
        if not marked:
            return (IDMAPS, source, "")
        if os.uname().machine.startswith(_ELSEWHERE):
            return failed(IDMAPS, source, UNSUPPORTED, None, "the number of the call is not known here")
        lines = _Calls(directory).maps(marked)
        if not lines:
            return failed(IDMAPS, source, UNSUPPORTED, None, "this kernel does not tell them")
        return (IDMAPS, source, "".join(line + "\n" for line in lines))
    except OSError as error:
        return failure(IDMAPS, source, error)
    except TooLongError:
        return failed(IDMAPS, source, UNSUPPORTED, None, "its list of mounts is too long")
    except ImportError:
        return failed(IDMAPS, source, UNSUPPORTED, None, "this Python has no ctypes")


def _marked(mountinfo: str) -> FrozenSet[int]:
    """The ids of mounts that have a map."""
    if ",idmapped" not in mountinfo:
        return frozenset()
    lines = [line.split(" ", 6) for line in mountinfo.split("\n")]
    return frozenset(int(words[0]) for words in lines if len(words) > 6 and "idmapped" in words[5].split(","))


class _Calls:
    """The two system calls, for one mount namespace. Raises OSError, ImportError."""

    def __init__(self, directory: int) -> None:
        import ctypes
        import fcntl

        self._ctypes: Any = ctypes
        self._call: Any = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        number = bytearray(8)
        descriptor = os.open("ns/mnt", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        try:
            fcntl.ioctl(descriptor, _NS_GET_MNTNS_ID, number)
        finally:
            os.close(descriptor)
        (self._namespace,) = struct.unpack("=Q", number)

    def maps(self, marked: FrozenSet[int]) -> List[str]:
        """A line for each map of these mounts that the kernel reports."""
        found: Dict[int, List[str]] = {}
        for mount in self._listed():
            answer = self._ctypes.create_string_buffer(_ROOM)
            self._do(_STATMOUNT, mount, _BASIC | _UIDS | _GIDS, answer, _ROOM)
            (mask,), (number,) = struct.unpack_from("=Q", answer, _MASK), struct.unpack_from("=I", answer, _OLD_ID)
            # both bits are set for any map, even if none of it is in the reader's ids: fs/namespace.c
            if number in marked and mask & _UIDS and mask & _GIDS:
                counts = struct.unpack_from("=IIII", answer, _MAPS)
                found[number] = [
                    "%d uid%s" % (number, _numbers(answer.raw, *counts[:2])),
                    "%d gid%s" % (number, _numbers(answer.raw, *counts[2:])),
                ]
            if len(found) == len(marked):
                break
        return [line for number in sorted(found) for line in found[number]]

    def _listed(self) -> List[int]:
        found: List[int] = []
        some = (self._ctypes.c_uint64 * _AT_ONCE)()
        while len(found) < MOUNTS_MAX:
            count = self._do(_LISTMOUNT, _ALL, found[-1] if found else 0, some, _AT_ONCE)
            found.extend(some[:count])
            if count < _AT_ONCE:
                break
        return found

    def _do(self, number: int, mount: int, param: int, answer: Any, room: int) -> int:
        request = _REQUEST.pack(_REQUEST.size, 0, mount, param, self._namespace)
        size, flags = self._ctypes.c_size_t(room), self._ctypes.c_uint(0)
        count = int(self._call(self._ctypes.c_long(number), request, answer, size, flags))
        if count < 0:
            code = self._ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return count


def _numbers(answer: bytes, count: int, place: int) -> str:
    """` 0 100000 65536` for each of `count` consecutive strings."""
    texts = answer[_TEXT + place :].split(b"\0", count)[:count]
    return "".join(" " + text.decode("ascii") for text in texts)


OWNERS = {OWNER + kind: "ns/" + kind for kind in ("cgroup", "ipc", "mnt", "net", "pid", "uts")}
OF_FILES = frozenset((DEVICES, SPECIAL, GIVING_PROGRAMS, REACH, TRIED, VARIABLES))
_FROM_WITHIN = (PORT_START, GIVING_PROGRAMS)  # what takes joining a user namespace that is one's own
BY_CHILD = OF_FILES | {SECCOMP, PORT_START, PORTS, FIREWALL}
PRIVILEGED = BY_CHILD | frozenset(OWNERS) | {IDMAPS}

TARGET_LIMIT = 1.0  # seconds for a target to answer; it takes well under a millisecond
MORE = {GIVING_PROGRAMS: WAIT, REACH: 1.0, TRIED: 4.0}  # seconds more for these
REQUEST_LIMIT = 10.0  # seconds for all targets of one request
AT_ONCE = 16  # children at the same time
END_LIMIT = 0.25  # seconds for a killed child to end, if it can
ANSWER_MAX = 16 << 20  # bytes in a child's answer; 64 filters of 4096 instructions are half of it

_NOT_STOPPED = "it did not stop in %g s: frozen (a paused container), or waiting in the kernel" % TARGET_LIMIT
_SILENT = "its file system did not answer in %g s" % TARGET_LIMIT
_NS_GET_USERNS = 0xB701  # include/uapi/linux/nsfs.h
_PORT_FILE = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


_given_up: Dict[int, Tuple[int, str]] = {}  # children that could not be killed: PID and start time of their target


class PrivilegedReader(NamedTuple):
    """What a child is to read of one process, and the list that receives the answers."""

    pid: int
    start: str  # its start time, so that a reused PID is not read
    names: Sequence[str]
    entries: List[Entry]
    about: List[Entry]  # what says where its files are (`chroot.files_of`)


class _Running:
    """A running child."""

    def __init__(self, errand: PrivilegedReader, child: int, pipe: int) -> None:
        self.errand = errand
        self.child = child
        self.pipe = pipe
        self.limit = time.monotonic() + TARGET_LIMIT + sum(MORE.get(name, 0.0) for name in errand.names)
        self.heard: List[bytes] = []
        self.size = 0


def threads_of(stat: Optional[str]) -> int:
    """Field 20, num_threads, including a first thread that has ended; 0 if not found."""
    fields = (stat or "").rpartition(")")[2].split()
    return int(fields[17]) if len(fields) > 17 and fields[17].isdigit() else 0


def owners(directory: int, pid: int, names: Iterable[str]) -> List[Entry]:
    """Read the `owner:…` entries among these names."""
    return [_owner(name, directory, pid) for name in names if name in OWNERS]


def _owner(name: str, directory: int, pid: int) -> Entry:
    import fcntl

    link = OWNERS[name]
    source = "NS_GET_USERNS of /proc/%d/%s" % (pid, link)
    try:
        descriptor = os.open(link, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        try:
            owner = fcntl.ioctl(descriptor, _NS_GET_USERNS)
        finally:
            os.close(descriptor)
        try:
            return (name, source, "user:[%d]" % os.fstat(owner).st_ino)
        finally:
            os.close(owner)
    except OSError as error:
        return failure(name, source, error)


def given_up() -> Set[Tuple[int, str]]:
    """Processes for which a reader is still stuck in the kernel and can't be killed."""
    for child in list(_given_up):
        if children.reaped(child):
            _given_up.pop(child, None)
    return set(_given_up.values())


def run(errands: Sequence[PrivilegedReader]) -> None:
    """Run all of them, several at once; each name gets an entry within REQUEST_LIMIT seconds."""
    if not errands:
        return
    barred = why_not()
    if any(SPECIAL in errand.names for errand in errands):
        prepare()
    # all of a root directory takes longest, so that comes last
    waiting = sorted(errands, key=lambda errand: GIVING_PROGRAMS not in errand.names)
    running: Dict[int, _Running] = {}
    end = time.monotonic() + REQUEST_LIMIT
    poll = select.poll()
    try:
        while waiting or running:
            now = time.monotonic()
            while waiting and len(running) < AT_ONCE:
                errand = waiting.pop()
                barrier = "no time was left for it" if now >= end else _waited_for(errand)
                begun = None if barrier else _begin(errand, barred)
                if begun is None:
                    _finish(errand, b"", barrier or "no process could be made for it", ETIMEDOUT)
                    continue
                running[begun.pipe] = begun
                poll.register(begun.pipe, select.POLLIN)
            if not running:
                continue
            soonest = min(end, *(item.limit for item in running.values()))
            for pipe, _ in poll.poll(max(0.0, soonest - now) * 1000 + 1):
                item = running[pipe]
                chunk = os.read(pipe, CHUNK)
                item.heard.append(chunk)
                item.size += len(chunk)
                if not chunk or item.size > ANSWER_MAX:
                    poll.unregister(pipe)
                    _end(running.pop(pipe), "its reader ended without an answer")
            now = time.monotonic()
            for item in [item for item in running.values() if now >= min(item.limit, end)]:
                poll.unregister(item.pipe)
                otherwise = _SILENT if _looks_at_files(item.errand) else _NOT_STOPPED
                _end(running.pop(item.pipe), otherwise, ETIMEDOUT)
    finally:
        for item in running.values():
            _end(item, "the reading was broken off")


def _begin(errand: PrivilegedReader, barred: str) -> Optional[_Running]:
    """Start the child; None if no process can be created."""
    try:
        child, pipe = children.start(lambda pipe, parent: _work(errand, pipe, parent, barred))
    except OSError:
        return None
    return _Running(errand, child, pipe)


def _end(item: _Running, otherwise: str, errno: Optional[int] = None) -> None:
    """Take the child's answers; kill it if it still runs, which also releases its target."""
    os.close(item.pipe)
    if not children.stopped(item.child, END_LIMIT):
        _given_up[item.child] = item.errand.pid, item.errand.start
    _finish(item.errand, b"".join(item.heard), otherwise, errno)


def _looks_at_files(errand: PrivilegedReader) -> bool:
    return any(name in OF_FILES for name in errand.names)


def _waited_for(errand: PrivilegedReader) -> str:
    """Why no reader may be started for it; "" if it may."""
    waits = _looks_at_files(errand) and (errand.pid, errand.start) in given_up()
    return "its file system did not answer, and one still waits for it" if waits else ""


def _finish(errand: PrivilegedReader, heard: bytes, otherwise: str, errno: Optional[int]) -> None:
    """Store the answers as entries; a name without an answer gets a gap."""
    answered = set()
    for line in heard.split(b"\n")[:-1]:
        try:
            name, entries = json.loads(line.decode("ascii"))
        except ValueError:
            continue
        answered.add(name)
        errand.entries.extend(tuple(item) for item in entries)
    for name in errand.names:
        if name not in answered:
            errand.entries.append(failed(name, _source(name, errand.pid), UNSUPPORTED, errno, otherwise))


def _source(name: str, pid: int) -> str:
    if name == SECCOMP:
        return "PTRACE_SECCOMP_GET_FILTER of /proc/%d" % pid
    if name in OF_FILES:
        return "/proc/%d/root" % pid
    if name == PORTS:
        return "/proc/%d/net/tcp" % pid
    if name == FIREWALL:
        return "nf_tables of /proc/%d/ns/net" % pid
    return "%s in /proc/%d/ns/net" % (_PORT_FILE, pid)


def _work(errand: PrivilegedReader, pipe: int, parent: int, barred: str) -> None:
    """The child: write one line per name, then exit. It must never return into its parent's code."""
    code = 1
    try:
        children.as_child(parent)
        if _looks_at_files(errand):
            children.close_all_but(pipe)
        # filters last: the target may never stop
        joined = None
        for name in sorted(
            errand.names, key=lambda each: (each == TRIED, each == SECCOMP, each == FIREWALL, each in _FROM_WITHIN)
        ):
            if joined is None and name in _FROM_WITHIN and os.geteuid() != 0:
                joined = join_own(errand.pid)
                children.die_with(parent)  # other credentials may have cleared it: commit_creds, kernel/cred.c
            line = (
                json.dumps([name, _answer(name, errand, parent, barred, joined=bool(joined))]).encode("ascii") + b"\n"
            )
            while line:
                line = line[os.write(pipe, line) :]
        code = 0
    finally:
        os._exit(code)


def _answer(name: str, errand: PrivilegedReader, parent: int, barred: str, *, joined: bool) -> List[Entry]:
    source = _source(name, errand.pid)
    try:
        directory = open_process(errand.pid)
    except OSError as error:
        return [failed(name, source, process_kind(error), error.errno, error.strerror or "")]

    def same() -> bool:
        try:
            text = read_file("stat", directory)
            return start_of(text) == errand.start and not ended(text)
        except (OSError, TooLongError):
            return False

    try:
        if not same():
            return [failed(name, source, GONE, None, "the process has ended")]
        if name == SECCOMP:
            return _filters(errand.pid, directory, same, barred)
        if name == GIVING_PROGRAMS:
            return [read_programs(files_of(directory, errand.pid, errand.about), joined)]
        if name == REACH:
            from stratascope.collector.reach import read_reach  # few need it

            return [read_reach(files_of(directory, errand.pid, errand.about))]
        if name == TRIED:
            from stratascope.collector.attempts import read_attempts

            return [read_attempts(files_of(directory, errand.pid, errand.about), parent, same)]
        if name == FIREWALL:
            from stratascope.collector.firewall import read_firewall

            return [read_firewall(directory, errand.pid)]
        if name == PORTS:
            from stratascope.collector.listening import read_ports

            return [read_ports(directory, errand.pid)]
        if name == VARIABLES:
            from stratascope.collector.variables import read_variables

            return [read_variables(directory, errand.pid)]
        if name in OF_FILES:
            files = files_of(directory, errand.pid, errand.about)
            return [read_devices(files) if name == DEVICES else read_special(files)]
        return [_port_start(source, directory)]
    except NoFiltersError as error:
        return [failed(name, source, error.kind, error.errno, error.detail)]
    except OSError as error:
        return [failure(name, source, error)]
    except TooLongError:
        return [failed(name, source, UNSUPPORTED, None, "its list of mounts is too long")]
    except ImportError:
        return [failed(name, source, UNSUPPORTED, None, "this Python has no ctypes")]
    finally:
        os.close(directory)


def _filters(pid: int, directory: int, same: Any, barred: str) -> List[Entry]:
    none = needless(read_file("status", directory))
    if none is not None:
        raise none
    if barred:
        raise NoFiltersError(DENIED, None, barred)
    found = read_filters(pid, same)
    return [
        ("seccomp:%d" % place, "PTRACE_SECCOMP_GET_FILTER %d of /proc/%d" % (place, pid), text)
        for place, text in enumerate(found)
    ]


def _port_start(source: str, directory: int) -> Entry:
    """/proc/sys/net shows the reader's network namespace (network_namespaces(7)): join, then read."""
    descriptor = os.open("ns/net", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
    try:
        if os.fstat(descriptor).st_ino == os.stat("/proc/self/ns/net").st_ino:
            return entry(PORT_START, source, _PORT_FILE)
        join(descriptor, CLONE_NEWNET)
    finally:
        os.close(descriptor)
    return entry(PORT_START, source, _PORT_FILE)
