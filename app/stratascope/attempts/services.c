/* Attempts on what the host has beside its kernel's core: file systems of the kernel's own, sockets that take orders,
 * ports of engines, rare protocols, mounts that are passed on. */
#include "attempts.h"
#include <sys/ioctl.h>
#include <arpa/inet.h>
#include <ftw.h>
#include <linux/mount.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static int of_the_machine;

int first_users(void) { return of_the_machine; }

void look_at_namespaces(void) /* the machine's own user namespace has a fixed number, PROC_USER_INIT_INO */
{
    struct stat found;
    of_the_machine = stat("/proc/self/ns/user", &found) == 0 && found.st_ino == 0xEFFFFFFD;
}

/* Whether what root may write there could be written, in a folder in which nobody can create anything: EPERM comes after
 * the check of its permissions (may_create and vfs_mkdir, fs/namei.c) */
#define WRITABLE_FOLDER (-1)

static int try_file(int at, const char *path, int flags)
{
    if (flags == WRITABLE_FOLDER) {
        char below[700];
        snprintf(below, sizeof below, "%s/strata-attempt", path);
        int result = outcome(mkdirat(at, below, 0700));
        return result == EPERM ? 0 : result;
    }
    int fd = openat(at, path, flags | O_CLOEXEC);
    int result = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return result;
}

/* A file of a kernel file system: through a mount that is there, a new one, and one without a place */
static int there(const char *kind, const char *name, int flags)
{
    struct bound found;
    char path[600];
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, kind, &found)) {
        if (strcmp(found.kind, kind))
            continue;
        snprintf(path, sizeof path, "%s/%s", found.target, name);
        result = try_file(AT_FDCWD, path, flags);
    }
    if (list)
        fclose(list);
    return result;
}

static int anew(const char *kind, const char *name, int flags)
{
    char path[300];
    if (mount(kind, mount_place(), kind, 0, NULL) < 0)
        return errno;
    snprintf(path, sizeof path, "%s/%s", mount_place(), name);
    int result = try_file(AT_FDCWD, path, flags);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

static int unattached(const char *kind, const char *name, int flags)
{
    int made = (int)syscall(SYS_fsopen, kind, 0);
    if (made < 0)
        return errno;
    if (syscall(SYS_fsconfig, made, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
        return errno;
    int tree = (int)syscall(SYS_fsmount, made, 0, 0);
    if (tree < 0)
        return errno;
    return try_file(tree, name, flags);
}

#define TREE(kind, label, name, flags)                                                                                \
    static int label##_there(void) { return there(kind, name, flags); }                                               \
    static int label##_anew(void) { return anew(kind, name, flags); }                                                 \
    static int label##_unattached(void) { return unattached(kind, name, flags); }

TREE("tracefs", trace, "tracing_on", O_WRONLY)
TREE("pstore", records, ".", O_RDONLY | O_DIRECTORY)
TREE("efivarfs", variables, ".", O_RDONLY | O_DIRECTORY)
TREE("configfs", objects, ".", O_RDONLY | O_DIRECTORY)
TREE("securityfs", security, "lockdown", O_WRONLY)
TREE("fusectl", connections, ".", WRITABLE_FOLDER)

static int debug_there(void) { return there("debugfs", ".", O_RDONLY | O_DIRECTORY); }
static int debug_anew(void) { return anew("debugfs", ".", O_RDONLY | O_DIRECTORY); }

/* In a user namespace of its own a new mount of binfmt_misc is that namespace's own, since Linux 6.7 */
static int format_there(void) { return there("binfmt_misc", "register", O_WRONLY); }
static int format_anew(void)
{
    int result = anew("binfmt_misc", "register", O_WRONLY);
    return result == 0 && !of_the_machine ? IN_VAIN : result;
}
static int format_unattached(void)
{
    int result = unattached("binfmt_misc", "register", O_WRONLY);
    return result == 0 && !of_the_machine ? IN_VAIN : result;
}

/* The host's test has pinned a map of root's there */
static int pinned(void)
{
    struct bound found;
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, "bpf", &found)) {
        char path[600];
        struct { uint64_t path; uint32_t fd, flags; } wanted = {(uintptr_t)path, 0, 1 << 3 /* BPF_F_RDONLY */};
        if (strcmp(found.kind, "bpf"))
            continue;
        snprintf(path, sizeof path, "%s/strata-pinned", found.target);
        result = outcome(syscall(SYS_bpf, 7 /* BPF_OBJ_GET */, &wanted, sizeof wanted));
    }
    if (list)
        fclose(list);
    return result;
}

static int devices_anew(void)
{
    if (mount("devtmpfs", mount_place(), "devtmpfs", 0, NULL) < 0)
        return errno;
    char path[300];
    snprintf(path, sizeof path, "%s/strata-attempt", mount_place());
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = fd < 0 ? errno : 0;
    unlink(path);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

/* The nodes of the host's /dev are there without mknod */
static int disk_anew(void)
{
    if (mount("devtmpfs", mount_place(), "devtmpfs", 0, NULL) < 0)
        return errno;
    int result = disk_in(mount_place());
    umount2(mount_place(), MNT_DETACH);
    return result;
}

static int devices_unattached(void)
{
    int made = (int)syscall(SYS_fsopen, "devtmpfs", 0);
    if (made < 0 || syscall(SYS_fsconfig, made, 6, NULL, NULL, 0) < 0)
        return errno;
    int tree = (int)syscall(SYS_fsmount, made, 0, 0);
    if (tree < 0)
        return errno;
    int fd = openat(tree, "strata-attempt-2", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = fd < 0 ? errno : 0;
    unlinkat(tree, "strata-attempt-2", 0);
    return result;
}

/* A mount below a shared one: what the kernel then says of the new mount is that it is shared, too */
static int below_shared(int by_newer_calls)
{
    char line[4096], target[256], optional[64] = "", path[300];
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result == IN_VAIN && fgets(line, sizeof line, list)) {
        struct stat found;
        if (sscanf(line, "%*d %*d %*s %*s %255s %*s %63s", target, optional) != 2 || strncmp(optional, "shared:", 7)
            || strncmp(target, "/shared", 7) || stat(target, &found) < 0 || !S_ISDIR(found.st_mode))
            continue;
        snprintf(path, sizeof path, "%s/below", target);
        if (!by_newer_calls) {
            result = outcome(mount("tmpfs", path, "tmpfs", 0, NULL));
        } else {
            int made = (int)syscall(SYS_fsopen, "tmpfs", 0), tree = -1;
            if (made >= 0 && syscall(SYS_fsconfig, made, 6, NULL, NULL, 0) == 0)
                tree = (int)syscall(SYS_fsmount, made, 0, 0);
            result = tree < 0 ? errno : outcome(syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
        }
        if (result == 0)
            umount2(path, MNT_DETACH);
    }
    if (list)
        fclose(list);
    return result;
}

static int over_host(void) { return below_shared(0); }
static int over_host_newer(void) { return below_shared(1); }

/* Asks whoever listens there, as D-Bus does: who we are to it is what the kernel tells it (SO_PEERCRED) */
static int ordered(const char *path)
{
    char answer[16] = "";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof to.sun_path)
        return errno;
    strcpy(to.sun_path, path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        int result = errno;
        close(fd);
        return result;
    }
    struct pollfd ready = {fd, POLLIN, 0};
    int answered = poll(&ready, 1, 300) > 0 && recv(fd, answer, sizeof answer - 1, 0) > 0;
    close(fd);
    /* a real one says nothing before it is spoken to, and nobody speaks to it: whether it obeys was not tried */
    return !answered ? UNTRIED : !strncmp(answer, "yes", 3) ? 0 : EPERM;
}

static int any_of(const char *const *paths)
{
    int result = IN_VAIN;
    for (; *paths && result; paths++) {
        int now = ordered(*paths);
        if (now == 0 || now != ENOENT)
            result = now;
    }
    return result;
}

static int order_systemd(void)
{
    static const char *const PATHS[] = {"/bus/system_bus_socket", "/run/dbus/system_bus_socket",
                                        "/run/systemd/private", NULL};
    return any_of(PATHS);
}

static int order_session(void)
{
    static const char *const PATHS[] = {"/run/user/1000/bus", "/run/user/1001/bus", "/run/user/1000/systemd/private",
                                        NULL};
    int result = any_of(PATHS);
    if (result == EPERM && geteuid() != 1000 && setresuid(1000, 1000, 1000) == 0)
        result = any_of(PATHS); /* as that user */
    return result;
}

/* An engine on the network: on this machine itself, and by the way to the gateway */
static int tcp(uint32_t address)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(2375), .sin_addr.s_addr = address};
    struct timeval limit = {2, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int result = outcome(connect(fd, (struct sockaddr *)&to, sizeof to));
    close(fd);
    return result;
}

static int engine_here(void) { return tcp(htonl(INADDR_LOOPBACK)); }

static int engine_at_gateway(void)
{
    char line[256];
    unsigned destination, gateway, flags;
    FILE *list = fopen("/proc/self/net/route", "re");
    int result = IN_VAIN;
    while (list && result && fgets(line, sizeof line, list))
        if (sscanf(line, "%*s %x %x %x", &destination, &gateway, &flags) == 3 && destination == 0 && gateway)
            result = tcp(gateway);
    if (list)
        fclose(list);
    return result;
}

static int abstract_shim(void)
{
    static const char NAME[] = "\0/containerd-shim/strata-attempt.sock";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(to.sun_path, NAME, sizeof NAME - 1);
    return outcome(connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof NAME - 1)));
}

/* One message to a protocol of netlink, and its answer: EPERM without NET_ADMIN over the network */
static int netlink(int protocol, uint16_t type, const void *body, size_t size)
{
    union {
        struct nlmsghdr head;
        char room[8192];
    } message = {{NLMSG_LENGTH((unsigned)size), type, NLM_F_REQUEST | NLM_F_ACK, 1, 0}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    memcpy(NLMSG_DATA(&message.head), body, size);
    if (fd < 0 || sendto(fd, &message, message.head.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return errno;
    struct pollfd ready = {fd, POLLIN, 0};
    if (poll(&ready, 1, 2000) <= 0 || recv(fd, &message, sizeof message, 0) < (ssize_t)sizeof message.head)
        return UNTRIED;
    if (message.head.nlmsg_type == NLMSG_ERROR)
        return -((struct nlmsgerr *)NLMSG_DATA(&message.head))->error;
    return 0;
}

int firewall(void) /* asks for the generation of the rules, and changes nothing */
{
    struct nfgenmsg body = {.nfgen_family = AF_UNSPEC};
    return netlink(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | 16 /* NFT_MSG_GETGEN */, &body, sizeof body);
}

static int tunnels(void)
{
    uint32_t flags = 0;
    return netlink(NETLINK_XFRM, XFRM_MSG_GETSPDINFO, &flags, sizeof flags);
}

static int firewall_anew(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return errno;
    return firewall();
}

static int by_socketcall(uint32_t family, uint32_t kind, uint32_t protocol)
{
    static uint32_t args[3];
    args[0] = family, args[1] = kind, args[2] = protocol;
    return call(I386, -1, 102, 1 /* SYS_SOCKET */, (long)args, 0, 0);
}

static int tipc(void) { return by_socketcall(30, SOCK_DGRAM, 0); }
static int xdp(void) { return by_socketcall(44, SOCK_RAW, 0); }

static int watchers(void) { return outcome(inotify_init1(IN_CLOEXEC)); }

static int crash_handler(void)
{
    char first = 0;
    struct rlimit limit;
    int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &first, 1) != 1 || getrlimit(RLIMIT_CORE, &limit) < 0)
        return UNTRIED;
    return first == '|' && limit.rlim_max != 1 ? 0 : IN_VAIN;
}

/* Devices by their numbers, wherever their nodes lie. A watchdog is never opened: that starts it */
static const struct { const char *kind; unsigned major, first, last; } NUMBERS[] = {
    {"input", 13, 0, 1023},   {"input", 10, 223, 223},  {"console", 7, 0, 191},   {"console", 4, 0, 63},
    {"graphics", 226, 0, 255}, {"graphics", 195, 0, 255}, {"virtual", 10, 232, 232}, {"virtual", 10, 238, 238},
    {"disk", 21, 0, 255},
};
static const char *sought;
static int opened;

static int try_device(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)type;
    if (where->level > 4 || !S_ISCHR(about->st_mode))
        return 0;
    for (size_t place = 0; place < sizeof NUMBERS / sizeof *NUMBERS; place++) {
        if (strcmp(NUMBERS[place].kind, sought) || major(about->st_rdev) != NUMBERS[place].major
            || minor(about->st_rdev) < NUMBERS[place].first || minor(about->st_rdev) > NUMBERS[place].last)
            continue;
        int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), now = 0;
        if (fd < 0)
            fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        now = fd < 0 ? errno : 0;
        /* what it can do is asked for by its first command, which changes nothing: KVM_GET_API_VERSION */
        if (fd >= 0 && !strcmp(sought, "virtual") && ioctl(fd, 0xAE00, 0) < 0 && errno == EACCES)
            now = EACCES;
        if (fd >= 0)
            close(fd);
        if (opened == IN_VAIN || now == 0)
            opened = now;
    }
    return opened == 0;
}

static int device(const char *kind)
{
    sought = kind;
    opened = IN_VAIN;
    nftw("/dev", try_device, 16, FTW_PHYS);
    if (opened)
        nftw("/seen/dev", try_device, 16, FTW_PHYS);
    return opened;
}

/* KVM, and a console */
static const struct { const char *kind; unsigned major, minor; } MADE[] = {{"virtual", 10, 232}, {"console", 4, 1}};

static int made_device(const char *kind)
{
    static const char path[] = "/dev/strata-made";
    struct stat about;
    size_t place = strcmp(kind, MADE[0].kind) ? 1 : 0;
    sought = kind;
    opened = IN_VAIN;
    unlink(path);
    if (mknod(path, S_IFCHR | 0600, makedev(MADE[place].major, MADE[place].minor)) < 0)
        return errno;
    if (stat(path, &about) == 0) {
        struct FTW where = {0, 1};
        try_device(path, &about, FTW_F, &where);
    }
    unlink(path);
    return opened;
}

static int console_made(void) { return made_device("console"); }
static int virtual_made(void) { return made_device("virtual"); }
static int input(void) { return device("input"); }
static int console(void) { return device("console"); }
static int graphics(void) { return device("graphics"); }
static int virtual_machines(void) { return device("virtual"); }
static int disk_commands(void) { return device("disk"); }

const struct attempt SERVICES[] = {
    {"use-input-devices", "direct", "open(input)", input, SUCCESS},
    {"use-consoles", "direct", "open(console)", console, OPEN_IF(ENXIO, EIO)},
    {"use-consoles", "made", "mknod, open(console)", console_made, OPEN_IF(ENXIO, EIO)},
    {"run-virtual-machines", "made", "mknod, open(kvm)", virtual_made, SUCCESS},
    {"use-graphics-device", "direct", "open(graphics)", graphics, SUCCESS},
    {"run-virtual-machines", "direct", "open(kvm)", virtual_machines, SUCCESS},
    {"open-host-disk", "commands", "open(sg)", disk_commands, SUCCESS},
    {"open-host-disk", "a new mount", "mount(devtmpfs), open(any block device)", disk_anew, OPEN_IF(ENXIO)},
    {"register-program-format", "a mount that is there", "open(register)", format_there, SUCCESS},
    {"register-program-format", "a new mount", "mount(binfmt_misc), open(register)", format_anew, SUCCESS},
    {"register-program-format", "never attached", "fsopen(binfmt_misc)", format_unattached, SUCCESS},
    {"mount-host-devices", "a new mount", "mount(devtmpfs), open(O_CREAT)", devices_anew, SUCCESS},
    {"mount-host-devices", "never attached", "fsopen(devtmpfs), open(O_CREAT)", devices_unattached, SUCCESS},
    {"trace-with-tracefs", "a mount that is there", "open(tracing_on)", trace_there, SUCCESS},
    {"trace-with-tracefs", "a new mount", "mount(tracefs), open(tracing_on)", trace_anew, SUCCESS},
    {"trace-with-tracefs", "never attached", "fsopen(tracefs)", trace_unattached, SUCCESS},
    {"trace-with-tracefs", "debugfs that is there", "open(debugfs)", debug_there, SUCCESS},
    {"trace-with-tracefs", "debugfs", "mount(debugfs)", debug_anew, SUCCESS},
    {"read-crash-records", "a mount that is there", "open(pstore)", records_there, SUCCESS},
    {"read-crash-records", "a new mount", "mount(pstore)", records_anew, SUCCESS},
    {"read-crash-records", "never attached", "fsopen(pstore)", records_unattached, SUCCESS},
    {"change-firmware-variables", "a mount that is there", "open(efivarfs)", variables_there, SUCCESS},
    {"change-firmware-variables", "a new mount", "mount(efivarfs)", variables_anew, SUCCESS},
    {"change-firmware-variables", "never attached", "fsopen(efivarfs)", variables_unattached, SUCCESS},
    {"configure-kernel-objects", "a mount that is there", "open(configfs)", objects_there, SUCCESS},
    {"configure-kernel-objects", "a new mount", "mount(configfs)", objects_anew, SUCCESS},
    {"configure-kernel-objects", "never attached", "fsopen(configfs)", objects_unattached, SUCCESS},
    {"change-kernel-security", "a mount that is there", "open(lockdown)", security_there, SUCCESS},
    {"change-kernel-security", "a new mount", "mount(securityfs), open(lockdown)", security_anew, SUCCESS},
    {"change-kernel-security", "never attached", "fsopen(securityfs)", security_unattached, SUCCESS},
    {"abort-fuse-connections", "a mount that is there", "mkdir(fusectl)", connections_there, SUCCESS},
    {"abort-fuse-connections", "a new mount", "mount(fusectl), mkdir", connections_anew, SUCCESS},
    {"abort-fuse-connections", "never attached", "fsopen(fusectl), mkdir", connections_unattached, SUCCESS},
    {"use-pinned-bpf", "direct", "bpf(BPF_OBJ_GET)", pinned, SUCCESS},
    {"mount-over-host", "direct", "mount(tmpfs, /shared/below)", over_host, SUCCESS},
    {"mount-over-host", "the newer calls", "move_mount(/shared/below)", over_host_newer, SUCCESS},
    {"order-systemd", "any socket", "connect, as D-Bus knows us", order_systemd, SUCCESS},
    {"order-user-session", "any socket", "connect, as D-Bus knows us", order_session, SUCCESS},
    {"use-engine-port", "here", "connect(127.0.0.1:2375)", engine_here, SUCCESS},
    {"use-engine-port", "the gateway", "connect(gateway:2375)", engine_at_gateway, SUCCESS},
    {"use-engine-socket", "abstract", "connect(@/containerd-shim/)", abstract_shim, SUCCESS},
    {"firewall-code", "firewall rules", "sendto(NFT_MSG_GETGEN)", firewall, SUCCESS},
    {"firewall-code", "tunnels", "sendto(XFRM_MSG_GETSPDINFO)", tunnels, SUCCESS},
    {"firewall-code", "in new namespaces", "unshare, sendto(NFT_MSG_GETGEN)", firewall_anew, SUCCESS},
    {"rare-sockets", "TIPC by socketcall, i386", "socketcall(SYS_SOCKET, AF_TIPC)", tipc, SUCCESS},
    {"rare-sockets", "XDP by socketcall, i386", "socketcall(SYS_SOCKET, AF_XDP)", xdp, SUCCESS},
    {"exhaust-user-limits", "direct", "inotify_init1", watchers, OPEN_IF(EMFILE)},
    {"feed-crash-handler", "as read", "core_pattern, getrlimit(RLIMIT_CORE)", crash_handler, SUCCESS},
    {0},
};
