"""Of system calls: the bar of used, never used and refused ones, and how many were known after how much watching."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.ui.kit.theme import Theme
from stratascope.value import Value


class Segment(Value):
    """One part of a bar. `look`: full, hatched (it could go), dotted (not known whether), quiet."""

    count: int
    look: str


class CountBar(QWidget):
    """Parts side by side, as wide as their counts."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[Segment, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_parts(self, parts: tuple[Segment, ...], told: str) -> None:
        """Those of a count above 0 are drawn."""
        self._parts = tuple(part for part in parts if part.count > 0)
        self.setAccessibleName(told)
        self.setVisible(bool(self._parts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(17))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gap, radius = theme.px(2), theme.px(3)
        least = theme.px(4)
        room = self.width() - gap * (len(self._parts) - 1) - least * len(self._parts)
        whole = sum(part.count for part in self._parts)
        x = 0.0
        for part in self._parts:
            width = least + room * part.count / whole
            box = QRectF(x, 0, width, self.height())
            if part.look == "full":
                self._fill(painter, box, radius, "accent")
            elif part.look == "quiet":
                self._fill(painter, box, radius, "barlow")
            else:
                self._outlined(painter, box.adjusted(0.5, 0.5, -0.5, -0.5), radius, hatched=part.look == "hatched")
            x += width + gap

    def _fill(self, painter: QPainter, box: QRectF, radius: float, ink: str) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.color(ink))
        painter.drawRoundedRect(box, radius, radius)

    def _outlined(self, painter: QPainter, box: QRectF, radius: float, *, hatched: bool) -> None:
        theme = self._theme
        path = QPainterPath()
        path.addRoundedRect(box, radius, radius)
        painter.fillPath(path, theme.color("weak_soft" if hatched else "unk_soft"))
        painter.save()
        painter.setClipPath(path)
        if hatched:
            painter.setPen(QPen(theme.color("weak", 0.4), 1.2))
            x = box.left() - box.height()
            while x < box.right():
                painter.drawLine(QPointF(x, box.bottom()), QPointF(x + box.height(), box.top()))
                x += theme.px(6)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.color("weak" if hatched else "line2"), 1))
        painter.drawPath(path)


class GrowthChart(QWidget):
    """Steps: calls known after so many seconds of watching. What it says stands below it in words."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._steps: tuple[tuple[float, int], ...] = ()
        self._seconds = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    def show_steps(self, steps: tuple[tuple[float, int], ...], seconds: float, told: str) -> None:
        """`seconds`: as long as was watched, at the right edge."""
        self._steps, self._seconds = steps, seconds
        self.setAccessibleName(told)
        self.setVisible(bool(steps) and seconds > 0)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(160), self._theme.px(56))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(80), self._theme.px(34))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width, base = float(self.width()), self.height() - 1.5
        most = self._steps[-1][1] * 1.12
        line = QPainterPath(QPointF(0, base))
        for seconds, count in self._steps:
            x = min(width, width * seconds / self._seconds)
            line.lineTo(x, line.currentPosition().y())
            line.lineTo(x, base - (base - 2) * count / most)
        line.lineTo(width, line.currentPosition().y())
        area = QPainterPath(line)
        area.lineTo(width, base)
        area.closeSubpath()
        painter.fillPath(area, theme.color("accent_soft"))
        painter.setPen(QPen(theme.color("accent"), 1.4))
        painter.drawPath(line)
        painter.setPen(QPen(theme.color("line2"), 1))
        painter.drawLine(QPointF(0, base), QPointF(width, base))
