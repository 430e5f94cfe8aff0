"""The sheet of one relaunch or undo: before, what changes; during, each step; after, why it failed.

It is not modal: the strata behind it show the change as it happens. Hiding it during a run stops nothing.
"""

from __future__ import annotations

import time
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import (
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    State,
    Transaction,
    TransactionKind,
)
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.refusals_report import allowing
from stratascope.presentation.relaunch_words import RunKind, go_text, question_title, running_title, toggle_title
from stratascope.presentation.terms import seconds_text
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.background import Failure
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.long_run import PagedSheet
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, STRETCH, Theme, smooth_painter
from stratascope.ui.relaunch.confirm_page import ConfirmPage, QuotedText, foretold
from stratascope.ui.relaunch.result_page import ResultPage
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.refusals.explain import opened_by
from stratascope.usecases.relaunch.proof import Proved
from stratascope.usecases.relaunch.undo import UndoPlan

_TICK = 100  # ms between two updates of the current step's duration


def state_word(state: State) -> str:
    """Return the state of a step in a word."""
    words: dict[State, Message] = {
        State.BEGUN: msg("in progress"),
        State.DONE: msg("done"),
        State.FAILED: msg("failed"),
    }
    return translate(words[state])


class StepLine(QWidget):
    """A step: a ring while it runs, a tick when it is done, a triangle if it failed."""

    def __init__(self, theme: Theme, progress: Progress) -> None:
        super().__init__()
        self._theme = theme
        self.progress = progress
        self.begun = time.monotonic()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_progress(progress)

    def show_progress(self, progress: Progress) -> None:
        """Show its progress."""
        self.progress = progress
        text = plain(translate(progress.message))
        took = "" if progress.state is State.BEGUN else seconds_text(progress.seconds)
        self.setAccessibleName(
            translate(msg("{step}: {state} {took}", step=text, state=state_word(progress.state), took=took)).strip()
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), max(self._theme.px(28), self._theme.box(13) + self._theme.px(6)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, progress = self._theme, smooth_painter(self), self.progress
        side, middle = theme.px(14), self.height() / 2
        box = QRectF(theme.px(2), middle - side / 2, side, side)
        if progress.state is State.FAILED:
            paint_mark(painter, box, Mark.TRIANGLE, theme, "open")
        elif progress.state is State.DONE:
            painter.setPen(QPen(theme.color("enf"), 2))
            painter.drawPolyline(QPolygonF([QPointF(box.left() + side * 0.12, middle + side * 0.05),
                                            QPointF(box.left() + side * 0.4, middle + side * 0.3),
                                            QPointF(box.left() + side * 0.88, middle - side * 0.3)]))  # fmt: skip
        else:
            painter.setPen(QPen(theme.color("accent"), 2))
            painter.drawEllipse(box.adjusted(2, 2, -2, -2))
        now = progress.state is State.BEGUN
        painter.setFont(theme.font(13, BOLD if now else REGULAR))
        painter.setPen(theme.color("text"))
        seconds = time.monotonic() - self.begun if now else progress.seconds
        took = seconds_text(seconds)
        wide = theme.px(56)
        room = QRectF(theme.px(26), 0, self.width() - theme.px(30) - wide, self.height())
        text = plain(translate(progress.message))
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, round(room.width()))
        centre = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(room, centre, text)
        painter.setFont(theme.font(12))
        painter.setPen(theme.color("text2"))
        right = QRectF(self.width() - wide, 0, wide - 2, self.height())
        painter.drawText(right, centre | Qt.AlignmentFlag.AlignRight, took)


class StepList(QWidget):
    """The steps, in order."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.lines: dict[str, StepLine] = {}
        self._column = theme.lay(QVBoxLayout(self), around=0, gap=0)
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._tick)
        self.setAccessibleName(translate(msg("Steps")))

    def clear(self) -> None:
        """Remove all steps, for another run."""
        for line in self.lines.values():
            self._column.removeWidget(line)
            line.hide()
            line.deleteLater()
        self.lines = {}
        self._clock.start()

    def tell(self, progress: Progress) -> None:
        """Show that a step begins, is done, or failed."""
        line = self.lines.get(progress.step)
        if line is None:
            if progress.state is State.BEGUN and progress.step == "roll-back":
                self.stop(failed=True)
            line = self.lines[progress.step] = StepLine(self._theme, progress)
            self._column.addWidget(line)
        else:
            line.show_progress(progress)

    def stop(self, *, failed: bool = False) -> None:
        """Stop the clock; a step under way did not finish."""
        for line in self.lines.values():
            if line.progress.state is State.BEGUN and failed:
                told = line.progress
                line.show_progress(Progress(told.step, State.FAILED, time.monotonic() - line.begun, told.message))
        if not failed:
            self._clock.stop()

    def _tick(self) -> None:
        for line in self.lines.values():
            if line.progress.state is State.BEGUN:
                line.update()


WIDTH, HEIGHT = 720, 560


class Page(Enum):
    """The pages of the sheet."""

    BEFORE = 0
    DURING = 1
    AFTER = 2


class RelaunchDialog(PagedSheet):
    """The sheet. `begun` carries the watch time once the user confirmed; `cancelled`: roll back."""

    begun = Signal(float)
    cancelled = Signal()
    left = Signal()  # without confirming

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, WIDTH, HEIGHT)
        self.run_kind = RunKind.HARDEN
        self.limits = False  # during a run: whether only limits change, so that there is nothing to roll back
        self.before = ConfirmPage(theme)
        self.watch = self.before.watch
        self.steps = StepList(theme)
        self.going_back = Label(theme, 13, MEDIUM, ink="weak", wrap=True)
        self.after = ResultPage(theme)
        self.go.clicked.connect(self._go)
        for page in (self.before, self._during(), self.after):
            self.pages.addWidget(page)
        self.frame(((self.title, 0), (self.lead, 0), (self.pages, 1), (self.told, 0)), (), (self.back, self.go))

    def _during(self) -> QWidget:
        inner = TextColumn()
        self._theme.lay(QVBoxLayout(inner), self.steps, self.going_back, STRETCH, around=(0, 0, 8, 0))
        return Scrolled(inner, translate(msg("Steps so far")), reads=True)

    # -- the three pages

    def name_run(self, plan: Plan, preview: Preview) -> None:
        """What runs next."""
        run_kind = RunKind.ALLOW if preview.allows else RunKind.HARDEN
        self.name, self.run_kind, self.limits = plain(plan.spec.name, 200), run_kind, preview.live

    def ask(self, plan: Plan, preview: Preview, command: str) -> None:
        """Ask before a relaunch: the exact differences, what to expect, and how long to watch."""
        self.name_run(plan, preview)
        limits = translate(msg("Change the limits of {name}?", name=self.name))
        self.title.setText(limits if preview.live else question_title(self.run_kind, self.name))
        if preview.live:
            lead = msg("It keeps running; the engine changes the limits at once.")
        elif plan.repairs:
            lead = msg(
                "A replacement with this change is created, takes its name, and is started and watched. If it ends "
                "too, all is as it was before. Its volumes are kept in use, not copied."
            )
        else:
            lead = msg(
                "A replacement is created beside it, takes its name and place, and is watched. If it fails, the "
                "original comes back automatically. Its volumes are kept in use, not copied."
            )
        if plan.owner is not None:
            lead = msg(
                "{title} What is written for it is shown below. If it fails, that text is removed again and it is "
                "re-created as before.",
                title=plan.owner.title,
            )
        self.lead.setText(translate(lead))
        warned, opened = tuple(each.text for each in plan.checked.warnings), opened_by(preview)
        if opened and preview.allows and not plan.repairs:
            warned = (allowing(opened), *warned)
        if plan.repairs:  # for a stopped container no column predicts the result
            warned = (*foretold(preview), *warned)
        self.before.begin()
        self.before.show_change(preview.differences, warned, _quotes(plan, command), watched=not preview.live)
        self._open(translate(go_text(live=preview.live, allows=preview.allows)))

    def ask_undo(self, done: Transaction) -> None:
        """Prepare the question before an undo; it is shown if there is something to decide."""
        back = done.kind is TransactionKind.UNDO
        self.name, self.run_kind, self.limits = plain(done.name, 200), RunKind.REDO if back else RunKind.UNDO, False
        self.title.setText(question_title(self.run_kind, self.name))
        self.lead.setText(translate(_undo_lead(done)))
        self.before.begin()
        self._show_undo(done)
        self._open(translate(msg("Go back to it") if back else msg("Undo")), show=False)
        # a button that is disabled passes the focus to whatever comes next
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)
        self.go.setEnabled(False)
        self.warn(translate(msg("Checking what it wrote since…")))

    def show_undo_plan(self, done: Transaction, answer: UndoPlan | Failure) -> None:
        """Show what an undo leaves behind, and whether it is possible. If that is unknown, the user decides."""
        if isinstance(answer, Failure):
            self.warn(plain(translate(answer.message)), answer.words)
            self.go.setEnabled(True)
            return
        blocked = tuple(each.sentence for each in answer.blocks)
        self.warn("" if not blocked else plain(translate(blocked[0])))
        written = answer.written or ()
        title = plural(
            "One path that it has written to since stays with the kept container",
            "{count} paths that it has written to since stay with the kept container",
            len(written),
        )
        if done.owner is not None:
            title = plural(
                "One path that it has written to since is lost",
                "{count} paths that it has written to since are lost",
                len(written),
            )
        quotes = (QuotedText(title, "\n".join(written)),) if written else ()
        self._show_undo(done, tuple(each.text for each in answer.warnings), quotes)
        self.go.setEnabled(not blocked)
        if not blocked and self.isVisible() and not self.before.has_keyboard():
            self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_undo(
        self, done: Transaction, warnings: tuple[Message, ...] = (), quotes: tuple[QuotedText, ...] = ()
    ) -> None:
        titles = tuple(toggle_title(*choice.partition("=")[::2]) for choice in done.choices)
        back = self.run_kind is RunKind.REDO
        changed = tuple(
            msg("{title} comes back", title=title) if back else msg("{title}: as it was before", title=title)
            for title in titles
        )
        self.before.show_change(changed, warnings, quotes)

    def _open(self, word: str, *, show: bool = True) -> None:
        self.lead.show()
        self.turn(Page.BEFORE, self.title.text())
        self.offer(msg("Cancel"), word)
        if show:
            self.present()
        self.go.setFocus(Qt.FocusReason.OtherFocusReason)

    def begin(self) -> None:
        """Show the steps of a run that starts."""
        self.running = True
        self.steps.clear()
        self.going_back.setText("")
        changing = msg("Changing the limits of {name}…", name=self.name)
        self.turn(Page.DURING, changing if self.limits else running_title(self.run_kind, self.name))
        self.say(
            None
            if self.limits
            else msg("Esc hides this, and it goes on. The journal records each step: after a crash, the next start "
                     "finishes this, or goes back.")
        )  # fmt: skip
        self.offer(msg("Cancel and roll back"), None)
        self.back.setVisible(not self.limits)
        self.after.begin()

    def tell(self, event: Progress | Proved) -> None:
        """Show an event."""
        if isinstance(event, Progress):
            self.steps.tell(event)
            if event.state is State.BEGUN:
                accessibility.announce(self, plain(translate(event.message)))
        else:
            self.after.add(event)

    def tell_cancelling(self) -> None:
        """Say that it rolls back at the next safe point."""
        self.going_back.setText(translate(msg("It is rolled back at the next safe point.")))
        super().tell_cancelling()

    def end(self, ended: RelaunchResult) -> None:
        """Show the result."""
        self.steps.stop(
            failed=ended.ending in (RelaunchOutcome.ROLLED_BACK, RelaunchOutcome.REFUSED, RelaunchOutcome.UNFINISHED)
        )
        self.steps.stop()
        self.turn(Page.AFTER, self.after.show_ended(ended, self.run_kind))
        self.say("" if ended.why is None else plain(translate(ended.why)))
        self.offer(msg("Close"), None)
        self.tell_end()

    def _go(self) -> None:
        self.lead.setVisible(True)
        self.begun.emit(self.watch.value())

    def press_back(self) -> None:
        if self.running:
            self.cancelled.emit()
        else:
            self.leave()

    def leave(self) -> None:
        """Hide it; a run goes on, and the column shows it."""
        asked = not self.running and self.pages.currentIndex() == Page.BEFORE.value
        super().leave()
        if asked:
            self.left.emit()


def _undo_lead(done: Transaction) -> Message:
    if done.owner is not None:
        return msg("What was written to its files is removed, and its owner re-creates it as it was before.")
    if done.kind is TransactionKind.UNDO:
        return msg("The running container is stopped and kept; the kept one starts again under its name.")
    return msg(
        "The hardened container is stopped and kept with everything that it wrote in its own layer; what "
        "starts under its name has the settings from before. Nothing is deleted."
    )


def _quotes(plan: Plan, command: str) -> tuple[QuotedText, ...]:
    """Return what is written and run for an owner, else the equivalent command."""
    if plan.owner is None:
        return (QuotedText(msg("The command that would do the same"), command),) if command else ()
    files = tuple(
        QuotedText(msg("Added to {path}", path=each.path) if each.before else msg("New file {path}", path=each.path),
               each.text)
        for each in plan.owner.files
    )  # fmt: skip
    return (*files, QuotedText(msg("Command to run"), "\n".join(plan.owner.commands)))
