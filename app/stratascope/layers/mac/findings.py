"""Findings on a container's label, and on processes whose label differs from the first process's."""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap
from stratascope.core.container import ProfileKind
from stratascope.core.layer import Drift, Finding, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.layers.mac.facts import CURRENT, LSM_LIST, UNCONFINED_TYPES, MacAsked, MacFacts
from stratascope.layers.shared.readings import UNKNOWN, finding, who
from stratascope.linux.lsm import AppArmorMode

_CIS_APPARMOR = "CIS-Docker-1.6.0:5.2"
_CIS_SELINUX = "CIS-Docker-1.6.0:5.3"


# For use within a sentence. In English the kernel's own words; other languages show them together with a translation,
# because tools print them.
_MODES = {
    "enforce": msg("enforce"),
    "kill": msg("kill"),
    "complain": msg("complain"),
    "user": msg("prompt"),
    "mixed": msg("mixed"),
    "unconfined": msg("unconfined"),
    "enforcing": msg("enforcing"),
    "permissive": msg("permissive"),
}


def mode_word(mode: str | None) -> Message:
    """As in `AppArmor docker-default, complain`."""
    return UNKNOWN if mode is None else _MODES[mode]


def findings_of(facts: MacFacts, asked: MacAsked, verdict: Verdict) -> tuple[Finding, ...]:
    """The findings on the first process, from its facts. None if the label is unknown."""
    if facts.system == "none":
        return _none_findings(facts, asked)
    if facts.label is None:
        return ()
    if facts.system == "selinux":
        return _selinux_findings(facts, facts.label, asked)
    return _apparmor_findings(facts, facts.label, asked, verdict)


def _none_findings(facts: MacFacts, asked: MacAsked) -> tuple[Finding, ...]:
    source = facts.label_source if facts.modules is None else LSM_LIST
    text = msg("Neither AppArmor nor SELinux is active on this host: access control stops nothing here.")
    advice = msg("Start the host's kernel with AppArmor or SELinux, as its distribution describes.")
    found = [finding("mac.not-active", Severity.MEDIUM, text, advice, source, _CIS_APPARMOR, _CIS_SELINUX)]
    if asked.apparmor is ProfileKind.CUSTOM or asked.apparmor_profile not in ("", "unconfined"):
        text = msg("The profile {profile} was asked for, but nothing enforces it.", profile=asked.apparmor_profile)
        advice = msg("Do not rely on that profile on this host.")
        found.append(finding("mac.profile-not-applied", Severity.HIGH, text, advice, facts.label_source, _CIS_APPARMOR))
    elif asked.apparmor is ProfileKind.DEFAULT and not asked.privileged:
        text = msg("The engine's default profile was asked for, but AppArmor is not active.")
        advice = msg("Enable AppArmor in the host's kernel: until then the engine leaves its profile out.")
        found.append(finding("mac.default-not-applied", Severity.LOW, text, advice, facts.label_source, _CIS_APPARMOR))
    return tuple(found)


def _apparmor_findings(facts: MacFacts, label: str, asked: MacAsked, verdict: Verdict) -> tuple[Finding, ...]:
    source = facts.label_source
    if facts.mode == AppArmorMode.UNCONFINED:
        if verdict is Verdict.WEAKENED:
            text = msg("AppArmor is active on this host, but this container was started without a profile.")
            advice = (
                msg("Start it without --privileged.")
                if asked.privileged
                else msg("Start it without --security-opt apparmor=unconfined.")
            )
            return (finding("mac.unconfined", Severity.MEDIUM, text, advice, source, _CIS_APPARMOR, "PSS:baseline"),)
        text = msg("AppArmor stops nothing here: the label is {label}, in unconfined mode.", label=label)
        advice = msg("Rootless engines can't set a profile; a rootful one needs its profile loaded, in enforce mode.")
        return (finding("mac.not-confined", Severity.MEDIUM, text, advice, source, _CIS_APPARMOR),)
    found = []
    if verdict is Verdict.WEAKENED:
        text = msg(
            "The profile {label} is in {mode} mode: not everything that it forbids is refused.",
            label=label,
            mode=mode_word(facts.mode),
        )
        advice = msg("Load the profile in enforce mode, for example with aa-enforce.")
        found.append(finding("mac.not-enforcing", Severity.MEDIUM, text, advice, source, _CIS_APPARMOR))
    wanted = asked.apparmor_profile
    if wanted and asked.apparmor is ProfileKind.CUSTOM and wanted not in (label, *facts.stack):
        text = msg("The profile {wanted} was asked for, but the kernel enforces {label}.", wanted=wanted, label=label)
        advice = msg("Start the container again; its first program may also have a profile of its own.")
        found.append(finding("mac.other-profile", Severity.MEDIUM, text, advice, source, _CIS_APPARMOR))
    elif asked.apparmor is ProfileKind.UNCONFINED:
        text = msg("No profile was asked for, but the kernel has {label} on the first process.", label=label)
        advice = msg("No added risk. If something is refused, check this profile.")
        found.append(finding("mac.unasked-profile", Severity.LOW, text, advice, source, "apparmor(7)"))
    return tuple(found)


def _selinux_findings(facts: MacFacts, label: str, asked: MacAsked) -> tuple[Finding, ...]:
    source = facts.label_source
    if facts.policy_loaded is False:
        text = msg("SELinux is active, but no policy was loaded: it stops nothing.")
        advice = msg("Install a policy and let the host label its files, as its distribution describes.")
        return (finding("mac.no-policy", Severity.MEDIUM, text, advice, source, _CIS_SELINUX),)
    found = []
    if facts.type in UNCONFINED_TYPES:
        text = msg("The type {type} can do everything: SELinux does not confine this container.", type=facts.type or "")
        advice = (
            msg("Start it without --privileged, --security-opt label=disable, --pid host or --ipc host.")
            if asked.selinux_off
            else msg("Nobody asked for that: enable SELinux in the engine (selinux-enabled in daemon.json).")
        )
        found.append(finding("mac.unconfined", Severity.MEDIUM, text, advice, source, _CIS_SELINUX, "PSS:baseline"))
    if facts.permissive_type:
        text = msg(
            "SELinux only warns about the type {type}: what its policy forbids is still done.",
            type=facts.type or "",
        )
        advice = msg("Enforce it again: semanage permissive -d {type}", type=facts.type or "")
        found.append(finding("mac.permissive-type", Severity.MEDIUM, text, advice, facts.mode_source, _CIS_SELINUX))
    elif facts.mode == "permissive":
        text = msg("SELinux only warns on this host: what its policy forbids is still done.")
        advice = msg("Switch it to enforcing with setenforce 1, and in /etc/selinux/config.")
        found.append(finding("mac.permissive", Severity.MEDIUM, text, advice, facts.mode_source, _CIS_SELINUX))
    if asked.selinux_label and asked.selinux_label != label:
        text = msg(
            "The engine chose the label {wanted}, but the kernel has {label}.",
            wanted=asked.selinux_label,
            label=label,
        )
        advice = msg("Start the container again; the policy may also change the label when its first program starts.")
        found.append(finding("mac.other-label", Severity.MEDIUM, text, advice, source, _CIS_SELINUX))
    return tuple(found)


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
    """A label that differs from the first process's."""
    before, after = first.text(CURRENT), other.text(CURRENT)
    if isinstance(before, Gap) or isinstance(after, Gap) or before == after:
        return ()
    label = after.rstrip("\n\0")
    text = msg(
        "{process} runs as {label}, the container's first process as {first}.",
        process=who(other),
        label=label,
        first=before.rstrip("\n\0"),
    )
    advice = msg("Look for an exec with --privileged, or for a program with a profile of its own.")
    drifted = finding("mac.drift-label", Severity.MEDIUM, text, advice, other.source(CURRENT), "CIS-Docker-1.6.0:5.23")
    return (Drift("mac.label", drifted),)
