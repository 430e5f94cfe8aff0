"""Engines behind ssh://, with a real sshd: they work as local ones do, and what goes wrong on the way is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.engine import Rig
from rig.ssh_machine import HOST, SshMachine, missing, processes_with
from stratascope.core.capture import whole_gap
from stratascope.core.container import EngineKind, EngineState
from stratascope.core.ports import EngineError, Event, EventKind
from stratascope.engines.open import open_engine
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.engines.shared.rest_engine import RestEngine
from stratascope.wiring.engines import assembler, open_engines, take_capture, translations

DIES = """
import os, sys
from stratascope.core.container import EngineKind
from stratascope.engines.shared.endpoint import Endpoint
from stratascope.engines.shared.ssh import SshTunnel
print(SshTunnel(Endpoint("it", EngineKind.DOCKER, sys.argv[1], "test"), os.environ).start(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshMachine]:
    if missing():
        pytest.skip(f"{missing()} is not here")
    machine = SshMachine(tmp_path_factory.mktemp("ssh"))
    yield machine
    machine.close()


@pytest.fixture
def there(sshd: SshMachine, monkeypatch: pytest.MonkeyPatch) -> Iterator[SshMachine]:
    """The machine, as it should be, and ours the `ssh` that the program finds."""
    monkeypatch.setenv("PATH", sshd.path)
    yield sshd
    sshd.configure()
    if sshd.server is None:
        sshd.start()
    while sshd.clients():  # each ends with what it was started for
        time.sleep(0.05)


@pytest.fixture(params=["docker_rootful", "podman_rootful"])
def rig(request: pytest.FixtureRequest) -> Rig:
    found: Rig = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def engine(rig: Rig, there: SshMachine) -> Iterator[RestEngine]:
    opened = opened_at(f"ssh://{HOST}{rig.socket}", EngineKind(rig.kind))
    yield opened
    opened.close()


def opened_at(address: str, kind: EngineKind = EngineKind.DOCKER) -> RestEngine:
    opened = open_engine(Endpoint("it", kind, address, "test", installed=False))
    assert isinstance(opened, RestEngine)
    return opened


def test_list_inspect_and_events(rig: Rig, engine: RestEngine) -> None:
    found = engine.describe()
    assert (found.state, found.error) == (EngineState.CONNECTED, "")
    assert found.endpoint == f"ssh://{HOST}{rig.socket}"
    assert not found.local
    assert (found.daemon_uid, found.socket_mode, found.socket_group) == (None, None, None)
    heard: list[Event] = []

    def listen() -> None:
        for event in engine.events():
            heard.append(event)

    thread = threading.Thread(target=listen)
    thread.start()
    time.sleep(0.5)
    with rig.container() as container:
        assert container in {raw.id for raw in engine.list()}
        assert engine.inspect(container).id == container
    expected = {Event(EventKind.CHANGED, container), Event(EventKind.REMOVED, container)}
    while not (expected <= set(heard)):
        time.sleep(0.05)
    engine.close()
    thread.join()


def test_a_killed_ssh_is_started_again(engine: RestEngine, there: SshMachine) -> None:
    assert engine.describe().state is EngineState.CONNECTED
    failed: list[EngineError] = []

    def listen() -> None:
        try:
            list(engine.events())
        except EngineError as error:
            failed.append(error)

    thread = threading.Thread(target=listen)
    thread.start()
    time.sleep(0.5)
    (before,) = there.clients()
    os.kill(before, signal.SIGKILL)
    thread.join()
    assert [error.state for error in failed] in ([], [EngineState.UNREACHABLE])
    assert engine.describe().state is EngineState.CONNECTED
    (after,) = there.clients()
    assert after != before
    # and where it can't be
    there.stop()
    os.kill(after, signal.SIGKILL)
    while there.clients():
        time.sleep(0.05)
    found = engine.describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert "can't be reached with ssh" in found.message.id
    assert "Connection refused" in found.error
    there.start()
    assert engine.describe().state is EngineState.CONNECTED


def test_what_ssh_refuses_is_said(docker_rootful: Rig, there: SshMachine) -> None:
    address = f"ssh://{HOST}{docker_rootful.socket}"
    for key, known, state, sentence, words in (
        ("wrong", "known", EngineState.DENIED, "refuses the login", "Permission denied"),
        ("good", "empty", EngineState.UNREACHABLE, "host key", "Host key verification failed"),
    ):
        there.configure(key, known)
        engine = opened_at(address)
        found = engine.describe()
        engine.close()
        assert found.state is state
        assert found.message is not None
        assert sentence in found.message.id
        assert words in found.error
    there.configure()
    changed = there.folder / "changed"
    changed.write_text(f"[127.0.0.1]:{there.port} {(there.folder / 'wrong.pub').read_text()}")
    there.configure(known="changed")
    engine = opened_at(address)
    found = engine.describe()
    engine.close()
    assert found.message is not None
    assert "a different host key" in found.message.id


def test_addresses_that_lead_nowhere(
    docker_rootful: Rig, there: SshMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address, kind, sentence, words in (
        (f"ssh://{HOST}/run/no/such.sock", EngineKind.DOCKER, "no engine answers there", "open failed"),
        (f"ssh://{HOST}/run/no/such.sock", EngineKind.PODMAN, "no engine answers there", "open failed"),
        (f"ssh://{HOST}", EngineKind.PODMAN, "lacks the path", "no path"),
        ("ssh://no-such-host.invalid", EngineKind.DOCKER, "No machine named", "Could not resolve"),
        ("ssh://a b/", EngineKind.DOCKER, "is not a usable address", "no ssh address"),
    ):
        engine = opened_at(address, kind)
        found = engine.describe()
        engine.close()
        assert found.state is EngineState.UNREACHABLE
        assert found.message is not None
        assert sentence in found.message.id, found.error
        assert words in found.error
    monkeypatch.setenv("PATH", str(tmp_path))
    found = opened_at(f"ssh://{HOST}").describe()
    assert found.state is EngineState.UNREACHABLE
    assert found.message is not None
    assert "openssh-client" in found.message.id


def test_a_server_that_forbids_it(docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing():
        pytest.skip(f"{missing()} is not here")
    machine = SshMachine(tmp_path, "AllowStreamLocalForwarding no")
    monkeypatch.setenv("PATH", machine.path)
    try:
        engine = opened_at(f"ssh://{HOST}{docker_rootful.socket}")
        found = engine.describe()
        engine.close()
    finally:
        machine.close()
    assert found.state is EngineState.UNREACHABLE  # sshd says the same as for a socket that is not there
    assert "open failed" in found.error
    assert found.message is not None
    assert "AllowStreamLocalForwarding" in found.message.id


def test_ssh_ends_when_we_are_killed(docker_rootful: Rig, there: SshMachine) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        (sys.executable, "-c", DIES, f"ssh://{HOST}{docker_rootful.socket}"),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    path = Path(done.stdout.strip())
    assert path.name == "engine.sock"
    while not (not processes_with(str(path)) and not path.parent.exists()):
        time.sleep(0.05)


def test_the_report_is_of_the_other_machine(rig: Rig, there: SshMachine) -> None:
    environ = {**os.environ, "STRATASCOPE_ENGINES": f"{rig.kind}=ssh://{HOST}{rig.socket}"}
    with rig.container("--cap-drop", "ALL") as container, open_engines(environ=environ) as engines:
        shared = translations()
        capture = take_capture(engines, shared)
        (engine,) = capture.engines
        assert engine.state is EngineState.CONNECTED
        ((owner, host),) = capture.hosts
        assert owner == engine.id
        assert host.text("uname:release") == os.uname().release
        assert host.text("/proc/sys/kernel/cap_last_cap") == Path("/proc/sys/kernel/cap_last_cap").read_text()
        (found,) = [item.found for item in capture.containers if item.raw.id == container]
        assert found is not None
        assert found.first.via == "proc"
        assert whole_gap(found.first) is None
        snapshot = assembler(shared).snapshot(capture)
    (state,) = [item for item in snapshot.containers if item.container.id == container]
    assert state.gap is None
    assert all(layer.facts is not None for layer in state.layers)
    assert snapshot.elsewhere == ((engine.id, snapshot.ground_of(engine.id)),)
    assert snapshot.ground_of(engine.id).kernel == os.uname().release
