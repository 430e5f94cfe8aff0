"""Threats by devices of the host that a container was given: keyboards, consoles, graphics, virtual machines, clocks.

Disks and memory are in `host` and `kernel`. What a device is goes by its numbers and names (`collector/devices.py`).
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import direct
from stratascope.core.threats.needs import DeviceKind, Feature, Node
from stratascope.core.threats.threat import Family, Route, Threat

_ONLY_NEEDED = msg("Leave privileged mode, and pass in only those devices (--device) that the program needs.")


def device_route(kind: str, example: str) -> Route:
    """Open any device of that kind that it sees, as its rules allow."""
    feature = Feature("devices_" + kind.replace(" ", "_"))
    return direct(f'open("{example}")', Node(kind), DeviceKind(kind), feature)


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
        (device_route(kind, example),),
        ("CIS-Docker-1.6.0:5.18",),
    )


THREATS = (
    _threat(
        "use-input-devices",
        Severity.HIGH,
        msg("Read and press the host's keys"),
        msg("A process could read what is typed on this machine, or press keys through a device that it makes."),
        msg("It learns passwords, and types commands into the windows of whoever is logged in."),
        "input",
        "/dev/uinput",
    ),
    _threat(
        "use-consoles",
        Severity.HIGH,
        msg("Use the host's consoles"),
        msg("A process could read the text consoles of this machine, and write to them."),
        msg("It sees what root does there, and can pretend to be the login."),
        "console",
        "/dev/tty1",
    ),
    _threat(
        "use-graphics-device",
        Severity.MEDIUM,
        msg("Use graphics devices"),
        msg("A process could attack the large driver of a graphics card, or disturb others who use the card."),
        msg("Drivers of this kind have had many flaws that lead into the kernel; memory of others may be left in it."),
        "graphics",
        "/dev/dri/renderD128",
    ),
    _threat(
        "run-virtual-machines",
        Severity.MEDIUM,
        msg("Run virtual machines"),
        msg(
            "A process could start virtual machines or take hold of hardware, by kernel code that few containers need."
        ),
        msg("Flaws there lead into the kernel, and a virtual machine is out of sight of what watches the host."),
        "virtual machines",
        "/dev/kvm",
    ),
    _threat(
        "use-machine-devices",
        Severity.MEDIUM,
        msg("Use the watchdog, clocks and chips"),
        msg("A process could use devices of the machine itself: its watchdog, its clocks, its security chip."),
        msg("It can have the machine restarted, its clock set, or keys used that the security chip keeps."),
        "machine",
        "/dev/watchdog",
    ),
)
