"""What the control groups of a process say to each need: is there room to hurt others, and which devices may be used.

RLIMIT_NPROC belongs here too: it limits what a control group of pids does. Device rules of version 1
are read; those of version 2 are a BPF program that no file shows, so the engine's options count ("not verified").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Device, Need, Resource, Room
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.shared.device_rules import passes, runtime_default

if TYPE_CHECKING:
    from stratascope.layers.cgroup.facts import CgroupFacts
    from stratascope.layers.cgroup.layer import CgroupAsked

BOMB = 600  # processes: enough to slow a machine down, and more than a service needs


@dataclass(frozen=True, slots=True)
class CgroupPosture:
    """Whether there is enough of each resource (None: not known), with what limits it, and the rules for devices."""

    processes: bool | None
    by_user: bool  # it is RLIMIT_NPROC that leaves too little
    memory: bool | None
    cpu: bool | None
    rules: tuple[str, ...] | None  # None: not known
    verified: bool  # the kernel's rules, and not what the engine was asked for
    rootless: bool  # whether the engine may not set any rules
    told: bool = True  # whether the engine says which rules were asked for
    locked_memory: bool | None = False  # whether its limits (ulimit) leave enough; None: not known
    priority: bool | None = False
    rule_files: bool | None = False  # whether its rules are files of version 1, and no program


def cgroup_posture(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> CgroupPosture:
    """From the facts of the container's first process; numbers are compared here, so that equal ones stay equal."""
    by_user = facts.processes_by_user is not None and facts.processes_by_user < BOMB
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
    )


def _processes(facts: CgroupFacts) -> bool | None:
    if facts.pids_room is not None and facts.pids_room < BOMB:
        return False
    if facts.pids_max is not None and facts.pids_max < BOMB:
        return False
    if "pids_max" in facts.unknown or facts.processes_unread:
        return None
    return True if facts.pids_max is None or facts.pids_room is not None else None


def _above(facts: CgroupFacts, name: str, least: int | None) -> bool | None:
    """Whether the hard limit of that name is none, or at least that; None where it was not read."""
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
        return ("a *:* rwm",), True
    if facts.version is None or facts.version != "v2":
        return None, False
    return runtime_default(asked.privileged, asked.devices, asked.device_rules or ()), False


def cgroup_stance(need: Need, posture: CgroupPosture) -> Ruling | None:
    """This layer's answer; None: not its job."""
    match need:
        case Room(resource=Resource.PROCESSES):
            return _process_room(posture)
        case Room(resource=Resource.MEMORY):
            return _room(posture.memory, _MEMORY_TEXTS, "@cgroup:memory", "memory")
        case Room(resource=Resource.CPU):
            return _room(posture.cpu, _CPU_TEXTS, "@cgroup:cpu", "cpu")
        case Room(resource=Resource.LOCKED_MEMORY):
            return _room(posture.locked_memory, _LOCKED_TEXTS, "@limits:Max locked memory", "memlock")
        case Room(resource=Resource.PRIORITY):
            return _room(posture.priority, _PRIORITY_TEXTS, "@limits:Max nice priority", "nice")
        case Device():
            return _device(need, posture)
    return None


_PROCESS_TEXTS = (
    msg("Its limit leaves too few processes for that."),
    msg("It has room for a great many processes."),
    msg("Its limit of processes could not be read."),
)
_MEMORY_TEXTS = (
    msg("Its memory is limited below what the machine has."),
    msg("Its memory has no limit below what the machine has."),
    msg("Its limit of memory could not be read."),
)
_CPU_TEXTS = (
    msg("Its CPU time is limited below what the machine has."),
    msg("It may keep every CPU busy."),
    msg("Its limit of CPU time could not be read."),
)
_LOCKED_TEXTS = (
    msg("Its limit of locked memory (ulimit -l) is below what the machine has."),
    msg("It has no limit of locked memory (ulimit -l) below what the machine has."),
    msg("Its limit of locked memory could not be read."),
)
_PRIORITY_TEXTS = (
    msg("Its limits of priority (ulimit -e, -r) allow it no higher one."),
    msg("Its limits of priority (ulimit -e, -r) allow it a higher one."),
    msg("Its limits of priority could not be read."),
)
_BY_USER = msg("The user's own limit (ulimit -u) leaves too few processes for that.")


def _process_room(posture: CgroupPosture) -> Ruling:
    if posture.by_user:
        return Ruling(Stance.STOPS, _BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    return _room(posture.processes, _PROCESS_TEXTS, "@cgroup:pids", "pids")


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
        return Ruling(Stance.UNKNOWN, msg("Which devices it may use could not be read."), source)
    if passes(posture.rules, need):
        if posture.rootless:
            return Ruling(Stance.LETS_THROUGH, msg("A rootless engine can set no rules for devices."), source)
        if posture.verified:
            return Ruling(Stance.LETS_THROUGH, msg("The rules for devices allow it."), source)
        return Ruling(
            Stance.LETS_THROUGH, msg("By what was asked for its device rules allow it; not verified."), source
        )
    if need.opened and posture.rule_files is not False:
        # devcgroup_update_access, security/device_cgroup.c, asks for SYS_ADMIN and looks at the groups above
        if posture.rule_files is None:
            return Ruling(Stance.UNKNOWN, msg("Which devices it may use could not be read."), source)
        text = msg("Its rules for devices are files of the old cgroup trees, which SYS_ADMIN may change.")
        return Ruling(Stance.LETS_THROUGH, text, source)
    if posture.verified:
        return Ruling(Stance.STOPS, msg("The rules for devices do not allow it."), source, frozenset({"devices"}))
    if not posture.told:
        return Ruling(Stance.UNKNOWN, msg("Which device rules were asked for is not told by the engine."), source)
    text = msg("By what was asked for its device rules do not allow it; not verified.")
    return Ruling(Stance.STOPS, text, source, frozenset({"devices"}))
