"""Engines as a sandbox sees them: strangers to its user namespace, sockets that came too late, files of the host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stratascope import sandbox
from stratascope.core.container import ENGINES, EngineKind, EngineState
from stratascope.engines.discovery import discover
from stratascope.engines.open import open_engine
from stratascope.engines.shared.endpoint import peer_uid, socket_facts
from stratascope.engines.shared.runtime_state import read_config
from stratascope.i18n.translate import translate

CLOSED = "[Context]\nsockets=x11;\n"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    info = tmp_path / "info"
    info.write_text(CLOSED)
    monkeypatch.setattr(sandbox, "INFO", info)
    return info


@pytest.mark.parametrize(("name", "kind"), [("docker.sock", EngineKind.DOCKER), ("podman", EngineKind.PODMAN)])
def test_a_dead_socket_asks_for_a_restart_and_nothing_is_said_of_packages(
    inside: Path, tmp_path: Path, name: str, kind: EngineKind
) -> None:
    """A socket's file that outlived its engine, as it stays mounted in a sandbox; and none at all."""
    with socket.socket(socket.AF_UNIX) as dead:
        (tmp_path / "run/podman").mkdir(parents=True)
        dead.bind(str(tmp_path / "run/docker.sock"))
    environ = {"PATH": "/nowhere", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    found = {each.kind: each for each in discover(environ, home=tmp_path, root=tmp_path, uid=1000)}
    assert all(each.confined and not each.may_start for each in found.values())
    port = open_engine(found[kind], environ)
    engine = port.describe()
    port.close()
    assert engine.state is EngineState.STOPPED
    assert engine.message is not None
    said = translate(engine.message)
    assert "start Stratascope again" in said
    assert "nstall" not in said


def test_outside_they_are_as_ever(tmp_path: Path) -> None:
    found = discover({"PATH": "/nowhere"}, home=tmp_path, root=tmp_path, uid=1000)
    assert {each.kind for each in found} == set(ENGINES)
    assert not any(each.confined for each in found)


def test_a_stranger_to_our_user_namespace_is_not_taken_for_a_user(tmp_path: Path) -> None:
    """In a namespace that maps only ourselves root is called 65534, and would pass for a rootless engine's user."""
    if os.geteuid() != 0:
        pytest.skip("the one who listens has to be another user than the one who asks")
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen(4)
        for each in (tmp_path, *tmp_path.parents[:2], path):
            each.chmod(0o777)
        assert peer_uid(path) == 0
        assert socket_facts(path).group == "root"
        code = (
            "import sys; from pathlib import Path; from stratascope.engines.shared.endpoint import socket_facts; "
            "print(socket_facts(Path(sys.argv[1])))"
        )
        app = Path(__file__).resolve().parents[3] / "app"
        # root's own capabilities are kept for reading the interpreter; only the ids are mapped away
        command = (
            "unshare",
            "--user",
            "--map-user=1000",
            "--map-group=1000",
            "--keep-caps",
            sys.executable,
            "-c",
            code,
        )
        done = subprocess.run(
            (*command, str(path)),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(app)},
        )
        assert "daemon_uid=1000" in done.stdout  # ourselves, by the name that the namespace gives us
        other = subprocess.run(
            ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "unshare", "--user", "--map-user=1000",
             "--map-group=1000", "sh", "-c", 'stat -c "%u %g" "$0"', str(path)),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert other.stdout.split() == ["65534", "65534"]


def test_the_runtime_s_file_is_never_read_in_the_sandbox(inside: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text("{}")
    with pytest.raises(OSError, match="may not read"):
        read_config((), str(file))
    inside.write_text(f"{CLOSED}[Session Bus Policy]\n{sandbox.NAME}=talk\n")
    with pytest.raises(OSError, match="flatpak-spawn"):
        read_config((), str(file))
