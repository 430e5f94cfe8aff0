"""Services of real Compose projects, hardened as a person types it; Compose's own next `up` keeps the change."""

from __future__ import annotations

import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.owners.composed import HARDER, WRITES, Project
from rig.cli.hardened import STAYS


@pytest.mark.slow
def test_hardened_kept_by_compose_and_undone(any_project: Project) -> None:
    _whole_way(any_project)


def test_a_service_is_hardened_through_compose(project: Project) -> None:
    _whole_way(project)


def _whole_way(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    web, db = project.id("web"), project.id("db")
    code, last, err = project.harden("web", *HARDER, "--dry-run")
    assert (code, last["result"]) == (0, "possible"), (last, err)
    assert last["owner"]["files"][0]["path"] == str(project.override)
    assert not project.override.exists()
    code, last, err = project.harden("web", *HARDER)
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert {item["outcome"] for item in last["toggles"]} == {"enforced"}
    assert project.id("web") == last["replacement_id"] != web
    assert project.id("db") == db
    assert project.no_new_privileges("web")
    assert project.override.read_text() == last["owner"]["files"][0]["text"]
    assert "not-to-be-seen" not in json.dumps(last)
    project.compose("up", "-d", "-t", "1")
    assert project.no_new_privileges("web")
    assert project.id("db") == db
    code, _, err = project.run("undo", f"{project.name}-web-1", "--watch", "1")
    assert code == 0, err
    project.as_before()
    assert project.id("db") == db
    assert project.run("undo", f"{project.name}-web-1")[0] == 2


@pytest.mark.slow
def test_a_service_whose_name_begins_with_a_dash(project: Project) -> None:
    project.file.write_text(project.file.read_text().replace("  web:", "  -web:"))
    project.compose("up", "-d", "-t", "1")
    code, last, err = project.harden("-web", *HARDER)
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert {item["outcome"] for item in last["toggles"]} == {"enforced"}


def test_what_breaks_is_rolled_back(project: Project) -> None:
    project.write(WRITES)
    project.compose("up", "-d", "-t", "1")
    db = project.id("db")
    code, last, err = project.harden("web", "--set", "read-only-root=on", "--set", "no-new-privileges=on")
    assert (code, last["result"]) == (4, "rolled-back"), (last, err)
    assert "7" in last["why"]
    assert "Read-only" in last["log"]
    assert last["suspects"] == ["read-only-root"]
    assert "read-only-root is probably the cause" in last["blame"]
    project.as_before()
    assert project.id("db") == db
    assert project.harden("web", *HARDER)[0] == 0  # nothing is left over that would be in the way


@pytest.mark.slow
def test_two_services_share_the_override(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    code, out, err = project.run("harden", f"{project.name}-web-1", "--dry-run", *HARDER)
    assert code == 0, err
    assert f"\n{project.override}:\n  | # io.github.stratascope: web" in out
    assert "\n  |       - ALL\n" in out
    assert f"\n$ docker --host {project.rig.endpoint} compose --project-name {project.name} " in out
    for service in ("web", "db"):
        code, last, err = project.harden(service, "--set", "no-new-privileges=on")
        assert code == 0, (last, err)
    project.compose("up", "-d", "-t", "1")
    assert project.no_new_privileges("web")
    assert project.no_new_privileges("db")
    code, last, err = project.harden("web", *HARDER)  # over the first change: an undo goes back to before both
    assert code == 0, (last, err)
    assert any("before the first" in item["text"] for item in last["warnings"])
    assert project.options("web")["CapDrop"] == ["ALL"]
    code, out, err = project.run("undo", f"{project.name}-web-1", "--watch", "0")
    assert code == 0, err
    assert "more than once" in out + err
    assert not project.options("web")["CapDrop"]
    assert not project.no_new_privileges("web")
    assert project.no_new_privileges("db")
    code, out, err = project.run("discard", f"{project.name}-db-1")
    assert code == 0, err
    assert str(project.override) in out
    assert project.no_new_privileges("db")
    # a second change goes on top of the accepted one
    code, last, err = project.harden("db", "--set", "capabilities=none")
    assert code == 0, (last, err)
    assert project.no_new_privileges("db")
    assert project.options("db")["CapDrop"] == ["ALL"]
    code, _, err = project.run("undo", f"{project.name}-db-1", "--watch", "0")
    assert code == 0, err
    assert project.no_new_privileges("db")
    assert not project.options("db")["CapDrop"]


@pytest.mark.slow
def test_the_last_one_that_uses_the_override_takes_it_away(project: Project) -> None:
    """Compose has listed the override among its own files by then, as it is read by itself."""
    project.compose("up", "-d", "-t", "1")
    assert project.harden("web", "--set", "no-new-privileges=on")[0] == 0
    project.compose("down", "-t", "1")
    project.compose("up", "-d", "-t", "1")
    code, last, err = project.harden("db", "--set", "no-new-privileges=on")
    assert code == 0, (last, err)
    for service in ("web", "db"):
        code, _, err = project.run("undo", f"{project.name}-{service}-1", "--watch", "0")
        assert code == 0, err
    project.as_before()


@pytest.mark.slow
def test_a_file_of_another_name_gets_an_override_of_its_own(project: Project) -> None:
    project.file.unlink()
    project.write(name="stack.yml")
    seccomp = project.folder / "profile.json"
    seccomp.write_text(
        '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}]}'
    )
    project.compose("-f", "stack.yml", "up", "-d", "-t", "1")
    code, last, err = project.harden("web", "--set", f"seccomp={seccomp}")
    assert code == 0, (last, err)
    paths = [Path(file["path"]) for file in last["owner"]["files"]]
    assert [path.parent for path in paths] == [project.folder] * 2
    assert paths[0].name == "stack.stratascope.yml"
    assert all(path.exists() for path in paths)
    assert any("-f" in item["text"] for item in last["warnings"])
    code, _, err = project.run("undo", f"{project.name}-web-1", "--watch", "0")
    assert code == 0, err
    assert not any(path.exists() for path in paths)
    project.write(name="compose.yaml")  # for the end of the test


@pytest.mark.slow
def test_what_was_changed_since_is_refused(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    web = project.id("web")
    code, last = _refused(project, project.file.read_text().replace("seen", "known"))
    assert (code, [item["code"] for item in last["blocks"]]) == (3, ["compose"])
    assert "changed since" in last["blocks"][0]["text"]
    assert project.id("web") == web
    project.as_before()
    project.write()


def _refused(project: Project, text: str) -> tuple[int, dict[str, Any]]:
    project.file.write_text(text)
    code, last, _ = project.harden("web", *HARDER)
    return code, last


@pytest.mark.slow
def test_what_else_is_refused(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    code, last = _refused(project, "services: [")
    assert (code, [item["code"] for item in last["blocks"]]) == (3, ["compose"])
    assert "can no longer read" in last["blocks"][0]["text"]
    project.write()
    project.compose("up", "-d", "-t", "1", "--scale", "web=2")
    code, last, _ = project.harden("web", *HARDER)
    assert code == 3
    assert "2 containers" in last["blocks"][0]["text"]


@pytest.mark.slow
def test_what_a_user_wrote_is_left_alone(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    project.file.write_text(project.file.read_text() + "# nothing that counts\n")
    project.override.write_text("services:\n  db:\n    read_only: true\n")
    mine = project.override.read_text()
    code, last, err = project.harden("web", *HARDER)
    assert code == 0, (last, err)
    assert project.override.read_text() == mine  # a user's file is never touched
    ours = Path(last["owner"]["files"][0]["path"])
    ours.write_text(ours.read_text().replace("no-new-privileges", "no-new-privileges:false"))
    code, _, err = project.run("undo", f"{project.name}-web-1")
    assert code == 3
    assert "changed after Stratascope wrote to it" in err


def _killed(project: Project, steps: int, moment: float) -> None:
    """Killed after so many lines and a moment; recovered; all is as before, or verified."""
    child = project.popen(
        "harden", f"{project.name}-web-1", "--json", "--yes", "--watch", "1", "--set", "no-new-privileges=on"
    )
    assert child.stdout is not None
    for _ in range(steps):
        child.stdout.readline()
    time.sleep(moment)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    code, _, err = project.run("recover")
    assert code == 0, err
    project.id("web")
    if project.override.exists():
        assert project.no_new_privileges("web")
        assert project.run("undo", f"{project.name}-web-1", "--watch", "0")[0] == 0
    project.as_before()
    assert [path.name for path in project.folder.iterdir() if path.name.startswith(".")] == []
    journal = project.folder / "state/stratascope/relaunches"
    assert list(journal.glob("*.json")) == []


@pytest.mark.slow
def test_killed_in_the_middle_and_recovered(project: Project) -> None:
    """The moments are drawn anew each time; the seed is printed."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    draw = random.Random(seed)
    project.compose("up", "-d", "-t", "1")
    # lines: journal, write, re-create, watch, each begun and done
    _killed(project, 5, draw.random() * 0.8)
    _killed(project, draw.randrange(1, 9), draw.random() * 0.05)


@pytest.mark.slow
def test_killed_everywhere_and_recovered(project: Project) -> None:
    project.compose("up", "-d", "-t", "1")
    for steps in range(1, 11):
        for moment in (0.0, 0.1, 0.3) if steps == 5 else (0.0,):
            _killed(project, steps, moment)
