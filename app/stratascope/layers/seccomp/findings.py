"""Findings on a filter, on rules that can be bypassed, and on processes whose filter differs from the first process's.

A rule can be bypassed if the same effect passes with another value, by another call, or past all filters. Each such
loophole is found by evaluating the filter with the calls that the threats need, never by a version or a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from sys import intern

from stratascope.bounded_cache import alike, remembered
from stratascope.core.capture import Capture, Gap
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Ground, Surroundings
from stratascope.core.layer import CallSource, Drift, Finding
from stratascope.core.message import Message, msg, plural
from stratascope.core.process_match import thread_of
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.needs import Call, Calls
from stratascope.layers.seccomp.call_groups import warning
from stratascope.layers.seccomp.facts import INSPECT, SeccompAsked, SeccompFacts
from stratascope.layers.seccomp.filter_source import (
    FilterSource,
    ProfileFilter,
    entry_points,
    profile_warnings,
)
from stratascope.layers.seccomp.stances import NARROW, PASSING, actions_of
from stratascope.layers.seccomp.tables import more, unclear, unknown_by_default
from stratascope.layers.shared.readings import finding, kernel_release, process_status, who
from stratascope.linux.seccomp import Answers, SeccompMode
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import Value

# never implemented (unimplemented(2)): a filter that does not mention it does not stop new calls
_NEVER = Call("vserver")
_ADVICE = msg("Use a newer engine, whose default is fixed, or a profile of your own that covers both.")


class Loopholes(Value):
    """Ways around a filter. `upper_half`: calls that pass with the upper half of an argument set and are stopped
    without. `socketcall`, `io_uring`: whether these create sockets that the filter stops. `unasked`: calls stopped by a
    rule, for which newer kernels don't consult filters.
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
        yield finding("seccomp.unasked-calls", Severity.LOW, text, advice, source, "seccomp(2)")


def _finding(name: str, text: Message, source: str) -> Finding:
    code = intern(f"seccomp.{name}")
    refs = alike((*flaws_of(code), "seccomp(2)"))
    text = alike(text)
    return finding(code, Severity.MEDIUM, text, _ADVICE, source, *refs)


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


_CIS = "CIS-Docker-1.6.0:5.22"
_NAMED = 6  # calls named per sentence


class Beyond(Value):
    """Calls that pass here but not under the engine's default, by one entry point; dangerous ones first."""

    abi: Abi
    names: tuple[str, ...]

    @property
    def dangerous(self) -> int:
        """How many of them are known to be dangerous."""
        return sum(warning(name) is not None for name in self.names)


def beyond(facts: SeccompFacts, around: Surroundings) -> tuple[Beyond, ...] | None:
    """What this filter lets through and the engine's default stops. None: one of the two is unknown.

    The native entry point first; another is only listed if it lets through what the native one does not.
    """
    if facts.mode is not SeccompMode.FILTER or facts.origin is None or facts.default is None:
        return None
    return _beyond(facts.origin, facts.default, tuple(abi for abi, _ in entry_points(around.ground)))


def too_long(facts: SeccompFacts, around: Surroundings) -> bool:
    """Whether it takes too long to determine if more passes here than under the engine's default."""
    if facts.origin is None or facts.default is None or beyond(facts, around) is None:
        return False
    return _too_long(facts.origin, facts.default, tuple([abi for abi, _ in entry_points(around.ground)]))


@remembered()
def _too_long(origin: FilterSource, default: FilterSource, points: tuple[Abi, ...]) -> bool:
    return any(unclear(origin.answers(abi), default.answers(abi)) for abi in points)


@remembered(4000)
def _beyond(origin: FilterSource, default: FilterSource, points: tuple[Abi, ...]) -> tuple[Beyond, ...]:
    found: list[Beyond] = []
    listed: set[str] = set()
    own = numbers(points[0]).keys() if points else frozenset[str]()
    for abi in points:
        names = [name for name in more(origin.answers(abi), default.answers(abi)) if name not in listed]
        listed.update(names)
        # umount is only i386's umount2: nothing new if the native entry point lets the same through
        if names and not (found and own.isdisjoint(names)):
            found.append(Beyond(abi, tuple(sorted(names, key=lambda name: (warning(name) is None, name)))))
    return tuple(found)


def undecided(facts: SeccompFacts, around: Surroundings) -> bool:
    """Whether calls pass here for which it is unknown if this version's default stops them."""
    if facts.origin is None or facts.default is None:
        return False
    return _undecided(facts.origin, facts.default, tuple([abi for abi, _ in entry_points(around.ground)]))


@remembered()
def _undecided(origin: FilterSource, default: FilterSource, points: tuple[Abi, ...]) -> bool:
    return any(unknown_by_default(origin.answers(abi), default.answers(abi)) for abi in points)


def findings_of(facts: SeccompFacts, asked: SeccompAsked, around: Surroundings) -> tuple[Finding, ...]:
    """All findings on the first process's filter."""
    source = f"{facts.status_source}:Seccomp"
    if facts.mode is SeccompMode.DISABLED:
        if facts.profile in (ProfileKind.DEFAULT, ProfileKind.CUSTOM):
            text = msg("A filter was asked for, but the kernel has none on the first process.")
            advice = msg(
                "Check that the engine and the runtime were built with seccomp, then start the container again."
            )
            return (finding("seccomp.not-applied", Severity.HIGH, text, advice, source, _CIS, "PSS:restricted"),)
        text = msg("Every system call reaches the kernel: there is no filter.")
        advice = (
            msg("Start it without --privileged.")
            if asked.privileged
            else msg("Start it without --security-opt seccomp=unconfined, or give it a profile of its own.")
        )
        return (finding("seccomp.no-filter", Severity.HIGH, text, advice, source, _CIS, "PSS:baseline"),)
    if facts.mode is not SeccompMode.FILTER:
        return ()
    if facts.profile is ProfileKind.UNCONFINED:
        text = msg("No filter was asked for, but the kernel has one: it was inherited, or the program installed it.")
        advice = msg("No added risk. If a call fails for no apparent reason, check what started the engine.")
        return (finding("seccomp.unasked-filter", Severity.LOW, text, advice, source, "seccomp(2)"),)
    further = beyond(facts, around)
    found = [] if further is None else [_weaker(facts, each) for each in further]
    if facts.profile is ProfileKind.CUSTOM and further is None:
        text = msg("A profile other than the engine's default is in force; what it lets through is not known.")
        advice = msg("Compare it with the engine's default, and keep only the differences that have a reason.")
        found.append(finding("seccomp.custom-profile", Severity.LOW, text, advice, source, _CIS))
    if facts.profile is ProfileKind.CUSTOM and isinstance(facts.origin, ProfileFilter):
        found += _doubts(facts.origin)
    found += loopholes(facts, around)
    return tuple(found)


def _weaker(facts: SeccompFacts, each: Beyond) -> Finding:
    source = (
        INSPECT if facts.origin is None or facts.source is not CallSource.KERNEL else f"{facts.status_source}:Seccomp"
    )
    names = ", ".join(each.names[:_NAMED]) + (" …" if len(each.names) > _NAMED else "")
    count = len(each.names)
    if each.abi in (Abi.I386, Abi.X32):
        text = plural(
            "Through {abi} calls, the filter lets through {count} call that it should stop: {names}.",
            "Through {abi} calls, the filter lets through {count} calls that it should stop: {names}.",
            count,
            abi=each.abi.value,
            names=names,
        )
        advice = msg("Any program can use them: make the profile's rules apply to this entry point, too.")
        severity = Severity.HIGH if each.dangerous else Severity.LOW
        return finding(f"seccomp.weaker-by-{each.abi.value}", severity, text, advice, source, _CIS, "seccomp(2)")
    text = plural(
        "The filter lets through {count} call that the engine's default stops: {names}.",
        "The filter lets through {count} calls that the engine's default stops: {names}.",
        count,
        names=names,
    )
    advice = msg("Allow only calls that the program needs: start from the engine's default and add individual calls.")
    severity = Severity.HIGH if each.dangerous else Severity.LOW
    return finding("seccomp.weaker-than-default", severity, text, advice, source, _CIS)


def _doubts(origin: ProfileFilter) -> list[Finding]:
    warnings = profile_warnings(origin)
    if not warnings:
        return []
    text = plural(
        "One item in the profile is not known, and has no effect: {first}.",
        "{count} items in the profile are not known, and have no effect; the first: {first}.",
        len(warnings),
        first=warnings[0],
    )
    advice = msg("Look for a misspelt name in the profile.")
    return [finding("seccomp.profile-doubts", Severity.LOW, text, advice, origin.source, "seccomp(2)")]


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """A mode or number of filters that differs from the first process's."""
    if first.text("status") == other.text("status"):
        return ()
    one, two = process_status(first), process_status(other)
    if isinstance(one, Gap) or isinstance(two, Gap) or one.seccomp is None or two.seccomp is None:
        return ()
    found: list[Drift] = []
    source = other.source("status")
    if one.seccomp != two.seccomp:
        found.append(_mode_drift(two.seccomp, who(other), f"{source}:Seccomp", thread=thread_of(other) is not None))
    before, after = one.seccomp_filters, two.seccomp_filters
    if before is not None and after is not None and before != after:
        # with another mode, the number says nothing more
        found.append(
            Drift("seccomp.filters", found[0].finding)
            if found
            else _filters_drift(before, after, who(other), f"{source}:Seccomp_filters")
        )
    return tuple(found)


def _mode_drift(mode: int, process: Message, source: str, *, thread: bool) -> Drift:
    """Another process with a different mode than the first."""
    if mode == 0:
        text = msg("{process} has no filter; the container's first process has one.", process=process)
        advice = (
            msg(
                "Let the program install its filter for all threads at once: SECCOMP_FILTER_FLAG_TSYNC, see seccomp(2)."
            )
            if thread
            else msg("Find out who put this process into the container from outside, for example with nsenter.")
        )
        drifted = finding("seccomp.drift-no-filter", Severity.HIGH, text, advice, source, _CIS)
    else:
        text = msg("{process} has a filter; the container's first process has another mode.", process=process)
        advice = msg("Nothing to do: a program such as a browser or sshd filters its own processes.")
        drifted = finding("seccomp.drift-mode", Severity.LOW, text, advice, source, "seccomp(2)")
    return Drift("seccomp.mode", drifted)


def _filters_drift(before: int, after: int, process: Message, source: str) -> Drift:
    """Another process with more or fewer filters than the first."""
    if after < before:
        text = msg(
            "{process} has {after} filters; the container's first process has {before}.",
            process=process,
            after=after,
            before=before,
        )
        advice = msg("Filters can't be removed: the first process added its own, or this process came from outside.")
        drifted = finding("seccomp.drift-fewer-filters", Severity.MEDIUM, text, advice, source, "seccomp(2)")
    else:
        text = msg(
            "{process} has {after} filters; the container's first process has {before}.",
            process=process,
            after=after,
            before=before,
        )
        advice = msg("Nothing to do: it is stricter than the first process.")
        drifted = finding("seccomp.drift-more-filters", Severity.LOW, text, advice, source, "seccomp(2)")
    return Drift("seccomp.filters", drifted)
