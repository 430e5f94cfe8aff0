"""The matrix by model, by keyboard and by eye: order, filter, chips, details, updates, and a container without one."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetrics, QImage, QPainter
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from rig.window import fake_matrix, sample
from rig.window.hardening import picture
from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.threat_outcomes import Protection
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.marks import paint_stance
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.ui.threats.page import MatrixPage, together
from stratascope.ui.threats.table import ColumnKind, MatrixModel, MatrixTable, ruling_in
from stratascope.value import replace
from window.access.fit import misfits

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


def container(kind: str = "weak") -> ContainerState:
    return replace(sample.state("ci-runner"), matrix=fake_matrix.matrix(kind))


@pytest.fixture
def model(qtbot: QtBot) -> MatrixModel:
    made = MatrixModel(all_layers())
    made.show_matrix(fake_matrix.matrix(), container())
    return made


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> MatrixPage:
    theme.apply()
    made = MatrixPage(theme, all_layers())
    qtbot.addWidget(made)
    made.resize(1108, 740)
    made.show_state(container(), container().matrix)
    made.show()
    QApplication.processEvents()
    return made


def ids(model: MatrixModel) -> list[str]:
    return [state.threat.id for state in model.rows]


def column(model: MatrixModel, kind: ColumnKind, layer: str = "") -> int:
    return next(at for at, each in enumerate(model.kinds) if each.kind is kind and each.layer == layer)


def texts(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


# -- the model


def test_model_keeps_qts_rules(model: MatrixModel) -> None:
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.set_filter("mount")
    model.set_filter("")
    model.set_protections(frozenset({Protection.OPEN}))
    model.set_protections(frozenset())
    model.sort(column(model, ColumnKind.SEVERITY))
    model.show_matrix(fake_matrix.matrix("tight"), container())
    model.show_matrix(None, container())
    assert model.rowCount() == 0
    model.show_matrix(fake_matrix.matrix(), container())
    assert model.rowCount() == len(fake_matrix.THREATS)
    del tester


def test_layers_go_from_the_outermost_to_the_ground(model: MatrixModel) -> None:
    assert [each.number for each in model.kinds if each.kind is ColumnKind.LAYER] == [6, 5, 4, 3, 2, 1]
    assert [each.kind for each in model.kinds[-2:]] == [ColumnKind.GROUND, ColumnKind.TRIED]
    heads = [model.headerData(at, Qt.Orientation.Horizontal) for at in range(model.columnCount())]
    assert heads[:4] == ["What it might try", "Outcome", "Severity", "Depth"]
    assert "Seccomp" in heads
    assert all(
        model.headerData(at, Qt.Orientation.Horizontal, int(Qt.ItemDataRole.ToolTipRole))
        for at in range(model.columnCount())
    )


def test_open_critical_threats_come_first(model: MatrixModel) -> None:
    assert set(ids(model)[:2]) == {"use-engine-socket", "be-host-root"}


def test_a_cell_says_its_stance_reason_and_evidence(model: MatrixModel) -> None:
    row = model.place_of("mount-file-system")
    at = column(model, ColumnKind.LAYER, "seccomp")
    assert model.index(row, at).data() == "stops it"
    shown = model.index(row, at).data(int(Qt.ItemDataRole.ToolTipRole))
    assert "Refused by seccomp" in shown
    assert "/proc/4211/status:seccomp" in shown
    spoken = model.index(row, at).data(int(Qt.ItemDataRole.AccessibleTextRole))
    assert spoken.startswith("Seccomp: stops it")
    assert model.index(row, column(model, ColumnKind.LAYER, "cgroup")).data() == "not its job"
    assert model.index(row, column(model, ColumnKind.DEPTH)).data() == "3"
    assert model.index(row, column(model, ColumnKind.OUTCOME)).data() == "Stopped"


def test_the_hosts_settings_have_a_cell_and_are_no_layer(model: MatrixModel) -> None:
    row = model.place_of("bpf")
    assert model.index(row, column(model, ColumnKind.GROUND)).data() == "stops it"
    assert model.index(row, column(model, ColumnKind.DEPTH)).data() == "0"
    assert model.index(row, column(model, ColumnKind.OUTCOME)).data() == "By the host only"


def test_sorting_by_a_layer_puts_what_it_lets_through_first(model: MatrixModel) -> None:
    at = column(model, ColumnKind.LAYER, "seccomp")
    model.sort(at)
    order = [Stance.LETS_THROUGH, Stance.UNKNOWN, Stance.STOPS, Stance.NOT_ITS_JOB]
    rulings = [ruling_in(state, model.kinds[at]) for state in model.rows]
    places = [order.index(ruling.stance if ruling else Stance.NOT_ITS_JOB) for ruling in rulings]
    assert places == sorted(places)
    model.sort(at, Qt.SortOrder.DescendingOrder)
    assert ruling_in(model.rows[0], model.kinds[at]) is None


def test_filter_looks_into_titles_calls_and_reasons(model: MatrixModel) -> None:
    model.set_filter("ENGINE'S socket")
    assert ids(model) == ["use-engine-socket"]
    model.set_filter("kexec_load")
    assert ids(model) == ["load-kernel"]
    model.set_filter("no such words")
    assert ids(model) == []
    model.set_filter("<b>")
    assert model.rowCount() == 0


def test_an_update_with_the_same_rows_is_no_reset(model: MatrixModel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged):
        model.show_matrix(fake_matrix.matrix(), container())


# -- the page


def test_the_first_threat_is_chosen_and_told_in_full(page: MatrixPage) -> None:
    shown = page.details.state
    assert shown is not None
    assert shown.threat.id == ids(page.table.matrix)[0]
    text = texts(page.details)
    assert "Nothing stands in its way." in text
    assert "What to do" in text
    assert "CIS-Docker-1.6.0:5.4" in text


def test_each_way_has_its_steps_and_each_layer_its_reason(page: MatrixPage) -> None:
    assert page.choose("write-core-pattern")
    text = texts(page.details)
    assert "Route 1, the weakest: direct" in text
    assert "Route 2: after making /proc/sys writable again" in text
    assert "1. unshare(CLONE_NEWNS)\n2. mount(" in text
    assert "Refused by namespaces" in text
    assert "/proc/4211/status:namespaces" in text
    assert "The layer that should stop it first (Namespaces) does so." in text


def test_layers_that_fall_together_are_named_and_joined_by_a_line(page: MatrixPage) -> None:
    assert page.choose("mount-file-system")
    state = page.details.state
    assert state is not None
    assert together(state) == [["capabilities", "seccomp", "mac"]]
    assert (
        "Fall together, because one setting would undo each of them: Capabilities, Seccomp, Access control."
        in texts(page.details)
    )
    matrix = page.table.matrix
    lines = {each.layer: page.table.links(state, each) for each in matrix.kinds if each.kind is ColumnKind.LAYER}
    assert lines["mac"] == (False, True, True)
    assert lines["seccomp"] == (True, True, True)
    assert lines["capabilities"] == (True, False, True)
    assert lines["usermap"] == lines["cgroup"] == (False, False, False)


def test_arrow_keys_choose(page: MatrixPage) -> None:
    page.table.setFocus()
    QTest.keyClick(page.table, Qt.Key.Key_Down)
    assert page.details.state is page.table.matrix.rows[1]
    QTest.keyClick(page.table, Qt.Key.Key_Right)
    assert page.table.currentIndex().column() == 1
    assert page.details.state is page.table.matrix.rows[1]


def test_chips_and_filter_choose_rows_and_choose_undoes_them(page: MatrixPage) -> None:
    page.chips.chips[Protection.OPEN].click()
    assert page.table.matrix.rowCount() == 25
    page.filter.setText("socket")
    assert ids(page.table.matrix) == ["use-engine-socket", "packet-socket", "raw-socket"]
    assert page.shown.text() == "3 of 61 threats shown"
    assert page.choose("load-module")
    assert page.details.state is not None
    assert page.details.state.threat.id == "load-module"
    assert page.table.matrix.rowCount() == 61
    assert page.filter.text() == ""
    assert not page.choose("no-such-threat")


def test_a_filter_without_a_hit_says_so(page: MatrixPage) -> None:
    page.filter.setText("zzz")
    assert page.shown.text() == "No threat matches these words"
    assert page.details.state is None
    QTest.keyClick(page.filter, Qt.Key.Key_Escape)
    assert page.details.state is not None


def test_the_chosen_threat_outlives_an_update_and_another_container(page: MatrixPage) -> None:
    page.choose("set-clock")
    page.show_state(container(), container().matrix)
    assert page.details.state is not None
    assert page.details.state.threat.id == "set-clock"
    other = replace(container("tight"), container=replace(container().container, id="f" * 64))
    page.show_state(other, other.matrix)
    assert page.details.state.threat.id == "set-clock"
    assert page.table.currentIndex().row() == page.table.matrix.place_of("set-clock")


def test_a_container_of_which_nothing_is_known(page: MatrixPage) -> None:
    state = sample.state("staging-api", (sample.U,) * 6)
    page.show_state(state, None)
    assert page.stack.currentWidget() is page.empty
    assert "Nothing about it could be read" in page.empty.text()
    assert page.details.state is None
    page.show_state(None, None)
    assert page.empty.text() == ""


def test_details_stand_below_where_it_is_narrow(page: MatrixPage) -> None:
    assert page.splitter.orientation() is Qt.Orientation.Horizontal
    page.resize(700, 740)
    QApplication.processEvents()
    assert page.splitter.orientation() is Qt.Orientation.Vertical
    assert page.table.columnWidth(0) >= 150
    page.resize(588, 740)
    QApplication.processEvents()
    assert page.table.tight
    assert page.table.horizontalScrollBar().maximum() == 0  # nothing is cut off


def test_a_page_too_low_for_both_scrolls_and_shows_rows(page: MatrixPage) -> None:
    assert page.area.verticalScrollBar().maximum() == 0
    page.resize(520, 260)
    for _ in range(4):  # the chips' rows depend on their width, the page's height on the chips
        QApplication.processEvents()
    assert page.area.verticalScrollBar().maximum() > 0
    assert page.table.viewport().height() >= 3 * page.table.row_height()
    shown = [chip for chip in page.chips.chips.values() if not chip.isHidden()]
    assert all(page.chips.rect().contains(chip.geometry()) for chip in shown)
    assert list(misfits(page)) == []
    page.details.setFocus()
    focus_order.show_in_areas(page.details)
    assert page.details.visibleRegion().boundingRect().height() > page.details.height() // 2


def test_every_stance_has_a_shape_of_its_own_without_colour(theme: Theme) -> None:
    """Painted in grey, the four answers still differ."""
    pictures = set()
    stances = tuple(stance for stance in Stance if stance is not Stance.NOT_ITS_JOB)
    for ruling in (None, *(Ruling(stance, msg("word"), "") for stance in stances)):
        image = QImage(40, 30, QImage.Format.Format_RGB32)
        image.fill(theme.color("panel"))
        painter = QPainter(image)
        paint_stance(painter, QRectF(2, 2, 36, 26), ruling, Protection.OPEN, theme)
        painter.end()
        grey = image.convertToFormat(QImage.Format.Format_Mono, Qt.ImageConversionFlag.ThresholdDither)
        pictures.add(bytes(grey.constBits()))
    assert len(pictures) == len(Stance)


@pytest.mark.parametrize("text", [sample.NASTY, sample.LONG])
def test_foreign_text_stays_text(page: MatrixPage, text: str) -> None:
    matrix = fake_matrix.matrix()
    first = matrix.threats[0]
    nasty = replace(first, threat=replace(first.threat, title=msg("{x}", x=text), what=msg("{x}", x=text)))
    page.show_state(container(), replace(matrix, threats=(nasty, *matrix.threats[1:])))
    page.choose(first.threat.id)
    for label in page.details.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText
    at = page.table.matrix.index(page.table.matrix.place_of(first.threat.id), 0)
    assert "<img" not in at.data(int(Qt.ItemDataRole.ToolTipRole))
    page.grab()


DEPTH, SEVERITY = ColumnKind.DEPTH, ColumnKind.SEVERITY


@pytest.mark.parametrize(
    ("width", "gone"), [(800, {}), (700, {DEPTH}), (640, {DEPTH, SEVERITY}), (480, {DEPTH, SEVERITY})]
)
def test_in_a_narrow_table_titles_keep_their_room(
    qtbot: QtBot, theme: Theme, width: int, gone: Collection[ColumnKind]
) -> None:
    table = MatrixTable(theme, all_layers())
    qtbot.addWidget(table)
    table.resize(width, 400)
    table.show()
    qtbot.wait(20)
    hidden = {column.kind for at, column in enumerate(table.matrix.kinds) if table.isColumnHidden(at)}
    assert hidden == {*gone, ColumnKind.TRIED}  # nothing was tried
    assert table.columnWidth(0) >= theme.px(150)
    if width >= 640:
        metrics = QFontMetrics(theme.font(13, BOLD))
        longest = max(metrics.horizontalAdvance(translate(threat.title)) for threat in all_threats())
        assert table.columnWidth(0) >= longest + theme.px(12)
    table.resize(900, 400)
    qtbot.wait(20)
    assert not any(table.isColumnHidden(at) for at in range(len(table.matrix.kinds) - 1))


def test_a_sockets_sentence_is_that_of_its_engine(page: MatrixPage) -> None:
    state = next(each for each in picture().containers if each.container.name == "portainer")
    page.show_state(state, state.matrix)
    assert page.choose("use-engine-socket")
    said = f"{texts(page.details)}\n{page.details.accessibleDescription()}"
    assert "Can take over this machine through the Docker socket, /var/run/docker.sock." in said
    model = page.table.matrix
    index = model.index(model.place_of("use-engine-socket"), column(model, ColumnKind.THREAT))
    said += str(index.data(Qt.ItemDataRole.AccessibleTextRole))
    assert said.count("the Docker socket, /var/run/docker.sock.") == 3
    assert "rootless" not in said.replace("rootless Docker", "")
