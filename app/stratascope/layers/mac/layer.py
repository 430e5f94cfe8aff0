"""Layer 5, mandatory access control: AppArmor or SELinux, a policy that binds root too.

Verdict. OPEN: no such module is active (the fact on the band says why), no
SELinux policy is loaded, or the process is unconfined although nobody requested that. WEAKENED: rules that only warn or
ask (complain, prompt, mixed; a permissive SELinux host), and unconfined or spc_t by request, while the host's module
confines others. ENFORCED: a profile in enforce or kill mode; an SELinux container type, or one requested by name, on an
enforcing host. Any other type in force is UNKNOWN: what its policy permits can't be seen from here, and types such as
`initrc_t` permit everything.
"""

from __future__ import annotations

from stratascope.collector.names import DOMAIN_IDS, LANDLOCK, PERMISSIVE
from stratascope.core.capture import Gap
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Layer, Verdict, on_demand
from stratascope.core.message import Message, msg
from stratascope.layers.mac.facts import (
    APPARMOR_CURRENT,
    CURRENT,
    ENFORCING,
    NAMESPACES,
    UID_MAP,
    UNCONFINED_TYPES,
    MacAsked,
    MacFacts,
    as_requested,
    asked_of,
    decode,
    predict,
    profile_in_effect,
)
from stratascope.layers.mac.findings import drift, findings_of, mode_word
from stratascope.layers.mac.landlock import MOUNTS
from stratascope.layers.mac.stances import posture_of, stance_of
from stratascope.layers.mac.views import tabs_of
from stratascope.layers.shared.readings import why_unknown
from stratascope.linux.lsm import AppArmorMode

ABOUT = About(
    msg("Access control"),
    msg("enforces a policy that even root can't bypass"),
    msg("Cameras and guards: even someone with every card is stopped where the house rules say no."),
    (
        msg("AppArmor or SELinux gives each process a label; a policy says what is allowed under that label."),
        msg("It stops a root process at files, mounts and signals that are no business of any container."),
        msg("Without it, ordinary permissions decide, and those let root pass almost everywhere."),
    ),
)

# Container types of container-selinux and the older svirt policy
_CONTAINER_TYPES = frozenset(
    (
        "container_t",
        "container_init_t",
        "container_kvm_t",
        "container_userns_t",
        "container_logreader_t",
        "container_device_t",
        "container_device_plugin_t",
        "container_engine_t",
        "svirt_lxc_net_t",
    )
)


def assess(facts: MacFacts, asked: MacAsked, around: Surroundings) -> Assessment:
    """The verdict, by label and mode."""
    verdict, fact = _verdict(facts, asked)
    return Assessment(
        verdict, fact, findings_of(facts, asked, verdict), lambda: tabs_of(facts, asked, verdict), facts.gaps
    )


def _verdict(facts: MacFacts, asked: MacAsked) -> tuple[Verdict, Message]:
    if facts.system == "none" and facts.landlock is not None and not isinstance(facts.landlock, Gap):
        return Verdict.OPEN, msg("Landlock alone restricts it")
    if facts.system == "none":
        return Verdict.OPEN, msg("Neither AppArmor nor SELinux is active")
    if facts.label is None:
        return Verdict.UNKNOWN, why_unknown(facts.gaps)
    if facts.system == "selinux":
        return _selinux_verdict(facts, facts.type or "", asked)
    label = facts.label
    if facts.mode in ENFORCING:
        return Verdict.ENFORCED, msg("AppArmor {label}, enforcing", label=label)
    if facts.mode == AppArmorMode.UNCONFINED:
        if profile_in_effect(asked.apparmor, asked.privileged) is ProfileKind.UNCONFINED:
            return Verdict.WEAKENED, msg("AppArmor unconfined, as asked")
        return Verdict.OPEN, msg("Not confined by AppArmor")
    return Verdict.WEAKENED, msg("AppArmor {label}, {mode}", label=label, mode=mode_word(facts.mode))


def _selinux_verdict(facts: MacFacts, kind: str, asked: MacAsked) -> tuple[Verdict, Message]:
    if facts.policy_loaded is False:
        return Verdict.OPEN, msg("SELinux runs without a policy")
    if kind in UNCONFINED_TYPES:
        if asked.selinux_off and kind == "spc_t":
            return Verdict.WEAKENED, msg("SELinux {type}: unconfined, as asked", type=kind)
        return Verdict.OPEN, msg("SELinux {type}: unconfined", type=kind)
    if facts.mode == "permissive":
        return Verdict.WEAKENED, msg("SELinux {type}, but it only warns", type=kind)
    if facts.mode is None:
        return Verdict.UNKNOWN, msg("SELinux {type}, not known whether enforced", type=kind)
    if kind in _CONTAINER_TYPES or f"type:{kind}" in asked.selinux_options:
        return Verdict.ENFORCED, msg("SELinux {type}, enforcing", type=kind)
    return Verdict.UNKNOWN, msg("SELinux {type}, policy not known here", type=kind)


LAYER = Layer(
    id="mac",
    number=5,
    about=ABOUT,
    wants=(
        *(CURRENT, APPARMOR_CURRENT, PERMISSIVE, UID_MAP, "status", MOUNTS, LANDLOCK, DOMAIN_IDS),
        *(f"ns/{kind}" for kind in NAMESPACES),
    ),
    member_wants=(CURRENT, LANDLOCK),
    asked=asked_of,
    decode=decode,
    assess=assess,
    drift=drift,
    posture=posture_of,
    as_requested=as_requested,
    predict=predict,
    stance=stance_of,
    refused=on_demand("stratascope.layers.mac.refusals", "refused"),
)
