"""Trying threats on the page, by a recorded runner: what came of them, what differs, what stops it, what goes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from rig.core.sandboxes import sandbox_of
from rig.window import fake_matrix, sample
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.threat import Outcome
from stratascope.layers import all_layers
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.threats.feed import AttemptsFeed, Where
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.threats.table import ColumnKind, columns_for
from stratascope.usecases.attempts.attempts import NotTriedError, Step
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
AS = {Outcome.OPEN: Tried.OPEN, Outcome.STOPPED: Tried.STOPPED, Outcome.UNKNOWN: Tried.NOT_TRIED}


class Runner:
    """Answers as predicted, but for `other`, which comes the other way, and `not_there`, which is not tried; waits in
    the middle until `let` is set.
    """

    def __init__(self) -> None:
        self.other, self.not_there, self.fails = "", "", False
        self.let = threading.Event()
        self.let.set()

    def __call__(
        self, _: Snapshot, state: ContainerState, wanted: Sequence[str], cancelled: Callable[[], bool]
    ) -> Iterator[Step | AttemptOutcome]:
        yield Step(msg("Making a copy of the container"))
        while not self.let.wait(0.01):
            if cancelled():
                raise NotTriedError(msg("Cancelled."))
        if self.fails:
            raise NotTriedError(msg("The copy ended before it had tried everything."))
        assert state.matrix is not None
        for each in state.matrix.threats:
            if not wanted or each.threat.id in wanted:
                tried = AS[each.outcome]
                if each.threat.id == self.other:
                    tried = Tried.STOPPED if tried is Tried.OPEN else Tried.OPEN
                if each.threat.id == self.not_there:
                    tried = Tried.NOT_TRIED
                refused = tried is Tried.STOPPED
                why = msg("The attempt ended without an answer.") if tried is Tried.NOT_TRIED else None
                yield AttemptOutcome(
                    each.threat.id, each.outcome, tried, "seccomp" if refused else None, "bpf", 1 if refused else None,
                    "direct", 0.1, why,
                )  # fmt: skip


def container() -> ContainerState:
    return replace(sample.state("ci-runner"), matrix=fake_matrix.matrix("weak"))


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.fixture
def inside() -> Runner:
    """What tries it where it runs."""
    return Runner()


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, runner: Runner, inside: Runner) -> Iterator[MatrixPage]:
    theme.apply()
    selection = Selection(QApplication.instance())
    selection.show_snapshot(sample.snapshot((container(),)))
    selection.go_to(container().key)
    feed = AttemptsFeed({Where.COPY: runner, Where.ITSELF: inside}, selection)
    made = MatrixPage(theme, all_layers(), feed)
    made.selection = selection  # type: ignore[attr-defined]
    made.feed = feed  # type: ignore[attr-defined]
    qtbot.addWidget(made)
    made.resize(1300, 740)
    made.show_state(container(), container().matrix)
    made.show()
    QApplication.processEvents()
    yield made
    runner.let.set()
    feed.stop()
    qtbot.waitUntil(lambda: not feed.trying(container().key))


COLUMN = len(columns_for(all_layers())) - 1


def choices(page: MatrixPage) -> dict[str, QAction]:
    """What the button offers."""
    page.trying.click()
    page.menu.close()
    return {each.text(): each for each in page.menu.actions()}


def begin(page: MatrixPage, word: str = "Try on a copy") -> None:
    choices(page)[word].trigger()


def end(qtbot: QtBot, page: MatrixPage) -> None:
    qtbot.waitUntil(lambda: page.trying.text() == "Try it ▾")


def words(page: MatrixPage) -> list[str]:
    return [label.text() for label in page.details.findChildren(QLabel)]


def test_nothing_was_tried_yet(page: MatrixPage) -> None:
    assert page.table.isColumnHidden(COLUMN)
    assert page.table.matrix.kinds[COLUMN].kind is ColumnKind.TRIED
    assert page.trying.isEnabled()


def test_all_are_tried_and_come_as_predicted(page: MatrixPage, qtbot: QtBot) -> None:
    begin(page)
    assert page.trying.text() == "Stop trying"
    end(qtbot, page)
    assert not page.table.isColumnHidden(COLUMN)
    own = [row for row in page.table.matrix.rows if row.outcome is not Outcome.UNKNOWN]
    for row in page.table.matrix.rows:
        shown = page.table.matrix.text(row, page.table.matrix.kinds[COLUMN])
        assert shown == {Outcome.OPEN: "got through", Outcome.STOPPED: "was stopped", Outcome.UNKNOWN: ""}[row.outcome]
    assert page.told.text() == f"{len(own)} were tried, and all came as predicted"
    if name := os.environ.get("LEARN_SHOT"):
        page.grab().save(name)


def test_what_differs_is_said_and_can_be_saved(page: MatrixPage, runner: Runner, qtbot: QtBot) -> None:
    stopped = next(row for row in page.table.matrix.rows if row.outcome is Outcome.STOPPED)
    runner.other = stopped.threat.id
    page.choose(stopped.threat.id)
    begin(page)
    end(qtbot, page)
    assert "Predicted stopped, got through" in words(page)
    assert page.told.text() == "1 came otherwise than predicted"
    saved = QSignalSpy(page.details.save_wanted)
    next(each for each in page.details.findChildren(QPushButton) if each.text() == "Save what was read").click()
    assert saved.count() == 1
    if name := os.environ.get("LEARN_SHOT"):
        page.grab().save(name.replace(".png", "-differs.png"))


def test_one_alone(page: MatrixPage, qtbot: QtBot) -> None:
    threat = page.table.matrix.rows[0].threat.id
    page.choose(threat)
    next(each for each in page.details.findChildren(QPushButton) if each.text() == "Try it ▾").click()
    page.menu.actions()[0].trigger()
    end(qtbot, page)
    assert set(page.table.matrix.tried) == {threat}


def test_escape_stops_it(page: MatrixPage, runner: Runner, qtbot: QtBot) -> None:
    runner.let.clear()
    begin(page)
    QTest.keyClick(page.table, Qt.Key.Key_Escape)
    end(qtbot, page)
    assert page.told.text() == "Cancelled."
    assert page.table.matrix.tried == {}


def test_why_it_ended_early(page: MatrixPage, runner: Runner, qtbot: QtBot) -> None:
    runner.fails = True
    begin(page)
    end(qtbot, page)
    assert page.told.text() == "The copy ended before it had tried everything."


def test_results_go_when_it_is_started_anew(page: MatrixPage, qtbot: QtBot) -> None:
    begin(page)
    end(qtbot, page)
    again = replace(container(), container=replace(container().container, pid=99))
    page.selection.show_snapshot(sample.snapshot((again,)))  # type: ignore[attr-defined]
    assert page.table.matrix.tried == {}
    assert page.table.isColumnHidden(COLUMN)


def test_without_a_process_the_button_says_why(page: MatrixPage, qtbot: QtBot) -> None:
    snapshot = replace(sample.snapshot((container(),)), demo=True)
    page.selection.show_snapshot(snapshot)  # type: ignore[attr-defined]
    page.show_state(container(), container().matrix)
    assert not page.trying.isEnabled()
    assert "recorded elsewhere" in page.trying.toolTip()


ITSELF = "Try in the running container (changes nothing)"


def test_in_the_running_container(page: MatrixPage, inside: Runner, runner: Runner, qtbot: QtBot) -> None:
    """The same column says it; what could not be tried there keeps what came of it on a copy."""
    first, second = (row.threat.id for row in page.table.matrix.rows[:2])
    runner.fails = True
    inside.not_there = second
    begin(page, ITSELF)
    end(qtbot, page)
    assert page.table.matrix.tried[first].where is Where.ITSELF
    assert page.table.matrix.tried[second].outcome.tried is Tried.NOT_TRIED
    page.choose(first)
    assert any(word.startswith("Tried where it runs, ") for word in words(page))
    runner.fails = False
    begin(page)
    end(qtbot, page)
    begin(page, ITSELF)
    end(qtbot, page)
    assert page.table.matrix.tried[first].where is Where.ITSELF
    assert page.table.matrix.tried[second].where is Where.COPY
    page.choose(second)
    assert any(word.startswith("Tried on a copy, ") for word in words(page))


def test_a_member_of_a_pod_has_no_copy(page: MatrixPage) -> None:
    pod = replace(container(), container=replace(container().container, pod="web"))
    page.selection.show_snapshot(sample.snapshot((pod,)))  # type: ignore[attr-defined]
    page.show_state(pod, pod.matrix)
    found = choices(page)
    assert not found["Try on a copy"].isEnabled()
    assert "belongs to a pod" in found["Try on a copy"].toolTip()
    assert found[ITSELF].isEnabled()


def test_another_kernel_is_not_entered(page: MatrixPage) -> None:
    inner = replace(container().container, runtime="runsc")
    other = replace(container(), container=inner)
    page.selection.show_snapshot(sample.snapshot((other,)))  # type: ignore[attr-defined]
    page.show_state(other, other.matrix)
    assert not choices(page)[ITSELF].isEnabled()


def test_a_sandbox_is_tried_only_where_it_runs(page: MatrixPage, inside: Runner, qtbot: QtBot) -> None:
    inner = replace(container().container, sandbox=sandbox_of("bubblewrap"))
    box = replace(container(), container=inner)
    page.selection.show_snapshot(sample.snapshot((box,)))  # type: ignore[attr-defined]
    page.show_state(box, box.matrix)
    assert list(choices(page)) == ["Try in the running sandbox (changes nothing)"]
    begin(page, "Try in the running sandbox (changes nothing)")
    end(qtbot, page)
    assert {each.where for each in page.table.matrix.tried.values()} == {Where.ITSELF}
