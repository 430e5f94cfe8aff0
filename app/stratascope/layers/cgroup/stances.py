"""The posture of layer 2 and its stance towards each need: is there room to harm others, which devices may be used.

RLIMIT_NPROC belongs here too: it acts like a pids control group. Device rules of v1 are read; v2's are a BPF program
that no file shows, so the requested options count ("not verified").
"""

from __future__ import annotations

from stratascope.core.container import LogKeeping
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import Device, DeviceKind, Need, Resource, Room
from stratascope.core.threats.threat import Basis, Ruling, lets, stops, unknown
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts, limited_memory
from stratascope.layers.shared.devices import ALL_DEVICES, kinds_allowed, passes, runtime_default
from stratascope.value import Value

FORK_BOMB = 600  # processes: enough to slow down a machine, and more than a service needs


class CgroupPosture(Value):
    """Whether each resource suffices for an attack (None: unknown), with what limits it, and the device rules."""

    processes: bool | None
    by_user: bool  # RLIMIT_NPROC is the limit that leaves too few processes
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
    disk_rate: bool | None = True  # whether nothing limits how much it reads and writes per second
    # kinds of character devices of which the rules allow some to be read, and to be written
    kinds: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    crashes: bool | None = True  # whether its core file limit lets the kernel run a crash handler
    held: tuple[str, ...] = ()  # kinds of device nodes that it holds open from outside


def posture_of(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> CgroupPosture:
    """From the facts of the container's first process. Numbers are compared here, so that equal postures stay equal."""
    by_user = facts.processes_by_user is not None and facts.processes_by_user < FORK_BOMB
    rules, verified = _rules(facts, asked, around)
    limited = limited_memory(facts, around)
    return CgroupPosture(
        False if by_user else _processes(facts),
        by_user,
        None if limited is None else not limited,
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
        _disk_rate(facts),
        _kinds(rules, asked, facts),
        _crashes(facts),
        facts.held,
    )


def _kinds(
    rules: tuple[str, ...] | None, asked: CgroupAsked, facts: CgroupFacts
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if rules is None:
        return (), ()
    read, written = (kinds_allowed(rules, asked.devices, facts.nodes, access) for access in "rw")
    return read, written


def _disk_rate(facts: CgroupFacts) -> bool | None:
    if "io" in facts.unknown:
        return None
    # What a file system writes later counts as the kernel's own unless memory and io are both of version 2:
    # inode_cgwb_enabled, include/linux/backing-dev.h
    if facts.version in ("v1", "hybrid"):
        return True
    reading = any(each.read_bytes is not None or each.read_operations is not None for each in facts.io)
    writing = any(each.write_bytes is not None or each.write_operations is not None for each in facts.io)
    # a limit is for one disk; whether it is for all that the container uses is not known
    return None if reading and writing else True


def _crashes(facts: CgroupFacts) -> bool | None:
    """vfs_coredump, fs/coredump.c: a handler runs whatever the limit is, unless it is exactly 1 byte."""
    limit = next((limit for limit in facts.process_limits or () if limit.name == "core"), None)
    return None if limit is None else limit.hard != 1


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
    """Whether its limits let it raise its priority: can_nice and user_check_sched_setscheduler,
    kernel/sched/syscalls.c; 20 is a nice value of 0.
    """
    found = (_above(facts, "nice", 21), _above(facts, "rtprio", 1))
    return True if True in found else None if None in found else False


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
    if isinstance(need, DeviceKind):
        return _by_rules(posture, allowed=need.kind in posture.kinds[need.access == "w"])
    if not isinstance(need, Room):
        return None
    if need.resource is Resource.LOG:
        return _LOGS[posture.log]
    row = _ROOMS.get(need.resource)
    if row is None:
        return None
    if need.resource is Resource.PROCESSES and posture.by_user:
        return stops(_BY_USER, "@limits:Max processes", frozenset({"limit:nproc"}))
    return _freed_room(row, dict(posture.above).get(need.resource)) if need.lifted else _room(row, posture)


class _Room(Value):
    """Texts on a resource's room; `limit`: the hinge of the stance."""

    field: str  # of the posture
    limit: str
    source: str
    limited: Message
    free: Message
    unread: Message


_ROOMS = {
    Resource.PROCESSES: _Room(
        "processes",
        "pids",
        "@cgroup:pids",
        msg("Its limit leaves too few processes for that."),
        msg("It has room for a great many processes."),
        msg("Its process limit could not be read."),
    ),
    Resource.MEMORY: _Room(
        "memory",
        "memory",
        "@cgroup:memory",
        msg("Its memory is limited below what the machine has."),
        msg("Its memory has no limit below what the machine has."),
        msg("Its memory limit could not be read."),
    ),
    Resource.CPU: _Room(
        "cpu",
        "cpu",
        "@cgroup:cpu",
        msg("Its CPU time is limited below what the machine has."),
        msg("It can keep every CPU busy."),
        msg("Its CPU limit could not be read."),
    ),
    Resource.LOCKED_MEMORY: _Room(
        "locked_memory",
        "memlock",
        "@limits:Max locked memory",
        msg("Its locked memory limit (ulimit -l) is below what the machine has."),
        msg("It has no locked memory limit (ulimit -l) below what the machine has."),
        msg("Its locked memory limit could not be read."),
    ),
    Resource.DISK_RATE: _Room(
        "disk_rate",
        "io",
        "@cgroup:io",
        msg("How fast it reads and writes is limited."),
        msg("How fast it reads or writes has no limit."),
        msg("Whether its limits of reading and writing are for all disks that it uses was not read."),
    ),
    Resource.CRASHES: _Room(
        "crashes",
        "core",
        "@limits:Max core file size",
        msg("Its core file limit (ulimit -c) is 1 byte, with which the kernel runs no crash handler."),
        msg("Its core file limit (ulimit -c) does not keep the kernel from running the crash handler."),
        msg("Its core file limit could not be read."),
    ),
    Resource.PRIORITY: _Room(
        "priority",
        "nice",
        "@limits:Max nice priority",
        msg("Its priority limits (ulimit -e, -r) do not allow a higher one."),
        msg("Its priority limits (ulimit -e, -r) allow a higher one."),
        msg("Its priority limits could not be read."),
    ),
}
_LOG = "inspect:HostConfig.LogConfig"
# The kernel does not limit logs: the engine writes them, and enforces their size limit
_LOGS = {
    LogKeeping.UNLIMITED: lets(
        msg("The engine stores all of its output, without a size limit."), _LOG, basis=Basis.ASKED
    ),
    LogKeeping.LIMITED: stops(msg("The engine stores its output only up to a set size."), _LOG, basis=Basis.ASKED),
    LogKeeping.JOURNAL: stops(
        msg("Its output goes to the host's journal, which limits itself (journald.conf)."), _LOG, basis=Basis.ASKED
    ),
    LogKeeping.ELSEWHERE: unknown(msg("Its output goes to another program, whose limits are not known here."), _LOG),
    LogKeeping.UNKNOWN: unknown(msg("The engine does not report what happens to its output."), _LOG),
}
_BY_USER = msg("The user's own limit (ulimit -u) leaves too few processes for that.")


def _room(row: _Room, posture: CgroupPosture) -> Ruling:
    enough: bool | None = getattr(posture, row.field)
    if enough is None:
        return unknown(row.unread, row.source)
    return lets(row.free, row.source) if enough else stops(row.limited, row.source, frozenset({f"limit:{row.limit}"}))


def _freed_room(row: _Room, enough: bool | None) -> Ruling:
    """The ruling on the room once its own group's limit is lifted: the groups above decide."""
    if enough is False:
        # which groups are writable depends on the mounts, another layer's subject
        return unknown(msg("A group above its own limits it, and that limit can perhaps be lifted, too."), row.source)
    return lets(row.free, row.source) if enough else unknown(row.unread, row.source)


def _kind_of(need: Device) -> str:
    if need.kind == "b":
        return "disk"
    return {(1, 1): "memory", (1, 11): "log"}.get((need.major or 0, need.minor or 0), "")


def _device(need: Device, posture: CgroupPosture) -> Ruling:
    if need.access != "m" and _kind_of(need) in posture.held:
        return lets(msg("The device rules ask when a device is opened, and it holds one open."), "@fd")
    if posture.rules is None:
        return _by_rules(posture, allowed=False)
    return _by_rules(posture, allowed=passes(posture.rules, need), opened=need.opened)


def _by_rules(posture: CgroupPosture, *, allowed: bool, opened: bool = False) -> Ruling:
    source = "@cgroup:devices" if posture.verified else "inspect:HostConfig.Devices"
    if posture.rules is None:
        return unknown(msg("Which devices it can use could not be read."), source)
    if allowed:
        if posture.rootless:
            return lets(msg("A rootless engine can't set device rules."), source)
        if posture.verified:
            return lets(msg("The device rules allow it."), source)
        text = msg("As asked, its device rules allow it; not verified.")
        return lets(text, source, basis=Basis.ASKED)
    if opened and posture.rule_files is not False:
        # devcgroup_update_access, security/device_cgroup.c, requires SYS_ADMIN and checks the groups above
        if posture.rule_files is None:
            return unknown(msg("Which devices it can use could not be read."), source)
        return lets(msg("Its device rules are files of cgroup v1, which SYS_ADMIN can change."), source)
    if posture.verified:
        return stops(msg("The device rules do not allow it."), source, frozenset({"devices"}))
    if not posture.asked_known:
        return unknown(msg("The engine does not report which device rules were asked for."), source)
    text = msg("As asked, its device rules do not allow it; not verified.")
    return stops(text, source, frozenset({"devices"}), Basis.ASKED)
