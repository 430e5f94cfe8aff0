"""Threats by system calls that a container hardly ever needs: old ones, new ones, and those with known flaws."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    calls,
    direct,
)
from stratascope.core.threats.needs import (
    Call,
    Calls,
    Feature,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat

_KEEP_FILTER = msg("Keep the engine's default seccomp profile.")
_ADDR_NO_RANDOMIZE = 0x0040000  # include/uapi/linux/personality.h

THREATS = (
    Threat(
        "disable-aslr",
        Family.KERNEL,
        Severity.LOW,
        msg("Turn off address randomisation"),
        msg("A process could start programs with all parts at the same addresses in memory every time."),
        msg("Flaws in programs started this way are easier to exploit. Set-uid programs are randomised all the same."),
        _KEEP_FILTER,
        "seccomp",
        (direct("personality(ADDR_NO_RANDOMIZE)", Calls((Call("personality", ((0, _ADDR_NO_RANDOMIZE),)),))),),
        ("personality(2)",),
    ),
    Threat(
        "obsolete-calls",
        Family.KERNEL,
        Severity.LOW,
        msg("Use obsolete system calls"),
        msg("A process could use old system calls that no program needs today and nobody maintains."),
        msg("Flaws stay undetected for years in old code."),
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
        msg("A process could use system calls that are too new for the engine's filter to know."),
        msg("New code has not been tested for long, and flaws in it come to light every year."),
        msg(
            "Use a seccomp profile that allows only the calls that the program needs. New kernels let uprobe and"
            " uretprobe pass every filter."
        ),
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
                    "uprobe",
                    "uretprobe",
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
        msg("A process could use a queue into the kernel that another program opened and passed to it."),
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
        msg("A process could hand its memory to a pipe without copying it, a rarely used mechanism with known flaws."),
        msg("Such flaws allow overwriting files of others."),
        msg("Keep the engine's default seccomp profile; Podman's closes this, Docker's does not."),
        "seccomp",
        (direct("vmsplice()", calls("vmsplice")),),
        ("vmsplice(2)",),
    ),
)
