"""Layer 4, seccomp: which system calls are closed. See seccomp(2).

/proc/PID/status tells whether there is a filter. What it lets through comes from the filter itself (read as root), the
profile that the engine names, or our measured table of the engine's default, in this order. ENFORCED if nothing passes
that the engine's default stops, WEAKENED if something does, UNKNOWN if that is unknown, OPEN without a filter. Decided
against guessing from the number of filters.
"""

from __future__ import annotations

from stratascope.collector.names import SECCOMP
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, CallSource, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg, plural
from stratascope.core.threats.threat import Basis
from stratascope.layers.seccomp.facts import SeccompAsked, SeccompFacts, asked_of, decode, predict
from stratascope.layers.seccomp.filter_source import MeasuredDefault
from stratascope.layers.seccomp.findings import beyond, drift, findings_of, too_long, undecided
from stratascope.layers.seccomp.stances import posture_of, stance_of
from stratascope.layers.seccomp.views import tabs_of
from stratascope.layers.shared.readings import why_unknown
from stratascope.linux.seccomp import SeccompMode

ABOUT = About(
    msg("Seccomp"),
    msg("closes dangerous ways into the kernel"),
    msg("House rules: whatever cards visitors carry, some doors of this house are never opened to them."),
    (
        msg("A filter checks each system call before the kernel executes it, and refuses what its rules forbid."),
        msg(
            "Without it, a process can reach every corner of the kernel, and a flaw in a rarely used one is enough "
            "to break out."
        ),
        msg(
            "Seccomp closes the way into the kernel; a capability is the right to do a thing. A filter refuses mount "
            "even to a process that holds SYS_ADMIN, and a process without SYS_ADMIN can't mount even without a "
            "filter."
        ),
    ),
)

_STRICT_FACT = msg("Strict: read, write, exit and sigreturn only")
_NO_FILTER_ASKED = msg("No filter, as asked")
_NO_FILTER = msg("No filter, although one was asked for")
_NO_FILTER_PLAIN = msg("No filter")
_UNREAD = {
    ProfileKind.DEFAULT: (Verdict.ENFORCED, msg("A filter; the engine's default was asked for")),
    ProfileKind.CUSTOM: (Verdict.UNKNOWN, msg("A custom filter, not read yet")),
    ProfileKind.UNCONFINED: (Verdict.UNKNOWN, msg("A filter that nobody asked for")),
    ProfileKind.UNKNOWN: (Verdict.UNKNOWN, msg("A filter, not known which")),
}
_NEVER_MEASURED = msg("This version's default was never measured")
_NOT_ALL_MEASURED = msg("Custom filter; this version's default is not fully known for comparison")
_TOO_LONG = msg("Filters that take too long to evaluate")
_AS_STRICT = {
    ProfileKind.DEFAULT: msg("The engine's default filter, read from the kernel"),
    ProfileKind.CUSTOM: msg("Custom filter, no weaker than the default"),
    ProfileKind.UNCONFINED: msg("A filter that nobody asked for, no weaker than the default"),
    ProfileKind.UNKNOWN: msg("A filter no weaker than the default"),
}


def assess(facts: SeccompFacts, asked: SeccompAsked, around: Surroundings) -> Assessment:
    """The verdict, by mode and by what passes here but not under the engine's default."""
    verdict, fact = _verdict(facts, around)
    requested = verdict is not Verdict.UNKNOWN and facts.source in (CallSource.PROFILE, CallSource.MEASURED)
    return Assessment(
        verdict,
        fact,
        findings_of(facts, asked, around),
        lambda: tabs_of(facts, asked, verdict, around),
        facts.gaps,
        Basis.ASKED if requested or fact is _UNREAD[ProfileKind.DEFAULT][1] else Basis.KERNEL,
    )


def _verdict(facts: SeccompFacts, around: Surroundings) -> tuple[Verdict, Message]:
    match facts.mode:
        case None:
            return Verdict.UNKNOWN, why_unknown(facts.gaps)
        case SeccompMode.STRICT:
            return Verdict.ENFORCED, _STRICT_FACT
        case SeccompMode.FILTER:
            return _filter(facts, around)
        case SeccompMode.DISABLED:
            if facts.profile is ProfileKind.UNCONFINED:
                return Verdict.OPEN, _NO_FILTER_ASKED
            return Verdict.OPEN, _NO_FILTER_PLAIN if facts.profile is ProfileKind.UNKNOWN else _NO_FILTER


def _filter(facts: SeccompFacts, around: Surroundings) -> tuple[Verdict, Message]:
    passing = _passing(facts)
    never = isinstance(facts.default, MeasuredDefault) and not facts.default.measured
    if facts.profile is ProfileKind.DEFAULT and facts.source is not CallSource.KERNEL:
        if never and facts.default == facts.origin:
            return Verdict.UNKNOWN, _NEVER_MEASURED
        verdict, fact = _UNREAD[facts.profile]
        return verdict, fact if passing is None else msg("{passing}, the engine's default", passing=passing)
    further = beyond(facts, around)
    if further is None:
        return _UNREAD[facts.profile]
    count = len({name for each in further for name in each.names})
    if not count and too_long(facts, around):
        return Verdict.UNKNOWN, _TOO_LONG
    if not count and facts.profile is not ProfileKind.DEFAULT and undecided(facts, around):
        return Verdict.UNKNOWN, _NEVER_MEASURED if never else _NOT_ALL_MEASURED
    if not count:
        fact = _AS_STRICT[facts.profile]
        if passing is not None and facts.profile is ProfileKind.DEFAULT:
            fact = msg("{passing}, the engine's default", passing=passing)
        return Verdict.ENFORCED, fact
    if passing is None:
        fact = plural(
            "Filter: {count} call more than the default", "Filter: {count} calls more than the default", count
        )
    else:
        fact = msg("{passing}, {count} beyond the default", passing=passing, count=count)
    # a second, unknown filter may be stricter
    return Verdict.UNKNOWN if facts.unseen else Verdict.WEAKENED, fact


def _passing(facts: SeccompFacts) -> Message | None:
    """How many native calls pass; those that depend on arguments count as passing."""
    counts = facts.x86_64 or facts.aarch64
    if counts is None:
        return None
    through = counts.allowed + counts.depends
    return msg("{through} of {all} calls pass", through=through, all=through + counts.denied)


LAYER = Layer(
    id="seccomp",
    number=4,
    about=ABOUT,
    wants=("status",),
    member_wants=("status",),
    privileged_wants=(SECCOMP,),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    predict=predict,
    stance=stance_of,
    refused=on_demand("stratascope.layers.seccomp.refusals", "refused"),
)
