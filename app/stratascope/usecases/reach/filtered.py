"""Whether a process can open files, and make and connect sockets, by its filter of system calls: it may refuse the call
or the family. And whether there is a way past that. Calls of another architecture are ruled by themselves, and io_uring
does the same with no call that a filter sees (io_uring_enter(2)). A call that is answered by a signal may be made for
it by another program, which its handler asks (SECCOMP_RET_TRAP, as browsers do): what that one lets through is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.core.message import msg
from stratascope.core.reach.row import Answer, ReachRow
from stratascope.core.threats.catalogue.shared import AF_INET, AF_INET6, AF_UNIX, calls, connecting, socket
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.usecases.reach.files import Verdict, best
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace

Needs = tuple[Need, ...]
_OPENING = ("open", "openat", "openat2")
FILES: tuple[Needs, ...] = ((calls(*_OPENING),),)
FOLDERS: tuple[Needs, ...] = (  # to change what lies in one
    (
        calls(
            *(*_OPENING, "creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat"),
            *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"),
        ),
    ),
)
UNIX: tuple[Needs, ...] = (connecting(AF_UNIX),)
INTERNET: tuple[Needs, ...] = ((socket(AF_INET),), (socket(AF_INET6),))
_TRAPPED = msg("Its filter refuses that; whether another program does it for this one is not known.")


def by_filter(subject: Judged, ways: Iterable[Needs]) -> Verdict:
    """Of one of these; `indirect` where only past the filter, with how."""
    return best(sorted((_one(subject, needs) for needs in ways), key=lambda each: each.indirect))


def past(row: ReachRow, by: Verdict) -> ReachRow:
    """An open row, where the filter refuses what it takes."""
    if row.answer is not Answer.OPEN or not by.indirect:
        return row
    return replace(row, answer=by.answer, why=by.why, indirect=True)


def _one(subject: Judged, needs: Needs) -> Verdict:
    rulings = [item for need in needs for item in subject.rulings(need)]
    refused = [(layer, ruling) for layer, ruling in rulings if ruling.stance is Stance.STOPS]
    if refused:
        ring = _by_ring(subject, frozenset(layer for layer, _ in refused))
        trapped = ring.answer is Answer.CLOSED and all(ruling.trapped for _, ruling in refused)
        return Verdict(Answer.UNKNOWN, why=_TRAPPED, indirect=True) if trapped else ring
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
