"""Twins of a server that works in a child for each who comes: its port is open, whatever becomes of the child."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from engine.twins.stage import QUICK, Stage, stage_of
from rig.engine import Rig
from stratascope.core.relaunch.trial import Tried, Works
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse

CHILDREN = (
    "printf '#!/bin/sh\\necho x >>/asked; chown 7 /asked && echo 220 at your service && cat >/dev/null\\n' >/greet;"
    f" chmod 755 /greet; nc -ll -p 2525 -e /greet & {QUICK}"
)


@pytest.fixture
def stage(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_of(each_api, tmp_path, monkeypatch)


def listening(stage: Stage, name: str) -> Path:
    """Once it does: its root directory."""
    place, until = Path(f"/proc/{stage.rig.pid(name)}"), time.monotonic() + 30
    while ":09DD " not in (place / "net/tcp6").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    return place / "root"


def tried(stage: Stage, name: str, *choices: str) -> tuple[Tried, Tried]:
    with stage.trials(name) as trials:
        unchanged = trials.run(())
        return unchanged, trials.run([parse(text) for text in choices], unchanged)


@pytest.mark.slow
def test_a_trial_asks_the_twin_and_nothing_of_the_original(stage: Stage) -> None:
    with stage.container(command=CHILDREN) as name:
        inside = listening(stage, name)
        unchanged, changed = tried(stage, name, "no-new-privileges=on")
        assert (unchanged.works, changed.works) == (Works.YES, Works.YES), (unchanged, changed)
        assert not (inside / "asked").exists()
        if stage.rig.rootless:
            return  # root of this machine enters its network all the same
        told = [translate(each) for each in changed.compared]
        assert "Port 2525 answers as before: “220”" in told


@pytest.mark.slow
def test_one_that_answers_in_another_way_breaks(stage: Stage) -> None:
    with stage.container(command=CHILDREN) as name:
        listening(stage, name)
        unchanged, changed = tried(stage, name, "drop=CHOWN")
        assert (unchanged.works, changed.works) == (Works.YES, Works.BREAKS), (unchanged, changed)
        assert changed.why is not None
        assert "Port 2525 answers differently than before" in translate(changed.why)
