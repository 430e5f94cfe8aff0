"""Predicts what the filter of a relaunched container will let through. Pure.

Engines resolve their default for a container's capabilities, so it is resolved again for the predicted ones. The text
of a profile named by path is looked up in the ground's profiles, where the caller has to put it.
"""

from __future__ import annotations

from stratascope.core.container import Asked, Engine, EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.options.capabilities import bounding
from stratascope.core.syscall_table import CallSource
from stratascope.layers.seccomp.facts import SeccompFacts, checked, counted, custom_filter, default_filter, profile_kind
from stratascope.layers.seccomp.filter_source import FilterSource, NoFilter
from stratascope.linux.defaults import version_of
from stratascope.linux.seccomp import SeccompMode
from stratascope.value import replace

_OLDEST, _HONOURED = (0, 0, 0), (27, 0, 0)


def predict(facts: SeccompFacts | None, before: Asked, after: Asked, around: Surroundings) -> SeccompFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or _decides(before, around) == _decides(after, around):
        return facts
    was, profile = profile_kind(before, around), profile_kind(after, around)
    names = frozenset(bounding(after, around.engine).names())
    default, default_gap = checked(default_filter(names, around), "profile")
    mode = SeccompMode.DISABLED if _ignored(after, around.engine) else _mode(facts, was, profile)
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
    if not asked.privileged or asked.seccomp is not ProfileKind.CUSTOM or engine.kind is not EngineKind.DOCKER:
        return False
    return (version_of(engine.version) or _OLDEST) < _HONOURED


def _decides(asked: Asked, around: Surroundings) -> tuple[ProfileKind, str, int, bool]:
    capabilities = bounding(asked, around.engine).bits
    return profile_kind(asked, around), asked.seccomp_profile, capabilities, _ignored(asked, around.engine)


def _mode(facts: SeccompFacts, was: ProfileKind, profile: ProfileKind) -> SeccompMode | None:
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
