"""The posture of layer 5 (the access control policy in force), and its stance towards each need.

A measured policy rules by its own table (`policies`); one that forbids nothing lets everything through;
any other is unknown, since no file shows its rules. That includes a profile in complain mode: measurements showed that
its `deny` rules still refuse. Ubuntu's kernel restricts new user namespaces of unconfined processes
(apparmor_restrict_unprivileged_userns). That is handled here and not by the ground: AppArmor enforces it, and a profile
that allows `userns` is exempt.
"""

from __future__ import annotations

from stratascope.core.capture import Gap
from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.threats import needs
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling, Stance, lets
from stratascope.layers.mac.facts import ENFORCING, UNCONFINED_TYPES, MacAsked, MacFacts
from stratascope.layers.mac.findings import mode_word
from stratascope.layers.mac.landlock import SOURCE, Confinement, landlock_ruling, strictest
from stratascope.layers.mac.policies import (
    LABEL,
    AppArmorPosture,
    SELinuxPosture,
    apparmor_posture,
    apparmor_stance,
    selinux_posture,
    selinux_stance,
)
from stratascope.layers.shared.readings import why_unknown
from stratascope.linux.machine import path_of
from stratascope.value import Value

RESTRICT = "kernel.apparmor_restrict_unprivileged_userns"


class Unmeasured(Value):
    """A policy that refuses nothing (LETS_THROUGH), or whose rules are unknown (UNKNOWN); and the reason.

    `new_user_namespaces`: the stance on these, which Ubuntu's kernel also restricts for unconfined processes.
    """

    stance: Stance
    why: Message
    new_user_namespaces: Stance


Policy = Unmeasured | AppArmorPosture | SELinuxPosture


class PerhapsLandlocked(Value):
    """A policy plus a possible Landlock domain: what that might refuse is not certainly open."""

    policy: Policy


class HardlyLandlocked(Value):
    """A policy, and no sign of a Landlock domain but what the engine was asked for."""

    policy: Policy


class Landlocked(Value):
    """A policy, and the domains of its threads, each of which restricts."""

    policy: Policy
    confinements: tuple[Confinement, ...]


MacPosture = Policy | PerhapsLandlocked | HardlyLandlocked | Landlocked


def posture_of(facts: MacFacts, asked: MacAsked, around: Surroundings) -> MacPosture:
    """From the facts of the container's first process."""
    policy = _policy(facts, around)
    if facts.confinements:
        return Landlocked(policy, facts.confinements)
    if facts.may_be_landlocked:
        return PerhapsLandlocked(policy)
    return HardlyLandlocked(policy) if isinstance(facts.landlock, Gap) and asked.no_new_privileges else policy


def _policy(facts: MacFacts, around: Surroundings) -> Policy:
    if facts.system == "none":
        return _open(msg("Neither AppArmor nor SELinux is active."), Stance.LETS_THROUGH)
    if facts.label is None:
        return _unknown(why_unknown(facts.gaps))
    if facts.system == "selinux":
        return _selinux(facts, facts.type or "", around)
    return _apparmor(facts, facts.label, around)


def _apparmor(facts: MacFacts, label: str, around: Surroundings) -> Policy:
    if facts.mode in ENFORCING:
        found = apparmor_posture(label, around)
        return found or _unknown(msg("What the profile {profile} forbids is not known here.", profile=label))
    if facts.mode == "unconfined":
        # Ubuntu's, not in mainline Linux. If unset or 0, nothing is restricted.
        restricted = around.ground.sysctl(RESTRICT)
        free = restricted == "0" or (restricted is None and RESTRICT in around.ground.lacking)
        return _open(
            msg("AppArmor does not confine this container."), Stance.LETS_THROUGH if free else Stance.UNKNOWN
        )  # fmt: skip
    return _unknown(msg("What the profile {profile} refuses in the mode {mode} is not known here.",
                        profile=label, mode=mode_word(facts.mode)))  # fmt: skip


def _selinux(facts: MacFacts, kind: str, around: Surroundings) -> Policy:
    if facts.policy_loaded is False:
        return _open(msg("SELinux runs without a policy."), Stance.LETS_THROUGH)
    if facts.permissive_type:
        return _open(msg("SELinux only warns about the type {type}.", type=kind), Stance.LETS_THROUGH)
    if facts.mode == "permissive":
        return _open(msg("SELinux only warns on this host."), Stance.LETS_THROUGH)
    if facts.mode is None:
        return _unknown(msg("Whether SELinux enforces its policy could not be read."))
    found = selinux_posture(facts, around)
    if found is not None:
        return found
    if kind in UNCONFINED_TYPES:
        return _open(msg("The type {type} can do nearly everything.", type=kind), Stance.LETS_THROUGH)
    return _unknown(msg("What the SELinux policy permits the type {type} is not known here.", type=kind))


def _open(why: Message, new_user_namespaces: Stance) -> Unmeasured:
    return Unmeasured(Stance.LETS_THROUGH, why, new_user_namespaces)


def _unknown(why: Message) -> Unmeasured:
    return Unmeasured(Stance.UNKNOWN, why, Stance.UNKNOWN)


# What a policy of either kind may refuse
_MEDIATED = frozenset(
    (
        needs.BusSocket,
        needs.Capability,
        needs.Device,
        needs.DeviceKind,
        needs.EngineSocket,
        needs.GroupFile,
        needs.HostFiles,
        needs.HostFileSystem,
        needs.KernelFile,
        needs.LeaveNewUserNamespace,
        needs.LowPort,
        needs.Mounting,
        needs.NewUserNamespace,
        needs.RootWritable,
        needs.SignalRoot,
        needs.Tracing,
    )
)
# What landlock(7) can refuse: files, mounts while it restricts files, processes outside its domain
_LANDLOCKED = (
    needs.AbstractSocket,
    needs.Device,
    needs.DeviceKind,
    needs.GroupFile,
    needs.HostFiles,
    needs.HostFileSystem,
    needs.KernelFile,
    needs.Mounting,
    needs.RootWritable,
    needs.SignalRoot,
    needs.Tracing,
)
_NEVER_LANDLOCKED = (needs.Tracing("own"), needs.Tracing("look"))
_LANDLOCK = msg(
    "It gave up new privileges, and may have restricted itself with Landlock: only root can read that, by BPF."
)
_NEW_USER_NAMESPACES = (needs.NewUserNamespace, needs.LeaveNewUserNamespace)


_NO_ENGINE = msg("No engine restricts a container with Landlock.")


def _landlocks(need: Need) -> bool:
    return isinstance(need, _LANDLOCKED) and need not in _NEVER_LANDLOCKED


def stance_of(need: Need, posture: MacPosture) -> Ruling | None:
    """How the policy alone rules on a need; None: not its concern."""
    match posture:
        case Landlocked(policy, confinements):
            return strictest(stance_of(need, policy), landlock_ruling(need, confinements))
        case PerhapsLandlocked(policy):
            ruling = stance_of(need, policy)
            if _landlocks(need) and (ruling is None or ruling.stance is Stance.LETS_THROUGH):
                return Ruling(Stance.UNKNOWN, _LANDLOCK, "@status:NoNewPrivs")
            return ruling
        case HardlyLandlocked(policy):
            ruling = stance_of(need, policy)
            return lets(_NO_ENGINE, SOURCE) if ruling is None and _landlocks(need) else ruling
        case AppArmorPosture():
            return apparmor_stance(need, posture)
        case SELinuxPosture():
            return selinux_stance(need, posture)
        case Unmeasured(stance, why, new_user_namespaces):
            if type(need) not in _MEDIATED:
                return None
            if isinstance(need, _NEW_USER_NAMESPACES) and new_user_namespaces is not stance:
                reason = msg(
                    "The host restricts new user namespaces of unconfined processes, with a policy not known here."
                )
                return Ruling(new_user_namespaces, reason, path_of(RESTRICT))
            return Ruling(stance, why, LABEL)
