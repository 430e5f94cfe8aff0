"""Rules that don't hold: found by evaluating a filter, and gone where the filter says it for both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captures.recorded import container, recorded, surroundings, with_text
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.layers.seccomp.layer import LAYER
from stratascope.linux import bpf
from stratascope.value import replace

FILTER = recorded("lsm/apparmor/docker-default")
EVERY = ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86")
VSOCK = 40


def around(**ground: Any) -> Surroundings:
    near = surroundings()
    whole = {"machine": "x86_64", "kernel": "6.18.44", "features": (("i386", True), ("x32", False)), **ground}
    return replace(near, ground=replace(near.ground, **whole))


def profile(*rules: dict[str, object], default: str = "SCMP_ACT_ALLOW") -> str:
    whole = {"defaultAction": default, "defaultErrnoRet": 1, "architectures": EVERY, "syscalls": rules}
    return json.dumps(whole)


def forbid(name: str, *args: dict[str, object]) -> dict[str, object]:
    return {"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": list(args)}


EQUAL = {"index": 0, "value": VSOCK, "op": "SCMP_CMP_EQ"}
LOWER_HALF = {"index": 0, "value": 0xFFFFFFFF, "valueTwo": VSOCK, "op": "SCMP_CMP_MASKED_EQ"}


def codes(text: str, process: Capture = FILTER, **ground: Any) -> set[str]:
    near = around(**ground)
    thing = container(seccomp=ProfileKind.CUSTOM)
    thing = replace(thing, asked=replace(thing.asked, seccomp_profile=text))
    facts = LAYER.decode(process, thing, near)
    found = LAYER.assess(facts, LAYER.asked(thing), near).findings
    names = ("upper-half", "socketcall", "io-uring-sockets")
    return {finding.code.removeprefix("seccomp.") for finding in found} & set(names)


def test_sixty_four_bits_of_which_the_kernel_reads_half() -> None:
    assert "upper-half" in codes(profile(forbid("socket", EQUAL)))
    assert "upper-half" not in codes(profile(forbid("socket", LOWER_HALF)))
    assert "upper-half" not in codes(profile(forbid("socket")))


def test_sockets_by_the_call_of_32_bit_programs() -> None:
    """libseccomp makes a rule for socket one for socketcall, too; a filter that forgets i386 has none."""
    forgetful = Path(__file__).parents[2] / "captures" / "seccomp" / "docker-default.hex"
    own = bpf.parse_hex(forgetful.read_text())
    head = (
        bpf.FORMAT.pack(bpf.LD_ABS, 0, 0, 4)
        + bpf.FORMAT.pack(bpf.JEQ, 1, 0, 0xC000003E)
        + bpf.FORMAT.pack(bpf.RET_K, 0, 0, 0x7FFF0000)
    )
    reading = Reading("seccomp:0", "PTRACE 0", (head + own).hex())
    process = replace(FILTER, readings=(*FILTER.readings, reading))
    assert "socketcall" in codes("{}", process)
    assert "socketcall" not in codes("{}", process, features=(("i386", False),))
    assert "socketcall" not in codes("{}", process, features=()), (
        "whether this kernel has that entry point is not known"
    )
    assert "socketcall" not in codes(profile(forbid("socket", LOWER_HALF)))
    assert codes(profile()) == set(), "nothing is stopped, so nothing is passed by"


def test_sockets_past_every_filter() -> None:
    text = profile(forbid("socket"))
    has = (("i386", False), ("io_uring", True))
    assert codes(text, features=has) == {"io-uring-sockets"}
    assert codes(text, features=(("io_uring", False),)) == set()
    assert codes(text, features=has, sysctls=(("kernel.io_uring_disabled", "2"),)) == set()
    assert codes(profile(forbid("socket"), forbid("io_uring_setup")), features=has) == set()


def test_a_flaw_is_named_with_its_number() -> None:
    near, thing = around(), container(seccomp=ProfileKind.DEFAULT)
    facts = LAYER.decode(with_text(FILTER, "comm", "x"), thing, near)
    found = {each.code: each for each in LAYER.assess(facts, LAYER.asked(thing), near).findings}
    assert "CVE-2026-123876" in found["seccomp.upper-half"].refs
