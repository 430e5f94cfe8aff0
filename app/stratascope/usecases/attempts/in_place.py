"""Tries threats in a running container or sandbox itself: only by attempts that change nothing, as a child of its first
process would make them. No engine is asked for anything.

What only a program of its image, or a new one, would gain is not tried there: where that is what is predicted to let a
threat through, its refusal says nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import msg
from stratascope.core.ports import RootOnlyError
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.threat import Outcome
from stratascope.layers.mac.facts import MacFacts
from stratascope.linux.process import ProcessStatus
from stratascope.usecases.attempts import reasons
from stratascope.usecases.attempts.attempts import NotTriedError, Step, Told, by_id, judged, outcome_in, parsed
from stratascope.usecases.attempts.copy import is_root, sets_of, status_of
from stratascope.usecases.judging import matrix_of
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace

# The program among the processes of that one, with its mount namespace as it was read: what it said. The words are its
# arguments; the mark is what its lines begin with.
Run = Callable[[int, bytes, str, Sequence[str], str, Callable[[], bool]], str]
_LANDLOCKED = ("pivot-root",)  # of what is tried in place, what Landlock refuses: landlock(7)


def tries_in_place(
    subject: Judged, program: bytes, wanted: Sequence[str], run: Run, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Step | AttemptOutcome]:
    """Try these threats there. Raises NotTriedError, ProbeError."""
    state = subject.state
    status, capture = status_of(state), state.capture
    inside = None if capture is None else capture.text("ns/mnt")
    if isinstance(inside, Gap) and inside.kind is GapKind.DENIED:
        raise RootOnlyError
    if status is None or capture is None or not isinstance(inside, str):
        raise NotTriedError(msg("Its first process could not be read, so nothing can be tried as it."))
    predicted = by_id(matrix_of(subject.parts, subject.around))
    yield Step(msg("Trying"))
    mark = secrets.token_hex(8)
    doing = [name for name in wanted if name not in reasons.NEVER]
    words = [f"mark={mark}", f"threats=,{','.join(doing)},"]
    words += sets_of(status)
    text = run(capture.pid, program, mark, words, inside.strip(), cancelled)
    if f'{mark}{{"done"' not in text:
        raise NotTriedError(msg("Cancelled.") if cancelled() else msg("It ended before it had tried everything."))
    told = _entered(parsed(text, mark), text, mark)
    facts = subject.facts("mac")
    locked = not isinstance(facts, MacFacts) or facts.may_be_landlocked or bool(facts.confinements)
    regains = _regains(state, status)
    for name in wanted:
        original = predicted.get(name)
        if name in reasons.NEVER:
            yield AttemptOutcome(name, outcome_in(predicted, name), Tried.NOT_TRIED, why=reasons.NEVER[name])
            continue
        lines = [line for line in told.lines if line.threat == name]
        own = replace(
            told, loose=told.loose or (locked and name in _LANDLOCKED),
            short=told.short or (regains and outcome_in(predicted, name) is not Outcome.STOPPED),
        )  # fmt: skip
        yield judged(name, lines, original, original, own, sees=False)


def _entered(told: Told, text: str, mark: str) -> Told:
    """With what could not be joined."""
    first = json.loads(text.partition("\n")[0].removeprefix(mark))
    return replace(told, loose=told.loose or bool(first["loose"]), short=told.short or bool(first["short"]))


def _regains(state: ContainerState, status: ProcessStatus) -> bool:
    """Whether root would have more after starting a program: capabilities(7)."""
    more = (status.bounding or 0) & ~(status.permitted or 0)
    return is_root(state, status) and not status.no_new_privs and more != 0
