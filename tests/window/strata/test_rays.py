"""Strata with rays in the window: hover, keys, card, falling rays, undoing a supposition, and accessible texts."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.core.threats.depth import Matrix
from stratascope.presentation.rays import Lane, Sort
from stratascope.presentation.threat_outcomes import ThreatOutcome, family_word, kind_of
from stratascope.ui.kit.theme import Theme
from stratascope.ui.strata.rays import RayLayer
from stratascope.ui.strata.rays_card import RayLegend, Sign, entries
from stratascope.ui.strata.rays_scene import EDGE, family_names, name_box
from stratascope.ui.window.main_window import MainWindow
from stratascope.value import replace

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def rays(window: MainWindow) -> RayLayer:
    """The rays of ci-runner, the container shown first."""
    assert window.selection.current is not None
    assert window.selection.current.container.name == "ci-runner"
    return window.strata_page.strata.rays


def lane_of(rays: RayLayer, threat: str) -> Lane:
    """Return the lane of a threat, alone or shared."""
    return next(lane for lane in rays.lanes() if threat in [ray.id for ray in lane.rays])


def matrix_of(window: MainWindow) -> Matrix:
    state = window.selection.current
    assert state is not None
    assert state.matrix is not None
    return state.matrix


def select(window: MainWindow, name: str) -> None:
    assert window.selection.snapshot is not None
    key = next(state.key for state in window.selection.snapshot.containers if state.container.name == name)
    assert window.containers.view.select_key(key)


def hover(window: MainWindow, number: int, x: float) -> None:
    band = window.strata_page.strata.bands[number]
    QTest.mouseMove(band, QPoint(int(x) - band.x(), band.height() // 2))


def test_every_threat_has_a_lane_in_the_field(window: MainWindow, rays: RayLayer) -> None:
    lanes = rays.lanes()
    minor = (
        0 if rays.scene.drawn_minor else sum(kind_of(each) is ThreatOutcome.LOW for each in matrix_of(window).threats)
    )
    assert sum(len(lane.rays) for lane in lanes) + minor == 61
    facts = window.strata_page.strata.bands[6].field()
    assert all(facts < lane.x < rays.width() for lane in lanes)
    assert rays.scene.heights.strip == window.strata_page.strata.process.geometry().bottom() + 1
    assert rays.scene.heights.ground == window.strata_page.strata.ground.geometry().top()
    assert rays.scene.heights.lowest(lane_of(rays, "use-engine-socket")) == rays.scene.heights.ground
    middle = window.strata_page.strata.bands[4].geometry().center().y()
    ray = next(ray for ray in lane_of(rays, "userfaultfd").rays if ray.id == "userfaultfd")
    assert rays.scene.heights.end(ray) == pytest.approx(middle, abs=1)


@pytest.mark.parametrize("width", [560, 720, 1440, 1920])
def test_families_are_named_whole_beside_each_other(window: MainWindow, rays: RayLayer, width: int) -> None:
    window.resize(width, 900)
    window.window_layout.bring_forward()  # in the one-column layout the list would be in front
    QApplication.processEvents()
    font, found = family_names(window.theme, rays.scene.heights, rays.scene.places, rays.width())
    assert [word for _, _, word in found] == [family_word(place.family) for place in rays.scene.places]
    boxes = [box for _, box, _ in found]
    for number, box in enumerate(boxes):
        assert box.left() >= 0
        assert box.right() <= rays.width()
        assert box.top() >= 0
        assert box.bottom() <= rays.scene.heights.strip
        assert box.width() >= QFontMetrics(font).horizontalAdvance(found[number][2])
        assert not any(box.intersects(other) for other in boxes[number + 1 :])


def test_where_nothing_is_known_the_role_is_told_instead(window: MainWindow) -> None:
    select(window, "staging-api")
    assert not window.strata_page.strata.rays.isVisible()
    assert not window.strata_page.strata.suppose.isVisible()
    assert window.strata_page.header.exposure.text() == "–"
    assert window.strata_page.strata.legend.accessibleName() == ""
    select(window, "ci-runner")
    assert window.strata_page.strata.rays.isVisible()


def test_serious_open_threats_are_named_in_the_ground(rays: RayLayer) -> None:
    """Each one, with the letter of its ray."""
    serious = [lane for lane in rays.lanes() if lane.rays[0].kind in (ThreatOutcome.CRITICAL, ThreatOutcome.HIGH)]
    assert rays.scene.hidden == 0
    assert [(name.id, name.letter) for name in rays.scene.names] == [(lane.id, lane.letter) for lane in serious]
    assert "use-engine-socket" in {name.id for name in rays.scene.names}


def test_the_strip_counts_and_the_legend_adds_up(window: MainWindow) -> None:
    assert "can try 61 things" in window.strata_page.strata.process.accessibleDescription()
    words = window.strata_page.strata.legend.accessibleName()
    assert words.startswith("6 serious, open")
    counted = (part.split()[0] for part in words.split(", ") if "by the host alone" not in part)
    assert sum(int(number) for number in counted if number.isdigit()) == 61


def test_a_legend_has_short_words(rays: RayLayer) -> None:
    found = dict.fromkeys(ThreatOutcome, 2)
    assert next(text for _, text in entries(found, short=True)) == "4 serious"
    assert [sign for sign, _ in entries(dict.fromkeys(ThreatOutcome, 0))] == [Sign.SERIOUS]
    assert "6 stopped, 2 by the host alone" in [text for _, text in entries(found)]
    for short in (False, True):
        assert "2 minor, not drawn" in [text for _, text in entries(found, minor_drawn=False, short=short)]


def test_no_entry_of_the_legend_is_cut_where_shorter_words_have_room(theme: Theme) -> None:
    legend = RayLegend(theme)
    legend.show_counts(dict.fromkeys(ThreatOutcome, 12), would=True)
    for width in range(300, 1200):  # whole entries go, and none is painted that has no room
        shown, space = legend.fitted(width)
        assert legend.wide(shown) + (len(shown) - 1) * space <= width
        assert [sign for sign, _ in shown][:1] == [Sign.SERIOUS]


def test_hover_brings_the_card_and_leaving_takes_it_away(window: MainWindow, rays: RayLayer, qtbot: QtBot) -> None:
    lane = lane_of(rays, "trace-kernel")
    hover(window, 6, lane.x)
    assert rays.taken == ""  # nothing fades while the pointer only passes
    qtbot.waitUntil(lambda: rays.taken == "trace-kernel")
    card = window.strata_page.strata.card
    assert card is not None
    assert card.isVisible()
    words = card.words()
    assert "Trace the kernel" in words
    assert "/proc/4211/status:capabilities" in words
    bar = lane_of(rays, "load-module")
    assert bar.sort is Sort.STOPPED
    hover(window, 6, bar.x)
    qtbot.waitUntil(lambda: rays.taken == bar.id)  # without a pause; a busy machine may deliver the move late
    words = card.words()
    assert words[0] == f"Kernel: {len(bar.rays)} stopped"
    assert "Load code into the kernel" in words
    assert any("by layer 4 alone." in text or "first by layer" in text for text in words)
    hover(window, 6, 60)
    qtbot.waitUntil(lambda: rays.taken == "")
    assert not card.isVisible()


def test_the_card_is_of_the_container_in_view_where_two_share_a_matrix(window: MainWindow, rays: RayLayer) -> None:
    first = window.selection.current
    assert first is not None
    other = replace(first, container=replace(first.container, id="f" * 64, name="twin", pid=777))
    window.selection.show_snapshot(sample.snapshot((*sample.states(), other)))
    select(window, "ci-runner")
    rays.take("trace-kernel")
    card = window.strata_page.strata.card
    assert card is not None
    select(window, "twin")
    assert window.selection.current is not None
    assert window.selection.current.matrix is first.matrix
    assert card.isVisible()
    assert "/proc/777/status:capabilities" in card.words()
    rays.take("")
    select(window, "ci-runner")
    assert not card.isVisible()


def test_away_from_rays_a_band_is_a_button(window: MainWindow, rays: RayLayer) -> None:
    band = window.strata_page.strata.bands[2]
    QTest.mouseClick(band, Qt.MouseButton.LeftButton, pos=QPoint(80, band.height() // 2))
    assert window.strata_page.panel.number == 2


def test_a_click_on_a_ray_takes_it_and_a_double_click_opens_the_matrix(
    window: MainWindow, rays: RayLayer, qtbot: QtBot
) -> None:
    lane = lane_of(rays, "use-engine-socket")
    band = window.strata_page.strata.bands[5]
    before = window.strata_page.panel.number
    at = QPoint(int(lane.x) - band.x(), band.height() // 2)
    QTest.mouseClick(band, Qt.MouseButton.LeftButton, pos=at)
    assert (rays.taken, window.strata_page.panel.number) == ("use-engine-socket", before)
    assert rays.hasFocus()
    with qtbot.waitSignal(window.strata_page.strata.threat_chosen) as heard:
        QTest.mouseDClick(band, Qt.MouseButton.LeftButton, pos=at)
    assert heard.args == ["use-engine-socket"]


@pytest.mark.parametrize("size", [(1440, 900), (720, 450)])
def test_names_stand_below_the_numbers_on_the_grounds_edge(
    window: MainWindow, rays: RayLayer, size: tuple[int, int]
) -> None:
    window.resize(*size)
    QApplication.processEvents()
    heights = rays.scene.heights
    boxes = [name_box(window.theme, heights, name) for name in rays.scene.names]
    assert boxes
    for box in boxes:
        assert box.top() >= heights.ground + window.theme.px(EDGE)
        assert box.bottom() <= heights.bottom


def test_a_name_in_the_ground_opens_the_matrix(window: MainWindow, rays: RayLayer, qtbot: QtBot) -> None:
    name = next(name for name in rays.scene.names if name.id == "trace-kernel")
    box = name_box(window.theme, rays.scene.heights, name).toRect()
    ground = window.strata_page.strata.ground
    with qtbot.waitSignal(window.strata_page.strata.threat_chosen) as heard:
        QTest.mouseClick(ground, Qt.MouseButton.LeftButton, pos=box.center() - ground.pos())
    assert heard.args == ["trace-kernel"]


def test_keys_go_from_lane_to_lane(window: MainWindow, rays: RayLayer, qtbot: QtBot) -> None:
    rays.setFocus(Qt.FocusReason.TabFocusReason)
    lanes = rays.lanes()
    assert rays.taken == lanes[0].id
    QTest.keyClick(rays, Qt.Key.Key_Right)
    assert rays.taken == lanes[1].id
    QTest.keyClick(rays, Qt.Key.Key_Down)
    assert rays.taken == rays.scene.places[1].lanes[0].id
    QTest.keyClick(rays, Qt.Key.Key_Up)
    QTest.keyClick(rays, Qt.Key.Key_Left)
    assert rays.taken == lanes[0].id
    QTest.keyClick(rays, Qt.Key.Key_End)
    assert rays.taken == lanes[-1].id
    QTest.keyClick(rays, Qt.Key.Key_Home)
    with qtbot.waitSignal(window.strata_page.strata.threat_chosen) as heard:
        QTest.keyClick(rays, Qt.Key.Key_Return)
    assert heard.args == [lanes[0].rays[0].id]
    rays.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(rays, Qt.Key.Key_Escape)
    assert rays.taken == ""


def test_suppose_it_fails_and_the_way_back(window: MainWindow, rays: RayLayer, qtbot: QtBot) -> None:
    select(window, "thumbnailer")
    exposure = window.strata_page.header.exposure.text()
    window.selection.open_layer(2)
    menu = window.strata_page.strata.suppose_menu
    menu.aboutToShow.emit()
    next(each for each in menu.actions() if each.text().startswith("2 ")).trigger()
    assert window.strata_page.strata.bands[2].away
    assert "Supposed to fail" in window.strata_page.strata.bands[2].accessibleName()
    assert window.strata_page.header.card.suppose.isVisible()
    assert "start processes without end" in window.strata_page.header.card.suppose.text.text()
    assert float(window.strata_page.header.exposure.text()) >= 4.0 > float(exposure)
    assert f"now {exposure}" in window.strata_page.header.exposure.accessibleName()
    assert window.strata_page.strata.legend.accessibleName().startswith("2 serious, open")
    assert lane_of(rays, "fork-bomb").rays[0].kind is ThreatOutcome.HIGH
    window.strata_page.strata.bands[4].setFocus()
    QTest.keyClick(window.strata_page.strata.bands[4], Qt.Key.Key_X)  # another one too
    assert window.selection.what_if.away == {"cgroup", "seccomp"}
    QTest.mouseClick(window.strata_page.header.card.suppose.back, Qt.MouseButton.LeftButton)
    assert window.selection.what_if.away == frozenset()
    assert window.strata_page.header.exposure.text() == exposure
    assert not window.strata_page.header.card.suppose.isVisible()
    window.selection.suppose_fails(4)
    window.strata_page.strata.bands[4].setFocus()
    QTest.keyClick(window.strata_page.strata.bands[4], Qt.Key.Key_Escape)
    assert window.selection.what_if.away == frozenset()


def test_another_container_is_shown_as_it_is(window: MainWindow) -> None:
    window.selection.suppose_fails(4)
    select(window, "web")
    assert window.selection.what_if.away == frozenset()
    assert not window.strata_page.header.card.suppose.isVisible()


def test_rays_fall_for_a_moment_and_keep_their_order(window: MainWindow, rays: RayLayer, qtbot: QtBot) -> None:
    before = [lane.id for lane in rays.lanes() if lane.sort is Sort.RAY]
    window.selection.suppose_fails(3)
    assert rays.falling is not window.theme.reduced_motion
    rays.grab()
    qtbot.waitUntil(lambda: not rays.falling)
    after = [lane.id for lane in rays.lanes() if lane.sort is Sort.RAY]
    assert [name for name in after if name in before] == before
    assert len(after) > len(before)


def test_with_reduced_motion_they_are_there_at_once(
    window: MainWindow, rays: RayLayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(window.theme), "reduced_motion", True)
    window.selection.suppose_fails(3)
    assert not rays.falling


def test_in_a_narrow_field_the_minor_leave_and_the_legend_says_so(window: MainWindow, rays: RayLayer) -> None:
    window.resize(600, 800)
    window.window_layout.bring_forward()
    assert not rays.scene.drawn_minor
    assert "minor, not drawn" in window.strata_page.strata.legend.accessibleName()
    assert not rays.grab().isNull()
    rays.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(rays, Qt.Key.Key_End)
    assert rays.lane(rays.taken) is not None


def test_a_screen_reader_hears_one_child_for_each_lane(rays: RayLayer) -> None:
    found = QAccessible.queryAccessibleInterface(rays)
    assert found is not None
    assert found.role() == QAccessible.Role.List
    assert found.childCount() == len(rays.lanes())
    first = found.child(0)
    assert first is not None
    assert first.role() == QAccessible.Role.ListItem
    assert first.text(QAccessible.Text.Name) == "use the engine's socket: open, critical"
    assert "could use the engine's socket" in first.text(QAccessible.Text.Description)
    children = [child for at in range(found.childCount()) if (child := found.child(at))]
    bar = lane_of(rays, "userfaultfd")
    told = {child.text(QAccessible.Text.Name): child.text(QAccessible.Text.Description) for child in children}
    assert "handle page faults itself" in told[f"Kernel: {len(bar.rays)} stopped"]
    box = first.rect()
    assert box.width() > 0
    same = found.childAt(box.center().x(), box.center().y())
    assert same is not None
    assert found.indexOfChild(first) == 0
    rays.setFocus(Qt.FocusReason.TabFocusReason)
    assert first.state().focused


def test_the_exposure_opens_its_sheet_by_key(window: MainWindow, qtbot: QtBot) -> None:
    window.strata_page.header.exposure.setFocus()
    QTest.keyClick(window.strata_page.header.exposure, Qt.Key.Key_Space)
    assert window.strata_page.header.sheet.isVisible()
    assert window.strata_page.header.sheet.table.rowCount() == 7
    QTest.keyClick(window.strata_page.header.sheet, Qt.Key.Key_Escape)
    assert not window.strata_page.header.sheet.isVisible()
