"""The capabilities that options result in, and which of them a process keeps: for toggles and predictions.

As in moby's TweakCapabilities and containers/common's MergeCapabilities, adding ALL cancels dropping ALL. If the engine
does not report its default, the measured list for its kind is used.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.core.container import ENGINES, Asked, Engine, EngineKind
from stratascope.core.options.rules import rules_of
from stratascope.linux.capability import LAST, CapabilitySet
from stratascope.linux.decode import DecodeError
from stratascope.linux.defaults import SETTINGS
from stratascope.value import replace

# Capabilities that act on files of other users
FILES = frozenset(("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"))
_ALL = "ALL"
# Docker's 14 and Podman's 11, the same in all measured versions; if an engine reports its own list, that is used
ENGINE_DEFAULTS = {kind: SETTINGS[kind][-1].capabilities for kind in ENGINES}


def engine_default(engine: Engine) -> CapabilitySet:
    """The engine's default bounding set."""
    return _default(rules_of(engine).measure, engine.facts.default_capabilities)


@remembered()
def _default(kind: EngineKind, reported: tuple[str, ...]) -> CapabilitySet:
    try:
        return CapabilitySet.of(reported) if reported else ENGINE_DEFAULTS[kind]
    except DecodeError:
        return ENGINE_DEFAULTS[kind]  # an unknown name: the engine's answer is not trusted


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
    had = engine.daemon.capabilities
    return bounding_from(asked, engine_default(engine), CapabilitySet.full() if had is None else CapabilitySet(had))


def bounding_from(asked: Asked, default: CapabilitySet, most: CapabilitySet | None = None) -> CapabilitySet:
    """The same, for an engine whose default is `default`, and which can give `most`; None: all."""
    every = CapabilitySet.full() if most is None else most
    if asked.privileged:
        return every
    added, dropped = named(asked.cap_add), named(tuple(name for name in asked.cap_drop if name != _ALL))
    if _ALL in asked.cap_add:
        return every - dropped
    return (added if _ALL in asked.cap_drop else (default - dropped) | added) & every


def bounding(asked: Asked, engine: Engine) -> CapabilitySet:
    """The bounding set reported by the engine, else the one that the options result in."""
    return resulting(asked, engine) if asked.capabilities is None else named(asked.capabilities)


def with_result(asked: Asked, engine: Engine) -> Asked:
    """The request with `capabilities` recomputed from its other options."""
    return replace(asked, capabilities=resulting(asked, engine).names())


def starts_as_root(asked: Asked) -> bool:
    """Whether the options start the first program as root in the container; a name other than root is another user,
    unless the image is known.

    With `--userns=keep-id`, Podman starts it as the engine's user unless `--user` is given.
    """
    if asked.userns_mode.startswith("keep-id") and not asked.user:
        return False
    if asked.account is not None and asked.account.user == asked.user:
        return asked.account.uid == 0
    return asked.user.partition(":")[0] in ("", "0", "root")


def uid_inside(asked: Asked) -> int | None:
    """The number of the first program's user in the container; None if a name's is not known."""
    if asked.account is not None and asked.account.user == asked.user:
        return asked.account.uid
    if starts_as_root(asked):
        return 0
    name = asked.user.partition(":")[0]
    return int(name) if name.isascii() and name.isdigit() and len(name) <= 10 else None


def same_start(before: Asked, after: Asked) -> bool:
    """Whether the first process starts with the same capabilities under both."""
    return (
        before.privileged == after.privileged
        and before.capabilities == after.capabilities
        and before.user == after.user
        and starts_as_root(before) == starts_as_root(after)
        and (after.capabilities is not None or (before.cap_add, before.cap_drop) == (after.cap_add, after.cap_drop))
    )


def held_after(held: int | None, before: Asked, after: Asked, engine: Engine) -> int | None:
    """Mask of the capabilities held by the first process after a relaunch; `held`: those it holds now. None: unknown.

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
