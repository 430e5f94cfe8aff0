"""Argument types of system calls, one word each. See syscalls(2) and include/linux/syscalls.h.

PATH is a string naming a file, FD an open file whose path is reported (the argument an observer reads for a refused
call); other pointers are `ptr`. Numbers: `fd`, `at` (a directory, or AT_FDCWD), `int`, `size`, `hex`, `mode`, `id` (a
user or group), `signal`, `dev`; every other word is a table in `values`. `made` is a mode that only applies if the
flags before it create a file.
"""

from __future__ import annotations

from functools import cache

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
