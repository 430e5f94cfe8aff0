/* A process whose first thread gives something up that the others keep.

   threaded COUNT WHAT…: COUNT threads; then the first one, by system calls that concern it alone: drops its capabilities
   (caps), becomes uid 1000 (uid), loads a filter that refuses umount2 and other entry points (filter), ends (exit). It
   prints "ready"; each line of standard input is another WHAT, answered by "done". */

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static void *wait_on(void *unused)
{
    for (;;)
        pause();
    return unused;
}

static void *say_ready(void *unused)
{
    usleep(100000); /* the first one has ended by then */
    puts("ready");
    fflush(stdout);
    return wait_on(unused);
}

static int give_up(const char *what)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[2];
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 1, 0), /* x32 */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_umount2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

    memset(none, 0, sizeof(none));
    if (strcmp(what, "caps") == 0)
        return (int)syscall(SYS_capset, &head, none);
    if (strcmp(what, "uid") == 0)
        return (int)syscall(SYS_setresuid, 1000, 1000, 1000);
    if (strcmp(what, "filter") == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
    }
    return -1;
}

int main(int argc, char **argv)
{
    int ends = argc > 2 && strcmp(argv[argc - 1], "exit") == 0;
    pthread_attr_t small;
    pthread_t thread;
    char line[64];

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    for (int number = 1; number < atoi(argv[1]); number++)
        if (pthread_create(&thread, &small, number == 1 && ends ? say_ready : wait_on, NULL) != 0)
            return 1;
    for (int at = 2; at < argc - ends; at++)
        if (give_up(argv[at]) != 0)
            return 2;
    if (ends)
        syscall(SYS_exit, 0);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (give_up(line) != 0)
            return 3;
        puts("done");
        fflush(stdout);
    }
    return 0;
}
