"""The path that a refused call was given, out of the caller's memory, by a child that may be left behind.

A process can make reads of its memory hang (userfaultfd(2), a FUSE file that is mapped), so the observer never reads it
itself: a child does, has a moment to answer, and is ended else; after some that hang no more is read. What is read is
the text at one address that the kernel was given as a path: nothing else of the memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
from typing import Optional

from stratascope.collector.read import TooLongError, read_file

TEXT_MAX = 4096  # PATH_MAX
ANSWER_LIMIT = 50  # milliseconds; one takes a tenth of one
HANGS_MAX = 3
_ASKED = struct.Struct("=IQ")
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
        if self._socket is None:
            return ""
        try:
            self._socket.send(_ASKED.pack(tid, address))
            if select.select([self._socket], [], [], ANSWER_LIMIT / 1000)[0]:
                return self._socket.recv(TEXT_MAX + 1)[1:].decode("utf-8", "surrogateescape")
        except OSError:
            pass
        self._hangs += 1
        self.close()
        if not self.given_up:
            self._begin()
        return ""

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
        asked = ours.recv(_ASKED.size)
        if len(asked) != _ASKED.size:
            return
        tid, address = _ASKED.unpack(asked)
        ours.send(b"=" + _text(tid, address))


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


def place(tid: int, descriptor: Optional[int]) -> str:
    """Where relative paths of a call begin: an open folder of the process, or where it works."""
    number = _HERE if descriptor is None else struct.unpack("=i", struct.pack("=I", descriptor & 0xFFFFFFFF))[0]
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
