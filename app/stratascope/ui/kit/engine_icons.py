"""The icons of engines, drawn here: a ship with containers for Docker, a seal's face for Podman, a cube for others.

Filled: it runs as root. An outline: rootless. So they differ in shape, not in colour.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from stratascope.core.container import EngineKind
from stratascope.presentation.engine_signs import EngineSign
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import Theme, smooth_painter

SIDE = 14  # px of the design
_LINE = 1.2
_BOXES = ((2.6, 4.9), (5.3, 4.9), (8.0, 4.9), (5.3, 2.2))  # of the ship, each of 2.2
_KEPT: dict[object, QPixmap] = {}
_MOST = 64


def paint_engine(painter: QPainter, box: QRectF, sign: EngineSign, theme: Theme, ink: str = "text2") -> None:
    """Paint an engine's icon into `box`, a square."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / SIDE, box.height() / SIDE)
    color = theme.color(ink)
    painter.setPen(QPen(color, _LINE, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush if sign.rootless else color)
    draws = {EngineKind.DOCKER: _ship, EngineKind.PODMAN: _seal, EngineKind.SANDBOXES: _prompt}
    (draws[sign.kind] if sign.kind else _cube)(painter, sign)
    painter.restore()


def _ship(painter: QPainter, sign: EngineSign) -> None:
    hull = QPainterPath(QPointF(0.8, 8.2))
    hull.lineTo(11.4, 8.2)
    hull.quadTo(12.2, 7.6, 12.2, 6.4)
    hull.quadTo(13.3, 7.0, 13.3, 8.4)
    hull.quadTo(12.2, 12.4, 6.8, 12.4)
    hull.quadTo(1.4, 12.4, 0.8, 8.2)
    painter.drawPath(hull)
    pen = painter.pen()
    pen.setWidthF(0.8 if sign.rootless else 0.2)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    for x, y in _BOXES:
        painter.drawRect(QRectF(x, y, 2.0, 1.9))


def _seal(painter: QPainter, sign: EngineSign) -> None:
    size = 0.95 if sign.rootless else 1.25
    features = QPainterPath()
    for x in (4.7, 9.3):
        features.addEllipse(QPointF(x, 5.9), size, size)
    features.addEllipse(QPointF(7, 8.8), size + 0.3, size * 0.8)
    if sign.rootless:
        painter.drawEllipse(QPointF(7, 7), 5.8, 5.4)
        painter.setBrush(painter.pen().color())
    painter.setPen(Qt.PenStyle.NoPen)
    if not sign.rootless:
        features.addEllipse(QPointF(7, 7), 6.4, 6.0)  # the others are holes in it
    painter.drawPath(features)


def _prompt(painter: QPainter, sign: EngineSign) -> None:
    """A program's window with a prompt."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(1, 2, 12, 10), 1.6, 1.6)
    painter.drawPolyline([QPointF(3.6, 5.2), QPointF(5.6, 7), QPointF(3.6, 8.8)])
    painter.drawLine(QPointF(7, 9), QPointF(10, 9))


def _cube(painter: QPainter, sign: EngineSign) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolygon([QPointF(*each) for each in ((7, 1.2), (12, 4), (12, 10), (7, 12.8), (2, 10), (2, 4))])
    for x, y in ((2, 4), (12, 4), (7, 12.8)):
        painter.drawLine(QPointF(7, 6.9), QPointF(x, y))


def engine_pixmap(sign: EngineSign, theme: Theme, ratio: float, ink: str = "text2") -> QPixmap:
    """Return an engine's icon, kept: all rows of a list share a few."""
    key = sign, theme.name, theme.high_contrast, theme.scale, ratio, ink
    if key not in _KEPT:
        if len(_KEPT) >= _MOST:
            _KEPT.clear()
        side = theme.px(SIDE)
        pixmap = QPixmap(QSize(side, side) * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        paint_engine(painter, QRectF(0, 0, side, side), sign, theme, ink)
        painter.end()
        _KEPT[key] = pixmap
    return _KEPT[key]


def engine_icon(sign: EngineSign, theme: Theme, widget: QWidget) -> QIcon:
    """Return an engine's icon for a menu of that widget."""
    return QIcon(engine_pixmap(sign, theme, widget.devicePixelRatioF()))


class EngineBox(QWidget):
    """An engine's icon beside a name; its tooltip says which engine."""

    def __init__(self, theme: Theme, side: int = SIDE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._side = theme, side
        self._sign: EngineSign | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.hide()

    def show_engine(self, sign: EngineSign | None, title: str) -> None:
        """Show an engine; None: nothing."""
        if sign != self._sign or title != self.accessibleName():
            self._sign = sign
            self.setAccessibleName(title)
            give_tip(self, title)
            self.setVisible(sign is not None)
            self.update()

    def sizeHint(self) -> QSize:
        side = self._theme.px(self._side)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sign is not None:
            paint_engine(smooth_painter(self), QRectF(self.rect()), self._sign, self._theme)
