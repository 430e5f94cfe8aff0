"""An entry of the journal that was edited, or made up, leads to no container that it is not about: nothing is changed.

On real engines, by the command line. Each edit is tried with all that acts on what is set aside, and, as if a crash had
left it so, with `recover` at several stages.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, QUICK, Desk, desk_at, start
from rig.engine import Rig
from stratascope.__main__ import main
from stratascope.core.relaunch.launch_spec import ORIGINAL, TWIN

GROUP, SINCE = "fedcba9876543210", 1.0
STAGES = ("stopping", "stopped", "verified")
RUNS, RESTS = f"{NAME}-runs", f"{NAME}-rests"  # two that were never hardened

Entry = dict[str, Any]


@dataclass
class Place:
    """A hardened container, its entry, and two bystanders."""

    desk: Desk
    file: Path
    honest: Entry

    def inspect(self, name: str) -> dict[str, Any]:
        return self.desk.rig.inspect(name)

    def write(self, entry: Entry) -> None:
        self.file.write_text(json.dumps({"version": 1, "transaction": entry}))

    def seen(self) -> object:
        """Whatever could be changed of any container of the engine, and the images."""
        rig = self.desk.rig
        found = []
        for said in json.loads(rig.run("inspect", "--type", "container", *sorted(self.desk.all()))):
            state, kept = said["State"], {key: said[key] for key in ("Id", "Name")}
            kept |= {key: state[key] for key in ("Status", "StartedAt", "Pid")}
            found.append((kept, said["Config"]["Labels"], said["HostConfig"]["RestartPolicy"]))
        return found, sorted(rig.run("images", "--format", "{{.Repository}}:{{.Tag}}").split())

    def refused(self, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
        """By this Python: a start of it for each would take most of the time."""
        for key, value in self.desk.environ.items():
            monkeypatch.setenv(key, value)
        out, entry = io.StringIO(), self.file.read_text()
        with redirect_stdout(out), redirect_stderr(out):
            code = main([*words])
        assert code in (2, 3), (words, code, out.getvalue())
        assert "is not what the journal says" in out.getvalue(), (words, out.getvalue())
        assert self.file.read_text() == entry, words


@pytest.fixture(scope="module")
def place(each_api: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One for all tests, as none may change it."""
    state = tmp_path_factory.mktemp("state")
    with desk_at(each_api, state) as desk:
        each_api.run("run", "-d", "--restart", "always", "--name", RUNS, "busybox", *QUICK)
        each_api.run("run", "--name", RESTS, "busybox", "true")
        start(desk, "--restart", "always")
        code, last, err = desk.harden("--set", "no-new-privileges=on")
        assert code == 0, (last, err)
        (file,) = (state / "stratascope" / "relaunches").glob("*.json")
        yield Place(desk, file, json.loads(file.read_text())["transaction"])


def original(place: Place, entry: Entry, other: str = RESTS) -> None:
    entry["old"] = place.inspect(other)["Id"]


def original_and_its_copy(place: Place, entry: Entry) -> None:
    """What the journal holds of it goes along."""
    original(place, entry)
    entry["inspect"] = json.dumps(place.inspect(RESTS))


def original_by_name(place: Place, entry: Entry) -> None:
    entry["old"] = RESTS


def replacement(place: Place, entry: Entry) -> None:
    entry["new"] = place.inspect(RUNS)["Id"]


def both_swapped(place: Place, entry: Entry) -> None:
    entry["old"], entry["new"] = entry["new"], entry["old"]


def made_up(place: Place, entry: Entry) -> None:
    """For two that were never hardened, and coherent in itself: their own names, ids and answers of the engine."""
    original_and_its_copy(place, entry)
    replacement(place, entry)
    del entry["new_created"]
    entry |= {"name": RUNS, "old_aside": RESTS, "new_aside": RUNS, "created": False, "kind": "undo"}


def made_up_for_one(place: Place, entry: Entry) -> None:
    """The other one is said to be gone: it would be started."""
    original_and_its_copy(place, entry)
    entry |= {"new": "f" * 64, "name": RESTS, "old_aside": RESTS}


def name(place: Place, entry: Entry) -> None:
    entry["name"] = f"{NAME}-elsewhere"


def name_aside(place: Place, entry: Entry) -> None:
    entry["old_aside"] = f"{NAME}-elsewhere"


def creation_of_the_original(place: Place, entry: Entry) -> None:
    entry["inspect"] = json.dumps(json.loads(entry["inspect"]) | {"Created": "2020-01-01T00:00:00.5Z"})


def creation_of_the_replacement(place: Place, entry: Entry) -> None:
    entry["new_created"] += 1.0


def image(place: Place, entry: Entry) -> None:
    entry["old_image"] = entry["image"] = "docker.io/library/busybox:latest"


def volume(place: Place, entry: Entry) -> None:
    ids = {"uid": 0, "gid": 0}
    entry["owners"] = [{"source": "/etc", "was": {"uid": 9, "gid": 9}, "becomes": ids, "files": []}]


EDITS = (original, original_and_its_copy, original_by_name, replacement, both_swapped, made_up, made_up_for_one, name,
         name_aside, creation_of_the_original, creation_of_the_replacement, image, volume)  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_nothing_is_changed(
    place: Place, edit: Callable[[Place, Entry], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place.seen()
    entry = json.loads(json.dumps(place.honest))
    edit(place, entry)
    place.write(entry)
    for words in (("undo", entry["name"]), ("undo", entry["name"], "--group"), ("discard", entry["name"], "--yes")):
        place.refused(monkeypatch, *words)
    group = place.file.with_name(f"{GROUP}.group")
    undone = {"id": GROUP, "name": "all", "undoes": True, "members": [entry["id"]], "started_at": SINCE}
    written = {"version": 1, "transaction": undone | {key: entry[key] for key in ("engine", "endpoint")}}
    group.write_text(json.dumps(written))
    place.refused(monkeypatch, "recover")  # goes on with an undo of several
    group.unlink()
    for stage in STAGES:
        place.write(entry | {"stage": stage})
        place.refused(monkeypatch, "recover")
    assert place.seen() == before


def test_a_further_relaunch_does_not_vouch_for_it(place: Place) -> None:
    """What is set aside is said by the labels of the one that is made next, and would be believed from then on."""
    entry = json.loads(json.dumps(place.honest))
    original(place, entry)
    place.write(entry)
    before = place.seen()
    code, last, err = place.desk.harden("--set", "read-only-root=on")
    assert code == 3, (last, err)
    assert "is not what the journal says" in last["why"]
    assert place.seen() == before


def test_a_twin_is_removed_by_no_label_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    number, named = "0123456789abcdef", f"{NAME}-twin"
    place.write(place.honest)
    labels = ("--label", f"{TWIN}={number}", "--label", f"{ORIGINAL}={'a' * 64}")
    place.desk.rig.run("run", "-d", "--name", named, *labels, "busybox", *QUICK)
    record = {"id": number, "original": place.honest["new"], "name": named, "started_at": SINCE}
    record |= {key: place.honest[key] for key in ("engine", "endpoint")}
    file = place.file.with_name(f"{number}.twin")
    file.write_text(json.dumps({"version": 1, "transaction": record}))
    before = place.seen()
    place.refused(monkeypatch, "recover")
    assert place.seen() == before
    file.unlink()
    place.desk.rig.run("rm", "-f", named)


def test_an_entry_of_an_earlier_version_is_undone(place: Place) -> None:
    entry = {key: value for key, value in place.honest.items() if key != "new_created"}
    place.write(entry)
    code, out, err = place.desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert place.desk.all()[NAME] == (entry["old"], "running")
