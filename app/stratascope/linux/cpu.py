"""/sys/devices/system/cpu/vulnerabilities: what of the processors' flaws is open here, in the kernel's own words.

Documentation/ABI/testing/sysfs-devices-system-cpu and admin-guide/hw-vuln: `Not affected`, `Vulnerable`, or
`Mitigation: …`, each with more words; some begin with `KVM: `. A mitigation that says `vulnerable` further on (`SMT
vulnerable`, `BHI: Vulnerable`) does not hold for all of it. Any other word (`Unknown: …`) claims nothing.
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
    """One file: its name and its text."""

    name: str  # "mds"
    state: FlawState
    words: str  # "Mitigation: Clear CPU buffers; SMT vulnerable"


def parse_flaws(text: str) -> tuple[CpuFlaw, ...]:
    """Lines `NAME: WORDS`, one a file, in their order; raises DecodeError."""
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
