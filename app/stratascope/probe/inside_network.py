"""Connections made inside another process's network namespace, where this user may enter it (setns(2)).

A socket stays in the namespace in which it was made, and a namespace belongs to a thread, so a thread of its own enters
and ends. Decided against nsenter(1): it need not be there.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Sequence

_CLONE_NEWNET = 0x40000000
_SECONDS = 2.0  # for one connection; a socket that listens is connected to at once, over the loopback interface


def connects(pid: int, ports: Sequence[int]) -> tuple[int, ...] | None:
    """Those TCP ports on its loopback addresses that take a connection. None: that namespace can't be entered."""
    found: list[int] = []
    entered: list[bool] = []

    def enter() -> None:
        try:
            handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            if ctypes.CDLL(None, use_errno=True).setns(handle, _CLONE_NEWNET) != 0:
                return
        finally:
            os.close(handle)
        entered.append(True)
        found.extend(port for port in ports if _takes(port))

    thread = threading.Thread(target=enter, name="inside")
    thread.start()
    thread.join()
    return tuple(found) if entered else None


def _takes(port: int) -> bool:
    for address in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((address, port), _SECONDS).close()
        except OSError:
            continue
        return True
    return False
