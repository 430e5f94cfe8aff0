"""Threats to the kernel itself: its code, its memory and its settings."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    DROP_ADMIN_ALONE,
    MAKE_NODE,
    calls,
    devices_opened,
    direct,
    initial,
    kernel_file,
    read_or_written,
    sysfs_file,
    uncovered_file,
)
from stratascope.core.threats.needs import (
    Access,
    ActiveModule,
    Allowed,
    Call,
    Calls,
    Capability,
    Device,
    Feature,
    KernelFile,
    Node,
    NotLockedDown,
    Setting,
    Shares,
    Where,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat
from stratascope.value import replace

_NOT_PRIVILEGED = msg("Remove --privileged, and keep the engine's masks over /proc and /sys.")
_BPF_MAP_CREATE = 0
_USERS = "/proc/sys/user/max_user_namespaces"
_FORBIDS_KERNEL = ("1", "2", "3", "4")  # perf_event_paranoid; 3 and 4 exist on Debian and Ubuntu
_OPEN_MEMORY = (initial("SYS_RAWIO"), Feature("dev_mem"), NotLockedDown("integrity"))
_MEMORY = (Device("c", 1, 1, "r"), *_OPEN_MEMORY)
# The engines mask these two on every kernel that has them; the second is open to everyone
_UNCOVERED_KEYS = tuple(
    replace(route, name=msg("{way}, for a file of everyone", way=route.name))
    for route in uncovered_file("/proc/keys", Access.READ, "", Feature("keys"), anyone=True)
)

THREATS = (
    Threat(
        "load-module",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Load a kernel module"),
        msg("Could load its own code into the kernel that all containers share."),
        msg("It controls the kernel then: nothing on this machine can stop it."),
        msg("Remove --privileged, and drop {name}, which no engine gives by default.", name="SYS_MODULE"),
        "capabilities",
        (
            direct(
                "finit_module()",
                calls("init_module", "finit_module"),
                initial("SYS_MODULE"),
                Feature("modules"),
                Allowed(Setting("kernel.modules_disabled", ("1",))),
            ),
        ),
        ("init_module(2)", "PSS:baseline"),
    ),
    Threat(
        "load-kernel",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Start another kernel"),
        msg("Could load another kernel, which runs when the machine is rebooted with kexec."),
        msg("It owns the machine from then on."),
        msg("Remove --privileged, and drop {name}, which no engine gives by default.", name="SYS_BOOT"),
        "capabilities",
        (
            direct(
                "kexec_load()",
                calls("kexec_load", "kexec_file_load"),
                initial("SYS_BOOT"),
                Feature("kexec"),
                Allowed(Setting("kernel.kexec_load_disabled", ("1",))),
            ),
        ),
        ("kexec_load(2)",),
    ),
    Threat(
        "write-host-sysctl",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Change the kernel's settings"),
        msg("Could change kernel settings of the whole machine, such as which program loads modules."),
        msg("Some of these settings make the kernel run any program as root."),
        msg("Keep /proc/sys read-only (no systempaths=unconfined, no --privileged), and drop SYS_ADMIN."),
        "namespaces",
        (
            *kernel_file("/proc/sys/kernel/modprobe", Access.WRITE, "/proc/sys", by_uid=True),
            Route(
                msg("any setting of the machine, through a bind mount elsewhere"),
                (Step('open("/bound/setting")', (KernelFile("/proc/sys", Access.WRITE, by_uid=True, bound=True),)),),
            ),
            Route(
                msg("a limit of the machine's user namespace, through a bind mount elsewhere"),
                # set_permissions, kernel/ucount.c
                (
                    Step(
                        f'open("{_USERS}")',
                        (KernelFile(_USERS, Access.WRITE, anyone=True, bound=True), initial("SYS_RESOURCE")),
                    ),
                ),
            ),
        ),
        ("proc_sys(5)", "PSS:baseline"),
    ),
    Threat(
        "open-host-memory-device",
        Family.KERNEL,
        Severity.CRITICAL,
        msg("Open the machine's memory"),
        msg("Could open the memory of the whole machine as a file."),
        msg("It can read the secrets of every program and, on older kernels, change the kernel itself."),
        msg("Remove --privileged, and drop SYS_RAWIO and MKNOD."),
        "capabilities",
        (
            *read_or_written(
                Route(msg("an existing node"), (Step('open("/dev/mem")', (Node("memory"), *_MEMORY)),)),
                Route(
                    msg("a node made with mknod"),
                    (
                        Step(
                            'mknod("/dev/x", S_IFCHR, 1:1)',
                            (*MAKE_NODE, Device("c", 1, 1, "m")),
                        ),
                        Step('open("/dev/x")', (Node("memory", made=True), *_MEMORY)),
                    ),
                ),
            ),
            *devices_opened("memory", "S_IFCHR, 1:1", Device("c", 1, 1, "r"), *_OPEN_MEMORY),
        ),
        ("mem(4)",),
    ),
    Threat(
        "port-io",
        Family.KERNEL,
        Severity.HIGH,
        msg("Drive hardware directly"),
        msg("Could access the machine's hardware directly, bypassing the kernel."),
        msg("It can reprogram devices, which can then read and write any memory."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_RAWIO"),
        "capabilities",
        (
            direct(
                "iopl(3)",
                calls("iopl", "ioperm"),
                initial("SYS_RAWIO"),
                Feature("port_io"),
                NotLockedDown("integrity"),
            ),
        ),
        ("iopl(2)",),
    ),
    Threat(
        "read-kernel-memory",
        Family.KERNEL,
        Severity.HIGH,
        msg("Read the kernel's memory"),
        msg("Could read the memory of the running kernel as a file."),
        msg("It holds the keys and secrets of everything on this machine."),
        _NOT_PRIVILEGED,
        "namespaces",
        kernel_file(
            "/proc/kcore",
            Access.READ,
            "",
            initial("SYS_RAWIO"),
            Feature("kcore"),
            NotLockedDown("confidentiality"),
        ),
        ("proc_kcore(5)",),
    ),
    Threat(
        "unmask-kernel-files",
        Family.KERNEL,
        Severity.HIGH,
        msg("Uncover masked kernel files"),
        msg("Could read or write the /proc files that the engine masks."),
        msg("It reaches kernel settings and secrets of the host."),
        DROP_ADMIN_ALONE,
        "capabilities",
        (*uncovered_file("/proc/timer_list", Access.READ), *_UNCOVERED_KEYS),
        ("proc(5)", "PSS:baseline"),
    ),
    Threat(
        "bpf",
        Family.KERNEL,
        Severity.HIGH,
        msg("Load BPF programs"),
        msg("Could load BPF programs into the kernel, whose verifier has often been fooled."),
        msg("With the capabilities for it, it sees all network traffic and the memory of every program."),
        msg("Drop BPF and SYS_ADMIN, and keep the engine's default seccomp profile."),
        "capabilities",
        (
            direct(
                "bpf(BPF_MAP_CREATE)",
                Calls((Call("bpf", ((0, _BPF_MAP_CREATE),)),)),
                initial("BPF", "SYS_ADMIN", only_if=Setting("kernel.unprivileged_bpf_disabled", ("1", "2"))),
                Feature("bpf"),
            ),
        ),
        ("bpf(2)",),
    ),
    Threat(
        "perf-events",
        Family.KERNEL,
        Severity.HIGH,
        msg("Trace the kernel"),
        msg("Could measure everything that the machine does with perf, including the kernel."),
        msg("It can extract other programs' secrets, and reach code with many known vulnerabilities."),
        msg("Drop PERFMON and SYS_ADMIN, and keep the engine's default seccomp profile."),
        "capabilities",
        (
            direct(
                "perf_event_open(pid -1)",
                calls("perf_event_open"),
                initial("PERFMON", "SYS_ADMIN", only_if=Setting("kernel.perf_event_paranoid", _FORBIDS_KERNEL)),
                Feature("perf_events"),
            ),
        ),
        ("perf_event_open(2)",),
    ),
    Threat(
        "reboot",
        Family.KERNEL,
        Severity.HIGH,
        msg("Reboot the machine"),
        msg("Could reboot or stop the machine; in its own PID namespace it ends only the container."),
        msg("Everything on the machine stops at once."),
        msg("Drop SYS_BOOT, and give it a private PID namespace."),
        "namespaces",
        (
            direct(
                "reboot()",
                calls("reboot"),
                Capability(("CAP_SYS_BOOT",), Where.PID_OWNER),
                Shares("pid"),
            ),
        ),
        ("reboot(2)",),
    ),
    Threat(
        "trigger-sysrq",
        Family.KERNEL,
        Severity.HIGH,
        msg("Send emergency commands (SysRq)"),
        msg("Could send the kernel emergency commands: crash, reboot, kill all processes."),
        msg("Everything on the machine stops at once."),
        _NOT_PRIVILEGED,
        "namespaces",
        kernel_file("/proc/sysrq-trigger", Access.WRITE, "", Feature("sysrq")),
        ("proc(5)",),
    ),
    Threat(
        "set-clock",
        Family.KERNEL,
        Severity.HIGH,
        msg("Set the clock"),
        msg("Could change the time of the whole machine."),
        msg("Expired certificates become valid again, logs are wrong, and timed jobs run too early or not at all."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_TIME"),
        "capabilities",
        (
            direct(
                "adjtimex(ADJ_TICK)",
                calls(
                    "adjtimex",
                    "clock_adjtime",
                    "clock_adjtime64",
                    "clock_settime",
                    "clock_settime64",
                    "settimeofday",
                    "stime",
                ),
                initial("SYS_TIME"),
            ),
        ),
        ("clock_settime(2)", "PSS:baseline"),
    ),
    Threat(
        "write-sysfs",
        Family.KERNEL,
        Severity.HIGH,
        msg("Change hardware settings"),
        msg("Could change settings of the kernel and of devices in /sys, such as which device may sleep."),
        msg("It can switch hardware off; some of the files name a program that runs as root."),
        _NOT_PRIVILEGED,
        "namespaces",
        sysfs_file("/sys/kernel/rcu_expedited", Access.WRITE),
        ("sysfs(5)", "PSS:baseline"),
    ),
    Threat(
        "unload-module",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Unload a kernel module"),
        msg("Could remove parts of the running kernel that others need."),
        msg("Devices and protection that the module provided are gone."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_MODULE"),
        "capabilities",
        (
            direct(
                "delete_module()",
                calls("delete_module"),
                initial("SYS_MODULE"),
                Feature("modules"),
                Allowed(Setting("kernel.modules_disabled", ("1",))),
            ),
        ),
        ("delete_module(2)",),
    ),
    Threat(
        "change-access-control",
        Family.KERNEL,
        Severity.MEDIUM,
        msg("Change access-control rules"),
        msg("Could load or remove the whole machine's AppArmor or Smack rules, where it can reach their files."),
        msg("The confinement of every container can be removed."),
        msg("Drop MAC_ADMIN and MAC_OVERRIDE, which no engine gives by default."),
        "capabilities",
        (direct("write(policy)", initial("MAC_ADMIN", "MAC_OVERRIDE"), ActiveModule(("apparmor", "smack"))),),
        ("capabilities(7)", "apparmor(7)"),
    ),
)
