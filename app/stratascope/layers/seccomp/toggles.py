"""The toggle of layer 4: a filter where there is none, one of the user's own, or that of now with one call more.

A profile file is read by the caller (`Subject.files`) and checked here before it is used: whether it can be understood
at all, and whether any program could start under it. Docker wants a profile's text, Podman its path on the engine's
own machine.
"""

from __future__ import annotations

from stratascope.core.container import Asked, ProfileKind
from stratascope.core.message import Message, msg, plural
from stratascope.core.observation.imports import calls
from stratascope.core.observation.observation import (
    Observation,
    UsedArguments,
    UsedCall,
    added,
    ordinary,
    reaches_others,
)
from stratascope.core.options.capabilities import bounding, named
from stratascope.core.relaunch.toggle import (
    MORE,
    Cure,
    Evidence,
    Given,
    Learned,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Use,
)
from stratascope.core.relaunch.want import PassedCall, Want
from stratascope.core.threats.asked_by_kernel import asked_by_kernel
from stratascope.layers.seccomp import profiles
from stratascope.layers.seccomp.facts import SeccompFacts
from stratascope.layers.seccomp.filter_source import ProfileFilter, native
from stratascope.layers.seccomp.profiles import DefaultFilter, learned_profile
from stratascope.layers.shared.signs_of_use import evidence, of_whom, parted, protected, runs_scripts, serves_users
from stratascope.layers.shared.toggle_values import LEARNED, NOT_READ, ORDINARY, TIGHT, is_docker
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import Answers, SeccompMode
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import replace

_LAYER, _STATUS = "seccomp", "@status:Seccomp"
# Without these no program starts, and none ends: the runtime itself calls execve under the filter
_NEEDED = ("execve", "exit_group", "brk", "mmap")
_SHOWN = 8


def _check(value: str, subject: Subject) -> str:
    value = value.strip()
    if value == "default":
        if subject.engine.facts.seccomp_profile == "unconfined":
            raise ToggleError(msg("This engine's own default is to have no filter. Give a profile file instead."))
        return value
    if value in ("", "unconfined"):
        raise ToggleError(msg("Without a filter, every system call is open. Use default, or give a profile file."))
    text = subject.text_of(value)
    made = value == ORDINARY or value.startswith(MORE)
    if value.startswith(MORE):
        value = MORE + ",".join(call.text for call in profiles.parsed(value))
    if text is None and not made:
        raise ToggleError(msg("The profile {path} could not be read.", path=value))
    if made and (is_docker(subject) or subject.engine.local):
        return value  # a file is made of it when it comes to that
    if not is_docker(subject) and not (value.startswith("/") and subject.engine.local):
        raise ToggleError(
            msg("Podman reads a profile itself: give its absolute path, on the machine where Podman runs.")
        )
    try:
        stopped = _stopped(_answers(text or "", frozenset(bounding(subject.container.asked, subject.engine).names())))
    except DecodeError as error:
        raise ToggleError(msg("{path} is not a seccomp profile: {words}.", path=value, words=str(error))) from None
    never = [name for name in _NEEDED if name in stopped]
    if never:
        raise ToggleError(
            msg("No program could run under the profile {path}: it stops {names}.",
                path=value, names=", ".join(never))
        )  # fmt: skip
    return value


def _answers(text: str, capabilities: frozenset[str]) -> Answers:
    return resolve(parse_profile(text), capabilities, None, "x86_64", Abi.X86_64)


def _stopped(answers: Answers) -> frozenset[str]:
    """Names of calls that are stopped whatever the arguments."""
    return frozenset(
        name
        for name, outcomes in answers.calls
        if outcomes and all(each.action.lets_through is False for each in outcomes)
    )


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == "default":
        return asked if _on(asked, subject) else replace(asked, seccomp=ProfileKind.DEFAULT, seccomp_profile="")
    profile = (subject.text_of(value) or "") if is_docker(subject) else value
    return replace(asked, seccomp=ProfileKind.CUSTOM, seccomp_profile=profile)


def _on(asked: Asked, subject: Subject) -> bool:
    return asked.seccomp in (ProfileKind.DEFAULT, ProfileKind.CUSTOM)


def _risks(value: str, subject: Subject) -> tuple[Message, ...]:
    facts: SeccompFacts | None = subject.of(_LAYER)
    if value == "default":
        if _on(subject.container.asked, subject):
            return ()
        return (msg("Debuggers, sandboxes and tools that mount or trace may use calls that the filter stops."),)
    text = subject.text_of(value)
    origin = None if facts is None else facts.origin
    try:
        stopped = _stopped(_answers(text or "", frozenset(bounding(subject.container.asked, subject.engine).names())))
        already = frozenset() if origin is None else _stopped(origin.answers(Abi.X86_64))
    except DecodeError:
        return (msg("Which calls the profile stops could not be determined."),)
    more = sorted(stopped - already)
    if not more:
        return ()
    names = ", ".join(more[:_SHOWN])
    return (
        plural(
            "It blocks a call that passes now, {names}; whether its programs use it is not known.",
            "It blocks {count} calls that pass now, such as {names}; whether its programs use them is not known.",
            len(more),
            names=names,
        ),
    )


def _prove(facts: SeccompFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("A filter is in force")
    if facts is None or facts.mode is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _STATUS)
    if facts.mode is SeccompMode.DISABLED:
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is no filter"), _STATUS)
    wanted = ProfileKind.DEFAULT if value == "default" else ProfileKind.CUSTOM
    if facts.profile is not wanted:
        # the kernel says that there is a filter, the engine that it is another one
        return Proof(Proven.UNKNOWN, expected, msg("There is a filter, but not from this profile"), _STATUS)
    if facts.filters is None:
        return Proof(Proven.ENFORCED, expected, msg("There is a filter"), _STATUS)
    return Proof(Proven.ENFORCED, expected, msg("Filters in force: {count}", count=facts.filters), _STATUS)


def _preset(preset: Preset, subject: Subject) -> str | None:
    asked = subject.container.asked
    if preset is Preset.RECOMMENDED and asked.privileged:
        return None
    if not _on(asked, subject):
        return "default"
    facts: SeccompFacts | None = subject.of(_LAYER)
    known = facts is not None and facts.profile is ProfileKind.DEFAULT and isinstance(facts.default, DefaultFilter)
    return ORDINARY if known and subject.programs is not None and asked.seccomp is ProfileKind.DEFAULT else None


def _more(word: str, subject: Subject, asked: Asked) -> Learned | None:
    facts: SeccompFacts | None = subject.of(_LAYER)
    calls = profiles.parsed(word)
    source = None
    if facts is not None and not subject.container.asked.privileged:
        source = profiles.today(facts, frozenset(bounding(asked, subject.engine).names()))
    if source is None or not calls:
        return None
    default = facts.default if facts is not None else None
    machine = default.machine if isinstance(default, ProfileFilter) else ""
    try:
        return Learned("", profiles.words_of(calls), profiles.widened(source, calls, machine))
    except DecodeError:
        return None


def _allows(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, PassedCall) or subject.container.asked.seccomp is ProfileKind.UNCONFINED:
        return None
    call = profiles.wanted(want)
    try:
        found = _more(MORE + call.text, subject, subject.container.asked)
    except ToggleError:
        return None  # not a call that this program knows
    return None if found is None else Given(MORE + call.text, found.why)


def _learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """What was seen and, where nobody put it through what it is for, what its programs could call beside. `ordinary`:
    what ordinary programs call, and all that is known of these.
    """
    if word.startswith(MORE):
        return _more(word, subject, asked)
    seen, facts = subject.seen or Observation(), subject.of(_LAYER)
    default = None if facts is None else facts.default
    if not isinstance(default, DefaultFilter):
        return None
    if word != ORDINARY and (not seen.seen.starts or not seen.saw("calls")):
        return None
    own = subject.container.asked.seccomp is ProfileKind.CUSTOM and not subject.container.asked.privileged
    if own and facts.origin is None:
        return None  # what it refuses is not known, and may be what the default lets through
    abi = native(default.machine) if isinstance(default, ProfileFilter) else Abi.X86_64
    seen = added(seen, _granted(seen, asked, subject))
    could: dict[str, tuple[str, ...]] = {}
    more, tight = word == ORDINARY, word == TIGHT
    if subject.programs is not None:  # what they could call, since nobody put it through what it is for
        found = calls(subject.programs.found, numbers(abi))
        could.update((call.name, (call.program,)) for call in found if not reaches_others(call.name))
        # people who log in run anything; what an interpreter does is in its scripts
        more = more or serves_users(subject) or runs_scripts(subject)
    if more:
        could.update((name, could.get(name, ())) for name in ordinary(abi.value) & numbers(abi).keys())
    seen = added(seen, Observation(calls=tuple(UsedCall(abi.value, name, 0, by) for name, by in could.items())))
    try:
        text = learned_profile(
            seen,
            default,
            frozenset(bounding(asked, subject.engine).names()),
            tight=tight,
            no_new_privileges=asked.no_new_privileges,
            init=subject.container.init,
            wider=subject.container.asked.privileged or subject.container.asked.seccomp is not ProfileKind.DEFAULT,
            today=facts.origin if own else None,
        )
    except DecodeError:
        return None
    notable = [call.name for call in seen.notable()]
    names = ", ".join(notable[:_SHOWN]) + (" …" if len(notable) > _SHOWN else "")
    if tight:
        why = plural("The one system call that it was seen making",
                     "The {count} system calls that it was seen making", len(seen.calls))  # fmt: skip
    elif more:
        why = msg("The harmless calls, and those of ordinary programs: not everything that it does was seen")
    elif notable:
        why = msg("The harmless calls, plus those others that it was seen making: {names}", names=names)
    else:
        why = msg("The harmless calls only: it was seen making no others")
    return Learned("", why, text)


def _granted(seen: Observation, asked: Asked, subject: Subject) -> Observation:
    """Calls that were refused for want of a capability, or by a filter that asks for one, and that it is to have now:
    what gives it the capability is of no use where the filter refuses the call.
    """
    more = bounding(asked, subject.engine) - bounding(subject.container.asked, subject.engine)
    if not more:
        return Observation()
    found = [each for each in seen.denied if named(each.lacked) & more or (each.filtered and _asks(each.name, more))]
    return Observation(
        calls=tuple(UsedCall(each.abi, each.name, 1, (each.by,)) for each in found),
        arguments=tuple(UsedArguments(each.abi, each.name, each.values) for each in found if each.values),
    )


def _asks(call: str, given: CapabilitySet) -> bool:
    """Whether the kernel asks for one of these capabilities for that call."""
    return bool(named(asked_by_kernel(call)) & given)


def _calls_used(value: str, subject: Subject) -> Evidence:
    """Of calls that the filter would stop and that pass now."""
    programs = subject.programs
    stopped = _stopped_by(value, subject)
    if stopped:
        seen = subject.seen or Observation()
        names_of_some = _stopped_with_arguments(seen, subject)
        made = [call for call in seen.calls if call.name in stopped or call.name in names_of_some]
        if made:
            names = ", ".join(call.name for call in made[:_SHOWN])
            by = tuple(dict.fromkeys(name for call in made for name in call.by))
            return Evidence(Use.USED, of_whom(msg("It was seen calling {names}.", names=names), subject), by)
    known = programs is not None and programs.whole and programs.found
    if known and programs is not None and not any(program.opaque for program in programs.found):
        could = {call.name for call in calls(programs.found, numbers(Abi.X86_64))}
        if value == ORDINARY or (stopped and not could & stopped):
            return Evidence(Use.NOT_IMPORTED, msg("Its programs import none of the calls that it stops."))
    found = evidence(None, subject, "calls")
    if found.use is not Use.UNKNOWN:
        return found
    if value == "default":
        return parted(subject) or protected(subject)
    if value == ORDINARY:
        return Evidence(Use.UNKNOWN, msg("It lets through what ordinary programs call."), rare=True)
    return found


def _for_a_sandbox(subject: Subject) -> Message | None:
    """Why it has no filter: a program of its image for which it was switched off, and that was not seen running."""
    installed = () if subject.programs is None else subject.programs.installed
    ran = {path.rpartition("/")[2] for path in (subject.seen or Observation()).executed}
    sign = parted(subject) if installed and ran.isdisjoint(installed) else None
    return None if sign is None else sign.why


def _stopped_with_arguments(seen: Observation, subject: Subject) -> frozenset[str]:
    """Calls that it was seen making with arguments with which the engine's default stops them: `clone` for a new
    namespace.
    """
    facts: SeccompFacts | None = subject.of(_LAYER)
    default = None if facts is None else facts.default
    if not isinstance(default, DefaultFilter):
        return frozenset()
    answers = default.answers(Abi.X86_64)
    return frozenset(
        each.name
        for each in seen.arguments
        if each.abi == Abi.X86_64.value and profiles.stops(answers.of(each.name) or (), each)
    )


def _stopped_by(value: str, subject: Subject) -> frozenset[str]:
    """By the engine's default filter; of no other it is known here before it is made."""
    facts: SeccompFacts | None = subject.of(_LAYER)
    default = None if facts is None else facts.default
    if value != "default" or not isinstance(default, DefaultFilter):
        return frozenset()
    return _stopped(default.answers(Abi.X86_64))


def _stops_more(value: str, subject: Subject) -> tuple[Message, ...]:
    if value.startswith(MORE) or (value == "default" and _on(subject.container.asked, subject)):
        return ()
    if subject.text_of(value) is not None and not _risks(value, subject):
        return ()  # one call more than today's, and none less
    return (msg("A filter stops more of its system calls: what it calls on request was not tried."),)


SECCOMP = Toggle(
    _LAYER,
    _LAYER,
    msg("Filter system calls"),
    msg("Puts a filter in front of the kernel: the engine's default, or a profile of your own."),
    "default|FILE",
    _check,
    _apply,
    _on,
    _risks,
    _prove,
    _preset,
    cure=lambda value, subject: Cure.BARRIER if _on(subject.container.asked, subject) else Cure.PROTECTION,
    pieces=lambda subject: () if _on(subject.container.asked, subject) else ("default",),
    widely=_stops_more,
    evidence=_calls_used,
    left_off=_for_a_sandbox,
    learned=_learned,
    learned_words=(LEARNED, ORDINARY, TIGHT),
    gives="+CALL,CALL:ARGUMENT",
    allows=_allows,
)

TOGGLES = (SECCOMP,)
