"""The plan of a container that runs, on its way: tried on a copy, then relaunched. Card and column have one button.

`RelaunchDraft.button` is what that button says and does now, wherever it stands, and `press` is to press it. What
stands in a relaunch's way is known before anything is tried, and then the button is the way out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from stratascope.core.message import Message, MessageError, msg
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import Choice, ToggleError, Use
from stratascope.core.relaunch.transaction import Remedy, Transaction
from stratascope.core.sandboxes.lines import Written
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.plan_rows import row_title
from stratascope.presentation.takeover import runs
from stratascope.ui.harden.next_step import (
    BY_YOU,
    COPY_LINE,
    TRY,
    UNTOUCHED,
    Act,
    PlanButton,
    Sign,
    Trial,
    Underway,
    blocked,
    idle,
    trying,
    underway,
)
from stratascope.ui.harden.plan_draft import SETTLE, Judged, PlanDraft, start
from stratascope.ui.harden.wishes import Key, Own, Worked, learn, why_failed
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import KEEPS
from stratascope.usecases.plan.offers import Offer, Preview
from stratascope.usecases.plan.pieces import merged
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.tighten import Tightened
from stratascope.usecases.trial.strategy import ENDS, Ends, Loosened, TrialDone
from stratascope.value import replace

LEARNED = round(1000 * KEEPS) + 1000  # ms after something was seen in use before the plan is asked for anew: it is kept


def why_nothing(
    state: ContainerState | None, refused: Message | None, kept: tuple[Transaction, ...], *, running: bool
) -> Message | None:
    """Why nothing of this container can be hardened. `running`: a run is under way, maybe this very one's."""
    if state is None:
        return msg("No container is chosen.")
    if refused is not None:
        return refused
    if state.container.error:
        return msg("The engine's answer about it was not understood, so no change can be planned for it.")
    if not runs(state) and any(state.container.id == each.old for each in kept):
        return msg("It is kept here, stopped, as the way back.")
    if not runs(state) and running:
        return msg("It is not running at the moment.")
    if not runs(state) and state.container.exit_code:
        return msg("It is not running, so the hardening could not be verified. Start it first. If it ends at once, "
                   "Denied tells why, and relaunches it with what it lacks.")  # fmt: skip
    if not runs(state):
        return msg("It is not running, so the hardening could not be verified. Start it first.")
    if state.matrix is None:
        return msg("None of its processes can be read, so the hardening could not be verified.")
    return None


def _guessed(change: Change) -> bool:
    """Whether it takes something back of which nobody saw whether it is used: that a copy starts shows nothing then."""
    taken = change.kind is ChangeKind.TAKE_BACK and change.on
    return taken and change.evidence.use is Use.UNKNOWN and not change.evidence.rare


class RelaunchDraft(PlanDraft):
    """The relaunch is thought through a moment after the last switch, since that asks the engine.

    `try_wanted`: on a copy, with the plan's choices. `relaunch_wanted`: a usecases' Plan that nothing stands in the way
    of, its Preview and command. The others lead where their names say.
    """

    try_wanted = Signal()
    cancel_wanted = Signal()
    relaunch_wanted = Signal(object, object, str)
    show_wanted = Signal()
    aside_wanted = Signal()
    recover_wanted = Signal()
    export_wanted = Signal()
    ticked = Signal()  # only the button is another: time went by

    def __init__(self, hardening: Hardening, queries: QueryRunner, seen: Callable[[], bool], parent: QObject) -> None:
        """No relaunch is thought through that is not `seen`."""
        super().__init__(hardening, queries, parent)
        self._hardening, self._seen = hardening, seen
        self.underway: Underway | None = None  # a run, of whichever container
        self._clock = QTimer(self)
        self._clock.setInterval(500)
        self._clock.timeout.connect(self.ticked)
        self.trial: Trial | None = None
        self.relaunch: Plan | None = None
        self.line: Written | None = None  # of a sandbox, which no engine relaunches
        self.preview: Preview | None = None
        self.command = ""
        self.changed_lines: tuple[str, ...] = ()  # of that command, each led by its sign
        self.left_lines: tuple[str, ...] = ()  # what else would change with the first row that keeps it critical
        self._kept: tuple[Transaction, ...] = ()
        self._used: tuple[Key, frozenset[str]] | None = None
        self._waited = frozenset[str]()  # what had been used when the wait for it began
        self._by_use = False  # the plan that is on its way is asked for because of what was seen
        self._pressed = False  # and to be done as soon as the plan is judged
        self._timer = later(self, SETTLE, self.ask_plan)
        self.use_timer = later(self, LEARNED, self._ask_learned)

    # -- what is in view

    def show_kept(self, kept: tuple[Transaction, ...]) -> None:
        """What is kept now, of all containers."""
        before, self._kept = self._kept, kept
        self._say_why_again()
        if self.state is not None and _made_by(before, self.state) != _made_by(kept, self.state):
            self.ask_anew()  # what it says of the changes that are in force

    def show_used(self, key: Key, used: frozenset[str]) -> None:
        """What that container was seen using: once that is another, its plan may be."""
        trial, before = self.trial, self._used
        if trial is None or trial.key != key:
            self._used = key, used
            if before is not None and before[0] == key and before[1] != used and not self.use_timer.isActive():
                self._waited = used
                self.use_timer.start()

    def _ask_learned(self) -> None:
        if self._used is None or not self._in_view(self._used[0]):
            return
        if self.trial is not None and self.trial.key == self._used[0]:
            self.use_timer.start()  # until the trial is over
            return
        self._by_use = True
        self.ask_anew()
        if self._waited != self._used[1]:  # more came meanwhile
            self._waited = self._used[1]
            self.use_timer.start()

    def _come(
        self, state: ContainerState, wanted: Wanted | None, answer: tuple[Offer, Judged, Judged] | Failure
    ) -> None:
        by_use, self._by_use = self._by_use, False
        same = self._known is not None and self.plan is not None and start(self._known) == start(state)
        if by_use and same and self._settled and (isinstance(answer, Failure) or _keeps(self.plan, answer[2].plan)):
            self._drop()  # what worked on the copy stays, unless it closes what is in use by now
            return
        super()._come(state, wanted, answer)

    @property
    def running(self) -> str:
        """The step of a run that is under way, in words."""
        return "" if self.underway is None else self.underway.line

    def show_running(self, line: str, step: str = "", *, undoes: bool = False) -> None:
        """A run is under way: its step in words, and its id; "" when it is over."""
        before, now = self.underway, time.monotonic()
        self.underway = None
        if line:
            began = now if before is None else before.began
            same = before is not None and before.step == step
            stepped = before.stepped if before is not None and same else now
            self.underway = Underway(line, step, undoes, began, stepped)
        if (before is None) is not (self.underway is None):
            self._say_why_again()
            (self._clock.stop if self.underway is None else self._clock.start)()
        if before is not None and self.underway is None:
            self._make_soon()
        self.changed.emit()

    @property
    def _settled(self) -> bool:
        """What is tried, or worked, is what is relaunched; but see `show_used`."""
        trial, state = self.trial, self.state
        return self.tried is not None or (trial is not None and state is not None and trial.key == state.key)

    def _why_nothing(self) -> Message | None:
        return why_nothing(self.state, self._refused, self._kept, running=bool(self.running))

    def _say_why_again(self) -> None:
        """Why there is nothing here may be another by now."""
        why = None if self.nothing is None or self._asked is not None else self._why_nothing()
        if why is not None:
            self._hide(why)

    # -- what would be done

    @property
    def tried(self) -> Worked | None:
        """The copy that worked with the plan as it stands now."""
        own, plan = self.own, self.plan
        worked = None if own is None else own.worked
        return worked if worked is not None and plan is not None and worked.choices == frozenset(plan.choices) else None

    @property
    def final(self) -> tuple[Choice, ...]:
        """What a relaunch would be made of: what was tried, where it was."""
        return self.choices if self.tried is None else self.tried.done

    @property
    def awaited(self) -> bool:
        """Whether the relaunch is being thought through, or will be."""
        there = self.relaunch is not None or self.line is not None
        return not there and self.failure is None and self.usable and bool(self.choices)

    def turn_remedy(self, remedy: Remedy, on: bool) -> None:
        """An option that makes it safe."""
        if (own := self.own) is not None:
            own.remedies = own.remedies | {remedy} if on else own.remedies - {remedy}
            self.ask_again()

    def ask_again(self) -> None:
        """What stood in the way may be gone."""
        self._make_soon()
        self.changed.emit()

    def ask_if_missing(self) -> None:
        """It is seen now."""
        if self.relaunch is None and self.choices:
            self._timer.start()

    def ask_plan(self) -> None:
        """At once."""
        state, own, choices, self.failure = self.state, self.own, self.final, None
        if state is not None and own is not None and choices and self._seen() and self.look_only is None:
            keeping = () if self.plan is None else self.plan.keeping
            left = keeping[0].choices if keeping else ()
            asking: Callable[[], Thought | Written]
            asking = partial(_thought_through, self._hardening, state, choices, own.remedies, left)
            if state.container.sandbox is not None:
                asking = partial(self._hardening.line, state, choices)
            self._queries.ask("plan", asking, self._planned, state.container.engine)
        self.changed.emit()

    def _make_soon(self) -> None:
        self._forget_made()
        if self.choices:
            self._timer.start()

    def _forget_made(self) -> None:
        self._timer.stop()
        self._queries.drop("plan")
        self.relaunch, self.preview, self.command, self.line = None, None, "", None
        self.changed_lines = self.left_lines = ()

    def _planned(self, answer: Thought | Written | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure = answer
        elif isinstance(answer, Written):
            self.line, self.command, self.changed_lines = answer, answer.text, answer.lines
        else:
            self.relaunch, self.preview, self.command, self.changed_lines, self.left_lines = answer
        self.changed.emit()
        if self._pressed:
            self._pressed = False
            self.press()

    # -- the copy

    def begin_trial(self, state: ContainerState, choices: tuple[Choice, ...]) -> None:
        """A copy of that container is being tried with these."""
        now, own = time.monotonic(), self._wishes.of(state.key)
        own.no_copy, self.failure = None, None
        rows = self.plan.changes if self.plan is not None and self._in_view(state.key) else ()
        self.trial = Trial(state.key, state.container.name, choices, now, now, rows)
        self.changed.emit()

    def tell_trial(self, trial: Trial) -> None:
        """How far it is."""
        self.trial = trial
        self.ticked.emit()

    def end_trial(self, done: Tightened, trials: Sequence[TrialDone], *, cancelled: bool) -> None:
        """What came of it. What broke it is marked, and off."""
        trial, self.trial = self.trial, None
        if trial is not None:
            own = self._wishes.of(trial.key)
            match done.verdict.ends:
                case Ends.FOUND | Ends.NOTHING:
                    learn(own, trial.choices, done, trials, trial.rows)
                case Ends.CUT_OFF if not cancelled and done.tried is not None and done.tried.why is not None:
                    self.failure = Failure(MessageError(done.tried.why))
                case Ends.CUT_OFF:
                    pass
                case ends:
                    last = done.tried
                    own.no_copy = last.why if last is not None and last.why is not None else ENDS[ends]
            if self._in_view(trial.key):
                if self.pending:
                    self._ask_wanted()
                else:  # the same plan: judged again, it may have other values by what the copy was seen using
                    self._make_soon()
        self.changed.emit()

    def end_finding(self, key: Key, found: Loosened, trials: Sequence[TrialDone]) -> None:
        """What breaks a relaunch that failed is marked, and off."""
        asked, self.trial = () if self.trial is None else self.trial.choices, None
        own = self._wishes.of(key)
        for choice in asked:
            if choice.id in found.breaks:  # by a row's key, whichever it has there
                for name in (choice.id, str(choice), *map(str, choice.pieces)):
                    own.on[name], own.failed[name] = False, why_failed(choice, trials)
        if self._in_view(key):
            self._ask_wanted()
        self.changed.emit()

    def fail_trial(self, failure: Failure | None) -> None:
        """It has no result; None: it was stopped."""
        self.trial, self.failure = None, failure
        self.changed.emit()

    # -- the button

    @property
    def button(self) -> PlanButton:
        """What it says and does now."""
        plan, own, trial = self.plan, self.own, self.trial
        if self.underway is not None:
            return underway(self.underway)
        if trial is not None and self.state is not None and trial.key != self.state.key:
            return PlanButton(Act.NOTHING, TRY, msg("A copy of {name} is being tried.", name=trial.name))
        if trial is not None:
            return trying(trial)
        if plan is None or own is None:
            return PlanButton(Act.NOTHING, TRY, UNTOUCHED if self.coming else None)
        if self.look_only is not None:
            return PlanButton(Act.NOTHING, TRY, self.look_only, numbers=True)
        if self.failure is not None:
            return PlanButton(
                Act.AGAIN, msg("Try again"), self.failure.message, sign=Sign.ATTENTION, more=self.failure.words
            )
        if not plan.choices:
            return idle(plan)
        if self.state is not None and self.state.container.sandbox is not None:
            return PlanButton(Act.EXPORT, COPY_LINE, BY_YOU, numbers=True)
        made = self.relaunch
        if made is not None and made.checked.blocks:
            return blocked(made)
        if made is not None and made.live:
            return PlanButton(Act.RELAUNCH, msg("Change limits"), msg("It keeps running; only its limits change."),
                              numbers=True)  # fmt: skip
        return self._further(plan, own)

    def _further(self, plan: HardeningPlan, own: Own) -> PlanButton:
        tried = self.tried
        if tried is not None:
            if guessed := [row_title(change, self.state) for change in plan.changes if _guessed(change)]:
                line = msg("Not tested: {names}.", names=listed(guessed))
                return PlanButton(
                    Act.RELAUNCH, msg("Relaunch"), line, msg("The copy starts."), Sign.UNKNOWN, numbers=True
                )
            nothing = msg("Runs on the copy. Nothing was there to test.")
            lead = msg("The copy runs as before.") if tried.compared else nothing
            return PlanButton(Act.RELAUNCH, msg("Relaunch"), None, lead, Sign.DONE, numbers=True)
        if own.no_copy is not None:
            line = msg("No copy is possible: {why}", why=own.no_copy)
            return PlanButton(Act.RELAUNCH, msg("Relaunch"), line, sign=Sign.UNKNOWN, numbers=True)
        failed = [change for change in plan.changes if change.key in own.failed and not change.on]
        if failed:
            why = own.failed[failed[-1].key]
            line = msg("{why} Its row is marked used.", why=why)
            word = msg("Try again without it: {then}", then=f"{plan.then.exposure.worst:.1f}")
            return PlanButton(Act.TRY, word, line, msg("The copy stopped:"), Sign.ATTENTION)
        return PlanButton(Act.TRY, TRY, UNTOUCHED, numbers=True)

    @property
    def spoken(self) -> str:
        """The button and what stands above it, for a screen reader."""
        button = self.button
        return " ".join(translate(each) for each in (button.lead, button.line, button.word) if each is not None)

    @property
    def downtime(self) -> Message | None:
        """How long it would be away, as far as that is known."""
        made, tried = self.relaunch, self.tried
        if made is None or made.live:
            return None
        if made.owner is not None:
            return made.owner.title
        if tried is not None and tried.seconds is not None:
            return msg("about {seconds} s down, way back kept", seconds=max(1, round(tried.seconds)))
        return msg("stops within {seconds} s, way back kept", seconds=made.spec.stop_timeout)

    def press(self) -> None:
        """Press the button: try, relaunch, stop the trial, or the way out of what stands in the way."""
        button = self.button
        unmade = self.relaunch is None and self.failure is None and button.act is Act.RELAUNCH
        unmade = unmade or (button.word is COPY_LINE and self.line is None)
        if self.pending or unmade:
            self._pressed = self.usable
            if not self._timer.isActive() and self.usable:
                self.ask_plan()
            return
        match button.act:
            case Act.TRY:
                self.try_wanted.emit()
            case Act.CANCEL:
                self.cancel_wanted.emit()
            case Act.SHOW:
                self.show_wanted.emit()
            case Act.AGAIN:
                self.failure = None
                self.ask_plan()
            case Act.REMEDY if button.remedy is not None:
                self.turn_remedy(button.remedy, True)
            case Act.ASIDE:
                self.aside_wanted.emit()
            case Act.RECOVER:
                self.recover_wanted.emit()
            case Act.EXPORT:
                self.export_wanted.emit()
            case Act.RELAUNCH:
                self.relaunch_now()

    def relaunch_now(self) -> None:
        """Without trying it on a copy."""
        if self.relaunch is not None and self.preview is not None and not self.relaunch.checked.blocks:
            self.relaunch_wanted.emit(self.relaunch, self.preview, self.command)


def _made_by(kept: tuple[Transaction, ...], state: ContainerState) -> tuple[str, ...]:
    """Ids of what has made that container."""
    return tuple(each.id for each in kept if (each.engine, each.new) == state.key)


def _keeps(shown: HardeningPlan | None, new: HardeningPlan) -> bool:
    """Whether all that is on in the plan that is shown is on in the new one."""
    on = {change.key for change in new.changes if change.on}
    return shown is None or all(change.key in on for change in shown.changes if change.on)


Thought = tuple[Plan, Preview, str, tuple[str, ...], tuple[str, ...]]


def _thought_through(
    hardening: Hardening,
    state: ContainerState,
    choices: tuple[Choice, ...],
    remedies: frozenset[Remedy],
    left: tuple[Choice, ...],
) -> Thought:
    made = hardening.plan(state, choices, remedies)
    command = hardening.command(made)
    further: tuple[str, ...] = ()
    if made.owner is not None:
        changed = tuple(f"+ {line}" for file in made.owner.files for line in file.text.splitlines() if line.strip())
    else:
        asked = replace(made, wanted=made.spec.asked, choices=(), files=(), body=made.spec.body)
        before = hardening.command(asked)
        changed = _differing(before, command)
        if left:  # against what it has, not against what the plan would make of that
            with suppress(ToggleError):
                further = _differing(before, hardening.command(hardening.plan(state, merged(left), remedies)))
    return made, hardening.preview(state, choices, made.files), command, changed, further


def _differing(before: str, after: str) -> tuple[str, ...]:
    """The options of two commands that are not in both, what goes first."""
    one, two = (
        [line.strip() for line in text.replace("\\\n", "\n").splitlines() if line.strip() and line[0] != "#"]
        for text in (before, after)
    )
    gone = [f"- {line}" for line in one if line not in two]
    return (*gone, *(f"+ {line}" for line in two if line not in one))
