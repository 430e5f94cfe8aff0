"""Devices: what a node opens, and which of them the rules of the device cgroup let a container use.

A rule is `TYPE MAJOR:MINOR ACCESS`, as printed in `devices.list`. The kernel allows an access if one rule allows all of
it (security/device_cgroup.c, match_exception). Runtimes allow in every container the OCI runtime specification's
default devices, and creating (not opening) any node. Device numbers are from Documentation/admin-guide/devices.txt.
"""

from __future__ import annotations

import re

from stratascope.bounded_cache import remembered
from stratascope.collector.devices import KINDS, kind_of
from stratascope.collector.names import SPECIAL
from stratascope.core.capture import Capture, or_none
from stratascope.core.container import AskedDevice
from stratascope.core.ground import Ground, SpecialFile, SpecialFiles, parse_special
from stratascope.core.threats.needs import Device
from stratascope.layers.shared.host_paths import is_disk
from stratascope.value import replace

ALL_DEVICES = ("a *:* rwm",)
_DEFAULT = (
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:1 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
)
# /dev/net/tun: runc (until 1.2) and crun always allow it, but never create the node
OF_RUNTIMES = ("c 10:200 rwm",)
_RULE = re.compile(r"[abc] (?:[0-9]+|\*):(?:[0-9]+|\*) [rwm]{1,3}").fullmatch
_OTHER_BLOCK = re.compile(
    r"/dev/(?:(?:loop|ram|zram|nbd|sr|fd|zd|rbd|drbd|bcache|ublkb|pmem|mmcblk)[0-9]+(?:\.[0-9]+)?s?"
    r"(?:(?:p|boot)?[0-9]+)?|dasd[a-z]+[0-9]*)"
).fullmatch
# Anything in a subdirectory of /dev counts as one (/dev/GROUP/VOLUME of LVM, /dev/zvol, /dev/md, /dev/block …), except
# in those for other kinds of devices
_IN_FOLDER = re.compile(r"/dev/([^/]+)/.+").fullmatch
_CHARACTER_FOLDERS = frozenset(
    (
        *("accel", "bsg", "bus", "char", "cpu", "dma_heap", "dri", "dvb", "fd", "hugepages", "infiniband", "input"),
        *("mqueue", "net", "nvidia-caps", "pts", "serial", "shm", "snd", "usb", "v4l", "vfio"),
    )
)
# Nodes of the host that matter, by their kernel names: major and minor number
NUMBERS = {
    "/dev/mem": (1, 1),
    "/dev/kmem": (1, 2),
    "/dev/port": (1, 4),
    "/dev/kmsg": (1, 11),
    "/dev/loop0": (7, 0),
    "/dev/fuse": (10, 229),
}
_BY_NUMBER = {number: name for name, number in NUMBERS.items()}
MEMORY_NODES, LOG_NODE = frozenset(("/dev/mem", "/dev/kmem", "/dev/port")), "/dev/kmsg"
# Those of every container; rootless engines bind them, because they can't create any
STANDARD_NODES = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "random", "urandom", "console"))


def kind_by_path(path: str) -> str:
    """The kind of character device by its path on the host; empty: none that matters."""
    return kind_of(0, 0, path.removeprefix("/dev/")) or "" if path.startswith("/dev/") else ""


def kinds_allowed(
    rules: tuple[str, ...], devices: tuple[AskedDevice, ...], special: SpecialFiles | None, access: str
) -> tuple[str, ...]:
    """The kinds of character devices of which the rules allow some to be read (`access` r) or written (w): of the nodes
    that it sees, of those that were asked for and are not among them, and by number.
    """
    if any(_allows(rule, "c", -1, -1, access) for rule in rules):
        return tuple(KINDS)
    nodes = () if special is None else special.files
    seen = {item.path for item in nodes}
    found = {kind_by_path(each.source) for each in devices if access in each.permissions and each.target not in seen}
    for item in nodes:
        if item.kind == "c" and passes(rules, Device("c", item.major, item.minor, access)):
            found.add(node_kind(item))
    found.update(*(_kinds_by_number(rule, access) for rule in rules))
    return tuple(kind for kind in KINDS if kind in found)


@remembered()
def _kinds_by_number(rule: str, access: str) -> tuple[str, ...]:
    """The kinds of which this rule allows some to be read or written, by number."""
    which, number, granted = rule.split()
    major, minor = number.split(":")
    if which != "c" or access not in granted or not major.isdigit():
        return ()
    # miscellaneous devices outside of these numbers get one as they come (MISC_DYNAMIC_MINOR, drivers/char/misc.c)
    varies = major == "10" and (minor == "*" or not 128 <= int(minor) < 256)
    return tuple(
        kind
        for kind, (majors, pairs, _) in KINDS.items()
        if int(major) in majors
        or any(str(one) == major and minor in ("*", str(two)) for one, two in pairs)
        or (varies and kind == "page faults")
    )


def passes(rules: tuple[str, ...], need: Device) -> bool:
    """Whether a rule allows this use; a disk of unknown number (`minor` None) matches any rule for a block device."""
    return any(_allows(rule, need.kind, need.major, need.minor, need.access) for rule in rules)


@remembered()
def _allows(rule: str, kind: str, major: int | None, minor: int | None, access: str) -> bool:
    which, number, granted = rule.split()
    if which not in ("a", kind) or not set(access) <= set(granted):
        return False
    pairs = zip(number.split(":"), (major, minor), strict=True)
    return all(have == "*" or want is None or have == str(want) for have, want in pairs)


def in_every_container(kind: str, major: int, minor: int) -> bool:
    """Whether the runtimes give such a node to every container."""
    return any(_allows(rule, kind, major, minor, "r") for rule in _DEFAULT)


def is_block(node: str) -> bool:
    """Whether a node in /dev is a block device, by its kernel name."""
    if is_disk(node) or _OTHER_BLOCK(node) is not None:
        return True
    folder = _IN_FOLDER(node)
    return folder is not None and folder[1] not in _CHARACTER_FOLDERS


def passes_block(device: AskedDevice) -> bool:
    """Whether a block device was passed in. Podman may report another device with the same number as its source."""
    return is_block(device.source) or is_block(device.target)


@remembered()
def merged(rules: tuple[str, ...]) -> tuple[str, ...]:
    """The rules as the kernel keeps them, one for each device (security/device_cgroup.c, dev_exception_add)."""
    found: dict[str, set[str]] = {}
    if any(rule.startswith("a ") for rule in rules):
        return ALL_DEVICES
    for rule in rules:
        device, _, access = rule.rpartition(" ")
        found.setdefault(device, set()).update(access)
    return tuple(f"{device} {''.join(each for each in 'rwm' if each in access)}" for device, access in found.items())


def runtime_default(
    privileged: bool,
    devices: tuple[AskedDevice, ...],
    rules: tuple[str, ...] = (),
    nodes: tuple[SpecialFile, ...] = (),
) -> tuple[str, ...]:
    """The rules that engines give their runtime, as far as the options show; `rules` as typed; `nodes`: of the host."""
    if privileged:
        return ALL_DEVICES
    asked = []
    for device in devices:
        node = next((node for node in nodes if node.path == device.source), None)
        if node is not None:
            asked.append(f"{node.kind} {node.major}:{node.minor} {device.permissions}")
            continue
        names = (device.source, device.target)
        known = next((name for name in names if name in NUMBERS), None)
        if device.permissions and (known is not None or passes_block(device)):
            kind, (major, minor) = (
                ("b", (-1, -1)) if known is None else ("b" if is_block(known) else "c", NUMBERS[known])
            )
            asked.append(f"{kind} {major}:{minor} {device.permissions}")
    return (*_DEFAULT, *asked, *filter(_RULE, rules))


def special_files(capture: Capture, ground: Ground) -> SpecialFiles | None:
    """None if they were not read."""
    found = or_none(capture.decoded(SPECIAL, parse_special))
    return found if found is None or not found.files or not ground.misc else _named(found, ground.misc)


@remembered()
def _named(found: SpecialFiles, misc: tuple[tuple[int, str], ...]) -> SpecialFiles:
    names = dict(misc)
    files = [
        replace(item, name=names[item.minor]) if (item.kind, item.major) == ("c", 10) and item.minor in names else item
        for item in found.files
    ]
    return replace(found, files=tuple(files))


def node_kind(item: SpecialFile) -> str:
    """The kind, as in `core.threats.needs.Node`; empty: none that matters."""
    if item.kind == "b":
        return "disk"
    if item.kind != "c":
        return ""
    name = _BY_NUMBER.get((item.major, item.minor))
    if name in MEMORY_NODES or name == LOG_NODE:
        return "log" if name == LOG_NODE else "memory"
    below = item.path.rpartition("/dev/")[2] if "/dev/" in item.path else item.path.rpartition("/")[2]
    return kind_of(item.major, item.minor, item.name or below) or ""
