"""Rules that don't hold: found by evaluating a filter, and gone where the filter says it for both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from rig.places import CAPTURES
from rig.recorded import container, recorded, surroundings, with_text
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.threats.catalogue.shared import BIND_CALLS, MOUNT_CALLS, MOVE_CALLS, REMOUNT_CALLS
from stratascope.core.threats.threat import Stance
from stratascope.layers.seccomp.layer import LAYER
from stratascope.layers.seccomp.stances import PASSING
from stratascope.layers.shared.readings import kernel_release
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
    names = ("upper-half", "socketcall", "io-uring-sockets", "unasked-calls")
    return {finding.code.removeprefix("seccomp.") for finding in found} & set(names)


def test_sixty_four_bits_of_which_the_kernel_reads_half() -> None:
    assert "upper-half" in codes(profile(forbid("socket", EQUAL)))
    assert "upper-half" not in codes(profile(forbid("socket", LOWER_HALF)))
    assert "upper-half" not in codes(profile(forbid("socket")))


def test_calls_about_which_newer_kernels_ask_no_filter() -> None:
    named = profile(forbid("uretprobe"))
    assert codes(named) == {"unasked-calls"}
    assert codes(named, kernel="6.13.1") == set()
    assert codes(profile(forbid("uprobe")), kernel="6.17.1") == set()
    assert codes(profile(forbid("open"))) == set()
    allowed: dict[str, object] = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
    assert codes(profile(allowed, default="SCMP_ACT_ERRNO")) == set()  # it says nothing of this call itself


REFUSED = """
import ctypes, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
code = b"".join(
    struct.pack("HBBI", *each)  # errno 1 for that call, and all else allowed
    for each in ((0x20, 0, 0, 0), (0x15, 0, 1, int(sys.argv[1])), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000))
)
held = ctypes.create_string_buffer(code, len(code))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(held)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
print(libc.syscall(int(sys.argv[1])), ctypes.get_errno(), flush=True)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only x86_64 has that call")
def test_the_kernel_asks_no_filter_about_a_probe() -> None:
    """Made outside of a probe, the call ends its process by a signal where it is let through."""
    command = (sys.executable, "-c", REFUSED)
    getppid = subprocess.run((*command, "110"), capture_output=True, text=True, check=False)
    assert getppid.stdout.split() == ["-1", "1"], "the filter refuses what it names"
    probe = subprocess.run((*command, "335"), capture_output=True, text=True, check=False)
    release = kernel_release(replace(around().ground, kernel=os.uname().release))
    assert release is not None
    passes = release >= PASSING["uretprobe"]
    assert (probe.returncode < 0) is passes
    assert (probe.stdout.split() == ["-1", "1"]) is not passes


def test_sockets_by_the_call_of_32_bit_programs() -> None:
    """libseccomp makes a rule for socket one for socketcall, too; a filter that forgets i386 has none."""
    forgetful = CAPTURES / "seccomp" / "docker-default.hex"
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


_ARGUMENT = {"index": 3}
_BIND, _MOVE, _REMOUNT = 0x1000, 0x2000, 0x20


def _only(flags: int) -> list[dict[str, object]]:
    return [forbid("mount", {**_ARGUMENT, "value": flags, "op": f"SCMP_CMP_{word}"}) for word in ("LT", "GT")]


def _never(flags: int) -> list[dict[str, object]]:
    return [forbid("mount", {**_ARGUMENT, "value": flags, "valueTwo": flags, "op": "SCMP_CMP_MASKED_EQ"})]


def _exactly_not(flags: int) -> list[dict[str, object]]:
    return [forbid("mount", {**_ARGUMENT, "value": flags, "op": "SCMP_CMP_EQ"})]


@pytest.mark.parametrize(
    ("rules", "passing"),
    [
        ([], {"new", "bind", "move", "remount"}),
        ([forbid("mount")], set()),
        (_only(_BIND), {"bind"}),
        (_only(_MOVE), {"move"}),
        (_only(_REMOUNT), {"remount"}),
        (_only(_BIND | _REMOUNT), {"remount"}),
        (_never(_BIND), {"new", "move", "remount"}),
        (_never(_REMOUNT), {"new", "bind", "move"}),
        (_exactly_not(_BIND), {"new", "bind", "move", "remount"}),  # with any other flag it passes
        (_exactly_not(0), {"new", "bind", "move", "remount"}),
    ],
)
def test_mount_by_its_flags(rules: list[dict[str, object]], passing: set[str]) -> None:
    """Which of its works mount(2) does, its flags say: path_mount, fs/namespace.c."""
    near, thing = around(), container(seccomp=ProfileKind.CUSTOM)
    thing = replace(thing, asked=replace(thing.asked, seccomp_profile=profile(*rules)))
    posture = LAYER.posture(LAYER.decode(FILTER, thing, near), LAYER.asked(thing), near)
    works = {"new": MOUNT_CALLS, "bind": BIND_CALLS, "move": MOVE_CALLS, "remount": REMOUNT_CALLS}
    found = {word: LAYER.stance(need, posture) for word, need in works.items()}
    assert {word for word, ruling in found.items() if ruling and ruling.stance is Stance.LETS_THROUGH} == passing
    assert {word for word, ruling in found.items() if ruling and ruling.stance is Stance.STOPS} == set(works) - passing
