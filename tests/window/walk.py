"""Reads a window as its users do: every text painted, every tooltip, and every accessible text.

Painted text is taken from Qt itself: each widget is painted into an SVG, whose texts have positions and fonts. So text
that our own widgets paint counts like that of a label. Decided against reading the widgets' properties alone: they say
what a widget would show, not what it shows.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QAbstractTableModel,
    QBuffer,
    QIODevice,
    QModelIndex,
    QPoint,
    QPointF,
    QRectF,
    Qt,
)
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QRegion, QTransform
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QWidget,
)

from stratascope.i18n.language import CLOSE

_SVG = "{http://www.w3.org/2000/svg}"
_TAG = re.compile(r"<[^>]+>")
_MATRIX = re.compile(r"matrix\(([^)]*)\)")
ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.ToolTipRole,
    Qt.ItemDataRole.AccessibleTextRole,
    Qt.ItemDataRole.AccessibleDescriptionRole,
)
_SLACK = 1.6  # px: hinting and rounding
_SEAM = 0.8  # px: where a text goes on in another font
_SHARE = 0.3  # of the smaller of two overlapping texts


@dataclass(frozen=True, slots=True)
class Drawn:
    """A text that a widget painted, its box, and where it ends on its base line, in the widget's own pixels."""

    text: str
    box: QRectF
    ends: QPointF


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text of a widget; `kind` says for whom."""

    widget: str
    kind: str
    text: str


def visible(top: QWidget) -> Iterator[QWidget]:
    """Yield every visible widget of a window, or of a part of one."""
    if top.isVisible():
        yield top
        yield from (each for each in top.findChildren(QWidget) if each.isVisible() and each.window() is top.window())


def path_of(widget: QWidget) -> str:
    """Return the widget's path, for a developer to find it."""
    names: list[str] = []
    each: QWidget | None = widget
    while each is not None:
        names.append(each.objectName() or type(each).__name__)
        each = each.parentWidget()
    return "/".join(reversed(names[:4]))


def drawn(widget: QWidget) -> list[Drawn]:
    """Return what it paints itself, without its children."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(widget.size())
    generator.setResolution(widget.logicalDpiX())
    painter = QPainter(generator)
    QWidget.render(widget, painter, QPoint(), QRegion(), QWidget.RenderFlag(0))  # a QGraphicsView has another
    painter.end()
    found: list[Drawn] = []
    _collect(ElementTree.fromstring(bytes(buffer.data().data())), QTransform(), found)
    return found


def _collect(element: ElementTree.Element, transform: QTransform, found: list[Drawn]) -> None:
    matrix = _MATRIX.search(element.get("transform", ""))
    if matrix:
        transform = QTransform(*(float(part) for part in matrix[1].split(",")))
    if element.tag == f"{_SVG}text" and element.text and element.text.strip():
        font = QFont(element.get("font-family", "").split(",")[0].strip("'\""))
        font.setPixelSize(max(1, round(float(element.get("font-size", "12")))))
        font.setWeight(QFont.Weight(int(element.get("font-weight", "400"))))
        metrics = QFontMetricsF(font)
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        # the height of letters; line spacing may be cut
        wide = metrics.horizontalAdvance(element.text.rstrip())
        box = transform.mapRect(QRectF(x, y - metrics.capHeight(), wide, metrics.capHeight()))
        ends = transform.map(QPointF(x + metrics.horizontalAdvance(element.text), y))
        if found and _continues(found[-1], ends, box):
            found[-1] = Drawn(found[-1].text + element.text, found[-1].box.united(box), ends)
        else:
            found.append(Drawn(element.text, box, ends))
    for child in element:
        _collect(child, transform, found)


def _continues(before: Drawn, ends: QPointF, box: QRectF) -> bool:
    """Whether it is the same text in the letters of another font."""
    return abs(before.ends.y() - ends.y()) < 0.1 and abs(before.ends.x() - box.left()) < _SEAM


def told(widget: QWidget, texts: list[Drawn]) -> Iterator[SpokenText]:
    """Yield its texts: on screen (`texts`), in tooltips, for screen readers."""
    where = path_of(widget)

    def say(kind: str, text: object) -> Iterator[SpokenText]:
        if isinstance(text, str) and text.strip():
            yield SpokenText(where, kind, html.unescape(_TAG.sub(" ", text)) if "<p>" in text else text)

    if not is_raw(widget):
        rows = isinstance(widget.parentWidget(), QAbstractItemView)  # read below, before they are split into lines
        for each in () if rows else texts:
            yield from say("drawn", each.text)
    yield from say("tooltip", widget.toolTip())
    yield from say("name", widget.accessibleName())
    yield from say("description", widget.accessibleDescription())
    if widget.isWindow():
        yield from say("title", widget.windowTitle())
    if isinstance(widget, QLineEdit):
        yield from say("placeholder", widget.placeholderText())
    if isinstance(widget, QComboBox):
        for place in range(widget.count()):
            yield from say("choice", widget.itemText(place))
    if isinstance(widget, QMenu):
        for action in widget.actions():
            yield from say("action", action.text())
    if isinstance(widget, QAbstractItemView):
        yield from (SpokenText(where, kind, text) for kind, text in _items(widget.model()))


def _items(model: QAbstractItemModel | None, parent: QModelIndex | None = None) -> Iterator[tuple[str, str]]:
    if model is None:
        return
    root = parent or QModelIndex()
    columns = 1 if isinstance(model, QAbstractListModel) else model.columnCount(root)
    for row in range(model.rowCount(root)):
        for column in range(columns):
            index = model.index(row, column, root)
            for role in ROLES:
                text = model.data(index, role)
                if isinstance(text, str) and text.strip():
                    yield f"item {role.name}", html.unescape(_TAG.sub(" ", text))
            if column == 0 and not isinstance(model, (QAbstractTableModel, QAbstractListModel)):
                yield from _items(model, index)
    for orientation in Qt.Orientation:
        for section in range(columns if orientation is Qt.Orientation.Horizontal else 0):
            for role in ROLES:
                text = model.headerData(section, orientation, role)
                if isinstance(text, str) and text.strip():
                    yield f"head {role.name}", html.unescape(_TAG.sub(" ", text))


def is_raw(widget: QWidget) -> bool:
    """Whether it shows what the kernel wrote, literally."""
    return isinstance(widget, QPlainTextEdit) or isinstance(widget.parentWidget(), QPlainTextEdit)


def misfits(widget: QWidget, texts: list[Drawn]) -> Iterator[str]:
    """Yield the texts that are cut off, overlap others, or are elided without a complete version elsewhere."""
    if is_raw(widget) or isinstance(widget, QLineEdit) or widget.width() < 4 or widget.height() < 4:
        return
    where, room = path_of(widget), QRectF(widget.rect())
    rolls = isinstance(widget.parentWidget(), QAbstractScrollArea)  # a viewport: what is below can be scrolled to
    for each in texts:
        box = each.box
        wide = box.left() < room.left() - _SLACK or box.right() > room.right() + _SLACK
        high = box.top() < room.top() - _SLACK or box.bottom() > room.bottom() + _SLACK
        # an id without a break opportunity
        endless = isinstance(widget, QLabel) and widget.toolTip() and " " not in each.text
        if wide and not endless and not (rolls and _rolls_sideways(widget)):
            ends = f"{box.left():.0f}–{box.right():.0f} of {room.right():.0f}"
            yield f"{where}: {each.text!r} is cut off at the side ({ends})"
        if high and not rolls:
            yield f"{where}: {each.text!r} is cut off above or below"
    if isinstance(widget, QLabel) and widget.wordWrap() and widget.text():  # Qt leaves out lines without room
        wanted = widget.heightForWidth(widget.width())
        if wanted > widget.height() + _SLACK:
            yield f"{where}: {widget.text()!r} is cut off above or below ({widget.height()} of {wanted})"
    if not rolls:
        yield from (f"{where}: {text}" for text in _overlaps(texts))
    wraps = isinstance(widget, QLabel) and widget.wordWrap()
    if not wraps and not rolls and not widget.toolTip() and not isinstance(widget, QMenu):
        own = widget.text() if isinstance(widget, (QLabel, QAbstractButton)) else widget.accessibleName()
        for each in texts:
            if "…" in each.text and each.text not in own and not each.text.endswith(CLOSE):
                yield f"{where}: {each.text!r} is shortened, and no tooltip tells the whole"
    if isinstance(widget, QAbstractButton) and widget.text() and texts:
        whole = widget.text().replace("&&", "\0").replace("&", "").replace("\0", "&")
        shown = "".join(each.text for each in texts)
        unbroken = "".join(whole.split("\t")[0].split())  # a line breaks at a space, which is then not drawn
        if unbroken not in "".join(shown.split()) and "…" not in shown:
            yield f"{where}: shows {shown!r} of {whole!r}"


def _rolls_sideways(viewport: QWidget) -> bool:
    area = viewport.parentWidget()
    return isinstance(area, QAbstractScrollArea) and area.horizontalScrollBar().maximum() > 0


def _overlaps(texts: list[Drawn]) -> Iterator[str]:
    for place, one in enumerate(texts):
        for other in texts[place + 1 :]:
            both = one.box.intersected(other.box)
            least = min(one.box.width() * one.box.height(), other.box.width() * other.box.height())
            if one.text != other.text and least > 0 and both.width() * both.height() > _SHARE * least:
                yield f"{one.text!r} lies on {other.text!r}"


def settle(times: int = 30) -> None:
    """Let layouts and painting finish, and background threads, with what follows from them."""
    QTest.qWait(20)
    for _ in range(times):
        QApplication.processEvents()
