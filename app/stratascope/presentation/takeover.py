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


def taking_over(states: tuple[ContainerState, ...]) -> TakingOver:
    """Of these containers."""
    running = [state for state in states if may_run(state)]
    could = tuple(state for state in running if critical(state))
    unread = sum(state.matrix is None for state in running)
    return TakingOver(could, sum(undecided(state) for state in running), unread, len(running))


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
        return msg("Not known if one could take over")
    return msg("None of {total} can take over this machine", total=found.total - found.unknown)


def runs(state: ContainerState) -> bool:
    """Whether a process of it can be expected."""
    container = state.container
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
