"""Whether a process can make and connect sockets: its filter of system calls may refuse it the family, or the call; and
whether there is a way past that. Calls of another architecture are ruled by themselves, and io_uring makes and connects
sockets with no call that a filter sees (io_uring_enter(2), IORING_OP_SOCKET).
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.message import msg
from stratascope.core.reach.row import Answer
from stratascope.core.threats.catalogue.shared import AF_INET, AF_INET6, AF_UNIX, connecting, socket
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.usecases.reach.files import Verdict, best
from stratascope.usecases.reach.subject import Judged

Needs = tuple[Need, ...]
UNIX: tuple[Needs, ...] = (connecting(AF_UNIX),)
INTERNET: tuple[Needs, ...] = ((socket(AF_INET),), (socket(AF_INET6),))


def made(subject: Judged, families: Iterable[Needs]) -> Verdict:
    """Of one of these families; `indirect` where only past the filter, with how."""
    return best(sorted((_made(subject, needs) for needs in families), key=lambda each: each.indirect))


def _made(subject: Judged, needs: Needs) -> Verdict:
    rulings = [item for need in needs for item in subject.rulings(need)]
    refused = frozenset(layer for layer, ruling in rulings if ruling.stance is Stance.STOPS)
    if refused:
        return _by_ring(subject, refused)
    if any(ruling.stance is Stance.UNKNOWN for _, ruling in rulings):
        return Verdict(Answer.UNKNOWN)
    aside = next((ruling.reason for _, ruling in rulings if ruling.aside), None)
    return Verdict(Answer.OPEN) if aside is None else Verdict(Answer.OPEN, why=aside, indirect=True)


def _by_ring(subject: Judged, refused: frozenset[str]) -> Verdict:
    ring = subject.threat("io-uring")
    if ring is None:
        return Verdict(Answer.UNKNOWN)
    match ring.outcome:
        case Outcome.STOPPED:
            return Verdict(Answer.CLOSED, refused)
        case Outcome.OPEN:
            return Verdict(Answer.OPEN, why=msg("By a detour: {threat}.", threat=ring.threat.title), indirect=True)
    return Verdict(Answer.UNKNOWN, why=msg("Perhaps by a detour: {threat}.", threat=ring.threat.title), indirect=True)
