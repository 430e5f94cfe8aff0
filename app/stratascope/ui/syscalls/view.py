"""A map of system calls: entry points, a search, a cell for every call, and the details of the current one.

Compared with the engine's default if the layer provides it, or with what `compare_with` sets; differences come first.
"""

from __future__ import annotations

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.layer import CallMap, CallSource, CallTable, CallVerdict
from stratascope.core.message import NOTHING, bracketed, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.syscall_map import (
    count_words,
    explain,
    origin,
    surface,
    table_of,
)
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import Label, Line, Rule
from stratascope.ui.kit.marks import paint_mark
from stratascope.ui.kit.table import ItemRole
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.syscalls.list import MARKS, CallList, Cell, answer, paint_ground, rows_of

LEAST_LIST = 120  # px: five rows and a bit
DEFAULT_TITLE = msg("the engine's default")


class AbiButton(QAbstractButton):
    """A segment of the switch between entry points."""

    def __init__(self, theme: Theme, abi: str) -> None:
        super().__init__()
        self.abi = abi
        self._theme = theme
        self.setText(plain(abi, 20))
        self.setCheckable(True)
        self.setAutoExclusive(True)  # one of several, also for screen readers
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(translate(msg("Entry point {abi}", abi=abi)))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(12, BOLD))
        width = self.fontMetrics().horizontalAdvance(self.text()) + theme.px(20)
        return QSize(width, theme.box(12) + theme.px(10))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(outline_pen(theme, "line2" if self.underMouse() else "line", focused=self.hasFocus()))
        painter.setBrush(theme.color("accent_soft" if self.isChecked() else "panel"))
        painter.drawRoundedRect(box, theme.px(6), theme.px(6))
        painter.setFont(theme.font(12, BOLD if self.isChecked() else MEDIUM))
        painter.setPen(theme.color("accent" if self.isChecked() else "text2"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class _Legend(QWidget):
    """The legend of the marks, with counts."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._counts: dict[CallVerdict, int] = {}
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        theme = self._theme
        metrics = QFontMetrics(theme.font(12, MEDIUM))
        words = [self._word(verdict, count) for verdict, count in self._counts.items() if count]
        wide = sum(metrics.horizontalAdvance(word) + theme.px(16 + 6 + 16) for word in words)
        return QSize(wide, theme.box(12) + theme.px(4))

    def say(self, counts: dict[CallVerdict, int]) -> None:
        self._counts = counts
        self.updateGeometry()
        self.setAccessibleName(listed(self._word(verdict, count) for verdict, count in counts.items() if count))
        self.update()

    def _word(self, verdict: CallVerdict, count: int) -> str:
        return translate(count_words(verdict, count))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setFont(theme.font(12, MEDIUM))
        x, side = 1.0, theme.px(16)
        for verdict, count in self._counts.items():
            if not count:
                continue
            box = QRectF(x, (self.height() - side) / 2, side, side)
            paint_ground(painter, box, verdict, theme)
            small = theme.px(9)
            mark = QRectF(box.center().x() - small / 2, box.center().y() - small / 2, small, small)
            paint_mark(painter, mark, MARKS[verdict], theme, "text3" if verdict is CallVerdict.ALLOWED else "")
            x += side + theme.px(6)
            word = self._word(verdict, count)
            painter.setPen(theme.color("text2"))
            width = painter.fontMetrics().horizontalAdvance(word)
            painter.drawText(QRectF(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, word)
            x += width + theme.px(16)


class _Search(QLineEdit):
    """The search field. Down goes to the cells; Escape clears it."""

    down = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.down.emit()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class CallsView(QWidget):
    """Switch and search, cells, and a footer with the current call."""

    def __init__(self, theme: Theme, view: CallMap | None = None) -> None:
        super().__init__()
        self._theme = theme
        self._map = CallMap(NOTHING, ())
        self._other: tuple[CallTable, ...] | None = None
        self._other_title = translate(DEFAULT_TITLE)
        self.abi = ""
        self.buttons: list[AbiButton] = []
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(lambda button: self.open_abi(button.abi))
        self._switch = QHBoxLayout()
        self._switch.setSpacing(theme.px(4))
        self.field = _Search()
        self.field.setPlaceholderText(translate(msg("Find by name")))
        self.field.setAccessibleName(translate(msg("Find a system call")))
        self.field.setAccessibleDescription(translate(msg("The Down key goes to the matches, Escape clears the field")))
        self.field.setClearButtonEnabled(True)
        self.field.setFixedHeight(theme.box(13) + theme.px(11))
        self.field.setMaximumWidth(theme.px(240))
        self.field.textChanged.connect(self._fill)
        self.source = Line(theme, 12, ink="text2")
        self.legend = _Legend(theme)
        self.list = CallList(theme)
        self.list.setMinimumHeight(theme.px(LEAST_LIST))
        self.name = Label(theme, 13, BOLD, wrap=True)
        self.answer = Label(theme, 12, wrap=True).selectable()
        self.there = Label(theme, 12, ink="text2", wrap=True)
        self.words = Label(theme, 12, ink="text2", wrap=True)
        self.field.down.connect(self._into_cells)
        self.list.selectionModel().currentChanged.connect(self._show_call)
        self.top = theme.lay(QHBoxLayout(), self._switch, (self.field, 1), STRETCH, gap=8)
        theme.lay(
            QVBoxLayout(self),
            self.top,
            theme.lay(QHBoxLayout(), self.legend, (self.source, 1), gap=8),
            (self.list, 1),
            Rule(theme),
            self.name,
            self.answer,
            self.there,
            self.words,
            around=0,
            gap=5,
        )
        if view is not None:
            self.show_map(view)

    def show_map(self, view: CallMap) -> None:
        """Show another map; entry point, search and current call are kept if possible."""
        if view == self._map and self.buttons:
            return
        self._map = view
        abis = [table.abi for table in view.tables]
        if abis != [button.abi for button in self.buttons]:
            self._set_switch(abis)
        self.open_abi(self.abi if self.abi in abis else abis[0] if abis else "")

    def compare_with(self, tables: tuple[CallTable, ...] | None, title: str = "") -> None:
        """Compare with these tables; None: the engine's default, if the layer provides it."""
        title = title or translate(DEFAULT_TITLE)
        if (tables, title) != (self._other, self._other_title):
            self._other, self._other_title = tables, title
            self.list.setCurrentIndex(QModelIndex())
            self._fill()
            self.list.scrollToTop()

    def open_abi(self, abi: str) -> None:
        """Show one entry point."""
        self.abi = abi
        for button in self.buttons:
            button.setChecked(button.abi == abi)
        self._fill()

    @property
    def table(self) -> CallTable | None:
        """The table shown."""
        return table_of(self._map.tables, self.abi)

    @property
    def other(self) -> CallTable | None:
        """The table of the other side."""
        return table_of(self._map.default if self._other is None else self._other, self.abi)

    def _set_switch(self, abis: list[str]) -> None:
        for button in self.buttons:
            self._group.removeButton(button)
            self._switch.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.buttons = [AbiButton(self._theme, abi) for abi in abis]
        for button in self.buttons:
            self._group.addButton(button)
            self._switch.addWidget(button)

    def _fill(self) -> None:
        table, other = self.table, self.other
        chosen = self._chosen()
        if table is None:
            self.list.calls.show(())
            return
        self.source.say(translate(origin(table)))
        found = surface(table, table_of(self._map.default, self.abi))
        self.legend.say(
            {
                CallVerdict.ALLOWED: found.allowed,
                CallVerdict.DENIED: found.denied,
                CallVerdict.DEPENDS: found.depends,
                CallVerdict.UNKNOWN: found.unknown,
            }
        )
        self.list.calls.show(rows_of(table, other, self.field.text()))
        place = self.list.calls.place_of(chosen)
        if place < 0:
            place = next((at for at, row in enumerate(self.list.calls.rows) if isinstance(row, Cell)), -1)
        index = self.list.calls.index(place, 0) if place >= 0 else QModelIndex()
        self.list.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        self._show_call(index)

    def _chosen(self) -> str:
        row = self.list.currentIndex().data(ItemRole) if self.list.currentIndex().isValid() else None
        return row.pair.name if isinstance(row, Cell) else ""

    def _into_cells(self) -> None:
        if self._chosen():
            self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_call(self, index: QModelIndex) -> None:
        row = index.data(ItemRole) if index.isValid() else None
        if not isinstance(row, Cell):
            self.name.setText(translate(msg("No system call has this name.")))
            for label in (self.answer, self.there, self.words):
                label.setText("")
                label.hide()
            return
        pair = row.pair
        number = None if pair.here is None else pair.here.number
        self.name.setText(plain(pair.name) if number is None else translate(bracketed(pair.name, number)))
        said = answer(pair, here=True)
        filtered = self.table is not None and self.table.source is not CallSource.NONE
        if filtered and pair.here is not None and pair.here.action:
            said = translate(msg("Here: {answer}. The filter answers {action}.", answer=said, action=pair.here.action))
        self.answer.setText(plain(said))
        self.answer.show()
        self.there.setVisible(row.compared)
        if row.compared:
            text = msg("With {other}: {answer}.", other=self._other_title, answer=answer(pair, here=False))
            self.there.setText(plain(translate(text)))
        parts = [translate(message) for message in explain(pair.name)]
        self.words.setText(plain(together(parts)))
        self.words.setVisible(bool(parts))
