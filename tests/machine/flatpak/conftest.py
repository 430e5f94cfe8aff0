"""The installed Flatpak, a session to run it in, and containers to look at. Only `make flatpak-test` asks for these."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from machine.flatpak.desk_session import Session
from machine.flatpak.local_runtime import NoFlatpakError, built
from rig.engine import Rig

INSIDE = (Path(__file__).parent / "inside.py").read_text(encoding="utf-8")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Left out unless `-m` names them: neither `make test` nor `make test-all` builds a Flatpak."""
    if "flatpak" in config.getoption("markexpr"):
        return
    ours = [item for item in items if item.get_closest_marker("flatpak")]
    if ours:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.fixture(scope="session")
def installed() -> Path:
    """The folder of the installation; built on first use."""
    try:
        return built()
    except NoFlatpakError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="module")
def session(installed: Path, docker_rootful: Rig, podman_rootless: Rig) -> Iterator[Session]:
    """A desktop with both engines at their places, and the real service of the host."""
    with Session(installed, docker=docker_rootful, podman=podman_rootless) as made:
        yield made


@pytest.fixture
def granted(session: Session) -> Iterator[Session]:
    """The same with access to the host, by the very command that the program names."""
    session.grant()
    yield session
    session.revoke()


@pytest.fixture(scope="module")
def containers(docker_rootful: Rig, podman_rootless: Rig) -> Iterator[None]:
    """web in Docker; db and wide, which is privileged, in Podman."""
    with (
        docker_rootful.container("--cap-drop", "ALL", "--memory", "64m", name="web"),
        podman_rootless.container(name="db"),
        podman_rootless.container("--privileged", name="wide"),
    ):
        yield


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X server without a screen that lets the user of the session in."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    command = ("Xvfb", "-displayfd", "1", "-screen", "0", "1600x1000x24", "-ac", "-nolisten", "tcp")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert server.stdout is not None
    number = server.stdout.readline().decode().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)
    server.stdout.close()


@pytest.fixture
def talk(session: Session) -> Iterator[Callable[..., Callable[[], Any]]]:
    """Starts what `inside.py` has under that name in one sandbox; each call of the result asks once, and gives JSON."""
    started = []

    def begin(what: str, other: Session | None = None) -> Callable[[], Any]:
        where = other or session
        child = where.start(where.sandboxed("-c", INSIDE, what, command="python3"))
        started.append(child)

        def ask() -> Any:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write("\n")
            child.stdin.flush()
            line = child.stdout.readline()
            assert line, child.stderr.read() if child.stderr is not None else ""
            return json.loads(line)

        return ask

    yield begin
    for child in started:
        assert child.stdin is not None
        child.stdin.close()
        until = time.monotonic() + 10
        while child.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        child.kill()
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
