"""A refused call's path or address, read from the caller's memory, and where it leads; by a child that may be
abandoned.

A process can make reads of its memory hang (userfaultfd(2), a mapped FUSE file), and so can a network file system, so
the observer never does either itself: a child does, with a time limit, and is killed if it exceeds it; after several
hangs reading is given up. Of the memory, only the text at one address that the kernel was given as a path is read, or
the bytes that it was given as a socket address.

A path is resolved as the process that named it would: its links, below its own root, and what is at the end. Links are
chosen by the container, so each name is a step of its own (`collector/paths.py` has why: O_PATH, and nothing is called
on a mount that a program serves), and no step leads above the root. A relative path begins at the working directory or
at an open one, by its path below that root. In /proc/self, the process takes the place of us.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import struct
from typing import Any, Dict, List, Optional

from stratascope.collector.observe.memory import FileOffset
from stratascope.collector.paths import LINKS_MAX, Mount, mount_of
from stratascope.collector.read import TooLongError, read_file

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_STEPS_MAX = 512
_LINE_MAX = 1500  # characters of a mountinfo line up to its dash; an overlay's list of layers at the end is cut
_TEXT_MAX = 4000
_PROC_ROOT = 1  # PROC_ROOT_INO, include/linux/proc_fs.h
_KINDS = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISCHR, "character"),
    (stat.S_ISBLK, "block"),
    (stat.S_ISLNK, "link"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
)
FileFacts = Dict[str, Any]


class Walk:
    """Path resolution for one thread. `elder`: a process of the same container that sees all its mounts, or 0.

    `instead`: that thread represents one that has ended, whose /proc/self would be another.
    """

    def __init__(self, tid: int, elder: int, instead: bool = False) -> None:
        self._tid = tid
        self._instead = instead
        self._keeps = False
        self._end: Optional[int] = None  # what a path led to, if it is kept
        self._elder = elder
        self._lines = _lines(tid)

    def led(self, path: str, follow: bool) -> Optional[FileFacts]:
        """Resolve an absolute path as the process sees it. `follow`: also a link at its end. None: unknown."""
        try:
            way = [os.open("/proc/%d/root" % self._tid, os.O_PATH | os.O_CLOEXEC)]
        except OSError:
            return None
        names: List[str] = []
        left = path.split("/")[::-1]
        links = steps = 0
        try:
            while left:
                name = left.pop()
                if name in ("", "."):
                    continue
                steps += 1
                if name == "..":
                    if names:
                        os.close(way.pop())
                        names.pop()
                    continue
                here = self._mount(way[-1])
                if steps > _STEPS_MAX or here is None or here.may_be_silent:
                    return self._place([*names, name, *left[::-1]], None, None, way[-1])
                if here.kind == "proc" and name in ("self", "thread-self"):
                    if self._instead:
                        return None
                    name, *more = self._self(way[-1], name).split("/")
                    left += more[::-1]
                try:
                    found = os.open(name, _STEP, dir_fd=way[-1])
                except OSError:
                    folder = next((each for each in way[::-1] if stat.S_ISDIR(os.fstat(each).st_mode)), None)
                    return self._place([*names, name, *left[::-1]], None, folder, way[-1])
                way.append(found)
                names.append(name)
                there = self._mount(found)
                if there is None or there.may_be_silent or not stat.S_ISLNK(os.fstat(found).st_mode):
                    continue
                if not follow and not any(left):
                    break
                links += 1
                if links > LINKS_MAX:
                    break
                target = os.readlink("", dir_fd=found)
                if there.kind == "proc":  # of another process: root, cwd, an open file, shown as we see them
                    target = below(self._tid, target) or target
                os.close(way.pop())
                names.pop()
                if target.startswith("/"):
                    _close(way[1:])
                    del way[1:], names[:]
                left += target.split("/")[::-1]
            if self._keeps:
                self._end = os.dup(way[-1])
            return self._place(names, way[-1], way[-2] if len(way) > 1 else way[-1], way[-1])
        except OSError:
            return None
        finally:
            _close(way)

    def content(self, path: str, inode: int, offset: int, size: int, before: int) -> bytes:
        """Read from a file, if it still is that inode; nothing if it changed after `before` (its ctime)."""
        self._keeps = True
        there = self.led(path, False)
        if self._end is None:
            return b""
        try:
            about = os.fstat(self._end) if there is not None and there["node"] is not None else None
            if about is None or not stat.S_ISREG(about.st_mode) or about.st_ino != inode or about.st_ctime_ns >= before:
                return b""
            # O_NOATIME: reading leaves no trace
            file = os.open("/proc/self/fd/%d" % self._end, os.O_RDONLY | os.O_NOATIME | os.O_CLOEXEC)
            try:
                return os.pread(file, size, offset)
            finally:
                os.close(file)
        except OSError:
            return b""
        finally:
            os.close(self._end)

    def opened(self, name: str) -> Optional[FileFacts]:
        """Describe a file that the thread has open (`fd/N`), or that it runs (`exe`)."""
        link = "/proc/%d/%s" % (self._tid, name)
        try:
            descriptor = os.open(link, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            path = below(self._tid, os.readlink(link))
            return self._place([path.strip("/")] if path.startswith("/") else [], descriptor, None, descriptor, path)
        except OSError:
            return None
        finally:
            os.close(descriptor)

    # -- inside

    def _place(
        self, names: List[str], node: Optional[int], folder: Optional[int], lies: int, path: str = ""
    ) -> FileFacts:
        number = mount_of(lies)
        where = "/" + "/".join(each for each in names if each) if names or not path else path
        found = {
            "path": where[:_TEXT_MAX],
            "node": None if node is None else self._node(node),
            "folder": None if folder is None else self._node(folder),
            "mount": None if number is None else self._line(number) or None,
        }
        if node is not None and found["node"] is not None and found["node"][5]:
            found["gives"] = capabilities(node).hex()
        return found

    def _mount(self, descriptor: int) -> Optional[Mount]:
        number = mount_of(descriptor)
        line = None if number is None else self._line(number)
        if not line or number is None:
            return None
        head, _, tail = line.partition(" - ")
        return Mount(number, head.split(" ")[2], tail.partition(" ")[0])

    def _line(self, number: int) -> Optional[str]:
        if number not in self._lines and self._elder:
            # for a process whose root directory is no mount, the kernel does not list the mount there
            self._lines, self._elder = {**_lines(self._elder), **self._lines}, 0
        return self._lines.get(number)

    def _node(self, descriptor: int) -> Optional[List[Any]]:
        here = self._mount(descriptor)
        if here is None or here.may_be_silent:
            return None
        about = os.fstat(descriptor)
        kind = next((word for test, word in _KINDS if test(about.st_mode)), None)
        if kind is None:
            return None
        device, name = "", ""
        if kind in ("character", "block"):
            device = "%d:%d" % (os.major(about.st_rdev), os.minor(about.st_rdev))
            name = _name_of("char" if kind == "character" else kind, device)
        capable = kind == "file" and bool(capabilities(descriptor))
        return [kind, stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid, device, capable, name]

    def _self(self, folder: int, name: str) -> str:
        """Resolve procfs's links to the reader (self, thread-self) for the process."""
        about = os.fstat(folder)
        if about.st_ino != _PROC_ROOT:
            return name
        try:
            status = read_file("/proc/%d/status" % self._tid)
            # a procfs numbers processes by its own PID namespace: ours, or the process's
            which = 0 if about.st_dev == os.stat("/proc").st_dev else -1
            process, thread = (status.partition("\n%s:" % each)[2].split("\n", 1)[0].split()[which] for each in _IDS)
        except (OSError, TooLongError, IndexError):
            return name
        return process if name == "self" else "%s/task/%s" % (process, thread)


_IDS = ("NStgid", "NSpid")


def below(tid: int, path: str) -> str:
    """Translate a path that we see into the process's view; "" if it is outside of its root."""
    try:
        root = os.readlink("/proc/%d/root" % tid)
    except OSError:
        return ""
    if root == "/" or not path.startswith("/"):
        return path
    return (path[len(root) :] or "/") if path == root or path.startswith(root + "/") else ""


def capabilities(descriptor: int) -> bytes:
    """Read a file's capabilities (`security.capability`, capabilities(7)); its mount must be known to answer."""
    try:
        return os.getxattr("/proc/self/fd/%d" % descriptor, "security.capability")
    except OSError:
        return b""


def _lines(process: int) -> Dict[int, str]:
    found: Dict[int, str] = {}
    try:
        text = read_file("/proc/%d/mountinfo" % process)
    except (OSError, TooLongError):
        return found
    for line in text.split("\n"):
        number = line.partition(" ")[0]
        if number.isdigit():
            found[int(number)] = _short(line)
    return found


def _short(line: str) -> str:
    """Shorten a mountinfo line but keep its form; "" if impossible."""
    head, _, tail = line.partition(" - ")
    words = tail.split(" ")
    if len(head) > _LINE_MAX or len(words) < 3 or len(words[0]) + len(words[1]) > _LINE_MAX // 2:
        return ""
    options = words[2]
    if len(options) > _LINE_MAX // 4:
        options = options[: _LINE_MAX // 4].rpartition(",")[0]
    return "%s - %s %s %s" % (head, words[0], words[1], options)


def _close(descriptors: List[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _name_of(kind: str, device: str) -> str:
    """The kernel's name of that device below /dev, "net/tun" (sysfs, DEVNAME); "" if it has no such number."""
    try:
        text = read_file("/sys/dev/%s/%s/uevent" % (kind, device))
    except (OSError, TooLongError):
        return ""
    return ("\n" + text).partition("\nDEVNAME=")[2].split("\n", 1)[0]


TEXT_MAX = 4096  # PATH_MAX
ANSWER_LIMIT = 50  # milliseconds; one read takes a tenth of one
ROUNDS_MAX = 4  # of those, for a child that gets no processor
HANGS_MAX = 3
BYTES_MAX = 128  # struct sockaddr_storage
_ANSWER_MAX = 1 << 16
_TEXT, _BYTES, _LED, _NAMED, _OPENED, _FILE = range(6)
_ASKED = struct.Struct("=BIQIIQQ")  # what, thread, address, size, elder, inode, time
_PAGE = 4096
HERE = -100  # AT_FDCWD


class PathReader:
    """One child that reads, replaced when it hangs."""

    def __init__(self) -> None:
        self._hangs = 0
        self._child = 0
        self._socket: Optional[socket.socket] = None
        self._begin()

    @property
    def given_up(self) -> bool:
        """Whether too many reads have hung."""
        return self._hangs >= HANGS_MAX

    def text(self, tid: int, address: int) -> str:
        """The path at an address; "" if it can't be read."""
        return self._ask(_TEXT, tid, address).decode("utf-8", "surrogateescape")

    def data(self, tid: int, address: int, size: int) -> bytes:
        """Up to BYTES_MAX bytes at an address; none if they can't be read."""
        return self._ask(_BYTES, tid, address, min(size, BYTES_MAX))

    def content(self, tid: int, there: FileOffset, before: int) -> bytes:
        """Read from a file, below that thread's root directory (`Walk.content`)."""
        name = there.path.encode("utf-8", "surrogateescape")
        return self._ask(_FILE, tid, there.offset, there.size, 0, name, there.inode, before)

    def led(self, tid: int, path: str, follow: bool, elder: int) -> Optional[Dict[str, Any]]:
        """Resolve an absolute path of that thread. If the thread is 0, it has ended, and the elder's view is used.

        None: unknown.
        """
        found = self._ask(_LED if follow else _NAMED, tid, 0, 0, elder, path.encode("utf-8", "surrogateescape"))
        return json.loads(found) if found else None

    def opened(self, tid: int, name: str, elder: int) -> Optional[Dict[str, Any]]:
        """Describe a file that it has open, or runs (`fd/N`, `exe`)."""
        found = self._ask(_OPENED, tid, 0, 0, elder, name.encode("ascii"))
        return json.loads(found) if found else None

    def close(self) -> None:
        """Kill the child; one that hangs in the kernel ends when the kernel lets it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                os.kill(self._child, signal.SIGKILL)
            # abandoned children may still hang, so none is waited for; init reaps what is left
            with contextlib.suppress(OSError):
                os.waitpid(self._child, os.WNOHANG)

    def _ask(self, what: int, tid: int, address: int = 0, size: int = 0, elder: int = 0, text: bytes = b"",
             inode: int = 0, before: int = 0) -> bytes:  # fmt: skip
        if self._socket is None:
            return b""
        try:
            self._socket.send(_ASKED.pack(what, tid, address, size, elder, inode, before) + text)
            for _ in range(ROUNDS_MAX):
                if select.select([self._socket], [], [], ANSWER_LIMIT / 1000)[0]:
                    return self._socket.recv(_ANSWER_MAX)[1:]
                if not self._waits_for_a_processor():
                    break
        except OSError:
            pass
        self._hangs += 1
        self.close()
        if not self.given_up:
            self._begin()
        return b""

    def _waits_for_a_processor(self) -> bool:
        """Whether the child does not hang, but waits for a processor."""
        try:
            return read_file("/proc/%d/stat" % self._child).rpartition(")")[2].split()[0] == "R"
        except (OSError, TooLongError, IndexError):
            return False

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        child = os.fork()
        if child == 0:
            try:
                _serve(theirs)
            finally:
                os._exit(0)
        theirs.close()
        self._child, self._socket = child, ours


def _serve(ours: socket.socket) -> None:
    for held in map(int, os.listdir("/proc/self/fd")):
        if held != ours.fileno():
            with contextlib.suppress(OSError):
                os.close(held)
    while True:
        asked = ours.recv(_ASKED.size + TEXT_MAX + 1)
        if len(asked) < _ASKED.size:
            return
        what, tid, address, size, elder, inode, before = _ASKED.unpack_from(asked)
        text = asked[_ASKED.size :].decode("utf-8", "surrogateescape")
        if what == _TEXT:
            answer = text_at(tid, address)
        elif what == _BYTES:
            answer = bytes_at(tid, address, size)
        elif what == _FILE:
            answer = Walk(tid, 0, instead=True).content(text, inode, address, size, before)
        else:
            walk = Walk(tid or elder, elder, instead=not tid)
            found = walk.opened(text) if what == _OPENED else walk.led(text, what == _LED)
            answer = b"" if found is None else json.dumps(found).encode("ascii")
        ours.send(b"=" + answer)


def text_at(tid: int, address: int) -> bytes:
    """A text in a thread's memory, without its end; empty if it can't be read."""
    found = b""
    try:
        descriptor = os.open("/proc/%d/mem" % tid, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while len(found) < TEXT_MAX:
                chunk = os.pread(descriptor, _PAGE - address % _PAGE, address)
                text, ended, _ = chunk.partition(b"\0")
                found += text
                if ended or not chunk:
                    break
                address += len(chunk)
        finally:
            os.close(descriptor)
    except (OSError, OverflowError):
        return b""
    return found[: TEXT_MAX - 1]


def bytes_at(tid: int, address: int, size: int) -> bytes:
    """So many bytes of a thread's memory, or fewer; empty if it can't be read."""
    try:
        descriptor = os.open("/proc/%d/mem" % tid, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, size, address)
        finally:
            os.close(descriptor)
    except (OSError, OverflowError):
        return b""


def number_of(value: int) -> int:
    """A syscall argument that is a file descriptor, of which the kernel takes 32 bits."""
    found: int = struct.unpack("=i", struct.pack("=I", value & 0xFFFFFFFF))[0]
    return found


def place(tid: int, descriptor: Optional[int]) -> str:
    """Where a call's relative paths begin: an open directory of the process, or its working directory."""
    number = HERE if descriptor is None else number_of(descriptor)
    try:
        return os.readlink("/proc/%d/%s" % (tid, "cwd" if number == HERE else "fd/%d" % number))[:TEXT_MAX]
    except OSError:
        return ""


def in_flight(tid: int) -> Optional[int]:
    """The call that a thread is in, None if it is in none (proc_pid_syscall(5))."""
    try:
        word = read_file("/proc/%d/syscall" % tid).split(" ", 1)[0].strip()
    except (OSError, TooLongError):
        return None
    return int(word) if word.lstrip("-").isdigit() and int(word) >= 0 else None
