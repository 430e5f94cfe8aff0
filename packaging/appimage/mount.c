/* Mounts the image by FUSE, and watches over the end: no mount and no folder stays, however the program ends.
 *
 * Two processes of their own do it. The server answers the kernel's questions and watches the program by a pidfd; it
 * unmounts when the program has ended, by SIGKILL too. The keeper above it only waits for the server, and unmounts
 * where that one was killed. Both are nobody's children, in a session of their own, hold none of our descriptors and
 * bear another name, so that what is meant for the program (Ctrl+C, a closed terminal, pkill -f) does not hit them.
 * Decided against a pipe that the program inherits: whatever it starts would inherit it too and keep the mount alive.
 */

#define _GNU_SOURCE
#define FUSE_USE_VERSION 32

#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <squashfuse/ll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BLOCKS = 64,       /* unpacked blocks kept at hand: pages of many libraries are asked for in turns */
	FRAGMENTS = 16,    /* the same of the ends of files */
	LOOK = 250,        /* ms between two looks where there is no pidfd_open(2): before Linux 5.3 */
	STATUS = 3         /* the descriptor on which the server says that it is ready */
};

/* In the static archive, but not in the header that is installed. */
static const struct fuse_lowlevel_ops OPERATIONS = {
	.getattr = sqfs_ll_op_getattr,
	.opendir = sqfs_ll_op_opendir,
	.releasedir = sqfs_ll_op_releasedir,
	.readdir = sqfs_ll_op_readdir,
	.lookup = sqfs_ll_op_lookup,
	.open = sqfs_ll_op_open,
	.create = sqfs_ll_op_create,
	.release = sqfs_ll_op_release,
	.read = sqfs_ll_op_read,
	.readlink = sqfs_ll_op_readlink,
	.listxattr = sqfs_ll_op_listxattr,
	.getxattr = sqfs_ll_op_getxattr,
	.forget = sqfs_ll_op_forget,
	.statfs = stfs_ll_op_statfs,
};

/* The image's blocks are compressed by zstd only. squashfuse knows two more that are never asked for here; with these
 * the two libraries need not be linked. */
int LZ4_decompress_safe(const char *from, char *to, int size, int room);
int lzo1x_decompress_safe(const unsigned char *from, size_t size, unsigned char *to, size_t *room, void *memory);

int LZ4_decompress_safe(const char *from, char *to, int size, int room)
{
	(void)from, (void)to, (void)size, (void)room;
	return -1;
}

int lzo1x_decompress_safe(const unsigned char *from, size_t size, unsigned char *to, size_t *room, void *memory)
{
	(void)from, (void)size, (void)to, (void)room, (void)memory;
	return -1;
}

/* A process that is not our child and has nothing of ours but these descriptors (-1: none), as STATUS and the next.
 * Returns 0 in it, 1 in the caller, -1 where there is none. */
static int detach(int status, int watched)
{
	struct sigaction before, usual = {.sa_handler = SIG_DFL};
	int code = -1;

	sigaction(SIGCHLD, &usual, &before); /* where it is ignored, waitpid(2) has nothing to tell */
	pid_t between = fork();
	if (between > 0)
		between = waitpid(between, &code, 0);
	if (between != 0) {
		sigaction(SIGCHLD, &before, NULL); /* the program inherits what was */
		return between > 0 && WIFEXITED(code) && WEXITSTATUS(code) == 0 ? 1 : -1;
	}
	setsid();
	pid_t child = fork();
	if (child != 0)
		_exit(child < 0);

	const int kept[] = {status, watched};
	int away[2], next = STATUS, null = open("/dev/null", O_RDWR);
	for (int place = 0; place < 2; place++) /* our standard descriptors may be closed, and these in their place */
		away[place] = kept[place] < 0 ? -1 : fcntl(kept[place], F_DUPFD, STATUS + 2);
	for (int standard = 0; standard < STATUS; standard++)
		dup2(null, standard);
	for (int place = 0; place < 2; place++)
		if (away[place] >= 0)
			dup2(away[place], next++);
	if (syscall(SYS_close_range, next, ~0U, 0) != 0) /* before Linux 5.9 */
		for (long place = sysconf(_SC_OPEN_MAX) > 65536 ? 65536 : sysconf(_SC_OPEN_MAX); place >= next; place--)
			close((int)place);
	if (chdir("/") != 0)
		_exit(1);
	return 0;
}

/* Another name than the program's, in the list of processes too: that is where the arguments lie. */
static void rename_process(void)
{
	char text[4096];
	static const char NAME[] = "appimage-mount";
	FILE *stat = fopen("/proc/self/stat", "r");

	prctl(PR_SET_NAME, NAME);
	if (stat == NULL)
		return;
	size_t got = fread(text, 1, sizeof text - 1, stat);
	fclose(stat);
	text[got] = '\0';
	unsigned long start = 0, end = 0;
	const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; rest != NULL && field < 48; field++)
		rest = strchr(rest + 1, ' ');
	/* proc(5): fields 48 and 49, arg_start and arg_end */
	if (rest != NULL && sscanf(rest, "%lu %lu", &start, &end) == 2 && end > start + sizeof NAME) {
		memset((void *)start, 0, end - start); // NOLINT: that is our own memory
		memcpy((void *)start, NAME, sizeof NAME);
	}
}

static int ended(pid_t pid)
{
	return kill(pid, 0) != 0 && errno == ESRCH;
}

static void unmount(const char *folder)
{
	if (umount2(folder, MNT_DETACH) != 0 && errno == EPERM) {
		pid_t child = fork();
		if (child == 0) {
			execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", folder, (char *)NULL);
			_exit(127);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	rmdir(folder);
}

/* Answers the kernel until the program has ended or somebody has unmounted it. */
static void serve(struct fuse_session *session, pid_t program, int watched)
{
	struct fuse_buf buffer = {.mem = NULL};
	struct pollfd places[] = {
		{.fd = fuse_session_fd(session), .events = POLLIN},
		{.fd = watched, .events = POLLIN}, /* -1 is ignored by poll(2) */
	};

	while (!fuse_session_exited(session)) {
		int ready = poll(places, 2, watched < 0 ? LOOK : -1);
		if (ready < 0 && errno != EINTR)
			break;
		if (ready <= 0) {
			if (watched < 0 && ended(program))
				break;
			continue;
		}
		if (places[1].revents != 0)
			break;
		int got = fuse_session_receive_buf(session, &buffer);
		if (got == -EINTR || got == -EAGAIN)
			continue;
		if (got <= 0)
			break;
		fuse_session_process_buf(session, &buffer);
	}
	free(buffer.mem);
}

static void silent(enum fuse_log_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
}

/* Says one byte on STATUS when it is mounted. */
static void mount_and_serve(const struct image *image, const char *folder, pid_t program, int watched)
{
	char *words[] = {(char *)"stratascope", (char *)"-o", (char *)"ro,nosuid,nodev,fsname=stratascope,subtype=appimage"};
	struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
	sqfs_ll *files = sqfs_ll_open(image->path, image->offset);

	fuse_set_log_func(silent);
	if (files == NULL)
		return;
	sqfs_cache_destroy(&files->fs.data_cache);
	sqfs_cache_destroy(&files->fs.frag_cache);
	if (sqfs_block_cache_init(&files->fs.data_cache, BLOCKS) != SQFS_OK ||
	    sqfs_block_cache_init(&files->fs.frag_cache, FRAGMENTS) != SQFS_OK)
		return;
	struct fuse_session *session = fuse_session_new(&arguments, &OPERATIONS, sizeof OPERATIONS, files);
	if (session == NULL)
		return;
	if (fuse_session_mount(session, folder) == 0) {
		if (write(STATUS, "", 1) == 1) {
			close(STATUS);
			serve(session, program, watched);
		}
		fuse_session_unmount(session); /* at once, also where somebody still looks into it */
	}
	rmdir(folder);
	_exit(0); /* the kernel takes the memory back */
}

/* Waits for the server, and cleans up after it whatever happened. */
static void keep(const struct image *image, const char *folder, pid_t program, int watched)
{
	rename_process();
	pid_t server = fork();

	if (server == 0) {
		mount_and_serve(image, folder, program, watched);
		_exit(1);
	}
	close(STATUS);
	if (server > 0)
		while (waitpid(server, NULL, 0) < 0 && errno == EINTR)
			continue;
	unmount(folder);
	_exit(0);
}

int mount_image(const struct image *image, char *folder)
{
	char byte;
	char path[PATH_MAX];
	int ends[2];
	pid_t program = getpid();
	ssize_t length = readlink(image->path, path, sizeof path - 1);

	if (length < 0 || access("/dev/fuse", R_OK | W_OK) != 0 || new_folder(folder, 0) != 0)
		return -1;
	path[length] = '\0';
	if (pipe(ends) != 0) {
		rmdir(folder);
		return -1;
	}
	int watched = (int)syscall(SYS_pidfd_open, program, 0);
	int side = detach(ends[1], watched);
	if (side == 0)
		keep(image, folder, program, watched < 0 ? -1 : STATUS + 1);
	close(ends[1]);
	if (watched >= 0)
		close(watched);
	ssize_t got = -1;
	if (side > 0)
		while ((got = read(ends[0], &byte, 1)) < 0 && errno == EINTR)
			continue;
	close(ends[0]);
	if (got == 1)
		return 0;
	rmdir(folder);
	return -1;
}

int remove_afterwards(pid_t pid, const char *folder)
{
	int watched = (int)syscall(SYS_pidfd_open, pid, 0);
	int side = detach(-1, watched);

	if (side == 0) {
		struct pollfd place = {.fd = watched < 0 ? -1 : STATUS, .events = POLLIN};
		rename_process();
		while (poll(&place, 1, watched < 0 ? LOOK : -1) <= 0)
			if (watched < 0 && ended(pid))
				break;
		remove_tree(folder);
		_exit(0);
	}
	if (watched >= 0)
		close(watched);
	return side > 0 ? 0 : -1;
}
