"""Describe an attempt in words for people, and as strace(1) would print it.

The phrases for groups of calls are data: with a path, with one number, or alone. Code handles only calls whose
arguments change their purpose (socket, clone, prctl …). A call that is in no table is described by its name.
"""

from __future__ import annotations

import socket

from stratascope.core.message import Message, msg
from stratascope.core.observation.events import Address, NodeKind
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.sanitize import plain
from stratascope.linux.syscall_arguments import RESOURCES, node_type, printed, signal_name
from stratascope.linux.syscalls import argument_word, flag_words
from stratascope.value import replace

_SEND_SIGNAL = msg("Send a signal to another process")


def _each(*rows: tuple[str, Message]) -> dict[str, Message]:
    return {name: sentence for names, sentence in rows for name in names.split()}


WITH_PATH = _each(
    ("access faccessat faccessat2", msg("Check access to {path}")),
    ("acct", msg("Record each process that ends in {path}")),
    ("chdir fchdir", msg("Change the working directory to {path}")),
    ("chmod fchmod fchmodat fchmodat2", msg("Change the mode of {path}")),
    ("chown fchown fchownat lchown", msg("Change the owner of {path}")),
    ("chroot", msg("Make {path} its root directory")),
    ("execve execveat", msg("Run {path}")),
    ("epoll_ctl", msg("Wait for {path} to be ready")),
    ("fallocate ftruncate truncate", msg("Change the size of {path}")),
    ("fanotify_mark inotify_add_watch", msg("Watch {path}")),
    ("fsetxattr lsetxattr setxattr setxattrat", msg("Set an extended attribute of {path}")),
    ("fremovexattr lremovexattr removexattr", msg("Remove an extended attribute from {path}")),
    ("fspick", msg("Change the filesystem at {path}")),
    ("ioctl", msg("Control {path}")),
    ("link linkat", msg("Create a second name for {path}")),
    ("lstat newfstatat stat statx fstatat64 lstat64 stat64", msg("Query {path}")),
    ("mkdir mkdirat", msg("Create the directory {path}")),
    ("mount", msg("Mount a filesystem on {path}")),
    ("mount_setattr", msg("Change how {path} is mounted")),
    ("move_mount", msg("Attach a mount at {path}")),
    ("name_to_handle_at", msg("Get the file handle of {path}")),
    ("open_tree open_tree_attr", msg("Get a handle on the mounts at {path}")),
    ("openat2", msg("Open {path}")),
    ("pivot_root", msg("Change the root of its mounts to {path}")),
    ("quotactl_fd", msg("Change quotas of {path}")),
    ("readlink readlinkat", msg("Read where the link {path} points")),
    ("rename renameat renameat2", msg("Rename {path}")),
    ("rmdir", msg("Remove the directory {path}")),
    ("statfs", msg("Query the free space at {path}")),
    ("swapoff", msg("Stop swapping to {path}")),
    ("swapon", msg("Swap to {path}")),
    ("symlink symlinkat", msg("Create the link {path}")),
    ("umount umount2", msg("Unmount {path}")),
    ("unlink unlinkat", msg("Remove {path}")),
    ("futimesat utime utimensat utimes", msg("Change the times of {path}")),
)

# … and the index of the argument
WITH_NUMBER: dict[str, tuple[Message, int]] = {
    **dict.fromkeys(("setuid", "setuid32", "setfsuid", "setfsuid32"), (msg("Become user {number}"), 0)),
    **dict.fromkeys(("setreuid", "setresuid", "setreuid32", "setresuid32"), (msg("Become user {number}"), 1)),
    **dict.fromkeys(("setgid", "setgid32", "setfsgid", "setfsgid32"), (msg("Become group {number}"), 0)),
    **dict.fromkeys(("setregid", "setresgid", "setregid32", "setresgid32"), (msg("Become group {number}"), 1)),
    "pidfd_open": (msg("Get a handle on process {number}"), 0),
}

PLAIN = _each(
    ("access faccessat faccessat2", msg("Check access to a file")),
    ("chdir fchdir", msg("Change the working directory")),
    ("chmod fchmod fchmodat fchmodat2", msg("Change the mode of a file")),
    ("fallocate ftruncate truncate", msg("Change the size of a file")),
    ("fsetxattr lsetxattr setxattr", msg("Set an extended attribute of a file")),
    ("futimesat utime utimensat utimes", msg("Change the times of a file")),
    ("link linkat symlink symlinkat", msg("Create a link")),
    ("lstat newfstatat stat statx readlink readlinkat", msg("Query a file")),
    ("mkdir mkdirat", msg("Create a directory")),
    ("mknod mknodat", msg("Create a device or pipe")),
    ("rename renameat renameat2", msg("Rename a file")),
    ("rmdir unlink unlinkat", msg("Remove a file or directory")),
    ("accept accept4", msg("Accept a connection")),
    ("add_key request_key", msg("Use the kernel's keyring")),
    ("adjtimex clock_adjtime", msg("Adjust the machine's clock")),
    ("bind", msg("Bind a socket to an address")),
    ("bpf", msg("Use BPF in the kernel")),
    ("brk mmap mmap2 mremap", msg("Allocate memory")),
    ("capset", msg("Change its capabilities")),
    ("chown fchown fchownat lchown", msg("Change the owner of a file")),
    ("chroot", msg("Change its root directory")),
    ("clock_settime clock_settime64 settimeofday stime", msg("Set the machine's clock")),
    ("clone clone3 fork vfork", msg("Start a process or thread")),
    ("close_range", msg("Close files")),
    ("connect", msg("Connect to an address")),
    ("delete_module", msg("Remove a kernel module")),
    ("dup dup2 dup3", msg("Duplicate an open file")),
    ("epoll_create epoll_create1 eventfd2 inotify_init1 pipe pipe2", msg("Open one more file")),
    ("signalfd4 timerfd_create", msg("Open one more file")),
    ("epoll_ctl", msg("Wait for a file to be ready")),
    ("execve execveat", msg("Run a program")),
    ("fanotify_init", msg("Watch all files of a mount")),
    ("fanotify_mark inotify_add_watch", msg("Watch a file")),
    ("finit_module init_module", msg("Load a kernel module")),
    ("fsconfig fsmount fsopen", msg("Mount a filesystem")),
    ("get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node",
     msg("Choose where memory is placed")),
    ("getsockopt", msg("Read a socket option")),
    ("io_setup io_submit", msg("Read and write asynchronously")),
    ("io_uring_enter io_uring_register io_uring_setup", msg("Use io_uring")),
    ("ioctl", msg("Control a device or file")),
    ("ioperm iopl", msg("Use the machine's I/O ports")),
    ("ioprio_set", msg("Change its I/O priority")),
    ("kcmp", msg("Compare two processes")),
    ("kexec_file_load kexec_load", msg("Load another kernel")),
    ("keyctl", msg("Use the kernel's keyring")),
    ("kill pidfd_send_signal rt_sigqueueinfo rt_tgsigqueueinfo tgkill tkill", _SEND_SIGNAL),
    ("landlock_add_rule landlock_create_ruleset landlock_restrict_self", msg("Confine itself with Landlock")),
    ("listen", msg("Listen for connections")),
    ("lookup_dcookie nfsservctl sysfs _sysctl uselib ustat", msg("Use an obsolete call")),
    ("madvise", msg("Advise the kernel on its memory")),
    ("membarrier", msg("Order memory between threads")),
    ("memfd_create", msg("Create a file in memory")),
    ("memfd_secret", msg("Create memory that the kernel can't read")),
    ("mlock mlock2 mlockall", msg("Keep memory from being swapped out")),
    ("modify_ldt vm86 vm86old", msg("Change how the processor runs old programs")),
    ("mount", msg("Mount a filesystem")),
    ("mount_setattr", msg("Change how something is mounted")),
    ("move_mount", msg("Attach a mount")),
    ("mprotect pkey_mprotect", msg("Change the protection of its memory")),
    ("mq_open", msg("Open a message queue")),
    ("mseal", msg("Seal memory")),
    ("name_to_handle_at", msg("Get the handle of a file")),
    ("nice setpriority", msg("Change its priority")),
    ("open openat openat2 creat", msg("Open a file")),
    ("open_by_handle_at", msg("Open a file by its handle")),
    ("open_tree open_tree_attr", msg("Get a handle on mounts")),
    ("perf_event_open", msg("Measure with the processor's counters")),
    ("pidfd_getfd", msg("Take an open file from another process")),
    ("pivot_root", msg("Change the root of its mounts")),
    ("pkey_alloc", msg("Get a key for protecting memory")),
    ("prctl", msg("Set an option of the process")),
    ("process_madvise process_mrelease", msg("Manage the memory of another process")),
    ("process_vm_readv", msg("Read the memory of another process")),
    ("process_vm_writev", msg("Write the memory of another process")),
    ("ptrace", msg("Trace another process")),
    ("quotactl quotactl_fd", msg("Change disk quotas")),
    ("read pread64 readv", msg("Read from an open file")),
    ("reboot", msg("Restart the machine, or end its PID namespace")),
    ("rseq", msg("Register for restartable sequences")),
    ("sched_setaffinity", msg("Choose its CPUs")),
    ("sched_setattr sched_setparam sched_setscheduler", msg("Change how it is scheduled")),
    ("seccomp", msg("Install a seccomp filter")),
    ("semctl semget semop", msg("Use semaphores")),
    ("sendfile copy_file_range splice", msg("Copy between open files")),
    ("sendmmsg sendmsg sendto", msg("Send over a socket")),
    ("setdomainname sethostname", msg("Change the host name")),
    ("setgid setregid setresgid setfsgid setgid32 setregid32 setresgid32", msg("Change its group")),
    ("setgroups setgroups32", msg("Set its supplementary groups")),
    ("setns", msg("Enter another namespace")),
    ("setpgid setsid", msg("Start a process group or session")),
    ("setrlimit prlimit64", msg("Change a limit")),
    ("setsockopt", msg("Set a socket option")),
    ("setuid setreuid setresuid setfsuid setuid32 setreuid32 setresuid32", msg("Change its user")),
    ("shmat shmctl shmget", msg("Use shared memory")),
    ("socket socketpair socketcall", msg("Create a socket")),
    ("statmount listmount", msg("Query mounts")),
    ("swapoff swapon", msg("Turn swapping on or off")),
    ("syslog", msg("Read or change the kernel's log")),
    ("umount umount2", msg("Unmount something")),
    ("unshare", msg("Stop sharing resources with other processes")),
    ("userfaultfd", msg("Handle its own page faults")),
    ("vhangup", msg("Hang up its terminal")),
    ("write pwrite64 writev", msg("Write to an open file")),
)  # fmt: skip

# By the file type passed to mknod(2)
MADE = {
    "S_IFCHR": msg("Create the character device {path}"),
    "S_IFBLK": msg("Create the block device {path}"),
    "S_IFIFO": msg("Create the named pipe {path}"),
    "S_IFSOCK": msg("Create the socket {path}"),
    "": msg("Create the file {path}"),
}

# By address family and protocol; -1: any
SOCKETS = {
    (1, -1): msg("Create a Unix socket"),
    (2, -1): msg("Create an IPv4 socket"),
    (10, -1): msg("Create an IPv6 socket"),
    (16, 0): msg("Create a socket to query or configure the network"),
    (16, 9): msg("Create a socket to the kernel's audit system"),
    (16, 12): msg("Create a socket to configure the firewall"),
    (16, -1): msg("Create a netlink socket to the kernel"),
    (17, -1): msg("Create a socket for raw packets"),
    (38, -1): msg("Create a socket to the kernel's cryptography"),
    (40, -1): msg("Create a socket to the hypervisor (vsock)"),
    (44, -1): msg("Create a socket for fast packets (XDP)"),
}

# By the argument that selects the operation, named as in the kernel headers
OPTIONS = {
    "PTRACE_TRACEME": msg("Let its parent trace it"),
    "PR_SET_NAME": msg("Give itself another name"),
    "PR_SET_NO_NEW_PRIVS": msg("Give up gaining privileges (no_new_privs)"),
    "PR_SET_SECCOMP": msg("Install a seccomp filter"),
    "PR_CAPBSET_DROP": msg("Drop a capability from its bounding set"),
    "PR_CAP_AMBIENT": msg("Keep a capability across exec"),
    "PR_SET_SECUREBITS": msg("Change how root is treated (securebits)"),
    "PR_SET_MM": msg("Change the kernel's map of its memory"),
    "PR_SET_KEEPCAPS": msg("Keep capabilities when it changes its user"),
    "SECCOMP_SET_MODE_FILTER": msg("Install a seccomp filter"),
    "TIOCSTI": msg("Inject input into a terminal"),
    "TIOCSCTTY": msg("Make a terminal its controlling terminal"),
    "TUNSETIFF": msg("Create a network device (tun)"),
    "SIOCETHTOOL": msg("Query or configure a network card"),
    "SIOCSIFADDR": msg("Change the address of a network device"),
    "SIOCSIFFLAGS": msg("Turn a network device on or off"),
    "SIOCADDRT": msg("Add a route"),
    "FS_IOC_SETFLAGS": msg("Change the flags of {path}"),
    "BPF_PROG_LOAD": msg("Load a BPF program into the kernel"),
    "BPF_MAP_CREATE": msg("Create a BPF map"),
    "F_SETPIPE_SZ": msg("Make a pipe larger"),
}
NAMED = {
    "prctl": msg("Set an option of the process ({name})"),
    "keyctl": msg("Use the kernel's keyring ({name})"),
    "ptrace": msg("Trace another process ({name})"),
    "bpf": msg("Use BPF in the kernel ({name})"),
}

# Netlink requests by the kernel function that handles them; "": any
REQUESTS = {
    "rtnetlink_rcv_msg": msg("Change network devices, addresses or routes"),
    "nfnetlink_rcv": msg("Change or read the firewall"),
    "xfrm_user_rcv_msg": msg("Change how packets are encrypted (IPsec)"),
    "audit_receive": msg("Write to the kernel's audit log"),
    "": msg("Query the kernel over netlink"),
}


_PATH_MAX = 200
_LOW = 0xFFFFFFFF
_UNCHANGED = 0xFFFFFFFF  # -1 as an id
_OPENS = {"open": 1, "openat": 2}
_WRONLY, _RDWR, _CREAT, _PATH_ONLY, _DIRECTORY = 0o1, 0o2, 0o100, 0o10000000, 0o200000
_SOCK_TYPE, _RAW, _DGRAM = 0xF, 3, 2
_ICMP = (1, 58)
_NAMESPACES = {"clone": 0, "unshare": 0, "setns": 1}
_REMOUNT, _BIND, _MOVE, _SHARING = 0x20, 0x1000, 0x2000, 0x1E0000
_AT_REMOVEDIR = 0x200


def did(attempt: Attempt, *, many: bool = False) -> Message:
    """A short phrase: "Open the device /dev/net/tun". `many`: for several names in the folder."""
    if many:
        return msg("{did}, and other paths there", did=did(attempt))
    path = _shown(attempt)
    match attempt.kind:
        case AttemptKind.TOO_LARGE:
            return msg("Grow a file")
        case AttemptKind.OUT_OF_MEMORY:
            return msg("Use more memory")
        case AttemptKind.MASKED:
            return msg("Read {path}", path=path)
        case AttemptKind.NOT_GAINED:
            return msg("Run {path} with the privileges of its file", path=path)
        case AttemptKind.REQUEST:
            return _request(attempt)
    if not attempt.name:
        return msg("Make a system call")
    return _special(attempt, path) or _by_tables(attempt, path)


def arguments(attempt: Attempt) -> tuple[str, ...]:
    """Each argument of the call as strace(1) prints it; `...` if it was not read."""
    address = attempt.around.address
    return printed(
        attempt.abi, attempt.name, attempt.values, _shown(attempt), "" if address is None else _sockaddr(address)
    )


def raw(attempt: Attempt) -> str:
    """The call with its arguments on one line; "" if the call is not known."""
    if not attempt.name:
        return ""
    return f"{attempt.name}({', '.join(arguments(attempt)) if attempt.values or attempt.path else '...'})"


def _shown(attempt: Attempt) -> str:
    return plain(attempt.path, _PATH_MAX)


def _by_tables(attempt: Attempt, path: str) -> Message:
    name, values = attempt.name, attempt.values
    if path and name in WITH_PATH:
        return _filled(WITH_PATH[name], path=path)
    if name in WITH_NUMBER and values:
        sentence, place = WITH_NUMBER[name]
        number = values[place] & _LOW if place < len(values) else _UNCHANGED
        if number != _UNCHANGED:
            return _filled(sentence, number=str(number))
    return PLAIN.get(name) or msg("Call {name}", name=name)


def _filled(sentence: Message, **args: str) -> Message:
    return replace(sentence, args=tuple(args.items()))


def _special(attempt: Attempt, path: str) -> Message | None:
    """The phrase by the arguments; None if they add nothing."""
    name, values = attempt.name, attempt.values
    match name:
        case "open" | "openat" | "openat2" | "creat" if path:
            return _open(attempt, path)
        case "mknod" | "mknodat" if path:
            return _node(values[1 if name == "mknod" else 2] if len(values) > 2 else 0, path)
        case "unlinkat" if path and len(values) > 2 and values[2] & _AT_REMOVEDIR:
            return _filled(WITH_PATH["rmdir"], path=path)
        case "mount" if len(values) > 3:
            return _mount(values[3] & _LOW, path)
        case "clone" | "unshare" | "setns":
            return _namespaces(name, values)
        case "socket" | "socketpair" if len(values) > 2:
            return _socket(values)
        case "bind" | "connect" | "sendto" | "sendmsg" if attempt.around.address is not None:
            return _address(name, attempt.around.address)
        case "kill" | "tgkill" | "tkill" if len(values) > 2:
            return msg("Send {signal} to another process", signal=signal_name(values[2 if name == "tgkill" else 1]))
        case "setrlimit" | "prlimit64" if len(values) > 1:
            limit = RESOURCES.get(values[0 if name == "setrlimit" else 1] & _LOW, "")
            return msg("Change the limit {name}", name=limit) if limit else None
        case "prctl" | "keyctl" | "bpf" | "seccomp" | "ptrace" | "ioctl" | "fcntl" if values:
            return _option(name, values, path)
        case "personality" if values:
            word = argument_word(name, 0, values[0] & _LOW)
            return msg("Set the personality {name}", name=word)
    return None


def _request(attempt: Attempt) -> Message:
    checks = attempt.around.checks or ()
    frames = {name.partition(".")[0] for each in checks for name in each.frames}
    return next((words for name, words in REQUESTS.items() if name in frames), REQUESTS[""])


def _open(attempt: Attempt, path: str) -> Message:
    node = None if attempt.around.place is None else attempt.around.place.node
    place = _OPENS.get(attempt.name)
    flags = attempt.values[place] if place is not None and place < len(attempt.values) else 0
    known = place is not None and bool(attempt.values)
    writes = attempt.name == "creat" or flags & (_WRONLY | _RDWR) or (flags & _CREAT and node is None)
    if node is not None and node.is_device:
        if writes:
            return msg("Open the device {path} for writing", path=path)
        return msg("Open the device {path}", path=path)
    if attempt.name == "creat" or (flags & _CREAT and attempt.around.place is not None and node is None):
        return msg("Create the file {path}", path=path)
    if writes:
        return msg("Open {path} for writing", path=path)
    if flags & _DIRECTORY or (node is not None and node.kind is NodeKind.FOLDER):
        return msg("List the directory {path}", path=path)
    if known and not flags & _PATH_ONLY:
        return msg("Open {path} for reading", path=path)
    return msg("Open {path}", path=path)


def _node(mode: int, path: str) -> Message:
    return _filled(MADE.get(node_type(mode), MADE[""]), path=path)


def _mount(flags: int, path: str) -> Message | None:
    if not path:
        return None
    if flags & _REMOUNT:
        return msg("Change how {path} is mounted", path=path)
    if flags & _MOVE:
        return msg("Move a mount to {path}", path=path)
    if flags & _BIND:
        return msg("Bind-mount a file or directory on {path}", path=path)
    if flags & _SHARING:
        return msg("Change the propagation of mounts at {path}", path=path)
    return None


def _namespaces(name: str, values: tuple[int, ...]) -> Message | None:
    place = _NAMESPACES[name]
    flags = values[place] if place < len(values) else 0
    words = [word for word in flag_words(name, place, flags) if word.startswith("CLONE_NEW")]
    if name == "setns":
        if len(words) == 1:
            return msg("Enter another namespace ({kinds})", kinds=words[0])
        return None
    if not words:
        return None
    if words == ["CLONE_NEWUSER"]:
        return msg("Create a user namespace")
    return msg("Create namespaces ({kinds})", kinds=", ".join(words))


def _socket(values: tuple[int, ...]) -> Message:
    family, kind, protocol = values[0] & _LOW, values[1] & _SOCK_TYPE, values[2] & _LOW
    if family in (socket.AF_INET, socket.AF_INET6):
        if kind == _RAW:
            return msg("Create a raw socket")
        if kind == _DGRAM and protocol in _ICMP:
            return msg("Create a socket for ping")
    found = SOCKETS.get((family, protocol)) or SOCKETS.get((family, -1))
    return found or msg("Create a socket of the family {name}", name=argument_word("socket", 0, family))


def _address(name: str, address: Address) -> Message:
    text = plain(address.text, _PATH_MAX)
    if address.family in ("inet", "inet6"):
        where = f"[{text}]:{address.port}" if address.family == "inet6" else f"{text}:{address.port}"
        if name == "bind":
            return msg("Listen on port {port}", port=str(address.port))
        if name == "connect":
            return msg("Connect to {address}", address=where)
        return msg("Send to {address}", address=where)
    if name == "bind":
        return msg("Listen on {address}", address=text or address.family)
    if name == "connect":
        return msg("Connect to {address}", address=text or address.family)
    return msg("Send to {address}", address=text or address.family)


def _option(name: str, values: tuple[int, ...], path: str) -> Message | None:
    word = printed("", name, values[:2])[1 if name in ("ioctl", "fcntl") and len(values) > 1 else 0]
    known = OPTIONS.get(word)
    if known is not None:
        return (
            _filled(known, path=path) if path and "{path}" in known.id else known if "{path}" not in known.id else None
        )
    sentence = NAMED.get(name)
    if sentence is None or not word[:1].isalpha():
        return None
    return _filled(sentence, name=word)


def _sockaddr(address: Address) -> str:
    text = plain(address.text, _PATH_MAX)
    match address.family:
        case "inet":
            return f'{{sa_family=AF_INET, sin_port=htons({address.port}), sin_addr=inet_addr("{text}")}}'
        case "inet6":
            return f'{{sa_family=AF_INET6, sin6_port=htons({address.port}), sin6_addr="{text}"}}'
        case "unix":
            return f'{{sa_family=AF_UNIX, sun_path="{text}"}}'
    return f"{{sa_family=AF_{plain(address.family, 20).upper()}}}"
