"""Kinds of character devices: by number, by name, and by the rules of a device cgroup."""

from __future__ import annotations

import pytest

from stratascope.collector.devices import FEATURES, KINDS, kind_of
from stratascope.collector.names import SPECIAL
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import AskedDevice
from stratascope.core.ground import FEATURES as OF_THE_GROUND
from stratascope.core.ground import UNREAD, SpecialFile, SpecialFiles, parse_misc
from stratascope.layers.shared.devices import (
    ALL_DEVICES,
    kind_by_path,
    kinds_allowed,
    node_kind,
    runtime_default,
    special_files,
)
from stratascope.value import replace


@pytest.mark.parametrize(
    ("major", "minor", "name", "kind"),
    [
        (10, 223, "renamed", "input"),
        (13, 64, "input/event0", "input"),
        (245, 0, "hidraw0", "input"),
        (4, 1, "tty1", "console"),
        (10, 229, "fuse", "file systems"),
        (4, 64, "ttyS0", None),
        (7, 128, "vcsa", "console"),
        (21, 0, "sg0", "disk commands"),
        (240, 0, "ng0n1", "disk commands"),
        (226, 128, "dri/renderD128", "graphics"),
        (241, 0, "kfd", "graphics"),
        (10, 232, "kvm", "virtual machines"),
        (10, 130, "watchdog", "machine"),
        (1, 3, "null", None),
    ],
)
def test_kinds(major: int, minor: int, name: str, kind: str | None) -> None:
    assert kind_of(major, minor, name) == kind


def test_the_ground_has_a_feature_for_each() -> None:
    assert set(FEATURES) <= set(OF_THE_GROUND)
    assert set(FEATURES.values()) == set(KINDS)


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/dev/kvm", "virtual machines"), ("/dev/nvidia0", "graphics"), ("/srv/kvm", ""), ("/dev/null", "")],
)
def test_by_path(path: str, kind: str) -> None:
    assert kind_by_path(path) == kind


def _node(major: int, minor: int, path: str) -> SpecialFile:
    return SpecialFile("c", major, minor, 0, 0, 0o660, "0:5:1", path)


def test_a_node_of_any_name_is_known_by_its_number() -> None:
    assert node_kind(_node(10, 223, "/host/x")) == "input"
    assert node_kind(_node(245, 0, "/seen/dev/hidraw3")) == "input"
    assert node_kind(_node(1, 1, "/dev/mem")) == "memory"


def test_a_number_that_is_given_as_it_comes_is_known_by_the_hosts_list() -> None:
    ground = replace(UNREAD, misc=parse_misc("257 userfaultfd\n 61 btrfs-control\n"))
    text = "c 10:257 0 0 600 0:5:1 /faults\nc 10:61 0 0 600 0:5:2 /x\n"
    reading = Reading(SPECIAL, "/proc/7/root", text)
    found = special_files(Capture(7, (reading,)), ground)
    assert found is not None
    assert [node_kind(item) for item in found.files] == ["page faults", ""]


PLAIN = runtime_default(False, ())


@pytest.mark.parametrize(
    ("rules", "devices", "seen", "kinds"),
    [
        (PLAIN, (), (), ()),
        (ALL_DEVICES, (), (), tuple(KINDS)),
        ((*PLAIN, "c *:* rwm"), (), (), tuple(KINDS)),
        ((*PLAIN, "c 10:232 rwm"), (), (), ("virtual machines",)),
        ((*PLAIN, "c 10:* rwm"), (), (), ("input", "file systems", "virtual machines", "machine", "page faults")),
        ((*PLAIN, "c 10:257 rwm"), (), (), ("page faults",)),
        ((*PLAIN, "c 13:* w"), (), (), ()),
        (PLAIN, (AskedDevice("/dev/hidraw0", "/dev/x", "rw"),), (), ("input",)),
        (PLAIN, (AskedDevice("/dev/hidraw0", "/dev/x", "w"),), (), ()),
        ((*PLAIN, "c 245:0 r"), (), (_node(245, 0, "/dev/hidraw0"),), ("input",)),
        (PLAIN, (), (_node(245, 0, "/dev/hidraw0"),), ()),
    ],
)
def test_rules(
    rules: tuple[str, ...],
    devices: tuple[AskedDevice, ...],
    seen: tuple[SpecialFile, ...],
    kinds: tuple[str, ...],
) -> None:
    assert kinds_allowed(rules, devices, SpecialFiles(seen, True), "r") == kinds


@pytest.mark.parametrize(
    ("rules", "devices", "seen", "kinds"),
    [
        ((*PLAIN, "c 10:232 w"), (), (), ("virtual machines",)),
        ((*PLAIN, "c 10:232 r"), (), (), ()),
        (PLAIN, (AskedDevice("/dev/tty1", "/dev/x", "w"),), (), ("console",)),
        (PLAIN, (AskedDevice("/dev/tty1", "/dev/x", "r"),), (), ()),
        ((*PLAIN, "c 245:0 w"), (), (_node(245, 0, "/dev/hidraw0"),), ("input",)),
    ],
)
def test_rules_for_writing(
    rules: tuple[str, ...], devices: tuple[AskedDevice, ...], seen: tuple[SpecialFile, ...], kinds: tuple[str, ...]
) -> None:
    assert kinds_allowed(rules, devices, SpecialFiles(seen, True), "w") == kinds


def test_the_first_console_memory_is_no_disk() -> None:
    assert node_kind(_node(7, 0, "/dev/vcs")) == "console"
