/* What the kernel really does with calls under given filters. Built and fed by seccomp_try.py.
 *
 * Standard input: u32 number of filters; for each u32 number of instructions, then these (8 bytes each), the oldest
 * filter first; u32 number of attempts; for each eight u64: how (0 syscall, 1 int 0x80), number, six arguments.
 * Standard output: an i64 for each attempt as the call returned it, then an i64 with the status of wait(2).
 *
 * The filters let nothing through, not even exit(2): so the child writes to shared memory only, and then spins until it
 * is killed. Static and without libc's wrappers after the filter is set.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct attempt { uint64_t how, number, arguments[6]; };

static void take(void *to, size_t size) {
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(0, (char *)to + done, size - done);
        if (got <= 0) _exit(2);
        done += (size_t)got;
    }
}

static int64_t by_syscall(const struct attempt *a) {
    int64_t result;
    register uint64_t r10 __asm__("r10") = a->arguments[3];
    register uint64_t r8 __asm__("r8") = a->arguments[4];
    register uint64_t r9 __asm__("r9") = a->arguments[5];
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(a->number), "D"(a->arguments[0]), "S"(a->arguments[1]), "d"(a->arguments[2]), "r"(r10),
                       "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static int64_t by_interrupt(const struct attempt *a) {
    int64_t result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(a->number), "b"(a->arguments[0]), "c"(a->arguments[1]), "d"(a->arguments[2]),
                       "S"(a->arguments[3]), "D"(a->arguments[4])
                     : "r8", "r9", "r10", "r11", "memory");
    return (int32_t)result;
}

int main(void) {
    uint32_t filters, attempts;
    take(&filters, 4);
    if (filters > 8) return 2;
    struct sock_fprog programs[8];
    for (uint32_t i = 0; i < filters; i++) {
        uint32_t count;
        take(&count, 4);
        if (count > 4096) return 2;
        programs[i].len = (unsigned short)count;
        programs[i].filter = malloc(count * 8);
        take(programs[i].filter, count * 8);
    }
    take(&attempts, 4);
    struct attempt *all = calloc(attempts, sizeof *all);
    take(all, attempts * sizeof *all);
    size_t size = 8 + attempts * 8;
    volatile int64_t *shared = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 2;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) _exit(3);
        for (uint32_t i = 0; i < filters; i++) {
            if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &programs[i])) {
                if (i == 0) _exit(4);
                break;
            }
        }
        for (uint32_t i = 0; i < attempts; i++)
            shared[1 + i] = all[i].how ? by_interrupt(&all[i]) : by_syscall(&all[i]);
        shared[0] = 1;
        for (;;) __asm__ volatile("pause");
    }
    int status = 0;
    pid_t ended = 0;
    for (int waited = 0; waited < 20000 && !shared[0] && !ended; waited++) {
        ended = waitpid(child, &status, WNOHANG);
        struct timespec moment = {0, 500000};
        nanosleep(&moment, 0);
    }
    if (!ended) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    int64_t last = shared[0] ? 0 : (int64_t)status;
    write(1, (const void *)(shared + 1), attempts * 8);
    write(1, &last, 8);
    return 0;
}
