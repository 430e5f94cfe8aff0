/* Attempts through what of the host is bound in by a scenario. Its targets say what a place is to the host: below
 * /system lies what it runs as root, below /users what one of its users runs, below /plain neither; /handle-KIND stands
 * for its namespace. Nothing is written, and nothing with a name is created: a folder is asked for a file without one. */
#include "attempts.h"
#include <ftw.h>
#include <sys/mount.h>

static int (*wanted)(const char *path, int folder);
static int best;

/* The right to write there, also after changing the mode of what is one's own */
static int may_write(const char *path, int folder)
{
    struct stat found;
    if (!folder && stat(path, &found) == 0 && found.st_uid == geteuid() && !(found.st_mode & 0200)) {
        if (chmod(path, found.st_mode | 0200) < 0)
            return errno;
        int result = open_only(path, O_WRONLY | O_NOFOLLOW);
        chmod(path, found.st_mode);
        return result;
    }
    if (!folder)
        return open_only(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    int fd = open(path, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
        return 0;
    }
    if (errno != EOPNOTSUPP && errno != EISDIR)
        return errno;
    return outcome(syscall(439 /* faccessat2 */, AT_FDCWD, path, W_OK | X_OK, AT_EACCESS));
}

/* A set-uid file of the host's root */
int may_plant(const char *path, int folder)
{
    struct stat found;
    int fd = open(path, folder ? O_TMPFILE | O_WRONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    if (!folder && (fstat(fd, &found) < 0 || syscall(439, AT_FDCWD, path, W_OK, AT_EACCESS) < 0))
        return errno;
    if (!folder && found.st_uid != 0 && strncmp(path, "/plain", 6))
        return IN_VAIN; /* the machine's own: its owner stays */
    int result = (folder || found.st_uid != 0) && fchown(fd, 0, (gid_t)-1) < 0 ? errno : 0;
    if (result == 0 && fchmod(fd, folder ? 04755 : found.st_mode & 07777) < 0)
        result = errno;
    if (!folder && found.st_uid != 0 && fchown(fd, found.st_uid, (gid_t)-1) < 0)
        result = errno;
    close(fd);
    return result == 0 && !first_ids() ? IN_VAIN : result;
}

static int look(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)type;
    if (where->level > 3 || (!S_ISREG(about->st_mode) && !S_ISDIR(about->st_mode)))
        return 0;
    int now = wanted(path, S_ISDIR(about->st_mode));
    if (best == IN_VAIN || now == 0)
        best = now;
    return best == 0;
}

/* Below a bound /dev: where everybody may write, and nobody runs anything from */
static int everybodys(const char *place)
{
    const char *name = strrchr(place, '/');
    return name && (!strcmp(name, "/shm") || !strcmp(name, "/mqueue") || !strcmp(name, "/pts"));
}

static int below(const char *prefix, int (*right)(const char *, int))
{
    struct bound mount;
    FILE *list = mounts();
    wanted = right;
    best = IN_VAIN;
    while (list && best && next_mount(list, "", &mount))
        if (!strncmp(mount.target, prefix, strlen(prefix)) && !everybodys(mount.target))
            nftw(mount.target, look, 16, FTW_PHYS | FTW_MOUNT);
    return best;
}

static int system_places(void) { return below("/system", may_write); }
static int users_places(void) { return below("/users", may_write); }
static int plain_places(void) { return below("/plain", may_write); }
static int plant_system(void) { return below("/system", may_plant); }
static int plant_users(void) { return below("/users", may_plant); }
static int plant_plain(void) { return below("/plain", may_plant); }

/* The host's settings, without those that are of a namespace and so the container's own */
static int of_the_host(const char *path)
{
    static const char *const OWN[] = {"/net/", "/hostname", "/domainname", "/ns_last_pid", "/shm", "/msg", "/sem",
                                      "/mqueue/", "/user/", "/memfd_noexec", "/auto_msgmni", "/max_"};
    for (size_t number = 0; number < sizeof OWN / sizeof *OWN; number++)
        if (strstr(path, OWN[number]))
            return 0;
    return 1;
}

static int may_set(const char *path, int folder)
{
    return folder || !of_the_host(path) ? IN_VAIN : open_only(path, O_WRONLY | O_NONBLOCK);
}

static int settings(void) { return below("/settings", may_set); }

static int join(const char *place, int kind)
{
    int fd = open(place, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? IN_VAIN : outcome(setns(fd, kind));
}

static int joined_port(void)
{
    int result = join("/handle-net", CLONE_NEWNET);
    return result ? result : try_host_port();
}

static int joined_abstract(void)
{
    int result = join("/handle-net", CLONE_NEWNET);
    return result ? result : try_abstract();
}

static int joined_segment(void)
{
    int result = join("/handle-ipc", CLONE_NEWIPC);
    return result ? result : host_segment();
}

static int joined_agent(void)
{
    int result = join("/handle-cgroup", CLONE_NEWCGROUP);
    return result ? result : release_agent();
}

const struct attempt PLACED[] = {
    {"change-host-system", "a system place bound in", "open(O_TMPFILE, O_WRONLY)", system_places, SUCCESS},
    {"change-host-system", "a home bound in", "open(O_TMPFILE, O_WRONLY)", users_places, SUCCESS},
    {"write-host-files", "a system place bound in", "open(O_TMPFILE, O_WRONLY)", system_places, SUCCESS},
    {"write-host-files", "a home bound in", "open(O_TMPFILE, O_WRONLY)", users_places, SUCCESS},
    {"write-host-files", "a plain place bound in", "open(O_TMPFILE, O_WRONLY)", plain_places, SUCCESS},
    {"plant-set-uid-on-host", "a system place bound in", "fchown, fchmod", plant_system, SUCCESS},
    {"plant-set-uid-on-host", "a home bound in", "fchown, fchmod", plant_users, SUCCESS},
    {"plant-set-uid-on-host", "a plain place bound in", "fchown, fchmod", plant_plain, SUCCESS},
    {"write-host-sysctl", "a part of /proc/sys bound in", "open(O_WRONLY)", settings, SUCCESS},
    {"reach-host-network", "a namespace bound in", "setns, connect(127.0.0.1)", joined_port, SUCCESS},
    {"reach-abstract-sockets", "a namespace bound in", "setns, connect(abstract)", joined_abstract, SUCCESS},
    {"share-host-ipc", "a namespace bound in", "setns, shmget(host's key)", joined_segment, SUCCESS},
    {"cgroup-release-agent", "a namespace bound in", "setns, mount, open(release_agent)", joined_agent, SUCCESS},
    {0},
};
