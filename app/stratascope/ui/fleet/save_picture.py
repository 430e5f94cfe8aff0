"""The fleet as files: a picture (PNG, SVG) of the whole table, whatever is in view, and a table of values (CSV).

SVG is written by hand: each distinct cell is drawn once by Qt as a symbol, and used by all that look like it, which
keeps 300 containers below a megabyte. CSV follows RFC 4180; a text that a spreadsheet would run gets a quote before it.
"""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSaveFile, QSize, Qt
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from stratascope import atomic_file
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.fleet.cells import paint_cell
from stratascope.ui.fleet.table import FleetCell, FleetTable, ink_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme

ACROSS, DOWN, LEFT, TOP, EDGE = 18, 20, 260, 210, 12  # px of the picture
LARGEST = 40_000_000  # pixels; above it the picture is made at single size
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def csv_text(table: FleetTable) -> str:
    """One line a container: name, engine, id, exposure, then a value for each column in words or as depth."""
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
    """`text` as a spreadsheet shows it, never as a formula that it runs."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def picture_size(table: FleetTable) -> QSize:
    """Of PNG and SVG, in pixels at single size."""
    return QSize(2 * EDGE + LEFT + len(table.columns) * ACROSS, 2 * EDGE + TOP + len(table.rows) * DOWN)


def png_image(table: FleetTable, theme: Theme) -> QImage:
    """The whole table as an image; a null image where there is no memory for it."""
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
        painter.setFont(theme.font(12 / theme.scale, BOLD))
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
    """The whole table as SVG; text stays text."""
    size = picture_size(table)
    cells = {cell: f"c{at}" for at, cell in enumerate(dict.fromkeys(cell for row in table.rows for cell in row.cells))}
    family = html.escape(theme.font(12).families()[0] if theme.font(12).families() else "sans-serif", quote=True)
    ink = theme.color("text").name()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size.width()}" height="{size.height()}" '
        f'viewBox="0 0 {size.width()} {size.height()}" font-family="{family}, sans-serif">',
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
    """One cell as SVG elements, drawn by Qt."""
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
    """Write the file that the ending asks for (png, svg, csv); empty, or why it could not be written.

    Through QSaveFile: what stood there before stays until the new file is whole.
    """
    kind = path.suffix.lower()
    try:
        file = QSaveFile(str(atomic_file.followed(path)))
    except OSError as error:
        return error.strerror or str(error)
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        return file.errorString()
    if kind == ".png":
        image = png_image(table, theme)
        if image.isNull() or not QImageWriter(file, QByteArray(b"PNG")).write(image):
            file.cancelWriting()
            return translate(msg("The image is too large."))
    else:
        file.write(QByteArray((csv_text(table) if kind == ".csv" else svg_text(table, theme)).encode("utf-8")))
    return "" if file.commit() else file.errorString()
