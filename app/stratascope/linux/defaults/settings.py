"""What else a container of an engine has where nothing is asked for, as measured by version, like `filters`.

Masks and read-only paths are those that the runtime is told; of these the kernel has those that exist there. On hosts
with control groups of version 1 alone, or both, engines leave the cgroup namespace the host's.
"""

from __future__ import annotations

from stratascope.linux.capability import CapabilitySet
from stratascope.linux.defaults.version import speaking_for
from stratascope.value import Value, replace


class Settings(Value):
    """Of one version."""

    version: str
    capabilities: CapabilitySet
    masked: frozenset[str]
    read_only: frozenset[str]
    private: frozenset[str]  # namespaces


_PRIVATE = frozenset(("ipc", "mnt", "net", "pid", "uts", "cgroup"))
_READ_ONLY = frozenset(("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"))
_MASKED_WORDS = """
/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats
/sys/devices/virtual/powercap /sys/firmware
"""
_MASKED = frozenset(_MASKED_WORDS.split())
_INTERRUPTS = frozenset(("/proc/interrupts",))
_ASOUND = frozenset(("/proc/asound",))
_DOCKER = Settings("26.1", CapabilitySet(0xA80425FB), _MASKED | _ASOUND, _READ_ONLY, _PRIVATE)
_PODMAN = Settings(
    "5.4",
    CapabilitySet(0x800405FB),
    _MASKED | {"/sys/fs/selinux"},
    _READ_ONLY | _ASOUND,
    _PRIVATE,
)
SETTINGS: dict[str, tuple[Settings, ...]] = {
    "docker": (_DOCKER, replace(_DOCKER, version="28.5", masked=_DOCKER.masked | _INTERRUPTS)),
    "podman": (
        _PODMAN,
        replace(_PODMAN, version="5.8", masked=_PODMAN.masked | _INTERRUPTS),
        replace(_PODMAN, version="6.1", masked=_PODMAN.masked | _INTERRUPTS),
    ),
}


def settings_for(engine: str, version: str) -> tuple[Settings, ...]:
    """Those of the measured versions that speak for this one; none where it lies beyond them."""
    speaking = speaking_for(version, (each.version for each in SETTINGS[engine]))
    return tuple(each for each in SETTINGS[engine] if each.version in speaking)


def surely_masked(engine: str, version: str) -> frozenset[str]:
    """What a version masks for certain; beyond the measured ones, what all of these do."""
    found = settings_for(engine, version) or SETTINGS[engine]
    return frozenset.intersection(*(each.masked for each in found))
