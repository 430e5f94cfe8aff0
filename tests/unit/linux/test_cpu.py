"""/sys/devices/system/cpu/vulnerabilities, by the words of real kernels: good, bad, any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.machine import CpuFlaw, FlawState, parse_flaws

NOT, MITIGATED, PART, OPEN, UNKNOWN = (
    FlawState.NOT_AFFECTED,
    FlawState.MITIGATED,
    FlawState.IN_PART,
    FlawState.VULNERABLE,
    FlawState.UNKNOWN,
)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("Not affected", NOT),
        ("Vulnerable", OPEN),
        ("Vulnerable: Safe RET, no microcode", OPEN),
        ("Vulnerable: __user pointer sanitization and usercopy barriers only; no swapgs barriers", OPEN),
        ("Vulnerable, IBPB: disabled, STIBP: disabled, PBRSB-eIBRS: Vulnerable, BHI: Vulnerable", OPEN),
        ("Vulnerable: Clear CPU buffers attempted, no microcode; SMT vulnerable", OPEN),
        ("Processor vulnerable", OPEN),
        ("KVM: Vulnerable", OPEN),
        ("KVM: Mitigation: VMX disabled", MITIGATED),
        ("Mitigation: PTI", MITIGATED),
        ("Mitigation: Clear CPU buffers; SMT Host state unknown", MITIGATED),
        ("Mitigation: Clear CPU buffers; SMT disabled", MITIGATED),
        ("Mitigation: Clear CPU buffers; SMT vulnerable", PART),
        ("Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT vulnerable", PART),
        (
            "Mitigation: Retpolines; STIBP: disabled; RSB filling; PBRSB-eIBRS: Not affected; BHI: Not affected",
            MITIGATED,
        ),
        ("Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; PBRSB-eIBRS: SW sequence; BHI: Vulnerable", PART),
        ("Unknown: No mitigations", UNKNOWN),
        ("Unknown: Dependent on hypervisor status", UNKNOWN),
        ("Something new", UNKNOWN),
    ],
)
def test_good(words: str, state: FlawState) -> None:
    assert parse_flaws(f"mds: {words}\n") == (CpuFlaw("mds", state, words),)


def test_several_and_none() -> None:
    assert [flaw.name for flaw in parse_flaws("l1tf: Not affected\n\nmds: Vulnerable\n")] == ["l1tf", "mds"]
    assert parse_flaws("") == ()


@pytest.mark.parametrize("text", ["mds", "mds:", "mds: ", ": Vulnerable", "../mds: Vulnerable", "MDS: Vulnerable"])
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_flaws(text)


@given(st.text() | st.from_regex(r"([a-z]{1,4}: (KVM: )?(Mitigation: )?[Vv]ulnerable[;a]?\n){0,3}", fullmatch=True))
def test_any_text(text: str) -> None:
    try:
        flaws = parse_flaws(text)
    except DecodeError:
        return
    assert all(flaw.name and flaw.words for flaw in flaws)
