"""Layer 6, user namespace: who root inside is on the host, and who else shares the range of ids.

The maps are read from outside, so their right side is the host's ids if the reader itself sits in the initial user
namespace; otherwise the layer is UNKNOWN. A full map without a readable ns/user still tells that root is root.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, Container, EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Drift, Finding, NamedGap, Tab, Table, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.layers.shared.engine_socket import own_socket, plain_run
from stratascope.layers.shared.host_paths import is_socket
from stratascope.layers.shared.process_status import process_status, why_unknown
from stratascope.layers.shared.unprivileged_ports import first_free_port
from stratascope.layers.usermap.namespace_owners import OWNED, owners_of
from stratascope.layers.usermap.posture import OWNER_WANTS, UsermapPosture, disks_given, usermap_posture
from stratascope.layers.usermap.prediction import predict_usermap
from stratascope.layers.usermap.stances import usermap_stance
from stratascope.layers.usermap.views import engine_rows, identity_rows, rulers
from stratascope.linux.decode import DecodeError
from stratascope.linux.idmap import FULL, IdMap, is_full, parse_idmap, to_host, to_inside
from stratascope.linux.namespace import Kind, is_initial, parse_link
from stratascope.linux.status import Ids

_LAYER = "usermap"
_MAPS, _ENGINE, _WHO = msg("Id maps"), msg("Rootless"), msg("Who it is on the host")
_PAIRS = ("uid_map", "gid_map")


@dataclass(frozen=True, slots=True)
class UsermapFacts:
    """Maps as (inside, outside, length); None: not readable. Ids "outside" are the host's."""

    uid_map: tuple[tuple[int, int, int], ...] | None
    gid_map: tuple[tuple[int, int, int], ...] | None
    root_is_host_uid: int | None  # None: not known, or root is not mapped (see `root_mapped`)
    root_mapped: bool | None
    initial_namespace: bool | None
    range_shared_with: tuple[str, ...]
    owner_inside: int | None  # what the engine's own user is called inside, where the map has it
    uid_inside: int | None
    uid_outside: int | None
    gid_inside: int | None
    gid_outside: int | None
    setgroups: str | None  # "allow" or "deny"
    groups: tuple[int, ...]  # supplementary, outside
    held: int | None  # capabilities that it has or may take, as a mask: some make up for not being the owner
    # kind of namespace, whether the process's own user namespace (or one below it) owns it
    owners: tuple[tuple[str, bool | None], ...]
    port_start: int | None  # the first port that everyone may bind in its network namespace
    process: str
    gaps: tuple[NamedGap, ...]
    uid_effective: int | None = None  # another one than `uid_outside` where that is root's, which it may take again
    disks: bool = False  # whether disks of the host were passed in: a group may open their nodes
    foreign_socket: bool = False  # whether a socket is mounted that is not the engine's own: its mode is not known
    idmapped: bool = False  # whether a mount has an id map of its own: there inside root may be the host's


@dataclass(frozen=True, slots=True)
class UsermapAsked:
    """What the engine was told. An empty `userns_mode` is not "host"."""

    userns_mode: str
    user: str
    uid_map: tuple[tuple[int, int, int], ...]


class UsermapLayer:
    """See the module."""

    id = _LAYER
    number = 6
    about = About(
        title=msg("User namespace"),
        role=msg("makes root inside an ordinary user outside"),
        picture=msg("A tenant instead of the owner: at home inside the flat, a stranger everywhere else in the house."),
        explanation=(
            msg("A user namespace gives ids a meaning of their own: root inside is some ordinary number on the host."),
            msg("Whoever breaks out of the container then has that number's rights; best is one that owns nothing."),
            msg("Without it root inside is root on the host, and an escape ends as root."),
        ),
    )
    wants = (*_PAIRS, "setgroups", "status", "ns/user", *(f"ns/{kind}" for kind in OWNED))
    member_wants = _PAIRS

    def asked(self, container: Container) -> UsermapAsked:
        """The engine's options for this layer."""
        return UsermapAsked(container.asked.userns_mode, container.asked.user, container.asked.uid_map)

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> UsermapFacts:
        """Maps, and the first process's ids on both sides."""
        gaps: list[NamedGap] = []
        uids, gids = (_map(capture, name, gaps) for name in _PAIRS)
        if around.ground.initial_user_namespace is False:
            gap = Gap(GapKind.UNSUPPORTED, detail="read from inside a user namespace: the ids are not the host's")
            gaps.append(NamedGap("uid_map", gap, "/proc/self/uid_map"))
        status = process_status(capture)
        uid = gid = effective = None
        if isinstance(status, Gap):
            gaps.append(NamedGap("status", _way(capture, status), capture.source("status")))
        else:
            uid = _uid(status.uids, uids) if status.uids else None
            effective = status.uids.effective if status.uids else None
            gid = status.gids.effective if status.gids else None
        setgroups = capture.text("setgroups")
        initial = _initial(capture, uids, gaps)
        owner = around.engine.daemon_uid if around.engine.rootless else None
        return UsermapFacts(
            uid_map=_triples(uids),
            gid_map=_triples(gids),
            root_is_host_uid=None if uids is None else to_host(uids, 0),
            root_mapped=None if uids is None else to_host(uids, 0) is not None,
            initial_namespace=initial,
            range_shared_with=around.peers.uid_range,
            owner_inside=_owner(uids, owner, rootless=around.engine.rootless),
            uid_inside=None if uids is None or uid is None else to_inside(uids, uid),
            uid_outside=uid,
            gid_inside=None if gids is None or gid is None else to_inside(gids, gid),
            gid_outside=gid,
            setgroups=None if isinstance(setgroups, Gap) else setgroups.strip(),
            groups=() if isinstance(status, Gap) else status.groups,
            held=None
            if isinstance(status, Gap) or status.effective is None
            else status.effective | (status.permitted or 0),
            owners=owners_of(capture, initial, around),
            port_start=first_free_port(capture, around),
            process=f"/proc/{capture.pid}",
            gaps=tuple(gaps),
            uid_effective=effective,
            disks=disks_given(container.asked),
            foreign_socket=_foreign_socket(container, around),
            idmapped=_idmapped(capture),
        )

    def assess(self, facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> Assessment:
        """Verdict by the design's table."""
        verdict, fact = _verdict(facts, around)

        def draw() -> tuple[Tab, ...]:
            return (
                Tab(_MAPS, (*rulers(facts), Table(_WHO, identity_rows(facts, asked)))),
                Tab(_ENGINE, (Table(_ENGINE, engine_rows(around)),)),
            )

        return Assessment(verdict, fact, tuple(_findings(facts, asked, around)), draw, facts.gaps)

    privileged_wants = OWNER_WANTS

    def posture(self, facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> UsermapPosture:
        """See `core.layer.Layer`."""
        return usermap_posture(facts, around)

    def predict(
        self, facts: UsermapFacts | None, before: Asked, after: Asked, around: Surroundings
    ) -> UsermapFacts | None:
        """See `core.layer.Layer`."""
        return predict_usermap(facts, before, after, around)

    def stance(self, need: Need, posture: UsermapPosture) -> Ruling | None:
        """See `core.layer.Layer`."""
        return usermap_stance(need, posture)

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """Another map than the first process's: another user namespace."""
        drifts = []
        for name in _PAIRS:
            mine, its = first.text(name), other.text(name)
            if isinstance(mine, Gap) or isinstance(its, Gap) or mine.split() == its.split():
                continue
            finding = Finding(
                f"usermap.process-{name.replace('_', '-')}",
                _LAYER,
                Severity.MEDIUM,
                msg("A process of this container maps ids otherwise than its first: it is in another user namespace."),
                msg("Find out what started it; a nested container or a sandbox does this on purpose."),
                other.source(name),
                ("user_namespaces(7)",),
            )
            drifts.append(Drift(f"usermap.{name}", finding))
        return tuple(drifts)


def _way(capture: Capture, gap: Gap) -> Gap:
    return replace(gap, kind=GapKind.UNSUPPORTED) if capture.via != "proc" and gap.kind is GapKind.ABSENT else gap


def _map(capture: Capture, name: str, gaps: list[NamedGap]) -> IdMap | None:
    text = capture.text(name)
    if isinstance(text, Gap):
        gaps.append(NamedGap(name, _way(capture, text), capture.source(name)))
        return None
    try:
        return parse_idmap(text)
    except DecodeError as error:
        gaps.append(NamedGap(name, Gap(GapKind.UNPARSED, detail=str(error)), capture.source(name)))
        return None


def _triples(idmap: IdMap | None) -> tuple[tuple[int, int, int], ...] | None:
    return None if idmap is None else tuple((part.inside, part.outside, part.length) for part in idmap)


def _uid(ids: Ids, ranges: IdMap | None) -> int:
    """Root's where the real or saved one is, else the effective one."""
    for uid in ids.within_reach:
        if uid == 0 or (ranges is not None and to_inside(ranges, uid) == 0):
            return uid
    return ids.effective


def _foreign_socket(container: Container, around: Surroundings) -> bool:
    own = own_socket(around)
    sources = [mount.source for mount in container.asked.mounts if mount.source]
    return any(is_socket(source) and plain_run(source) != own for source in sources)


def _idmapped(capture: Capture) -> bool:
    text = capture.text("mountinfo")
    return isinstance(text, str) and ",idmapped" in text


def _initial(capture: Capture, uids: IdMap | None, gaps: list[NamedGap]) -> bool | None:
    if uids is not None and not is_full(uids):
        return False  # the initial one maps every id to itself, and nothing can change that
    link = capture.text("ns/user")
    if isinstance(link, Gap):
        gaps.append(NamedGap("ns/user", _way(capture, link), capture.source("ns/user")))
        return None
    try:
        return is_initial(Kind.USER, parse_link(link).inode)
    except DecodeError as error:
        gaps.append(NamedGap("ns/user", Gap(GapKind.UNPARSED, detail=str(error)), capture.source("ns/user")))
        return None


def _owner(uids: IdMap | None, owner: int | None, *, rootless: bool) -> int | None:
    """The engine's own user, inside. Where its uid is not known: the one id that a rootless map has alone."""
    if uids is None or not rootless:
        return None
    if owner is not None:
        return to_inside(uids, owner)
    return next((part.inside for part in uids if part.length == 1 and part.outside not in (0, FULL)), None)


def _verdict(facts: UsermapFacts, around: Surroundings) -> tuple[Verdict, Message]:
    if facts.uid_map is None or around.ground.initial_user_namespace is False:
        return Verdict.UNKNOWN, why_unknown(facts.gaps)
    host = facts.root_is_host_uid
    full = facts.uid_map == ((0, 0, FULL),)
    if host == 0 and not (full and facts.uid_outside):
        if facts.uid_outside == 0 or not full:
            return Verdict.OPEN, msg("Root inside is root on this machine")
        return Verdict.UNKNOWN, why_unknown(facts.gaps)  # a full map, and not known whether it runs as root
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


def _findings(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> list[Finding]:
    if facts.uid_map is None or around.ground.initial_user_namespace is False:
        return []
    found = []
    source = f"{facts.process}/uid_map"
    full = facts.uid_map == ((0, 0, FULL),)
    if facts.root_is_host_uid == 0 and (facts.uid_outside == 0 or not full):
        text = msg("Root inside is root on this machine: whoever breaks out as root is root there.")
        advice = msg("Run it rootless, or with a user namespace (Podman: --userns=auto; Docker: userns-remap).")
        refs: tuple[str, ...] = (
            ("CIS-Docker-1.6.0:5.31", "user_namespaces(7)") if asked.userns_mode == "host" else ("user_namespaces(7)",)
        )
        if facts.uid_inside == 0:
            refs = (*refs, "PSS:restricted")  # its runAsNonRoot is about the process
        found.append(Finding("usermap.host-root", _LAYER, Severity.HIGH, text, advice, source, refs))
    elif full:
        text = msg(
            "It runs as user {uid} of this machine: whoever breaks out is that user.", uid=facts.uid_outside or 0
        )
        advice = msg("Run it rootless, or with a user namespace of its own.")
        found.append(Finding("usermap.host-user", _LAYER, Severity.LOW, text, advice, source, ("user_namespaces(7)",)))
    if facts.owner_inside is not None:
        text = msg(
            "User {uid} inside is the user who runs the engine: whoever breaks out has that user's files.",
            uid=facts.owner_inside,
        )
        if around.engine.kind is EngineKind.PODMAN:
            advice = msg("Use --userns=auto or --userns=nomap, so that this user's id is not in the map.")
        else:
            advice = msg("Run its programs as another user inside (--user): rootless Docker always maps its own user.")
        found.append(Finding("usermap.own-user", _LAYER, Severity.MEDIUM, text, advice, source, ("subuid(5)",)))
    if facts.range_shared_with and not full:
        names = ", ".join(facts.range_shared_with[:5])
        text = msg("Other containers run with the same ids of the host: {names}.", names=names)
        advice = msg("Give each container a range of its own, as --userns=auto of Podman does.")
        found.append(Finding("usermap.shared-range", _LAYER, Severity.LOW, text, advice, source, ("subuid(5)",)))
    wanted = asked.uid_map and set(asked.uid_map) != set(facts.uid_map)
    private = asked.userns_mode in ("private", "auto", "keep-id", "nomap") and facts.initial_namespace
    # a rootless engine reads the asked map in terms of its own user namespace
    if (wanted and not around.engine.rootless) or private:
        text = msg("The map of ids is not the one that the engine was asked for.")
        advice = msg("Look at how the engine starts it; start it again and compare.")
        found.append(Finding("usermap.drift-map", _LAYER, Severity.HIGH, text, advice, source, ("user_namespaces(7)",)))
    return found


LAYER = UsermapLayer()
