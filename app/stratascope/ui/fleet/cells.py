"""One cell of the fleet, painted: colour, and a number or a pattern that says the same without it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from stratascope.ui.fleet.table import CellKind, FleetCell
from stratascope.ui.kit.marks import paint_dots
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

LEAST_TEXT = 12  # px, width and height from which on a cell holds its number
_FILLED = {
    CellKind.OPEN_SERIOUS: ("open", "panel"),
    CellKind.OPEN_MEDIUM: ("weak", "panel"),
    CellKind.OPEN_MINOR: ("barlow", "text"),
    CellKind.ONCE: ("enf_soft", "enf"),
    CellKind.DEEP: ("enf", "panel"),
    CellKind.UNKNOWN: ("unk_soft", "unk"),
}
_TWICE = 0.4  # how much of `enf` is in the ground of two layers, the rest is `enf_soft`


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """`share` of `other` in `one`."""
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * share,
        one.greenF() + (other.greenF() - one.greenF()) * share,
        one.blueF() + (other.blueF() - one.blueF()) * share,
    )


def cell_colors(ink: CellKind, theme: Theme) -> tuple[QColor, QColor]:
    """Ground and text of a cell that is filled."""
    if ink is CellKind.TWICE:
        return mixed(theme.color("enf_soft"), theme.color("enf"), _TWICE), theme.color("text")
    ground, text = _FILLED.get(ink, ("panel", "text2"))
    return theme.color(ground), theme.color(text)


def paint_cell(painter: QPainter, box: QRectF, cell: FleetCell, theme: Theme) -> None:
    """Draw it into `box`, which is the whole pitch: a gap of 1 to each neighbour is kept free."""
    across, down = _gap(box.width()), _gap(box.height())
    body = box.adjusted(across, down, -across, -down)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if cell.ink in _BITS:
        _bit(painter, body, cell.ink, theme)
    else:
        _depth(painter, body, cell, theme)
    painter.restore()


def _gap(pitch: float) -> float:
    """To each side; where cells are a few pixels only, there is none, or their colour would fade."""
    return 0.0 if pitch < 4 else 0.5 if pitch < 6 else 1.0


def _depth(painter: QPainter, body: QRectF, cell: FleetCell, theme: Theme) -> None:
    ground, ink = cell_colors(cell.ink, theme)
    radius = min(2.5, body.width() / 5)
    painter.setPen(Qt.PenStyle.NoPen)
    small = min(body.width(), body.height()) < LEAST_TEXT - 2
    if cell.ink in _FILLED or cell.ink is CellKind.TWICE:
        painter.setBrush(ground)
        painter.drawRoundedRect(body, radius, radius)
    if cell.ink is CellKind.UNKNOWN and not small:
        paint_dots(painter, body, theme)
    if cell.ink is CellKind.HOST:
        _ground_sign(painter, body, theme)
    elif cell.ink is CellKind.NOTHING:
        painter.setBrush(theme.color("bitoff"))
        painter.drawRect(QRectF(body.center().x() - body.width() / 6, body.center().y() - 0.6, body.width() / 3, 1.2))
    if small:
        _pattern(painter, body, cell.ink, ink)
    elif cell.text:
        roomy = min(body.height() - 3, body.width()) >= 13 * theme.scale * len(cell.text)
        painter.setFont(theme.font(11 if roomy else 10, BOLD))
        painter.setPen(ink)
        painter.drawText(body.adjusted(-4, -4, 4, 4), Qt.AlignmentFlag.AlignCenter, cell.text)


def _pattern(painter: QPainter, body: QRectF, ink: CellKind, color: QColor) -> None:
    """What stands for the number where it has no room: a hole where it is open, a bar a layer, a dot for unknown."""
    width, height, centre = body.width(), body.height(), body.center()
    painter.setBrush(color)
    if height < 5 <= width:
        _segments(painter, body, ink)
        return
    if min(width, height) < 3:
        return
    if ink in (CellKind.OPEN_SERIOUS, CellKind.OPEN_MEDIUM, CellKind.OPEN_MINOR):
        painter.drawEllipse(centre, width / 5, min(height, width) / 5)
    elif ink is CellKind.UNKNOWN:
        for at in (-1, 1):
            painter.drawEllipse(QPointF(centre.x() + at * width / 5, centre.y()), width / 11, width / 11)
    else:
        bars = {CellKind.ONCE: 1, CellKind.TWICE: 2, CellKind.DEEP: 3}.get(ink, 0)
        for at in range(bars):
            y = body.top() + height * (at + 1) / (bars + 1)
            painter.drawRect(QRectF(body.left() + width / 4, y - height / 18, width / 2, height / 9))


def _segments(painter: QPainter, body: QRectF, ink: CellKind) -> None:
    """Of a cell that is a mere line: whole where it is open, cut once a layer, dotted where it is not known."""
    cuts = {CellKind.ONCE: 1, CellKind.TWICE: 2, CellKind.DEEP: 3, CellKind.UNKNOWN: 4}.get(ink, 0)
    width = max(1.0, body.width() / 12)
    for at in range(cuts):
        x = body.left() + body.width() * (at + 1) / (cuts + 1) - width / 2
        painter.drawRect(QRectF(x, body.top(), width, body.height()))


def _ground_sign(painter: QPainter, body: QRectF, theme: Theme) -> None:
    """The sign of the ground: an outline, and at its foot a thick bar."""
    painter.setPen(QPen(theme.color("line2"), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(body.adjusted(0.5, 0.5, -0.5, -0.5))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("text2"))
    painter.drawRect(QRectF(body.left(), body.bottom() - body.height() * 0.3, body.width(), body.height() * 0.3))


_BITS = frozenset(
    {CellKind.HELD, CellKind.HELD_ADDED, CellKind.HELD_INSIDE, CellKind.HELD_UNKNOWN, CellKind.MISSING, CellKind.UNSET}
)


def _bit(painter: QPainter, body: QRectF, ink: CellKind, theme: Theme) -> None:
    """Held over the machine: full; inside only: an outline; not held: a dot. Added ones have a ground and a point."""
    side = min(body.width(), body.height(), 12 * theme.scale) * 0.86
    square = QRectF(body.center().x() - side / 2, body.center().y() - side / 2, side, side)
    radius = side * 0.22
    painter.setPen(Qt.PenStyle.NoPen)
    if ink is CellKind.UNSET:
        painter.setBrush(theme.color("bitoff"))
        dot = min(1.4 * theme.scale, side / 3)
        painter.drawEllipse(square.center(), dot, dot)
        return
    if ink is CellKind.HELD:
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(square, radius, radius)
        return
    if ink is CellKind.HELD_ADDED:
        painter.setBrush(theme.color("open_soft"))
        painter.drawRect(body)
        painter.setBrush(theme.color("open"))
        painter.drawRoundedRect(square, radius, radius)
        painter.setPen(QPen(theme.color("panel"), max(1.0, side / 8)))
        painter.drawLine(square.center() - QPointF(side / 4, 0), square.center() + QPointF(side / 4, 0))
        painter.drawLine(square.center() - QPointF(0, side / 4), square.center() + QPointF(0, side / 4))
        return
    stroke = max(1.0, side * 0.13)
    inner = square.adjusted(stroke / 2, stroke / 2, -stroke / 2, -stroke / 2)
    color = {CellKind.HELD_INSIDE: "accent", CellKind.HELD_UNKNOWN: "unk", CellKind.MISSING: "enf"}[ink]
    painter.setPen(QPen(theme.color(color), stroke))
    if ink is CellKind.MISSING:
        half = QPointF(side / 2, 0)
        painter.drawLine(square.center() - half, square.center() + half)
        return
    painter.drawRoundedRect(inner, radius, radius)
    if ink is CellKind.HELD_UNKNOWN and side >= LEAST_TEXT - 4:
        painter.setFont(theme.font(10, MEDIUM))
        painter.drawText(body.adjusted(-4, -4, 4, 4), Qt.AlignmentFlag.AlignCenter, "?")
