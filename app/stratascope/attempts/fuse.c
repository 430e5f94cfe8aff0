/* A file system of our own, served by nobody, at which programs of the host would hang. It is there for a moment only. */
#include "attempts.h"
#include <dirent.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

static int newer_calls;

static int by_newer_calls(const char *device, int fd)
{
    char number[16];
    int made = (int)syscall(SYS_fsopen, "fuse", 0);
    (void)device;
    snprintf(number, sizeof number, "%d", fd);
    if (made < 0 || syscall(SYS_fsconfig, made, 1 /* FSCONFIG_SET_STRING */, "fd", number, 0) < 0
        || syscall(SYS_fsconfig, made, 1, "rootmode", "40000", 0) < 0)
        return errno;
    snprintf(number, sizeof number, "%u", (unsigned)getuid());
    if (syscall(SYS_fsconfig, made, 1, "user_id", number, 0) < 0)
        return errno;
    snprintf(number, sizeof number, "%u", (unsigned)getgid());
    if (syscall(SYS_fsconfig, made, 1, "group_id", number, 0) < 0
        || syscall(SYS_fsconfig, made, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0) < 0
        || syscall(SYS_fsmount, made, 0, 0) < 0)
        return errno;
    return 0;
}

static int served(const char *device)
{
    char options[128];
    int result, fd = open(device, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fd = open(device, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    if (newer_calls) {
        result = by_newer_calls(device, fd);
    } else {
        snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other", fd,
                 (unsigned)getuid(), (unsigned)getgid());
        result = outcome(mount("strata-attempt", mount_place(), "fuse", MS_NOSUID | MS_NODEV, options));
        if (result == 0)
            umount2(mount_place(), MNT_DETACH);
    }
    close(fd);
    /* the host's programs do not go into one of another user namespace */
    return result == 0 && !first_users() ? IN_VAIN : result;
}

static int best;

static int try_node(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)type;
    if (where->level > 3 || !S_ISCHR(about->st_mode) || about->st_rdev != makedev(10, 229))
        return 0;
    best = served(path);
    return best == 0;
}

static int there(void)
{
    best = IN_VAIN;
    nftw("/dev", try_node, 16, FTW_PHYS);
    return best;
}

static int made(void)
{
    static const char path[] = "/dev/strata-fuse";
    unlink(path);
    if (mknod(path, S_IFCHR | 0600, makedev(10, 229)) < 0)
        return errno;
    int result = served(path);
    unlink(path);
    return result;
}

static int opened_by_mount(void) { return device_by_mount(S_IFCHR, makedev(10, 229), served); }
static int opened_by_tree(void) { return device_by_tree(S_IFCHR, makedev(10, 229), served); }
static int there_as_node(const char *path)
{
    (void)path;
    return there();
}
static int there_by_mount(void) { return device_by_mount(0, 0, there_as_node); }
static int there_by_tree(void) { return device_by_tree(0, 0, there_as_node); }
static int left(void) { return made_after_leaving(S_IFCHR, makedev(10, 229), served); }
static int there_left(void)
{
    int result = leave("devices");
    return result ? result : there();
}

#define NEWER(name)                                                                                                    \
    static int name##_newer(void)                                                                                      \
    {                                                                                                                  \
        newer_calls = 1;                                                                                               \
        return name();                                                                                                 \
    }

NEWER(there)
NEWER(made)
NEWER(opened_by_tree)

const struct attempt FUSE[] = {
    {"serve-file-system", "a node that is there", "open(/dev/fuse), mount(fuse)", there, SUCCESS},
    {"serve-file-system", "a node that is there, the newer calls", "open(/dev/fuse), fsopen(fuse)", there_newer, SUCCESS},
    {"serve-file-system", "mknod", "mknod(10:229), mount(fuse)", made, SUCCESS},
    {"serve-file-system", "mknod, the newer calls", "mknod(10:229), fsopen(fuse)", made_newer, SUCCESS},
    {"serve-file-system", "own rules opened", "mount(cgroup, devices), write, mount(fuse)", opened_by_mount, SUCCESS},
    {"serve-file-system", "own rules opened by fsmount", "fsmount(cgroup), write, mount(fuse)", opened_by_tree, SUCCESS},
    {"serve-file-system", "own rules opened, the newer calls", "fsmount(cgroup), fsopen(fuse)", opened_by_tree_newer,
     SUCCESS},
    {"serve-file-system", "there, own rules opened", "mount(cgroup, devices), write, mount(fuse)", there_by_mount, SUCCESS},
    {"serve-file-system", "there, own rules opened by fsmount", "fsmount(cgroup), write, mount(fuse)", there_by_tree,
     SUCCESS},
    {"serve-file-system", "after leaving its group", "write(cgroup.procs), mknod, mount(fuse)", left, SUCCESS},
    {"serve-file-system", "there, after leaving its group", "write(cgroup.procs), mount(fuse)", there_left, SUCCESS},
    {0},
};
