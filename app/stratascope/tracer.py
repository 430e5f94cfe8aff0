"""Runs a command and watches, by ptrace(2), which system calls of it and its children the kernel or a filter refuses.

It needs no right: a process may trace its own children. The command runs as this user and with these arguments; it is
killed when tracing ends, whatever ends it (PTRACE_O_EXITKILL). Tracing takes the rights of set-uid programs away
(LSM_UNSAFE_PTRACE), so a process that is about to execute one is let go first, and what that program does is not seen.

A tracer sees a call before the filter does, and its answer, but not who gave it. Whether it was the filter that this
process has too is found by calling it with arguments that the kernel answers otherwise before it looks at anything
(`PROBES`), in a child that ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import platform
import pwd
import signal
import stat
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stratascope.collector import children
from stratascope.collector.observe.credentials import described
from stratascope.collector.observe.paths import HERE, Walk, below, bytes_at, number_of, place, text_at
from stratascope.collector.read import TooLongError, fields_of, read_file

KEPT_MAX = 2000  # refusals of one command
_SEIZE, _SYSCALL, _DETACH, _LISTEN, _GET_EVENT, _SYSCALL_INFO = 0x4206, 24, 17, 0x4208, 0x4201, 0x420E
_GOOD, _FORK, _VFORK, _CLONE, _EXEC, _EXITKILL = 1, 2, 4, 8, 16, 0x100000
_EVENT_STOP, _NEW_CHILD = 128, (1, 2, 3)
_EXECUTED = 4
_STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
_ALL, _OWN_THREADS_ONLY = 0x40000000, 0x20000000  # __WALL, __WNOTHREAD: never another thread's children
_INFO = struct.Struct("=B3xIQQQ6Q16x")
_ENTRY, _EXIT = 1, 2
_ABIS = {0xC000003E: "x86_64", 0xC00000B7: "aarch64", 0x40000003: "i386"}
_NO_NEW_PRIVS = 38
_SYS_PTRACE = 1 << 19
Names = dict[str, dict[int, str]]  # of calls, by entry point and number

# What always counts as a refusal, and what does so for these calls alone
_REFUSED = frozenset((errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EROFS, errno.EUSERS))
_MAKING = frozenset((errno.EINVAL, errno.ENOSPC, errno.EAGAIN, errno.ENODEV, errno.EBUSY))
_ALSO = {
    "clone": _MAKING, "clone3": _MAKING, "unshare": _MAKING, "setns": _MAKING,
    "mount": _MAKING, "pivot_root": _MAKING, "fsopen": _MAKING,
    "execve": frozenset((errno.ENOENT, errno.ENOEXEC, errno.ELIBBAD)),
    "open": frozenset((errno.ENOENT, errno.ENODEV, errno.ENXIO)),
    "openat": frozenset((errno.ENOENT, errno.ENODEV, errno.ENXIO)),
    "write": frozenset((errno.EINVAL,)),
    "landlock_create_ruleset": frozenset((errno.EOPNOTSUPP,)),
}  # fmt: skip
# Where a path is: its place, and that of the directory that it begins at
_PATHS: dict[str, tuple[int, int | None]] = {
    "open": (0, None), "openat": (1, 0), "openat2": (1, 0), "creat": (0, None), "execve": (0, None),
    "execveat": (1, 0), "mount": (1, None), "umount2": (0, None), "pivot_root": (0, None), "chroot": (0, None),
    "mkdir": (0, None), "mkdirat": (1, 0), "mknod": (0, None), "mknodat": (1, 0), "access": (0, None),
    "faccessat": (1, 0), "faccessat2": (1, 0), "chown": (0, None), "lchown": (0, None), "fchownat": (1, 0),
    "open_tree": (1, 0), "symlink": (1, None), "unlink": (0, None), "unlinkat": (1, 0), "rename": (1, None),
    "chdir": (0, None), "symlinkat": (2, 1), "stat": (0, None), "newfstatat": (1, 0),
}  # fmt: skip
_OPENS = ("open", "openat", "openat2")
_WATCHED_FILES = ("/dev/", "/proc/", "/sys/", "/etc/sub")  # whose absence counts; /etc/subuid is read by name
_FILES_OF_IDS = ("/etc/subuid", "/etc/subgid")
_ANSWERS = ("recvfrom", "recvmsg")
_NETLINK_ERROR = 2
_NEW_USER, _FILES, _NEW_MOUNTS = 0x10000000, 0x200, 0x00020000
_NOWHERE = -1

# Calls that kernels answer so before anything else, and those that first ask for rights over the mounts
PROBES: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("clone", (_NEW_USER | _FILES, 0, 0, 0, 0), (errno.EINVAL,)),
    ("clone3", (0, 0), (errno.EINVAL,)),
    ("unshare", (_NEW_USER | 1,), (errno.EINVAL,)),
    ("setns", (_NOWHERE, _NEW_USER), (errno.EBADF,)),
    ("mount", (0, 0, 0, 0, 0), (errno.EFAULT,)),
    ("umount2", (0, 0), (errno.EFAULT, errno.ENOENT)),
    ("chroot", (0,), (errno.EFAULT, errno.ENOENT)),
    ("keyctl", (_NOWHERE, 0, 0, 0, 0), (errno.EOPNOTSUPP,)),
    ("add_key", (0, 0, 0, 0, 0), (errno.EFAULT,)),
    ("landlock_create_ruleset", (0, 0, 1), (0, errno.EOPNOTSUPP)),
    ("landlock_add_rule", (_NOWHERE, 0, 0, 0), (errno.EINVAL, errno.EBADF, errno.EOPNOTSUPP)),
    ("landlock_restrict_self", (_NOWHERE, 0), (errno.EBADF, errno.EOPNOTSUPP)),
)
_MOUNT_PROBES: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = (
    ("pivot_root", (0, 0), (errno.EFAULT, errno.ENOENT)),
    ("fsopen", (0, 0), (errno.EFAULT,)),
    ("move_mount", (_NOWHERE, 0, _NOWHERE, 0, 0), (errno.EFAULT, errno.EBADF)),
)


class Refused(NamedTuple):
    """A refused call, or request over netlink (`request`: its type). `filtered`: the filter that this process has too
    refused it; None: not known. `around`: as in `observe`.
    """

    pid: int
    process: str
    abi: str
    name: str
    errno: int
    values: tuple[int, ...]
    path: str
    filtered: bool | None
    own_filters: int  # that the process has beside those of this one
    apart: bool  # in another user namespace than this process
    request: int
    around: dict[str, Any]


class Ended(NamedTuple):
    """A process ended; `signal` 0: by itself."""

    pid: int
    parent: int
    code: int
    signal: int


class Noted(NamedTuple):
    """`executed`, a program; `unwatched`, a set-uid program that was not watched; `read`, a file of id ranges."""

    pid: int
    what: str
    path: str


Record = Any  # Refused, Ended, Noted


class TraceError(Exception):
    """It can't be traced, or not be started."""


class _Thread:
    """What is known of one traced thread between its stops."""

    __slots__ = ("abi", "number", "values")

    def __init__(self) -> None:
        self.abi = ""
        self.number = -1
        self.values: tuple[int, ...] = ()


class Tracer:
    """One command. `run` blocks; `stop` may be called from another thread or a signal handler."""

    def __init__(self, names: Names, told: Callable[[Record], None]) -> None:
        self._names, self._told = names, told
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._libc.ptrace.restype = ctypes.c_long
        self._info = ctypes.create_string_buffer(_INFO.size)
        self._threads: dict[int, _Thread] = {}
        self._parents: dict[int, int] = {}
        self._stopped = False
        self._kept = 0
        self._filter = answers_of_filter(names)
        self._own = _numbers(os.getpid(), "Seccomp_filters", "Seccomp")
        self._user = _link("/proc/self/ns/user")
        self._gains = bool(int(_status(os.getpid()).get("CapEff", "0"), 16) & _SYS_PTRACE)

    def run(self, words: Sequence[str], output: int, stdin: int | None = None) -> tuple[int, int]:
        """Run it to its end; its exit code, and the signal that ended it. `output`: where both of its outputs go.

        Raises TraceError.
        """
        first = self._begin(words, output, stdin)
        answer = (0, 0)
        try:
            while True:
                try:
                    tid, status = os.waitpid(-1, _ALL | _OWN_THREADS_ONLY)
                except ChildProcessError:
                    break
                if os.WIFSTOPPED(status):
                    self._at_stop(tid, status)
                    continue
                self._threads.pop(tid, None)
                code, number = (
                    (os.WEXITSTATUS(status), 0) if os.WIFEXITED(status) else (0, os.WTERMSIG(status))
                )  # fmt: skip
                self._told(Ended(tid, self._parents.get(tid, 0), code, number))
                if tid == first:
                    answer = code, number
                    self.stop()  # what it left in the background ends with it
        finally:
            self.stop()
        return answer

    def stop(self) -> None:
        """Kill all of it."""
        self._stopped = True
        for tid in tuple(self._threads):
            with contextlib.suppress(OSError):
                os.kill(tid, signal.SIGKILL)

    # -- inside

    def _begin(self, words: Sequence[str], output: int, stdin: int | None) -> int:
        go, seized = os.pipe()
        heard, says = os.pipe()
        child = os.fork()
        if child == 0:
            _become(words, output, stdin, go, (seized, heard), says)
        os.close(go)
        os.close(says)
        try:
            options = _GOOD | _FORK | _VFORK | _CLONE | _EXEC | _EXITKILL
            if self._ptrace(_SEIZE, child, 0, options) < 0:
                code = ctypes.get_errno()
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise TraceError(os.strerror(code))
            self._threads[child] = _Thread()
            # so that the calls after the next one are seen
            self._ptrace(0x4207, child, 0, 0)  # PTRACE_INTERRUPT
            os.write(seized, b"1")
            self._said = heard
            return child
        finally:
            os.close(seized)

    def failed_to_start(self) -> str:
        """Why the command was not executed, by errno; "" if it was."""
        found = os.read(self._said, 16)
        os.close(self._said)
        return found.decode("ascii")

    def _ptrace(self, what: int, tid: int, address: int = 0, data: Any = 0) -> int:
        result: int = self._libc.ptrace(what, tid, address, data)
        return result

    def _at_stop(self, tid: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        thread = self._threads.setdefault(tid, _Thread())
        if self._stopped:
            with contextlib.suppress(OSError):
                os.kill(tid, signal.SIGKILL)
        if number == signal.SIGTRAP | 0x80:
            if self._at_call(tid, thread):
                return  # it was let go
        elif event == _EVENT_STOP and number in _STOPS:
            self._ptrace(_LISTEN, tid)
            return
        elif event in _NEW_CHILD:
            message = ctypes.c_ulong()
            self._ptrace(_GET_EVENT, tid, 0, ctypes.addressof(message))
            self._parents.setdefault(message.value, tid)
            self._threads.setdefault(message.value, _Thread())
        elif event == _EXECUTED:
            self._executed(tid)
        elif event == 0 and number != signal.SIGTRAP:
            self._ptrace(_SYSCALL, tid, 0, int(number))
            return
        self._ptrace(_SYSCALL, tid)

    def _executed(self, tid: int) -> None:
        path = _link(f"/proc/{tid}/exe")
        self._told(Noted(tid, "executed", path))
        with contextlib.suppress(OSError):
            about = Path(f"/proc/{tid}/exe").stat()
            found = _status(tid)
            kept = found.get("NoNewPrivs") == "1" and found.get("Uid", "").split()[1:2] != [str(about.st_uid)]
            if about.st_mode & stat.S_ISUID and kept:
                self._told(Noted(tid, "not-gained", path))

    def _at_call(self, tid: int, thread: _Thread) -> bool:
        """At the beginning or end of a call; whether the thread was let go."""
        if self._ptrace(_SYSCALL_INFO, tid, _INFO.size, ctypes.addressof(self._info)) <= 0:
            return False
        found = _INFO.unpack(self._info.raw)
        if found[0] == _ENTRY:
            thread.abi, thread.number, thread.values = _ABIS.get(found[1], ""), found[4], found[5:11]
            return self._name(thread) == "execve" and self._lets_go(tid, thread)
        if found[0] == _EXIT and thread.number >= 0:
            answer = struct.unpack("=q", struct.pack("=Q", found[4]))[0]
            name = self._name(thread)
            if -4096 < answer < 0:
                self._refused(tid, thread, name, -answer)
            elif name in _ANSWERS and answer >= 36:
                self._answered(tid, thread, name, answer)
            elif name in _OPENS:
                path = self._path(tid, name, thread.values)
                if path in _FILES_OF_IDS:
                    self._told(Noted(_leader(tid), "read", path))
        return False

    def _name(self, thread: _Thread) -> str:
        return self._names.get(thread.abi, {}).get(thread.number, "")

    def _lets_go(self, tid: int, thread: _Thread) -> bool:
        """Let it go where it executes what gives rights, which it would not give to who is traced."""
        if self._gains or _numbers(tid, "NoNewPrivs")[0]:
            return False
        path = self._path(tid, "execve", thread.values)
        seen = f"/proc/{tid}/root{path}"
        try:
            about = Path(seen).stat()
            gives = bool(about.st_mode & (stat.S_ISUID | stat.S_ISGID)) or "security.capability" in os.listxattr(seen)
            silent = os.statvfs(seen).f_flag & os.ST_NOSUID
        except OSError:
            return False
        users = (described(tid).get("maps") or ((),))[0]
        known = any(outside <= about.st_uid < outside + count for _, outside, count in users)
        if silent or not gives or not known:  # a user namespace without the owner's id ignores it
            return False
        self._told(Noted(_leader(tid), "unwatched", path))
        self._threads.pop(tid, None)
        self._ptrace(_DETACH, tid)
        return True

    def _refused(self, tid: int, thread: _Thread, name: str, code: int) -> None:
        if code not in _REFUSED and code not in _ALSO.get(name, ()):
            return
        path = self._path(tid, name, thread.values)
        if code == errno.ENOENT and name in _OPENS and not path.startswith(_WATCHED_FILES):
            return
        if name == "write" and not path.startswith(("/proc/", "/sys/")):
            return
        self._tell(tid, thread, name, code, path, 0)

    def _answered(self, tid: int, thread: _Thread, name: str, size: int) -> None:
        """What a netlink socket's answer says of the request."""
        address = thread.values[1]
        if name == "recvmsg":  # struct msghdr: its fourth word is the array of buffers
            words = bytes_at(tid, address, 32)
            first = bytes_at(tid, struct.unpack("=4Q", words)[2], 8) if len(words) == 32 else b""
            address = struct.unpack("=Q", first)[0] if len(first) == 8 else 0
        data = bytes_at(tid, address, 36) if address else b""
        if len(data) < 36 or not _link(f"/proc/{tid}/fd/{number_of(thread.values[0])}").startswith("socket:"):
            return
        length, kind, answer, request = struct.unpack_from("=IH", data) + struct.unpack_from("=i4xH", data, 16)
        if kind == _NETLINK_ERROR and length >= 36 and -answer in (errno.EPERM, errno.EACCES):
            self._tell(tid, thread, name, -answer, "", request)

    def _tell(self, tid: int, thread: _Thread, name: str, code: int, path: str, request: int) -> None:
        if self._kept >= KEPT_MAX:
            return
        self._kept += 1
        around = described(tid)
        if path.startswith("/"):
            around["place"] = Walk(tid, 0).led(path, True)
        elif name in ("clone", "clone3", "unshare"):  # a root directory without a mount is a chroot's
            around["place"] = Walk(tid, 0).led("/", True)
        more = _numbers(tid, "Seccomp_filters")[0] - self._own[0]
        filtered = None if request else self._was_filtered(name, code, around)
        apart = _link(f"/proc/{tid}/ns/user") != self._user
        process = _word(f"/proc/{tid}/comm").strip()
        self._told(Refused(_leader(tid), process, thread.abi, name, code, thread.values, path, filtered,
                           max(more, 0), apart, request, around))  # fmt: skip

    def _was_filtered(self, name: str, code: int, around: dict[str, Any]) -> bool | None:
        if self._own[1] != 2:
            return False
        return None if name not in self._filter else self._filter[name] == code

    def _path(self, tid: int, name: str, values: tuple[int, ...]) -> str:
        if name == "write":
            return below(tid, place(tid, values[0]))
        where = _PATHS.get(name)
        if where is None:
            return ""
        text = _text(tid, values[where[0]])
        if text and not text.startswith("/"):
            base = below(tid, place(tid, HERE if where[1] is None else values[where[1]]))
            text = base.rstrip("/") + "/" + text if base.startswith("/") else text
        return text


def answers_of_filter(names: Names) -> dict[str, int]:
    """What the filter of this process answers to the calls of `PROBES`, in a child: errno, 0 where it lets it pass.

    What could not be found out is left out; all of it where there is no filter.
    """
    if _numbers(os.getpid(), "Seccomp")[0] != 2:
        return {}
    table = {name: number for number, name in names.get(native(), {}).items()}

    def work(pipe: int, parent: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        found = _tried(libc, table, PROBES)
        if libc.unshare(_NEW_USER | _NEW_MOUNTS) == 0:
            found.update(_tried(libc, table, _MOUNT_PROBES))
        os.write(pipe, json.dumps(found).encode("ascii"))
        os._exit(0)

    child, reads = children.start(work)
    try:
        text = os.read(reads, 1 << 14)
    finally:
        os.close(reads)
        os.waitpid(child, 0)
    try:
        answers: dict[str, int] = json.loads(text)
    except ValueError:  # a filter that kills
        return {}
    return answers


_SETTINGS = ("kernel/unprivileged_userns_clone", "kernel/apparmor_restrict_unprivileged_userns")
_SPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time")
_SIGNS = (("docker", "/.dockerenv"), ("podman", "/run/.containerenv"))


def surroundings() -> dict[str, Any]:
    """Where a command is started here: settings of the kernel and of this user's namespaces, mounts below /proc, the
    label of a security module, by which engine this is a container, and whether the user has a range of ids.
    """
    names = (*_SETTINGS, *(f"user/max_{each}_namespaces" for each in _SPACES))
    read = {name.replace("/", "."): _word("/proc/sys/" + name).strip() for name in names}
    lines = [line.split(" ") for line in _word("/proc/self/mountinfo").split("\n")]
    own = {str(os.getuid())}
    with contextlib.suppress(KeyError):
        own.add(pwd.getpwuid(os.getuid()).pw_name)
    ranges = [_word(path).split("\n") for path in _FILES_OF_IDS]
    return {
        "settings": {name: value for name, value in read.items() if value},
        "covered": [line[4] for line in lines if len(line) > 5 and line[4].startswith("/proc/")],
        "label": _word("/proc/self/attr/current").strip("\0\n "),
        "container": next((name for name, path in _SIGNS if Path(path).exists()), ""),
        "ranges": all(any(line.partition(":")[0] in own for line in each) for each in ranges),
        "uid": os.getuid(),
        "bounding": _status(os.getpid()).get("CapBnd", "0"),
        "machine": platform.machine(),
    }


def native() -> str:
    """This machine's entry point."""
    return {"arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _tried(libc: Any, table: dict[str, int], probes: Any) -> dict[str, int]:
    found = {}
    for name, values, expected in probes:
        if name not in table:
            continue
        ctypes.set_errno(0)
        answer = libc.syscall(ctypes.c_long(table[name]), *(ctypes.c_long(value) for value in values))
        code = ctypes.get_errno() if answer < 0 else 0
        if code in expected or answer >= 0:
            found[name] = 0
        elif code in (errno.EPERM, errno.EACCES, errno.ENOSYS):
            found[name] = code
    return found


def _become(words: Sequence[str], output: int, stdin: int | None, go: int, closed: tuple[int, ...], says: int) -> None:
    """In the child: wait until it is traced, then execute the command. Never returns."""
    try:
        for each in closed:
            os.close(each)
        os.read(go, 1)
        os.close(go)
        if stdin is not None:
            os.dup2(stdin, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvp(words[0], list(words))
    except OSError as error:
        os.write(says, str(error.errno).encode("ascii"))
    finally:
        os._exit(127)


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _word(path: str) -> str:
    try:
        return read_file(path)
    except (OSError, TooLongError):
        return ""


def _status(pid: int) -> dict[str, str]:
    return fields_of(_word(f"/proc/{pid}/status"))


def _numbers(pid: int, *names: str) -> list[int]:
    found = _status(pid)
    words = [found.get(name, "0") for name in names]
    return [int(word) if word.isdigit() else 0 for word in words]


def _leader(tid: int) -> int:
    return _numbers(tid, "Tgid")[0] or tid


def _text(tid: int, address: int) -> str:
    return text_at(tid, address).decode("utf-8", "surrogateescape")
