"""Refusals of one container explained: each layer is asked whether it was the one, and the strongest claim wins.

Pure but for the remedies, which ask what a relaunch would come to. A claim is made once for refusals that are alike,
and again when the kernel's log has said more.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

from stratascope.core.capture import or_none
from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.refusals import files, kernel, network, sentences
from stratascope.core.refusals.benign import is_benign
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Attempt, Claim, Refusal, RefusalRemedy, Strength
from stratascope.core.refusals.ring import RefusalEntry
from stratascope.core.snapshot import ContainerState
from stratascope.layers import all_layers
from stratascope.linux.namespace import parse_idmap
from stratascope.value import replace

# Of two claims as strong: who says more of just this call. Where a setting, a limit, an id map or the mode of a file
# refused, the kernel asks for a capability that would let one off, so that one says least; the module comes after all.
_ORDER = ("seccomp", "usermap", "namespaces", "cgroup", FILES, NETWORK, KERNEL, "capabilities", "mac")
_NOBODY = Claim(
    KERNEL, msg("The kernel refused it, and nothing known about this container explains why."), Strength.LEFT
)
Remedies = Callable[[Claim], tuple[RefusalRemedy, ...]]


def claim_of(attempt: Attempt, state: ContainerState, around: Surroundings) -> Claim:
    """Who refused it."""
    facts = {layer.id: layer.facts for layer in state.layers}
    found = [layer.refused(attempt, facts.get(layer.id), around) for layer in all_layers()]
    found += [files.claim(attempt, around.ground), network.claim(attempt), kernel.claim(attempt, around)]
    claims = [claim for claim in found if claim is not None]
    if attempt.around.presumed:  # it may have seen other mounts
        claims = [_doubted(claim) for claim in claims]
    claims.sort(key=lambda claim: _ORDER.index(claim.layer) if claim.layer in _ORDER else len(_ORDER))
    return max(claims, key=lambda claim: claim.strength, default=_NOBODY)


def _doubted(claim: Claim) -> Claim:
    return replace(claim, strength=Strength.LIKELY) if claim.strength is Strength.FITS else claim


def _without_others_path(attempt: Attempt) -> Attempt:
    """A path is read after the call, and may be another's by then: no mount that can be written answers with EROFS."""
    places = [place for place in (attempt.around.place, attempt.around.other) if place is not None]
    mounts = [place.mount for place in places if place.mount is not None]
    of_two = attempt.name.startswith(("rename", "link"))  # it may be the other one, which was not seen
    if attempt.errno != errno.EROFS or not mounts or of_two or any(mount.read_only for mount in mounts):
        return attempt
    return replace(attempt, path="", around=replace(attempt.around, place=None, other=None))


class Explainer:
    """For one container. `remedies`: what would allow it; called for each kind of refusal once."""

    def __init__(self, state: ContainerState, around: Surroundings, remedies: Remedies = lambda claim: ()) -> None:
        self._around, self.remedies = around, remedies
        self._known: dict[tuple[str, int], tuple[Attempt, Claim, tuple[RefusalRemedy, ...]]] = {}
        self._state = state
        capture = state.capture
        self._uids = None if capture is None else or_none(capture.decoded("uid_map", parse_idmap))
        self._gids = None if capture is None else or_none(capture.decoded("gid_map", parse_idmap))

    def denials(self, entries: Iterable[RefusalEntry], since: float) -> tuple[Refusal, ...]:
        """`since`: seconds since the epoch at zero of the observer's clock. In the order of the entries."""
        return tuple(self._denial(entry, since) for entry in entries)

    def _denial(self, entry: RefusalEntry, since: float) -> Refusal:
        around = entry.attempt.around
        uids = self._uids if around.uids is None else around.uids
        gids = self._gids if around.gids is None else around.gids
        apart = around.uids is not None and self._uids is not None and around.uids != self._uids
        attempt = replace(_without_others_path(entry.attempt), uids=uids, gids=gids, apart=apart)
        explained, claim, remedies = self._explained(entry.key, attempt)
        if entry.many:
            attempt = explained  # of several names the one that the explanation is about
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
    """For people: what a process died of first, then the newest; what is benign last."""
    return tuple(sorted(denials, key=lambda each: (each.benign, not each.ended, -each.last)))
