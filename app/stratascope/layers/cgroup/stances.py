"""What the control groups of a process say to each need: is there room to hurt others, and which devices may be used.

RLIMIT_NPROC belongs here too: it limits what a control group of pids does. Device rules of version 1
are read; those of version 2 are a BPF program that no file shows, so the engine's options count ("not verified").
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Device, Need, Resource, Room
from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.layers.cgroup.posture import CgroupPosture
from stratascope.layers.shared.device_rules import passes


def stance_of(need: Need, posture: CgroupPosture) -> Ruling | None:
    """This layer's answer; None: not its job."""
    match need:
        case Room(resource=resource, lifted=True):
            return _freed_room(resource, posture)
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
_FREED = {
    Resource.PROCESSES: (_PROCESS_TEXTS, "@cgroup:pids"),
    Resource.MEMORY: (_MEMORY_TEXTS, "@cgroup:memory"),
    Resource.CPU: (_CPU_TEXTS, "@cgroup:cpu"),
}
_BY_USER = msg("The user's own limit (ulimit -u) leaves too few processes for that.")


def _process_room(posture: CgroupPosture) -> Ruling:
    if posture.by_user:
        return Ruling(Stance.STOPS, _BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    return _room(posture.processes, _PROCESS_TEXTS, "@cgroup:pids", "pids")


def _freed_room(resource: Resource, posture: CgroupPosture) -> Ruling:
    """What is left once its own group has no limit: the user's, and those of the groups above."""
    if resource is Resource.PROCESSES and posture.by_user:
        return Ruling(Stance.STOPS, _BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    (_, through, unread), source = _FREED[resource]
    enough = dict(posture.above).get(resource)
    if enough is False:
        # which groups can be written depends on the mounts, which this layer does not see
        return Ruling(Stance.UNKNOWN, msg("A group above its own limits it, and that may be lifted, too."), source)
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
        return Ruling(Stance.UNKNOWN, msg("Which devices it may use could not be read."), source)
    if passes(posture.rules, need):
        if posture.rootless:
            return Ruling(Stance.LETS_THROUGH, msg("A rootless engine can set no rules for devices."), source)
        if posture.verified:
            return Ruling(Stance.LETS_THROUGH, msg("The rules for devices allow it."), source)
        text = msg("By what was asked for its device rules allow it; not verified.")
        return Ruling(Stance.LETS_THROUGH, text, source, basis=Basis.ASKED)
    if need.opened and posture.rule_files is not False:
        # devcgroup_update_access, security/device_cgroup.c, asks for SYS_ADMIN and looks at the groups above
        if posture.rule_files is None:
            return Ruling(Stance.UNKNOWN, msg("Which devices it may use could not be read."), source)
        text = msg("Its rules for devices are files of the old cgroup trees, which SYS_ADMIN may change.")
        return Ruling(Stance.LETS_THROUGH, text, source)
    if posture.verified:
        return Ruling(Stance.STOPS, msg("The rules for devices do not allow it."), source, frozenset({"devices"}))
    if not posture.asked_known:
        return Ruling(Stance.UNKNOWN, msg("Which device rules were asked for is not told by the engine."), source)
    text = msg("By what was asked for its device rules do not allow it; not verified.")
    return Ruling(Stance.STOPS, text, source, frozenset({"devices"}), Basis.ASKED)
