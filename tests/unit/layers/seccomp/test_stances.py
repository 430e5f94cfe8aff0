"""What the filter says to a route's calls: the easiest call, entry point and argument count."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

import pytest

from rig.places import CAPTURES
from rig.recorded import container, recorded, surroundings
from stratascope import bounded_cache
from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.threats.catalogue.shared import new_namespaces, socket
from stratascope.core.threats.needs import Call, Calls, Feature
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.filter_source import KernelFilters
from stratascope.layers.seccomp.layer import LAYER
from stratascope.layers.seccomp.stances import SeccompPosture
from stratascope.linux import bpf
from stratascope.linux.capability import NAMES
from stratascope.linux.seccomp import SeccompMode
from stratascope.linux.syscalls import Abi
from stratascope.value import replace

CAPTURES = CAPTURES / "seccomp"
FILTER = recorded("lsm/apparmor/docker-default")
NONE = recorded("lsm/apparmor/docker-privileged")
DOCKER = tuple(NAMES[number] for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
MOUNT = Calls((Call("mount"),))


def around(kind: EngineKind = EngineKind.DOCKER, **ground: Any) -> Surroundings:
    found = surroundings(kind)
    whole = {"machine": "x86_64", "kernel": "6.18.44", "features": (("i386", True), ("x32", False)), **ground}
    return replace(found, ground=replace(found.ground, **whole))


def posture_of(near: Surroundings | None = None, privileged: bool = False, **asked: Any) -> Any:
    near = near or around()
    asked = {"seccomp": ProfileKind.DEFAULT, "capabilities": DOCKER, **asked}
    subject = container(privileged=privileged, **asked)
    capture = NONE if privileged else FILTER
    return LAYER.posture(LAYER.decode(capture, subject, near), LAYER.asked(subject), near)


def under(*programs: bytes, abis: tuple[tuple[Abi, bool], ...] = ((Abi.X86_64, True),), **more: Any) -> SeccompPosture:
    origin = KernelFilters(programs)
    points = tuple((abi, certain, origin.answers(abi)) for abi, certain in abis)
    return replace(SeccompPosture(SeccompMode.FILTER, origin.source, points, (), False, (6, 18)), **more)


def returning(value: int) -> bytes:
    return bpf.FORMAT.pack(bpf.RET_K, 0, 0, value)


def test_equal_postures_are_one_object_as_long_as_somebody_holds_it() -> None:
    """Whoever compares two has thousands of outcomes to go through, and a fleet compares them for each container."""
    first = posture_of()
    bounded_cache.forget()
    assert posture_of() is first
    held = weakref.ref(first)
    del first
    bounded_cache.forget()
    gc.collect()
    assert held() is None, "nobody else holds it"
    assert posture_of() != posture_of(capabilities=(*DOCKER, "CAP_SYS_ADMIN"))


def rule(need: Calls, posture: Any) -> Ruling:
    found = LAYER.stance(need, posture)
    assert found is not None
    return found


def test_docker_s_default_stops_a_mount_and_hinges_on_the_capability() -> None:
    found = rule(MOUNT, posture_of())
    assert found.stance is Stance.STOPS
    assert translate(found.reason) == "The filter answers mount with EPERM."
    assert found.source == "Docker's default, as measured on Docker 26.1"
    assert found.hinges == {"capability:CAP_SYS_ADMIN"}


def test_with_the_capability_it_passes() -> None:
    found = rule(MOUNT, posture_of(capabilities=(*DOCKER, "CAP_SYS_ADMIN")))
    assert (found.stance, found.hinges) == (Stance.LETS_THROUGH, frozenset())


@pytest.mark.parametrize(
    ("calls", "stance"),
    [
        ((Call("unshare", ((0, 0x10000000),)),), Stance.STOPS),
        ((Call("clone", ((0, 0x10000011),)), Call("unshare", ((0, 0x10000000),)), Call("clone3")), Stance.STOPS),
        ((Call("clone", ((0, 0x11),)),), Stance.LETS_THROUGH),
        ((Call("clone"),), Stance.LETS_THROUGH),
        ((Call("personality", ((0, 0x40000),)),), Stance.STOPS),
        ((Call("personality", ((0, 0x8),)),), Stance.LETS_THROUGH),
        ((Call("ptrace"),), Stance.LETS_THROUGH),
        ((Call("bpf"), Call("ptrace")), Stance.LETS_THROUGH),
        ((Call("init_module"), Call("finit_module")), Stance.STOPS),
        ((Call("socketcall", ((0, 1),)),), Stance.LETS_THROUGH),
    ],
)
def test_docker_s_default(calls: tuple[Call, ...], stance: Stance) -> None:
    assert rule(Calls(calls), posture_of()).stance is stance


USER, MOUNTS, NET = 0x10000000, 0x00020000, 0x40000000


def stopping(name: str, *args: dict[str, Any]) -> dict[str, Any]:
    return {"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "args": list(args)}


def equal(value: int, place: int = 0) -> dict[str, Any]:
    return {"index": place, "value": value, "op": "SCMP_CMP_EQ"}


def with_bits(value: int) -> dict[str, Any]:
    return {"index": 0, "value": value, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def written(*rules: dict[str, Any]) -> Any:
    text = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules})
    return posture_of(
        around(features=(("i386", False), ("x32", False))), seccomp=ProfileKind.CUSTOM, seccomp_profile=text
    )


UNSHARE_USER = new_namespaces(USER)[0].ways[0]
CLONE_MOUNTS = new_namespaces(MOUNTS)[0].ways[1]


@pytest.mark.parametrize(
    ("call", "rules", "stance"),
    [
        (UNSHARE_USER, (stopping("unshare"),), Stance.STOPS),
        (UNSHARE_USER, (stopping("unshare", equal(USER)),), Stance.LETS_THROUGH),
        (UNSHARE_USER, (stopping("unshare", with_bits(USER)),), Stance.STOPS),
        (UNSHARE_USER, (stopping("unshare", with_bits(USER | MOUNTS)),), Stance.LETS_THROUGH),
        (
            UNSHARE_USER,
            tuple(stopping("unshare", equal(USER | more)) for more in (0, 0x200, MOUNTS)),
            Stance.LETS_THROUGH,
        ),
        (UNSHARE_USER, (stopping("unshare", {"index": 0, "value": 0x1000, "op": "SCMP_CMP_GT"}),), Stance.STOPS),
        (UNSHARE_USER, (stopping("unshare", {"index": 0, "value": USER, "op": "SCMP_CMP_LE"}),), Stance.LETS_THROUGH),
        (CLONE_MOUNTS, (stopping("clone", equal(MOUNTS | 17)), stopping("clone", equal(MOUNTS))), Stance.LETS_THROUGH),
        (CLONE_MOUNTS, (stopping("clone", with_bits(MOUNTS)),), Stance.STOPS),
        # a bit that the call does not take makes no difference
        (UNSHARE_USER, (stopping("unshare", {"index": 0, "value": 1 << 40, "op": "SCMP_CMP_LT"}),), Stance.STOPS),
        (socket(2, 3).ways[0], (stopping("socket", equal(2), equal(3, 1)),), Stance.LETS_THROUGH),
        (socket(40).ways[0], (stopping("socket", equal(40)),), Stance.LETS_THROUGH),  # 64 bits are compared, 32 used
    ],
)
def test_further_flags_along_with_the_one_that_a_filter_looks_for(
    call: Call, rules: tuple[dict[str, Any], ...], stance: Stance
) -> None:
    assert rule(Calls((call,)), written(*rules)).stance is stance


def test_what_passes_with_further_flags_only_is_said() -> None:
    found = rule(Calls((UNSHARE_USER,)), written(stopping("unshare", equal(USER))))
    assert translate(found.reason) == "The filter stops unshare only while no other flag is set along with it."


def test_what_no_further_flag_was_found_for_is_not_said_to_be_stopped() -> None:
    """Every single bit, every pair and all together are stopped: whether three would pass is left open."""
    bits = [1 << bit for bit in range(32) if dict(UNSHARE_USER.free)[0] >> bit & 1]
    values = {0, *bits, *(one | two for one in bits for two in bits), sum(bits)}
    near = {value + step for value in values for step in (-1, 0, 1)}
    rules = [stopping("unshare", equal(USER | value)) for value in sorted(values | near) if value >= 0]
    assert rule(Calls((UNSHARE_USER,)), written(*rules)).stance in (Stance.UNKNOWN, Stance.LETS_THROUGH)


def test_an_upper_half_that_only_the_filter_sees() -> None:
    """socket(AF_VSOCK | 1 << 32) is AF_VSOCK for the kernel, and not for Docker's rule."""
    found = rule(Calls((Call("socket", ((0, 40),)),)), posture_of())
    assert found.stance is Stance.LETS_THROUGH
    assert "upper half" in translate(found.reason)


def test_each_entry_point_is_a_way() -> None:
    arch = (
        bpf.FORMAT.pack(bpf.LD_ABS, 0, 0, 4)
        + bpf.FORMAT.pack(bpf.JEQ, 0, 1, 0x40000003)
        + returning(0x7FFF0000)
        + returning(0x00050001)
    )
    both = ((Abi.X86_64, True), (Abi.I386, True))
    found = rule(MOUNT, under(arch, abis=both))
    assert found.stance is Stance.LETS_THROUGH
    assert "i386" in translate(found.reason)
    assert found.aside
    assert rule(MOUNT, under(arch, abis=((Abi.X86_64, True), (Abi.I386, False)))).stance is Stance.UNKNOWN
    assert rule(MOUNT, under(arch)).stance is Stance.STOPS


@pytest.mark.parametrize(
    ("value", "stance", "words"),
    [
        (0x7FFF0000, Stance.LETS_THROUGH, "lets mount through"),
        (0x7FFC0000, Stance.LETS_THROUGH, "lets mount through"),
        (0x00050026, Stance.STOPS, "with ENOSYS"),
        (0x00050FFF, Stance.STOPS, "with 4095"),
        (0x7FF00000, Stance.STOPS, "with ENOSYS"),
        (0x00030000, Stance.STOPS, "SIGSYS"),
        (0x00000000, Stance.STOPS, "ends a thread"),
        (0x80000000, Stance.STOPS, "ends a process"),
        (0x7FC00000, Stance.UNKNOWN, "another process"),
    ],
)
def test_each_answer(value: int, stance: Stance, words: str) -> None:
    found = rule(MOUNT, under(returning(value)))
    assert found.stance is stance
    assert words in translate(found.reason)
    assert found.source == "kernel filter 0"
    assert (found.aside, found.trapped) == (False, words == "SIGSYS")


def test_no_filter_lets_everything_through() -> None:
    found = rule(MOUNT, posture_of(privileged=True))
    assert (found.stance, found.source) == (Stance.LETS_THROUGH, "@status:Seccomp")


def test_the_strict_mode() -> None:
    strict = SeccompPosture(SeccompMode.STRICT, "@status:Seccomp", (), (), False, None)
    assert rule(MOUNT, strict).stance is Stance.STOPS
    assert rule(Calls((Call("write"),)), strict).stance is Stance.LETS_THROUGH


def test_what_is_not_known_is_unknown() -> None:
    assert rule(MOUNT, replace(under(returning(0)), mode=None)).stance is Stance.UNKNOWN
    assert rule(MOUNT, posture_of(seccomp=ProfileKind.CUSTOM, seccomp_profile="/own.json")).stance is Stance.UNKNOWN
    assert rule(MOUNT, posture_of(seccomp=ProfileKind.UNCONFINED)).stance is Stance.UNKNOWN
    assert rule(MOUNT, posture_of(around(machine="riscv64"))).stance is Stance.UNKNOWN
    assert rule(MOUNT, posture_of(around(EngineKind.PODMAN))).stance is Stance.UNKNOWN


def test_a_second_filter_that_nobody_read_can_only_stop_more() -> None:
    assert rule(MOUNT, under(returning(0x7FFF0000), unseen=True)).stance is Stance.UNKNOWN
    assert rule(MOUNT, under(returning(0x00050001), unseen=True)).stance is Stance.STOPS


def test_other_needs_and_calls_that_this_machine_lacks_are_not_its_job() -> None:
    assert LAYER.stance(Feature("kexec"), posture_of()) is None
    assert LAYER.stance(Calls((Call("no_such_call"),)), posture_of()) is None
    assert LAYER.stance(Calls((Call("iopl"),)), posture_of(around(machine="aarch64"))) is None
    assert rule(MOUNT, posture_of(around(machine="aarch64"))).stance is Stance.STOPS


def test_containers_that_are_alike_have_equal_postures() -> None:
    one, two = posture_of(), posture_of()
    assert one == two
    assert hash(one) == hash(two)
    assert one != posture_of(capabilities=())


def test_a_call_that_no_kernel_has_opens_nothing() -> None:
    """Docker's filter lets lookup_dcookie through with SYS_ADMIN; it went in Linux 5.12, while sysfs(2) is there."""
    old = Calls((Call("sysfs"), Call("lookup_dcookie"), Call("afs_syscall"), Call("vm86")))
    capabilities = (*DOCKER, "CAP_SYS_ADMIN")
    assert rule(old, posture_of(capabilities=capabilities)).stance is Stance.STOPS
    assert rule(old, posture_of(around(kernel="5.11.0"), capabilities=capabilities)).stance is Stance.LETS_THROUGH
    assert rule(old, posture_of()).hinges == frozenset()
    assert LAYER.stance(Calls((Call("create_module"),)), posture_of()) is None
