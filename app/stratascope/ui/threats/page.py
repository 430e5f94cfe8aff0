"""The matrix's page: filter, chips by outcome, the table, and the chosen threat in full beside or below it.

Where the window is too low for both it scrolls, so that some rows are always seen at once.
"""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Layer
from stratascope.core.message import msg, plural
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import summary
from stratascope.presentation.threat_outcomes import Protection, protection_word, protections
from stratascope.ui.kit.chip import ChipRow, FilterChip
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import PROTECTION_INK, PROTECTION_MARK
from stratascope.ui.kit.page import MadePage, Parts
from stratascope.ui.kit.theme import Theme
from stratascope.ui.threats.details import ThreatDetails
from stratascope.ui.threats.table import MatrixTable


class OutcomeFilter(ChipRow):
    """One chip an outcome; none pressed means all are shown."""

    changed = Signal(object)  # frozenset[Protection]

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.chips = {
            where: FilterChip(theme, protection_word(where), PROTECTION_MARK[where], PROTECTION_INK[where])
            for where in Protection
        }
        for chip in self.chips.values():
            self.put(chip)
            chip.toggled.connect(lambda _: self.changed.emit(self.chosen))

    @property
    def chosen(self) -> frozenset[Protection]:
        """Those that are pressed in."""
        return frozenset(where for where, chip in self.chips.items() if chip.isChecked())

    def show_matrix(self, matrix: Matrix | None) -> None:
        """Count anew."""
        found = protections(matrix) if matrix is not None else dict.fromkeys(Protection, 0)
        for where, chip in self.chips.items():
            count, word = found[where], chip.text()
            chip.say(translate(msg("{count} {word}", count=count, word=word)), empty=not count)
            chip.setAccessibleName(translate(msg("{word}: {count}", word=word, count=count)))
            give_tip(chip, translate(plural("Show only this threat", "Show only these {count} threats", count)))
            chip.setVisible(count > 0 or chip.isChecked())
        self.arrange()

    def clear(self) -> None:
        """Press all out."""
        for chip in self.chips.values():
            chip.setChecked(False)


BESIDE = 920  # from this width on the details stand beside the table, not below it


class _Filter(QLineEdit):
    """Escape clears it; Down and Enter go to the table."""

    def __init__(self, theme: Theme, table: MatrixTable) -> None:
        super().__init__()
        self._table = table
        self.setPlaceholderText(translate(msg("Filter threats")))
        self.setAccessibleName(translate(msg("Filter threats")))
        self.setAccessibleDescription(translate(msg("By title, system call, family, reference or reason")))
        self.setMaxLength(200)
        self.setClearButtonEnabled(False)
        self.setFixedHeight(theme.px(30))
        self.setFont(theme.font(13))
        self.setFixedWidth(theme.px(190))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._table.setFocus(Qt.FocusReason.TabFocusReason)
        else:
            super().keyPressEvent(event)


class MatrixPage(QWidget):
    """`show_state` gives it a container, `choose` selects a threat by its id."""

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._key: tuple[str, str] | None = None
        self._pid = 0
        self._wanted = ""  # the threat to be chosen, also after rows went and came
        self.table = MatrixTable(theme, layers)
        self.filter = _Filter(theme, self.table)
        self.chips = OutcomeFilter(theme)
        self.shown = Line(theme, 12, ink="text2")
        self.details = ThreatDetails(theme, layers)
        self.empty = Label(theme, 13, ink="text2", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.table.chosen.connect(self._chosen)
        self.table.matrix.modelReset.connect(self._rows_changed)
        self.filter.textChanged.connect(self.table.matrix.set_filter)
        self.chips.changed.connect(self._protections)
        head = QHBoxLayout()
        head.setContentsMargins(*(theme.px(length) for length in (12, 10, 12, 10)))
        head.setSpacing(theme.px(10))
        head.addWidget(self.filter, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self.chips, 1)
        left = QFrame()
        left.setObjectName("card")
        column = QVBoxLayout(left)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.table, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(*(theme.px(length) for length in (12, 4, 12, 4)))
        foot.addWidget(self.shown, 1)
        column.addLayout(foot)
        card = QFrame()
        card.setObjectName("card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(1, 1, 1, 1)
        inside.addWidget(self.details)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(theme.px(8))
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(left)
        self.splitter.addWidget(card)
        self.area = Scrolled(self.splitter)
        for see_through in (self.area.viewport(), self.splitter):
            see_through.setAutoFillBackground(False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.area)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.stack)
        self.setFocusProxy(self.table)

    def search_field(self) -> QLineEdit:
        """Where what is on this page is searched."""
        return self.filter

    def show_state(self, state: ContainerState | None, matrix: Matrix | None) -> None:
        """The threats of this container, as they are or with a layer taken away in thought."""
        other = state is None or state.key != self._key
        self._key = state.key if state is not None else None
        self._pid = (state.container.pid or 0) if state is not None else 0
        self.empty.setText(summary(state) if state is not None else "")
        self.stack.setCurrentWidget(self.area if matrix is not None else self.empty)
        self.chips.show_matrix(matrix)
        self.table.matrix.show_matrix(matrix, self._pid)
        if other:
            self._select(self.table.matrix.place_of(self._wanted))
            self.table.scrollToTop()
        self._tell()

    def choose(self, threat: str) -> bool:
        """Select that threat, if need be by clearing the filters; False where the container has no such threat."""
        self._wanted = threat
        if self.table.matrix.place_of(threat) < 0:
            self.chips.clear()
            self.filter.clear()
        row = self.table.matrix.place_of(threat)
        if row < 0:
            return False
        self._select(row)
        self.table.scrollTo(self.table.matrix.index(row, 0), MatrixTable.ScrollHint.PositionAtCenter)
        return True

    def _protections(self, chosen: frozenset[Protection]) -> None:
        self.table.matrix.set_protections(chosen)

    def _rows_changed(self) -> None:
        """Rows came, went or moved: the chosen threat is chosen again, else the first."""
        self._select(self.table.matrix.place_of(self._wanted))
        self._tell()

    def _select(self, row: int) -> None:
        wanted, matrix = self._wanted, self.table.matrix
        index = matrix.index(max(0, row), 0) if matrix.rows else QModelIndex()
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        if index.isValid():
            self.table.selectionModel().setCurrentIndex(index, flags)
            self.table.scrollTo(index)
            self._show(matrix.rows[index.row()])
        else:
            self._show(None)
        self._wanted = wanted  # a threat that is filtered away stays wanted

    def _chosen(self, state: ThreatState | None) -> None:
        if state is not None:
            self._wanted = state.threat.id
            self._show(state)

    def _show(self, state: ThreatState | None) -> None:
        self.details.show_threat(state, self._pid)

    def _tell(self) -> None:
        matrix = self.table.matrix
        shown, total = len(matrix.rows), matrix.total
        if shown == total:
            text = plural(
                "{count} threat, tried against each layer", "{count} threats, tried against each layer", total
            )
        elif shown:
            text = msg("{shown} of {total} threats shown", shown=shown, total=total)
        else:
            text = msg("No threat matches these words")
        self.shown.say(translate(text))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = self.width() >= self._theme.px(BESIDE)
        orientation = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self.splitter.orientation() is not orientation or event.oldSize().width() < 1:
            self.splitter.setOrientation(orientation)
            length = self.width() if beside else self.height()
            share = 0.68 if beside else 0.58
            self.splitter.setSizes([round(length * share), round(length * (1 - share))])


def make(parts: Parts) -> MadePage:
    """For the window."""
    page, selection = MatrixPage(parts.theme, parts.layers), parts.selection
    return MadePage(page, lambda: page.show_state(selection.judged, selection.what_if.result()), page.choose,
                    page.search_field)  # fmt: skip
