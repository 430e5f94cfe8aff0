"""The page in a window on captures: judged for their machines; with several, one can be chosen."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from rig.places import CAPTURES
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.ui.app import app, start
from stratascope.ui.app.app import make_window
from stratascope.ui.app.start import NotStarted
from stratascope.ui.before.page import BeforePage
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.check.corrections import Judged
from stratascope.usecases.plan.offers import Offer
from window.not_started import judged, offered

MACHINES = CAPTURES / "machines"
TEXT = "docker run --name web --cap-add SYS_ADMIN nginx"

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def of_captures(*names: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, NotStarted]:
    """Return what a window on these captures gets: their reader, and their judge."""
    given: list[tuple[Any, Services]] = []

    def run(watch: object, words: list[str], services: Services) -> int:
        given.append((watch, services))
        return 0

    monkeypatch.setattr(app, "run", run)
    assert start.show_captures([MACHINES / f"{name}.json" for name in names]) == 0
    ((watch, services),) = given
    assert isinstance(services.before, NotStarted)
    return watch, services.before


def opened(qtbot: QtBot, watch: Any, before: NotStarted) -> tuple[MainWindow, BeforePage]:
    """A window on the page, with a judged text."""
    window = make_window(watch, Services(before=before))
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.pages.show_view(View.BEFORE)
    page = window.pages.of(BeforePage)
    judged(page, qtbot, TEXT)
    return window, page


def test_it_is_judged_for_the_machine_of_a_capture(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, before = of_captures("apparmor", "selinux", monkeypatch=monkeypatch)
    assert before.machines == ("apparmor", "selinux")
    window, page = opened(qtbot, watch, before)

    def access_control() -> str:
        state = page.selection.current
        assert state is not None
        return translate(next(each.assessment.fact for each in state.layers if each.id == "mac"))

    assert " on apparmor; nothing is run" in page.told.text()
    assert "docker-default" in access_control()
    assert page.machine.isVisible()
    page.machine.setCurrentIndex(1)
    page.machine.activated.emit(1)
    qtbot.waitUntil(lambda: " on selinux; nothing is run" in page.told.text())
    assert "docker-default" not in access_control()
    offered(page, qtbot)
    assert page.column.draft.failure is None
    window.stop()


def test_a_plan_that_comes_after_its_machine_was_left_is_asked_for_anew(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch, before = of_captures("apparmor", "selinux", monkeypatch=monkeypatch)
    chosen, failed, left = threading.Event(), threading.Event(), threading.Event()
    offer, check = before.offer, before.check

    def late(state: ContainerState) -> Offer:
        chosen.wait(60)
        try:
            return offer(state)
        finally:
            failed.set()
            left.wait(60)

    def checked(text: str, file: str) -> Judged:
        if before.machine == "selinux":
            failed.wait(60)
        return check(text, file)

    monkeypatch.setattr(before, "offer", late)
    monkeypatch.setattr(before, "check", checked)
    window, page = opened(qtbot, watch, before)
    page.machine.activated.emit(1)
    chosen.set()
    qtbot.waitUntil(lambda: " on selinux; nothing is run" in page.told.text())
    left.set()
    offered(page, qtbot)
    assert page.column.draft.nothing is None
    window.stop()


def test_of_one_capture_there_is_nothing_to_choose(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, before = of_captures("selinux", monkeypatch=monkeypatch)
    window, page = opened(qtbot, watch, before)
    assert " on selinux; nothing is run" in page.told.text()
    assert not page.machine.isVisible()
    window.stop()
