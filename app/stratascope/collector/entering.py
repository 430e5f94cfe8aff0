"""Becomes what a child of a process would be: its namespaces, root directory, control groups, ids, capabilities, label
and system call filters. For attempts in its place (`attempts`).

Only in a child of the collector, that ends afterwards. It joins no PID namespace, and so nothing inside can see it; and
it is not dumpable, so that who sees it all the same can't look into this copy of the collector. It runs no program but
that of the attempts, where threats are tried in place (`probe/in_place.py`).

What it could not take on is told, in two kinds. `loose`: a restriction that it lacks, so that an attempt that succeeds
proves nothing which that restriction could refuse. `short`: a right that it lacks, so that one that is refused proves
nothing. Landlock's domains can't be joined by anybody, and are not seen here.
"""

from __future__ import annotations

import errno
import os
import struct
from contextlib import suppress
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from stratascope.collector import children
from stratascope.collector.cgroups import FILES, V2, Mounts
from stratascope.collector.chroot import UP_MAX, Files
from stratascope.collector.filters import NoFiltersError, read_filters, why_not
from stratascope.collector.paths import unescaped
from stratascope.collector.read import CLONE_NEWNET, NS_GET_PARENT, TooLongError, fields_of, join, read_file

FILTER, LABEL, CGROUP = "filter", "label", "cgroup"  # loose
CAPABILITIES = "capabilities"  # short
# The order in which root joins them: what takes rights over the machine's comes before the user namespace
_NAMESPACES = (("net", CLONE_NEWNET), ("ipc", 0x08000000), ("uts", 0x04000000), ("mnt", 0x00020000))
NEWUSER = 0x10000000  # CLONE_NEWUSER
_LEVELS = 34  # of user namespaces below each other; create_user_ns, kernel/user_namespace.c
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS = 4, 22, 24, 28, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_MODE_FILTER = 2
_KEEP_ALL = 1 << 2 | 1 << 4  # SECBIT_NO_SETUID_FIXUP, SECBIT_KEEP_CAPS: prctl(2)
_CAPABILITY_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3
_LAST_CAPABILITY = 63
_OWNING = 1 << 0 | 1 << 3  # CAP_CHOWN, CAP_FOWNER
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NOBODY = 65534  # the overflow id: user_namespaces(7)
_RET_NOTIFY = 0x7FC00000  # SECCOMP_RET_USER_NOTIF: somebody who is not here would answer
_RETURN = 0x06  # BPF_RET | BPF_K
# What has to be free below the limits of a group: bytes of memory, processes
_MEMORY, _PROCESSES = 32 << 20, 8
_ROOM = (
    ("memory.max", "memory.current", _MEMORY),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", _MEMORY),
    ("pids.max", "pids.current", _PROCESSES),
)


class Place(NamedTuple):
    """What there is to become: read, and opened, before anything is joined."""

    pid: int
    root: int
    outside: Optional[int]  # a directory outside of its chroot, by which it reaches all others
    namespaces: Dict[str, int]  # those that differ from the reader's; descriptors
    fields: Dict[str, str]  # of its status
    uids: List[List[int]]
    gids: List[List[int]]
    label: str
    filters: Optional[List[bytes]]  # oldest first; None: not readable
    cgroup: str


class Entered(NamedTuple):
    """Where this process now is, and what it did not take on. `filters`: those that an attempt has to put on itself."""

    place: Place
    loose: Tuple[str, ...]
    short: Tuple[str, ...]

    @property
    def filters(self) -> List[bytes]:
        """Oldest first, as far as they are known."""
        return self.place.filters or []

    def path(self, absolute: str) -> str:
        """What it calls a path of its mount namespace."""
        return absolute if self.place.outside is None else absolute.lstrip("/") or "."

    def gives_itself(self, owner: int) -> bool:
        """Whether it may change the mode of a file of that owner, by the reader's number."""
        fields = self.place.fields
        return bool(int(fields.get("CapPrm", "0"), 16) & _OWNING) or int(fields["Uid"].split()[3]) == owner

    def user(self, uid: int, gid: int) -> Tuple[int, int]:
        """What the reader's uid and gid are called here."""
        if "user" not in self.place.namespaces:
            return uid, gid
        return _inside(uid, self.place.uids), _inside(gid, self.place.gids)


def place_of(process: Files, same: Callable[[], bool]) -> Place:
    """What is read of it. `same`: whether it still is that process. Raises OSError: nothing can be tried."""
    directory, pid = process.directory, process.pid
    fields = fields_of(read_file("status", directory))
    namespaces = {}
    for kind in (*(name for name, _ in _NAMESPACES), "user"):
        opened = os.open("ns/" + kind, os.O_RDONLY | os.O_CLOEXEC, dir_fd=directory)
        if os.fstat(opened).st_ino == os.stat("/proc/self/ns/" + kind).st_ino:
            os.close(opened)
        else:
            namespaces[kind] = opened
    outside = process.outside()
    root = process.open() if process.free else os.open("root", _FOLDER, dir_fd=directory)
    uids, gids = (_map(read_file(name, directory)) for name in ("uid_map", "gid_map"))
    filters = _filters(pid, fields, same)
    return Place(pid, root, outside, namespaces, fields, uids, gids, _label(directory), filters, _cgroup(directory))


def _map(text: str) -> List[List[int]]:
    return [list(map(int, line.split())) for line in text.splitlines()]


def _label(directory: int) -> str:
    """Of AppArmor or SELinux; "" where neither is."""
    with suppress(OSError, TooLongError):
        return read_file("attr/current", directory).rstrip("\n\0")
    return ""


def _cgroup(directory: int) -> str:
    with suppress(OSError, TooLongError):
        return read_file("cgroup", directory)
    return ""


def _filters(pid: int, fields: Dict[str, str], same: Callable[[], bool]) -> Optional[List[bytes]]:
    if fields.get("Seccomp", "0") == "0":
        return []
    if fields["Seccomp"] != "2" or why_not():
        return None
    try:
        return [bytes.fromhex(each) for each in read_filters(pid, same)]
    except NoFiltersError:
        return None


def enter(place: Place, parent: int) -> Entered:
    """Become it. `parent`: who ends this child with itself. Raises OSError where a namespace can't be joined."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(errno.EPERM, "this process would be open to those that it joins")
    loose = []
    grouped, labelled = _group_joiner(place.cgroup), _label_setter(place.label)
    root = os.geteuid() == 0
    if root:
        library.prctl(_PR_SET_SECUREBITS, _KEEP_ALL, 0, 0, 0)
        _ids(place.fields, None, None)
    elif "user" in place.namespaces and not join_own(place.pid):
        raise OSError(errno.EPERM, "its user namespace is another's")
    for kind, flag in _NAMESPACES:
        if kind in place.namespaces:
            join(place.namespaces[kind], flag)
    os.fchdir(place.root)
    try:
        os.chroot(".")
    except PermissionError:
        if not os.path.samestat(os.stat("/"), os.fstat(place.root)):
            raise
    os.chdir("/") if place.outside is None else os.fchdir(place.outside)
    if "user" in place.namespaces:
        if library.setns(place.namespaces["user"], NEWUSER) != 0 and (
            root or ctypes.get_errno() != errno.EINVAL  # it is there already
        ):
            raise OSError(ctypes.get_errno(), "its user namespace can't be joined")
        library.prctl(_PR_SET_SECUREBITS, _KEEP_ALL, 0, 0, 0)
    if not root:
        _ids(place.fields, place.uids, place.gids)
    if not labelled():
        loose.append(LABEL)
    short = [] if _capabilities(library, ctypes, place.fields) else [CAPABILITIES]
    if not grouped():  # now that who looks at the group's processes sees none that may more
        loose.append(CGROUP)
    if place.outside is not None:
        os.chdir("../" * UP_MAX)
    filters = place.filters or []
    if place.filters is None or any(_asks_another(each) for each in filters):
        loose.append(FILTER)
    if filters or place.fields.get("NoNewPrivs") == "1":
        library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _undumpable()
    children.die_with(parent)
    return Entered(place, tuple(loose), tuple(short))


def filtered(filters: Sequence[bytes]) -> None:
    """Put these filters on this process, oldest first. Raises OSError."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    for raw in filters:
        held = ctypes.create_string_buffer(raw)
        program = struct.pack("HxxxxxxP", len(raw) // 8, ctypes.addressof(held))  # struct sock_fprog
        if library.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_char_p(program), 0, 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def kept_through_exec() -> None:
    """Let the next program have the same capabilities and never more: ambient, and no_new_privs. What they make too
    much of, inheritable and ambient sets, is for that program to lay down. Raises OSError.
    """
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "a program might get more rights")
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    now = ctypes.create_string_buffer(24)
    if library.capget(header, now) != 0:
        raise OSError(ctypes.get_errno(), "its capabilities can't be read")
    effective, held, inherited, *upper = struct.unpack("=6I", now.raw)
    sets = struct.pack("=6I", effective, held, inherited | held, upper[0], upper[1], upper[2] | upper[1])
    library.capset(header, sets)  # what is not in the bounding set stays out, and the program then lacks it
    for bit in range(_LAST_CAPABILITY):
        if (held | upper[1] << 32) >> bit & 1:
            library.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, bit, 0, 0)


def _undumpable() -> None:
    """Once more: other credentials may have given it back (commit_creds, kernel/cred.c)."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def become(uid: int, gid: int) -> None:
    """Another user, with no further groups, by the rights of what was entered. Raises OSError."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _undumpable()


def join_own(pid: int) -> bool:
    """Join the user namespace below the reader's in which the process is, if the reader owns it; whether it was.

    A container there that sees the host's processes must not look into this one, a copy of the reader: not dumpable, it
    is out of reach for everybody without rights over the reader's own namespace (__ptrace_may_access, kernel/ptrace.c).
    """
    import ctypes
    import fcntl

    own, below = os.stat("/proc/self/ns/user").st_ino, None
    try:
        current = os.open("/proc/%d/ns/user" % pid, os.O_RDONLY | os.O_CLOEXEC)
        for _ in range(_LEVELS):
            if os.fstat(current).st_ino == own:
                break
            below, current = current, fcntl.ioctl(current, NS_GET_PARENT)
        else:
            return False
        library = ctypes.CDLL(None, use_errno=True)
        if below is None or library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            return False
        return int(library.setns(below, NEWUSER)) == 0
    except OSError:
        return False


def _ids(fields: Dict[str, str], uids: Optional[List[List[int]]], gids: Optional[List[List[int]]]) -> None:
    """Real, effective and saved ids, and groups. `uids`, `gids`: maps to what they are called in its user namespace."""
    user = [_inside(int(word), uids) for word in fields["Uid"].split()[:3]]
    group = [_inside(int(word), gids) for word in fields["Gid"].split()[:3]]
    groups = [_inside(int(word), gids) for word in fields.get("Groups", "").split()]
    if sorted(os.getgroups()) != sorted(groups):
        os.setgroups(groups)
    if list(os.getresgid()) != group:
        os.setresgid(*group)
    if list(os.getresuid()) != user:
        os.setresuid(*user)


def _inside(number: int, lines: Optional[List[List[int]]]) -> int:
    if lines is None:
        return number
    for inside, outside, length in lines:
        if outside <= number < outside + length:
            return inside + number - outside
    return _NOBODY


def _capabilities(library: Any, ctypes: Any, fields: Dict[str, str]) -> bool:
    """Its sets, where what it may make effective is; whether it now has all of them."""
    held, bounding, inherited = (int(fields.get(name, "0"), 16) for name in ("CapPrm", "CapBnd", "CapInh"))
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    now = ctypes.create_string_buffer(24)
    if library.capget(header, now) != 0:
        return False
    words = struct.unpack("=6I", now.raw)
    has = words[1] | words[4] << 32
    for bit in range(_LAST_CAPABILITY):
        if not bounding >> bit & 1:
            library.prctl(_PR_CAPBSET_DROP, bit, 0, 0, 0)
    kept, inherited = held & has, inherited & (has | words[2] | words[5] << 32)
    low, high = 0xFFFFFFFF, 32
    sets = struct.pack("=6I", kept & low, kept & low, inherited & low, kept >> high, kept >> high, inherited >> high)
    if library.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "its capabilities can't be taken on")
    return bool(kept == held)


def _asks_another(raw: bytes) -> bool:
    """Whether somebody is asked who is not there for this process; seccomp_unotify(2)."""
    return any(
        code == _RETURN and value & 0xFFFF0000 == _RET_NOTIFY
        for code, _, _, value in struct.iter_unpack("=HBBI", raw[: len(raw) // 8 * 8])
    )


def _label_setter(label: str) -> Callable[[], bool]:
    """What takes on its label, prepared while /proc is still at hand; it says whether that is now so."""
    try:
        own = os.open("/proc/thread-self/attr/current", os.O_RDWR | os.O_CLOEXEC)
        if os.pread(own, 4096, 0).decode("utf-8", "replace").rstrip("\n\0") == label:
            return lambda: True
    except OSError:
        return lambda: not label
    # SELinux takes a context of four parts, AppArmor a command and a profile's name without its mode
    text = label if label.count(":") >= 3 else "changeprofile " + label.rpartition(" (")[0]

    def take() -> bool:
        try:
            os.write(own, text.encode("utf-8"))
            return os.pread(own, 4096, 0).decode("utf-8", "replace").rstrip("\n\0") == label
        except OSError:
            return False
        finally:
            os.close(own)

    return take


def _group_joiner(text: str) -> Callable[[], bool]:
    """What joins all control groups of it that differ from this process's, opened while they are at hand; none that is
    frozen. It says whether they were joined.
    """
    files: List[Optional[int]] = [] if text else [None]
    try:
        own = set(read_file("/proc/self/cgroup").split("\n"))
    except (OSError, TooLongError):
        return lambda: False
    mounts = Mounts().ready()
    for line in text.split("\n"):
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if line in own or not number:
            continue
        hierarchy = V2 if number == "0" else names.split(",")[0]
        if hierarchy not in FILES:  # others refuse nothing
            continue
        files.append(procs_of(mounts.place(hierarchy, unescaped(path))))

    def join_all() -> bool:
        done = [each is not None and _enters(each) for each in files]
        return all(done)

    return join_all


def _enters(group: int) -> bool:
    try:
        return os.write(group, b"0") == 1
    except OSError:
        return False
    finally:
        os.close(group)


def _has_room(group: str) -> bool:
    """Whether the limits of a group, v2's or v1's, leave what the attempts take: nothing of it may fail for us."""
    for limit, used, needed in _ROOM:
        with suppress(OSError, TooLongError, ValueError):  # no such limit, or "max"
            if int(read_file("%s/%s" % (group, used))) + needed > int(read_file("%s/%s" % (group, limit))):
                return False
    return True


def procs_of(place: Optional[Tuple[str, str]]) -> Optional[int]:
    """The list of processes of the group at that path below its mount, if it has room and is not frozen."""
    if place is None:
        return None
    group = place[0] + place[1]
    parts = place[1].strip("/").split("/")
    if not all(_has_room("/".join((place[0], *parts[:end]))) for end in range(1, len(parts) + 1)):
        return None
    try:
        for name, still in (("cgroup.freeze", "1"), ("freezer.state", "FROZEN")):
            with suppress(FileNotFoundError):
                if read_file("%s/%s" % (group, name)).strip() == still:
                    return None
        return os.open(group + "/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    except (OSError, TooLongError):
        return None
