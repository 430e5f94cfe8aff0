/* System calls by each of the three entry points of an x86_64 kernel. */
#include "attempts.h"

static long by_int80(long number, const long args[6])
{
    long result;
    register long ebp_value = args[5];
    __asm__ volatile("push %%rbp\n\tmov %[six], %%rbp\n\tint $0x80\n\tpop %%rbp"
                     : "=a"(result)
                     : "a"(number), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3]), "D"(args[4]),
                       [six] "r"(ebp_value)
                     : "r8", "r9", "r10", "r11", "memory", "cc");
    if ((int)result < 0 && (int)result > -4096) {
        errno = -(int)result;
        return -1;
    }
    return result;
}

long raw_call(enum entry entry, const struct raw *raw)
{
    const long *a = raw->args;
    if (entry == I386)
        return by_int80(raw->n32, a);
    if (entry == WIDE)
        return syscall(raw->n64, a[0] | 1L << 32, a[1], a[2], a[3], a[4], a[5]);
    return syscall(entry == X32 ? raw->n64 | 0x40000000L : raw->n64, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int call(enum entry entry, int n64, int n32, long a, long b, long c, long d)
{
    struct raw raw = {.n64 = n64, .n32 = n32, .args = {a, b, c, d, 0, 0}};
    return outcome(raw_call(entry, &raw));
}
