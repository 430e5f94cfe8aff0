"""Layer 2, control groups: how much memory, how many processes and how much CPU a container may use, and uses now.

A limit counts wherever on the path it is set; the findings say who set it, the engine as requested or systemd by
default. A limit as large as the machine counts as none. CPU does not count for the verdict: without a quota the
scheduler still divides it fairly, while memory and processes run out.
"""

from __future__ import annotations

from stratascope.collector.names import CGROUPS, DESCRIPTORS
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg
from stratascope.layers.cgroup.facts import CgroupAsked, CgroupFacts, asked_of, decode, gained, limited_memory, predict
from stratascope.layers.cgroup.findings import cpu_limited, drift, findings_of
from stratascope.layers.cgroup.stances import posture_of, stance_of
from stratascope.layers.cgroup.views import tabs_of
from stratascope.layers.shared.readings import why_unknown

ABOUT = About(
    title=msg("Cgroup"),
    role=msg("keeps one container from using everything up"),
    picture=msg("The fuse box: each flat has its own fuse, so that one can't black out the whole house."),
    explanation=(
        msg("A cgroup counts what its processes use together, and enforces a limit on it."),
        msg("It keeps a runaway or hostile container from taking all memory, processes or CPU time."),
        msg("Without limits, one container can bring down all others, and the host with them."),
    ),
)


def assess(facts: CgroupFacts, asked: CgroupAsked, around: Surroundings) -> Assessment:
    """ENFORCED if memory and processes are limited, WEAKENED if one of them is, OPEN if neither."""
    memory = limited_memory(facts, around)
    pids = _limited_pids(facts, around)
    if None in (memory, pids):
        verdict = Verdict.UNKNOWN
    elif memory and pids:
        verdict = Verdict.ENFORCED
    else:
        verdict = Verdict.WEAKENED if memory or pids else Verdict.OPEN
    return Assessment(
        verdict,
        _fact(facts, verdict, memory, cpu_limited(facts)),
        findings_of(facts, asked, around, memory, pids),
        lambda: tabs_of(facts, asked, around),
        facts.gaps,
    )


def _limited_pids(facts: CgroupFacts, around: Surroundings) -> bool | None:
    """Whether its process limit is below the kernel's number of PIDs; None if unknown."""
    highest = around.ground.sysctl_number("kernel.pid_max") or 1 << 22  # PID_MAX_LIMIT, proc_sys_kernel(5)
    if facts.pids_max is not None and facts.pids_max < highest:
        return True
    return None if "pids_max" in facts.unknown else False


def _fact(facts: CgroupFacts, verdict: Verdict, memory: bool | None, cpu: bool | None) -> Message:
    if verdict is Verdict.UNKNOWN:
        return why_unknown(facts.gaps)
    if verdict is Verdict.ENFORCED:
        return msg("Memory, processes, CPU limited") if cpu else msg("Memory and processes limited")
    if verdict is Verdict.OPEN:
        return msg("No limit on memory or processes") if cpu else msg("No limit on memory, processes, CPU")
    return msg("No limit on processes") if memory else msg("No limit on memory")


LAYER = Layer(
    id="cgroup",
    number=2,
    about=ABOUT,
    wants=("cgroup", CGROUPS, "limits", "oom_score_adj", "status", "uid_map", "ns/user", DESCRIPTORS),
    member_wants=("cgroup", "stat"),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    predict=predict,
    gained=gained,
    stance=stance_of,
    refused=on_demand("stratascope.layers.cgroup.refusals", "refused"),
)
