"""Sources of system call verdicts: filters read from the kernel, a profile, or our measured table.

A source is small and hashable. Its answers are computed on demand and cached, so forty containers with one profile are
evaluated once. The layer's facts don't hold the tables, since facts are printed as they are.
"""

from __future__ import annotations

from functools import cache

from stratascope.bounded_cache import remembered
from stratascope.core.container import EngineKind
from stratascope.core.ground import Ground
from stratascope.core.layer import CallSource
from stratascope.core.message import Message, msg
from stratascope.linux import defaults, seccomp_filters
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import ALLOW, NOT_FOLLOWED, Answers, Outcome, Outcomes
from stratascope.linux.seccomp_profile import (
    Profile,
    parse_oci_config,
    parse_profile,
    resolve,
    resolved_calls,
    unknown_calls,
)
from stratascope.linux.syscalls import Abi, abis_of, numbers
from stratascope.value import Value, replace


class KernelFilters(Value):
    """The filters themselves as bytes, oldest first."""

    filters: tuple[bytes, ...]

    @property
    def title(self) -> Message:
        return msg("As read from the kernel")

    @property
    def source(self) -> str:
        """The source as named in a ruling: without a PID."""
        last = len(self.filters) - 1
        return f"kernel filters 0-{last}" if last else "kernel filter 0"

    @property
    def kind(self) -> CallSource:
        return CallSource.KERNEL

    def answers(self, abi: Abi) -> Answers:
        """Raises DecodeError for an invalid filter."""
        return seccomp_filters.answers(self.filters, abi)


class ProfileFilter(Value):
    """A profile's JSON, and what it is resolved for. `source`: the file's path, or where the text comes from.

    `oci`: it is a whole config.json, whose profile is already resolved for the container. `doubted`: calls for which
    the engine's version was measured to differ, so that the engine may have used another file.
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
        """Raises DecodeError for an invalid profile."""
        # drop the capabilities it does not depend on, so that more containers share a cache entry
        asked_for = self.capabilities & _asked_for(self.text, self.oci)
        found = _resolved(self.text, self.oci, asked_for, self.kernel, self.machine, abi)
        return _without(found, self.doubted) if self.doubted else found


class MeasuredDefault(Value):
    """An engine's default with these capabilities, as measured; `version` as the engine reports it."""

    engine: EngineKind
    version: str
    capabilities: frozenset[str]

    @property
    def measured(self) -> tuple[str, ...]:
        """The measured versions that apply to this one; empty if there are none."""
        return defaults.versions_for(self.engine, self.version)

    @property
    def whole(self) -> bool:
        """Whether this very version was measured, so that nothing is undecided."""
        return len(self.measured) == 1

    def nearest(self) -> MeasuredDefault:
        """The same if it was measured, else the newest measured version. For use where no claim is made about the
        engine.
        """
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
        # drop the capabilities it does not depend on, so that more containers share a cache entry
        asked_for = self.capabilities & defaults.deciding(self.engine)
        return defaults.default_filter(self.engine, self.version, asked_for, abi)


class NoFilter(Value):
    """No filter: every call reaches the kernel."""

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
    """Cached by text, whose hash Python keeps, rather than by profile, which would be hashed at each call."""
    return resolve(_parsed(text, oci), capabilities, kernel, machine, abi)


@remembered(4000)
def _asked_for(text: str, oci: bool) -> frozenset[str]:
    """The capabilities that any rule of the profile depends on."""
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
    """Unknown fields, machines and calls in a profile, in English. Raises DecodeError."""
    profile = _parsed(origin.text, origin.oci)
    calls = (f"no system call {name[:60]!r}" for name in unknown_calls(profile, origin.machine))
    return (*profile.warnings, *calls)


def opened_by(origin: FilterSource, names: frozenset[str]) -> tuple[tuple[str, Answers], ...]:
    """For an engine's default: each capability that would change it if added, with the answers that change.

    By the native entry point; calls that stay the same are left out. `names`: all capabilities.
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
    """The answers to the calls that depend on a capability, if the container held it too."""
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
    """The machine's native entry point; x86_64 if nothing is known."""
    return next(iter(abis_of(machine)), Abi.X86_64)


@remembered()
def entry_points(ground: Ground) -> tuple[tuple[Abi, bool], ...]:
    """The entry points that this kernel has or may have, native first, and whether that is certain. Empty: none known
    here.
    """
    if ground.machine and not abis_of(ground.machine):
        return ()
    found = [(native(ground.machine), True)]
    for abi in abis_of(ground.machine)[1:]:
        has = ground.feature(abi.value)
        if has is not False:
            found.append((abi, has is True))
    return tuple(found)
