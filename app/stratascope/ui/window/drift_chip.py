"""The chip beside a container's name that says what in it can do more than its first process: it leads to Processes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg, plural
from stratascope.core.overview.processes import Process, processes_of
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import together, translate
from stratascope.presentation import processes
from stratascope.ui.kit.focus_ring import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.usecases.listing.alike import drifts

_OPENS = msg("Click to see its processes.")


def told_of(state: ContainerState, ground: Ground, now: float) -> tuple[Message, Message] | None:
    """In a few words, and whole; None where nothing differs. `now`: the moment from which ages count."""
    if not drifts(state):
        return None
    found = processes_of(state, ground)
    sessions = [each for each in found if each.session == each.pid and _differs(found, each)]
    if not sessions:
        count = sum(each.beyond for each in found) or 1
        return (
            plural("{count} process can do more", "{count} processes can do more", count),
            plural(
                "{count} process can do more than the first one.",
                "{count} processes can do more than the first one.",
                count,
            ),
        )
    oldest = min(sessions, key=lambda each: each.began or now)
    name, since = processes.session(oldest, now)
    whole = msg("{name}. {since}", name=name, since=since)
    if oldest.began is None:
        return plural("session open", "{count} sessions open", len(sessions)), whole
    age = processes.short_age(now - oldest.began)
    return plural("session open, {age}", "{count} sessions open, {age}", len(sessions), age=age), whole


def _differs(found: tuple[Process, ...], session: Process) -> bool:
    its = (each for each in found if each.session == session.pid)
    return any(each.beyond or (each.state is not None and bool(each.state.drift)) for each in its)


class DriftChip(QAbstractButton):
    """A dot and a few words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.hide()

    @property
    def empty(self) -> bool:
        """Whether it has nothing to say."""
        return not self.text()

    def say(self, told: tuple[Message, Message] | None) -> None:
        """What differs; None: nothing."""
        short, whole = ("", "") if told is None else (translate(told[0]), translate(told[1]))
        if short != self.text():
            self.setText(short)
            self.setAccessibleName(short)
            give_tip(self, together((whole, translate(_OPENS))) if whole else "")
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(11, MEDIUM))
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + theme.px(29), theme.box(11) + theme.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(0.75, 0.75, -0.75, -0.75)
        hot = self.hasFocus() or self.underMouse()
        painter.setPen(outline_pen(theme, "card_line_open", focused=self.hasFocus()) if hot else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open_soft"))
        painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("open"))
        painter.drawEllipse(QPointF(theme.px(12), self.height() / 2), theme.px(3), theme.px(3))
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("open"))
        painter.drawText(self.rect().adjusted(theme.px(20), 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text())
