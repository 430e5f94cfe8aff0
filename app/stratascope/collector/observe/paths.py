"""What a refused call was given, out of the caller's memory, and where it led, by a child that may be left behind.

A process can make reads of its memory hang (userfaultfd(2), a FUSE file that is mapped), and so can a volume in a
network, so the observer never asks either itself: a child does, has a moment to answer, and is ended else; after some
that hang no more is asked. What is read of the memory is the text at one address that the kernel was given as a path,
or the bytes that it was given as an address of a socket: nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
from typing import Any, Dict, Optional

from stratascope.collector.observe.memory import FileOffset
from stratascope.collector.observe.walk import Walk
from stratascope.collector.read import TooLongError, read_file

TEXT_MAX = 4096  # PATH_MAX
ANSWER_LIMIT = 50  # milliseconds; one takes a tenth of one
ROUNDS_MAX = 4  # of those, for a child that the machine has no time for
HANGS_MAX = 3
BYTES_MAX = 128  # struct sockaddr_storage
_ANSWER_MAX = 1 << 16
_TEXT, _BYTES, _LED, _NAMED, _OPENED, _FILE = range(6)
_ASKED = struct.Struct("=BIQIIQQ")  # what, thread, address, how many, elder, inode, time
_PAGE = 4096
_HERE = -100  # AT_FDCWD


class PathReader:
    """One child, begun anew where one hangs."""

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
        """The path there; "" where it can't be had."""
        return self._ask(_TEXT, tid, address).decode("utf-8", "surrogateescape")

    def data(self, tid: int, address: int, size: int) -> bytes:
        """So many bytes there, of at most BYTES_MAX; none where they can't be had."""
        return self._ask(_BYTES, tid, address, min(size, BYTES_MAX))

    def content(self, tid: int, there: FileOffset, before: int) -> bytes:
        """What lies there in a file, as that thread's root directory has it; `walk` says when."""
        name = there.path.encode("utf-8", "surrogateescape")
        return self._ask(_FILE, tid, there.offset, there.size, 0, name, there.inode, before)

    def led(self, tid: int, path: str, follow: bool, elder: int) -> Optional[Dict[str, Any]]:
        """Where an absolute path of that thread leads, `walk` says how; 0: of one that has ended, as the elder goes.

        None: not known.
        """
        found = self._ask(_LED if follow else _NAMED, tid, 0, 0, elder, path.encode("utf-8", "surrogateescape"))
        return json.loads(found) if found else None

    def opened(self, tid: int, name: str, elder: int) -> Optional[Dict[str, Any]]:
        """The same of a file that it holds open, or runs (`fd/N`, `exe`)."""
        found = self._ask(_OPENED, tid, 0, 0, elder, name.encode("ascii"))
        return json.loads(found) if found else None

    def close(self) -> None:
        """End the child; one that hangs in the kernel ends once that lets it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            with contextlib.suppress(OSError):
                os.kill(self._child, signal.SIGKILL)
            # those that were given up may still hang, so none is waited for; init takes what is left
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
        """Whether the child does not hang, but is kept from going on by others that are busy."""
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
            answer = _text(tid, address)
        elif what == _BYTES:
            answer = _bytes(tid, address, size)
        elif what == _FILE:
            answer = Walk(tid, 0, instead=True).content(text, inode, address, size, before)
        else:
            walk = Walk(tid or elder, elder, instead=not tid)
            found = walk.opened(text) if what == _OPENED else walk.led(text, what == _LED)
            answer = b"" if found is None else json.dumps(found).encode("ascii")
        ours.send(b"=" + answer)


def _text(tid: int, address: int) -> bytes:
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


def _bytes(tid: int, address: int, size: int) -> bytes:
    try:
        descriptor = os.open("/proc/%d/mem" % tid, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, size, address)
        finally:
            os.close(descriptor)
    except (OSError, OverflowError):
        return b""


def number_of(value: int) -> int:
    """An argument of a call that is an open file's number, which the kernel takes 32 bits of."""
    found: int = struct.unpack("=i", struct.pack("=I", value & 0xFFFFFFFF))[0]
    return found


def place(tid: int, descriptor: Optional[int]) -> str:
    """Where relative paths of a call begin: an open folder of the process, or where it works."""
    number = _HERE if descriptor is None else number_of(descriptor)
    try:
        return os.readlink("/proc/%d/%s" % (tid, "cwd" if number == _HERE else "fd/%d" % number))[:TEXT_MAX]
    except OSError:
        return ""


def in_flight(tid: int) -> Optional[int]:
    """The call that a thread is in, None where it is in none (proc_pid_syscall(5))."""
    try:
        word = read_file("/proc/%d/syscall" % tid).split(" ", 1)[0].strip()
    except (OSError, TooLongError):
        return None
    return int(word) if word.lstrip("-").isdigit() and int(word) >= 0 else None
