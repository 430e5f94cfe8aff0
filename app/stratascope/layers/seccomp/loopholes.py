"""Rules of a filter that don't hold: the same effect passes with another value, by another call, or past all filters.

Each is found by evaluating the filter with the calls that the threats need, never by a version or a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from sys import intern

from stratascope.bounded_cache import alike, remembered
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.known_flaws import flaws_of
from stratascope.core.layer import Finding
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.needs import Call, Calls
from stratascope.layers.seccomp.arguments import NARROW, actions_of
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import FilterSource, entry_points, kernel_release
from stratascope.layers.seccomp.stances import PASSING
from stratascope.linux.seccomp import SeccompMode
from stratascope.linux.seccomp_answer import Answers
from stratascope.linux.syscalls import Abi
from stratascope.value import Value

# never implemented (unimplemented(2)): a filter that does not mention it does not stop new calls
_NEVER = Call("vserver")
_ADVICE = msg("Use a newer engine, whose default is fixed, or a profile of your own that covers both.")


class Loopholes(Value):
    """`upper_half`: calls that pass with the upper half of an argument set and are stopped without. `socketcall`,
    `io_uring`: whether these give sockets that the filter stops. `unasked`: calls stopped by a rule of their own, for
    which newer kernels don't consult filters.
    """

    upper_half: tuple[str, ...]
    socketcall: bool
    io_uring: bool
    unasked: tuple[str, ...] = ()


def loopholes(facts: SeccompFacts, around: Surroundings) -> list[Finding]:
    """Loopholes in the first process's filter."""
    if facts.mode is not SeccompMode.FILTER or facts.origin is None or facts.unseen:
        return []
    certain = tuple(abi for abi, sure in entry_points(around.ground) if sure)
    found = _of(facts.origin, certain)
    source = f"{facts.status_source}:Seccomp"
    return list(_findings(found, around.ground, source))


@remembered(4000)
def _of(origin: FilterSource, points: tuple[Abi, ...]) -> Loopholes:
    if not points:
        return Loopholes((), False, False)
    own = origin.answers(points[0])
    upper = tuple(dict.fromkeys(way.name for way in _ways() if points[0].wide and _by_upper_half(way, own)))
    closed = any(_stopped(way, own) for way in _ways() if way.name == "socket")
    old = Abi.I386 in points and _passes(Call("socketcall", ((0, 1),)), origin.answers(Abi.I386))
    by_rule = _passes(_NEVER, own)
    unasked = tuple(name for name in PASSING if by_rule and _stopped(Call(name), own))
    return Loopholes(upper, closed and old, closed and _passes(Call("io_uring_setup"), own), unasked)


def _findings(found: Loopholes, ground: Ground, source: str) -> Iterator[Finding]:
    if found.upper_half:
        text = msg(
            "It compares 64 bits of an argument of which the kernel reads only 32: with the upper half set, the call "
            "passes ({calls}).",
            calls=", ".join(found.upper_half),
        )
        yield _finding("upper-half", text, source)
    if found.socketcall:
        text = msg("Its rules for socket do not cover socketcall, with which 32-bit programs create sockets.")
        yield _finding("socketcall", text, source)
    disabled = ground.sysctl("kernel.io_uring_disabled")
    if found.io_uring and ground.feature("io_uring") and disabled in (None, "0"):
        text = msg("Its rules for socket do not cover io_uring, which creates sockets past every filter.")
        yield _finding("io-uring-sockets", text, source)

    release = kernel_release(ground)
    unasked = [name for name in found.unasked if release is not None and release >= PASSING[name]]
    if unasked:
        text = msg(
            "Its rules for {calls} have no effect: this kernel consults no filter for them.", calls=", ".join(unasked)
        )
        advice = msg("Remove the rule, so that nobody relies on it: only a probe set by root makes such a call.")
        yield Finding("seccomp.unasked-calls", "seccomp", Severity.LOW, text, advice, source, ("seccomp(2)",))


def _finding(name: str, text: Message, source: str) -> Finding:
    code = intern(f"seccomp.{name}")
    refs = alike((*flaws_of(code), "seccomp(2)"))
    return Finding(code, "seccomp", Severity.MEDIUM, alike(text), _ADVICE, source, refs)


@cache
def _ways() -> tuple[Call, ...]:
    """All calls with arguments that a threat needs."""
    found: dict[Call, None] = {}
    for threat in all_threats():
        for route in threat.routes:
            for step in route.steps:
                for need in step.needs:
                    if isinstance(need, Calls):
                        found.update(dict.fromkeys(way for way in need.ways if way.args))
    return tuple(found)


def _by_upper_half(way: Call, answers: Answers) -> bool:
    narrow = any((way.name, place) in NARROW for place, _ in way.args)
    return narrow and _stopped(way, answers) and _passes(way, answers)


def _stopped(way: Call, answers: Answers) -> bool:
    """Whether the call as written is stopped."""
    actions = actions_of(way, answers, narrow=False)
    return bool(actions) and all(action.lets_through is False for action in actions)


def _passes(way: Call, answers: Answers) -> bool:
    """Whether it passes with any upper half that the kernel ignores."""
    return any(action.lets_through for action in actions_of(way, answers, narrow=True))
