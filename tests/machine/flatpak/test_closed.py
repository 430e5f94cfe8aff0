"""In the sandbox without access to the host: what is known is shown, what is not is UNKNOWN with the reason, and the
one command that opens it is told word for word. The sandbox's own /proc is never taken for the host's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from machine.flatpak.conftest import INSIDE
from machine.flatpak.desk_session import Session
from machine.flatpak.sandbox_report import COMMAND, report, verdicts
from rig.engine import Rig

pytestmark = [pytest.mark.flatpak, pytest.mark.engines, pytest.mark.usefixtures("containers")]


def test_containers_are_listed_and_the_kernel_is_not_guessed(session: Session) -> None:
    found = report(session)
    assert [engine["state"] for engine in found["engines"]] == ["connected", "connected"]
    assert [engine["id"] for engine in found["engines"]] == ["docker", "podman-rootless"]
    assert found["engines"][0]["daemon_uid"] is None  # root is a stranger to the sandbox's user namespace
    assert found["trouble"]["command"] == COMMAND
    assert found["ground"]["kernel"] == ""
    by_name = {container["name"]: container for container in found["containers"]}
    assert set(by_name) == {"web", "db", "wide"}

    web = by_name["web"]
    assert set(verdicts(web).values()) == {"UNKNOWN"}
    assert web["exposure"] is None
    assert {gap["gap"] for layer in web["layers"].values() for gap in layer["gaps"]} == {"CONFINED"}

    # Podman's own word, as its kernel has it: capabilities and seccomp's mode, and nothing else
    assert verdicts(by_name["db"]) == {
        "capabilities": "ENFORCED",
        "seccomp": "ENFORCED",
        "namespaces": "UNKNOWN",
        "cgroup": "UNKNOWN",
        "mac": "UNKNOWN",
        "usermap": "UNKNOWN",
    }
    assert verdicts(by_name["wide"])["seccomp"] == "OPEN"
    assert verdicts(by_name["wide"])["capabilities"] == "UNKNOWN"
    for name in ("db", "wide"):
        layers = by_name[name]["layers"]
        for layer in ("namespaces", "cgroup", "mac", "usermap"):
            assert "CONFINED" in {gap["gap"] for gap in layers[layer]["gaps"]}
    assert "podman top:CapEff" in json.dumps(by_name["wide"]["findings"])


def test_the_command_stands_in_the_text_in_one_piece(session: Session) -> None:
    done = session.run(session.sandboxed("report"))
    assert f"\n  {COMMAND}\n" in done.stdout
    assert "This Flatpak has no access to the host's kernel" in done.stdout
    asked = session.run(session.sandboxed("report", "--privileged"), check=False)
    assert asked.returncode == 2
    assert COMMAND in asked.stderr


def test_a_process_of_the_same_number_in_the_sandbox_is_not_the_container_s(
    session: Session, podman_rootless: Rig
) -> None:
    """A container of the host's PID namespace is told by its PID there; in the sandbox another has that number."""
    pid = podman_rootless.pid("db")
    script = f"ls /proc | grep -c '^{pid}$'; cat /proc/1/comm"
    inside = session.run(session.sandboxed("-c", script, command="sh"), check=False).stdout.split()
    assert inside[0] == "0"  # the sandbox has processes of its own, from 1 on
    capture = session.home / ".var/app/io.github.stratascope.Stratascope/data/capture"
    session.run(session.sandboxed("report", "--save-capture", str(capture)))
    record = json.loads(capture.read_text())["record"]
    first = [each["found"]["first"] for each in record["containers"]]
    read = [
        each["source"] for part in (record["host"], *first) for each in part["readings"] if each["text"] is not None
    ]
    assert read
    assert {source.split(" ")[0] for source in read} == {"podman"}


@pytest.mark.parametrize(
    ("name", "choice"), [("web", "no-new-privileges=on"), ("web", "memory=256m"), ("db", "capabilities=none")]
)
def test_nothing_is_changed_that_could_not_be_proven(
    session: Session, name: str, choice: str, docker_rootful: Rig, podman_rootless: Rig
) -> None:
    rig = docker_rootful if name == "web" else podman_rootless
    before = rig.inspect(name)
    done = session.run(session.sandboxed("harden", name, "--set", choice, "--yes", "--json"), check=False)
    assert done.returncode == 3
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["result"] == "refused"
    (block,) = last["blocks"]
    assert block["code"] == "confined"
    assert COMMAND in json.dumps(block)
    after = rig.inspect(name)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])


def test_the_window_says_so_and_shows_nothing_green(session: Session, display: str, tmp_path: Path) -> None:
    picture = session.home / ".var/app/io.github.stratascope.Stratascope/data/window.png"
    done = session.run(
        session.sandboxed("-c", INSIDE, "window", str(picture), "3", command="python3"),
        {"DISPLAY": display, "STRATASCOPE_THEME": "light"},
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["visible"]
    assert said["command"] == COMMAND
    assert "has no access to the host's kernel" in said["text"]
    assert not said["root"]  # nothing could be started as root on a host that is closed
    assert set(said["verdicts"]["web"].values()) == {"UNKNOWN"}
    assert picture.stat().st_size > 20_000


def test_docker_started_again_asks_for_a_restart_and_podman_does_not(
    session: Session, talk: Callable[..., Callable[[], Any]], docker_rootful: Rig, podman_rootless: Rig
) -> None:
    """The file of Docker's socket is mounted as it was; of Podman's it is the folder."""
    ask = talk("engines")
    assert {state for state, _ in ask().values()} == {"connected"}
    for rig in (docker_rootful, podman_rootless):
        rig.stop()
        rig.start()
    session.place_sockets()
    said = ask()
    assert said["podman-rootless"][0] == "connected"
    state, message = said["docker"]
    assert state == "stopped"
    assert "start Stratascope again" in message
    assert {state for state, _ in talk("engines")().values()} == {"connected"}  # a new sandbox
    docker_rootful.run("start", "web")
