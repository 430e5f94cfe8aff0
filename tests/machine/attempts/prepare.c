/* What the program does to itself before it says that it is ready: a word each, in the order in which they are given.
 * What follows a colon is for the word to read. */
#include "attempts.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
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
