/* Gives up new privileges, restricts itself by Landlock where it is told to, tries to write, says how that went, waits. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return 1;
    if (count > 1 && !strcmp(words[1], "restricted")) {
        struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_REG};
        long rules = syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
        if (rules < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0)
            return 2;
    }
    puts(open("/made", O_CREAT | O_WRONLY, 0644) < 0 ? "refused" : "made");
    fflush(stdout);
    for (;;)
        pause();
}
