"""How the AppArmor profiles that engines apply by default rule on each need, as measured.

`docker-default` is Docker's, `containers-default-VERSION` Podman's; both were measured in a virtual machine with
everything off except the profile (Docker 26.1, Podman 5.4, AppArmor 4.1, Linux 6.12; `tests/machine/vm`). File rules
are kept as patterns rather than answers for single paths, so they cover every path of the catalogue. The measurements
also showed: mount_setattr(2), open_tree(2), fsopen(2) and fsmount(2) are not mediated at all; in a file system that is
not attached to the tree, paths start at that file system's root.

For new user namespaces the label is not enough: newer versions of Docker pin `abi <abi/3.0>`, in which a profile that
does not mention them does not restrict them. There the engine must be a version whose rules are the measured ones:
`SAME_RULES`, which `tests/machine/today` compares with the rules in the engines themselves.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypedDict

from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.threats.needs import (
    Access,
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
from stratascope.core.threats.threat import Ruling
from stratascope.layers.mac.rulings import lets, stops, unknown
from stratascope.linux.defaults import speaking_for
from stratascope.value import Value

MEASURED = {"docker-default": "Docker 26.1", "containers-default": "Podman 5.4"}
# Versions that differ only in which signals others may send to a container (Podman's own, since 5.8)
SAME_RULES = {"docker-default": ("26.1", "28.5"), "containers-default": ("5.4", "5.8", "6.1")}

# Paths both profiles forbid writing. A bracketed set excludes these characters; it also matches a slash
_BOTH_WRITE = (
    r"/proc/[^/]+",
    r"/proc/sys/[^k].*",
    r"/proc/sys/kernel/(?:[^/]{1,2}|[^s][^h][^m].*)",
    r"/sys/[^f][^/]*/.+",
    r"/sys/f[^s][^/]*/.+",
    r"/sys/fs/[^c][^/]*/.+",
    r"/sys/fs/c[^g][^/]*/.+",
    r"/sys/fs/cg[^r][^/]*/.+",
)
_BOTH_ANY = (r"/proc/sysrq-trigger", r"/proc/kcore", r"/sys/firmware/.+", r"/sys/kernel/security/.+")
# Directories in /proc that are not processes; the fourth character tells the two profiles apart
_SHORT = r"[^1-9]|[^1-9][^0-9]|[^1-9s][^0-9y][^0-9s]"
_WRITE = {
    "docker-default": (*_BOTH_WRITE, rf"/proc/(?:{_SHORT}|[^1-9][^0-9][^0-9][^0-9/][^/]*)/.+"),
    "containers-default": (*_BOTH_WRITE, rf"/proc/(?:{_SHORT}|[^1-9][^0-9][^0-9][^0-9][^/]*)/.+"),
}
_ANY = {
    "docker-default": (*_BOTH_ANY, r"/sys/devices/virtual/powercap/.+"),
    "containers-default": _BOTH_ANY,
}
_ROOTS = re.compile(r"/proc(?=/)|/sys/fs/cgroup(?:/[^/]+(?=/))?(?=/)|/sys(?=/)")


class AppArmorPosture(Value):
    """A known profile in force. The last two: what this kernel and its parser mediate (None: unknown)."""

    profile: str  # a key of MEASURED
    label: str
    user_namespaces: bool | None
    move_mount: bool | None
    same_rules: bool  # whether the engine is a version whose profile has the measured rules


def apparmor_posture(label: str, around: Surroundings) -> AppArmorPosture | None:
    """For a label in enforce or kill mode; None if no profile of that name was measured."""
    name = "containers-default" if re.fullmatch(r"containers-default-[0-9][0-9.]*[\w.-]*", label) else label
    if name not in MEASURED:
        return None
    ground = around.ground
    return AppArmorPosture(
        name,
        label,
        ground.feature("apparmor_userns"),
        ground.feature("apparmor_move_mount"),
        bool(around.engine.version) and bool(speaking_for(around.engine.version, SAME_RULES[name])),
    )


def apparmor_stance(need: Need, posture: AppArmorPosture) -> Ruling | None:
    """How the profile alone rules on a need; None: not its concern."""
    who = _Words(profile=posture.label, engine=MEASURED[posture.profile])
    match need:
        case KernelFile(path, access, fresh):
            return _file(path, access, fresh, posture, who)
        case Mounting(operation):
            return _mounting(operation, posture, who)
        case Tracing("host"):
            return stops(
                msg("The profile {profile}, as measured on {engine}, keeps it away from the host's processes.", **who)
            )
        case Tracing("see"):
            return lets(msg("AppArmor does not hide processes."))
        case Tracing():
            return lets(
                msg("The profile {profile} lets it trace processes under the same profile.", profile=posture.label)
            )
        case SignalRoot():
            return stops(
                msg(
                    "The profile {profile}, as measured on {engine}, lets it signal only processes under the same "
                    "profile.",
                    **who,
                )
            )
        case NewUserNamespace() | LeaveNewUserNamespace():
            return _user_namespace(posture, who)
        case Capability() | LowPort():
            return lets(msg("The profile {profile} allows the use of every capability.", profile=posture.label))
        case Device() | EngineSocket() | GroupFile() | HostFiles() | HostFileSystem() | RootWritable():
            return lets(
                msg("The profile {profile} allows all files except some in /proc and /sys.", profile=posture.label)
            )
        case _:
            return None


def forbids(profile: str, path: str, access: Access) -> bool:
    """Whether that default profile (a key of MEASURED) forbids this access to the path."""
    return _pattern(profile, access).fullmatch(path) is not None


@cache  # only compiled if such a profile is in force
def _pattern(profile: str, access: Access) -> re.Pattern[str]:
    rules = _ANY[profile] if access is Access.READ else (*_ANY[profile], *_WRITE[profile])
    return re.compile("|".join(f"(?:{rule})" for rule in rules))


class _Words(TypedDict):
    profile: str
    engine: str


def _file(path: str, access: Access, fresh: bool, posture: AppArmorPosture, who: _Words) -> Ruling:
    # The profiles forbid attaching a file system, so a new one can only be used detached. Its paths then start at its
    # own root (d_namespace_path in security/apparmor/path.c)
    seen = _ROOTS.sub("", path, count=1) if fresh else path
    if forbids(posture.profile, seen, access):
        if access is Access.READ:
            return stops(msg("The profile {profile}, as measured on {engine}, forbids reading this file.", **who))
        return stops(msg("The profile {profile}, as measured on {engine}, forbids writing this file.", **who))
    if fresh:
        text = msg(
            "The profile {profile} goes by paths, and in a freshly mounted file system this path is different.",
            profile=posture.label,
        )
        return lets(text)
    return lets(msg("The profile {profile} does not forbid this file.", profile=posture.label))


def _mounting(operation: str, posture: AppArmorPosture, who: _Words) -> Ruling:
    match operation:
        case "mount" | "bind" | "remount":
            return stops(msg("The profile {profile}, as measured on {engine}, forbids every mount.", **who))
        case "pivot_root":
            return stops(msg("The profile {profile}, as measured on {engine}, forbids pivot_root.", **who))
        case "umount":
            return lets(msg("The profile {profile} allows unmounting.", profile=posture.label))
        case "new-api" | "setattr" | "open-tree":
            return lets(msg("AppArmor does not check this way of changing mounts."))
        case "move" if posture.move_mount:
            return stops(msg("The profile {profile}, as measured on {engine}, forbids move_mount.", **who))
        case "move" if posture.move_mount is False:
            return lets(msg("AppArmor does not check move_mount on this kernel."))
        case _:
            return unknown(msg("Whether AppArmor checks this on this kernel is not known."))


def _user_namespace(posture: AppArmorPosture, who: _Words) -> Ruling:
    if posture.user_namespaces is None:
        return unknown(msg("Whether profiles here are built to forbid new user namespaces could not be read."))
    if posture.user_namespaces and not posture.same_rules:
        text = msg(
            "The profile {profile} was measured on {engine}; whether this version's forbids new user namespaces is not"
            " known.",
            **who,
        )
        return unknown(text)
    if posture.user_namespaces:
        return stops(msg("The profile {profile}, as measured on {engine}, forbids new user namespaces.", **who))
    return lets(msg("AppArmor does not check new user namespaces here: the kernel or the parser is too old for it."))
