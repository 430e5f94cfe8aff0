"""Quadlet units under a real systemd, hardened through their owner, as root and as an ordinary user.

The machine is booted once (`machine.py`); `guest_owners.py` has the steps. Slow: a machine takes minutes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from machine.vm.machine import Json, Machine, NoMachineError, boot

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.timeout(3000)]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, booted, with all steps taken."""
    try:
        yield boot("apparmor", tmp_path_factory.mktemp("owners"), "guest_owners.py")
    except NoMachineError as error:
        if os.environ.get("STRATASCOPE_REQUIRE_ENGINES") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(params=("system", "user"))
def side(machine: Machine, request: pytest.FixtureRequest) -> Json:
    found: Json = machine.truth[request.param]
    return found


def runs(state: Json, name: str, *, hardened: bool) -> None:
    """The unit's one container, as the kernel and systemd tell."""
    told = state[name]
    assert (told["status"], told["unit"]) == ("running", "active"), state
    assert (told["NoNewPrivs"] == "1") is hardened


def test_a_dry_run_shows_the_drop_in_and_changes_nothing(side: Json) -> None:
    dry, last = side["dry"], side["dry"]["last"]
    assert (dry["code"], last["result"]) == (0, "possible"), dry
    assert dry["web"] == side["start"]["web"]
    assert [file["path"].rpartition("/systemd/")[2] for file in last["owner"]["files"]] == [
        "web.container.d/50-stratascope.conf"
    ]
    assert last["owner"]["commands"][-1].endswith("restart -- web.service")


def test_hardened_proven_and_kept_by_the_next_restart(side: Json) -> None:
    done = side["hardened"]
    assert (done["code"], done["last"]["result"]) == (0, "enforced"), done
    assert {item["outcome"] for item in done["last"]["toggles"]} == {"enforced"}
    assert done["last"]["replacement_id"] == done["web"]["id"] != side["start"]["web"]["id"]
    for state in (done, side["restarted"]):
        runs(state, "web", hardened=True)
        assert int(state["web"]["CapBnd"], 16) == 0
    assert done["writer"] == side["start"]["writer"]
    assert side["drop-in"] == done["last"]["owner"]["files"][0]["text"]
    assert len(set(side["owner"])) == 1
    assert "not-to-be-seen" not in str(done)


def test_hardened_once_more_on_top_of_the_first(side: Json) -> None:
    """Without an undo or a discard between them; the undo that follows goes back to before both."""
    again = side["again"]
    assert (again["code"], again["last"]["result"]) == (0, "enforced"), again
    assert any("before the first" in item["text"] for item in again["last"]["warnings"])
    for state in (again, side["again restarted"]):
        runs(state, "web", hardened=True)
        assert int(state["web"]["CapBnd"], 16) == 0
        assert "64" in state["web"]["pids"]
    assert "64" not in side["undone"]["web"]["pids"]


def test_the_drop_in_is_its_users(machine: Machine) -> None:
    assert machine.truth["system"]["owner"] == [0, 0]
    assert machine.truth["user"]["owner"] == [1000, 1000]


def test_undone(side: Json) -> None:
    done = side["undone"]
    assert done["code"] == 0, done
    runs(done, "web", hardened=False)
    assert done["files"] == side["start"]["files"]


def test_what_breaks_is_rolled_back(side: Json) -> None:
    broken = side["broken"]
    assert (broken["code"], broken["last"]["result"]) == (4, "rolled-back"), broken
    assert "exited by itself" in broken["last"]["why"]
    assert "Read-only file system" in broken["last"]["log"]  # of a container that systemd has removed by then
    assert broken["last"]["suspects"] == ["read-only-root"]
    runs(broken, "writer", hardened=False)
    assert broken["files"] == side["start"]["files"]
    assert broken["web"] == side["undone"]["web"]


def test_a_file_that_was_changed_since_is_refused(side: Json) -> None:
    for step in ("changed", "reloaded"):
        assert side[step]["code"] == 3, side[step]
        assert [item["code"] for item in side[step]["last"]["blocks"]] == ["systemd"]
        assert "changed since" in side[step]["last"]["blocks"][0]["text"]
        assert side[step]["web"] == side["undone"]["web"]


def test_killed_in_the_middle_and_recovered(side: Json) -> None:
    steps = [name for name in side if name.startswith("killed")]
    assert len(steps) == 3
    for name in steps:
        found = side[name]
        assert found["code"] == 0, (name, found)
        runs(found, "web", hardened=any("web.container.d" in path for path in found["files"]))
    runs(side["end"], "web", hardened=False)
    assert side["end"]["files"] == side["start"]["files"]
