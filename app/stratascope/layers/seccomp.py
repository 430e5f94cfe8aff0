"""Layer 4, seccomp: which ways into the kernel are closed. Read from /proc/PID/status; see seccomp(2).

The mode says that a filter exists, not what it lets through. So a filter where the engine's default was asked for is
ENFORCED on both pieces of evidence together; a filter of one's own is UNKNOWN, and so is one of which the engine does
not say what it is. No filter is OPEN. Decided against guessing from the number of filters.
"""

from __future__ import annotations

from dataclasses import dataclass

from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Container, EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Drift, Finding, NamedGap, Row, Severity, Tab, Table, Tone, Verdict
from stratascope.core.message import Message, msg
from stratascope.layers.kernel_reading import UNKNOWN, missing_line, process_status, why_unknown
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import SeccompMode, seccomp_mode

_CIS = "CIS-Docker-1.6.0:5.22"
_BUILT_IN = ("", "builtin", "default")  # what Docker says of a daemon without a profile of its own
_INSPECT = "inspect:HostConfig.SecurityOpt"


@dataclass(frozen=True, slots=True)
class SeccompFacts:
    """What the kernel says. `filters` is None before Linux 5.9; `source` is where the calls' verdicts come from."""

    mode: SeccompMode | None
    filters: int | None
    profile: ProfileKind
    source: str
    status_source: str
    gaps: tuple[NamedGap, ...] = ()


@dataclass(frozen=True, slots=True)
class SeccompAsked:
    """What the engine was told: the kind of profile, and a custom one's path or JSON."""

    profile: ProfileKind
    custom: str
    privileged: bool


class _Seccomp:
    id = "seccomp"
    number = 4
    about = About(
        msg("Seccomp"),
        msg("closes dangerous ways into the kernel"),
        msg("House rules: whatever cards someone carries, some doors of this house are not opened to visitors at all."),
        (
            msg("A filter looks at each system call before the kernel starts on it, and refuses those on no list."),
            msg(
                "Without it a process can reach every corner of the kernel, and a flaw in a rarely used one"
                " is enough to break out."
            ),
            msg(
                "Seccomp closes the way into the kernel; a capability is the right to do a thing. A filter refuses the"
                " call mount even to one who holds SYS_ADMIN, and who lacks SYS_ADMIN can't mount without any filter."
            ),
        ),
    )
    wants = ("status",)
    member_wants = ("status",)

    def asked(self, container: Container) -> SeccompAsked:
        """What the engine was told, for this layer."""
        asked = container.asked
        return SeccompAsked(asked.seccomp, asked.seccomp_profile, asked.privileged)

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> SeccompFacts:
        """The facts of one process; never raises."""
        profile = _profile(container, around)
        status = process_status(capture)
        source = capture.source("status")
        if isinstance(status, Gap):
            return SeccompFacts(None, None, profile, "none", source, (NamedGap("status", status, source),))
        if status.seccomp is None:
            return SeccompFacts(None, None, profile, "none", source, (missing_line(capture, "Seccomp"),))
        try:
            mode = seccomp_mode(status.seccomp)
        except DecodeError as error:
            gap = NamedGap("status:Seccomp", Gap(GapKind.UNPARSED, detail=str(error)), f"{source}:Seccomp")
            return SeccompFacts(None, None, profile, "none", source, (gap,))
        return SeccompFacts(mode, status.seccomp_filters, profile, "none", source)

    def assess(self, facts: SeccompFacts, asked: SeccompAsked, around: Surroundings) -> Assessment:
        """Verdict, findings and views, from facts alone."""
        verdict, fact = _verdict(facts)
        return Assessment(
            verdict,
            fact,
            _findings(facts, asked),
            lambda: (Tab(_FILTER, (_table(facts, asked, verdict),)),),
            facts.gaps,
        )

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """A mode or a number of filters that differs from the first process's."""
        if first.text("status") == other.text("status"):
            return ()
        one, two = process_status(first), process_status(other)
        if isinstance(one, Gap) or isinstance(two, Gap) or one.seccomp is None or two.seccomp is None:
            return ()
        found: list[Drift] = []
        source = other.source("status")
        if one.seccomp != two.seccomp:
            found.append(_mode_drift(two.seccomp, other.pid, f"{source}:Seccomp"))
        before, after = one.seccomp_filters, two.seccomp_filters
        if before is not None and after is not None and before != after:
            found.append(_filters_drift(before, after, other.pid, f"{source}:Seccomp_filters"))
        return tuple(found)


def _profile(container: Container, around: Surroundings) -> ProfileKind:
    """Which profile is to be expected, from the container's options and the engine's configuration."""
    asked, engine = container.asked, around.engine
    if asked.seccomp is not ProfileKind.DEFAULT:
        return asked.seccomp
    if asked.privileged or engine.facts.seccomp_profile == "unconfined":
        return ProfileKind.UNCONFINED  # both engines give a privileged container no filter unless one is named
    # Podman names its default's path as well; only with Docker does a path mean that the default was replaced
    if engine.kind is EngineKind.DOCKER and engine.facts.seccomp_profile not in _BUILT_IN:
        return ProfileKind.CUSTOM
    return ProfileKind.DEFAULT


_FILTER = msg("Filter")
_STRICT_FACT = msg("Strict: read, write and exit only")
_NO_FILTER_ASKED = msg("No filter, as asked")
_NO_FILTER = msg("No filter, though one was asked for")
_NO_FILTER_PLAIN = msg("No filter")
_FACTS = {
    ProfileKind.DEFAULT: (Verdict.ENFORCED, msg("Filter of the engine's default, asked")),
    ProfileKind.CUSTOM: (Verdict.UNKNOWN, msg("A filter of your own, not read yet")),
    ProfileKind.UNCONFINED: (Verdict.UNKNOWN, msg("A filter that nobody asked for")),
    ProfileKind.UNKNOWN: (Verdict.UNKNOWN, msg("A filter, not known which")),
}


def _verdict(facts: SeccompFacts) -> tuple[Verdict, Message]:
    match facts.mode:
        case None:
            return Verdict.UNKNOWN, why_unknown(facts.gaps)
        case SeccompMode.STRICT:
            return Verdict.ENFORCED, _STRICT_FACT
        case SeccompMode.FILTER:
            return _FACTS[facts.profile]
        case SeccompMode.DISABLED:
            if facts.profile is ProfileKind.UNCONFINED:
                return Verdict.OPEN, _NO_FILTER_ASKED
            return Verdict.OPEN, _NO_FILTER_PLAIN if facts.profile is ProfileKind.UNKNOWN else _NO_FILTER


def _findings(facts: SeccompFacts, asked: SeccompAsked) -> tuple[Finding, ...]:
    source = f"{facts.status_source}:Seccomp"
    if facts.mode is SeccompMode.DISABLED:
        if facts.profile in (ProfileKind.DEFAULT, ProfileKind.CUSTOM):
            return (
                Finding(
                    "seccomp.not-applied",
                    "seccomp",
                    Severity.HIGH,
                    msg("A filter was asked for, but the kernel has none on the first process."),
                    msg("Check that engine and runtime were built with seccomp, then start the container again."),
                    source,
                    (_CIS, "PSS:restricted"),
                ),
            )
        return (
            Finding(
                "seccomp.no-filter",
                "seccomp",
                Severity.HIGH,
                msg("Every system call reaches the kernel: no filter stands before it."),
                msg("Start it without --privileged.")
                if asked.privileged
                else msg("Start it without --security-opt seccomp=unconfined, or give it a profile of its own."),
                source,
                (_CIS, "PSS:baseline"),
            ),
        )
    if facts.mode is not SeccompMode.FILTER:
        return ()
    if facts.profile is ProfileKind.UNCONFINED:
        return (
            Finding(
                "seccomp.unasked-filter",
                "seccomp",
                Severity.LOW,
                msg("No filter was asked for, but the kernel has one: it was inherited, or the program made it."),
                msg("Nothing is less safe by that. If a call fails without reason, look at what started the engine."),
                source,
                ("seccomp(2)",),
            ),
        )
    if facts.profile is ProfileKind.CUSTOM:
        return (
            Finding(
                "seccomp.custom-profile",
                "seccomp",
                Severity.LOW,
                msg("A profile other than the engine's default is in force; what it lets through is not known."),
                msg("Compare it with the engine's default, and keep only what differs for a reason."),
                source,
                (_CIS,),
            ),
        )
    return ()


_MODE_LABEL = msg("Mode")
_MODES = {
    SeccompMode.DISABLED: (msg("No filter"), Tone.BAD),
    SeccompMode.STRICT: (msg("Strict"), Tone.GOOD),
    SeccompMode.FILTER: (msg("Filter"), Tone.GOOD),
}
_MODE_NOTE = msg("The mode tells that there is a filter, not what it lets through.")
_FILTERS_LABEL = msg("Filters")
_FILTERS_NOTE = msg("With several filters the strictest answer counts.")
_PROFILE_LABEL = msg("Profile asked for")
_PROFILES = {
    ProfileKind.DEFAULT: msg("The engine's default"),
    ProfileKind.CUSTOM: msg("Another one"),
    ProfileKind.UNCONFINED: msg("None: unconfined"),
    ProfileKind.UNKNOWN: UNKNOWN,
}
_PRIVILEGED_NOTE = msg("Privileged containers get no filter, unless one is named.")


def _table(facts: SeccompFacts, asked: SeccompAsked, verdict: Verdict) -> Table:
    source = facts.status_source
    value, tone = (UNKNOWN, Tone.UNKNOWN) if facts.mode is None else _MODES[facts.mode]
    if facts.mode is SeccompMode.FILTER and verdict is Verdict.UNKNOWN:
        tone = Tone.UNKNOWN
    filters = UNKNOWN if facts.filters is None else msg("{count}", count=facts.filters)
    profile = Row(
        _PROFILE_LABEL,
        _PROFILES[facts.profile],
        _INSPECT,
        Tone.PLAIN,
        msg("{profile}", profile=asked.custom[:200]) if asked.custom else None,
        _PRIVILEGED_NOTE if asked.privileged else None,
    )
    return Table(
        _FILTER,
        (
            Row(_MODE_LABEL, value, f"{source}:Seccomp", tone, None, _MODE_NOTE),
            Row(_FILTERS_LABEL, filters, f"{source}:Seccomp_filters", Tone.PLAIN, None, _FILTERS_NOTE),
            profile,
        ),
    )


def _mode_drift(mode: int, pid: int, source: str) -> Drift:
    if mode == 0:
        finding = Finding(
            "seccomp.drift-no-filter",
            "seccomp",
            Severity.HIGH,
            msg("Process {pid} has no filter; the container's first has one.", pid=pid),
            msg("Look for who put this process into the container from outside, with nsenter for example."),
            source,
            (_CIS,),
        )
    else:
        finding = Finding(
            "seccomp.drift-mode",
            "seccomp",
            Severity.LOW,
            msg("Process {pid} has a filter; the container's first has another mode.", pid=pid),
            msg("Nothing to do: a program such as a browser or sshd filters its own processes."),
            source,
            ("seccomp(2)",),
        )
    return Drift("seccomp.mode", finding)


def _filters_drift(before: int, after: int, pid: int, source: str) -> Drift:
    if after < before:
        finding = Finding(
            "seccomp.drift-fewer-filters",
            "seccomp",
            Severity.MEDIUM,
            msg(
                "Process {pid} has {after} filters; the container's first has {before}.",
                pid=pid,
                after=after,
                before=before,
            ),
            msg("Filters can't be taken off: the first added its own, or this process came from outside."),
            source,
            ("seccomp(2)",),
        )
    else:
        finding = Finding(
            "seccomp.drift-more-filters",
            "seccomp",
            Severity.LOW,
            msg(
                "Process {pid} has {after} filters; the container's first has {before}.",
                pid=pid,
                after=after,
                before=before,
            ),
            msg("Nothing to do: it is stricter than the first."),
            source,
            ("seccomp(2)",),
        )
    return Drift("seccomp.filters", finding)


LAYER = _Seccomp()
