"""What each system call is for, and a warning on the dangerous ones, for people. See syscalls(2).

A call is dangerous if it gives power over more than its own process, or has repeatedly been the way into the kernel.
Decided against a text for each of 470 calls: most are nothing to fear.
"""

from __future__ import annotations

from functools import cache

from stratascope.core.message import Message, msg

_MOUNTS = msg("Namespaces and mounts")
_KERNEL = msg("The kernel itself")
_MACHINE = msg("The whole machine")
_TRACING = msg("Watching other processes")
_KEYS = msg("Keys")
_IDENTITY = msg("Users and privileges")
_NETWORK = msg("Network")
_PROCESSES = msg("Processes")
_MEMORY = msg("Memory")
_SIGNALS = msg("Signals")
_MESSAGES = msg("Waiting and messages")
_TIME = msg("Time")
_FILES = msg("Files and directories")
_UNUSED = msg("Unused today")

GROUPS = (
    *(_MOUNTS, _KERNEL, _MACHINE, _TRACING, _KEYS, _IDENTITY, _NETWORK),
    *(_PROCESSES, _MEMORY, _SIGNALS, _MESSAGES, _TIME, _FILES, _UNUSED),
)

# Calls in no group are for files
_NAMES = {
    _MOUNTS: """mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsconfig fsmount fsopen fspick
        pivot_root chroot setns unshare listmount statmount""",
    _KERNEL: """bpf create_module delete_module finit_module init_module query_module get_kernel_syms kexec_load
        kexec_file_load perf_event_open io_uring_setup io_uring_enter io_uring_register userfaultfd seccomp syslog
        lookup_dcookie sysfs _sysctl uprobe uretprobe landlock_add_rule landlock_create_ruleset landlock_restrict_self
        lsm_get_self_attr lsm_set_self_attr lsm_list_modules sysinfo uname oldolduname olduname restart_syscall""",
    _MACHINE: """reboot swapon swapoff acct quotactl quotactl_fd sethostname setdomainname vhangup iopl ioperm
        modify_ldt vm86 vm86old nfsservctl""",
    _TRACING: """ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
        fanotify_init fanotify_mark""",
    _KEYS: "add_key keyctl request_key",
    _IDENTITY: """capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid
        getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
        setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32
        setuid setuid32""",
    _NETWORK: """accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg
        recvmmsg_time64 recvmsg sendmmsg sendmsg sendto setsockopt shutdown socket socketcall socketpair""",
    _PROCESSES: """arch_prctl clone clone3 execve execveat exit exit_group fork vfork getpgid getpgrp getpid getppid
        getpriority getrlimit getrusage getsid gettid get_robust_list set_robust_list get_thread_area set_thread_area
        getcpu ioprio_get ioprio_set nice personality pidfd_open prctl prlimit64 rseq sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        setpgid setpriority setrlimit setsid set_tid_address times ugetrlimit wait4 waitid waitpid""",
    _MEMORY: """brk cachestat get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret
        migrate_pages mincore mlock mlock2 mlockall mmap mmap2 move_pages mprotect mremap mseal msync munlock
        munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages set_mempolicy set_mempolicy_home_node
        shmat shmctl shmdt shmget""",
    _SIGNALS: """kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
        rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack signal
        signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend ssetmask tgkill tkill""",
    _MESSAGES: """_newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake io_cancel
        io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ipc mq_getsetattr mq_notify
        mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv
        msgsnd pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select semctl semget semop semtimedop
        semtimedop_time64""",
    _TIME: """adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
        clock_gettime64 clock_nanosleep clock_nanosleep_time64 clock_settime clock_settime64 getitimer gettimeofday
        nanosleep setitimer settimeofday stime time timer_create timer_delete timer_getoverrun timer_gettime
        timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
        timerfd_settime timerfd_settime64""",
    _UNUSED: """afs_syscall bdflush break ftime getpmsg gtty idle lock mpx prof profil putpmsg security stty tuxcall
        ulimit uselib vserver""",
}

_MOUNT = msg("Changes what is mounted where: reveals hidden files, and reaches kernel code that reads filesystems.")
_NAMESPACE = msg("Creates or enters namespaces; in a user namespace of its own, a process has every capability.")
_MODULE = msg("Loads code into the kernel, or removes it: any process that can do that owns the machine.")
_KEXEC = msg("Starts another kernel in place of the running one.")
_CLOCK = msg("Sets the clock of the whole machine: certificates, logs and timers go wrong for everyone.")
_RING = msg("Makes other calls through a queue that no filter sees, and has had many flaws.")
_KEYRING = msg("Keys are not separated by containers: processes with the same user ID share them.")
_PEEK = msg("Reads or changes other processes, with all their secrets.")
_QUOTA = msg("Reads or changes how much disk space the host's users can fill.")
_SWAP = msg("Turns swapping on or off for the whole machine.")
_PORTS = msg("Accesses devices directly, bypassing the kernel.")
_PLACEMENT = msg("Controls where memory is placed; slows other programs down, and shows where they are.")
_OLD = msg("Old code that hardly anything uses, and so hardly anyone checks.")
_EMULATION = msg(
    "Changes how the processor runs old programs; that code has had flaws that gave control of the kernel."
)

_WARNINGS = {
    "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsconfig fsmount fsopen fspick": _MOUNT,
    "pivot_root": msg("Changes the root directory of the whole mount namespace."),
    "chroot": msg(
        "Changes its own root directory; a process that holds an open directory outside can use it to escape."
    ),
    "setns unshare": _NAMESPACE,
    "clone clone3": msg(
        "Starts processes and, with its flags, creates namespaces; in a user namespace of its own, a process has "
        "every capability."
    ),
    "create_module delete_module finit_module init_module": _MODULE,
    "kexec_load kexec_file_load": _KEXEC,
    "bpf": msg("Runs small programs inside the kernel; a flaw in the verifier gives control of it."),
    "perf_event_open": msg("Watches the processor and the kernel, and has had many flaws that gave control of it."),
    "io_uring_setup io_uring_enter io_uring_register": _RING,
    "userfaultfd": msg("Pauses the kernel in the middle of its work, which makes flaws in it easy to exploit."),
    "syslog": msg("Reads the kernel's log, including addresses and what happens in other containers."),
    "reboot": msg("Stops or reboots the machine; in its own PID namespace, only the container."),
    "swapon swapoff": _SWAP,
    "acct": msg("Makes the kernel record each process that ends in its PID namespace in a file."),
    "quotactl quotactl_fd": _QUOTA,
    "iopl ioperm": _PORTS,
    "modify_ldt vm86 vm86old": _EMULATION,
    "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd": _PEEK,
    "kcmp": msg("Tells whether two processes share files or memory; hardly any program needs to know."),
    "open_by_handle_at": msg("Opens any file of a filesystem by its handle, past every directory: a known way out."),
    "name_to_handle_at": msg("Returns the handles with which open_by_handle_at opens files."),
    "add_key keyctl request_key": _KEYRING,
    "clock_settime clock_settime64 settimeofday stime": _CLOCK,
    "personality": msg("Can turn off the random layout of memory, which makes other flaws easier to exploit."),
    "fanotify_init": msg("Watches all files of a mount, and can delay anyone who opens them."),
    "mbind migrate_pages move_pages get_mempolicy set_mempolicy set_mempolicy_home_node": _PLACEMENT,
    "lookup_dcookie nfsservctl uselib ustat sysfs _sysctl": _OLD,
    "socketcall": msg(
        "The old entry to all socket calls on i386; a filter can't see which kind of socket is created through it."
    ),
    "sethostname setdomainname": msg("Changes the machine's name in its UTS namespace, or the host's if it is shared."),
    "uprobe uretprobe": msg("Only for probes that root has set on a program; the kernel lets it bypass every filter."),
}


@cache
def _groups() -> dict[str, Message]:
    return {name: group for group, names in _NAMES.items() for name in names.split()}


@cache
def _warnings() -> dict[str, Message]:
    return {name: text for names, text in _WARNINGS.items() for name in names.split()}


def group_of(name: str) -> Message:
    """What a call is for: one of `GROUPS`."""
    return _groups().get(name, _FILES)


def warning(name: str) -> Message | None:
    """Why a call is dangerous; None if it is not known to be."""
    return _warnings().get(name)
