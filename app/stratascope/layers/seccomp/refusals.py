"""Refusals by a seccomp filter: a call that it refuses never begins, so that is certain.

Which filter refused is found by evaluating the known one with these arguments. If it allows the call, the program has
installed a filter itself, and no setting of a container changes that. If the engine generates its filter from the
container's capabilities, a capability opens the call; whether that is better than a custom filter depends on whether
the kernel checks the capability, too.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping

from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import CallSource
from stratascope.core.message import Message, msg
from stratascope.core.observation.observation import FilterAnswer
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import HeldCapability, PassedCall, Want
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import ProfileFilter, opened_by
from stratascope.linux.audit import FilterKill, parse_record
from stratascope.linux.capability import NAMES
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import is_full
from stratascope.linux.seccomp import ALL_BITS, LOW_BITS, ActionKind, Answers, Given, Outcomes, action_of, possible
from stratascope.linux.syscalls import ARGUMENT_FLAGS, Abi, abi_named, argument_word, call_name, flag_words, numbers

_LAYER = "seccomp"
_CAPABILITIES = frozenset(NAMES)
# Calls that engines allow with a capability, although the kernel does not (always) check one for them
_ASKS_FOR_NONE_NAMES = """
clone3 get_mempolicy kcmp mbind pidfd_getfd process_madvise set_mempolicy set_mempolicy_home_node
"""
_ASKS_FOR_NONE = frozenset(_ASKS_FOR_NONE_NAMES.split())
_MAKES_NAMESPACES = frozenset(("clone", "unshare"))
_NEW_USER = 0x10000000
# … and calls whose capability is checked in the initial user namespace: one held in another does not help
_OF_THE_MACHINE_NAMES = """
acct bpf clock_settime clock_settime64 delete_module fanotify_init finit_module init_module ioperm iopl lookup_dcookie
open_by_handle_at perf_event_open quotactl quotactl_fd settimeofday stime syslog vhangup
"""
_OF_THE_MACHINE = frozenset(_OF_THE_MACHINE_NAMES.split())
_USUAL = {0, errno.EPERM, errno.EACCES, errno.ENOSYS}
_TELLING = {"socket": (0, 2), "clone": (0,), "unshare": (0,), "setns": (1,), "personality": (0,), "ioctl": (1,)}
_WHOLE = {("socket", 2): 0}  # argument values not worth showing


def refused(attempt: Attempt, facts: SeccompFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    if attempt.kind is AttemptKind.KILLED:
        return _killed(attempt, facts, around)
    if attempt.kind is not AttemptKind.CALL or attempt.entered:
        return None
    return _answered(attempt, facts, around)


def _answered(attempt: Attempt, facts: SeccompFacts | None, around: Surroundings) -> Claim:
    call = _call_words(attempt)
    kinds, own = _known_answer(attempt, facts)
    who = _whose(facts, around)
    if own and (narrow := _of_32_bits(attempt, facts)):
        text = msg(
            "{filter} refuses the call {call}, whose number comes from a 32-bit program.", filter=who, call=narrow
        )
        return Claim(_LAYER, text, Strength.LIKELY, (PassedCall(Abi.I386.value, narrow, ()),))
    if own:
        text = msg("A filter that the program installed itself refuses the call {call}.", call=call)
        return Claim(_LAYER, text, Strength.SAID)
    code = errno.errorcode.get(attempt.errno, str(attempt.errno))
    opening = _opening(attempt, facts)
    if kinds == {ActionKind.USER_NOTIF}:
        text = msg("{filter} hands the call {call} to another program, which refused it.", filter=who, call=call)
        return Claim(_LAYER, text, Strength.SAID, (_passed(attempt),))
    if kinds == {ActionKind.TRACE}:
        text = msg("{filter} leaves the call {call} to a tracer, and there is none.", filter=who, call=call)
        return Claim(_LAYER, text, Strength.SAID, (_passed(attempt),))
    if opening:
        text = msg(
            "{filter} refuses the call {call} to a container without {capability}.",
            filter=who, call=call, capability=" or ".join(name.removeprefix("CAP_") for name in opening),
        )  # fmt: skip
    elif attempt.errno == errno.ENOSYS:
        text = msg("{filter} answers the call {call} as if this kernel did not have it.", filter=who, call=call)
    else:
        text = msg("{filter} refuses the call {call} and answers {errno}.", filter=who, call=call, errno=code)
    return Claim(_LAYER, text, Strength.SAID, _wants(attempt, opening))


def _killed(attempt: Attempt, facts: SeccompFacts | None, around: Surroundings) -> Claim:
    who = _whose(facts, around)
    record = next((found for line in attempt.lines if isinstance(found := parse_record(line), FilterKill)), None)
    if not attempt.name:
        text = msg("{filter} ended the process for a system call; only the kernel's log says which one.", filter=who)
        return Claim(_LAYER, text, Strength.SAID)
    _, own = _known_answer(attempt, facts)
    call = _call_words(attempt)
    if own:
        text = msg("A filter that the program installed itself ends it for the call {call}.", call=call)
        return Claim(_LAYER, text, Strength.SAID)
    wants = _wants(attempt, _opening(attempt, facts))
    if record is not None and action_of(record.action).kind is ActionKind.TRAP:
        text = msg("{filter} answers the call {call} with the signal SIGSYS.", filter=who, call=call)
        return Claim(_LAYER, text, Strength.SAID, wants)
    return Claim(
        _LAYER, msg("{filter} ends a process for the call {call}.", filter=who, call=call), Strength.SAID, wants
    )


def _known_answer(attempt: Attempt, facts: SeccompFacts | None) -> tuple[set[ActionKind], bool]:
    """The actions of the container's filter for this call, and whether another filter must have refused it."""
    answers = _answers(attempt.abi, facts)
    found = answers.actions(attempt.name, _given(attempt)) if answers is not None else None
    if not found:
        return set(), False
    kinds = {action.kind for action in found}
    # of several refusing filters, the newest one's errno counts: an errno that the container's filter does not return
    # is from a filter installed later
    other = (
        attempt.kind is AttemptKind.CALL
        and kinds == {ActionKind.ERRNO}
        and attempt.errno not in {action.number for action in found}
        and facts is not None
        and facts.source is not CallSource.MEASURED
    )
    return kinds, other or all(action.lets_through for action in found)


def _of_32_bits(attempt: Attempt, facts: SeccompFacts | None) -> str:
    """The i386 call of the same number (int 0x80), if the filter refuses that one with this error; "" for none.

    A call that never began does not show its entry point. Its arguments are not known either.
    """
    answers = _answers(Abi.I386.value, facts) if attempt.abi == Abi.X86_64.value else None
    if answers is None:
        return ""
    name = call_name(Abi.I386.value, numbers(Abi.X86_64).get(attempt.name, -1))
    found = answers.actions(name, {})
    refusing = {each.number for each in found or () if each.kind is ActionKind.ERRNO}
    return name if attempt.errno in refusing else ""


def _answers(entry: str, facts: SeccompFacts | None) -> Answers | None:
    """The container's filter's answers for an entry point."""
    abi = abi_named(entry)
    return None if abi is None or facts is None or facts.origin is None else facts.origin.answers(abi)


def _given(attempt: Attempt) -> Mapping[int, Given]:
    mask = LOW_BITS if attempt.abi == Abi.I386.value else ALL_BITS
    return {place: Given(value & mask) for place, value in enumerate(attempt.values)}


def unusual_answers(facts: SeccompFacts) -> tuple[FilterAnswer, ...]:
    """The errnos that its filter returns, except those that nearly every refusal has. Errno 0 is no refusal."""
    found = []
    if facts.origin is None:
        return ()
    for abi in Abi:
        try:
            calls = facts.origin.answers(abi).calls
        except DecodeError:
            continue
        for name, outcomes in calls:
            numbers = {each.action.number for each in outcomes if each.action.kind is ActionKind.ERRNO} - _USUAL
            found += [FilterAnswer(abi.value, name, number) for number in sorted(numbers)]
    return tuple(found)


def _whose(facts: SeccompFacts | None, around: Surroundings) -> Message:
    engine = around.engine
    match None if facts is None else facts.profile:
        case ProfileKind.DEFAULT:
            name = engine.kind.title()
            if engine.version:
                return msg("The default filter of {engine} {version}", engine=name, version=engine.version)
            return msg("The default filter of {engine}", engine=name)
        case ProfileKind.CUSTOM:
            if facts is not None and isinstance(facts.origin, ProfileFilter) and facts.origin.source.startswith("/"):
                return msg("The profile {path} of this container", path=facts.origin.source)
            return msg("The filter that this container was given")
        case ProfileKind.UNCONFINED:
            return msg("A filter that nobody asked for")
    return msg("A filter")


def _call_words(attempt: Attempt) -> str:
    """The call with the arguments that filters check: `socket(AF_VSOCK)`."""
    name, values = attempt.name, attempt.values
    words = []
    for place in _TELLING.get(name, ()):
        if place < len(values) and values[place] != _WHOLE.get((name, place)):
            value = values[place] & LOW_BITS
            flags = flag_words(name, place, value) if (name, place) in ARGUMENT_FLAGS else ()
            words.append("|".join(flags) or argument_word(name, place, value))
    plain = name == "clone" and words and not words[0].startswith("CLONE")
    return name if plain or not words else f"{name}({', '.join(words)})"


def _opening(attempt: Attempt, facts: SeccompFacts | None) -> tuple[str, ...]:
    """Capabilities with which the engine's default would allow the call; empty for other filters."""
    if facts is None or facts.profile is not ProfileKind.DEFAULT or facts.default is None:
        return ()
    if attempt.abi in ("i386", "x32"):
        return ()  # changes by capabilities are only known for the native entry point
    given = _given(attempt)
    return tuple(
        name
        for name, answers in opened_by(facts.default, _CAPABILITIES)
        if (outcomes := answers.of(attempt.name)) is not None and _all_through(outcomes, given)
    )


def _all_through(outcomes: Outcomes, given: Mapping[int, Given]) -> bool:
    left = [outcome.action.lets_through for outcome in outcomes if possible(outcome.constraints, given)]
    return bool(left) and all(left)


def _wants(attempt: Attempt, opening: tuple[str, ...]) -> tuple[Want, ...]:
    """Alternatives, each sufficient alone: allow just this call (if the kernel then needs no capability), or grant a
    capability that opens it in the filter.
    """
    if not opening:
        return (_passed(attempt),)
    uid = None if attempt.around.uid is None else attempt.inside(attempt.around.uid)
    elsewhere = attempt.uids is not None and not is_full(attempt.uids)
    useless = elsewhere and attempt.name in _OF_THE_MACHINE
    held = () if useless else tuple(HeldCapability((name,), uid) for name in sorted(opening, key=_broad))
    return (_passed(attempt), *held) if _needs_no_capability(attempt) else held


def _needs_no_capability(attempt: Attempt) -> bool:
    if attempt.name in _MAKES_NAMESPACES:
        return bool(attempt.values) and bool(attempt.values[0] & _NEW_USER)
    return attempt.name in _ASKS_FOR_NONE


def _broad(name: str) -> tuple[bool, str]:
    return name == "CAP_SYS_ADMIN", name


def _passed(attempt: Attempt) -> PassedCall:
    return PassedCall(attempt.abi, attempt.name, attempt.values)
