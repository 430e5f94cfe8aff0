/* The first process of a copy of a container: takes on what the original's first process has changed of itself since its
 * start, says so, waits to be told to begin, and tries what it is asked for. Words, in this order of effect:
 *
 *   mark=TEXT                what each line begins with: nobody else in the copy knows it
 *   set=NAME=VALUE           as STRATA_NAME for the attempts; the image's environment is forgotten
 *   capabilities=I,P,E,B,A   sets, hexadecimal
 *   ids=R,E,S:R,E,S:G…       user ids, group ids, further groups
 *   securebits=N             as a number
 *   no-new-privs             set
 *   filter=HEX               a system call filter, struct sock_filter; oldest first
 *   threats=,A,B,            the only ones that are tried
 *
 * What could not be taken on is told: `loose` what would refuse more, `short` what would allow more; and `faked`, how
 * many calls seem to succeed that no kernel lets succeed: a filter answers them. */
#include "attempts.h"
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define WAIT 120 /* seconds, until it is told to begin */
#define GROUPS_MAX 256
#define FILTER_MAX 4096 /* BPF_MAXINSNS */

extern char **environ;

static const char *mark_text = "", *asked = "", *sets_text, *ids_text, *bits_text;
static const char *filters[32];
static int filter_count, no_new_privs, loose, lacking;

static int next_number(const char **text, int base, unsigned long long *number)
{
    char *end;
    *number = strtoull(*text, &end, base);
    if (end == *text)
        return -1;
    *text = *end == ',' ? end + 1 : end;
    return 0;
}

static int take_ids(const char *text)
{
    unsigned long long user[3], group[3], number;
    gid_t groups[GROUPS_MAX];
    size_t count = 0;
    for (int place = 0; place < 3; place++)
        if (next_number(&text, 10, &user[place]) < 0)
            return -1;
    text += *text == ':';
    for (int place = 0; place < 3; place++)
        if (next_number(&text, 10, &group[place]) < 0)
            return -1;
    text += *text == ':';
    while (count < GROUPS_MAX && next_number(&text, 10, &number) == 0)
        groups[count++] = (gid_t)number;
    gid_t now[GROUPS_MAX];
    int have = getgroups(GROUPS_MAX, now);
    if ((have != (int)count || memcmp(now, groups, count * sizeof *groups)) && setgroups(count, groups) < 0)
        return -1;
    return setresgid((gid_t)group[0], (gid_t)group[1], (gid_t)group[2]) < 0
                   || setresuid((uid_t)user[0], (uid_t)user[1], (uid_t)user[2]) < 0
               ? -1
               : 0;
}

struct sets {
    unsigned effective, permitted, inheritable;
};

static int take_sets(uint64_t inheritable, uint64_t permitted, uint64_t effective, uint64_t ambient)
{
    struct { unsigned version; int pid; } head = {0x20080522, 0};
    struct sets sets[2];
    for (int half = 0; half < 2; half++) {
        sets[half].effective = (unsigned)(effective >> 32 * half);
        sets[half].permitted = (unsigned)(permitted >> 32 * half);
        sets[half].inheritable = (unsigned)(inheritable >> 32 * half);
    }
    int done = (int)syscall(SYS_capset, &head, sets);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int number = 0; number < 64; number++)
        if (ambient >> number & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) < 0)
            done = -1;
    return done;
}

static int put_on(const char *text)
{
    static struct sock_filter code[FILTER_MAX];
    unsigned char *to = (unsigned char *)code;
    size_t length = strlen(text) / 2;
    if (length > sizeof code || length % sizeof *code)
        return -1;
    for (size_t place = 0; place < length; place++) {
        unsigned value;
        if (sscanf(text + 2 * place, "%2x", &value) != 1)
            return -1;
        to[place] = (unsigned char)value;
    }
    struct sock_fprog program = {(unsigned short)(length / sizeof *code), code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void put_on_all(void)
{
    for (int number = 0; number < filter_count; number++)
        if (put_on(filters[number]) < 0)
            loose = 1;
    filter_count = 0;
}

/* What takes rights is last; the filters come before the rights to put them on are laid down */
static void take_on(void)
{
    unsigned long long inheritable = 0, permitted = 0, effective = 0, bounding = ~0ull, ambient = 0;
    const char *text = sets_text;
    if (text && (next_number(&text, 16, &inheritable) < 0 || next_number(&text, 16, &permitted) < 0
                 || next_number(&text, 16, &effective) < 0 || next_number(&text, 16, &bounding) < 0
                 || next_number(&text, 16, &ambient) < 0))
        lacking = 1;
    if (text)
        for (int number = 0; number < 64; number++)
            if (!(bounding >> number & 1) && prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1
                && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0)
                loose = 1;
    if (!no_new_privs)
        put_on_all();
    if (ids_text) {
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (take_ids(ids_text) < 0)
            lacking = loose = 1;
        prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    }
    if (bits_text && prctl(PR_GET_SECUREBITS) != (int)strtoul(bits_text, NULL, 0) && securebits(bits_text) < 0)
        lacking = loose = 1;
    if (text && take_sets(inheritable, permitted, effective, ambient) < 0)
        lacking = loose = 1;
    if (no_new_privs)
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    put_on_all();
    prctl(PR_SET_DUMPABLE, 1); /* as after exec */
}

/* Calls that no kernel lets succeed with arguments that are all wrong; each alone, as a filter may end who makes it */
static int faked(void)
{
    static const int CALLS[] = {SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_sethostname,
                                SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_open_by_handle_at, SYS_bpf,
                                SYS_keyctl, SYS_add_key, SYS_socket, SYS_mknodat, SYS_fchownat, SYS_fchown, SYS_init_module,
                                SYS_finit_module, SYS_delete_module, SYS_swapon, SYS_swapoff, SYS_perf_event_open,
                                SYS_userfaultfd, SYS_setgroups, SYS_iopl, SYS_ioperm, 430 /* fsopen */, SYS_openat};
    int count = 0;
    for (size_t place = 0; place < sizeof CALLS / sizeof *CALLS; place++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0)
            _exit(syscall(CALLS[place], -1L, -1L, -1L, -1L, -1L, -1L) >= 0);
        if (pid > 0 && waitpid(pid, &status, 0) == pid)
            count += WIFEXITED(status) && WEXITSTATUS(status) == 1;
    }
    return count;
}

static const char *rest_of(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) ? NULL : word + length;
}

static int take_word(char *word)
{
    const char *rest;
    if ((rest = rest_of(word, "mark=")))
        mark_text = rest;
    else if ((rest = rest_of(word, "threats=")))
        asked = rest;
    else if ((rest = rest_of(word, "capabilities=")))
        sets_text = rest;
    else if ((rest = rest_of(word, "ids=")))
        ids_text = rest;
    else if ((rest = rest_of(word, "securebits=")))
        bits_text = rest;
    else if (!strcmp(word, "no-new-privs"))
        no_new_privs = 1;
    else if ((rest = rest_of(word, "filter=")) && filter_count < (int)(sizeof filters / sizeof *filters))
        filters[filter_count++] = rest;
    else if ((rest = rest_of(word, "set="))) {
        char name[64];
        const char *value = strchr(rest, '=');
        if (!value || value - rest > 40)
            return -1;
        snprintf(name, sizeof name, "STRATA_%.*s", (int)(value - rest), rest);
        return setenv(name, value + 1, 1);
    } else
        return -1;
    return 0;
}

static int take_words(int count, char **words)
{
    static char *nothing[] = {NULL};
    environ = nothing;
    for (int number = 0; number < count; number++)
        if (take_word(words[number]) < 0)
            return -1;
    try_only(asked, mark_text);
    return 0;
}

static void tell_ready(void)
{
    take_on();
    printf("%s{\"ready\":true,\"loose\":%d,\"short\":%d,\"faked\":%d}\n", mark_text, loose, lacking, faked());
    fflush(stdout);
}

static void tell_done(void)
{
    printf("%s{\"done\":true}\n", mark_text);
    fflush(stdout);
}

/* Whoever started us has joined it, and put on its filters: what is left is to lay down what exec did not */
int be_in_place(int count, char **words)
{
    if (take_words(count, words) < 0)
        return 2;
    tell_ready();
    try_in_place();
    tell_done();
    return 0;
}

int be_copy(int count, char **words)
{
    sigset_t awaited;
    struct timespec limit = {WAIT, 0};
    int came;
    if (take_words(count, words) < 0)
        return 2;
    mount_place();
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGUSR1);
    sigaddset(&awaited, SIGTERM);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    tell_ready();
    do
        came = sigtimedwait(&awaited, NULL, &limit);
    while (came < 0 && errno == EINTR); /* a tracer came and went, to read our filters */
    if (came != SIGUSR1)
        return 1;
    sigprocmask(SIG_UNBLOCK, &awaited, NULL);
    try_everything();
    tell_done();
    return 0;
}
