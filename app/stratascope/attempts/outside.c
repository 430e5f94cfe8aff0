/* Attempts on what is outside: programs of the host in sight, descriptors that lead there, a chroot. Where STRATA_HOST
 * lies, a folder of the host, is outside; the container's own files have no such path. */
#include "attempts.h"
#include <dirent.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#define FOLDERS 8

static int shows_host(int root) /* whether that is a root directory of the host's, or shows a folder of the host's */
{
    struct stat found;
    char path[300];
    const char *place = getenv("STRATA_HOST"), *identity = getenv("STRATA_ROOT");
    if (identity && fstat(root, &found) == 0) {
        snprintf(path, sizeof path, "%llu:%llu", (unsigned long long)found.st_dev, (unsigned long long)found.st_ino);
        if (!strcmp(path, identity))
            return 1;
    }
    if (!place)
        return 0;
    snprintf(path, sizeof path, "%s/of-the-host", place[0] == '/' ? place + 1 : place);
    return fstatat(root, path, &found, 0) == 0;
}

static int read_comm(int proc, const char *pid, char text[32])
{
    char path[64];
    snprintf(path, sizeof path, "%s/comm", pid);
    int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, 31);
    if (fd >= 0)
        close(fd);
    text[got > 0 ? got - 1 : 0] = 0;
    return got > 0;
}

/* the result of `look` for every program of the host in any proc in sight */
static int each_program(int (*look)(int proc, const char *pid, int roots))
{
    struct bound found;
    char text[32], folders[FOLDERS][256];
    int count = 0, result = IN_VAIN;
    FILE *list = mounts();
    while (list && count < FOLDERS && next_mount(list, "proc", &found))
        if (!strcmp(found.root, "/"))
            strcpy(folders[count++], found.target);
    if (list)
        fclose(list);
    for (int place = 0; place < count; place++) {
        struct stat first, about;
        DIR *folder = opendir(folders[place]);
        struct dirent *entry;
        if (!folder)
            continue;
        if (read_comm(dirfd(folder), "2", text) && !strcmp(text, "kthreadd") &&
            fstatat(dirfd(folder), "2", &first, 0) == 0)
            while (result && (entry = readdir(folder))) {
                if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || fstatat(dirfd(folder), entry->d_name, &about, 0))
                    continue;
                int now = look(dirfd(folder), entry->d_name, about.st_uid == first.st_uid);
                if (now >= 0 && (now == 0 || result < 0))
                    result = now;
            }
        closedir(folder);
    }
    return result;
}

static int enter(int proc, const char *pid, int wanted) /* opens its root directory */
{
    char path[64];
    snprintf(path, sizeof path, "%s/root", pid);
    int root = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return errno;
    int shown = wanted && shows_host(root);
    close(root);
    return shown ? 0 : IN_VAIN;
}

int enter_if_roots(int proc, const char *pid, int roots) { return roots ? enter(proc, pid, 1) : IN_VAIN; }

int enter_if_mine(int proc, const char *pid, int roots)
{
    struct stat about;
    if (fstatat(proc, pid, &about, 0) < 0 || (roots && about.st_uid != geteuid()))
        return IN_VAIN;
    return enter(proc, pid, 1);
}

static int write_if_roots(int proc, const char *pid, int roots)
{
    char path[64];
    int found = roots ? enter(proc, pid, 1) : IN_VAIN;
    if (found)
        return found;
    snprintf(path, sizeof path, "%s/mem", pid);
    int fd = openat(proc, path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

int enter_if_container(int proc, const char *pid, int roots) /* its root directory is neither ours nor the host's */
{
    char text[32], path[64];
    struct stat mine, its;
    (void)roots;
    if (!read_comm(proc, pid, text) || strncmp(text, "attempt", 7))
        return IN_VAIN;
    snprintf(path, sizeof path, "%s/root", pid);
    int root = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return errno;
    int other = stat("/", &mine) == 0 && fstat(root, &its) == 0 && mine.st_dev != its.st_dev && !shows_host(root);
    close(root);
    return other ? 0 : IN_VAIN;
}

static int as_its_user(void) /* of whatever is in its own /proc; keeps the capabilities that are not about files */
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    struct stat its;
    int result = IN_VAIN;
    while (folder && result && (entry = readdir(folder)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && fstatat(dirfd(folder), entry->d_name, &its, 0) == 0) {
            setfsgid(its.st_gid);
            setfsuid(its.st_uid);
            int now = enter_if_container(dirfd(folder), entry->d_name, 0);
            result = now >= 0 ? now : result;
        }
    if (folder)
        closedir(folder);
    return result;
}

/* stops nothing: it is only seized, and let go when we end; the programs of these names are the tests' own */
static int seize_if_roots(int proc, const char *pid, int roots)
{
    char text[32];
    if (!roots || !host_pids() || !read_comm(proc, pid, text) || strcmp(text, "attempts-root"))
        return IN_VAIN;
    return outcome(ptrace(PTRACE_SEIZE, atoi(pid), 0, 0));
}

static int enter_container(void) { return each_program(enter_if_container); }
static int seize_any(void) { return each_program(seize_if_roots); }
static int enter_any(void) { return each_program(enter_if_roots); }
static int enter_own(void) { return each_program(enter_if_mine); }
static int take_over_any(void) { return each_program(write_if_roots); }

/* the result of `look` for every descriptor of our own from 3 on */
static int each_descriptor(int (*look)(int fd, const struct stat *about))
{
    struct stat about;
    int result = IN_VAIN;
    for (int fd = 3; fd < 64 && result; fd++)
        if (fstat(fd, &about) == 0) {
            int now = look(fd, &about);
            if (now >= 0 && (now == 0 || result < 0))
                result = now;
        }
    return result;
}

/* open a path of the host's from the root of the mount namespace in which a directory was opened */
static int at_top(int fd, const struct stat *about, const char *path, int flags)
{
    int top = -1, found = -1, result = IN_VAIN;
    if (S_ISDIR(about->st_mode))
        top = openat(fd, "../../../../../../../../../../../..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top >= 0 && shows_host(top)) {
        found = openat(top, path, flags | O_CLOEXEC | O_NONBLOCK, 0600);
        result = found < 0 ? errno : 0;
        if (found >= 0 && flags & O_CREAT)
            unlinkat(top, path, 0);
    }
    if (found >= 0)
        close(found);
    if (top >= 0)
        close(top);
    return result;
}

static int write_there(int fd, const struct stat *about)
{
    char path[300];
    int flags = fcntl(fd, F_GETFL);
    if (S_ISREG(about->st_mode))
        return !(flags & O_PATH) && flags & O_APPEND ? 0 : IN_VAIN; /* so the tests open a file */
    snprintf(path, sizeof path, "%.250s/mounted/of-a-descriptor", getenv("STRATA_HOST") ? getenv("STRATA_HOST") + 1 : "");
    return at_top(fd, about, path, O_WRONLY | O_CREAT);
}

static int system_there(int fd, const struct stat *about)
{
    int result = at_top(fd, about, "etc/strata-attempts-of-a-descriptor", O_WRONLY | O_CREAT);
    if (result > 0)
        result = at_top(fd, about, "usr/strata-attempts-of-a-descriptor", O_WRONLY | O_CREAT);
    return result > 0 ? at_top(fd, about, "home/strata-test/.of-a-descriptor", O_WRONLY | O_CREAT) : result;
}

static int core_there(int fd, const struct stat *about)
{
    return at_top(fd, about, "proc/sys/kernel/core_pattern", O_WRONLY);
}

static int firmware_there(int fd, const struct stat *about)
{
    return at_top(fd, about, "sys/firmware", O_RDONLY | O_DIRECTORY);
}

static int disk_there(int fd, const struct stat *about) /* also after leaving its control group, whose rules deny it */
{
    char word[1];
    int groups, result;
    if (S_ISDIR(about->st_mode)) {
        result = at_top(fd, about, "dev/loop0", O_RDONLY);
        groups = openat(fd, "../../../../../../../../../../../../sys/fs/cgroup/devices/cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (result && groups >= 0 && write(groups, "0", 1) == 1)
            result = at_top(fd, about, "dev/loop0", O_RDONLY);
        if (groups >= 0)
            close(groups);
        return result;
    }
    return S_ISBLK(about->st_mode) && pread(fd, word, 1, 0) >= 0 ? 0 : IN_VAIN;
}

static int sysctl_there(int fd, const struct stat *about)
{
    return at_top(fd, about, "proc/sys/vm/overcommit_memory", O_WRONLY);
}

static int trace_there(int fd, const struct stat *about)
{
    return at_top(fd, about, "sys/kernel/tracing/tracing_on", O_WRONLY);
}

static int sysfs_there(int fd, const struct stat *about)
{
    return at_top(fd, about, "sys/kernel/rcu_expedited", O_WRONLY);
}

static int plant_there(int fd, const struct stat *about)
{
    char path[300];
    struct stat found;
    int result = IN_VAIN;
    if (!S_ISDIR(about->st_mode) || !getenv("STRATA_HOST"))
        return IN_VAIN;
    snprintf(path, sizeof path, "../../../../../../../../../..%.200s/mounted/marked", getenv("STRATA_HOST"));
    int file = openat(fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return errno;
    if (fchmod(file, 04755) < 0)
        result = errno;
    else if (fstat(file, &found) == 0 && found.st_mode & S_ISUID && found.st_uid == 0 && first_ids())
        result = 0;
    close(file);
    unlinkat(fd, path, 0);
    return result;
}

static int connect_there(int fd, const struct stat *about)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *engine = getenv("STRATA_ENGINE");
    if (!S_ISDIR(about->st_mode) || !engine)
        return IN_VAIN;
    int top = openat(fd, "../../../../../../../../../../../..", O_PATH | O_DIRECTORY);
    int length = snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d%s", top, engine);
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result = IN_VAIN;
    if (length < (int)sizeof to.sun_path && made >= 0)
        result = outcome(connect(made, (struct sockaddr *)&to, sizeof to));
    close(made);
    close(top);
    return result;
}

int each_in(int proc, int (*look)(int proc, const char *pid, int roots))
{
    struct stat first, its;
    struct dirent *entry;
    int result = IN_VAIN;
    DIR *folder = proc < 0 || fstatat(proc, "2", &first, 0) < 0 ? NULL : fdopendir(proc);
    while (folder && result && (entry = readdir(folder)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && fstatat(proc, entry->d_name, &its, 0) == 0) {
            int now = look(proc, entry->d_name, its.st_uid == first.st_uid);
            if (now >= 0 && (now == 0 || result < 0))
                result = now;
        }
    if (folder)
        closedir(folder);
    return result;
}

static int each_there(int fd, const struct stat *about, int (*look)(int proc, const char *pid, int roots))
{
    return S_ISDIR(about->st_mode)
               ? each_in(openat(fd, "../../../../../../../../../../../../proc", O_RDONLY | O_DIRECTORY), look)
               : IN_VAIN;
}

static int container_there(int fd, const struct stat *about) { return each_there(fd, about, enter_if_container); }
static int mine_there(int fd, const struct stat *about) { return each_there(fd, about, enter_if_mine); }
static int roots_there(int fd, const struct stat *about) { return each_there(fd, about, enter_if_roots); }

int enter_if_user(int proc, const char *pid, int roots)
{
    char text[32];
    struct stat its;
    (void)roots;
    if (!read_comm(proc, pid, text) || strcmp(text, "attempts-user") || fstatat(proc, pid, &its, 0) < 0)
        return IN_VAIN;
    if (geteuid() != 0)
        return EPERM;
    if (setresgid(its.st_gid, its.st_gid, its.st_gid) < 0 || setresuid(its.st_uid, its.st_uid, its.st_uid) < 0)
        return errno;
    return enter(proc, pid, 1);
}

static int user_there(int fd, const struct stat *about) { return each_there(fd, about, enter_if_user); }

static int sysctl_descriptor(void) { return each_descriptor(sysctl_there); }
static int trace_descriptor(void) { return each_descriptor(trace_there); }
static int sysfs_descriptor(void) { return each_descriptor(sysfs_there); }
static int plant_descriptor(void) { return each_descriptor(plant_there); }
static int connect_descriptor(void) { return each_descriptor(connect_there); }
static int container_descriptor(void) { return each_descriptor(container_there); }
static int mine_descriptor(void) { return each_descriptor(mine_there); }
static int roots_descriptor(void) { return each_descriptor(roots_there); }
static int user_descriptor(void) { return each_descriptor(user_there); }

/* The other end is the test's, which reads nothing */
static int terminal_there(int fd, const struct stat *about)
{
    return S_ISCHR(about->st_mode) && major(about->st_rdev) == 136 ? outcome(ioctl(fd, TIOCSTI, "#")) : IN_VAIN;
}
static int terminal_descriptor(void) { return each_descriptor(terminal_there); }

static int seen_there(int fd, const struct stat *about) { return at_top(fd, about, "proc/2/comm", O_RDONLY); }

static int write_descriptor(void) { return each_descriptor(write_there); }
static int system_descriptor(void) { return each_descriptor(system_there); }
static int core_descriptor(void) { return each_descriptor(core_there); }
static int disk_descriptor(void) { return each_descriptor(disk_there); }
static int firmware_descriptor(void) { return each_descriptor(firmware_there); }
static int see_descriptor(void) { return each_descriptor(seen_there); }

/* In a folder that is kept open although it is mounted no more: `unmount=` of prepare.c */
static int make_left(const char *name, mode_t mode)
{
    const char *left = getenv("STRATA_LEFT");
    if (!left)
        return IN_VAIN;
    int fd = openat(atoi(left), name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    if (fd < 0)
        return errno;
    struct stat found;
    int done = fchmod(fd, mode) == 0 && fstat(fd, &found) == 0 ? 0 : errno;
    if (!done && mode & S_ISUID && !(found.st_uid == 0 && found.st_mode & S_ISUID && first_ids()))
        done = IN_VAIN;
    unlinkat(atoi(left), name, 0);
    close(fd);
    return done;
}

static int write_left(void) { return make_left("strata-left", 0600); }
static int plant_left(void) { return make_left("strata-left-marked", 04755); }

const struct attempt OUTSIDE[] = {
    {"write-host-files", "an unmounted folder", "openat(fd, x, O_CREAT)", write_left, SUCCESS},
    {"plant-set-uid-on-host", "an unmounted folder", "fchmod(04755)", plant_left, SUCCESS},
    {"enter-host-process", "any of root's", "open(/proc/P/root)", enter_any, SUCCESS},
    {"enter-same-user-process", "any", "open(/proc/P/root)", enter_own, SUCCESS},
    {"take-over-privileged-process", "any of root's", "open(/proc/P/mem)", take_over_any, SUCCESS},
    {"take-over-privileged-process", "any of root's, traced", "ptrace(PTRACE_SEIZE)", seize_any, SUCCESS},
    {"enter-foreign-process", "as its user", "setfsuid, open(/proc/P/root)", as_its_user, SUCCESS},
    {"enter-foreign-process", "in any proc", "open(PROC/P/root)", enter_container, SUCCESS},
    {"write-host-files", "a descriptor", "openat(fd, x, O_CREAT)", write_descriptor, SUCCESS},
    {"change-host-system", "a descriptor", "openat(fd, etc/x, O_CREAT)", system_descriptor, SUCCESS},
    {"write-core-pattern", "a descriptor", "openat(fd, core_pattern)", core_descriptor, SUCCESS},
    {"write-host-sysctl", "a descriptor", "openat(fd, overcommit_memory)", sysctl_descriptor, SUCCESS},
    {"trace-with-tracefs", "a descriptor", "openat(fd, tracing_on)", trace_descriptor, SUCCESS},
    {"write-sysfs", "a descriptor", "openat(fd, rcu_expedited)", sysfs_descriptor, SUCCESS},
    {"plant-set-uid-on-host", "a descriptor", "fchmod(04755)", plant_descriptor, SUCCESS},
    {"use-engine-socket", "a descriptor", "connect(/proc/self/fd/N/...)", connect_descriptor, SUCCESS},
    {"enter-foreign-process", "a descriptor", "openat(fd, proc/P/root)", container_descriptor, SUCCESS},
    {"enter-same-user-process", "a descriptor", "openat(fd, proc/P/root)", mine_descriptor, SUCCESS},
    {"enter-host-process", "a descriptor", "openat(fd, proc/P/root)", roots_descriptor, SUCCESS},
    {"enter-host-user-process", "a descriptor", "openat(fd, proc/P/root)", user_descriptor, SUCCESS},
    {"open-host-disk", "a descriptor", "read(fd)", disk_descriptor, OPEN_IF(ENXIO)},
    {"type-into-terminal", "a descriptor", "ioctl(fd, TIOCSTI)", terminal_descriptor, SUCCESS},
    {"read-firmware", "a descriptor", "openat(fd, sys/firmware)", firmware_descriptor, SUCCESS},
    {"see-host-processes", "a descriptor", "openat(fd, proc/2/comm)", see_descriptor, SUCCESS},
    {0},
};
