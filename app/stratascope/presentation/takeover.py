"""Which containers could take over the machine, and of which it is not known: one count for window and page.

Of those that run, since nothing that does not run can try. Where none could, only those are counted of which that is
known: "None of 5" is a promise for each of the five.
"""

from __future__ import annotations

from stratascope.core.container import Status
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import listed, translate
from stratascope.value import Value

_STOPPED = frozenset({Status.CREATED, Status.EXITED, Status.DEAD, Status.REMOVING})


class TakingOver(Value):
    """`could`: those that could; `unknown`: of how many it is not known, `unread`: of how many of these nothing is;
    `total`: how many run, or may run.
    """

    could: tuple[ContainerState, ...]
    unknown: int
    unread: int
    total: int


class Judges:
    """Remembers what it found of each container until that is read anew: a window asks at each reading of any."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[ContainerState, bool, bool, bool]] = {}

    def taking_over(self, states: tuple[ContainerState, ...]) -> TakingOver:
        """Of these containers."""
        known, self._known = self._known, {}
        could, unknown, unread, total = [], 0, 0, 0
        for state in states:
            found = known.get(state.key)
            if found is None or found[0] is not state:
                found = (state, may_run(state), critical(state), undecided(state))
            self._known[state.key] = found
            _, runs_now, takes_over, open_question = found
            if runs_now:
                total += 1
                unknown += open_question
                unread += state.matrix is None
                if takes_over:
                    could.append(state)
        return TakingOver(tuple(could), unknown, unread, total)


def taking_over(states: tuple[ContainerState, ...]) -> TakingOver:
    """Of these containers."""
    return Judges().taking_over(states)


def not_known(found: TakingOver, unseen: tuple[str, ...] = ()) -> list[str]:
    """What is to be said beside that: of how many it is not known, and whose containers are not seen."""
    parts = [translate(msg("{count} not known", count=found.unknown))] if found.unknown else []
    if unseen:
        parts.append(translate(msg("{engines} not seen", engines=listed(plain(each, 60) for each in unseen))))
    return parts


def none_could(found: TakingOver, unseen: tuple[str, ...] = ()) -> Message:
    """What is said where none is known to; `unseen` are engines that may have more."""
    if found.total == 0:
        return msg("No running container seen") if unseen else msg("No container runs")
    if found.unread == found.total:
        return msg("Nothing could be read")
    if found.unknown == found.total:
        return msg("Not known whether one could take over")
    return msg("None of {total} could take over", total=found.total - found.unknown)


def runs(state: ContainerState) -> bool:
    """Whether a process of it can be expected; one that is not started yet is told as one that runs."""
    container = state.container
    if container.status is Status.PREDICTED:
        return not container.error
    return not container.error and container.pid is not None and container.status not in _STOPPED


def may_run(state: ContainerState) -> bool:
    """Whether it runs, or the engine's answer about it was not understood, so that this is not known."""
    return runs(state) or bool(state.container.error)


def critical(state: ContainerState) -> bool:
    """Whether a critical threat is open: a process in it could take over the machine."""
    return state.matrix is not None and bool(state.matrix.open(Severity.CRITICAL))


def undecided(state: ContainerState) -> bool:
    """Whether it is not known of a running container if it could take over the machine."""
    if not may_run(state) or critical(state):
        return False
    return state.matrix is None or any(
        threat.outcome is Outcome.UNKNOWN and threat.threat.severity is Severity.CRITICAL
        for threat in state.matrix.threats
    )
