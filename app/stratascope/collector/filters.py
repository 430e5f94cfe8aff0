"""A process's seccomp filters, as the kernel holds them: ptrace(2) with PTRACE_SECCOMP_GET_FILTER.

`read_filters` may block forever, since a frozen target (a paused container) or one in vfork never stops: it is only
called in a short-lived child process (`privileged_readings`). PTRACE_SEIZE and PTRACE_INTERRUPT send no signal, and a
target continues if its tracer dies. Decided against PTRACE_ATTACH, whose SIGSTOP may be noticed.
"""

from __future__ import annotations

import os
import struct
import time
from errno import EACCES, EINVAL, EMEDIUMTYPE, ENOENT, EPERM, ESRCH
from typing import Any, Callable, List, Optional

from stratascope.collector.read import ABSENT, DENIED, GONE, UNSUPPORTED, TooLongError, fields_of, read_file

FILTERS_MAX = 64  # the kernel allows thousands (MAX_INSNS_PER_PATH); more than this is an attack on the reader
INSTRUCTIONS_MAX = 4096  # BPF_MAXINSNS, include/uapi/linux/bpf_common.h

# include/uapi/linux/ptrace.h, the same on every architecture
_DETACH = 17
_SEIZE = 0x4206
INTERRUPT = 0x4207
_GET_FILTER = 0x420C
_WALL = 0x40000000  # __WALL: also threads that are not our children (waitpid(2))
_SYS_PTRACE, _SYS_ADMIN = 19, 21  # bit numbers in a capability set (capabilities(7))
_OTHER_READER = 0.3  # seconds: another reader of filters lets it go in less, a debugger keeps it
_INITIAL = "user:[4026531837]"  # PROC_USER_INIT_INO, include/linux/proc_ns.h


class NoFiltersError(Exception):
    """Why the filters can't be read: a kind of gap, the errno or None, and a detail."""

    def __init__(self, kind: str, errno: Optional[int], detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.errno = errno
        self.detail = detail


def why_not() -> str:
    """Why this process can't read the filters of others; "" if nothing is known to prevent it.

    The kernel requires both capabilities in the initial user namespace, and that the reader itself is under no filter
    (kernel/seccomp.c, seccomp_get_filter).
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            lines = dict(line.rstrip("\n").partition(":\t")[::2] for line in file)
        own = os.readlink("/proc/self/ns/user")
        held = int(lines.get("CapEff", "0"), 16)
    except (OSError, ValueError):
        return "the reader's own rights could not be read"
    if own != _INITIAL:
        return "the reader is in a user namespace of its own"
    if not held >> _SYS_ADMIN & 1 or not held >> _SYS_PTRACE & 1:
        return "the reader lacks CAP_SYS_ADMIN or CAP_SYS_PTRACE"
    if lines.get("Seccomp", "0") != "0":
        return "the reader is under a seccomp filter itself"
    return ""


def load() -> Any:
    """The C library's ptrace, with its types declared. Raises NoFiltersError if this Python has no ctypes."""
    try:
        import ctypes
    except ImportError:
        raise NoFiltersError(UNSUPPORTED, None, "this Python has no ctypes") from None
    call = ctypes.CDLL(None, use_errno=True).ptrace
    call.restype = ctypes.c_long
    call.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    return call


def read_filters(pid: int, same: Callable[[], bool]) -> List[str]:
    """Each filter in hexadecimal, oldest first, 8 bytes per instruction (u16 code, u8 jt, u8 jf, u32 k, little endian).

    `same` is called while the target is stopped, and returns whether it is the intended process and has not ended (one
    that ended but was not reaped yet fails with EPERM). Raises NoFiltersError.
    """
    import ctypes

    call = load()

    def ptrace(request: int, address: int = 0, data: Any = None) -> int:
        ctypes.set_errno(0)
        done: int = call(request, pid, address, data)
        return done if done >= 0 else -(ctypes.get_errno() or EINVAL)

    done = _seized(lambda: ptrace(_SEIZE), pid)
    if done < 0:
        raise _refused(-done) if same() else NoFiltersError(GONE, -done, "it ended before its filters were read")
    signal = 0
    try:
        ptrace(INTERRUPT)
        status = os.waitpid(pid, _WALL)[1]
        if not os.WIFSTOPPED(status):
            raise NoFiltersError(GONE, None, "it ended while its filters were read")
        if status >> 16 == 0:
            # it was about to receive a signal, which is lost unless passed on (ptrace(2), "Signal injection")
            signal = os.WSTOPSIG(status)
        if not same():
            raise NoFiltersError(GONE, None, "it ended before its filters were read")
        found = filters_of(ptrace, ctypes.create_string_buffer(8 * INSTRUCTIONS_MAX))
    finally:
        ptrace(_DETACH, 0, signal)
    return [_hex(raw) for raw in found]


def _seized(seize: Callable[[], int], pid: int) -> int:
    """The answer of PTRACE_SEIZE, once another reader of filters has let the process go: it has one tracer at most."""
    until = time.monotonic() + _OTHER_READER
    untraced = 0  # it may be let go, or taken anew, between the two looks
    while True:
        done = seize()
        if done != -EPERM or untraced == 3 or time.monotonic() > until:
            return done
        if _traced(pid):
            time.sleep(0.005)
        else:
            untraced += 1


def _traced(pid: int) -> bool:
    try:
        return fields_of(read_file("/proc/%d/status" % pid)).get("TracerPid", "0") != "0"
    except (OSError, TooLongError):
        return False


def filters_of(ptrace: Callable[..., int], buffer: Any) -> List[bytes]:
    """The raw filters of a stopped target, oldest first; raises NoFiltersError."""
    found: List[bytes] = []
    while True:
        count = ptrace(_GET_FILTER, len(found), buffer)
        if count == -ENOENT:
            return found
        if count < 0:
            raise _unreadable(-count)
        if len(found) == FILTERS_MAX:
            raise NoFiltersError(UNSUPPORTED, None, "more than %d filters" % FILTERS_MAX)
        found.append(buffer.raw[: 8 * count])


def _refused(number: int) -> NoFiltersError:
    if number == ESRCH:
        return NoFiltersError(GONE, number, "no such process")
    if number in (EPERM, EACCES):
        return NoFiltersError(DENIED, number, "not allowed to stop it, or another program traces it")
    return NoFiltersError(UNSUPPORTED, number, os.strerror(number))


def _unreadable(number: int) -> NoFiltersError:
    if number == EINVAL:
        # only processes with a filter are asked, so this does not mean "no filter"
        return NoFiltersError(UNSUPPORTED, number, "this kernel does not give filters (CONFIG_CHECKPOINT_RESTORE)")
    if number == EMEDIUMTYPE:
        return NoFiltersError(UNSUPPORTED, number, "not classic BPF")
    if number in (EPERM, EACCES):
        return NoFiltersError(DENIED, number, "not allowed to read its filters")
    if number == ESRCH:
        return NoFiltersError(GONE, number, "it ended while its filters were read")
    return NoFiltersError(UNSUPPORTED, number, os.strerror(number))


def _hex(raw: bytes) -> str:
    """Encode in little endian, whatever the byte order of this machine."""
    return b"".join(struct.pack("<HBBI", *parts) for parts in struct.iter_unpack("=HBBI", raw)).hex()


def needless(status: str) -> Optional[NoFiltersError]:
    """The reason why there is no filter to read, if /proc/PID/status already shows it; else None."""
    mode = ""
    for line in status.split("\n"):
        if line.startswith("Seccomp:"):
            mode = line[8:].strip()
    if mode == "0":
        return NoFiltersError(ABSENT, None, "no filter is in force")
    if mode == "1":
        return NoFiltersError(ABSENT, None, "strict mode has no filter")
    if mode != "2":
        return NoFiltersError(UNSUPPORTED, None, "this kernel does not tell of seccomp")
    return None


def unfiltered() -> bool:
    """Whether this reader is under no seccomp filter."""
    return any(line.split() == ["Seccomp:", "0"] for line in read_file("/proc/thread-self/status").splitlines())
