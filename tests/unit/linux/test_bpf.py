"""Decoding of classic BPF: what the kernel takes, what it refuses, and rubbish."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.linux import bpf
from stratascope.linux.bpf import decode, parse_hex
from stratascope.linux.decode import DecodeError

CAPTURES = CAPTURES / "seccomp"
ALLOW, KILL = 0x7FFF0000, 0


def code(*instructions: tuple[int, ...]) -> bytes:
    """(code, k) or (code, jt, jf, k) each."""
    return b"".join(
        bpf.FORMAT.pack(each[0], *((0, 0, each[1]) if len(each) == 2 else each[1:])) for each in instructions
    )


RETURN = (bpf.RET_K, ALLOW)


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("*.hex")), ids=lambda path: path.stem)
def test_real_filters(path: Path) -> None:
    program = decode(parse_hex(path.read_text()))
    assert len(program) > 1000
    assert program[0] == (bpf.LD_ABS, 0, 0, 4)
    assert program[-1].code == bpf.RET_K


@pytest.mark.parametrize(
    "raw",
    [
        code(RETURN),
        code((bpf.LD_ABS, 60), (bpf.RET_A, 0)),
        code((bpf.JA, 0), RETURN),
        code((bpf.JEQ, 1, 0, 5), RETURN, RETURN),
        code((bpf.JSET | bpf.BY_X, 0, 1, 0), RETURN, RETURN),
        code((bpf.LDX_LEN, 0), (bpf.LD_LEN, 0), (bpf.TAX, 0), (bpf.TXA, 0), RETURN),
        code((bpf.ST, 15), (bpf.LD_MEM, 15), RETURN),
        code((bpf.JEQ, 0, 1, 5), (bpf.ST, 0), RETURN),
        code((bpf.DIV, 1), (bpf.DIV | bpf.BY_X, 0), (bpf.LSH, 31), (bpf.NEG, 0), (bpf.XOR, 7), RETURN),
        code(*[RETURN] * 4096),
    ],
)
def test_good(raw: bytes) -> None:
    assert len(decode(raw)) == len(raw) // 8


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"", "0 bytes"),
        (b"\x06" * 7, "7 bytes"),
        (code(RETURN) + b"\0", "9 bytes"),
        (code(*[RETURN] * 4097), "4096"),
        (code((bpf.LD_IMM, 0)), "not a return"),
        (code((bpf.LD_ABS, 64), RETURN), "loads from 64"),
        (code((bpf.LD_ABS, 2), RETURN), "loads from 2"),
        (code((0x28, 0), RETURN), "no code 0x0028"),  # LD|H|ABS
        (code((0x40, 0), RETURN), "no code 0x0040"),  # LD|IND
        (code((0x94, 3), RETURN), "no code 0x0094"),  # MOD is not seccomp's
        (code((0xFFFF, 0), RETURN), "no code 0xffff"),
        (code((bpf.JA, 1), RETURN), "jumps by 1"),
        (code((bpf.JA, 0xFFFFFFFF), RETURN), "past the end"),
        (code((bpf.JEQ, 0, 1, 0), RETURN), "jumps by 1"),
        (code((bpf.JGT, 255, 0, 0), RETURN), "jumps by 255"),
        (code((bpf.DIV, 0), RETURN), "divides by 0"),
        (code((bpf.LSH, 32), RETURN), "shifts"),
        (code((bpf.RSH, 99), RETURN), "shifts"),
        (code((bpf.ST, 16), RETURN), "memory word 16"),
        (code((bpf.LD_MEM, 0), RETURN), "before it is written"),
        (code((bpf.JEQ, 0, 1, 5), (bpf.ST, 0), (bpf.LD_MEM, 0), RETURN), "before it is written"),
    ],
)
def test_bad(raw: bytes, word: str) -> None:
    with pytest.raises(DecodeError, match=word):
        decode(raw)


@pytest.mark.parametrize("text", ["0", "zz", "06 0", "é"])
def test_no_hexadecimal_digits(text: str) -> None:
    with pytest.raises(DecodeError, match="hexadecimal"):
        parse_hex(text)


@given(st.binary(max_size=256))
def test_any_bytes_are_a_filter_or_a_decode_error(raw: bytes) -> None:
    try:
        program = decode(raw)
    except DecodeError:
        return
    assert program[-1].code in (bpf.RET_K, bpf.RET_A)


@given(st.text(max_size=64))
def test_any_text_is_bytes_or_a_decode_error(text: str) -> None:
    try:
        raw = parse_hex(text)
    except DecodeError:
        return
    assert raw.hex() == "".join(text.split()).lower()
