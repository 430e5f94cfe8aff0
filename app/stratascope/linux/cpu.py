"""/sys/devices/system/cpu/vulnerabilities: which CPU flaws are open on this machine, in the kernel's own words.

Documentation/ABI/testing/sysfs-devices-system-cpu and admin-guide/hw-vuln: `Not affected`, `Vulnerable`, or
`Mitigation: …`, each with details; some begin with `KVM: `. A mitigation with `vulnerable` in its details (`SMT
vulnerable`, `BHI: Vulnerable`) is only partial. Anything else (`Unknown: …`) claims nothing.
"""

from __future__ import annotations

import re
from enum import StrEnum

from stratascope.linux.decode import DecodeError
from stratascope.value import Value

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
