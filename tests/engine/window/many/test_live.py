"""The real window hardens two real containers one after the other, and undoes both; one that breaks takes both back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.window.live_window import live
from rig.engine import Rig
from stratascope.layers.toggles import choice_of
from stratascope.ui.many.controller import ManyController
from stratascope.ui.many.dialog import Page
from stratascope.ui.window.main_window import MainWindow

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")
NAMES = ("together-1", "together-2")
QUICK = ("sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
WRITES = ("sh", "-c", "mkdir /mine 2>/dev/null || exit 3; rmdir /mine; trap 'exit 0' TERM; sleep 3600 & wait")
SOME = (choice_of("read-only-root", "on"), choice_of("no-new-privileges", "on"))


@contextmanager
def containers(rig: Rig, *commands: tuple[str, ...]) -> Iterator[None]:
    """And whatever comes of them."""
    with ExitStack() as stack:
        for name, command in zip(NAMES, commands, strict=True):
            stack.enter_context(rig.container(name=name, command=command))
        try:
            yield
        finally:
            for each in rig.run("ps", "-a", "--format", "{{.Names}}").split():
                if each.startswith("together-") and each not in NAMES:
                    rig.run("rm", "-f", each)


def run(qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> ManyController:
    """Both, with a plan that breaks what writes."""
    side, many = window.hardening, window.many
    assert side is not None
    assert many is not None
    qtbot.waitUntil(lambda: _there(window))
    monkeypatch.setattr(many.together, "choices", lambda *_: SOME)
    many.ask()
    for switch in many.dialog.switches:
        switch.setChecked(switch.text().startswith(NAMES))
    assert len(many.dialog.states) == len(NAMES)
    side.dialog.before.usual = lambda: 1.0
    many.dialog.go.click()
    qtbot.waitUntil(lambda: many.dialog.pages.currentIndex() == Page.PLANNED.value)
    go(qtbot, many)
    return many


def _there(window: MainWindow) -> bool:
    states = () if window.selection.snapshot is None else window.selection.snapshot.containers
    return {each.container.name for each in states if each.matrix is not None} >= set(NAMES)


def go(qtbot: QtBot, many: ManyController) -> None:
    qtbot.waitUntil(many.dialog.go.isEnabled)
    many.dialog.go.click()
    qtbot.waitUntil(lambda: not many.busy)


def read_only(rig: Rig) -> list[str]:
    return [rig.run("inspect", "--format", "{{.HostConfig.ReadonlyRootfs}}", name).strip() for name in NAMES]


def ids(rig: Rig) -> list[str]:
    return [rig.run("inspect", "--format", "{{.Id}}", name).strip() for name in NAMES]


def test_both_and_back(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, each_api: Rig, tmp_path: Path) -> None:
    rig = each_api
    with containers(rig, QUICK, QUICK), live(qtbot, monkeypatch, rig, tmp_path, NAMES[0]) as (window, click):
        before = ids(rig)
        many = run(qtbot, window, monkeypatch)
        assert many.dialog.title.text() == "Hardened. Not tested."
        assert read_only(rig) == ["true", "true"]
        click(many.dialog.undo)
        go(qtbot, many)
        assert many.dialog.title.text() == "Undone: the originals are back"
        assert ids(rig) == before


def test_one_that_breaks_takes_both_back(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, docker_rootful: Rig, tmp_path: Path
) -> None:
    rig = docker_rootful
    with containers(rig, QUICK, WRITES), live(qtbot, monkeypatch, rig, tmp_path, NAMES[0]) as (window, _):
        before = ids(rig)
        many = run(qtbot, window, monkeypatch)
        assert many.dialog.title.text() == "Rolled back: everything is as it was before"
        assert {row[0].sign for row in many.dialog.rows.model_.rows} == {"cross"}
        assert ids(rig) == before
        assert rig.run("ps", "-a", "--format", "{{.Names}}").count("together-") == len(NAMES)
