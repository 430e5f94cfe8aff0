/* Attempts by namespaces and mounts. */
#include "attempts.h"
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <dirent.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
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

/* The ways to make /proc/sys writable, in a mount namespace of our own where we may have one. Each is an attempt of its
 * own, as a filter may kill whoever tries it */
enum way { REMOUNT, SET_ATTRIBUTES, UNMOUNT, MOVE, MOVE_BY_MOUNT, COPY, COPY_WITH_ATTRIBUTES, BIND };

static int to_write(const char *path) { return open_only(path, O_WRONLY); }
static int read_some(const char *path);
static int list_some(const char *path);

/* The rest of the path, below the mount of /proc or /sys */
static const char *rest(const char *path) { return strchr(path + 1, '/'); }

/* What an attempt mounts must not be there for the next, even if it may not unmount it */
static void own_mounts(void)
{
    if (unshare(CLONE_NEWNS) == 0)
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* A copy of /proc or /sys is without what is mounted there, unless AT_RECURSIVE or MS_REC asks for it */
static int in_copy(const char *path, enum way way, int (*reach)(const char *))
{
    char top[16], inside[160];
    snprintf(top, sizeof top, "%.*s", (int)(rest(path) - path), path);
    if (way == BIND) {
        own_mounts();
        if (mount(top, mount_place(), NULL, MS_BIND, NULL) < 0)
            return errno;
        snprintf(inside, sizeof inside, "%s%s", mount_place(), rest(path));
        int result = reach(inside);
        umount2(mount_place(), MNT_DETACH);
        return result;
    }
    long number = way == COPY ? SYS_open_tree : 467 /* open_tree_attr */;
    int tree = (int)syscall(number, AT_FDCWD, top, OPEN_TREE_CLONE | O_CLOEXEC, NULL, 0L);
    if (tree < 0)
        return errno;
    snprintf(inside, sizeof inside, "/proc/self/fd/%d%s", tree, rest(path));
    return reach(inside);
}

static int move(const char *from, const char *to, enum way way)
{
    if (way == MOVE)
        return (int)syscall(SYS_move_mount, AT_FDCWD, from, AT_FDCWD, to, 0L);
    return mount(from, to, NULL, MS_MOVE, NULL);
}

/* What covers it goes elsewhere, and back: a file to a file, as the engines mount one there */
static int moved(const char *where, const char *path, enum way way, int (*reach)(const char *))
{
    struct stat cover;
    const char *to = stat(where, &cover) == 0 && S_ISDIR(cover.st_mode) ? mount_place() : "/etc/hostname";
    own_mounts();
    if (move(where, to, way) < 0)
        return errno;
    int result = reach(path);
    move(to, where, way);
    return result;
}

/* What is mounted there: made writable, or taken away */
static long uncover(const char *where, enum way way)
{
    struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
    if (way == REMOUNT)
        return mount(NULL, where, NULL, MS_REMOUNT | MS_BIND, NULL);
    if (way == SET_ATTRIBUTES)
        return syscall(SYS_mount_setattr, AT_FDCWD, where, 0, &writable, sizeof writable);
    return umount2(where, MNT_DETACH);
}

static int remounted(const char *path, enum way way, int own_namespace)
{
    static const char where[] = "/proc/sys";
    if (own_namespace) {
        if (unshare(CLONE_NEWNS) < 0)
            return errno;
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    }
    if (uncover(where, way) < 0)
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
    own_mounts();
    if (mount("none", mount_place(), type, 0, NULL) < 0)
        return errno;
    snprintf(path, sizeof path, "%s/%s", mount_place(), name);
    int result = open_only(path, flags);
    umount2(mount_place(), MNT_DETACH);
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
    static int word##_move(void) { return moved("/proc/sys", "/proc/" name, MOVE, to_write); }                         \
    static int word##_ms_move(void) { return moved("/proc/sys", "/proc/" name, MOVE_BY_MOUNT, to_write); }             \
    static int word##_copy(void) { return in_copy("/proc/" name, COPY, to_write); }                                    \
    static int word##_copy_attr(void) { return in_copy("/proc/" name, COPY_WITH_ATTRIBUTES, to_write); }               \
    static int word##_bind(void) { return in_copy("/proc/" name, BIND, to_write); }                                    \
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
    {threat, "moved away" more, "move_mount(/proc/sys), open", word##_move, SUCCESS},                                  \
    {threat, "moved away with mount" more, "mount(/proc/sys, MS_MOVE), open", word##_ms_move, SUCCESS},                \
    {threat, "copied" more, "open_tree(/proc, OPEN_TREE_CLONE), open", word##_copy, SUCCESS},                          \
    {threat, "copied with attributes" more, "open_tree_attr(/proc), open", word##_copy_attr, SUCCESS},                 \
    {threat, "bound" more, "mount(/proc, MS_BIND), open", word##_bind, SUCCESS},                                       \
    {threat, "fresh proc" more, "mount(proc), open", word##_fresh, SUCCESS},                                           \
    {threat, "fresh proc by fsmount" more, "fsmount(proc), openat", word##_tree, SUCCESS}

int release_agent(void)
{
    own_mounts();
    if (mount("cgroup", mount_place(), "cgroup", 0, "pids") < 0
        && (errno != EBUSY || mount("cgroup", mount_place(), "cgroup", 0, "none,name=strata-try") < 0))
        return errno;
    char path[64];
    snprintf(path, sizeof path, "%s/release_agent", mount_place());
    int result = open_only(path, O_WRONLY);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

/* Where the own group is in a tree of version 1 that we mounted: its root, in a cgroup namespace of our own */
static const char *own_group(char *line, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    const char *found = NULL;
    while (file && !found && fgets(line, (int)size, file)) {
        char *path = strstr(line, ":devices:");
        if (path) {
            path[strcspn(path, "\n")] = 0;
            found = path + strlen(":devices:");
        }
    }
    if (file)
        fclose(file);
    return found;
}

/* Opens the rules for devices of the own group, and then a device, made here unless `kind` is 0; they go with the
 * container */
static int device_after_opening(int tree, mode_t kind, dev_t device, use_node *use)
{
    char line[512], path[600];
    const char *group = own_group(line, sizeof line);
    int rules = -1, result;
    if (!group)
        return IN_VAIN; /* its rules are a program, and in no file */
    snprintf(path, sizeof path, ".%s/devices.allow", group);
    rules = openat(tree, path, O_WRONLY | O_CLOEXEC);
    if (rules < 0 || write(rules, "a", 1) != 1)
        return errno;
    if (!kind)
        return use("");
    snprintf(path, sizeof path, "%s/strata-device", access("/dev/shm", W_OK) == 0 ? "/dev" : mount_place());
    unlink(path);
    if (mknod(path, kind | 0600, device) < 0)
        return errno;
    result = use(path);
    unlink(path);
    return result;
}

int device_by_mount(mode_t kind, dev_t device, use_node *use)
{
    own_mounts();
    if (mount("cgroup", mount_place(), "cgroup", 0, "devices") < 0)
        return errno;
    int tree = open(mount_place(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = tree < 0 ? errno : device_after_opening(tree, kind, device, use);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

/* A tree of version 1 by fsmount(2), attached nowhere; `name` for one with the flag "none", else NULL */
static int cgroup_tree(const char *flag, const char *name)
{
    int fs = (int)syscall(SYS_fsopen, "cgroup", 0);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, flag, NULL, 0) < 0
        || (name && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "name", name, 0) < 0)
        || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return (int)syscall(SYS_fsmount, fs, 0, 0);
}

int device_by_tree(mode_t kind, dev_t device, use_node *use)
{
    int tree = cgroup_tree("devices", NULL);
    return tree < 0 ? errno : device_after_opening(tree, kind, device, use);
}

static int just_open(const char *path) { return open_only(path, O_RDONLY | O_NONBLOCK); }
static int disk_by_mount(void) { return device_by_mount(S_IFBLK, makedev(7, 0), just_open); }
static int disk_by_tree(void) { return device_by_tree(S_IFBLK, makedev(7, 0), just_open); }
static int memory_by_mount(void) { return device_by_mount(S_IFCHR, makedev(1, 1), just_open); }
static int memory_by_tree(void) { return device_by_tree(S_IFCHR, makedev(1, 1), just_open); }

/* In a user namespace below that of the mounts they are locked: a copy takes all that lies below it along, or is refused
 * with EINVAL; nothing can be taken away or made writable (mount_namespaces(7)) */
static int locked(void)
{
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE | O_CLOEXEC);
    int bare = tree < 0 ? -1 : (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);
    close(bare);
    close(tree);
    return tree >= 0 && bare < 0;
}

static int bind_root(enum entry entry)
{
    int result = call(entry, 165, 21, (long)"/", (long)mount_place(), 0, MS_BIND);
    if (result == 0)
        umount2(mount_place(), MNT_DETACH);
    return result == EINVAL && !locked() ? 0 : result;
}

static int unmount_proc(enum entry entry)
{
    /* MNT_EXPIRE takes nothing away at the first time, and says EAGAIN */
    int result = call(entry, 166, 52, (long)"/proc", 4 /* MNT_EXPIRE */, 0, 0);
    return result == EAGAIN || result == EBUSY || (result == EINVAL && !locked()) ? 0 : result;
}

static int bind_x64(void) { return bind_root(X86_64); }
static int bind_i386(void) { return bind_root(I386); }
static int bind_x32(void) { return bind_root(X32); }
static int unmount_x64(void) { return unmount_proc(X86_64); }
static int unmount_i386(void) { return unmount_proc(I386); }
static int unmount_x32(void) { return unmount_proc(X32); }

/* Of the root directory, or where that is locked of a folder on which nothing is mounted */
static int move_tree(void)
{
    static const char *const FOLDERS[] = {"/", "/tmp", "/etc"};
    static const long CALLS[] = {SYS_open_tree, 467 /* open_tree_attr */};
    int tree = -1;
    for (int number = 0; tree < 0 && number < 6; number++)
        tree = (int)syscall(CALLS[number / 3], AT_FDCWD, FOLDERS[number % 3], OPEN_TREE_CLONE | O_CLOEXEC, NULL, 0L);
    if (tree < 0 || syscall(SYS_move_mount, tree, "", AT_FDCWD, mount_place(), MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return errno;
    umount2(mount_place(), MNT_DETACH);
    return 0;
}

/* Of a mount, to what they are: no bit is set and none cleared. Of locked ones none can be cleared, but any be set */
static int set_attributes(void)
{
    struct mount_attr none = {0};
    return outcome(syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &none, sizeof none));
}

/* A file system is changed by whoever may administrate its owner's user namespace: here, to what it is */
static int pick(void)
{
    int fs = (int)syscall(SYS_fspick, AT_FDCWD, "/", 0);
    if (fs < 0)
        return errno;
    int result = outcome(syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
    return result == EPERM ? result : 0;
}

/* --- what covers files of proc and sysfs, taken away or made writable, in a mount namespace of our own --- */
static int uncovered(const char *where, const char *path, enum way way, int (*reach)(const char *))
{
    if (unshare(CLONE_NEWNS) < 0)
        return errno;
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return uncover(where, way) < 0 ? errno : reach(path);
}

/* Whether a file system is read-only itself, and not only its mount there: 1 or 0, -1 where nothing is mounted */
static int is_read_only(const char *where)
{
    struct bound found;
    int result = -1;
    FILE *list = mounts();
    while (list && next_mount(list, "", &found))
        if (!strcmp(found.target, where))
            result = !strncmp(found.super, "ro", 2);
    if (list)
        fclose(list);
    return result;
}

/* Leaves it as it was: others may have the same file system mounted, the machine among them */
static void restored(const char *where, int read_only)
{
    if (read_only == 1)
        mount(NULL, where, NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

/* The engine's sysfs is read-only as a file system: whoever mounts it anew gets the same one, and changes that */
static int fresh_sysfs(const char *name, int writing, int (*reach)(const char *))
{
    char path[160];
    own_mounts();
    if (mount("none", mount_place(), "sysfs", 0, NULL) < 0)
        return errno;
    int read_only = is_read_only(mount_place());
    if (writing && read_only == 1)
        mount(NULL, mount_place(), NULL, MS_REMOUNT, NULL);
    snprintf(path, sizeof path, "%s/%s", mount_place(), name);
    int result = reach(path);
    if (writing)
        restored(mount_place(), read_only);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

static int tree_of(const char *type)
{
    int fs = (int)syscall(SYS_fsopen, type, 0);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return (int)syscall(SYS_fsmount, fs, 0, 0);
}

static int in_tree(const char *type, const char *name, int (*reach)(const char *))
{
    char path[160];
    int tree = tree_of(type);
    if (tree < 0)
        return errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", tree, name);
    return reach(path);
}

static int tree_sysfs_write(void)
{
    int fs = (int)syscall(SYS_fsopen, "sysfs", 0);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return errno;
    int tree = (int)syscall(SYS_fsmount, fs, 0, 0), read_only = is_read_only("/sys");
    int again = tree < 0 ? -1 : (int)syscall(SYS_fspick, tree, "", 8 /* FSPICK_EMPTY_PATH */);
    if (again >= 0) {
        syscall(SYS_fsconfig, again, FSCONFIG_SET_FLAG, "rw", NULL, 0);
        syscall(SYS_fsconfig, again, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    }
    int fd = tree < 0 ? -1 : openat(tree, "kernel/rcu_expedited", O_WRONLY | O_CLOEXEC);
    int result = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (again >= 0 && read_only == 1) { /* the same one, as far as we see */
        again = (int)syscall(SYS_fspick, tree, "", 8);
        syscall(SYS_fsconfig, again, FSCONFIG_SET_FLAG, "ro", NULL, 0);
        syscall(SYS_fsconfig, again, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
    }
    return result;
}

static int sysrq_unmount(void) { return uncovered("/proc/sysrq-trigger", "/proc/sysrq-trigger", UNMOUNT, to_write); }
static int sysrq_remount(void) { return uncovered("/proc/sysrq-trigger", "/proc/sysrq-trigger", REMOUNT, to_write); }
static int sysrq_attributes(void)
{
    return uncovered("/proc/sysrq-trigger", "/proc/sysrq-trigger", SET_ATTRIBUTES, to_write);
}

static int kcore_unmount(void) { return uncovered("/proc/kcore", "/proc/kcore", UNMOUNT, read_some); }
static int kcore_fresh(void)
{
    char path[160];
    own_mounts();
    if (mount("none", mount_place(), "proc", 0, NULL) < 0)
        return errno;
    snprintf(path, sizeof path, "%s/kcore", mount_place());
    int result = read_some(path);
    umount2(mount_place(), MNT_DETACH);
    return result;
}
static int kcore_tree(void) { return in_tree("proc", "kcore", read_some); }
/* Files that every kernel has, and that the engines mask: one is root's, one everyone's */
#define UNMASKED(word, name)                                                                                           \
    static int word##_unmount(void) { return uncovered("/proc/" name, "/proc/" name, UNMOUNT, just_read); }            \
    static int word##_move(void) { return moved("/proc/" name, "/proc/" name, MOVE, just_read); }                      \
    static int word##_ms_move(void) { return moved("/proc/" name, "/proc/" name, MOVE_BY_MOUNT, just_read); }          \
    static int word##_copy(void) { return in_copy("/proc/" name, COPY, just_read); }                                   \
    static int word##_copy_attr(void) { return in_copy("/proc/" name, COPY_WITH_ATTRIBUTES, just_read); }              \
    static int word##_bind(void) { return in_copy("/proc/" name, BIND, just_read); }                                   \
    static int word##_fresh(void) { return in_fresh("proc", name, O_RDONLY); }                                         \
    static int word##_tree(void) { return in_fresh_tree("proc", name, O_RDONLY); }

static int just_read(const char *path) { return open_only(path, O_RDONLY); }

UNMASKED(timers, "timer_list")
UNMASKED(keys, "keys")

#define EACH_UNMASKED(word, more)                                                                                      \
    {"unmask-kernel-files", "unmounted" more, "umount2, open", word##_unmount, SUCCESS},                               \
    {"unmask-kernel-files", "moved away" more, "move_mount, open", word##_move, SUCCESS},                              \
    {"unmask-kernel-files", "moved away with mount" more, "mount(MS_MOVE), open", word##_ms_move, SUCCESS},            \
    {"unmask-kernel-files", "copied" more, "open_tree(/proc, OPEN_TREE_CLONE), open", word##_copy, SUCCESS},           \
    {"unmask-kernel-files", "copied with attributes" more, "open_tree_attr(/proc), open", word##_copy_attr, SUCCESS},  \
    {"unmask-kernel-files", "bound" more, "mount(/proc, MS_BIND), open", word##_bind, SUCCESS},                        \
    {"unmask-kernel-files", "fresh proc" more, "mount(proc), open", word##_fresh, SUCCESS},                            \
    {"unmask-kernel-files", "fresh proc by fsmount" more, "fsmount(proc), openat", word##_tree, SUCCESS}

static int kmsg_fresh(void) { return in_fresh("proc", "kmsg", O_RDONLY | O_NONBLOCK); }
static int kmsg_tree(void) { return in_fresh_tree("proc", "kmsg", O_RDONLY | O_NONBLOCK); }

static int sysfs_remount(void) { return uncovered("/sys", "/sys/kernel/rcu_expedited", REMOUNT, to_write); }
static int sysfs_whole(void) /* the file system, and the mount along with it */
{
    own_mounts();
    int read_only = is_read_only("/sys");
    if (mount(NULL, "/sys", NULL, MS_REMOUNT, NULL) < 0)
        return errno;
    int result = to_write("/sys/kernel/rcu_expedited");
    restored("/sys", read_only);
    return result;
}
static int sysfs_attributes(void) { return uncovered("/sys", "/sys/kernel/rcu_expedited", SET_ATTRIBUTES, to_write); }
static int sysfs_fresh(void) { return fresh_sysfs("kernel/rcu_expedited", 0, to_write); }
static int sysfs_fresh_writable(void) { return fresh_sysfs("kernel/rcu_expedited", 1, to_write); }
static int sysfs_tree(void) { return in_tree("sysfs", "kernel/rcu_expedited", to_write); }

static int firmware_unmount(void) { return uncovered("/sys/firmware", "/sys/firmware", UNMOUNT, list_some); }
static int firmware_unmount_here(void) /* for good: where a filter leaves us no namespace of our own */
{
    return umount2("/sys/firmware", MNT_DETACH) < 0 ? errno : list_some("/sys/firmware");
}

static int firmware_move(void) { return moved("/sys/firmware", "/sys/firmware", MOVE, list_some); }
static int firmware_ms_move(void) { return moved("/sys/firmware", "/sys/firmware", MOVE_BY_MOUNT, list_some); }
static int firmware_copy(void) { return in_copy("/sys/firmware", COPY, list_some); }
static int firmware_copy_attr(void) { return in_copy("/sys/firmware", COPY_WITH_ATTRIBUTES, list_some); }
static int firmware_bind(void) { return in_copy("/sys/firmware", BIND, list_some); }
static int firmware_fresh(void) { return fresh_sysfs("firmware", 0, list_some); }
static int firmware_tree(void) { return in_tree("sysfs", "firmware", list_some); }

/* --- with all capabilities in new namespaces --- */
static int mount_tmpfs(void) { return outcome(mount("none", mount_place(), "tmpfs", 0, NULL)); }
static int open_tmpfs(void) { return outcome(syscall(SYS_fsopen, "tmpfs", 0)); }
static int change_root(void) { return outcome(chroot("/")); }

static int swap_root(void)
{
    int result = outcome(syscall(SYS_pivot_root, "/", "/"));
    return result == EBUSY || result == EINVAL ? 0 : result; /* after the check of rights */
}

static int in_own(int (*act)(void))
{
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? errno : act();
}

static int in_own_by_clone(int (*act)(void)) /* where a filter stops unshare only */
{
    int status = 0;
    long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(act());
    if (pid < 0)
        return errno;
    waitpid((pid_t)pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
}

static int mount_in_own(void) { return in_own(mount_tmpfs); }
static int new_api_in_own(void) { return in_own(open_tmpfs); }
static int pivot_in_own(void) { return in_own(swap_root); }
static int chroot_in_own(void) { return in_own(change_root); }
static int mount_by_clone(void) { return in_own_by_clone(mount_tmpfs); }
static int new_api_by_clone(void) { return in_own_by_clone(open_tmpfs); }
static int pivot_by_clone(void) { return in_own_by_clone(swap_root); }
static int chroot_by_clone(void) { return in_own_by_clone(change_root); }

static int mounts_in_own(void) { return outcome(unshare(CLONE_NEWUSER | CLONE_NEWNS)); }
static int mounts_in_own_by_clone(void) { return by_clone(CLONE_NEWUSER | CLONE_NEWNS); }
static int mounts_in_own_by_clone3(void) { return by_clone3(CLONE_NEWUSER | CLONE_NEWNS); }

static int release_agent_tree(void)
{
    int tree = cgroup_tree("pids", NULL);
    if (tree < 0 && errno == EBUSY) /* version 2 has all controllers; only in the first cgroup namespace */
        tree = cgroup_tree("none", "strata-try");
    int fd = tree < 0 ? -1 : openat(tree, "release_agent", O_WRONLY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

static int log_device(void) { return open_only("/dev/kmsg", O_RDONLY | O_NONBLOCK); }

static int log_device_made(void)
{
    static const char path[] = "/dev/strata-log";
    unlink(path);
    if (mknod(path, S_IFCHR | 0600, makedev(1, 11)) < 0)
        return errno;
    int result = open_only(path, O_RDONLY | O_NONBLOCK);
    unlink(path);
    return result;
}

static int sysrq(void) { return open_only("/proc/sysrq-trigger", O_WRONLY); }
static int sysrq_fresh(void) { return in_fresh("proc", "sysrq-trigger", O_WRONLY); }
static int sysrq_tree(void) { return in_fresh_tree("proc", "sysrq-trigger", O_WRONLY); }

static int write_root(void)
{
    static const char path[] = "/strata-attempt";
    struct stat root;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EACCES && stat("/", &root) == 0 && !(root.st_mode & 0200)) { /* its owner can change that */
        if (chmod("/", root.st_mode | 0200) < 0)
            return EACCES;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        int result = errno;
        chmod("/", root.st_mode & 07777);
        errno = result;
    }
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

static int list_some(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    if (!folder)
        return errno;
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            return 0;
    return IN_VAIN;
}

static int firmware(void) { return list_some("/sys/firmware"); }
static int kmsg(void) { return open_only("/proc/kmsg", O_RDONLY | O_NONBLOCK); }
static int write_sysfs(void) { return open_only("/sys/kernel/rcu_expedited", O_WRONLY); }

const struct attempt MOUNTS[] = {
    {"new-user-namespace", "clone", "clone(CLONE_NEWUSER)", user_by_clone, SUCCESS, 1},
    {"new-user-namespace", "clone3", "clone3(CLONE_NEWUSER)", user_by_clone3, SUCCESS, 1},
    {"new-user-namespace", "clone, i386", "clone(CLONE_NEWUSER)", user_by_i386, SUCCESS, 1},
    {"new-mount-namespace", "clone", "clone(CLONE_NEWNS)", mounts_by_clone, SUCCESS, 1},
    {"new-mount-namespace", "clone3", "clone3(CLONE_NEWNS)", mounts_by_clone3, SUCCESS, 1},
    {"new-network-namespace", "clone", "clone(CLONE_NEWNET)", net_by_clone, SUCCESS, 1},
    {"new-network-namespace", "clone3", "clone3(CLONE_NEWNET)", net_by_clone3, SUCCESS, 1},
    {"kernel-surface-in-user-namespace", "unshare", "unshare, socket(AF_PACKET)", surface_by_unshare, SUCCESS, 1},
    {"kernel-surface-in-user-namespace", "unshare, upper half set", "unshare, socket(AF_PACKET)", surface_wide, SUCCESS, 1},
    {"kernel-surface-in-user-namespace", "clone", "clone, socket(AF_PACKET)", surface_by_clone, SUCCESS, 1},
    {"kernel-surface-in-user-namespace", "clone3", "clone3, socket(AF_PACKET)", surface_by_clone3, SUCCESS, 1},
    {"join-namespace", "direct", "setns(/proc/self/ns/uts)", join_namespace, SUCCESS},
    {"join-namespace", "direct, i386", "setns(/proc/self/ns/uts)", join_by_i386, SUCCESS},
    {"set-hostname", "direct", "sethostname", hostname_direct, SUCCESS},
    {"set-hostname", "direct, i386", "sethostname", hostname_by_i386, SUCCESS},
    {"set-domain-name", "direct", "setdomainname", set_domain_name, SUCCESS},
    EACH_WAY("write-core-pattern", core, ""),
    EACH_WAY("write-host-sysctl", overcommit, ", overcommit_memory"),
    EACH_WAY("write-host-sysctl", modprobe, ", modprobe"),
    {"cgroup-release-agent", "mounted anew", "mount(cgroup, pids), open(release_agent)", release_agent, SUCCESS},
    {"bind-mount", "direct", "mount(/, /mnt, MS_BIND)", bind_x64, SUCCESS},
    {"bind-mount", "direct, i386", "mount(/, /mnt, MS_BIND)", bind_i386, SUCCESS},
    {"bind-mount", "direct, x32", "mount(/, /mnt, MS_BIND)", bind_x32, SUCCESS},
    {"unmount", "direct", "umount2(/proc, MNT_EXPIRE)", unmount_x64, SUCCESS},
    {"unmount", "direct, i386", "umount2(/proc, MNT_EXPIRE)", unmount_i386, SUCCESS},
    {"unmount", "direct, x32", "umount2(/proc, MNT_EXPIRE)", unmount_x32, SUCCESS},
    {"change-mounts", "open_tree", "open_tree(OPEN_TREE_CLONE), move_mount", move_tree, OPEN_IF(EINVAL)},
    {"change-mounts", "mount_setattr", "mount_setattr(nothing)", set_attributes, SUCCESS},
    {"change-mounts", "fspick", "fspick(/)", pick, SUCCESS},
    {"trigger-sysrq", "direct", "open(/proc/sysrq-trigger)", sysrq, SUCCESS},
    EACH_UNMASKED(timers, ", timer_list"),
    EACH_UNMASKED(keys, ", keys"),
    {"write-root-file-system", "direct", "open(/strata-attempt, O_CREAT)", write_root, SUCCESS},
    {"read-kernel-memory", "direct", "read(/proc/kcore)", kcore, SUCCESS},
    {"write-sysfs", "direct", "open(/sys/kernel/rcu_expedited)", write_sysfs, SUCCESS},
    {"read-firmware", "direct", "readdir(/sys/firmware)", firmware, SUCCESS},
    {"read-kernel-log", "kmsg", "open(/proc/kmsg)", kmsg, SUCCESS},
    {"read-kernel-log", "kmsg of a fresh proc", "mount(proc), open(kmsg)", kmsg_fresh, SUCCESS},
    {"read-kernel-log", "kmsg by fsmount", "fsmount(proc), openat(kmsg)", kmsg_tree, SUCCESS},
    {"read-kernel-log", "device", "open(/dev/kmsg)", log_device, SUCCESS},
    {"read-kernel-log", "made device", "mknod, open(c 1:11)", log_device_made, SUCCESS},
    {"trigger-sysrq", "unmounted", "umount2(sysrq-trigger), open", sysrq_unmount, SUCCESS},
    {"trigger-sysrq", "remounted", "mount(MS_REMOUNT), open", sysrq_remount, SUCCESS},
    {"trigger-sysrq", "remounted with mount_setattr", "mount_setattr, open", sysrq_attributes, SUCCESS},
    {"trigger-sysrq", "fresh proc", "mount(proc), open(sysrq-trigger)", sysrq_fresh, SUCCESS},
    {"trigger-sysrq", "fresh proc by fsmount", "fsmount(proc), openat(sysrq-trigger)", sysrq_tree, SUCCESS},
    {"read-kernel-memory", "unmounted", "umount2(kcore), read", kcore_unmount, SUCCESS},
    {"read-kernel-memory", "fresh proc", "mount(proc), read(kcore)", kcore_fresh, SUCCESS},
    {"read-kernel-memory", "fresh proc by fsmount", "fsmount(proc), read(kcore)", kcore_tree, SUCCESS},
    {"write-sysfs", "remounted", "mount(/sys, MS_REMOUNT), open", sysfs_remount, SUCCESS},
    {"write-sysfs", "remounted as a file system", "mount(/sys, MS_REMOUNT), open", sysfs_whole, SUCCESS},
    {"write-sysfs", "remounted with mount_setattr", "mount_setattr(/sys), open", sysfs_attributes, SUCCESS},
    {"write-sysfs", "fresh sysfs", "mount(sysfs), open", sysfs_fresh, SUCCESS},
    {"write-sysfs", "fresh sysfs, made writable", "mount(sysfs), mount(MS_REMOUNT), open", sysfs_fresh_writable, SUCCESS},
    {"write-sysfs", "fresh sysfs by fsmount", "fsmount(sysfs), open", sysfs_tree, SUCCESS},
    {"write-sysfs", "fresh sysfs by fsmount, made writable", "fsmount(sysfs), fsconfig, open", tree_sysfs_write, SUCCESS},
    {"read-firmware", "unmounted", "umount2(/sys/firmware), readdir", firmware_unmount, SUCCESS},
    {"read-firmware", "moved away", "move_mount(/sys/firmware), readdir", firmware_move, SUCCESS},
    {"read-firmware", "moved away with mount", "mount(/sys/firmware, MS_MOVE), readdir", firmware_ms_move, SUCCESS},
    {"read-firmware", "copied", "open_tree(/sys, OPEN_TREE_CLONE), readdir", firmware_copy, SUCCESS},
    {"read-firmware", "copied with attributes", "open_tree_attr(/sys), readdir", firmware_copy_attr, SUCCESS},
    {"read-firmware", "bound", "mount(/sys, MS_BIND), readdir", firmware_bind, SUCCESS},
    {"read-firmware", "fresh sysfs", "mount(sysfs), readdir", firmware_fresh, SUCCESS},
    {"read-firmware", "fresh sysfs by fsmount", "fsmount(sysfs), readdir", firmware_tree, SUCCESS},
    {"cgroup-release-agent", "by fsmount", "fsmount(cgroup), openat(release_agent)", release_agent_tree, SUCCESS},
    {"mount-file-system", "in new namespaces", "unshare, mount(tmpfs)", mount_in_own, SUCCESS},
    {"new-mount-api", "in new namespaces", "unshare, fsopen(tmpfs)", new_api_in_own, SUCCESS, 1},
    {"pivot-root", "in new namespaces", "unshare, pivot_root(/, /)", pivot_in_own, SUCCESS, 1},
    {"change-root", "in new namespaces", "unshare, chroot(/)", chroot_in_own, SUCCESS, 1},
    {"mount-file-system", "in new namespaces, clone", "clone, mount(tmpfs)", mount_by_clone, SUCCESS},
    {"new-mount-api", "in new namespaces, clone", "clone, fsopen(tmpfs)", new_api_by_clone, SUCCESS, 1},
    {"pivot-root", "in new namespaces, clone", "clone, pivot_root(/, /)", pivot_by_clone, SUCCESS, 1},
    {"change-root", "in new namespaces, clone", "clone, chroot(/)", chroot_by_clone, SUCCESS, 1},
    {"new-mount-namespace", "in new namespaces", "unshare(CLONE_NEWUSER | CLONE_NEWNS)", mounts_in_own, SUCCESS, 1},
    {"new-mount-namespace", "in new namespaces, clone", "clone(CLONE_NEWUSER | CLONE_NEWNS)", mounts_in_own_by_clone,
     SUCCESS, 1},
    {"new-mount-namespace", "in new namespaces, clone3", "clone3(CLONE_NEWUSER | CLONE_NEWNS)",
     mounts_in_own_by_clone3, SUCCESS, 1},
    {"read-firmware", "unmounted for good", "umount2(/sys/firmware), readdir", firmware_unmount_here, SUCCESS},
    /* last of all, as they open the container's rules for good */
    {"open-host-memory-device", "own rules opened", "mount(cgroup, devices), write, open", memory_by_mount, SUCCESS},
    {"open-host-memory-device", "own rules opened by fsmount", "fsmount(cgroup), write, open", memory_by_tree, SUCCESS},
    {"open-host-disk", "own rules opened", "mount(cgroup, devices), write, open", disk_by_mount, OPEN_IF(ENXIO)},
    {"open-host-disk", "own rules opened by fsmount", "fsmount(cgroup), write, open", disk_by_tree, OPEN_IF(ENXIO)},
    {0},
};
