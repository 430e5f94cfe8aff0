"""flatpak-metadata(5): `.flatpak-info`, the permissions of this very instance, overrides included."""

from __future__ import annotations

from configparser import ConfigParser, Error

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import with_modes


def read(text: str) -> AskedOf:
    """By the file's text."""
    file = ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    try:
        file.read_string(text)
    except Error:
        return AskedOf()
    name = file.get("Application", "name", fallback="")

    def listed(key: str) -> list[str]:
        return [word for word in file.get("Context", key, fallback="").split(";") if word]

    shared = listed("shared")
    own = {"user", "pid", *(["net"] if "network" not in shared else []), *(["ipc"] if "ipc" not in shared else [])}
    mounts = []
    for each in listed("filesystems"):
        path, _, how = each.partition(":")
        if not path.startswith("!"):
            mounts.append(AskedMount("bind", path, path, how != "ro"))
    held = Asked(
        mounts=tuple(mounts),
        read_only_root=True,
        masked_paths=None,
        read_only_paths=None,
        device_rules=None,
        capabilities=(),
        no_new_privileges=True,
        seccomp=ProfileKind.CUSTOM,
        apparmor=ProfileKind.UNCONFINED,
    )
    return AskedOf(name=name, asked=with_modes(held, own))
