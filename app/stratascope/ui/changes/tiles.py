"""Tiles that say how many containers went which way, and filter the rows by it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QWidget

from stratascope.core.history.machine import Direction
from stratascope.core.message import colon, msg
from stratascope.i18n.translate import translate
from stratascope.presentation.changes_report import TITLES
from stratascope.ui.kit.focus_order import outline_pen, paint_focus_ring
from stratascope.ui.kit.labels import draw_line, give_tip
from stratascope.ui.kit.theme import BOLD, Theme, smooth_painter

_INKS = {Direction.WORSE: "open", Direction.BETTER: "enf"}
HIGH = 50


class Tile(QAbstractButton):
    """A number, a word and a line; pressed in, only those rows are shown."""

    def __init__(self, theme: Theme, direction: Direction) -> None:
        super().__init__()
        self._theme, self.direction, self.count, self._note = theme, direction, 0, ""
        self.setCheckable(True)
        self.setText(translate(TITLES[direction]))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)
        self.say(0, "")

    def say(self, count: int, note: str) -> None:
        """Show that many containers; `note`: a line about them."""
        self.count, self._note = count, note
        self.setAccessibleName(translate(colon(self.text(), count)))
        give_tip(self, "\n".join(filter(None, (self.accessibleName(), note))))
        self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        return QSize(theme.px(96), max(theme.px(HIGH), theme.box(13) + theme.box(11) + theme.px(14)))

    def minimumSizeHint(self) -> QSize:
        word = QFontMetrics(self._theme.font(13, BOLD)).horizontalAdvance(self.text())
        return QSize(self._number_width() + word + self._theme.px(24), self.sizeHint().height())

    def _number_width(self) -> int:
        return QFontMetrics(self._theme.font(20, BOLD)).horizontalAdvance(str(self.count)) + self._theme.px(10)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, on = self._theme, smooth_painter(self), self.isChecked()
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(outline_pen(theme, "accent" if on else "line", focused=self.hasFocus()))
        painter.setBrush(theme.color("accent_soft" if on else "sunk" if self.underMouse() else "panel"))
        painter.drawRoundedRect(box, theme.px(6), theme.px(6))
        if on and self.hasFocus():
            paint_focus_ring(painter, box.adjusted(2.5, 2.5, -2.5, -2.5), theme.px(4), theme)
        room = self.rect().adjusted(theme.px(12), 0, -theme.px(8), 0)
        ink = _INKS.get(self.direction, "text") if self.count else "text3"
        draw_line(painter, room, str(self.count), theme.font(20, BOLD), theme, ink)
        room.setLeft(room.left() + self._number_width())
        metrics = QFontMetrics(theme.font(11))
        fits = metrics.elidedText(self._note, Qt.TextElideMode.ElideRight, room.width()) == self._note
        one, two = theme.box(13), theme.box(11) if self._note and fits else 0  # part of a name is another name
        top = room.top() + (room.height() - one - two) // 2
        room.setTop(top)
        room.setHeight(one)
        draw_line(painter, room, self.text(), theme.font(13, BOLD), theme, "text")
        if two:
            room.translate(0, one)
            draw_line(painter, room, self._note, theme.font(11), theme, "text2")


class Tiles(QWidget):
    """The tiles. `chosen`: a Direction to show alone, or None for all."""

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.direction: Direction | None = None
        self.tiles = {direction: Tile(theme, direction) for direction in Direction}
        theme.lay(QHBoxLayout(self), *((tile, 1) for tile in self.tiles.values()), around=0, gap=8)
        self.setAccessibleName(translate(msg("Filter by what happened")))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        for direction, tile in self.tiles.items():
            tile.clicked.connect(partial(self._press, direction))

    def show_all(self) -> None:
        """Release all tiles."""
        self.direction = None
        for tile in self.tiles.values():
            tile.setChecked(False)

    def _press(self, direction: Direction, _: bool = False) -> None:
        self.direction = direction if self.tiles[direction].isChecked() else None
        for each, tile in self.tiles.items():
            tile.setChecked(each is self.direction)
        self.chosen.emit(self.direction)
