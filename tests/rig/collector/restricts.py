"""A program that restricts itself with Landlock as it is told, in JSON by line, and then tries what it is told.

`{"layers": [{"files", "network", "scopes", "rules": [[path, rights], …], "ports": [[port, rights], …]}, …]}` gives
`"ready"`; `{"try": [[what, where], …]}` gives for each whether Landlock let it pass: EACCES and EPERM are its refusals.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIBRARY = ctypes.CDLL(None, use_errno=True)


def call(*words: Any) -> int:
    """A system call; raises OSError."""
    found = LIBRARY.syscall(*[ctypes.c_long(each) if isinstance(each, int) else each for each in words])
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(found)


def restrict(layer: dict[str, Any]) -> None:
    """Put one layer on this thread."""
    attributes = struct.pack("QQQ", layer["files"], layer["network"], layer["scopes"])
    ruleset = call(444, attributes, len(attributes), 0)
    for path, rights in layer["rules"]:
        folder = os.open(path, os.O_PATH)
        call(445, ruleset, 1, struct.pack("=Qi", rights, folder), 0)
        os.close(folder)
    for port, rights in layer["ports"]:
        call(445, ruleset, 2, struct.pack("=QQ", rights, port), 0)
    LIBRARY.prctl(38, 1, 0, 0, 0)
    call(446, ruleset, 0)
    os.close(ruleset)


def opened(path: str, flags: int) -> None:
    """Open and close it."""
    os.close(os.open(path, flags))


def connected(port: int) -> None:
    """Connect by TCP."""
    with socket.socket() as made:
        made.connect(("127.0.0.1", port))


def bound(port: int) -> None:
    """Bind by TCP."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", port))


def abstract(name: str) -> None:
    """Connect to an abstract socket."""
    with socket.socket(socket.AF_UNIX) as made:
        made.connect("\0" + name)


def executed(path: str) -> None:
    """Execute it: ENOEXEC where it may be."""
    os.execv(path, [path])


ATTEMPTS: dict[str, Callable[[Any], Any]] = {
    "execute": executed,
    "write_file": lambda path: opened(path, os.O_WRONLY),
    "read_file": lambda path: opened(path, os.O_RDONLY),
    "read_dir": os.listdir,
    "remove_dir": lambda path: Path(path, "empty").rmdir(),
    "remove_file": lambda path: Path(path, "spare").unlink(),
    "make_char": lambda path: os.mknod(path + "/made", 0o20600, os.makedev(1, 3)),
    "make_dir": lambda path: Path(path, "made").mkdir(),
    "make_reg": lambda path: os.mknod(path + "/made", 0o100600),
    "make_sock": lambda path: os.mknod(path + "/made", 0o140600),
    "make_fifo": lambda path: os.mkfifo(path + "/made"),
    "make_block": lambda path: os.mknod(path + "/made", 0o60600, os.makedev(7, 250)),
    "make_sym": lambda path: Path(path, "made").symlink_to("x"),
    "truncate": lambda path: os.truncate(path, 0),
    "bind_tcp": bound,
    "connect_tcp": connected,
    "abstract": abstract,
    "signal": lambda pid: os.kill(pid, 0),
    "trace": lambda pid: Path(f"/proc/{pid}/root").readlink(),
    "mount": lambda path: call(165, b"none", os.fsencode(path), b"tmpfs", 0, 0),
}


def passes(what: str, where: Any) -> bool:
    """Whether it is let pass; other errors come after Landlock."""
    child = os.fork()
    if child == 0:
        code = 2
        try:
            ATTEMPTS[what](where)
            code = 0
        except OSError as error:
            code = 1 if error.errno in (errno.EACCES, errno.EPERM) else 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


for line in sys.stdin:
    asked = json.loads(line)
    for layer in asked.get("layers", ()):
        restrict(layer)
    answer = [passes(*each) for each in asked["try"]] if "try" in asked else "ready"
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
