"""Text that is short enough to be read must not cost minutes: what a container, or the machine behind ssh://, can write
is decoded in time that grows with it, not with its square.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from rig.recorded import recorded, with_text
from stratascope.layers import all_layers
from stratascope.linux.mounts import parse_mountinfo
from unit.layers.surroundings import around, container

BASE = recorded("lsm/apparmor/docker-default")
MOUNTS = str(BASE.text("mountinfo"))
ROOT = next(mount.id for mount in parse_mountinfo(MOUNTS) if mount.target == "/")
MOST = 20.0  # seconds of CPU; by the square it was 66 for the first of these
SIZE = 1 << 20  # bytes, as much as is read of one file


def many(line: Callable[[int], str]) -> str:
    lines: list[str] = []
    size = 0
    while size < SIZE:
        lines.append(line(len(lines)))
        size += len(lines[-1])
    return "".join(lines[:-1])


def over(number: int) -> str:
    return f"{10_000 + number} {9_999 + number if number else ROOT} 0:50 / /d rw - tmpfs tmpfs rw\n"


def beside(number: int) -> str:
    return f"{10_000 + number} {ROOT} 0:50 / /d/{number} rw - tmpfs tmpfs rw\n"


def within(number: int) -> str:
    return f"{10_000 + number} {9_999 + number if number else ROOT} 0:50 / {'/a' * (number + 1)} rw - tmpfs tmpfs rw\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mountinfo", MOUNTS + many(over)),
        ("mountinfo", MOUNTS + many(beside)),
        ("mountinfo", MOUNTS + many(within)),
        ("cgroup", many(lambda number: f"{number}:c{number}:/{number}\n")),
        ("status", many(lambda number: f"Groups:\t{number}\n")),
        ("uid_map", many(lambda number: f"{number} {number} 1\n")),
        ("limits", many(lambda number: f"Max open files            {number}                 {number}        files\n")),
        ("cgroup:v2:0:io.max", many(lambda number: f"8:{number} rbps=1\n")),
        ("cgroup:blkio:0:blkio.throttle.read_bps_device", many(lambda number: f"8:{number} 1\n")),
        ("cgroup:devices:0:devices.list", many(lambda number: f"c 1:{number} rwm\n")),
        ("cgroup:v2:0:cpuset.cpus.effective", ",".join(map(str, range(0, 150_000, 2)))),
    ],
)
def test_a_reading_as_long_as_one_may_be(name: str, text: str) -> None:
    capture, thing, near = with_text(BASE, name, text), container(), around()
    begun = time.process_time()
    for layer in all_layers():
        facts = layer.decode(capture, thing, near)
        layer.assess(facts, layer.asked(thing), near).draw()
    assert time.process_time() - begun < MOST
