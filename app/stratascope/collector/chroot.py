"""Processes in a chroot: what there is outside of their root directory, and whether they can get there.

mountinfo lists only what lies below a process's root directory (proc_pid_mountinfo(5)), but a chroot holds only those
who lack CAP_SYS_CHROOT and have no directory outside: a working directory, an open one, or that of another process
that they may look into (chroot(2)). So the list of such a process is that of its whole mount namespace if it can leave.
If it can't, it is its own, and a first line for its root directory, which is no mount. A child joins the mount
namespace to read it; it resolves no path there.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from contextlib import suppress
from typing import Any, Dict, List, NamedTuple, Optional, Set

from stratascope.collector import children
from stratascope.collector.names import CHROOT, WHOLE
from stratascope.collector.paths import Mount, mount_of, mounts, silent
from stratascope.collector.read import CHUNK, UNSUPPORTED, Entry, TooLongError, failed, read_file

MOUNTS = "mountinfo"
# It can change its root directory again; it reaches files outside, no more; neither
LEAVES, REACHES, STAYS = "leaves", "reaches", "stays"

SECONDS = 1.0
PROCESSES_MAX = 4096
DESCRIPTORS_MAX = 1024
UP_MAX = 64  # folders above each other that are followed
_SIZE_MAX = 1 << 20
_SYS_CHROOT, _SYS_PTRACE = 1 << 18, 1 << 19
_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_NS_GET_USERNS = 0xB701  # include/uapi/linux/nsfs.h
_PR_SET_DUMPABLE, _PR_SET_PDEATHSIG = 4, 1
_OWN = ("overlay", "tmpfs", "fuse.fuse-overlayfs")
_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Files(NamedTuple):
    """Where the files of a process are: what it can reach, and from which directory on."""

    directory: int
    pid: int
    mountinfo: str
    top: bool  # from the root directory of its mount namespace: it is in a chroot that does not hold
    free: bool = False  # which it can leave

    def open(self) -> int:
        """That directory as O_PATH. Raises OSError: EXDEV if a file system lies on the way that may not answer."""
        # a kernel magic link: the process's root directory, whatever its path
        here = os.open("root", _PLACE, dir_fd=self.directory)
        return _top(here, mounts(mountinfo=self.mountinfo)) if self.top else here

    def outside(self) -> Optional[int]:
        """A directory outside of a chroot that it keeps, by which it reaches all others, as O_PATH. Raises OSError."""
        if not self.top or self.free:
            return None
        own = _numbers(read_file(MOUNTS, self.directory))
        link = _outside(self.directory, os.readlink("root", dir_fd=self.directory), own)
        return None if link is None else os.open(link, _PLACE, dir_fd=self.directory)


def files_of(directory: int, pid: int, entries: List[Entry]) -> Files:
    """By what was read of it. Raises OSError, TooLongError."""
    own, word = _text(entries, MOUNTS), (_text(entries, CHROOT) or "").split(" ", 2)[1:2]
    text = read_file(MOUNTS, directory) if own is None else own
    return Files(directory, pid, text, top=word in ([LEAVES], [REACHES]), free=word == [LEAVES])


def mended(directory: int, pid: int, entries: List[Entry], *, apart: bool = False) -> bool:
    """Put into the entries what a process in a chroot can reach; whether it is in one. MOUNTS becomes that, CHROOT is
    `MOUNT WORD PATH`, and WHOLE what there is if it STAYS. `apart`: CHROOT also if it is in none.

    Where nobody can tell what is outside, MOUNTS becomes a gap. Whoever may not look at its root directory takes it to
    be in a chroot if there is none in its list, or no /proc, which all engines mount.
    """
    own = _text(entries, MOUNTS)
    if own is None:
        return False
    try:
        path = os.readlink("root", dir_fd=directory)
    except OSError:
        path = "/" if all(_has(own, place) for place in ("/", "/proc")) else ""
    source = "/proc/%d/" % pid
    if path == "/":
        entries += [(CHROOT, source + "root", "")] if apart else []
        return False
    try:
        root = os.open("root", _PLACE, dir_fd=directory)
        try:
            number = mount_of(root)
        finally:
            os.close(root)
        whole = _whole(directory)
    except (OSError, ImportError):
        whole = ""
    lines = {line.partition(" ")[0]: line for line in whole.split("\n")}
    if not whole or str(number) not in lines:
        detail = "it is in a chroot, and what is outside of that could not be read"
        _replace(entries, failed(MOUNTS, source + "root", UNSUPPORTED, None, detail))
        free = _may_change(directory, _fields(_text(entries, "status") or ""))
        told = (CHROOT, source + "status", "0 %s /" % LEAVES)
        entries.append(told if free else failed(CHROOT, source + "root", UNSUPPORTED, None, detail))
        return True
    word = _holds(directory, pid, path, own, _text(entries, "status") or "")
    if word == STAYS:
        entries.append((WHOLE, source + "mountinfo, in its mount namespace", whole))
        whole = own if _has(own, "/") else _root_line(lines[str(number)], path) + own
    entries.append((CHROOT, source + "root", "%d %s %s" % (number or 0, word, path.replace("\n", "?"))))
    _replace(entries, (MOUNTS, source + "mountinfo", whole))
    return True


def _replace(entries: List[Entry], new: Entry) -> None:
    entries[:] = [new if item[0] == new[0] else item for item in entries]


def _top(here: int, known: Dict[int, Mount]) -> int:
    """The directory that is above that one, and has none above it; `here` is closed."""
    try:
        for _ in range(UP_MAX):
            mount = known.get(mount_of(here) or 0)
            if mount is None or mount.may_be_silent:
                raise silent("..")
            above = os.open("..", _PLACE, dir_fd=here)
            same = mount_of(above) == mount.number and os.fstat(above)[1:3] == os.fstat(here)[1:3]
            os.close(here)
            here = above
            if same:
                break
    except OSError:
        os.close(here)
        raise
    return here


def _text(entries: List[Entry], name: str) -> Optional[str]:
    return next((item[2] for item in entries if item[0] == name and isinstance(item[2], str)), None)


def _has(mountinfo: str, place: str) -> bool:
    return any(line.split(" ", 5)[4:5] == [place] for line in mountinfo.split("\n"))


def _numbers(mountinfo: str) -> Set[str]:
    return {line.partition(" ")[0] for line in mountinfo.split("\n")}


def _root_line(line: str, path: str) -> str:
    """The line of the mount on which its root directory is, as if it were mounted there."""
    words = line.split(" ")
    for escaped, plain in (("\\", "\\134"), (" ", "\\040"), ("\t", "\\011"), ("\n", "\\012")):
        path = path.replace(escaped, plain)
    below, kind = path[len(words[4].rstrip("/")) :], line.partition(" - ")[2].partition(" ")[0]
    if words[3] != "/" or kind not in _OWN:  # a whole one is the container's own
        words[3] = words[3].rstrip("/") + below
    words[4] = "/"
    return " ".join(words) + "\n"


def _holds(directory: int, pid: int, path: str, own: str, status: str) -> str:
    fields = _fields(status)
    if _may_change(directory, fields) or _others(directory, pid, fields):
        return LEAVES
    try:
        return STAYS if _outside(directory, path, _numbers(own)) is None else REACHES
    except OSError:
        return REACHES


def _may_change(directory: int, fields: Dict[str, str]) -> bool:
    held = _mask(fields, "CapEff") | _mask(fields, "CapPrm")
    return not fields or bool(held & _SYS_CHROOT) or _regains(directory, fields)


def _regains(directory: int, fields: Dict[str, str]) -> bool:
    """As root, exec of anything gives what its bounding set has; capabilities(7)."""
    if fields.get("NoNewPrivs") != "0" or not _mask(fields, "CapBnd") & _SYS_CHROOT:
        return False
    with suppress(OSError, ValueError, TooLongError):
        for line in read_file("uid_map", directory).split("\n"):
            words = line.split()
            if words[:1] == ["0"]:
                return words[1] in fields.get("Uid", "").split()
        return False
    return True


def _outside(directory: int, path: str, numbers: Set[str]) -> Optional[str]:
    """The link of a directory outside of its root directory that it works in, or holds open. Raises OSError where that
    can't be seen.
    """
    folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    try:
        names = os.listdir(folder)
    finally:
        os.close(folder)
    for link in ["cwd", *("fd/" + name for name in names[:DESCRIPTORS_MAX])]:
        try:
            target = os.readlink(link, dir_fd=directory)
            if not target.startswith("/") or target == path or target.startswith(path.rstrip("/") + "/"):
                continue
            place = os.open(link, _PLACE, dir_fd=directory)
        except OSError:
            continue  # closed in the meantime, or no directory
        number = mount_of(place)
        os.close(place)
        if str(number) not in numbers:
            return link
    if len(names) > DESCRIPTORS_MAX:
        raise OSError(errno.E2BIG, "it holds more open than is looked at")
    return None


def _others(directory: int, pid: int, fields: Dict[str, str]) -> bool:
    """Whether a process outside of the chroot, in its PID namespace, lets it in; ptrace(2), "Ptrace access mode"."""
    try:
        mounts, pids = (os.readlink("ns/" + kind, dir_fd=directory) for kind in ("mnt", "pid"))
        names = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return True
    for name in names[:PROCESSES_MAX]:
        if name == str(pid):
            continue
        try:
            if os.readlink("/proc/%s/ns/mnt" % name) != mounts or os.readlink("/proc/%s/root" % name) != "/":
                continue
            if os.readlink("/proc/%s/ns/pid" % name) != pids:
                continue
            its = _fields(read_file("/proc/%s/status" % name))
        except (OSError, TooLongError):
            continue
        if _mask(fields, "CapEff") & _SYS_PTRACE or (
            [its.get(key) for key in ("Uid", "Gid")] == [fields.get(key) for key in ("Uid", "Gid")]
            and not _mask(its, "CapPrm") & ~_mask(fields, "CapPrm")
        ):
            return True
    return len(names) > PROCESSES_MAX


def _fields(status: str) -> Dict[str, str]:
    return {name: value.strip() for name, found, value in (line.partition(":") for line in status.split("\n")) if found}


def _mask(fields: Dict[str, str], name: str) -> int:
    try:
        return int(fields.get(name, "0"), 16)
    except ValueError:
        return 0


def _whole(directory: int) -> str:
    """All of its mount namespace, read by a child. Raises OSError, ImportError."""
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    child, ours = children.start(lambda pipe, _: _tell(library, directory, pipe))
    poll, parts, size = select.poll(), [], 0
    poll.register(ours, select.POLLIN)
    try:
        while poll.poll(SECONDS * 1000):
            part = os.read(ours, CHUNK)
            if not part:
                break
            parts.append(part)
            size += len(part)
            if size > _SIZE_MAX:
                break
    finally:
        os.close(ours)
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    text = b"".join(parts).decode("utf-8", "surrogateescape")
    if size > _SIZE_MAX or not text.endswith("\n"):
        if os.readlink("ns/mnt", dir_fd=directory) == os.readlink("/proc/self/ns/mnt"):
            return read_file("/proc/self/mountinfo")  # it takes no right to join where one is
        raise OSError("its mount namespace could not be read")
    return text


def _tell(library: Any, directory: int, pipe: int) -> None:
    """The child: it must never return into its parent's code. What it joins can't look into it (PR_SET_DUMPABLE)."""
    try:
        import fcntl

        library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0:
            mine = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
            mount = os.open("ns/mnt", os.O_RDONLY, dir_fd=directory)
            done = library.setns(mount, _NEWNS)
            if done != 0:  # the user of a rootless engine may do it in that engine's user namespace
                library.setns(fcntl.ioctl(mount, _NS_GET_USERNS), _NEWUSER)
                done = library.setns(mount, _NEWNS)
            if done == 0:
                data = read_file("mountinfo", mine).encode("utf-8", "surrogateescape")
                while data:
                    data = data[os.write(pipe, data) :]
    finally:
        os._exit(0)
