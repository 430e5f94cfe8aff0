/* Attempts through what of the host is bound into the container: its proc, its trees of control groups, sockets, nodes.
 *
 * The places are found as an attacker finds them, in /proc/self/mountinfo and by looking into folders. */
#include "attempts.h"
#include <dirent.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

/* The next mount whose type begins so; 0 at the end of the list */
int next_mount(FILE *list, const char *kind, struct bound *found)
{
    char line[4096];
    while (fgets(line, sizeof line, list)) {
        char *tail = strstr(line, " - ");
        if (tail && sscanf(line, "%*d %*d %*s %255s %255s", found->root, found->target) == 2
            && sscanf(tail, " - %31s %*s %255s", found->kind, found->super) == 2
            && !strncmp(found->kind, kind, strlen(kind)))
            return 1;
    }
    return 0;
}

FILE *mounts(void) { return fopen("/proc/self/mountinfo", "re"); }

/* A place elsewhere than /proc that shows the host's processes: its second one is kthreadd */
static const char *host_proc(void)
{
    static struct bound found;
    char path[300];
    FILE *list = mounts();
    while (list && next_mount(list, "proc", &found)) {
        snprintf(path, sizeof path, "%s/2/comm", found.target);
        if (strncmp(found.target, "/proc", 5) && says(path, "kthreadd"))
            return found.target;
    }
    return NULL;
}

static const char *host_process(const char *name)
{
    static char path[400];
    const char *place = host_proc();
    DIR *folder = place ? opendir(place) : NULL;
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof path, "%s/%s/comm", place, entry->d_name);
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && says(path, name)) {
            snprintf(path, sizeof path, "%s/%s", place, entry->d_name);
            return path;
        }
    }
    return NULL;
}

static int open_root_of(const char *process)
{
    char path[420];
    snprintf(path, sizeof path, "%s/root", process);
    return open_only(path, O_RDONLY | O_DIRECTORY);
}

/* The directory of the host's first process, bound in alone */
static int see_first(void)
{
    static struct bound found;
    char path[300];
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, "proc", &found)) {
        if (strcmp(found.root, "/1"))
            continue;
        snprintf(path, sizeof path, "%s/comm", found.target);
        result = open_only(path, O_RDONLY);
    }
    return result;
}

static int see_host(void) { return host_proc() ? 0 : IN_VAIN; }

static int enter_host(void)
{
    char path[300];
    const char *place = host_proc();
    if (!place)
        return IN_VAIN;
    snprintf(path, sizeof path, "%s/2", place);
    return open_root_of(path);
}

static int enter_foreign(void)
{
    const char *process = host_process("attempts-peer");
    return process ? open_root_of(process) : IN_VAIN;
}

static int enter_weak(void)
{
    const char *process = host_process("attempts-weak");
    return process ? open_root_of(process) : IN_VAIN;
}

static int enter_user(void) /* as root: become that user, and keep the door open for when one is root again */
{
    struct stat found;
    const char *process = host_process("attempts-user");
    if (!process || stat(process, &found) < 0)
        return IN_VAIN;
    if (geteuid() != 0)
        return EPERM;
    if (getegid() != found.st_gid && setresgid(found.st_gid, found.st_gid, found.st_gid) < 0)
        return errno;
    if (geteuid() != found.st_uid && setresuid(found.st_uid, found.st_uid, found.st_uid) < 0)
        return errno;
    return open_root_of(process);
}

static int enter_same(void)
{
    struct stat found;
    const char *process = host_process("attempts-user");
    if (!process || stat(process, &found) < 0)
        return IN_VAIN;
    if (geteuid() == 0)
        return enter_host();
    if (geteuid() != found.st_uid || getegid() != found.st_gid)
        return EPERM;
    return open_root_of(process);
}

/* A file of proc or sysfs through any mount elsewhere that shows it; EROFS and EACCES are the kernel's */
static int elsewhere(const char *kind, const char *usual, const char *path, int flags)
{
    struct bound found;
    char place[600];
    int result = IN_VAIN;
    FILE *list = mounts();
    while (list && result && next_mount(list, kind, &found)) {
        char shown[300];
        size_t length;
        snprintf(shown, sizeof shown, "%s%s", usual, strcmp(found.root, "/") ? found.root : "");
        length = strlen(shown);
        if (strcmp(found.kind, kind) || !strncmp(found.target, usual, strlen(usual)) || strncmp(path, shown, length)
            || (path[length] && path[length] != '/'))
            continue;
        snprintf(place, sizeof place, "%s%s", found.target, path + length);
        result = open_only(place, flags);
    }
    return result;
}

static int core_pattern(void) { return elsewhere("proc", "/proc", "/proc/sys/kernel/core_pattern", O_WRONLY); }
static int sysrq(void) { return elsewhere("proc", "/proc", "/proc/sysrq-trigger", O_WRONLY); }
static int sysfs(void) { return elsewhere("sysfs", "/sys", "/sys/kernel/rcu_expedited", O_WRONLY); }

static int sysctl(void)
{
    int result = elsewhere("proc", "/proc", "/proc/sys/kernel/modprobe", O_WRONLY);
    return result == 0 ? 0 : elsewhere("proc", "/proc", "/proc/sys/vm/overcommit_memory", O_WRONLY);
}

static int firmware(void) { return elsewhere("sysfs", "/sys", "/sys/firmware", O_RDONLY | O_DIRECTORY); }

/* Files of the host in any folder that is bound in; whose it is in the end, the map of ids says */
static int first_ids_in(const char *path)
{
    unsigned first = 1, outside = 1, length = 0;
    FILE *map = fopen(path, "re");
    int numbers = map ? fscanf(map, "%u %u %u", &first, &outside, &length) : 0;
    if (map)
        fclose(map);
    return numbers == 3 && first == 0 && outside == 0;
}

int first_ids(void)
{
    const char *known = getenv("STRATA_FIRST"); /* without a /proc */
    return known ? *known == '1' : first_ids_in("/proc/self/uid_map");
}

static int write_in(int planting)
{
    static const char *const PLACES[] = {"/nodes", "/links", "/host-run", "/trees", "/seen", "/host-sys", "/sys",
                                         "/looks", "/dev/shm", "/host-dev", "/host-shm"};
    const char *trees = getenv("STRATA_TREES");
    struct bound mount;
    FILE *list = mounts();
    int result = IN_VAIN;
    while (list && result && next_mount(list, "", &mount)) {
        char path[300];
        struct stat found;
        int known = 0;
        for (size_t place = 0; place < sizeof PLACES / sizeof *PLACES; place++)
            known |= !strncmp(mount.target, PLACES[place], strlen(PLACES[place]));
        if (!known || strstr("proc sysfs cgroup2 devpts mqueue securityfs debugfs", mount.kind)
            || stat(mount.target, &found) < 0 || !S_ISDIR(found.st_mode))
            continue;
        if (!strncmp(mount.target, "/sys", 4) && (!trees || found.st_dev != (dev_t)strtoull(trees, NULL, 10)))
            continue; /* the container's own */
        if (!strcmp(mount.target, "/dev/shm") && !getenv("STRATA_SHM"))
            continue; /* the container's own, or that of an engine which has one of its own */
        snprintf(path, sizeof path, "%s/strata-new", mount.target);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        result = fd < 0 ? errno : 0;
        if (fd >= 0 && planting && (fchown(fd, 0, (gid_t)-1) < 0 || fchmod(fd, 04755) < 0))
            result = errno;
        else if (fd >= 0 && planting && (fstat(fd, &found) < 0 || !(found.st_mode & S_ISUID) || !first_ids()))
            result = IN_VAIN;
        if (fd >= 0)
            close(fd);
        unlink(path);
    }
    return result;
}

static int write_host(void) { return write_in(0); }
static int plant(void) { return write_in(1); }

/* A process called so in our own PID namespace */
static const char *neighbour(const char *name)
{
    static char path[64];
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        snprintf(path, sizeof path, "/proc/%.16s/comm", entry->d_name);
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && says(path, name)) {
            snprintf(path, sizeof path, "/proc/%.16s", entry->d_name);
            return path;
        }
    }
    return NULL;
}

/* A privileged container's process: to write its memory is to run our code with its powers */
static int take_over(void)
{
    char path[400], line[256];
    unsigned long long held = 0;
    const char *strong = neighbour("attempts-strong");
    if (!strong)
        strong = host_process("attempts-strong");
    if (!strong || !first_ids())
        return IN_VAIN;
    snprintf(path, sizeof path, "%.380s/status", strong);
    FILE *status = fopen(path, "re");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "CapEff: %llx", &held);
    if (status)
        fclose(status);
    snprintf(path, sizeof path, "%.380s/uid_map", strong);
    if (!(held & 1ULL << 21) || !first_ids_in(path)) /* CAP_SYS_ADMIN, over the machine */
        return IN_VAIN;
    snprintf(path, sizeof path, "%.380s/mem", strong);
    return open_only(path, O_RDWR);
}

static int enter_strong(void)
{
    const char *strong = neighbour("attempts-strong");
    return strong ? open_root_of(strong) : IN_VAIN;
}

/* Sockets and nodes by what they are, wherever they lie */
static int wanted_kind, best;

static int look(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)type;
    if (where->level > 4 || (int)(about->st_mode & S_IFMT) != wanted_kind)
        return 0;
    int now = IN_VAIN;
    if (wanted_kind == S_IFBLK) {
        now = open_either(path);
    } else {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || strlen(path) >= sizeof to.sun_path)
            return 0;
        strcpy(to.sun_path, path);
        now = outcome(connect(fd, (struct sockaddr *)&to, sizeof to));
        close(fd);
    }
    if (best == IN_VAIN || now == 0)
        best = now;
    return best == 0;
}

static int search(int kind)
{
    static const char *const PLACES[] = {"/nodes", "/dev", "/seen/dev", "/host-run", "/links",
                                         "/one.sock"};
    char seen[256] = "/seen";
    wanted_kind = kind;
    best = IN_VAIN;
    for (int place = 0; place < 6 && best; place++)
        nftw(PLACES[place], look, 16, FTW_PHYS);
    if (kind == S_IFSOCK && best && getenv("STRATA_ENGINE")) { /* its place on the host */
        snprintf(seen, sizeof seen, "/seen%s", getenv("STRATA_ENGINE"));
        nftw(seen, look, 16, FTW_PHYS);
    }
    return best;
}

int any_disk(void) { return search(S_IFBLK); }
static int any_socket(void) { return search(S_IFSOCK); }

const struct attempt REACH[] = {
    {"see-host-processes", "the host's proc bound in", "read(comm)", see_host, SUCCESS},
    {"see-host-processes", "its first process bound in", "read(comm)", see_first, SUCCESS},
    {"enter-host-process", "the host's proc bound in", "open(PLACE/2/root)", enter_host, SUCCESS},
    {"enter-foreign-process", "the host's proc bound in", "open(PLACE/P/root)", enter_foreign, SUCCESS},
    {"enter-foreign-process", "a weak one, the host's proc bound in", "open(PLACE/P/root)", enter_weak, SUCCESS},
    {"enter-same-user-process", "the host's proc bound in", "open(PLACE/P/root)", enter_same, SUCCESS},
    {"enter-host-user-process", "the host's proc bound in", "setresuid, open(PLACE/P/root)", enter_user, SUCCESS},
    {"write-core-pattern", "the host's proc bound in", "open(core_pattern)", core_pattern, SUCCESS},
    {"change-host-system", "the host's proc bound in", "open(core_pattern)", core_pattern, SUCCESS},
    {"trigger-sysrq", "the host's proc bound in", "open(sysrq-trigger)", sysrq, SUCCESS},
    {"write-sysfs", "the host's sysfs bound in", "open(rcu_expedited)", sysfs, SUCCESS},
    {"write-host-sysctl", "the host's proc bound in", "open(modprobe)", sysctl, SUCCESS},
    {"read-firmware", "the host's sysfs bound in", "open(firmware)", firmware, SUCCESS},
    {"write-host-files", "any folder", "open(O_CREAT)", write_host, SUCCESS},
    {"plant-set-uid-on-host", "any folder", "fchown, fchmod", plant, SUCCESS},
    {"take-over-privileged-process", "direct", "open(/proc/P/mem)", take_over, SUCCESS},
    {"enter-foreign-process", "a strong one", "open(/proc/P/root)", enter_strong, SUCCESS},
    {"open-host-disk", "a node of any name", "open(any block device)", any_disk, OPEN_IF(ENXIO)},
    {"use-engine-socket", "any place", "connect(any socket)", any_socket, SUCCESS},
    {0},
};
