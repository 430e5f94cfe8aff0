"""Findings on a container's label, and on processes whose label differs from the first process's."""

from __future__ import annotations

from sys import intern

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap
from stratascope.core.container import ProfileKind
from stratascope.core.layer import Drift, Finding, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.layers.mac.facts import CURRENT, LSM_LIST, UNCONFINED_TYPES, MacAsked, MacFacts
from stratascope.layers.shared.readings import UNKNOWN, who
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


def _found(code: str, severity: Severity, text: Message, advice: Message, source: str, *refs: str) -> Finding:
    return Finding(intern(f"mac.{code}"), "mac", severity, text, advice, source, alike(refs))


def _none_findings(facts: MacFacts, asked: MacAsked) -> tuple[Finding, ...]:
    source = facts.label_source if facts.modules is None else LSM_LIST
    found = [
        _found(
            "not-active",
            Severity.MEDIUM,
            msg(
                "No security module that uses labels is active on this host, so mandatory access control does "
                "nothing here."
            ),
            msg("Start the host's kernel with AppArmor or SELinux, as its distribution describes."),
            source,
            _CIS_APPARMOR,
            _CIS_SELINUX,
        )
    ]
    if asked.apparmor is ProfileKind.CUSTOM or asked.apparmor_profile not in ("", "unconfined"):
        found.append(
            _found(
                "profile-not-applied",
                Severity.HIGH,
                msg("The profile {profile} was asked, but nothing enforces it.", profile=asked.apparmor_profile),
                msg("Do not rely on that profile on this host."),
                facts.label_source,
                _CIS_APPARMOR,
            )
        )
    elif asked.apparmor is ProfileKind.DEFAULT and not asked.privileged:
        found.append(
            _found(
                "default-not-applied",
                Severity.LOW,
                msg("The engine's default profile was asked, but AppArmor is not active."),
                msg("Enable AppArmor in the host's kernel: until then the engine leaves its profile out."),
                facts.label_source,
                _CIS_APPARMOR,
            )
        )
    return tuple(found)


def _apparmor_findings(facts: MacFacts, label: str, asked: MacAsked, verdict: Verdict) -> tuple[Finding, ...]:
    source = facts.label_source
    if facts.mode == AppArmorMode.UNCONFINED:
        if verdict is Verdict.WEAKENED:
            return (
                _found(
                    "unconfined",
                    Severity.MEDIUM,
                    msg("AppArmor is active on this host, but this container was started without a profile."),
                    msg("Start it without --privileged.")
                    if asked.privileged
                    else msg("Start it without --security-opt apparmor=unconfined."),
                    source,
                    _CIS_APPARMOR,
                    "PSS:baseline",
                ),
            )
        return (
            _found(
                "not-confined",
                Severity.MEDIUM,
                msg("The label is {label}, in unconfined mode: AppArmor stops nothing here.", label=label),
                msg("Rootless engines can't set a profile; a rootful one needs its profile loaded, in enforce mode."),
                source,
                _CIS_APPARMOR,
            ),
        )
    found = []
    if verdict is Verdict.WEAKENED:
        found.append(
            _found(
                "not-enforcing",
                Severity.MEDIUM,
                msg(
                    "The profile {label} is in {mode} mode: not everything that it forbids is refused.",
                    label=label,
                    mode=mode_word(facts.mode),
                ),
                msg("Load the profile in enforce mode, for example with aa-enforce."),
                source,
                _CIS_APPARMOR,
            )
        )
    wanted = asked.apparmor_profile
    if wanted and asked.apparmor is ProfileKind.CUSTOM and wanted not in (label, *facts.stack):
        found.append(
            _found(
                "other-profile",
                Severity.MEDIUM,
                msg("The profile {wanted} was asked, but the kernel enforces {label}.", wanted=wanted, label=label),
                msg("Start the container again; its first program may also have a profile of its own."),
                source,
                _CIS_APPARMOR,
            )
        )
    elif asked.apparmor is ProfileKind.UNCONFINED:
        found.append(
            _found(
                "unasked-profile",
                Severity.LOW,
                msg("No profile was asked, but the kernel has {label} on the first process.", label=label),
                msg("It is no less safe for that. If something is refused, check this profile."),
                source,
                "apparmor(7)",
            )
        )
    return tuple(found)


def _selinux_findings(facts: MacFacts, label: str, asked: MacAsked) -> tuple[Finding, ...]:
    source = facts.label_source
    if facts.policy_loaded is False:
        return (
            _found(
                "no-policy",
                Severity.MEDIUM,
                msg("SELinux is active, but no policy was loaded: it stops nothing."),
                msg("Install a policy and let the host label its files, as its distribution describes."),
                source,
                _CIS_SELINUX,
            ),
        )
    found = []
    if facts.type in UNCONFINED_TYPES:
        found.append(
            _found(
                "unconfined",
                Severity.MEDIUM,
                msg(
                    "The type {type} can do everything: SELinux does not confine this container.", type=facts.type or ""
                ),
                msg("Start it without --privileged, --security-opt label=disable, --pid host or --ipc host.")
                if asked.selinux_off
                else msg("Nobody asked for that: enable SELinux in the engine (selinux-enabled in daemon.json)."),
                source,
                _CIS_SELINUX,
                "PSS:baseline",
            )
        )
    if facts.permissive_type:
        found.append(
            _found(
                "permissive-type",
                Severity.MEDIUM,
                msg(
                    "SELinux only warns about the type {type}: what its policy forbids is still done.",
                    type=facts.type or "",
                ),
                msg("Enforce it again: semanage permissive -d {type}", type=facts.type or ""),
                facts.mode_source,
                _CIS_SELINUX,
            )
        )
    elif facts.mode == "permissive":
        found.append(
            _found(
                "permissive",
                Severity.MEDIUM,
                msg("SELinux only warns on this host: what its policy forbids is still done."),
                msg("Switch it to enforcing with setenforce 1, and in /etc/selinux/config."),
                facts.mode_source,
                _CIS_SELINUX,
            )
        )
    if asked.selinux_label and asked.selinux_label != label:
        found.append(
            _found(
                "other-label",
                Severity.MEDIUM,
                msg(
                    "The engine chose the label {wanted}, but the kernel has {label}.",
                    wanted=asked.selinux_label,
                    label=label,
                ),
                msg("Start the container again; the policy may also change the label when its first program starts."),
                source,
                _CIS_SELINUX,
            )
        )
    return tuple(found)


def drift(first: Capture, other: Capture) -> tuple[Drift, ...]:
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
            "{process} runs as {label}, the container's first process as {first}.",
            process=who(other),
            label=label,
            first=before.rstrip("\n\0"),
        ),
        msg("Look for an exec with --privileged, or for a program with a profile of its own."),
        other.source(CURRENT),
        ("CIS-Docker-1.6.0:5.23",),
    )
    return (Drift("mac.label", finding),)
