"""The toggles of layer 5: confined by AppArmor or SELinux again.

Engines take these options silently where no such module works, so here that is an error before, and /proc alone counts
after. Rootless engines can't load or set AppArmor profiles. Decided against a toggle that labels a folder of the host
for the container (`:z`): nobody would put the old labels back.
"""

from __future__ import annotations

from stratascope.core.container import Asked, ProfileKind
from stratascope.core.message import Message, comma, msg
from stratascope.core.relaunch.toggle import Cure, Given, Preset, Proof, Proven, Subject, Toggle, ToggleError
from stratascope.core.relaunch.want import Unconfined, Want
from stratascope.layers.mac.facts import ENFORCING, UNCONFINED_TYPES, MacFacts
from stratascope.layers.mac.findings import mode_word
from stratascope.layers.shared.signs_of_use import protected
from stratascope.layers.shared.toggle_values import NOT_READ, only
from stratascope.value import replace

_LAYER, _LABEL = "mac", "@attr/current"
_DEFAULTS = ("docker-default", "containers-default-")
_UNCONFINED, _DISABLE = "unconfined", "disable"
_OFF = frozenset(("disable", *(f"type:{name}" for name in UNCONFINED_TYPES)))


def _facts(subject: Subject) -> MacFacts | None:
    facts: MacFacts | None = subject.of(_LAYER)
    return facts


def _check_apparmor(value: str, subject: Subject) -> str:
    value = value.strip()
    if not value or not value.isprintable() or len(value) > 255:
        raise ToggleError(msg("Use default, or the name of a loaded AppArmor profile."))
    facts = _facts(subject)
    if subject.engine.rootless:
        raise ToggleError(msg("A rootless engine can't put a container under an AppArmor profile."))
    if not subject.engine.facts.apparmor and (facts is None or facts.system != "apparmor"):
        raise ToggleError(msg("AppArmor is not active on the machine of this engine."))
    return value


def _apply_apparmor(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == _UNCONFINED:
        return replace(asked, apparmor=ProfileKind.UNCONFINED, apparmor_profile="")
    if value != "default":
        return replace(asked, apparmor=ProfileKind.CUSTOM, apparmor_profile=value)
    if _on_apparmor(asked, subject):
        return asked
    return replace(asked, apparmor=ProfileKind.DEFAULT, apparmor_profile="")


def _on_apparmor(asked: Asked, subject: Subject) -> bool:
    return asked.apparmor in (ProfileKind.DEFAULT, ProfileKind.CUSTOM)


def _apparmor_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == _UNCONFINED:
        return ()
    if value != "default":
        return (msg("What the profile {name} forbids is not known here.", name=value),)
    if _on_apparmor(subject.container.asked, subject):
        return ()
    return (msg("Programs in it that mount, trace others or write below /proc/sys and /sys would be refused."),)


def _prove_apparmor(facts: MacFacts | None, value: str, subject: Subject) -> Proof:
    if value == _UNCONFINED:
        expected = msg("No profile")
    elif value == "default":
        expected = msg("The engine's default profile, enforcing")
    else:
        expected = msg("The profile {name}, enforcing", name=value)
    if facts is None or facts.system is None or (facts.system == "apparmor" and facts.label is None):
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _LABEL)
    if facts.system != "apparmor":
        return Proof(Proven.NOT_ENFORCED, expected, msg("AppArmor reports no label"), _LABEL)
    profile = facts.profile or ""
    right = profile.startswith(_DEFAULTS) if value == "default" else profile == value
    found = comma(facts.label or "", mode_word(facts.mode))
    if value == _UNCONFINED:
        free = facts.mode not in ENFORCING
        return Proof(Proven.ENFORCED if free else Proven.NOT_ENFORCED, expected, found, _LABEL)
    outcome = Proven.ENFORCED if right and facts.mode in ENFORCING else Proven.NOT_ENFORCED
    return Proof(outcome, expected, found, _LABEL)


def _apparmor_preset(preset: Preset, subject: Subject) -> str | None:
    asked = subject.container.asked
    if preset is Preset.RECOMMENDED and asked.privileged:
        return None
    return "default" if asked.apparmor is ProfileKind.UNCONFINED else None


def _apparmor_allowed(want: Want, subject: Subject) -> Given | None:
    unconfined = subject.container.asked.apparmor is ProfileKind.UNCONFINED
    if not isinstance(want, Unconfined) or want.system != "apparmor" or unconfined:
        return None
    return Given(_UNCONFINED, msg("Run it without an AppArmor profile"))


APPARMOR = Toggle(
    "apparmor",
    _LAYER,
    msg("Confine it with AppArmor"),
    msg("Puts it under an AppArmor profile: the engine's default, or one that is loaded."),
    "default|NAME",
    _check_apparmor,
    _apply_apparmor,
    _on_apparmor,
    _apparmor_risks,
    _prove_apparmor,
    _apparmor_preset,
    cure=lambda value, subject: Cure.PROTECTION,
    evidence=lambda value, subject: protected(subject),
    gives=_UNCONFINED,
    allows=_apparmor_allowed,
)


def _check_selinux(value: str, subject: Subject) -> str:
    value = only("default", _DISABLE)(value, subject)
    facts = _facts(subject)
    if not subject.engine.facts.selinux and (facts is None or facts.system != "selinux"):
        raise ToggleError(msg("SELinux is not active on the machine of this engine, or the engine does not use it."))
    return value


def _apply_selinux(asked: Asked, value: str, subject: Subject) -> Asked:
    if value == _DISABLE:
        return replace(asked, selinux_options=(_DISABLE,)) if _on_selinux(asked, subject) else asked
    return replace(asked, selinux_options=tuple(option for option in asked.selinux_options if option not in _OFF))


def _on_selinux(asked: Asked, subject: Subject) -> bool:
    # the host's PID or IPC namespace switches SELinux off in both engines, and so does privileged mode
    return not asked.privileged and "host" not in (asked.pid_mode, asked.ipc_mode) and _OFF.isdisjoint(
        asked.selinux_options
    )  # fmt: skip


def _selinux_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    asked = subject.container.asked
    binds = [mount.target for mount in asked.mounts if mount.kind == "bind"]
    if value == _DISABLE or _on_selinux(asked, subject) or not binds:
        return ()
    return (
        msg("Host files that were not labelled for containers would be refused, below {paths}.",
            paths=", ".join(binds[:5])),
    )  # fmt: skip


def _prove_selinux(facts: MacFacts | None, value: str, subject: Subject) -> Proof:
    free = value == _DISABLE
    expected = msg("A type that nothing confines") if free else msg("A confined type, and SELinux enforcing")
    if facts is None or facts.system is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _LABEL)
    if facts.system != "selinux":
        return Proof(Proven.NOT_ENFORCED, expected, msg("SELinux reports no label"), _LABEL)
    if facts.type is None or facts.mode is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _LABEL)
    confined = facts.policy_loaded is not False and facts.type not in UNCONFINED_TYPES and facts.mode == "enforcing"
    found = comma(facts.label or "", mode_word(facts.mode))
    return Proof(Proven.ENFORCED if confined is not free else Proven.NOT_ENFORCED, expected, found, _LABEL)


def _selinux_preset(preset: Preset, subject: Subject) -> str | None:
    asked = subject.container.asked
    if preset is Preset.RECOMMENDED and asked.privileged:
        return None
    return None if _OFF.isdisjoint(asked.selinux_options) else "default"


def _selinux_allowed(want: Want, subject: Subject) -> Given | None:
    if not isinstance(want, Unconfined) or want.system != "selinux":
        return None
    if not _on_selinux(subject.container.asked, subject):
        return None
    return Given(_DISABLE, msg("Run it unconfined by SELinux"))


SELINUX = Toggle(
    "selinux",
    _LAYER,
    msg("Confine it with SELinux"),
    msg("Lets SELinux confine it again, with the type and level that it was given."),
    "default",
    _check_selinux,
    _apply_selinux,
    _on_selinux,
    _selinux_risks,
    _prove_selinux,
    _selinux_preset,
    cure=lambda value, subject: Cure.PROTECTION,
    evidence=lambda value, subject: protected(subject),
    gives=_DISABLE,
    allows=_selinux_allowed,
)

TOGGLES = (APPARMOR, SELINUX)
