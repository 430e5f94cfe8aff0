"""Tabs of the seccomp layer: the filter in figures, and the map of all system calls."""

from __future__ import annotations

from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import CallMap, CallSource, CallTable, Place, Row, Tab, Table, Tone, Verdict
from stratascope.core.message import msg, verbatim
from stratascope.layers.seccomp.facts import INSPECT, SeccompAsked, SeccompFacts
from stratascope.layers.seccomp.filter_source import FilterSource, entry_points
from stratascope.layers.seccomp.tables import call_table
from stratascope.layers.shared.readings import UNKNOWN, counted
from stratascope.linux.seccomp import SeccompMode

_FILTER = msg("Filter")
_CALLS = msg("System calls")
_SURFACE = msg("Attack surface")
_MODE_LABEL = msg("Mode")
_MODES = {
    SeccompMode.DISABLED: (msg("No filter"), Tone.BAD),
    SeccompMode.STRICT: (msg("Strict"), Tone.GOOD),
    SeccompMode.FILTER: (msg("Filter"), Tone.GOOD),
}
_MODE_NOTE = msg("The mode shows that there is a filter, not what it lets through.")
_FILTERS_LABEL = msg("Number of filters")
_FILTERS_NOTE = msg("With several filters, the strictest answer applies.")
_PROFILE_LABEL = msg("Profile asked for")
_PROFILES = {
    ProfileKind.DEFAULT: msg("The engine's default"),
    ProfileKind.CUSTOM: msg("Custom"),
    ProfileKind.UNCONFINED: msg("None: unconfined"),
    ProfileKind.UNKNOWN: UNKNOWN,
}
_PRIVILEGED_NOTE = msg("Privileged containers get no filter unless one is named.")
_VERDICTS_LABEL = msg("Basis of verdicts")
_VERDICTS = {
    CallSource.KERNEL: msg("From the filters themselves, read from the kernel"),
    CallSource.PROFILE: msg("From the profile, evaluated for this container"),
    CallSource.MEASURED: msg("From a table of the engine's default, as measured on real engines"),
    CallSource.NONE: msg("None: what the filter lets through is not known"),
}
_PASSING_LABEL = msg("Calls that pass")
_MORE_LABEL = msg("More than under the engine's default")
_DANGEROUS_LABEL = msg("Dangerous ones among them")
_SHARED = msg("Every container shares this kernel: a flaw in any call that passes is within reach of this one.")
_PROBES = msg("The kernel lets uretprobe and, if it is new enough, uprobe bypass every filter.")
_MOST_NAMES = 12


def tabs_of(facts: SeccompFacts, asked: SeccompAsked, verdict: Verdict, around: Surroundings) -> tuple[Tab, ...]:
    """All tabs of one container's filter."""
    reach = () if facts.attack_surface is None else (_surface(facts),)
    told = (_table(facts, asked, verdict), *reach)
    if facts.origin is None:
        return (Tab(_FILTER, told),)
    default = () if facts.default is None else _tables(facts.default, around)
    calls = CallMap(_CALLS, _tables(facts.origin, around), default)
    return Tab(_FILTER, told, Place.MEANING), Tab(_CALLS, (calls,))


def _tables(origin: FilterSource, around: Surroundings) -> tuple[CallTable, ...]:
    return tuple(call_table(origin, abi) for abi, _ in entry_points(around.ground))


def _surface(facts: SeccompFacts) -> Table:
    reach = facts.attack_surface
    assert reach is not None
    source = _source(facts)
    beyond = reach.more_than_default
    passing = msg("{count} of {all} ({abi})", count=reach.passing, all=reach.calls, abi=reach.abi)
    return Table(
        _SURFACE,
        (
            Row(_PASSING_LABEL, passing, source, Tone.PLAIN, None, _SHARED),
            Row(
                _MORE_LABEL,
                UNKNOWN if beyond is None else counted(beyond, _MOST_NAMES),
                source,
                Tone.UNKNOWN if beyond is None else Tone.WARN if beyond else Tone.GOOD,
            ),
            Row(_DANGEROUS_LABEL, counted(reach.dangerous, _MOST_NAMES), source, Tone.PLAIN, None, _PROBES),
        ),
    )


def _source(facts: SeccompFacts) -> str:
    if facts.origin is None or facts.source is CallSource.NONE:
        return f"{facts.status_source}:Seccomp"
    return facts.origin.source


def _table(facts: SeccompFacts, asked: SeccompAsked, verdict: Verdict) -> Table:
    source = facts.status_source
    value, tone = (UNKNOWN, Tone.UNKNOWN) if facts.mode is None else _MODES[facts.mode]
    if facts.mode is SeccompMode.FILTER and verdict is not Verdict.ENFORCED:
        tone = Tone.UNKNOWN if verdict is Verdict.UNKNOWN else Tone.WARN
    filters = UNKNOWN if facts.filters is None else verbatim(facts.filters)
    on_mode = _MODE_NOTE if facts.mode is SeccompMode.FILTER else None
    several = _FILTERS_NOTE if (facts.filters or 0) > 1 else None
    rows = [
        Row(_MODE_LABEL, value, f"{source}:Seccomp", tone, None, on_mode),
        Row(_FILTERS_LABEL, filters, f"{source}:Seccomp_filters", Tone.PLAIN, None, several),
        Row(
            _PROFILE_LABEL,
            _PROFILES[facts.profile],
            INSPECT,
            Tone.PLAIN,
            verbatim(asked.custom[:200]) if asked.custom else None,
            _PRIVILEGED_NOTE if asked.privileged else None,
        ),
    ]
    if facts.mode is SeccompMode.FILTER:
        tone = Tone.UNKNOWN if facts.source is CallSource.NONE else Tone.PLAIN
        rows.append(
            Row(
                _VERDICTS_LABEL,
                _VERDICTS[facts.source],
                _source(facts),
                tone,
                None,
                None if facts.origin is None else facts.origin.title,
            )
        )
    return Table(_FILTER, tuple(rows))
