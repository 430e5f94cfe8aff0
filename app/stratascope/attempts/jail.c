/* Ways out of a chroot: by changing the root directory again, by a directory outside, by a process outside. What lies
 * there are the container's own places; their names say what they are to the host (places.c). */
#include "attempts.h"
#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>

#define MANY 64

static int same(const struct stat *one, const struct stat *two)
{
    return one->st_dev == two->st_dev && one->st_ino == two->st_ino;
}

static void go_up(void)
{
    for (int count = 0; count < MANY; count++)
        if (chdir("..") < 0)
            return;
}

/* The working directory becomes the root directory of the container; 0 if it does */
static int outside(void)
{
    struct stat root, here;
    if (stat("/", &root) < 0)
        return errno;
    go_up();
    if (stat(".", &here) == 0 && !same(&root, &here))
        return 0;
    for (int fd = 3; fd < MANY; fd++)
        if (fchdir(fd) == 0) {
            go_up();
            if (stat(".", &here) == 0 && !same(&root, &here))
                return 0;
        }
    return EPERM;
}

int leave_chroot(void)
{
    if (!getenv("STRATA_CHROOT"))
        return ENOENT;
    if (chroot("/below") < 0)
        return errno;
    go_up();
    return chroot(".") < 0 ? errno : 0;
}

/* the root directory of a process outside, or a directory that it holds open */
static int beside(void)
{
    char path[64], name[32];
    struct stat its, mine;
    int result = IN_VAIN;
    for (int pid = 2; pid < 64 && result; pid++) {
        int handle = (int)syscall(SYS_pidfd_open, pid, 0), held = -1;
        for (int fd = 3; handle >= 0 && fd < 8 && result; fd++)
            if ((held = (int)syscall(SYS_pidfd_getfd, handle, fd, 0)) >= 0)
                result = fchdir(held) == 0 ? outside() : errno;
    }
    DIR *proc = result ? opendir("/proc") : NULL;
    struct dirent *entry;
    while (proc && result && (entry = readdir(proc))) {
        snprintf(path, sizeof path, "/proc/%.12s/comm", entry->d_name);
        int fd = entry->d_name[0] < '1' || entry->d_name[0] > '9' ? -1 : open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
        if (fd >= 0)
            close(fd);
        if (got < 15 || strncmp(name, "attempts-beside", 15))
            continue;
        snprintf(path, sizeof path, "/proc/%.12s/ns/mnt", entry->d_name);
        if (stat(path, &its) < 0 || stat("/proc/self/ns/mnt", &mine) < 0 || !same(&its, &mine))
            continue; /* another container's */
        snprintf(path, sizeof path, "/proc/%.12s/root", entry->d_name);
        result = outcome(chdir(path));
    }
    if (proc)
        closedir(proc);
    return result;
}

static int there(int (*look)(void))
{
    if (!getenv("STRATA_CHROOT"))
        return IN_VAIN;
    int result = leave_chroot() == 0 ? 0 : outside();
    if (result && beside() == 0)
        result = 0;
    return result ? result : look();
}

static int a_file(const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOENT ? IN_VAIN : errno;
    close(fd);
    return 0;
}

static int plain(void) { return a_file("plain"); }
static int system_place(void) { return a_file("system"); }
static int own_place(void) { return a_file("."); }
static int set_uid(void) { return access("plain", F_OK) == 0 ? may_plant("plain", 1) : may_plant("system", 1); }
static int pattern(void) { return open_only("hp/sys/kernel/core_pattern", O_WRONLY); }
static int a_setting(void) { return open_only("hp/sys/vm/overcommit_memory", O_WRONLY); }
static int a_program(void) { return open_only("hp/2/comm", O_RDONLY); }
static int proc(void) { return open("hp", O_RDONLY | O_DIRECTORY); }
static int of_containers(void) { return each_in(proc(), enter_if_container); }
static int of_users(void) { return each_in(proc(), enter_if_user); }
static int of_mine(void) { return each_in(proc(), enter_if_mine); }
static int of_roots(void) { return each_in(proc(), enter_if_roots); }

static int a_socket(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "engine.sock"};
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = made < 0 ? errno : outcome(connect(made, (struct sockaddr *)&to, sizeof to));
    if (made >= 0)
        close(made);
    return result == ENOENT ? IN_VAIN : result;
}

#define THERE(name, look) static int name##_there(void) { return there(look); }
THERE(plain, plain)
THERE(system, system_place)
THERE(own, own_place)
THERE(set_uid, set_uid)
THERE(pattern, pattern)
THERE(setting, a_setting)
THERE(program, a_program)
THERE(container, of_containers)
THERE(user, of_users)
THERE(mine, of_mine)
THERE(roots, of_roots)
THERE(socket, a_socket)

/* what a jail has itself: places in it, or that it is one */
static int in_jail(const char *name, const char *place)
{
    const char *folder = getenv("STRATA_CHROOT");
    if (!folder)
        return IN_VAIN;
    return a_file(!strncmp(folder, name, strlen(name)) ? "/" : place);
}

static int plain_here(void) { return in_jail("/plain", "/plain"); }
static int system_here(void) { return in_jail("/system", "/system"); }

static int set_uid_here(void)
{
    const char *folder = getenv("STRATA_CHROOT");
    if (!folder)
        return IN_VAIN;
    return !strncmp(folder, "/plain", 6) ? may_plant("/", 1) : access("/system", F_OK) ? IN_VAIN : may_plant("/system", 1);
}

const struct attempt JAILED[] = {
    {"write-host-files", "outside a chroot", "open(../plain, O_TMPFILE)", plain_there, SUCCESS},
    {"write-host-files", "outside a chroot, system", "open(../system, O_TMPFILE)", system_there, SUCCESS},
    {"write-host-files", "in a chroot", "open(plain, O_TMPFILE)", plain_here, SUCCESS},
    {"write-host-files", "in a chroot, system", "open(system, O_TMPFILE)", system_here, SUCCESS},
    {"plant-set-uid-on-host", "outside a chroot", "fchmod(../plain)", set_uid_there, SUCCESS},
    {"plant-set-uid-on-host", "in a chroot", "fchmod(plain)", set_uid_here, SUCCESS},
    {"change-host-system", "outside a chroot", "open(../system, O_TMPFILE)", system_there, SUCCESS},
    {"change-host-system", "in a chroot", "open(system, O_TMPFILE)", system_here, SUCCESS},
    {"change-host-system", "outside a chroot, core pattern", "open(../hp/sys/kernel/core_pattern)", pattern_there, SUCCESS},
    {"write-root-file-system", "outside a chroot", "open(.., O_TMPFILE)", own_there, SUCCESS},
    {"write-core-pattern", "outside a chroot", "open(../hp/sys/kernel/core_pattern)", pattern_there, SUCCESS},
    {"write-host-sysctl", "outside a chroot", "open(../hp/sys/vm/overcommit_memory)", setting_there, SUCCESS},
    {"see-host-processes", "outside a chroot", "open(../hp/2/comm)", program_there, SUCCESS},
    {"enter-foreign-process", "outside a chroot", "open(../hp/P/root)", container_there, SUCCESS},
    {"enter-host-user-process", "outside a chroot", "setresuid, open(../hp/P/root)", user_there, SUCCESS},
    {"enter-same-user-process", "outside a chroot", "open(../hp/P/root)", mine_there, SUCCESS},
    {"enter-host-process", "outside a chroot", "open(../hp/P/root)", roots_there, SUCCESS},
    {"use-engine-socket", "outside a chroot", "connect(../engine.sock)", socket_there, SUCCESS},
    {0},
};
