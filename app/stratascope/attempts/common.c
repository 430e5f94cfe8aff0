/* What several attempts need to know of the process that they run in. */
#include "attempts.h"

char a_place[ROOM_MAX];

const char *own(const char *name)
{
    static char paths[4][ROOM_MAX + 32];
    static int number;
    const char *room = getenv("STRATA_ROOM");
    char *path = paths[number = (number + 1) % 4];
    snprintf(path, sizeof paths[0], "%.*s/%s", ROOM_MAX, room ? room : "", name);
    return path;
}

/* One that every image has, or that lies in our own folder */
const char *mount_place(void)
{
    if (!*a_place)
        snprintf(a_place, sizeof a_place, "%s", access(own("mnt"), F_OK) == 0 ? own("mnt") : "/tmp");
    return a_place;
}

int open_only(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

int open_either(const char *path)
{
    int result = open_only(path, O_RDONLY | O_NONBLOCK);
    return result == EPERM || result == EACCES ? open_only(path, O_WRONLY | O_NONBLOCK) : result;
}

static int is_mapped(unsigned uid)
{
    unsigned first, outside, length;
    int found = 0;
    FILE *map = fopen("/proc/self/uid_map", "re");
    if (!map)
        return 1;
    while (fscanf(map, "%u %u %u", &first, &outside, &length) == 3)
        found |= uid >= first && uid - first < length;
    fclose(map);
    return found;
}

int other_uid(void)
{
    static const unsigned CANDIDATES[] = {1000, 1, 0};
    for (int place = 0; place < 3; place++)
        if (CANDIDATES[place] != geteuid() && is_mapped(CANDIDATES[place]))
            return (int)CANDIDATES[place];
    return geteuid() == 1000 ? 1 : 1000;
}

int host_pids(void)
{
    struct stat found;
    return stat("/proc/self/ns/pid", &found) == 0 && found.st_ino == 0xEFFFFFFC; /* PROC_PID_INIT_INO */
}

int run_self(const char *path, const char *word)
{
    int status = 0;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        execl(path, path, word, (char *)NULL);
        _exit(100);
    }
    if (waitpid(pid, &status, 0) != pid)
        return -ECHILD;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EFAULT;
}

#define CHILDREN 600

static int waiting(void *nothing)
{
    (void)nothing;
    for (;;)
        pause();
    return 0;
}

int many_processes(void)
{
    static char stacks[CHILDREN][2048];
    static pid_t made[CHILDREN];
    int count, result = 0;
    for (count = 0; count < CHILDREN; count++) {
        /* with our memory: 600 copies of it would need more than some containers have */
        made[count] = clone(waiting, stacks[count] + sizeof stacks[count] - 64, CLONE_VM | SIGCHLD, NULL);
        if (made[count] < 0) {
            result = errno;
            break;
        }
    }
    for (int place = 0; place < count; place++)
        kill(made[place], SIGKILL);
    for (int place = 0; place < count; place++)
        waitpid(made[place], NULL, 0);
    return result;
}

int says(const char *path, const char *word)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got > 0 && text[got - 1] == '\n')
        text[got - 1] = 0;
    return !strcmp(text, word);
}
