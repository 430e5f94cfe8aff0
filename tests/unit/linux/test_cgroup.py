"""Control groups: real lines of v1, v2 and hybrid, limit files, lists, bad and any text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.cgroup import (
    IoLimit,
    Level,
    Membership,
    ancestor,
    layout_of,
    parse_cpu_max,
    parse_cpulist,
    parse_device_rules,
    parse_io_max,
    parse_limit,
    parse_memberships,
    parse_oom_kills,
    parse_refused_forks,
    parse_throttle,
    path_of,
    smallest,
    version,
)
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import parse_mountinfo

HYBRID = (
    "9:name=systemd:/\n8:pids:/docker/ab\n7:blkio:/docker/ab\n4:memory:/docker/ab\n"
    "3:cpuset:/\n2:cpuacct:/\n1:cpu:/\n0::/\n"
)
V1 = "3:cpu,cpuacct:/docker/ab\n2:memory:/docker/ab\n1:name=systemd:/x:y\n"
V2 = "0::/system.slice/docker-ab.scope\n"


@pytest.mark.parametrize(
    ("text", "which", "memory"),
    [(HYBRID, "hybrid", "/docker/ab"), (V1, "v1", "/docker/ab"), (V2, "v2", "/system.slice/docker-ab.scope")],
)
def test_memberships(text: str, which: str, memory: str) -> None:
    lines = parse_memberships(text)
    assert version(lines) == which
    assert path_of(lines, "memory") == memory


def test_a_path_with_colons_and_a_deleted_one() -> None:
    assert parse_memberships(V1)[2] == Membership(1, ("name=systemd",), "/x:y")
    assert parse_memberships("0::/a (deleted)\n")[0].path == "/a"


def test_systemd_alone_on_v1_is_v2() -> None:
    assert version(parse_memberships("1:name=systemd:/a\n0::/a\n")) == "v2"


def test_ancestors() -> None:
    assert [ancestor("/a/b", level) for level in range(4)] == ["/a/b", "/a", "/", "/"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("max\n", None),
        ("67108864\n", 67108864),
        ("9223372036854771712\n", None),
        ("9223372036854710272", None),
        ("-1\n", None),
        ("0", 0),
    ],
)
def test_limit(text: str, value: int | None) -> None:
    assert parse_limit(text) == value


@pytest.mark.parametrize(("text", "value"), [("50000 100000\n", 0.5), ("max 100000\n", None), ("250000 100000", 2.5)])
def test_cpu_max(text: str, value: float | None) -> None:
    assert parse_cpu_max(text) == value


@pytest.mark.parametrize(("text", "count"), [("0-1\n", 2), ("0\n", 1), ("0-3,8,10-11", 7), ("\n", 0)])
def test_cpulist(text: str, count: int) -> None:
    assert parse_cpulist(text) == count


def test_io_and_devices() -> None:
    assert parse_io_max("8:0 rbps=1048576 wbps=max riops=max wiops=50\n") == (IoLimit("8:0", 1048576, None, None, 50),)
    assert parse_io_max("") == ()
    assert parse_throttle("8:0 1048576\n") == (("8:0", 1048576),)
    assert parse_device_rules("a *:* rwm\n") == ("a *:* rwm",)
    assert parse_device_rules("b *:7 m\n") == ("b *:7 m",)
    assert parse_device_rules("c 1:3 rwm\nc 136:* rwm\n") == ("c 1:3 rwm", "c 136:* rwm")


BAD: list[tuple[Callable[[str], object], str]] = [
    (parse_memberships, ""),
    (parse_memberships, "0:/a"),
    (parse_memberships, "x::/a"),
    (parse_memberships, "0::a"),
    (parse_limit, ""),
    (parse_limit, "1k"),
    (parse_limit, "9" * 30),
    (parse_cpu_max, "max"),
    (parse_cpu_max, "1 0"),
    (parse_cpulist, "3-1"),
    (parse_cpulist, "1,,2"),
    (parse_io_max, "8:0 rbps"),
    (parse_io_max, "sda rbps=1"),
    (parse_throttle, "8:0"),
    (parse_device_rules, "x 1:1 rwm"),
    (parse_device_rules, "c 1:2:3 rwm"),
    (parse_device_rules, "c 1 rwm"),
    (parse_device_rules, "c :1 rwm"),
    (parse_device_rules, "b **:1 rwm"),
    (parse_device_rules, f"b {'9' * 400}:1 rwm"),
]


@pytest.mark.parametrize(("decode", "text"), BAD)
def test_bad(decode: Callable[[str], object], text: str) -> None:
    with pytest.raises(DecodeError):
        decode(text)


@given(st.text(alphabet=st.sampled_from("0123456789-,:/=max \nrbpsw*")) | st.text())
def test_any_text(text: str) -> None:
    for decode in {decode for decode, _ in BAD}:
        try:
            decode(text)
        except DecodeError:
            continue


@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 50))))
def test_smallest(values: list[tuple[int, int | None]]) -> None:
    known = [(value, level) for level, value in values if value is not None]
    best = smallest(values)
    assert best == (None if not known else Level(min(known)[0], min(known)[1]))


@pytest.mark.parametrize(
    ("types", "layout"),
    [
        (("cgroup2",), "v2"),
        (("cgroup", "cgroup"), "v1"),
        (("cgroup", "cgroup2"), "hybrid"),
        (("proc", "tmpfs"), "none"),
        ((), "none"),
    ],
)
def test_layout(types: tuple[str, ...], layout: str) -> None:
    lines = (f"{place} 1 0:{place} / /{place} rw - {kind} {kind} rw\n" for place, kind in enumerate(types, 20))
    assert layout_of(parse_mountinfo("".join(lines))) == layout


@pytest.mark.parametrize(
    ("text", "kills"),
    [
        ("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n", 2),  # memory.events
        ("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", 0),  # memory.oom_control, since Linux 4.13
    ],
)
def test_oom_kills(text: str, kills: int) -> None:
    assert parse_oom_kills(text) == kills


@pytest.mark.parametrize(("text", "refused"), [("max 0\n", 0), ("max 12\n", 12), ("x 1\nmax 3\n", 3)])
def test_refused_forks(text: str, refused: int) -> None:
    assert parse_refused_forks(text) == refused


@pytest.mark.parametrize("text", ["", "max\n", "max -1\n", "max x\n", "oom_kill 1\n"])
def test_bad_refused_forks(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_refused_forks(text)


@pytest.mark.parametrize("text", ["", "oom_kill_disable 0\n", "oom_kill -1\n", "oom_kill\n", "oom_kill ١\n"])
def test_bad_oom_kills(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_oom_kills(text)


@given(st.text() | st.from_regex(r"(oom(_kill)? [0-9]{0,22}\n){0,3}"))
def test_any_oom_kills(text: str) -> None:
    try:
        assert parse_oom_kills(text) >= 0
    except DecodeError:
        return
