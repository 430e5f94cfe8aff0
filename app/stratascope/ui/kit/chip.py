"""Chips: a short fact on a soft background, and toggle buttons that filter the rows of a list."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from stratascope.core.message import colon
from stratascope.core.sanitize import plain
from stratascope.core.text import count_text
from stratascope.i18n.translate import translate
from stratascope.ui.kit.focus_order import outline_pen, paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number
from stratascope.ui.kit.theme import MEDIUM, Theme, smooth_painter


class Chip(QWidget):
    """A short fact, elided if there is no room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, widest: int = 160) -> None:
        """`widest`: in the theme's units; longer text is elided."""
        super().__init__(parent)
        self._theme, self._text, self._ink, self._widest = theme, "", "text2", widest
        self._said: tuple[str, str, str] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def empty(self) -> bool:
        """Whether it shows nothing."""
        return not self._text

    def say(self, text: str, whole: str = "", ink: str = "text2") -> None:
        """Show `text`; `whole` is its long form for tooltip and screen reader."""
        if (text, whole, ink) == self._said:
            return
        self._said = (text, whole, ink)
        self._text, self._ink = plain(text, 200), ink
        self.setAccessibleName(plain(whole or text, 400))
        give_tip(self, whole or text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        width = self._metrics_width() + theme.px(16)
        return QSize(min(width, theme.px(self._widest)), theme.box(11) + theme.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("unk_soft"))
        painter.drawRoundedRect(QRectF(self.rect()), self.height() / 2, self.height() / 2)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color(self._ink))
        inner = self.rect().adjusted(theme.px(8), 0, -theme.px(8), 0)
        text = painter.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideMiddle, inner.width() + 1)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, text)

    def _metrics_width(self) -> int:
        self.setFont(self._theme.font(11, MEDIUM))
        return self.fontMetrics().horizontalAdvance(self._text)


class FilterChip(QAbstractButton):
    """A mark or a layer's number, and words; pressed in it has an accent outline and a soft background."""

    def __init__(
        self,
        theme: Theme,
        text: str,
        mark: Mark | None = None,
        ink: str = "",
        number: int = 0,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._mark, self._ink, self._number = theme, mark, ink, number
        self._side = 16 if number else 11 if mark is not None else 0
        self._words, self._empty = text, False
        self.setText(text)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def say(self, words: str, *, empty: bool = False) -> None:
        """Set the text, mostly with a number. `empty`: pale, since there are none."""
        if (words, empty) != (self._words, self._empty):
            self._words, self._empty = words, empty
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(12, MEDIUM))
        before = theme.px(self._side + 6) if self._side else 0
        width = self.fontMetrics().horizontalAdvance(self._words) + before + theme.px(18)
        return QSize(width, theme.box(12) + theme.px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        on = self.isChecked()
        painter.setPen(outline_pen(theme, "accent" if on else "line2", focused=self.hasFocus()))
        painter.setBrush(theme.color("accent_soft" if on else "sunk" if self.underMouse() else "panel"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        if on and self.hasFocus():  # the outline has the ring's colour already: a ring inside of it tells the two apart
            inner = box.adjusted(2.5, 2.5, -2.5, -2.5)
            paint_focus_ring(painter, inner, inner.height() / 2, theme)
        left, side = theme.px(9), theme.px(self._side)
        place = QRectF(left, (self.height() - side) / 2, side, side)
        if self._number:
            paint_number(painter, place, self._number, theme)
        elif self._mark is not None:
            paint_mark(painter, place, self._mark, theme, self._ink)
        if self._side:
            left += theme.px(self._side + 6)
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color("text3" if self._empty and not on else "text"))
        painter.drawText(self.rect().adjusted(left, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._words)


class ChipRow(QWidget):
    """Chips from left to right, wrapped; hidden ones take no room."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._row: list[FilterChip] = []
        self._heights: dict[int, int] = {}  # cached by width: a layout asks for the same one a hundred times
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.arrange)

    def put(self, chip: FilterChip) -> None:
        """Append a chip."""
        chip.setParent(self)
        self._row.append(chip)
        self._heights.clear()

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        if width not in self._heights:
            self._heights[width] = self._place(width, move=False)
        return self._heights[width]

    @property
    def wanted(self) -> int:
        """The width of all chips in one row."""
        widths = [chip.sizeHint().width() for chip in self._row if not chip.isHidden()]
        return sum(widths) + self._theme.px(6) * max(0, len(widths) - 1)

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self.heightForWidth(max(self.width(), 1)))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(150), self.sizeHint().height())

    def resizeEvent(self, event: object) -> None:
        self.arrange()

    def arrange(self) -> None:
        """Lay the chips out again, after a change of text or visibility."""
        self._heights.clear()
        self._place(self.width(), move=True)
        self.updateGeometry()

    def _place(self, width: int, *, move: bool) -> int:
        """Place the chips in rows of that width; return the height."""
        gap, x, y, height = self._theme.px(6), 0, 0, 0
        for chip in self._row:
            if chip.isHidden():
                continue
            size = chip.sizeHint()
            if x and x + size.width() > width:
                x, y = 0, y + height + gap
            if move:
                chip.setGeometry(x, y, size.width(), size.height())
            x += size.width() + gap
            height = size.height()
        return y + height


class ChoiceChips(ChipRow):
    """Exclusive chips; left and right arrows move between them. `chosen` carries the key of the pressed one."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, first: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.first = self.current = first
        self.chips: dict[str, FilterChip] = {}

    def add(self, which: str, chip: FilterChip) -> None:
        """Add a chip; the first one is pressed in."""
        self.chips[which] = chip
        self.put(chip)
        chip.setAutoExclusive(True)
        chip.setChecked(which == self.first)
        chip.clicked.connect(lambda _=False: self._choose(which))

    def clear(self) -> None:
        """Remove all chips."""
        for chip in self.chips.values():
            chip.hide()
            chip.setParent(None)
            chip.deleteLater()
        self.chips, self._row = {}, []
        self._heights.clear()

    def show_count(self, which: str, word: str, count: int) -> None:
        """Show the count of a chip; without any it is hidden, unless it is the first or pressed in."""
        chip, number = self.chips[which], count_text(count)
        told = translate(colon(word, number))
        chip.say(f"{word} {number}", empty=not count)
        chip.setAccessibleName(told)
        give_tip(chip, told)
        chip.setVisible(which == self.first or bool(count) or which == self.current)

    def reset(self) -> None:
        """Press the first one in."""
        if self.current != self.first:
            self.chips[self.first].setChecked(True)
            self._choose(self.first)

    def _choose(self, which: str) -> None:
        if which != self.current:
            self.current = which
            self.chosen.emit(which)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()), 0)
        there = [which for which, chip in self.chips.items() if not chip.isHidden()]
        place = there.index(self.current) + step if self.current in there else -1
        if step and 0 <= place < len(there):
            self.chips[there[place]].setFocus(Qt.FocusReason.TabFocusReason)
            self.chips[there[place]].click()
        else:
            super().keyPressEvent(event)
