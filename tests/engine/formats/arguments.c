/* Makes calls that a filter tells apart by one argument, each by every form that the kernel takes for the same, and says
 * how each ended: NAME ERRNO, or `ok`. Its own terminal, with itself in front of it, so that nothing but the filter is in
 * the way. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void told(const char *name, long result)
{
	if (result < 0)
		printf("%s %d\n", name, errno);
	else
		printf("%s ok\n", name);
}

/* int 0x80 with memory that a 32-bit program could name is not needed: the filter answers first */
static long narrow(long number, long one, long two, long three)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(one), "c"(two), "d"(three) : "memory", "r8", "r9", "r10", "r11");
	if (result < 0 && result > -4096) {
		errno = -result;
		return -1;
	}
	return result;
}

int main(void)
{
	const unsigned long high = 1UL << 32, signs = 0xffffffff00000000UL;
	char typed = 'x', paste = 3;
	int number = 0, waiting = 0, on = 1;
	struct winsize size;
	char settings[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	setsid();
	int main_end = posix_openpt(O_RDWR | O_NOCTTY);
	grantpt(main_end);
	unlockpt(main_end);
	int end = open(ptsname(main_end), O_RDWR | O_NOCTTY);
	told("own", ioctl(end, TIOCSCTTY, 0));

	told("type", syscall(SYS_ioctl, end, 0x5412UL, &typed));
	told("type-high", syscall(SYS_ioctl, end, 0x5412UL | high, &typed));
	told("type-signs", syscall(SYS_ioctl, end, 0x5412UL | signs, &typed));
	told("type-narrow", narrow(54, end, 0x5412, 0));
	told("paste", syscall(SYS_ioctl, end, 0x541cUL, &paste));
	told("paste-high", syscall(SYS_ioctl, end, 0x541cUL | high, &paste));
	told("faults", syscall(SYS_ioctl, end, 0xaa00UL, 0));
	told("faults-high", syscall(SYS_ioctl, end, 0xaa00UL | high, 0));

	told("settings", syscall(SYS_ioctl, end, (unsigned long)TCGETS, settings));
	told("size", ioctl(end, TIOCGWINSZ, &size));
	told("number", syscall(SYS_ioctl, main_end, (unsigned long)TIOCGPTN, &number));
	told("number-signs", syscall(SYS_ioctl, main_end, TIOCGPTN | signs, &number)); /* as musl gives it */
	told("waiting", syscall(SYS_ioctl, end, (unsigned long)FIONREAD, &waiting));
	told("not-blocking", syscall(SYS_ioctl, end, (unsigned long)FIONBIO, &on));

	told("name", prctl(PR_SET_NAME, "it", 0, 0, 0));
	told("name-high", syscall(SYS_prctl, PR_SET_NAME | high, "it", 0, 0, 0)); /* an int's upper half is anything */
	told("mine", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	told("clock", prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0));
	told("clock-high", syscall(SYS_prctl, PR_SET_TSC | high, PR_TSC_ENABLE, 0, 0, 0));
	told("cache", prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0));
	return 0;
}
