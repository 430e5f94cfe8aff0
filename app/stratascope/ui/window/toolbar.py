"""The toolbar: filter, views, engines, the button that reads as root, menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLineEdit, QSizePolicy, QSpacerItem, QWidget

from stratascope.core.container import Engine
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.buttons import GlyphButton
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.page import ViewSwitch
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.window.engines import EnginesButton, EnginesPopup
from stratascope.ui.window.pull_downs import PullDowns, SearchButton
from stratascope.usecases.listing.completion import Completion, complete

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
    """A lock and words; only the lock if there is no room. Hidden for a demo or capture."""

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
        self.setVisible(privilege.state is not PrivilegeState.ABSENT)
        self.updateGeometry()
        self.update()

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


NARROW = 130  # px; below it there is room for one word only, and none for its key

States = Callable[[], Sequence[ContainerState]]
_WHAT = msg(
    "Part of a name, or name: cap: user: project: port: image: label: engine: followed by what to look for. All "
    "words must match. Tab completes, / comes here."
)


class FilterField(QLineEdit):
    """The filter, with a magnifier at the left and its key at the right. `states`: all containers, for completion."""

    def __init__(self, theme: Theme, states: States, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._states = theme, states
        self._ways: Completion | None = None  # set while Tab cycles through them
        self._way = -1
        self.textChanged.connect(self._begin_anew)
        self._narrow: bool | None = None
        self.setAccessibleName(translate(msg("Filter containers")))
        self.setAccessibleDescription(translate(_WHAT))
        give_tip(self, translate(_WHAT))
        self.setMaxLength(200)
        self.setFixedHeight(theme.px(30))
        self.setFont(theme.font(13))
        self.setClearButtonEnabled(False)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Complete on Tab; without a completion Tab moves the focus, as usual."""
        tabs = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        key = event.key() if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress else 0
        if key in tabs and self._complete(back=key == Qt.Key.Key_Backtab):
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        theme, narrow = self._theme, self.width() < self._theme.px(NARROW)
        if narrow is not self._narrow:
            self._narrow = narrow
            self.setPlaceholderText(translate(msg("Filter…") if narrow else msg("Filter: name, cap:, user:")))
            self.setTextMargins(theme.px(20), 0, 0 if narrow else theme.px(26), 0)

    def _complete(self, *, back: bool) -> bool:
        if self._ways is not None:
            self._way = (self._way + (-1 if back else 1)) % len(self._ways.words)
            self._replace_word(self._ways.start, self._ways.words[self._way])
            return True
        before, after = self.text()[: self.cursorPosition()], self.text()[self.cursorPosition() :]
        found = complete(before, self._states(), after)
        word = before[found.start :]
        if back or not found.words or found.words == (word,):
            return False
        if len(found.words) == 1:
            only = found.words[0]
            self._replace_word(found.start, only if only.endswith(":") else f"{only} ")
        elif len(found.common) > len(word):
            self._replace_word(found.start, found.common)
        else:
            self._ways, self._way = found, 0
            self._replace_word(found.start, found.words[0])
        return True

    def _begin_anew(self) -> None:
        self._ways = None

    def _replace_word(self, start: int, word: str) -> None:
        """Replace the text from there to the cursor."""
        text, cursor, ways = self.text(), self.cursorPosition(), self._ways
        self.setText(f"{text[:start]}{word}{text[cursor:]}")
        self._ways = ways
        self.setCursorPosition(start + len(word))
        accessibility.announce(self, word)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("text3"), 1.5))
        side, middle = theme.px(9), self.height() / 2
        left = theme.px(10)
        painter.drawEllipse(QRectF(left, middle - side / 2 - 1, side, side))
        end = left + side
        painter.drawLine(round(end - 1), round(middle + side / 2 - 2), round(end + 3), round(middle + side / 2 + 2))
        if not self.hasFocus() and not self.text() and not self._narrow:
            box = QRectF(self.width() - theme.px(28), middle - theme.px(9), theme.px(20), theme.px(18))
            painter.setPen(QPen(theme.color("line"), 1))
            painter.setBrush(theme.color("panel"))
            painter.drawRoundedRect(box, 4, 4)
            painter.setFont(theme.font(11, MEDIUM))
            painter.setPen(theme.color("text2"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "/")


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
        self.filter.installEventFilter(self)
        self._shown: tuple[tuple[Engine, ...], Privilege] | None = None
        self._fitted: object = None  # what was last fitted, for what room
        self.down: QWidget | None = None  # where Down and Enter go from the filter
        self.filter.textChanged.connect(selection.set_filter)
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
        if words != self.filter.text():
            self.filter.setText(words)

    def _show_snapshot(self, snapshot: Snapshot) -> None:
        shown = (snapshot.engines, snapshot.privilege)
        if shown != self._shown:  # every reading of a container is a snapshot
            self._shown = shown
            self.engines.show_engines(snapshot.engines)
            self.root.show_privilege(snapshot.privilege)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            self.down is not None
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            self.down.setFocus(Qt.FocusReason.TabFocusReason)
            self.went_down.emit()
            return True
        return super().eventFilter(watched, event)
