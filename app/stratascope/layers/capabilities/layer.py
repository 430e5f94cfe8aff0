"""Layer 3, capabilities: what is left of root's powers. Read from /proc/PID/status; see capabilities(7).

Verdict. "The engine's default" is the one the engine reports, else the
measured one for its kind. ENFORCED: effective and bounding set are within it. OPEN: a capability of `TAKE_OVER` is
effective or permitted (the process can make it effective at will), in the initial user namespace, and nothing of the
default was dropped; so `--cap-drop ALL --cap-add SYS_ADMIN` is WEAKENED, but still has a critical finding. WEAKENED:
any other capability beyond the default, in any user namespace. A no_new_privs of 0 is a finding and no verdict: every
engine's default has it.

Decided against `Securebits`: they are not in /proc.
"""

from __future__ import annotations

from stratascope.collector.names import GIVING_PROGRAMS, HOST_PROGRAMS, NETWORK_INODE, PORT_START, SECUREBITS
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg
from stratascope.layers.capabilities.explanations import TAKE_OVER
from stratascope.layers.capabilities.facts import (
    CapabilitiesAsked,
    CapabilityFacts,
    as_requested,
    asked_of,
    decode,
    gained,
    gains,
    held_now,
    predict,
)
from stratascope.layers.capabilities.findings import drift, findings_of, short
from stratascope.layers.capabilities.stances import posture_of, stance_of
from stratascope.layers.capabilities.views import tabs_of
from stratascope.layers.shared.readings import why_unknown

ABOUT = About(
    msg("Capabilities"),
    msg("takes away root's powers"),
    msg("Key cards: root once had one key for every door; now each door has its own card, and few are given out."),
    (
        msg("Linux splits root's power into about forty capabilities. A process can do only what it holds one for."),
        msg(
            "Without this layer, root in the container could do what root on the host can: mount its disks, load "
            "code into its kernel, set its clock."
        ),
        msg(
            "A capability is the right to do a thing; seccomp closes the way into the kernel. To mount, a process"
            " needs SYS_ADMIN and a filter that lets the call mount through: either of the two can stop it."
        ),
    ),
)


def assess(facts: CapabilityFacts, asked: CapabilitiesAsked, around: Surroundings) -> Assessment:
    """The verdict, from the sets alone."""
    return Assessment(
        _verdict(facts), _fact(facts), findings_of(facts, asked, around), lambda: tabs_of(facts, asked), facts.gaps
    )


def _verdict(facts: CapabilityFacts) -> Verdict:
    held = held_now(facts)
    if held & TAKE_OVER and facts.default <= held:
        if facts.initial_user_namespace is None:
            return Verdict.UNKNOWN
        if facts.initial_user_namespace:
            return Verdict.OPEN
    if facts.effective is None or facts.bounding is None:
        return Verdict.UNKNOWN
    return Verdict.ENFORCED if held | facts.bounding <= facts.default else Verdict.WEAKENED


def _fact(facts: CapabilityFacts) -> Message:
    effective, bounding = facts.effective, facts.bounding
    if effective is None or bounding is None:
        return why_unknown(facts.gaps)
    total = facts.last + 1
    added = (effective | bounding) - facts.default
    if len(effective) >= total:
        if facts.initial_user_namespace is False:
            return msg("All {total}, in a user namespace of its own", total=total)
        if facts.initial_user_namespace is None:
            return msg("All {total}, scope not known", total=total)
        return msg("All {total}, over the whole machine", total=total)
    if added and not added & effective:
        return msg("{count} of {total}, {added} more in the bounding set", count=len(effective), total=total,
                   added=len(added))  # fmt: skip
    if len(added) == 1:
        return msg("{count} of {total}, {name} added", count=len(effective), total=total, name=short(added))
    if added:
        return msg("{count} of {total}, {added} added", count=len(effective), total=total, added=len(added))
    if not effective:
        if facts.regain_by_exec:
            return msg("None now, exec may regain {count}", count=len(facts.regain_by_exec))
        return msg("None of {total}", total=total)
    if effective == facts.default:
        return msg("{count} of {total}, the engine's default", count=len(effective), total=total)
    return msg(
        "{count} of {total}, {dropped} of the default dropped",
        count=len(effective),
        total=total,
        dropped=len(facts.default - effective),
    )


LAYER = Layer(
    id="capabilities",
    number=3,
    about=ABOUT,
    wants=(
        "status",
        "uid_map",
        "gid_map",
        "ns/user",
        "ns/pid",
        "ns/net",
        NETWORK_INODE,
        SECUREBITS,
        "mountinfo",
        HOST_PROGRAMS,
    ),
    member_wants=("status", "ns/user", SECUREBITS),
    privileged_wants=(PORT_START, GIVING_PROGRAMS),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    as_requested=as_requested,
    predict=predict,
    stance=stance_of,
    gains=gains,
    gained=gained,
    refused=on_demand("stratascope.layers.capabilities.refusals", "refused"),
)
