"""Whether a program that lives works on a container, whoever's journal it writes: a name that the kernel takes back.

Users have journals of their own, and root by sudo another one, so their files can't lock each other out; what works
across them must be of the machine, and end with the program. A socket in the abstract namespace (unix(7)) is both, and
needs no folder that all may write. It is a hint only, since anybody can bind a name: another ordinary user's is not
believed where it would keep this program from its work, and the engine's own names (`core.relaunch.engine_marks`) are
what decides. Decided against PIDs in labels: they mean nothing in another PID namespace.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from stratascope.core.relaunch.transaction import BusyError

_CREDENTIALS = struct.Struct("iii")  # struct ucred: pid, uid, gid


@contextmanager
def held(container: str) -> Iterator[None]:
    """Raises BusyError where root or this user works on it by another journal."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as mark:
        try:
            mark.bind(_name(container))
            mark.listen(8)  # what connects is never accepted: that it can is the answer
        except OSError:  # taken; or no such sockets here, where the engine's names have to do
            if _holder(container) in (0, os.geteuid()):
                raise BusyError(container) from None
        yield


def is_held(container: str) -> bool:
    """Also by a user who is not believed above: whatever may be alive is left alone."""
    return _holder(container) is not None


def _holder(container: str) -> int | None:
    """The user of the program that holds it; None where none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as asking:
        try:
            asking.connect(_name(container))
        except BlockingIOError:  # as many ask as may wait
            return os.geteuid()
        except OSError:
            return None
        said = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        user: int = _CREDENTIALS.unpack(said)[1]
        return user


def _name(container: str) -> str:
    return f"\0stratascope/{hashlib.sha256(container.encode()).hexdigest()[:32]}"
