"""Layer 6, user namespace: which host user root inside is, and who else shares the range of ids.

UNKNOWN if the reader itself is not in the initial user namespace. Even without a readable ns/user, a full map shows
that root is root.
"""

from __future__ import annotations

from stratascope.collector.names import BOUND, DESCRIPTORS, HOST_PROGRAMS, IDMAPS, NETWORK_INODE, PARENTS, ROOT, SPECIAL
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg
from stratascope.layers.shared.readings import why_unknown
from stratascope.layers.usermap.facts import (
    MAPS,
    OWNED,
    UsermapAsked,
    UsermapFacts,
    as_requested,
    asked_of,
    decode,
    gained,
    predict,
)
from stratascope.layers.usermap.findings import drift, findings_of
from stratascope.layers.usermap.stances import OWNER_WANTS, posture_of, stance_of
from stratascope.layers.usermap.views import tabs_of
from stratascope.linux.namespace import EVERY_ID

ABOUT = About(
    title=msg("User namespace"),
    role=msg("makes root inside an ordinary user outside"),
    picture=msg("A tenant instead of the owner: at home inside the flat, a stranger everywhere else in the house."),
    explanation=(
        msg("A user namespace gives IDs a meaning of their own: root inside is an ordinary number on the host."),
        msg("Anyone who breaks out of the container has only that ID's rights; ideally it owns nothing."),
        msg("Without it, root inside is root on the host, and so is anyone who escapes."),
    ),
)


def assess(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> Assessment:
    """The verdict, by the map and by who the first process is on the host."""
    verdict, fact = _verdict(facts, around)
    findings = tuple(findings_of(facts, asked, around))
    return Assessment(verdict, fact, findings, lambda: tabs_of(facts, asked, around), facts.gaps)


def _verdict(facts: UsermapFacts, around: Surroundings) -> tuple[Verdict, Message]:
    if facts.uid_map is None or around.ground.initial_user_namespace is False:
        return Verdict.UNKNOWN, why_unknown(facts.gaps)
    host = facts.root_is_host_uid
    full = facts.uid_map == EVERY_ID
    if host == 0 and not (full and facts.uid_outside):
        if facts.uid_outside == 0 or not full:
            return Verdict.OPEN, msg("Root inside is root on this machine")
        return Verdict.UNKNOWN, why_unknown(facts.gaps)  # a full map, but unknown whether it runs as root
    if full:
        return Verdict.WEAKENED, msg("Not root, but user {uid} of this machine", uid=facts.uid_outside or 0)
    if facts.owner_inside is not None:
        if facts.owner_inside == 0:
            return Verdict.WEAKENED, msg("Root inside is the engine's user ({uid})", uid=host or 0)
        return Verdict.WEAKENED, msg("User {uid} inside is the engine's user", uid=facts.owner_inside)
    if facts.range_shared_with:
        return Verdict.WEAKENED, msg("Own users, range shared with others")
    if host is None:
        return Verdict.ENFORCED, msg("There is no root inside")
    return Verdict.ENFORCED, msg("Root inside is user {uid} outside", uid=host)


LAYER = Layer(
    id="usermap",
    number=6,
    about=ABOUT,
    wants=(
        *MAPS,
        "setgroups",
        "status",
        "mountinfo",
        NETWORK_INODE,
        "ns/user",
        PARENTS,
        *(f"ns/{kind}" for kind in OWNED),
        HOST_PROGRAMS,
        DESCRIPTORS,
        BOUND,
        ROOT,
    ),
    member_wants=(*MAPS, "status", PARENTS),
    privileged_wants=(*OWNER_WANTS, SPECIAL, IDMAPS),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    as_requested=as_requested,
    predict=predict,
    stance=stance_of,
    gained=gained,
    refused=on_demand("stratascope.layers.usermap.refusals", "refused"),
)
