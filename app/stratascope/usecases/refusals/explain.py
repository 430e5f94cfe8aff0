"""Explains the refusals of one container: which layer refused each, and the remedy that opens least.

Each layer may claim a refusal, and the strongest claim wins. A claim is cached per kind of refusal, and made anew when
the kernel's log has more lines about it. Pure, except for the remedies, which predict the effect of a relaunch.

Of all toggles that would allow the call, the remedy is the one that opens least. Each toggle knows what it can allow
(`Toggle.allows`); what it would open comes from the prediction that the right column shows. What no toggle can allow is
described in words: what only the host, the image or the program itself can do.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence

from stratascope.core.capture import or_none
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import bounding, named, starts_as_root
from stratascope.core.refusals import files, kernel, network, sentences
from stratascope.core.refusals.benign import is_benign
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Attempt, Claim, Refusal, RefusalRemedy, Strength
from stratascope.core.refusals.ring import RefusalEntry
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
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.asked_by_kernel import asked_by_kernel
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.core.threats.threat import Outcome, Threat
from stratascope.layers import all_layers
from stratascope.layers.shared.host_paths import within
from stratascope.layers.toggles import all_toggles
from stratascope.linux.namespace import parse_idmap
from stratascope.usecases.plan.offers import Preview
from stratascope.value import replace

# Order among equally strong claims: the more specific first. A capability would bypass most refusals by a setting, a
# limit, an id map or a file mode, so a claim by capabilities says little; the security module comes last.
_ORDER = ("seccomp", "usermap", "namespaces", "cgroup", FILES, NETWORK, KERNEL, "capabilities", "mac")
_NOBODY = Claim(
    KERNEL, msg("The kernel refused it, and nothing known about this container explains why."), Strength.LEFT
)
Remedies = Callable[[Claim], tuple[RefusalRemedy, ...]]


def claim_of(attempt: Attempt, state: ContainerState, around: Surroundings) -> Claim:
    """The strongest claim of the layers to have refused this call."""
    facts = {layer.id: layer.facts for layer in state.layers}
    found = [layer.refused(attempt, facts.get(layer.id), around) for layer in all_layers()]
    found += [files.claim(attempt, around.ground), network.claim(attempt), kernel.claim(attempt, around)]
    claims = [claim for claim in found if claim is not None]
    if attempt.around.presumed:  # the process may have had other mounts
        claims = [_doubted(claim) for claim in claims]
    claims.sort(key=lambda claim: _ORDER.index(claim.layer) if claim.layer in _ORDER else len(_ORDER))
    return max(claims, key=lambda claim: claim.strength, default=_NOBODY)


def _doubted(claim: Claim) -> Claim:
    return replace(claim, strength=Strength.LIKELY) if claim.strength is Strength.FITS else claim


def _without_others_path(attempt: Attempt) -> Attempt:
    """Drop a path that can't be the call's: it is read after the call, and a writable mount never fails with EROFS."""
    places = [place for place in (attempt.around.place, attempt.around.other) if place is not None]
    mounts = [place.mount for place in places if place.mount is not None]
    of_two = attempt.name.startswith(("rename", "link"))  # the other path, which was not read, may be the cause
    if attempt.errno != errno.EROFS or not mounts or of_two or any(mount.read_only for mount in mounts):
        return attempt
    return replace(attempt, path="", around=replace(attempt.around, place=None, other=None))


class Explainer:
    """Explains refusals of one container. `remedies`: returns what would allow a claim; called once per kind."""

    def __init__(self, state: ContainerState, around: Surroundings, remedies: Remedies = lambda claim: ()) -> None:
        self._around, self.remedies = around, remedies
        self._known: dict[tuple[str, int], tuple[Attempt, Claim, tuple[RefusalRemedy, ...]]] = {}
        self._state = state
        capture = state.capture
        self._uids = None if capture is None else or_none(capture.decoded("uid_map", parse_idmap))
        self._gids = None if capture is None else or_none(capture.decoded("gid_map", parse_idmap))

    def denials(self, entries: Iterable[RefusalEntry], since: float) -> tuple[Refusal, ...]:
        """Explain each entry, in order. `since`: the zero of the observer's clock, in seconds since the epoch."""
        return tuple(self._denial(entry, since) for entry in entries)

    def _denial(self, entry: RefusalEntry, since: float) -> Refusal:
        around = entry.attempt.around
        uids = self._uids if around.uids is None else around.uids
        gids = self._gids if around.gids is None else around.gids
        apart = around.uids is not None and self._uids is not None and around.uids != self._uids
        attempt = replace(_without_others_path(entry.attempt), uids=uids, gids=gids, apart=apart)
        explained, claim, remedies = self._explained(entry.key, attempt)
        if entry.many:
            attempt = explained  # an entry for many paths shows the one that was explained
        code = attempt.errno
        return Refusal(
            entry.key,
            since + entry.at,
            since + entry.last,
            entry.count,
            entry.pid,
            attempt.around.inside,
            attempt.process,
            sentences.did(attempt, many=entry.many),
            sentences.raw(attempt),
            attempt.name,
            sentences.arguments(attempt),
            attempt.path,
            errno.errorcode.get(code, str(code)) if code else "",
            claim,
            is_benign(attempt, survived=entry.survived, ended=entry.ended),
            entry.ended,
            remedies,
        )

    def _explained(self, key: str, attempt: Attempt) -> tuple[Attempt, Claim, tuple[RefusalRemedy, ...]]:
        known = key, len(attempt.lines)
        found = self._known.get(known)
        if found is None:
            claim = claim_of(attempt, self._state, self._around)
            found = self._known[known] = attempt, claim, self.remedies(claim)
        return found


def ordered(denials: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Sort for people: first what a process died of, then newest first; benign ones last."""
    return tuple(sorted(denials, key=lambda each: (each.benign, not each.ended, -each.last)))


Predict = Callable[[Sequence[Choice]], Preview]  # raises ToggleError
_RANK = {Outcome.STOPPED: 0, Outcome.UNKNOWN: 1, Outcome.OPEN: 2}


def remedies(claim: Claim, subject: Subject, preview: Predict) -> tuple[RefusalRemedy, ...]:
    """Remedies for a claim: choices first, the one that opens least before the others; then those in words only."""
    found: dict[Choice | Message, RefusalRemedy] = {}
    for want in claim.wants:
        gives = choices_for(want, subject)
        also, more = _beside(want, subject)
        for choice, text in gives:
            beside = tuple(each for each in also if each.toggle is not choice.toggle)
            whole = msg("{remedy}. It also takes this: {more}", remedy=text, more=more) if more is not None else text
            found.setdefault(choice, RefusalRemedy(whole, choice, _opened((choice, *beside), preview), beside))
        # a label on the host opens less than no confinement at all
        said = None if gives and not isinstance(want, Unconfined) else in_words(want, subject)
        if said is not None:
            found.setdefault(said, RefusalRemedy(said))
    return tuple(sorted(found.values(), key=lambda each: (each.choice is None, _price(each.opened))))


def choices_for(want: Want, subject: Subject) -> list[tuple[Choice, Message]]:
    """The toggles that grant this here, each sufficient alone, and in words what they do."""
    found = []
    for each in all_toggles():
        given = each.allows(want, subject)
        if given is not None:
            try:
                found.append((Choice(each, given.value).checked(subject), given.text))
            except ToggleError:
                continue  # this engine does not support it
    return found


def _beside(want: Want, subject: Subject) -> tuple[tuple[Choice, ...], Message | None]:
    """What else must be allowed, since another layer would refuse the call next: choices, and a text about them."""
    names = asked_by_kernel(want.name) if isinstance(want, PassedCall) else ()
    asked = subject.container.asked
    if not names or (named(names) & bounding(asked, subject.engine) and starts_as_root(asked)):
        return (), None
    held = HeldCapability(names[:1])
    gives = choices_for(held, subject)
    if gives:
        return (gives[0][0],), gives[0][1]
    shown = " or ".join(name.removeprefix("CAP_") for name in names)
    return (), in_words(held, subject) or msg("The kernel asks for {names} then.", names=shown)


def _opened(chosen: Sequence[Choice], preview: Predict) -> tuple[str, ...] | None:
    """IDs of threats that the choices would open, or might open; None if they can't be chosen together."""
    try:
        return tuple(threat.id for threat in opened_by(preview(chosen)))
    except ToggleError:
        return None


def opened_by(found: Preview) -> tuple[Threat, ...]:
    """Threats that would be open, or might be, and are not now; most severe first."""
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
    """A remedy that is no container setting, and who can apply it; None: nothing is known to help."""
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
