/* Attempts that are one system call with plain arguments, by each entry point. */
#include "attempts.h"
#include <linux/keyctl.h>
#include <linux/kexec.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>

#define P(place) ((long)(place))
#define BAD_MAGIC 1 /* reboot(2) checks the right first, and the magic numbers then */
#define SYSLOG_SIZE_BUFFER 10
#define TOO_MANY 1000 /* segments: kexec_load(2) checks the right first, and their number then */

static char root[] = "/", tmpfs[] = "tmpfs", absent[] = "/strata-absent";
static char module_name[] = "strata_absent", garbage[16] = "no module";
static char empty[] = ""; /* as a path: absent, whatever anybody makes (getname, fs/namei.c) */
static char user_type[] = "user", description[] = "strata-attempt", payload[] = "x";
static char garbage_out[64]; /* struct ustat */
static char io_params[256]; /* struct io_uring_params, zero */
static char map_attr[128] = {2, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1}; /* BPF_MAP_TYPE_ARRAY, key 4, value 4, 1 entry */
static char event[128] = {1, 0, 0, 0, 112, 0, 0, 0}; /* PERF_TYPE_SOFTWARE, size, PERF_COUNT_SW_CPU_CLOCK */

static char page[4096] __attribute__((aligned(4096)));
static char vector[16]; /* struct iovec, of nothing */

/* Calls without a check of rights: whatever they say of wrong arguments, they were reached */
#define REACHED OPEN_IF(EINVAL, EFAULT, EBADF, ENOENT, E2BIG, EOPNOTSUPP, ENXIO)
#define NEWEST(name, number) {"newest-calls", name, name "(wrong)", number, number, {-1, 0, 0, 0, 0, 0}, REACHED, 0}

const struct raw RAWS[] = {
    {"mount-file-system", "direct", "mount(tmpfs, /mnt)", 165, 21, {P(tmpfs), P(a_place), P(tmpfs), 0, 0}, SUCCESS,
     0, 1},
    {"new-mount-api", "direct", "fsopen(tmpfs)", 430, 430, {P(tmpfs), 0}, SUCCESS},
    {"pivot-root", "direct", "pivot_root(/, /)", 155, 217, {P(root), P(root)}, OPEN_IF(EBUSY, EINVAL)},
    {"change-root", "direct", "chroot(/)", 161, 61, {P(root)}, SUCCESS},
    {"new-user-namespace", "unshare", "unshare(CLONE_NEWUSER)", 272, 310, {CLONE_NEWUSER}, SUCCESS},
    {"new-mount-namespace", "unshare", "unshare(CLONE_NEWNS)", 272, 310, {CLONE_NEWNS}, SUCCESS},
    {"new-network-namespace", "unshare", "unshare(CLONE_NEWNET)", 272, 310, {CLONE_NEWNET}, OPEN_IF(ENOSPC)},
    {"load-module", "init_module", "init_module(garbage)", 175, 128, {P(garbage), 16, P(empty)}, OPEN_IF(ENOEXEC)},
    {"unload-module", "direct", "delete_module(absent)", 176, 129, {P(module_name), O_NONBLOCK}, OPEN_IF(ENOENT)},
    {"load-kernel", "kexec_load", "kexec_load(too many segments)", 246, 283, {0, TOO_MANY, 0, KEXEC_ARCH_X86_64},
     OPEN_IF(EINVAL)},
    {"load-kernel", "kexec_file_load", "kexec_file_load(bad flags)", 320, -1, {-1, -1, 0, 0, 0xffff0000},
     OPEN_IF(EINVAL)},
    {"swap-on", "direct", "swapon(absent)", 167, 87, {P(empty), 0}, OPEN_IF(ENOENT)},
    {"swap-off", "direct", "swapoff(absent)", 168, 115, {P(empty)}, OPEN_IF(ENOENT)},
    {"process-accounting", "direct", "acct(absent)", 163, 51, {P(empty)}, OPEN_IF(ENOENT)},
    {"bpf", "direct", "bpf(BPF_MAP_CREATE)", 321, 357, {0, P(map_attr), 72}, SUCCESS, 1},
    {"perf-events", "direct", "perf_event_open(cpu-clock, cpu 0)", 298, 336, {P(event), -1, 0, -1, 0}, SUCCESS},
    {"userfaultfd", "direct", "userfaultfd(0)", 323, 374, {0}, SUCCESS, 1},
    {"io-uring", "direct", "io_uring_setup(1)", 425, 425, {1, P(io_params)}, SUCCESS},
    {"kernel-keyring", "direct", "keyctl(KEYCTL_GET_KEYRING_ID)", 250, 288,
     {KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1}, SUCCESS},
    {"add-key", "direct", "add_key(user)", 248, 286,
     {P(user_type), P(description), P(payload), 1, KEY_SPEC_PROCESS_KEYRING}, OPEN_IF(EDQUOT)},
    {"add-key", "request", "request_key(user)", 249, 287, {P(user_type), P(description), 0, 0}, OPEN_IF(ENOKEY)},
    {"port-io", "iopl", "iopl(3)", 172, 110, {3}, SUCCESS},
    {"port-io", "ioperm", "ioperm(0x80)", 173, 101, {0x80, 1, 1}, SUCCESS},
    {"disable-aslr", "direct", "personality(ADDR_NO_RANDOMIZE)", 135, 136, {ADDR_NO_RANDOMIZE}, SUCCESS, 1},
    {"read-kernel-log", "syslog", "syslog(SYSLOG_ACTION_SIZE_BUFFER)", 103, 103, {SYSLOG_SIZE_BUFFER}, SUCCESS, 1},
    {"drop-groups", "direct", "setgroups(0)", 116, 206, {0, 0}, SUCCESS},
    {"packet-socket", "direct", "socket(AF_PACKET, SOCK_RAW)", 41, 359, {AF_PACKET, SOCK_RAW, 0x0300}, SUCCESS, 1},
    {"packet-socket", "datagrams", "socket(AF_PACKET, SOCK_DGRAM)", 41, 359, {AF_PACKET, SOCK_DGRAM, 0x0300}, SUCCESS, 1},
    {"packet-socket", "the old way", "socket(AF_INET, SOCK_PACKET)", 41, 359, {AF_INET, SOCK_PACKET, 0x0300}, SUCCESS, 1},
    {"packet-socket", "further flags", "socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC)", 41, 359,
     {AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0x0300}, SUCCESS},
    {"raw-socket", "further flags", "socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC)", 41, 359,
     {AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1}, SUCCESS},
    {"userfaultfd", "further flags", "userfaultfd(O_CLOEXEC)", 323, 374, {O_CLOEXEC}, SUCCESS},
    {"disable-aslr", "further flags", "personality(ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT)", 135, 136,
     {ADDR_NO_RANDOMIZE | ADDR_COMPAT_LAYOUT}, SUCCESS},
    {"raw-socket", "direct", "socket(AF_INET, SOCK_RAW)", 41, 359, {AF_INET, SOCK_RAW, 1}, SUCCESS, 1},
    {"vsock", "direct", "socket(AF_VSOCK)", 41, 359, {AF_VSOCK, SOCK_STREAM, 0}, SUCCESS, 1, 1},
    {"crypto-socket", "direct", "socket(AF_ALG)", 41, 359, {38, SOCK_SEQPACKET, 0}, SUCCESS, 1, 1},
    {"rare-sockets", "TIPC", "socket(AF_TIPC)", 41, 359, {30, SOCK_DGRAM, 0}, SUCCESS, 1, 1},
    {"rare-sockets", "RDS", "socket(AF_RDS)", 41, 359, {21, SOCK_SEQPACKET, 0}, SUCCESS, 1, 1},
    {"rare-sockets", "SMC", "socket(AF_SMC)", 41, 359, {43, SOCK_STREAM, 0}, SUCCESS, 1, 1},
    {"rare-sockets", "CAN", "socket(AF_CAN, CAN_RAW)", 41, 359, {29, SOCK_RAW, 1}, SUCCESS, 1, 1},
    {"rare-sockets", "KCM", "socket(AF_KCM)", 41, 359, {41, SOCK_DGRAM, 0}, SUCCESS, 1, 1},
    {"rare-sockets", "SCTP", "socket(AF_INET, IPPROTO_SCTP)", 41, 359, {AF_INET, SOCK_STREAM, 132}, SUCCESS, 1, 1},
    {"rare-sockets", "XDP", "socket(AF_XDP)", 41, 359, {44, SOCK_RAW, 0}, SUCCESS, 1, 1},
    {"exhaust-user-limits", "inotify", "inotify_init1()", 294, 332, {0}, OPEN_IF(EMFILE)},
    {"exhaust-user-limits", "message queues", "mq_open(absent)", 240, 277, {P(absent), 0}, OPEN_IF(ENOENT, EACCES)},
    {"steer-memory-placement", "get_mempolicy", "get_mempolicy()", 239, 275, {0, 0, 0, 0, 0}, SUCCESS},
    {"steer-memory-placement", "set_mempolicy", "set_mempolicy(MPOL_DEFAULT)", 238, 276, {0, 0, 0}, SUCCESS},
    {"steer-memory-placement", "mbind", "mbind(MPOL_DEFAULT)", 237, 274, {P(page), sizeof page, 0, 0, 0, 0}, SUCCESS},
    {"steer-memory-placement", "move_pages", "move_pages(none)", 279, 317, {0, 0, 0, 0, 0, 0}, SUCCESS},
    {"steer-memory-placement", "migrate_pages", "migrate_pages(nowhere)", 256, 294, {0, 0, 0, 0}, OPEN_IF(EINVAL)},
    {"steer-memory-placement", "set_mempolicy_home_node", "set_mempolicy_home_node(nothing)", 450, 450,
     {P(page), 0, 0, 0}, OPEN_IF(EINVAL, ENOENT)},
    /* pidfd -1: a process of our own passes every check of rights, and a wrong handle comes before them */
    {"steer-memory-placement", "process_madvise", "process_madvise(no handle)", 440, 440, {-1, P(vector), 1, 0, 0},
     OPEN_IF(EBADF)},
    NEWEST("cachestat", 451),
    NEWEST("file_getattr", 468),
    NEWEST("file_setattr", 469),
    NEWEST("futex_requeue", 456),
    NEWEST("futex_wait", 455),
    NEWEST("futex_waitv", 449),
    NEWEST("futex_wake", 454),
    NEWEST("getxattrat", 464),
    NEWEST("listmount", 458),
    NEWEST("listxattrat", 465),
    NEWEST("lsm_get_self_attr", 459),
    NEWEST("lsm_list_modules", 461),
    NEWEST("lsm_set_self_attr", 460),
    NEWEST("map_shadow_stack", 453),
    NEWEST("mseal", 462),
    NEWEST("removexattrat", 466),
    NEWEST("setxattrat", 463),
    NEWEST("statmount", 457),
    {"newest-calls", "io_pgetevents", "io_pgetevents(nothing)", 333, 385, {0, 0, 0, 0, 0, 0}, OPEN_IF(EINVAL, EFAULT)},
    {"io-uring-inherited", "enter", "io_uring_enter(no descriptor)", 426, 426, {-1, 0, 0, 0, 0, 0}, OPEN_IF(EBADF)},
    {"io-uring-inherited", "register", "io_uring_register(no descriptor)", 427, 427, {-1, 0, 0, 0}, OPEN_IF(EBADF)},
    {"lend-memory-to-pipe", "direct", "vmsplice(no descriptor)", 278, 316, {-1, P(vector), 1, 0}, OPEN_IF(EBADF)},
    {"wake-alarm", "direct", "timerfd_create(CLOCK_REALTIME_ALARM)", 283, 322, {8, 0}, SUCCESS},
    {"obsolete-calls", "ustat", "ustat(no device)", 136, 62, {0, P(garbage_out)}, OPEN_IF(EINVAL)},
    {"obsolete-calls", "sysfs", "sysfs(3)", 139, 135, {3, 0, 0}, SUCCESS},
    {"watch-file-system", "direct", "fanotify_init(FAN_CLASS_CONTENT)", 300, 338, {4, 0}, OPEN_IF(EMFILE), 1},
    {0},
};
