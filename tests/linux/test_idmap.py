"""uid_map and gid_map: good, bad, any text; ids in both directions; what two maps share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.idmap import FULL, IdRange, is_full, overlaps, parse_full, parse_idmap, to_host, to_inside

KEEP_ID = "         0     100000       1000\n      1000       1000          1\n      1001     101000      64536\n"
LONG = "".join(f"{number * 10} {100000 + number * 10} 10\n" for number in range(340))


@pytest.mark.parametrize(
    ("text", "ranges"),
    [
        ("         0          0 4294967295\n", (IdRange(0, 0, FULL),)),
        ("0 231072 65536", (IdRange(0, 231072, 65536),)),
        (KEEP_ID, (IdRange(0, 100000, 1000), IdRange(1000, 1000, 1), IdRange(1001, 101000, 64536))),
        ("0 4294967295 1\n", (IdRange(0, FULL, 1),)),
        ("", ()),
    ],
)
def test_good(text: str, ranges: tuple[IdRange, ...]) -> None:
    assert parse_idmap(text) == ranges


@pytest.mark.parametrize(
    "text",
    [
        "0 0",
        "0 0 0",
        "0 0 1 1",
        "a 0 1",
        "-1 0 1",
        "0 0 4294967297",
        "4294967295 0 2",
        "0 1e3 1",
        "٠ 0 1",
        LONG + "9999 9 1\n",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_idmap(text)


@pytest.mark.parametrize(
    ("text", "full"),
    [("         0          0 4294967295\n", True), ("0 0 4294967294", False), ("", False), (KEEP_ID, False)],
)
def test_full(text: str, full: bool) -> None:
    assert parse_full(text) is full


@given(st.text() | st.from_regex(r"([0-9]{1,11} [0-9]{1,11} [0-9]{1,11}\n){0,4}", fullmatch=True))
def test_any_text(text: str) -> None:
    try:
        ranges = parse_idmap(text)
    except DecodeError:
        return
    assert all(part.length > 0 for part in ranges)


def test_340_lines() -> None:
    ranges = parse_idmap(LONG)
    assert len(ranges) == 340
    assert to_host(ranges, 3399) == 103399
    assert to_host(ranges, 3400) is None


def test_both_directions() -> None:
    ranges = parse_idmap(KEEP_ID)
    for inside in (0, 999, 1000, 1001, 65536):
        outside = to_host(ranges, inside)
        assert outside is not None
        assert to_inside(ranges, outside) == inside
    assert to_host(ranges, 65537) is None
    assert to_host(parse_idmap("0 4294967295 5"), 0) is None


def test_this_process() -> None:
    ranges = parse_idmap(Path("/proc/self/uid_map").read_text(encoding="ascii"))
    assert ranges
    assert is_full(ranges) is (ranges == (IdRange(0, 0, FULL),))


RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=4)


@given(RANGES, RANGES)
def test_overlaps_are_the_common_ids(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def ids(parts: list[tuple[int, int]]) -> set[int]:
        return {number for first, length in parts for number in range(first, first + length)}

    def disjoint(parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
        kept: list[tuple[int, int]] = []
        for first, length in sorted(parts):
            if not kept or first >= sum(kept[-1]):
                kept.append((first, length))
        return kept

    one, other = disjoint(one), disjoint(other)
    maps = [tuple(IdRange(0, first, length) for first, length in parts) for parts in (one, other)]
    assert ids(list(overlaps(*maps))) == ids(one) & ids(other)
