"""Every stop of the walk: those of the tour and of the accessibility tests, and what only this walk comes to: results
of a relaunch, unfolded evidence, the palette, many and long names, an ordinary user, an engine that hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from rig.window import sample
from rig.window.hardening import arrived, picture, side_of
from rig.window.history.changed import machine
from rig.window.staged_hardening import StagedHardening
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.relaunch.transaction import RelaunchOutcome
from stratascope.core.snapshot import Privilege, PrivilegeState, Snapshot
from stratascope.ui.app import app as ui
from stratascope.ui.kit.page import View
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace
from window import tour, walk, whole_walk
from window.access import scenes

Stop = tuple[str, QWidget]
LONG = (
    "customer-portal-integration-staging-postgres-replica-of-the-second-data-centre-2026-11-30",
    "顧客管理システム-統合試験環境-データベース複製-第二データセンター",
    "a",
    "web_frontend.1.j8s0d7f6k5l4m3n2b1v0c9x8z",
    "ﾃｽﾄ用の長い名前を持つコンテナー",
)


class Bot:
    """What the tour needs of pytest-qt."""

    def __init__(self) -> None:
        self.kept: list[QWidget] = []

    def addWidget(self, widget: QWidget) -> None:  # noqa: N802
        self.kept.append(widget)

    def waitUntil(self, true: Callable[[], bool], timeout: int = 300_000) -> None:  # noqa: N802
        """Wait, and fail after `timeout` milliseconds."""
        for _ in range(timeout // 5):
            if true() is not False:
                return
            QTest.qWait(5)
        raise TimeoutError(true)


def settle() -> None:
    walk.settle(8)


def everything(width: int, height: int) -> Iterator[Stop]:
    """Yield each stop in a window of that size."""
    bot = Bot()
    yield from whole_walk.stops(bot, width, height)  # type: ignore[arg-type]
    for widget in bot.kept:
        widget.close()
    with scenes.opened(width, height) as window:
        for part in (scenes.states, scenes.from_menu, scenes.values):
            yield from part(window)
        known: set[str] = set()  # the same buttons are on every page
        for stop, top in scenes.from_buttons(window):
            if stop not in known:
                known.add(stop)
                yield stop, top
    yield from few(width, height)


def few(width: int, height: int) -> Iterator[Stop]:
    """Yield what neither has, and the pages that are opened most."""
    snapshot = picture()
    staged = StagedHardening(snapshot.engines, snapshot.ground)
    window = ui.make_window(sample.StillWatch(), Services(hardening=staged, history=machine(snapshot).make()))
    window.resize(width, height)
    window.show()
    window.history_feed.see(snapshot)
    window.selection.show_snapshot(snapshot)
    window.activateWindow()
    side = side_of(window)
    try:
        yield from _plan(window, staged)
        yield from _results(window, staged)
        yield from _found(window)
        yield from _changes(window)
        yield from _machines(window, snapshot)
    finally:
        window.clock.stop()
        scenes.until(lambda: not side.busy)
        side.queries.end()
        window.stop()
        window.close()
        window.deleteLater()


def _plan(window: MainWindow, staged: StagedHardening) -> Iterator[Stop]:
    """Yield the plan with every row's evidence, the steps, and what nothing closes."""
    tour.choose(Bot(), window, "ci-runner")  # type: ignore[arg-type]
    window.window_layout.to_column()
    column = side_of(window).column
    scenes.until(lambda: column.draft.plan is not None and column.draft.relaunch is not None)
    settle()
    yield "plan", window
    for key, row in list(column.changes.rows.items())[:40]:
        if row.isVisible() and not row.unfolded:
            row.setFocus()
            QTest.keyClick(row, Qt.Key.Key_Return)
            settle()
            if row.unfolded:
                yield f"evidence of {key}", window
    for head in (column.changes.no_switch.head, column.changes.in_place.head):
        head.setChecked(True)
    column.foot.link.click()
    settle()
    yield "plan, all unfolded", window
    column.foot.link.click()
    for head in (column.changes.no_switch.head, column.changes.in_place.head):
        head.setChecked(False)
    settle()


def _results(window: MainWindow, staged: StagedHardening) -> Iterator[Stop]:
    """Yield the card after each way in which a relaunch ends, and after an undo."""
    side = side_of(window)
    for outcome in RelaunchOutcome:
        was = window.selection.snapshot
        assert was is not None
        tour.choose(Bot(), window, "ci-runner")  # type: ignore[arg-type]
        window.window_layout.to_column()
        scenes.until(lambda: side.draft.relaunch is not None)
        staged.outcome = outcome
        side.draft.relaunch_now()
        scenes.until(lambda: not side.busy)
        settle()
        side.dialog.hide()
        if outcome is not RelaunchOutcome.ROLLED_BACK:
            arrived(window, was)
        settle()
        yield f"ended {outcome.value}", window
        window.selection.show_snapshot(was)
        settle()
    staged.outcome = RelaunchOutcome.VERIFIED


def _found(window: MainWindow) -> Iterator[Stop]:
    """Yield the palette, empty and with matches, and the filter while one types."""
    QTest.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = window.actions_.finder.palette
    assert palette is not None
    settle()
    yield "palette", palette
    QTest.keyClicks(palette.field, "se")
    settle()
    yield "palette, se", palette
    palette.hide()
    window.toolbar.filter.setFocus()
    for text in ("c", "exp", "image:", "nothing of the kind"):
        window.toolbar.filter.setText(text)
        QTest.keyClick(window.toolbar.filter, Qt.Key.Key_End)
        settle()
        yield f"filter {text}", window
        for top in QApplication.topLevelWidgets():
            if top.isVisible() and top is not window:
                yield f"filter {text}, suggested", top
    window.toolbar.filter.clear()
    settle()


def _changes(window: MainWindow) -> Iterator[Stop]:
    """Yield each page of the machine with a history in it."""
    for view in (View.CHANGES, View.FLEET):
        window.pages.show_view(view)
        QTest.qWait(60)
        settle()
        yield f"machine, {view.value}", window
    window.pages.show_view(View.STRATA)
    settle()


def _machines(window: MainWindow, snapshot: Snapshot) -> Iterator[Stop]:
    """Yield machines of other kinds: forty containers with long names, an ordinary user, engines that are not there."""
    named = cycle(LONG)
    states = []
    for place in range(40):
        state = snapshot.containers[place % len(snapshot.containers)]
        name = f"{next(named)}{'' if place < 5 else place}"
        states.append(replace(state, container=replace(state.container, name=name, id=f"{place:064x}")))
    window.selection.show_snapshot(replace(snapshot, containers=tuple(states)))
    for state in states[:2]:
        window.selection.go_to(state.key)
        for view in (View.STRATA, View.MATRIX, View.PROCESSES, View.FLEET):
            window.pages.show_view(view)
            settle()
            yield f"forty, {view.value}", window
    window.pages.show_view(View.STRATA)
    asked = Privilege(PrivilegeState.IDLE, "pkexec /usr/libexec/stratascope-helper")
    window.selection.show_snapshot(replace(snapshot, privilege=asked))
    settle()
    yield "ordinary user", window
    refused = Privilege(PrivilegeState.REFUSED, "pkexec /usr/libexec/stratascope-helper", msg("It was refused."), "no")
    window.selection.show_snapshot(replace(snapshot, privilege=refused))
    settle()
    yield "ordinary user, refused", window
    for how in EngineState:
        engine = replace(sample.ENGINES[0], state=how)
        window.selection.show_snapshot(replace(snapshot, engines=(engine, *snapshot.engines[1:])))
        settle()
        yield f"engine {how}", window
        window.toolbar.show_engines()
        settle()
        yield f"engine {how}, all engines", window.toolbar.popup
        window.toolbar.popup.hide()
    window.selection.show_snapshot(snapshot)
    settle()
