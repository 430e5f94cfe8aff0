/* How a process restricts itself: Landlock, securebits, capabilities that it lays down. Words of prepare.c. */
#include "attempts.h"
#include <sys/prctl.h>

#define ADD_RULE 445
#define CREATE 444
#define RESTRICT 446
#define OF_A_FILE 0x8007ull /* the rights that a rule on a file may have */

struct attributes {
    uint64_t files, network, scopes;
};
struct beneath {
    uint64_t allowed;
    int folder;
} __attribute__((packed));

static int allow(int ruleset, uint64_t rights, const char *path)
{
    struct stat found;
    struct beneath rule = {rights, open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0)
        return errno == ENOENT ? 0 : -1;
    if (fstat(rule.folder, &found) == 0 && !S_ISDIR(found.st_mode))
        rule.allowed &= OF_A_FILE | 1 << 14;
    int done = rule.allowed ? (int)syscall(ADD_RULE, ruleset, 1, &rule, 0) : 0;
    close(rule.folder);
    return done;
}

/* FILES,NETWORK,SCOPES[,RIGHTS:PATH]…, the numbers as in C: one more layer of Landlock for this thread */
int landlocked(const char *text)
{
    char *copy = strdup(text), *rest = copy;
    struct attributes handled = {strtoull(rest, &rest, 0), 0, 0};
    handled.network = strtoull(rest + 1, &rest, 0);
    handled.scopes = strtoull(rest + 1, &rest, 0);
    int ruleset = (int)syscall(CREATE, &handled, sizeof handled, 0), done = ruleset;
    for (char *rule = *rest ? strtok(rest + 1, ",") : NULL; rule && done >= 0; rule = strtok(NULL, ",")) {
        uint64_t rights = strtoull(rule, &rest, 0) & handled.files;
        done = rights ? allow(ruleset, rights, rest + 1) : 0;
    }
    free(copy);
    if (done < 0)
        return -1;
    if (syscall(RESTRICT, ruleset, 0) < 0 &&
        (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(RESTRICT, ruleset, 0) < 0))
        return -1;
    return close(ruleset);
}

/* The securebits, as a number */
int securebits(const char *text)
{
    return prctl(PR_SET_SECUREBITS, strtoul(text, NULL, 0), 0, 0, 0);
}

/* Nothing in the effective, permitted and inheritable set; the bounding set stays */
int without_capabilities(void)
{
    struct { unsigned version; int pid; } head = {0x20080522, 0};
    struct { unsigned effective, permitted, inheritable; } sets[2] = {{0, 0, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &head, sets);
}
