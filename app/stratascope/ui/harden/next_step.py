"""The one button of a plan, wherever it stands: what it says and does, by where the plan is. No Qt."""

from __future__ import annotations

import time
from enum import Enum

from stratascope.core.message import Message, msg, plural, verbatim
from stratascope.core.relaunch.hardening_plan import Change, HardeningPlan
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.transaction import Remedy
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import number_text
from stratascope.ui.harden.wishes import Key
from stratascope.usecases.plan.plan import Plan
from stratascope.value import Value, replace


class Act(Enum):
    """What the button does."""

    NOTHING = "nothing"
    TRY = "try"  # on a copy
    CANCEL = "cancel"  # the trial that is under way
    RELAUNCH = "relaunch"
    SHOW = "show"  # the relaunch that is under way
    AGAIN = "again"  # ask the engine once more
    REMEDY = "remedy"  # take the option that makes it safe
    ASIDE = "aside"  # show what is kept
    RECOVER = "recover"  # put right what a crash left half done
    EXPORT = "export"


class Sign(Enum):
    """What leads the line above the button."""

    NONE = ""
    DONE = "done"
    ATTENTION = "attention"
    UNKNOWN = "unknown"


class PlanButton(Value):
    """The button of the plan. `line`: what stands above it; `lead`: its first words, which are stressed; `more`: for
    the tooltip. `part`: how much of what is under way is done, from 0 to 1. `numbers`: whether now and then belong on
    it where there is room. `remedy`: the option that REMEDY takes. `spoken`: the word without what runs in it.
    """

    act: Act
    word: Message
    line: Message | None = None
    lead: Message | None = None
    sign: Sign = Sign.NONE
    more: str = ""
    part: float | None = None
    numbers: bool = False
    remedy: Remedy | None = None
    spoken: Message | None = None

    @property
    def able(self) -> bool:
        """Whether it can be pressed."""
        return self.act is not Act.NOTHING


class Trial(Value):
    """One that is under way. `began`: on the monotonic clock; `left`: seconds that it takes at the least from then on
    when it was told; `told`: when that was; `reached`: the part that was done by then.
    """

    key: Key
    name: str
    choices: tuple[Choice, ...]
    began: float
    told: float
    rows: tuple[Change, ...] = ()
    left: float | None = None
    reached: float = 0.0
    number: int = 1
    cancelling: bool = False

    @property
    def seconds(self) -> int:
        return int(time.monotonic() - self.began)

    @property
    def part(self) -> float:
        """How much of it is done, as far as can be told, and never less than before; of the first twin nobody knows
        how long it takes.
        """
        now = time.monotonic()
        gone = now - self.began
        if self.left is None:
            return min(0.3, gone / 60)
        return min(0.97, max(self.reached, gone / (gone + max(_USUAL, self.left - (now - self.told)))))

    def going_on(self, left: float | None, number: int) -> Trial:
        """The same, as told now: the twin of that number begins, and at least `left` seconds are left."""
        return replace(self, told=time.monotonic(), left=left, number=number, reached=self.part)


class Underway(Value):
    """A relaunch or an undo under way. `line`: its step in words, `step` the step's id; `began`, `stepped`: when it and
    the step began, on the monotonic clock.
    """

    line: str
    step: str = ""
    undoes: bool = False
    began: float = 0.0
    stepped: float = 0.0

    @property
    def part(self) -> float:
        """How much of it is done, by its steps; how long one takes is not known before."""
        done, after = _DONE_BEFORE.get(self.step, (0.0, 0.1))
        gone = time.monotonic() - self.stepped
        return done + (after - done) * gone / (gone + _USUAL)


_USUAL = 5.0  # seconds of a step after which half of its part is filled
# of all that is done: before a step, and with it; steps that are not listed are short, and at the beginning
_DONE_BEFORE = {
    "stop": (0.1, 0.35),
    "commit": (0.35, 0.45),
    "fill": (0.35, 0.45),
    "owners": (0.35, 0.45),
    "rename": (0.45, 0.5),
    "start": (0.5, 0.6),
    "write": (0.1, 0.2),
    "re-create": (0.2, 0.6),
    "watch": (0.6, 0.9),
    "watch-further": (0.8, 0.9),
    "verify": (0.9, 1.0),
    "compare": (0.95, 1.0),
    "roll-back": (0.5, 1.0),
}
_REMEDIES = {
    Remedy.COMMIT_LAYER: (msg("Carry its files over"), msg("Carry over what it wrote, as an image")),
    Remedy.LEAVE_LOGS: (msg("Leave its logs behind"), msg("Start the logs that it wrote outside its volumes anew")),
    Remedy.DEPENDENTS: (msg("Relaunch them too"), msg("Also relaunch the containers that depend on it")),
}
_OWN_BLOCKS = {
    "set-aside": (msg("Show what is kept"), Act.ASIDE),
    "unfinished": (msg("Repair it"), Act.RECOVER),
}
TRY, UNTOUCHED = msg("Try it safely"), msg("Your container is not touched yet.")
COPY_LINE, BY_YOU = msg("Copy the corrected line"), msg("It is started by you, not by an engine.")


def remedy_title(remedy: Remedy) -> Message:
    """The option's name, as a box to tick."""
    return _REMEDIES[remedy][1]


def effect(plan: HardeningPlan) -> tuple[str, ...]:
    """What the plan does, as it stands on its button: the exposure now and then; where it stays, how many changes."""
    now, then = number_text(plan.now), number_text(plan.then)
    on = sum(change.on for change in plan.changes)
    return (now, then) if now != then or not on else (translate(plural("{count} change", "{count} changes", on)),)


def trying(trial: Trial) -> PlanButton:
    line = msg("Yours keeps running; Esc stops it.")
    if trial.cancelling:
        return PlanButton(Act.NOTHING, msg("Stopping the copy…"), line, part=trial.part)
    word = msg("Trying on a copy, {seconds} s", seconds=trial.seconds)
    return PlanButton(Act.CANCEL, word, line, part=trial.part, spoken=msg("Trying on a copy"))


def underway(run: Underway) -> PlanButton:
    """Pressing it shows all steps, and the way to cancel."""
    seconds = max(0, int(time.monotonic() - run.began))
    word, spoken = msg("Relaunching, {seconds} s", seconds=seconds), msg("Relaunching")
    if run.undoes:
        word, spoken = msg("Undoing, {seconds} s", seconds=seconds), msg("Undoing")
    return PlanButton(Act.SHOW, word, verbatim(run.line), part=run.part, spoken=spoken,
                      more=translate(msg("Shows all steps, and can cancel it")))  # fmt: skip


def idle(plan: HardeningPlan) -> PlanButton:
    if plan.changes:
        return PlanButton(Act.NOTHING, msg("Nothing to change"), msg("No change is switched on."))
    if plan.unclosed:
        return PlanButton(Act.NOTHING, msg("No plan"), msg("No switch closes what is open."), sign=Sign.UNKNOWN)
    line = msg("The plan has nothing left to change.")
    return PlanButton(Act.NOTHING, msg("Nothing to change"), line, sign=Sign.DONE)


def blocked(made: Plan) -> PlanButton:
    """What no option deals with comes first, since then no option helps."""
    blocks = sorted(made.checked.blocks, key=lambda block: block.remedy is not None)
    first, more = blocks[0], "\n".join(translate(block.text) for block in blocks)
    if first.remedy is not None:
        word = _REMEDIES[first.remedy][0]
        return PlanButton(Act.REMEDY, word, first.text, sign=Sign.ATTENTION, more=more, remedy=first.remedy)
    word, act = _OWN_BLOCKS.get(first.code, (msg("Export instead…"), Act.EXPORT))
    return PlanButton(act, word, first.sentence, sign=Sign.ATTENTION, more=more)
