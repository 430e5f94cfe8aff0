"""A service of systemd: `systemctl show UNIT`, whose properties are described in systemd.exec(5). Whoever may run it
hands its text in.
"""

from __future__ import annotations

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import with_modes

_NONE = ("", "infinity", "[not set]")


def read(text: str) -> AskedOf:
    """By that text."""
    have = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
    if "Id" not in have and "NoNewPrivileges" not in have:
        return AskedOf()

    def on(name: str) -> bool:
        return have.get(name, "no") not in ("no", "", "false", "off")

    own = {
        kind
        for kind, name in (
            ("net", "PrivateNetwork"),
            ("user", "PrivateUsers"),
            ("ipc", "PrivateIPC"),
            ("pid", "PrivatePIDs"),
            ("uts", "ProtectHostname"),
        )
        if on(name)
    }
    bounding = have.get("CapabilityBoundingSet")
    mounts = [
        AskedMount("bind", source, target or source, name == "BindPaths")
        for name in ("BindPaths", "BindReadOnlyPaths")
        for source, _, target in (word.partition(":") for word in have.get(name, "").split())
    ]
    held = Asked(
        user=have.get("User", ""),
        read_only_root=have.get("ProtectSystem") == "strict",
        mounts=tuple(mounts),
        masked_paths=tuple(have.get("InaccessiblePaths", "").split()),
        read_only_paths=tuple(have.get("ReadOnlyPaths", "").split()),
        device_rules=None,
        capabilities=None if bounding is None else tuple(word.upper() for word in bounding.split()),
        no_new_privileges=on("NoNewPrivileges"),
        seccomp=ProfileKind.CUSTOM if have.get("SystemCallFilter") else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.CUSTOM if have.get("AppArmorProfile") else ProfileKind.UNCONFINED,
        apparmor_profile=have.get("AppArmorProfile", ""),
        memory=_limit(have.get("MemoryMax", "")),
        pids=_limit(have.get("TasksMax", "")),
    )
    return AskedOf(name=have.get("Id", ""), asked=with_modes(held, own))


def _limit(text: str) -> int | None:
    return None if text in _NONE or not text.isascii() or not text.isdecimal() else int(text)
