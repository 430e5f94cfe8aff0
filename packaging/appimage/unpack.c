/* Writes the files of the image into a folder, and removes such a folder again.
 *
 * Where there is no FUSE, and for --appimage-extract. Decided against calling unsquashfs: hardly anybody has it.
 */

#define _GNU_SOURCE

#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <squashfuse/squashfuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
	PIECE = 1 << 18,      /* bytes read at once */
	MARGIN = 16 << 20,    /* bytes left free beside what is unpacked */
	HANDLES = 16          /* folders that nftw(3) keeps open */
};

static int open_image(const struct image *image, sqfs *files)
{
	sqfs_fd_t handle = open(image->path, O_RDONLY | O_CLOEXEC);

	if (handle < 0)
		return -1;
	if (sqfs_init(files, handle, image->offset) != SQFS_OK) {
		close(handle);
		return -1;
	}
	return 0;
}

static void close_image(sqfs *files)
{
	sqfs_fd_t handle = files->fd;

	sqfs_destroy(files);
	close(handle);
}

unsigned long long unpacked_size(const struct image *image)
{
	sqfs files;
	sqfs_traverse walk;
	sqfs_err error = SQFS_ERR;
	unsigned long long bytes = 0;

	if (open_image(image, &files) != 0)
		return 0;
	if (sqfs_traverse_open(&walk, &files, sqfs_inode_root(&files)) == SQFS_OK) {
		while (sqfs_traverse_next(&walk, &error)) {
			sqfs_inode inode;
			if (!walk.dir_end && sqfs_inode_get(&files, &inode, sqfs_dentry_inode(&walk.entry)) == SQFS_OK &&
			    S_ISREG(inode.base.mode))
				bytes += (inode.xtra.reg.file_size + 4095) & ~4095ULL;
		}
		sqfs_traverse_close(&walk);
	}
	close_image(&files);
	return error == SQFS_OK ? bytes : 0;
}

static int write_all(int handle, const char *bytes, size_t left)
{
	while (left > 0) {
		ssize_t done = write(handle, bytes, left);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		bytes += done;
		left -= (size_t)done;
	}
	return 0;
}

static int put_file(sqfs *files, sqfs_inode *inode, const char *path)
{
	static char piece[PIECE];
	uint64_t place = 0, size = inode->xtra.reg.file_size;
	int handle = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int status = handle < 0 ? -1 : 0;

	while (status == 0 && place < size) {
		sqfs_off_t got = sizeof piece;
		if (sqfs_read_range(files, inode, (sqfs_off_t)place, &got, piece) != SQFS_OK || got <= 0) {
			errno = EIO;
			status = -1;
		} else {
			status = write_all(handle, piece, (size_t)got);
			place += (uint64_t)got;
		}
	}
	if (status == 0 && fchmod(handle, inode->base.mode & 0777) != 0)
		status = -1;
	if (handle >= 0 && close(handle) != 0)
		status = -1;
	return status;
}

static int put_link(sqfs *files, sqfs_inode *inode, const char *path)
{
	char target[PATH_MAX];
	size_t size = sizeof target;

	if (sqfs_readlink(files, inode, target, &size) != SQFS_OK) {
		errno = EIO;
		return -1;
	}
	return symlink(target, path);
}

/* What is there from an earlier time gives way; folders stay. */
static int put(sqfs *files, sqfs_inode *inode, const char *path)
{
	if (S_ISDIR(inode->base.mode))
		return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
	if (unlink(path) != 0 && errno != ENOENT)
		return -1;
	if (S_ISLNK(inode->base.mode))
		return put_link(files, inode, path);
	return S_ISREG(inode->base.mode) ? put_file(files, inode, path) : 0;
}

static int put_parents(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int status = mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
		*slash = '/';
		if (status != 0)
			return -1;
	}
	return 0;
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

int unpack(const struct image *image, const char *folder, const char *pattern, int aloud)
{
	sqfs files;
	sqfs_traverse walk;
	sqfs_err error = SQFS_OK;
	char path[PATH_MAX];
	int status = 0, found = 0;

	if (open_image(image, &files) != 0 ||
	    sqfs_traverse_open(&walk, &files, sqfs_inode_root(&files)) != SQFS_OK) {
		say("this AppImage is damaged; get it again");
		return -1;
	}
	while (status == 0 && sqfs_traverse_next(&walk, &error)) {
		sqfs_inode inode;
		if (walk.dir_end || !matches(walk.path, pattern))
			continue;
		found = 1;
		if (sqfs_inode_get(&files, &inode, sqfs_dentry_inode(&walk.entry)) != SQFS_OK) {
			error = SQFS_ERR;
			break;
		}
		if (snprintf(path, sizeof path, "%s/%s", folder, walk.path) >= (int)sizeof path) {
			errno = ENAMETOOLONG;
			status = -1;
		} else if (put_parents(path, strlen(folder) + 1) != 0 || put(&files, &inode, path) != 0) {
			status = -1;
		} else if (aloud) {
			puts(path);
		}
	}
	if (status != 0)
		say("%s can't be unpacked: %s", path, strerror(errno));
	else if (error != SQFS_OK)
		say("this AppImage is damaged; get it again");
	else if (!found)
		say("no file in this AppImage is named like %s", pattern);
	return status == 0 && error == SQFS_OK && found ? 0 : -1;
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
