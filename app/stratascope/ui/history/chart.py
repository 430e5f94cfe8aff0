"""The chart: one time axis, moved by wheel, mouse and keys, with a cursor that describes one moment.

For screen readers it is a list of moments: evenly spaced ones, and each moment of a change.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import pyqtgraph
from PySide6.QtCore import QEvent, QObject, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QVBoxLayout, QWidget

from stratascope.core.history.entry import Limits
from stratascope.core.history.fold import Change, Past
from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.ui.history import moments
from stratascope.ui.history.paint import LEFT, NEAR, RIGHT, Flag, Painting, Places, flags, places
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import later
from stratascope.ui.kit.theme import Theme

# The visible span of time: a pyqtgraph view with time from left to right, and pixels from top to bottom. The wheel and
# plus and minus zoom, dragging moves. pyqtgraph is imported here and nowhere else in this package, so only with this
# page.
NEAREST = 300.0  # seconds visible at the least
ZOOM = 1.3


class Timeline(QObject):
    """The view. `moved`: the user moved or zoomed. Times are seconds since the epoch."""

    moved = Signal()

    def __init__(self, drawing: QGraphicsItem, parent: QWidget) -> None:
        super().__init__(parent)
        pyqtgraph.setConfigOption("exitCleanup", False)  # it would walk through all objects at exit
        self._view: Any = pyqtgraph.GraphicsView()
        self._box: Any = pyqtgraph.ViewBox(enableMenu=False, defaultPadding=0.0, invertY=True)
        self._view.setCentralItem(self._box)
        self._box.setMouseEnabled(x=True, y=False)
        self._box.disableAutoRange()
        self._box.addItem(drawing, ignoreBounds=True)
        self._box.sigRangeChangedManually.connect(self._follow)
        self.canvas: QWidget = self._view  # takes the focus
        self.surface: QWidget = self._view.viewport()  # takes the mouse
        self.surface.setMouseTracking(True)
        self._left = self._right = 0  # px left and right of the time axis
        self._since, self._until = 0.0, 1.0

    def set_background(self, color: QColor) -> None:
        """Set the background colour."""
        self._view.setBackground(color)

    def set_margins(self, left: int, right: int) -> None:
        """Set the pixels at both sides of the time axis."""
        if (left, right) != (self._left, self._right):
            self._left, self._right = left, right
            self.show_time(*self.time())

    def set_whole(self, since: float, until: float) -> None:
        """Limit the time that can be shown."""
        room = (until - since) * 0.02
        self._box.setLimits(xMin=since - room * 20, xMax=until + room * 20, minXRange=NEAREST / 2)

    def area(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return max(1, self.surface.width()), max(1, self.surface.height())

    def time(self) -> tuple[float, float]:
        """The visible span, between the margins."""
        return self._since, self._until

    def show_time(self, since: float, until: float) -> None:
        """Show that span."""
        width = max(1, self.area()[0] - self._left - self._right)
        pixel = max(NEAREST, until - since) / width
        self._since, self._until = since, since + pixel * width
        self._box.setXRange(since - pixel * self._left, self._until + pixel * self._right, padding=0)

    def resized(self) -> None:
        """Keep the visible span at the new size."""
        self.show_time(*self.time())

    def _follow(self, *_: object) -> None:
        """Take over the range set by wheel and mouse."""
        (left, right), _ = self._box.viewRange()
        pixel = (right - left) / self.area()[0]
        self._since, self._until = left + pixel * self._left, right - pixel * self._right
        self.moved.emit()

    def x_of(self, at: float) -> float:
        """Return the x of a moment, in pixels."""
        since, until = self.time()
        width = self.area()[0] - self._left - self._right
        return self._left + (at - since) / max(1e-9, until - since) * width

    def all_x(self) -> Callable[[float], float]:
        """Return `x_of` for the present view, for thousands of calls."""
        since, until = self.time()
        pixels = (self.area()[0] - self._left - self._right) / max(1e-9, until - since)
        left = self._left
        return lambda at: left + (at - since) * pixels

    def at(self, x: float) -> float:
        """Return the moment at x."""
        since, until = self.time()
        width = max(1, self.area()[0] - self._left - self._right)
        return since + (x - self._left) / width * (until - since)

    def zoom(self, factor: float, about: float) -> None:
        """Zoom by a factor about a moment."""
        since, until = self.time()
        self.show_time(about - (about - since) / factor, about + (until - about) / factor)
        self.moved.emit()

    def move(self, share: float) -> None:
        """Move by a share of the visible span."""
        since, until = self.time()
        away = (until - since) * share
        self.show_time(since + away, until + away)
        self.moved.emit()


MOMENTS = 24  # evenly spaced moments for screen readers
SETTLED = 250  # ms after the last move, before finer data is requested
GRIP = 6  # px on either side of the marker where it can be dragged


class _Drawing(QGraphicsItem):
    """The whole chart, painted in pixels of the view."""

    def __init__(self, chart: HistoryChart) -> None:
        super().__init__()
        self._chart = chart

    def boundingRect(self) -> QRectF:
        return QRectF(-1e12, -1e12, 2e12, 2e12)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        painter.save()
        painter.resetTransform()
        self._chart.paint_all(painter)
        painter.restore()


class HistoryChart(QWidget):
    """The chart. `time_wanted`: the visible span, once it has stopped moving; `marker_moved`: the moment to which the
    blue line was dragged; `told`: the text for the moment at the cursor, empty for none.
    """

    time_wanted = Signal(float, float)
    marker_moved = Signal(float)
    told = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.past: Past | None = None
        self.proposed = Limits()
        self.marker: float | None = None
        self.cursor_at: float | None = None
        self._dragging = False
        self._places: Places | None = None
        self._drawing = _Drawing(self)
        self.timeline = Timeline(self._drawing, self)
        self.canvas = self.timeline.canvas
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.canvas.setAccessibleName(translate(msg("Exposure and use over time")))
        self.canvas.setAccessibleDescription(
            translate(
                msg(
                    "Left and Right move between moments, with Ctrl between changes; plus and minus zoom, Page Up "
                    "and Page Down scroll, Enter compares with that moment"
                )
            )
        )
        self.timeline.surface.installEventFilter(self)
        self.canvas.installEventFilter(self)
        accessibility.expose(self.canvas, self)
        theme.lay(QVBoxLayout(self), self.canvas, around=0)
        self._settled = later(self, SETTLED, lambda: self.time_wanted.emit(*self.timeline.time()))
        self.timeline.moved.connect(self._moved)
        theme.changed.connect(self._restyle)
        self._restyle()

    # -- contents

    @property
    def moves(self) -> bool:
        """Whether the view was moved and has not stopped yet."""
        return self._settled.isActive()

    def rest(self) -> None:
        """Cancel a pending request: other data is on its way."""
        self._settled.stop()

    def show_past(self, past: Past, *, anew: bool) -> None:
        """Show a history, or an extended one; `anew`: show all of its time."""
        self.past = past
        if anew:
            self.rest()
            self.timeline.set_whole(past.since, past.until)
            self.timeline.show_time(past.since, past.until)
            self.set_cursor(None)
        self._place()

    def set_proposed(self, proposed: Limits) -> None:
        """Show the limits that hardening would set, next to the current ones."""
        if proposed != self.proposed:
            self.proposed = proposed
            self._drawing.update()

    def set_marker(self, at: float | None) -> None:
        """Set the start of the comparison."""
        self.marker = at
        self._drawing.update()

    def set_cursor(self, at: float | None) -> None:
        """Set the cursor's moment."""
        if at != self.cursor_at:
            self.cursor_at = at
            self._drawing.update()
            self.told.emit("" if at is None or self.past is None else self._words(at))

    def paint_all(self, painter: QPainter) -> None:
        """Paint everything; called by the view."""
        if self.past is None or self._places is None:
            return
        picture = Painting(
            painter, self._theme, self._places, self.past, self.proposed, self.timeline.all_x(), time.time()
        )
        picture.all(self._flags(), self.marker, self.cursor_at)
        if self.canvas.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._theme.color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.timeline.surface.rect()).adjusted(1, 1, -1, -1), 6, 6)

    def _place(self) -> None:
        if self.past is not None:
            self._places = places(self._theme, *self.timeline.area(), self.past)
            self._drawing.update()

    def _flags(self) -> tuple[Flag, ...]:
        past = self.past
        found = () if past is None else past.changes
        x_of = self.timeline.all_x()
        return flags([(x_of(each.at), each) for each in found], self._theme.px(NEAR))

    def _changes_near(self, at: float) -> list[Change]:
        """Return the changes close enough to that moment to share a flag."""
        x, near = self.timeline.x_of(at), self._theme.px(NEAR) / 2
        found = () if self.past is None else self.past.changes
        return [each for each in found if abs(self.timeline.x_of(each.at) - x) <= near]

    def _words(self, at: float) -> str:
        return "" if self.past is None else moments.told_at(at, self.past, self._changes_near(at))

    def _moved(self) -> None:
        self._settled.start()
        self._drawing.update()

    def _restyle(self) -> None:
        self.timeline.set_background(self._theme.color("panel"))
        self.timeline.set_margins(self._theme.px(LEFT), self._theme.px(RIGHT))
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        QTimer.singleShot(0, self, self._resized)  # after the view has handled its resize

    def _resized(self) -> None:
        self.timeline.resized()
        self._place()

    # -- mouse and keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if isinstance(event, QMouseEvent) and watched is self.timeline.surface:
            return self._mouse(event)
        if kind == QEvent.Type.Leave and watched is self.timeline.surface and not self.canvas.hasFocus():
            self.set_cursor(None)
        if isinstance(event, QFocusEvent) and watched is self.canvas:
            self._drawing.update()
        if isinstance(event, QKeyEvent) and kind == QEvent.Type.KeyPress:
            return self._key(event)
        return super().eventFilter(watched, event)

    def _mouse(self, event: QMouseEvent) -> bool:
        """Drag the marker; return False if the view should move instead."""
        x = event.position().x()
        grips = self.marker is not None and abs(self.timeline.x_of(self.marker) - x) <= self._theme.px(GRIP)
        if event.type() == QEvent.Type.MouseButtonPress and event.button() is Qt.MouseButton.LeftButton and grips:
            self._dragging = True
            return True
        if event.type() == QEvent.Type.MouseMove:
            if self._dragging:
                self.set_marker(self._within(self.timeline.at(x)))
                return True
            over = Qt.CursorShape.SizeHorCursor if grips else Qt.CursorShape.ArrowCursor
            self.timeline.surface.setCursor(over)
            if not event.buttons():
                self.set_cursor(self._within(self.timeline.at(x)))
        elif event.type() == QEvent.Type.MouseButtonRelease and self._dragging:
            self._dragging = False
            if self.marker is not None:
                self.marker_moved.emit(self.marker)
            return True
        return False

    def _within(self, at: float) -> float:
        since, until = self.timeline.time()
        return min(max(at, since), until)

    def _key(self, event: QKeyEvent) -> bool:
        key, keys = event.key(), Qt.Key
        far = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        since, until = self.timeline.time()
        middle = self.cursor_at if self.cursor_at is not None else (since + until) / 2
        if self.past is None:
            return False
        if key in (keys.Key_Left, keys.Key_Right):
            self._step(1 if key == keys.Key_Right else -1, changes=far)
        elif key in (keys.Key_Home, keys.Key_End):
            self._take(since if key == keys.Key_Home else until)
        elif key in (keys.Key_Plus, keys.Key_Equal):
            self.timeline.zoom(ZOOM, middle)
        elif key == keys.Key_Minus:
            self.timeline.zoom(1 / ZOOM, middle)
        elif key in (keys.Key_PageUp, keys.Key_PageDown):
            self.timeline.move(-0.5 if key == keys.Key_PageUp else 0.5)
        elif key in (keys.Key_Return, keys.Key_Enter) and self.cursor_at is not None:
            self.set_marker(self.cursor_at)
            self.marker_moved.emit(self.cursor_at)
        else:
            return False
        return True

    def _step(self, way: int, *, changes: bool) -> None:
        moments = self._change_moments() if changes else self._moments()
        if not moments:
            return
        if self.cursor_at is None:
            self._take(moments[-1 if way < 0 else 0])
            return
        place = bisect_left(moments, self.cursor_at)
        here = place < len(moments) and moments[place] == self.cursor_at
        place += way if here or way < 0 else 0
        self._take(moments[min(len(moments) - 1, max(0, place))])

    def _take(self, at: float) -> None:
        self.set_cursor(at)
        accessibility.tell_taken(self.canvas, self.part_in_hand())

    # -- for screen readers: moment by moment

    def _change_moments(self) -> list[float]:
        since, until = self.timeline.time()
        found = () if self.past is None else self.past.changes
        return sorted({each.at for each in found if since <= each.at <= until})

    def _moments(self) -> list[float]:
        since, until = self.timeline.time()
        even = {since + (until - since) * place / MOMENTS for place in range(MOMENTS + 1)}
        return sorted(even | set(self._change_moments()))

    def part_count(self) -> int:
        return len(self._moments()) if self.past is not None else 0

    def part_name(self, place: int) -> str:
        return self._words(self._moments()[place])

    def part_more(self, place: int) -> str:
        return ""

    def part_box(self, place: int) -> QRect:
        x = round(self.timeline.x_of(self._moments()[place]))
        return QRect(x - 3, 0, 7, self.timeline.area()[1])

    def part_in_hand(self) -> int:
        moments = self._moments()
        return moments.index(self.cursor_at) if self.cursor_at in moments else -1

    def take_part(self, place: int) -> None:
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._take(self._moments()[place])

    def open_part(self, place: int) -> None:
        at = self._moments()[place]
        self.set_marker(at)
        self.marker_moved.emit(at)
