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
        msg("Switch memory shuffling off"),
        msg("A process could start programs whose parts always lie at the same addresses in memory."),
        msg("Flaws in programs that it starts so are easier to use. Set-uid programs are shuffled all the same."),
        _KEEP_FILTER,
        "seccomp",
        (direct("personality(ADDR_NO_RANDOMIZE)", Calls((Call("personality", ((0, _ADDR_NO_RANDOMIZE),)),))),),
        ("personality(2)",),
    ),
    Threat(
        "obsolete-calls",
        Family.KERNEL,
        Severity.LOW,
        msg("Use forgotten kernel calls"),
        msg("A process could use old system calls that no program needs today and nobody looks after."),
        msg("Old code is where flaws stay unseen for years."),
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
        msg("Use brand-new kernel calls"),
        msg("A process could use system calls that are so new that the engine's filter does not know them."),
        msg("New code has not been tried for long, and flaws in it come to light every year."),
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
        msg("Use an io_uring handed in"),
        msg("A process could use a queue into the kernel that another program opened and left to it."),
        msg("What goes through it is seen by no seccomp filter."),
        msg("Use a seccomp profile without io_uring_enter: kernel.io_uring_disabled stops new queues only."),
        "seccomp",
        (direct("io_uring_enter()", calls("io_uring_enter", "io_uring_register"), Feature("io_uring")),),
        ("io_uring(7)",),
    ),
    Threat(
        "lend-memory-to-pipe",
        Family.KERNEL,
        Severity.LOW,
        msg("Lend memory to a pipe"),
        msg("A process could hand its memory to a pipe without a copy, a rarely used way with known flaws."),
        msg("Such flaws let others' files be overwritten."),
        msg("Keep the engine's default seccomp profile; Podman's closes this, Docker's does not."),
        "seccomp",
        (direct("vmsplice()", calls("vmsplice")),),
        ("vmsplice(2)",),
    ),
)
