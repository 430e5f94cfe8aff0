"""The posture of layer 2: what of a container's control groups and resource limits decides its stances."""

from __future__ import annotations

from stratascope.core.container import LogKeeping
from stratascope.core.ground import Surroundings
from stratascope.core.threats.needs import Resource
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts
from stratascope.layers.shared.device_rules import ALL_DEVICES, runtime_default
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
