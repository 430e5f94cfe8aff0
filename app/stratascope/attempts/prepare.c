/* What the program does to itself before it says that it is ready: a word each, in the order in which they are given.
 * What follows a colon is for the word to read. */
#include "attempts.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

/* unshare: a seccomp filter of its own, that denies unshare and ptrace on x86_64 only */
static int own_filter(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    ssize_t done = write(file, text, strlen(text));
    close(file);
    return done < 0 ? -1 : 0;
}

#define CHANGE_ROOT 18 /* CAP_SYS_CHROOT */

static const char *further = "";
static pid_t below; /* the first process of a PID namespace of our own, which does everything in our place */

static void pass_on(int number) { kill(below, number); }

static int let_a_child_do_it(void)
{
    sigset_t passed;
    int status = 0;
    sigemptyset(&passed);
    sigaddset(&passed, SIGUSR1);
    sigaddset(&passed, SIGTERM);
    sigprocmask(SIG_BLOCK, &passed, NULL); /* for the child, until it waits for them */
    below = fork();
    if (below <= 0)
        return (int)below;
    signal(SIGUSR1, pass_on);
    signal(SIGTERM, pass_on);
    sigprocmask(SIG_UNBLOCK, &passed, NULL);
    prctl(PR_SET_NAME, "attempts-ready");
    while (waitpid(below, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* userns: a user namespace of its own, in which its own id is root; `userns:mnt,pid,net,ipc,uts,cgroup` with such ones,
 * too; with `same` its id stays what it is, with `none` it has no map at all */
static int own_user_namespace(void)
{
    static const struct {
        const char *name;
        int flag;
    } KINDS[] = {{"mnt", CLONE_NEWNS},  {"pid", CLONE_NEWPID}, {"net", CLONE_NEWNET},
                 {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}};
    char uids[32], gids[32];
    int flags = CLONE_NEWUSER, same = strstr(further, "same") != NULL;
    for (size_t kind = 0; kind < sizeof KINDS / sizeof *KINDS; kind++)
        flags |= strstr(further, KINDS[kind].name) ? KINDS[kind].flag : 0;
    snprintf(uids, sizeof uids, "%u %u 1", same ? geteuid() : 0, geteuid());
    snprintf(gids, sizeof gids, "%u %u 1", same ? getegid() : 0, getegid());
    if (unshare(flags) < 0)
        return -1;
    if (!strstr(further, "none")
        && (write_text("/proc/self/setgroups", "deny") < 0 || write_text("/proc/self/uid_map", uids) < 0
            || write_text("/proc/self/gid_map", gids) < 0))
        return -1;
    return flags & CLONE_NEWPID ? let_a_child_do_it() : 0;
}

/* mountns: a mount namespace of its own */
static int own_mount_namespace(void)
{
    return unshare(CLONE_NEWNS);
}

/* descriptors: what a program of the host's sends through the socket at /descriptors, kept open until we end */
static int take_descriptors(void)
{
    char data[1], room[CMSG_SPACE(16 * sizeof(int))];
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/descriptors/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || recvmsg(fd, &message, 0) < 1)
        return -1;
    struct cmsghdr *sent = CMSG_FIRSTHDR(&message);
    return sent && sent->cmsg_type == SCM_RIGHTS ? close(fd) : -1;
}

static int copied(const char *folder, const char *name)
{
    char path[200], data[1 << 16];
    struct stat about;
    ssize_t got;
    snprintf(path, sizeof path, "/%s", name);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return 0; /* this image has none */
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (access(path, F_OK) == 0)
        return close(from); /* the image has it */
    int to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700), done = to < 0 ? -1 : fstat(from, &about);
    while (done == 0 && (got = read(from, data, sizeof data)) > 0)
        done = write(to, data, (size_t)got) == got ? 0 : -1;
    if (done == 0 && fchown(to, about.st_uid, about.st_gid) == 0)
        done = fchmod(to, about.st_mode & 07777);
    close(from);
    close(to);
    return done;
}

/* What attempts look for in a root directory */
static int furnished(const char *folder)
{
    static const char *const FOLDERS[] = {"below", "mnt", "tmp", "closed"};
    static const char *const FILES[] = {"attempts", "suid-root", "suid-app", "suid-foreign", "sealed", "foreign",
                                        "closed/secret"};
    char path[200];
    if (access(folder, W_OK) < 0)
        return 0;
    for (size_t place = 0; place < sizeof FOLDERS / sizeof *FOLDERS; place++) {
        snprintf(path, sizeof path, "%s/%s", folder, FOLDERS[place]);
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
            return -1;
    }
    for (size_t place = 0; place < sizeof FILES / sizeof *FILES; place++)
        if (copied(folder, FILES[place]) < 0)
            return -1;
    return chown(path, FOREIGN, FOREIGN) == 0 ? chmod(path, 0700) : 0; /* closed */
}

static int lay_down(void) /* for good, what it takes to change the root directory */
{
    struct { unsigned version; int pid; } head = {0x20080522, 0};
    struct { unsigned effective, permitted, inheritable; } sets[2];
    if (syscall(SYS_capget, &head, sets) < 0)
        return -1;
    sets[0].effective &= ~(1u << CHANGE_ROOT);
    sets[0].permitted &= ~(1u << CHANGE_ROOT);
    sets[0].inheritable &= ~(1u << CHANGE_ROOT);
    return (int)syscall(SYS_capset, &head, sets);
}

static int turn[2] = {-1, -1}, done[2] = {-1, -1};

int let_beside_try(void)
{
    char word = 0;
    return turn[1] >= 0 && write(turn[1], "x", 1) == 1 && read(done[0], &word, 1) == 1;
}

static int leave_a_process(void) /* outside, with no more rights than we will have, and a directory open */
{
    char word;
    if (pipe2(turn, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "attempts-beside");
        if (lay_down() < 0 || open("/", O_RDONLY | O_DIRECTORY) < 0)
            _exit(1);
        prctl(PR_SET_DUMPABLE, 1);
        if (read(turn[0], &word, 1) == 1) {
            try_all(", beside");
            _exit(write(done[1], "x", 1) == 1 ? 0 : 1);
        }
        _exit(1);
    }
    return pid < 0 ? -1 : 0;
}

/* FOLDER[,stay][,open][,locked][,beside]: a chroot there. `stay`: its working directory is outside; `open`: so is a
 * directory that it holds open; `locked`: it lays down what leads out; `beside`: a process is left outside */
static int chrooted(const char *text)
{
    char folder[128];
    int first = first_ids();
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(text, ","), text);
    if ((mkdir(folder, 0755) < 0 && errno != EEXIST) || furnished(folder) < 0)
        return -1;
    if (strstr(text, ",open") && open("/", O_RDONLY | O_DIRECTORY) < 0)
        return -1;
    if (strstr(text, ",locked") && prctl(PR_CAPBSET_DROP, CHANGE_ROOT, 0, 0, 0) < 0)
        return -1;
    if (strstr(text, ",beside") && leave_a_process() < 0)
        return -1;
    if (chdir(strstr(text, ",stay") ? "/" : folder) < 0 || chroot(folder) < 0)
        return -1;
    if (strstr(text, ",locked") && lay_down() < 0)
        return -1;
    return setenv("STRATA_CHROOT", folder, 1) || setenv("STRATA_FIRST", first ? "1" : "0", 1);
}

/* PLACE[,working][,alone]: a folder there is held open, or is the working directory, and what is mounted is taken away;
 * with `alone` in a mount namespace of our own, whose forerunner is gone then */
static int unmounted(const char *text)
{
    char folder[128], number[16];
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(text, ","), text);
    int fd = strstr(text, ",working") ? AT_FDCWD : open(folder, O_RDONLY | O_DIRECTORY);
    if (fd == AT_FDCWD ? chdir(folder) < 0 : fd < 0)
        return -1;
    snprintf(number, sizeof number, "%d", fd);
    if (setenv("STRATA_LEFT", number, 1) < 0)
        return -1;
    if (strstr(text, ",alone") && unshare(CLONE_NEWNS) < 0)
        return -1;
    return umount2(folder, MNT_DETACH);
}

static const struct {
    const char *word;
    int (*run)(void);
} PREPARATIONS[] = {
    {"unshare", own_filter},
    {"userns", own_user_namespace},
    {"mountns", own_mount_namespace},
    {"descriptors", take_descriptors},
    {"no-capabilities", without_capabilities},
};

static const struct {
    const char *word; /* with what follows it */
    int (*run)(const char *rest);
} WITH_WORDS[] = {
    {"landlock=", landlocked},
    {"securebits=", securebits},
    {"chroot=", chrooted},
    {"unmount=", unmounted},
};

int prepare(const char *word)
{
    size_t length = strcspn(word, ":");
    further = word[length] ? word + length + 1 : "";
    for (size_t number = 0; number < sizeof PREPARATIONS / sizeof *PREPARATIONS; number++)
        if (!strncmp(word, PREPARATIONS[number].word, length) && !PREPARATIONS[number].word[length])
            return PREPARATIONS[number].run();
    for (size_t number = 0; number < sizeof WITH_WORDS / sizeof *WITH_WORDS; number++)
        if (!strncmp(word, WITH_WORDS[number].word, strlen(WITH_WORDS[number].word)))
            return WITH_WORDS[number].run(word + strlen(WITH_WORDS[number].word));
    errno = EINVAL;
    return -1;
}
