"""The kernel's tracepoints: their numbers and fields; and kprobe events, if it has none for capability checks.

tracefs is read through a detached mount of our own (fsmount(2)), which disappears with its descriptor, so nothing needs
to be mounted on the machine and nothing stays; older kernels need a mounted one. Only formats are read there. A kernel
before about 6.14 has no tracepoint in cap_capable: two kprobe events replace it. They are named after the process that
made them, removed by a child of its own when that ends, however it ends, and whatever a killed pair left is removed by
the next.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from stratascope.collector.read import TooLongError, read_file, start_of

GROUP = "stratascope_"
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # the same on every architecture except alpha; since Linux 5.2
_CMD_CREATE = 6  # FSCONFIG_CMD_CREATE, include/uapi/linux/mount.h
_FIELD = re.compile(r"\tfield:[^;]*?([A-Za-z_0-9]+)(?:\[\w*\])?;\toffset:(\d+);\tsize:(\d+);")
_OURS = re.compile(r"^[pr]\d*:(%s(\d+)_(\d+))/(\w+) " % GROUP, re.M)


class Point(NamedTuple):
    """A tracepoint: its number for perf_event_open, and its fields (offset, size)."""

    number: int
    fields: Dict[str, Tuple[int, int]]


class NoTracepointsError(Exception):
    """Why no tracepoint can be used, in plain words."""


class Tracefs:
    """Access to tracefs, until closed. Raises NoTracepointsError."""

    def __init__(self) -> None:
        self._root = _own_mount()

    def close(self) -> None:
        """Close the descriptor; that removes the mount."""
        os.close(self._root)

    def point(self, name: str) -> Optional[Point]:
        """Look up `raw_syscalls/sys_enter`; None if this kernel has no such event."""
        try:
            text = self.read("events/%s/format" % name)
        except OSError:
            return None
        number = re.search(r"^ID: (\d+)$", text, re.M)
        if number is None:
            return None
        fields = {found[0]: (int(found[1]), int(found[2])) for found in _FIELD.findall(text)}
        return Point(int(number.group(1)), fields)

    def read(self, path: str) -> str:
        """Read a whole file. Raises OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._root)
        parts: List[bytes] = []
        try:
            while True:
                chunk = os.read(descriptor, 1 << 16)
                if not chunk:
                    return b"".join(parts).decode("utf-8", "replace")
                parts.append(chunk)
        finally:
            os.close(descriptor)

    def command(self, line: str) -> None:
        """Append one line to kprobe_events. Raises OSError."""
        descriptor = os.open("kprobe_events", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, dir_fd=self._root)
        try:
            os.write(descriptor, line.encode("ascii") + b"\n")
        finally:
            os.close(descriptor)


class Probes:
    """Our kprobe events in cap_capable: `entry` (target, cap) and `answer` (ret), removed when we end."""

    def __init__(self, tracefs: Tracefs) -> None:
        """Create them. Raises OSError, NoTracepointsError."""
        remove_left(tracefs)
        self._tracefs = tracefs
        self.group = "%s%d_%s" % (GROUP, os.getpid(), start_of_process(os.getpid()))
        self._pipe, theirs = os.pipe()
        self._keeper = _keep(tracefs, self.group, self._pipe, theirs)
        try:
            # $argN: kernel/trace/trace_probe.c, since Linux 4.20; arguments of cap_capable in security/commoncap.c
            tracefs.command("p:%s/entry cap_capable target=$arg2:x64 cap=$arg3:s32" % self.group)
            tracefs.command("r256:%s/answer cap_capable ret=$retval:s32" % self.group)
        except OSError:
            self.close()
            raise

    def points(self) -> Tuple[Point, Point]:
        """Look up both events. Raises NoTracepointsError."""
        entry, answer = self._tracefs.point(self.group + "/entry"), self._tracefs.point(self.group + "/answer")
        if entry is None or answer is None:
            raise NoTracepointsError("the kernel did not make the kprobe events")
        return entry, answer

    def close(self) -> None:
        """Remove them. The events that use them must be closed first."""
        _remove(self._tracefs, self.group, ("entry", "answer"))
        os.close(self._pipe)
        with contextlib.suppress(OSError):
            os.waitpid(self._keeper, 0)


def remove_left(tracefs: Tracefs) -> None:
    """Remove what a dead observer has left."""
    with contextlib.suppress(OSError):
        for group, pid, start, name in _OURS.findall(tracefs.read("kprobe_events")):
            if start_of_process(int(pid)) != start:
                _remove(tracefs, group, (name,))


def start_of_process(pid: int) -> str:
    """Field 22 of /proc/PID/stat, "" if there is no such process."""
    try:
        return start_of(read_file("/proc/%d/stat" % pid))
    except (OSError, TooLongError):
        return ""


def _remove(tracefs: Tracefs, group: str, names: Tuple[str, ...]) -> None:
    for name in names:
        with contextlib.suppress(OSError):
            tracefs.command("-:%s/%s" % (group, name))


def _keep(tracefs: Tracefs, group: str, ours: int, theirs: int) -> int:
    """Fork a child that waits until we end, even by SIGKILL, and removes the events then."""
    child = os.fork()
    if child:
        os.close(theirs)
        return child
    try:
        os.setsid()  # a kill of our process group does not reach it
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.close(ours)
        for held in map(int, os.listdir("/proc/self/fd")):
            if held not in (theirs, tracefs._root):
                with contextlib.suppress(OSError):
                    os.close(held)
        # nothing is ever written: readable or broken means that the other end is closed
        import select

        poll = select.poll()
        poll.register(theirs, 0)
        poll.poll()
        for _ in range(100):  # the kernel releases them once the events are closed
            _remove(tracefs, group, ("entry", "answer"))
            if group not in tracefs.read("kprobe_events"):
                break
            select.poll().poll(50)
    finally:
        os._exit(0)
    return 0


def _own_mount() -> int:
    """Mount tracefs and return a descriptor of its root."""
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long

    def done(*arguments: Any) -> int:
        result: int = call(*(each if isinstance(each, bytes) else ctypes.c_long(each) for each in arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    try:
        context = done(_FSOPEN, b"tracefs", 1)
        try:
            done(_FSCONFIG, context, _CMD_CREATE, 0, 0, 0)
            return done(_FSMOUNT, context, 1, 0)
        finally:
            os.close(context)
    except OSError:
        return _mounted()


def _mounted() -> int:
    """Open a tracefs that the machine has mounted."""
    with contextlib.suppress(OSError, TooLongError):
        for line in read_file("/proc/self/mountinfo").split("\n"):
            head, _, tail = line.partition(" - ")
            words = head.split(" ")
            if tail.startswith("tracefs ") and len(words) > 4 and "\\" not in words[4]:
                return os.open(words[4], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    raise NoTracepointsError(barrier() or "this kernel has no tracefs that could be looked at")


def barrier() -> str:
    """What on this machine bars everyone from tracepoints; "" if nothing is known."""
    with contextlib.suppress(OSError, TooLongError):
        if "[confidentiality]" in read_file("/sys/kernel/security/lockdown"):
            return "the kernel is locked down (confidentiality), which closes its tracepoints even to root"
    return ""
