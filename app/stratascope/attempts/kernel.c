/* Attempts on the kernel that are more than one plain call. */
#include "attempts.h"
#include <linux/keyctl.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

/* reboot(2) checks the right first, and its magic numbers then; in a PID namespace of its own it ends only that */
static int restart(enum entry entry)
{
    int result = call(entry, 169, 88, 1, 2, 3, 0);
    return result == EINVAL ? (host_pids() ? 0 : IN_VAIN) : result;
}

static int reboot_direct(void) { return restart(X86_64); }
static int reboot_by_i386(void) { return restart(I386); }

static int load_from_file(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? UNTRIED : outcome(syscall(SYS_finit_module, fd, "", 0));
}

static int tick(int by_clock) /* its own value: nothing changes */
{
    struct timex now = {0};
    if ((by_clock ? syscall(SYS_clock_adjtime, CLOCK_REALTIME, &now) : syscall(SYS_adjtimex, &now)) < 0)
        return errno;
    now.modes = ADJ_TICK;
    return outcome(by_clock ? syscall(SYS_clock_adjtime, CLOCK_REALTIME, &now) : syscall(SYS_adjtimex, &now));
}

static int adjust(void) { return tick(0); }
static int adjust_clock(void) { return tick(1); }

/* 1970 is before the machine started, so the kernel says EINVAL after it has checked the right (since Linux 4.3) */
static int set_clock(void)
{
    struct timespec past = {0, 0}, up;
    if (clock_gettime(CLOCK_MONOTONIC, &up) < 0 || up.tv_sec < 10)
        return UNTRIED;
    return outcome(syscall(SYS_clock_settime, CLOCK_REALTIME, &past));
}

static int set_time_zone(void) /* to what it is, if that is none */
{
    struct timezone zone;
    struct timeval now;
    if (syscall(SYS_gettimeofday, &now, &zone) < 0 || zone.tz_minuteswest != 0)
        return UNTRIED;
    return outcome(syscall(SYS_settimeofday, NULL, &zone));
}

static int host_key(void) /* the harness put it into the same user's keyring on the host */
{
    char text[64];
    long key;
    if (!getenv("STRATA_KEY"))
        return UNTRIED;
    if (syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0)
        return errno;
    key = syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_PROCESS_KEYRING, "user", getenv("STRATA_KEY"), 0);
    return key < 0 ? errno : outcome(syscall(SYS_keyctl, KEYCTL_READ, key, text, sizeof text));
}

const struct attempt KERNEL[] = {
    {"reboot", "direct", "reboot(bad magic)", reboot_direct, SUCCESS, 1},
    {"reboot", "direct, i386", "reboot(bad magic)", reboot_by_i386, SUCCESS, 1},
    {"load-module", "finit_module", "finit_module(/attempts)", load_from_file, OPEN_IF(ENOEXEC)},
    {"set-clock", "adjtimex", "adjtimex(ADJ_TICK)", adjust, SUCCESS},
    {"set-clock", "clock_adjtime", "clock_adjtime(ADJ_TICK)", adjust_clock, SUCCESS},
    {"set-clock", "clock_settime", "clock_settime(1970)", set_clock, OPEN_IF(EINVAL)},
    {"set-clock", "settimeofday", "settimeofday(time zone)", set_time_zone, SUCCESS},
    {"read-host-keyring", "direct", "keyctl(KEYCTL_READ)", host_key, SUCCESS},
    {0},
};
