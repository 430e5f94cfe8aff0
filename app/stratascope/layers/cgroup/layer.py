"""Layer 2, control groups: how much memory, processes and CPU the container may take, and how much it takes now.

A limit counts wherever on the path it stands, and it is told who set it: the engine as asked, or systemd's default.
Limits as large as the machine itself are none. Decided against counting CPU for the verdict: without a quota the
scheduler still divides fairly, while memory and processes run out.
"""

from __future__ import annotations

from dataclasses import dataclass

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, AskedDevice, Container
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Bars, Drift, Finding, Tab, Table, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.process_match import parse_stat
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.layers.cgroup.facts import ALL, CgroupFacts, read_facts
from stratascope.layers.cgroup.prediction import predict_cgroup
from stratascope.layers.cgroup.stances import CgroupPosture, cgroup_posture, cgroup_stance
from stratascope.layers.cgroup.views import bars, default_pids, of_systemd, rows
from stratascope.layers.shared.process_status import why_unknown

_LAYER = "cgroup"
_EXITING = 0x00000004  # PF_EXITING, include/linux/sched.h
_LIMITS, _REST = msg("Limits"), msg("Control group")
_GIVE = msg("Give it a limit that fits its work: --memory, --pids-limit, --cpus.")
_AGAIN = msg("Rootless engines can't set limits in control groups of version 1; look at the engine's warnings.")


@dataclass(frozen=True, slots=True)
class CgroupAsked:
    """What the engine was told; None or 0: no limit was asked for. Bytes, counts, cores."""

    memory: int | None
    memory_swap: int | None
    pids: int | None
    cpu_cores: float | None
    cpuset: str
    cgroup_parent: str
    privileged: bool  # which lifts the rules for devices
    devices: tuple[AskedDevice, ...]
    device_rules: tuple[str, ...] | None  # None: the engine does not say
    in_pod: bool = False  # then the group is its pod's


class CgroupLayer:
    """See the module."""

    id = _LAYER
    number = 2
    about = About(
        title=msg("Cgroup"),
        role=msg("keeps one from using everything up"),
        picture=msg("The electricity meter: each flat has a fuse, so that one can't leave the house in the dark."),
        explanation=(
            msg("A control group counts what its processes use together, and stops them at a limit."),
            msg("It keeps a runaway or hostile container from taking all memory, processes or CPU time."),
            msg("Without limits one container can bring down every other one, and the host with them."),
        ),
    )
    wants = ("cgroup", ALL, "limits", "status", "ns/user")
    member_wants = ("cgroup", "stat")

    def asked(self, container: Container) -> CgroupAsked:
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
        )

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> CgroupFacts:
        """Limits over all levels of the path, and the present use."""
        return read_facts(capture)

    def assess(self, facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> Assessment:
        """ENFORCED with memory and processes limited, WEAKENED with one of them, OPEN with neither."""
        memory = limited_memory(facts, around)
        pids = limited_pids(facts, around)
        if None in (memory, pids):
            verdict = Verdict.UNKNOWN
        elif memory and pids:
            verdict = Verdict.ENFORCED
        else:
            verdict = Verdict.WEAKENED if memory or pids else Verdict.OPEN
        cpu = None if "cpu_cores" in facts.unknown else facts.cpu_cores is not None
        findings = (*_missing(facts, memory, pids, cpu, asked), *_drift(facts, asked), *_others(facts, asked, around))

        def draw() -> tuple[Tab, ...]:
            return (
                Tab(
                    _LIMITS,
                    (
                        Bars(_LIMITS, bars(facts, asked.memory, asked.pids, around)),
                        Table(_REST, rows(facts, asked.cpuset)),
                    ),
                ),
            )

        return Assessment(verdict, _band(facts, verdict, memory, pids, cpu), findings, draw, facts.gaps)

    privileged_wants: tuple[str, ...] = ()

    def posture(self, facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> CgroupPosture:
        """See `core.layer.Layer`."""
        return cgroup_posture(facts, asked, around)

    def predict(
        self, facts: CgroupFacts | None, before: Asked, after: Asked, around: Surroundings
    ) -> CgroupFacts | None:
        """See `core.layer.Layer`."""
        return predict_cgroup(facts, before, after, around)

    def stance(self, need: Need, posture: CgroupPosture) -> Ruling | None:
        """See `core.layer.Layer`."""
        return cgroup_stance(need, posture)

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """Another control group than the first process's."""
        mine, its = first.text("cgroup"), other.text("cgroup")
        if isinstance(mine, Gap) or isinstance(its, Gap) or mine == its or _ending(other):
            return ()
        finding = Finding(
            "cgroup.process-path",
            _LAYER,
            Severity.LOW,
            msg("A process of this container is in another control group than its first, so other limits bind it."),
            msg("Below the container's own group that is an init system at work; elsewhere find out what moved it."),
            other.source("cgroup"),
            ("cgroups(7)",),
        )
        return (Drift("cgroup.path", finding),)


def _ending(process: Capture) -> bool:
    # in hierarchies of version 1 a process that is ending is shown in / (kernel/cgroup/cgroup.c, proc_cgroup_show)
    text = process.text("stat")
    stat = None if isinstance(text, Gap) else parse_stat(text)
    return stat is not None and bool(stat.flags & _EXITING)


def limited_memory(facts: CgroupFacts, around: Surroundings) -> bool | None:
    """Whether its memory is limited below the machine's; None where not known."""
    total = around.ground.memory_total
    if facts.memory_max is not None and (total is None or facts.memory_max < total):
        return True
    return None if "memory_max" in facts.unknown else False


def limited_pids(facts: CgroupFacts, around: Surroundings) -> bool | None:
    """Whether its processes are limited below what the kernel has numbers for; None where not known."""
    top = around.ground.sysctl("kernel.pid_max") or ""
    highest = int(top) if top.isascii() and top.isdigit() else 1 << 22  # PID_MAX_LIMIT, proc_sys_kernel(5)
    if facts.pids_max is not None and facts.pids_max < highest:
        return True
    return None if "pids_max" in facts.unknown else False


def _band(facts: CgroupFacts, verdict: Verdict, memory: bool | None, pids: bool | None, cpu: bool | None) -> Message:
    if verdict is Verdict.UNKNOWN:
        return why_unknown(facts.gaps)
    if verdict is Verdict.ENFORCED:
        return msg("Memory, processes, CPU limited") if cpu else msg("Memory and processes limited")
    if verdict is Verdict.OPEN:
        return msg("No limit on memory or processes") if cpu else msg("No limit on memory, processes, CPU")
    return msg("No limit on processes") if memory else msg("No limit on memory")


def _missing(
    facts: CgroupFacts, memory: bool | None, pids: bool | None, cpu: bool | None, asked: CgroupAsked
) -> list[Finding]:
    found = []
    if memory is False:
        text = msg("Its memory has no limit: it can use up all of the machine's.")
        found.append(_finding("no-memory-limit", Severity.MEDIUM, text, _GIVE, facts.source("memory_max"), "5.11"))
    if pids is False:
        text = msg("The number of its processes has no limit: a fork bomb stops the whole machine.")
        found.append(_finding("no-pids-limit", Severity.MEDIUM, text, _GIVE, facts.source("pids_max"), "5.29"))
    elif pids and default_pids(facts, asked.pids):
        count, path = facts.pids_max or 0, facts.pids_from or "/"
        if of_systemd(path):
            text = msg(
                "Its limit of {count} processes was not asked for: systemd sets it by default, on {unit}.",
                count=count,
                unit=path.rsplit("/", 1)[-1],
            )
        else:
            text = msg(
                "Its limit of {count} processes was not asked for: it comes from {path}, a group that it is in.",
                count=count,
                path=path,
            )
        advice = msg("Ask for a limit of its own, so that it does not depend on the host's settings.")
        found.append(_finding("pids-by-default", Severity.LOW, text, advice, facts.source("pids_max"), "5.29"))
    if cpu is False:
        text = msg("Its CPU time has no quota: it may keep every CPU busy.")
        found.append(_finding("no-cpu-limit", Severity.LOW, text, _GIVE, facts.source("cpu_cores"), "5.12"))
    return found


def _drift(facts: CgroupFacts, asked: CgroupAsked) -> list[Finding]:
    """Asked for, but the kernel has no such limit, or a wider one."""
    found = []
    wider = asked.memory and (facts.memory_max is None or facts.memory_max > asked.memory)
    if wider and "memory_max" not in facts.unknown:
        text = msg("A limit on memory was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-memory", Severity.HIGH, text, _AGAIN, facts.source("memory_max"), "5.11"))
    more = asked.pids and asked.pids > 0 and (facts.pids_max is None or facts.pids_max > asked.pids)
    if more and "pids_max" not in facts.unknown:
        text = msg("A limit on processes was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-pids", Severity.HIGH, text, _AGAIN, facts.source("pids_max"), "5.29"))
    # the engines round the quota to whole microseconds of a period
    faster = asked.cpu_cores and (facts.cpu_cores is None or facts.cpu_cores > asked.cpu_cores * 1.01)
    if faster and "cpu_cores" not in facts.unknown:
        text = msg("A CPU quota was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-cpu", Severity.MEDIUM, text, _AGAIN, facts.source("cpu_cores"), "5.12"))
    return found


def _others(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> list[Finding]:
    found = []
    # a rootless engine may set no device rules, and needs none: in its user namespace no node can be made
    if facts.devices and not around.engine.rootless and any(rule.startswith("a *:* ") for rule in facts.devices):
        text = msg(
            "The device rules allow every device of the host, disks included. Only permissions of files and a lack of "
            "the capability MKNOD can then stand in the way."
        )
        advice = msg("Start it without --privileged, and pass in the devices that it needs.")
        found.append(_finding("all-devices", Severity.MEDIUM, text, advice, facts.source("devices"), "5.18"))
    usual = ("", "system.slice", "machine.slice", "user.slice", "/docker")
    if asked.cgroup_parent not in usual and not asked.in_pod:
        text = msg("It was put below a control group of someone's choice: {path}.", path=asked.cgroup_parent)
        advice = msg("Make sure that this group's limits are meant for it.")
        found.append(_finding("parent", Severity.LOW, text, advice, "inspect:HostConfig.CgroupParent", "5.25"))
    return found


def _finding(code: str, severity: Severity, text: Message, advice: Message, source: str, cis: str) -> Finding:
    return Finding(f"cgroup.{code}", _LAYER, severity, text, advice, source, (f"CIS-Docker-1.6.0:{cis}",))


LAYER = CgroupLayer()
