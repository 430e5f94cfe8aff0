"""The widget that says why a container does not run."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from stratascope.core.container import Status
from stratascope.core.message import age, msg
from stratascope.core.refusals.ended.ending import Cause, Ending, Fact, Phase, Source
from stratascope.core.refusals.refusal import Claim, RefusalRemedy, Strength
from stratascope.layers.toggles import choice_of
from stratascope.ui.denied.ending import EndingView
from stratascope.ui.kit.theme import Theme
from stratascope.value import replace

CHOICE = choice_of("tmpfs", "/x")
CAUSE = Cause(
    Claim("namespaces", msg("It can't write there: its root filesystem is read-only."), Strength.LEFT),
    msg("The last line of its log says so."),
    "touch: <b>/x</b>\u202e: Read-only file system",
    (RefusalRemedy(msg("{name}={value}", name="tmpfs", value="/x"), CHOICE), RefusalRemedy(msg("It is running."))),
)
ENDING = Ending(
    "docker",
    "1" * 64,
    "web",
    Phase.EXITED,
    msg("It ended by itself, with exit code {code}.", code=1),
    exit_code=1,
    facts=(Fact(msg("It ran for {age}.", age=age(1.0)), Source.ENGINE),),
    cause=CAUSE,
    log=("a", "b"),
)


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> EndingView:
    made = EndingView(theme)
    qtbot.addWidget(made)
    made.resize(816, 500)
    made.show()
    return made


def test_it_says_what_happened_why_and_how_sure(view: EndingView) -> None:
    view.show_ending(ENDING)
    assert view.headline.text() == "It ended by itself, with exit code 1."
    assert view.facts.text() == "It ran for 1 second."
    assert view.cause.text().startswith("Namespaces: It can't write there")
    assert view.reason.text().startswith("This is a guess.")
    assert view.mark.isVisible()
    assert view.log.toPlainText() == "a\nb"


def test_foreign_text_stays_text(view: EndingView) -> None:
    view.show_ending(ENDING)
    assert view.evidence.text() == "touch: <b>/x</b>\\u202e: Read-only file system"
    assert view.evidence.textFormat() is Qt.TextFormat.PlainText


def test_what_would_help_is_handed_on(qtbot: QtBot, view: EndingView) -> None:
    view.show_ending(ENDING)
    assert [button.text() for button in view.buttons] == ["tmpfs=/x"]
    with qtbot.waitSignal(view.wanted) as told:
        QTest.mouseClick(view.buttons[0], Qt.MouseButton.LeftButton)
    assert told.args == [(CHOICE,)]


def test_what_no_button_gives_is_said(view: EndingView) -> None:
    view.show_ending(ENDING)
    assert view.helps.text() == "What would help: It is running."


def test_of_what_is_not_relaunched_the_command_is_copied(qtbot: QtBot, view: EndingView) -> None:
    view.show_ending(ENDING, Status.RESTARTING)
    assert view.helps.text() == "What would help: It is running."
    assert [button.text() for button in view.buttons] == ["Copy the command with: tmpfs=/x"]
    with qtbot.waitSignal(view.command_wanted) as told, qtbot.assertNotEmitted(view.wanted):
        QTest.mouseClick(view.buttons[0], Qt.MouseButton.LeftButton)
    assert told.args == [(CHOICE,)]


def test_what_has_ended_is_relaunched_or_its_command_copied(qtbot: QtBot, view: EndingView) -> None:
    view.show_ending(ENDING, Status.EXITED)
    assert [button.text() for button in view.buttons] == ["Relaunch it: tmpfs=/x…", "Copy the command"]
    for button, signal in zip(view.buttons, (view.wanted, view.command_wanted), strict=True):
        with qtbot.waitSignal(signal) as told:
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert told.args == [(CHOICE,)]


def test_certain_and_of_no_layer(view: EndingView) -> None:
    claim = Claim("image", msg("{path} is empty, so there is nothing to run.", path="/x"), Strength.SAID)
    view.show_ending(replace(ENDING, cause=Cause(claim, msg("Its engine says so."))))
    assert view.reason.text() == "Its engine says so."
    assert not view.mark.isVisible()
    assert not view.evidence.isVisible()
    assert not view.buttons


def test_nothing_is_left_of_the_last_one(view: EndingView) -> None:
    view.show_ending(ENDING)
    view.show_ending(replace(ENDING, cause=None, facts=(), log=(), exit_code=3))
    assert "says why" in view.cause.text()
    assert not view.log.isVisible()
    view.show_ending(None)
    assert not view.headline.isVisible()
    assert not view.cause.isVisible()
