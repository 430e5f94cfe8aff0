/* Writes the files of the image into a folder, and removes such a folder again.
 *
 * Where there is no FUSE, and for --appimage-extract. Nothing is written outside of that folder, whatever the image says
 * and whatever links were there before. Decided against calling unsquashfs: hardly anybody has it.
 */

#define _GNU_SOURCE

#include "runtime.h"
#include "squashfs.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	MARGIN = 16 << 20,    /* bytes left free beside what is unpacked */
	HANDLES = 16          /* folders that nftw(3) keeps open */
};

/* What is asked of an unpacking, and how far it is. */
struct unpacking {
	int root, aloud, found;
	const char *folder, *pattern;
	char path[PATH_MAX]; /* of the last one */
};

static int pass(struct squashfs *files, const char *path, const struct inode *inode, void *own)
{
	(void)files, (void)path, (void)inode, (void)own;
	return 0;
}

unsigned long long unpacked_size(const struct image *image)
{
	struct squashfs files;

	if (squashfs_open(&files, image) != 0)
		return 0;
	int status = squashfs_walk(&files, pass, NULL);
	squashfs_close(&files);
	return status == 0 ? files.bytes : 0;
}

static int put_file(struct squashfs *files, const struct inode *inode, int folder, const char *name)
{
	int handle = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (handle < 0)
		return -1;
	int status = squashfs_write(files, inode, handle);
	if (status == 0)
		status = fchmod(handle, inode->mode & 0777);
	int why = errno;
	if (close(handle) != 0 && status == 0)
		return -1;
	errno = why;
	return status;
}

static int put_link(struct squashfs *files, const struct inode *inode, int folder, const char *name)
{
	char target[PATH_MAX];

	if (squashfs_target(files, inode, target, sizeof target) != 0)
		return -1;
	return symlinkat(target, folder, name);
}

/* A folder of that name, made where there is none. What else is there gives way, a link too: nothing is ever written
 * through one. Returns a handle, or -1. */
static int enter(int folder, const char *name)
{
	for (int turn = 0; turn < 2; turn++) {
		if (mkdirat(folder, name, 0755) != 0 && errno != EEXIST)
			return -1;
		int handle = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (handle >= 0 || (errno != ENOTDIR && errno != ELOOP))
			return handle;
		if (unlinkat(folder, name, 0) != 0)
			return -1;
	}
	return -1;
}

/* The folder for the last part of `path`, which goes to `name`. Returns a handle, or -1. */
static int parent_of(int root, const char *path, const char **name)
{
	char part[NAME_MAX + 1];
	int folder = fcntl(root, F_DUPFD_CLOEXEC, 0);

	for (const char *slash; folder >= 0 && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
		int above = folder;
		snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
		folder = enter(above, part);
		close(above);
	}
	*name = path;
	return folder;
}

/* What is there from an earlier time gives way; folders stay. */
static int put(struct squashfs *files, const struct inode *inode, int root, const char *path)
{
	const char *name;
	int status = 0, folder = parent_of(root, path, &name);

	if (folder < 0)
		return -1;
	if (inode->kind == S_IFDIR) {
		int made = enter(folder, name);
		status = made < 0 ? -1 : close(made);
	} else if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
		status = -1;
	} else if (inode->kind == S_IFLNK) {
		status = put_link(files, inode, folder, name);
	} else if (inode->kind == S_IFREG) {
		status = put_file(files, inode, folder, name);
	}
	int why = errno;
	close(folder);
	errno = why;
	return status;
}

static int matches(const char *name, const char *pattern)
{
	if (pattern == NULL)
		return 1;
	while (*pattern == '/')
		pattern++;
	/* a folder stands for all in it */
	return fnmatch(pattern, name, FNM_LEADING_DIR) == 0;
}

static int put_matching(struct squashfs *files, const char *path, const struct inode *inode, void *own)
{
	struct unpacking *asked = own;

	if (!matches(path, asked->pattern))
		return 0;
	asked->found = 1;
	snprintf(asked->path, sizeof asked->path, "%s", path);
	if (put(files, inode, asked->root, path) != 0)
		return -1;
	if (asked->aloud)
		printf("%s/%s\n", asked->folder, path);
	return 0;
}

int unpack(const struct image *image, const char *folder, const char *pattern, int aloud)
{
	struct squashfs files;
	struct unpacking asked = {.aloud = aloud, .folder = folder, .pattern = pattern};
	int status = -1;

	asked.root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (asked.root < 0) {
		say("%s can't be written to: %s", folder, strerror(errno));
		return -1;
	}
	if (squashfs_open(&files, image) == 0) {
		/* all of it is looked at before the first file is written */
		status = squashfs_walk(&files, pass, NULL) != 0 ? -1 : squashfs_walk(&files, put_matching, &asked);
		int why = errno;
		squashfs_close(&files);
		errno = why;
	}
	int why = errno;
	close(asked.root);
	if (status != 0 && why != EBADMSG && asked.found)
		say("%s/%s can't be unpacked: %s", folder, asked.path, strerror(why));
	else if (status != 0)
		say("this AppImage is damaged; get it again");
	else if (!asked.found)
		say("no file in this AppImage is named like %s", pattern == NULL ? "*" : pattern);
	return status == 0 && asked.found ? 0 : -1;
}

static int fits(const char *folder, unsigned long long bytes)
{
	struct statvfs room;

	if (*folder != '/' || access(folder, W_OK | X_OK) != 0 || statvfs(folder, &room) != 0)
		return 0;
	if (bytes == 0) /* to be mounted on: what is mounted there has flags of its own */
		return 1;
	return (room.f_flag & ST_NOEXEC) == 0 && (unsigned long long)room.f_bavail * room.f_frsize > bytes + MARGIN;
}

int new_folder(char *folder, unsigned long long bytes)
{
	char cache[PATH_MAX] = "";
	const char *home = getenv("HOME"), *caches = getenv("XDG_CACHE_HOME");

	if (caches != NULL && *caches == '/')
		snprintf(cache, sizeof cache, "%s", caches);
	else if (home != NULL)
		snprintf(cache, sizeof cache, "%s/.cache", home);
	const char *places[] = {getenv("TMPDIR"), "/tmp", "/var/tmp", getenv("XDG_RUNTIME_DIR"), cache, home, "/dev/shm"};
	for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
		if (places[place] == NULL || !fits(places[place], bytes))
			continue;
		if (snprintf(folder, PATH_MAX, "%s/.mount_StrataXXXXXX", places[place]) < PATH_MAX && mkdtemp(folder) != NULL)
			return 0;
	}
	return -1;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *where)
{
	(void)facts, (void)kind, (void)where;
	remove(path);
	return 0;
}

void remove_tree(const char *folder)
{
	nftw(folder, remove_one, HANDLES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
