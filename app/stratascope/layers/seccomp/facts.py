"""The facts of layer 4: a process's seccomp mode, the source of its filter, and counts.

The best source wins: filters read from the kernel; the container's OCI config.json if readable; the profile that the
engine names (its text, or Podman's file); our measured table of the engine's default. Facts are printed as they are, so
the filter's source is a field that is not printed.

The engine's default is its file if it has one, else as measured for its version. Podman's is a file on this host. The
engine may read a different one (an engine with another root directory, a package updated since), so if the file
disagrees with the measured version about a call, that call is undecided. A file in /etc is an administrator's, and
trusted.

Engines resolve their default for a container's capabilities, so a prediction resolves it again for the predicted ones.
The text of a profile named by path is looked up in the ground's profiles, where the caller has to put it.
"""

from __future__ import annotations

from collections.abc import Iterable

from stratascope.bounded_cache import remembered
from stratascope.collector.names import SECCOMP
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, Container, Engine, ProfileKind
from stratascope.core.ground import PROFILES, Surroundings
from stratascope.core.layer import CallSource, NamedGap
from stratascope.core.options.capabilities import bounding
from stratascope.core.options.rules import rules_of
from stratascope.layers.seccomp.filter_source import (
    FilterSource,
    KernelFilters,
    MeasuredDefault,
    NoFilter,
    ProfileFilter,
    entry_points,
    native,
)
from stratascope.layers.seccomp.tables import AttackSurface, CallCounts, counts, more, surface, verdict_of
from stratascope.layers.shared.readings import kernel_release, missing_line, process_status
from stratascope.linux import bpf
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.linux.defaults import TABLES, version_of
from stratascope.linux.process import ProcessStatus
from stratascope.linux.seccomp import NOT_FOLLOWED, Answers, SeccompMode, seccomp_mode
from stratascope.linux.syscalls import Abi
from stratascope.value import Value, replace

NAMED = "seccomp:named"  # the profile's file, if only that can be read
CONFIG = "oci:config"  # the container's OCI config.json, if the reader has access
_BUILT_IN = ("", "builtin", "default")  # what Docker reports for a daemon without a profile of its own
INSPECT = "inspect:HostConfig.SecurityOpt"


class SeccompFacts(Value):
    """The kernel's facts. `filters` is None before Linux 5.9; `source`: where the calls' verdicts come from.

    The counts are None for an entry point that this kernel lacks, or whose answers are unknown. `unseen`: how many
    filters there are that `source` does not cover; they can only make it stricter.
    """

    UNPRINTED = ("origin", "default")

    mode: SeccompMode | None
    filters: int | None
    profile: ProfileKind
    source: CallSource
    status_source: str
    x86_64: CallCounts | None = None
    i386: CallCounts | None = None
    x32: CallCounts | None = None
    aarch64: CallCounts | None = None
    unseen: int = 0
    attack_surface: AttackSurface | None = None
    origin: FilterSource | None = None
    default: FilterSource | None = None  # the engine's default for this container
    gaps: tuple[NamedGap, ...] = ()


class SeccompAsked(Value):
    """The requested options: the kind of profile, and a custom one's path or JSON."""

    profile: ProfileKind
    custom: str
    privileged: bool


def asked_of(container: Container) -> SeccompAsked:
    """The engine's options for this layer."""
    asked = container.asked
    return SeccompAsked(asked.seccomp, asked.seccomp_profile, asked.privileged)


def decode(capture: Capture, container: Container, around: Surroundings) -> SeccompFacts:
    """Decode the process's mode, and its filter from the best source; never raises."""
    profile = profile_kind(container.asked, around)
    status = process_status(capture)
    source = capture.source("status")
    if isinstance(status, Gap):
        return _unknown(profile, source, NamedGap("status", status, source))
    if status.seccomp is None:
        return _unknown(profile, source, missing_line(capture, "Seccomp"))
    try:
        mode = seccomp_mode(status.seccomp)
    except DecodeError as error:
        gap = Gap(GapKind.UNPARSED, detail=str(error))
        return _unknown(profile, source, NamedGap("status:Seccomp", gap, f"{source}:Seccomp"))
    default, default_gap = checked(default_filter(_capabilities(container, status), around), "profile")
    origin: FilterSource | None = NoFilter() if mode is SeccompMode.DISABLED else None
    gaps: tuple[NamedGap, ...] = ()
    if mode is SeccompMode.FILTER:
        origin, gaps = _kernel(capture, status.seccomp_filters)
        if origin is None:
            capabilities = _capabilities(container, status)
            custom = _custom(capture, container.asked, capabilities, around) if profile is ProfileKind.CUSTOM else None
            origin, further = checked(_oci(capture, around), CONFIG)
            if origin is None and profile is ProfileKind.DEFAULT:
                origin, further = default, (*further, *default_gap)
            elif origin is None:
                origin, custom_gap = checked(custom, "profile")
                further = (*further, *custom_gap)
            gaps = (*gaps, *further)
    read = origin is None or isinstance(origin, KernelFilters | NoFilter)
    unseen = 0 if read else max(0, (status.seccomp_filters or 1) - 1)
    return counted(
        SeccompFacts(
            mode,
            status.seccomp_filters,
            profile,
            CallSource.NONE if origin is None else origin.kind,
            source,
            unseen=unseen,
            origin=origin,
            default=default,
            gaps=gaps,
        ),
        around,
    )


def profile_kind(asked: Asked, around: Surroundings) -> ProfileKind:
    """The expected profile, from the container's options and the engine's configuration."""
    engine = around.engine
    if asked.seccomp is not ProfileKind.DEFAULT:
        return asked.seccomp
    if asked.privileged or engine.facts.seccomp_profile == "unconfined":
        return ProfileKind.UNCONFINED  # both engines run a privileged container without a filter unless one is named
    # Podman reports its default's path as well
    if rules_of(engine).built_in_filter and engine.facts.seccomp_profile not in _BUILT_IN:
        return ProfileKind.CUSTOM
    return ProfileKind.DEFAULT


def _unknown(profile: ProfileKind, source: str, gap: NamedGap) -> SeccompFacts:
    return SeccompFacts(None, None, profile, CallSource.NONE, source, gaps=(gap,))


def _kernel(capture: Capture, expected: int | None) -> tuple[KernelFilters | None, tuple[NamedGap, ...]]:
    """The filters as read; empty if they were not requested."""
    names = set(capture.names())
    if "seccomp:0" not in names:
        gap = capture.text(SECCOMP) if SECCOMP in names else None
        return None, (NamedGap(SECCOMP, gap, capture.source(SECCOMP)),) if isinstance(gap, Gap) else ()
    found: list[bytes] = []
    length = 0
    while (name := f"seccomp:{len(found)}") in names:
        text = capture.text(name)
        if isinstance(text, Gap):
            return None, (NamedGap(name, text, capture.source(name)),)
        try:
            found.append(_filter(text))
            length += len(found[-1]) // bpf.FORMAT.size + 4
            if length > bpf.MAX_OF_ALL:
                raise DecodeError(
                    f"{len(found)} filters come to {length} instructions, the kernel takes {bpf.MAX_OF_ALL}"
                )
        except DecodeError as error:
            return None, (NamedGap(name, Gap(GapKind.UNPARSED, detail=str(error)), capture.source(name)),)
    if expected is not None and len(found) < expected:
        detail = f"{len(found)} filters were read, the process has {expected}"
        return None, (NamedGap(SECCOMP, Gap(GapKind.UNPARSED, detail=detail), capture.source("seccomp:0")),)
    return KernelFilters(tuple(found)), ()


@remembered()
def _filter(text: str) -> bytes:
    raw = bpf.parse_hex(text)
    bpf.decode(raw)
    return raw


def _custom(
    capture: Capture, asked: Asked, capabilities: frozenset[str] | None, around: Surroundings
) -> FilterSource | None:
    text = capture.text(NAMED)
    if isinstance(text, Gap) or capabilities is None:
        return custom_filter(asked, capabilities, around)
    return profile_filter(text, capture.source(NAMED), capabilities, around)


def custom_filter(asked: Asked, capabilities: frozenset[str] | None, around: Surroundings) -> FilterSource | None:
    """The named profile. Docker's answer contains its text; a path is only read if it is Podman's own."""
    named = asked.seccomp_profile or around.engine.facts.seccomp_profile
    if capabilities is None:
        return None
    if named.lstrip().startswith("{"):
        return profile_filter(named, INSPECT, capabilities, around)
    text = dict(around.ground.profiles).get(named)
    return None if text is None else profile_filter(text, named, capabilities, around)


def _oci(capture: Capture, around: Surroundings) -> FilterSource | None:
    text = capture.text(CONFIG)
    if isinstance(text, Gap):
        return None
    origin = profile_filter(text, capture.source(CONFIG), frozenset(), around)
    return replace(origin, oci=True)


def _capabilities(container: Container, status: ProcessStatus) -> frozenset[str] | None:
    """The bounding set that the engine made the filter for. The process itself may have dropped some since."""
    if container.asked.capabilities is not None:
        return _set(container.asked.capabilities)
    return None if status.bounding is None else frozenset(CapabilitySet(status.bounding).names())


@remembered()
def _set(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names)


def checked(origin: FilterSource | None, what: str) -> tuple[FilterSource | None, tuple[NamedGap, ...]]:
    """The filter, or a gap if its text is no valid profile."""
    if isinstance(origin, ProfileFilter):
        try:
            origin.answers(native(origin.machine))
        except DecodeError as error:
            return None, (NamedGap(what, Gap(GapKind.UNPARSED, detail=str(error)), origin.source),)
    return origin, ()


def passing(facts: SeccompFacts | None) -> int | None:
    """How many calls pass by this machine's own entry point, with some arguments at least; None: not known."""
    reach = None if facts is None else facts.attack_surface
    return None if reach is None else reach.passing


def counted(facts: SeccompFacts, around: Surroundings) -> SeccompFacts:
    """Add the counts for each entry point that this kernel may have."""
    if facts.origin is None:
        return facts
    known = _counted(facts.origin, facts.default, tuple([abi for abi, _ in entry_points(around.ground)]))
    return replace(
        facts,
        x86_64=known.of(Abi.X86_64),
        i386=known.of(Abi.I386),
        x32=known.of(Abi.X32),
        aarch64=known.of(Abi.AARCH64),
        attack_surface=known.surface,
        gaps=(*facts.gaps, *known.gaps),
    )


class _Counted(Value):
    """One filter's counts by entry point."""

    counts: tuple[tuple[Abi, CallCounts], ...]
    surface: AttackSurface | None
    gaps: tuple[NamedGap, ...]

    def of(self, abi: Abi) -> CallCounts | None:
        return next((found for each, found in self.counts if each is abi), None)


@remembered(4000)
def _counted(origin: FilterSource, default: FilterSource | None, points: tuple[Abi, ...]) -> _Counted:
    answers = [origin.answers(abi) for abi in points]
    reach = surface(answers[0], None if default is None else default.answers(points[0])) if points else None
    return _Counted(tuple(zip(points, map(counts, answers), strict=True)), reach, _cut(origin, answers))


def _cut(origin: FilterSource, answers: Iterable[Answers]) -> tuple[NamedGap, ...]:
    """The gap for undecided calls, if the budget was spent."""
    if not any(each.cut for each in answers):
        return ()
    gap = Gap(GapKind.UNPARSED, detail="too long to follow to the end: what is left is undecided")
    return (NamedGap(SECCOMP if isinstance(origin, KernelFilters) else "profile", gap, origin.source),)


_OF_ADMINISTRATOR = "/etc/"
_MEASURED_ON = "x86_64"


def default_filter(capabilities: frozenset[str] | None, around: Surroundings) -> FilterSource | None:
    """The engine's default with these capabilities; None if it is in a file that could not be read."""
    if capabilities is None:
        return None
    engine = around.engine
    measured = MeasuredDefault(rules_of(engine).measure, engine.version, capabilities)
    if rules_of(engine).built_in_filter:
        return measured
    files = {path: text for path, text in around.ground.profiles if path in PROFILES}
    named = engine.facts.seccomp_profile
    path = named if named.startswith("/") else next(iter(files), "")
    if path not in files:
        return measured if path == PROFILES[-1] and measured.measured else None
    found = profile_filter(files[path], path, capabilities, around)
    if path.startswith(_OF_ADMINISTRATOR) or found.machine != _MEASURED_ON:
        return found
    return replace(found, doubted=_doubted(found, measured))


def profile_filter(text: str, source: str, capabilities: frozenset[str], around: Surroundings) -> ProfileFilter:
    """A filter from a profile's text, for this container and kernel."""
    ground = around.ground
    return ProfileFilter(text, source, capabilities, kernel_release(ground), ground.machine or _MEASURED_ON)


@remembered(4000)
def _doubted(file: ProfileFilter, measured: MeasuredDefault) -> frozenset[str]:
    """Calls for which the file differs from what was measured for the engine's version."""
    try:
        if measured.measured:
            return _differing(file, measured)
        # newer than all measured versions: it can't be an older one's file
        for table in TABLES[measured.engine]:
            if not _differing(file, replace(measured, version=table.version)):
                every = replace(measured, version="").answers(Abi.X86_64)
                return frozenset(name for name, outcomes in every.calls if outcomes == NOT_FOLLOWED)
    except DecodeError:
        pass  # not a valid profile, which is reported where it is used
    return frozenset()


def _differing(file: ProfileFilter, measured: MeasuredDefault) -> frozenset[str]:
    one, two = file.answers(Abi.X86_64), measured.answers(Abi.X86_64)
    undecided = {name for name, outcomes in two.calls if outcomes == NOT_FOLLOWED}
    found = {
        name
        for (name, said), (_, known) in zip(one.calls, two.calls, strict=True)
        if verdict_of(said) is not verdict_of(known)
    }
    return frozenset(found.union(more(one, two), more(two, one)) - undecided)


_OLDEST = (0, 0, 0)


def predict(facts: SeccompFacts | None, before: Asked, after: Asked, around: Surroundings) -> SeccompFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or _decides(before, around) == _decides(after, around):
        return facts
    was, profile = profile_kind(before, around), profile_kind(after, around)
    names = frozenset(bounding(after, around.engine).names())
    default, default_gap = checked(default_filter(names, around), "profile")
    mode = SeccompMode.DISABLED if _ignored(after, around.engine) else _predicted_mode(facts, was, profile)
    origin: FilterSource | None = None
    gaps = facts.gaps if mode is None else ()
    if mode is SeccompMode.DISABLED:
        origin = NoFilter()
    elif mode is SeccompMode.FILTER and profile is ProfileKind.DEFAULT:
        origin, gaps = default, default_gap
    elif mode is SeccompMode.FILTER and profile is ProfileKind.CUSTOM:
        origin, gaps = checked(custom_filter(after, names, around), "profile")
    found = replace(
        facts,
        mode=mode,
        filters=None,
        profile=profile,
        source=CallSource.NONE if origin is None else origin.kind,
        x86_64=None,
        i386=None,
        x32=None,
        aarch64=None,
        attack_surface=None,
        origin=origin,
        default=default,
        gaps=gaps,
    )
    return counted(found, around)


def _ignored(asked: Asked, engine: Engine) -> bool:
    """Docker ignored a profile together with --privileged (measured: 26.1) before moby's change 47500."""
    if not asked.privileged or asked.seccomp is not ProfileKind.CUSTOM:
        return False
    since = rules_of(engine).profile_if_privileged_since
    return since is None or (version_of(engine.version) or _OLDEST) < since


def _decides(asked: Asked, around: Surroundings) -> tuple[ProfileKind, str, int, bool]:
    capabilities = bounding(asked, around.engine).bits
    return profile_kind(asked, around), asked.seccomp_profile, capabilities, _ignored(asked, around.engine)


def _predicted_mode(facts: SeccompFacts, was: ProfileKind, profile: ProfileKind) -> SeccompMode | None:
    if was is profile:
        return facts.mode  # a program that adds filters itself will do so again
    if facts.unseen and profile is ProfileKind.UNCONFINED:
        return SeccompMode.FILTER
    match profile:
        case ProfileKind.UNCONFINED:
            return SeccompMode.DISABLED
        case ProfileKind.DEFAULT | ProfileKind.CUSTOM:
            return SeccompMode.FILTER
    return None
