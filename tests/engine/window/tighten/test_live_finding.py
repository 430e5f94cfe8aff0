"""On a real engine: what breaks a relaunch is found, and an exercise counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.window.live_window import live
from rig.engine import Rig
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.layers.toggles import choice_of
from stratascope.state import preferences
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.window.main_window import MainWindow

# slow: each is minutes of trials, and its parts are held by test_finding.py and tests/window/relaunch/test_refused.py
pytestmark = [pytest.mark.slow, pytest.mark.qt_log_ignore("This plugin does not support")]
NAME = "found-here"
QUICK = ("sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
# It needs to write, and says nothing of it
SILENT = ("sh", "-c", "mkdir /mine 2>/dev/null || exit 3; rmdir /mine; trap 'exit 0' TERM; sleep 3600 & wait")
# Of a rootless Podman the root directory lets nobody write without it
CAPABILITIES, ROOT = choice_of("capabilities", "CAP_DAC_OVERRIDE"), choice_of("read-only-root", "on")
SOME = (CAPABILITIES, ROOT, choice_of("no-new-privileges", "on"))


@contextmanager
def container(rig: Rig, *options: str, command: tuple[str, ...]) -> Iterator[None]:
    """And whatever comes of it."""
    with rig.container(*options, name=NAME, command=command):
        try:
            yield
        finally:
            for each in rig.run("ps", "-a", "--format", "{{.Names}}").split():
                if each.startswith(NAME) and each != NAME:
                    rig.run("rm", "-f", each)


def side_of(window: MainWindow) -> RelaunchController:
    assert window.hardening is not None
    return window.hardening


def relaunched(qtbot: QtBot, window: MainWindow, *choices: Choice) -> RelaunchController:
    """With just these, as they come from elsewhere; or with the plan as it stands."""
    side, state = side_of(window), window.selection.current
    if choices:
        assert state is not None
        assert side.take(state.key, choices)
    qtbot.waitUntil(lambda: not side.draft.pending and side.draft.relaunch is not None)
    preferences.WATCH.choose(window.settings, 1.0)
    side.draft.relaunch_now()
    qtbot.waitUntil(lambda: not side.busy)
    return side


def ending(side: RelaunchController) -> RelaunchOutcome:
    assert side.dialog.after.ended is not None
    return side.dialog.after.ended.ending


def bounding(rig: Rig) -> int:
    found = re.search(r"CapBnd:\s*([0-9a-f]+)", Path(f"/proc/{rig.pid(NAME)}/status").read_text())
    assert found is not None
    return int(found[1], 16)


def test_what_breaks_it_is_found_and_the_rest_is_had(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig, tmp_path: Path
) -> None:
    rig = each_api
    with container(rig, command=SILENT), live(qtbot, monkeypatch, rig, tmp_path, NAME) as (window, click):
        trials = window.trials
        assert trials is not None
        side = relaunched(qtbot, window, *SOME)
        assert ending(side) is RelaunchOutcome.ROLLED_BACK
        click(window.strata_page.header.result.go)
        qtbot.waitUntil(lambda: not trials.busy)
        qtbot.waitUntil(lambda: not side.draft.pending and side.draft.plan is not None)
        assert set(side.draft.choices) == set(SOME) - {ROOT}, side.column.foot.sign.text.text()
        assert ending(relaunched(qtbot, window)) is RelaunchOutcome.ENFORCED
        assert bounding(rig) == 1 << 1


def test_an_exercise_on_a_twin_shows_that_it_works(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, docker_rootful: Rig, tmp_path: Path
) -> None:
    """It has no port and no healthcheck: nothing else could."""
    rig = docker_rootful
    with container(rig, command=QUICK), live(qtbot, monkeypatch, rig, tmp_path, NAME) as (window, click):
        side, trials, state = side_of(window), window.trials, window.selection.current
        assert trials is not None
        assert state is not None
        side.draft.take_choices(state.key, SOME)
        preferences.remember_exercises(window.settings, state.container.image, ("true",))
        qtbot.waitUntil(lambda: not side.draft.pending and side.draft.relaunch is not None)
        click(side.column.button)
        qtbot.waitUntil(lambda: not trials.busy and side.draft.tried is not None)
        assert ending(relaunched(qtbot, window)) is RelaunchOutcome.VERIFIED
        card = window.strata_page.header.result
        qtbot.waitUntil(card.isVisible)
        assert any("the exercise succeeded: true" in each.text for each in card.shown.checks)
