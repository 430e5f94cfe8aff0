"""Files and links below /proc/PID, read through one directory descriptor; or the reason why one could not be read.

An allow-list of exact names, so that no request can make this program (which may run as root) open anything else.
cmdline and environ are not read by default, because a process can make reads of its own memory block; cmdline is on the
list for callers that need it. Decided against pathlib and open(): os.open and os.read cost half as much, and this runs
for every process of every container.

An entry is (name, source, text) or (name, source, None, kind, errno or None, detail).
"""

from __future__ import annotations

import os
from errno import EACCES, EINVAL, ELOOP, ENODEV, ENOENT, ENOSYS, ENOTDIR, EPERM, ESRCH
from typing import Any, Dict, Iterable, List, Optional, Tuple

from stratascope.collector.names import CGROUPS, NETWORK_INODE, PARENT, PARENTS, PERMISSIVE

Entry = Tuple[Any, ...]

ABSENT = "ABSENT"
DENIED = "DENIED"
GONE = "GONE"
UNSUPPORTED = "UNSUPPORTED"

PROCESS_FILES = frozenset(
    (
        "attr/apparmor/current",
        "attr/current",
        "cgroup",
        "cmdline",
        "comm",
        "gid_map",
        "limits",
        "loginuid",
        "mountinfo",
        "net/ipv6_route",
        "net/route",
        "oom_score_adj",
        "setgroups",
        "stat",
        "status",
        "uid_map",
    )
)
PROCESS_LINKS = frozenset("ns/" + kind for kind in ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"))

PID_MAX = 1 << 22  # PID_MAX_LIMIT, include/linux/threads.h
CHUNK = 1 << 16
SIZE_MAX = 1 << 20  # none of these files is nearly as long; a longer one is refused, never truncated

_DESCRIPTORS_MAX = 64  # of a monitor that are looked at; it has some twenty
_SHORT = 3500  # bytes; a page has at least 4096, and a line of uid_map has 33
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_KINDS = {
    ENOENT: ABSENT,
    ENOSYS: ABSENT,
    ENOTDIR: ABSENT,
    ESRCH: GONE,
    ENODEV: GONE,  # a cgroup that was removed after its directory was opened
    EACCES: DENIED,
    EPERM: DENIED,
    EINVAL: UNSUPPORTED,
    ELOOP: UNSUPPORTED,
}


class TooLongError(Exception):
    """A file is longer than SIZE_MAX."""


def failed(name: str, source: str, kind: str, errno: Optional[int] = None, detail: str = "") -> Entry:
    """An entry for a reading that failed."""
    return (name, source, None, kind, errno, detail)


def process_kind(error: OSError) -> str:
    """Why a process can't be read: if its directory is missing, it has ended."""
    return GONE if error.errno == ENOENT else _KINDS.get(error.errno or 0, UNSUPPORTED)


def failure(name: str, source: str, error: OSError) -> Entry:
    """An entry for a reading that failed with this error."""
    return (name, source, None, _KINDS.get(error.errno or 0, UNSUPPORTED), error.errno, error.strerror or "")


def read_file(path: str, directory: Optional[int] = None) -> str:
    """A file's whole text; bytes that are not UTF-8 become lone surrogates. Raises OSError, TooLongError."""
    descriptor = os.open(path, _FLAGS, dir_fd=directory)
    try:
        data = os.read(descriptor, CHUNK)
        # A read of a multi-record file (seq_file, fs/seq_file.c) returns at most a page, and less if the next record
        # does not fit. Only mountinfo has records of any length; the others are at their end if much less than a page
        # was returned.
        if len(data) > _SHORT or path.endswith("mountinfo"):
            data = _rest(descriptor, data)
    finally:
        os.close(descriptor)
    return data.decode("utf-8", "surrogateescape")


def _rest(descriptor: int, data: bytes) -> bytes:
    parts = []
    size = 0
    while data:
        parts.append(data)
        size += len(data)
        if size > SIZE_MAX:
            raise TooLongError
        data = os.read(descriptor, CHUNK)
    return b"".join(parts)


def fields_of(status: str) -> Dict[str, str]:
    """The lines of /proc/PID/status by name."""
    return {name: value.strip() for name, found, value in (line.partition(":") for line in status.split("\n")) if found}


def start_of(stat: Optional[str]) -> str:
    """Field 22 of /proc/PID/stat, as text; "" if not found."""
    fields = (stat or "").rpartition(")")[2].split()  # comm may contain spaces and parentheses
    return fields[19] if len(fields) > 19 else ""


def read_beginning(path: str, directory: int, most: int) -> bytes:
    """A file's first bytes, at most so many. Raises OSError."""
    descriptor = os.open(path, _FLAGS, dir_fd=directory)
    try:
        data = b""
        while len(data) < most:
            more = os.read(descriptor, min(CHUNK, most - len(data)))
            if not more:
                break
            data += more
        return data
    finally:
        os.close(descriptor)


def entry(name: str, source: str, path: str, directory: Optional[int] = None) -> Entry:
    """Read one file as an entry."""
    try:
        return (name, source, read_file(path, directory))
    except OSError as error:
        return failure(name, source, error)
    except TooLongError:
        return failed(name, source, UNSUPPORTED, None, "longer than %d bytes" % SIZE_MAX)


def open_process(pid: int) -> int:
    """Open /proc/PID; anything read through the descriptor is this very process's, or fails. Raises OSError."""
    return os.open("/proc/%d" % pid, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def read_process(directory: int, pid: int, names: Iterable[str], thread: int = 0) -> List[Entry]:
    """Read these names of one process, in order; `cgroup:*` is skipped (see `cgroups.Limits`).

    `thread`: one of its threads, whose directory `directory` is then.
    """
    base = "/proc/%d/task/%d/" % (pid, thread) if thread else "/proc/%d/" % pid
    entries: List[Entry] = []
    lost = False
    for name in names:
        source = base + name
        if name in PROCESS_FILES:
            try:
                text = read_file(name, directory)
                entries.append((name, source, text))
                lost = lost and (name != "stat" or ended(text))  # it lives, so the files before were not there
                continue
            except OSError as error:
                found = failure(name, source, error)
            except TooLongError:
                found = failed(name, source, UNSUPPORTED, None, "longer than %d bytes" % SIZE_MAX)
        elif name in PROCESS_LINKS:
            try:
                entries.append((name, source, os.readlink(name, dir_fd=directory)))
                continue
            except OSError as error:
                found = failure(name, source, error)
        elif name == NETWORK_INODE:
            try:
                entries.append((name, base + "net/dev", str(os.stat("net/dev", dir_fd=directory).st_ino)))
                continue
            except OSError as error:
                found = failure(name, base + "net/dev", error)
        elif name == PARENTS:
            entries.append(_parents(directory, base))
            continue  # not `lost`: only those who may trace it can read this
        elif name == PERMISSIVE:
            entries.append(_permissive(directory))
            continue  # not `lost`: usually the host has no such policy, whatever the process does
        elif name == CGROUPS:
            continue
        else:
            found = failed(name, source, UNSUPPORTED, None, "not on the list of what may be read")
        lost = lost or found[4] in (ENOENT, ESRCH, EINVAL)
        entries.append(found)
    # ENOENT means "no such file" or "no such process": check once whether the process still exists
    if lost and state(directory) == GONE:
        return [item if item[2] is not None or item[4] is None else _gone(item) for item in entries]
    return entries


CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
NS_GET_PARENT = 0xB702  # include/uapi/linux/nsfs.h, since Linux 4.9
_LEVELS = 34  # create_user_ns, kernel/user_namespace.c, allows 33 below the initial one


def _parents(directory: int, base: str) -> Entry:
    """PARENTS, as `user:[INODE]` words up to the initial one, or to the reader's own if that is not the initial one.

    The kernel names no parent of those two (EPERM): ioctl_ns(2).
    """
    import fcntl

    source = "NS_GET_PARENT of %sns/user" % base
    found: List[str] = []
    try:
        current = os.open("ns/user", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=directory)
        try:
            while len(found) < _LEVELS:
                above = fcntl.ioctl(current, NS_GET_PARENT)
                os.close(current)
                current = above
                found.append("user:[%d]" % os.fstat(current).st_ino)
        except OSError as error:
            if error.errno != EPERM:
                raise
        finally:
            os.close(current)
    except OSError as error:
        return failure(PARENTS, source, error)
    return (PARENTS, source, " ".join(found))


_POLICY = "/sys/fs/selinux/access"
_CLASS = "/sys/fs/selinux/class/process/index"


def _permissive(directory: int) -> Entry:
    """`yes` if the policy makes the process's type permissive while the host enforces; else `no`.

    The policy answers a query written to its file: what a label may do to itself, and in the last number whether it
    enforces at all (AVD_FLAGS_PERMISSIVE; sel_write_access, security/selinux/selinuxfs.c). That changes nothing, and
    anybody may ask whom the policy lets.
    """
    try:
        descriptor = os.open(_POLICY, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            label = read_file("attr/current", directory).rstrip("\0\n")
            if not label or label.split() != [label]:
                return failed(PERMISSIVE, _POLICY, UNSUPPORTED, None, "not a label that can be asked about")
            question = "%s %s %d" % (label, label, int(read_file(_CLASS)))
            os.write(descriptor, question.encode("utf-8", "surrogateescape"))
            flags = int(os.read(descriptor, CHUNK).split()[5], 16)
        finally:
            os.close(descriptor)
    except OSError as error:
        return failure(PERMISSIVE, _POLICY, error)
    except (TooLongError, ValueError, IndexError):
        return failed(PERMISSIVE, _POLICY, UNSUPPORTED, None, "not an answer that is understood")
    return (PERMISSIVE, _POLICY, "yes" if flags & 1 else "no")


def _gone(item: Entry) -> Entry:
    return failed(item[0], item[1], GONE, item[4], "the process ended while it was read")


def parent_folder(directory: int, container: str = "") -> Entry:
    """PARENT, as a link: its target is not accessed. If that is elsewhere, where its parent has the container's files
    open: a monitor that a service started works in the directory of that.
    """
    source = "/proc/PID/stat"
    try:
        text = read_file("stat", directory)
        fields = text[text.rfind(")") + 1 :].split()  # comm may contain spaces and parentheses
        source = "/proc/%d/cwd" % int(fields[1])
        folder = os.readlink(source)
        if container and container not in folder.split("/"):
            return _parents_file(int(fields[1]), container) or (PARENT, source, folder)
        return (PARENT, source, folder)
    except OSError as error:
        return failure(PARENT, source, error)
    except (TooLongError, ValueError, IndexError):
        return failed(PARENT, source, UNSUPPORTED, None, "its parent is not told")


def _parents_file(parent: int, container: str) -> Optional[Entry]:
    """The first file of the container that the parent has open, by its link; None if there is none to be seen."""
    folder = "/proc/%d/fd" % parent
    try:
        for number in os.listdir(folder)[:_DESCRIPTORS_MAX]:
            source = folder + "/" + number
            target = os.readlink(source)
            if target.startswith("/") and container in target.split("/"):
                return (PARENT, source, target)
    except OSError:
        return None
    return None


def state(directory: int) -> Optional[str]:
    """GONE if the process has ended (including a zombie without living threads), DENIED, or None if it lives."""
    try:
        text = read_file("stat", directory)
    except OSError as error:
        return process_kind(error)
    except TooLongError:
        return None
    return GONE if ended(text) else None


def ended(stat: str) -> bool:
    """Whether /proc/PID/stat shows a process that has ended and only waits to be reaped.

    The first thread may end before the others: then the state is Z and the process still runs.
    """
    fields = stat[stat.rfind(")") + 1 :].split()  # comm may contain spaces and parentheses
    if len(fields) < 18 or fields[0] not in ("Z", "X", "x"):
        return False
    return fields[17] in ("0", "1")  # field 20, num_threads, includes the ended first one


def open_failure(pid: int, error: OSError, hidepid: bool) -> Entry:
    """Why /proc/PID could not be opened. If hidepid hides processes, a living one is DENIED rather than GONE."""
    source = "/proc/%d" % pid
    if error.errno == ENOENT:
        if hidepid and exists(pid):
            return failed("", source, DENIED, ENOENT, "/proc is mounted with hidepid")
        return failed("", source, GONE, ENOENT, "no such process")
    if hidepid and error.errno in (EACCES, EPERM):
        return failed("", source, DENIED, error.errno, "/proc is mounted with hidepid")
    return failure("", source, error)


def exists(pid: int) -> bool:
    """Whether the process exists, without /proc: signal 0 is only checked, never sent (kill(2))."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def join(namespace: int, kind: int) -> None:
    """Be in the namespace of that descriptor, which is of that kind (CLONE_NEW*): setns(2). Raises OSError."""
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(namespace, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
