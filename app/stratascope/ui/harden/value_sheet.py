"""The sheet where a toggle's value is chosen: its words, a field for one's own, capabilities as a grid.

A value that can't be is told at once, below the field, and never reaches the column.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QRadioButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import Message, colon, msg
from stratascope.core.relaunch.toggle import Choice, Unit
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.explanations import explain
from stratascope.linux.capability import NAMES, CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.ui.kit import accessibility, focus_order
from stratascope.ui.kit.file_dialogs import ask_open
from stratascope.ui.kit.focus_order import focus_pen, paint_focus_ring
from stratascope.ui.kit.labels import Label, tip
from stratascope.ui.kit.table import AnyIndex, CellPainter
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, smooth_painter

ROWS, ROW, BLOCK = 14, 18, 190


class CapabilityGrid(QListWidget):
    """Space or a click keeps or takes one; arrows go through all blocks. `changed` has the value as typed."""

    changed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._filling = False
        self.setAccessibleName(translate(msg("Capabilities it keeps")))
        self.setItemDelegate(CellPainter(theme, self, self._paint, self._size))
        self.setFlow(QListView.Flow.TopToBottom)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for number, name in enumerate(NAMES):
            item = QListWidgetItem(name.removeprefix("CAP_"))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
            told = "\n".join(plain(translate(each)) for each in explain(number))
            item.setToolTip(tip(told))
            item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, told)
            self.addItem(item)
        rows = max(theme.px(ROW), theme.box(11)) * ROWS
        self.setFixedSize(theme.px(BLOCK) * 3 + 4, rows + 8)
        self.itemClicked.connect(self._flip)
        self.setCurrentRow(0)

    def keep(self, names: CapabilitySet) -> None:
        """Show this choice, without telling."""
        for number, name in enumerate(NAMES):
            self._set(number, name in names.names())

    def value(self) -> str:
        """As typed: names with commas, or none."""
        kept = [name for number, name in enumerate(NAMES) if self._kept(number)]
        return ",".join(kept) or "none"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and self.currentItem() is not None:
            self._flip(self.currentItem())
        else:
            super().keyPressEvent(event)

    def _kept(self, number: int) -> bool:
        return self.item(number).checkState() is Qt.CheckState.Checked

    def _set(self, number: int, kept: bool) -> None:
        item = self.item(number)
        item.setCheckState(Qt.CheckState.Checked if kept else Qt.CheckState.Unchecked)
        state = translate(msg("kept") if kept else msg("dropped"))
        spoken = translate(colon(item.text(), state))
        item.setData(Qt.ItemDataRole.AccessibleTextRole, spoken)

    def _flip(self, item: QListWidgetItem) -> None:
        number = self.row(item)
        self._set(number, not self._kept(number))
        self.changed.emit(self.value())

    def _size(self, _: AnyIndex) -> QSize:
        return QSize(self._theme.px(BLOCK), max(self._theme.px(ROW), self._theme.box(11)))

    def _paint(self, painter: QPainter, box: QRect, index: AnyIndex, state: QStyle.StateFlag) -> None:
        theme, rect = self._theme, QRectF(box)
        if state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(focus_pen(theme, 1.6))
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -theme.px(8), -1), theme.px(4), theme.px(4))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(rect.adjusted(1, 1, -theme.px(8), -1), theme.px(4), theme.px(4))
        kept = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked.value
        painter.setPen(Qt.PenStyle.NoPen)
        side = theme.px(10)
        x, middle = rect.left() + theme.px(6), rect.center().y()
        if kept:
            painter.setBrush(theme.color("accent"))
            painter.drawRoundedRect(QRectF(x, middle - side / 2, side, side), 2.5, 2.5)
        else:
            painter.setBrush(theme.color("bitoff"))
            dot = theme.px(2.7)
            painter.drawEllipse(QRectF(x + (side - dot) / 2, middle - dot / 2, dot, dot))
        painter.setFont(theme.font(11, BOLD if kept else REGULAR))
        painter.setPen(theme.color("text" if kept else "text3"))
        room = rect.adjusted(theme.px(24), 0, -theme.px(10), 0)
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)


WIDTH = 340
# row, value, and who is told why it can't be; None: it can
Check = Callable[[str, str, Callable[[Message | None], object]], object]
_LIMIT = 4000  # characters of a value


def _hint(free: str) -> str:
    hints: dict[str, Message] = {
        "BYTES": msg("A size such as 512m or 1g"),
        "N": msg("A whole number"),
        "X": msg("A number such as 1.5"),
        "UID[:GID]": msg("A user ID, or two IDs: 1000:1000"),
        "NAME": msg("The name of a loaded profile"),
        "FILE": msg("A profile file"),
        "MAP": msg("INSIDE:OUTSIDE:LENGTH"),
        "PATH,PATH": msg("Directories, separated by commas"),
    }
    return translate(hints[free]) if free in hints else free


class Radio(QRadioButton):
    """Drawn with the tokens: the style's own ring can't be seen on a dark panel."""

    def __init__(self, theme: Theme, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self.setFont(theme.font(13))

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + theme.px(34), theme.box(13) + theme.px(4))

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(5), theme)
        side = theme.px(14)
        ring = QRectF(theme.px(5), (self.height() - side) / 2, side, side).adjusted(1, 1, -1, -1)
        on = self.isChecked()
        painter.setPen(QPen(theme.color("accent" if on or self.underMouse() else "line2"), 1.5))
        painter.drawEllipse(ring)
        if on:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent"))
            painter.drawEllipse(ring.center(), side * 0.24, side * 0.24)
        painter.setFont(self.font())
        painter.setPen(theme.color("text"))
        room = QRectF(theme.px(26), 0, self.width() - theme.px(26), self.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())


class ValueSheet(QFrame):
    """`taken` tells the row's key and its new value, checked; `refused` why a file that was chosen can't be had."""

    taken = Signal(str, str)
    refused = Signal(object)  # Message

    def __init__(self, theme: Theme, parent: QWidget, check: Check) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme, self._check, self._window = theme, check, parent
        self._choice: Choice | None = None
        self._key, self._free = "", ""
        self._taking = self._judging = False
        self.setObjectName("popup")
        self.title = Label(theme, 15, BOLD)
        self.what = Label(theme, 12, ink="text2", wrap=True)
        self.choices: dict[str, QRadioButton] = {}
        self._own: QRadioButton | None = None
        self.field = QLineEdit()
        self.field.setFixedHeight(theme.px(30))
        self.field.setFont(theme.font(13))
        self.field.setMaxLength(_LIMIT)
        self.browse = QPushButton(translate(msg("Choose…")))
        self.browse.clicked.connect(self._browse)
        self.grid: CapabilityGrid | None = None
        self.error = Label(theme, 12, MEDIUM, ink="open", wrap=True)
        self.take = QPushButton(translate(msg("Set")))
        self.take.setDefault(True)
        self.take.clicked.connect(self._take)
        self._row = theme.lay(QHBoxLayout(), (self.field, 1), self.browse)
        self._radios = theme.lay(QVBoxLayout(), gap=6)
        end = theme.lay(QHBoxLayout(), (self.error, 1), (self.take, 0, Qt.AlignmentFlag.AlignBottom))
        self._column = theme.lay(
            QVBoxLayout(self), self.title, self.what, self._radios, self._row, end, around=(16, 12, 16, 14), gap=8
        )
        self.field.textChanged.connect(self._typed)

    def open_for(self, key: str, choice: Choice, anchor: QWidget) -> None:
        """Show it below the button of the value, inside the window. `key`: of its row."""
        self._choice, self._key = None, key  # nothing is told while it is filled
        which, value = choice.toggle, choice.value
        self._free = which.placeholder
        self.title.setText(plain(translate(which.title)))
        self.setAccessibleName(self.title.text())
        self.what.setText(plain(translate(which.what)))
        capabilities = which.unit is Unit.CAPABILITIES
        self._fill(which.words, own=bool(self._free))
        self.field.setVisible(bool(self._free) and not capabilities)
        self.browse.setVisible(self._free == "FILE")
        self.field.setPlaceholderText(_hint(self._free))
        self.field.setAccessibleName(self.title.text())
        self.field.setAccessibleDescription(_hint(self._free))
        self._show_grid(capabilities, value)
        if value in self.choices:
            self.choices[value].setChecked(True)
            self.field.clear()
        else:
            if self._own is not None:
                self._own.setChecked(True)
            self.field.setText(choice.typed)
        self._choice = choice
        self._judge()
        self._place(anchor, wide=capabilities)
        if capabilities and self.grid is not None and value not in self.choices:
            self.grid.setFocus()
        elif value in self.choices:
            self.choices[value].setFocus()
        else:
            self.field.setFocus()
            self.field.selectAll()

    def forget(self) -> None:
        """Another container is in view: what is chosen here, or in the dialog for files, is not meant for it."""
        self._choice = None
        self.hide()

    @property
    def value(self) -> str:
        """As it stands now."""
        for word, radio in self.choices.items():
            if radio.isChecked():
                return word
        if self.grid is not None and not self.grid.isHidden():
            return self.grid.value()
        return self.field.text().strip()

    def _fill(self, fixed: tuple[str, ...], *, own: bool) -> None:
        while (item := self._radios.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.choices, self._own = {}, None
        for word in fixed:
            radio = self._radio(_word(word))
            radio.toggled.connect(self._judge)
            if word == "none":
                radio.toggled.connect(self._empty_grid)
            self.choices[word] = radio
        if fixed and own:
            self._own = self._radio(translate(msg("Own choice")))
            self._own.toggled.connect(self._judge)

    def _radio(self, text: str) -> QRadioButton:
        radio = Radio(self._theme, text, self)
        self._radios.addWidget(radio)
        return radio

    def _show_grid(self, wanted: bool, value: str) -> None:
        if wanted and self.grid is None:
            self.grid = CapabilityGrid(self._theme)
            self.grid.changed.connect(self._kept)
            self._column.insertWidget(4, self.grid)
        if self.grid is not None:
            self.grid.setVisible(wanted)
            if wanted and value not in self.choices:
                try:
                    self.grid.keep(CapabilitySet.of(tuple(value.split(","))))
                except DecodeError:
                    self.grid.keep(CapabilitySet())

    def _empty_grid(self, none: bool) -> None:
        """What is chosen in the grid from now on is what is kept of nothing."""
        if none and self.grid is not None and not self.grid.isHidden():
            self.grid.keep(CapabilitySet())

    def _kept(self, _: str) -> None:
        if self._own is not None:
            self._own.setChecked(True)
        self._judge()

    def _typed(self, text: str) -> None:
        if self._own is not None and text:
            self._own.setChecked(True)
        self._judge()

    def _judge(self, _: bool = False) -> None:
        """Asks whether that can be; until it is told it can't be taken."""
        if self._choice is None:
            return
        value, choice = self.value, self._choice
        self._taking, self._judging = False, True
        self.take.setEnabled(False)
        if value:
            self._check(self._key, value, lambda why: self._tell(choice, value, why))
        else:
            self._tell(choice, value, None)

    def _tell(self, choice: Choice, value: str, why: Message | None) -> None:
        if choice is not self._choice or value != self.value:
            return  # of another value by now
        taking, self._taking, self._judging = self._taking and why is None, False, False
        self.take.setEnabled(bool(value) and why is None)
        if taking:
            self._take()
            return
        told = plain(translate(why)) if why is not None else ""
        if told != self.error.text():
            self.error.setText(told)
            accessibility.announce(self, told)
        self._fit()

    def _take(self) -> None:
        if self._choice is not None and self.take.isEnabled():
            key, value = self._key, self.value
            self.hide()
            self.taken.emit(key, value)
        else:
            self._taking = self._judging  # as soon as it is known that it can be

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
        else:
            super().keyPressEvent(event)

    def _browse(self) -> None:
        choice = self._choice
        self.hide()  # a popup and a dialog fight for the keyboard
        kinds = translate(msg("Profiles (*.json)"))
        ask_open(self._window, self.title.text(), partial(self._take_file, choice), kinds=kinds)

    def _take_file(self, choice: Choice | None, file: Path) -> None:
        path, key = str(file), self._key
        if choice is None or choice is not self._choice:
            return

        def told(why: Message | None) -> None:
            if choice is self._choice and why is None:
                self.taken.emit(key, path)
            elif choice is self._choice:
                self.refused.emit(why)

        self._check(key, path, told)

    def _place(self, anchor: QWidget, *, wide: bool) -> None:
        theme = self._theme
        width = self.grid.width() + theme.px(34) if wide and self.grid is not None else theme.px(WIDTH)
        self.setFixedWidth(width)
        self._fit()
        corner = anchor.mapToGlobal(QPoint(anchor.width() - width, anchor.height() + 4))
        left = self._window.mapToGlobal(QPoint(theme.px(12), 0)).x()
        low = self._window.mapToGlobal(QPoint(0, self._window.height() - theme.px(12))).y()
        self.move(max(left, corner.x()), min(corner.y(), low - self.height()))
        self.show()

    def _fit(self) -> None:
        self._column.activate()
        height = self._column.totalHeightForWidth(self.width()) if self._column.hasHeightForWidth() else 0
        self.setFixedHeight(max(height, self._column.totalMinimumSize().height()))


def _word(word: str) -> str:
    known: dict[str, Message] = {
        "default": msg("The engine's default"),
        "none": msg("None at all"),
        "auto": msg("auto: IDs that nothing else has"),
        "keep-id": msg("keep-id: your own ID, and no root"),
        "nomap": msg("nomap: without your own ID"),
    }
    return translate(known[word]) if word in known else word
