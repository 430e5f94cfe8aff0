"""What a filter refused, by the calls of a program on Docker 26.1 and Podman 5.4, and by their filters."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from rig.recorded import container, recorded, surroundings, with_text
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.observation.observation import FilterAnswer
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import HeldCapability, PassedCall
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.filter_source import MeasuredDefault, NoFilter, ProfileFilter
from stratascope.layers.seccomp.layer import LAYER
from stratascope.layers.seccomp.refusals import unusual_answers
from stratascope.linux.namespace import FULL, IdRange
from stratascope.linux.syscalls import known_names
from stratascope.value import replace

DOCKER, PODMAN = surroundings(EngineKind.DOCKER), surroundings(EngineKind.PODMAN)
FILTER = recorded("lsm/apparmor/docker-default")
NONE = recorded("lsm/apparmor/docker-privileged")
WHOLE, OWN = (IdRange(0, 0, FULL),), (IdRange(0, 100000, 65536),)
PASS = "passed"


def call(name: str, *values: int, code: int = errno.EPERM, entered: bool = False, abi: str = "x86_64") -> Attempt:
    return Attempt(AttemptKind.CALL, "x", abi, name, code, entered, (*values, *(0,) * (6 - len(values))), uids=WHOLE)


def claim(
    attempt: Attempt,
    around: Surroundings = DOCKER,
    capture: Capture = FILTER,
    profile: ProfileKind = ProfileKind.DEFAULT,
) -> Claim | None:
    facts = LAYER.decode(capture, container(seccomp=profile), around)
    return LAYER.refused(attempt, facts, around)


def with_kernel_filter(name: str) -> Capture:
    text = (CAPTURES / "seccomp" / f"{name}.hex").read_text()
    return Capture(FILTER.pid, (*FILTER.readings, Reading("seccomp:0", "kernel", text)))


def wants(found: Claim | None) -> list[str]:
    assert found is not None
    return [
        PASS if isinstance(want, PassedCall) else ",".join(want.names)
        for want in found.wants
        if isinstance(want, PassedCall | HeldCapability)
    ]


@pytest.mark.parametrize(
    ("attempt", "sentence", "expected"),
    [
        (call("mount", 1, 1, 1), "refuses the call mount to a container without SYS_ADMIN.", ["CAP_SYS_ADMIN"]),
        (call("unshare", 1 << 28), "the call unshare(CLONE_NEWUSER) to a container", [PASS, "CAP_SYS_ADMIN"]),
        (call("unshare", 1 << 30), "the call unshare(CLONE_NEWNET) to a container", ["CAP_SYS_ADMIN"]),
        (call("clone", 0x10000011), "the call clone(CLONE_NEWUSER) to a container", [PASS, "CAP_SYS_ADMIN"]),
        (call("socket", 40, 1), "refuses the call socket(AF_VSOCK) and answers EPERM.", [PASS]),
        (call("personality", 0xDEAD), "refuses the call personality(0xdead) and answers EPERM.", [PASS]),
        (call("io_uring_setup", 1), "refuses the call io_uring_setup and answers EPERM.", [PASS]),
        (call("keyctl"), "refuses the call keyctl and answers EPERM.", [PASS]),
        (call("bpf"), "without BPF or SYS_ADMIN.", ["CAP_BPF", "CAP_SYS_ADMIN"]),
        (call("perf_event_open"), "without PERFMON or SYS_ADMIN.", ["CAP_PERFMON", "CAP_SYS_ADMIN"]),
        (call("set_mempolicy"), "without SYS_NICE.", [PASS, "CAP_SYS_NICE"]),
        (call("mseal", code=errno.ENOSYS), "answers the call mseal as if this kernel did not have it.", [PASS]),
        (call("mount", abi="i386"), "refuses the call mount and answers EPERM.", [PASS]),
    ],
)
def test_docker_s_default(attempt: Attempt, sentence: str, expected: list[str]) -> None:
    found = claim(attempt)
    assert found is not None
    assert (found.layer, found.strength) == ("seccomp", Strength.SAID)
    text = translate(found.what)
    assert text.startswith("The default filter of Docker")
    assert text.endswith(sentence) or sentence in text
    assert wants(found) == expected


def test_a_capability_that_the_kernel_asks_of_the_machine_is_no_remedy_in_another_user_namespace() -> None:
    assert wants(claim(replace(call("clock_settime"), uids=OWN))) == []
    assert wants(claim(replace(call("mount"), uids=OWN))) == ["CAP_SYS_ADMIN"]


def test_what_began_was_not_refused_by_a_filter() -> None:
    assert claim(call("mount", entered=True)) is None
    assert claim(Attempt(AttemptKind.OUT_OF_MEMORY, "x")) is None


def test_a_filter_that_lets_it_through_was_not_it() -> None:
    """sshd's sandbox is a filter of its own, in a container with or without one."""
    for capture in (FILTER, NONE, with_kernel_filter("docker-default")):
        found = claim(call("getpid"), capture=capture)
        assert found is not None
        assert translate(found.what).startswith("A filter that the program installed itself")
        assert found.wants == ()


def test_another_errno_than_the_kernel_s_filter_has_is_another_filter_s() -> None:
    capture = with_kernel_filter("podman-crun-default")
    audit = call("socket", 16, 3, 9, code=errno.EINVAL)
    assert wants(claim(audit, PODMAN, capture)) == [PASS]
    other = claim(replace(audit, errno=errno.EACCES), PODMAN, capture)
    assert other is not None
    assert translate(other.what).startswith("A filter that the program")


def test_a_filter_of_ones_own() -> None:
    found = claim(call("socket", 40, 1), profile=ProfileKind.CUSTOM)
    assert found is not None
    text = translate(found.what)
    assert text == "The filter that this container was given refuses the call socket(AF_VSOCK) and answers EPERM."
    profile = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
    facts = LAYER.decode(FILTER, container(seccomp=ProfileKind.CUSTOM, seccomp_profile=profile), DOCKER)
    handed = LAYER.refused(call("mkdir", code=errno.EACCES), facts, DOCKER)
    assert handed is not None
    assert "hands the call mkdir to another program" in translate(handed.what)


def test_without_facts_it_is_certain_all_the_same() -> None:
    found = LAYER.refused(call("mount"), None, DOCKER)
    assert found is not None
    assert found.strength is Strength.SAID
    assert translate(found.what) == "A filter refuses the call mount and answers EPERM."


def test_a_number_that_is_another_call_of_32_bits() -> None:
    """By int 0x80 a program of 64 bits gives 283 for kexec_load; a call that never began does not show that."""
    found = claim(call("timerfd_create"))
    assert found is not None
    assert translate(found.what).endswith("refuses the call kexec_load, whose number comes from a 32-bit program.")
    assert found.strength is Strength.LIKELY
    assert found.wants == (PassedCall("i386", "kexec_load", ()),)
    other = claim(call("timerfd_create", code=errno.EACCES))
    assert other is not None
    assert translate(other.what).startswith("A filter that the program installed itself")


KILL = 'auid=4294967295 uid=0 gid=0 ses=4294967295 pid=7 comm="x" exe="/x" sig=31 arch=c000003e syscall=83 compat=0'


def test_killed_by_a_filter() -> None:
    named = Attempt(AttemptKind.KILLED, "x", "x86_64", "mkdir", 0, False, lines=(f"{KILL} ip=0x7f code=0x80000000",))
    found = claim(named, profile=ProfileKind.CUSTOM)
    assert found is not None
    assert translate(found.what) == "The filter that this container was given ends a process for the call mkdir."
    assert wants(found) == [PASS]
    trap = replace(named, lines=(f"{KILL} ip=0x7f code=0x30000",))
    found = claim(trap, profile=ProfileKind.CUSTOM)
    assert found is not None
    assert "with the signal SIGSYS" in translate(found.what)
    nameless = claim(Attempt(AttemptKind.KILLED, "x", entered=False), profile=ProfileKind.CUSTOM)
    assert nameless is not None
    assert (nameless.strength, nameless.wants) == (Strength.SAID, ())
    own = claim(named)
    assert own is not None
    assert translate(own.what).startswith("A filter that the program installed itself")


def test_what_it_answers_beside_the_usual_refusals() -> None:
    """The observer has to be told of these before: they are daily bread of calls that work."""
    kill = '{"names": ["read"], "action": "SCMP_ACT_KILL"}'
    rule = f'{{"names": ["fsync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}}, {kill}'
    text = f'{{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{rule}]}}'
    own = replace(FACTS, origin=ProfileFilter(text, "/own.json", frozenset(), (6, 18), "x86_64"))
    assert unusual_answers(own) == (FilterAnswer("x86_64", "fsync", 5),)
    assert unusual_answers(replace(FACTS, origin=MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset()))) == ()
    assert unusual_answers(replace(FACTS, origin=NoFilter())) == ()
    assert unusual_answers(replace(FACTS, origin=None)) == ()


@given(
    st.sampled_from([AttemptKind.CALL, AttemptKind.KILLED]),
    st.sampled_from(sorted(known_names())) | st.text(max_size=9),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=6),
    st.sampled_from(["", "x86_64", "i386", "x32", "aarch64", "?"]),
    st.integers(0, 4095),
    st.lists(st.text(max_size=80) | st.just(KILL + " code=0x0"), max_size=3),
)
def test_nothing_raises(kind: AttemptKind, name: str, values: list[int], abi: str, code: int, lines: list[str]) -> None:
    attempt = Attempt(kind, "x", abi, name, code, False, tuple(values), lines=tuple(lines))
    found = LAYER.refused(attempt, FACTS, DOCKER)
    assert found is not None
    assert translate(found.what).endswith(".")


FACTS = LAYER.decode(with_text(FILTER, "attr/current", "x"), container(seccomp=ProfileKind.DEFAULT), DOCKER)
