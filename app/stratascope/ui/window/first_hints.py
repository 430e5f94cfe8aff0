"""Three short hints on the real window, shown once: what is where, for users who have read nothing. And one when an AI
agent is seen running for the first time.

A ring around the part described, and a card next to it. They appear when the first container is in view, disappear on
`Escape` or a click elsewhere, and are in the menu from then on. Decided against a tour that clicks for the user, and
against pictures: the described parts are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.i18n.translate import translate
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import SettingsLike
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.value import Value

KEY, AGENT, SEEN = "hints", "hint_agent", "seen"  # in the settings
WIDTH, GAP = 320, 12


class FirstHint(Value):
    """A hint. `part`: the widget it describes; None if it is not visible. `leads`: what its button does; such a hint
    may come at any time, so it leaves the keys where they are.
    """

    part: Callable[[], QWidget | None]
    title: Message
    text: Message
    leads: Callable[[], object] | None = None


def first_hints(containers: QWidget, cards: Sequence[QWidget], views: QWidget) -> tuple[FirstHint, ...]:
    """Return the hints on the list, on the card below a container's name, and on the switch between pages."""
    return (
        FirstHint(
            partial(_seen, (containers,)),
            msg("Your containers, the worst first"),
            msg("The number is the exposure: 0 is best, and 10 means that it could take over this machine. The six "
                "marks are the layers in between."),
        ),
        FirstHint(
            partial(_seen, cards),
            msg("What can happen, and what closes it"),
            msg("The button tries the plan on a copy. Nothing changes before you press Relaunch, and there "
                "is a way back."),
        ),
        FirstHint(
            partial(_seen, (views,)),
            msg("What it could do, and what it does"),
            msg("Strata shows which layer stops what. Use and Denied show what it really needs and what it is refused, "
                "as soon as you observe it."),
        ),
    )  # fmt: skip


def agent_hint(name: str, containers: QWidget, leads: Callable[[], object]) -> FirstHint:
    """Return the hint that an agent of that name is running. `leads`: to what it can get at."""
    text = msg("See which keys, sockets and addresses it can reach, and what would close each of them.")
    return FirstHint(
        partial(_seen, (containers,)), msg("{name} is running: what can it get at?", name=name), text, leads
    )


def _seen(parts: Sequence[QWidget]) -> QWidget | None:
    return next((part for part in parts if part.isVisible()), None)


class _Ring(QWidget):
    """The ring around the part, an overlay of the whole window that is transparent to the mouse."""

    def __init__(self, theme: Theme, window: QWidget) -> None:
        super().__init__(window)
        self._theme, self.box = theme, QRect()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = smooth_painter(self)
        paint_focus_ring(painter, QRectF(self.box).adjusted(1, 1, -1, -1), self._theme.px(8), self._theme)


class FirstHints(QFrame):
    """The hints; `settings` stores that they were seen."""

    def __init__(self, theme: Theme, window: QWidget, settings: SettingsLike, hints: tuple[FirstHint, ...],
                 key: str = KEY) -> None:  # fmt: skip
        super().__init__(window)
        self._key = key
        self._theme, self._window, self._settings, self._hints = theme, window, settings, hints
        self._at = -1
        application = QGuiApplication.instance()
        assert application is not None
        self._application = application
        self._before: QWidget | None = None  # the widget that had the focus before
        self.setObjectName("popup")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.ring = _Ring(theme, window)
        self.title, self.text = Label(theme, 14, BOLD, wrap=True), Label(theme, 13, wrap=True)
        self.count = Label(theme, 11, ink="text2")
        self.skip, self.go = QPushButton(translate(msg("Skip"))), QPushButton()
        for button in (self.skip, self.go):
            button.setFont(theme.font(12, MEDIUM))
        self.skip.setObjectName("link")
        self.skip.clicked.connect(lambda _=False: self.end())
        self.go.clicked.connect(lambda _=False: self._step())
        column = theme.lay(QVBoxLayout(self), self.title, self.text, around=(14, 12, 14, 12), gap=6)
        below = theme.lay(QHBoxLayout(), self.count, STRETCH, self.skip, self.go)
        column.addLayout(below)
        self.setFixedWidth(theme.px(WIDTH))
        self.hide()

    @property
    def seen(self) -> bool:
        """Whether they were shown on this machine before."""
        return self._settings.get(self._key) == SEEN

    def offer(self, *, there: bool = True) -> None:
        """Start them the first time. `there`: whether a container is in view."""
        if there and not self.seen and self._at < 0 and any(hint.part() is not None for hint in self._hints):
            self.begin()

    def begin(self) -> None:
        """Start with the first hint."""
        self._before, self._at = self._window.focusWidget(), -1
        self._application.installEventFilter(self)  # only while they are shown, since it sees all events
        self._step()

    def end(self) -> None:
        """End them, for later starts too."""
        self._settings.set(self._key, SEEN)
        self._at = -1
        self._application.removeEventFilter(self)
        had = self.isAncestorOf(self._window.focusWidget()) if self._window.focusWidget() is not None else False
        self.hide()
        self.ring.hide()
        if had and self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- internals

    def _step(self) -> None:
        leads = self._hints[self._at].leads if 0 <= self._at < len(self._hints) else None
        self._at += 1
        while self._at < len(self._hints) and self._hints[self._at].part() is None:
            self._at += 1
        if self._at >= len(self._hints):
            self.end()
            if leads is not None:
                leads()
            return
        hint = self._hints[self._at]
        self.title.setText(translate(hint.title))
        self.text.setText(translate(hint.text))
        there = [each for each in self._hints if each.part() is not None]  # a small window has no list in it
        last = hint is there[-1]
        word = msg("Show it") if hint.leads is not None else msg("Got it") if last else msg("Next")
        self.go.setText(translate(word))
        self.skip.setVisible(not last or hint.leads is not None)
        count = msg("{number} of {count}", number=there.index(hint) + 1, count=len(there))
        self.count.setText("" if len(there) == 1 else translate(count))
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(self.text.text())
        self.show()
        self._place()
        if hint.leads is None:
            self.go.setFocus(Qt.FocusReason.OtherFocusReason)
        accessibility.announce(self, f"{self.title.text()}. {self.text.text()}")

    def _place(self) -> None:
        """Place the card next to the part if there is room (at the foot of a tall one), else below it, always in the
        window.
        """
        part = self._hints[self._at].part()
        if part is None:
            self._step()
            return
        room, gap = self._window.rect(), self._theme.px(GAP)
        box = QRect(part.mapTo(self._window, QPoint(0, 0)), part.size()).intersected(room)
        high = self.heightForWidth(self.width()) if self.hasHeightForWidth() else self.sizeHint().height()
        self.resize(self.width(), high)
        x, y = box.right() + gap, box.top() + gap
        if box.height() > 2 * high:  # at the top of a tall part it would cover the card with the answer
            y = box.bottom() - gap - high
        if x + self.width() > room.right() - gap:
            x, y = box.left(), box.bottom() + gap
        if y + high > room.bottom() - gap:
            y = max(gap, box.top() - gap - high)
        self.move(max(gap, min(x, room.right() - gap - self.width())), y)
        ring = box.adjusted(-3, -3, 3, 3)
        if (self.ring.geometry(), self.ring.box) == (room, ring) and self.ring.isVisible():
            return  # it covers the window, and all below it would be painted again
        self.ring.setGeometry(room)
        self.ring.box = ring
        self.ring.show()
        self.ring.raise_()
        self.raise_()
        self.ring.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if watched is self._window and kind in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            self._place()
        elif not isinstance(watched, QWidget) or watched.window() is not self._window:
            return False
        elif kind is QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            if not self.rect().contains(self.mapFromGlobal(event.globalPosition().toPoint())):
                self.end()  # a user who starts working needs no hints; the click still counts
        elif isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            if kind is QEvent.Type.ShortcutOverride:
                event.accept()  # handle the key here, not as a shortcut
            elif kind is QEvent.Type.KeyPress:
                self.end()
            return True
        return False
