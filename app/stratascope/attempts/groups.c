/* Attempts through the host's trees of control groups: bound in, or mounted anew. Version 1, which is what can be
 * tried on every machine of ours; in version 2 of a hybrid machine there are no controllers. */
#include "attempts.h"
#include <sys/mount.h>
#include <sys/sysmacros.h>

/* Trees of control groups. `super` names the controllers of one of version 1 */
static int has_controller(const struct bound *tree, const char *controller)
{
    char text[260], *rest = text, *word;
    if (!strcmp(tree->kind, "cgroup2"))
        return 0; /* in version 2 of a hybrid machine there are none */
    snprintf(text, sizeof text, "%s", tree->super);
    while ((word = strsep(&rest, ",")))
        if (!strcmp(word, controller))
            return 1;
    return 0;
}

static int write_word(const char *folder, const char *file, const char *word)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int result = outcome(write(fd, word, strlen(word)));
    close(fd);
    return result;
}

static int in_root_group(const char *controller)
{
    char line[4096], *path;
    int found = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        char *names = strchr(line, ':');
        if (!names || !(path = strchr(++names, ':')))
            continue;
        *path++ = 0;
        struct bound tree = {.kind = "cgroup"};
        snprintf(tree.super, sizeof tree.super, "%s", names);
        path[strcspn(path, "\n")] = 0;
        /* in a cgroup namespace of our own the root is further up: /../.. */
        if (has_controller(&tree, controller))
            found = strspn(path, "/.") == strlen(path);
    }
    if (file)
        fclose(file);
    return found;
}

/* Into the topmost group that a tree in sight shows, with this child alone; it must be the tree's own root */
int leave(const char *controller)
{
    struct bound tree;
    int result = IN_VAIN;
    FILE *list = mounts();
    if (in_root_group(controller))
        return UNTRIED; /* nothing to leave */
    while (list && result && next_mount(list, "cgroup", &tree))
        if (has_controller(&tree, controller)) {
            int now = write_word(tree.target, "cgroup.procs", "0");
            if (now == 0 && !in_root_group(controller))
                now = IN_VAIN; /* that was our own, or one on the way */
            if (result == IN_VAIN || now == 0)
                result = now;
        }
    return result;
}

/* The file of its own limit, where it is the root of a tree in sight */
static int lift(const char *controller, const char *file, const char *word)
{
    struct bound tree;
    char path[600], before[64];
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, "cgroup", &tree))
        if (has_controller(&tree, controller)) {
            snprintf(path, sizeof path, "%s/%s", tree.target, file);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            ssize_t got = fd < 0 ? 0 : read(fd, before, sizeof before - 1);
            if (fd >= 0)
                close(fd);
            if (got <= 0)
                continue; /* the root of the whole tree has no such file, or it can't be read */
            int now = write_word(tree.target, file, word);
            if (result == IN_VAIN || now == 0)
                result = now;
        }
    return result;
}

static int none_left(const char *controller, const char *file, const char *word)
{
    int result = leave(controller);
    return result == 0 ? 0 : lift(controller, file, word) == 0 ? 0 : result;
}

static int memory(void)
{
    lift("memory", "memory.memsw.limit_in_bytes", "-1"); /* never below the other */
    return none_left("memory", "memory.limit_in_bytes", "-1");
}

static int cpu(void) { return none_left("cpu", "cpu.cfs_quota_us", "-1"); }

static int processes(void)
{
    int result = none_left("pids", "pids.max", "max");
    return result ? result : many_processes();
}

static int agent(void) /* what it says already: the right to write is asked for all the same */
{
    struct bound tree;
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, "cgroup", &tree)) {
        char path[300], text[4096] = "\n";
        snprintf(path, sizeof path, "%s/release_agent", tree.target);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            result = errno == ENOENT ? result : errno;
            continue;
        }
        if (pread(fd, text, sizeof text - 1, 0) <= 0)
            strcpy(text, "\n");
        result = outcome(pwrite(fd, text, strlen(text), 0));
        close(fd);
    }
    return result;
}

int made_after_leaving(mode_t kind, dev_t device, use_node *use)
{
    static const char path[] = "/dev/strata-left";
    int result = leave("devices");
    if (result)
        return result;
    unlink(path);
    if (mknod(path, kind | 0600, device) < 0)
        return errno;
    result = use(path);
    unlink(path);
    return result;
}

static int there_after_leaving(void)
{
    int result = leave("devices");
    return result ? result : any_disk();
}

static int just_open(const char *path) { return open_either(path); }
static int disk_after_leaving(void) { return made_after_leaving(S_IFBLK, makedev(7, 0), just_open); }
static int memory_after_leaving(void) { return made_after_leaving(S_IFCHR, makedev(1, 1), just_open); }

/* The same in a tree of our own: mounted here, attached nowhere, or in namespaces of our own */
static int fresh(const char *controller, const char *file, const char *word)
{
    int result;
    if (mount("strata", mount_place(), "cgroup", 0, controller) < 0)
        return errno;
    result = in_root_group(controller) ? UNTRIED : write_word(mount_place(), "cgroup.procs", "0");
    if (result == 0 && !in_root_group(controller)) /* the tree begins at our own group */
        result = write_word(mount_place(), file, word);
    umount2(mount_place(), MNT_DETACH);
    return result;
}

static int in_own_tree(const char *controller, const char *file, const char *word)
{
    int fs = (int)syscall(SYS_fsopen, "cgroup", 0);
    if (fs < 0 || syscall(SYS_fsconfig, fs, 0 /* FSCONFIG_SET_FLAG */, controller, NULL, 0) < 0
        || syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0)
        return errno;
    int tree = (int)syscall(SYS_fsmount, fs, 0, 0);
    if (tree < 0)
        return errno;
    if (fchdir(tree) < 0 || in_root_group(controller))
        return UNTRIED;
    int result = write_word(".", "cgroup.procs", "0");
    if (result == 0 && !in_root_group(controller))
        result = write_word(".", file, word);
    return result;
}

/* Root in a user namespace of our own: the files are the host's root's, and our number is still the same */
static int in_namespaces(const char *controller, const char *file, const char *word)
{
    char line[64];
    unsigned uid = geteuid();
    if (in_root_group(controller))
        return UNTRIED;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
        return errno;
    snprintf(line, sizeof line, "%u %u 1", uid, uid);
    int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        return errno;
    close(fd);
    return mount("strata", mount_place(), "cgroup", 0, controller) < 0 ? errno : write_word(mount_place(), file, word);
}

static int memory_fresh(void) { return fresh("memory", "memory.memsw.limit_in_bytes", "-1"); }
static int cpu_fresh(void) { return fresh("cpu", "cpu.cfs_quota_us", "-1"); }
static int pids_fresh(void) { return fresh("pids", "pids.max", "max"); }
static int memory_own(void) { return in_own_tree("memory", "memory.memsw.limit_in_bytes", "-1"); }
static int cpu_own(void) { return in_own_tree("cpu", "cpu.cfs_quota_us", "-1"); }
static int pids_own(void) { return in_own_tree("pids", "pids.max", "max"); }
static int memory_new(void) { return in_namespaces("memory", "memory.memsw.limit_in_bytes", "-1"); }
static int cpu_new(void) { return in_namespaces("cpu", "cpu.cfs_quota_us", "-1"); }
static int pids_new(void) { return in_namespaces("pids", "pids.max", "max"); }

const struct attempt GROUPS[] = {
    {"exhaust-memory", "own limit lifted", "write(cgroup.procs or memory.limit_in_bytes)", memory, SUCCESS},
    {"exhaust-cpu", "own limit lifted", "write(cgroup.procs or cpu.cfs_quota_us)", cpu, SUCCESS},
    {"fork-bomb", "own limit lifted", "write(cgroup.procs or pids.max), fork", processes, SUCCESS},
    {"exhaust-memory", "a tree mounted anew", "mount(cgroup), write", memory_fresh, SUCCESS},
    {"exhaust-cpu", "a tree mounted anew", "mount(cgroup), write", cpu_fresh, SUCCESS},
    {"fork-bomb", "a tree mounted anew", "mount(cgroup), write", pids_fresh, SUCCESS},
    {"exhaust-memory", "a tree never attached", "fsmount(cgroup), write", memory_own, SUCCESS},
    {"exhaust-cpu", "a tree never attached", "fsmount(cgroup), write", cpu_own, SUCCESS},
    {"fork-bomb", "a tree never attached", "fsmount(cgroup), write", pids_own, SUCCESS},
    {"exhaust-memory", "in new namespaces", "unshare, mount(cgroup), write", memory_new, SUCCESS},
    {"exhaust-cpu", "in new namespaces", "unshare, mount(cgroup), write", cpu_new, SUCCESS},
    {"fork-bomb", "in new namespaces", "unshare, mount(cgroup), write", pids_new, SUCCESS},
    {"cgroup-release-agent", "a tree bound in", "write(release_agent)", agent, SUCCESS},
    {"open-host-disk", "own group left", "write(cgroup.procs), mknod, open", disk_after_leaving, OPEN_IF(ENXIO)},
    {"open-host-memory-device", "own group left", "write(cgroup.procs), mknod, open", memory_after_leaving, SUCCESS},
    {"open-host-disk", "own group left, a node that is there", "write(cgroup.procs), open", there_after_leaving,
     OPEN_IF(ENXIO)},
    {0},
};
