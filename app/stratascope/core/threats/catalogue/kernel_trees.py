"""Threats by the kernel's own file systems that exist once for the whole machine: binfmt_misc, tracefs, devtmpfs, …

A process reaches them where one is bound in, or by mounting it again. Of bpffs each mount is one of its own: only one
that is bound in has the host's objects.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import initial, mounted_file
from stratascope.core.threats.needs import (
    Access,
    ActiveModule,
    Call,
    Calls,
    Feature,
    KernelSince,
    NotLockedDown,
    PinnedObject,
    Setting,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat

_BINFMT = "/proc/sys/fs/binfmt_misc/register"
_VARIABLES = "/sys/firmware/efi/efivars"
_BPF_OBJ_GET = 7  # include/uapi/linux/bpf.h
_PINNED = (Calls((Call("bpf", ((0, _BPF_OBJ_GET),)),)), PinnedObject(), Feature("bpf"))
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
    Threat(
        "change-kernel-security",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Change the kernel's security settings"),
        msg("A process could write the files that set up the kernel's security modules, such as its lockdown."),
        msg("It weakens what they check on the whole machine, or forbids things to its root until the next start."),
        _NOT_SEEN,
        "capabilities",
        # their files belong to root, and most ask for no capability (lockdown_write, security/lockdown/lockdown.c)
        mounted_file(
            "securityfs",
            "/sys/kernel/security/lockdown",
            Access.WRITE,
            ActiveModule(("lockdown", "ima", "evm", "loadpin", "tomoyo")),
        ),
        ("kernel_lockdown(7)", "PSS:baseline"),
    ),
    Threat(
        "abort-fuse-connections",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Cut off the host's FUSE file systems"),
        msg("A process could abort any file system on the machine that a program serves (FUSE)."),
        msg("Encrypted folders, network folders and AppImages of that kind are gone, with what was not saved."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("fusectl", "/sys/fs/fuse/connections/x/abort", Access.WRITE),
        ("fuse(4)",),
    ),
    Threat(
        "use-pinned-bpf",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Use the host's pinned BPF objects"),
        msg("A process could open BPF maps and programs that the host keeps as files."),
        msg("It reads and changes what they work with, such as rules for the network of all containers."),
        _NOT_SEEN,
        "namespaces",
        (
            # Linux commit c8644cd0efe7 ("bpf: refine kernel.unprivileged_bpf_disabled behaviour") (in v5.19)
            Route(msg("as its mode allows"), (Step("bpf(BPF_OBJ_GET)", (*_PINNED, KernelSince((5, 19)))),)),
            Route(
                msg("with the capability for it"),
                (
                    Step(
                        "bpf(BPF_OBJ_GET)",
                        (
                            *_PINNED,
                            initial(
                                "BPF", "SYS_ADMIN", only_if=Setting("kernel.unprivileged_bpf_disabled", ("1", "2"))
                            ),
                        ),
                    ),
                ),
            ),
        ),
        ("bpf(2)", "PSS:baseline"),
    ),
)
