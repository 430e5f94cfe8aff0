"""mountinfo: real text of four engines, escapes, covered mounts, masks, bad lines, any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.recorded import recorded
from stratascope.linux.decode import DecodeError
from stratascope.linux.mounts import (
    Propagation,
    is_mask,
    is_proc_read_only,
    parse_mountinfo,
    root_mount,
    seen_whole,
    visible,
)

LINE = r"36 35 98:0 /a\040b /mnt\011x\134y rw,noatime shared:1 master:2 - ext3 /dev/root\043 ro,errors=continue"


def test_fields_and_escapes() -> None:
    (mount,) = parse_mountinfo(LINE + "\n")
    assert (mount.id, mount.parent, mount.device, mount.fs_type) == (36, 35, "98:0", "ext3")
    assert (mount.root, mount.target, mount.source) == ("/a b", "/mnt\tx\\y", "/dev/root#")
    assert mount.read_only
    assert mount.propagation is Propagation.SHARED


@pytest.mark.parametrize(
    ("optional", "propagation"),
    [
        ("", Propagation.PRIVATE),
        (" shared:3", Propagation.SHARED),
        (" master:3 propagate_from:2", Propagation.SLAVE),
        (" unbindable", Propagation.UNBINDABLE),
    ],
)
def test_propagation(optional: str, propagation: Propagation) -> None:
    (mount,) = parse_mountinfo(f"1 0 0:1 / / rw{optional} - tmpfs tmpfs rw")
    assert mount.propagation is propagation
    assert not mount.read_only


@pytest.mark.parametrize(
    "text",
    [
        "36",
        "36 35 98:0 / /mnt rw",
        "36 35 98:0 / /mnt rw - ext3",
        "x 35 98:0 / / rw - ext3 a rw",
        "1 2 0:1 / mnt rw - a b rw",
        "1 2 0:1 / / - a b",
        "1 - 0:1 / / rw - a b rw",
        "1 2 - / / rw - a b rw",
        "1 2 0:1 - / rw - a b rw",
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_mountinfo(text)


WORD = st.sampled_from(["1", "2", "0:1", "/", "/a", "/a/b", "rw", "ro", "-", "tmpfs", "x", "\\040", "shared:1", ""])


@given(st.text() | st.lists(st.lists(WORD, max_size=12).map(" ".join), max_size=5).map("\n".join))
def test_any_text(text: str) -> None:
    try:
        mounts = parse_mountinfo(text)
    except DecodeError:
        return
    seen = visible(mounts)
    assert {mount.id for mount in seen} <= {mount.id for mount in mounts}


PLACES = st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/d"])


@given(st.lists(st.tuples(st.integers(0, 8), PLACES), max_size=8))
def test_what_is_visible_of_what_is_visible_is_the_same(placed: list[tuple[int, str]]) -> None:
    """Also over others at the same place, whose ids nobody sees any more."""
    lines = [f"{number} {parent} 0:1 / {place} rw - tmpfs tmpfs rw" for number, (parent, place) in enumerate(placed, 1)]
    seen = visible(parse_mountinfo("\n".join(lines)))
    assert visible(seen) == seen


@pytest.mark.parametrize("name", ["docker-default", "podman-default", "rootless-default"])
def test_masks_of_real_containers(name: str) -> None:
    text = recorded(f"lsm/apparmor/{name}").text("mountinfo")
    assert isinstance(text, str)
    mounts = visible(parse_mountinfo(text))
    assert [mount.target for mount in mounts if is_mask(mount)] == [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/timer_list",
        "/sys/firmware",
    ]
    closed = {mount.target for mount in mounts if is_proc_read_only(mount)}
    assert closed == {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
    root = root_mount(mounts)
    assert root is not None
    assert root.fs_type == "overlay"


COVERED = """\
1 0 0:1 / / rw - overlay overlay rw
2 1 0:2 / /proc rw - proc proc rw
3 2 0:2 /sys /proc/sys ro - proc proc rw
4 2 0:3 /null /proc/kcore rw - tmpfs tmpfs rw
5 2 0:4 / /proc rw - proc proc rw
"""


def test_a_fresh_proc_uncovers_what_was_masked() -> None:
    seen = visible(parse_mountinfo(COVERED))
    assert [mount.id for mount in seen] == [1, 5]
    assert not any(is_mask(mount) or is_proc_read_only(mount) for mount in seen)


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        ((), ()),
        (("10 1 0:5 / /proc rw - proc proc rw",), (("proc", True),)),
        (("10 1 0:5 / /proc ro - proc proc rw",), (("proc", False),)),
        (("10 1 0:5 / /proc rw - proc proc ro",), (("proc", False),)),
        (("10 1 0:5 /sys /p rw - proc proc rw",), ()),  # a part of it
        (("10 1 0:5 / /proc rw - proc proc rw", "11 10 0:6 /null /proc/kcore rw - tmpfs tmpfs rw"), ()),
        (  # a second one, bound without what lies over the first
            (
                "10 1 0:5 / /proc rw - proc proc rw",
                "11 10 0:6 /null /proc/kcore rw - tmpfs tmpfs rw",
                "12 1 0:5 / /bare ro - proc proc rw",
            ),
            (("proc", False),),
        ),
        (
            ("20 1 0:7 / /sys rw - sysfs sysfs rw", "21 20 0:8 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
            (("sysfs", True),),
        ),  # over a directory that the kernel made for that
        (("20 1 0:7 / /sys rw - sysfs sysfs rw", "21 20 0:8 / /sys/firmware ro - tmpfs tmpfs ro"), ()),
    ],
)
def test_what_is_seen_whole(lines: tuple[str, ...], whole: tuple[tuple[str, bool], ...]) -> None:
    assert seen_whole(parse_mountinfo("\n".join(lines))) == whole


def test_a_mount_above_hides_all_below() -> None:
    text = (
        "1 0 0:1 / / rw - overlay overlay rw\n"
        "2 1 0:2 / /a/b rw - tmpfs tmpfs rw\n"
        "3 1 0:3 / /a rw - tmpfs tmpfs rw\n"
        "4 3 0:4 / /a/c rw - tmpfs tmpfs rw\n"
    )
    assert [mount.id for mount in visible(parse_mountinfo(text))] == [1, 3, 4]


def test_over_a_hidden_one_at_the_same_place() -> None:
    text = (
        "1 0 0:1 / / rw - overlay overlay rw\n"
        "2 1 0:2 / /seen rw - ext4 /dev/x rw\n"
        "3 2 0:3 / /seen ro - ext4 /dev/x rw\n"
        "4 3 0:4 / /seen/sys ro - sysfs sysfs rw\n"
    )
    seen = visible(parse_mountinfo(text))
    assert [(mount.id, mount.parent) for mount in seen] == [(1, 0), (3, 1), (4, 3)]
    assert visible(seen) == seen


def test_this_machine() -> None:
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    mounts = parse_mountinfo(text)
    assert len(mounts) == len(text.splitlines())
    assert root_mount(visible(mounts)) is not None
