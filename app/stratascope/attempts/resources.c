/* Attempts on resources. */
#include "attempts.h"
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int raise_limits(void)
{
    struct rlimit none = {0, 0}, more = {1, 1};
    if (setrlimit(RLIMIT_CORE, &none) < 0)
        return errno;
    return outcome(setrlimit(RLIMIT_CORE, &more));
}

static int raise_priority(void)
{
    /* 5 above its own: whoever starts the tests may have a priority of theirs, and going down is free to all */
    errno = 0;
    int wanted = getpriority(PRIO_PROCESS, 0) - 5;
    return errno ? errno : outcome(setpriority(PRIO_PROCESS, 0, wanted));
}

static int lock_memory(void)
{
    static char page[4096];
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return UNTRIED;
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return UNTRIED;
    return outcome(mlock(page, sizeof page));
}

static int to_hard(int which, struct rlimit *limit) /* free to all: the soft limit up to the hard one */
{
    if (getrlimit(which, limit) < 0)
        return errno;
    limit->rlim_cur = limit->rlim_max;
    return outcome(setrlimit(which, limit));
}

static int lock_within_limit(void) /* a limit that is none */
{
    static char page[4096];
    struct rlimit limit;
    int result = to_hard(RLIMIT_MEMLOCK, &limit);
    if (result || limit.rlim_max != RLIM_INFINITY)
        return result ? result : IN_VAIN;
    return outcome(mlock(page, sizeof page));
}

static int nice_within_limit(void)
{
    struct rlimit limit;
    int result = to_hard(RLIMIT_NICE, &limit);
    return result ? result : outcome(setpriority(PRIO_PROCESS, 0, -1));
}

static int real_time_within_limit(void)
{
    struct rlimit limit;
    struct sched_param wanted = {.sched_priority = 1};
    int result = to_hard(RLIMIT_RTPRIO, &limit);
    return result ? result : outcome(sched_setscheduler(0, SCHED_FIFO, &wanted));
}

/* What counts by the user ID: one of each, which is gone with us */
static int one_key(void)
{
    return outcome(syscall(SYS_add_key, "user", "strata-attempt", "x", 1, -2 /* KEY_SPEC_PROCESS_KEYRING */));
}

static int one_pipe(void)
{
    int link[2];
    return outcome(pipe2(link, O_CLOEXEC));
}

static int one_signal(void)
{
    sigset_t wanted;
    union sigval value = {0};
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    return outcome(sigqueue(getpid(), SIGRTMIN, value));
}

static int keep_awake(void) /* the kernel drops the flag silently: what it kept stands in fdinfo */
{
    char path[64], line[256];
    struct epoll_event event = {.events = EPOLLIN | EPOLLWAKEUP};
    int link[2], polled = epoll_create1(EPOLL_CLOEXEC);
    unsigned events = 0;
    if (polled < 0 || pipe(link) < 0 || epoll_ctl(polled, EPOLL_CTL_ADD, link[0], &event) < 0)
        return errno;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", polled);
    FILE *info = fopen(path, "re");
    if (!info)
        return UNTRIED;
    while (fgets(line, sizeof line, info)) {
        const char *found = strstr(line, "events:");
        if (found)
            sscanf(found, "events: %x", &events);
    }
    fclose(info);
    return events & EPOLLWAKEUP ? 0 : IN_VAIN;
}

const struct attempt RESOURCES[] = {
    {"fork-bomb", "direct", "clone (600 times)", many_processes, SUCCESS},
    {"raise-limits", "direct", "setrlimit(RLIMIT_CORE)", raise_limits, SUCCESS, 1},
    {"raise-priority", "direct", "setpriority(-5)", raise_priority, SUCCESS},
    {"lock-memory", "direct", "mlock", lock_memory, SUCCESS},
    {"raise-priority", "within its limit", "setrlimit(RLIMIT_NICE), setpriority(-1)", nice_within_limit, SUCCESS},
    {"raise-priority", "real time within its limit", "setrlimit(RLIMIT_RTPRIO), sched_setscheduler(SCHED_FIFO)",
     real_time_within_limit, SUCCESS},
    {"lock-memory", "within its limit", "setrlimit(RLIMIT_MEMLOCK), mlock", lock_within_limit, SUCCESS},
    {"exhaust-user-limits", "keys", "add_key", one_key, OPEN_IF(EDQUOT)},
    {"exhaust-user-limits", "pipes", "pipe2", one_pipe, SUCCESS},
    {"exhaust-user-limits", "queued signals", "sigqueue", one_signal, OPEN_IF(EAGAIN)},
    {"block-suspend", "direct", "epoll_ctl(EPOLLWAKEUP)", keep_awake, SUCCESS},
    {0},
};
