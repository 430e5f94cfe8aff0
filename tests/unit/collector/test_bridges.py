"""Where a socket leads: through programs that hand on, by their arguments and by their connections."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rig.collector.asking import needs_root
from stratascope.collector import bridges
from stratascope.collector.bridges import Bridges

needs_socat = pytest.mark.skipif(shutil.which("socat") is None, reason="needs socat")
FORWARD = """
import socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen(1)
client = listening.accept()[0]
behind = socket.socket(socket.AF_UNIX)
behind.connect(sys.argv[2])
print("up", flush=True)
client.recv(1)
"""
CONNECT = """
import socket, sys, time
client = socket.socket(socket.AF_UNIX)
while client.connect_ex(sys.argv[1]) != 0:
    time.sleep(0.02)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridges, "SECONDS", 5.0)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(f"/tmp/strata-bridges-{os.getpid()}")
    made.mkdir()
    yield made
    shutil.rmtree(made)


def of(found: list[list[Any]], place: str) -> list[Any]:
    """What follows the kind of that socket, programs without their numbers; nothing if it does not lead on."""
    for each in found:
        if each[0] == place:
            return [["socat" if program == "socat1" else program for _, program in each[2]], *each[3:]]
    return []


def until_there(path: Path) -> None:
    until = time.monotonic() + 20
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)


@needs_socat
def test_arguments_lead_from_one_to_the_next(folder: Path) -> None:
    end, first, second = folder / "end.sock", folder / "first.sock", folder / "second.sock"
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as held:
        listening.bind(str(end))
        listening.listen(1)
        for here, there in ((first, end), (second, first)):
            words = ["socat", f"UNIX-LISTEN:{here},fork", f"UNIX-CONNECT:{there}"]
            process = held.enter_context(subprocess.Popen(words))
            held.callback(process.kill)
            until_there(here)
        found = Bridges(os.getpid()).read()
    own = Path("/proc/self/exe").resolve().name
    assert of(found, str(second)) == [["socat", "socat", own], str(end), False, False]
    assert of(found, str(first)) == [["socat", own], str(end), False, False]
    assert of(found, str(end)) == []


def test_a_connection_for_a_client_leads_on(folder: Path) -> None:
    end, here = folder / "end.sock", folder / "here.sock"
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as held:
        listening.bind(str(end))
        listening.listen(1)
        words = [sys.executable, "-c", FORWARD, str(here), str(end)]
        process = held.enter_context(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
        held.callback(process.kill)
        until_there(here)
        assert of(Bridges(os.getpid()).read(), str(here)) == []  # not seen before the first client
        client = held.enter_context(subprocess.Popen([sys.executable, "-c", CONNECT, str(here)]))
        held.callback(client.kill)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        with listening.accept()[0]:  # it is listed once it was accepted
            found = of(Bridges(os.getpid()).read(), str(here))
    assert found[1:] == [str(end), False, False]


@needs_root
@needs_socat
def test_a_port_of_a_network_of_its_own_leads_out_of_it(folder: Path) -> None:
    """As sandboxes have a proxy: to a process that is above, and to an address elsewhere."""
    here = folder / "here.sock"
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        port = listening.getsockname()[1]
        inner = f"ip link set lo up; socat TCP-LISTEN:3128,fork UNIX-CONNECT:{here} & "
        inner += "socat TCP-LISTEN:3129,fork TCP:192.0.2.1:80 & setpriv --no-new-privs sleep 600"
        outer = ["socat", f"UNIX-LISTEN:{here},fork", f"TCP:localhost:{port}"]
        with subprocess.Popen(outer) as outside, subprocess.Popen(["unshare", "-n", "sh", "-c", inner]) as process:
            try:
                sleeping = _last(process.pid, "sleep")
                found = Bridges(sleeping).read()
            finally:
                for each in (*_below(process.pid), process.pid, outside.pid):
                    os.kill(each, 9)
    own = Path("/proc/self/exe").resolve().name
    assert of(found, "127.0.0.1:3128") == [["socat", "socat", own], f"localhost:{port}", False, True]
    assert of(found, "127.0.0.1:3129") == [["socat"], "192.0.2.1:80", True, False]


def _below(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in found for each in (*_below(int(child)), int(child))]


def _last(pid: int, program: str) -> int:
    """The process of that program below, once two ports listen in its network."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = [each for each in _below(pid) if Path(f"/proc/{each}/comm").read_text().strip() == program]
        if found and Path(f"/proc/{found[0]}/net/tcp").read_text().count(" 0A ") > 1:
            return found[0]
        time.sleep(0.05)
    raise AssertionError("it did not start")
