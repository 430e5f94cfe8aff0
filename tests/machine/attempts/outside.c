/* Attempts on what is outside: programs of the host in sight, descriptors that lead there, a chroot. Where STRATA_HOST
 * lies, a folder of the host, is outside; the container's own files have no such path. */
#include "attempts.h"
#include <dirent.h>
#include <sys/ptrace.h>

#define FOLDERS 8

static int shows_host(int root) /* whether that is a root directory of the host's */
{
    struct stat found;
    char path[300];
    const char *place = getenv("STRATA_HOST");
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

static int enter_if_roots(int proc, const char *pid, int roots) { return roots ? enter(proc, pid, 1) : IN_VAIN; }

static int enter_if_mine(int proc, const char *pid, int roots)
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

static int enter_if_container(int proc, const char *pid, int roots) /* its root directory is neither ours nor the host's */
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

const struct attempt OUTSIDE[] = {
    {"enter-host-process", "any of root's", "open(/proc/P/root)", enter_any, SUCCESS},
    {"enter-same-user-process", "any", "open(/proc/P/root)", enter_own, SUCCESS},
    {"take-over-privileged-process", "any of root's", "open(/proc/P/mem)", take_over_any, SUCCESS},
    {"take-over-privileged-process", "any of root's, traced", "ptrace(PTRACE_SEIZE)", seize_any, SUCCESS},
    {"enter-foreign-process", "in any proc", "open(PROC/P/root)", enter_container, SUCCESS},
    {0},
};
