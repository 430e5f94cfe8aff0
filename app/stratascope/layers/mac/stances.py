"""How access control as a whole rules on each need, whichever policy is in force.

Ubuntu's kernel restricts new user namespaces of unconfined processes (apparmor_restrict_unprivileged_userns). That is
handled here and not by the ground: AppArmor enforces it, and a profile that allows `userns` is exempt.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.threats.needs import (
    Capability,
    Device,
    EngineSocket,
    GroupFile,
    HostFiles,
    HostFileSystem,
    KernelFile,
    LeaveNewUserNamespace,
    LowPort,
    Mounting,
    Need,
    NewUserNamespace,
    RootWritable,
    SignalRoot,
    Tracing,
)
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.mac.apparmor import AppArmorPosture, apparmor_stance
from stratascope.layers.mac.posture import RESTRICT, MacPosture, PerhapsLandlocked, Unmeasured
from stratascope.layers.mac.rulings import LABEL
from stratascope.layers.mac.selinux import SELinuxPosture, selinux_stance
from stratascope.linux.sysctl import path_of

# What a policy of either kind may refuse
_MEDIATED = frozenset(
    (
        Capability,
        Device,
        EngineSocket,
        GroupFile,
        HostFiles,
        HostFileSystem,
        KernelFile,
        LeaveNewUserNamespace,
        LowPort,
        Mounting,
        NewUserNamespace,
        RootWritable,
        SignalRoot,
        Tracing,
    )
)
# What landlock(7) can refuse: files, mounts while it restricts files, processes outside its domain
_LANDLOCKED = (HostFiles, HostFileSystem, KernelFile, Mounting, RootWritable, SignalRoot, Tracing)
_LANDLOCK = msg(
    "It gave up new privileges by itself, and may have restricted itself with Landlock: no file shows that."
)
_NEW_USER_NAMESPACES = (NewUserNamespace, LeaveNewUserNamespace)


def stance_of(need: Need, posture: MacPosture) -> Ruling | None:
    """How the policy alone rules on a need; None: not its concern."""
    match posture:
        case PerhapsLandlocked(policy):
            ruling = stance_of(need, policy)
            landlocks = isinstance(need, _LANDLOCKED) and need != Tracing("own")
            if landlocks and (ruling is None or ruling.stance is Stance.LETS_THROUGH):
                return Ruling(Stance.UNKNOWN, _LANDLOCK, "@status:NoNewPrivs")
            return ruling
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
