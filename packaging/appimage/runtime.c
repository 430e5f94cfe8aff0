/* The part of the AppImage that is started: it mounts the file system behind itself and becomes the AppRun in it.
 *
 * An AppImage of type 2 is an ELF program with "AI\2" at offset 8 and a squashfs appended to it. This program finds
 * where it ends itself, has a process of its own serve the squashfs by FUSE, and calls execve(2) on AppRun: the
 * program keeps our PID, so that exit status, signals, terminal and job control are its own. Where FUSE is not to be
 * had, the files are unpacked instead, and removed when the program has ended.
 *
 * Linked statically, since it must run on any Linux. Decided against the runtimes that others build: none is in a
 * package registry. Decided against waiting for the program and passing its signals on: exec does that by itself.
 */

#define _GNU_SOURCE

#include "runtime.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

#define UNPACKED "squashfs-root" /* what --appimage-extract makes; scripts rely on the name */
#define PREFIX "--appimage-"

enum { EXIT_USAGE = 2, EXIT_RUNTIME = 127 };

static const char HELP[] =
	"Stratascope as an AppImage. Without one of these options, all arguments go to the program.\n"
	"\n"
	"  --appimage-extract [PATTERN]  unpack all files, or those that match, to ./" UNPACKED "\n"
	"  --appimage-extract-and-run …  unpack to a temporary folder, run it from there, remove it at the end\n"
	"  --appimage-mount              mount it, say where, and wait to be ended\n"
	"  --appimage-offset             where in this file the file system begins, in bytes\n"
	"  --appimage-version            the version of this AppImage\n"
	"  --appimage-help               this text\n"
	"\n"
	"APPIMAGE_EXTRACT_AND_RUN=1 in the environment does the same as --appimage-extract-and-run. It is done by itself\n"
	"where there is no FUSE: install the package fuse3 for a faster start.\n";

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("stratascope: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
}

/* The squashfs begins where the section headers end: the linker puts them last. */
static int end_of_program(const char *path, size_t *offset)
{
	Elf64_Ehdr header;
	struct stat facts;
	int handle = open(path, O_RDONLY | O_CLOEXEC);

	if (handle < 0)
		return -1;
	ssize_t got = read(handle, &header, sizeof header);
	int known = fstat(handle, &facts);
	close(handle);
	if (got < 0 || known != 0)
		return -1;
	uint64_t headers = (uint64_t)header.e_shnum * header.e_shentsize;
	errno = ENOEXEC;
	if (got != sizeof header || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_shoff > (uint64_t)facts.st_size || headers > (uint64_t)facts.st_size - header.e_shoff)
		return -1;
	*offset = header.e_shoff + headers;
	return 0;
}

/* A value that is there already, because a terminal is an AppImage too, is kept as NAME_ORIG: app/stratascope/appimage_environment.py
 * puts it back, so that the program's helpers have what the user had. */
static int set_variable(const char *name, const char *value)
{
	char kept[32];
	const char *before = getenv(name);
	int status = 0;

	snprintf(kept, sizeof kept, "%s_ORIG", name);
	status |= before ? setenv(kept, before, 1) : unsetenv(kept);
	return status | (value ? setenv(name, value, 1) : unsetenv(name));
}

static int set_environment(const char *appimage, const char *folder, const char *name)
{
	char *here = getcwd(NULL, 0); /* NULL where it was removed under us */
	int status = set_variable("APPIMAGE", appimage) | set_variable("APPDIR", folder);

	status |= set_variable("ARGV0", name) | set_variable("OWD", here);
	free(here);
	return status;
}

/* Returns only where that fails, with the exit status. */
static int become(const char *appimage, const char *folder, char **arguments)
{
	char program[PATH_MAX];

	if (snprintf(program, sizeof program, "%s/AppRun", folder) >= (int)sizeof program ||
	    set_environment(appimage, folder, arguments[0]) != 0) {
		say("out of memory");
		return EXIT_RUNTIME;
	}
	execv(program, arguments);
	say("%s can't be started: %s", program, strerror(errno));
	return EXIT_RUNTIME;
}

static int run_unpacked(const struct image *image, const char *appimage, char **arguments)
{
	char folder[PATH_MAX];
	unsigned long long bytes = unpacked_size(image);

	if (bytes == 0) {
		say("%s is damaged; get it again", appimage);
		return EXIT_RUNTIME;
	}
	if (new_folder(folder, bytes) != 0) {
		say("there is no folder with %llu MB free to unpack to; set TMPDIR to one, or install the package fuse3",
		    bytes >> 20);
		return EXIT_RUNTIME;
	}
	/* first, so that nothing is left either where this is interrupted */
	if (remove_afterwards(getpid(), folder) != 0) {
		say("can't start a process: %s", strerror(errno));
		remove_tree(folder);
		return EXIT_RUNTIME;
	}
	if (unpack(image, folder, NULL, 0) != 0)
		return EXIT_RUNTIME;
	return become(appimage, folder, arguments);
}

static int run(const struct image *image, const char *appimage, char **arguments)
{
	char folder[PATH_MAX];
	const char *asked = getenv("APPIMAGE_EXTRACT_AND_RUN");

	if (asked != NULL && *asked != '\0' && strcmp(asked, "0") != 0)
		return run_unpacked(image, appimage, arguments);
	if (mount_image(image, folder) != 0) {
		say("this AppImage can't be mounted here, so it is unpacked for this run, which takes longer; "
		    "the package fuse3 mends that");
		return run_unpacked(image, appimage, arguments);
	}
	return become(appimage, folder, arguments);
}

static int extract(const struct image *image, const char *pattern)
{
	if (mkdir(UNPACKED, 0755) != 0 && errno != EEXIST) {
		say("%s can't be made here: %s", UNPACKED, strerror(errno));
		return EXIT_RUNTIME;
	}
	return unpack(image, UNPACKED, pattern, 1) == 0 ? EXIT_SUCCESS : EXIT_RUNTIME;
}

static int show_mounted(const struct image *image)
{
	char folder[PATH_MAX];
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (mount_image(image, folder) != 0) {
		say("this AppImage can't be mounted here; the package fuse3 mends that, and --appimage-extract unpacks it");
		return EXIT_RUNTIME;
	}
	sigprocmask(SIG_BLOCK, &signals, NULL);
	puts(folder);
	fflush(stdout);
	sigwait(&signals, &number);
	return EXIT_SUCCESS; /* our end is the mount's end */
}

static int own_option(const struct image *image, const char *appimage, int count, char **arguments)
{
	const char *option = arguments[1] + strlen(PREFIX);

	if (strcmp(option, "help") == 0)
		return fputs(HELP, stdout) < 0;
	if (strcmp(option, "version") == 0)
		return puts("Stratascope " VERSION) < 0;
	if (strcmp(option, "offset") == 0)
		return printf("%zu\n", image->offset) < 0;
	if (strcmp(option, "mount") == 0)
		return show_mounted(image);
	if (strcmp(option, "extract") == 0)
		return extract(image, count > 2 ? arguments[2] : NULL);
	if (strcmp(option, "extract-and-run") == 0) {
		arguments[1] = arguments[0];
		return run_unpacked(image, appimage, arguments + 1);
	}
	say("%s is not known; --appimage-help lists what there is", arguments[1]);
	return EXIT_USAGE;
}

int main(int count, char **arguments)
{
	static char appimage[PATH_MAX];
	char *name[] = {(char *)"stratascope", NULL};
	struct image image = {.path = "/proc/self/exe"};
	ssize_t length = readlink("/proc/self/exe", appimage, sizeof appimage - 1);

	if (length < 0) {
		say("/proc is not mounted, and nothing can be done without it");
		return EXIT_RUNTIME;
	}
	appimage[length] = '\0';
	if (end_of_program(image.path, &image.offset) != 0) {
		say("%s can't be read: %s", appimage, strerror(errno));
		return EXIT_RUNTIME;
	}
	if (count < 1) /* execve(2) allows it */
		arguments = name;
	if (count > 1 && strncmp(arguments[1], PREFIX, strlen(PREFIX)) == 0)
		return own_option(&image, appimage, count, arguments);
	return run(&image, appimage, arguments);
}
