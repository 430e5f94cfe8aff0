"""Threats to facilities that the kernel shares machine-wide, and by system calls that hardly any container needs.

Facilities such as keyrings, the kernel log, audit and firmware tables; calls that are obsolete, new, or known for
flaws.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue.rings import RING
from stratascope.core.threats.catalogue.shared import (
    AF_NETLINK,
    MAKE_NODE,
    NETLINK_AUDIT,
    calls,
    direct,
    initial,
    kernel_file,
    read_or_written,
    socket,
    sysfs_file,
)
from stratascope.core.threats.needs import (
    Access,
    Call,
    Calls,
    CrashHandler,
    Device,
    DeviceKind,
    Feature,
    Node,
    Resource,
    Room,
    Setting,
    SharedIds,
    Shares,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat
from stratascope.value import replace

_IOC_NEW = 0xAA00  # _IO(USERFAULTFD_IOC, 0x00), include/uapi/linux/userfaultfd.h
_WITH_USERFAULTFD = 0o2004000  # O_CLOEXEC, O_NONBLOCK
_KEEP_FILTER = msg("Keep the engine's default seccomp profile.")
_NOT_PRIVILEGED = msg("Remove --privileged, and keep the engine's masks over /proc and /sys.")
# check_syslog_permissions, kernel/printk/printk.c; SYS_ADMIN no longer suffices since Linux commit 09ce61e27db8 (in
# v6.9)
_SYSLOG = replace(initial("SYSLOG"), older=("CAP_SYS_ADMIN", (6, 9)))
_SYSLOG_IF_RESTRICTED = replace(_SYSLOG, only_if=Setting("kernel.dmesg_restrict", ("1",)))
# devkmsg_open checks as syslog(2) does for reading everything: nothing if the host does not restrict that
_OPEN_LOG = (Device("c", 1, 11, "r"), _SYSLOG_IF_RESTRICTED)

_FACILITIES = (
    Threat(
        "read-host-keyring",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Read the host's keys"),
        msg("Could read the kernel keyring of the host user with the same UID."),
        msg("Passwords for network drives and encrypted folders may be among them."),
        msg("Use a seccomp profile that stops keyctl, as Docker's default does, or a user namespace."),
        "seccomp",
        (
            direct(
                "keyctl(KEYCTL_READ)",
                calls("keyctl"),
                SharedIds(),
                Feature("keys"),
            ),
        ),
        ("keyrings(7)", "keyctl(2)"),
    ),
    Threat(
        "kernel-keyring",
        Family.KERNEL,
        Severity.LOW,
        msg("Use the kernel keyring"),
        msg("Could use the kernel keyring, whose vulnerabilities have led out of containers."),
        msg("It reaches kernel code that a container hardly ever needs."),
        msg("Use a seccomp profile that stops keyctl, as Docker's default does."),
        "seccomp",
        (direct("keyctl(KEYCTL_GET_KEYRING_ID)", calls("keyctl"), Feature("keys")),),
        ("keyrings(7)",),
    ),
    Threat(
        "add-key",
        Family.KERNEL,
        Severity.LOW,
        msg("Add keys to the kernel keyring"),
        msg("Could add keys to the kernel keyring, or make the kernel call host programs to look for one."),
        msg("It uses up kernel memory, and reaches code that a container hardly ever needs."),
        _KEEP_FILTER,
        "seccomp",
        (direct("add_key()", calls("add_key", "request_key"), Feature("keys")),),
        ("add_key(2)", "request_key(2)"),
    ),
    Threat(
        "userfaultfd",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Pause the kernel at its work"),
        msg("Could pause the kernel in the middle of its work, at a moment of its choice."),
        msg("Attacks on the kernel that need exact timing become easy."),
        msg("Keep vm.unprivileged_userfaultfd at 0 on the host, and the engine's default seccomp profile."),
        "seccomp",
        (
            direct(
                "userfaultfd(0)",
                Calls((Call("userfaultfd", ((0, 0),), ((0, _WITH_USERFAULTFD),)),)),
                initial("SYS_PTRACE", only_if=Setting("vm.unprivileged_userfaultfd", ("0",))),
                Feature("userfaultfd"),
            ),
            # userfaultfd_dev_ioctl, fs/userfaultfd.c: the mode of the device decides instead
            *read_or_written(
                replace(
                    direct(
                        'ioctl(open("/dev/userfaultfd"), USERFAULTFD_IOC_NEW)',
                        Calls((Call("ioctl", ((1, _IOC_NEW),)),)),
                        Node("page faults"),
                        DeviceKind("page faults"),
                        Feature("devices_page_faults"),
                    ),
                    name=msg("by the device"),
                )
            ),
        ),
        ("userfaultfd(2)",),
    ),
    Threat(
        "io-uring",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Use io_uring"),
        msg("Could make calls through io_uring, which no seccomp filter sees."),
        msg("Many vulnerabilities that lead out of containers were found in it."),
        msg("Use a seccomp profile without io_uring_setup, or set kernel.io_uring_disabled to 2 on the host."),
        "seccomp",
        (
            direct(
                "io_uring_setup()",
                *RING,
            ),
        ),
        ("io_uring(7)",),
    ),
    Threat(
        "read-kernel-log",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Read the kernel log"),
        msg("Could read what the kernel logs, including addresses in its memory."),
        msg("It learns about the machine and its other containers, and where to attack the kernel."),
        msg(
            "Drop SYSLOG, and set kernel.dmesg_restrict to 1 on the host. Docker's default seccomp profile "
            "stops syslog(2), Podman's does not."
        ),
        "seccomp",
        (
            Route(
                msg("syslog(2)"),
                (
                    Step(
                        "syslog(SYSLOG_ACTION_SIZE_BUFFER)",
                        (
                            Calls((Call("syslog", ((0, 10),)),)),
                            _SYSLOG_IF_RESTRICTED,
                        ),
                    ),
                ),
            ),
            Route(msg("/dev/kmsg"), (Step('open("/dev/kmsg")', (Node("log"), *_OPEN_LOG)),)),
            Route(
                msg("a node made with mknod"),
                (
                    Step(
                        'mknod("/dev/x", S_IFCHR, 1:11)',
                        (*MAKE_NODE, Device("c", 1, 11, "m")),
                    ),
                    Step('open("/dev/x")', (Node("log", made=True), *_OPEN_LOG)),
                ),
            ),
            *kernel_file("/proc/kmsg", Access.READ, "", _SYSLOG),
        ),
        ("syslog(2)",),
    ),
    Threat(
        "process-accounting",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Control process accounting"),
        msg("Could make the kernel record each program that ends in its PID namespace, or stop recording."),
        msg("In the host's PID namespace it learns what others run, or hides its own traces."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_PACCT"),
        "capabilities",
        (direct('acct("/x")', calls("acct"), initial("SYS_PACCT"), Feature("process_accounting")),),
        ("acct(2)",),
    ),
    Threat(
        "control-audit",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Turn the audit log off"),
        msg("Could change what the machine's audit log records, or turn it off."),
        msg("What it does afterwards leaves no trace."),
        msg("Drop {name}, which no engine gives by default.", name="AUDIT_CONTROL"),
        "capabilities",
        (
            direct(
                "sendto(AUDIT_SET)",
                socket(AF_NETLINK, protocol=NETLINK_AUDIT),
                initial("AUDIT_CONTROL"),
                Shares("pid"),
                Feature("audit"),
            ),
        ),
        ("capabilities(7)", "netlink(7)"),
    ),
    Threat(
        "read-audit-log",
        Family.KERNEL,
        Severity.LOW,
        msg("Read the audit log"),
        msg("Could read the machine's audit log as it is written."),
        msg("It learns who does what on the machine."),
        msg("Drop {name}, which no engine gives by default.", name="AUDIT_READ"),
        "capabilities",
        (
            direct(
                "bind(AUDIT_NLGRP_READLOG)",
                socket(AF_NETLINK, protocol=NETLINK_AUDIT),
                initial("AUDIT_READ"),
                Feature("audit"),
            ),
        ),
        ("capabilities(7)",),
    ),
    Threat(
        "write-audit-log",
        Family.KERNEL,
        Severity.LOW,
        msg("Forge audit records"),
        msg("Could write records of its own into the machine's audit log."),
        msg("It can bury its traces under false ones."),
        msg("Drop AUDIT_WRITE, unless people log in to the container."),
        "capabilities",
        (
            direct(
                "sendto(AUDIT_USER)",
                socket(AF_NETLINK, protocol=NETLINK_AUDIT),
                initial("AUDIT_WRITE"),
                Feature("audit"),
            ),
        ),
        ("capabilities(7)", "PSS:restricted"),
    ),
    Threat(
        "feed-crash-handler",
        Family.KERNEL,
        Severity.LOW,
        msg("Feed the host's crash handler"),
        msg("Could crash on purpose: the host's crash handler then runs as root with data that it made."),
        msg(
            "Vulnerabilities in apport and systemd-coredump have leaked secrets that way; whether yours is "
            "patched is not read."
        ),
        msg("Start it with --ulimit core=1: with that limit of exactly 1 byte the kernel runs no crash handler."),
        "cgroup",
        (direct("abort()", CrashHandler(), Room(Resource.CRASHES)),),
        (*flaws_of("feed-crash-handler"), "core(5)"),
    ),
    Threat(
        "read-firmware",
        Family.KERNEL,
        Severity.LOW,
        msg("Read the firmware tables"),
        msg("Could read the machine's firmware tables, including serial numbers and addresses."),
        msg("It can tell machines apart, and learns where to aim an attack on the firmware."),
        _NOT_PRIVILEGED,
        "namespaces",
        sysfs_file("/sys/firmware", Access.READ, "", Feature("firmware"), anyone=True),
        ("sysfs(5)", "PSS:baseline"),
    ),
)


_ADDR_NO_RANDOMIZE = 0x0040000  # include/uapi/linux/personality.h
_WITH_PERSONALITY = 0x0FBA00FF  # its other flags, and the execution domain

_RARE_CALLS = (
    Threat(
        "disable-aslr",
        Family.KERNEL,
        Severity.LOW,
        msg("Turn off address randomisation"),
        msg("Could start programs with the same memory addresses every time."),
        msg("Vulnerabilities in such programs are easier to exploit. Set-uid programs stay randomised."),
        _KEEP_FILTER,
        "seccomp",
        (
            direct(
                "personality(ADDR_NO_RANDOMIZE)",
                Calls((Call("personality", ((0, _ADDR_NO_RANDOMIZE),), ((0, _WITH_PERSONALITY),)),)),
            ),
        ),
        ("personality(2)",),
    ),
    Threat(
        "obsolete-calls",
        Family.KERNEL,
        Severity.LOW,
        msg("Use obsolete system calls"),
        msg("Could use old system calls that no program needs and nobody maintains."),
        msg("Vulnerabilities in old code stay undetected for years."),
        _KEEP_FILTER,
        "seccomp",
        (
            direct("ustat()", calls("ustat")),
            Route(
                msg("calls of old kernels"),
                (
                    Step(
                        "uselib()",
                        (
                            calls(
                                "_sysctl",
                                "afs_syscall",
                                "create_module",
                                "get_kernel_syms",
                                "getpmsg",
                                "lookup_dcookie",
                                "nfsservctl",
                                "putpmsg",
                                "query_module",
                                "security",
                                "sysfs",
                                "tuxcall",
                                "uselib",
                                "vm86",
                                "vm86old",
                                "vserver",
                            ),
                            Feature("obsolete_calls"),
                        ),
                    ),
                ),
            ),
        ),
        ("syscalls(2)",),
    ),
    Threat(
        "newest-calls",
        Family.KERNEL,
        Severity.LOW,
        msg("Use brand-new system calls"),
        msg("Could use system calls that are too new for the engine's filter to know."),
        msg("New code is little tested, and vulnerabilities in it come to light every year."),
        msg("Use a seccomp profile that allows only the calls that the program needs."),
        "seccomp",
        (
            direct(
                "statmount()",
                calls(
                    "cachestat",
                    "file_getattr",
                    "file_setattr",
                    "futex_requeue",
                    "futex_wait",
                    "futex_waitv",
                    "futex_wake",
                    "getxattrat",
                    "io_pgetevents",
                    "listmount",
                    "listxattrat",
                    "lsm_get_self_attr",
                    "lsm_list_modules",
                    "lsm_set_self_attr",
                    "map_shadow_stack",
                    "mseal",
                    "removexattrat",
                    "setxattrat",
                    "statmount",
                ),
            ),
        ),
        ("syscalls(2)",),
    ),
    Threat(
        "io-uring-inherited",
        Family.KERNEL,
        Severity.LOW,
        msg("Use an inherited io_uring"),
        msg("Could use an io_uring that another program opened and passed to it."),
        msg("No seccomp filter sees what goes through it."),
        msg(
            "Use a seccomp profile without io_uring_enter and io_uring_register: kernel.io_uring_disabled stops new"
            " queues only."
        ),
        "seccomp",
        (direct("io_uring_enter()", calls("io_uring_enter", "io_uring_register"), Feature("io_uring")),),
        ("io_uring(7)",),
    ),
    Threat(
        "lend-memory-to-pipe",
        Family.KERNEL,
        Severity.LOW,
        msg("Attach memory to a pipe"),
        msg(
            "Could give its memory to a pipe without copying it (vmsplice), a rarely used call with known "
            "vulnerabilities."
        ),
        msg("Such vulnerabilities allow overwriting files of others."),
        msg("Keep the engine's default seccomp profile; Podman's closes this, Docker's does not."),
        "seccomp",
        (direct("vmsplice()", calls("vmsplice")),),
        ("vmsplice(2)",),
    ),
)

THREATS = (*_FACILITIES, *_RARE_CALLS)
