"""A container's control group limits and current use, from the readings `cgroup:HIERARCHY:LEVEL:FILE`.

Each limit is the smallest over all levels of the path: the limit of a systemd slice also binds the containers in it. If
no level has the file (ABSENT), there is no such limit; a file that could not be read for another reason leaves it
unknown.

A relaunched container's group gets another name, so its paths are not predicted; its ancestors' limits stay. Rootless
engines set no limits on cgroup v1.
"""

from __future__ import annotations

from typing import TypeVar

from stratascope.collector.names import CGROUPS, LEFT
from stratascope.core.capture import Capture, Gap, GapKind, Reading, or_none, process_folder
from stratascope.core.container import Asked, AskedDevice, Container, Engine, LogKeeping
from stratascope.core.ground import Ground, SpecialFiles, Surroundings, inode_of
from stratascope.core.layer import NamedGap
from stratascope.core.observation.observation import Observation
from stratascope.core.options.capabilities import named, starts_as_root, uid_inside
from stratascope.core.options.rules import rules_of
from stratascope.core.options.values import between
from stratascope.core.process_match import owners_of
from stratascope.core.threats.gain import Gain
from stratascope.layers.cgroup.limits import Layout, Limits, cpus_in, layout_of, limits_of, number, values_of
from stratascope.layers.shared.descriptors import held, kinds_of_nodes
from stratascope.layers.shared.devices import ALL_DEVICES, merged, runtime_default, special_files
from stratascope.layers.shared.readings import decoded, process_status
from stratascope.layers.shared.whose_namespace import own_user_namespace, own_user_namespace_after
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.cgroup import IoLimit, Membership, ancestor, parse_memberships, path_of, version
from stratascope.linux.namespace import Namespace, is_initial, parse_idmap, to_host
from stratascope.linux.permissions import outside_of
from stratascope.linux.process import ProcessLimit, parse_limits
from stratascope.value import Value, replace

_EXEMPT = CapabilitySet.of(("CAP_SYS_RESOURCE", "CAP_SYS_ADMIN")).bits


class CgroupFacts(Value):
    """Limits: None means no limit, unless `unknown` names the field. Bytes, counts, cores.

    `memory_from`, `pids_from`, `cpu_from`: the path of the group that sets the limit; None without limit.
    """

    UNPRINTED = ("nodes", "left", "exempt_root")

    version: str | None
    path: str | None
    own: bool | None  # whether the group is the container's own (its path has an id); else the use includes others'
    memory_max: int | None
    memory_from: str | None
    memory_current: int | None
    memory_peak: int | None  # highest use so far; None if the kernel (v2 before 5.19) does not report it
    memory_high: int | None
    swap_max: int | None
    pids_max: int | None
    pids_from: str | None
    pids_current: int | None
    pids_room: int | None  # the smallest (limit - current) over all levels
    cpu_cores: float | None
    cpu_from: str | None
    cpu_weight: int | None  # cpu.weight (v2, 1 to 10000) or cpu.shares (v1, 2 to 262144)
    cpuset: str | None
    cpuset_count: int | None
    io: tuple[IoLimit, ...]
    devices: tuple[str, ...] | None  # v1 only: v2 enforces them by a BPF program that no file shows
    memory_level: int | None
    pids_level: int | None
    processes_by_user: int | None  # RLIMIT_NPROC (hard) if it applies to this process, or None
    processes_unread: bool  # whether such a limit could not be read
    process_limits: tuple[ProcessLimit, ...] | None  # the first process's, whatever user it runs as
    unknown: tuple[str, ...]  # memory_max, pids_max, cpu_cores, swap_max, io: unknown rather than unlimited
    sources: tuple[tuple[str, str], ...]
    process: str
    gaps: tuple[NamedGap, ...]
    memory_above: int | None = None  # the smallest limit of the groups above its own
    pids_above: int | None = None
    cpu_above: float | None = None
    # highest number of processes and threads so far; None if the kernel does not report it
    pids_peak: int | None = None
    oom_score_adj: int | None = None  # of the first process; None if it was not read
    nodes: SpecialFiles | None = None  # the device nodes that it sees; None: not read
    held: tuple[str, ...] = ()  # kinds of device nodes that it holds open from outside: disk, memory, log
    left: bool = False  # whether a killed observer left it in a group that only root can move it out of
    exempt_root: bool | None = None  # whether root of its user namespace is the host's, which RLIMIT_NPROC exempts

    def source(self, name: str) -> str:
        """The file that limit was read from."""
        return next((where for key, where in self.sources if key == name), f"{self.process}/cgroup")


def most_used(what: str, facts: CgroupFacts | None, seen: Observation | None) -> float | None:
    """The most memory (bytes), CPU (cores), or processes and threads ("pids") that it is known to have used at once: by
    its own control group, and as observed. None: unknown.
    """
    found = [None if seen is None else seen.peak(what)]
    if facts is not None and facts.own is not False:
        if what == "memory":
            found += [facts.memory_current, facts.memory_peak]
        elif what == "pids":
            found += [facts.pids_current, facts.pids_peak]
    return max((each for each in found if each is not None), default=None)


class CgroupAsked(Value):
    """The requested options; None or 0: no limit requested. Bytes, counts, cores."""

    memory: int | None
    memory_swap: int | None
    pids: int | None
    cpu_cores: float | None
    cpuset: str
    cgroup_parent: str
    privileged: bool  # lifts the device rules
    devices: tuple[AskedDevice, ...]
    device_rules: tuple[str, ...] | None  # None: the engine does not report them
    in_pod: bool = False  # if so, the group is its pod's
    log_driver: str = ""
    log: LogKeeping = LogKeeping.UNKNOWN
    own_users: bool = False  # whether it has a user namespace of its own
    oom_score_adj: int = 0


def asked_of(container: Container) -> CgroupAsked:
    """The engine's options for this layer."""
    asked = container.asked
    return CgroupAsked(
        asked.memory,
        asked.memory_swap,
        asked.pids,
        asked.cpu_cores,
        asked.cpuset,
        asked.cgroup_parent,
        asked.privileged,
        asked.devices,
        asked.device_rules,
        bool(container.pod),
        asked.log_driver,
        asked.log,
        own_user_namespace(asked),
        asked.oom_score_adj,
    )


def limited_memory(facts: CgroupFacts, around: Surroundings) -> bool | None:
    """Whether its memory limit is below the machine's memory; None if unknown."""
    total = around.ground.memory_total
    if facts.memory_max is not None and (total is None or facts.memory_max < total):
        return True
    return None if "memory_max" in facts.unknown else False


def limits_ignored(facts: CgroupFacts | None, engine: Engine) -> bool:
    """Whether the engine can't set limits: rootless engines on cgroup v1."""
    old = engine.facts.cgroup_version.removeprefix("v") == "1" or (facts is not None and facts.version == "v1")
    return engine.rootless and old


def decode(capture: Capture, container: Container, around: Surroundings) -> CgroupFacts:
    """Decode the limits over all levels of the path, and current use; never raises."""
    gaps: list[NamedGap] = []
    process = process_folder(capture.pid)
    memberships = decoded(capture, "cgroup", parse_memberships, gaps) or ()
    readings = capture.readings
    names = tuple([reading.name for reading in readings])
    layout = layout_of(names)
    odd = [
        NamedGap(reading.name, reading.gap, reading.source)
        for reading in [readings[place] for place in layout.odd]
        if reading.gap is not None
    ]
    gaps += odd
    path = _main_path(memberships)
    which = version(memberships) if memberships else None
    # the root group of v2 has no limit files: then it is known that there is no limit
    readable = bool(layout.files) or (which == "v2" and path == "/")
    if memberships and not readable and not odd:
        gaps.append(NamedGap(CGROUPS, Gap(GapKind.UNSUPPORTED, detail="no limit file was read"), "/sys/fs/cgroup"))
    process_limits = or_none(capture.decoded("limits", parse_limits))
    by_user, unread = _user_limit(capture, process_limits)
    idmap = or_none(capture.decoded("uid_map", parse_idmap))
    values = values_of(readings, layout)
    limits = limits_of(names, values, readable)
    gaps += [NamedGap(what, gap, readings[place].source) for what, gap, place in limits.gaps]
    above = _above(names, values, layout, limits, readable)
    return CgroupFacts(
        version=which,
        path=path,
        own=None if path is None else bool(owners_of(path)),
        memory_max=_whole(limits.memory.value),
        memory_from=_from(memberships, "memory", limits.memory.level),
        memory_current=_number_at(readings, limits.memory_current),
        memory_peak=_number_at(readings, limits.memory_peak),
        memory_high=limits.memory_high,
        swap_max=_whole(limits.swap.value),
        pids_max=_whole(limits.pids.value),
        pids_from=_from(memberships, "pids", limits.pids.level),
        pids_current=_number_at(readings, limits.pids_current),
        pids_room=_least(readings, limits.pids_room),
        cpu_cores=limits.cpu.value,
        cpu_from=_from(memberships, "cpu", limits.cpu.level),
        cpu_weight=limits.cpu_weight,
        cpuset=limits.cpuset,
        cpuset_count=limits.cpuset_count,
        io=limits.io,
        devices=limits.devices,
        memory_level=limits.memory.level,
        pids_level=limits.pids.level,
        processes_by_user=by_user,
        processes_unread=unread,
        process_limits=process_limits,
        unknown=limits.unknown,
        sources=tuple(
            [(field, "/sys/fs/cgroup" if place is None else readings[place].source) for field, place in limits.places]
        ),
        process=process,
        gaps=tuple(gaps),
        memory_above=_whole(above.memory.value),
        pids_above=_whole(above.pids.value),
        cpu_above=above.cpu.value,
        pids_peak=_number_at(readings, limits.pids_peak),
        oom_score_adj=_score(capture.text("oom_score_adj")),
        nodes=special_files(capture, around.ground),
        held=kinds_of_nodes(held(capture) or ()),
        left=LEFT in names,
        exempt_root=None if idmap is None else to_host(idmap, 0) == 0,
    )


def _score(text: str | Gap) -> int | None:
    """From -1000 to 1000: proc_pid_oom_score_adj(5)."""
    return None if isinstance(text, Gap) else between(-1000, 1000).read(text)


def _above(
    names: tuple[str, ...], values: tuple[str | Gap | None, ...], layout: Layout, limits: Limits, readable: bool
) -> Limits:
    """The limits without the process's own group, or all of them if its own group sets none."""
    if 0 not in (limits.memory.level, limits.pids.level, limits.cpu.level):
        return limits
    kept = [place for place, (_, level, _) in enumerate(layout.files) if level > 0]
    return limits_of(
        tuple([names[layout.files[place][2]] for place in kept]), tuple([values[place] for place in kept]), readable
    )


def _user_limit(capture: Capture, limits: tuple[ProcessLimit, ...] | None) -> tuple[int | None, bool]:
    """How many processes its user may have by RLIMIT_NPROC, None if unlimited; and whether that is unknown.

    The hard limit counts, as a process may raise its soft limit to it (setrlimit(2)). Exempt are the host's root and
    holders of SYS_RESOURCE or SYS_ADMIN in the initial user namespace: copy_process, kernel/fork.c.
    """
    status = process_status(capture)
    if isinstance(status, Gap) or status.uids is None:
        return None, True
    if status.uids.real == 0:
        return None, False
    if ((status.effective or 0) | (status.permitted or 0)) & _EXEMPT:
        inode = inode_of(capture.text("ns/user"))
        if inode is not None and is_initial(Namespace.USER, inode):
            return None, False
    limit = next((each for each in limits or () if each.name == "nproc"), None)
    return (None, True) if limit is None else (limit.hard, False)


def gained(facts: CgroupFacts, gain: Gain) -> CgroupFacts:
    """See `core.layer.Layer.gained`. Who becomes root can make that its real user, too: setresuid(2)."""
    if facts.processes_by_user is None or not (gain.root or gain.held & _EXEMPT) or facts.exempt_root is False:
        return facts
    return replace(facts, processes_by_user=None, processes_unread=facts.exempt_root is None)


def _number_at(readings: tuple[Reading, ...], place: int | None) -> int | None:
    return None if place is None else number(readings[place].text)


def _least(readings: tuple[Reading, ...], rooms: tuple[tuple[int, int], ...]) -> int | None:
    used = [(limit, _number_at(readings, place)) for limit, place in rooms]
    return min([max(0, limit - now) for limit, now in used if now is not None], default=None)


def _main_path(memberships: tuple[Membership, ...]) -> str | None:
    return next((path for name in ("memory", "pids", "cpu") if (path := path_of(memberships, name)) is not None), None)


def _from(memberships: tuple[Membership, ...], controller: str, level: int | None) -> str | None:
    path = path_of(memberships, controller)
    return None if level is None or path is None else ancestor(path, level)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


_Number = TypeVar("_Number", int, float)


def predict(facts: CgroupFacts | None, before: Asked, after: Asked, around: Surroundings) -> CgroupFacts | None:
    """See `core.layer.Layer.predict`."""
    if facts is None or before == after:
        return facts
    found = facts
    if not (around.engine.rootless and facts.version in ("v1", "hybrid")):
        found = _predicted_limits(found, before, after)
    if found.pids_room is None and found.pids_max is not None and found.pids_level == 0:
        found = replace(found, pids_room=found.pids_max)  # its group is new, and empty
    nodes = found.nodes if around.ahead.seen is None else around.ahead.seen
    devices = _devices(found.devices, before, after, around.engine, around.ground)
    found = replace(found, held=(), left=False, nodes=nodes, devices=devices)
    if before.oom_score_adj != after.oom_score_adj:  # without a request, rootless engines pass on their own score
        score = after.oom_score_adj or (around.engine.daemon.oom_score_adj if around.engine.rootless else 0)
        found = replace(found, oom_score_adj=score)
    return _process_limits(found, before, after, around.engine)


def _devices(
    now: tuple[str, ...] | None, before: Asked, after: Asked, engine: Engine, ground: Ground
) -> tuple[str, ...] | None:
    """Keep the runtime's own rules (crun's and runc's differ); replace those that were requested."""
    # With a user namespace, engines request no rules: v1 then allows everything, and on v2, which can't be read here,
    # crun sets the same as for all other containers (measured)
    had, has = (rules_of(engine).own_users and _without_rules(asked) for asked in (before, after))
    if now is None or engine.rootless or (had == has and _of_devices(before) == _of_devices(after)):
        return now
    if has:
        return ALL_DEVICES
    nodes = ground.nodes or ()
    wanted = runtime_default(after.privileged, after.devices, after.device_rules or (), nodes)
    if had or before.privileged or after.privileged:
        return wanted
    was = runtime_default(False, before.devices, before.device_rules or (), nodes)
    kept = [rule for rule in now if rule not in was or rule in wanted]
    return merged((*kept, *(rule for rule in wanted if rule not in was)))


def _without_rules(asked: Asked) -> bool:
    """With root's keep-id Podman requests the usual rules, except in a pod."""
    in_pod = any(mode in ("pod", "container:pod") for mode in (asked.network_mode, asked.ipc_mode, asked.uts_mode))
    return own_user_namespace(asked) and (in_pod or not asked.userns_mode.startswith("keep-id"))


def _of_devices(asked: Asked) -> tuple[object, ...]:
    return asked.privileged, asked.devices, asked.device_rules


def _predicted_limits(facts: CgroupFacts, before: Asked, after: Asked) -> CgroupFacts:
    unknown = set(facts.unknown)
    memory, pids, cpu, room, swap = (
        facts.memory_max,
        facts.pids_max,
        facts.cpu_cores,
        facts.pids_room,
        facts.swap_max,
    )
    if before.memory != after.memory:
        memory = _narrowest(facts.memory_max, facts.memory_level, after.memory, unknown, "memory_max")
        swap = None
        if after.memory and after.memory_swap:
            swap = max(0, after.memory_swap - after.memory)
            unknown.discard("swap_max")
        else:
            unknown.add("swap_max")
    if before.pids != after.pids:
        pids = _narrowest(facts.pids_max, facts.pids_level, after.pids, unknown, "pids_max")
        own = facts.pids_level in (None, 0)
        if after.pids:
            left = after.pids - (facts.pids_current or 0) if facts.own is not False else after.pids
            room = max(0, left if own or room is None else min(room, left))
        else:
            room = None if own else room
    if before.cpu_cores != after.cpu_cores:
        own_cpu = facts.cpu_from is None or facts.cpu_from == facts.path
        cpu = _narrowest(facts.cpu_cores, 0 if own_cpu else 1, after.cpu_cores, unknown, "cpu_cores")
    cpuset, count = facts.cpuset, facts.cpuset_count
    if before.cpuset != after.cpuset:
        cpuset = after.cpuset or None
        count = cpus_in(cpuset)
    return replace(
        facts,
        path=None,
        memory_max=memory,
        memory_level=0 if memory and memory == after.memory else facts.memory_level,
        memory_from=None,
        swap_max=swap,
        pids_max=pids,
        pids_level=None if pids is None else 0 if pids == after.pids else facts.pids_level,
        pids_from=None,
        pids_room=room,
        cpu_cores=cpu,
        cpu_from=None,
        cpuset=cpuset,
        cpuset_count=count,
        unknown=tuple(sorted(unknown)),
    )


def _narrowest(
    now: _Number | None, level: int | None, wanted: _Number | None, unknown: set[str], name: str
) -> _Number | None:
    """Replace the limit of its own group; an ancestor's (level above 0) still applies."""
    above = now if level else None
    if not wanted:
        return above
    if name in unknown and above is None:
        unknown.discard(name)  # now known: at most this, whatever the ancestors' limits are
    return wanted if above is None else min(above, wanted)


def _exempt(asked: Asked, engine: Engine) -> bool:
    """Whether that process, whose user is not root inside, is exempt from the limit on processes of a user."""
    if engine.rootless:
        return False
    if own_user_namespace(asked):
        return outside_of(asked.uid_map, uid_inside(asked)) == 0
    return rules_of(engine).names_capabilities and bool(named(asked.cap_add).bits & _EXEMPT)


def _process_limits(facts: CgroupFacts, before: Asked, after: Asked, engine: Engine) -> CgroupFacts:
    limits = facts.process_limits
    if before.limits != after.limits and limits is not None:
        named = {limit.name.lower().removeprefix("rlimit_"): limit for limit in after.limits}
        limits = tuple(
            ProcessLimit(limit.name, _number(named[limit.name].soft), _number(named[limit.name].hard))
            if limit.name in named
            else limit
            for limit in limits
        )
    by_user, unread = facts.processes_by_user, facts.processes_unread
    if limits != facts.process_limits or before.user != after.user:
        count = next((limit.hard for limit in limits or () if limit.name == "nproc"), None)
        if before.user != after.user and not starts_as_root(after):
            by_user, unread = (None, False) if _exempt(after, engine) else (count, limits is None)
        elif by_user is not None:
            by_user = count
    if not engine.rootless and own_user_namespace(after) and after.uid_map and not _exempt(after, engine):
        count = next((limit.hard for limit in limits or () if limit.name == "nproc"), None)
        by_user, unread = count, limits is None  # root inside is another user outside
    own = own_user_namespace_after(before, after, engine)
    return replace(
        facts,
        process_limits=limits,
        processes_by_user=by_user,
        processes_unread=unread,
        exempt_root=facts.exempt_root if own is None else not own or outside_of(after.uid_map, 0) == 0,
    )


def _number(value: int) -> int | None:
    return None if value < 0 else value  # -1 is unlimited
