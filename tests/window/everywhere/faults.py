"""What is wrong with a window that one looks at: a text that is cut, lies on another or is too faint; a widget outside
its parent, over its neighbour, or where nobody can scroll to.

Nothing here knows a widget by name. Texts are read where they are painted (window.walk), tooltips by asking for them
as the pointer does, and colours from the pixels behind the letters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QGraphicsView,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QSizeGrip,
    QSplitterHandle,
    QTextEdit,
    QToolTip,
    QWidget,
)

from window import walk
from window.access.faint import too_faint

SLACK = 1  # px of rounding
_QT = (QScrollBar, QSplitterHandle, QSizeGrip)  # placed by Qt itself
MOVED = ("ColumnHeads", "RowHeads")  # heads that scroll with a picture: the first and the last may be cut


@dataclass(frozen=True, slots=True)
class Placed:
    """A text that is seen, in the window's own pixels."""

    widget: QWidget
    text: str
    box: QRectF


class Inspector:
    """Finds faults, each once per place in the code (a widget's path and its text)."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}  # fault: the first stop that showed it
        self.texts = self.stops = 0
        self._inks: set[tuple[str, str, str]] = set()

    def look(self, stop: str, part: QWidget) -> None:
        """Look at a window, or at a part of one."""
        self.stops += 1
        for fault in self.faults(part):
            self.found.setdefault(fault, stop)

    def faults(self, part: QWidget) -> Iterator[str]:
        """Yield the faults of what is visible in it."""
        placed: list[Placed] = []
        hidden: list[QRectF] = []
        for widget in walk.visible(part):
            texts = walk.drawn(widget)
            self.texts += len(texts)
            if type(widget).__name__ in MOVED:
                yield from untold(widget, texts)
            else:
                yield from walk.misfits(widget, texts)
                if scrolls(widget):
                    yield from untold(widget, texts)
            placed += seen(widget, texts)
            hidden += unseen(widget, texts, part)
        yield from misplaced(part)
        above = overlay(part)
        yield from covered([each for each in placed if above is None or not under(each, above)])
        yield from (f"too faint: {each}" for each in too_faint(above or part, self._inks, hidden))

    def report(self) -> str:
        """Return all faults, one a line, with the stop."""
        return "\n".join(f"{stop}: {fault}" for fault, stop in self.found.items())


def untold(widget: QWidget, texts: list[walk.Drawn]) -> Iterator[str]:
    """Yield shortened texts of a list or picture of which no tooltip at that place tells the whole."""
    area, room = widget.parentWidget(), QRectF(widget.rect())
    if walk.is_raw(widget):
        return
    for each in texts:
        middle = each.box.center().toPoint()
        if "…" not in each.text or not room.contains(each.box.center()):
            continue
        if isinstance(area, QAbstractItemView):
            index = area.indexAt(middle)
            whole = [index.data(role) for role in walk.ROLES] if index.isValid() else []
            if any(isinstance(text, str) and each.text.strip() in text for text in whole):
                continue  # the ellipsis is part of the text
        if not tooltip_at(widget, middle):
            yield f"{walk.path_of(widget)}: {each.text!r} is shortened, and no tooltip there tells the whole"


def scrolls(widget: QWidget) -> bool:
    """Whether it is what a scroll area moves its content in."""
    area = widget.parentWidget()
    return isinstance(area, QAbstractScrollArea) and area.viewport() is widget


def tooltip_at(widget: QWidget, place: QPoint) -> str:
    """Return the tooltip that the pointer brings up there; "" for none."""
    QToolTip.hideText()
    QApplication.sendEvent(widget, QHelpEvent(QEvent.Type.ToolTip, place, widget.mapToGlobal(place)))
    text = QToolTip.text()
    QToolTip.hideText()
    return text


def seen(widget: QWidget, texts: list[walk.Drawn]) -> Iterator[Placed]:
    """Yield the texts of which anything is in sight, cut to what is."""
    if walk.is_raw(widget) or isinstance(widget, QMenu):
        return
    window = widget.window()
    shift = widget.mapTo(window, QPoint(0, 0)) if widget is not window else QPoint(0, 0)
    sight = QRectF(widget.visibleRegion().boundingRect())
    for each in texts:
        box = each.box & sight
        if box.width() > 2 and box.height() > 2:
            yield Placed(widget, each.text, box.translated(shift))


def unseen(widget: QWidget, texts: list[walk.Drawn], part: QWidget) -> Iterator[QRectF]:
    """Yield where texts are that are scrolled out of sight, in the pixels of `part`."""
    sight = QRectF(widget.visibleRegion().boundingRect())
    shift = widget.mapTo(part, QPoint(0, 0)) if widget is not part else QPoint(0, 0)
    for each in texts:
        if (each.box & sight).height() < 0.7 * each.box.height():
            yield each.box.translated(shift).adjusted(-2, -3, 2, 3)


def overlay(part: QWidget) -> QWidget | None:
    """Return what is laid over the window on purpose, such as a drawer."""
    found = (each for each in part.findChildren(QWidget, "popup") if each.isVisible() and not each.isWindow())
    return next((each for each in found if each.window() is part), None)


def under(placed: Placed, above: QWidget) -> bool:
    """Whether the overlay hides that text."""
    if above is placed.widget or above.isAncestorOf(placed.widget):
        return False
    box = QRectF(QRect(above.mapTo(above.window(), QPoint(0, 0)), above.size()))
    return box.intersects(placed.box)


def covered(placed: list[Placed]) -> Iterator[str]:
    """Yield texts of two widgets that are seen on one another."""
    ordered = sorted(placed, key=lambda each: each.box.top())
    tops = [each.box.top() for each in ordered]
    for place, one in enumerate(ordered):
        for two in ordered[place + 1 : bisect_left(tops, one.box.bottom(), place + 1)]:
            yield from _on_one_another(one, two)


def _on_one_another(one: Placed, two: Placed) -> Iterator[str]:
    if one.widget is not two.widget and one.text != two.text:
        both = one.box & two.box
        least = min(one.box.width() * one.box.height(), two.box.width() * two.box.height())
        if both.width() > 2 and both.height() > 2 and both.width() * both.height() > 0.25 * least:
            yield f"{walk.path_of(one.widget)}: {one.text!r} lies on {two.text!r} of {walk.path_of(two.widget)}"


def misplaced(part: QWidget) -> Iterator[str]:
    """Yield widgets outside of their parent, over a neighbour, or out of reach."""
    for widget in walk.visible(part):
        if isinstance(widget, QMenu) or any(isinstance(widget, each) for each in _QT):
            continue
        if widget is not part and not widget.isWindow():
            yield from outside(widget)
        if not isinstance(widget, (QAbstractScrollArea, QComboBox, QLineEdit, QGroupBox)):
            yield from crowded(widget)


def outside(widget: QWidget) -> Iterator[str]:
    """Yield it if its parent does not hold it, and no scroll bar leads to it."""
    parent = widget.parentWidget()
    if parent is None or widget.width() < 2 or widget.height() < 2 or widget.objectName().startswith("qt_"):
        return
    area = parent.parentWidget()
    box, room = widget.geometry(), parent.rect()
    if isinstance(area, QAbstractScrollArea) and area.viewport() is parent:
        if isinstance(area, (QAbstractItemView, QGraphicsView, QPlainTextEdit, QTextEdit)):
            return  # a row's own widget: it scrolls with it
        for over, bar, name in (
            (box.width() - room.width(), area.horizontalScrollBar(), "wide"),
            (box.height() - room.height(), area.verticalScrollBar(), "high"),
        ):
            if over > bar.maximum() - bar.minimum() + SLACK:
                yield f"{walk.path_of(widget)}: {over} px too {name}, and can't be scrolled"
        return
    if isinstance(parent, (QHeaderView, QComboBox, QLineEdit, QGroupBox)):
        return
    if not room.adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(box):
        by = max(-box.left(), -box.top(), box.right() - room.right(), box.bottom() - room.bottom())
        yield f"{walk.path_of(widget)} {words(widget)!r}: sticks out by {by} px"


def crowded(parent: QWidget) -> Iterator[str]:
    """Yield children that lie over each other, unless one of them is meant to float."""
    children = [
        each
        for each in parent.children()
        if isinstance(each, QWidget) and each.isVisible() and not each.isWindow() and not isinstance(each, _QT)
    ]
    for one, two in combinations(children, 2):
        shared = one.geometry() & two.geometry()
        if shared.width() > SLACK and shared.height() > SLACK and not floats(one, two, parent):
            yield f"{walk.path_of(one)} {words(one)!r} lies over {walk.path_of(two)} {words(two)!r} by {size(shared)}"


def floats(one: QWidget, two: QWidget, parent: QWidget) -> bool:
    """Whether one is laid over the other on purpose: they are not both parts of the layout."""
    layout = parent.layout()
    placed = [each for each in (one, two) if layout is not None and layout.indexOf(each) >= 0]
    return len(placed) < 2


def size(box: QRect) -> str:
    return f"{box.width()} x {box.height()}"


def words(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, (QLabel, QAbstractButton)) else widget.accessibleName()
    return text[:50]


def reachable(widget: QWidget) -> bool:
    """Whether it is in sight, or comes into sight where its scroll areas are asked to show it."""
    above: QWidget | None = widget.parentWidget()
    while above is not None and not above.isWindow():
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget)
        above = above.parentWidget()
    box, each = widget.rect(), widget
    while not each.isWindow() and (parent := each.parentWidget()) is not None:
        box = box.translated(each.pos()) & parent.rect()
        each = parent
    return box.width() > 1 and box.height() > 1


def unreachable(part: QWidget) -> Iterator[str]:
    """Yield controls that Tab reaches, and nobody sees."""
    from window.access import scenes

    for widget in scenes.keyboard_stops(part):
        if widget.width() > 1 and widget.height() > 1 and not reachable(widget):
            yield f"{walk.path_of(widget)} {words(widget)!r}: has the keyboard and is not seen, however one scrolls"
