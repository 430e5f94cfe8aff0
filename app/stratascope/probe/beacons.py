"""What stands ready on this machine while a copy tries threats: things that only who is in the host's own namespaces
reaches. Ours alone, harmless, and gone at the end. Sockets go with this process however it ends, and a key is taken
away by a child that waits for that; a shared memory segment would stay, so that those of processes that are gone are
removed first, known by their key and size.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stratascope.collector import children

_IPC_CREAT, _IPC_EXCL, _IPC_RMID = 0o1000, 0o2000, 0
_SIZE, _TRIES = 4096, 8
_KEYS = 0x57AA0000  # the upper half of the keys of ours
_SEGMENTS = Path("/proc/sysvipc/shm")
_ADD_KEY, _KEYCTL = 248, 250  # of x86_64, which the program of the attempts is for
_USER_KEYRING, _UNLINK, _SET_TIMEOUT = -4, 9, 15  # include/uapi/linux/keyctl.h
_KEPT = 300  # seconds after which the kernel takes a key away itself
_WAIT = 2.0


@contextmanager
def standing(user: int | None = None) -> Iterator[Mapping[str, str]]:
    """An abstract socket, a port of localhost for TCP and UDP, a System V segment, a key in that user's keyring, and
    the root directory, to be known by: names as the program of the attempts takes them. What this user may not make is
    not among them.
    """
    root = Path("/").stat()
    found = {"ROOT": f"{root.st_dev}:{root.st_ino}"}
    with ExitStack() as stack:
        with suppress(OSError):
            name = f"stratascope-{secrets.token_hex(12)}"
            hidden = stack.enter_context(socket.socket(socket.AF_UNIX))
            hidden.bind(f"\0{name}")
            hidden.listen(64)
            found["SOCKET"] = name
        with suppress(OSError):
            port = stack.enter_context(socket.socket())
            port.bind(("127.0.0.1", 0))
            port.listen(64)
            datagrams = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            datagrams.bind(port.getsockname())
            found["PORT"] = str(port.getsockname()[1])
        key = stack.enter_context(_segment())
        if key is not None:
            found["SEGMENT"] = str(key)
        name = f"stratascope-{secrets.token_hex(12)}"
        if user is not None and stack.enter_context(key_of(user, name)):
            found["KEY"] = name
        yield found


@contextmanager
def key_of(user: int, name: str) -> Iterator[bool]:
    """A key of that name, with nothing secret in it, in the keyring of that user of this machine; whether it could be
    made. It goes with this process however it ends.
    """
    library = ctypes.CDLL(None, use_errno=True)
    try:
        child, pipe = children.start(lambda out, _: _keep_key(library, user, name.encode(), out))
    except OSError:
        yield False
        return
    try:
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        yield bool(poll.poll(_WAIT * 1000)) and os.read(pipe, 1) == b"1"
    finally:
        os.close(pipe)
        until = time.monotonic() + _WAIT
        while not (gone := children.reaped(child)) and time.monotonic() < until:
            time.sleep(0.001)
        if not gone:
            children.stopped(child, _WAIT)


def _keep_key(library: ctypes.CDLL, user: int, name: bytes, out: int) -> None:
    """The child: until nobody reads its pipe any more."""
    os.setsid()  # the keys of a terminal are for its parent
    children.close_all_but(out)
    if os.uname().machine == "x86_64":
        if user != os.getuid():
            os.setresuid(user, user, user)
        made = library.syscall(_ADD_KEY, b"user", name, b"-", 1, _USER_KEYRING)
        if made > 0:
            library.syscall(_KEYCTL, _SET_TIMEOUT, made, _KEPT)
            os.write(out, b"1")
            poll = select.poll()
            poll.register(out, 0)
            poll.poll()
            library.syscall(_KEYCTL, _UNLINK, made, _USER_KEYRING)
    os._exit(0)


@contextmanager
def _segment() -> Iterator[int | None]:
    library = ctypes.CDLL(None, use_errno=True)
    for left in _left():
        library.shmctl(left, _IPC_RMID, None)
    for _ in range(_TRIES):
        key = _KEYS | secrets.randbelow(1 << 16)
        made = library.shmget(key, _SIZE, _IPC_CREAT | _IPC_EXCL | 0o444)
        if made >= 0:
            try:
                yield key
            finally:
                library.shmctl(made, _IPC_RMID, None)
            return
    yield None


def _left() -> Iterator[int]:
    """The segments of ours whose maker is gone."""
    try:
        lines = _SEGMENTS.read_text(encoding="ascii").splitlines()[1:]
    except (OSError, ValueError):
        return
    for line in lines:  # key shmid perms size cpid lpid nattch uid …
        words = line.split()
        if len(words) < 8 or int(words[0]) & 0xFFFF0000 != _KEYS or int(words[3]) != _SIZE:
            continue
        if int(words[7]) == os.geteuid() and not Path(f"/proc/{words[4]}").exists():
            yield int(words[1])
