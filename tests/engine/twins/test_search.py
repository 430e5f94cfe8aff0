"""The largest set of settings with which a program on a real engine still works, found by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.twins.stage import QUICK, Stage, stage_of
from rig.engine import Rig
from stratascope.core.relaunch.trial import Works
from stratascope.layers.toggles import parse
from stratascope.usecases.trial.strategy import Ends, Purpose, Searched, TrialDone, search

# It needs two capabilities, writes one file in its root, and says nothing when it can't
SILENT = f"touch /written 2>/dev/null && chown 1000:1000 /written 2>/dev/null || exit 3; {QUICK}"
WANTED = ("capabilities=none", "no-new-privileges=on", "read-only-root=on", "pids=50", "ulimit-core=0", "cpus=1")


@pytest.fixture
def stage(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_of(each_api, tmp_path, monkeypatch)


def test_what_breaks_it_is_left_out_and_nothing_else(stage: Stage) -> None:
    wanted = [parse(text) for text in WANTED if not (stage.rig.rootless and text[:4] in ("pids", "cpus"))]
    with stage.container("-v", "/data", command=SILENT) as name, stage.trials(name) as trials:
        there = stage.there()
        *events, ended = search(trials, wanted, repeats=3)
        assert isinstance(ended, Searched)
        assert ended.verdict.ends is Ends.FOUND, ended
        assert {choice.id for choice in ended.verdict.choices} == {
            choice.id for choice in wanted if choice.id not in ("capabilities", "read-only-root")
        }
        done = [event for event in events if isinstance(event, TrialDone)]
        assert [each.purpose for each in done[-3:]] == [Purpose.REPEAT] * 3
        assert all(each.tried.works is Works.YES for each in done[-3:])
        assert ended.unchanged is not None
        assert stage.there() == there


def test_a_program_that_works_on_request_only_is_exercised(stage: Stage, tmp_path: Path) -> None:
    """It comes up all the same; that it can't do its job is seen by the exercise, or not at all."""
    command = f"(while sleep 0.1; do [ -e /tmp/ask ] && chown 7 /tmp/ask && mv /tmp/ask /tmp/done; done) & {QUICK}"
    # a rootless engine's file system takes no files of users that its user namespace does not have
    enter = f"nsenter -t $STRATASCOPE_TWIN_PID --mount --root {'--user' if stage.rig.rootless else ''}"
    answered = f"{enter} test -e /tmp/done && exit 0; sleep 0.1"
    ask = f"{enter} touch /tmp/ask; for turn in $(seq 20); do {answered}; done; exit 1"
    wanted = [parse("capabilities=none"), parse("no-new-privileges=on")]
    with stage.container(command=command) as name:
        with stage.trials(name) as trials:
            *_, ended = search(trials, wanted, repeats=1)
            assert isinstance(ended, Searched)
            assert len(ended.verdict.choices) == 2
        with stage.trials(name, ask) as trials:
            *_, ended = search(trials, wanted, repeats=1)
            assert isinstance(ended, Searched)
            assert [choice.id for choice in ended.verdict.choices] == ["no-new-privileges"], ended


def test_a_container_whose_unchanged_twin_breaks_is_left_alone(stage: Stage) -> None:
    command = f"[ $(ls /sys/class/net | wc -l) -gt 1 ] || {{ echo no network; exit 4; }}; {QUICK}"
    with stage.container(command=command) as name, stage.trials(name) as trials:
        *_, ended = search(trials, [parse("no-new-privileges=on")])
        assert isinstance(ended, Searched)
        assert (ended.verdict.ends, ended.trials) == (Ends.UNCHANGED_BREAKS, 1)
        assert ended.verdict.last is not None
        assert "no network" in ended.verdict.last.log
