"""What both engines' inspect says alike of what was asked for: profiles by name, and tmpfs mounts."""

from __future__ import annotations

from stratascope.core.container import AskedMount, LogKeeping, ProfileKind
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


# Drivers that hand what is printed to another program or machine are all others
_FILES = frozenset({"json-file", "k8s-file"})
_BOUNDED = frozenset({"local", "none"})  # Docker's local driver keeps 100 MB where nothing else was said


def log_of(host: Answer) -> tuple[str, LogKeeping]:
    """The log driver, and what becomes of what a container prints."""
    log = host.part("LogConfig")
    driver = log.text("Type")
    if not driver:
        return "", LogKeeping.UNKNOWN
    if driver in _BOUNDED:
        return driver, LogKeeping.LIMITED
    if driver == "journald":
        return driver, LogKeeping.JOURNAL
    if driver not in _FILES:
        return driver, LogKeeping.ELSEWHERE
    # Docker's option, where -1 is no limit (moby, daemon/logger/jsonfilelog), and Podman's field of its own
    endless = dict(log.pairs("Config")).get("max-size", "-1").startswith("-") and log.text("Size") in ("", "0B")
    return driver, LogKeeping.UNLIMITED if endless else LogKeeping.LIMITED


def said_anew(word: str, words: list[str]) -> bool:
    """Whether a mount option no longer holds beside these: `noexec` beside `exec`, a size beside another."""
    name, equals, _ = word.partition("=")
    return word.removeprefix("no") in words or (bool(equals) and any(each.startswith(f"{name}=") for each in words))
