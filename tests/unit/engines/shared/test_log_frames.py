"""A log as it comes from an engine: frames in any pieces, lines with their moments, nothing without end."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.ports import LogLine
from stratascope.engines.shared.events import frames, lines

AT = "2026-11-28T11:03:14.167042159Z"


def frame(text: bytes, stream: int = 1) -> bytes:
    return struct.pack(">BxxxI", stream, len(text)) + text


def docker(*texts: bytes) -> bytes:
    return b"".join(frame(f"{AT} ".encode() + text) for text in texts)


def test_docker_ends_lines_by_itself_and_splits_long_ones() -> None:
    whole = docker(b"one\n", b"a long ", b"line\n", b"not ended")
    assert list(lines(frames([whole]), whole=False)) == [
        LogLine(AT, "one"), LogLine(AT, "a long line"), LogLine(AT, "not ended")
    ]  # fmt: skip


def test_podman_has_a_line_a_frame() -> None:
    assert list(lines(frames([docker(b"one", b"", b"two")]), whole=True)) == [
        LogLine(AT, "one"), LogLine(AT, ""), LogLine(AT, "two")
    ]  # fmt: skip


def test_a_terminal_has_no_frames() -> None:
    raw = [f"{AT} one\r\n{AT} tw".encode(), b"o\r\n"]
    assert list(lines(raw, whole=False)) == [LogLine(AT, "one\r"), LogLine(AT, "two\r")]


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(1, 20))
def test_frames_may_come_in_any_pieces(texts: list[bytes], step: int) -> None:
    whole = b"".join(frame(text) for text in texts)
    pieces = [whole[at : at + step] for at in range(0, len(whole), step)]
    assert list(frames(pieces)) == list(frames([whole])) == texts


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_anything_may_come(pieces: list[bytes]) -> None:
    for whole in (True, False):
        list(lines(frames(pieces), whole=whole))
        list(lines(pieces, whole=whole))


def test_a_frame_and_a_line_without_end_are_told_in_pieces() -> None:
    endless = [frame(b"x")[:4] + struct.pack(">I", 1 << 31)] + [b"x" * 100_000] * 20
    assert sum(len(each) for each in frames(endless)) == 2_000_000
    told = list(lines([b"y" * 1_000_000], whole=False))
    assert sum(len(line.text) for line in told) == 1_000_000
    assert max(len(line.text) for line in told) <= 1 << 14


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-28T11:03:14.167042159Z", "1795863794.167042159"),
        ("2026-11-28T11:02:08Z", "1795863728.0"),
        ("2026-11-28T12:02:08.5+01:00", "1795863728.5"),
        ("2026-11-28T12:02:08+01:00", "1795863728.0"),
    ],
)
def test_moments_as_both_engines_take_them(moment: str, seconds: str) -> None:
    from stratascope.engines.shared.daily import seconds_of

    assert seconds_of(moment) == seconds
