"""What filters answer: small ones by hand, real ones as measured, and random ones against a plain interpreter."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope import bounded_cache
from stratascope.linux import bpf
from stratascope.linux.bpf import Program, decode, parse_hex
from stratascope.linux.decode import DecodeError
from stratascope.linux.seccomp import Action, Given, Outcomes, action_of, possible
from stratascope.linux.seccomp_filters import answers, run
from stratascope.linux.syscalls import Abi

CAPTURES = CAPTURES / "seccomp"
ALLOW, KILL, EPERM = 0x7FFF0000, 0, 0x00050001


def code(*instructions: tuple[int, ...]) -> bytes:
    return b"".join(
        bpf.FORMAT.pack(each[0], *((0, 0, each[1]) if len(each) == 2 else each[1:])) for each in instructions
    )


def captured(name: str) -> bytes:
    return parse_hex((CAPTURES / f"{name}.hex").read_text())


def kinds(outcomes: Outcomes) -> str:
    return " or ".join(sorted({str(outcome.action) for outcome in outcomes}))


@pytest.mark.parametrize(
    ("name", "abi", "allowed", "denied", "depends"),
    [
        ("docker-default", Abi.X86_64, 298, 82, 3),
        ("docker-default", Abi.I386, 350, 106, 3),
        ("docker-default", Abi.X32, 294, 75, 3),
        ("docker-capdropall-nnp", Abi.X86_64, 297, 83, 3),
        ("podman-crun-default", Abi.X86_64, 311, 70, 2),
        ("podman-rootless-runc", Abi.X86_64, 311, 70, 2),
    ],
)
def test_real_filters(name: str, abi: Abi, allowed: int, denied: int, depends: int) -> None:
    found = Counter(kinds(outcomes) for _, outcomes in answers((captured(name),), abi).calls)
    mixed = sum(count for words, count in found.items() if " or " in words)
    assert (found["ALLOW"], mixed) == (allowed, depends)
    assert sum(found.values()) - allowed - depends == denied


def test_a_filter_for_another_machine_kills() -> None:
    found = answers((captured("docker-default"),), Abi.AARCH64)
    assert {kinds(outcomes) for _, outcomes in found.calls} == {"KILL_THREAD"}


def test_two_launches_of_one_profile_have_equal_answers() -> None:
    """Their bytes differ: crun and runc arrange the same profile in other ways."""
    one, two = captured("podman-crun-default"), captured("podman-rootless-runc")
    assert one != two
    bounded_cache.forget()  # what other tests left may have pushed the shared one out
    first, second = answers((one,), Abi.X86_64), answers((two,), Abi.X86_64)
    assert first is second


def test_conditions_of_docker_s_default() -> None:
    found = answers((captured("docker-default"),), Abi.X86_64)
    namespace, thread = Given(0x10000000), Given(0x003D0F00)
    assert {str(each) for each in found.actions("clone", {0: namespace}) or ()} == {"ERRNO(1)"}
    assert {str(each) for each in found.actions("clone", {0: thread}) or ()} == {"ALLOW"}
    assert {str(each) for each in found.actions("socket", {0: Given(40)}) or ()} == {"ERRNO(1)"}
    assert {str(each) for each in found.actions("socket", {0: Given(2)}) or ()} == {"ALLOW"}
    assert {str(each) for each in found.actions("personality", {0: Given(0x40000)}) or ()} == {"ERRNO(1)"}
    assert found.actions("no_such_call", {}) is None


def test_an_upper_half_hides_a_family_on_64_bits() -> None:
    """Docker's rule compares 64 bits, the kernel takes an int: socket(AF_VSOCK | 1 << 32) passes; not on i386."""
    hidden = Given(40 | 1 << 32)
    assert {
        str(each) for each in answers((captured("docker-default"),), Abi.X86_64).actions("socket", {0: hidden}) or ()
    } == {"ALLOW"}
    assert {
        str(each) for each in answers((captured("docker-default"),), Abi.X32).actions("socket", {0: hidden}) or ()
    } == {"ERRNO(1)"}


NR, ARCH, LOW, HIGH = (bpf.LD_ABS, 0), (bpf.LD_ABS, 4), (bpf.LD_ABS, 16), (bpf.LD_ABS, 20)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (code((bpf.RET_K, ALLOW)), "ALLOW"),
        (code(NR, (bpf.JEQ, 0, 1, 7), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ERRNO(1)"),
        (code(NR, (bpf.JGT, 0, 1, 7), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ALLOW"),
        (code(NR, (bpf.AND, 3), (bpf.JEQ, 0, 1, 3), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ERRNO(1)"),
        (code(NR, (bpf.TAX, 0), (bpf.LD_IMM, 7), (bpf.JEQ | bpf.BY_X, 0, 1, 0), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)),
         "ERRNO(1)"),
        (code(NR, (bpf.ADD, 0x0004FFFF), (bpf.RET_A, 0)), "ERRNO(6)"),
        (code(ARCH, (bpf.JEQ, 0, 1, 0xC000003E), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ERRNO(1)"),
        (code(LOW, (bpf.JEQ, 0, 1, 1), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ALLOW or ERRNO(1)"),
        (code(LOW, (bpf.AND, 0), (bpf.JEQ, 0, 1, 0), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ERRNO(1)"),
        (code(LOW, (bpf.RET_A, 0)), "UNDECIDED"),
        (code((bpf.LD_IMM, 8), (bpf.DIV | bpf.BY_X, 0), (bpf.RET_K, ALLOW)), "KILL_THREAD"),
        (code((bpf.LD_ABS, 8), (bpf.JEQ, 0, 1, 1), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ALLOW or ERRNO(1)"),
        (code((bpf.LD_LEN, 0), (bpf.JEQ, 0, 1, 64), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW)), "ERRNO(1)"),
        # a second test that contradicts the first is not followed
        (code(LOW, (bpf.JGT, 0, 2, 9), (bpf.JGE, 1, 0, 5), (bpf.RET_K, KILL), (bpf.RET_K, EPERM)), "ERRNO(1)"),
        (code((bpf.RET_K, 0x7FC00000)), "USER_NOTIF"),
        (code((bpf.RET_K, 0x00051FFF)), "ERRNO(4095)"),
        (code((bpf.RET_K, 0x12340000)), "KILL_PROCESS"),
    ],
)  # fmt: skip
def test_small_filters(raw: bytes, expected: str) -> None:
    assert kinds(tuple(run(decode(raw), Abi.X86_64, [7])[7])) == expected


def test_the_upper_half_of_an_argument_is_empty_on_i386() -> None:
    raw = code(HIGH, (bpf.JEQ, 0, 1, 0), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW))
    assert kinds(tuple(run(decode(raw), Abi.I386, [7])[7])) == "ERRNO(1)"
    assert kinds(tuple(run(decode(raw), Abi.X86_64, [7])[7])) == "ALLOW or ERRNO(1)"


def test_of_several_filters_the_strictest_counts() -> None:
    allow, deny, log = (code((bpf.RET_K, each)) for each in (ALLOW, EPERM, 0x7FFC0000))
    assert {kinds(outcomes) for _, outcomes in answers((allow, deny, log), Abi.X86_64).calls} == {"ERRNO(1)"}
    assert {kinds(outcomes) for _, outcomes in answers((allow, log), Abi.X86_64).calls} == {"LOG"}
    newest = answers((deny, code((bpf.RET_K, 0x0005000D))), Abi.X86_64)
    assert {kinds(outcomes) for _, outcomes in newest.calls} == {"ERRNO(13)"}


def test_conditions_of_two_filters_are_joined() -> None:
    one = code(LOW, (bpf.JEQ, 0, 1, 1), (bpf.RET_K, EPERM), (bpf.RET_K, ALLOW))
    two = code(LOW, (bpf.JEQ, 0, 1, 1), (bpf.RET_K, ALLOW), (bpf.RET_K, 0x0005000D))
    found = answers((one, two), Abi.X86_64)
    assert {str(each) for each in found.actions("read", {0: Given(1)}) or ()} == {"ERRNO(1)"}
    assert {str(each) for each in found.actions("read", {0: Given(2)}) or ()} == {"ERRNO(13)"}


def test_a_filter_of_endless_ways_ends_undecided() -> None:
    """Each test of another bit doubles the ways; a limit ends it, and what is not followed is not called stopped."""
    tests = [each for bit in range(32) for each in (LOW, (bpf.JSET, 0, 1, 1 << bit), (bpf.LD_IMM, 0))]
    raw = code(*tests, (bpf.RET_K, EPERM))
    found = answers((raw,), Abi.X86_64)
    outcomes = found.of("read")
    assert outcomes is not None
    assert "UNDECIDED" in kinds(outcomes)
    assert len(outcomes) <= 512


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(DecodeError):
        answers((b"\0" * 8,), Abi.X86_64)


def _plainly(program: Program, abi: Abi, number: int, arguments: tuple[int, ...]) -> Action:
    """One call through one filter, by the book: Documentation/networking/filter.rst."""
    words = [number, abi.audit_arch, 0, 0]
    for value in arguments:
        words += [value & 0xFFFFFFFF, value >> 32]
    a = x = place = 0
    memory = [0] * 16
    while True:
        op, true, false, k = program[place]
        place += 1
        by = x if op & bpf.BY_X and op & 7 in (4, 5) else k
        plain = op & ~bpf.BY_X if op & 7 in (4, 5) else op
        match plain:
            case bpf.RET_K:
                return action_of(k)
            case bpf.RET_A:
                return action_of(a)
            case bpf.LD_ABS:
                a = words[k // 4]
            case bpf.LD_IMM:
                a = k
            case bpf.LDX_IMM:
                x = k
            case bpf.LD_MEM:
                a = memory[k]
            case bpf.LDX_MEM:
                x = memory[k]
            case bpf.ST:
                memory[k] = a
            case bpf.STX:
                memory[k] = x
            case bpf.TAX:
                x = a
            case bpf.TXA:
                a = x
            case bpf.JA:
                place += k
            case bpf.JEQ:
                place += true if a == by else false
            case bpf.JGT:
                place += true if a > by else false
            case bpf.JGE:
                place += true if a >= by else false
            case bpf.JSET:
                place += true if a & by else false
            case bpf.ADD:
                a = a + by & 0xFFFFFFFF
            case bpf.SUB:
                a = a - by & 0xFFFFFFFF
            case bpf.AND:
                a &= by
            case bpf.OR:
                a |= by
            case bpf.XOR:
                a ^= by
            case _:
                raise AssertionError(op)


_SMALL = st.sampled_from([0, 1, 2, 3, 5, 7, 40, 0xFF, 0xFFFFFFFF, 0x40000007])
_JUMPS = st.tuples(
    st.sampled_from([code | by for code in (bpf.JEQ, bpf.JGT, bpf.JGE, bpf.JSET) for by in (0, bpf.BY_X)]),
    st.integers(0, 3),
    st.integers(0, 3),
    _SMALL,
)
_OTHERS = st.one_of(
    st.tuples(st.just(bpf.LD_ABS), st.sampled_from([0, 4, 16, 20, 24, 28])),
    st.tuples(st.sampled_from([bpf.LD_IMM, bpf.LDX_IMM, bpf.AND, bpf.OR, bpf.ADD, bpf.SUB, bpf.XOR]), _SMALL),
    st.tuples(st.sampled_from([bpf.AND | bpf.BY_X, bpf.TAX, bpf.TXA]), st.just(0)),
    st.tuples(st.just(bpf.RET_K), st.sampled_from([ALLOW, EPERM, KILL])),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(_JUMPS, _OTHERS), max_size=14),
    st.sampled_from([Abi.X86_64, Abi.X32]),
    st.tuples(_SMALL, _SMALL),
)
def test_random_filters_as_a_plain_interpreter_has_them(
    instructions: list[tuple[int, ...]], abi: Abi, arguments: tuple[int, int]
) -> None:
    """What really comes out is always among the outcomes that are left with these arguments."""
    tail = [(bpf.RET_K, ALLOW)] * 5
    program = decode(code(*instructions, *tail))
    numbers = [0, 3, 7, 40]
    found = run(program, abi, numbers)
    values = (*arguments, 0, 0, 0, 0)
    known = {place: Given(value) for place, value in enumerate(values)}
    for number in numbers:
        left = {str(outcome.action) for outcome in found[number] if possible(outcome.constraints, known)}
        assert str(_plainly(program, abi, number, values)) in left or left == {"UNDECIDED"}
        followed = all(each.op.value != "?" for outcome in found[number] for each in outcome.constraints)
        if followed:
            assert len(left) == 1
