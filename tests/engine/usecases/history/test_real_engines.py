"""A real container that is changed, restarted, relaunched and brought back: its history says so, and `history` too."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.engine import Rig
from stratascope.core.history.entry import Subject
from stratascope.core.history.fold import Past, What
from stratascope.probe.control_groups import UseCounters
from stratascope.state.history import FileHistory
from stratascope.state.journal import FileJournal
from stratascope.usecases.history import recorder
from stratascope.usecases.history.history import History
from stratascope.usecases.history.recorder import Recorder
from stratascope.wiring.engines import LateEngines
from stratascope.wiring.views import live_view


class Recorded:
    """A recorder that follows a real live view."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        store = FileHistory(folder / "stratascope" / "history")
        journal = FileJournal(folder / "stratascope" / "relaunches")
        self.recorder = Recorder(store, UseCounters(), journal.twins)
        self.history = History(FileHistory(store.folder), journal.all)
        self.subject = Subject(desk.rig.id, NAME)

    def past(self) -> Past:
        return self.history.of(self.subject, 0.0)

    def wait(self, seen: Callable[[Past], bool]) -> Past:
        while not seen(past := self.past()):
            time.sleep(0.1)
        return past

    def until(self, what: What, count: int = 1) -> Past:
        return self.wait(lambda past: sum(each.what is what for each in past.changes) >= count)


@pytest.fixture
def recorded(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    with following(each_api, tmp_path, monkeypatch) as found:
        yield found


@contextmanager
def following(rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorded]:
    desk = Desk(rig, folder)
    monkeypatch.setenv("STRATASCOPE_ENGINES", desk.environ["STRATASCOPE_ENGINES"])
    found = Recorded(desk, folder)
    watch = live_view(LateEngines())
    found.recorder.start()
    watch.start(found.recorder.see)
    try:
        yield found
    finally:
        watch.stop()
        found.recorder.close()
        for name in desk.all():
            rig.run("rm", "-f", name)


def history(desk: Desk) -> dict[str, Any]:
    code, out, err = desk.run("history", NAME, "--json")
    assert code == 0, err
    (found,) = json.loads(out)["containers"]
    assert isinstance(found, dict)
    return found


@pytest.mark.slow
def test_restarted_relaunched_and_back(recorded: Recorded) -> None:
    desk = recorded.desk
    first = start(desk)
    recorded.until(What.FIRST)
    desk.rig.run("restart", "-t", "1", NAME)
    recorded.until(What.RESTARTED)
    code, result, err = desk.harden("--set", "capabilities=none", "--set", "no-new-privileges=on")
    assert code == 0, err
    past = recorded.until(What.RELAUNCHED)
    relaunched = next(each for each in past.changes if each.what is What.RELAUNCHED)
    assert relaunched.id == result["replacement_id"]
    assert set(relaunched.plus) == {"capabilities=none", "no-new-privileges=on"}
    settings = next(each for each in recorded.until(What.SETTINGS).changes if each.what is What.SETTINGS)
    assert "--security-opt no-new-privileges" in settings.plus
    exposure = next(each for each in recorded.until(What.EXPOSURE).changes if each.what is What.EXPOSURE)
    assert exposure.before is not None
    assert exposure.after is not None
    assert exposure.after < exposure.before
    code, _, err = desk.run("undo", NAME, "--json")
    assert code == 0, err
    recorded.until(What.UNDONE)
    told = history(desk)
    assert told["id"] == first
    kinds = [each["what"] for each in told["changes"]]
    assert [each for each in kinds if each in ("restarted", "relaunched", "relaunch-undone")] == [
        "restarted",
        "relaunched",
        "relaunch-undone",
    ]
    assert told["restarts"] == 1
    # nothing of it is told as an end, since another one took its place
    assert "removed" not in kinds


def test_limits_changed_while_it_runs(docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `docker update`, which relaunches nothing: the option and the kernel's limit are one change."""
    with following(docker_rootful, tmp_path, monkeypatch) as recorded:
        start(recorded.desk, "--memory", "64m", "--memory-swap", "64m")
        recorded.until(What.FIRST)
        docker_rootful.run("update", "--memory", "96m", "--memory-swap", "96m", NAME)
        past = recorded.until(What.SETTINGS)
        change = next(each for each in past.changes if each.what is What.SETTINGS)
        assert (change.plus, change.minus) == (
            ("--memory 96m", "--memory-swap 96m"),
            ("--memory 64m", "--memory-swap 64m"),
        )
        assert not any(each.what is What.LIMITS for each in past.changes)
        assert past.now.limits is not None
        assert past.now.limits.memory == 96 << 20
        docker_rootful.run("exec", "-d", "--privileged", NAME, "sleep", "3600")
        drift = next(each for each in recorded.until(What.DRIFT).changes if each.what is What.DRIFT)
        assert (drift.drift[0].command, drift.drift[0].kind) == ("sleep", "exec")


def test_gone(recorded: Recorded) -> None:
    start(recorded.desk)
    recorded.until(What.FIRST)
    recorded.desk.rig.run("rm", "-f", NAME)
    recorded.until(What.GONE)
    assert history(recorded.desk)["status"] == "gone"


def test_use_is_what_the_kernel_counts(docker_rootful: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that keeps a CPU busy and holds memory, against the engine's own word."""
    monkeypatch.setattr(recorder, "SAMPLE", 1.0)
    monkeypatch.setattr(recorder, "ROW", 5.0)
    with following(docker_rootful, tmp_path, monkeypatch) as recorded:
        busy = ("sh", "-c", "trap 'exit 0' TERM; dd if=/dev/zero of=/dev/shm/x bs=1M count=20; while :; do :; done")
        start(recorded.desk, "--shm-size", "64m", "--cpus", "0.5", command=busy)
        past = recorded.wait(lambda past: past.peaks is not None)
        peaks = past.peaks
        assert peaks is not None
        assert peaks.memory is not None
        assert peaks.memory > 20 << 20
        assert peaks.cpu is not None
        assert 0.05 < peaks.cpu < 0.6
        assert peaks.pids is not None
        assert peaks.pids >= 1


def test_what_only_the_journal_knows(each_api: Rig, tmp_path: Path) -> None:
    """A relaunch while no window was open."""
    desk = Desk(each_api, tmp_path)
    try:
        start(desk)
        code, _, err = desk.harden("--set", "no-new-privileges=on")
        assert code == 0, err
        told = history(desk)
        assert [(each["what"], each["plus"]) for each in told["changes"]] == [("relaunched", ["no-new-privileges=on"])]
        assert told["first_seen"] is None
    finally:
        for name in desk.all():
            each_api.run("rm", "-f", name)
