"""uid_map and gid_map: good, bad, any text; ids in both directions; what two maps share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import (
    FULL,
    IdRange,
    MountIdMap,
    is_full,
    overlaps,
    parse_full,
    parse_idmap,
    parse_mount_idmaps,
    to_host,
    to_inside,
)

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


MOUNTED = (IdRange(0, 200000, 65536),)


@pytest.mark.parametrize(
    ("text", "maps"),
    [
        ("", ()),
        ("1804 uid 0 200000 65536\n1804 gid 0 200000 65536\n", (MountIdMap(1804, MOUNTED, MOUNTED),)),
        # maps of which nothing is of the reader's own ids
        ("7 uid\n7 gid\n", (MountIdMap(7, (), ()),)),
        (
            "8 uid 0 200000 65536 70000 5 1\n8 gid\n7 gid 0 200000 65536\n7 uid\n",
            (
                MountIdMap(8, (*MOUNTED, IdRange(70000, 5, 1)), ()),
                MountIdMap(7, (), MOUNTED),
            ),
        ),
    ],
)
def test_good_of_mounts(text: str, maps: tuple[MountIdMap, ...]) -> None:
    assert parse_mount_idmaps(text) == maps


@pytest.mark.parametrize(
    "text",
    [
        "7 uid 0 1\n7 gid\n",
        "7 uid 0 1 1 2\n7 gid\n",
        "7 uid 0 1 0\n7 gid\n",
        "7 uid 0 x 1\n7 gid\n",
        "7 uid 0 4294967290 100\n7 gid\n",
        "7 uid\n",
        "7 uid\n7 uid\n7 gid\n",
        "7 pid 0 1 1\n",
        "x uid\nx gid\n",
        "7\n",
        "99999999999 uid\n99999999999 gid\n",
    ],
)
def test_bad_of_mounts(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_mount_idmaps(text)


@given(st.text() | st.from_regex(r"([0-9]{1,3} (uid|gid)( [0-9]{1,11}){0,6}\n){0,4}", fullmatch=True))
def test_any_text_of_mounts(text: str) -> None:
    try:
        maps = parse_mount_idmaps(text)
    except DecodeError:
        return
    assert len({each.mount for each in maps}) == len(maps)
