"""What came of trying a threat, beside what was predicted. Types only."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.core.threats.threat import Outcome
from stratascope.value import Value


class Tried(StrEnum):
    OPEN = "open"
    STOPPED = "stopped"
    NOT_TRIED = "not-tried"


class AttemptOutcome(Value):
    """One threat, tried. `layer`: which stopped it, by its id or "ground"; None if it is open, was not tried, or nobody
    can tell. `call` and `step` say which attempt decided: the one that got through, else the first that was refused.
    `errno`: of its refusal, 0 where no call failed and yet nothing was reached; None if nothing was refused. `seconds`:
    of all attempts for it. `why`: set where it was not tried, or where there is more to say.
    """

    threat: str
    predicted: Outcome
    tried: Tried
    layer: str | None = None
    call: str = ""
    errno: int | None = None
    step: str = ""
    seconds: float = 0.0
    why: Message | None = None

    @property
    def differs(self) -> bool:
        """Whether it came otherwise than was predicted."""
        known = self.predicted is not Outcome.UNKNOWN and self.tried is not Tried.NOT_TRIED
        return known and self.predicted.value != self.tried.value


class Checked(Value):
    """All threats tried on a disposable container of that configuration. `why`: where that was not possible."""

    engine: str
    configuration: str
    outcomes: tuple[AttemptOutcome, ...] = ()
    why: Message | None = None

    @property
    def tried(self) -> tuple[AttemptOutcome, ...]:
        return tuple(each for each in self.outcomes if each.tried is not Tried.NOT_TRIED)

    @property
    def differing(self) -> tuple[AttemptOutcome, ...]:
        return tuple(each for each in self.outcomes if each.differs)


class RouteLine(Value):
    """What the program says of one attempt. `vain`: no call failed, and yet nothing was reached."""

    threat: str
    route: str
    call: str
    result: str  # open stopped untried unknown elsewhere
    errno: int
    vain: bool
    seconds: float
