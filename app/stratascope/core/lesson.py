"""A lesson: one threat, tried on disposable containers without a layer and with it. Types only; the lessons themselves
are in `usecases.attempts.lessons`.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.core.relaunch.launch_spec import PlainOptions
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.value import Value


class Move(StrEnum):
    """What a stage does to the layer."""

    AWAY = "away"
    BACK = "back"


class Stage(Value):
    """One container of a lesson. `layer`: which must refuse the threat in it; empty: none does."""

    move: Move
    options: PlainOptions
    layer: str = ""


class Lesson(Value):
    """`layer`: the one that it is about; empty: all. `home`: the sentence to take home."""

    id: str
    layer: str
    question: Message
    text: Message
    threat: str
    stages: tuple[Stage, ...]
    home: Message


class StageOutcome(Value):
    """What came of one stage. `recorded`: on which machine, where it can't be tried here; None: it was tried now."""

    stage: Stage
    outcome: AttemptOutcome
    recorded: Message | None = None

    @property
    def as_told(self) -> bool:
        """Whether it came as the lesson says."""
        wanted = Tried.STOPPED if self.stage.layer else Tried.OPEN
        return self.outcome.tried is wanted and (self.outcome.layer or "") == self.stage.layer
