"""A service of systemd: `systemctl show UNIT`, whose properties are described in systemd.exec(5). Whoever may run it
hands its text in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import with_modes

COMMANDS = ("systemctl show ", "systemctl --user show ")  # what tells it, before the unit's name
_NONE = ("", "infinity", "[not set]")
_OFF = ("no", "", "false", "off", "~")  # a list of what is refused that names nothing
_NAMESPACES = {
    "net": ("PrivateNetwork",),
    "user": ("PrivateUsers", "PrivateUsersEx"),
    "ipc": ("PrivateIPC",),
    "pid": ("PrivatePIDs",),
    "uts": ("ProtectHostname", "ProtectHostnameEx"),
}
# Each of them has a filter of system calls installed (exec_invoke, src/core/exec-invoke.c)
_FILTERS = (
    *("LockPersonality", "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock", "ProtectHostname"),
    *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "RestrictAddressFamilies"),
    *("RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "SystemCallArchitectures", "SystemCallFilter"),
)
_HOMES = ("/home", "/root", "/run/user")
PROPERTIES = (
    *("Id", "User", "NoNewPrivileges", "CapabilityBoundingSet", "AppArmorProfile", "MemoryMax", "TasksMax"),
    *("CPUQuotaPerSecUSec", "ProtectSystem", "ProtectHome", "ProtectControlGroupsEx", "PrivateTmp", "PrivateTmpEx"),
    *("BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem", "InaccessiblePaths", "ReadOnlyPaths"),
    *(name for names in _NAMESPACES.values() for name in names),
    *(name for name in _FILTERS if name not in ("ProtectHostname",)),
)
_QUOTA = re.compile(r"([0-9]+(?:\.[0-9]+)?)(us|ms|s|min|h)")
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}


def read(text: str) -> AskedOf:
    """By that text."""
    have = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    if "Id" not in have and "NoNewPrivileges" not in have:
        return AskedOf()

    def on(name: str) -> bool:
        return have.get(name, "no") not in _OFF

    own = {kind for kind, names in _NAMESPACES.items() if any(on(name) for name in names)}
    if have.get("ProtectControlGroupsEx") in ("private", "strict"):
        own.add("cgroup")
    bounding = have.get("CapabilityBoundingSet")
    held = Asked(
        user=have.get("User", ""),
        read_only_root=have.get("ProtectSystem") == "strict",
        mounts=tuple(_mounts(have)),
        masked_paths=None,
        read_only_paths=None,
        device_rules=None,
        capabilities=None if bounding is None else tuple(word.upper() for word in bounding.split()),
        no_new_privileges=on("NoNewPrivileges"),
        seccomp=ProfileKind.CUSTOM if any(on(name) for name in _FILTERS) else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.CUSTOM if have.get("AppArmorProfile") else ProfileKind.UNCONFINED,
        apparmor_profile=have.get("AppArmorProfile", ""),
        memory=_limit(have.get("MemoryMax", "")),
        pids=_limit(have.get("TasksMax", "")),
        cpu_cores=_cores(have.get("CPUQuotaPerSecUSec", "")),
    )
    return AskedOf(name=have.get("Id", ""), asked=with_modes(held, own))


def hidden(text: str) -> Iterator[tuple[str, bool]]:
    """Paths that were to be inaccessible (True), and those that are shown within them all the same (False)."""
    have = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    homes = _HOMES if have.get("ProtectHome") == "yes" else ()
    yield from ((path, True) for path in (*_paths(have, "InaccessiblePaths"), *homes))
    for name in ("BindPaths", "BindReadOnlyPaths"):
        for word in _paths(have, name):
            source, _, rest = word.partition(":")
            yield rest.partition(":")[0] or source, False


def _paths(have: dict[str, str], name: str) -> tuple[str, ...]:
    """A - before a path: it need not be there; a +: it is below the unit's own root."""
    return tuple(word.lstrip("-+") for word in have.get(name, "").split())


def _mounts(have: dict[str, str]) -> list[AskedMount]:
    found = []
    for name in ("BindPaths", "BindReadOnlyPaths"):
        for word in _paths(have, name):
            source, _, rest = word.partition(":")
            found.append(AskedMount("bind", source, rest.partition(":")[0] or source, name == "BindPaths"))
    for word in have.get("TemporaryFileSystem", "").split():
        target, _, options = word.partition(":")
        found.append(AskedMount("tmpfs", "", target, "ro" not in options.split(","), options=options))
    if have.get("PrivateTmp", "no") not in _OFF:
        kind = "tmpfs" if have.get("PrivateTmpEx") == "disconnected" else "bind"
        found += [AskedMount(kind, "", place, writable=True) for place in ("/tmp", "/var/tmp")]
    if have.get("ProtectHome") == "tmpfs":
        found += [AskedMount("tmpfs", "", place, writable=False) for place in _HOMES]
    return found


def _limit(text: str) -> int | None:
    return None if text in _NONE or not text.isascii() or not text.isdecimal() else int(text)


def _cores(text: str) -> float | None:
    """As systemd prints a time: 1min 500ms; of one second."""
    found = _QUOTA.findall(text) if len(text) <= 40 else []
    return sum(float(number) * _SECONDS[unit] for number, unit in found) or None
