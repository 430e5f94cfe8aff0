"""Matches kernel log lines to a refused call.

A line names the process and what was requested, but not the call, so its operation, class and file name have to fit.
Names are the kernel's own: apparmor/include/audit.h (operations), selinux/include/classmap.h (classes).
"""

from __future__ import annotations

from stratascope.core.refusals.refusal import Attempt
from stratascope.linux.audit.record import AppArmorRefusal, SELinuxRefusal, parse_record

_OPENS = "creat open openat openat2 open_by_handle_at"
_FILES = f"{_OPENS} access faccessat faccessat2 execve execveat stat lstat newfstatat statx fstat readlink readlinkat"
_SENDS = "sendto sendmsg sendmmsg connect write writev"
_MOUNTS = "mount move_mount mount_setattr fsmount open_tree umount2 umount pivot_root fsconfig"
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
    "mknod": f"mknod mknodat bind {_OPENS}",
    "mount": _MOUNTS,
    "open": f"{_OPENS} execve execveat uselib",
    "pivotroot": "pivot_root",
    "ptrace": f"{_TRACES} {_OPENS} readlink readlinkat setns",
    "rename_dest": "rename renameat renameat2",
    "rename_src": "rename renameat renameat2",
    "rmdir": "rmdir unlinkat",
    "sendmsg": _SENDS,
    "signal": "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal",
    "symlink": "symlink symlinkat",
    "truncate": f"truncate ftruncate {_OPENS}",
    "umount": "umount umount2",
    "unlink": "unlink unlinkat",
    "userns_create": _NAMESPACES,
}
_CLASSES = {
    "bpf": "bpf",
    "filesystem": f"{_MOUNTS} statfs fstatfs quotactl",
    "io_uring": "io_uring_setup io_uring_enter",
    "key": "keyctl add_key request_key",
    "perf_event": "perf_event_open mmap read ioctl",
    "process": f"{_TRACES} {_NAMESPACES} kill tkill tgkill execve execveat setpgid getpgid setsid setrlimit prlimit64"
    f" setpriority sched_setaffinity sched_setattr sched_setscheduler mmap mprotect {_OPENS} readlink readlinkat",
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
        return _was_asked(record.capability, attempt)
    calls = _ALLOWED.get(record.operation)
    if calls is not None and attempt.name not in calls:
        return False
    return _same_file(record.name, attempt)


def _selinux_fits(record: SELinuxRefusal, attempt: Attempt) -> bool:
    if record.kind in _CAPABILITIES:
        return _was_asked(record.capability, attempt)
    if record.kind.endswith("_socket"):
        return attempt.name in _OF_SOCKETS
    calls = _ALLOWED.get(record.kind)
    if calls is not None:
        return attempt.name in calls
    if record.kind in _NODES and not attempt.path:
        return attempt.name in _ANONYMOUS or not record.name
    return _same_file(record.name, attempt)


def _was_asked(number: int | None, attempt: Attempt) -> bool:
    """The kernel's own check comes first: no record comes from a call it refused, or checked for another capability."""
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
