"""The toolbar: filter, views, engines, the button that reads as root, menu."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QSpacerItem, QWidget

from stratascope.core.container import Engine
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import Privilege, PrivilegeState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.ui.kit.buttons import GlyphButton
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.page import ViewSwitch
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.window.engines import EnginesButton, EnginesPopup
from stratascope.ui.window.filter_field import FilterField
from stratascope.ui.window.pull_downs import PullDowns, SearchButton

KEYS = "Ctrl+R"
_ASK = msg("Read as root")
_WORDS: dict[PrivilegeState, Message] = {
    PrivilegeState.ABSENT: _ASK,
    PrivilegeState.IDLE: _ASK,
    PrivilegeState.ASKING: msg("Asking for root…"),
    PrivilegeState.ON: msg("Root reading on"),
    PrivilegeState.REFUSED: _ASK,
}
_AS_ROOT = msg("It reads seccomp filters and namespaces, changes nothing, and ends with this window.")


class RootButton(QAbstractButton):
    """A lock and words; only the lock if there is no room. Hidden for a demo or capture, and until it is on where it
    comes without being asked for.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._folded = False
        self._state = PrivilegeState.ABSENT
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)
        self.show_privilege(Privilege())

    def show_privilege(self, privilege: Privilege) -> None:
        """Show the state, and the command that would be run."""
        self._state = privilege.state
        words = translate(_WORDS[privilege.state])
        self.setText(words)
        self.setAccessibleName(words)
        told = translate(self._explanation(privilege))
        self.setAccessibleDescription(told)
        give_tip(self, f"{words} ({KEYS})\n{told}" if self.can_ask else f"{words}\n{told}")
        self.setEnabled(self.can_ask)
        by_itself = privilege.asks_nobody and self._state in (PrivilegeState.IDLE, PrivilegeState.ASKING)
        self.setVisible(self._state is not PrivilegeState.ABSENT and not by_itself)
        self.updateGeometry()
        self.update()

    def why_not(self) -> Message | None:
        """Why pressing it would have no effect; None: it has one."""
        if self.can_ask:
            return None
        if self._state is PrivilegeState.ON:
            return msg("It reads as root already.")
        return msg("It is being asked for.") if self._state is PrivilegeState.ASKING else msg("Not needed here.")

    @property
    def can_ask(self) -> bool:
        """Whether pressing it has an effect."""
        return self._state in (PrivilegeState.IDLE, PrivilegeState.REFUSED)

    def set_folded(self, folded: bool) -> None:
        """Show only the lock."""
        if folded is not self._folded:
            self._folded = folded
            self.updateGeometry()
            self.update()

    def _explanation(self, privilege: Privilege) -> Message:
        if self._state is PrivilegeState.ON:
            return msg("The collector runs as root. {what}", what=_AS_ROOT)
        if (nobody := privilege.nobody_to_ask) is not None:
            return nobody
        if not privilege.command:
            return msg("Stratascope already runs as root, so no password is needed. {what}", what=_AS_ROOT)
        return msg("Starts only the collector as root: {command}\n{what}",
                   command=privilege.command, what=_AS_ROOT)  # fmt: skip

    def sizeHint(self) -> QSize:
        theme = self._theme
        self.setFont(theme.font(12.5, MEDIUM))
        if self._folded:
            return QSize(theme.px(34), theme.px(30))
        return QSize(theme.px(12 + 18 + 12) + self.fontMetrics().horizontalAdvance(self.text()), theme.px(30))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        on = self._state is PrivilegeState.ON
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if self.hasFocus():
            box.adjust(0.5, 0.5, -0.5, -0.5)
        painter.setPen(outline_pen(theme, "" if on else "text3", focused=self.hasFocus()))
        hovered = self.underMouse() and self.can_ask
        painter.setBrush(theme.color("enf_soft" if on else "sunk" if hovered else "panel"))
        painter.drawRoundedRect(box, theme.px(7), theme.px(7))
        ink = theme.color("enf" if on else "text" if self.can_ask else "text2")
        left = (self.width() - theme.px(11)) / 2 if self._folded else float(theme.px(12))
        self._lock(painter, QRectF(left, (self.height() - theme.px(13)) / 2, theme.px(11), theme.px(13)), open_=on)
        if not self._folded:
            painter.setFont(theme.font(12.5, MEDIUM))
            painter.setPen(ink)
            x = theme.px(12 + 18)
            area = QRectF(x, 0, self.width() - x, self.height())
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())

    def _lock(self, painter: QPainter, box: QRectF, *, open_: bool) -> None:
        """Paint a body with a shackle; open, the shackle is shifted."""
        theme = self._theme
        ink = theme.color("enf" if open_ else "text2")
        body = QRectF(box.left(), box.top() + box.height() * 0.45, box.width(), box.height() * 0.55)
        width = box.width() * 0.62
        side = box.left() + (box.width() * 0.45 if open_ else (box.width() - width) / 2)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink, 1.6 * theme.scale))
        shackle = QRectF(side, box.top() + theme.scale, width, box.height() * 0.7)
        painter.drawArc(shackle, 0, 180 * 16)
        middle = shackle.center().y()
        painter.drawLine(round(shackle.left()), round(middle), round(shackle.left()), round(body.top()))
        if not open_:
            painter.drawLine(round(shackle.right()), round(middle), round(shackle.right()), round(body.top()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawRoundedRect(body, 1.5 * theme.scale, 1.5 * theme.scale)


FILTER, LEAST = 236, 130  # px of the design: for a few words, for one
# What goes step by step: labels, numbers, how far the engines are folded, the width of the filter
_STEPS = (
    (True, True, 0, FILTER),
    (True, True, 1, FILTER),
    (False, True, 1, FILTER),
    (False, True, 2, LEAST),
    (False, False, 2, LEAST),
)


class MenuButton(GlyphButton):
    """The menu button, three dots."""

    opens = True

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.setAccessibleName(translate(msg("Menu")))
        give_tip(self, translate(msg("Menu (F10)")))

    def paint_glyph(self, painter: QPainter) -> None:
        theme = self._theme
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("text2"))
        centre = QRectF(self.rect()).center()
        radius = 1.7 * theme.scale
        for step in (-1, 0, 1):
            painter.drawEllipse(
                QRectF(centre.x() - radius, centre.y() + step * theme.px(6) - radius, 2 * radius, 2 * radius)
            )


class Toolbar(QWidget):
    """The toolbar, 48 high. `elevate_wanted`: read as root; `search_wanted`: the filter, where it is not in view."""

    went_down = Signal()  # from the filter to the list
    elevate_wanted = Signal()
    search_wanted = Signal()

    def __init__(self, theme: Theme, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._selection = theme, selection
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.px(48))
        self.filter = FilterField(theme, lambda: () if selection.snapshot is None else selection.snapshot.containers)
        self.views = ViewSwitch(theme)
        self.engines = EnginesButton(theme)
        self.root = RootButton(theme)
        self.menu = MenuButton(theme)
        self.popup = EnginesPopup(theme, self)
        layout = theme.lay(QHBoxLayout(self), around=(12, 0, 12, 0), gap=8)
        self.filter.setMinimumWidth(theme.px(84))
        self.filter.setMaximumWidth(theme.px(256))
        self.pulls, self.search = PullDowns(theme, self.views), SearchButton(theme)
        self.search.hide()
        layout.addWidget(self.pulls, 200)
        layout.addWidget(self.filter, 100)  # takes the available room first
        self._gap = QSpacerItem(theme.px(14), 0)
        layout.addSpacerItem(self._gap)
        theme.lay(layout, self.views, STRETCH, self.engines, self.root, self.search, self.menu)
        self._shown: tuple[tuple[Engine, ...], bool, Privilege] | None = None
        self._fitted: object = None  # what was last fitted, for what room
        self.down: QWidget | None = None  # where Down and Enter go from the filter
        self.filter.words_changed.connect(selection.set_filter)
        self.filter.went_down.connect(self._go_down)
        self.engines.clicked.connect(self.show_engines)
        self.root.clicked.connect(self.elevate)
        self.search.clicked.connect(lambda _=False: self.search_wanted.emit())
        selection.filter_changed.connect(self._show_filter)
        selection.snapshot_changed.connect(self._show_snapshot)

    def fit(self, room: int, *, labelled: bool, tight: bool) -> None:
        """Fold what has no room: the labels of the switches if not `labelled`, then the engines, the numbers of the
        switches, and at last the switches themselves.

        `tight`: the narrowest window, in which the page switch needs the gap in front of it, too.
        """
        views = self.views
        needs = room, labelled, tight, views.shown, self.engines.whole_width(), self.root.isHidden()
        if needs == self._fitted:
            return
        self._fitted = needs
        self._gap.changeSize(0 if tight else self._theme.px(14), 0)
        views.setHidden(tight)
        for label, counted, engines, field in _STEPS:
            views.set_room(labelled=label and labelled, counted=counted, folded=False)
            self.engines.set_folded(engines > 0 or not labelled, tight=tight or engines > 1)
            least = self._beside() + views.needed(labelled=label and labelled) + self._theme.px(field)
            if tight or least <= room:
                return
        views.set_room(labelled=False, counted=True, folded=True)

    def _beside(self) -> int:
        """The width of all but the filter and the switches, with the gaps, in px."""
        there = [each.sizeHint().width() for each in (self.engines, self.root, self.menu) if not each.isHidden()]
        return sum(there) + self._theme.px(24 + 14 + 8 * (len(there) + 3))

    def set_one_column(self, *, one: bool, listed: bool) -> None:
        """Pull-downs for list and pages, and the filter only where the list is in front."""
        self.pulls.setVisible(one)
        self.pulls.set_listed(listed)
        self.filter.setVisible(not one or listed)
        self.search.setVisible(one and not listed)

    def show_engines(self) -> None:
        """Open the engines' popup."""
        snapshot = self._selection.snapshot
        self.popup.open_below(self.engines, snapshot.engines if snapshot is not None else ())

    def elevate(self) -> None:
        """Request reading as root, if possible."""
        if self.root.can_ask:
            self.elevate_wanted.emit()

    def add_button(self, button: QWidget) -> None:
        """Add a button in front of the menu's."""
        layout = self.layout()
        if isinstance(layout, QHBoxLayout):
            layout.insertWidget(layout.indexOf(self.menu), button)

    def _show_filter(self, words: str) -> None:
        if words != self.filter.words:
            self.filter.setText(words)

    def _go_down(self) -> None:
        if self.down is not None:
            self.down.setFocus(Qt.FocusReason.TabFocusReason)
            self.went_down.emit()

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        looking = bool(snapshot.asking)
        shown = (snapshot.engines, looking, snapshot.privilege)
        if shown != self._shown:  # every reading of a container is a snapshot
            self._shown = shown
            self.engines.show_engines(snapshot.engines, looking=looking)
            self.root.show_privilege(snapshot.privilege)
