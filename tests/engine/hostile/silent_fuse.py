"""A FUSE file system that never answers, in another process's mount namespace: whoever asks it waits for good.

    with silent(pid, "/opt/x") as asked: ...       # over a folder or a single file that is there
        assert asked() == []                       # the kinds of requests (fuse(4)) that were waiting in vain

Speaks just enough of the protocol (include/uapi/linux/fuse.h) to be mounted and to let a process change into it. A
request that was taken and is not answered can't be broken off by a signal: its asker is in state D until the connection
ends. That happens with the last descriptor of /dev/fuse, so with the program below, which also ends with its parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

INIT, ACCESS = 26, 34
KINDS = {1: "LOOKUP", 3: "GETATTR", 14: "OPEN", 15: "READ", 17: "STATFS", 22: "GETXATTR", 27: "OPENDIR", 28: "READDIR"}
QUIET = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET: nobody waits for an answer
CLONE_NEWNS = 0x00020000
PR_SET_PDEATHSIG = 1
_IN, _OUT = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def silent(pid: int, path: str) -> Iterator[Callable[[], list[str]]]:
    """Mounted over `path` as the process sees it, until the end of the block; yields what tells who asked."""
    told, theirs = os.pipe()
    os.set_blocking(told, False)
    server = subprocess.Popen(
        (sys.executable, __file__, str(pid), path, str(theirs)), pass_fds=(theirs,), stdout=subprocess.PIPE, text=True
    )
    os.close(theirs)
    heard: list[str] = []

    def asked() -> list[str]:
        with suppress(BlockingIOError):
            heard.extend(os.read(told, 1 << 16).decode().split())
        return heard

    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "mounted\n"
        yield asked
    finally:
        server.kill()  # which ends the connection, and lets go whoever waits
        server.communicate()
        os.close(told)
        _unmount(pid, path)


def _unmount(pid: int, path: str) -> None:
    """The mount itself stays, though every call there fails at once (ENOTCONN): no trace is left."""
    if Path(f"/proc/{pid}/ns/mnt").exists():
        subprocess.run(
            ("nsenter", "-t", str(pid), "-m", "--", "/bin/umount", "-l", path), capture_output=True, check=False
        )


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def main(pid: int, path: str, told: int) -> None:
    _check(_LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    device = os.open("/dev/fuse", os.O_RDWR)
    there = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    _check(_LIBC.setns(there, CLONE_NEWNS), "setns")
    kind = 0o40000 if Path(path).is_dir() else 0o100000
    options = f"fd={device},rootmode={kind:o},user_id=0,group_id=0,allow_other"
    _check(_LIBC.mount(b"silent", path.encode(), b"fuse", 0, options.encode()), "mount")
    sys.stdout.write("mounted\n")
    sys.stdout.flush()
    while True:
        request = os.read(device, 1 << 20)
        _, opcode, unique, *_ = _IN.unpack_from(request)
        if opcode == INIT:
            body = struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 16, 0, 12, 9, 1 << 16, 1, 0, 0, 0)
            os.write(device, _OUT.pack(_OUT.size + len(body), 0, unique) + body)
        elif opcode == ACCESS:  # not done: the kernel asks no more, and lets everybody in
            os.write(device, _OUT.pack(_OUT.size, -38, unique))
        elif opcode not in QUIET:
            os.write(told, f"{KINDS.get(opcode, str(opcode))}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
