"""Servers of each manner, on this machine's loopback addresses and in a network namespace of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stratascope.core.relaunch.evidence import Ask, Heard, Question
from stratascope.probe.network import hear, hear_inside

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    try:
                        serve(connection)
                    except OSError:
                        continue

        threading.Thread(target=run, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def asked(port: int, question: Question = Question.FIRST, listen: float = 0.2, reply: float = 0.5) -> Heard:
    (found,) = hear((Ask(port, listen, reply, question),), {port: (("127.0.0.1", port),)})
    return found


def _pages(connection: socket.socket) -> None:
    words = connection.recv(100)
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + (b"x" * 10 if words.startswith(b"GET") else b""))


def _closes(connection: socket.socket) -> None:
    connection.recv(100)


def _hangs_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def _floods(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"\xff" * 65536)


def _drips(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def _waits(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


def test_one_that_speaks_first_is_sent_nothing() -> None:
    got: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"220 ready\r\n")
        got.append(connection.recv(100))

    with server(serve) as port:
        found = asked(port)
        assert (found.data, found.asked) == (b"220 ready\r\n", False)
        time.sleep(0.1)
    assert got == [b""]


def test_one_that_is_asked() -> None:
    with server(_pages) as port:
        found = asked(port)
        assert (found.data, found.asked, found.closed) == (b"HTTP/1.0 200 OK\r\n\r\n", True, True)
        assert asked(port, Question.MORE).data.endswith(b"x" * 10)


def test_one_that_closes_and_one_that_hangs_up() -> None:
    with server(_closes) as port:
        found = asked(port)
        assert (found.taken, found.data, found.asked, found.closed) == (True, b"", True, True)
    with server(_hangs_up) as port:
        found = asked(port)
        assert (found.taken, found.data, found.asked, found.closed) == (True, b"", False, True)


def test_one_that_says_nothing_and_one_that_takes_nothing() -> None:
    with server(_waits) as port:
        found = asked(port)
        assert (found.taken, found.data, found.asked, found.closed) == (True, b"", True, False)
    assert not asked(port).taken


@pytest.mark.parametrize("serve", [_floods, _drips])
@pytest.mark.parametrize("question", Question)
def test_what_comes_back_is_bounded(serve: Serve, question: Question) -> None:
    with server(serve) as port:
        begun = time.monotonic()
        found = asked(port, question)
        assert len(found.data) <= 1 << 16
        assert time.monotonic() - begun < 3


def test_all_are_asked_side_by_side() -> None:
    with server(_waits) as port:
        begun = time.monotonic()
        found = hear(tuple(Ask(port + n, 0.5, 0.5) for n in range(1)) * 10, {port: (("127.0.0.1", port),)})
        assert [each.taken for each in found] == [True] * 10
        assert time.monotonic() - begun < 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may enter a network namespace")
def test_in_another_network() -> None:
    """Nothing of this network answers for it, though the threads that ask are started by one that entered."""
    script = "import socket,sys\ns=socket.create_server(('127.0.0.1',7))\nprint(1,flush=True)\n" \
             "while True:\n c,_=s.accept(); c.sendall(b'inside\\n'); c.close()"  # fmt: skip
    up = "ip link set lo up 2>/dev/null || ifconfig lo up; exec "
    child = subprocess.Popen(
        ("unshare", "--net", "sh", "-c", f'{up}"$0" -c "$1"', sys.executable, script), stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"1\n"
        found = hear_inside(child.pid, (Ask(7, 1.0, 1.0), Ask(8, 0.1, 0.1)))
        assert found is not None
        assert [each.data for each in found] == [b"inside\n", b""]
        assert [each.taken for each in found] == [True, False]
    finally:
        child.kill()
        child.communicate()
    assert hear_inside(child.pid, ()) is None


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "2001:db8::1", "example.com", "localhost", "169.254.169.254", "", "a b"]
)
def test_no_engine_s_word_leads_to_another_machine(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """It tells where a port is published. Nor is a name looked up."""

    def never(*words: object, **more: object) -> None:
        pytest.fail(f"{words} was asked for")

    monkeypatch.setattr(socket, "create_connection", never)
    monkeypatch.setattr(socket, "getaddrinfo", never)
    assert hear((Ask(80, 0.1, 0.1),), {80: ((address, 80),)}) == (Heard(80, Question.FIRST),)


def test_an_address_of_this_machine_that_is_no_loopback() -> None:
    """As engines publish on one of several."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect(("192.0.2.1", 1))  # sends nothing
        except OSError:
            pytest.skip("it has no other address")
        address = link.getsockname()[0]
    with socket.create_server((address, 0)) as listening:
        port = listening.getsockname()[1]
        assert hear((Ask(port, 0.1, 0.1),), {port: ((address, port),)})[0].taken
