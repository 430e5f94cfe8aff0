"""The lessons' dialog, by a recorded teacher: each step of the button, what is told, what stops it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.named import in_menu
from stratascope.core.lesson import Lesson, StageOutcome
from stratascope.core.message import msg
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.threat import Outcome
from stratascope.layers import all_layers
from stratascope.ui.app.app import make_window
from stratascope.ui.guide.learn import LearnDialog
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.attempts import lessons
from stratascope.usecases.attempts.attempts import NotTriedError, Step

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


class Teacher:
    """Each stage comes as it is told; waits until `let` is set."""

    def __init__(self) -> None:
        self.let, self.recorded = threading.Event(), False
        self.let.set()

    def __call__(self, taught: Lesson, at: int, cancelled: Callable[[], bool]) -> Iterator[Step | StageOutcome]:
        yield Step(msg("The kernel of this machine runs neither AppArmor nor SELinux."))
        while not self.let.wait(0.01):
            if cancelled():
                raise NotTriedError(msg("Cancelled."))
        if self.recorded:
            yield from (made for made in lessons.recorded(taught.id) if made.stage == taught.stages[at])
            return
        stage = taught.stages[at]
        tried, predicted = (Tried.STOPPED, Outcome.STOPPED) if stage.layer else (Tried.OPEN, Outcome.OPEN)
        layer, number = (stage.layer, 1) if stage.layer else (None, None)
        yield StageOutcome(stage, AttemptOutcome(taught.threat, predicted, tried, layer, "add_key(user)", number))


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


@pytest.fixture
def dialog(qtbot: QtBot, theme: Theme, teacher: Teacher) -> Iterator[LearnDialog]:
    theme.apply()
    parent = QWidget()
    parent.resize(1440, 900)
    qtbot.addWidget(parent)
    made = LearnDialog(theme, all_layers(), teacher, parent)
    made.show()
    made.list.setCurrentRow(3)
    yield made
    teacher.let.set()
    qtbot.waitUntil(lambda: not made.trying)


def go(dialog: LearnDialog, qtbot: QtBot) -> str:
    """Press the button, wait for what it does, return its next word."""
    dialog.button.click()
    qtbot.waitUntil(lambda: not dialog.trying)
    return dialog.button.text()


def test_it_goes_from_taken_away_to_put_back(dialog: LearnDialog, qtbot: QtBot) -> None:
    assert dialog.button.text() == "Take it away"
    assert go(dialog, qtbot) == "Try"
    assert dialog.options.text() == "--security-opt seccomp=unconfined"
    assert go(dialog, qtbot) == "Put it back"
    assert dialog.said.text() == "It got through: add_key(user) succeeded."
    assert not dialog.home.isVisible()
    assert go(dialog, qtbot) == "Try again"
    assert dialog.said.text() == ""
    assert go(dialog, qtbot) == "Next lesson"
    assert dialog.said.text() == "It was stopped by Seccomp: add_key(user) said EPERM."
    assert dialog.picture.accessibleDescription() == dialog.said.text()
    assert dialog.home.isVisible()
    if name := os.environ.get("LEARN_SHOT"):
        qtbot.wait(600)
        dialog.grab().save(name)
    assert go(dialog, qtbot) == "Take it away"
    assert dialog.lesson.id == "mac"


def test_it_goes_by_keyboard_alone(dialog: LearnDialog, qtbot: QtBot) -> None:
    dialog.activateWindow()
    dialog.list.setFocus()
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    QTest.keyClick(dialog.list, Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.button.hasFocus)
    for _ in range(4):
        QTest.keyClick(dialog.button, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not dialog.trying)
    assert dialog.lesson.id == "mac"
    assert dialog.home.isVisible()
    QTest.keyClick(dialog.button, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_depth_puts_back_one_after_the_other(dialog: LearnDialog, qtbot: QtBot) -> None:
    dialog.list.setCurrentRow(6)
    found = [dialog.button.text(), *(go(dialog, qtbot) for _ in range(6))]
    assert found == [
        *("Take it away", "Try", "Put it back: Seccomp", "Try again", "Put it back: Capabilities", "Try again"),
        "Next lesson",
    ]


def test_what_is_recorded_says_where_and_why(dialog: LearnDialog, teacher: Teacher, qtbot: QtBot) -> None:
    teacher.recorded = True
    dialog.list.setCurrentRow(4)
    for _ in range(4):
        go(dialog, qtbot)
    why, *found = dialog.said.text().split("\n")
    assert "neither AppArmor nor SELinux" in why
    for line, system in zip(found, ("AppArmor", "SELinux"), strict=True):
        assert "EACCES" in line
        assert line.endswith(f"(recorded with Docker 26.1 on Debian 13, with {system})")


def test_the_options_are_those_of_the_machine(qtbot: QtBot, theme: Theme, teacher: Teacher) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = LearnDialog(theme, all_layers(), teacher, parent, selinux=True)
    made.choose("mac")
    made.press()
    assert made.options.text() == "--cap-add SYS_ADMIN --security-opt label=disable"


def test_it_can_be_stopped(dialog: LearnDialog, teacher: Teacher, qtbot: QtBot) -> None:
    teacher.let.clear()
    dialog.button.click()
    dialog.button.click()
    assert dialog.button.text() == "Stop trying"
    assert go(dialog, qtbot) == "Try"
    assert dialog.said.text() == "Cancelled."


def test_another_lesson_begins_anew(dialog: LearnDialog, teacher: Teacher, qtbot: QtBot) -> None:
    teacher.let.clear()
    dialog.button.click()
    dialog.button.click()
    dialog.list.setCurrentRow(0)
    assert dialog.button.text() == "Take it away"
    assert not dialog.options.isVisible()


def test_what_came_of_it_is_in_view_in_a_low_window(dialog: LearnDialog, qtbot: QtBot) -> None:
    dialog.resize(500, 320)
    for _ in range(4):
        go(dialog, qtbot)
    qtbot.waitUntil(lambda: dialog.said.visibleRegion().boundingRect().height() == dialog.said.height())


@pytest.fixture
def window(qtbot: QtBot, teacher: Teacher) -> Iterator[MainWindow]:
    """The whole window, without a container."""
    made = make_window(sample.StillWatch(), Services(teach=teacher))
    qtbot.addWidget(made)
    made.resize(1440, 900)
    made.show()
    made.selection.show_snapshot(sample.snapshot(()))
    yield made
    made.clock.stop()


def test_the_first_link_of_the_guide_opens_it(window: MainWindow, qtbot: QtBot) -> None:
    window.guide.open_at(("start", ""))
    shown = window.guide.shown
    assert shown is not None
    qtbot.waitUntil(shown.isActiveWindow)
    QTest.keyClick(shown.view, Qt.Key.Key_Tab)
    QTest.keyClick(shown.view, Qt.Key.Key_Return)
    dialog = window.lessons
    assert dialog is not None
    qtbot.waitUntil(dialog.isActiveWindow)
    QTest.keyClick(dialog, Qt.Key.Key_F1)
    qtbot.waitUntil(shown.isActiveWindow)
    assert shown.chapter is not None
    assert shown.chapter.name == "layers"
    dialog.close()


def test_the_chapter_opens_each_lesson(window: MainWindow) -> None:
    """Its links, in the order of the list; one that is followed again begins it again."""
    window.guide.open_at(("learn", ""))
    shown = window.guide.shown
    assert shown is not None
    assert shown.chapter is not None
    links = [QUrl(link) for link in re.findall(r"\((learn:[a-z]+)\)", shown.chapter.text)]
    assert [link.path() for link in links] == [each.id for each in lessons.LESSONS]
    for link in (*links, links[-1]):
        shown.view.anchorClicked.emit(link)
        dialog = window.lessons
        assert dialog is not None
        assert dialog.isVisible()
        assert dialog.lesson.id == link.path()
        assert dialog.button.text() == "Take it away"
        dialog.press()
        dialog.close()


def test_the_menu_and_the_page_without_a_container_open_it(window: MainWindow) -> None:
    buttons = window.pages.empty.inner.findChildren(QPushButton)
    button = next(each for each in buttons if each.text() == "Learn by trying…")
    for open_it in (button.click, in_menu(window)["Learn by trying…"].trigger):
        open_it()
        assert window.lessons is not None
        assert window.lessons.isVisible()
        window.lessons.close()
