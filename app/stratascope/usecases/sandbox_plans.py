"""Plans of sandboxes, which no engine starts: the same rows and prediction as a container's, and the corrected line.

What its maker has no option for is in no plan. What it gets at of this machine is read when a plan is asked for: that
may take a while, and belongs on a worker thread. Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from stratascope.core.container import NO_ENGINE, EngineFacts
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.options.difference import UnwritableError
from stratascope.core.ports import ProbeError, Prober
from stratascope.core.reach.row import ReachRow
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.sandboxes.lines import Written, rows_of, wanted_of, written
from stratascope.core.snapshot import ContainerState
from stratascope.layers import all_layers
from stratascope.layers.toggles import fold
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.plan.preview import Previews
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_container
from stratascope.value import replace

_NONE = msg("What made it has no options that are known here, so there is no line to correct.")
# Its first process has what its maker left it, of all that there are
_MAKER = replace(NO_ENGINE, facts=EngineFacts(default_capabilities=CapabilitySet.full().names()))


class SandboxPlans:
    """`prober`: reads what one gets at of this machine; it may return None: nothing is looked at."""

    def __init__(self, prober: Callable[[], Prober | None]) -> None:
        self._prober = prober
        self._lock = threading.Lock()
        self._known: tuple[ContainerState, Ground, Subject, Previews] | None = None  # the one asked about last

    def previews(self, state: ContainerState, ground: Ground) -> Previews:
        """Its plan and what choices come to. Raises ToggleError if nothing of it can be corrected."""
        return self._of(state, ground)[1]

    def line(self, state: ContainerState, ground: Ground, choices: Sequence[Choice]) -> Written:
        """What to start it with, or to write where, for these choices. Raises ToggleError."""
        return _written(choices, self._of(state, ground)[0])

    def _of(self, state: ContainerState, ground: Ground) -> tuple[Subject, Previews]:
        sandbox = state.container.sandbox
        if sandbox is None or not rows_of(sandbox.maker):
            raise ToggleError(_NONE)
        with self._lock:
            known = self._known
        if known is not None and known[0] is state and known[1] is ground:
            return known[2:]
        facts = tuple((layer.id, layer.facts) for layer in state.layers)
        subject = Subject(state.container, _MAKER, facts, reached=self._reached(state, ground))

        def subject_of(_: ContainerState, chosen: object, changes: Sequence[FileChange] | None) -> Subject:
            return subject

        made = Previews(all_layers(), ground, _MAKER, subject_of, why_not=lambda choice: _why_not(choice, subject))
        with self._lock:
            self._known = state, ground, subject, made
        return subject, made

    def _reached(self, state: ContainerState, ground: Ground) -> tuple[ReachRow, ...] | None:
        try:
            prober = self._prober()
            if prober is None or state.gap is not None:
                return None
            return reached(of_container(all_layers(), state, Surroundings(ground, NO_ENGINE), prober)).rows
        except ProbeError:
            return None


def _why_not(choice: Choice, subject: Subject) -> Message | None:
    try:
        _written((choice,), subject)
    except ToggleError as error:
        return error.message
    return None


def _written(choices: Sequence[Choice], subject: Subject) -> Written:
    container = subject.container
    sandbox = container.sandbox
    if sandbox is None:
        raise ToggleError(_NONE)
    try:
        after = fold(container.asked, choices, subject)
        return written(sandbox, tuple(wanted_of(container.asked, after)))
    except UnwritableError as error:
        text = msg("{maker} has no option for it that is known here.", maker=sandbox.maker_title or sandbox.maker)
        raise ToggleError(error.why or text) from error
