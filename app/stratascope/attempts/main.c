/* attempts: tries what a compromised process might try, and prints what the kernel said, a JSON object a line.
 *
 *   attempts wait [WORD…]    prepares itself (prepare.c), says that it is ready, waits for SIGUSR1, tries everything
 *   attempts now [WORD…]     tries everything at once
 *   attempts copy [WORD…]    is the first process of a copy of a container (copy.c)
 *   attempts place WORD…     tries at once what changes nothing, among processes that run (copy.c)
 *   attempts peer [WORD]     does nothing: a process of another container; `other`: of another user in this one;
 *                            `user`: of an ordinary user of the host; `weak`: of a container that may do nothing */
#include "attempts.h"
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>

#define SECONDS 10

static int in_vain; /* what was told last */

static const char *word_of(int value, const int *open, int *number)
{
    *number = value > 0 ? value : 0;
    in_vain = value == IN_VAIN;
    if (value == 0)
        return "open";
    if (value == UNTRIED)
        return "untried";
    for (; value > 0 && *open; open++)
        if (*open == value)
            return "open";
    return "stopped";
}

static const char *wanted = NULL; /* threats, each between commas; NULL: all */
static const char *mark = "";     /* what each line begins with */
static struct timespec begun;

static int is_wanted(const char *threat)
{
    char text[64];
    snprintf(text, sizeof text, ",%s,", threat);
    return !wanted || strstr(wanted, text);
}

static void tell(const char *threat, const char *route, const char *result, int number, const char *call)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long spent = (now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000;
    printf("%s{\"threat\":\"%s\",\"route\":\"%s\",\"result\":\"%s\",\"errno\":%d,\"call\":\"%s\",\"vain\":%d,\"us\":%ld}\n", mark,
           threat, route, result, number, call, in_vain, spent);
    in_vain = 0;
    fflush(stdout);
}

void try_only(const char *threats, const char *line_mark)
{
    wanted = threats;
    mark = line_mark;
}

/* Run one attempt in a child of its own process group, with a time limit */
static void attempt(const char *threat, const char *route, const char *call, int (*run)(void), const struct raw *raw,
                    enum entry entry, const int *open)
{
    int link[2], number = 0, value = 0, status = 0;
    if (!is_wanted(threat))
        return;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    (void)!access("/proc/self", F_OK); /* or a second umount2(MNT_EXPIRE) would take it away: mntput, fs/namespace.c */
    if (pipe2(link, O_CLOEXEC) < 0) {
        tell(threat, route, "unknown", errno, "pipe2");
        return;
    }
    pid_t pid = fork();
    if (pid < 0) {
        tell(threat, route, "unknown", errno, "fork");
        close(link[0]);
        close(link[1]);
        return;
    }
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, "attempting");
        signal(SIGPIPE, SIG_IGN);
        alarm(SECONDS);
        errno = 0;
        value = raw ? outcome(raw_call(entry, raw)) : run();
        if (raw && value == 0 && strstr(call, "mount("))
            umount2(mount_place(), MNT_DETACH);
        if (write(link[1], &value, sizeof value) < 0)
            _exit(1);
        _exit(0);
    }
    close(link[1]);
    struct pollfd wanted = {link[0], POLLIN, 0};
    int came = poll(&wanted, 1, (SECONDS + 2) * 1000);
    ssize_t got = came > 0 ? read(link[0], &value, sizeof value) : 0;
    close(link[0]);
    if (got == sizeof value || came <= 0) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
    waitpid(pid, &status, 0);
    kill(-pid, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    if (got == sizeof value) {
        const char *word = word_of(value, open, &number);
        tell(threat, route, word, number, call);
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        tell(threat, route, "stopped", 0, call); /* the filter's answer was to kill it */
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && strstr(route, "i386")) {
        tell(threat, route, "stopped", ENOSYS, call); /* this kernel has no such entry point */
    } else {
        tell(threat, route, "unknown", WIFSIGNALED(status) ? WTERMSIG(status) : 0, "died");
    }
}

/* SERVICES first: it asks /proc, which later attempts may take away */
static const struct attempt *const FAMILIES[] = {
    SERVICES, FUSE, FILES, PROCESSES, NETWORK, KERNEL, RESOURCES,
    MOUNTS, REACH, GROUPS, OUTSIDE, RINGS, PLACED, JAILED};

static void try_raw(const struct raw *raw, const char *again)
{
    static const char *const ENTRIES[] = {"", ", i386", ", x32", ", upper half set"};
    char route[96];
    for (enum entry entry = X86_64; entry <= WIDE; entry++) {
        if ((entry == I386 ? raw->n32 : raw->n64) < 0 || (entry == WIDE && !raw->wide))
            continue;
        snprintf(route, sizeof route, "%s%s%s", raw->route, ENTRIES[entry], again);
        attempt(raw->threat, route, raw->call, NULL, raw, entry, raw->open);
    }
}

void try_all(const char *again)
{
    char route[96];
    look_at_namespaces();
    for (size_t group = 0; group < sizeof FAMILIES / sizeof *FAMILIES; group++)
        for (const struct attempt *one = FAMILIES[group]; one->threat; one++) {
            snprintf(route, sizeof route, "%s%s", one->route, again);
            attempt(one->threat, route, one->call, one->run, NULL, X86_64, one->open);
        }
    for (const struct raw *raw = RAWS; raw->threat; raw++)
        try_raw(raw, again);
}

void try_in_place(void)
{
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (size_t group = 0; group < sizeof FAMILIES / sizeof *FAMILIES; group++)
        for (const struct attempt *one = FAMILIES[group]; one->threat; one++)
            if (one->here)
                attempt(one->threat, one->route, one->call, one->run, NULL, X86_64, one->open);
            else if (is_wanted(one->threat))
                tell(one->threat, one->route, "elsewhere", 0, one->call);
    for (const struct raw *raw = RAWS; raw->threat; raw++)
        if (!raw->copy)
            try_raw(raw, "");
        else if (is_wanted(raw->threat))
            tell(raw->threat, raw->route, "elsewhere", 0, raw->call);
}

static uint64_t permitted(void)
{
    struct { unsigned version; int pid; } head = {0x20080522, 0};
    struct { unsigned effective, permitted, inheritable; } sets[2] = {{0, 0, 0}, {0, 0, 0}};
    syscall(SYS_capget, &head, sets);
    return sets[0].permitted | (uint64_t)sets[1].permitted << 32;
}

/* Everything once more as a new program, where root lacks capabilities that its bounding set still has */
static void try_after_exec(void)
{
    uint64_t bounding = 0;
    for (int number = 0; number < 64; number++)
        if (prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1)
            bounding |= 1ull << number;
    if (geteuid() != 0 || !(bounding & ~permitted()) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "attempts", "again", mark, wanted, (char *)NULL);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
}

/* Everything once more from the container's root directory, if we can leave our chroot */
static void try_outside(void)
{
    pid_t pid = getenv("STRATA_CHROOT") ? fork() : -1;
    if (pid == 0) {
        if (leave_chroot() == 0) {
            unsetenv("STRATA_CHROOT");
            try_all(", outside");
        }
        _exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

/* Everything again with the rights that a set-uid file of the image gives us, or one with capabilities, or that we can
 * take ourselves as we may become root */
static void try_as_root(void)
{
    pid_t pid = geteuid() == 0 ? -1 : fork();
    if (pid == 0) {
        const char *file = setresuid(0, 0, 0) == 0 ? own("attempts") : own("suid-root");
        execl(file, "attempts", "regained", mark, wanted, (char *)NULL);
        _exit(1);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

void try_everything(void)
{
    try_all("");
    try_after_exec();
    try_as_root();
    try_outside();
    let_beside_try();
}

static int print_caps(void) /* what this process holds, for run_self */
{
    int pipe_end = 3;
    uint64_t held = permitted();
    return write(pipe_end, &held, sizeof held) == sizeof held ? 0 : 1;
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "wait";
    if (!strcmp(what, "euid"))
        return (int)(geteuid() == 0 ? 10 : geteuid() == 1000 ? 11 : 12);
    if (!strcmp(what, "caps"))
        return print_caps();
    if (count > 3 && (!strcmp(what, "regained") || !strcmp(what, "again")))
        try_only(words[3], words[2]);
    if (!strcmp(what, "regained")) {
        if (geteuid() != 0 ? permitted() == 0 && getegid() == getgid() : setresuid(0, 0, 0) < 0)
            return 1; /* nothing came of it */
        if (geteuid() == 0)
            (void)!setresgid(0, 0, 0); /* root's group goes with it where it may: ptrace(2) asks for both */
        prctl(PR_SET_DUMPABLE, 1); /* as if it had been root's from the start */
        try_all(", regained");
        return 0;
    }
    if (!strcmp(what, "fine"))
        return 0;
    if (!strcmp(what, "foreign")) { /* started set-uid: become that user for good, and say so */
        char word;
        if (setresuid(geteuid(), geteuid(), geteuid()) < 0 || write(3, "x", 1) != 1)
            return 1;
        return (int)read(4, &word, 1); /* until whoever started us ends */
    }
    if (!strcmp(what, "peer")) {
        char name[16] = "attempts-peer";
        if (count > 2)
            snprintf(name, sizeof name, "attempts-%s", words[2]);
        prctl(PR_SET_NAME, name);
        signal(SIGTERM, _exit);
        for (;;)
            pause();
    }
    prctl(PR_SET_NAME, "attempts");
    if (!strcmp(what, "copy"))
        return be_copy(count - 2, words + 2);
    if (!strcmp(what, "place"))
        return be_in_place(count - 2, words + 2);
    if (!strcmp(what, "again")) {
        try_all(", after exec");
        return 0;
    }
    for (int number = 2; number < count; number++)
        if (prepare(words[number]) < 0) {
            perror(words[number]);
            return 1;
        }
    if (!strcmp(what, "wait")) {
        sigset_t wanted;
        struct timespec limit = {1800, 0};
        sigemptyset(&wanted);
        sigaddset(&wanted, SIGUSR1);
        sigaddset(&wanted, SIGTERM);
        sigprocmask(SIG_BLOCK, &wanted, NULL);
        prctl(PR_SET_NAME, "attempts-ready"); /* what the harness waits for */
        puts("{\"ready\":true}");
        fflush(stdout);
        int came;
        do
            came = sigtimedwait(&wanted, NULL, &limit);
        while (came < 0 && errno == EINTR); /* a tracer came and went, to read our filters */
        if (came != SIGUSR1)
            return 1;
        sigprocmask(SIG_UNBLOCK, &wanted, NULL);
    }
    try_everything();
    puts("{\"done\":true}");
    fflush(stdout);
    return 0;
}
