/* Reads the squashfs of an image that may be damaged, or lie: every number in it is held against what there is.
 *
 * Only what our own images are made of: version 4.0, compressed by zstd or not at all. Decided against libsquashfuse,
 * which serves the mount (mount.c): it believes lengths of names, numbers of fragments and offsets in blocks, so that
 * changed bytes make it write beyond its buffers. Format: the kernel's fs/squashfs/squashfs_fs.h.
 */

#define _GNU_SOURCE

#include "squashfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum {
	SUPERBLOCK = 96,
	ZSTD = 6,
	MOST_ENTRIES = 50000, /* files and folders; ours are three thousand */
	MOST_DEPTH = 64,      /* folders within folders */
	LISTED = 256,         /* entries after one head of a folder's list */
	HEAD = 12, ENTRY = 8,
	NO_FRAGMENT = -1
};

static const unsigned long long MOST_BYTES = 2ULL << 30; /* of all files; ours are a tenth of that */

static int damaged(void)
{
	errno = EBADMSG;
	return -1;
}

/* Numbers are little endian, as on all machines that this is built for; what is copied needs no alignment. */
static uint64_t number(const unsigned char *bytes, int size)
{
	uint64_t found = 0;

	memcpy(&found, bytes, (size_t)size);
	return found;
}

static int read_at(const struct squashfs *files, uint64_t place, void *bytes, size_t size)
{
	size_t done = 0;

	if (place > files->used || size > files->used - place)
		return damaged();
	while (done < size) {
		ssize_t got = pread(files->handle, (char *)bytes + done, size - done, (off_t)(files->offset + place + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : damaged();
		done += (size_t)got;
	}
	return 0;
}

/* `size` bytes at `place`, unpacked where they are packed. Returns how many there are, or -1. */
static ssize_t unpacked(struct squashfs *files, uint64_t place, size_t size, int packed, unsigned char *to, size_t room)
{
	if (size == 0 || size > room)
		return damaged();
	if (!packed)
		return read_at(files, place, to, size) == 0 ? (ssize_t)size : -1;
	if (read_at(files, place, files->packed, size) != 0)
		return -1;
	size_t got = ZSTD_decompress(to, room, files->packed, size);
	return ZSTD_isError(got) || got == 0 ? damaged() : (ssize_t)got;
}

/* The next `size` bytes of the tables. */
static int take(struct squashfs *files, struct cursor *from, void *bytes, size_t size)
{
	char *to = bytes;

	while (size > 0) {
		unsigned char head[2];
		int slot = (int)(from->block % CACHED);
		if (files->cache[slot].block != from->block || from->block == 0) {
			if (from->block < SUPERBLOCK || read_at(files, from->block, head, sizeof head) != 0)
				return damaged();
			uint64_t word = number(head, 2), length = word & 0x7fff;
			files->cache[slot].block = 0;
			ssize_t got = unpacked(files, from->block + 2, length, !(word & 0x8000), files->cache[slot].bytes, META);
			if (got < 0)
				return -1;
			files->cache[slot].block = from->block;
			files->cache[slot].next = from->block + 2 + length;
			files->cache[slot].size = (uint32_t)got;
		}
		uint32_t there = files->cache[slot].size;
		if (from->offset > there)
			return damaged();
		size_t part = there - from->offset < size ? there - from->offset : size;
		memcpy(to, files->cache[slot].bytes + from->offset, part);
		to += part;
		size -= part;
		from->offset += (uint32_t)part;
		if (from->offset == there && size > 0)
			*from = (struct cursor){files->cache[slot].next, 0};
	}
	return 0;
}

static int get_inode(struct squashfs *files, uint64_t reference, struct inode *inode)
{
	unsigned char head[16], body[40];
	struct cursor from = {files->inodes + (reference >> 16), (uint32_t)(reference & 0xffff)};

	memset(inode, 0, sizeof *inode);
	if (reference >> 16 > files->used || take(files, &from, head, sizeof head) != 0)
		return damaged();
	inode->mode = (mode_t)number(head + 2, 2);
	switch (number(head, 2)) {
	case 1: /* a folder */
	case 8:
		inode->kind = S_IFDIR;
		if (number(head, 2) == 1) {
			if (take(files, &from, body, 16) != 0)
				return -1;
			inode->size = number(body + 8, 2);
			inode->rest = (struct cursor){files->folders + number(body, 4), (uint32_t)number(body + 10, 2)};
		} else {
			if (take(files, &from, body, 24) != 0)
				return -1;
			inode->size = number(body + 4, 4);
			inode->rest = (struct cursor){files->folders + number(body + 8, 4), (uint32_t)number(body + 18, 2)};
		}
		inode->size = inode->size < 3 ? 0 : inode->size - 3; /* "." and ".." count, and are not there */
		return 0;
	case 2: /* a file */
		if (take(files, &from, body, 16) != 0)
			return -1;
		inode->start = number(body, 4);
		inode->fragment = (uint32_t)number(body + 4, 4);
		inode->fragment_offset = (uint32_t)number(body + 8, 4);
		inode->size = number(body + 12, 4);
		break;
	case 9:
		if (take(files, &from, body, 40) != 0)
			return -1;
		inode->start = number(body, 8);
		inode->size = number(body + 8, 8);
		inode->fragment = (uint32_t)number(body + 28, 4);
		inode->fragment_offset = (uint32_t)number(body + 32, 4);
		break;
	case 3: /* a link */
	case 10:
		if (take(files, &from, body, 8) != 0)
			return -1;
		inode->kind = S_IFLNK;
		inode->size = number(body + 4, 4);
		inode->rest = from;
		return 0;
	default:
		return number(head, 2) >= 1 && number(head, 2) <= 14 ? 0 : damaged();
	}
	inode->kind = S_IFREG;
	inode->rest = from;
	return inode->size <= MOST_BYTES ? 0 : damaged();
}

static int is_name(const char *name, size_t length)
{
	return strlen(name) == length && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* `path` has PATH_MAX bytes, of which `length` are the folder's. */
static int walk(struct squashfs *files, const struct inode *folder, char *path, size_t length, int depth,
		int (*visit)(struct squashfs *, const char *, const struct inode *, void *), void *own)
{
	struct cursor from = folder->rest;
	uint64_t left = folder->size;

	if (depth > MOST_DEPTH)
		return damaged();
	while (left > 0) {
		unsigned char head[HEAD], entry[ENTRY];
		if (left < HEAD || take(files, &from, head, HEAD) != 0)
			return damaged();
		left -= HEAD;
		uint64_t count = number(head, 4) + 1, block = number(head + 4, 4);
		if (count > LISTED)
			return damaged();
		for (; count > 0; count--) {
			struct inode inode;
			if (left < ENTRY || take(files, &from, entry, ENTRY) != 0)
				return damaged();
			size_t size = (size_t)number(entry + 6, 2) + 1, at = length == 0 ? 0 : length + 1;
			left -= ENTRY;
			if (size > left || size > NAME_MAX || at + size >= PATH_MAX || ++files->entries > MOST_ENTRIES)
				return damaged();
			left -= size;
			if (length > 0)
				path[length] = '/';
			if (take(files, &from, path + at, size) != 0)
				return -1;
			path[at + size] = '\0';
			if (!is_name(path + at, size) || get_inode(files, block << 16 | number(entry, 2), &inode) != 0)
				return damaged();
			if (inode.kind == S_IFREG)
				files->bytes += (inode.size + 4095) & ~4095ULL;
			if (files->bytes > MOST_BYTES)
				return damaged();
			int status = visit(files, path, &inode, own);
			if (status == 0 && inode.kind == S_IFDIR)
				status = walk(files, &inode, path, at + size, depth + 1, visit, own);
			if (status != 0)
				return status;
		}
	}
	return 0;
}

int squashfs_walk(struct squashfs *files, int (*visit)(struct squashfs *, const char *, const struct inode *, void *),
		  void *own)
{
	char path[PATH_MAX] = "";
	struct inode root;

	files->entries = files->bytes = 0;
	if (get_inode(files, files->root, &root) != 0)
		return -1;
	return root.kind == S_IFDIR ? walk(files, &root, path, 0, 0, visit, own) : damaged();
}

static int write_all(int handle, const unsigned char *bytes, size_t left)
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

/* The end of a file, which stands with those of others in one block. */
static int write_end(struct squashfs *files, const struct inode *inode, size_t size, int handle)
{
	unsigned char place[8], entry[16];

	if (inode->fragment >= files->fragments_count ||
	    read_at(files, files->fragments + (uint64_t)inode->fragment / 512 * 8, place, sizeof place) != 0)
		return damaged();
	struct cursor from = {number(place, 8), inode->fragment % 512 * 16};
	if (take(files, &from, entry, sizeof entry) != 0)
		return -1;
	uint64_t start = number(entry, 8), word = number(entry + 8, 4);
	if (files->fragment_start != start || start == 0) {
		files->fragment_start = 0;
		ssize_t got = unpacked(files, start, word & 0xffffff, !(word >> 24 & 1), files->fragment, files->block_size);
		if (got < 0)
			return -1;
		files->fragment_start = start;
		files->fragment_size = (size_t)got;
	}
	if (inode->fragment_offset > files->fragment_size || size > files->fragment_size - inode->fragment_offset)
		return damaged();
	return write_all(handle, files->fragment + inode->fragment_offset, size);
}

int squashfs_write(struct squashfs *files, const struct inode *inode, int handle)
{
	struct cursor sizes = inode->rest;
	uint64_t left = inode->size, place = inode->start;
	int has_end = inode->fragment != (uint32_t)NO_FRAGMENT;

	while (left >= files->block_size || (left > 0 && !has_end)) {
		unsigned char bytes[4];
		size_t wanted = left < files->block_size ? (size_t)left : files->block_size;
		if (take(files, &sizes, bytes, sizeof bytes) != 0)
			return -1;
		uint64_t word = number(bytes, 4), size = word & 0xffffff;
		if (word == 0) { /* nothing but zeros */
			memset(files->block, 0, wanted);
		} else {
			ssize_t got = unpacked(files, place, size, !(word >> 24 & 1), files->block, files->block_size);
			if (got < 0 || (size_t)got != wanted)
				return damaged();
		}
		if (write_all(handle, files->block, wanted) != 0)
			return -1;
		place += size;
		left -= wanted;
	}
	return left == 0 ? 0 : write_end(files, inode, (size_t)left, handle);
}

int squashfs_target(struct squashfs *files, const struct inode *inode, char *target, size_t room)
{
	struct cursor from = inode->rest;

	if (inode->size == 0 || inode->size >= room || take(files, &from, target, (size_t)inode->size) != 0)
		return damaged();
	target[inode->size] = '\0';
	return strlen(target) == inode->size ? 0 : damaged();
}

int squashfs_open(struct squashfs *files, const struct image *image)
{
	unsigned char head[SUPERBLOCK];
	struct stat facts;

	memset(files, 0, sizeof *files);
	files->handle = open(image->path, O_RDONLY | O_CLOEXEC);
	if (files->handle < 0)
		return -1;
	files->offset = image->offset;
	files->used = SUPERBLOCK;
	if (fstat(files->handle, &facts) != 0 || (uint64_t)facts.st_size < files->offset ||
	    read_at(files, 0, head, sizeof head) != 0) {
		squashfs_close(files);
		return damaged();
	}
	uint64_t log = number(head + 22, 2), there = (uint64_t)facts.st_size - files->offset;
	files->block_size = (uint32_t)number(head + 12, 4);
	files->fragments_count = (uint32_t)number(head + 16, 4);
	files->root = number(head + 32, 8);
	files->used = number(head + 40, 8);
	files->inodes = number(head + 64, 8);
	files->folders = number(head + 72, 8);
	files->fragments = number(head + 80, 8);
	if (memcmp(head, "hsqs", 4) != 0 || number(head + 28, 2) != 4 || number(head + 20, 2) != ZSTD || log < 12 ||
	    log > 20 || files->block_size != 1U << log || files->used > there || files->inodes > files->used ||
	    files->folders > files->used || (files->fragments_count > 0 && files->fragments > files->used)) {
		squashfs_close(files);
		return damaged();
	}
	size_t room = files->block_size > META ? files->block_size : META;
	files->block = malloc(files->block_size);
	files->packed = malloc(room);
	files->fragment = malloc(files->block_size);
	if (files->block == NULL || files->packed == NULL || files->fragment == NULL) {
		squashfs_close(files);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

void squashfs_close(struct squashfs *files)
{
	free(files->block);
	free(files->packed);
	free(files->fragment);
	close(files->handle);
}
