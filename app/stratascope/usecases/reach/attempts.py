"""The rows of what a process can get at, after it was really tried in its place (`collector/attempts.py`).

An attempt that succeeds says *open*, unless it was made without a restriction of the process that might have refused
it; one that is refused says *closed*, unless it was made without one of its rights, or another way is known, or its
filter refused this very call. Where it can't say, the row stays as it was predicted. Landlock can't be taken on by
anybody: where it may refuse a file, only a refusal counts.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from stratascope.collector.names import TRIED
from stratascope.collector.reach_places import FILES
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.ports import Prober, Wish
from stratascope.core.reach.row import Answer, Known, Reached, ReachRow
from stratascope.layers.mac.facts import MacFacts
from stratascope.linux.reach import Found, Tried, parse_tried
from stratascope.usecases.reach import remedies
from stratascope.usecases.reach.files import MAC, NAMESPACES, USERMAP
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import Judged
from stratascope.value import Value, replace

_RIGHTS = {"home-read": ("home", "r"), "home-write": ("home", "w"), "system-write": ("system", "w")} | {
    place.id: (place.id, "r" if place.what == "f" else "c") for place in FILES if place.what != "d"
}
# Of what is asked without a file: what a restriction that is missing might have refused. Nothing is sent, so that a
# firewall is not asked.
_NETWORK = frozenset({"filter", "cgroup"})
_SCOPED = frozenset({"filter", "landlock", "label"})
_ROWS = {
    **dict.fromkeys(("internet", "lan", "metadata"), _NETWORK | {"firewall"}),
    "host-loopback": _NETWORK | {"landlock"},  # by TCP, which Landlock may refuse
    **dict.fromkeys(("abstract-sockets", "signal-others", "trace-others"), _SCOPED),
    "host-processes": frozenset({"label", "landlock"}),  # by opening what lies in /proc
    "new-user-namespace": frozenset({"filter", "label"}),
}
_SEVERAL = ("trace-others", "lan")  # open by more than what is tried, so that a refusal does not close it
_BY_FILTER = (errno.EPERM, errno.EACCES, errno.ENOSYS, -1)
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.ESRCH, errno.ENETUNREACH, errno.ECONNREFUSED)


def tried(subject: Judged, attempts: Capture) -> Reached:
    """What `reached` says, with the answers of attempts: `attempts` has the reading TRIED, which takes some seconds.

    Rows that were tried are `Known.TRIED`; where that differs from what was predicted they have `predicted`.
    """
    return with_attempts(reached(subject), subject, attempts.decoded(TRIED, parse_tried))


def attempts_by(prober: Prober, subject: Judged) -> Capture:
    """The attempts, made by this prober. Raises ProbeError."""
    wish = Wish(subject.capture.pid, (TRIED,), members=False, container=subject.state.container.id)
    return prober.capture((wish,))[0].first


def with_attempts(predicted: Reached, subject: Judged, answer: Tried | Gap) -> Reached:
    """Pure: the same rows, as the attempts answer them."""
    if isinstance(answer, Gap):
        return Reached(predicted.rows, (*predicted.gaps, _why_not(answer)))
    loose = answer.loose | _landlock(subject)
    outcomes = dict(_outcomes(answer, subject, loose | {"firewall"}))
    rows = tuple(_row(row, outcomes.get(row.thing.id), subject) for row in predicted.rows)
    return Reached(rows, (*predicted.gaps, *_lacking(loose, answer.short)))


class _Outcome(Value):
    """What the attempts for one row say. `errno`: of the refusal; `more`: how many others are open too; `by_filter`:
    its system call filter may have refused this call, and others do the same.
    """

    answer: Answer
    where: str
    errno: int = 0
    more: int = 0
    by_filter: bool = False


def _outcomes(answer: Tried, subject: Judged, loose: frozenset[str]) -> Iterable[tuple[str, _Outcome]]:
    found = subject.found
    opens = {row.id: row.errno for row in answer.rows}
    for name, (kind, right) in _RIGHTS.items():
        attempts = [(file.path, file.errno) for file in answer.files if (file.kind, file.right) == (kind, right)]
        lacking = loose & ({"landlock", "label"} if right != "c" else _SCOPED)
        # a filter sees no path: it lets all files be opened, or none; and sockets of all places alike
        barred = opens.get("open" if right != "c" else "socket", 0)
        outcome = _of(attempts, lacking, answer.short, barred, whole=_whole(found, kind, attempts))
        if outcome is not None:
            yield name, outcome
    for row in answer.rows:
        if row.id in _ROWS:
            outcome = _of([(row.where, row.errno)], loose & _ROWS[row.id], answer.short, 0, whole=True)
            if outcome is not None:
                yield row.id, replace(outcome, by_filter=bool(answer.filters) and row.errno in _BY_FILTER)


def _of(
    attempts: list[tuple[str, int]],
    loose: frozenset[str] | set[str],
    short: frozenset[str],
    barred: int,
    *,
    whole: bool,
) -> _Outcome | None:
    opened = [where for where, number in attempts if number == 0 and barred == 0]
    if opened:
        return None if loose else _Outcome(Answer.OPEN, opened[0], 0, len(opened) - 1)
    if not attempts or not whole or short:
        return None
    where, number = max(attempts, key=lambda each: each[1] not in _ABSENT)
    return _Outcome(Answer.CLOSED, where, number or barred, len(attempts) - 1, barred != 0)


def _whole(found: Found | Gap, kind: str, attempts: list[tuple[str, int]]) -> bool:
    """Whether all files of a kind were tried."""
    if isinstance(found, Gap) or kind in found.cut:
        return False
    own = [file for file in found.files if file.kind == kind]
    return not any(file.stands for file in own) and {file.path for file in own} <= {path for path, _ in attempts}


def _landlock(subject: Judged) -> frozenset[str]:
    facts = subject.facts(MAC)
    unknown = not isinstance(facts, MacFacts) or facts.may_be_landlocked
    return frozenset({"landlock"}) if unknown or (isinstance(facts, MacFacts) and facts.confinements) else frozenset()


def _row(row: ReachRow, outcome: _Outcome | None, subject: Judged) -> ReachRow:
    if outcome is None or row.answer is Answer.NEEDED:
        return row
    if outcome.answer is Answer.OPEN:
        if row.answer is Answer.OPEN:
            return replace(row, known=Known.TRIED)
        now = replace(
            row,
            answer=Answer.OPEN,
            where=outcome.where,
            more=outcome.more,
            closed_by=(),
            why=NOTHING,
            known=Known.TRIED,
        )
        return remedies.added(replace(now, predicted=row.answer), subject)
    if row.answer is Answer.CLOSED:
        return replace(row, known=Known.TRIED)
    if row.indirect or outcome.by_filter or row.thing.id in _SEVERAL:
        return row
    closed = _closed_by(outcome)
    refused = msg("It was refused: {error}.", error=os.strerror(outcome.errno))
    return replace(
        row, answer=Answer.CLOSED, closed_by=closed, why=refused, known=Known.TRIED, remedy=None, predicted=row.answer
    )


def _closed_by(outcome: _Outcome) -> tuple[str, ...]:
    """The layer, as far as the error says it."""
    return (NAMESPACES,) if outcome.errno in _ABSENT else (USERMAP,)


def _lacking(loose: frozenset[str], short: frozenset[str]) -> Iterable[Message]:
    texts = {
        "landlock": msg("Landlock can't be taken on, so what it may refuse was not tried."),
        "filter": msg("Its system call filter could not be taken on, so what that may refuse was not tried."),
        "label": msg("Its AppArmor or SELinux label could not be taken on, so what that may refuse was not tried."),
        "cgroup": msg("Its control group could not be joined, so its network was not tried."),
    }
    yield from (text for name, text in texts.items() if name in loose)
    if short:
        yield msg("Not all of its capabilities could be taken on, so what was refused is not sure.")


def _why_not(gap: Gap) -> Message:
    if gap.kind is GapKind.DENIED:
        return msg("Nothing was tried: this reader may not enter its namespaces. Read as root to try it.")
    return msg("Nothing was tried: {reason}", reason=gap.detail or gap.kind.value)
