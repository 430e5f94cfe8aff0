"""The heads of the fleet: containers at the left, threats (or bits) on top. They follow the part that is in view."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.table import FleetTable
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme

LEFT, TOP, GROUPED = 214, 168, 22  # width of the names; height of the titles, and of the groups above them
EMPTY = FleetTable("", (), ())


class _Head(QWidget):
    """Common to both: the table, what is in view, what is under the pointer."""

    decoration = True  # each cell names its container and its column

    pointed = Signal(int)  # the row or column under the pointer, -1 for none
    clicked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.table, self.start, self.pitch, self.lit = EMPTY, 0.0, 1.0, -1
        self.setMouseTracking(True)

    def follow(self, start: float, pitch: float) -> None:
        """The first cell in view (a fraction), and pixels from cell to cell."""
        if (start, pitch) != (self.start, self.pitch):
            self.start, self.pitch = start, pitch
            self.update()

    def light(self, place: int) -> None:
        """The row or column to be shown as the one under the pointer."""
        if place != self.lit:
            self.lit = place
            self.update()

    def visible(self, length: int, count: int) -> range:
        """Which rows (columns) are in view."""
        first = max(0, math.floor(self.start))
        return range(first, max(first, min(count, math.ceil(self.start + length / self.pitch))))

    def leaveEvent(self, event: object) -> None:
        self.pointed.emit(-1)

    def _at(self, along: float, count: int) -> int:
        place = math.floor(self.start + along / self.pitch)
        return place if 0 <= place < count else -1


class RowHeads(_Head):
    """Name, engine, exposure. Where rows are too low for text only the one under the pointer has it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = theme.box(10)
        if self.pitch >= height - 1:
            for place in self.visible(self.height(), len(self.table.rows)):
                self._row(painter, place, (place - self.start) * self.pitch, self.pitch)
        elif 0 <= self.lit < len(self.table.rows):
            y = (self.lit + 0.5 - self.start) * self.pitch - height / 2
            self._row(painter, self.lit, min(max(0.0, y), self.height() - height), height)
        else:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text3"))
            text = translate(msg("Point at a row, or zoom in, for names"))
            painter.drawText(self.rect().adjusted(0, 4, -theme.px(8), 0), int(Qt.TextFlag.TextWordWrap), text)

    def _row(self, painter: QPainter, place: int, y: float, height: float) -> None:
        theme, row = self.theme, self.table.rows[place]
        box = QRectF(0, y, self.width() - theme.px(8), height)
        if place == self.lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box.adjusted(0, 0.5, theme.px(6), -0.5), theme.px(4), theme.px(4))
        large = height >= theme.box(12)
        painter.setFont(theme.font(12 if large else 10, BOLD))
        painter.setPen(theme.color(row.level))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, row.exposure)
        room = box.width() - painter.fontMetrics().horizontalAdvance(row.exposure) - theme.px(16)
        painter.setFont(theme.font(12 if large else 10, MEDIUM if place == self.lit else REGULAR))
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, int(room))
        painter.drawText(box.adjusted(theme.px(8), 0, 0, 0), middle, name)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self._at(event.position().y(), len(self.table.rows)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position().y(), len(self.table.rows))
        if event.button() is Qt.MouseButton.LeftButton and place >= 0:
            self.clicked.emit(place)


class ColumnHeads(_Head):
    """Titles that stand upright; above them a bracket for each group (severity)."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.inks: dict[str, str] = {}  # group -> token

    def needed(self) -> int:
        """How high it must be for all titles to have their whole length."""
        metrics = QFontMetrics(self.theme.font(11, MEDIUM))
        longest = max((metrics.horizontalAdvance(column.title) for column in self.table.columns), default=0)
        grouped = any(column.group for column in self.table.columns)
        return max(self.theme.px(TOP), longest + self.theme.px(12)) + (self.theme.px(GROUPED) if grouped else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self.theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        columns = self.table.columns
        visible = self.visible(self.width(), len(columns))
        grouped = any(column.group for column in columns)
        top = theme.px(GROUPED) if grouped else 0
        if grouped:
            self._groups(painter)
        if self.pitch >= theme.box(10) - 3:
            for place in visible:
                self._title(painter, place, top)
        elif self.lit in visible:
            self._title(painter, self.lit, top)
        else:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text3"))
            text = translate(msg("Point at a column, or zoom in, for names"))
            painter.drawText(self.rect().adjusted(0, 0, 0, -theme.px(6)), int(Qt.AlignmentFlag.AlignBottom), text)

    def _title(self, painter: QPainter, place: int, top: int) -> None:
        theme = self.theme
        centre = (place + 0.5 - self.start) * self.pitch
        wide = max(self.pitch, theme.box(10))
        length = self.height() - top - theme.px(8)
        lit = place == self.lit
        painter.save()
        painter.translate(centre, self.height() - theme.px(3))
        painter.rotate(-90)
        box = QRectF(0, -wide / 2, length, wide)
        if lit:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sel"))
            painter.drawRoundedRect(box.adjusted(-2, 0, 2, 0), theme.px(3), theme.px(3))
        painter.setFont(theme.font(11 if self.pitch >= theme.box(11) - 1 else 10, MEDIUM if lit else REGULAR))
        painter.setPen(theme.color("text" if lit else "text2"))
        title = self.table.columns[place].title
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, int(length))
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()

    def _groups(self, painter: QPainter) -> None:
        """A line over the columns of one group, and its name at the line's visible beginning."""
        theme, columns, first = self.theme, self.table.columns, 0
        painter.setFont(theme.font(11, BOLD))
        while first < len(columns):
            group = columns[first].group
            last = first
            while last + 1 < len(columns) and columns[last + 1].group == group:
                last += 1
            left = max(0.0, (first - self.start) * self.pitch + 1)
            right = min(float(self.width()), (last + 1 - self.start) * self.pitch - 2)
            if right > left:
                painter.setPen(theme.color(self.inks.get(group, "text2")))
                y = theme.box(11) + 1
                painter.drawLine(QPointF(left, y), QPointF(right, y))
                shown = painter.fontMetrics().elidedText(group, Qt.TextElideMode.ElideRight, int(right - left))
                painter.drawText(QRectF(left, 0, right - left + 2, theme.box(11)), Qt.AlignmentFlag.AlignVCenter, shown)
            first = last + 1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.pointed.emit(self._at(event.position().x(), len(self.table.columns)))
