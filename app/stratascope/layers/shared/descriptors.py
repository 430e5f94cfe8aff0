"""What lies outside of a container and is held open in it: as mounts, devices and files that it has besides its own.

A directory of the host leads to all of the host's files (`..` from it meets no root directory on the way), under the
flags of the host's own mounts. A device or file is used as it was opened: nothing is asked again.
"""

from __future__ import annotations

from stratascope.collector.names import DESCRIPTORS
from stratascope.core.capture import Capture, or_none
from stratascope.core.ground import Ground
from stratascope.layers.shared.devices import NUMBERS
from stratascope.linux.descriptors import Descriptor, parse_descriptors
from stratascope.linux.mounts import Mount

_MEMORY = frozenset(NUMBERS[name] for name in ("/dev/mem", "/dev/kmem", "/dev/port"))


def held(capture: Capture) -> tuple[Descriptor, ...] | None:
    """Those of a process; None: not read. Only root, and the user of a rootless engine, can read them."""
    return or_none(capture.decoded(DESCRIPTORS, parse_descriptors))


def kinds_of_nodes(found: tuple[Descriptor, ...]) -> tuple[str, ...]:
    """The kinds of device nodes held open: disk, memory, log."""
    kinds = {"disk" if each.kind == "b" else _of_number(each.device) for each in found if each.kind in "bc"}
    return tuple(sorted(kinds - {""}))


def _of_number(number: tuple[int, int]) -> str:
    return "memory" if number in _MEMORY else "log" if number == NUMBERS["/dev/kmsg"] else ""


def way_out(found: tuple[Descriptor, ...] | None) -> Descriptor | None:
    """One that leads to all of the host's files."""
    return next((each for each in found or () if each.kind == "d" and each.of_host), None)


def parts_of_host(found: tuple[Descriptor, ...] | None, ground: Ground) -> tuple[Descriptor, ...]:
    """Folders of file systems of the host's that lead no further: of unmounted ones, or of others' mounts."""
    devices = {device for device, _, _ in ground.mounts}
    return tuple([each for each in found or () if each.kind == "d" and not each.of_host and _number(each) in devices])


def _number(each: Descriptor) -> str:
    return "{}:{}".format(*each.device)


def place_of(descriptor: Descriptor) -> str:
    """Where what it leads to is thought of, among the places inside."""
    return f"/({descriptor.number})"


def beyond(descriptor: Descriptor, ground: Ground) -> tuple[Mount, ...]:
    """The host's mounts, as they are reached through it."""
    place, known = place_of(descriptor), ground.file_systems or (("", "rw", "rw"),) * len(ground.mounts)
    return tuple(
        [
            Mount(0, 0, device, root, (place + target).rstrip("/"), options, "", kind, device, super_options)
            for (device, root, target), (kind, options, super_options) in zip(ground.mounts, known, strict=True)
        ]
    )


def as_mount(part: Descriptor, ground: Ground) -> Mount:
    """What such a folder is reached through. Which of its file system it shows is not known."""
    device, known = _number(part), ground.file_systems or (("", "rw", "rw"),) * len(ground.mounts)
    kind = next(kind for (number, _, _), (kind, _, _) in zip(ground.mounts, known, strict=True) if number == device)
    options = "rw" if part.writable else "ro"
    return Mount(0, 0, device, "/?", place_of(part), options, "", kind, device, options)
