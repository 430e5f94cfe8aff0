"""The sheet of refusals after a relaunch: what was refused so far, what would allow it, and the buttons that do so.

It is not modal, and hiding it stops nothing: it comes back when something is refused, and at the end. The line that
sets the duration is on the result page, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.trial import Loosening, TwinRefusal
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.presentation.relaunch_words import passed_lines, toggle_title
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.long_run import Sheet
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.ui.relaunch.confirm_page import Number, empty
from stratascope.usecases.tighten.afterwards import Afterwards

USUAL, MOST = 5, 24 * 60  # minutes


class RefusalsLine(QWidget):
    """The line that starts watching. `wanted` carries the seconds."""

    wanted = Signal(float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        head, told, often = Label(theme, 14, BOLD), Label(theme, 12, ink="text2", wrap=True), Label(theme, 13)
        head.setText(translate(msg("Refusals from now on")))
        told.setText(
            translate(
                msg("Use it in the meantime: refusals that did not occur before are shown with what would allow "
                    "them. Only root can watch; otherwise you are asked for a password.")
            )
        )  # fmt: skip
        often.setText(translate(msg("Watch for")))
        self.minutes = Number()
        self.minutes.setRange(1, MOST)
        self.minutes.setValue(USUAL)
        self.minutes.setSuffix(translate(msg(" min")))
        self.minutes.setFont(theme.font(13))
        self.minutes.setFixedHeight(theme.px(28))
        self.minutes.setAccessibleName(translate(msg("Minutes to watch for refusals")))
        self.minutes.setAccessibleDescription(told.text())
        often.setBuddy(self.minutes)
        self.button = QPushButton(translate(msg("Watch refusals")))
        self.button.setAccessibleDescription(told.text())
        self.button.clicked.connect(lambda _=False: self.wanted.emit(60.0 * self.minutes.value()))
        row = theme.lay(QHBoxLayout(), often, self.minutes, self.button, STRETCH, gap=8)
        theme.lay(QVBoxLayout(self), head, told, row, around=0, gap=4)


WIDTH, HEIGHT = 640, 460
SHORT = 60  # seconds; more than that is shown in minutes


def remedy(loosening: Loosening | None) -> str:
    """Return what would allow it, as a sentence."""
    if loosening is None:
        return translate(msg("Nothing that can be chosen here would allow it."))
    title = toggle_title(loosening.toggle, "" if loosening.choice is None else loosening.choice.value)
    if loosening.choice is None:
        return translate(msg("It would be allowed without “{title}”: undo the relaunch first.", title=title))
    value = plain(loosening.choice.readable, 300)
    setting = translate(msg("{title}: {value}", title=title, value=value))
    return translate(msg("To allow it: {setting}", setting=setting))


class RefusalRow(QWidget):
    """A refusal, what would allow it, and the button that does so."""

    def __init__(self, theme: Theme, told: TwinRefusal, allow: Callable[[], None]) -> None:
        super().__init__()
        what, help_ = Label(theme, 13, MEDIUM, wrap=True).selectable(), Label(theme, 12, ink="text2", wrap=True)
        what.setText(plain(translate(told.text), 400))
        help_.setText(remedy(told.loosening))
        self.allow = QPushButton(translate(msg("Allow…")))
        self.allow.setAccessibleName(translate(msg("Allow: {what}", what=what.text())))
        self.allow.setAccessibleDescription(help_.text())
        self.allow.clicked.connect(lambda _=False: allow())
        self.allow.setVisible(told.loosening is not None)
        mark = MarkBox(theme, 11)
        mark.show_mark(Mark.TRIANGLE)
        text = theme.lay(QVBoxLayout(), what, help_, gap=1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, theme.px(3), 0, theme.px(3))
        row.setSpacing(theme.px(8))
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(text, 1)
        row.addWidget(self.allow, 0, Qt.AlignmentFlag.AlignTop)


class RefusalsDialog(Sheet):
    """The sheet. `allowed`: relaunch with this refusal allowed; None: with all of them."""

    allowed = Signal(object)
    stopped = Signal()
    undo_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, WIDTH, HEIGHT)
        self.rows: tuple[RefusalRow, ...] = ()
        self.again = RefusalsLine(theme)
        self._list = theme.lay(QVBoxLayout(), gap=4)
        inner = TextColumn()
        theme.lay(QVBoxLayout(inner), self._list, STRETCH, around=(0, 0, 8, 0))
        # as high as it needs at its width
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.area = Scrolled(inner, translate(msg("What was refused")), reads=True)
        self.undo = self._button(msg("Undo…"), self.undo_wanted.emit)
        self.all_of_it = self._button(msg("Allow all…"), lambda: self.allowed.emit(None))
        self.back.setText(translate(msg("Close")))
        self.frame(
            ((self.title, 0), (self.lead, 0), (self.area, 1), (self.again, 0)),
            (self.undo,),
            (self.back, self.all_of_it),
        )

    def _button(self, word: Message, call: Callable[[], object]) -> QPushButton:
        button = QPushButton(translate(word))
        button.clicked.connect(lambda _=False: call())
        return button

    # -- contents

    def begin(self, name: str) -> None:
        """Show that watching begins once root access is granted."""
        self.name, self.running = plain(name, 200), True
        self.entitle(msg("Watching {name} for refusals…", name=self.name))
        self._show((), more=False)
        self.tell_left(None)
        self.again.hide()
        self.undo.hide()
        self.area.show()
        self.back.setText(translate(msg("Stop")))
        self.back.setEnabled(True)
        self.present()
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def tell_left(self, seconds: float | None) -> None:
        """Show the time left; None: it is starting."""
        if not self.back.isEnabled():
            return  # ending
        if seconds is None:
            told = translate(msg("Asking for root to watch it…"))
        else:
            left = plural("{count} minute left.", "{count} minutes left.", math.ceil(seconds / 60))
            if seconds < SHORT:
                left = plural("{count} second left.", "{count} seconds left.", round(seconds))
            closed = msg("This can be closed: it reopens when something is refused.")
            told = together([translate(left), translate(closed)])
        if told != self.lead.text():
            self.say(told)

    def show_refused(self, found: Afterwards, *, more: bool) -> None:
        """Show the refusals so far. `more`: allowing all of them takes more than any single one."""
        self._show(found.refusals, more=more)
        accessibility.announce(self, self.rows[-1].allow.accessibleName() if self.rows else "")

    def end(self, found: Afterwards, *, more: bool, stopped: bool) -> None:
        """Show all refusals. `stopped`: before the time was up."""
        self._show(found.refusals, more=more)
        count = len(found.refusals)
        if found.ended:
            self.entitle(msg("{name} ended while it was being watched", name=self.name))
            lead = msg("The last refusals may be the reason. Undo brings back the original.")
            if not count:
                lead = msg("Nothing new was refused before that. Undo brings back the original.")
        elif count:
            self.entitle(plural("{count} thing was refused to {name}", "{count} things were refused to {name}", count,
                              name=self.name))  # fmt: skip
            lead = msg("It keeps running. You decide whether it needs this.")
        else:
            self.entitle(msg("Nothing new was refused to {name}", name=self.name))
            lead = msg("Watching was stopped early.") if stopped else msg("It was watched for the whole time.")
        self.say(together([translate(lead), *(translate(each) for each in passed_lines(found.passed))]))
        self._over(undo=found.ended, again=not found.ended)

    def fail(self, why: Message, words: str) -> None:
        """Say why it cannot be watched."""
        self.entitle(msg("{name} can't be watched for refusals", name=self.name))
        self.say(why, words)
        self._over(undo=False, again=True)

    # -- internals

    def _show(self, refusals: tuple[TwinRefusal, ...], *, more: bool) -> None:
        if refusals and len(refusals) == len(self.rows):
            return  # keep what the user is reading or selecting
        empty(self._list)
        self.rows = tuple(RefusalRow(self._theme, each, partial(self.allowed.emit, each)) for each in refusals)
        for row in self.rows:
            self._list.addWidget(row)
        if not refusals:
            nothing = Label(self._theme, 13, ink="text2", wrap=True, text=translate(msg("Nothing so far.")))
            self._list.addWidget(nothing)
        self.all_of_it.setVisible(more)

    def _over(self, *, undo: bool, again: bool) -> None:
        self.back.setText(translate(msg("Close")))
        self.back.setEnabled(True)
        self.undo.setVisible(undo)
        self.again.setVisible(again)
        self.area.setVisible(bool(self.rows))
        self.tell_end()

    def press_back(self) -> None:
        if self.running:
            self.stopped.emit()
        else:
            self.leave()

    def tell_cancelling(self) -> None:
        super().tell_cancelling()
        self.say(msg("Watching is about to stop."))
