"""Watches a replacement for refusals after a relaunch: the one watch under way, its sheet, and loosening a setting.

What is allowed by another value opens a relaunch of the replacement with that value and nothing else. What needs a
setting left out cannot be had that way, since no toggle loosens: an undo comes first, then the relaunch without it;
likewise if the replacement has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.relaunch.trial import TwinRefusal
from stratascope.ui.kit.background import reason
from stratascope.ui.kit.long_run import LongRun
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.afterwards import Afterwards
from stratascope.usecases.trial.strategy import applied
from stratascope.value import Value

if TYPE_CHECKING:
    from stratascope.ui.relaunch.refusals_dialog import RefusalsDialog

_TICK = 1000  # ms
GONE = msg("This container no longer exists, or is not running.")


class _Over(Value):
    """The end of a watch: `why` it failed, else None."""

    why: Message | None = None
    words: str = ""


class RefusalWatch(LongRun["RefusalsDialog"]):
    """The watch on a replacement."""

    def __init__(self, window: QWidget, theme: Theme, hardening: Hardening, side: RelaunchController) -> None:
        super().__init__(window, theme)
        self._hardening, self._side = hardening, side
        self.plan: Plan | None = None  # the plan of what is, or was last, watched
        self._done: Transaction | None = None  # what made the replacement
        self._found = Afterwards()
        self._seconds = 0.0
        self._until: float | None = None  # monotonic time of its end, once it has begun
        self._dropped = False  # the same container is being relaunched again: ignore what comes
        self._clock = QTimer(self)
        self._clock.setInterval(_TICK)
        self._clock.timeout.connect(self._tick)
        side.watch_wanted.connect(self.watch)
        side.run_begun.connect(self._run_begun)

    def make_dialog(self) -> RefusalsDialog:
        from stratascope.ui.relaunch.refusals_dialog import RefusalsDialog

        dialog = RefusalsDialog(self._theme, self._window)
        dialog.allowed.connect(self._allow)
        dialog.stopped.connect(self.cancel)
        dialog.undo_wanted.connect(self._undo)
        dialog.again.wanted.connect(self._again)
        return dialog

    @property
    def begun(self) -> bool:
        """Whether root access was granted, and the time runs."""
        return self._until is not None

    def watch(self, plan: Plan, done: Transaction, seconds: float) -> None:
        """Watch the replacement; if a watch is under way, show its sheet instead."""
        if self.busy:
            self.dialog.present()
            return
        hardening = self._hardening
        self.plan, self._done, self._found, self._dropped = plan, done, Afterwards(), False
        self._seconds, self._until = seconds, None

        def make(cancelled: Callable[[], bool]) -> Iterator[Afterwards]:
            return hardening.refused(plan, done.new, seconds, cancelled)

        run = self.begin_run(make, _over, "refusals")
        self.dialog.begin(done.name)
        self._clock.start()
        run.start()

    def _again(self, seconds: float) -> None:
        if self.plan is not None and self._done is not None:
            self.watch(self.plan, self._done, seconds)

    def _tick(self) -> None:
        if self._until is not None:
            self.dialog.tell_left(max(0.0, self._until - time.monotonic()))

    # -- events

    def tell(self, found: Afterwards) -> None:
        first = not self._found.refusals
        self._found = found
        if self._until is None:
            self._until = time.monotonic() + self._seconds
            self._tick()
        if not self._dropped and found.refusals:
            self.dialog.show_refused(found, more=self._more())
            if first:
                self.dialog.present()

    def end(self, over: _Over, *, cancelled: bool) -> bool:
        self._clock.stop()
        if self._dropped:
            self.dialog.hide()
        elif over.why is not None:
            self.dialog.fail(over.why, over.words)
        else:
            self.dialog.end(self._found, more=self._more(), stopped=cancelled)
        return not self._dropped

    def _run_begun(self, engine: str, name: str) -> None:
        if self._done is not None and (engine, name) == (self._done.engine, self._done.name):
            self._dropped = True
            self.dialog.hide()
            self.cancel()

    # -- allowing refusals

    def _more(self) -> bool:
        """Whether allowing everything takes more than any single remedy."""
        return len({each.loosening for each in self._found.refusals if each.loosening is not None}) > 1

    def _allow(self, refusal: TwinRefusal | None) -> None:
        plan, done = self.plan, self._done
        if plan is None or done is None:
            return
        wanted = self._found.choices
        if refusal is not None and refusal.loosening is not None:
            wanted = applied(plan.choices, (refusal.loosening,))
        changed = tuple(each for each in wanted if each not in plan.choices)
        if self._found.ended or not _keeps_all(plan.choices, wanted):
            self.dialog.hide()
            self._side.ask_undo(done, wanted)
        elif self._side.take((done.engine, done.new), changed):
            self.dialog.hide()
        else:
            self.dialog.refuse(GONE)

    def _undo(self) -> None:
        if self._done is not None:
            self.dialog.hide()
            self._side.ask_undo(self._done)

    def end_soon(self) -> bool:
        self._dropped = True
        self.dialog.hide()
        return super().end_soon()


def _keeps_all(before: tuple[Choice, ...], wanted: tuple[Choice, ...]) -> bool:
    """Whether no setting is dropped, and only toggles that take any value change it."""
    left = {each.toggle for each in before} - {each.toggle for each in wanted}
    return not left and all(each.toggle.single is None for each in wanted if each not in before)


def _over(error: Exception | None) -> _Over:
    return _Over() if error is None else _Over(*reason(error))
