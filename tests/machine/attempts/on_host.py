"""What is made on the host for some configurations: sockets that take orders as D-Bus and systemd do, a mount that is
passed on, an engine's port.

Whoever listens on such a socket asks the kernel who called (SO_PEERCRED), and answers `yes` to whom it would obey.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from rig.engine import Rig

USER = 1000  # whose session it is
_CREDENTIALS = struct.Struct("3i")


@contextmanager
def obeying(path: Path, *users: int) -> Iterator[None]:
    """A socket at that path whose owner obeys these users of the host."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        path.chmod(0o666)
        server.listen(64)
        thread = threading.Thread(target=_answer, args=(server, users), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            path.unlink(missing_ok=True)


def _answer(server: socket.socket, users: tuple[int, ...]) -> None:
    while True:
        try:
            caller, _ = server.accept()
        except OSError:
            return  # the end of the test
        with caller, suppress(OSError):
            held = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            caller.sendall(b"yes" if _CREDENTIALS.unpack(held)[1] in users else b"no")


@contextmanager
def buses(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """A bus as the system's, a user's bus and that user's systemd, in folders of the trial's: {bus} and {session}."""
    own = Path(tempfile.mkdtemp(dir=folder))
    for place in (own, own / "buses", own / "session", own / "session" / "systemd"):
        place.mkdir(exist_ok=True)
        place.chmod(0o755)
    with ExitStack() as stack:
        stack.enter_context(obeying(own / "buses" / "system_bus_socket", 0))
        stack.enter_context(obeying(own / "session" / "bus", USER))
        stack.enter_context(obeying(own / "session" / "systemd" / "private", 0, USER))
        yield {"bus": str(own / "buses"), "session": str(own / "session")}


@contextmanager
def shared_mount(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """A mount whose changes are passed on, {shared}, with a folder `below`."""
    place = Path(tempfile.mkdtemp(dir=folder))
    subprocess.run(("mount", "-t", "tmpfs", "strata-shared", place), check=True)
    try:
        subprocess.run(("mount", "--make-rshared", place), check=True)
        (place / "below").mkdir()
        yield {"shared": str(place)}
    finally:
        subprocess.run(("umount", "-R", place), check=True)


@contextmanager
def engine_port(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """Somebody listens for everyone at the port of Docker's plain API."""
    with socket.create_server(("0.0.0.0", 2375)):
        yield {}


@contextmanager
def local_engine_port(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """The same for the host itself alone."""
    with socket.create_server(("127.0.0.1", 2375)):
        yield {}


@contextmanager
def abstract_shim(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """A socket as old containerd has for each container."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/containerd-shim/strata-attempt.sock")
        server.listen(64)
        yield {}


def kernel_tree(kind: str, *command: str) -> Callable[[Rig, Path], AbstractContextManager[dict[str, str]]]:
    """A kernel file system of that kind is mounted where the engine sees it, as the word KIND. `command`: run with its
    place afterwards.
    """

    @contextmanager
    def mounted(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
        place = tempfile.mkdtemp(dir=folder)
        there = ("nsenter", f"--mount=/proc/{rig.daemon_pids()[0]}/ns/mnt", "--")
        subprocess.run((*there, "mount", "-t", kind, f"strata-{kind}", place), check=True)
        try:
            if command:
                subprocess.run((*there, *command, place), check=True)
            yield {kind: place}
        finally:
            subprocess.run((*there, "umount", place), check=True)

    return mounted


# bpf(2), on x86_64: BPF_MAP_CREATE of an array, BPF_OBJ_PIN
_PIN = """
import ctypes, struct, sys
call = ctypes.CDLL(None).syscall
made = call(321, 0, ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1), 128), 72)
path = ctypes.create_string_buffer(sys.argv[1].encode() + b"/strata-pinned")
pin = ctypes.create_string_buffer(struct.pack("QI", ctypes.addressof(path), max(made, 0)), 128)
sys.exit(made < 0 or call(321, 6, pin, 16) < 0)
"""
pinned_map = kernel_tree("bpf", sys.executable, "-c", _PIN)  # a BPF file system, {bpf}, in which root keeps a map
