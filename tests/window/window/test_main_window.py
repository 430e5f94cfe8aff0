"""The window by keyboard and by eye: selection, tabs, filter, narrow and low windows, updates, empty states."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QListView, QTableView, QWidget
from pytestqt.qtbot import QtBot

from rig.window import sample
from rig.window.paints import Paints
from rig.window.sample import E, W, X
from stratascope.core.container import EngineState, Status
from stratascope.core.message import msg
from stratascope.core.snapshot import Captured, ContainerState
from stratascope.ui.app.app import make_window
from stratascope.ui.containers.rows import ViewBy
from stratascope.ui.findings.row import FindingRow
from stratascope.ui.fleet.several import FleetPages
from stratascope.ui.kit.background import MemorySettings
from stratascope.ui.kit.buttons import Segment
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import ThemeMode
from stratascope.ui.panel.bits import BitsView
from stratascope.ui.panel.panel import DETAILS, FINDINGS, MEANING
from stratascope.ui.threats.page import MatrixPage
from stratascope.ui.window.engines import empty_words
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace

# what Qt's offscreen platform cannot do is not our fault
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def current(window: MainWindow) -> str:
    assert window.selection.current is not None
    return window.selection.current.container.name


def select(window: MainWindow, name: str) -> ContainerState:
    assert window.selection.snapshot is not None
    state = next(state for state in window.selection.snapshot.containers if state.container.name == name)
    assert window.containers.view.select_key(state.key)
    return state


def test_the_worst_container_is_selected_first(window: MainWindow) -> None:
    assert current(window) == "ci-runner"
    assert window.containers.alert.text() == "2 of 11 could take over"
    assert "portainer" in window.containers.alert.accessibleDescription()
    assert "1 not known" in window.containers.alert.accessibleDescription()


def test_arrow_keys_skip_heads(window: MainWindow, qtbot: QtBot) -> None:
    view = window.containers.view
    view.setFocus()
    seen = [current(window)]
    for _ in range(30):
        QTest.keyClick(view, Qt.Key.Key_Down)
        if current(window) != seen[-1]:
            seen.append(current(window))
    assert len(seen) == 12
    assert seen[-1] == "old-job"
    QTest.keyClick(view, Qt.Key.Key_Home)
    assert current(window) == "ci-runner"
    QTest.keyClick(view, Qt.Key.Key_End)
    assert current(window) == "old-job"
    for _ in range(30):
        QTest.keyClick(view, Qt.Key.Key_Up)
    assert current(window) == "ci-runner"


def test_a_click_on_a_head_chooses_and_opens_nothing(window: MainWindow, qtbot: QtBot) -> None:
    view = window.containers.view
    select(window, "ci-runner")
    rows = range(window.containers.model.rowCount())
    heads = [row for row in rows if (entry := window.containers.model.entry(row)) is not None and entry.state is None]
    for row in heads[:2]:
        where = view.visualRect(window.containers.model.index(row)).center()
        with qtbot.assertNotEmitted(view.opened):
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
            QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert highlighted(window) == "ci-runner"
        assert view.selectionModel().isSelected(view.currentIndex())
    with qtbot.assertNotEmitted(view.opened):
        view.activated.emit(window.containers.model.index(heads[0]))
    with qtbot.waitSignal(view.opened):
        where = view.visualRect(window.containers.model.index(2)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert highlighted(window) == current(window) == "portainer"


def test_type_ahead(window: MainWindow, qtbot: QtBot) -> None:
    window.containers.view.setFocus()
    QTest.keyClicks(window.containers.view, "graf")
    assert current(window) == "grafana"


def test_slash_goes_to_the_filter_and_escape_clears_it(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.containers.view.setFocus()
    QTest.keyClick(window, Qt.Key.Key_Slash)
    assert window.toolbar.filter.hasFocus()
    QTest.keyClicks(window.toolbar.filter, "portainer")
    assert window.containers.model.shown() == 1
    assert window.containers.alert.text() == "2 of 11 could take over"  # the alert ignores the filter
    QTest.keyClick(window.toolbar.filter, Qt.Key.Key_Escape)
    assert window.containers.model.shown() == 12


def test_enter_in_the_filter_goes_to_what_was_found(window: MainWindow) -> None:
    window.toolbar.filter.setText("portainer")
    QTest.keyClick(window.toolbar.filter, Qt.Key.Key_Return)
    assert current(window) == "portainer"
    assert window.containers.view.hasFocus()


def test_a_filter_without_a_hit_says_so(window: MainWindow) -> None:
    window.toolbar.filter.setText("zzz")
    assert window.containers.nothing.isVisible()
    window.toolbar.filter.clear()
    assert not window.containers.nothing.isVisible()


def shown(window: MainWindow) -> list[str]:
    return [label.text() for label in window.pages.empty.inner.findChildren(QLabel) if label.isVisibleTo(window)]


def highlighted(window: MainWindow) -> str:
    return str(window.containers.view.currentIndex().data())


def chosen(window: MainWindow) -> list[str]:
    return [str(index.data()) for index in window.containers.view.selectedIndexes()]


@pytest.mark.parametrize("words", ["zzz", "grafana"])
def test_the_filter_chooses_nothing_by_itself(window: MainWindow, words: str) -> None:
    select(window, "redis-cache")
    window.toolbar.filter.setText(words)
    assert current(window) == "redis-cache"
    assert chosen(window) == []
    window.toolbar.filter.clear()
    assert chosen(window) == [current(window)] == ["redis-cache"]


def test_down_in_the_filter_goes_to_the_first_that_was_found(window: MainWindow) -> None:
    select(window, "redis-cache")
    window.toolbar.filter.setText("grafana")
    QTest.keyClick(window.toolbar.filter, Qt.Key.Key_Down)
    assert chosen(window) == [highlighted(window)] == [current(window)] == ["grafana"]


def test_how_many_are_shown_and_escape_in_the_list_shows_all(window: MainWindow) -> None:
    window.toolbar.filter.setText("image:grafana")
    assert window.containers.status.text() == "1 of 12 shown. Esc shows all"
    window.toolbar.filter.setText("cap:bpf")
    assert window.containers.status.text() == "0 of 12 shown, 11 not known. Esc shows all"
    window.toolbar.filter.setText("cap:bfp")
    assert window.containers.nothing.text() == 'There is no capability "bfp".'
    QTest.keyClick(window.containers.view, Qt.Key.Key_Escape)
    assert window.toolbar.filter.text() == ""
    assert window.containers.model.shown() == 12
    window.toolbar.filter.setText("image:grafana")
    QTest.keyClick(window.toolbar.menu, Qt.Key.Key_Escape)
    assert window.containers.model.shown() == 12, "from anywhere"


def test_a_group_is_folded_by_key_and_click_and_nothing_else_is_chosen(window: MainWindow) -> None:
    view, model = window.containers.view, window.containers.model
    select(window, "redis-cache")
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert highlighted(window) == "Standalone"
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert model.row_of(window.selection.current.key if window.selection.current else ("", "")) == -1
    assert current(window) == "redis-cache"
    assert window.selection.current is not None
    window.selection.go_to(window.selection.current.key)  # going to a container reveals its row
    assert chosen(window) == ["redis-cache"]
    where = view.visualRect(model.index(model.head_of(view.chosen_row()))).center()
    for rows in (4, 14):
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
        assert model.rowCount() == rows
    assert current(window) == "redis-cache"


def test_replicas_are_one_row_until_right_opens_them(window: MainWindow) -> None:
    view, model = window.containers.view, window.containers.model
    many = tuple(sample.state(f"worker-{number}", (E, W, E, E, E, E)) for number in range(1, 4))
    window.selection.show_snapshot(sample.snapshot((*sample.states(), *many)))
    assert window.containers.view.select_key(many[1].key)
    assert current(window) == "worker-1"
    window.selection.go_to(many[2].key)
    assert current(window) == "worker-3"  # the row stands for it, too
    assert chosen(window) == ["worker"]
    QTest.keyClick(view, Qt.Key.Key_Right)
    assert model.row_of(many[2].key) > model.row_of(many[0].key)
    assert chosen(window) == [current(window)] == ["worker-3"]
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert chosen(window) == ["worker"]


def test_a_filter_without_a_hit_from_the_start_is_told_and_can_be_emptied(window: MainWindow, qtbot: QtBot) -> None:
    made = make_window(sample.StillWatch())
    qtbot.addWidget(made)
    made.toolbar.filter.setText("zzz")
    made.resize(1440, 900)
    made.show()
    assert "Looking for containers…" in shown(made)
    made.selection.show_snapshot(sample.snapshot())
    qtbot.wait(20)
    assert made.pages.currentWidget() is made.pages.empty
    assert shown(made) == ["No container matches the filter", "Change the filter, or clear it."]
    made.toolbar.filter.clear()
    assert highlighted(made) == current(made) == "ci-runner"
    assert made.pages.currentWidget() is made.pages.strata_page
    made.clock.stop()


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_digits_open_layers(window: MainWindow, qtbot: QtBot, number: int) -> None:
    window.containers.view.setFocus()
    QTest.keyClick(window, Qt.Key(Qt.Key.Key_0 + number))
    assert window.strata_page.panel.number == number
    assert window.strata_page.strata.bands[number].isChecked()


def test_f1_explains_and_ctrl_f_searches(window: MainWindow, qtbot: QtBot) -> None:
    QTest.keyClick(window, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    assert window.strata_page.panel.current == MEANING
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.strata_page.panel.current == DETAILS
    assert window.strata_page.panel.raw.field.hasFocus()


def test_f5_reads_again(window: MainWindow, qtbot: QtBot, watch: sample.StillWatch) -> None:
    QTest.keyClick(window, Qt.Key.Key_F5)
    assert watch.refreshed == 1


def test_ctrl_c_copies_the_container_as_text(window: MainWindow, qtbot: QtBot) -> None:
    window.containers.view.setFocus()
    QTest.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    text = QGuiApplication.clipboard().text()
    assert text.startswith("ci-runner (docker, docker.io/moby/buildkit:0.16), running")
    assert "Critical: A process in it can become root" in text


def test_every_control_has_a_name_and_can_be_reached(window: MainWindow) -> None:
    for widget in window.findChildren(QWidget):
        if not widget.isVisibleTo(window) or widget.window() is not window:
            continue
        if isinstance(widget, QAbstractButton):
            assert widget.accessibleName() or widget.text(), widget
        if isinstance(widget, QLineEdit | QListView | QTableView):
            assert widget.accessibleName(), widget
        if isinstance(widget, QAbstractButton | QLineEdit | QListView | QTableView):
            assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget


def test_tab_reaches_filter_list_bands_and_panel(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.toolbar.filter.setFocus()
    met: set[QWidget | None] = set()
    for _ in range(40):
        focus = QApplication.focusWidget()
        met.add(focus)
        assert focus is not None
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    assert window.containers.view in met
    assert window.toolbar.engines in met
    assert window.toolbar.menu in met
    assert any(band in met for band in window.strata_page.strata.bands.values())
    assert any(tab in met for tab in window.strata_page.panel.tabs)


def test_an_update_keeps_selection_scroll_tab_and_bit(window: MainWindow, qtbot: QtBot) -> None:
    states = tuple(sample.state(f"c{number:02}", (E, X, E, E, E, X), image=f"c:{number}") for number in range(60))
    window.selection.show_snapshot(sample.snapshot(states))
    select(window, "c40")
    window.strata_page.panel.open_tab(FINDINGS)
    at = window.containers.view.verticalScrollBar().value()
    assert at > 0
    newer = (
        sample.state("c40", (E, X, X, E, E, X), image="c:40"),
        *(state for state in states if state.container.name != "c40"),
    )
    window.selection.show_snapshot(sample.snapshot((*newer, sample.state("zz", (E, E, E, E, E, E)))))
    assert current(window) == "c40"
    assert window.strata_page.panel.current == FINDINGS
    assert window.containers.view.verticalScrollBar().value() == at


def test_findings_that_are_the_same_are_left_alone(window: MainWindow) -> None:
    def card() -> FindingRow | None:
        return window.strata_page.panel.pages[FINDINGS].inner.findChild(FindingRow)

    state = select(window, "ci-runner")
    window.strata_page.panel.open_tab(FINDINGS)
    before = card()
    assert before is not None
    layer = window.strata_page.panel.number - 1
    assessment = replace(state.layers[layer].assessment, fact=msg("14 MiB more are used"))
    used = (*state.layers[:layer], replace(state.layers[layer], assessment=assessment), *state.layers[layer + 1 :])
    others = tuple(each for each in sample.states() if each.key != state.key)
    window.selection.show_snapshot(sample.snapshot((replace(state, layers=used), *others)))
    assert window.strata_page.panel.fact.text() == "14 MiB more are used"
    assert card() is before
    assert before.isVisible()
    select(window, "grafana")
    assert not before.isVisible()


def test_a_reading_that_changes_what_is_used_repaints_its_row(window: MainWindow) -> None:
    state = select(window, "ci-runner")
    strata, rows = window.strata_page.strata, window.containers.view.viewport()
    for _ in range(5):
        QApplication.processEvents()
    paints = Paints(rows, strata, *strata.bands.values(), window.toolbar.engines, window.containers.alert)
    used = (*state.layers[:1], replace(state.layers[1], facts="14 MiB more"), *state.layers[2:])
    assert window.selection.snapshot is not None
    newer = (replace(state, layers=used) if each is state else each for each in window.selection.snapshot.containers)
    window.selection.show_snapshot(sample.snapshot(tuple(newer)))
    for _ in range(5):
        QApplication.processEvents()
    assert {watched for watched, _ in paints.seen} == {rows}
    assert max(height for _, height in paints.seen) < rows.height() // 2


def test_a_container_that_vanishes_hands_over(window: MainWindow) -> None:
    select(window, "web")
    assert window.selection.snapshot is not None
    rest = tuple(state for state in window.selection.snapshot.containers if state.container.name != "web")
    window.selection.show_snapshot(sample.snapshot(rest))
    assert current(window) != "web"
    window.selection.show_snapshot(sample.snapshot(()))
    assert window.selection.current is None
    assert window.pages.currentWidget() is window.pages.empty


def without(*names: str) -> tuple[ContainerState, ...]:
    return tuple(state for state in sample.states() if state.container.name not in names)


def engine_gone() -> tuple[ContainerState, ...]:
    return tuple(state for state in sample.states() if state.container.engine == "docker")


@pytest.mark.parametrize("rest", [(), engine_gone(), without("grafana"), without("grafana", "redis-cache")])
def test_a_container_that_is_back_is_in_view_again(window: MainWindow, rest: tuple[ContainerState, ...]) -> None:
    select(window, "grafana")
    window.selection.show_snapshot(sample.snapshot(rest))
    window.selection.show_snapshot(sample.snapshot(rest[1:]))  # its stand-in may disappear, too
    assert window.selection.current is None or current(window) != "grafana"
    window.selection.show_snapshot(sample.snapshot(sample.states()))
    assert highlighted(window) == current(window) == "grafana"
    select(window, "web")
    window.selection.show_snapshot(sample.snapshot(sample.states()))
    assert current(window) == "web"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_container_that_is_created_anew_is_followed_by_its_name(window: MainWindow, at_once: bool) -> None:
    select(window, "web")
    new = sample.state("web", ident="e" * 64)
    elsewhere = sample.state("web", ident="d" * 64, engine="podman-rootless")
    if not at_once:
        window.selection.show_snapshot(sample.snapshot((*without("web"), elsewhere)))
        assert window.selection.current is not None
        assert window.selection.current.key != elsewhere.key
    window.selection.show_snapshot(sample.snapshot((*without("web"), elsewhere, new)))
    assert window.selection.current is not None
    assert window.selection.current.key == new.key


@pytest.mark.parametrize("way", ["another", "the one in its place", "go to"])
def test_a_choice_forgets_what_was_lost(window: MainWindow, way: str) -> None:
    select(window, "grafana")
    window.selection.show_snapshot(sample.snapshot(without("grafana")))
    name = "portainer" if way == "another" else current(window)
    if way == "another":
        select(window, name)
    elif way == "go to":
        assert window.selection.current is not None
        window.selection.go_to(window.selection.current.key)
    else:
        view = window.containers.view
        where = view.visualRect(view.currentIndex()).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    window.selection.show_snapshot(sample.snapshot(sample.states()))
    assert highlighted(window) == current(window) == name


def test_not_running_says_so(window: MainWindow) -> None:
    select(window, "old-job")
    assert window.strata_page.header.card.first.text().startswith("None of its processes runs")
    assert "Not running" in window.strata_page.strata.bands[3].accessibleName()


def test_unknown_gives_reason_and_advice(window: MainWindow) -> None:
    select(window, "staging-api")
    assert "not allowed to read" in window.strata_page.header.card.first.text()
    assert "as root" in window.strata_page.strata.bands[3].accessibleDescription()
    assert "Not known" in window.strata_page.strata.bands[3].accessibleName()


@pytest.mark.parametrize("name", [sample.NASTY, sample.LONG, "", "日本語のコンテナ"])
def test_nasty_names_are_shown_and_lose_nothing(window: MainWindow, name: str) -> None:
    bad = sample.state(name, (X,) * 6, image=name or "x")
    window.selection.show_snapshot(sample.snapshot((bad, *sample.states())))
    assert window.containers.view.select_key(bad.key)
    assert not window.grab().isNull()
    for label in window.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText
    assert window.containers.model.shown() == 13


def test_one_column_with_a_way_back(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(600, 800)
    pulls, state = window.toolbar.pulls, window.selection.current
    assert state is not None
    assert window.pages.isVisible()
    assert not window.containers.isVisible()
    assert not window.toolbar.filter.isVisible()
    assert pulls.name.text() == state.container.name
    pulls.name.click()
    assert window.containers.view.hasFocus()
    assert not window.pages.isVisible()
    assert window.toolbar.filter.isVisible()
    assert pulls.chip is not None
    assert not pulls.chip.isVisible(), "the list says it"
    QTest.keyClick(window.containers.view, Qt.Key.Key_Return)
    assert window.pages.isVisible()
    assert pulls.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.containers.isVisible()
    pulls.name.click()
    assert window.pages.isVisible()
    window.toolbar.search.click()
    assert window.toolbar.filter.hasFocus()
    assert window.containers.isVisible()


def test_in_one_column_all_pages_open_from_one_pull_down(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(600, 800)
    pulls = window.toolbar.pulls
    pulls.fill()
    actions = [action for action in pulls.menu.actions() if not action.isSeparator()]
    assert len(actions) == len(window.toolbar.views.views)
    assert [action.text().partition("\t")[2] for action in actions[:2]] == ["Alt+1", "Alt+2"]
    actions[1].trigger()
    assert window.pages.of(MatrixPage).isVisible()
    assert pulls.page.text() == "Threats"
    assert "Threats" in pulls.page.accessibleName()


def test_the_list_narrows_and_widens_again(window: MainWindow) -> None:
    before = window.containers.width()
    window.resize(900, 800)
    assert window.containers.width() == window.theme.px(64)
    window.resize(1440, 900)
    assert window.containers.width() == before


@pytest.mark.parametrize("way", [(560,), (1300, 1100, 1000, 961, 959, 761, 759, 560, 640, 800, 970, 1200), (961,)])
def test_the_width_that_somebody_chose_comes_back(window: MainWindow, way: tuple[int, ...]) -> None:
    """After any sequence of narrower windows, and at the next start."""
    window.show()
    splitter = window.window_layout.splitter
    handle = splitter.handle(1)
    start = handle.rect().center()
    QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(handle, start + QPoint(37, 0))
    QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=start + QPoint(37, 0))
    chosen = window.containers.width()
    assert chosen > window.theme.px(284) + 10
    for width in way:
        window.resize(width, 800)
        QApplication.processEvents()
    settings = MemorySettings()
    window.window_layout.remember(settings)
    window.resize(1440, 900)
    QApplication.processEvents()
    assert window.containers.width() == chosen
    other = make_window(sample.StillWatch(), Services(settings))
    other.resize(1440, 900)
    other.show()
    QApplication.processEvents()
    assert other.containers.width() == chosen
    other.stop()


def test_the_filter_has_room_for_a_few_words(window: MainWindow) -> None:
    """Engine names, which are one click away, give way."""
    for width in (1240, 1440, 1600, 1900):
        window.resize(width, 900)
        QApplication.processEvents()
        room = window.toolbar.filter.fontMetrics().horizontalAdvance("cap:net_admin user:root")
        assert window.toolbar.filter.width() - window.theme.px(56) >= room, width


@pytest.mark.parametrize("view", [View.STRATA, View.MATRIX, View.PROCESSES, View.FLEET])
def test_in_the_narrowest_window_pages_are_named_whole(window: MainWindow, view: View, qtbot: QtBot) -> None:
    window.resize(560, 900)
    window.pages.show_view(view)
    pull = window.toolbar.pulls.page
    qtbot.waitUntil(lambda: pull.isVisible() and pull.width() >= pull.sizeHint().width())
    if view is View.FLEET:
        page = window.pages.of(FleetPages)
        qtbot.waitUntil(lambda: all(each.width() >= each.sizeHint().width() for each in page.findChildren(Segment)))


def test_a_narrow_filter_says_what_it_is_and_no_more(window: MainWindow) -> None:
    field = window.toolbar.filter
    for width, told in ((90, "Filter…"), (240, "Filter: name, cap:, user:"), (90, "Filter…")):
        field.resize(window.theme.px(width), field.height())
        assert field.placeholderText() == told
        margins = field.textMargins()
        room = field.width() - margins.left() - margins.right() - 2 * window.theme.px(8) - 6
        assert width > 100 or room >= field.fontMetrics().horizontalAdvance(told)


def test_from_one_column_the_list_comes_back_narrow(window: MainWindow) -> None:
    window.resize(560, 480)
    window.resize(770, 800)
    QApplication.processEvents()
    assert window.containers.width() == window.theme.px(64)
    left = window.pages.mapTo(window.window_layout.splitter, QPoint(0, 0)).x()
    assert left == window.containers.geometry().right() + 2  # the handle is 1 wide


def test_a_low_window_gives_the_panel_the_room(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1000, 600)
    assert window.strata_page.strata.isVisible()
    assert not window.strata_page.panel.isVisible()
    QTest.keyClick(window, Qt.Key.Key_2)
    assert window.strata_page.panel.isVisible()
    assert window.strata_page.strip.isVisible()
    assert not window.strata_page.strata.isVisible()
    QTest.mouseClick(window.strata_page.strip.all, Qt.MouseButton.LeftButton)
    assert window.strata_page.strata.isVisible()


@pytest.mark.parametrize("width", [1000, 600])
def test_in_a_low_window_keys_that_go_to_the_panel_open_it(window: MainWindow, qtbot: QtBot, width: int) -> None:
    window.resize(width, 600)
    window.window_layout.go_back()
    number = window.strata_page.panel.number
    for key, keys, tab in (
        (Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier, DETAILS),
        (Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier, MEANING),
    ):
        assert not window.strata_page.panel.isVisible()
        QTest.keyClick(window, key, keys)
        assert window.strata_page.panel.isVisible()
        assert (window.strata_page.panel.number, window.strata_page.panel.current) == (number, tab)
        assert window.strata_page.panel.raw.field.hasFocus() is (tab == DETAILS)
        window.strata_page.close_layer()
        window.window_layout.go_back()


def test_in_one_column_the_key_of_the_filter_brings_the_list(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(700, 500)
    window.show()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.window_layout.bring_forward()
    assert not window.toolbar.filter.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Slash)
    assert window.toolbar.filter.isVisible()
    assert window.toolbar.filter.hasFocus()
    assert window.containers.view.isVisible()


def test_in_one_column_keys_of_the_container_turn_the_page(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(600, 800)
    window.window_layout.go_back()
    for key, keys in (
        (Qt.Key.Key_2, Qt.KeyboardModifier.NoModifier),
        (Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier),
        (Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier),
    ):
        assert not window.pages.isVisible()
        QTest.keyClick(window, key, keys)
        assert window.strata_page.strata.isVisible()
        assert window.pages.isAncestorOf(window.focusWidget())
        window.window_layout.go_back()
        assert window.containers.view.hasFocus()
    QTest.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    window.window_layout.go_back()
    QTest.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.of(MatrixPage).filter.hasFocus()
    assert window.pages.of(MatrixPage).filter.isVisible()


def test_at_the_least_size_the_ground_is_whole(window: MainWindow) -> None:
    window.resize(560, 480)
    window.window_layout.bring_forward()
    QApplication.processEvents()  # the card's height follows its width, known only after the page is laid out
    ground = window.strata_page.strata.ground
    bottom = ground.mapTo(window, ground.rect().bottomLeft()).y()
    assert bottom <= window.height()
    assert ground.height() >= ground.sizeHint().height()


def test_empty_states_say_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    texts = {}
    for state in EngineState:
        engine = replace(sample.ENGINES[0], state=state)
        window.selection.show_snapshot(replace(sample.snapshot(()), engines=(engine,)))
        qtbot.wait(20)  # Qt shows a widget added to a visible layout at the next turn of its event loop
        texts[state] = [
            label.text() for label in window.pages.empty.inner.findChildren(QLabel) if label.isVisibleTo(window)
        ]
    assert "No containers yet" in texts[EngineState.CONNECTED]
    assert "The engine denies access to this user" in texts[EngineState.DENIED]
    assert "The engine does not answer" in texts[EngineState.UNREACHABLE]
    assert "No container engine was found" in texts[EngineState.ABSENT]
    well = replace(sample.snapshot(()), engines=sample.ENGINES[:1])
    assert empty_words(replace(well, asking=("far",)))[0] == "Looking for containers…"
    assert empty_words(replace(well, engines=(), asking=("",)))[0] == "Reading what was captured…"
    title, sentence = empty_words(replace(well, engines=(), unsought=msg("It is broken.")))
    assert title == "Engines could not be looked for"
    assert sentence == "It is broken. Press F5 to try again."
    hangs = replace(sample.ENGINES[1], state=EngineState.UNREACHABLE)
    title, sentence = empty_words(replace(well, engines=(hangs, *well.engines)))
    assert title == "No containers seen yet"
    assert "docker run" in sentence
    assert "podman run" in empty_words(replace(well, engines=sample.ENGINES[1:]))[1]


def test_that_there_is_no_container_is_not_said_where_nothing_was_read(window: MainWindow) -> None:
    nothing, alert = replace(sample.snapshot(()), engines=()), window.containers.alert
    window.selection.show_snapshot(replace(nothing, taken_at=0.0, asking=("",)))
    assert alert.text() != "No container runs"
    assert window.containers.status.text() == "Reading what was captured…"
    window.selection.show_snapshot(nothing)
    assert alert.text() == "No container runs"
    window.selection.show_snapshot(replace(nothing, unsought=msg("It is broken.")))
    assert (alert.text(), alert.mark) == ("Nothing could be read", Mark.UNKNOWN)
    assert window.containers.status.text() == "Nothing could be read"
    lost = replace(nothing, demo=True, captures=(Captured("far", trouble=msg("It is broken.")),))
    window.selection.show_snapshot(lost)
    assert (alert.text(), alert.mark) == ("Nothing could be read", Mark.UNKNOWN)
    assert empty_words(lost)[0] == "No capture could be read"
    assert empty_words(replace(lost, captures=(Captured("far", 1.0),)))[0] == "No containers were captured"


def test_demo_has_a_banner(window: MainWindow) -> None:
    assert not window.notices.demo.isVisible()
    window.selection.show_snapshot(sample.snapshot(demo=True))
    assert window.notices.demo.isVisible()
    assert "demo" in window.containers.status.text()


def test_no_engine_is_told_only_once_none_was_found(window: MainWindow) -> None:
    engines = window.toolbar.engines
    nothing = replace(sample.snapshot(()), engines=())
    window.selection.show_snapshot(replace(nothing, asking=("docker",)))
    assert engines.accessibleDescription() == "Looking…"
    window.selection.show_snapshot(nothing)
    assert engines.accessibleDescription() == "No engine"


def test_engines_sheet(window: MainWindow, qtbot: QtBot) -> None:
    QTest.mouseClick(window.toolbar.engines, Qt.MouseButton.LeftButton)
    assert window.toolbar.popup.isVisible()
    texts = [label.text() for label in window.toolbar.popup.findChildren(QLabel)]
    assert "permission denied <b>x</b>" in texts
    assert any("same as being root" in text for text in texts)
    QTest.keyClick(window.toolbar.popup, Qt.Key.Key_Escape)
    assert not window.toolbar.popup.isVisible()


def test_order_and_theme_are_remembered(window: MainWindow) -> None:
    window.containers.set_view_by(ViewBy.NAME)
    window.preferences.choose_theme(ThemeMode.DARK)
    assert window.settings.get("view_by") == "name"
    assert window.settings.get("theme") == "dark"
    window.preferences.choose_theme(ThemeMode.LIGHT)
    window.close()
    assert window.settings.get("geometry")


def test_closing_stops_the_watch(window: MainWindow, watch: sample.StillWatch) -> None:
    window.close()
    window.stop()
    assert watch.stopped == 1


def test_dark_and_light_differ_and_marks_are_drawn(window: MainWindow) -> None:
    light = window.grab().toImage()
    window.theme.set_mode(ThemeMode.DARK)
    dark = window.grab().toImage()
    window.theme.set_mode(ThemeMode.LIGHT)
    assert light.pixelColor(700, 20).lightness() > 200
    assert dark.pixelColor(700, 20).lightness() < 60


def test_a_paused_container_is_told_so(window: MainWindow) -> None:
    paused = sample.state("p", (E,) * 6, status=Status.PAUSED)
    window.selection.show_snapshot(sample.snapshot((paused,)))
    assert window.strata_page.header.chips[3].accessibleName() == "paused"
    assert window.containers.alert.text() == "None of 1 could take over"


def test_nothing_is_cut_in_the_strata(window: MainWindow) -> None:
    rows = [band.geometry() for band in window.strata_page.strata.bands.values()]
    assert all(rows[at].bottom() < rows[at + 1].top() for at in range(len(rows) - 1))
    assert all(isinstance(row, QRect) and row.height() >= 36 for row in rows)


def test_another_container_begins_at_its_own_worst_bit(window: MainWindow) -> None:
    view = window.strata_page.panel.findChild(BitsView)
    assert view is not None
    select(window, "redis-cache")
    view.list.setCurrentIndex(view.list.bits.index(30, 0))
    select(window, "ci-runner")
    assert view.what.text().startswith("SYS_ADMIN:")


def test_in_a_low_panel_the_cells_scroll_and_the_footer_stays(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1440, 760)
    view = window.strata_page.panel.findChild(BitsView)
    assert view is not None
    view.list.setCurrentIndex(view.list.bits.index(13, 0))
    qtbot.waitUntil(lambda: view.source.mapTo(window, view.source.rect().bottomLeft()).y() < window.height())
    row = view.list.visualRect(view.list.bits.index(13, 0)).center()
    assert view.area.viewport().rect().contains(view.list.viewport().mapTo(view.area.viewport(), row))
