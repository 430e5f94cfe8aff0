"""The plan: the one ordered list of changes for a container, each with its evidence, on or off.

What a careful engineer would do, in that order: take back what was granted beyond the engine's default, let go of what
is not used, then limits. Card, column, commands and files show the same plan and the same number.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Alternative, Choice, Evidence
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.value import Value


class ChangeKind(StrEnum):
    """In the order of preference: a hole is closed where it was made rather than fenced."""

    TAKE_BACK = "take-back"
    UNUSED = "unused"
    LIMIT = "limit"
    GIVE = "give"  # what a person wants back: none suggests it


class Change(Value):
    """One row of a plan. `choices`: the first is its own, the others keep what is used or close it for good. `key`:
    distinguishes it from the others of the plan, also of one that is made again: it names no value that may change.

    `on`: whether it is suggested; `reason`: why, where that is not what the evidence says. `closes`: ids of threats of
    `SERIOUS` that are open now, and that it stops alone. `alone`: the exposure with just this; `in_order`: with all
    that is on up to it, this one included. `effect`: by how much flipping it changes the exposure, all others as they
    stand; `deeper`: how many threats more layers stop with it, likewise. `breaks`: what it could break. `critical`: it
    takes back a part of what opens something critical. `calls`: of a filter, how many system calls pass now, less those
    that pass with the plan and it; None: not known. `shuts`: what a sandbox gets at no more with it, as
    `Toggle.shuts`.
    """

    choices: tuple[Choice, ...]
    kind: ChangeKind
    evidence: Evidence
    on: bool
    reason: Message | None = None
    closes: tuple[str, ...] = ()
    alone: float | None = None
    in_order: float | None = None
    effect: float = 0.0
    deeper: int = 0
    breaks: tuple[Message, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    critical: bool = False
    key: str = ""
    calls: int | None = None
    shuts: tuple[str, ...] = ()

    @property
    def choice(self) -> Choice:
        """Its own, without what goes along."""
        return self.choices[0]


class Wanted(Value):
    """What a person wants of a plan: rows switched on or off and their values, by key; `more`: choices beside, each of
    which switches on the row that makes it, or gets one.
    """

    on: tuple[tuple[str, bool], ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    more: tuple[Choice, ...] = ()


class HardeningPlan(Value):
    """For one container. `choices`: all that is on, one a toggle; `now`, `then`: all threats, without and with them.

    `impossible`: changes that this engine or container can't do, and why. `unclosed`: those of `SERIOUS` that stay open
    with all rows on: no switch closes them.
    """

    changes: tuple[Change, ...]
    choices: tuple[Choice, ...]
    now: Matrix
    then: Matrix
    impossible: tuple[tuple[Choice, Message], ...] = ()
    unclosed: tuple[ThreatState, ...] = ()

    def row(self, choice: Choice) -> Change | None:
        """The row that makes this choice, among others or alone; of any value where its toggle has no other row."""
        rows = [change for change in self.changes if change.choice.toggle is choice.toggle]
        pieces = set(choice.pieces)
        whole = [change for change in rows if pieces <= set(change.choice.pieces)]
        return next(iter(whole or (rows if len(rows) == 1 and choice.toggle.single is None else ())), None)

    @property
    def left(self) -> tuple[ThreatState, ...]:
        """Those of `SERIOUS` that stay open, the worst first."""
        return tuple(state for severity in SERIOUS for state in self.then.open(severity))

    @property
    def keeping(self) -> tuple[Change, ...]:
        """What was granted, is not taken back or not wholly, and holds open a critical threat."""
        if not self.then.open(Severity.CRITICAL):
            return ()
        return tuple(
            change
            for change in self.changes
            if change.critical and (not change.on or (change.evidence.used and len(change.choices) > 1))
        )

    @property
    def in_use(self) -> tuple[Change, ...]:
        """Of these, those that stay since something shows that the container uses it."""
        return tuple(change for change in self.keeping if change.evidence.used and not change.on)
