/* Attempts past filters: by a queue into the kernel (io_uring), which no filter sees; and by flags set along with the one
 * that a filter looks for. */
#include "attempts.h"
#include <linux/io_uring.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#define OP_BIND 56 /* IORING_OP_BIND, include/uapi/linux/io_uring.h; Linux 6.11, newer than some systems' headers */

/* What the kernel says to one operation, as a system call would; `polled`: a thread of the kernel takes it, so that
 * nobody has to call io_uring_enter */
static int submit(const struct io_uring_sqe *what, int polled)
{
    struct io_uring_params setup = {0};
    if (polled) {
        setup.flags = IORING_SETUP_SQPOLL;
        setup.sq_thread_idle = 3000;
    }
    int fd = (int)syscall(SYS_io_uring_setup, 2, &setup);
    if (fd < 0)
        return -1;
    size_t asked = setup.sq_off.array + setup.sq_entries * sizeof(unsigned);
    size_t answered = setup.cq_off.cqes + setup.cq_entries * sizeof(struct io_uring_cqe);
    char *sq = mmap(NULL, asked, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    char *cq = mmap(NULL, answered, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries =
        mmap(NULL, setup.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
    if (sq == MAP_FAILED || cq == MAP_FAILED || entries == MAP_FAILED)
        return -1;
    entries[0] = *what;
    ((unsigned *)(sq + setup.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(sq + setup.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (!polled && syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
        return -1;
    for (int times = 0; times < 2000; times++) {
        if (__atomic_load_n((unsigned *)(cq + setup.cq_off.tail), __ATOMIC_ACQUIRE) != 0) {
            int result = ((struct io_uring_cqe *)(cq + setup.cq_off.cqes))->res;
            if (result >= 0)
                return result;
            errno = -result;
            return -1;
        }
        usleep(1000);
    }
    errno = ETIME;
    return -1;
}

static int by_socket(int family, int kind, int protocol, int polled)
{
    struct io_uring_sqe what = {.opcode = IORING_OP_SOCKET, .fd = family, .off = (unsigned)kind, .len = (unsigned)protocol};
    return outcome(submit(&what, polled));
}

static int packets(void) { return by_socket(AF_PACKET, SOCK_RAW, 0x0300, 0); }
static int packets_polled(void) { return by_socket(AF_PACKET, SOCK_RAW, 0x0300, 1); }
static int raw_ip(void) { return by_socket(AF_INET, SOCK_RAW, 1, 0); }
static int raw_ip_polled(void) { return by_socket(AF_INET, SOCK_RAW, 1, 1); }
static int hypervisor(void) { return by_socket(AF_VSOCK, SOCK_STREAM, 0, 0); }
static int hypervisor_polled(void) { return by_socket(AF_VSOCK, SOCK_STREAM, 0, 1); }
static int ciphers(void) { return by_socket(AF_ALG, SOCK_SEQPACKET, 0, 0); }
static int ciphers_polled(void) { return by_socket(AF_ALG, SOCK_SEQPACKET, 0, 1); }

static int surface(void)
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? errno : by_socket(AF_PACKET, SOCK_RAW, 0x0300, 1);
}

static int bind_low(int polled)
{
    int result = UNTRIED;
    for (int port = 1023; port > 600 && (result == UNTRIED || result == EADDRINUSE); port--) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct io_uring_sqe what = {.opcode = OP_BIND, .fd = fd, .addr = (uintptr_t)&address,
                                    .addr2 = sizeof address};
        result = fd < 0 ? errno : outcome(submit(&what, polled));
        close(fd);
    }
    return result;
}

static int bound(void) { return bind_low(0); }
static int bound_polled(void) { return bind_low(1); }

static int connect_to(const char *path, socklen_t length, int polled)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, path, length);
    struct io_uring_sqe what = {.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&address,
                                .off = (socklen_t)offsetof(struct sockaddr_un, sun_path) + length};
    return fd < 0 ? errno : outcome(submit(&what, polled));
}

static int engine(int polled)
{
    static const char path[] = "/run/docker.sock";
    return access(path, F_OK) < 0 ? IN_VAIN : connect_to(path, sizeof path, polled);
}

static int connect_abstract(int polled)
{
    const char *name = getenv("STRATA_SOCKET");
    char full[64] = "";
    if (!name)
        return UNTRIED;
    return connect_to(full, (socklen_t)(snprintf(full + 1, sizeof full - 1, "%s", name) + 1), polled);
}

static int connect_host_port(void)
{
    const char *port = getenv("STRATA_PORT");
    if (!port)
        return UNTRIED;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct io_uring_sqe what = {.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uintptr_t)&address, .off = sizeof address};
    return fd < 0 ? errno : outcome(submit(&what, 0));
}

static int engine_socket(void) { return engine(0); }
static int engine_polled(void) { return engine(1); }
static int abstract_socket(void) { return connect_abstract(0); }
static int abstract_polled(void) { return connect_abstract(1); }

static int give_capabilities(int polled)
{
    static const uint32_t value[5] = {0x02000000, 1 << 10}; /* VFS_CAP_REVISION_2, CAP_NET_BIND_SERVICE permitted */
    int fd = (int)syscall(SYS_memfd_create, "strata-attempt", 1);
    struct io_uring_sqe what = {.opcode = IORING_OP_FSETXATTR, .fd = fd, .addr = (uintptr_t)"security.capability",
                                .addr2 = (uintptr_t)value, .len = sizeof value};
    return fd < 0 ? UNTRIED : outcome(submit(&what, polled));
}

static int file_capabilities(void) { return give_capabilities(0); }
static int file_capabilities_polled(void) { return give_capabilities(1); }

/* --- flags along with the one that a filter may look for; in a child each, as one success changes who we are --- */
static const long UNSHARED[] = {0, CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNS,
                                CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWCGROUP, CLONE_FS | CLONE_FILES,
                                CLONE_NEWUTS | CLONE_NEWIPC};
static const long CLONED[] = {0, SIGCHLD, SIGUSR1, CLONE_FILES, CLONE_UNTRACED, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNS,
                              CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWCGROUP, CLONE_UNTRACED | SIGCHLD,
                              CLONE_NEWUTS | SIGCHLD, CLONE_NEWNS | SIGCHLD};
#define COUNT(list) (sizeof list / sizeof *list)

static int unshared(long wanted)
{
    int result = EPERM;
    for (size_t place = 0; place < COUNT(UNSHARED) && result; place++)
        result = outcome(syscall(SYS_unshare, wanted | UNSHARED[place]));
    return result;
}

static int cloned(long wanted)
{
    int result = EPERM;
    for (size_t place = 0; place < COUNT(CLONED) && result; place++) {
        long pid = syscall(SYS_clone, wanted | CLONED[place], 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        result = outcome(pid);
    }
    return result;
}

static int user_unshared(void) { return unshared(CLONE_NEWUSER); }
static int user_cloned(void) { return cloned(CLONE_NEWUSER); }
static int mounts_unshared(void) { return unshared(CLONE_NEWNS); }
static int mounts_cloned(void) { return cloned(CLONE_NEWNS); }
static int net_unshared(void) { return unshared(CLONE_NEWNET); }

/* One after the other, where a filter stops them together */
static int mounts_in_own(void)
{
    int result = unshared(CLONE_NEWUSER);
    return result ? result : unshared(CLONE_NEWNS);
}

static int in_own(int (*act)(void))
{
    int result = mounts_in_own();
    return result ? result : act();
}

static int in_own_by_clone3(uint64_t kind, int (*act)(void))
{
    struct clone_args args = {.flags = CLONE_NEWUSER | kind, .exit_signal = SIGCHLD};
    int status = 0;
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(act());
    if (pid < 0)
        return errno;
    waitpid((pid_t)pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

static int mount_tmpfs(void) { return outcome(mount("none", mount_place(), "tmpfs", 0, NULL)); }
static int open_tmpfs(void) { return outcome(syscall(SYS_fsopen, "tmpfs", 0)); }
static int change_root(void) { return outcome(chroot("/")); }

static int swap_root(void)
{
    int result = outcome(syscall(SYS_pivot_root, "/", "/"));
    return result == EBUSY || result == EINVAL ? 0 : result; /* after the check of rights */
}

static int mount_in_own(void) { return in_own(mount_tmpfs); }
static int new_api_in_own(void) { return in_own(open_tmpfs); }
static int pivot_in_own(void) { return in_own(swap_root); }
static int chroot_in_own(void) { return in_own(change_root); }
static int mount_by_clone3(void) { return in_own_by_clone3(CLONE_NEWNS, mount_tmpfs); }
static int new_api_by_clone3(void) { return in_own_by_clone3(CLONE_NEWNS, open_tmpfs); }
static int pivot_by_clone3(void) { return in_own_by_clone3(CLONE_NEWNS, swap_root); }
static int chroot_by_clone3(void) { return in_own_by_clone3(CLONE_NEWNS, change_root); }

static int surface_in_own(void)
{
    int result = unshared(CLONE_NEWUSER);
    if (!result)
        result = unshared(CLONE_NEWNET);
    return result ? result : outcome(socket(AF_PACKET, SOCK_RAW, 0x0300));
}

static int firewall_in_own(void)
{
    int result = unshared(CLONE_NEWUSER);
    if (!result)
        result = unshared(CLONE_NEWNET);
    return result ? result : firewall();
}

static int firewall_by_clone(void)
{
    int status = 0;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(firewall());
    if (pid < 0)
        return errno;
    waitpid((pid_t)pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

static int firewall_by_clone3(void) { return in_own_by_clone3(CLONE_NEWNET, firewall); }

const struct attempt RINGS[] = {
    {"packet-socket", "through io_uring", "IORING_OP_SOCKET(AF_PACKET)", packets, SUCCESS, 1},
    {"packet-socket", "through io_uring, polled", "IORING_OP_SOCKET(AF_PACKET)", packets_polled, SUCCESS, 1},
    {"raw-socket", "through io_uring", "IORING_OP_SOCKET(SOCK_RAW)", raw_ip, SUCCESS, 1},
    {"raw-socket", "through io_uring, polled", "IORING_OP_SOCKET(SOCK_RAW)", raw_ip_polled, SUCCESS, 1},
    {"vsock", "through io_uring", "IORING_OP_SOCKET(AF_VSOCK)", hypervisor, SUCCESS},
    {"vsock", "through io_uring, polled", "IORING_OP_SOCKET(AF_VSOCK)", hypervisor_polled, SUCCESS},
    {"crypto-socket", "through io_uring", "IORING_OP_SOCKET(AF_ALG)", ciphers, SUCCESS},
    {"crypto-socket", "through io_uring, polled", "IORING_OP_SOCKET(AF_ALG)", ciphers_polled, SUCCESS},
    {"kernel-surface-in-user-namespace", "through io_uring", "unshare, IORING_OP_SOCKET(AF_PACKET)", surface, SUCCESS, 1},
    {"bind-low-port", "through io_uring", "IORING_OP_BIND(port 1023)", bound, SUCCESS},
    {"bind-low-port", "through io_uring, polled", "IORING_OP_BIND(port 1023)", bound_polled, SUCCESS},
    {"use-engine-socket", "through io_uring", "IORING_OP_CONNECT(socket)", engine_socket, SUCCESS},
    {"use-engine-socket", "through io_uring, polled", "IORING_OP_CONNECT(socket)", engine_polled, SUCCESS},
    {"reach-abstract-sockets", "through io_uring", "IORING_OP_CONNECT(abstract)", abstract_socket, SUCCESS},
    {"reach-abstract-sockets", "through io_uring, polled", "IORING_OP_CONNECT(abstract)", abstract_polled, SUCCESS},
    {"set-file-capabilities", "through io_uring", "IORING_OP_FSETXATTR", file_capabilities, SUCCESS},
    {"set-file-capabilities", "through io_uring, polled", "IORING_OP_FSETXATTR", file_capabilities_polled, SUCCESS},
    {"new-user-namespace", "unshare, further flags", "unshare(CLONE_NEWUSER | …)", user_unshared, SUCCESS, 1},
    {"new-user-namespace", "clone, further flags", "clone(CLONE_NEWUSER | …)", user_cloned, SUCCESS, 1},
    {"new-mount-namespace", "unshare, further flags", "unshare(CLONE_NEWNS | …)", mounts_unshared, SUCCESS, 1},
    {"new-mount-namespace", "clone, further flags", "clone(CLONE_NEWNS | …)", mounts_cloned, SUCCESS, 1},
    {"new-network-namespace", "unshare, further flags", "unshare(CLONE_NEWNET | …)", net_unshared, SUCCESS, 1},
    {"new-mount-namespace", "one after the other", "unshare, unshare", mounts_in_own, SUCCESS, 1},
    {"mount-file-system", "one after the other", "unshare, unshare, mount(tmpfs)", mount_in_own, SUCCESS},
    {"new-mount-api", "one after the other", "unshare, unshare, fsopen(tmpfs)", new_api_in_own, SUCCESS, 1},
    {"pivot-root", "one after the other", "unshare, unshare, pivot_root(/, /)", pivot_in_own, SUCCESS, 1},
    {"change-root", "one after the other", "unshare, unshare, chroot(/)", chroot_in_own, SUCCESS, 1},
    {"mount-file-system", "in new namespaces, clone3", "clone3, mount(tmpfs)", mount_by_clone3, SUCCESS},
    {"new-mount-api", "in new namespaces, clone3", "clone3, fsopen(tmpfs)", new_api_by_clone3, SUCCESS, 1},
    {"pivot-root", "in new namespaces, clone3", "clone3, pivot_root(/, /)", pivot_by_clone3, SUCCESS, 1},
    {"change-root", "in new namespaces, clone3", "clone3, chroot(/)", chroot_by_clone3, SUCCESS, 1},
    {"reach-host-network", "through io_uring", "IORING_OP_CONNECT(127.0.0.1)", connect_host_port, SUCCESS},
    {"firewall-code", "one after the other", "unshare, unshare, sendto(NFT_MSG_GETGEN)", firewall_in_own, SUCCESS},
    {"firewall-code", "in new namespaces, clone", "clone, sendto(NFT_MSG_GETGEN)", firewall_by_clone, SUCCESS},
    {"firewall-code", "in new namespaces, clone3", "clone3, sendto(NFT_MSG_GETGEN)", firewall_by_clone3, SUCCESS},
    {"kernel-surface-in-user-namespace", "one after the other", "unshare, unshare, socket", surface_in_own, SUCCESS, 1},
    {0},
};
