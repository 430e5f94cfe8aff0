"""What options mean beyond their own field, where both engines' adapters, the checks and the exports go by it.

By moby (daemon/oci_linux.go, daemon/create.go) and containers/podman (pkg/specgen, pkg/specgenutil).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stratascope.core.container import Asked, LogKeeping, ProfileKind

WRITABLE = ("/run", "/tmp", "/var/tmp")  # what Podman keeps so with --read-only (--read-only-tmpfs)
# Microseconds of a CPU quota where nothing is said, the kernel's own (Documentation/scheduler/sched-bwc.rst)
CPU_PERIOD = 100_000
_SWAP = 2  # times the memory, both together: where only memory was given
_FILES = frozenset(("json-file", "k8s-file"))
_BOUNDED = frozenset(("local", "none"))  # Docker's local driver keeps 100 MB where nothing else was said


def memory_and_swap(memory: int) -> int:
    """How much of both an engine gives where only memory was asked for."""
    return _SWAP * memory


def security_option(word: str) -> tuple[str, str]:
    """A security option's name and value: `seccomp=x`, `seccomp:x` (before Docker 1.11) and `no-new-privileges`."""
    at = next((place for place, letter in enumerate(word) if letter in "=:"), len(word))
    return word[:at], word[at + 1 :]


def no_new_privileges(words: Iterable[str], default: bool = False) -> bool:
    """What these security options say; the last one counts."""
    said = [value for name, value in map(security_option, words) if name == "no-new-privileges"]
    return said[-1].lower() not in ("false", "0", "f") if said else default


def profile(name: str, default: Collection[str]) -> tuple[ProfileKind, str]:
    """Which kind of profile a name means, and the name or text of a custom one. `default`: the engine's own names."""
    if name in default:
        return ProfileKind.DEFAULT, ""
    return (ProfileKind.UNCONFINED, "") if name == "unconfined" else (ProfileKind.CUSTOM, name)


def profile_text(kind: ProfileKind, name: str) -> str:
    """The same the other way; empty for the engine's own."""
    if kind is ProfileKind.UNCONFINED:
        return "unconfined"
    return name if kind is ProfileKind.CUSTOM else ""


def log_keeping(driver: str, *, limited: bool = False) -> LogKeeping:
    """What becomes of all that is printed. `limited`: whether a size was given for it."""
    if driver in _BOUNDED:
        return LogKeeping.LIMITED
    if driver in _FILES:
        return LogKeeping.LIMITED if limited else LogKeeping.UNLIMITED
    return LogKeeping.JOURNAL if driver == "journald" else LogKeeping.ELSEWHERE


def label_disabled(asked: Asked) -> bool:
    """Whether Docker itself adds `label=disable` (generateSecurityOpt)."""
    return asked.privileged or "host" in (asked.pid_mode, asked.ipc_mode)


def labels_of(words: Iterable[str]) -> tuple[str, ...]:
    """The SELinux options among security options."""
    return tuple(value for name, value in map(security_option, words) if name == "label")
