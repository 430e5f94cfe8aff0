"""A twin's overlay mounted for a moment, nowhere and for us alone, to change owners in it before the twin starts.

Docker mounts it with the container and runs the program at once; a mount that was made by fsopen(2) and attached to
nothing is seen by nobody, and gone with its descriptor, also after SIGKILL. Decided against writing into the upper
folder by ourselves: what a file of the lower one looks like there is the kernel's business.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stratascope.background_call import BackgroundCall

# include/uapi/linux/mount.h, since Linux 5.2; the numbers are those of every architecture but alpha
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_CLOEXEC, _SET_STRING, _CREATE = 1, 1, 6
_CLONE_FS, _CLONE_NEWNS = 0x200, 0x20000


@contextmanager
def overlay(lower: int, upper: int, work: int, namespace: str) -> Iterator[int]:
    """The top of it as a descriptor, from those of its layers. `namespace`: the file of the mount namespace
    (/proc/PID/ns/mnt) in which they are: the kernel takes layers of its caller's only (clone_private_mount). Raises
    OSError.
    """
    # a thread of its own, which ends with the call: nothing else of this program may come to see other files
    top = BackgroundCall(lambda: _mounted(lower, upper, work, namespace)).result()
    try:
        yield top
    finally:
        os.close(top)


def _mounted(lower: int, upper: int, work: int, namespace: str) -> int:
    place = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("unshare", _CLONE_FS)  # else this is refused to one thread of several: setns(2)
        _call("setns", place, _CLONE_NEWNS)
    finally:
        os.close(place)
    made = _call("syscall", ctypes.c_long(_FSOPEN), b"overlay", _CLOEXEC)
    try:
        for name, layer in (("lowerdir", lower), ("upperdir", upper), ("workdir", work)):
            words = (name.encode(), b"/proc/self/fd/%d" % layer)  # not a path, which may lead elsewhere by now
            _call("syscall", ctypes.c_long(_FSCONFIG), made, _SET_STRING, *words, 0)
        _call("syscall", ctypes.c_long(_FSCONFIG), made, _CREATE, None, None, 0)
        return _call("syscall", ctypes.c_long(_FSMOUNT), made, _CLOEXEC, 0)
    finally:
        os.close(made)


def _call(name: str, *arguments: Any) -> int:
    if os.uname().machine == "alpha":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    call = getattr(ctypes.CDLL(None, use_errno=True), name)
    call.restype = ctypes.c_long
    done: int = call(*arguments)
    if done < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return done
