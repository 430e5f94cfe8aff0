"""System calls that nobody needs to ask for: what a program does with its own files, memory, time and connections.

Allowing them gives an attacker nothing that a process does not have anyway, and a program that was watched for an hour
has not shown all of them. Everything else that an engine's default filter lets through is *notable*: a container gets
it only where it was seen to use it, and `notable_reason` says why. Decided against a list of dangerous calls: what is
not known to be harmless is not.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg

_NAMES = """
accept accept4 access alarm arch_prctl bind brk cachestat capget chdir clock_getres clock_gettime clock_nanosleep close
close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
epoll_wait eventfd eventfd2 execve exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fcntl fdatasync
fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait
futex_waitv futex_wake futimesat get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups
getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage
getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch ioctl ioprio_get kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lgetxattr link
linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise membarrier memfd_create mincore mkdir
mkdirat mlock mlock2 mmap mprotect mremap msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause
pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2
prlimit64 pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg
removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
sched_setaffinity sched_yield seccomp select sendfile sendmmsg sendmsg sendto set_robust_list set_tid_address setitimer
setpgid setrlimit setsid setsockopt setxattr shutdown sigaltstack signalfd signalfd4 socketpair splice stat statfs statx
symlink symlinkat sync sync_file_range syncfs sysinfo tgkill time timer_create timer_delete timer_getoverrun
timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink
unlinkat utime utimensat utimes vfork wait4 waitid write writev
"""
# The same things as 32-bit programs spell them
_NAMES_32 = """
_llseek _newselect clock_getres_time64 clock_gettime64 clock_nanosleep_time64 fadvise64_64 fcntl64 fstat64 fstatat64
fstatfs64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 lstat64
mmap2 ppoll_time64 pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64
sendfile64 sigprocmask sigreturn stat64 statfs64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64
truncate64 ugetrlimit utimensat_time64 waitpid
"""
HARMLESS = frozenset(_NAMES.split())
HARMLESS_32 = HARMLESS | frozenset(_NAMES_32.split())

_OWNERS = "chmod chown fchmod fchmodat fchmodat2 fchown fchownat lchown chown32 fchown32 lchown32"
_IDENTITY = """
capset setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid setfsgid32 setfsuid32 setgid32
setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32
"""
_MOUNTS = """
chroot fsconfig fsmount fsopen fspick mount mount_setattr move_mount name_to_handle_at open_by_handle_at open_tree
open_tree_attr pivot_root umount umount2
"""
_OTHERS = """
kcmp pidfd_getfd process_madvise process_mrelease process_vm_readv process_vm_writev ptrace migrate_pages move_pages
"""
_SHARED = """
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop
semtimedop shmat shmctl shmdt shmget ipc mq_timedreceive_time64 mq_timedsend_time64 semtimedop_time64
"""
_FILES_LATER = "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit"  # aio(7), no io_uring
_PRIORITY = "ioprio_set mlockall nice sched_setattr sched_setparam sched_setscheduler setpriority"
_MACHINE = """
acct adjtimex clock_adjtime clock_settime clock_adjtime64 clock_settime64 delete_module finit_module init_module ioperm
iopl kexec_file_load kexec_load quotactl quotactl_fd reboot setdomainname sethostname settimeofday stime swapoff swapon
syslog vhangup
"""
_HIDDEN = "add_key bpf execveat fanotify_init fanotify_mark keyctl memfd_secret perf_event_open request_key userfaultfd"
_OLD = """
epoll_ctl_old epoll_wait_old get_thread_area map_shadow_stack modify_ldt remap_file_pages set_thread_area tee vmsplice
uselib vm86 vm86old getxattrat listxattrat removexattrat setxattrat listmount statmount mseal uretprobe
"""

_REASONS: tuple[tuple[str, Message], ...] = (
    (_OWNERS, msg("It changes owners and modes of files.")),
    (_IDENTITY, msg("It changes a process's identity or privileges.")),
    (_MOUNTS, msg("It changes which files a process sees.")),
    ("setns unshare clone clone3", msg("It creates or joins namespaces, or creates processes.")),
    (_OTHERS, msg("It accesses other processes.")),
    (
        _SHARED,
        msg("It shares memory and messages with other processes, also with the host's if the IPC namespace is shared."),
    ),
    (
        f"{_FILES_LATER} io_pgetevents_time64 io_uring_enter io_uring_register io_uring_setup",
        msg("It bypasses the filter, or works in parts of the kernel with many past vulnerabilities."),
    ),
    (_PRIORITY, msg("It takes precedence over others.")),
    (_MACHINE, msg("It changes the whole machine.")),
    ("mknod mknodat", msg("It creates device nodes and pipes.")),
    ("personality", msg("It changes how a program's memory is laid out.")),
    ("socket socketcall", msg("It opens connections; its arguments say of which kind.")),
    (
        _HIDDEN,
        msg(
            "It stores things where other tools don't look, or exposes parts of the kernel with many past "
            "vulnerabilities."
        ),
    ),
    (_OLD, msg("Hardly anything needs it, and it exposes old or rarely tested parts of the kernel.")),
)
_REASON_OF = {name: reason for names, reason in _REASONS for name in names.split()}
_ELSE = msg("It is not among the calls known to be harmless.")


def harmless(abi: str) -> frozenset[str]:
    """The harmless calls of one entry point, by name."""
    return HARMLESS_32 if abi == "i386" else HARMLESS


def ordinary(abi: str) -> frozenset[str]:
    """What programs may do beside, as far as capabilities and files allow it: notable calls of which each alone opens
    nothing new. For those of whose work little was seen.
    """
    found = f"{_OWNERS} {_IDENTITY} {_SHARED} {_PRIORITY} {_FILES_LATER} chroot mknod mknodat".split()
    return frozenset(name for name in found if abi == "i386" or not name.endswith(("32", "64")))


def reaches_others(name: str) -> bool:
    """Whether a call reaches into other processes: that a program could do so is no reason to let it."""
    return name in _OTHERS.split()


def is_notable(abi: str, name: str) -> bool:
    """Whether a container gets this call only where it uses it."""
    return name not in harmless(abi)


def notable_reason(name: str) -> Message:
    """Why a call is not among the harmless ones."""
    return _REASON_OF.get(name, _ELSE)
