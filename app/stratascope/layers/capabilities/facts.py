"""The facts of layer 3: a process's five capability sets, and the capabilities requested from the engine.

Anything not read is None with a gap; nothing is filled in.

`core.options.capabilities.held_after` predicts which capabilities a process holds after a relaunch.
"""

from __future__ import annotations

from stratascope.bounded_cache import remembered
from stratascope.collector.names import SECUREBITS
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Asked, Container, Engine
from stratascope.core.ground import Surroundings, inode_of
from stratascope.core.layer import NamedGap
from stratascope.core.options.capabilities import (
    bounding,
    engine_default,
    held_after,
    named,
    same_start,
    starts_as_root,
    uid_inside,
)
from stratascope.core.options.rules import rules_of
from stratascope.core.threats.gain import Gain
from stratascope.layers.capabilities.programs import (
    Identity,
    Programs,
    Rights,
    gains_of,
    identity_of,
    programs_from,
    programs_of,
)
from stratascope.layers.shared.deciding_settings import (
    asked_port,
    first_free_port,
    in_host_network,
    port_start_after,
    requested_port,
)
from stratascope.layers.shared.host_programs import NOTHING, InSight, in_sight
from stratascope.layers.shared.host_programs import after as programs_after
from stratascope.layers.shared.readings import missing_line, process_status
from stratascope.layers.shared.whose_namespace import (
    hosts_after,
    is_hosts,
    own_user_namespace,
    own_user_namespace_after,
)
from stratascope.linux.capability import (
    LAST,
    CapabilitySet,
    Securebit,
    parse_securebits,
    root_by_exec,
)
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import Namespace, is_full, is_initial, parse_idmap, to_inside
from stratascope.linux.process import ProcessStatus
from stratascope.value import Value, replace

# Field, title, line; in the order of /proc/PID/status, which is also the grid's
SETS = (
    ("inheritable", "Inh", "CapInh"),
    ("permitted", "Prm", "CapPrm"),
    ("effective", "Eff", "CapEff"),
    ("bounding", "Bnd", "CapBnd"),
    ("ambient", "Amb", "CapAmb"),
)


NOBODY = Identity(None, (), None, None, None)


class CapabilityFacts(Value):
    """The first process's five sets, and facts that decide what they allow. None: not read, or not in this kernel."""

    UNPRINTED = ("programs", "ids", "who")

    inheritable: CapabilitySet | None
    permitted: CapabilitySet | None
    effective: CapabilitySet | None
    bounding: CapabilitySet | None
    ambient: CapabilitySet | None
    effective_names: tuple[str, ...] | None
    no_new_privs: bool | None
    regain_by_exec: CapabilitySet | None  # what exec of a set-uid file or one with file capabilities could add
    initial_user_namespace: bool | None  # whether they apply to the whole machine
    host_processes: bool | None  # whether it sees the host's processes, which decides what SYS_PTRACE reaches
    root_inside: bool | None  # whether its uid is 0 in its user namespace, or can become so again
    # whether it is in the host's network namespace, where the host's setting for unprivileged ports applies
    host_network: bool | None
    port_start: int | None  # the first port that needs no capability in its network namespace
    default: CapabilitySet  # the engine's default
    last: int  # the kernel's cap_last_cap
    status_source: str
    user_namespace_source: str
    gaps: tuple[NamedGap, ...] = ()
    securebits: tuple[str, ...] | None = None  # those that are set, as prctl(2) names them; only root can read them
    # whether exec as root gives it the capabilities of its bounding set: not under NOROOT that it can't clear
    root_by_exec: bool | None = None
    programs: InSight = NOTHING  # of the host
    ids: tuple[int, int] | None = None  # its uid and gid on the host
    giving: Programs | None = None  # set-uid programs, and those with file capabilities; None: not looked at
    who: Identity = NOBODY  # who starts them
    by_program: int = 0  # mask of what it holds only after it has started a program that gives it more


class CapabilitiesAsked(Value):
    """The requested options. `bounding`: the names they result in, None if the engine does not report it."""

    privileged: bool
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    bounding: tuple[str, ...] | None
    no_new_privileges: bool
    network: str
    first_free_port: int | None  # requested by --sysctl
    restored: bool = False


def asked_of(container: Container) -> CapabilitiesAsked:
    """The engine's options for this layer."""
    asked = container.asked
    return CapabilitiesAsked(
        asked.privileged,
        asked.cap_add,
        asked.cap_drop,
        asked.capabilities,
        asked.no_new_privileges,
        asked.network_mode,
        asked_port(asked),
        container.restored,
    )


def as_requested(facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> CapabilityFacts:
    """See `core.layer.Layer.as_requested`: its network's free ports."""
    port = requested_port(asked.network, asked.first_free_port, around.engine) if facts.port_start is None else None
    return facts if port is None else replace(facts, port_start=port)


def decode(capture: Capture, container: Container, around: Surroundings) -> CapabilityFacts:
    """Decode the first process's five sets and what they mean there; never raises."""
    status = process_status(capture)
    source = capture.source("status")
    initial, initial_source = _initial_user_namespace(capture)
    sees_host = _host_processes(capture, around)
    host_network = in_host_network(capture, around)
    port_start = first_free_port(capture, around)
    default = engine_default(around.engine)
    last = LAST if around.ground.cap_last_cap is None else around.ground.cap_last_cap
    if isinstance(status, Gap):
        return CapabilityFacts(
            *(None,) * 8,
            initial,
            sees_host,
            None,
            host_network,
            port_start,
            default,
            last,
            source,
            initial_source,
            (NamedGap("status", status, source),),
        )
    bits = or_none(capture.decoded(SECUREBITS, parse_securebits))
    effective, bounding, no_new_privs = _set(status.effective), _set(status.bounding), status.no_new_privs
    gaps: tuple[NamedGap, ...] = tuple(
        missing_line(capture, line)
        for line, value in (
            ("CapEff", effective),
            ("CapBnd", bounding),
            ("CapAmb", status.ambient),
            ("NoNewPrivs", no_new_privs),
        )
        if value is None
    )
    if initial is None:
        gap = capture.text("uid_map")
        if isinstance(gap, Gap):
            gaps = (*gaps, NamedGap("uid_map", gap, capture.source("uid_map")))
    permitted = _set(status.permitted)
    regain = None
    if no_new_privs is not None and bounding is not None and permitted is not None:
        regain = CapabilitySet() if no_new_privs else bounding - permitted
    return CapabilityFacts(
        _set(status.inheritable),
        permitted,
        effective,
        bounding,
        _set(status.ambient),
        None if effective is None else effective.names(),
        no_new_privs,
        regain,
        initial,
        sees_host,
        _root_inside(capture, status, initial),
        host_network,
        port_start,
        default,
        last,
        source,
        initial_source,
        gaps,
        None if bits is None else tuple([bit.name.lower() for bit in Securebit if bits & bit and bit.name]),
        root_by_exec(bits, None if effective is None or permitted is None else (effective | permitted).bits),
        in_sight(capture, container.id, around),
        _ids(status, around),
        programs_of(capture),
        _identity(capture, status),
    )


def _identity(capture: Capture, status: ProcessStatus) -> Identity:
    uid = None if status.uids is None else status.uids.effective
    groups = (*(() if status.gids is None else status.gids.within_reach), *status.groups)
    return identity_of(capture, uid, groups)


def rights_of(facts: CapabilityFacts) -> Rights | None:
    """What it holds and could gain; None: not known."""
    if facts.bounding is None or facts.effective is None:
        return None
    inheritable = 0 if facts.inheritable is None else facts.inheritable.bits
    held = held_now(facts).bits
    return Rights(held, facts.bounding.bits, inheritable, facts.no_new_privs, facts.root_inside, facts.root_by_exec)


def gains(facts: CapabilityFacts) -> tuple[Gain, ...]:
    """See `core.layer.Layer.gains`."""
    rights = rights_of(facts)
    return () if rights is None else gains_of(facts.giving, facts.who, rights)


def gained(facts: CapabilityFacts, gain: Gain) -> CapabilityFacts:
    """See `core.layer.Layer.gained`."""
    held = CapabilitySet(gain.held)
    bounding = facts.bounding or CapabilitySet()
    root = 0 if facts.initial_user_namespace else facts.programs.root
    return replace(
        facts,
        by_program=held.bits & ~(0 if facts.effective is None else facts.effective.bits),
        permitted=held,
        effective=held,
        ambient=CapabilitySet(),
        effective_names=held.names(),
        regain_by_exec=CapabilitySet() if facts.no_new_privs else bounding - held,
        root_inside=True if gain.root else facts.root_inside,
        who=replace(facts.who, uid=0) if gain.root else facts.who,
        ids=(root, facts.ids[1]) if gain.root and facts.ids and root is not None else facts.ids,
    )


def _ids(status: ProcessStatus, around: Surroundings) -> tuple[int, int] | None:
    if status.uids is None or status.gids is None or around.ground.initial_user_namespace is False:
        return None
    return (0 if 0 in status.uids.within_reach else status.uids.effective), status.gids.effective


def _set(bits: int | None) -> CapabilitySet | None:
    return None if bits is None else CapabilitySet(bits)


def _initial_user_namespace(capture: Capture) -> tuple[bool | None, str]:
    """By the namespace's inode; if that can't be read (another user's process), by the id map."""
    inode = inode_of(capture.text("ns/user"))
    if inode is not None:
        return is_initial(Namespace.USER, inode), capture.source("ns/user")
    idmap = or_none(capture.decoded("uid_map", parse_idmap))
    return is_full(idmap) if idmap else None, capture.source("uid_map")


def _host_processes(capture: Capture, around: Surroundings) -> bool | None:
    inode = inode_of(capture.text("ns/pid"))
    if inode is not None:
        return around.ground.is_hosts("pid", inode)
    return is_hosts(capture, Namespace.PID, around.ground)


def _root_inside(capture: Capture, status: ProcessStatus, initial: bool | None) -> bool | None:
    if status.uids is None:
        return None
    ranges = capture.decoded("uid_map", parse_idmap)
    if not isinstance(ranges, Gap):
        return any(to_inside(ranges, uid) == 0 for uid in status.uids.within_reach)
    return 0 in status.uids.within_reach if initial else None


def asked_bounding(asked: CapabilitiesAsked, last: int) -> CapabilitySet | None:
    if asked.bounding is None:
        return CapabilitySet.full(last) if asked.privileged else None
    return _named(asked.bounding, last)


@remembered()
def _named(names: tuple[str, ...], last: int) -> CapabilitySet | None:
    try:
        return CapabilitySet.of(names, last)
    except DecodeError:
        return None


def held_now(facts: CapabilityFacts) -> CapabilitySet:
    """What the process holds now or can make effective itself."""
    return (facts.effective or CapabilitySet()) | (facts.permitted or CapabilitySet())


def predict(facts: CapabilityFacts | None, before: Asked, after: Asked, around: Surroundings) -> CapabilityFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    if not same_start(before, after):
        found = _sets(found, before, after, around.engine)
    no_new_privs = found.no_new_privs
    if before.no_new_privileges != after.no_new_privileges:
        no_new_privs = True if after.no_new_privileges else None  # a program may have set it itself (prctl(2))
    regain = None
    if no_new_privs is not None and found.bounding is not None and found.permitted is not None:
        regain = CapabilitySet() if no_new_privs else found.bounding - found.permitted
    own = own_user_namespace_after(before, after, around.engine)
    same_ids = own is None and before.groups == after.groups and _same_user(before, after)
    network, processes = before.network_mode == after.network_mode, before.pid_mode == after.pid_mode
    return replace(
        found,
        effective_names=None if found.effective is None else found.effective.names(),
        no_new_privs=no_new_privs,
        regain_by_exec=regain,
        initial_user_namespace=_initial(found, before, after, around.engine),
        host_processes=found.host_processes if processes else hosts_after(after.pid_mode, around, Namespace.PID),
        root_inside=found.root_inside if _same_user(before, after) else _root(after),
        host_network=found.host_network if network else hosts_after(after.network_mode, around, Namespace.NET),
        port_start=port_start_after(found.port_start, before, after, around),
        programs=programs_after(found.programs, after, own, around),
        ids=found.ids if same_ids else _ids_after(after, around.engine),
        who=_who(found.who, before, after),
        giving=found.giving if around.ahead.programs is None else programs_from(around.ahead.programs),
    )


def _ids_after(after: Asked, engine: Engine) -> tuple[int, int] | None:
    """As far as they are known beforehand: of root, and of a numbered user, in the initial user namespace."""
    if engine.rootless or own_user_namespace(after) or engine.facts.userns_remap:
        return None
    user, _, group = after.user.partition(":")
    if starts_as_root(after):
        return (0, 0) if not group else (0, int(group)) if group.isdigit() else None
    return (int(user), int(group or 0)) if user.isdigit() and (group or "0").isdigit() else None


def _who(who: Identity, before: Asked, after: Asked) -> Identity:
    if before.read_only_root != after.read_only_root:
        who = replace(who, root_writable=not after.read_only_root)
    if (before.userns_mode, before.uid_map) != (after.userns_mode, after.uid_map):
        who = replace(who, root_mapped=None)
    if _same_user(before, after) and before.groups == after.groups:
        return who
    if after.account is not None and after.account.user == after.user:
        further = [int(group) for group in after.groups if group.isascii() and group.isdigit()]
        groups = (after.account.gid, *after.account.groups, *further)
        return replace(who, uid=after.account.uid, groups=tuple(dict.fromkeys(groups)))
    user, _, group = after.user.partition(":")
    uid = 0 if starts_as_root(after) else int(user) if user.isascii() and user.isdigit() else None
    named = [name for name in (group, *after.groups) if name.isascii() and name.isdigit()]
    # the image says which groups a user without one has; root's is root
    return replace(who, uid=uid, groups=tuple(dict.fromkeys((*((0,) if not group else ()), *map(int, named)))))


def _sets(facts: CapabilityFacts, before: Asked, after: Asked, engine: Engine) -> CapabilityFacts:
    wanted = bounding(after, engine)
    lasting = facts.bounding
    if lasting is not None:
        # capabilities that it dropped from its bounding set, or that the engine lacks, will be missing then too
        was = CapabilitySet.full(facts.last) if before.privileged else bounding(before, engine)
        lasting = wanted if was <= lasting else wanted & (lasting | (wanted - was))
    now = None if facts.effective is None else facts.effective.bits
    held = None if facts.permitted is None else facts.permitted.bits
    effective, permitted = (held_after(mask, before, after, engine) for mask in (now, held))
    if lasting is not None:
        effective, permitted = (None if mask is None else mask & lasting.bits for mask in (effective, permitted))
    given = CapabilitySet()
    if not starts_as_root(after) and rules_of(engine).names_capabilities:
        given = named(after.cap_add) & wanted
    kept = _same_user(before, after)
    return replace(
        facts,
        bounding=lasting,
        effective=_set(effective),
        permitted=_set(permitted),
        inheritable=given if not kept else None if facts.inheritable is None else facts.inheritable & (wanted | given),
        ambient=given if not kept else None if facts.ambient is None else facts.ambient & (wanted | given),
    )


def _initial(facts: CapabilityFacts, before: Asked, after: Asked, engine: Engine) -> bool | None:
    own = own_user_namespace_after(before, after, engine)
    return facts.initial_user_namespace if own is None else not own


def _same_user(before: Asked, after: Asked) -> bool:
    return before.user == after.user and starts_as_root(before) == starts_as_root(after)


def _root(after: Asked) -> bool | None:
    if starts_as_root(after):
        return True
    inside = uid_inside(after)
    return None if inside is None and after.user else False  # a name may have uid 0 too
