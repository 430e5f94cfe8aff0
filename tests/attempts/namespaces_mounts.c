/* Attempts by namespaces and mounts. */
#include "attempts.h"
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <dirent.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/utsname.h>

static int by_clone(long flags)
{
    long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int by_clone3(uint64_t flags)
{
    struct clone_args args = {.flags = flags, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int by_clone_i386(long flags)
{
    struct raw raw = {.n32 = 120, .args = {flags | SIGCHLD, 0, 0, 0, 0, 0}};
    long pid = raw_call(I386, &raw);
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int user_by_clone(void) { return by_clone(CLONE_NEWUSER); }
static int user_by_clone3(void) { return by_clone3(CLONE_NEWUSER); }
static int user_by_i386(void) { return by_clone_i386(CLONE_NEWUSER); }
static int mounts_by_clone(void) { return by_clone(CLONE_NEWNS); }
static int mounts_by_clone3(void) { return by_clone3(CLONE_NEWNS); }
static int net_by_clone(void) { return by_clone(CLONE_NEWNET); }
static int net_by_clone3(void) { return by_clone3(CLONE_NEWNET); }

/* What a child that was made with new namespaces says: whether it may make a packet socket in them */
static int packet_socket(void) { return outcome(socket(AF_PACKET, SOCK_RAW, 0x0300)); }

static int packet_socket_wide(void) { return outcome(syscall(SYS_socket, AF_PACKET | 1L << 32, SOCK_RAW, 0x0300)); }

static int surface_wide(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return errno;
    return packet_socket_wide();
}

static int surface_by_unshare(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return errno;
    return packet_socket();
}

static int surface_by(long made)
{
    int status = 0;
    if (made == 0)
        _exit(packet_socket());
    if (made < 0)
        return errno;
    waitpid((pid_t)made, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

static int surface_by_clone(void)
{
    return surface_by(syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0));
}

static int surface_by_clone3(void)
{
    struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD};
    return surface_by(syscall(SYS_clone3, &args, sizeof args));
}

static int join(enum entry entry)
{
    int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? UNTRIED : call(entry, 308, 346, fd, CLONE_NEWUTS, 0, 0);
}

static int join_namespace(void) { return join(X86_64); }
static int join_by_i386(void) { return join(I386); }

static int set_hostname(enum entry entry)
{
    static struct utsname names;
    if (uname(&names) < 0)
        return UNTRIED;
    return call(entry, 170, 74, (long)names.nodename, (long)strlen(names.nodename), 0, 0);
}

static int set_domain_name(void)
{
    char name[65] = "";
    return getdomainname(name, sizeof name) < 0 ? UNTRIED : outcome(setdomainname(name, strlen(name)));
}

static int hostname_direct(void) { return set_hostname(X86_64); }
static int hostname_by_i386(void) { return set_hostname(I386); }

/* A place to mount on that every image has */
static const char *place(void) { return access("/mnt", F_OK) == 0 ? "/mnt" : "/tmp"; }

/* The ways to make /proc/sys writable, in a mount namespace of our own where we may have one. Each is an attempt of its
 * own, as a filter may kill whoever tries it */
enum way { REMOUNT, SET_ATTRIBUTES, UNMOUNT };

static int remounted(const char *path, enum way way, int own_namespace)
{
    static const char where[] = "/proc/sys";
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
    long done;
    if (own_namespace) {
        if (unshare(CLONE_NEWNS) < 0)
            return errno;
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    }
    if (way == REMOUNT)
        done = mount(NULL, where, NULL, MS_REMOUNT | MS_BIND, NULL);
    else if (way == SET_ATTRIBUTES)
        done = syscall(SYS_mount_setattr, AT_FDCWD, where, 0, &writable, sizeof writable);
    else
        done = umount2(where, MNT_DETACH);
    if (done < 0)
        return errno;
    int result = open_only(path, O_WRONLY);
    if (way != UNMOUNT)
        mount(NULL, where, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    return result;
}

/* `name` below a file system that is mounted anew */
static int in_fresh(const char *type, const char *name, int flags)
{
    char path[160];
    if (mount("none", place(), type, 0, NULL) < 0)
        return errno;
    snprintf(path, sizeof path, "%s/%s", place(), name);
    int result = open_only(path, flags);
    umount2(place(), MNT_DETACH);
    return result;
}

/* The same by fsmount(2) */
static int in_fresh_tree(const char *type, const char *name, int flags)
{
    int fs = (int)syscall(SYS_fsopen, type, 0);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return errno;
    int tree = (int)syscall(SYS_fsmount, fs, 0, 0);
    int fd = tree < 0 ? -1 : openat(tree, name, flags | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

/* The ways to a file below /proc/sys */
#define WAYS(word, name)                                                                                               \
    static int word##_direct(void) { return open_only("/proc/" name, O_WRONLY); }                                      \
    static int word##_remount(void) { return remounted("/proc/" name, REMOUNT, 0); }                                   \
    static int word##_remount_own(void) { return remounted("/proc/" name, REMOUNT, 1); }                               \
    static int word##_attributes(void) { return remounted("/proc/" name, SET_ATTRIBUTES, 0); }                         \
    static int word##_unmount(void) { return remounted("/proc/" name, UNMOUNT, 1); }                                   \
    static int word##_fresh(void) { return in_fresh("proc", name, O_WRONLY); }                                         \
    static int word##_tree(void) { return in_fresh_tree("proc", name, O_WRONLY); }

WAYS(core, "sys/kernel/core_pattern")
WAYS(overcommit, "sys/vm/overcommit_memory")
WAYS(modprobe, "sys/kernel/modprobe")

#define EACH_WAY(threat, word, more)                                                                                   \
    {threat, "direct" more, "open", word##_direct, SUCCESS},                                                           \
    {threat, "remounted" more, "mount(/proc/sys, MS_REMOUNT), open", word##_remount, SUCCESS},                         \
    {threat, "remounted in an own namespace" more, "unshare, mount, open", word##_remount_own, SUCCESS},               \
    {threat, "remounted with mount_setattr" more, "mount_setattr(/proc/sys), open", word##_attributes, SUCCESS},       \
    {threat, "unmounted" more, "unshare, umount2(/proc/sys), open", word##_unmount, SUCCESS},                          \
    {threat, "fresh proc" more, "mount(proc), open", word##_fresh, SUCCESS},                                           \
    {threat, "fresh proc by fsmount" more, "fsmount(proc), openat", word##_tree, SUCCESS}

static int release_agent(void)
{
    if (unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (mount("cgroup", place(), "cgroup", 0, "pids") < 0)
        return errno;
    char path[64];
    snprintf(path, sizeof path, "%s/release_agent", place());
    int result = open_only(path, O_WRONLY);
    umount2(place(), MNT_DETACH);
    return result;
}

static int move_tree(void)
{
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);
    if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, place(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return errno;
    umount2(place(), MNT_DETACH);
    return 0;
}

static int set_attributes(void) /* of a mount, to what they are: no bit is set and none cleared */
{
    struct mount_attr none = {0};
    return outcome(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &none, sizeof none));
}

static int pick(void) { return outcome(syscall(SYS_fspick, AT_FDCWD, "/", 0)); }

static int sysrq(void) { return open_only("/proc/sysrq-trigger", O_WRONLY); }
static int sysrq_fresh(void) { return in_fresh("proc", "sysrq-trigger", O_WRONLY); }
static int sysrq_tree(void) { return in_fresh_tree("proc", "sysrq-trigger", O_WRONLY); }

static int write_root(void)
{
    static const char path[] = "/strata-attempt";
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    unlink(path);
    return 0;
}

static int read_some(const char *path)
{
    char text[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t got = read(fd, text, sizeof text);
    return got < 0 ? errno : got == 0 ? IN_VAIN : 0;
}

static int kcore(void) { return read_some("/proc/kcore"); }

static int firmware(void)
{
    DIR *folder = opendir("/sys/firmware");
    struct dirent *entry;
    if (!folder)
        return errno;
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            return 0;
    return IN_VAIN;
}

static int kmsg(void) { return open_only("/proc/kmsg", O_RDONLY | O_NONBLOCK); }
static int write_sysfs(void) { return open_only("/sys/kernel/rcu_expedited", O_WRONLY); }

const struct attempt MOUNTS[] = {
    {"new-user-namespace", "clone", "clone(CLONE_NEWUSER)", user_by_clone, SUCCESS},
    {"new-user-namespace", "clone3", "clone3(CLONE_NEWUSER)", user_by_clone3, SUCCESS},
    {"new-user-namespace", "clone, i386", "clone(CLONE_NEWUSER)", user_by_i386, SUCCESS},
    {"new-mount-namespace", "clone", "clone(CLONE_NEWNS)", mounts_by_clone, SUCCESS},
    {"new-mount-namespace", "clone3", "clone3(CLONE_NEWNS)", mounts_by_clone3, SUCCESS},
    {"new-network-namespace", "clone", "clone(CLONE_NEWNET)", net_by_clone, SUCCESS},
    {"new-network-namespace", "clone3", "clone3(CLONE_NEWNET)", net_by_clone3, SUCCESS},
    {"kernel-surface-in-user-namespace", "unshare", "unshare, socket(AF_PACKET)", surface_by_unshare, SUCCESS},
    {"kernel-surface-in-user-namespace", "unshare, upper half set", "unshare, socket(AF_PACKET)", surface_wide, SUCCESS},
    {"kernel-surface-in-user-namespace", "clone", "clone, socket(AF_PACKET)", surface_by_clone, SUCCESS},
    {"kernel-surface-in-user-namespace", "clone3", "clone3, socket(AF_PACKET)", surface_by_clone3, SUCCESS},
    {"join-namespace", "direct", "setns(/proc/self/ns/uts)", join_namespace, SUCCESS},
    {"join-namespace", "direct, i386", "setns(/proc/self/ns/uts)", join_by_i386, SUCCESS},
    {"set-hostname", "direct", "sethostname", hostname_direct, SUCCESS},
    {"set-hostname", "direct, i386", "sethostname", hostname_by_i386, SUCCESS},
    {"set-domain-name", "direct", "setdomainname", set_domain_name, SUCCESS},
    EACH_WAY("write-core-pattern", core, ""),
    EACH_WAY("write-host-sysctl", overcommit, ", overcommit_memory"),
    EACH_WAY("write-host-sysctl", modprobe, ", modprobe"),
    {"cgroup-release-agent", "mounted anew", "mount(cgroup, pids), open(release_agent)", release_agent, SUCCESS},
    {"change-mounts", "open_tree", "open_tree(OPEN_TREE_CLONE), move_mount", move_tree, OPEN_IF(EINVAL)},
    {"change-mounts", "mount_setattr", "mount_setattr(nothing)", set_attributes, SUCCESS},
    {"change-mounts", "fspick", "fspick(/)", pick, SUCCESS},
    {"trigger-sysrq", "direct", "open(/proc/sysrq-trigger)", sysrq, SUCCESS},
    {"unmask-kernel-files", "fresh proc", "mount(proc), open(sysrq-trigger)", sysrq_fresh, SUCCESS},
    {"unmask-kernel-files", "fresh proc by fsmount", "fsmount(proc), openat(sysrq-trigger)", sysrq_tree, SUCCESS},
    {"write-root-file-system", "direct", "open(/strata-attempt, O_CREAT)", write_root, SUCCESS},
    {"read-kernel-memory", "direct", "read(/proc/kcore)", kcore, SUCCESS},
    {"write-sysfs", "direct", "open(/sys/kernel/rcu_expedited)", write_sysfs, SUCCESS},
    {"read-firmware", "direct", "readdir(/sys/firmware)", firmware, SUCCESS},
    {"read-kernel-log", "kmsg", "open(/proc/kmsg)", kmsg, SUCCESS},
    {0},
};
