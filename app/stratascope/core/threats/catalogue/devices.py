"""Threats by devices of the host that a container was given: keyboards, consoles, graphics, virtual machines, clocks.

Disks and memory are in `host` and `kernel`. What a device is goes by its numbers and names (`collector/devices.py`).
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    DIRECT,
    DROP_ADMIN,
    MAKE_NODE,
    MAY_MOUNT,
    MOUNT_CALLS,
    devices_opened,
    direct,
    initial,
    read_or_written,
    unattached,
)
from stratascope.core.threats.needs import Device, DeviceKind, Feature, Mounting, Node
from stratascope.core.threats.threat import Family, Route, Step, Threat
from stratascope.value import replace

_ONLY_NEEDED = msg("Remove --privileged, and pass in only those devices (--device) that the program needs.")


def device_routes(kind: str, example: str) -> tuple[Route, ...]:
    """Open any device of that kind that it sees or makes a node of, as its rules allow."""
    feature = Feature("devices_" + kind.replace(" ", "_"))
    return read_or_written(
        direct(f'open("{example}")', Node(kind), DeviceKind(kind), feature),
        Route(
            msg("a node made with mknod"),
            (
                Step('mknod("/dev/x", S_IFCHR, device)', (*MAKE_NODE, Device("c", None, None, "m"))),
                Step('open("/dev/x")', (Node(kind, made=True), DeviceKind(kind), feature)),
            ),
        ),
    )


def _threat(
    name: str, severity: Severity, title: Message, what: Message, gives: Message, kind: str, example: str
) -> Threat:
    return Threat(
        name,
        Family.HOST,
        severity,
        title,
        what,
        gives,
        _ONLY_NEEDED,
        "cgroup",
        device_routes(kind, example),
        ("CIS-Docker-1.6.0:5.18",),
    )


# fuse_get_tree, fs/fuse/inode.c. Programs of the host go into it only where its user namespace is the initial one:
# fuse_allow_current_process, fs/fuse/dir.c
_FUSE, _FUSE_NUMBERS = "file systems", Device("c", 10, 229, "r")
_FIRST, *_REST = unattached("fuse")
_FUSE_MOUNTS = (
    (Step('mount("fuse", "allow_other")', (MOUNT_CALLS, MAY_MOUNT, initial("SYS_ADMIN"), Mounting("mount"))),),
    (replace(_FIRST, needs=(*_FIRST.needs, initial("SYS_ADMIN"))), *_REST),
)


def _fuse_routes() -> tuple[Route, ...]:
    """Open such a device in each way, and mount with it in each way."""
    opened = (
        *read_or_written(
            direct('open("/dev/fuse")', Node(_FUSE), _FUSE_NUMBERS),
            Route(
                msg("a node made with mknod"),
                (
                    Step('mknod("/dev/x", 10:229)', (*MAKE_NODE, replace(_FUSE_NUMBERS, access="m"))),
                    Step('open("/dev/x")', (Node(_FUSE, made=True), _FUSE_NUMBERS)),
                ),
            ),
        ),
        *devices_opened(_FUSE, "10:229", _FUSE_NUMBERS),
    )
    by_mount, by_newer_calls = _FUSE_MOUNTS
    newer = msg("with the newer calls")
    return (
        *(Route(way.name, (*way.steps, *by_mount)) for way in opened),
        *(
            Route(
                newer if way.name == DIRECT else msg("{way}, mounted with the newer calls", way=way.name),
                (*way.steps, *by_newer_calls),
            )
            for way in opened
        ),
    )


THREATS = (
    Threat(
        "serve-file-system",
        Family.HOST,
        Severity.MEDIUM,
        msg("Hang programs by its own filesystem"),
        msg("Could mount its own FUSE filesystem, and never answer programs that read from it."),
        msg("Programs of the host that look at the container's files, such as scanners and backups, hang for good."),
        DROP_ADMIN,
        "capabilities",
        tuple(
            replace(way, steps=(*way.steps[:-1], replace(way.steps[-1], needs=(*way.steps[-1].needs, Feature("fuse")))))
            for way in _fuse_routes()
        ),
        ("fuse(4)", "CIS-Docker-1.6.0:5.18"),
    ),
    _threat(
        "use-input-devices",
        Severity.HIGH,
        msg("Read and press the host's keys"),
        msg("Could read every key typed on this machine, and type on its own."),
        msg("It learns passwords, and types commands into the windows of whoever is logged in."),
        "input",
        "/dev/uinput",
    ),
    _threat(
        "use-consoles",
        Severity.HIGH,
        msg("Use the host's consoles"),
        msg("Could read the text consoles of this machine, and write to them."),
        msg("It sees what root does there, and can pretend to be the login."),
        "console",
        "/dev/tty1",
    ),
    _threat(
        "use-graphics-device",
        Severity.MEDIUM,
        msg("Use graphics devices"),
        msg("Could attack the graphics card's driver, or disturb others that use the card."),
        msg("Graphics drivers have had many kernel vulnerabilities; the card may still hold other programs' memory."),
        "graphics",
        "/dev/dri/renderD128",
    ),
    _threat(
        "run-virtual-machines",
        Severity.MEDIUM,
        msg("Run virtual machines"),
        msg("Could start virtual machines or take over hardware, through kernel code that few containers need."),
        msg("Vulnerabilities there lead into the kernel, and what watches the host can't see into a virtual machine."),
        "virtual machines",
        "/dev/kvm",
    ),
    _threat(
        "use-machine-devices",
        Severity.MEDIUM,
        msg("Use the watchdog, clocks and chips"),
        msg("Could use devices of the machine itself: watchdog, clocks, security chip."),
        msg("It can restart the machine, set its clock, or use keys that the security chip keeps."),
        "machine",
        "/dev/watchdog",
    ),
)
