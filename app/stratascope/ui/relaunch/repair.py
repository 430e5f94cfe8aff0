"""A container that has ended, to be started with what it lacked: planned at once, since there is nothing to switch."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.presentation.exposure import number_text
from stratascope.presentation.refusals_report import allowing
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.refusals.remedies import opened_by
from stratascope.value import replace

RepairPlan = tuple[Plan, Preview, str]


def foretold(preview: Preview) -> tuple[Message, ...]:
    """What it comes to, and on what the advice may rest: no column tells of one that does not run."""
    now, then = number_text(preview.before), number_text(preview.after)
    opened = opened_by(preview)
    return (
        msg("Exposure if it runs, predicted: {now} as it is, {then} with this change.", now=now, then=then),
        *((allowing(opened),) if opened else ()),
        msg("If the reason is a guess from its log: a program can print anything."),
    )


class Repair(QObject):
    """`planned`: a Plan that nothing stands in the way of, its Preview and command. `refused`: why not, a Message."""

    planned = Signal(object, object, str)
    refused = Signal(object)

    def __init__(self, hardening: Hardening, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._hardening, self._queries = hardening, queries

    def ask(self, state: ContainerState, choices: tuple[Choice, ...]) -> None:
        """What a relaunch with these would be."""
        self._queries.ask("repair", partial(self._plan, state, choices), self._planned, state.container.engine)

    def _plan(self, state: ContainerState, choices: tuple[Choice, ...]) -> RepairPlan:
        made = self._hardening.plan(state, choices)
        preview = self._hardening.preview(made.state, made.choices, made.files)
        # a higher limit counts as more, too, and nothing of it runs that could be changed
        return made, replace(preview, live=False, allows=True), self._hardening.command(made)

    def _planned(self, answer: RepairPlan | Failure) -> None:
        if isinstance(answer, Failure):
            self.refused.emit(answer.message)
            return
        made, preview, command = answer
        if made.checked.blocks:
            self.refused.emit(made.checked.blocks[0].sentence)
            return
        self.planned.emit(made, preview, command)
