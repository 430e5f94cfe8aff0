"""The posture of layer 2 and its stances towards each need: is there room to harm others, which devices may be used.

RLIMIT_NPROC belongs here too: it does the job of a pids control group. Device rules of v1 are read; v2's are a BPF
program that no file shows, so the engine's options count ("not verified").
"""

from __future__ import annotations

from stratascope.core.container import LogKeeping
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Device, Need, Resource, Room
from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts
from stratascope.layers.shared.devices import ALL_DEVICES, passes, runtime_default
from stratascope.value import Value

FORK_BOMB = 600  # processes: enough to slow down a machine, and more than a service needs


class CgroupPosture(Value):
    """Whether each resource suffices for an attack (None: unknown), with what limits it, and the device rules."""

    processes: bool | None
    by_user: bool  # RLIMIT_NPROC is what leaves too few
    memory: bool | None
    cpu: bool | None
    rules: tuple[str, ...] | None  # None: unknown
    verified: bool  # the kernel's rules, rather than those requested from the engine
    rootless: bool  # whether the engine can't set any rules
    asked_known: bool = True  # whether the engine reports which rules were requested
    locked_memory: bool | None = False  # whether its limits (ulimit) leave enough; None: unknown
    priority: bool | None = False
    rule_files: bool | None = False  # whether its rules are v1 files rather than a BPF program
    above: tuple[tuple[Resource, bool | None], ...] = ()  # room left by the groups above its own alone
    log: LogKeeping = LogKeeping.UNKNOWN


def posture_of(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> CgroupPosture:
    """From the facts of the container's first process. Numbers are compared here, so that equal postures stay equal."""
    by_user = facts.processes_by_user is not None and facts.processes_by_user < FORK_BOMB
    rules, verified = _rules(facts, asked, around)
    return CgroupPosture(
        False if by_user else _processes(facts),
        by_user,
        _memory(facts, around),
        _cpu(facts, around),
        rules,
        verified,
        around.engine.rootless,
        verified or asked.device_rules is not None,
        _above(facts, "memlock", around.ground.memory_total),
        _priority(facts),
        True if facts.devices is not None else False if facts.version == "v2" else None,
        _above_own(facts, around),
        asked.log,
    )


def _above_own(facts: CgroupFacts, around: Surroundings) -> tuple[tuple[Resource, bool | None], ...]:
    total, online = around.ground.memory_total, around.ground.cpus_online
    pids, memory, cpu = facts.pids_above, facts.memory_above, facts.cpu_above
    return (
        (Resource.PROCESSES, None if "pids_max" in facts.unknown else pids is None or pids >= FORK_BOMB),
        (Resource.MEMORY, None if "memory_max" in facts.unknown else memory is None or memory >= (total or 1 << 63)),
        (Resource.CPU, None if "cpu_cores" in facts.unknown else cpu is None or cpu >= (online or 1 << 20)),
    )


def _processes(facts: CgroupFacts) -> bool | None:
    if facts.pids_room is not None and facts.pids_room < FORK_BOMB:
        return False
    if facts.pids_max is not None and facts.pids_max < FORK_BOMB:
        return False
    if "pids_max" in facts.unknown or facts.processes_unread:
        return None
    return True if facts.pids_max is None or facts.pids_room is not None else None


def _above(facts: CgroupFacts, name: str, least: int | None) -> bool | None:
    """Whether that hard limit is unlimited or at least `least`; None if it was not read."""
    limit = next((limit for limit in facts.process_limits or () if limit.name == name), None)
    if limit is None:
        return None
    return limit.hard is None or (least is not None and limit.hard >= least)


def _priority(facts: CgroupFacts) -> bool | None:
    """kernel/sched/syscalls.c, can_nice and user_check_sched_setscheduler: 20 is a nice value of 0."""
    found = (_above(facts, "nice", 21), _above(facts, "rtprio", 1))
    return True if True in found else None if None in found else False


def _memory(facts: CgroupFacts, around: Surroundings) -> bool | None:
    total = around.ground.memory_total
    if facts.memory_max is not None and (total is None or facts.memory_max < total):
        return False
    return None if "memory_max" in facts.unknown else True


def _cpu(facts: CgroupFacts, around: Surroundings) -> bool | None:
    online = around.ground.cpus_online
    if facts.cpu_cores is not None and (online is None or facts.cpu_cores < online):
        return False
    if online is None:
        return None
    if facts.cpuset_count is not None and 0 < facts.cpuset_count < online:
        return False
    return None if "cpu_cores" in facts.unknown else True


def _rules(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> tuple[tuple[str, ...] | None, bool]:
    if facts.devices is not None:
        return facts.devices, True
    if around.engine.rootless:
        return ALL_DEVICES, True
    if facts.version is None or facts.version != "v2":
        return None, False
    return runtime_default(asked.privileged, asked.devices, asked.device_rules or ()), False


def stance_of(need: Need, posture: CgroupPosture) -> Ruling | None:
    """This layer's ruling; None: not its concern."""
    if isinstance(need, Device):
        return _device(need, posture)
    if not isinstance(need, Room):
        return None
    if need.lifted:
        return _freed_room(need.resource, posture)
    match need.resource:
        case Resource.PROCESSES:
            return _process_room(posture)
        case Resource.MEMORY:
            return _room(posture.memory, _MEMORY_TEXTS, "@cgroup:memory", "memory")
        case Resource.CPU:
            return _room(posture.cpu, _CPU_TEXTS, "@cgroup:cpu", "cpu")
        case Resource.LOCKED_MEMORY:
            return _room(posture.locked_memory, _LOCKED_TEXTS, "@limits:Max locked memory", "memlock")
        case Resource.LOG:
            return _LOGS[posture.log]
        case Resource.PRIORITY:
            return _room(posture.priority, _PRIORITY_TEXTS, "@limits:Max nice priority", "nice")
    return None


_PROCESS_TEXTS = (
    msg("Its limit leaves too few processes for that."),
    msg("It has room for a great many processes."),
    msg("Its process limit could not be read."),
)
_MEMORY_TEXTS = (
    msg("Its memory is limited below what the machine has."),
    msg("Its memory has no limit below what the machine has."),
    msg("Its memory limit could not be read."),
)
_CPU_TEXTS = (
    msg("Its CPU time is limited below what the machine has."),
    msg("It can keep every CPU busy."),
    msg("Its CPU limit could not be read."),
)
_LOCKED_TEXTS = (
    msg("Its locked memory limit (ulimit -l) is below what the machine has."),
    msg("It has no locked memory limit (ulimit -l) below what the machine has."),
    msg("Its locked memory limit could not be read."),
)
_PRIORITY_TEXTS = (
    msg("Its priority limits (ulimit -e, -r) do not allow a higher one."),
    msg("Its priority limits (ulimit -e, -r) allow a higher one."),
    msg("Its priority limits could not be read."),
)
_FREED = {
    Resource.PROCESSES: (_PROCESS_TEXTS, "@cgroup:pids"),
    Resource.MEMORY: (_MEMORY_TEXTS, "@cgroup:memory"),
    Resource.CPU: (_CPU_TEXTS, "@cgroup:cpu"),
}
_LOG = "inspect:HostConfig.LogConfig"
# The kernel limits no log: the engine writes it, and keeps to the size it was given
_LOGS = {
    LogKeeping.UNLIMITED: Ruling(
        Stance.LETS_THROUGH,
        msg("The engine stores all of its output, without a size limit."),
        _LOG,
        basis=Basis.ASKED,
    ),
    LogKeeping.LIMITED: Ruling(
        Stance.STOPS, msg("The engine stores its output only up to a set size."), _LOG, basis=Basis.ASKED
    ),
    LogKeeping.JOURNAL: Ruling(
        Stance.STOPS,
        msg("Its output goes to the host's journal, which limits itself (journald.conf)."),
        _LOG,
        basis=Basis.ASKED,
    ),
    LogKeeping.ELSEWHERE: Ruling(
        Stance.UNKNOWN, msg("Its output goes to another program, whose limits are not known here."), _LOG
    ),
    LogKeeping.UNKNOWN: Ruling(Stance.UNKNOWN, msg("The engine does not report what happens to its output."), _LOG),
}
_BY_USER = msg("The user's own limit (ulimit -u) leaves too few processes for that.")


def _process_room(posture: CgroupPosture) -> Ruling:
    if posture.by_user:
        return Ruling(Stance.STOPS, _BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    return _room(posture.processes, _PROCESS_TEXTS, "@cgroup:pids", "pids")


def _freed_room(resource: Resource, posture: CgroupPosture) -> Ruling:
    """The room left once its own group has no limit: the user's, and that of the groups above."""
    if resource is Resource.PROCESSES and posture.by_user:
        return Ruling(Stance.STOPS, _BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    (_, through, unread), source = _FREED[resource]
    enough = dict(posture.above).get(resource)
    if enough is False:
        # which groups can be written depends on the mounts, which are another layer's
        return Ruling(
            Stance.UNKNOWN, msg("A group above its own limits it, and that limit can perhaps be lifted, too."), source
        )
    return Ruling(Stance.LETS_THROUGH if enough else Stance.UNKNOWN, through if enough else unread, source)


def _room(enough: bool | None, texts: tuple[Message, Message, Message], source: str, limit: str) -> Ruling:
    stops, through, unknown = texts
    if enough is None:
        return Ruling(Stance.UNKNOWN, unknown, source)
    if enough:
        return Ruling(Stance.LETS_THROUGH, through, source)
    return Ruling(Stance.STOPS, stops, source, frozenset({f"limit:{limit}"}))


def _device(need: Device, posture: CgroupPosture) -> Ruling:
    source = "@cgroup:devices" if posture.verified else "inspect:HostConfig.Devices"
    if posture.rules is None:
        return Ruling(Stance.UNKNOWN, msg("Which devices it can use could not be read."), source)
    if passes(posture.rules, need):
        if posture.rootless:
            return Ruling(Stance.LETS_THROUGH, msg("A rootless engine can't set device rules."), source)
        if posture.verified:
            return Ruling(Stance.LETS_THROUGH, msg("The device rules allow it."), source)
        text = msg("According to what was asked, its device rules allow it; not verified.")
        return Ruling(Stance.LETS_THROUGH, text, source, basis=Basis.ASKED)
    if need.opened and posture.rule_files is not False:
        # devcgroup_update_access, security/device_cgroup.c, requires SYS_ADMIN and checks the groups above
        if posture.rule_files is None:
            return Ruling(Stance.UNKNOWN, msg("Which devices it can use could not be read."), source)
        text = msg("Its device rules are files of the old cgroup trees, which SYS_ADMIN can change.")
        return Ruling(Stance.LETS_THROUGH, text, source)
    if posture.verified:
        return Ruling(Stance.STOPS, msg("The device rules do not allow it."), source, frozenset({"devices"}))
    if not posture.asked_known:
        return Ruling(Stance.UNKNOWN, msg("The engine does not report which device rules were asked for."), source)
    text = msg("According to what was asked, its device rules do not allow it; not verified.")
    return Ruling(Stance.STOPS, text, source, frozenset({"devices"}), Basis.ASKED)
