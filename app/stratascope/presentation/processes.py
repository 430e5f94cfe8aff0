"""One process of a container in words: its users, its rights, and where they exceed the first process's."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.layer import Layer, Verdict
from stratascope.core.message import Message, age, became, msg, plural
from stratascope.core.overview.processes import Process
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.i18n.translate import listed, together, translate
from stratascope.linux.capability import CapabilitySet
from stratascope.value import Value

UNREAD = msg("not known")
_NONE = msg("none")
_ROOT = msg("root")


class LayerComparison(Value):
    """One layer of a process, compared with the first process. `first`, `own`: both verdicts."""

    first: LayerState
    own: LayerState
    text: str
    differs: bool
    more: bool  # it is weaker, or has a right that the first lacks


def pids(process: Process) -> str:
    """The PID inside, and on the host."""
    return f"{'?' if process.pid_inside is None else process.pid_inside} / {process.pid}"


def user(number: int | None) -> str:
    """A uid as text; 0 as root, its name everywhere."""
    return translate(UNREAD) if number is None else translate(_ROOT) if number == 0 else str(number)


def users(process: Process) -> str:
    """The user inside, by name if known, and on the host."""
    if process.user is None:
        return translate(UNREAD)
    inside = process.user_name or user(process.user_inside)
    return translate(became(inside, user(process.user)))


def named_user(process: Process) -> str:
    """The number of a user who is shown by name, and the name's source; empty without a name."""
    if not process.user_name:
        return ""
    return translate(
        msg("{name} is user {number} inside: the engine was asked to start the container as this user",
            name=process.user_name, number=str(process.user_inside))
    )  # fmt: skip


def capabilities(process: Process) -> tuple[str, str]:
    """The number of effective capabilities, and a comparison with the first process."""
    if process.effective is None:
        return translate(UNREAD), ""
    count = process.effective.bit_count()
    number = str(count) if count else translate(_NONE)
    if process.more:
        return number, translate(
            plural("+{count} more than the first process", "+{count} more than the first process", process.more)
        )
    if process.state is None or not count:
        return number, ""
    if process.less:
        return number, translate(
            plural("{count} fewer than the first process", "{count} fewer than the first process", process.less)
        )
    return number, translate(msg("like the first process"))


def yes_no(value: bool | None) -> str:
    """Yes, no or not known."""
    return translate(UNREAD if value is None else msg("yes") if value else msg("no"))


def filters(process: Process) -> str:
    """The number of seccomp filters."""
    if process.filters is None:
        return translate(UNREAD)
    return translate(_NONE) if not process.filters else translate(msg("strict")) if process.filters < 0 else str(
        process.filters
    )  # fmt: skip


def age_of(process: Process, now: float) -> str:
    """How long the process has existed."""
    return "" if process.began is None else translate(short_age(now - process.began))


def short_age(seconds: float) -> Message:
    """An age, short enough for a column."""
    whole = max(0, int(seconds))
    if whole < 60:
        return msg("{count} s", count=whole)
    if whole < 3600:
        return msg("{count} min", count=whole // 60)
    return msg("{count} h", count=whole // 3600) if whole < 86400 else msg("{count} d", count=whole // 86400)


def title(process: Process) -> Message:
    """The process's name and PID, inside the container if known."""
    number = process.pid if process.pid_inside is None else process.pid_inside
    if process.thread_of is not None:
        return msg("{command}, thread {number}", command=process.command, number=str(number))
    return msg("{command}, PID {number}", command=process.command, number=str(number))


def session(process: Process, now: float) -> tuple[Message, Message]:
    """Describe an exec session by its first process: what it is, and since when."""
    name = msg("Exec session with more privileges than the first process") if process.beyond else msg("Exec session")
    if process.began is None:
        return name, msg("Started from outside, not by the first process.")
    return name, msg("Started {age} ago from outside, not by the first process.",
                     age=age(now - process.began))  # fmt: skip


def compare_layers(state: ContainerState, process: Process, layers: Sequence[Layer]) -> tuple[LayerComparison, ...]:
    """Compare each layer with the first process's, highest first; empty if the container was not read."""
    its = process.state
    own = {each.id: each for each in (its.layers if its is not None else ())}
    drifts = {} if its is None or its.capture is None or state.capture is None else {
        layer.id: layer.drift(state.capture, its.capture) for layer in layers
    }  # fmt: skip
    found = []
    for first in sorted(state.first_layers, key=lambda each: -each.number):
        mine = own.get(first.id, first)
        told = dict.fromkeys(translate(each.finding.text) for each in drifts.get(first.id, ()))
        weaker = _rank(mine) > _rank(first)
        if told:
            more = weaker or any(each.finding.severity is not Severity.LOW for each in drifts[first.id])
            found.append(LayerComparison(first=first, own=mine, text=together(told), differs=True, more=more))
        elif mine.assessment.verdict is not first.assessment.verdict:
            text = translate(mine.assessment.fact)
            found.append(LayerComparison(first=first, own=mine, text=text, differs=True, more=weaker))
        else:
            text = translate(
                mine.assessment.fact if its is None else msg("The same: {fact}", fact=first.assessment.fact)
            )
            found.append(LayerComparison(first=first, own=mine, text=text, differs=False, more=False))
    return tuple(found)


def capability_names(process: Process) -> str:
    """The names of all effective capabilities."""
    return listed(each.removeprefix("CAP_") for each in CapabilitySet(process.effective or 0).names())


_ORDER = (Verdict.ENFORCED, Verdict.UNKNOWN, Verdict.WEAKENED, Verdict.OPEN)


def _rank(layer: LayerState) -> int:
    return _ORDER.index(layer.assessment.verdict)
