"""Refusals by AppArmor or SELinux: by the kernel's log, by a measured profile, or by elimination.

A log line about this very call is certain. It names the process and the requested access, but not the
call, so its operation, class and file name have to fit; names are the kernel's own: apparmor/include/audit.h
(operations), selinux/include/classmap.h (classes). Not everything is logged: `deny` rules (most of docker-default)
produce no line, so there the profile's rules decide, as measured. If neither tells anything, the module is the
reason by elimination: it confines the process, mediates such calls, and nothing else refused.
"""

from __future__ import annotations

import errno

from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import Unconfined, Want
from stratascope.core.threats.needs import Access
from stratascope.layers.mac.facts import ENFORCING, UNCONFINED_TYPES, MacFacts
from stratascope.layers.mac.policies import MEASURED, AppArmorPosture, apparmor_posture, forbids
from stratascope.layers.mac.stances import RESTRICT
from stratascope.linux.audit import AppArmorRefusal, SELinuxRefusal, parse_record
from stratascope.linux.capability import name_of, number_of

_OPENING = "creat open openat openat2 open_by_handle_at"
_SENDS = "sendto sendmsg sendmmsg connect write writev"
_MOUNTING = "mount move_mount mount_setattr fsmount open_tree umount2 umount pivot_root fsconfig"
_NAMESPACES = "clone clone3 unshare"
_TRACES = "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd"
_OPERATIONS = {
    "bind": "bind",
    "change_onexec": "write",
    "change_profile": "write",
    "chmod": "chmod fchmod fchmodat fchmodat2",
    "chown": "chown fchown fchownat lchown",
    "connect": "connect sendto sendmsg",
    "create": "socket socketpair",
    "exec": "execve execveat",
    "file_mmap": "mmap mmap2 execve execveat",
    "file_mprotect": "mprotect pkey_mprotect",
    "file_perm": f"{_SENDS} read pread64 readv pwrite64 fallocate",
    "getattr": "stat lstat newfstatat statx fstat",
    "link": "link linkat",
    "listen": "listen",
    "mkdir": "mkdir mkdirat",
    "mknod": f"mknod mknodat bind {_OPENING}",
    "mount": _MOUNTING,
    "open": f"{_OPENING} execve execveat uselib",
    "pivotroot": "pivot_root",
    "ptrace": f"{_TRACES} {_OPENING} readlink readlinkat setns",
    "rename_dest": "rename renameat renameat2",
    "rename_src": "rename renameat renameat2",
    "rmdir": "rmdir unlinkat",
    "sendmsg": _SENDS,
    "signal": "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal",
    "symlink": "symlink symlinkat",
    "truncate": f"truncate ftruncate {_OPENING}",
    "umount": "umount umount2",
    "unlink": "unlink unlinkat",
    "userns_create": _NAMESPACES,
}
_CLASSES = {
    "bpf": "bpf",
    "filesystem": f"{_MOUNTING} statfs fstatfs quotactl",
    "io_uring": "io_uring_setup io_uring_enter",
    "key": "keyctl add_key request_key",
    "perf_event": "perf_event_open mmap read ioctl",
    "process": f"{_TRACES} {_NAMESPACES} kill tkill tgkill execve execveat setpgid getpgid setsid setrlimit prlimit64"
    f" setpriority sched_setaffinity sched_setattr sched_setscheduler mmap mprotect {_OPENING} readlink readlinkat",
    "user_namespace": _NAMESPACES,
}
_CAPABILITIES = frozenset(("capability", "capability2", "cap_userns", "cap2_userns"))
_NODES = frozenset(("blk_file", "chr_file", "dir", "fifo_file", "file", "lnk_file", "sock_file"))
_SOCKETS = f"socket socketpair bind listen accept accept4 setsockopt getsockopt {_SENDS} recvfrom recvmsg ioctl"
_ALLOWED = {name: frozenset(calls.split()) for name, calls in {**_OPERATIONS, **_CLASSES}.items()}
_OF_SOCKETS = frozenset(_SOCKETS.split())
_ANONYMOUS = frozenset(("read", "write", "ioctl", "mmap", "mmap2", "mprotect", "fcntl", "lock"))


def matching(attempt: Attempt) -> AppArmorRefusal | SELinuxRefusal | None:
    """The first record that fits; None if none does."""
    for line in attempt.lines:
        match parse_record(line):
            case AppArmorRefusal() as record if _apparmor_fits(record, attempt):
                return record
            case SELinuxRefusal() as record if _selinux_fits(record, attempt):
                return record
    return None


def _apparmor_fits(record: AppArmorRefusal, attempt: Attempt) -> bool:
    if record.capability is not None or record.operation == "capable":
        return _was_checked(record.capability, attempt)
    calls = _ALLOWED.get(record.operation)
    if calls is not None and attempt.name not in calls:
        return False
    return _same_file(record.name, attempt)


def _selinux_fits(record: SELinuxRefusal, attempt: Attempt) -> bool:
    if record.kind in _CAPABILITIES:
        return _was_checked(record.capability, attempt)
    if record.kind.endswith("_socket"):
        return attempt.name in _OF_SOCKETS
    calls = _ALLOWED.get(record.kind)
    if calls is not None:
        return attempt.name in calls
    if record.kind in _NODES and not attempt.path:
        return attempt.name in _ANONYMOUS or not record.name
    return _same_file(record.name, attempt)


def _was_checked(number: int | None, attempt: Attempt) -> bool:
    """Whether the kernel checked that capability in the call: its own check comes first, so a call that it refused, or
    that checked another capability, causes no record.
    """
    checks = attempt.around.checks
    return not attempt.lacked and (checks is None or any(each.capability == number for each in checks))


def _same_file(name: str, attempt: Attempt) -> bool:
    """Compare the last component: the module may see the path from another root, and SELinux reports only that."""
    place = attempt.around.place
    paths = [path for path in (attempt.path, "" if place is None else place.path) if path]
    if not name or not paths:
        return True
    last = _last(name)
    # a directory is reported by its own name when a file was to be created in it
    return any(last in (_last(path), _last(path.rstrip("/").rpartition("/")[0])) for path in paths)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


_LAYER = "mac"
_APPARMOR, _SELINUX = "apparmor", "selinux"
_CONTAINER_FILES = frozenset(("container_file_t", "container_ro_file_t", "svirt_sandbox_file_t"))
_CAPABILITY_CLASSES = frozenset(("capability", "capability2", "cap_userns", "cap2_userns"))
_UBUNTU = "unprivileged_userns"  # of unconfined processes once they create a user namespace
_OPENS = frozenset(("creat", "open", "openat", "openat2"))
_WRITES = 0x3 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC
_OPEN_FLAGS = {"open": 1, "openat": 2}
_MOUNTS = frozenset(("mount", "move_mount", "pivot_root"))
_USER_NAMESPACES = frozenset(("clone", "clone3", "unshare"))
_NEW_USER = 0x10000000
_SYS_ADMIN = number_of("CAP_SYS_ADMIN")
# Calls that neither module mediates: elimination does not apply to them
_NOT_MEDIATED_NAMES = """
arch_prctl brk capset clock_adjtime clock_settime close close_range dup dup2 dup3 epoll_ctl exit exit_group fsopen
futex getcwd getdents getdents64 getpid getppid gettid io_uring_enter kcmp keyctl landlock_restrict_self madvise
membarrier mseal munmap nanosleep personality prctl reboot restart_syscall rseq sched_yield seccomp set_robust_list
set_tid_address setgid setgroups setregid setresgid setresuid setreuid setsid setuid settimeofday sigaltstack sync
umask uname
"""
_NOT_MEDIATED = frozenset(_NOT_MEDIATED_NAMES.split())


def refused(attempt: Attempt, facts: MacFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    if attempt.kind is not AttemptKind.CALL or not attempt.entered or attempt.errno not in (errno.EPERM, errno.EACCES):
        return None
    match matching(attempt):
        case AppArmorRefusal() as record:
            return _apparmor_said(attempt, record, around)
        case SELinuxRefusal() as record:
            return _selinux_said(attempt, record)
    if facts is None or attempt.lacked:
        return None
    if facts.system == _APPARMOR:
        return _apparmor_left(attempt, facts, around)
    if facts.system == _SELINUX:
        return _selinux_left(attempt, facts)
    return None


def _apparmor_said(attempt: Attempt, record: AppArmorRefusal, around: Surroundings) -> Claim:
    wants = _unconfined(attempt, _APPARMOR)
    if record.profile == _UBUNTU or (record.operation == "userns_create" and record.profile == "unconfined"):
        text = msg(
            "AppArmor restricts creating user namespaces by programs without a profile, through {setting} of this "
            "host.",
            setting=RESTRICT,
        )
        return Claim(_LAYER, text, Strength.SAID)
    if record.capability is not None:
        name = name_of(record.capability).removeprefix("CAP_")
        text = msg("The AppArmor profile {profile} forbids the use of {name}.", profile=record.profile, name=name)
        return Claim(_LAYER, text, Strength.SAID, wants)
    if record.name:
        text = msg(
            "The AppArmor profile {profile} forbids this ({operation}) on {path}.",
            profile=record.profile, operation=record.operation, path=record.name,
        )  # fmt: skip
    elif record.peer:
        text = msg(
            "The AppArmor profile {profile} forbids this ({operation}) on a process of {peer}.",
            profile=record.profile, operation=record.operation, peer=record.peer,
        )  # fmt: skip
    else:
        text = msg(
            "The AppArmor profile {profile} forbids this ({operation}).",
            profile=record.profile, operation=record.operation,
        )  # fmt: skip
    return Claim(_LAYER, text, Strength.SAID, wants)


def _selinux_said(attempt: Attempt, record: SELinuxRefusal) -> Claim:
    permissions, source, target = ", ".join(record.permissions), record.source_type, record.target_type
    if record.kind in _CAPABILITY_CLASSES:
        text = msg(
            "SELinux does not let processes of the type {source} use the capability {name}.",
            source=source, name=permissions.upper(),
        )  # fmt: skip
        return Claim(_LAYER, text, Strength.SAID, _unconfined(attempt, _SELINUX))
    place = attempt.around.place
    path = attempt.path or (place.path if place is not None else "")
    if not path or record.kind == "process":
        text = msg(
            "SELinux does not let processes of the type {source} do this ({permissions}) to {target}.",
            source=source, permissions=permissions, target=target,
        )  # fmt: skip
    elif target in _CONTAINER_FILES:
        text = msg(
            "SELinux keeps other containers' files apart: {path} has the label {label}, which is not this container's.",
            path=path, label=record.target,
        )  # fmt: skip
    else:
        text = msg(
            "SELinux does not let processes of the type {source} do this ({permissions}) to {path}: its type "
            "{target} is not a container file type.",
            source=source, permissions=permissions, path=path, target=target,
        )  # fmt: skip
    return Claim(_LAYER, text, Strength.SAID, _unconfined(attempt, _SELINUX, path))


def _apparmor_left(attempt: Attempt, facts: MacFacts, around: Surroundings) -> Claim | None:
    if facts.mode not in ENFORCING or not facts.label:
        return _restricted(attempt, facts, around)
    known = apparmor_posture(facts.label, around)
    if known is not None:
        return _by_rules(attempt, known)
    if attempt.name in _NOT_MEDIATED:
        return None
    text = msg("Nothing else known here refuses this, so it was the AppArmor profile {profile}.", profile=facts.label)
    return Claim(_LAYER, text, Strength.LEFT, _unconfined(attempt, _APPARMOR))


def _by_rules(attempt: Attempt, known: AppArmorPosture) -> Claim | None:
    """The claim by an engine's default profile: what it forbids, as measured."""
    wants, engine = _unconfined(attempt, _APPARMOR), MEASURED[known.profile]
    if attempt.name in _MOUNTS and attempt.errno == errno.EACCES:
        text = msg("The AppArmor profile {profile} forbids every mount.", profile=known.label)
        return Claim(_LAYER, text, Strength.FITS, wants)
    if attempt.name in _USER_NAMESPACES and known.user_namespaces and attempt.errno == errno.EACCES:
        text = msg("The AppArmor profile {profile} forbids new user namespaces.", profile=known.label)
        return Claim(_LAYER, text, Strength.FITS, wants)
    place = attempt.around.place
    path = (place.path if place is not None else "") or attempt.path
    if attempt.errno == errno.EACCES and path and forbids(known.profile, path, _access(attempt)):
        text = msg(
            "The AppArmor profile {profile} forbids this on {path}, as measured on {engine}.",
            profile=known.label, path=path, engine=engine,
        )  # fmt: skip
        return Claim(_LAYER, text, Strength.FITS, wants)
    if attempt.name in ("kill", "ptrace", "tgkill", "tkill") and attempt.errno == errno.EACCES:
        text = msg(
            "The AppArmor profile {profile} lets it reach only processes under the same profile.", profile=known.label
        )
        return Claim(_LAYER, text, Strength.FITS, wants)
    return None


def _restricted(attempt: Attempt, facts: MacFacts, around: Surroundings) -> Claim | None:
    """The claim by Ubuntu's restriction of unprivileged user namespaces, without a log line."""
    if around.ground.sysctl(RESTRICT) != "1" or attempt.name not in (*_USER_NAMESPACES, "mount", "sethostname"):
        return None
    held = attempt.around.effective
    nested = held is not None and _SYS_ADMIN in held
    if attempt.name in _USER_NAMESPACES and not (attempt.values and attempt.values[0] & _NEW_USER):
        return None
    if attempt.name not in _USER_NAMESPACES and not nested:
        return None
    text = msg(
        "AppArmor apparently restricts creating user namespaces by programs without a profile, through {setting} of "
        "this host.",
        setting=RESTRICT,
    )
    return Claim(_LAYER, text, Strength.LEFT)


def _selinux_left(attempt: Attempt, facts: MacFacts) -> Claim | None:
    confined = facts.mode == "enforcing" and facts.type and facts.type not in UNCONFINED_TYPES and facts.policy_loaded
    if not confined or attempt.name in _NOT_MEDIATED:
        return None
    place = attempt.around.place
    path = (place.path if place is not None else "") or attempt.path
    text = msg(
        "Nothing else known here refuses this, so it was SELinux, which confines the process as {type}.",
        type=facts.type or "",
    )
    return Claim(_LAYER, text, Strength.LEFT, _unconfined(attempt, _SELINUX, path))


def _unconfined(attempt: Attempt, system: str, path: str = "") -> tuple[Want, ...]:
    """A want to be unconfined; none if the next check would refuse anyway: for mounts, the module's check is first."""
    held = attempt.around.effective
    if attempt.name in _MOUNTS and held is not None and _SYS_ADMIN not in held:
        return ()
    return (Unconfined(system, path),)


def _access(attempt: Attempt) -> Access:
    if attempt.name in _OPENS:
        place = _OPEN_FLAGS.get(attempt.name)
        if attempt.name == "creat":
            return Access.WRITE
        writes = place is not None and place < len(attempt.values) and attempt.values[place] & _WRITES
        return Access.WRITE if writes else Access.READ
    return Access.READ if attempt.name in ("access", "execve", "execveat", "faccessat", "faccessat2") else Access.WRITE
