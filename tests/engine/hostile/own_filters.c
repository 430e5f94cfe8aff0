/* Puts the filters of a file before itself, and waits: own_filters FILE. Built by test_filters_of_a_container.py.
 *
 * The file: for each filter a u32 with the number of its instructions, then these, 8 bytes each.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter code[1 << 17];

int main(int count, char **arguments)
{
	uint32_t length;
	int file = count > 1 ? open(arguments[1], O_RDONLY) : -1;

	if (file < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 2;
	/* all are read before the first is in force */
	struct sock_fprog programs[4096];
	int programs_count = 0;
	struct sock_filter *next = code;
	while (read(file, &length, sizeof length) == sizeof length) {
		if (read(file, next, length * sizeof *next) != (ssize_t)(length * sizeof *next))
			return 3;
		programs[programs_count++] = (struct sock_fprog){(unsigned short)length, next};
		next += length;
	}
	for (int place = 0; place < programs_count; place++)
		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &programs[place], 0, 0, 0) != 0)
			return 4;
	for (;;)
		syscall(SYS_pause, 0, 0, 0, 0, 0, 0);
}
