"""From what the verdicts on system calls come: filters read from the kernel, a profile, or our measured table.

A source is small and hashable; its answers are made on demand and kept, so that forty containers under
one profile are evaluated once. Decided against holding the tables in the layer's facts: those are printed as they are.
"""

from __future__ import annotations

from functools import cache

from stratascope.core.container import EngineKind
from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.syscall_table import CallSource
from stratascope.linux import seccomp_filters
from stratascope.linux.decode import DecodeError
from stratascope.linux.defaults import filters as defaults
from stratascope.linux.seccomp import ALLOW
from stratascope.linux.seccomp_answer import NOT_FOLLOWED, Answers, Outcome, Outcomes
from stratascope.linux.seccomp_profile import Profile, parse_oci_config, parse_profile, release
from stratascope.linux.seccomp_resolve import resolve, resolved_calls, unknown_calls
from stratascope.linux.syscalls import Abi, abis_of, numbers
from stratascope.remembered import remembered
from stratascope.value import Value, replace


class KernelFilters(Value):
    """The filters themselves, the oldest first, as bytes."""

    filters: tuple[bytes, ...]

    @property
    def title(self) -> Message:
        return msg("As read from the kernel")

    @property
    def source(self) -> str:
        """As a ruling names it: without a PID."""
        last = len(self.filters) - 1
        return f"kernel filters 0-{last}" if last else "kernel filter 0"

    @property
    def kind(self) -> CallSource:
        return CallSource.KERNEL

    def answers(self, abi: Abi) -> Answers:
        """Raises DecodeError for what is no filter."""
        return seccomp_filters.answers(self.filters, abi)


class ProfileFilter(Value):
    """A profile's JSON, and all that it is resolved for. `source` is the file's path, or where the text stands.

    `oci`: it is a whole config.json, in which the profile is resolved for the container already. `doubted`: calls of
    which the engine's version was measured to say something else, so that this file may not be the one it took.
    """

    text: str
    source: str
    capabilities: frozenset[str]
    kernel: tuple[int, int] | None
    machine: str
    oci: bool = False
    doubted: frozenset[str] = frozenset()

    @property
    def title(self) -> Message:
        if self.doubted:
            return msg(
                "According to the profile {path}, except for calls that this version treats differently",
                path=self.source,
            )
        return msg("According to the profile {path}, for this container's capabilities", path=self.source)

    @property
    def kind(self) -> CallSource:
        return CallSource.PROFILE

    def answers(self, abi: Abi) -> Answers:
        """Raises DecodeError for what is no profile."""
        asked_for = self.capabilities & _asked_for(self.text, self.oci)  # the others share what is remembered
        found = _resolved(self.text, self.oci, asked_for, self.kernel, self.machine, abi)
        return _without(found, self.doubted) if self.doubted else found


class MeasuredDefault(Value):
    """An engine's default for these capabilities, from our own measuring, for a version as the engine tells it."""

    engine: EngineKind
    version: str
    capabilities: frozenset[str]

    @property
    def measured(self) -> tuple[str, ...]:
        """The versions that speak for this one; none: it was never measured."""
        return defaults.versions_for(self.engine, self.version)

    @property
    def whole(self) -> bool:
        """Whether it was measured on this very version, so that nothing is undecided."""
        return len(self.measured) == 1

    def nearest(self) -> MeasuredDefault:
        """To make something of where no claim is made: the same if it was measured, else the newest that was."""
        return self if self.whole else replace(self, version=defaults.TABLES[self.engine][-1].version)

    @property
    def title(self) -> Message:
        if not self.measured:
            return msg("The default of this version of {engine} was never measured", engine=self.engine.title())
        engine, version = self.engine.title(), ", ".join(self.measured)
        return msg("{engine}'s default, as measured on {engine} {version}", engine=engine, version=version)

    @property
    def source(self) -> str:
        name = self.engine.title()
        measured = f"as measured on {name} {', '.join(self.measured)}" if self.measured else "never measured"
        return f"{name}'s default, {measured}"

    @property
    def kind(self) -> CallSource:
        return CallSource.MEASURED

    def answers(self, abi: Abi) -> Answers:
        """Never fails."""
        asked_for = self.capabilities & defaults.deciding(self.engine)  # the others share what is remembered
        return defaults.default_filter(self.engine, self.version, asked_for, abi)


class NoFilter(Value):
    """No filter at all: every call reaches the kernel."""

    @property
    def title(self) -> Message:
        return msg("No filter: every call reaches the kernel")

    @property
    def source(self) -> str:
        return "@status:Seccomp"

    @property
    def kind(self) -> CallSource:
        return CallSource.NONE

    def answers(self, abi: Abi) -> Answers:
        """Never fails."""
        return _unfiltered(abi)


FilterSource = KernelFilters | ProfileFilter | MeasuredDefault | NoFilter


@cache
def _unfiltered(abi: Abi) -> Answers:
    return Answers(abi, tuple((name, (Outcome(ALLOW),)) for name in numbers(abi)))


@remembered(40000)
def _resolved(
    text: str, oci: bool, capabilities: frozenset[str], kernel: tuple[int, int] | None, machine: str, abi: Abi
) -> Answers:
    """By the text, whose hash Python keeps, instead of the profile, whose hash it would make at each call."""
    return resolve(_parsed(text, oci), capabilities, kernel, machine, abi)


@remembered(4000)
def _asked_for(text: str, oci: bool) -> frozenset[str]:
    """The capabilities on which a rule of that profile depends."""
    found: frozenset[str] = frozenset()
    for rule in _parsed(text, oci).rules:
        found = found.union(rule.includes.capabilities, rule.excludes.capabilities)
    return found


@remembered(40000)
def _without(answers: Answers, doubted: frozenset[str]) -> Answers:
    return replace(
        answers, calls=tuple((name, NOT_FOLLOWED if name in doubted else each) for name, each in answers.calls)
    )


def _parsed(text: str, oci: bool) -> Profile:
    if not oci:
        return parse_profile(text)
    found = parse_oci_config(text)
    if found is None:
        raise DecodeError("config.json: no linux.seccomp, though there is a filter")
    return found


def profile_warnings(origin: ProfileFilter) -> tuple[str, ...]:
    """What of a profile is not known: fields, machines, calls; in English. Raises DecodeError."""
    profile = _parsed(origin.text, origin.oci)
    calls = (f"no system call {name[:60]!r}" for name in unknown_calls(profile, origin.machine))
    return (*profile.warnings, *calls)


def opened_by(origin: FilterSource, names: frozenset[str]) -> tuple[tuple[str, Answers], ...]:
    """For an engine's default: each capability that would change it if it were added, and the answers that change.

    By the machine's own entry point; calls that it leaves as they are stand in none. `names`: all capabilities.
    """
    if isinstance(origin, KernelFilters | NoFilter):
        return ()
    return _opened_by(origin, names)


@remembered(20000)
def _opened_by(origin: ProfileFilter | MeasuredDefault, names: frozenset[str]) -> tuple[tuple[str, Answers], ...]:
    abi = Abi.X86_64 if isinstance(origin, MeasuredDefault) else native(origin.machine)
    now = dict(origin.answers(abi).calls)
    found = []
    for name in sorted(names - origin.capabilities):
        then = [(call, new) for call, new in _calls_with(origin, name, abi) if now.get(call, new) != new]
        if then:
            found.append((name, Answers(abi, tuple(then))))
    return tuple(found)


def _calls_with(origin: ProfileFilter | MeasuredDefault, capability: str, abi: Abi) -> tuple[tuple[str, Outcomes], ...]:
    """The answers to the calls that depend on a capability, if the container had it too."""
    if isinstance(origin, MeasuredDefault):
        return defaults.opened_by(origin.engine, origin.version, origin.capabilities, capability, abi)
    profile = _parsed(origin.text, origin.oci)
    named = {
        call
        for rule in profile.rules
        if capability in rule.includes.capabilities or capability in rule.excludes.capabilities
        for call in rule.names
    }
    calls = [call for call in numbers(abi) if call in named]
    capabilities = origin.capabilities | {capability}
    found = resolved_calls(profile, capabilities, origin.kernel, origin.machine, abi, calls)
    return tuple((name, NOT_FOLLOWED if name in origin.doubted else each) for name, each in found)


def native(machine: str) -> Abi:
    """The machine's own entry point; x86_64 where nothing is known of it."""
    return next(iter(abis_of(machine)), Abi.X86_64)


@remembered()
def entry_points(ground: Ground) -> tuple[tuple[Abi, bool], ...]:
    """Those that this kernel has or may have, its own first, and whether that is certain. Empty: none of ours."""
    if ground.machine and not abis_of(ground.machine):
        return ()
    found = [(native(ground.machine), True)]
    for abi in abis_of(ground.machine)[1:]:
        has = ground.feature(abi.value)
        if has is not False:
            found.append((abi, has is True))
    return tuple(found)


@remembered()
def kernel_release(ground: Ground) -> tuple[int, int] | None:
    """The release's first two numbers; None where not known."""
    try:
        return release(ground.kernel) if ground.kernel else None
    except DecodeError:
        return None
