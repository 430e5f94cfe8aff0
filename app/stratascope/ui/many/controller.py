"""Several containers at once in the window: which, their plans, the one run of all, and its undo.

Beside the column, which is about one container: what is switched on there can be taken for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.transaction import Progress, RelaunchOutcome, RelaunchResult, Transaction
from stratascope.core.snapshot import ContainerState
from stratascope.natural_sort import natural
from stratascope.presentation.relaunch_words import RunKind, ending_title
from stratascope.presentation.takeover import runs
from stratascope.ui.harden.export_menu import ExportMenu
from stratascope.ui.kit.background import Failure, Feed, reason
from stratascope.ui.kit.long_run import LongRun
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.many import row_text
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.questions import ClosingQuestion
from stratascope.ui.use.rows import Row
from stratascope.usecases.hardening import HardeningTogether
from stratascope.usecases.many.kinds import PROJECT, kind_of, label, out_of_reach
from stratascope.usecases.many.plan_together import members
from stratascope.usecases.many.together import FAILURES, AllEnded, Of, names_of
from stratascope.usecases.plan.plan import Plan

if TYPE_CHECKING:
    from stratascope.ui.many.dialog import ManyDialog


class ManyController(LongRun["ManyDialog"]):
    """Which, their plans, the run and its undo."""

    menu: ExportMenu  # made with the sheet

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        together: HardeningTogether,
        side: RelaunchController,
        selection: Selection,
        feed: Feed,
    ) -> None:
        super().__init__(window, theme)
        self.together = together
        self._side, self._selection, self._feed = side, selection, feed
        self._plans: tuple[Plan, ...] = ()
        self._undoing: tuple[Transaction, ...] = ()  # what an undo of all is of
        self._done: tuple[Transaction, ...] = ()  # what stays of the last run
        self._rows: list[Row] = []
        self._closing = ClosingQuestion(window, self)

    def make_dialog(self) -> ManyDialog:
        from stratascope.ui.many.dialog import ManyDialog

        dialog = ManyDialog(self._theme, self._window)
        dialog.looked.connect(self._look)
        dialog.begun.connect(self._begin)
        dialog.cancelled.connect(self.cancel)
        dialog.undo_wanted.connect(self._ask_undo)
        dialog.leave_wanted.connect(self._leave_out)
        self.menu = ExportMenu(self._side.column.command.menu.exports, dialog)
        self.menu.failed.connect(dialog.tell_failed)
        dialog.export_wanted.connect(lambda: self.menu.open_for(self._blocked, dialog.export))
        return dialog

    # -- before

    def ask(self) -> None:
        """The sheet, for the engine of the container in view; that of the run that is under way, where there is one."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if self.busy:
            self.dialog.present()
        elif state is not None and snapshot is not None and not snapshot.demo:
            states = tuple(
                each
                for each in snapshot.containers
                if each.container.engine == state.container.engine and runs(each) and each.matrix is not None
            )
            draft = self._side.column.draft
            meant = like(state, states)
            out = [each.container.name for each in meant if out_of_reach(each.container)]
            told = msg("Left off, since Compose can't be told to re-create them: {names}. Planned all the same, they "
                       "can be exported.", names=row_text.short(sorted(out, key=natural))) if out else None  # fmt: skip
            chosen = frozenset(each.key for each in meant if each.container.name not in out)
            states = tuple(sorted(states, key=lambda each: (each.key not in chosen, natural(each.container.name))))
            self.dialog.ask(states, chosen, own=draft.ours and bool(draft.choices), out=told)

    def _look(self) -> None:
        states, preset = self.dialog.states, self.dialog.presets.current
        choices = self._side.column.draft.choices if preset is None else ()
        self.dialog.looking()
        asking = partial(self.together.plan, states, preset, choices)
        self._side.queries.ask("many", asking, self._planned, states[0].container.engine)

    def _planned(self, answer: tuple[Plan, ...] | Failure) -> None:
        if self.busy:
            return
        if isinstance(answer, Failure):
            self.dialog.fail(answer.message, answer.words)
            return
        self._plans, self._undoing = answer, ()
        count = sum(len(members(made)) for made in answer)
        self.dialog.show_plans(
            tuple(map(row_text.plan_row, answer)),
            count,
            row_text.warnings(answer),
            row_text.blocks(answer),
            some=0 < len(self._blocked) < count,
            export=self.menu.exports is not None,
        )

    @property
    def _blocked(self) -> tuple[Plan, ...]:
        """What something is in the way of."""
        return tuple(each for made in self._plans for each in members(made) if each.checked.blocks)

    def _leave_out(self) -> None:
        self.dialog.leave_out(frozenset(each.state.key for each in self._blocked))
        self._look()

    def _ask_undo(self) -> None:
        self._undoing = self._done
        self.dialog.ask_undo(tuple(map(row_text.waiting_row, self._names)))

    @property
    def _names(self) -> tuple[str, ...]:
        """Whose each place of the run is."""
        if self._undoing:
            return tuple(map(names_of, self._undoing))
        return tuple(map(row_text.names, self._plans))

    # -- during

    def _begin(self) -> None:
        if self.busy:
            return
        plans, undoing, together = self._plans, self._undoing, self.together
        watch = self._side.dialog.before.usual()

        def make(cancelled: Callable[[], bool]) -> Iterator[Of | AllEnded]:
            return together.undo(undoing, watch, cancelled) if undoing else together.run(plans, watch, cancelled)

        self._rows = list(map(row_text.waiting_row, self._names))
        self._done = ()
        run = self.begin_run(make, _over, "relaunches")
        self.dialog.begin(tuple(self._rows), undo=bool(undoing))
        run.start()

    @property
    def _kind(self) -> RunKind:
        return RunKind.UNDO if self._undoing else RunKind.HARDEN

    def tell(self, event: Of) -> None:
        name = self._names[event.place]
        match event.event:
            case Progress() as step:
                self._rows[event.place] = row_text.step_row(name, step)
            case RelaunchResult() as ended:
                self._rows[event.place] = row_text.ended_row(name, ended, self._kind)
            case _:
                return
        self.dialog.tell(tuple(self._rows))

    def end(self, ended: AllEnded, *, cancelled: bool) -> bool:
        self._closing.drop()
        outcomes = {each.place: each for each in ended.outcomes}
        rows = tuple(
            row_text.outcome_row(name, outcomes.get(place), self._kind) for place, name in enumerate(self._names)
        )
        self._done = (
            ()
            if self._undoing
            else tuple(
                each.ended.transaction
                for each in ended.outcomes
                if each.undone is None and each.ended.ending not in FAILURES and each.ended.transaction is not None
            )
        )
        self.dialog.end(ending_title(ended.ending, self._kind), ended.why, rows, undo=bool(self._done))
        self._side.set_aside.look_up()
        self._feed.refresh()
        return True

    def end_soon(self) -> bool:
        self._closing.ask(", ".join(self._names))
        return False


def like(state: ContainerState, states: Sequence[ContainerState]) -> tuple[ContainerState, ...]:
    """Those that are alike with it; where none is, those of its Compose project; else it alone."""
    alike = tuple(each for each in states if kind_of(each.container) == kind_of(state.container))
    project = label(state.container, PROJECT)
    if len(alike) > 1 or not project:
        return alike
    return tuple(each for each in states if label(each.container, PROJECT) == project)


def _over(error: Exception | None) -> AllEnded:
    why: Message = msg("It was interrupted without a result. What is set aside shows what remains to be done.")
    if error is None:
        return AllEnded(RelaunchOutcome.REFUSED, (), why)
    text, said = reason(error)
    return AllEnded(RelaunchOutcome.REFUSED, (), text, said)
