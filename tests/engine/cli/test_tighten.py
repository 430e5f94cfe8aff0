"""`observe`, `needs` and `tighten` on real engines, also where a container has no control group of its own to watch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.collector.asking import wait_for
from rig.fixtures import Engines

# As root it gives a file away and takes it back; then it serves, until it is told to stop
SERVES = (
    "sh",
    "-c",
    "touch /run/mine; chown 7:7 /run/mine; trap 'exit 0' TERM; httpd -p 8080 -h /etc; sleep 3600 & wait",
)
PLAIN = ("httpd", "-f", "-p", "8080", "-h", "/etc")
ASKS = "nsenter --net=$STRATASCOPE_TWIN_NETNS wget -q -O - http://127.0.0.1:8080/passwd | grep -q root"
ROOTS = ("docker_rootful", "podman_rootful", "docker_hybrid", "podman_hybrid", "podman_rootless")
QUICK = ("docker_rootful", "podman_hybrid", "podman_rootless")


@pytest.fixture(params=[pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in ROOTS])
def desk(engines: Engines, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """The command line on one of root's engines."""
    rig = engines.get(request.param)
    found = Desk(rig, tmp_path)
    yield found
    for name in found.all():
        rig.remove(name)


def last(text: str) -> dict[str, Any]:
    """The last line of JSON."""
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def groups() -> set[Path]:
    """The control groups that observers of this machine have made."""
    tops = [path for path in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()) if path.is_dir()]
    return {path for top in tops for path in top.glob("stratascope[-_]*")}


def needs(desk: Desk) -> dict[str, Any]:
    """What is known of the container."""
    code, out, err = desk.run("needs", NAME, "--json")
    assert code == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.slow
def test_watched_while_it_runs(desk: Desk) -> None:
    """What a session does there is seen, but not what the engine's runtime does for it; and it can be forgotten."""
    start(desk, command=SERVES)
    child = desk.popen("observe", NAME, "--for", "12", "--json")
    for _ in range(4):  # until it is attached; who comes in is looked for once a second where nothing else tells
        desk.rig.run("exec", NAME, "sh", "-c", "sleep 2; chown 9:9 /run/mine")
    out, err = child.communicate()
    assert child.returncode == 0, err
    found = json.loads(out)
    assert set(found["capabilities"]) == {"CAP_CHOWN"}, found["capabilities"]
    assert found["capabilities"]["CAP_CHOWN"]["by"] == ["sh"]  # busybox does it by itself
    assert "CAP_FSETID" in found["never_used"]
    assert found["seen"]["execs"] > 0
    assert found["seen"]["lost"] == 0
    assert found["seen"]["starts"] == 0
    assert found["ports"] == [8080]
    assert "mount" not in found["syscalls"]["notable"]
    assert needs(desk)["capabilities"] == found["capabilities"]
    assert desk.run("needs", NAME, "--forget")[0] == 0
    assert needs(desk)["capabilities"] == {}
    desk.only_one_runs()


def test_tightened_and_back(desk: Desk) -> None:
    """Found on twins, proven on the replacement: the capabilities that it used, few calls, nothing left behind.

    FOWNER at its second start, when the file that it touches belongs to another: not seen of rootless Podman's.
    """
    before, original = groups(), start(desk, command=SERVES)
    code, out, err = desk.run(
        "tighten", NAME, "--json", "--yes", "--watch", "1", "--repeat", "1", "--keep", "user", "--exercise", ASKS
    )
    found = last(out)
    assert code == 0, (err, found)
    trials = [json.loads(line) for line in out.splitlines() if '"trial"' in line and line.startswith('{"trial"')]
    assert trials[0]["choices"] == []
    assert trials[-1]["works"] is True
    second = [] if desk.rig.name == "podman_rootless" else ["CAP_FOWNER"]
    assert found["capabilities"] == ["CAP_CHOWN", *second]
    assert found["syscalls_allowed"] is not None, (err, json.dumps(trials), out)  # not watched, or left out
    assert 0 < found["syscalls_allowed"] <= 240
    assert {"start", "stop"} <= set(found["coverage"])
    chosen = {each["id"]: each for each in found["choices"]}
    why = chosen["capabilities"]["why"]
    assert "CHOWN (sh)" in why or "CHOWN (chown)" in why, (
        why
    )  # BusyBox's shell, which runs chown by itself or as a program
    assert chosen["no-new-privileges"]["value"] == "on"
    assert {each["outcome"] for each in found["toggles"]} == {"enforced"}
    status = Path(f"/proc/{desk.rig.pid(NAME)}/status").read_text()
    bounding = re.search(r"CapBnd:\s*([0-9a-f]+)", status)
    assert bounding is not None
    assert int(bounding[1], 16) == 1 | len(second) << 3
    assert set(desk.all()) - {NAME} == {name for name in desk.all() if ".old-" in name}
    assert desk.run("undo", NAME)[0] == 0
    assert desk.only_one_runs() == original
    left = groups() - before
    wait_for(lambda: not left & groups())  # others of this machine come and go


@pytest.mark.slow
def test_as_another_user(desk: Desk) -> None:
    """What uses no right of root is started as nobody, and that is tried first."""
    start(desk, command=("httpd", "-f", "-p", "8080", "-h", "/etc"))
    code, out, err = desk.run(
        "tighten", NAME, "--json", "--dry-run", "--repeat", "1", "--exercise", ASKS, "--tight", "--keep", "memory,cpus"
    )
    found = last(out)
    assert code == 0, (err, found)
    chosen = {each["id"]: each["value"] for each in found["choices"]}
    assert chosen["user"] == "65534:65534"
    assert chosen["capabilities"] == "none"
    assert not {"memory", "cpus"} & set(chosen)
    assert found["syscalls_allowed"] <= 110
    assert found["predicted"]["exposure"] <= 2.0
    assert found["result"] == "possible"


@pytest.mark.slow
def test_what_does_not_work_unchanged(desk: Desk) -> None:
    """An exercise that fails for the unchanged twin says nothing of settings: refused, with the reason."""
    start(desk, command=SERVES)
    code, out, _ = desk.run("tighten", NAME, "--json", "--yes", "--exercise", "echo not here >&2; false")
    assert code == 3
    assert last(out)["result"] == "refused"
    assert "false" in last(out)["why"]
    desk.only_one_runs()


def test_what_has_no_twin(desk: Desk) -> None:
    """The host's network can't be copied: said, nothing is tried, and the plan is followed as it is."""
    start(desk, "--network", "host", command=SERVES)
    code, out, err = desk.run("tighten", NAME, "--json", "--dry-run", "--keep", "network")
    found = last(out)
    assert code == 0, err
    assert "network" in err
    assert "was not watched" in err
    assert found["choices"] == []
    assert "no-new-privileges" in {each["id"] for each in found["untried"]}
    assert "network" not in {each["id"] for each in found["untried"]}
    assert found["result"] == "possible"
    desk.only_one_runs()


def test_what_can_not_be_relaunched_is_told_before_any_trial(desk: Desk) -> None:
    """Whatever the settings, and at once: here another needs its network."""
    start(desk, command=SERVES)
    desk.rig.run("run", "-d", "--name", f"{NAME}-beside", "--network", f"container:{NAME}", "busybox", "sleep", "3600")
    code, out, err = desk.run("tighten", NAME, "--json", "--yes")
    assert code == 3, err
    assert "dependents" in {each["code"] for each in last(out)["blocks"]}
    assert '{"trial"' not in out


def test_what_it_wrote_is_carried_over_in_the_same_command(desk: Desk) -> None:
    """Files outside of its volumes: nothing is refused for them, and nothing of them is lost."""
    start(desk, command=("sh", "-c", f"test -e /etc/kept || echo kept >/etc/kept; exec {' '.join(PLAIN)}"))
    wait_for(lambda: desk.rig.run("exec", NAME, "cat", "/etc/kept", check=False) == "kept")
    code, out, err = desk.run("tighten", NAME, "--json", "--yes", "--watch", "1", "--repeat", "1")
    found = last(out)
    assert code in (0, 1), (err, found)
    assert found["blocks"] == []
    assert desk.rig.run("exec", NAME, "cat", "/etc/kept") == "kept"
    assert desk.run("undo", NAME)[0] == 0


# By one signal it gives a file away; by the other, which it handles as well, it ends
RELOADS = (
    "sh",
    "-c",
    "touch /run/mine; trap 'chown 7:7 /run/mine; chown 0:0 /run/mine' HUP; trap 'exit 7' USR1; trap 'exit 0' TERM; "
    "httpd -p 8080 -h /etc; while :; do sleep 3600 & wait; done",
)


@pytest.mark.slow
def test_what_a_reload_needs(desk: Desk) -> None:
    """No start shows it, so its twin is told to reload. What it takes for its end is told to no other twin."""
    start(desk, command=RELOADS)
    code, out, err = desk.run("tighten", NAME, "--json", "--dry-run", "--repeat", "1", "--keep", "user")
    found = last(out)
    assert code == 0, (err, found)
    (why,) = (each["why"] for each in found["choices"] if each["id"] == "capabilities")
    assert "seen using CHOWN (sh);" in why
    assert "reload" in found["coverage"]
    said = [text for text in found["compared"] if "SIG" in text]
    assert len(said) == 1
    assert "SIGHUP" in said[0]
    assert "USR1" not in said[0]
    desk.only_one_runs()
