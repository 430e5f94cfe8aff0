"""What would allow a refused attempt, at the least price: of all toggles that could, the one that opens least.

Whether a toggle can is the toggle's own knowledge (`Toggle.allows`); what it would open is the same prediction that the
right column shows. What no toggle gives is said in words: what only the host, the image or the program itself can do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import bounding, named, starts_as_root
from stratascope.core.refusals.refusal import Claim, RefusalRemedy
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.relaunch.want import (
    DeviceNode,
    HeldCapability,
    HostsNamespace,
    MappedId,
    MoreOf,
    PassedCall,
    Setting,
    Unconfined,
    Want,
)
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue import all_threats, threats_by_id
from stratascope.core.threats.needs import Calls, Capability
from stratascope.core.threats.threat import Outcome, Threat
from stratascope.layers.shared.host_paths import within
from stratascope.layers.toggles import all_toggles
from stratascope.usecases.plan.offers import Preview

Foretell = Callable[[Sequence[Choice]], Preview]  # raises ToggleError
_RANK = {Outcome.STOPPED: 0, Outcome.UNKNOWN: 1, Outcome.OPEN: 2}


def remedies(claim: Claim, subject: Subject, preview: Foretell) -> tuple[RefusalRemedy, ...]:
    """Those of the wants that something of ours can give, what opens least first; then what is said in words alone."""
    found: dict[Choice | Message, RefusalRemedy] = {}
    for want in claim.wants:
        gives = _choices(want, subject)
        also, more = _beside(want, subject)
        for choice, text in gives:
            beside = tuple(each for each in also if each.toggle != choice.toggle)
            whole = msg("{remedy}. It also takes this: {more}", remedy=text, more=more) if more is not None else text
            found.setdefault(choice, RefusalRemedy(whole, choice, _opened((choice, *beside), preview), beside))
        # a label on the host opens less than no confinement at all
        said = None if gives and not isinstance(want, Unconfined) else in_words(want, subject)
        if said is not None:
            found.setdefault(said, RefusalRemedy(said))
    return tuple(sorted(found.values(), key=lambda each: (each.choice is None, _price(each.opened))))


def _choices(want: Want, subject: Subject) -> list[tuple[Choice, Message]]:
    found = []
    for each in all_toggles():
        given = each.allows(want, subject)
        if given is not None:
            try:
                found.append((Choice(each.id, each.check(given.value, subject)), given.text))
            except ToggleError:
                continue  # this engine can't
    return found


def _beside(want: Want, subject: Subject) -> tuple[tuple[Choice, ...], Message | None]:
    """What another layer would refuse next, and what would allow that: choices, and all of it in words."""
    names = asked_by_kernel(want.name) if isinstance(want, PassedCall) else ()
    asked = subject.container.asked
    if not names or (named(names) & bounding(asked, subject.engine) and starts_as_root(asked)):
        return (), None
    held = HeldCapability(names[:1])
    gives = _choices(held, subject)
    if gives:
        return (gives[0][0],), gives[0][1]
    shown = " or ".join(name.removeprefix("CAP_") for name in names)
    return (), in_words(held, subject) or msg("The kernel asks for {names} then.", names=shown)


@cache
def asked_by_kernel(call: str) -> tuple[str, ...]:
    """Capabilities, any of which the kernel asks for at that call, wherever a threat begins with it: what comes later
    in a route may be in a user namespace that was made before.
    """
    found: set[str] | None = None
    for step in (route.steps[0] for threat in all_threats() for route in threat.routes):
        if any(call == each.name for need in step.needs if isinstance(need, Calls) for each in need.ways):
            asked = (need for need in step.needs if isinstance(need, Capability) and need.only_if is None)
            names = {name for need in asked for name in need.any_of}
            found = names if found is None else found & names
    return tuple(sorted(found or (), key=lambda name: (name == "CAP_SYS_ADMIN", name)))


def _opened(chosen: Sequence[Choice], preview: Foretell) -> tuple[str, ...] | None:
    """Also what may be open then, where that can't be predicted and nothing of it is now."""
    try:
        return tuple(threat.id for threat in opened_by(preview(chosen)))
    except ToggleError:
        return None


def opened_by(found: Preview) -> tuple[Threat, ...]:
    """What would be open, or may be, that is not now; the worst first."""
    pairs = zip(found.before.threats, found.after.threats, strict=True)
    worse = [new.threat for old, new in pairs if _RANK[new.outcome] > _RANK[old.outcome]]
    return tuple(sorted(worse, key=lambda each: (each.severity.rank, each.id)))


def _price(opened: tuple[str, ...] | None) -> tuple[object, ...]:
    if opened is None:
        return (True,)
    known = threats_by_id()
    counts = (sum(known[name].severity is each for name in opened) for each in Severity)
    return (False, *counts)


def in_words(want: Want, subject: Subject) -> Message | None:
    """What no setting of a container gives, and who can; None: nothing is known that helps."""
    asked = subject.container.asked
    match want:
        case HeldCapability(names=names, uid=uid) if uid or (uid is None and not starts_as_root(asked)):
            shown = ", ".join(name.removeprefix("CAP_") for name in names)
            if starts_as_root(asked) and named(names) - bounding(asked, subject.engine):
                return msg("It gave up root's privileges by itself. Give the container {names}, and its image can give "
                           "that to the program (setcap).",
                           names=shown)  # fmt: skip
            if starts_as_root(asked):
                return msg("It gave up root's privileges by itself. Its image can give {names} to the program "
                           "(setcap).",
                           names=shown)  # fmt: skip
            return msg("Start it as root and give it {names}, both in one relaunch.", names=shown)
        case DeviceNode(kind=kind, number=number, of_host=""):
            return msg("Pass in the device {kind} {number} by its name in the host's /dev.", kind=kind, number=number)
        case MappedId(number=number):
            return msg("Give the engine a range of IDs that includes {number}: /etc/subuid and /etc/subgid.",
                       number=number)  # fmt: skip
        case Unconfined(system="selinux", path=path) if path:
            binds = [mount for mount in asked.mounts if mount.kind == "bind" and within(path, mount.target.rstrip("/"))]
            if binds:
                source = max(binds, key=lambda mount: len(mount.target)).source
                return msg("Label {path} on the host for containers: chcon -R -t container_file_t.", path=source)
        case HostsNamespace(kind="user"):
            return msg("Only a container without a user namespace of its own can do this.")
        case MoreOf(what="memory") if not asked.memory:
            return msg("The limit is not this container's: a group above it, or the machine itself, has no more.")
        case Setting(name=name, value=value):
            return msg("Set {name}={value} on the machine itself. It applies to everything that runs there.",
                       name=name, value=value)  # fmt: skip
    return None
