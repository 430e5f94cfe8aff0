"""What both engines' inspect says alike of what was asked for: profiles by name, and tmpfs mounts."""

from __future__ import annotations

from stratascope.core.container import AskedMount, ProfileKind
from stratascope.engines.shared.json_reader import Answer


def profile(name: str, default: str) -> tuple[ProfileKind, str]:
    """Which kind of profile a name means, and the name or text of a custom one."""
    if name in ("", default):
        return ProfileKind.DEFAULT, ""
    return (ProfileKind.UNCONFINED, "") if name == "unconfined" else (ProfileKind.CUSTOM, name)


def tmpfs_mounts(host: Answer) -> tuple[AskedMount, ...]:
    """Those of `--tmpfs`: path and mount options."""
    return tuple(
        AskedMount("tmpfs", "", target, "ro" not in options.split(","))
        for target, options in host.pairs("Tmpfs")
    )  # fmt: skip


def said_anew(word: str, words: list[str]) -> bool:
    """Whether a mount option no longer holds beside these: `noexec` beside `exec`, a size beside another."""
    name, equals, _ = word.partition("=")
    return word.removeprefix("no") in words or (bool(equals) and any(each.startswith(f"{name}=") for each in words))
