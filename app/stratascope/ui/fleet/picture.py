"""The fleet drawn: one cell, and the whole table as a file, independent of the view: PNG, SVG, and values as CSV.

Colour never stands alone: a number or a pattern says the same. SVG is written by hand: Qt draws each distinct cell once
as a symbol that all equal cells reuse, which keeps 300 containers below a megabyte. CSV follows RFC 4180; a text that a
spreadsheet would evaluate is prefixed with a quote.
"""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter, QPen
from PySide6.QtSvg import QSvgGenerator

from stratascope import atomic_file
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.table import CellKind, FleetCell, FleetTable, ink_word
from stratascope.ui.kit.marks import paint_dots
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme

LEAST_TEXT = 12  # px, width and height from which a cell shows its number
_FILLED = {
    CellKind.OPEN_SERIOUS: ("open", "panel"),
    CellKind.OPEN_MEDIUM: ("weak", "panel"),
    CellKind.OPEN_MINOR: ("barlow", "text"),
    CellKind.ONCE: ("enf_soft", "enf"),
    CellKind.DEEP: ("enf", "panel"),
    CellKind.UNKNOWN: ("unk_soft", "unk"),
}
_TWICE = 0.4  # share of `enf` in the background of two layers, the rest is `enf_soft`


def mixed(one: QColor, other: QColor, share: float) -> QColor:
    """Return a mixture with `share` of `other` in `one`."""
    return QColor.fromRgbF(
        one.redF() + (other.redF() - one.redF()) * share,
        one.greenF() + (other.greenF() - one.greenF()) * share,
        one.blueF() + (other.blueF() - one.blueF()) * share,
    )


def cell_colors(ink: CellKind, theme: Theme) -> tuple[QColor, QColor]:
    """Return background and text colour of a filled cell."""
    if ink is CellKind.TWICE:
        return mixed(theme.color("enf_soft"), theme.color("enf"), _TWICE), theme.color("text")
    ground, text = _FILLED.get(ink, ("panel", "text2"))
    return theme.color(ground), theme.color(text)


def paint_cell(painter: QPainter, box: QRectF, cell: FleetCell, theme: Theme) -> None:
    """Draw a cell into `box`, which is the whole pitch: a gap of 1 is left to each neighbour."""
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
    """Return the gap on each side; none for cells of a few pixels, or their colour would fade."""
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
    """Paint a pattern in place of a number that does not fit: a hole if open, a bar for each layer, dots for
    unknown.
    """
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
    """Paint a cell that is a mere line: whole if open, cut once for each layer, dotted if unknown."""
    cuts = {CellKind.ONCE: 1, CellKind.TWICE: 2, CellKind.DEEP: 3, CellKind.UNKNOWN: 4}.get(ink, 0)
    width = max(1.0, body.width() / 12)
    for at in range(cuts):
        x = body.left() + body.width() * (at + 1) / (cuts + 1) - width / 2
        painter.drawRect(QRectF(x, body.top(), width, body.height()))


def _ground_sign(painter: QPainter, body: QRectF, theme: Theme) -> None:
    """Paint the sign of the ground: an outline with a thick bar at its foot."""
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
    """Paint a bit: full if held over the machine, an outline if held inside a namespace only, with a question mark if
    that is unknown; a dash if only the default has it, a dot if neither. Added ones have a background and a plus.
    """
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


ACROSS, DOWN, LEFT, TOP, EDGE = 18, 20, 260, 210, 12  # px of the picture
LARGEST = 40_000_000  # pixels; a larger picture is made at single size
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def csv_text(table: FleetTable) -> str:
    """Return one line per container: name, engine, id, exposure, then a value for each column in words or as depth."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    heads = (msg("Container"), msg("Engine"), msg("Id"), msg("Exposure"))
    writer.writerow([harmless(text) for text in (*map(translate, heads), *(each.title for each in table.columns))])
    for row in table.rows:
        values = [_value(cell) for cell in row.cells]
        writer.writerow([harmless(text) for text in (row.name, row.second, row.key[1], row.exposure, *values)])
    return out.getvalue()


def _value(cell: FleetCell) -> str:
    return cell.text if cell.text[:1].isdigit() and cell.text[:1] != "0" else ink_word(cell.ink)


def harmless(text: str) -> str:
    """Return `text` such that a spreadsheet shows it, and never evaluates it as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def picture_size(table: FleetTable) -> QSize:
    """Return the size of PNG and SVG, in pixels at single size."""
    return QSize(2 * EDGE + LEFT + len(table.columns) * ACROSS, 2 * EDGE + TOP + len(table.rows) * DOWN)


def png_image(table: FleetTable, theme: Theme) -> QImage:
    """Return the whole table as an image; a null image if memory is short."""
    size = picture_size(table)
    ratio = 2 if size.width() * size.height() * 4 <= LARGEST else 1
    image = QImage(size * ratio, QImage.Format.Format_RGB32)
    if image.isNull():
        return image
    image.setDevicePixelRatio(ratio)
    image.fill(theme.color("panel"))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fixed = Qt.AlignmentFlag.AlignVCenter
    for at, row in enumerate(table.rows):
        y = EDGE + TOP + at * DOWN
        painter.setFont(theme.font(12 / theme.scale, MEDIUM))
        painter.setPen(theme.color("text"))
        name = painter.fontMetrics().elidedText(row.name, Qt.TextElideMode.ElideMiddle, LEFT - 70)
        painter.drawText(QRectF(EDGE, y, LEFT - 66, DOWN), fixed, name)
        painter.setFont(theme.font(12 / theme.scale, BOLD, tabular=True))
        painter.setPen(theme.color(row.level))
        painter.drawText(QRectF(EDGE, y, LEFT - 8, DOWN), fixed | Qt.AlignmentFlag.AlignRight, row.exposure)
        for place, cell in enumerate(row.cells):
            paint_cell(painter, QRectF(EDGE + LEFT + place * ACROSS, y, ACROSS, DOWN), cell, theme)
    painter.setFont(theme.font(11 / theme.scale, REGULAR))
    painter.setPen(theme.color("text"))
    for place, column in enumerate(table.columns):
        painter.save()
        painter.translate(QPointF(EDGE + LEFT + (place + 0.5) * ACROSS, EDGE + TOP - 6))
        painter.rotate(-90)
        title = painter.fontMetrics().elidedText(column.title, Qt.TextElideMode.ElideRight, TOP - 10)
        painter.drawText(QRectF(0, -ACROSS / 2, TOP - 8, ACROSS), fixed, title)
        painter.restore()
    painter.end()
    return image


def svg_text(table: FleetTable, theme: Theme) -> str:
    """Return the whole table as SVG; text stays text."""
    size = picture_size(table)
    cells = {cell: f"c{at}" for at, cell in enumerate(dict.fromkeys(cell for row in table.rows for cell in row.cells))}
    ink = theme.color("text").name()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size.width()}" height="{size.height()}" '
        f'viewBox="0 0 {size.width()} {size.height()}" font-family="Inter, sans-serif">',
        f"<title>{html.escape(table.title)}</title>",
        f'<rect width="100%" height="100%" fill="{theme.color("panel").name()}"/><defs>',
        *(f'<g id="{name}">{_symbol(cell, theme)}</g>' for cell, name in cells.items()),
        "</defs>",
    ]
    for place, column in enumerate(table.columns):
        x, y = EDGE + LEFT + (place + 0.5) * ACROSS, EDGE + TOP - 6
        title = html.escape(column.title)
        parts.append(
            f'<text transform="translate({x + 4:g} {y}) rotate(-90)" font-size="11" fill="{ink}">{title}</text>'
        )
    for at, row in enumerate(table.rows):
        y = EDGE + TOP + at * DOWN
        shown = row.name if len(row.name) <= 30 else f"{row.name[:15]}…{row.name[-14:]}"
        color = theme.color(row.level).name()
        parts.append(f'<text x="{EDGE}" y="{y + 14}" font-size="12" fill="{ink}">{html.escape(shown)}</text>')
        parts.append(
            f'<text x="{EDGE + LEFT - 8}" y="{y + 14}" font-size="12" font-weight="600" text-anchor="end" '
            f'fill="{color}">{html.escape(row.exposure)}</text>'
        )
        parts.extend(
            f'<use href="#{cells[cell]}" x="{EDGE + LEFT + place * ACROSS}" y="{y}"/>'
            for place, cell in enumerate(row.cells)
        )
    parts.append("</svg>\n")
    return "\n".join(parts)


def _symbol(cell: FleetCell, theme: Theme) -> str:
    """Return one cell as SVG elements, drawn by Qt."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setViewBox(QRectF(0, 0, ACROSS, DOWN))
    painter = QPainter(generator)
    paint_cell(painter, QRectF(0, 0, ACROSS, DOWN), cell, theme)
    painter.end()
    buffer.close()
    found = re.search(r"</defs>(.*)</svg>", bytes(data.data()).decode("utf-8"), re.DOTALL)
    return re.sub(r">\s+<", "><", found.group(1)).strip() if found else ""


def save(path: Path, table: FleetTable, theme: Theme) -> str:
    """Write the file in the format of its suffix (png, svg, csv); return why it failed, or "".

    An existing file is replaced only once the new one is complete.
    """
    kind = path.suffix.lower()
    if kind == ".png":
        image, data = png_image(table, theme), QByteArray()
        buffer = QBuffer(data)
        if image.isNull() or not QImageWriter(buffer, QByteArray(b"PNG")).write(image):
            return translate(msg("The image is too large."))
        content = bytes(data.data())
    else:
        content = (csv_text(table) if kind == ".csv" else svg_text(table, theme)).encode("utf-8")
    try:
        atomic_file.save(path, content)
    except OSError as error:
        return error.strerror or str(error)
    return ""
