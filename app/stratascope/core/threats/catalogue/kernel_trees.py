"""Threats by the kernel's own file systems that exist once for the whole machine: binfmt_misc, tracefs, devtmpfs, …

A process reaches them where one is bound in, or by mounting it again.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import mounted_file
from stratascope.core.threats.needs import Access, NotLockedDown
from stratascope.core.threats.threat import Family, Threat

_BINFMT = "/proc/sys/fs/binfmt_misc/register"
_VARIABLES = "/sys/firmware/efi/efivars"
_NOT_SEEN = msg("Drop SYS_ADMIN, leave privileged mode, and do not mount the host's /sys or parts of it.")

THREATS = (
    Threat(
        "register-program-format",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Take over how programs are started"),
        msg("A process could register a program of its own that the kernel starts in place of the host's programs."),
        msg("Root of the host runs it as soon as it starts any program of that kind."),
        msg("Drop SYS_ADMIN, leave privileged mode, and do not mount the host's /proc."),
        "capabilities",
        mounted_file("binfmt_misc", _BINFMT, Access.WRITE),
        ("binfmt_misc(5)", "PSS:baseline"),
    ),
    Threat(
        "mount-host-devices",
        Family.KERNEL,
        Severity.HIGH,
        msg("Change the host's /dev"),
        msg("A process could mount the host's own /dev, and replace or delete the devices that its programs use."),
        msg("Programs of the host get its files for their devices, and stop working or tell it what they write."),
        msg("Drop SYS_ADMIN, and leave privileged mode."),
        "capabilities",
        mounted_file("devtmpfs", "/dev/x", Access.WRITE)[1:],
        ("PSS:baseline", "mount(2)"),
    ),
    Threat(
        "trace-with-tracefs",
        Family.KERNEL,
        Severity.HIGH,
        msg("Trace the kernel by its files"),
        msg("A process could set probes in the running kernel through the files of tracefs or debugfs."),
        msg("It sees what every program of the machine does, and reads memory of the kernel."),
        _NOT_SEEN,
        "capabilities",
        (
            # lockdown forbids it only at its highest level, which no distribution sets
            *mounted_file("tracefs", "/sys/kernel/tracing/tracing_on", Access.WRITE),
            *mounted_file(
                "debugfs",
                "/sys/kernel/debug/x",
                Access.WRITE,
                NotLockedDown("integrity"),
                names=(
                    msg("through debugfs"),
                    msg("through a new mount of debugfs"),
                    msg("through a debugfs that is never attached"),
                ),
            ),
        ),
        ("PSS:baseline", "capabilities(7)"),
    ),
    Threat(
        "change-firmware-variables",
        Family.KERNEL,
        Severity.HIGH,
        msg("Change the firmware's variables"),
        msg("A process could change or delete what the firmware stores, such as what the machine starts first."),
        msg("The machine starts something else, or does not start at all any more."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("efivarfs", f"{_VARIABLES}/x", Access.WRITE, NotLockedDown("integrity")),
        ("PSS:baseline", "capabilities(7)"),
    ),
    Threat(
        "read-crash-records",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Read records of kernel crashes"),
        msg("A process could read what the kernel stored when it crashed, or delete it."),
        msg("It learns addresses and contents of the kernel's memory, and hides what went before."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("pstore", "/sys/fs/pstore", Access.READ),
        ("PSS:baseline", "capabilities(7)"),
    ),
    Threat(
        "configure-kernel-objects",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Create kernel objects by configfs"),
        msg("A process could create objects of kernel modules as folders, such as disks that are served to others."),
        msg("Where such modules are loaded, files and devices of the host can be served by network or USB."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("configfs", "/sys/kernel/config/x", Access.WRITE),
        ("PSS:baseline", "capabilities(7)"),
    ),
)
