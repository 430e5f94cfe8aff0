"""Threats by exhaustion: a resource that one container uses up is missing for all others."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import DROP_ADMIN, SIGNAL_CALLS, calls, direct, initial, past_limits
from stratascope.core.threats.needs import Feature, Resource, Room
from stratascope.core.threats.threat import Family, Route, Step, Threat

_FORK = calls("fork", "vfork", "clone", "clone3")

THREATS = (
    Threat(
        "exhaust-memory",
        Family.RESOURCES,
        Severity.MEDIUM,
        msg("Use up the memory"),
        msg("Could take all memory of the machine, until the kernel kills programs."),
        msg("It can stop the machine, or get another container killed."),
        msg("Set a memory limit (--memory), without SYS_ADMIN or a cgroup mount. Rootless engines need cgroup v2."),
        "cgroup",
        (direct("mmap()", Room(Resource.MEMORY)), *past_limits("memory", Resource.MEMORY, "mmap()")),
        ("CIS-Docker-1.6.0:5.11", "cgroups(7)"),
    ),
    Threat(
        "fork-bomb",
        Family.RESOURCES,
        Severity.MEDIUM,
        msg("Start endless processes (fork bomb)"),
        msg("Could start so many processes that the machine has no PID left."),
        msg("Nobody can log in or start a program."),
        msg(
            "Limit its processes (--pids-limit), without SYS_ADMIN or a cgroup mount. Rootless engines need cgroup v2."
        ),
        "cgroup",
        (
            direct("fork()", _FORK, Room(Resource.PROCESSES)),
            *past_limits("pids", Resource.PROCESSES, "fork()", _FORK),
        ),
        ("CIS-Docker-1.6.0:5.29", "fork(2)"),
    ),
    Threat(
        "exhaust-cpu",
        Family.RESOURCES,
        Severity.LOW,
        msg("Use up the CPUs"),
        msg("Could keep all CPUs of the machine busy."),
        msg("Everything else becomes slow, but keeps running."),
        msg("Limit its CPU time (--cpus), without SYS_ADMIN or a cgroup mount. Rootless engines need cgroup v2."),
        "cgroup",
        (direct("while (1)", Room(Resource.CPU)), *past_limits("cpu", Resource.CPU, "while (1)")),
        ("CIS-Docker-1.6.0:5.12", "cgroups(7)"),
    ),
    Threat(
        "exhaust-disk",
        Family.RESOURCES,
        Severity.MEDIUM,
        msg("Fill the disk"),
        msg("Could write until the disk that holds the containers is full."),
        msg("Other containers and the host can no longer save anything."),
        msg(
            "Start it read-only with a tmpfs of a fixed size, give volumes a quota, and limit its log (--log-opt "
            "max-size=10m)."
        ),
        "namespaces",
        (
            direct("write()", Room(Resource.DISK)),
            Route(msg("through its log"), (Step("write(1)", (Room(Resource.LOG),)),)),
        ),
        ("CIS-Docker-1.6.0:5.13", "CIS-Docker-1.6.0:2.13"),
    ),
    Threat(
        "exhaust-disk-rate",
        Family.RESOURCES,
        Severity.LOW,
        msg("Use up the disk's speed"),
        msg("Could read and write so much that nothing else gets to the disk in time."),
        msg("Everything that needs the disk becomes slow, also on the host."),
        msg("Limit what it reads and writes per second (--device-read-bps, --device-write-bps)."),
        "cgroup",
        (direct("write()", Room(Resource.DISK_RATE)),),
        ("cgroups(7)",),
    ),
    Threat(
        "exhaust-user-limits",
        Family.RESOURCES,
        Severity.LOW,
        msg("Use up what its user may have"),
        msg("Could use up what the kernel gives to its user ID, such as 128 inotify instances."),
        msg(
            "Programs with the same user ID, also in other containers, can no longer watch files, queue "
            "signals or store keys."
        ),
        msg("Give each container its own user ID: no filter can stop all that counts by it."),
        "seccomp",
        (
            direct("inotify_init()", calls("inotify_init", "inotify_init1")),
            Route(msg("message queues"), (Step("mq_open()", (calls("mq_open"),)),)),
            # 200 keys (kernel.keys.maxkeys), 1,000,000 of the host's root
            Route(msg("keys"), (Step("add_key()", (calls("add_key"), Feature("keys"))),)),
            # beyond fs.pipe-user-pages-soft each new pipe has two pages
            Route(msg("pipes"), (Step("pipe()", (calls("pipe", "pipe2"),)),)),
            # up to its RLIMIT_SIGPENDING
            Route(msg("queued signals"), (Step("rt_sigqueueinfo()", (SIGNAL_CALLS,)),)),
        ),
        ("inotify(7)", "mq_overview(7)", "keyrings(7)", "pipe(7)"),
    ),
    Threat(
        "raise-limits",
        Family.RESOURCES,
        Severity.LOW,
        msg("Lift its own limits"),
        msg("Could raise its hard limits (ulimit), and use reserves kept for root."),
        msg("Ulimits on open files, processes and memory no longer bind it. Those of its cgroup still do."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_RESOURCE"),
        "capabilities",
        (direct("prlimit(RLIMIT_NOFILE)", calls("prlimit64", "setrlimit"), initial("SYS_RESOURCE")),),
        ("getrlimit(2)", "CIS-Docker-1.6.0:5.19"),
    ),
    Threat(
        "raise-priority",
        Family.RESOURCES,
        Severity.LOW,
        msg("Take priority over others"),
        msg("Could give itself a higher priority than the host programs."),
        msg("It can take CPU time from everything else."),
        msg("Drop SYS_NICE, and leave out --ulimit nice and rtprio: no engine gives them by default."),
        "capabilities",
        (
            direct(
                "setpriority(-5)",
                calls("setpriority", "nice", "sched_setattr", "sched_setscheduler", "sched_setparam"),
                initial("SYS_NICE"),
            ),
            Route(
                msg("within limits that allow it"),
                (
                    Step(
                        "setpriority(-1)",
                        (
                            calls("setpriority", "nice", "sched_setattr", "sched_setscheduler", "sched_setparam"),
                            Room(Resource.PRIORITY),
                        ),
                    ),
                ),
            ),
        ),
        ("setpriority(2)",),
    ),
    Threat(
        "lock-memory",
        Family.RESOURCES,
        Severity.LOW,
        msg("Lock memory without limit"),
        msg("Could lock any amount of memory, so that it is never swapped out."),
        msg("Less memory is left for others under load."),
        msg("Drop IPC_LOCK, leave --ulimit memlock low, and limit the memory (--memory)."),
        "capabilities",
        (
            direct("mlock(beyond RLIMIT_MEMLOCK)", calls("mlock", "mlock2", "mlockall"), initial("IPC_LOCK")),
            Route(
                msg("within limits that allow it"),
                (Step("mlock()", (calls("mlock", "mlock2", "mlockall"), Room(Resource.LOCKED_MEMORY))),),
            ),
        ),
        ("mlock(2)",),
    ),
    Threat(
        "steer-memory-placement",
        Family.RESOURCES,
        Severity.LOW,
        msg("Control where memory is placed"),
        msg("Could move memory between NUMA nodes, and learn how it is laid out."),
        msg("It can slow down others, and make other attacks easier."),
        msg(
            "Use a seccomp profile that stops mbind, move_pages, migrate_pages, process_madvise and the "
            "calls for memory policies, as Docker's default does."
        ),
        "seccomp",
        (
            direct(
                "mbind()",
                calls(
                    "mbind",
                    "set_mempolicy",
                    "get_mempolicy",
                    "set_mempolicy_home_node",
                    "move_pages",
                    "migrate_pages",
                    "process_madvise",
                ),
            ),
        ),
        ("mbind(2)", "move_pages(2)"),
    ),
    Threat(
        "swap-on",
        Family.RESOURCES,
        Severity.MEDIUM,
        msg("Turn swap space on"),
        msg("Could make the host swap its memory out to a file of its choice."),
        msg("Secrets from all programs' memory end up in that file."),
        DROP_ADMIN,
        "capabilities",
        (direct('swapon("/x")', calls("swapon"), initial("SYS_ADMIN"), Feature("swap")),),
        ("swapon(2)",),
    ),
    Threat(
        "swap-off",
        Family.RESOURCES,
        Severity.MEDIUM,
        msg("Turn swap space off"),
        msg("Could take the host's swap space away while it is needed."),
        msg("The kernel has to kill programs for lack of memory."),
        DROP_ADMIN,
        "capabilities",
        (direct('swapoff("/x")', calls("swapoff"), initial("SYS_ADMIN"), Feature("swap")),),
        ("swapoff(2)",),
    ),
    Threat(
        "wake-alarm",
        Family.RESOURCES,
        Severity.LOW,
        msg("Wake the machine"),
        msg("Could set an alarm that wakes the sleeping machine."),
        msg("It can empty a laptop's battery in a bag."),
        msg("Drop {name}, which no engine gives by default.", name="WAKE_ALARM"),
        "capabilities",
        (direct("timerfd_create(CLOCK_REALTIME_ALARM)", calls("timerfd_create"), initial("WAKE_ALARM")),),
        ("timerfd_create(2)",),
    ),
    Threat(
        "block-suspend",
        Family.RESOURCES,
        Severity.LOW,
        msg("Keep the machine awake"),
        msg("Could keep the machine from going to sleep."),
        msg("It can empty a laptop's battery."),
        msg("Drop {name}, which no engine gives by default.", name="BLOCK_SUSPEND"),
        "capabilities",
        (direct("epoll_ctl(EPOLLWAKEUP)", calls("epoll_ctl"), initial("BLOCK_SUSPEND"), Feature("suspend")),),
        ("epoll_ctl(2)", "capabilities(7)"),
    ),
)
