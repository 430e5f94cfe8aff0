"""Why a container ended, on the page "Denied": above its refusals, and requested once for each end."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from rig.window import hardening
from rig.window.hardening import named
from stratascope.core.container import EngineState, Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.ui.denied.ending import EndingFeed
from stratascope.ui.denied.page import DeniedPage
from stratascope.ui.window.main_window import MainWindow
from stratascope.usecases.refusals.service import RefusalList
from stratascope.value import replace
from window.denied import denied_sample, ending_sample
from window.denied.ending_sample import EndTeller

ENDED, RUNS = "nightly-report", "legacy-vpn"


def endings(window: MainWindow) -> EndingFeed:
    assert window.endings is not None
    return window.endings


def go(window: MainWindow, name: str) -> ContainerState:
    """Select that container of the demo."""
    state = named(hardening.picture(), name)
    window.selection.go_to(state.key)
    return state


def refuses(state: ContainerState, choice: Choice) -> str:
    raise EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."))


def told_anew(window: MainWindow, state: ContainerState) -> None:
    """Emit a new reading of that container."""
    picture = hardening.picture()
    others = tuple(each for each in picture.containers if each.key != state.key)
    window.selection.show_snapshot(replace(picture, containers=(*others, state)))


def test_why_it_ended_stands_alone_where_nothing_was_refused(
    window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot
) -> None:
    view = endings(window).view
    qtbot.waitUntil(lambda: ends.asked == [RUNS])
    assert not view.isVisible(), "its log says nothing"
    assert page.nothing.observe.isVisible()
    ends.ending = ending_sample.OF_MEMORY
    go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    assert view.headline.text() == "It was killed: it exceeded its memory limit."
    assert not page.nothing.isVisible()
    assert view.width() > 300
    assert view.height() > page.height() * 0.8
    assert "\x1b" not in view.log.toPlainText()
    go(window, RUNS)
    qtbot.waitUntil(page.nothing.observe.isVisible)
    assert not view.headline.isVisible()


def test_what_was_refused_stands_below(window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot) -> None:
    ends.ending = ending_sample.OF_MEMORY
    view, state = endings(window).view, go(window, ENDED)
    window.refused.show(state, RefusalList(denied_sample.VPN))
    qtbot.waitUntil(view.headline.isVisible)
    qtbot.waitUntil(page.table.isVisible)
    bottom = view.mapTo(page, view.rect().bottomLeft()).y()
    assert bottom < page.table.mapTo(page, page.table.rect().topLeft()).y()
    assert page.table.height() > page.height() * 0.2


def test_each_end_is_asked_about_once(window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot) -> None:
    ends.ending = ending_sample.OF_MEMORY
    view, state = endings(window).view, go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    told_anew(window, replace(state, unread=state.unread + 1))  # another reading of the same end
    go(window, RUNS)
    qtbot.waitUntil(page.nothing.observe.isVisible)
    go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    assert ends.asked.count(ENDED) == 1
    ends.ending = replace(ending_sample.OF_MEMORY, headline=msg("It ended by itself, successfully."))
    again = replace(state.container, started=state.container.started + 60)
    told_anew(window, replace(state, container=again))
    qtbot.waitUntil(lambda: view.headline.text() == "It ended by itself, successfully.")
    assert ends.asked.count(ENDED) == 2


def test_one_that_restarts_stays_in_view_while_it_runs_for_a_moment(
    window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot
) -> None:
    ends.ending = ending_sample.RESTARTS
    view, state = endings(window).view, go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    assert page.nothing.isVisible(), "it can be watched as soon as it runs"
    running = replace(state.container, status=Status.RUNNING, pid=4711, started=state.container.started + 5)
    told_anew(window, replace(state, container=running))
    assert view.headline.isVisible()
    qtbot.waitUntil(lambda: ends.asked.count(ENDED) == 2)
    qtbot.waitUntil(page.nothing.observe.isVisible)
    assert view.headline.isVisible()


def test_without_root_the_guess_of_a_log_stands_above_the_button(
    window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot
) -> None:
    view = endings(window).view
    qtbot.waitUntil(lambda: ends.asked == [RUNS])
    ends.ending = ending_sample.GUESS
    go(window, ENDED)
    qtbot.waitUntil(lambda: ENDED in ends.asked)
    go(window, RUNS)  # requested again, since a log grows
    qtbot.waitUntil(view.headline.isVisible)
    assert view.headline.text() == "What is known without watching it"
    assert view.reason.text() == "This is a guess. Its log points to it."
    assert page.nothing.observe.isVisible()
    page.nothing.observe.click()
    qtbot.waitUntil(lambda: bool(page.table.model_.rows))
    assert not view.headline.isVisible(), "what is seen says more"


def test_what_would_help_is_switched_on_where_it_runs(
    window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot
) -> None:
    ends.ending = ending_sample.OF_MEMORY
    view = endings(window).view
    go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    assert [button.text() for button in view.buttons] == ["Relaunch it: Give it 64 MiB of memory…", "Copy the command"]
    QTest.mouseClick(view.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(view.told.isVisible)
    assert view.told.text() == "Copied."
    assert QGuiApplication.clipboard().text() == "docker run -d --name nightly-report --with memory=67108864 report:3"
    endings(window).command = refuses
    QTest.mouseClick(view.buttons[1], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.told.text() == "The engine does not answer.")
    ends.ending = replace(ending_sample.GUESS, cause=ending_sample.OF_MEMORY.cause)
    state = go(window, RUNS)
    qtbot.waitUntil(lambda: bool(view.buttons))
    assert not view.helps.isVisible()
    with qtbot.waitSignal(page.allow_wanted) as told:
        QTest.mouseClick(view.buttons[0], Qt.MouseButton.LeftButton)
    assert told.args == [state.key, (ending_sample.MEMORY,)]


def test_an_engine_that_does_not_answer_is_told(
    window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot
) -> None:
    ends.fails = EngineError(EngineState.UNREACHABLE, msg("The engine does not answer."), "timed <b>out</b>")
    view = endings(window).view
    go(window, ENDED)
    qtbot.waitUntil(view.headline.isVisible)
    assert view.headline.text() == "The engine does not answer."
    assert view.evidence.text() == "timed <b>out</b>"
    assert page.nothing.isVisible()


def test_the_demo_is_asked_nothing(window: MainWindow, ends: EndTeller, page: DeniedPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: ends.asked == [RUNS])
    window.selection.show_snapshot(replace(hardening.picture(), demo=True))
    go(window, ENDED)
    qtbot.waitUntil(lambda: page.ready)
    assert ends.asked == [RUNS]
    assert page.nothing.isVisible()
