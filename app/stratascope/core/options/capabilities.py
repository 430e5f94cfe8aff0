"""The capabilities that options result in, and what a process keeps of them: for toggles and predictions.

As moby's TweakCapabilities and containers/common's MergeCapabilities: adding ALL cancels dropping ALL. If the engine
does not report its default, the measured list for its kind is used.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.container import Asked, Engine, EngineKind
from stratascope.core.options.rules import rules_of
from stratascope.linux.capability import LAST, CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.linux.defaults import SETTINGS
from stratascope.value import replace

# on others' files
FILES = frozenset(("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"))
_ALL = "ALL"
# The same in all measured versions (14 and 11); if an engine reports its own list, that is used
ENGINE_DEFAULTS = {kind: SETTINGS[kind][-1].capabilities for kind in EngineKind}


def engine_default(engine: Engine) -> CapabilitySet:
    """The engine's default."""
    return _default(engine.kind, engine.facts.default_capabilities)


@remembered()
def _default(kind: EngineKind, reported: tuple[str, ...]) -> CapabilitySet:
    try:
        return CapabilitySet.of(reported) if reported else ENGINE_DEFAULTS[kind]
    except DecodeError:
        return ENGINE_DEFAULTS[kind]  # no capability of that name: the engine's answer is not trusted


@remembered()
def named(names: tuple[str, ...], last: int = LAST) -> CapabilitySet:
    """The set of these names; unknown ones are left out."""
    found = CapabilitySet()
    for name in names:
        try:
            found |= CapabilitySet.of((name,), last)
        except DecodeError:
            continue
    return found


def resulting(asked: Asked, engine: Engine) -> CapabilitySet:
    """The bounding set that results from added and dropped capabilities."""
    return come_to(asked, engine_default(engine))


def come_to(asked: Asked, default: CapabilitySet) -> CapabilitySet:
    """The same on an engine that gives `default` by itself."""
    if asked.privileged:
        return CapabilitySet.full()
    added, dropped = named(asked.cap_add), named(tuple(name for name in asked.cap_drop if name != _ALL))
    if _ALL in asked.cap_add:
        return CapabilitySet.full() - dropped
    if _ALL in asked.cap_drop:
        return added
    return (default - dropped) | added


def bounding(asked: Asked, engine: Engine) -> CapabilitySet:
    """The bounding set as the engine reports it, else as its options result in."""
    return resulting(asked, engine) if asked.capabilities is None else named(asked.capabilities)


def with_result(asked: Asked, engine: Engine) -> Asked:
    """The request with `capabilities` as its other options result in."""
    return replace(asked, capabilities=resulting(asked, engine).names())


def starts_as_root(asked: Asked) -> bool:
    """Whether its first program starts as root inside, by its options; a name other than root is another user.

    With a user namespace that keeps the engine's user, Podman starts it as that user unless asked otherwise.
    """
    if asked.userns_mode.startswith("keep-id") and not asked.user:
        return False
    return asked.user.partition(":")[0] in ("", "0", "root")


def same_start(before: Asked, after: Asked) -> bool:
    """Whether a process starts with the same capabilities under both."""
    return (
        before.privileged == after.privileged
        and before.capabilities == after.capabilities
        and before.user == after.user
        and starts_as_root(before) == starts_as_root(after)
        and (after.capabilities is not None or (before.cap_add, before.cap_drop) == (after.cap_add, after.cap_drop))
    )


def held_after(held: int | None, before: Asked, after: Asked, engine: Engine) -> int | None:
    """Mask of what the first process holds after a relaunch; `held`: what it holds now. None: unknown.

    A root program that kept everything will do so again; one that dropped some is assumed to drop them again; one that
    newly becomes root is assumed to keep everything. As another user it has none with Docker; with Podman it has those
    added by name (ambient).
    """
    if same_start(before, after):
        return held
    given = bounding(after, engine).bits
    if not given:
        return 0
    if not starts_as_root(after):
        return named(after.cap_add).bits & given if rules_of(engine).names_capabilities else 0
    if not starts_as_root(before):
        return given  # it has not been seen running as root, so whether it drops some is unknown
    if held is None:
        return None
    # an engine can't give what it lacks itself; a privileged process shows what it has
    kept = not before.privileged and bounding(before, engine) <= CapabilitySet(held)
    return given if kept else given & held
