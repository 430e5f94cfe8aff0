"""The real window tightens a real container on real twins, relaunches it with what works, and undoes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.window.live_window import live
from rig.engine import Rig
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.state import preferences
from stratascope.state.journal import FileJournal

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
NAME = "tightened-here"
# As root it gives a file away; then it serves, until it is told to stop
SERVES = (
    "sh",
    "-c",
    "touch /run/mine; chown 7:7 /run/mine; trap 'exit 0' TERM; httpd -p 8080 -h /etc; sleep 3600 & wait",
)
ASKS = "nsenter --net=$STRATASCOPE_TWIN_NETNS wget -q -O - http://127.0.0.1:8080/passwd | grep -q root"


def bounding(rig: Rig) -> int:
    found = re.search(r"CapBnd:\s*([0-9a-f]+)", Path(f"/proc/{rig.pid(NAME)}/status").read_text())
    assert found is not None
    return int(found[1], 16)


def names(rig: Rig) -> list[str]:
    return [name for name in rig.run("ps", "-a", "--format", "{{.Names}}").split() if name.startswith(NAME)]


@pytest.mark.slow
def test_tightened_proven_and_undone(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig, tmp_path: Path
) -> None:
    """Two clicks after the container is chosen; what its plan takes is gone, and an undo brings it back."""
    rig = each_api
    with (
        rig.container(name=NAME, command=SERVES) as original,
        live(qtbot, monkeypatch, rig, tmp_path, NAME) as (window, click),
    ):
        side, trials = window.hardening, window.trials
        assert side is not None
        assert trials is not None
        before = bounding(rig)
        try:
            image = window.selection.current.container.image  # type: ignore[union-attr]
            preferences.remember_exercises(window.settings, image, (ASKS,))
            click(side.column.button)
            qtbot.waitUntil(lambda: not trials.busy)
            qtbot.waitUntil(lambda: side.draft.tried is not None and side.draft.relaunch is not None)
            assert side.column.button.text().startswith("Relaunch"), side.column.foot.sign.text.text()
            assert names(rig) == [NAME]  # nothing is left of the twins, and nothing was relaunched
            assert rig.run("inspect", "--format", "{{.Id}}", NAME).strip().startswith(original[:12])
            then = side.draft.plan.then.exposure.worst  # type: ignore[union-attr]
            click(side.column.button)
            qtbot.waitUntil(lambda: not side.busy)
            ended = side.dialog.after.ended
            assert ended is not None
            assert ended.ending is RelaunchOutcome.VERIFIED, (ended.why, ended.words, ended.log)
            assert bounding(rig) < before
            assert then < 10.0
            click(window.strata_page.header.result.more)
            qtbot.waitUntil(lambda: side.busy or side.dialog.isVisible())
            if side.dialog.isVisible():
                click(side.dialog.go)
            qtbot.waitUntil(lambda: not side.busy)
            assert bounding(rig) == before
            assert rig.run("inspect", "--format", "{{.Id}}", NAME).strip().startswith(original[:12])
        finally:
            for each in names(rig):
                if each != NAME:
                    rig.run("rm", "-f", each)


def test_closed_in_the_middle_nothing_is_left(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, docker_rootful: Rig, tmp_path: Path
) -> None:
    rig = docker_rootful
    with rig.container(name=NAME, command=SERVES), live(qtbot, monkeypatch, rig, tmp_path, NAME) as (window, click):
        side, trials = window.hardening, window.trials
        assert side is not None
        assert trials is not None
        image = window.selection.current.container.image  # type: ignore[union-attr]
        preferences.remember_exercises(window.settings, image, ("sleep 3600",))
        click(side.column.button)
        journal = FileJournal(tmp_path / "stratascope" / "relaunches")
        qtbot.waitUntil(lambda: len(names(rig)) == 2)  # the twin is there
        assert journal.twins()
        assert not window.close()
        qtbot.waitUntil(lambda: not window.isVisible())
        assert names(rig) == [NAME]
        assert journal.twins() == ()
