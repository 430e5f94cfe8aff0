/* Attempts on other processes, and by identity. */
#include "attempts.h"
#include <dirent.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static char place[8] = "read me";

static pid_t waiting_child(void)
{
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static int trace(enum entry entry, long how)
{
    pid_t pid = waiting_child();
    int result = pid < 0 ? UNTRIED : call(entry, 101, 26, how, pid, 0, 0);
    if (pid > 0)
        kill(pid, SIGKILL);
    return result;
}

static int trace_child(void) { return trace(X86_64, PTRACE_SEIZE); }
static int trace_by_i386(void) { return trace(I386, PTRACE_SEIZE); }
static int attach_child(void) { return trace(X86_64, PTRACE_ATTACH); }

static int child_memory(int writing)
{
    char here[8] = "";
    struct iovec local = {here, sizeof here}, remote = {place, sizeof place};
    pid_t pid = waiting_child();
    if (pid < 0)
        return UNTRIED;
    ssize_t got = writing ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
                          : process_vm_readv(pid, &local, 1, &remote, 1, 0);
    int result = outcome(got);
    kill(pid, SIGKILL);
    return result;
}

static int read_child(void) { return child_memory(0); }
static int write_child(void) { return child_memory(1); }

static int steal_descriptor(void)
{
    pid_t pid = waiting_child();
    if (pid < 0)
        return UNTRIED;
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    int result = handle < 0 ? errno : outcome(syscall(SYS_pidfd_getfd, handle, 1, 0));
    kill(pid, SIGKILL);
    return result;
}

/* The same by other ways into a child */
static int by_mem(int flags)
{
    char path[64], here[8] = "";
    pid_t pid = waiting_child();
    if (pid < 0)
        return UNTRIED;
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, flags | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1
                  : flags == O_WRONLY ? pwrite(fd, here, sizeof here, (off_t)(uintptr_t)place)
                                      : pread(fd, here, sizeof here, (off_t)(uintptr_t)place);
    int result = outcome(got);
    kill(pid, SIGKILL);
    return result;
}

static int read_mem(void) { return by_mem(O_RDONLY); }
static int write_mem(void) { return by_mem(O_WRONLY); }

static int by_trace(int writing)
{
    int status, result;
    pid_t pid = waiting_child();
    if (pid < 0)
        return UNTRIED;
    if (ptrace(PTRACE_ATTACH, pid, 0, 0) < 0 || waitpid(pid, &status, __WALL) < 0) {
        result = errno;
    } else {
        errno = 0;
        ptrace(writing ? PTRACE_POKEDATA : PTRACE_PEEKDATA, pid, place, 0);
        result = errno;
    }
    kill(pid, SIGKILL);
    return result;
}

static int read_traced(void) { return by_trace(0); }
static int write_traced(void) { return by_trace(1); }

static int open_descriptor(void) /* what a child has open, once more */
{
    char path[64];
    int link[2];
    pid_t pid;
    if (pipe2(link, O_CLOEXEC) < 0 || (pid = waiting_child()) < 0)
        return UNTRIED;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, link[0]);
    int result = open_only(path, O_RDONLY | O_NONBLOCK);
    kill(pid, SIGKILL);
    return result;
}

static int compare(void)
{
    pid_t pid = waiting_child();
    if (pid < 0)
        return UNTRIED;
    int result = outcome(syscall(SYS_kcmp, getpid(), pid, KCMP_VM, 0, 0));
    kill(pid, SIGKILL);
    return result;
}

static int is_called(const char *pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/comm", pid);
    return says(path, name);
}

static pid_t find(const char *name)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;
    while (folder && !found && (entry = readdir(folder)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_called(entry->d_name, name))
            found = atoi(entry->d_name);
    if (folder)
        closedir(folder);
    return found;
}

static int open_root(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    return open_only(path, O_RDONLY | O_DIRECTORY);
}

static int see_host(void) { return is_called("2", "kthreadd") ? 0 : IN_VAIN; }
static int signal_host(void) { return is_called("2", "kthreadd") ? outcome(kill(2, SIGURG)) : IN_VAIN; }
static int enter_host(void) { return is_called("2", "kthreadd") ? open_root(2) : IN_VAIN; }

static int enter_named(const char *name) /* any of that name: other runs of this program may have some, too */
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int result = IN_VAIN;
    while (folder && result && (entry = readdir(folder)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_called(entry->d_name, name))
            result = open_root(atoi(entry->d_name));
    if (folder)
        closedir(folder);
    return result;
}

static int enter_foreign(void) { return enter_named("attempts-peer"); }
static int enter_weak(void) { return enter_named("attempts-weak"); } /* of another user, without capabilities */

static int owner(pid_t pid)
{
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d", pid);
    return stat(path, &found) == 0 ? (int)found.st_uid : -1;
}

static int group(pid_t pid)
{
    char path[64];
    struct stat found;
    snprintf(path, sizeof path, "/proc/%d", pid);
    return stat(path, &found) == 0 ? (int)found.st_gid : -1;
}

static int enter_host_user(void)
{
    pid_t pid = find("attempts-user");
    unsigned uid = (unsigned)owner(pid), gid = (unsigned)group(pid);
    if (!pid || !host_pids())
        return IN_VAIN;
    if (geteuid() != 0) /* without the way back to root it is another threat */
        return EPERM;
    /* both must be that process's, ptrace(2); the gid first, as it needs the rights that the uid takes away */
    if (getegid() != gid && setresgid(gid, gid, gid) < 0)
        return errno;
    if (geteuid() != uid && setresuid(uid, uid, uid) < 0)
        return errno;
    return open_root(pid);
}

static int enter_same_user(void)
{
    pid_t pid = find("attempts-user");
    if (!pid || !host_pids())
        return IN_VAIN;
    if (geteuid() == 0) /* root's programs are root's own */
        return enter_host();
    if (geteuid() != (unsigned)owner(pid) || getegid() != (unsigned)group(pid))
        return EPERM;
    return open_root(pid);
}

/* A process of another user: one that was started for that, or a child that becomes another user */
static pid_t foreign_process(void)
{
    char word = 0;
    int link[2], hold[2];
    pid_t pid = find("attempts-other");
    if (pid)
        return pid;
    if (pipe2(link, O_CLOEXEC) < 0 || pipe2(hold, O_CLOEXEC) < 0 || (pid = fork()) < 0)
        return 0;
    if (pid == 0) {
        unsigned uid = (unsigned)other_uid();
        close(hold[1]); /* whom we may not signal ends when we do: at the end of this pipe */
        if (setresuid(uid, uid, uid) == 0) {
            if (write(link[1], "x", 1) == 1)
                (void)!read(hold[0], &word, 1);
        } else if (dup2(link[1], 3) == 3 && dup2(hold[0], 4) == 4) {
            execl(own("suid-foreign"), "suid-foreign", "foreign", (char *)NULL);
        }
        _exit(1);
    }
    close(link[1]);
    return read(link[0], &word, 1) == 1 ? pid : 0;
}

static int signal_others(void)
{
    char self[16] = "";
    pid_t pid = readlink("/proc/self", self, sizeof self - 1) > 0 && atoi(self) == getpid() ? foreign_process() : 0;
    if (!pid || owner(pid) == (int)geteuid())
        return UNTRIED; /* no way to have a process of another user, or the proc of another PID namespace */
    return outcome(kill(pid, 0));
}

static int become_other(void)
{
    unsigned uid = (unsigned)other_uid();
    return outcome(setresuid(uid, uid, uid));
}

/* As another user than root, run root's set-uid file; where we can't be another, a file of another's for root */
static int set_uid_file(void)
{
    if (geteuid() == 0 && setresuid(1000, 1000, 1000) < 0) {
        int code = run_self(own("suid-app"), "euid");
        return code == 11 ? 0 : code == 10 ? IN_VAIN : UNTRIED;
    }
    int code = run_self(own("suid-root"), "euid");
    return code == 10 ? 0 : code == 11 || code == 12 ? IN_VAIN : UNTRIED;
}

static uint64_t permitted(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &head, sets) < 0)
        return 0;
    return sets[0].permitted | (uint64_t)sets[1].permitted << 32;
}

static int regain_by(const char *path)
{
    uint64_t before = permitted(), after = 0;
    int link[2], status;
    if (pipe(link) < 0)
        return UNTRIED;
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(link[1], 3) == 3)
            execl(path, path, "caps", (char *)NULL);
        _exit(1);
    }
    close(link[1]);
    ssize_t got = read(link[0], &after, sizeof after);
    waitpid(pid, &status, 0);
    if (got != sizeof after)
        return UNTRIED;
    return after & ~before ? 0 : IN_VAIN;
}

static int regain_plain(void) { return regain_by(own("attempts")); }
static int regain_set_uid(void) { return regain_by(own("suid-root")); }

static int drop_bounding(void) { return outcome(prctl(PR_CAPBSET_DROP, 0, 0, 0, 0)); }

static int choose_pid(void)
{
    pid_t wanted[1] = {29999};
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)wanted, .set_tid_size = 1};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    return outcome(pid);
}

static int hang_up(void)
{
    setsid(); /* no terminal of ours: nothing to hang up after the check */
    return outcome(vhangup());
}

const struct attempt PROCESSES[] = {
    {"trace-child", "direct", "ptrace(PTRACE_SEIZE)", trace_child, SUCCESS, 1},
    {"trace-child", "attached", "ptrace(PTRACE_ATTACH)", attach_child, SUCCESS, 1},
    {"trace-child", "direct, i386", "ptrace(PTRACE_SEIZE)", trace_by_i386, SUCCESS, 1},
    {"read-child-memory", "direct", "process_vm_readv", read_child, SUCCESS},
    {"write-child-memory", "direct", "process_vm_writev", write_child, SUCCESS},
    {"steal-descriptor", "direct", "pidfd_getfd", steal_descriptor, SUCCESS},
    {"steal-descriptor", "/proc/PID/fd", "open(/proc/P/fd/N)", open_descriptor, SUCCESS},
    {"steal-descriptor", "traced", "ptrace(PTRACE_ATTACH)", read_traced, SUCCESS}, /* it can be made to send any */
    {"read-child-memory", "/proc/PID/mem", "read(/proc/P/mem)", read_mem, SUCCESS},
    {"read-child-memory", "traced", "ptrace(PTRACE_PEEKDATA)", read_traced, SUCCESS},
    {"write-child-memory", "/proc/PID/mem", "write(/proc/P/mem)", write_mem, SUCCESS},
    {"write-child-memory", "traced", "ptrace(PTRACE_POKEDATA)", write_traced, SUCCESS},
    {"compare-kernel-objects", "direct", "kcmp(KCMP_VM)", compare, SUCCESS, 1},
    {"see-host-processes", "direct", "read(/proc/2/comm)", see_host, SUCCESS},
    {"signal-host-process", "direct", "kill(2, 0)", signal_host, SUCCESS},
    {"enter-host-process", "direct", "open(/proc/2/root)", enter_host, SUCCESS},
    {"enter-foreign-process", "direct", "open(/proc/P/root)", enter_foreign, SUCCESS},
    {"enter-foreign-process", "a weak one", "open(/proc/P/root)", enter_weak, SUCCESS},
    {"enter-same-user-process", "direct", "open(/proc/P/root)", enter_same_user, SUCCESS},
    {"enter-host-user-process", "direct", "setresuid, open(/proc/P/root)", enter_host_user, SUCCESS},
    {"signal-other-users", "direct", "kill(0)", signal_others, SUCCESS},
    {"become-other-user", "direct", "setresuid", become_other, SUCCESS},
    {"set-uid-file-gains-root", "direct", "execve", set_uid_file, SUCCESS},
    {"regain-by-exec", "plain file", "execve", regain_plain, SUCCESS},
    {"regain-by-exec", "set-uid file", "execve", regain_set_uid, SUCCESS},
    {"change-capability-sets", "direct", "prctl(PR_CAPBSET_DROP)", drop_bounding, SUCCESS, 1},
    {"choose-process-id", "direct", "clone3(set_tid)", choose_pid, OPEN_IF(EEXIST)},
    {"hang-up-terminal", "direct", "vhangup", hang_up, SUCCESS, 1},
    {0},
};
