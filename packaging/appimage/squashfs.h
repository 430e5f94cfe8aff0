/* Reads the squashfs of an image that may be damaged, or lie; squashfs.c says how. */

#ifndef STRATASCOPE_SQUASHFS_H
#define STRATASCOPE_SQUASHFS_H

#include "runtime.h"

#include <stdint.h>

enum {
	META = 8192, /* bytes that a block of the tables unpacks to, at most */
	CACHED = 8   /* of those, kept unpacked */
};

/* A place in the tables: a block of them, and an offset in what that unpacks to. */
struct cursor {
	uint64_t block;
	uint32_t offset;
};

struct squashfs {
	int handle;
	uint64_t offset; /* of the file system in the file */
	uint64_t used, inodes, folders, fragments, root;
	uint32_t block_size, fragments_count;
	unsigned char *block, *packed, *fragment;
	uint64_t fragment_start; /* which one is in `fragment`; 0: none */
	size_t fragment_size;
	struct {
		uint64_t block, next; /* 0: none */
		uint32_t size;
		unsigned char bytes[META];
	} cache[CACHED];
	unsigned long long entries, bytes; /* that were met so far */
};

/* What an entry of a folder is: S_IFREG, S_IFDIR, S_IFLNK, or 0 for what has no place in an AppImage. */
struct inode {
	mode_t kind, mode;
	uint64_t size;        /* of a file, a folder's list or a link's target */
	uint64_t start;       /* of a file's blocks */
	uint32_t fragment, fragment_offset;
	struct cursor rest;   /* of a file: the sizes of its blocks; of a link: its target; of a folder: its list */
};

/* All return 0, or -1 with errno; EBADMSG where the image is damaged. */
int squashfs_open(struct squashfs *files, const struct image *image);
void squashfs_close(struct squashfs *files);

/* Calls `visit` for all that there is, folders before what is in them; goes on as long as it returns 0. */
int squashfs_walk(struct squashfs *files, int (*visit)(struct squashfs *, const char *, const struct inode *, void *),
		  void *own);

int squashfs_write(struct squashfs *files, const struct inode *inode, int handle);
int squashfs_target(struct squashfs *files, const struct inode *inode, char *target, size_t room);

#endif
