"""Observations: what a container was seen to use and which phases were covered; and the needs accumulated from them.

Everything is a minimum: what was not exercised was not seen, so coverage is reported with it. Lists are bounded, since
a container can run as many programs, and write as many paths, as it likes.

Coverage is the share of relevant phases of a container's life that happened, never minutes. A start and an end are
relevant for all. Requests are if it listens on or publishes a port, saving if it has storage that outlives it, a reload
if its first process handles SIGHUP. Processes created later and sessions from outside count only if they were seen.
Decided against guessing from the image's name what a program can do.

Needs are kept by image and command, over restarts and relaunches of containers: hardening changes options of a
container, and neither of these, so they hold afterwards, and for all replicas together. Decided against the container's
id: a relaunch makes a new one.

Some system calls are harmless: what a program does with its own files, memory, time and connections. Allowing these
gives an attacker nothing that a process does not have anyway, and an hour of observation does not show all of them.
Everything else that an engine's default filter allows is *notable*: a container gets it only if it was seen to use it,
and `notable_reason` says why. Decided against a list of dangerous calls: a call not known to be harmless counts as
dangerous.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol

from stratascope.core.container import Asked, Container
from stratascope.core.message import Message, msg
from stratascope.core.observation import SECONDS_MOST
from stratascope.core.observation.events import Event
from stratascope.value import Value, replace

BY_MOST = 8  # programs listed per use
EVERYTHING = "everything"  # in `Observation.unseen`: no part could be observed
LIST_MOST = 2000  # of each list


class Phase(StrEnum):
    """Phases of a container's life, in order."""

    START = "start"
    REQUESTS = "requests"  # it accepted connections
    CHILDREN = "children"  # it created processes long after its start
    SAVE = "save"  # it synced data to disk, or replaced a file by renaming
    RELOAD = "reload"  # it got a signal that requests a reload
    SESSIONS = "sessions"  # a process was started from outside (exec)
    STOP = "stop"


class Seen(Value):
    """How long it was observed and which phases were seen. `lost`: number of lost events."""

    seconds: float = 0.0
    starts: int = 0
    stops: int = 0
    reloads: int = 0
    execs: int = 0
    lost: int = 0
    phases: tuple[Phase, ...] = ()


class UsedCapability(Value):
    """A capability that the kernel checked successfully. `initial`: in the initial user namespace.

    `last`: seconds since the epoch; 0.0: not known.
    """

    name: str
    initial: bool
    uses: int
    by: tuple[str, ...]
    last: float = 0.0


class UsedCall(Value):
    """A system call by entry point and name, or number if it has no name here. `uses`: a minimum.

    `first`: seconds of observation, over all runs, after which it was first seen.
    """

    abi: str
    name: str
    uses: int
    by: tuple[str, ...]
    first: float = 0.0


class UsedArguments(Value):
    """One set of arguments that a call was made with."""

    abi: str
    name: str
    values: tuple[int, ...]


class Access(StrEnum):
    """How a path was reached."""

    READ = "read"  # or listed, or looked at
    WRITTEN = "written"  # or opened for writing, or changed in its names, owners, modes
    EXECUTED = "executed"
    CONNECTED = "connected"  # to a socket


class UsedPath(Value):
    """A bind or a device of the container, or a socket in a bind, and what was reached through it.

    `access` empty: it was watched, for `seconds` in all and over `starts`, and not used. `first`, `last`: seconds since
    the epoch; 0.0: not known.
    """

    path: str
    access: tuple[Access, ...] = ()
    by: tuple[str, ...] = ()
    first: float = 0.0
    last: float = 0.0
    seconds: float = 0.0
    starts: int = 0


class UsedPort(Value):
    """A port that it listened on. `loopback`: on loopback only; `outside`: a client from outside connected."""

    protocol: str
    port: int
    loopback: bool
    outside: bool


class RefusedCall(Value):
    """A refused call. `filtered`: refused by a filter, before it began. `lacked`: capabilities whose checks failed."""

    by: str
    abi: str
    name: str
    errno: int
    filtered: bool
    values: tuple[int, ...]
    path: str
    lacked: tuple[str, ...]


class Observation(Value):
    """Everything seen of one container, or of several runs of it together.

    `executed`: paths of its programs. `reached`: its binds and devices, those that were watched. `users`: uid and gid,
    in the container's numbering. `peaks`: memory (bytes), cpu (cores), pids, open_files. `kept`: capabilities that a
    process had although it was not root, and its program. `unseen`: parts that could not be observed, and why.
    """

    seen: Seen = Seen()
    capabilities: tuple[UsedCapability, ...] = ()
    calls: tuple[UsedCall, ...] = ()
    arguments: tuple[UsedArguments, ...] = ()
    denied: tuple[RefusedCall, ...] = ()
    written: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    ports: tuple[UsedPort, ...] = ()
    users: tuple[tuple[int, int], ...] = ()
    peaks: tuple[tuple[str, float], ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    unseen: tuple[tuple[str, str], ...] = ()
    executed: tuple[str, ...] = ()
    reached: tuple[UsedPath, ...] = ()

    def notable(self) -> tuple[UsedCall, ...]:
        """The calls outside the harmless set."""
        return tuple(call for call in self.calls if is_notable(call.abi, call.name))

    def growth(self) -> tuple[tuple[float, int], ...]:
        """The number of distinct calls seen by seconds of observation: one step whenever new ones appeared."""
        found: dict[float, int] = {}
        for count, first in enumerate(sorted(call.first for call in self.calls), 1):
            found[first] = count
        return tuple(found.items())

    def peak(self, what: str) -> float | None:
        """The peak of a resource; None if it was not observed."""
        return next((value for name, value in self.peaks if name == what), None)

    def saw(self, what: str) -> bool:
        """Whether a part could be observed: calls, capabilities, written, ports, users, peaks, reached."""
        return bool(self.seen.starts or self.seen.seconds) and all(
            name not in (what, EVERYTHING) for name, _ in self.unseen
        )

    @property
    def why_nothing(self) -> str | None:
        """Why nothing at all could be observed; None if something could."""
        return next((why for what, why in self.unseen if what == EVERYTHING), None)


def added(one: Observation, two: Observation) -> Observation:
    """Add up two observations, `two` after `one`. A part counts as seen if either saw it."""
    if one == Observation():
        return two
    if two == Observation():
        return one
    return Observation(
        _seen(one.seen, two.seen),
        _capabilities((*one.capabilities, *two.capabilities)),
        _calls((*one.calls, *_later(two.calls, one.seen.seconds))),
        tuple(sorted({*one.arguments, *two.arguments}, key=str))[:LIST_MOST],
        tuple(sorted({*one.denied, *two.denied}, key=str))[:LIST_MOST],
        tuple(sorted({*one.written, *two.written}))[:LIST_MOST],
        tuple(sorted({*one.devices, *two.devices}))[:LIST_MOST],
        _ports((*one.ports, *two.ports)),
        tuple(sorted({*one.users, *two.users}))[:LIST_MOST],
        _peaks((*one.peaks, *two.peaks)),
        tuple(sorted({**dict(two.kept), **dict(one.kept)}.items()))[:LIST_MOST],
        tuple(item for item in one.unseen if any(item[0] == other[0] for other in two.unseen)),
        tuple(sorted({*one.executed, *two.executed}))[:LIST_MOST],
        _paths((*one.reached, *two.reached)),
    )


def programs(*groups: Iterable[str]) -> tuple[str, ...]:
    """Merge lists of programs: each once, the first `BY_MOST`."""
    return tuple(dict.fromkeys(name for group in groups for name in group if name))[:BY_MOST]


def _seen(one: Seen, two: Seen) -> Seen:
    return Seen(
        one.seconds + two.seconds,
        one.starts + two.starts,
        one.stops + two.stops,
        one.reloads + two.reloads,
        one.execs + two.execs,
        one.lost + two.lost,
        tuple(phase for phase in Phase if phase in (*one.phases, *two.phases)),
    )


def _capabilities(all_of: Iterable[UsedCapability]) -> tuple[UsedCapability, ...]:
    found: dict[str, UsedCapability] = {}
    for each in all_of:
        old = found.get(each.name, UsedCapability(each.name, False, 0, ()))
        found[each.name] = UsedCapability(
            each.name,
            old.initial or each.initial,
            old.uses + each.uses,
            programs(old.by, each.by),
            max(old.last, each.last),
        )
    return tuple(found[name] for name in sorted(found))


def _paths(all_of: Iterable[UsedPath]) -> tuple[UsedPath, ...]:
    found: dict[str, UsedPath] = {}
    for each in all_of:
        old = found.get(each.path, UsedPath(each.path))
        found[each.path] = UsedPath(
            each.path,
            tuple(access for access in Access if access in (*old.access, *each.access)),
            programs(old.by, each.by),
            min(old.first or each.first, each.first or old.first),
            max(old.last, each.last),
            old.seconds + each.seconds,
            old.starts + each.starts,
        )
    return tuple(found[path] for path in sorted(found))[:LIST_MOST]


def _later(calls: Iterable[UsedCall], seconds: float) -> Iterable[UsedCall]:
    return (replace(call, first=call.first + seconds) for call in calls)


def _calls(all_of: Iterable[UsedCall]) -> tuple[UsedCall, ...]:
    found: dict[tuple[str, str], UsedCall] = {}
    for each in all_of:
        key = each.abi, each.name
        old = found.get(key, UsedCall(*key, 0, (), each.first))
        found[key] = UsedCall(*key, old.uses + each.uses, programs(old.by, each.by), old.first)
    return tuple(found[key] for key in sorted(found))[:LIST_MOST]


def _ports(all_of: Iterable[UsedPort]) -> tuple[UsedPort, ...]:
    found: dict[tuple[str, int], UsedPort] = {}
    for each in all_of:
        key = each.protocol, each.port
        old = found.get(key, UsedPort(*key, True, False))
        found[key] = UsedPort(*key, old.loopback and each.loopback, old.outside or each.outside)
    return tuple(found[key] for key in sorted(found))[:LIST_MOST]


def _peaks(all_of: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for name, value in all_of:
        found[name] = max(value, found.get(name, 0.0))
    return tuple(sorted(found.items()))


_STORES = ("bind", "volume")
_HANGUP = 1 << 0  # SIGHUP, signal 1


class Coverage(Value):
    """Covered phases in order. `missing`: relevant phases that were not seen."""

    seen: tuple[Phase, ...]
    missing: tuple[Phase, ...]

    @property
    def share(self) -> float:
        """The covered share of relevant phases, 0.0 to 1.0."""
        return len(self.seen) / max(1, len(self.seen) + len(self.missing))


def coverage(seen: Observation, container: Container, caught: int | None = None) -> Coverage:
    """The coverage of an observation. `caught`: mask of the signals that its first process handles; None: not known."""
    asked = container.asked
    sensible = {Phase.START, Phase.STOP}
    if asked.ports or seen.ports:
        sensible.add(Phase.REQUESTS)
    if any(mount.writable and mount.kind in _STORES for mount in asked.mounts):
        sensible.add(Phase.SAVE)
    if caught is not None and caught & _HANGUP:
        sensible.add(Phase.RELOAD)
    happened = seen.seen.phases
    return Coverage(
        tuple(phase for phase in Phase if phase in happened),
        tuple(phase for phase in Phase if phase in sensible and phase not in happened),
    )


_NAMES = """
accept accept4 access alarm arch_prctl bind brk capget chdir clock_getres clock_gettime clock_nanosleep close
close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2
epoll_wait eventfd eventfd2 execve exit exit_group faccessat faccessat2 fadvise64 fallocate fchdir fcntl fdatasync
fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex
futimesat get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups
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
# The names of the same calls for 32-bit programs
_NAMES_32 = """
_llseek _newselect clock_getres_time64 clock_gettime64 clock_nanosleep_time64 fadvise64_64 fcntl64 fstat64 fstatat64
fstatfs64 ftruncate64 futex_time64 getegid32 geteuid32 getgid32 getgroups32 getresgid32 getresuid32 getuid32 lstat64
mmap2 ppoll_time64 pselect6_time64 recvmmsg_time64 rt_sigtimedwait_time64 sched_rr_get_interval_time64
sendfile64 sigprocmask sigreturn stat64 statfs64 timer_gettime64 timer_settime64 timerfd_gettime64 timerfd_settime64
truncate64 ugetrlimit utimensat_time64 waitpid
"""
HARMLESS = frozenset(_NAMES.split())
HARMLESS_32 = HARMLESS | frozenset(_NAMES_32.split())

# Since Linux 5.16. Who asks for one of these takes an older one where the kernel does not know it (ENOSYS)
NEWER = frozenset(["cachestat", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake"])
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

# Of calls that are harmless but for what one argument asks for, of which the kernel takes the lower half. Requests of
# ioctl(2): TIOCSTI types into a terminal, TIOCLINUX pastes, USERFAULTFD_IOC_NEW handles page faults of the kernel
NOTABLE_REQUESTS = frozenset((0x5412, 0x541C, 0xAA00))
# Options of prctl(2) that only concern the caller and give it nothing. Not among them: PR_SET_MM, PR_SET_TSC,
# PR_MCE_KILL, PR_SET_SPECULATION_CTRL, PR_SET_IO_FLUSHER, PR_SET_SYSCALL_USER_DISPATCH, PR_SCHED_CORE,
# PR_SET_MEMORY_MERGE, perf's events, those of machines that are gone, and what is newer
HARMLESS_OPTIONS = frozenset(
    (
        *range(1, 5),  # PDEATHSIG, DUMPABLE
        *(7, 8, 15, 16),  # KEEPCAPS, NAME
        *range(21, 26),  # SECCOMP, CAPBSET, GET_TSC
        *range(27, 31),  # SECUREBITS, TIMERSLACK
        *range(36, 43),  # CHILD_SUBREAPER, NO_NEW_PRIVS, GET_TID_ADDRESS, THP_DISABLE
        *(47, 50, 51, 52, 54, 55, 56),  # CAP_AMBIENT, SVE, GET_SPECULATION_CTRL, PAC, TAGGED_ADDR
        *(60, 61, 63, 64, 65, 66),  # PAC_ENABLED_KEYS, SME, MDWE
        *(74, 75, 76),  # SHADOW_STACK
        *(0x41555856, 0x53564D41, 0x59616D61),  # GET_AUXV, SET_VMA, SET_PTRACER
    )
)


def is_notable_argument(name: str, value: int) -> bool:
    """Whether a call with this argument is allowed only if that was seen; true of all but most of ioctl and prctl."""
    low = value & 0xFFFFFFFF
    return low in NOTABLE_REQUESTS if name == "ioctl" else name != "prctl" or low not in HARMLESS_OPTIONS


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
    (" ".join(NEWER), msg("It is newer than most programs, and those that ask for it can do without it.")),
    (_OLD, msg("Hardly anything needs it, and it exposes old or rarely tested parts of the kernel.")),
)
_REASON_OF = {name: reason for names, reason in _REASONS for name in names.split()}
_ELSE = msg("It is not among the calls known to be harmless.")


def harmless(abi: str) -> frozenset[str]:
    """The harmless calls of one entry point, by name."""
    return HARMLESS_32 if abi == "i386" else HARMLESS


def ordinary(abi: str) -> frozenset[str]:
    """Notable calls that each alone open nothing new beyond capabilities and files. Allowed if coverage was low."""
    found = f"{_OWNERS} {_IDENTITY} {_SHARED} {_PRIORITY} {_FILES_LATER} chroot mknod mknodat".split()
    return frozenset(name for name in found if abi == "i386" or not name.endswith(("32", "64")))


def reaches_others(name: str) -> bool:
    """Whether a call accesses other processes: that a program imports it is no reason to allow it."""
    return name in _OTHERS.split()


def is_notable(abi: str, name: str) -> bool:
    """Whether a container gets this call only if it was seen to use it."""
    return name not in harmless(abi)


def notable_reason(name: str) -> Message:
    """Why a call does not count as harmless."""
    return _REASON_OF.get(name, _ELSE)


class Needs(Value):
    """All observations of one image and command, added up. `containers`: names of those observed, newest last.

    `updated`: seconds since the epoch.
    """

    image: str
    command: str
    observation: Observation = Observation()
    containers: tuple[str, ...] = ()
    updated: float = 0.0

    def elsewhere(self, name: str) -> bool:
        """Whether all of it was seen in other containers than the one of that name."""
        return bool(self.containers) and name not in self.containers


class NeedsError(Exception):
    """Needs can't be written or read; `words`: what and why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class NeedsStore(Protocol):
    """Storage of needs. All methods raise NeedsError."""

    def of(self, container: Container, but: str = "") -> Needs | None:
        """The needs of such a container, with what others are watching right now; None: none recorded. `but`: without
        this watch.
        """

    def so_far(self, container: Container, watch: str, observation: Observation) -> None:
        """Keep what a watch has seen up to now, in place of what it had seen before. It counts from now on, also where
        this program is killed before `add`. `watch`: hexadecimal digits, its own.
        """

    def add(self, container: Container, observation: Observation, watch: str = "") -> Needs:
        """Add an observation, which ends that watch, and return the updated needs."""

    def share(self, container: Container, other: Container) -> None:
        """From now on, the needs of the first are the other's too, although its image has another name."""

    def forget(self, container: Container) -> bool:
        """Delete the needs; returns whether there were any."""


def needs_key(container: Container) -> str:
    """32 hexadecimal digits, equal for all containers of the same image and command."""
    import hashlib  # it loads OpenSSL, and this is asked of what was observed alone

    return hashlib.sha256(f"{container.image}\0{container.command}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


class FilterAnswer(Value):
    """The errno that a filter returns for a call. `abi`: the entry point."""

    abi: str
    name: str
    errno: int


class ObserverRequest(Value):
    """The container to observe, by its first process, or by the control group in which it will be.

    `start`: field 22 of its /proc/PID/stat, so that a reused PID is not observed; `group`: a control group's path from
    the root of its hierarchy, which may still be empty. With a group the PID may be 0. `answers`: errnos that its
    filter returns, besides those that always count as refusals.
    """

    pid: int = 0
    start: str = ""
    container: str = ""  # full id
    group: str = ""
    seconds: float = SECONDS_MOST
    answers: tuple[FilterAnswer, ...] = ()
    places: tuple[tuple[str, bool], ...] = ()  # as `places_of` a container


PLACES_MOST = 64


def places_of(asked: Asked) -> tuple[tuple[str, bool], ...]:
    """Paths of what is mounted in a container or handed in, and whether what is reached through it is to be told: of
    binds and devices.
    """
    found = {device.target or device.source: True for device in asked.devices}
    found |= {mount.target: mount.kind == "bind" for mount in asked.mounts}
    plain = {posixpath.normpath(path): watched for path, watched in found.items() if path.startswith("/")}
    return tuple(sorted(plain.items(), key=lambda item: not item[1]))[:PLACES_MOST]


class Stream(Protocol):
    """Events of one target from the moment the observer is attached; the first one is a `Begin`."""

    def __iter__(self) -> Iterator[Event]:
        """Block until the next event; ends after `End`. Raises ProbeError if the observer died or sent invalid data."""

    def close(self) -> None:
        """End it, from any thread: the iterator yields what is left, and an `End`. May be called twice."""


class Observer(Protocol):
    """Observes as root. If that needs a password, `begin` asks for it."""

    def begin(self, target: ObserverRequest) -> Stream:
        """Attach. Raises ProbeError that says what would allow it."""
