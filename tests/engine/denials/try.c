/* try: makes one call that may be refused, and ends with what the kernel said.
 *
 *   try STEP [+ STEP]…       all but the last prepare, and must succeed
 *
 *   call NAME ARGUMENT…      the system call of that name: a number; a path or :text, as a pointer; ^text, the same in
 *                            memory that is wiped right after; `%`, what the step before returned; @in:ADDRESS:PORT,
 *                            @un:PATH, @hex:BYTES, @room:SIZE, pointers to such
 *   thread STEP | child STEP | orphans N STEP
 *                            the same in another thread; in a child; in so many children, one after the other
 *   quit STEP                the same, and then the end, without a word and with status 0
 *   times N STEP             again and again
 *   wait MILLISECONDS
 *   become UID               that user and group, without other groups
 *   copy PATH MODE           this program there
 *   exec PATH WORD           become that program with one word
 *   victim UID               a child of that user, that waits; returns its PID
 *   forks N | files N        so many processes, open files
 *   fill PATH N | eat N      so many MiB, written there or of memory
 *   locked PATH              forbid oneself all below it (Landlock)
 *   filtered NAME ERRNO      forbid oneself that call (a seccomp filter)
 *   holds CAPABILITY | root  whether it is effective; whether the effective user is root
 *   content PATH             whether a file or folder has any
 *   fine                     nothing
 *
 * Status: 0 it passed, an errno, or one of those below. Killed by a signal: what a shell says. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNPREPARED 240
#define IN_VAIN 241 /* no error, and yet nothing: rights that were not gained, an empty mask */

static const struct { const char *name; long number; } CALLS[] = {
#define CALL(name) {#name, SYS_##name}
    CALL(access), CALL(acct), CALL(add_key), CALL(adjtimex), CALL(bind), CALL(bpf), CALL(chmod), CALL(chown),
    CALL(chroot), CALL(clock_settime), CALL(clone3), CALL(connect), CALL(delete_module), CALL(execve), CALL(fchmodat2),
    CALL(faccessat2), CALL(fanotify_init), CALL(fcntl), CALL(fsopen), CALL(fsync), CALL(ftruncate), CALL(get_mempolicy), CALL(getcwd), CALL(io_setup),
    CALL(io_uring_setup), CALL(ioctl), CALL(iopl), CALL(kcmp), CALL(kexec_load), CALL(keyctl), CALL(kill), CALL(lchown),
    CALL(link), CALL(listen), CALL(lsetxattr), CALL(memfd_create), CALL(mkdir), CALL(mknod), CALL(mlock), CALL(mmap), CALL(mount), CALL(mprotect), CALL(move_pages), CALL(mq_open),
    CALL(name_to_handle_at), CALL(open), CALL(open_by_handle_at), CALL(openat2), CALL(perf_event_open), CALL(personality), CALL(pidfd_getfd),
    CALL(pidfd_open), CALL(pivot_root), CALL(prctl), CALL(prlimit64), CALL(process_vm_readv), CALL(ptrace), CALL(quotactl), CALL(reboot),
    CALL(linkat), CALL(mknodat), CALL(mount_setattr), CALL(open_tree), CALL(renameat2), CALL(inotify_init), CALL(inotify_add_watch),
    CALL(rename), CALL(request_key), CALL(rmdir), CALL(sched_setaffinity), CALL(sched_setscheduler),
    CALL(sendto), CALL(set_mempolicy), CALL(setdomainname), CALL(setgid), CALL(setgroups), CALL(sethostname), CALL(setns), CALL(setpriority),
    CALL(setresuid), CALL(setsockopt), CALL(setuid), CALL(setxattr), CALL(shmget), CALL(socket), CALL(stat), CALL(statx),
    CALL(swapoff), CALL(symlink), CALL(syslog), CALL(timerfd_create), CALL(truncate), CALL(umount2), CALL(uname), CALL(unlink),
    CALL(unshare), CALL(uselib), CALL(userfaultfd), CALL(ustat), CALL(utimensat), CALL(vhangup),
    {"absent", 1000}, /* of no kernel so far */
};

static long before;     /* what the last step returned */
static char *wiped[8]; /* texts that are gone after the call */
static int used;

static int fail(const char *why)
{
    perror(why);
    return UNPREPARED;
}

static long number_of(const char *name)
{
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        if (!strcmp(CALLS[i].name, name))
            return CALLS[i].number;
    fprintf(stderr, "no such call: %s\n", name);
    exit(UNPREPARED);
}

static void *room(size_t size)
{
    void *found = calloc(1, size + 1);
    if (!found)
        exit(fail("calloc"));
    return found;
}

static long internet(char *text)
{
    char *port = strrchr(text, ':');
    struct sockaddr_in6 *six = room(sizeof *six);
    struct sockaddr_in *four = (void *)six;
    *port++ = 0;
    if (strchr(text, ':')) {
        six->sin6_family = AF_INET6;
        inet_pton(AF_INET6, text, &six->sin6_addr);
    } else {
        four->sin_family = AF_INET;
        inet_pton(AF_INET, text, &four->sin_addr);
    }
    six->sin6_port = htons(atoi(port)); /* at the same place in both */
    return (long)six;
}

static long argument(char *word)
{
    if (*word == '/')
        return (long)word;
    if (*word == ':')
        return (long)(word + 1);
    if (*word == '^') {
        size_t size = strlen(word);
        wiped[used] = malloc(size < 512 ? 512 : size);
        return (long)strcpy(wiped[used++], word + 1);
    }
    if (!strcmp(word, "%"))
        return before;
    if (!strncmp(word, "@in:", 4))
        return internet(strdup(word + 4));
    if (!strncmp(word, "@un:", 4)) {
        struct sockaddr_un *address = room(sizeof *address);
        address->sun_family = AF_UNIX;
        strncpy(address->sun_path, word + 4, sizeof address->sun_path - 1);
        return (long)address;
    }
    if (!strncmp(word, "@room:", 6))
        return (long)room(strtoul(word + 6, NULL, 0));
    if (!strncmp(word, "@hex:", 5)) {
        unsigned char *bytes = room(4096);
        for (char *at = word + 5, *to = (char *)bytes; at[0] && at[1]; at += 2, to++) {
            char pair[3] = {at[0], at[1], 0};
            *to = (char)strtoul(pair, NULL, 16);
        }
        return (long)bytes;
    }
    return strtol(word, NULL, 0);
}

static int made(int count, char **words)
{
    long number = number_of(words[0]), a[6] = {0};
    for (int i = 1; i < count && i < 7; i++)
        a[i - 1] = argument(words[i]);
    before = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    int code = before < 0 ? errno : 0;
    while (used) {
        char *text = wiped[--used];
        memset(text, '-', strlen(text));
        free(text);
    }
    return code;
}

static int become(int id)
{
    return setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0 ? errno : 0;
}

static int copy(const char *path, mode_t mode)
{
    static char part[1 << 16];
    int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    ssize_t got;
    if (from < 0 || to < 0)
        return errno;
    while ((got = read(from, part, sizeof part)) > 0)
        if (write(to, part, (size_t)got) != got)
            return EIO;
    if (fchmod(to, mode) < 0)
        return errno;
    close(to);
    return 0;
}

static pid_t child(int id)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (id && become(id))
        _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of the user took it away */
    /* nor does the signal come to another user's where its parent may not send one */
    for (pid_t parent = getppid(); getppid() == parent;)
        usleep(100000);
    _exit(0);
}

static int fill(const char *path, int megabytes)
{
    static char part[1 << 16];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0)
        return fail(path);
    memset(part, 1, sizeof part);
    for (int i = 0; i < megabytes * 16; i++)
        if (write(fd, part, sizeof part) < 0) {
            int code = errno;
            unlink(path);
            return code;
        }
    unlink(path);
    return 0;
}

static int eat(int megabytes)
{
    for (int i = 0; i < megabytes; i++) {
        char *found = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (found == MAP_FAILED)
            return errno;
        memset(found, 1, 1 << 20);
    }
    return 0;
}

static int locked(const char *path)
{
    struct landlock_ruleset_attr rules = {.handled_access_fs = LANDLOCK_ACCESS_FS_READ_FILE};
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules.handled_access_fs, 0);
    (void)path; /* no rule lets anything be read */
    if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    return syscall(SYS_landlock_restrict_self, fd, 0) < 0 ? errno : 0;
}

static int filtered(const char *name, int code)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number_of(name), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errno;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? errno : 0;
}

static int holds(int number)
{
    struct { unsigned version; int pid; } head = {0x20080522, 0};
    struct { unsigned effective, permitted, inheritable; } sets[2];
    if (syscall(SYS_capget, &head, sets) < 0)
        return errno;
    return sets[number / 32].effective >> number % 32 & 1 ? 0 : IN_VAIN;
}

static int content(const char *path)
{
    char letter;
    DIR *folder = opendir(path);
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));)
            if (*entry->d_name != '.')
                return 0;
        return IN_VAIN;
    }
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return errno;
    ssize_t got = read(fd, &letter, 1);
    return got < 0 ? errno : got ? 0 : IN_VAIN;
}

static int step(int count, char **words);

struct words {
    int count;
    char **words;
};

static void *threaded(void *given)
{
    struct words *what = given;
    return (void *)(long)step(what->count, what->words);
}

static int in_thread(int count, char **words)
{
    struct words what = {count, words};
    pthread_t thread;
    void *code = NULL;
    if (pthread_create(&thread, NULL, threaded, &what))
        return UNPREPARED;
    pthread_join(thread, &code);
    return (int)(long)code;
}

static int in_child(int count, char **words)
{
    int status = 0;
    pid_t pid = fork();
    if (!pid)
        _exit(step(count, words));
    if (pid < 0)
        return errno;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static int step(int count, char **words)
{
    const char *what = words[0], *first = count > 1 ? words[1] : "";
    int second = count > 2 ? (int)strtol(words[2], NULL, 0) : 0;
    if (!strcmp(what, "call"))
        return made(count - 1, words + 1);
    if (!strcmp(what, "thread"))
        return in_thread(count - 1, words + 1);
    if (!strcmp(what, "child"))
        return in_child(count - 1, words + 1);
    if (!strcmp(what, "quit")) {
        step(count - 1, words + 1);
        _exit(0);
    }
    if (!strcmp(what, "orphans") || !strcmp(what, "times")) {
        int code = 0;
        for (int i = 0; i < atoi(first); i++)
            code = *what == 'o' ? in_child(count - 2, words + 2) : step(count - 2, words + 2);
        return code;
    }
    if (!strcmp(what, "wait")) {
        usleep((useconds_t)atoi(first) * 1000);
        return 0;
    }
    if (!strcmp(what, "become"))
        return become(atoi(first));
    if (!strcmp(what, "copy"))
        return copy(first, (mode_t)second);
    if (!strcmp(what, "exec")) {
        char *own[] = {words[1], words[2], count > 3 ? words[3] : NULL, NULL}, *none[] = {NULL};
        execve(first, own, none);
        return errno;
    }
    if (!strcmp(what, "victim")) {
        before = child(atoi(first));
        usleep(200000);
        return before < 0 ? errno : 0;
    }
    if (!strcmp(what, "forks")) {
        for (int i = 0; i < atoi(first); i++)
            if (child(0) < 0)
                return errno;
        return 0;
    }
    if (!strcmp(what, "files")) {
        for (int i = 0; i < atoi(first); i++)
            if (open("/dev/null", O_RDONLY) < 0)
                return errno;
        return 0;
    }
    if (!strcmp(what, "fill"))
        return fill(first, second);
    if (!strcmp(what, "eat"))
        return eat(atoi(first));
    if (!strcmp(what, "locked"))
        return locked(first);
    if (!strcmp(what, "filtered"))
        return filtered(first, second);
    if (!strcmp(what, "holds"))
        return holds(atoi(first));
    if (!strcmp(what, "root"))
        return geteuid() == 0 ? 0 : IN_VAIN;
    if (!strcmp(what, "content"))
        return content(first);
    if (!strcmp(what, "fine"))
        return 0;
    fprintf(stderr, "no such step: %s\n", what);
    return UNPREPARED;
}

int main(int count, char **words)
{
    for (int at = 1; at < count;) {
        int end = at, code;
        while (end < count && strcmp(words[end], "+"))
            end++;
        code = step(end - at, words + at);
        if (end == count)
            return code;
        if (code) {
            fprintf(stderr, "%s %s: %s\n", words[at], at + 1 < end ? words[at + 1] : "", strerror(code));
            return UNPREPARED;
        }
        at = end + 1;
    }
    return UNPREPARED;
}
