"""The layer of rays above the bands: painted once into a pixmap, moved by hover and keys, exposed to screen readers.

It is transparent to the mouse and watches the parts below it, so that a band stays a button where no ray is near.
Decided against a widget for each ray: sixty widgets would cost more than the whole window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt, QVariantAnimation, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from stratascope.core.message import msg
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import Bundle, Lane, bundles, order_of
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import later
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.theme import Theme
from stratascope.ui.strata.band import PixmapCache
from stratascope.ui.strata.rays_card import more, spoken
from stratascope.ui.strata.rays_scene import MORE, RayHeights, RayScene

FALL = 180  # ms
PAUSE = 90  # ms that the pointer rests near a lane before the others fade


def falling(painted: QWidget, duration: int) -> QVariantAnimation:
    """An animation from 0 to 1, in ms, that paints the widget anew as it goes on: its rays fall."""
    fall = QVariantAnimation(painted)
    fall.setDuration(duration)
    fall.setStartValue(0.0)
    fall.setEndValue(1.0)
    fall.setEasingCurve(QEasingCurve.Type.InQuad)
    fall.valueChanged.connect(lambda _: painted.update())
    return fall


class RayLayer(QWidget):
    """The rays. `hovered` carries the current lane (None: none), `chosen` the id of a threat to show on the page
    Threats.
    """

    hovered = Signal(object)
    chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._strata = parent
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(translate(msg("What a process could try")))
        self.setAccessibleDescription(translate(msg("Left and Right go from one to the next, Enter opens Threats")))
        self._scene, self._placed = RayScene(theme), False
        self._bundles: tuple[Bundle, ...] = ()
        self._order: tuple[str, ...] = ()
        self._base: Matrix | None = None
        self._matrix: Matrix | None = None
        self._numbers: Mapping[str, int] = {}
        self._before: dict[str, tuple[float, float]] = {}  # x and end of each lane before the animation
        self._kept = PixmapCache()
        self._at = ""  # id of the current lane
        self._pressed = False
        self._heights, self._left = self._scene.heights, 0.0
        self._fall = falling(self, FALL)
        self.of: ContainerState | None = None  # whose threats they are
        self._next = ""  # the lane the pointer rests at
        self.lit_threats: frozenset[str] | None = None  # ids of the threats that are not faded; None: none is
        self._pause = later(self, PAUSE, lambda: self.take(self._next))
        theme.changed.connect(self._restyle)
        accessibility.expose(self, self)

    # -- contents

    def show_matrix(self, base: Matrix | None, matrix: Matrix | None, numbers: Mapping[str, int]) -> None:
        """Show the threats of `matrix`, in the places that they have in `base` (the same without any supposition)."""
        if matrix is self._matrix and base is self._base and numbers == self._numbers:
            return
        moves = base is self._base and matrix is not None and self._matrix is not None
        before = {ray.id: (lane.x, self._heights.end(ray)) for lane in self.lanes() for ray in lane.rays}
        if base is not self._base:
            self._order = order_of(bundles(base, numbers)) if base is not None else ()
        self._base, self._matrix, self._numbers = base, matrix, dict(numbers)
        self._bundles = bundles(matrix, numbers, self._order) if matrix is not None else ()
        self._before = before if moves else {}
        self.lay_out()
        self._fall.stop()
        if moves and self.isVisible() and not self._theme.reduced_motion:
            self._fall.start()
        if self._at and self.lane(self._at) is None:
            self.take("")
        elif self._at:
            self.hovered.emit(self.lane(self._at))

    @property
    def falling(self) -> bool:
        """Whether rays are being animated."""
        return self._fall.state() == QVariantAnimation.State.Running

    def set_heights(self, heights: RayHeights, left: float) -> None:
        """Set the heights of the bands, and the left edge of the field."""
        if (heights, left) != (self._heights, self._left):
            self._heights, self._left = heights, left
            self._before = {}
            self.lay_out()

    def lay_out(self) -> None:
        """Mark the layout as outdated; it is computed when next needed, once for several changes."""
        self._placed = False
        self._kept.forget()
        self.update()

    @property
    def scene(self) -> RayScene:
        """The present layout of lanes and names."""
        if not self._placed:
            self._placed = True
            self._scene.arrange(self._bundles, self._heights, self._left, self.width())
        return self._scene

    def lanes(self) -> list[Lane]:
        """All lanes from left to right."""
        return self.scene.lanes()

    def lane(self, name: str) -> Lane | None:
        """Return the lane of that id."""
        return self.scene.lane(name)

    def lane_box(self, lane: Lane) -> QRect:
        """Return the box of a lane, in this widget's coordinates."""
        return self.scene.lane_box(lane)

    def light(self, threats: Sequence[str] | None) -> None:
        """Fade all rays but those of these threats; None, or none of them there: fade none."""
        lit = None if threats is None else frozenset(threats)
        if lit != self.lit_threats:
            self.lit_threats = lit
            self.update()

    # -- the current lane

    def take(self, name: str) -> None:
        """Highlight that lane and fade all others; empty: none."""
        if name != self._at:
            self._at = name
            lane = self.lane(name) if name else None
            self.hovered.emit(lane)
            if lane is not None:
                accessibility.tell_taken(self, self.lanes().index(lane))
            self.update()

    @property
    def taken(self) -> str:
        """The id of the current lane; empty: none."""
        return self._at

    def keyPressEvent(self, event: QKeyEvent) -> None:
        lanes = self.lanes()
        at = next((place for place, lane in enumerate(lanes) if lane.id == self._at), -1)
        key = event.key()
        if not lanes:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Right:
            self.take(lanes[min(at + 1, len(lanes) - 1)].id)
        elif key == Qt.Key.Key_Left:
            self.take(lanes[max(at - 1, 0)].id)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._step_family(lanes[max(at, 0)], back=key == Qt.Key.Key_Up)
        elif key == Qt.Key.Key_Home:
            self.take(lanes[0].id)
        elif key == Qt.Key.Key_End:
            self.take(lanes[-1].id)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at:
            self._open(self._at)
        elif key == Qt.Key.Key_Escape and self._at:
            self.take("")
        else:
            super().keyPressEvent(event)

    def _step_family(self, lane: Lane, *, back: bool) -> None:
        families = [place for place in self.scene.places if place.lanes]
        at = next((number for number, place in enumerate(families) if lane in place.lanes), 0)
        place = families[max(0, min(len(families) - 1, at + (-1 if back else 1)))]
        self.take(place.lanes[0].id)

    def _open(self, name: str) -> None:
        """Open the page Threats: for several threats at the first; for a count of hidden names only the page."""
        lane = self.lane(name)
        self.chosen.emit("" if lane is None else lane.rays[0].id)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        lanes = self.lanes()
        if not self._at and lanes and event.reason() != Qt.FocusReason.MouseFocusReason:
            self.take(lanes[0].id)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.take("")
        self.update()

    # -- for screen readers

    def part_count(self) -> int:
        return len(self.lanes())

    def part_name(self, place: int) -> str:
        return spoken(self.lanes()[place])

    def part_more(self, place: int) -> str:
        return more(self.lanes()[place], self.of)

    def part_box(self, place: int) -> QRect:
        return self.lane_box(self.lanes()[place])

    def part_in_hand(self) -> int:
        if not self._at:
            return -1
        return next((at for at, lane in enumerate(self.lanes()) if lane.id == self._at), -1)

    def take_part(self, place: int) -> None:
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.take(self.lanes()[place].id)

    def open_part(self, place: int) -> None:
        self._open(self.lanes()[place].id)

    # -- mouse events of the parts below

    def watch(self, part: QWidget) -> None:
        """Follow the pointer over that part of the strata."""
        part.setMouseTracking(True)
        part.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if not self.scene.places or not isinstance(watched, QWidget):
            return False
        if isinstance(event, QMouseEvent):
            return self._mouse(watched.mapTo(self._strata, event.position().toPoint()), event)
        if kind == QEvent.Type.Leave:
            self._aim("")
        elif isinstance(event, QHelpEvent):
            return bool(self._at)  # the card already shows it
        return False

    def _mouse(self, at: QPoint, event: QMouseEvent) -> bool:
        kind = event.type()
        found = self.scene.hit(at)
        if kind == QEvent.Type.MouseMove and not event.buttons():
            self._aim(found if found != MORE else "")
        elif kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = bool(found)
            if found:
                self.setFocus(Qt.FocusReason.MouseFocusReason)
                self.take(found if found != MORE else "")
            return self._pressed
        elif kind == QEvent.Type.MouseButtonRelease and self._pressed:
            self._pressed = False
            if found == MORE or (found and at.y() > self._heights.ground):
                self._open(found)
            return True
        elif kind == QEvent.Type.MouseButtonDblClick and found and found != MORE:
            self._open(found)
            return True
        return False

    def _aim(self, name: str) -> None:
        """Set the lane under the pointer: at once if a lane is current, else after a pause."""
        if name and (self._at or not PAUSE):
            self._pause.stop()
            self.take(name)
        elif name:
            self._next = name
            self._pause.start()
        else:
            self._pause.stop()
            if not self.hasFocus():
                self.take("")

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.scene.places:
            return
        painter = QPainter(self)
        if self.falling:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.scene.paint_moving(painter, self._before, float(self._fall.currentValue()))
            return
        picture = self._picture(painter.device().devicePixelRatioF())
        lane = self.lane(self._at) if self._at else None
        lit = self.lit_threats or ()
        lanes = [each for each in self.lanes() if any(ray.id in lit for ray in each.rays)] if lane is None else [lane]
        if lanes:
            painter.setOpacity(0.25)
        painter.drawPixmap(0, 0, picture)
        painter.setOpacity(1.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for each in lanes:
            self.scene.paint_one(painter, each, focused=self.hasFocus() and each is lane)
        if lane is None and self.hasFocus():
            box = QRectF(self._left - 6, 2, self.width() - self._left + 4, self.height() - 4)
            paint_focus_ring(painter, box, self._theme.px(6), self._theme)

    def _picture(self, ratio: float) -> QPixmap:
        """Return all rays as a pixmap, cached until one of them or the size changes."""
        return self._kept.get(self._theme.name, self.size(), ratio, self.scene.paint)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._before = {}
        self.lay_out()

    def sizeHint(self) -> QSize:
        return QSize(0, 0)

    def _restyle(self) -> None:
        self._kept.forget()
        self.update()
