"""The stances of a process's control groups towards each need: is there room to harm others, which devices may be used.

RLIMIT_NPROC belongs here too: it does the job of a pids control group. Device rules of v1 are read; v2's are a BPF
program that no file shows, so the engine's options count ("not verified").
"""

from __future__ import annotations

from stratascope.core.container import LogKeeping
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Device, Need, Resource, Room
from stratascope.core.threats.threat import Basis, Ruling, Stance
from stratascope.layers.cgroup.posture import CgroupPosture
from stratascope.layers.shared.device_rules import passes


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
