"""Layer 5, mandatory access control: AppArmor or SELinux, a policy that root can't pass either.

Verdict (design, section 6), as it is understood here. OPEN: no module of the kind is active (the reason is told), no
SELinux policy is loaded, or the process is unconfined although nobody asked for that. WEAKENED: rules that only warn or
ask (complain, prompt, mixed; a permissive SELinux host), and unconfined or spc_t by request, where the host's module
works for others. ENFORCED: a profile in enforce or kill mode; an SELinux container type, or one that was asked for by
name, on an enforcing host. Another type in force is UNKNOWN: what its policy permits is not to be seen from here, and
types such as `initrc_t` permit everything.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import Asked, Container, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import About, Assessment, Drift, Finding, Row, Tab, Table, Tone, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.layers.mac.facts import (
    APPARMOR_CURRENT,
    CURRENT,
    ENFORCING,
    LSM_LIST,
    NAMESPACES,
    UID_MAP,
    UNCONFINED_TYPES,
    MacAsked,
    MacFacts,
    asked_of,
    mac_facts,
)
from stratascope.layers.mac.findings import mac_findings
from stratascope.layers.mac.prediction import predict_mac
from stratascope.layers.mac.stances import mac_posture, mac_stance
from stratascope.layers.mac.words import mode_word
from stratascope.layers.shared.process_status import NOT_ASKED, UNKNOWN, why_unknown
from stratascope.linux.lsm import AppArmorMode

# Types that container-selinux and the older svirt policy make for containers
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


class _Mac:
    id = "mac"
    number = 5
    about = About(
        msg("Access control"),
        msg("enforces a policy that even root can't pass"),
        msg("Cameras and guards: even someone with every card is stopped where the house's plan says not here."),
        (
            msg("AppArmor or SELinux gives each process a label; a policy says what may be done under that label."),
            msg("It stops a root process at files, mounts and signals that no container has business with."),
            msg("Without it ordinary permissions decide, and those let root pass almost everywhere."),
        ),
    )
    wants = (CURRENT, APPARMOR_CURRENT, UID_MAP, *(f"ns/{kind}" for kind in NAMESPACES))
    member_wants = (CURRENT,)

    def asked(self, container: Container) -> MacAsked:
        """What the engine was told, for this layer."""
        return asked_of(container)

    def decode(self, capture: Capture, container: Container, around: Surroundings) -> MacFacts:
        """The facts of one process; never raises."""
        return mac_facts(capture, around.ground)

    def assess(self, facts: MacFacts, asked: MacAsked, around: Surroundings) -> Assessment:
        """Verdict, findings and views, from facts alone."""
        verdict, fact = _verdict(facts, asked)
        findings = mac_findings(facts, asked, verdict)
        return Assessment(verdict, fact, findings, lambda: (Tab(_LABEL, (_table(facts, asked, verdict),)),), facts.gaps)

    privileged_wants: tuple[str, ...] = ()

    def posture(self, facts: MacFacts, asked: MacAsked, around: Surroundings) -> Hashable:
        """See `core.layer.Layer`."""
        return mac_posture(facts, around)

    def predict(self, facts: MacFacts | None, before: Asked, after: Asked, around: Surroundings) -> MacFacts | None:
        """See `core.layer.Layer`."""
        return predict_mac(facts, before, after, around)

    def stance(self, need: Need, posture: Any) -> Ruling | None:
        """See `core.layer.Layer`."""
        return mac_stance(need, posture)

    def drift(self, first: Capture, other: Capture) -> tuple[Drift, ...]:
        """A label that differs from the first process's."""
        before, after = first.text(CURRENT), other.text(CURRENT)
        if isinstance(before, Gap) or isinstance(after, Gap) or before == after:
            return ()
        label = after.rstrip("\n\0")
        finding = Finding(
            "mac.drift-label",
            "mac",
            Severity.MEDIUM,
            msg(
                "Process {pid} runs as {label}, the container's first as {first}.",
                pid=other.pid,
                label=label,
                first=before.rstrip("\n\0"),
            ),
            msg("Look for an exec with --privileged, or for a program with a profile of its own."),
            other.source(CURRENT),
            ("CIS-Docker-1.6.0:5.23",),
        )
        return (Drift("mac.label", finding),)


def _verdict(facts: MacFacts, asked: MacAsked) -> tuple[Verdict, Message]:
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
        if _unconfined_by_request(asked):
            return Verdict.WEAKENED, msg("AppArmor unconfined, as asked")
        return Verdict.OPEN, msg("Not confined by AppArmor")
    return Verdict.WEAKENED, msg("AppArmor {label}, {mode}", label=label, mode=mode_word(facts.mode))


def _unconfined_by_request(asked: MacAsked) -> bool:
    # both engines drop the profile of a privileged container, unless one is named
    return asked.apparmor is ProfileKind.UNCONFINED or (asked.privileged and asked.apparmor is not ProfileKind.CUSTOM)


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
        return Verdict.UNKNOWN, msg("SELinux {type}, not known if enforced", type=kind)
    if kind in _CONTAINER_TYPES or f"type:{kind}" in asked.selinux_options:
        return Verdict.ENFORCED, msg("SELinux {type}, enforcing", type=kind)
    return Verdict.UNKNOWN, msg("SELinux {type}, a policy not known here", type=kind)


_LABEL = msg("Label")
_SYSTEM_LABEL = msg("Module")
_SYSTEMS = {
    None: UNKNOWN,
    "none": msg("None active"),
    "apparmor": msg("AppArmor"),
    "selinux": msg("SELinux"),
}
_MODE_LABEL = msg("Mode")
_MODES = {
    "enforce": (msg("Enforce: refuses what the profile forbids"), Tone.GOOD),
    "kill": (msg("Kill: ends a process that does what is forbidden"), Tone.GOOD),
    "complain": (msg("Complain: only notes it in the log"), Tone.WARN),
    "user": (msg("Prompt: asks a program of the user's"), Tone.WARN),
    "mixed": (msg("Mixed: the stacked profiles are in different modes"), Tone.WARN),
    "unconfined": (msg("Unconfined: nothing is forbidden"), Tone.BAD),
    "enforcing": (msg("Enforcing: the whole host"), Tone.GOOD),
    "permissive": (msg("Permissive: the whole host only warns"), Tone.WARN),
}
_STACK_NOTE = msg("Several profiles at once: something is allowed only where all of them allow it.")
_LEVEL_NOTE = msg("The categories keep containers of one type apart from each other.")
_TONES = {
    Verdict.ENFORCED: Tone.GOOD,
    Verdict.WEAKENED: Tone.WARN,
    Verdict.OPEN: Tone.BAD,
    Verdict.UNKNOWN: Tone.UNKNOWN,
}


def _table(facts: MacFacts, asked: MacAsked, verdict: Verdict) -> Table:
    source, tone = facts.label_source, _TONES[verdict]
    rows = [Row(_SYSTEM_LABEL, _SYSTEMS[facts.system], source if facts.modules is None else LSM_LIST)]
    if facts.label is not None:
        selinux = facts.system == "selinux"
        rows.append(Row(_LABEL, _text(facts.label), source, tone, _asked_label(facts, asked)))
        mode, mode_tone = (UNKNOWN, Tone.UNKNOWN) if facts.mode is None else _MODES[facts.mode]
        rows.append(Row(_MODE_LABEL, mode, facts.mode_source, mode_tone))
        if len(facts.stack) > 1:
            rows.append(Row(msg("Stacked"), _text(", ".join(facts.stack)), source, Tone.PLAIN, None, _STACK_NOTE))
        if selinux and facts.policy_loaded:
            rows += (
                Row(msg("User"), _text(facts.user), source),
                Row(msg("Role"), _text(facts.role), source),
                Row(msg("Type"), _text(facts.type), source),
                Row(msg("Level"), _text(facts.level), source, Tone.PLAIN, None, _LEVEL_NOTE),
            )
    elif facts.system == "none":
        rows.append(Row(_LABEL, msg("None"), source, tone, _asked_label(facts, asked)))
    if facts.modules:
        rows.append(Row(msg("Active modules"), _text(", ".join(facts.modules)), LSM_LIST))
    return Table(_LABEL, tuple(rows))


def _text(value: str | None) -> Message:
    return msg("{text}", text=value) if value else UNKNOWN


def _asked_label(facts: MacFacts, asked: MacAsked) -> Message | None:
    if facts.system == "selinux":
        if asked.selinux_label:
            return _text(asked.selinux_label)
        return msg("Privileged: unconfined") if asked.privileged else NOT_ASKED
    if asked.apparmor is ProfileKind.CUSTOM:
        return _text(asked.apparmor_profile)
    if asked.privileged or asked.apparmor is ProfileKind.UNCONFINED:
        return msg("Unconfined")
    return msg("The engine's default") if asked.apparmor is ProfileKind.DEFAULT else None


LAYER = _Mac()
