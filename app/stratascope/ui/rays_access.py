"""The rays for screen readers: the layer is a list with one child for each lane ("use the engine's socket: open").

Qt asks the factory for an interface to a widget; PySide does not keep the Python objects, so they are kept here.
"""

from __future__ import annotations

from functools import cache
from weakref import WeakKeyDictionary, ref

from PySide6.QtCore import QObject, QPoint, QRect
from PySide6.QtGui import QAccessible, QAccessibleEvent, QAccessibleInterface
from PySide6.QtWidgets import QAccessibleWidget, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.plain import plain
from stratascope.i18n import translate
from stratascope.report.rays import Ray
from stratascope.report.rays_layout import Lane
from stratascope.report.standing import Kind
from stratascope.ui.suppose import small

_kept: WeakKeyDictionary[QObject, ListInterface] = WeakKeyDictionary()


class LaneOwner(QWidget):
    """What the interfaces below need to know of the layer."""

    def lanes(self) -> list[Lane]:
        """All lanes from left to right."""
        raise NotImplementedError

    def lane_box(self, lane: Lane) -> QRect:
        """Where a lane is, in this widget."""
        raise NotImplementedError

    @property
    def taken(self) -> str:
        """The threat whose lane is in hand; empty: none."""
        raise NotImplementedError


def spoken(ray: Ray, count: int = 0) -> str:
    """A lane for the ear: what, and what becomes of it."""
    if count:
        return translate(msg("{count} more that are stopped or not known", count=count))
    words: dict[Kind, Message] = {
        Kind.CRITICAL: msg("open, critical"),
        Kind.HIGH: msg("open, high"),
        Kind.MEDIUM: msg("open, medium"),
        Kind.LOW: msg("open, minor"),
        Kind.UNKNOWN: msg("not known"),
        Kind.HOST: msg("held by the host's settings alone"),
        Kind.ONCE: msg("stopped by layer {number} alone", number=ray.end),
        Kind.DEEPER: msg("stopped by {count} layers, first by layer {number}", count=1 + len(ray.also), number=ray.end),
    }
    title = small(translate(ray.state.threat.title))
    return plain(translate(msg("{title}: {outcome}", title=title, outcome=words[ray.kind])))


class LaneInterface(QAccessibleInterface):
    """One lane, by its place in the layer."""

    def __init__(self, owner: ListInterface, place: int) -> None:
        super().__init__()
        self._owner, self._place = owner, place

    def isValid(self) -> bool:
        return self._lane() is not None

    def object(self) -> QObject | None:  # type: ignore[override]
        return None

    def parent(self) -> QAccessibleInterface:
        return self._owner

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        return None

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]
        return None

    def childCount(self) -> int:
        return 0

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        return -1

    def text(self, kind: QAccessible.Text) -> str:
        lane = self._lane()
        if lane is None:
            return ""
        if kind == QAccessible.Text.Name:
            return spoken(lane.ray, lane.count)
        if kind == QAccessible.Text.Description:
            return plain(translate(lane.ray.state.threat.what))
        return ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        """It can't be written."""

    def role(self) -> QAccessible.Role:
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        state, layer, lane = QAccessible.State(), self._owner.layer(), self._lane()
        if layer is not None and lane is not None:
            state.focusable = True
            state.focused = layer.hasFocus() and lane.ray.id == layer.taken
        return state

    def rect(self) -> QRect:
        layer, lane = self._owner.layer(), self._lane()
        if layer is None or lane is None:
            return QRect()
        box = layer.lane_box(lane)
        return QRect(layer.mapToGlobal(box.topLeft()), box.size())

    def _lane(self) -> Lane | None:
        layer = self._owner.layer()
        lanes = layer.lanes() if layer is not None else []
        return lanes[self._place] if self._place < len(lanes) else None


class ListInterface(QAccessibleWidget):
    """The layer itself."""

    def __init__(self, layer: LaneOwner) -> None:
        super().__init__(layer, QAccessible.Role.List)
        self.layer = ref(layer)  # weak: the interface is kept as long as the layer lives, not the other way round
        self._lanes: list[LaneInterface] = []

    def childCount(self) -> int:
        layer = self.layer()
        return len(layer.lanes()) if layer is not None else 0

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        if not 0 <= index < self.childCount():
            return None
        while len(self._lanes) <= index:
            lane = LaneInterface(self, len(self._lanes))
            QAccessible.registerAccessibleInterface(lane)
            self._lanes.append(lane)
        return self._lanes[index]

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]
        layer = self.layer()
        for place, lane in enumerate(layer.lanes() if layer is not None else []):
            if layer is not None and layer.lane_box(lane).contains(layer.mapFromGlobal(QPoint(x, y))):
                return self.child(place)
        return None

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        return next((place for place, lane in enumerate(self._lanes) if lane is child), -1)


def _make(key: str, made_for: QObject) -> QAccessibleInterface | None:
    if isinstance(made_for, LaneOwner):
        if made_for not in _kept:
            _kept[made_for] = ListInterface(made_for)
        return _kept[made_for]
    return None


@cache
def install() -> None:
    """Let Qt ask us; once for the program."""
    QAccessible.installFactory(_make)


def tell_focus(layer: QWidget, place: int) -> None:
    """Say that the lane at that place has the keyboard."""
    if QAccessible.isActive():
        event = QAccessibleEvent(layer, QAccessible.Event.Focus)
        event.setChild(place)
        QAccessible.updateAccessibility(event)
