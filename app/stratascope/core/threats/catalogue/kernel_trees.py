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
_NOT_SEEN = msg("Remove --privileged, drop SYS_ADMIN, and do not mount the host's /sys or parts of it.")

THREATS = (
    Threat(
        "register-program-format",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Take over how programs are started"),
        msg("Could have the kernel start its own program in place of the host's programs (binfmt_misc)."),
        msg("The host's root runs it on starting any program of that kind."),
        msg("Remove --privileged, drop SYS_ADMIN, and do not mount the host's /proc."),
        "capabilities",
        mounted_file("binfmt_misc", _BINFMT, Access.WRITE),
        ("binfmt_misc(5)", "PSS:baseline"),
    ),
    Threat(
        "mount-host-devices",
        Family.KERNEL,
        Severity.HIGH,
        msg("Change the host's /dev"),
        msg("Could mount the host's own /dev, and replace or delete the devices that host programs use."),
        msg("Host programs then use its files as their devices: they fail, or tell it what they write."),
        msg("Remove --privileged, and drop SYS_ADMIN."),
        "capabilities",
        mounted_file("devtmpfs", "/dev/x", Access.WRITE)[1:],
        ("PSS:baseline", "mount(2)"),
    ),
    Threat(
        "trace-with-tracefs",
        Family.KERNEL,
        Severity.HIGH,
        msg("Trace the kernel through tracefs"),
        msg("Could set probes in the running kernel through tracefs or debugfs."),
        msg("It sees what every program on this machine does, and reads kernel memory."),
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
        msg("Change firmware (EFI) variables"),
        msg("Could change or delete what the firmware stores, such as the boot order."),
        msg("The machine boots something else, or not at all."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("efivarfs", f"{_VARIABLES}/x", Access.WRITE, NotLockedDown("integrity")),
        ("PSS:baseline", "capabilities(7)"),
    ),
    Threat(
        "read-crash-records",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Read kernel crash records"),
        msg("Could read or delete what the kernel stored when it crashed (pstore)."),
        msg("It learns addresses and contents of kernel memory, and hides what happened."),
        _NOT_SEEN,
        "capabilities",
        mounted_file("pstore", "/sys/fs/pstore", Access.READ),
        ("PSS:baseline", "capabilities(7)"),
    ),
    Threat(
        "configure-kernel-objects",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Create kernel objects through configfs"),
        msg("Could create objects of kernel modules as directories, such as disks that are served to others."),
        msg("Where such modules are loaded, host files and devices can be served over network or USB."),
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
        msg("Could write the files that set up the kernel's security modules, such as lockdown."),
        msg("It weakens their checks on the whole machine, or locks root out of things until the next boot."),
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
        msg("Cut off the host's FUSE filesystems"),
        msg("Could abort any FUSE filesystem on this machine."),
        msg("Encrypted folders, network folders and AppImages mounted with FUSE are gone, with unsaved data."),
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
        msg("Could open BPF maps and programs that the host keeps as files (bpffs)."),
        msg("It reads and changes what they work with, such as network rules of all containers."),
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
