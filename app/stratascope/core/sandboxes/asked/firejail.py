"""firejail(1): its arguments. Without `--noprofile` a profile adds to them, and what it was asked for is not known."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import with_modes


def read(argv: Sequence[str]) -> AskedOf:
    """By its command line, its own name first."""
    place = 1
    while place < len(argv) and argv[place].startswith("-"):
        place += 1
        if argv[place - 1] == "--":
            break
    given = [word.lstrip("-").partition("=")[::2] for word in argv[1:place]]
    last, command = dict(given), tuple(argv[place:])
    name = last.get("name", "")
    if "noprofile" not in last:
        return AskedOf(name=name, command=command)
    own = {"pid", "uts", "ipc", *(["net"] if last.get("net") else []), *(["user"] if "noroot" in last else [])}
    mounts = [
        AskedMount("bind", value, value, option == "read-write")
        for option, value in given
        if option in ("read-only", "read-write", "whitelist") and value
    ]
    held = Asked(
        mounts=tuple(mounts),
        masked_paths=tuple(value for option, value in given if option == "blacklist" and value),
        read_only_paths=None,
        device_rules=None,
        cap_drop=("ALL",) if last.get("caps.drop") == "all" else (),
        no_new_privileges="nonewprivs" in last or any(option.startswith("seccomp") for option in last),
        seccomp=ProfileKind.CUSTOM if any(each.startswith("seccomp") for each in last) else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.CUSTOM if "apparmor" in last else ProfileKind.UNCONFINED,
    )
    return AskedOf(name=name, command=command, asked=with_modes(held, own))
