"""What is read of listening sockets, with real ones in network namespaces of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.listening import hands_on
from stratascope.collector.names import PORTS
from stratascope.core.capture import Gap
from stratascope.core.ports import Wish
from stratascope.linux.listening import Ports, parse_ports
from stratascope.probe.local import LocalProber

_LISTENS = """
import socket, sys, time
held = []
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0"), (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
    (socket.AF_INET6, socket.SOCK_STREAM, "::1"), (socket.AF_INET, socket.SOCK_DGRAM, "0.0.0.0"),
):
    held.append(socket.socket(family, kind))
    held[-1].bind((address, 0 if address != "0.0.0.0" else 8080))
    if kind is socket.SOCK_STREAM:
        held[-1].listen()
print("up", flush=True)
time.sleep(600)
"""
_CABLE = "ip link set lo up; ip link add eth0 type veth peer name eth1; ip addr add 192.0.2.9/24 dev eth0; exec"


@contextmanager
def listening(*before: str) -> Iterator[tuple[int, Ports]]:
    with subprocess.Popen([*before, "python3", "-c", _LISTENS], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "up\n"
            yield process.pid, read(process.pid)
        finally:
            process.kill()


def read(pid: int) -> Ports:
    (reply,) = LocalProber().capture((Wish(pid, (PORTS,), members=False),))
    found = reply.first.decoded(PORTS, parse_ports)
    assert not isinstance(found, Gap), found
    return found


def network(pid: int) -> int:
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


@needs_root
def test_a_network_of_its_own() -> None:
    with listening("unshare", "-n", "sh", "-c", f'{_CABLE} "$@"', "sh") as (pid, found):
        assert found.host is not None
        bound = {(each.way, str(each.address)) for each in found.own.sockets}
        assert bound == {("tcp", "0.0.0.0"), ("tcp", "127.0.0.1"), ("tcp", "::1"), ("udp", "0.0.0.0")}
        assert list(map(str, found.own.addresses))[:1] == ["192.0.2.9"]
        assert (pid in found.mine, found.whole) == (True, True)
        with subprocess.Popen(["nsenter", f"--net=/proc/{pid}/ns/net", "sleep", "600"]) as other:
            try:
                while network(other.pid) != network(pid):
                    pass
                again = read(pid)
            finally:
                other.kill()
        told = {each for each, _ in again.others} | again.mine
        assert other.pid in told


def test_the_readers_network_and_who_holds_what() -> None:
    with listening() as (pid, found), socket.socket() as ours:
        assert found.host is None
        mine = [each for each in found.own.sockets if pid in each.holders]
        assert {str(each.address) for each in mine if each.way == "tcp"} == {"0.0.0.0", "127.0.0.1", "::1"}
        ours.bind(("127.0.0.1", 0))
        ours.listen()
        theirs = [each for each in read(pid).own.sockets if each.port == ours.getsockname()[1]]
        assert all(pid not in each.holders for each in theirs)


@needs_root
def test_the_cable_of_a_network_is_known_by_what_it_was_told(tmp_path: Path) -> None:
    program = tmp_path / "slirp4netns"
    shutil.copy(shutil.which("dash") or "/bin/sh", program)
    cable = (str(program), "-c", "while :; do sleep 600; done", "--")
    with listening("unshare", "-n", "sh", "-c", f'{_CABLE} "$@"', "sh") as (pid, _):
        for told, serves in ((str(pid), True), (str(os.getppid()), None), ("/nowhere", None)):
            with subprocess.Popen((*cable, told, "tap0"), start_new_session=True) as process:
                try:
                    while Path(f"/proc/{process.pid}/comm").read_text() != "slirp4netns\n":
                        pass
                    (found,) = (each for each in read(pid).between if each[0] == process.pid)
                finally:
                    os.killpg(process.pid, signal.SIGKILL)
            assert found == (process.pid, "slirp4netns", serves)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("slirp4netns -c 77 tap0", True),
        ("slirp4netns -c --disable-host-loopback 77 tap0", False),
        ("pasta --config-net -T none -U none --no-map-gw 77", False),
        ("pasta --config-net -t none -u none --no-map-gw 77", True),  # ports of its own accord: -T auto
        ("pasta --tcp-ns=none --udp-ns=none --no-map-gw 77", False),
        ("pasta -T none -U none 77", True),
        ("pasta.avx2 -Tnone -Unone --no-map-gw --map-host-loopback 10.0.0.9 77", True),
        ("pasta -T 8080 -T none -U none --no-map-gw 77", True),
    ],
)
def test_whether_a_cable_hands_on(words: str, answer: bool) -> None:
    program, *arguments = words.split()
    assert hands_on(program, arguments) is answer
