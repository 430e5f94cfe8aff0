"""Findings on a container's control group: missing limits, drift, and whose group it is in."""

from __future__ import annotations

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Drift, Finding
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts, limits_ignored
from stratascope.layers.cgroup.views import default_pids, of_systemd
from stratascope.layers.shared.readings import finding
from stratascope.linux.process import parse_stat

_GIVE = msg("Give it a limit that fits its work: --memory, --pids-limit, --cpus.")
_CANNOT = msg("Rootless engines can't set limits on cgroup v1: run it rootful, or use cgroup v2.")
_AGAIN = msg("Rootless engines can't set limits on cgroup v1; check the engine's warnings.")


def findings_of(
    facts: CgroupFacts, asked: CgroupAsked, around: Surroundings, memory: bool | None, pids: bool | None
) -> tuple[Finding, ...]:
    """The findings. `memory`, `pids`: whether they are limited, None if unknown."""
    return (
        *_missing(facts, memory, pids, asked, limits_ignored(facts, around.engine)),
        *_drift(facts, asked),
        *_others(facts, asked, around),
    )


def _missing(
    facts: CgroupFacts, memory: bool | None, pids: bool | None, asked: CgroupAsked, ignored: bool
) -> list[Finding]:
    """Findings on missing limits. `ignored`: the engine can't set limits."""
    found = []
    give = _CANNOT if ignored else _GIVE
    if memory is False:
        text = msg("Can use up all memory of the machine: it has no memory limit.")
        found.append(_finding("no-memory-limit", Severity.MEDIUM, text, give, facts.source("memory_max"), "5.11"))
    if pids is False:
        text = msg("Can stop the whole machine with a fork bomb: it has no process limit.")
        found.append(_finding("no-pids-limit", Severity.MEDIUM, text, give, facts.source("pids_max"), "5.29"))
    elif pids and default_pids(facts, asked.pids):
        count, path = facts.pids_max or 0, facts.pids_from or "/"
        if of_systemd(path):
            text = msg(
                "Its limit of {count} processes was not asked for: it is the systemd default, set on {unit}.",
                count=count,
                unit=path.rsplit("/", 1)[-1],
            )
        else:
            text = msg(
                "Its limit of {count} processes was not asked for: it comes from {path}, a group that contains it.",
                count=count,
                path=path,
            )
        advice = (
            _CANNOT if ignored else msg("Set a limit of its own, so that it does not depend on the host's settings.")
        )
        found.append(_finding("pids-by-default", Severity.LOW, text, advice, facts.source("pids_max"), "5.29"))
    if cpu_limited(facts) is False:
        text = msg("Can keep every CPU busy: it has no CPU limit.")
        found.append(_finding("no-cpu-limit", Severity.LOW, text, give, facts.source("cpu_cores"), "5.12"))
    return found


def _drift(facts: CgroupFacts, asked: CgroupAsked) -> list[Finding]:
    """Limits that were requested but that the kernel lacks, or has wider."""
    found = []
    wider = asked.memory and (facts.memory_max is None or facts.memory_max > asked.memory)
    if wider and "memory_max" not in facts.unknown:
        text = msg("A memory limit was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-memory", Severity.HIGH, text, _AGAIN, facts.source("memory_max"), "5.11"))
    more = asked.pids and asked.pids > 0 and (facts.pids_max is None or facts.pids_max > asked.pids)
    if more and "pids_max" not in facts.unknown:
        text = msg("A process limit was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-pids", Severity.HIGH, text, _AGAIN, facts.source("pids_max"), "5.29"))
    # engines round the quota to whole microseconds per period
    faster = asked.cpu_cores and (facts.cpu_cores is None or facts.cpu_cores > asked.cpu_cores * 1.01)
    if faster and "cpu_cores" not in facts.unknown:
        text = msg("A CPU quota was asked for, but the kernel does not enforce it.")
        found.append(_finding("drift-cpu", Severity.MEDIUM, text, _AGAIN, facts.source("cpu_cores"), "5.12"))
    return found


def _others(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> list[Finding]:
    found = []
    # A rootless engine can't set device rules, and Podman sets none for a container with a user namespace of its own.
    # Neither needs them: mknod of devices is not possible in a user namespace
    own_users = around.engine.rootless or asked.own_users
    if facts.devices and not own_users and any(rule.startswith("a *:* ") for rule in facts.devices):
        text = msg(
            "Its device rules allow every device of the host, including disks: only file permissions and a "
            "missing MKNOD still stop it."
        )
        advice = (
            msg("Start it without --privileged, and pass in the devices that it needs.")
            if asked.privileged
            else msg("Start it without --device-cgroup-rule, and pass in the devices that it needs.")
        )
        found.append(_finding("all-devices", Severity.MEDIUM, text, advice, facts.source("devices"), "5.18"))
    if facts.left:
        text = msg("An interrupted observation left it in a cgroup made for watching.")
        advice = msg("Any Stratascope command run as root moves it back: sudo stratascope report.")
        found.append(finding("cgroup.left", Severity.LOW, text, advice, f"{facts.process}/cgroup", "cgroups(7)"))
    usual = ("", "system.slice", "machine.slice", "user.slice", "/docker")
    # a rootless engine may have ignored it
    in_it = facts.path is None or asked.cgroup_parent.strip("/") in facts.path
    if asked.cgroup_parent not in usual and not asked.in_pod and in_it:
        text = msg("It was placed below a cgroup that someone chose: {path}.", path=asked.cgroup_parent)
        advice = msg("Make sure that this group's limits are meant for it.")
        found.append(_finding("parent", Severity.LOW, text, advice, "inspect:HostConfig.CgroupParent", "5.25"))
    return found


def _finding(code: str, severity: Severity, text: Message, advice: Message, source: str, cis: str) -> Finding:
    refs = alike((f"CIS-Docker-1.6.0:{cis}",))
    return finding(f"cgroup.{code}", severity, text, advice, source, *refs)


def cpu_limited(facts: CgroupFacts) -> bool | None:
    """Whether its CPU time has a quota; None if unknown."""
    return None if "cpu_cores" in facts.unknown else facts.cpu_cores is not None


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """Control groups that differ from the first process's."""
    mine, its = first.text("cgroup"), other.text("cgroup")
    if isinstance(mine, Gap) or isinstance(its, Gap) or mine == its or _ending(other):
        return ()
    text = msg("A process of this container is in another cgroup than its first process, so other limits apply to it.")
    advice = msg("Below the container's own group, that is an init system at work; elsewhere, find out what moved it.")
    drifted = finding("cgroup.process-path", Severity.LOW, text, advice, other.source("cgroup"), "cgroups(7)")
    return (Drift("cgroup.path", drifted),)


def _ending(process: Capture) -> bool:
    # v1 hierarchies show an exiting process in / (kernel/cgroup/cgroup.c, proc_cgroup_show)
    stat = or_none(process.decoded("stat", parse_stat))
    return stat is not None and stat.exiting
