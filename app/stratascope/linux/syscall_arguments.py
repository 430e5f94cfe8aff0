"""Arguments of system calls: their types, the names of their values, and how strace(1) prints them.

A signature has one word per argument, from syscalls(2) and include/linux/syscalls.h. PATH is a string naming a file, FD
an open file whose path is reported (the argument an observer reads for a refused call); other pointers are `ptr`.
Numbers: `fd`, `at` (a directory, or AT_FDCWD), `int`, `size`, `hex`, `mode`, `id` (a user or group), `signal`, `dev`;
every other word is a table of C names (include/uapi/linux and asm-generic, Linux 6.18); those that filters need are in
`linux/syscalls.py`. `made` is a mode that only applies if the flags before it create a file.

Printing is pure and total: six registers and one path have a text whatever they are. Memory that was not read is
printed as `...`, a null pointer as NULL.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from functools import cache

from stratascope.linux.syscalls import ARGUMENT_FLAGS, argument_word

_TABLE = """
access : PATH access
acct : PATH
add_key : ptr ptr ptr size int
arch_prctl : hex ptr
accept : fd ptr ptr
accept4 : fd ptr ptr sockflags
bind connect : fd ADDR size
bpf : bpf ptr size
brk : hex
capget capset : ptr ptr
chdir chroot rmdir unlink swapoff : PATH
chmod creat mkdir : PATH mode
chown lchown : PATH id id
clock_adjtime : clock ptr
clock_settime : clock ptr
clone : clone
clone3 : ptr size
close_range : int int hex
copy_file_range : fd ptr fd ptr size hex
delete_module : ptr oflags
dup : fd
dup2 : fd fd
dup3 : fd fd oflags
epoll_create : int
epoll_create1 : oflags
epoll_ctl : FD epoll fd ptr
eventfd2 : int hex
execve : PATH ptr ptr
execveat : at PATH ptr ptr atflags
faccessat : at PATH access
faccessat2 : at PATH access eaccess
fallocate : FD hex int int
fanotify_init : hex oflags
fanotify_mark : fd hex hex at PATH
fchdir : FD
fchmod : FD mode
fchmodat : at PATH mode
fchmodat2 : at PATH mode atflags
fchown : FD id id
fchownat : at PATH id id atflags
fcntl fcntl64 : fd fcntl hex
finit_module : fd ptr hex
flock : fd hex
fsconfig : fd int ptr ptr int
fsetxattr : FD ptr ptr size hex
fsmount : fd hex hex
fsopen : ptr hex
fspick : at PATH hex
fstat fstat64 fstatfs : fd ptr
ftruncate : FD size
futimesat : at PATH ptr
getpriority : int int
get_mempolicy : ptr ptr size hex hex
init_module : ptr size ptr
inotify_add_watch : fd PATH hex
inotify_init1 : oflags
io_uring_enter : fd int int hex ptr size
io_uring_register : fd int ptr int
io_uring_setup : int ptr
ioctl : FD ioctl hex
ioperm : hex size int
iopl : int
ioprio_set : int int hex
kcmp : int int int hex hex
kexec_file_load : fd fd size ptr hex
kexec_load : hex size ptr hex
keyctl : keyctl hex hex hex hex
kill tkill : int signal
landlock_add_rule : fd int ptr hex
landlock_create_ruleset : ptr size hex
landlock_restrict_self : fd hex
link : PATH ptr
linkat : at PATH at ptr atflags
listen : fd int
lookup_dcookie : hex ptr size
lsetxattr setxattr : PATH ptr ptr size hex
lremovexattr removexattr : PATH ptr
fremovexattr : FD ptr
setxattrat : at PATH hex ptr ptr size
lstat lstat64 stat stat64 statfs : PATH ptr
madvise : hex size int
mbind : hex size int ptr size hex
memfd_create : ptr hex
memfd_secret : oflags
migrate_pages : int size ptr ptr
mkdirat : at PATH mode
mknod : PATH nodemode dev
mknodat : at PATH nodemode dev
mlock munlock : hex size
mlock2 : hex size hex
mlockall : hex
mmap mmap2 : hex size prot map fd hex
modify_ldt : int ptr size
mount : ptr PATH ptr mount ptr
mount_setattr : at PATH hex ptr size
move_mount : at ptr at PATH hex
move_pages : int size ptr ptr ptr hex
mprotect : hex size prot
mq_open : ptr oflags made ptr
name_to_handle_at : at PATH ptr ptr atflags
newfstatat fstatat64 : at PATH ptr atflags
nice : int
open : PATH oflags made
open_by_handle_at : fd ptr oflags
open_tree open_tree_attr : at PATH hex
openat : at PATH oflags made
openat2 : at PATH ptr size
perf_event_open : ptr int int fd hex
personality : personality
pidfd_getfd : fd fd hex
pidfd_open : int hex
pidfd_send_signal : fd signal ptr hex
pipe : ptr
pipe2 : ptr oflags
pivot_root : PATH ptr
pkey_alloc : hex hex
prctl : prctl hex hex hex hex
prlimit64 : int resource ptr ptr
process_madvise : fd ptr size int hex
process_vm_readv process_vm_writev : int ptr size ptr size hex
ptrace : ptrace int hex hex
quotactl : hex ptr id ptr
quotactl_fd : FD hex id ptr
read write pread64 pwrite64 : fd ptr size
readlink : PATH ptr size
readlinkat : at PATH ptr size
reboot : hex hex hex ptr
rename : PATH ptr
renameat : at PATH at ptr
renameat2 : at PATH at ptr hex
request_key : ptr ptr ptr int
rt_sigqueueinfo : int signal ptr
rt_tgsigqueueinfo : int int signal ptr
sched_setaffinity : int size ptr
sched_setattr : int ptr hex
sched_setparam : int ptr
sched_setscheduler : int policy ptr
seccomp : seccomp hex ptr
semget : hex int hex
sendmsg : fd ptr hex
sendto : fd ptr size hex ADDR size
set_mempolicy : int ptr size
setdomainname sethostname : ptr size
setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setuid setuid32 : id
setgroups setgroups32 : int ptr
setns : fd clone
setpgid : int int
setpriority : int int int
setregid setregid32 setreuid setreuid32 : id id
setresgid setresgid32 setresuid setresuid32 : id id id
setrlimit : resource ptr
setsockopt getsockopt : fd int int ptr size
settimeofday adjtimex : ptr
shmat : int hex hex
shmctl : int int ptr
shmget : hex size hex
socket socketpair : family socktype protocol
socketcall : int ptr
statx : at PATH atflags hex ptr
swapon : PATH hex
symlink : ptr PATH
symlinkat : ptr at PATH
sync_file_range : fd int int hex
syslog : int ptr size
tgkill : int int signal
truncate : PATH size
umount2 : PATH umount
umount : PATH
unlinkat : at PATH atflags
unshare : clone
userfaultfd : oflags
ustat : dev ptr
utime utimes : PATH ptr
utimensat : at PATH ptr atflags
vhangup fork vfork : none
vmsplice : fd ptr size hex
"""


@cache
def _signatures() -> dict[str, tuple[str, ...]]:
    found = {}
    for line in _TABLE.strip().splitlines():
        names, _, words = line.partition(" : ")
        found.update(dict.fromkeys(names.split(), () if words == "none" else tuple(words.split())))
    return found


def signature(name: str) -> tuple[str, ...] | None:
    """A call's argument types; None if it is not in the table."""
    return _signatures().get(name)


# Name and bits, in hexadecimal; names numbered from 0, or from the number before them
_FLAGS_TEXT = {
    "oflags": """WRONLY 1 RDWR 2 CREAT 40 EXCL 80 NOCTTY 100 TRUNC 200 APPEND 400 NONBLOCK 800 DSYNC 1000
        ASYNC 2000 DIRECT 4000 LARGEFILE 8000 DIRECTORY 10000 NOFOLLOW 20000 NOATIME 40000 CLOEXEC 80000
        PATH 200000 TMPFILE 410000""",
    "access": "X_OK 1 W_OK 2 R_OK 4",
    "eaccess": "AT_SYMLINK_NOFOLLOW 100 AT_EACCESS 200 AT_EMPTY_PATH 1000",
    "atflags": """AT_SYMLINK_NOFOLLOW 100 AT_REMOVEDIR 200 AT_SYMLINK_FOLLOW 400 AT_NO_AUTOMOUNT 800
        AT_EMPTY_PATH 1000 AT_STATX_FORCE_SYNC 2000 AT_STATX_DONT_SYNC 4000 AT_RECURSIVE 8000""",
    "mount": """MS_RDONLY 1 MS_NOSUID 2 MS_NODEV 4 MS_NOEXEC 8 MS_SYNCHRONOUS 10 MS_REMOUNT 20 MS_MANDLOCK 40
        MS_DIRSYNC 80 MS_NOSYMFOLLOW 100 MS_NOATIME 400 MS_NODIRATIME 800 MS_BIND 1000 MS_MOVE 2000 MS_REC 4000
        MS_SILENT 8000 MS_POSIXACL 10000 MS_UNBINDABLE 20000 MS_PRIVATE 40000 MS_SLAVE 80000 MS_SHARED 100000
        MS_RELATIME 200000 MS_STRICTATIME 1000000 MS_LAZYTIME 2000000""",
    "umount": "MNT_FORCE 1 MNT_DETACH 2 MNT_EXPIRE 4 UMOUNT_NOFOLLOW 8",
    "prot": "PROT_READ 1 PROT_WRITE 2 PROT_EXEC 4",
    "map": """MAP_SHARED 1 MAP_PRIVATE 2 MAP_FIXED 10 MAP_ANONYMOUS 20 MAP_32BIT 40 MAP_DENYWRITE 800 MAP_LOCKED 2000
        MAP_NORESERVE 4000 MAP_POPULATE 8000 MAP_NONBLOCK 10000 MAP_STACK 20000 MAP_HUGETLB 40000""",
    "sockflags": "SOCK_NONBLOCK 800 SOCK_CLOEXEC 80000",
    "clone": """CLONE_VM 100 CLONE_FS 200 CLONE_FILES 400 CLONE_SIGHAND 800 CLONE_PIDFD 1000 CLONE_VFORK 4000
        CLONE_PARENT 8000 CLONE_THREAD 10000 CLONE_SYSVSEM 40000 CLONE_SETTLS 80000 CLONE_PARENT_SETTID 100000
        CLONE_CHILD_CLEARTID 200000 CLONE_DETACHED 400000 CLONE_UNTRACED 800000 CLONE_CHILD_SETTID 1000000
        CLONE_IO 80000000""",
}
_VALUES_TEXT = {
    "resource": """RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE
        RLIMIT_MEMLOCK RLIMIT_AS RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO
        RLIMIT_RTTIME""",
    "epoll": "1 EPOLL_CTL_ADD EPOLL_CTL_DEL EPOLL_CTL_MOD",
    "clock": """CLOCK_REALTIME CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID CLOCK_THREAD_CPUTIME_ID CLOCK_MONOTONIC_RAW
        CLOCK_REALTIME_COARSE CLOCK_MONOTONIC_COARSE CLOCK_BOOTTIME CLOCK_REALTIME_ALARM CLOCK_BOOTTIME_ALARM""",
    "policy": "SCHED_OTHER SCHED_FIFO SCHED_RR SCHED_BATCH 5 SCHED_IDLE SCHED_DEADLINE SCHED_EXT",
    "seccomp": "SECCOMP_SET_MODE_STRICT SECCOMP_SET_MODE_FILTER SECCOMP_GET_ACTION_AVAIL SECCOMP_GET_NOTIF_SIZES",
    "bpf": """BPF_MAP_CREATE BPF_MAP_LOOKUP_ELEM BPF_MAP_UPDATE_ELEM BPF_MAP_DELETE_ELEM BPF_MAP_GET_NEXT_KEY
        BPF_PROG_LOAD BPF_OBJ_PIN BPF_OBJ_GET BPF_PROG_ATTACH BPF_PROG_DETACH BPF_PROG_TEST_RUN BPF_PROG_GET_NEXT_ID
        BPF_MAP_GET_NEXT_ID BPF_PROG_GET_FD_BY_ID BPF_MAP_GET_FD_BY_ID BPF_OBJ_GET_INFO_BY_FD BPF_PROG_QUERY
        BPF_RAW_TRACEPOINT_OPEN BPF_BTF_LOAD BPF_BTF_GET_FD_BY_ID BPF_TASK_FD_QUERY""",
    "keyctl": """KEYCTL_GET_KEYRING_ID KEYCTL_JOIN_SESSION_KEYRING KEYCTL_UPDATE KEYCTL_REVOKE KEYCTL_CHOWN
        KEYCTL_SETPERM KEYCTL_DESCRIBE KEYCTL_CLEAR KEYCTL_LINK KEYCTL_UNLINK KEYCTL_SEARCH KEYCTL_READ
        KEYCTL_INSTANTIATE KEYCTL_NEGATE KEYCTL_SET_REQKEY_KEYRING KEYCTL_SET_TIMEOUT KEYCTL_ASSUME_AUTHORITY
        KEYCTL_GET_SECURITY KEYCTL_SESSION_TO_PARENT KEYCTL_REJECT KEYCTL_INSTANTIATE_IOV KEYCTL_INVALIDATE
        KEYCTL_GET_PERSISTENT""",
    "fcntl": """F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG F_GETSIG
        15 F_SETOWN_EX F_GETOWN_EX 36 F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW 1024 F_SETLEASE F_GETLEASE F_NOTIFY
        1030 F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS""",
    "ptrace": """PTRACE_TRACEME PTRACE_PEEKTEXT PTRACE_PEEKDATA PTRACE_PEEKUSER PTRACE_POKETEXT PTRACE_POKEDATA
        PTRACE_POKEUSER PTRACE_CONT PTRACE_KILL PTRACE_SINGLESTEP 12 PTRACE_GETREGS PTRACE_SETREGS 16 PTRACE_ATTACH
        PTRACE_DETACH 24 PTRACE_SYSCALL 16896 PTRACE_SETOPTIONS PTRACE_GETEVENTMSG PTRACE_GETSIGINFO
        PTRACE_SETSIGINFO PTRACE_GETREGSET PTRACE_SETREGSET PTRACE_SEIZE PTRACE_INTERRUPT PTRACE_LISTEN 16908
        PTRACE_SECCOMP_GET_FILTER""",
    "prctl": """1 PR_SET_PDEATHSIG PR_GET_PDEATHSIG PR_GET_DUMPABLE PR_SET_DUMPABLE 7 PR_GET_KEEPCAPS PR_SET_KEEPCAPS
        15 PR_SET_NAME PR_GET_NAME 21 PR_GET_SECCOMP PR_SET_SECCOMP PR_CAPBSET_READ PR_CAPBSET_DROP PR_GET_TSC
        PR_SET_TSC PR_GET_SECUREBITS PR_SET_SECUREBITS PR_SET_TIMERSLACK PR_GET_TIMERSLACK 35 PR_SET_MM
        PR_SET_CHILD_SUBREAPER PR_GET_CHILD_SUBREAPER PR_SET_NO_NEW_PRIVS PR_GET_NO_NEW_PRIVS 41 PR_SET_THP_DISABLE
        47 PR_CAP_AMBIENT 52 PR_GET_SPECULATION_CTRL PR_SET_SPECULATION_CTRL 57 PR_SET_IO_FLUSHER""",
    "socktype": "1 SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_DCCP",
    "inet": "IPPROTO_IP IPPROTO_ICMP IPPROTO_IGMP 6 IPPROTO_TCP 17 IPPROTO_UDP 58 IPPROTO_ICMPV6 132 IPPROTO_SCTP"
    " 255 IPPROTO_RAW",
    "netlink": """NETLINK_ROUTE 2 NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM
        NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT 12 NETLINK_NETFILTER 15 NETLINK_KOBJECT_UEVENT NETLINK_GENERIC
        21 NETLINK_CRYPTO""",
    "ioctl": """21505 TCGETS TCSETS TCSETSW TCSETSF 21518 TIOCSCTTY TIOCGPGRP TIOCSPGRP 21522 TIOCSTI TIOCGWINSZ
        TIOCSWINSZ 21532 TIOCLINUX 19456 LOOP_SET_FD LOOP_CLR_FD 19585 LOOP_CTL_REMOVE LOOP_CTL_GET_FREE
        35083 SIOCADDRT SIOCDELRT 35092 SIOCSIFFLAGS 35094 SIOCSIFADDR 35100 SIOCSIFNETMASK 35106 SIOCSIFMTU
        35108 SIOCSIFHWADDR 35142 SIOCETHTOOL 35232 SIOCBRADDBR SIOCBRDELBR SIOCBRADDIF 1074025674 TUNSETIFF
        1074025676 TUNSETOWNER 1074292226 FS_IOC_SETFLAGS 2148034049 FS_IOC_GETFLAGS 3221510263 FITHAW
        44544 KVM_GET_API_VERSION KVM_CREATE_VM 4717 BLKRRPART 1074041865 FICLONE""",
}
_ARM_OFLAGS = {0x4000: "DIRECTORY", 0x8000: "NOFOLLOW", 0x10000: "DIRECT", 0x20000: "LARGEFILE"}  # asm/fcntl.h
_NODES = {0o140000: "S_IFSOCK", 0o100000: "S_IFREG", 0o60000: "S_IFBLK", 0o20000: "S_IFCHR", 0o10000: "S_IFIFO"}
_TYPE = 0o170000


@cache
def flags(kind: str, abi: str = "") -> dict[int, str]:
    """Map bit to name, lowest first; empty for a type without such a table."""
    words = _FLAGS_TEXT.get(kind, "").split()
    head = "O_" if kind == "oflags" else ""
    found = {int(bit, 16): head + name for name, bit in zip(words[::2], words[1::2], strict=True)}
    if kind == "oflags" and abi == "aarch64":
        found |= {bit: f"O_{name}" for bit, name in _ARM_OFLAGS.items()}
    if kind == "clone":
        found |= ARGUMENT_FLAGS[("clone", 0)]
    return dict(sorted(found.items()))


@cache
def values(kind: str) -> Mapping[int, str]:
    """Map value to name; empty for a type without such a table."""
    found: dict[int, str] = {}
    number = 0
    for word in _VALUES_TEXT.get(kind, "").split():
        if word.isdigit():
            number = int(word)
        else:
            found[number] = word
            number += 1
    return found


RESOURCES = values("resource")  # RLIMIT_*, of setrlimit(2)


def family(value: int) -> str:
    """An address family by name, such as AF_INET; AF_77 for a number without a name here."""
    return argument_word("socket", 0, value)


def signal_name(value: int) -> str:
    """A signal by name, such as SIGKILL; its number if it has none."""
    try:
        return signal.Signals(value).name
    except ValueError:
        return str(value)


def node_type(mode: int) -> str:
    """The node type in the mode of mknod(2), such as S_IFCHR."""
    return _NODES.get(mode & _TYPE, "")


_LOW = 0xFFFFFFFF
_AT_FDCWD = -100
_MAKES = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE
_SOCK_TYPE = 0xF
_EXIT_SIGNAL = 0xFF
_UNIX, _INET, _INET6, _NETLINK, _PACKET = 1, 2, 10, 16, 17
_WIDE = frozenset(("hex", "size", "ptr", "made", "dev"))


def printed(abi: str, name: str, registers: tuple[int, ...], path: str = "", address: str = "") -> tuple[str, ...]:
    """The printed arguments; empty for a call whose arguments are not known here.

    `path`: of the PATH or FD argument, safe to print; "" if it was not read. `address`: as strace prints it.
    """
    kinds = signature(name)
    if kinds is None:
        return ()
    found: list[str] = []
    narrow = abi == "i386"
    for place, (kind, register) in enumerate(zip(kinds, registers, strict=False)):
        value = register & _LOW if narrow or kind not in _WIDE else register
        before = registers[place - 1] if place else 0
        match kind:
            case "made" if not before & _MAKES:
                continue
            case "PATH":
                found.append(_quoted(path) if path else _pointer(register))
            case "FD":
                found.append(f"{_signed(value)}<{path}>" if path else str(_signed(value)))
            case "ADDR":
                found.append(address or _pointer(register))
            case "protocol":
                found.append(_protocol(value, registers[0] & _LOW))
            case _:
                found.append(_one(kind, value, abi, name, place))
    return tuple(found)


def _one(kind: str, value: int, abi: str, name: str, place: int) -> str:
    match kind:
        case "ptr":
            return _pointer(value)
        case "at":
            return "AT_FDCWD" if _signed(value) == _AT_FDCWD else str(_signed(value))
        case "fd" | "int" | "id":
            return str(_signed(value))
        case "size":
            return str(value)
        case "hex":
            return "0" if value == 0 else hex(value)
        case "mode" | "made":
            return _octal(value & 0o7777)
        case "nodemode":
            kind_of = node_type(value)
            return f"{kind_of}|{_octal(value & 0o7777)}" if kind_of else _octal(value)
        case "dev":
            major = (value >> 8 & 0xFFF) | (value >> 32 & 0xFFFFF000)
            return f"makedev({major:#x}, {(value & 0xFF) | (value >> 12 & 0xFFFFFF00):#x})"
        case "signal":
            return signal_name(value)
        case "family":
            return family(value)
        case "personality":
            return argument_word("personality", 0, value)
        case "socktype":
            return _combined(values("socktype").get(value & _SOCK_TYPE, str(value & _SOCK_TYPE)), value, "sockflags")
        case "clone" if name == "clone":
            return _combined("", value & ~_EXIT_SIGNAL, "clone", _exit_signal(value))
    if kind == "access" and value == 0:
        return "F_OK"
    if kind == "oflags" and name in ("open", "openat", "mq_open", "open_by_handle_at"):
        return _combined("" if value & 3 else "O_RDONLY", value, "oflags", abi=abi)
    if flags(kind):
        return _combined("", value, kind, abi=abi)
    known = values(kind)
    return known.get(value) or (hex(value) if value > 0xFFFF else str(value)) if known else hex(value)


def _combined(first: str, value: int, kind: str, last: str = "", abi: str = "") -> str:
    words = [first] if first else []
    left = value & ~_SOCK_TYPE if kind == "sockflags" else value
    table = flags(kind, abi)
    bits = []
    for bit in sorted(table, key=lambda bit: -bit.bit_count()):  # O_TMPFILE includes the bit of O_DIRECTORY
        if left & bit == bit:
            bits.append(bit)
            left &= ~bit
    words += [table[bit] for bit in sorted(bits)]
    if left:
        words.append(hex(left))
    return "|".join([*words, *([last] if last else [])]) or "0"


def _exit_signal(value: int) -> str:
    number = value & _EXIT_SIGNAL
    return signal_name(number) if number else ""


def _protocol(value: int, of: int) -> str:
    if of in (_INET, _INET6):
        return values("inet").get(value, str(value))
    if of == _NETLINK:
        return values("netlink").get(value, str(value))
    return hex(value) if of == _PACKET and value else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _pointer(value: int) -> str:
    return "..." if value else "NULL"


def _octal(value: int) -> str:
    return f"0{value:o}" if value else "0"


def _signed(value: int) -> int:
    value &= _LOW
    return value - (1 << 32) if value >> 31 else value
