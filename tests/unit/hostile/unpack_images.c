/* Unpacks damaged images with packaging/appimage/unpack.c, each in a process of its own. Built and fed by
 * test_damaged_images.py, with sanitizers.
 *
 * Standard input: a line IMAGE<tab>FOLDER each. Standard output: a line each, `exit N` or `signal N`; what the process
 * said on standard error is in FOLDER.said.
 */
#define _GNU_SOURCE
#include "runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("said: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

static int one(const char *path, const char *folder)
{
	char said[PATH_MAX + 8];
	struct image image = {.path = path};
	struct rlimit seconds = {5, 5}; /* what goes on without end is told as signal 24 */

	setrlimit(RLIMIT_CPU, &seconds);
	snprintf(said, sizeof said, "%s.said", folder);
	int handle = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(handle, STDERR_FILENO);
	dup2(handle, STDOUT_FILENO);
	unsigned long long bytes = unpacked_size(&image);
	int status = unpack(&image, folder, NULL, 0);
	/* the size is what room is looked for: a whole image has one, and what has none is not unpacked */
	return status == 0 && bytes > 0 ? 0 : status == 0 ? 3 : 1;
}

int main(void)
{
	char line[2 * PATH_MAX];

	while (fgets(line, sizeof line, stdin) != NULL) {
		char *folder = strchr(line, '\t');
		int code;
		line[strcspn(line, "\n")] = '\0';
		*folder++ = '\0';
		fflush(stdout);
		pid_t child = fork();
		if (child == 0)
			_exit(one(line, folder));
		if (waitpid(child, &code, 0) != child)
			return 2;
		if (WIFSIGNALED(code))
			printf("signal %d\n", WTERMSIG(code));
		else
			printf("exit %d\n", WEXITSTATUS(code));
		fflush(stdout);
	}
	return 0;
}
