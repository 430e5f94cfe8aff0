"""Facts about the whole machine: settings below /proc/sys (sysctl(8)) by dotted name, total memory, and CPU flaws.

CPU flaws are in the kernel's words (Documentation/ABI/testing/sysfs-devices-system-cpu, admin-guide/hw-vuln): `Not
affected`, `Vulnerable`, or `Mitigation: …`, each with details; some begin with `KVM: `. A mitigation with `vulnerable`
in its details (`SMT vulnerable`, `BHI: Vulnerable`) is only partial. Anything else (`Unknown: …`) claims nothing.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

_TOTAL = re.compile(r"^MemTotal: +([0-9]{1,15}) kB$", re.M).search


def path_of(name: str) -> str:
    """`kernel.pid_max` -> `/proc/sys/kernel/pid_max`."""
    return f"/proc/sys/{name.replace('.', '/')}"


def parse_number(text: str) -> int:
    """Parse a setting that is one integer. Raises DecodeError."""
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 20):
        raise DecodeError(f"not a number: {text[:40]!r}")
    return int(word)


def parse_range(text: str) -> tuple[int, int] | None:
    """The first and last id of `net.ipv4.ping_group_range` (icmp(7)); None if it is empty. Raises DecodeError."""
    words = text.split()
    if len(words) != 2:
        raise DecodeError(f"not a range: {text[:40]!r}")
    first, last = map(parse_number, words)
    return (first, last) if first <= last else None


def parse_memory_total(text: str) -> int:
    """Total memory in bytes, from /proc/meminfo (proc_meminfo(5)). Raises DecodeError."""
    found = _TOTAL(text)
    if found is None:
        raise DecodeError("meminfo: no line MemTotal")
    return int(found[1]) * 1024


_LINE = re.compile(r"([a-z0-9_]{1,64}): (.+)").fullmatch
_OPEN = re.compile(r"(?:Processor )?vulnerable\b", re.I).match
_IN_PART = re.compile(r"\bvulnerable\b", re.I).search


class FlawState(StrEnum):
    NOT_AFFECTED = "not affected"
    MITIGATED = "mitigated"
    IN_PART = "mitigated in part"
    VULNERABLE = "vulnerable"
    UNKNOWN = "unknown"


class CpuFlaw(Value):
    """One file: name and text."""

    name: str  # "mds"
    state: FlawState
    words: str  # "Mitigation: Clear CPU buffers; SMT vulnerable"


def parse_flaws(text: str) -> tuple[CpuFlaw, ...]:
    """Parse lines `NAME: WORDS`, one per file, in order; raises DecodeError."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        words = _LINE(line)
        if words is None:
            raise DecodeError(f"CPU vulnerabilities, line {number}: {line[:80]!r}")
        found.append(CpuFlaw(words[1], _state(words[2].removeprefix("KVM: ")), words[2]))
    return tuple(found)


def _state(words: str) -> FlawState:
    if words.startswith("Not affected"):
        return FlawState.NOT_AFFECTED
    if words.startswith("Mitigation"):
        return FlawState.IN_PART if _IN_PART(words) else FlawState.MITIGATED
    return FlawState.VULNERABLE if _OPEN(words) else FlawState.UNKNOWN
