"""The choices for a container that runs, thought through as a relaunch: its plan, its command, what is in the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QTimer

from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.ui.harden.draft import SETTLE, Draft
from stratascope.ui.harden.status_note import why_nothing
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.plan import Plan


class RelaunchDraft(Draft):
    """The plan comes a moment after the last switch, since it asks the engine."""

    def __init__(self, hardening: Hardening, queries: QueryRunner, seen: Callable[[], bool], parent: QObject) -> None:
        """Nothing is planned that is not `seen`."""
        super().__init__(hardening, queries, parent)
        self._hardening, self._seen = hardening, seen
        self.running = ""  # the step of a run that is under way
        self.plan: Plan | None = None
        self.command = ""
        self._kept: tuple[Transaction, ...] = ()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE)
        self._timer.timeout.connect(self.ask_plan)

    # -- what is in view

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is set aside now, of all containers."""
        self._kept = kept
        self._say_why_again()

    def show_running(self, step: str) -> None:
        """A run is under way: its step in words; "" when it is over."""
        before, self.running = self.running, step
        if bool(before) != bool(step):
            self._say_why_again()
        if before and not step:
            self._make_soon()
        self.changed.emit()

    def _why_nothing(self) -> Message | None:
        return why_nothing(self.state, self._refused, self._kept, running=bool(self.running))

    def _say_why_again(self) -> None:
        """Why there is nothing here may be another by now."""
        why = None if self.nothing is None else self._why_nothing()
        if why is not None:  # else what hides the rest is the offer, which is late or failed
            self._hide(why)

    # -- the plan

    def turn_remedy(self, remedy: Remedy, on: bool) -> None:
        """An option that makes it safe."""
        if (chosen := self.chosen) is not None:
            chosen.remedies = chosen.remedies | {remedy} if on else chosen.remedies - {remedy}
            self.ask_again()

    def ask_again(self) -> None:
        """What stood in the way may be gone."""
        self._make_soon()
        self.changed.emit()

    def ask_if_missing(self) -> None:
        """It is seen now."""
        if self.plan is None and self.choices:
            self._timer.start()

    def ask_plan(self) -> None:
        """At once."""
        state, choices, self.failure = self.state, self.choices, None
        if state is not None and choices and self._seen() and self.look_only is None:
            remedies = self.memory.of(state.key).remedies
            asking = partial(_plan, self._hardening, state, choices, remedies)
            self._queries.ask("plan", asking, self._planned, state.container.engine)
        self.changed.emit()

    def _make_soon(self) -> None:
        self._forget_made()
        if self.choices and self.preview is not None:
            self._timer.start()

    def _forget_made(self) -> None:
        self._timer.stop()
        self._queries.drop("plan")
        self.plan, self.command = None, ""

    def _planned(self, answer: tuple[Plan, str] | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure = answer
        else:
            self.plan, self.command = answer
        self.changed.emit()


def _plan(
    hardening: Hardening, state: ContainerState, choices: tuple[Choice, ...], remedies: frozenset[Remedy]
) -> tuple[Plan, str]:
    made = hardening.plan(state, choices, remedies)
    return made, hardening.command(made)
