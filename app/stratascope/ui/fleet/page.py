"""The fleet's page: choice of table, the cells, a card for the highlighted cell, a legend, and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg, plural
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.takeover import runs
from stratascope.ui.fleet.grid import EMPTY, FleetGrid
from stratascope.ui.fleet.picture import paint_cell, save
from stratascope.ui.fleet.table import (
    CellKind,
    FleetCell,
    FleetTable,
    Kept,
    bit_layers,
    bit_tables,
    card_lines,
    ink_word,
    threat_table,
    with_machines,
)
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import later
from stratascope.ui.kit.buttons import Segments
from stratascope.ui.kit.file_dialogs import ask_save
from stratascope.ui.kit.flow import card_frame
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import SEVERITY_INK, severity_word
from stratascope.ui.kit.selection import Key
from stratascope.ui.kit.theme import BOLD, REGULAR, Theme
from stratascope.usecases.listing.filter import answer, parse

_TEXTS = {
    CellKind.OPEN_SERIOUS: "0",
    CellKind.OPEN_MEDIUM: "0",
    CellKind.OPEN_MINOR: "0",
    CellKind.UNKNOWN: "?",
    CellKind.ONCE: "1",
    CellKind.TWICE: "2",
    CellKind.DEEP: "3",
}
_THREATS = msg("Threats")
CARD = 300
REST = 80  # ms after the last key in the filter


class FleetLegend(QWidget):
    """The kinds of cells in the table, each in words; wraps into as many lines as needed."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.inks: tuple[CellKind, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        theme.changed.connect(self.update)

    def show_table(self, table: FleetTable) -> None:
        """Show the kinds of cells in this table only."""
        there = {cell.ink for row in table.rows for cell in row.cells}
        self.inks = tuple(ink for ink in CellKind if ink in there)
        self.setAccessibleName(listed(ink_word(ink) for ink in self.inks))
        self.updateGeometry()
        self.update()

    def heightForWidth(self, width: int) -> int:
        places = self._places(width)
        return (places[-1][1] if places else 0) + self._theme.box(12) + self._theme.px(4)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(400), self.heightForWidth(max(self.width(), self._theme.px(200))))

    def _places(self, width: int) -> list[tuple[int, int]]:
        theme = self._theme
        self.setFont(theme.font(12))
        x = y = 0
        places = []
        for ink in self.inks:
            length = theme.px(24 + 16) + self.fontMetrics().horizontalAdvance(ink_word(ink))
            if x and x + length > width:
                x, y = 0, y + theme.box(12) + theme.px(4)
            places.append((x, y))
            x += length
        return places

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        height = theme.box(12) + theme.px(2)
        for ink, (x, y) in zip(self.inks, self._places(self.width()), strict=True):
            paint_cell(painter, QRectF(x, y, theme.px(18), height), FleetCell(ink, _TEXTS.get(ink, "")), theme)
            painter.setFont(theme.font(12))
            painter.setPen(theme.color("text2"))
            box = QRectF(x + theme.px(24), y, self.width(), height)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, ink_word(ink))


class CellCard(QFrame):
    """The text of one cell, next to it; never under the pointer, and transparent to clicks."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("popup")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._theme = theme
        self.lines = [
            Label(theme, 13, BOLD, wrap=True),
            Label(theme, 12, wrap=True),
            Label(theme, 12, BOLD, "text2", wrap=True),
            Label(theme, 12, REGULAR, "text2", wrap=True),
        ]
        theme.lay(QVBoxLayout(self), *self.lines, around=(12, 8, 12, 8), gap=2)
        self.hide()

    def tell(self, lines: tuple[str, ...], where: QPoint) -> None:
        """Show these lines near a point of the parent."""
        for label, text in zip(self.lines, (*lines, "", "", "", ""), strict=False):
            label.setText(text if len(text) <= 200 else text[:199] + "…")
            label.setVisible(bool(text))
        width = self._theme.px(CARD)
        parent = self.parentWidget()
        height = self.heightForWidth(width)  # includes the border, which the layout's own does not
        away = self._theme.px(16)
        room = parent.size() if parent is not None else QSize(width, height)
        x = where.x() + away if where.x() + away + width <= room.width() else where.x() - away - width
        y = where.y() + away if where.y() + away + height <= room.height() else where.y() - away - height
        self.setGeometry(max(0, x), max(0, y), width, height)
        self.show()
        self.raise_()


class FleetPage(QWidget):
    """The page. `show_states` sets the containers; `chosen` carries the one that was clicked."""

    chosen = Signal(object)  # key of a container

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self._theme, self._layers = theme, layers
        self._states: tuple[ContainerState, ...] = ()
        self._found: Mapping[Key, str] | None = None
        self._needle, self._table, self._stale = "", 0, True
        self._rows: tuple[ContainerState, ...] = ()  # that match the filter
        self._titled: tuple[Layer | None, ...] = ()  # what there is a table of: threats (None), and bits of layers
        self._tables: dict[int, FleetTable] = {}  # those that were looked at, by place
        self._kept = Kept()
        self._rest = later(self, REST, lambda: self.work_out() if self.isVisible() else None)
        self.switch = Segments(theme, translate(msg("View")))
        self.switch.offer((translate(_THREATS),))
        self.count = Line(theme, 12, ink="text2", or_nothing=True)
        self.grid = FleetGrid(theme)
        self.legend = FleetLegend(theme)
        self.card = CellCard(theme, self)
        self._told: tuple[tuple[str, ...], QPointF] | None = None  # the card's text, and the position of its cell
        self.empty = Label(theme, 13, ink="text2", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.export_menu = QMenu(self)
        self.export = self._button(msg("Export"), msg("Save the whole table as an image or as values"), self._menu)
        bar = theme.lay(QHBoxLayout(), self.switch, 6, (self.count, 1), around=(12, 10, 12, 6), gap=6)
        bar.addWidget(self.export)
        for ending, text in (
            ("png", msg("Image (PNG)…")),
            ("svg", msg("Scalable image (SVG)…")),
            ("csv", msg("Spreadsheet (CSV)…")),
        ):
            action = QAction(translate(text), self)
            action.triggered.connect(lambda _=False, ending=ending: self.ask_file(ending))
            self.export_menu.addAction(action)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.grid)
        foot = theme.lay(QVBoxLayout(), self.legend, around=(12, 8, 12, 8))
        card = card_frame(theme, bar, (self.stack, 1), foot)
        theme.lay(QVBoxLayout(self), card, around=(16, 12, 16, 12))
        self.switch.chosen.connect(self._choose)
        self.grid.opened.connect(self.chosen)
        self.grid.pointed.connect(self._point)
        self.setFocusProxy(self.grid.canvas)

    # -- contents

    def show_states(
        self, states: tuple[ContainerState, ...], needle: str = "", found: Mapping[Key, str] | None = None
    ) -> None:
        """Set the containers and the filter's words. Nothing is computed while the page is hidden; while the user
        types, only after a pause.

        `found`: for several machines the matches, each with the name of its machine.
        """
        if states is self._states and needle == self._needle and not self._stale:
            return
        typed = states is self._states
        if not typed:
            self._kept.forget_all_but(states)
        self._states, self._needle, self._found, self._stale = states, needle, found, True
        if typed:
            self._rest.start()
        elif self.isVisible():
            self.work_out()

    def showEvent(self, event: object) -> None:
        self.work_out()

    def work_out(self) -> None:
        """Build the tables from the last containers set."""
        if not self._stale:
            return
        self._rest.stop()
        self._stale = False
        query, found = parse(self._needle), self._found
        wanted = (lambda state: answer(query, state).found) if found is None else (lambda state: state.key in found)
        self._rows = tuple(filter(wanted, self._states))
        self._titled = (None, *bit_layers(self._rows, self._layers, self._kept))
        self._tables.clear()
        self.switch.offer(tuple(translate(_THREATS if each is None else each.about.title) for each in self._titled))
        self.switch.choose(self._place)
        there, shown = sum(map(runs, self._states)), sum(map(runs, self._rows))
        if shown == there:
            text: Message = plural("{count} running container, worst first",
                                   "{count} running containers, worst first", shown)  # fmt: skip
        else:
            text = msg("{shown} of {count} running containers", shown=shown, count=there)
        self.count.say(translate(text))
        if not there:
            nothing = msg("No running container seen")
        elif not shown:
            nothing = msg("No container matches the filter")
        else:
            nothing = msg("Nothing could be read about these containers")
        self.empty.setText(translate(nothing))
        self._show()

    @property
    def table(self) -> FleetTable:
        """The visible table; made when it is first looked at."""
        place = self._place
        if place not in self._tables:
            if place < 0:
                return EMPTY
            self._tables[place] = self._made(self._titled[place])
        return self._tables[place]

    def _made(self, layer: Layer | None) -> FleetTable:
        if layer is None:
            table = threat_table(self._rows, self._kept)
        else:
            (table,) = bit_tables(self._rows, (layer,), self._kept)
        return table if self._found is None else with_machines(table, self._found)

    @property
    def _place(self) -> int:
        """Of the visible table: the chosen one, which is not there while nothing matches the filter."""
        return min(self._table, len(self._titled) - 1)

    def _choose(self, place: int) -> None:
        self._table = place
        self._show()

    def _show(self) -> None:
        table = self.table
        inks = {severity_word(severity): SEVERITY_INK[severity] for severity in Severity}
        self.stack.setCurrentWidget(self.grid if table.rows and table.columns else self.empty)
        self.grid.show_table(table, inks)
        self.legend.show_table(table)
        self.export.setEnabled(bool(table.rows))
        if self._card_of(*self.grid.lit) != self._told:
            self.card.hide()

    def _point(self, row: int, column: int, where: QPointF) -> None:
        self._told = self._card_of(row, column)
        if self._told is None:
            self.card.hide()
        else:
            self.card.tell(self._told[0], self.grid.mapTo(self, where.toPoint()))

    def _card_of(self, row: int, column: int) -> tuple[tuple[str, ...], QPointF] | None:
        """Return the card's text for a cell, and its position; None outside of the table."""
        if not (0 <= row < len(self.table.rows) and 0 <= column < len(self.table.columns)):
            return None
        return card_lines(self.table, self.table.rows[row], column), self.grid.place_of(row, column)

    # -- export

    def _menu(self) -> None:
        self.export_menu.popup(self.export.mapToGlobal(QPoint(0, self.export.height() + 2)))

    def ask_file(self, ending: str) -> None:
        """Ask for a file, then write it."""
        name = f"stratascope-fleet.{ending}"
        ask_save(self, translate(msg("Save the fleet")), self.write, name=name, kinds=f"*.{ending}")

    def write(self, file: Path) -> bool:
        """Save the visible table, and report a failure."""
        why = save(file, self.table, self._theme)
        if why:
            feedback.unwritten(self, translate(msg("Save the fleet")), file, why)
        else:
            feedback.saved(self, file)
        return not why

    def _button(self, text: Message, what: Message, call: Callable[[], None]) -> QToolButton:
        button = QToolButton()
        button.setObjectName("tight")
        button.setText(translate(text))
        button.setAccessibleName(translate(what))
        give_tip(button, translate(what))
        button.clicked.connect(lambda _=False: call())
        return button
