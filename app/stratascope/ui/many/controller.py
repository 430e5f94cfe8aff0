"""Several containers at once in the window: the choice, their plans, the run of all, and its undo.

Each is hardened with its own plan, of the container in view as the column shows it; or with a standard beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from stratascope.core.message import Message, became, colon, msg
from stratascope.core.relaunch.hardening_plan import Wanted
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import (
    Progress,
    RelaunchOutcome,
    RelaunchResult,
    Remedy,
    Transaction,
    TransactionKind,
)
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.text import natural
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.engine_signs import engine_title
from stratascope.presentation.exposure import level_ink, number_text
from stratascope.presentation.plan_rows import choice_title
from stratascope.presentation.relaunch_words import RunKind, ending_title
from stratascope.presentation.takeover import runs
from stratascope.ui.containers.rows import worst_first
from stratascope.ui.harden.exports import ExportMenu
from stratascope.ui.kit.background import Failure, Feed, reason
from stratascope.ui.kit.long_run import LongRun
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.kit.theme import Theme
from stratascope.ui.relaunch.controller import RelaunchController
from stratascope.ui.relaunch.questions import ClosingQuestion
from stratascope.ui.use.table import NO_SIGN, Cell, Row
from stratascope.usecases.hardening import HardeningTogether, PlannedTogether, Suggested
from stratascope.usecases.listing.alike import PROJECT, kind_of, label, out_of_reach
from stratascope.usecases.listing.filter import Query, answer
from stratascope.usecases.many.plan_together import members
from stratascope.usecases.many.together import FAILURES, AllEnded, Of, Outcome, group_of, names_of
from stratascope.usecases.plan.plan import Plan

if TYPE_CHECKING:
    from stratascope.ui.many.dialog import ManyDialog


class ManyController(LongRun["ManyDialog"]):
    """The choice, the plans, the run and its undo."""

    menu: ExportMenu  # made with the sheet

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        together: HardeningTogether,
        side: RelaunchController,
        selection: Selection,
        feed: Feed,
        query: Callable[[], Query],
    ) -> None:
        """`query`: the filter of the list."""
        super().__init__(window, theme)
        self.together = together
        self._side, self._selection, self._feed, self._query = side, selection, feed, query
        self._planned_all = PlannedTogether(())
        self._found: dict[Key, Suggested] = {}  # since the plans were requested
        self._remedies: frozenset[Remedy] = frozenset()
        self._undoing: tuple[Transaction, ...] = ()  # what an undo of all undoes
        self._done: tuple[Transaction, ...] = ()  # what remains of the last run
        self._rows: list[Row] = []
        self._closing = ClosingQuestion(window, self)

    def make_dialog(self) -> ManyDialog:
        from stratascope.ui.many.dialog import ManyDialog

        dialog = ManyDialog(self._theme, self._window)
        dialog.looked.connect(self._look)
        dialog.engine_wanted.connect(self.ask)
        dialog.remedy_wanted.connect(self._take_remedy)
        dialog.begun.connect(self._begin)
        dialog.cancelled.connect(self.cancel)
        dialog.undo_wanted.connect(self._undo_done)
        dialog.leave_wanted.connect(self._leave_out)
        self.menu = ExportMenu(self._side.column.exports.exports, dialog)
        self.menu.failed.connect(dialog.tell_failed)
        dialog.export_wanted.connect(lambda: self.menu.open_for(self._blocked, dialog.export))
        return dialog

    # -- before

    def ask(self, engine: str = "") -> None:
        """Open the sheet for that engine, else for that of the container in view, or that of the run under way."""
        state, snapshot = self._selection.current, self._selection.snapshot
        if self.busy:
            self.dialog.present()
        elif state is not None and snapshot is not None and not snapshot.demo:
            every = [each for each in snapshot.containers if runs(each) and each.matrix is not None]
            shown = matching(self._query(), every)
            engines = {each.container.engine for each in shown} or {state.container.engine}
            wanted = engine or (state.container.engine if state.container.engine in engines else min(engines))
            there = {each.container.engine for each in every if each.container.sandbox is None} | {wanted}
            titles = tuple((each, engine_title(each, snapshot.engines)) for each in sorted(there, key=natural))
            self.dialog.show_engines(titles, wanted)
            states = tuple(each for each in every if each.container.engine == wanted)
            meant = [each for each in shown if each.container.engine == wanted] or like(state, states)
            out = [each.container.name for each in meant if out_of_reach(each.container)]
            told = (
                msg(
                    "Left off, since Compose can't re-create them: {names}. Their plan can still be exported.",
                    names=short(sorted(out, key=natural)),
                )
                if out
                else None
            )
            chosen = frozenset(each.key for each in meant if each.container.name not in out)
            states = tuple(sorted(states, key=lambda each: (each.key not in chosen, worst_first(each))))
            self._side.queries.drop("many")  # of a sheet that was closed meanwhile
            self.dialog.ask(states, chosen, told)

    def _look(self) -> None:
        self._remedies, self._found = frozenset(), {}
        self._request_plans()

    def _take_remedy(self, remedy: Remedy) -> None:
        self._remedies |= {remedy}
        self._request_plans()

    def _request_plans(self) -> None:
        """One container after the other, each shown as soon as it is known; then how they go together."""
        states, together = self.dialog.states, self.together
        lane = states[0].container.engine
        found = [self._found.get(state.key) for state in states]
        coming = next((place for place, each in enumerate(found) if each is None), None)
        rows = [row_of(state, each, comes=place == coming) for place, (state, each) in
                enumerate(zip(states, found, strict=True))]  # fmt: skip
        if coming is None:
            self.dialog.looking(tuple(rows), msg("Checking what stands in the way…"))
            known = [each for each in found if each is not None]
            self._side.queries.ask("many", partial(together.plan, known, self._remedies), self._planned, lane)
            return
        state = states[coming]
        name = plain(state.container.name, 80)
        told = msg("{place} of {count}: {name}", place=coming + 1, count=len(states), name=name)
        self.dialog.looking(tuple(rows), told)
        asking = partial(together.suggest, state, self.dialog.preset, self._wanted(state))
        self._side.queries.ask("many", asking, self._suggested, lane)

    def _suggested(self, answer: Suggested | Failure) -> None:
        if isinstance(answer, Failure):
            self._planned(answer)
        elif self.dialog.isVisible():  # else nobody waits for the rest
            self._found[answer.state.key] = answer
            self._request_plans()

    def _planned(self, answer: PlannedTogether | Failure) -> None:
        if self.busy:
            return
        if isinstance(answer, Failure):
            self.dialog.fail(answer.message, answer.words)
            return
        self._planned_all, self._undoing = answer, ()
        count = sum(len(members(made)) for made in answer.plans)
        self.dialog.show_plans(
            tuple(plan_row(made, answer) for made in answer.plans),
            count,
            warnings(answer.plans),
            blocks(answer.plans),
            some=0 < len(self._blocked) < count,
            export=self.menu.exports is not None,
            remedy=_remedy(self._blocked),
        )

    def _wanted(self, state: ContainerState) -> Wanted | None:
        """Return how a person wants its plan, if the column shows it so."""
        draft = self._side.draft
        shown = draft.state is not None and draft.state.key == state.key
        return draft.own.wanted if shown and draft.own is not None else None

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The plans that the sheet shows."""
        return self._planned_all.plans

    @property
    def _blocked(self) -> tuple[Plan, ...]:
        """Return the plans that are blocked."""
        return tuple(each for made in self.plans for each in members(made) if each.checked.blocks)

    def _leave_out(self) -> None:
        self.dialog.leave_out(frozenset(each.state.key for each in self._blocked))
        self._request_plans()

    def _hardened_together(self) -> tuple[Transaction, ...]:
        """What was hardened together last, of what can be undone."""
        kept = self._side.set_aside.kept
        last = next((each for each in reversed(kept) if each.group and each.kind is TransactionKind.HARDEN), None)
        return () if last is None else group_of(kept, last)

    def why_no_undo(self) -> Message | None:
        """Why there is nothing to undo together; None: there is."""
        if self.busy or self._hardened_together():
            return None
        return msg("Nothing that was hardened together is kept.")

    def ask_undo_all(self) -> None:
        """Ask whether to undo what was hardened together last, however long ago; show a run under way instead."""
        if not self.busy:
            self._undoing = self._hardened_together()
            self.dialog.ask_undo(tuple((Cell(name), Cell("")) for name in self._names))
        self.dialog.present()

    def _undo_done(self) -> None:
        """Undo the run whose result is in sight: nothing is left to ask, since it deletes nothing."""
        self._undoing = self._done
        self._begin()

    @property
    def _names(self) -> tuple[str, ...]:
        """Return the container's name for each index of the run."""
        if self._undoing:
            return tuple(map(names_of, self._undoing))
        return tuple(map(names, self.plans))

    # -- during

    def _begin(self) -> None:
        if self.busy:
            return
        plans, undoing, together = self.plans, self._undoing, self.together
        watch = self._side.dialog.before.usual()

        def make(cancelled: Callable[[], bool]) -> Iterator[Of | AllEnded]:
            return together.undo(undoing, watch, cancelled) if undoing else together.run(plans, watch, cancelled)

        self._rows = list(map(waiting_row, self._names))
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
                self._rows[event.place] = step_row(name, step)
            case RelaunchResult() as ended:
                self._rows[event.place] = ended_row(name, ended, self._kind)
            case _:
                return
        self.dialog.tell(tuple(self._rows), event.place, undo=bool(self._undoing))

    def end(self, ended: AllEnded, *, cancelled: bool) -> bool:
        self._closing.drop()
        outcomes = {each.place: each for each in ended.outcomes}
        rows = tuple(outcome_row(name, outcomes.get(place), self._kind) for place, name in enumerate(self._names))
        self._done = (
            ()
            if self._undoing
            else tuple(
                each.ended.transaction
                for each in ended.outcomes
                if each.undone is None and each.ended.ending not in FAILURES and each.ended.transaction is not None
            )
        )
        title = ending_title(ended.ending, self._kind)
        if self._undoing and len(rows) > 1 and ended.ending.stays:
            title = msg("Undone: the originals are back")
        self.dialog.end(title, ended.why, rows, undo=bool(self._done))
        self._side.set_aside.look_up()
        self._feed.refresh()
        return True

    def end_soon(self) -> bool:
        self._closing.ask(", ".join(self._names))
        return False


def matching(query: Query, states: Sequence[ContainerState]) -> tuple[ContainerState, ...]:
    """Return the containers that the list is filtered to; none if it shows all."""
    return () if query.empty else tuple(each for each in states if answer(query, each).found)


def like(state: ContainerState, states: Sequence[ContainerState]) -> tuple[ContainerState, ...]:
    """Return the containers identical to this one; if there are none, those of its Compose project; else it alone."""
    alike = tuple(each for each in states if kind_of(each.container) == kind_of(state.container))
    project = label(state.container, PROJECT)
    if len(alike) > 1 or not project:
        return alike
    return tuple(each for each in states if label(each.container, PROJECT) == project)


def _over(error: Exception | None) -> AllEnded:
    why: Message = msg("It was interrupted without a result. See Kept originals for what remains to be done.")
    if error is None:
        return AllEnded(RelaunchOutcome.REFUSED, (), why)
    text, said = reason(error)
    return AllEnded(RelaunchOutcome.REFUSED, (), text, said)


# -- texts of the sheet


WAITS = msg("waiting")
NAMED = 4  # containers named at most


def names(made: Plan) -> str:
    """Return the name or names that a plan relaunches."""
    return ", ".join(plain(each.spec.name, 80) for each in members(made))


def row_of(state: ContainerState, found: Suggested | None, *, comes: bool) -> Row:
    """Return the row of one that is being planned. `comes`: its turn is now."""
    name = plain(state.container.name, 80)
    if found is None:
        return (Cell(name), Cell(translate(msg("in progress") if comes else WAITS), ink="text2"))
    if found.effect is None:
        return (Cell(name), Cell(translate(msg("nothing to change")), ink="text2"))
    return _planned_row(name, state, found.choices, [(found.effect.before, found.effect.after)])


def plan_row(made: Plan, found: PlannedTogether) -> Row:
    """Return a row of the plan: the name and the settings, and each container's exposure, now and then."""
    pairs = [found.exposure(each.spec.id) for each in members(made)]
    return _planned_row(names(made), made.state, made.choices, [pair for pair in pairs if pair is not None])


def _planned_row(
    name: str, state: ContainerState, choices: Sequence[Choice], pairs: Sequence[tuple[Matrix, Matrix]]
) -> Row:
    told = [plain(translate(item.told), 200) for item in choices]
    titles = listed([plain(translate(choice_title(item, state)), 200) for item in choices])
    numbers = [translate(became(number_text(now), number_text(then))) for now, then in pairs]
    ink = level_ink(pairs[0][1]) if len(pairs) == 1 else "text2"
    return (Cell(name, below=titles, more="\n".join(told)), Cell(", ".join(numbers), ink=ink, right=True))


def _remedy(blocked: Sequence[Plan]) -> Remedy | None:
    """Return an option that deals with a part of what stands in the way, if all of it can be dealt with."""
    found = [block.remedy for made in blocked for block in made.checked.blocks]
    return None if None in found else next(iter(found), None)


def waiting_row(name: str) -> Row:
    """Return the row of one that has not begun."""
    return (Cell(name, sign=NO_SIGN), Cell(translate(WAITS), ink="text2"))


def step_row(name: str, step: Progress) -> Row:
    """Return the row of one under way."""
    told = plain(translate(step.message), 200)
    return (Cell(name, below=told, sign="…"), Cell(translate(msg("in progress")), ink="text2"))


def ended_row(name: str, ended: RelaunchResult, kind: RunKind) -> Row:
    """Return the row of one that has ended."""
    failed = ended.ending in FAILURES
    why = "" if ended.why is None else plain(translate(ended.why), 400)
    return (
        Cell(name, below=why, more=plain(ended.words, 400), sign="cross" if failed else "tick"),
        Cell(translate(ending_title(ended.ending, kind)), ink="open" if failed else "enf"),
    )


def outcome_row(name: str, outcome: Outcome | None, kind: RunKind) -> Row:
    """Return its row after the whole run; None: it was not begun."""
    if outcome is None:
        return (Cell(name, sign="?"), Cell(translate(msg("not started")), ink="text2"))
    if outcome.undone is None:
        return ended_row(name, outcome.ended, kind)
    failed = outcome.undone.ending in FAILURES
    why = translate(msg("Undone because a later one failed.") if outcome.undone.why is None else outcome.undone.why)
    return (
        Cell(name, below=plain(why, 400), sign="cross"),
        Cell(translate(ending_title(outcome.undone.ending, RunKind.UNDO)), ink="open" if failed else "text2"),
    )


def blocks(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return what blocks the plans, each obstacle once with its containers."""
    return _grouped((each, block.sentence) for made in plans for each in members(made) for block in each.checked.blocks)


def short(names: Sequence[str]) -> str:
    """Return a few of the names, and how many more."""
    shown = [plain(name, 80) for name in names[:NAMED]]
    return listed([*shown, f"+{len(names) - NAMED}"] if len(names) > NAMED else shown)


def warnings(plans: Sequence[Plan]) -> tuple[str, ...]:
    """Return the warnings; one that applies to all is given once."""
    every = [each for made in plans for each in members(made)]
    told = [{warning.text for warning in each.checked.warnings} for each in every]
    shared = set.intersection(*told) if len(told) > 1 else set()
    ordered = dict.fromkeys(warning.text for each in every for warning in each.checked.warnings)
    return (
        *(plain(translate(colon(msg("All"), text)), 400) for text in ordered if text in shared),
        *_grouped((each, text) for each in every for text in ordered
                  if text not in shared and text in {warning.text for warning in each.checked.warnings}),
    )  # fmt: skip


def _grouped(told: Iterable[tuple[Plan, Message]]) -> tuple[str, ...]:
    """Merge equal messages, with the names they apply to."""
    whose: dict[Message, dict[str, None]] = {}
    for made, text in told:
        whose.setdefault(text, {})[made.spec.name] = None
    return tuple(plain(translate(colon(short(tuple(names)), text)), 500) for text, names in whose.items())
