"""Engines' other defaults for a container, as measured by version, like `filters`.

Masked and read-only paths are those passed to the runtime; the kernel has those of them that exist. On cgroup v1 and
hybrid hosts, engines keep the host's cgroup namespace.
"""

from __future__ import annotations

from stratascope.linux.capability import CapabilitySet
from stratascope.linux.defaults.version import speaking_for
from stratascope.value import Value, replace


class Settings(Value):
    """The defaults of one version."""

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
    """Those of the measured versions that apply to this one; empty if it is outside their range."""
    speaking = speaking_for(version, (each.version for each in SETTINGS[engine]))
    return tuple(each for each in SETTINGS[engine] if each.version in speaking)


def surely_masked(engine: str, version: str) -> frozenset[str]:
    """The paths a version is certain to mask; outside the measured range, those that all measured versions mask."""
    found = settings_for(engine, version) or SETTINGS[engine]
    return frozenset.intersection(*(each.masked for each in found))
