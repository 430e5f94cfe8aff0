/* A process to be read: under as many seccomp filters as asked, counting the signals that it gets.

   target FILTERS: each filter is different, and refuses one system call number that does not exist. Realtime signals
   are counted by the first thread, the one that is stopped for a reading; a second thread counts as fast as it can.
   It prints "ready"; on SIGUSR1 "count SIGNALS ROUNDS"; SIGTERM ends it. */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static volatile sig_atomic_t counted, told, ended;
static volatile unsigned long rounds;

static void count(int number) { (void)number; counted++; }
static void tell(int number) { (void)number; told = 1; }
static void end(int number) { (void)number; ended = 1; }

static void *turn(void *unused)
{
    for (;;) {
        rounds++;
        if (rounds % 1024 == 0)
            usleep(1000);
    }
    return unused;
}

static void on(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler };
    sigfillset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

int main(int argc, char **argv)
{
    int filters = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t thread;
    sigset_t all, none;

    on(SIGRTMIN, count);
    on(SIGUSR1, tell);
    on(SIGTERM, end);
    sigfillset(&all);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &all, NULL); /* the second thread gets none */
    if (pthread_create(&thread, NULL, turn, NULL) != 0)
        return 1;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int place = 0; place < filters; place++) {
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100000 + place, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { 4, code };
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
            return 2;
    }
    printf("ready\n");
    fflush(stdout);
    while (!ended) {
        sigsuspend(&none);
        if (told) {
            told = 0;
            printf("count %d %lu\n", (int)counted, rounds);
            fflush(stdout);
        }
    }
    return 0;
}
