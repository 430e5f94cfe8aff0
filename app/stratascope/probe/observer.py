"""The observer, started as root in the same ways as the collector: what one container really does, as typed events.

One child per observation, since its stream takes the whole pipe; it is the collector's own program, or the installed
helper, which has the same modules. It ends when it is closed, when its time is over and with this program, and leaves
nothing behind. Decided against a thread that reads ahead: a slow reader slows the stream, and what the kernel could not
keep meanwhile is reported as lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import time
from collections.abc import Iterator, Mapping

from stratascope import sandbox
from stratascope.core.message import msg
from stratascope.core.observation.events import LINE_MAX, End, Event, StreamError, parse_event
from stratascope.core.observation.observation import FilterAnswer, ObserverRequest, Stream
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.sanitize import plain
from stratascope.linux.syscalls import Abi, abis_of, numbers
from stratascope.probe.helper.elevated import PATIENCE, ElevatedProber, RootCommand, RootMethod, open_elevated, ways
from stratascope.probe.piped import withheld
from stratascope.value import Value

_SLICE = 1 << 16
_GOODBYE = 10.0  # seconds to wait for its last lines
_WORDS_MAX = 4096

Places = tuple[tuple[str, tuple[int, ...]], ...]  # names of calls, and the indexes of their arguments

# Arguments that the engines' filters test (seccomp.json of Docker and Podman), operations that a derived filter tells
# apart (layers/seccomp/profiles.py), namespaces that are made or entered, and the ids that a process changes to
ARGUMENTS: Places = (
    ("bpf", (0,)),
    ("clone", (0,)),
    ("ioctl", (1,)),
    ("keyctl", (0,)),
    ("personality", (0,)),
    ("prctl", (0,)),
    ("ptrace", (0,)),
    ("setgid", (0,)),
    ("setns", (1,)),
    ("setregid", (1,)),
    ("setresgid", (1,)),
    ("setresuid", (1,)),
    ("setreuid", (1,)),
    ("setuid", (0,)),
    ("socket", (0, 1, 2)),
    ("syslog", (0,)),
    ("unshare", (0,)),
)
# Where a refused call has its path: an argument that is one, one relative to the open directory before it, both also as
# a name in a directory (a link at its end is not followed), or an open file (`collector/observe/moments.py`)
_PATHS = {
    "path": {
        **dict.fromkeys(("access", "acct", "chdir", "chmod", "chown", "chroot", "creat", "execve", "getxattr"), 0),
        **dict.fromkeys(("link", "listxattr", "open", "pivot_root", "removexattr", "setxattr", "stat", "statfs"), 0),
        **dict.fromkeys(("swapoff", "swapon", "truncate", "umount2", "uselib", "utime", "utimes"), 0),
        **dict.fromkeys(("inotify_add_watch", "mount", "quotactl"), 1),
    },
    "at": {
        **dict.fromkeys(("execveat", "faccessat", "faccessat2", "fchmodat", "fchmodat2", "fchownat"), 1),
        **dict.fromkeys(
            ("file_getattr", "file_setattr", "fspick", "futimesat", "getxattrat", "listxattrat", "mount_setattr"), 1
        ),
        **dict.fromkeys(("name_to_handle_at", "newfstatat", "open_tree", "open_tree_attr", "openat", "openat2"), 1),
        **dict.fromkeys(("removexattrat", "setxattrat", "statx", "utimensat"), 1),
        "move_mount": 3,
        "fanotify_mark": 4,
    },
    "entry": {
        **dict.fromkeys(("lchown", "lgetxattr", "llistxattr", "lremovexattr", "lsetxattr", "lstat", "mkdir"), 0),
        **dict.fromkeys(("mknod", "readlink", "rename", "rmdir", "unlink"), 0),
        "symlink": 1,
    },
    "entry-at": {
        **dict.fromkeys(("linkat", "mkdirat", "mknodat", "readlinkat", "renameat", "renameat2", "unlinkat"), 1),
        "symlinkat": 2,
    },
    "fd": {
        **dict.fromkeys(("fallocate", "fchdir", "fchmod", "fchown", "fcntl", "fdatasync", "fgetxattr"), 0),
        **dict.fromkeys(
            ("finit_module", "flistxattr", "fremovexattr", "fsetxattr", "fstatfs", "fsync", "ftruncate", "getdents64"),
            0,
        ),
        **dict.fromkeys(("ioctl", "kexec_file_load", "open_by_handle_at", "pread64", "preadv", "pwrite64"), 0),
        **dict.fromkeys(("pwritev", "quotactl_fd", "read", "readv", "sendfile", "setns", "write", "writev"), 0),
        **dict.fromkeys(("copy_file_range", "epoll_ctl", "splice"), 2),
        "mmap": 4,
    },
}
# The index of flags which may say that a link at the end is not followed (AT_SYMLINK_NOFOLLOW)
_FLAGS = {
    **dict.fromkeys(("execveat", "fchownat", "name_to_handle_at"), 4),
    **dict.fromkeys(("faccessat2", "fchmodat2", "newfstatat", "utimensat"), 3),
    **dict.fromkeys(("mount_setattr", "open_tree", "statx"), 2),
}


class ObservationTarget(Value):
    """What to observe: a container by its first process, or a control group that was made before it started.

    `start`: the process's start time (field 22 of /proc/PID/stat), so that a reused PID is not mistaken for it;
    `container`: its id, which identifies its control group; `group`: path below the hierarchy, with `pid` 0 if there is
    no process yet; `answers`: what its filters return besides the usual; `arguments`: to be reported; `places`:
    of it, and whether what is reached through them is to be reported.
    """

    pid: int
    container: str = ""
    start: str = ""
    group: str = ""
    seconds: float = 3600.0
    answers: tuple[FilterAnswer, ...] = ()
    arguments: Places = ARGUMENTS
    places: tuple[tuple[str, bool], ...] = ()

    def request(self) -> bytes:
        """The request line for the observer."""
        tables = {abi: numbers(abi) for abi in abis_of(os.uname().machine)}
        arguments, paths = {}, {}
        answers: dict[str, dict[int, list[int]]] = {}
        for abi, known in tables.items():
            arguments[abi] = {known[name]: places for name, places in self.arguments if name in known}
            paths[abi] = {
                known[name]: (place, kind, _FLAGS[name]) if name in _FLAGS else (place, kind)
                for kind, names in _PATHS.items()
                for name, place in names.items()
                if name in known
            }
        for each in self.answers:
            number = tables.get(Abi(each.abi), {}).get(each.name)
            if number is not None:
                answers.setdefault(each.abi, {}).setdefault(each.errno, []).append(number)
        asked = {
            "ask": "observe",
            "pid": self.pid,
            "start": self.start,
            "container": self.container,
            "group": self.group,
            "seconds": self.seconds,
            "answers": answers,
            "numbers": tables,
            "arguments": arguments,
            "paths": paths,
            "places": dict(self.places),
        }
        return json.dumps(asked).encode("ascii") + b"\n"


class Observation:
    """A stream of events; iterate once, in one thread. Ends with `End`, or when it was closed.

    Raises ProbeError if the observer refuses, dies or sends an invalid line.
    """

    def __init__(self, prober: ElevatedProber, watched: ObservationTarget) -> None:
        self._prober = prober
        self._closing: float | None = None
        child = prober.child
        if child is None or child.stdin is None or child.stdout is None or child.stderr is None:
            raise _ended("")
        self._input, self._output, self._errors = child.stdin, child.stdout, child.stderr
        self._words = b""
        os.set_blocking(self._input.fileno(), True)
        try:
            self._input.write(watched.request())
        except OSError as error:
            prober.close()
            raise _ended(str(error)) from error

    def close(self) -> None:
        """Ask it to end: its last events still come. From any thread, and more than once."""
        if self._closing is None:
            self._closing = time.monotonic() + _GOODBYE
            with contextlib.suppress(OSError):
                self._input.close()

    def __iter__(self) -> Iterator[Event]:
        try:
            yield from self._events()
        finally:
            self.close()
            self._prober.close()

    def _events(self) -> Iterator[Event]:
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            selector.register(self._errors, selectors.EVENT_READ)
            while True:
                if self._closing is not None and time.monotonic() > self._closing:
                    return
                for key, _ in selector.select(1.0):
                    if key.fileobj is self._errors:
                        if not self._listen():
                            selector.unregister(self._errors)
                        continue
                    chunk = self._output.read(_SLICE)
                    if chunk is None:
                        continue
                    if not chunk:
                        if self._closing is None:
                            raise _ended(plain(self._words.decode("utf-8", "surrogateescape")))
                        return
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        event = self._event(line)
                        yield event
                        if isinstance(event, End):
                            return
                    if len(rest) > LINE_MAX:
                        raise _nonsense("a line is too long")

    def _event(self, line: bytes) -> Event:
        text = line.decode("utf-8", "replace")
        try:
            return parse_event(text)
        except StreamError as error:
            with contextlib.suppress(ValueError, RecursionError):
                found = json.loads(text)
                if isinstance(found, dict) and "refused" in found:
                    raise ProbeError(
                        msg("This container can't be observed. Nothing has changed."), plain(str(found["refused"]))
                    ) from None
            raise _nonsense(str(error)) from error

    def _listen(self) -> bool:
        chunk = self._errors.read(_SLICE)
        self._words = (self._words + (chunk or b""))[-_WORDS_MAX:]
        return chunk != b""


def observe(
    candidates: tuple[RootCommand, ...],
    watched: ObservationTarget,
    *,
    patience: float = PATIENCE,
    started: list[ElevatedProber],
) -> Observation:
    """Start observing, by the first way that leads to root. Raises ProbeError; `started` as for `open_elevated`."""
    return Observation(open_elevated(candidates, patience=patience, started=started), watched)


def _ended(words: str) -> ProbeError:
    return ProbeError(msg("The observer ended prematurely. Nothing has changed; observe again."), words)


def _nonsense(words: str) -> ProbeError:
    return ProbeError(msg("What answers as root is not Stratascope's observer. Nothing has changed."), plain(words))


class Root:
    """A `RootAccess`: finds out how the collector can be started as root, and starts it on request."""

    def __init__(
        self, environ: Mapping[str, str], started: list[ElevatedProber], access: sandbox.Access, terminal: bool
    ) -> None:
        self._withheld = access is sandbox.Access.WITHHELD
        flatpak = access is not sandbox.Access.OUTSIDE
        self._ways = () if self._withheld else ways(environ, flatpak=flatpak, terminal=terminal)
        self._started = started  # for their owner to close

    @property
    def command(self) -> str:
        """The command tried first; "" if no authorisation is needed, since this program is root."""
        asked = [way.words for way in self._ways if way.kind is not RootMethod.ROOT]
        return asked[0] if asked else ""

    def begin(self, target: ObserverRequest) -> Stream:
        """As a `core.observation.observation.Observer`: authorise and start. Raises ProbeError."""
        if self._withheld:
            raise withheld()
        watched = ObservationTarget(
            target.pid,
            target.container,
            target.start,
            target.group,
            target.seconds,
            target.answers,
            places=target.places,
        )
        return observe(self._ways, watched, started=self._started)

    def open(self) -> Prober:
        """Authorise and start. Raises ProbeError."""
        if self._withheld:
            raise withheld()
        return open_elevated(self._ways, started=self._started)
