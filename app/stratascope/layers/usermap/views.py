"""Rulers and rows of the user-namespace layer, and what a rootless engine can't do."""

from __future__ import annotations

from stratascope.core.container import EngineKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Place, Row, RulerRange, Rulers, Tab, Table, Tone
from stratascope.core.message import Message, msg, verbatim
from stratascope.core.options.rules import rules_of
from stratascope.layers.shared.readings import NO, NOT_READABLE, UNKNOWN, YES
from stratascope.layers.usermap.facts import MountIds, UsermapAsked, UsermapFacts
from stratascope.linux.decode import DecodeError
from stratascope.linux.machine import parse_range, path_of
from stratascope.linux.permissions import outside_of

_MAPS, _ENGINE, _WHO = msg("ID maps"), msg("Rootless"), msg("Its user on the host")
_USERS, _GROUPS = msg("Users"), msg("Groups")
_INSIDE, _OUTSIDE = msg("In the container"), msg("On the host")
_NOT_SAID = msg("The engine does not say")
_ROOT, _PROCESS, _GROUP = msg("Root inside"), msg("User of its first process"), msg("Group of its first process")
_INITIAL, _SHARED, _SETGROUPS = msg("In the host's user namespace"), msg("Range shared with"), msg("Can drop groups")
_MOUNT_IDS = msg("Mounts with their own ID maps")
_MOUNT_IDS_NOTE = msg("Files below such a mount have other owners on disk than inside.")
_ROOTLESS, _HELPER, _STORAGE = msg("Engine runs without root"), msg("Network helper"), msg("Storage driver")
_PORTS, _PING, _FIREWALL, _KIND = (
    msg("Lowest port it can publish"),
    msg("Ping"),
    msg("Firewall rules"),
    msg("How it works"),
)
_PORT_NOTE = msg("Without root, ports below net.ipv4.ip_unprivileged_port_start can't be published.")
_PING_NOTE = msg("Without the capability for raw sockets, ping needs its group in net.ipv4.ping_group_range.")
_FIREWALL_ROOT = msg("The engine sets them on the host")
_FIREWALL_ROOTLESS = msg("Only inside its own network: the host's are not changed")
_KINDS = {
    (EngineKind.DOCKER, False): msg("A root daemon starts all containers; userns-remap is one setting for all."),
    (EngineKind.PODMAN, False): msg("No daemon; each container can have its own range (--userns=auto)."),
    (EngineKind.DOCKER, True): msg("Daemon and containers share one user namespace, which RootlessKit created."),
    (EngineKind.PODMAN, True): msg(
        "No daemon; root inside is the user who started it, unless --userns says otherwise."
    ),
}


def tabs_of(facts: UsermapFacts, asked: UsermapAsked, around: Surroundings) -> tuple[Tab, ...]:
    """Both tabs; of a sandbox that no engine started, the first."""
    maps = Tab(_MAPS, (*_rulers(facts), Table(_WHO, _identity_rows(facts, asked))))
    if around.engine.kind is EngineKind.SANDBOXES:
        return (maps,)
    return maps, Tab(_ENGINE, (Table(_ENGINE, _engine_rows(around)),), Place.DETAILS)


def _rulers(facts: UsermapFacts) -> tuple[Rulers, ...]:
    """One pair of rulers for users, one for groups; none if a map is unreadable."""
    found = []
    for title, name, idmap in ((_USERS, "uid_map", facts.uid_map), (_GROUPS, "gid_map", facts.gid_map)):
        if idmap is not None:
            ranges = tuple(RulerRange(*part, _tone(part), _label(part)) for part in idmap)
            found.append(Rulers(title, _INSIDE, _OUTSIDE, ranges, f"{facts.process}/{name}"))
    return tuple(found)


def _tone(part: tuple[int, int, int]) -> Tone:
    return Tone.BAD if part[1] == 0 else Tone.WARN if part[2] == 1 else Tone.GOOD


def _label(part: tuple[int, int, int]) -> Message:
    inside, outside, length = part
    if length == 1:
        return msg("{inside} is {outside}", inside=inside, outside=outside)
    return msg(
        "{first} to {last} are {outside} to {end}",
        first=inside,
        last=inside + length - 1,
        outside=outside,
        end=outside + length - 1,
    )


def _identity_rows(facts: UsermapFacts, asked: UsermapAsked) -> tuple[Row, ...]:
    """Who root and the first process are on the host."""
    source, status = f"{facts.process}/uid_map", f"{facts.process}/status"
    if facts.root_mapped is None:
        root, tone = NOT_READABLE, Tone.UNKNOWN
    elif facts.root_is_host_uid is None:
        root, tone = msg("Not in the map: there is no root inside"), Tone.GOOD
    elif facts.root_is_host_uid == 0:
        root, tone = msg("Root on the host (0)"), Tone.BAD
    else:
        root = msg("User {uid} on the host", uid=facts.root_is_host_uid)
        tone = Tone.WARN if facts.owner_inside == 0 else Tone.GOOD
    initial = UNKNOWN if facts.initial_namespace is None else YES if facts.initial_namespace else NO
    initial_tone = Tone.WARN if facts.initial_namespace else Tone.GOOD
    names = ", ".join(facts.range_shared_with[:10])
    mode = verbatim(asked.userns_mode) if asked.userns_mode else None
    user = verbatim(asked.user) if asked.user else None
    rows = [
        Row(_ROOT, root, source, tone),
        Row(_PROCESS, _process(facts), f"{status}:Uid", _known(facts.uid_outside), user),
        Row(_GROUP, _pair(facts.gid_inside, facts.gid_outside), f"{status}:Gid", _known(facts.gid_outside)),
        Row(
            _INITIAL,
            initial,
            f"{facts.process}/ns/user",
            Tone.UNKNOWN if facts.initial_namespace is None else initial_tone,
            mode,
        ),
    ]
    if facts.range_shared_with:
        rows.append(Row(_SHARED, verbatim(names), source, Tone.WARN))
    if facts.setgroups is not None:
        rows.append(Row(_SETGROUPS, NO if facts.setgroups == "deny" else YES, f"{facts.process}/setgroups"))
    if facts.mount_ids is None:
        rows.append(Row(_MOUNT_IDS, NOT_READABLE, f"{facts.process}/mountinfo", Tone.UNKNOWN, note=_MOUNT_IDS_NOTE))
    rows.extend(_on_disk(each, facts) for each in facts.mount_ids or ())
    return tuple(rows)


def _on_disk(mount: MountIds, facts: UsermapFacts) -> Row:
    """Who root inside writes as below an idmapped mount."""
    root = facts.root_is_host_uid
    turned = tuple((outside, inside, length) for inside, outside, length in mount.uid_map)
    owner = outside_of(turned, root)
    if root is None:
        value, tone = UNKNOWN, Tone.UNKNOWN
    elif owner is None:
        value, tone = msg("Root inside can't create files there"), Tone.GOOD
    elif owner == 0:
        value, tone = msg("Root inside is root there (0)"), Tone.BAD if mount.writable else Tone.WARN
    else:
        value, tone = msg("Root inside is user {uid} there", uid=owner), Tone.GOOD
    label = msg("On the disk below {path}", path=mount.target)
    return Row(label, value, f"statmount(2) in {facts.process}/ns/mnt", tone, note=_MOUNT_IDS_NOTE)


def _process(facts: UsermapFacts) -> Message:
    ids = _pair(facts.uid_inside, facts.uid_outside)
    if facts.uid_effective == facts.uid_outside or facts.uid_effective is None:
        return ids
    return msg("{ids}, which it can become again; now it is {uid}", ids=ids, uid=str(facts.uid_effective))


def _known(value: int | None) -> Tone:
    return Tone.UNKNOWN if value is None else Tone.PLAIN


def _pair(inside: int | None, outside: int | None) -> Message:
    if outside is None:
        return NOT_READABLE
    if inside is None:
        return msg("{outside} on the host, not in the map", outside=outside)
    return msg("{inside} inside, {outside} on the host", inside=inside, outside=outside)


def _engine_rows(around: Surroundings) -> tuple[Row, ...]:
    """What being rootless means for this engine, and its known limits."""
    engine, ground = around.engine, around.ground
    source = rules_of(engine).answer
    rows = [
        Row(_ROOTLESS, YES if engine.rootless else NO, source, Tone.GOOD if engine.rootless else Tone.WARN),
        Row(_KIND, _KINDS[engine.kind, engine.rootless], source),
        Row(_HELPER, _word(engine.facts.network_helper), source),
        Row(_STORAGE, _word(engine.facts.storage_driver), source),
        Row(_FIREWALL, _FIREWALL_ROOTLESS if engine.rootless else _FIREWALL_ROOT, source),
    ]
    if engine.rootless:
        port = ground.sysctl("net.ipv4.ip_unprivileged_port_start")
        ping = ground.sysctl("net.ipv4.ping_group_range")
        ports = UNKNOWN if port is None else verbatim(port)
        rows.append(Row(_PORTS, ports, path_of("net.ipv4.ip_unprivileged_port_start"), note=_PORT_NOTE))
        rows.append(Row(_PING, _ping(ping), path_of("net.ipv4.ping_group_range"), note=_PING_NOTE))
    return tuple(rows)


def _ping(value: str | None) -> Message:
    try:
        groups = parse_range(value or "")
    except DecodeError:
        return UNKNOWN
    if groups is None:
        return msg("For no group of this host")
    return msg("For groups {first} to {last}", first=str(groups[0]), last=str(groups[1]))


def _word(text: str) -> Message:
    return verbatim(text) if text else _NOT_SAID
