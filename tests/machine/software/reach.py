"""To be a client of the software in the containers: in the network where its ports are, in the language of each.

Whoever asks comes from another network, by the host's address: a door that is shut to them alone is shut here too.
Written out here in the few words that the tests need, or by Python's own clients: what speaks is then no program of the
image, which hardening may have broken, and nothing has to be installed. Rootful Docker's test daemon has a network of
its own, whose ports the machine does not see; what is not published is asked for inside the container's network.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from machine.software.program import BrokenError, Check, Service
from rig.engine import Rig

T = TypeVar("T")

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PATIENCE = 15.0  # seconds for one answer
UP = 60.0  # for a program to be up; what the tests wait for comes in a few


def network_of(rig: Rig) -> str:
    """The network namespace in which the engine publishes ports."""
    return f"/proc/{rig.keeper.pid}/ns/net"


def free_port() -> int:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        port: int = link.getsockname()[1]
        return port


def in_network(path: str, work: Callable[[], T]) -> T:
    """What `work` returns in that network namespace: sockets stay in the namespace of the thread that made them."""

    def enter() -> T:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if LIBC.setns(handle, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(handle)
        return work()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(enter).result()


@dataclass(frozen=True, slots=True)
class Far:
    """Another network: its namespace, and the address by which the engine's host is reached from there."""

    network: str
    host: str


_FAR: dict[str, Far] = {}
_KEPT: list[subprocess.Popen[bytes]] = []


def far(rig: Rig) -> Far:
    """Where clients of that engine's containers are, made on first use.

    Where the engine has a network of its own it is one beside it, joined by a cable; for Podman, which runs in the
    machine's, that of a container of another of its networks. The ports of rootless engines are asked for on the spot.
    """
    key = str(rig.folder)
    if key not in _FAR:
        if rig.rootless:
            _FAR[key] = Far(network_of(rig), "127.0.0.1")
        else:
            _FAR[key] = _by_cable(rig) if rig.kind == "docker" else _by_container(rig)
    return _FAR[key]


def _by_cable(rig: Rig) -> Far:
    keeper = subprocess.Popen(("unshare", "-n", "sh", "-c", "echo; cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    _KEPT.append(keeper)  # its input ends with this process, and so it
    assert keeper.stdout is not None
    keeper.stdout.readline()
    ends = {keeper.pid: ("soft-far", "10.77.9.2"), rig.keeper.pid: ("soft-host", "10.77.9.1")}
    (here, (first, _)), (there, (second, host)) = ends.items()
    words = ("link", "add", first, "netns", str(here), "type", "veth", "peer", "name", second, "netns", str(there))
    subprocess.run(("ip", *words), check=True)
    for pid, (name, address) in ends.items():
        for each in (("address", "add", f"{address}/24", "dev", name), ("link", "set", name, "up")):
            subprocess.run(("nsenter", f"--net=/proc/{pid}/ns/net", "ip", *each), check=True)
    return Far(f"/proc/{keeper.pid}/ns/net", host)


def _by_container(rig: Rig) -> Far:
    rig.run("network", "create", "far")
    rig.run("run", "-d", "--name", "far-client", "--network", "far", "busybox", "sleep", "86400")
    gateway: str = rig.inspect("far-client")["NetworkSettings"]["Networks"]["far"]["Gateway"]
    return Far(f"/proc/{rig.pid('far-client')}/ns/net", gateway)


def outside(at: Service, work: Callable[[str], T]) -> T:
    """In another network, given the host's address there."""
    where = far(at.rig)
    return in_network(where.network, lambda: work(where.host))


def inside(at: Service, work: Callable[[], T]) -> T:
    """In the network of the container."""
    try:
        pid = at.rig.pid(at.name)
    except AssertionError as error:
        raise BrokenError(str(error)) from None
    return in_network(f"/proc/{pid}/ns/net", work)


def connect(at: Service) -> socket.socket:
    """A connection to its published port, from another network."""
    where = far(at.rig)
    return in_network(where.network, lambda: socket.create_connection((where.host, at.port), PATIENCE))


def crowd(at: Service, count: int, one: Callable[[socket.socket], bool]) -> None:
    """That many connections at once, all of which are answered. Raises BrokenError."""
    with ExitStack() as stack:
        links = [stack.enter_context(connect(at)) for _ in range(count)]
        answered = sum(one(link) for link in links)
    if answered != count:
        raise BrokenError(f"{answered} of {count} connections were answered")


def wait(what: str, ask: Callable[[], bool], seconds: float = 15.0) -> None:
    """Until it is so. Raises BrokenError where it does not come about."""
    deadline = time.monotonic() + seconds
    last = ""
    while True:
        try:
            if ask():
                return
        except (OSError, EOFError, BrokenError, AssertionError) as error:
            last = f": {error}"
        if time.monotonic() > deadline:
            raise BrokenError(f"{what} did not come about{last}"[:500])
        time.sleep(0.2)


def passes(check: Check, at: Service) -> Callable[[], bool]:
    """A check as a question."""

    def ask() -> bool:
        check(at)
        return True

    return ask


def up(at: Service, check: Check, seconds: float = UP) -> None:
    """Until its first check passes."""
    wait("being up", passes(check, at), seconds)


def children(at: Service) -> set[str]:
    """The children of its first process, as the machine numbers them; no right inside stands in the way."""
    pid = at.rig.pid(at.name)
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def place(at: Service, path: str) -> Path:
    """A file in there as the machine's administrator sees it, whatever rights the container was left."""
    return Path(f"/proc/{at.rig.pid(at.name)}/root{path}")


def rotated(at: Service, log: str, signal: str, use: Callable[[], object]) -> None:
    """Its log is moved away, as logrotate(8) does on the machine; after a signal and some use there is a new one."""
    place(at, log).rename(place(at, f"{log}.1"))
    sends(at, signal)

    def written() -> bool:
        use()
        return place(at, log).stat().st_size > 0

    wait("a new log", written)


def sends(at: Service, signal: str) -> None:
    """A signal to its first process by the engine, as `docker kill -s` does: it needs no rights inside."""
    at.rig.run("kill", "-s", signal, at.name)


def logs(at: Service) -> str:
    """What it printed."""
    done = subprocess.run(
        at.rig.command("logs", at.name), env=at.rig.env, text=True, capture_output=True, check=False, errors="replace"
    )
    return done.stdout + done.stderr


def http(link: socket.socket, path: str, head: str = "", method: str = "GET", body: bytes = b"") -> tuple[int, str]:
    """A request by HTTP/1.0: the status and the body."""
    size = f"Content-Length: {len(body)}\r\n" if body else ""
    link.sendall(f"{method} {path} HTTP/1.0\r\nHost: site\r\n{head}{size}\r\n".encode() + body)
    front, _, rest = everything(link).partition(b"\r\n\r\n")
    words = front.split(b" ", 2)
    if len(words) < 2:
        raise EOFError("it closed the connection")
    return int(words[1]), rest.decode(errors="replace").rstrip("\n")


def page(at: Service, path: str, head: str = "") -> str:
    """GET: the body, or the status where that is not 200."""
    with connect(at) as link:
        status, body = http(link, path, head)
    return body if status == 200 else f"status {status}"


def line_of(link: socket.socket) -> str:
    """One line, without its end."""
    found = b""
    while not found.endswith(b"\n"):
        part = link.recv(1)
        if not part:
            raise EOFError("it closed the connection")
        found += part
    return found.decode(errors="replace").rstrip("\r\n")


def everything(link: socket.socket) -> bytes:
    parts = []
    while part := link.recv(65536):
        parts.append(part)
    return b"".join(parts)
