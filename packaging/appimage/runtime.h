/* The parts of the runtime and what they share; runtime.c says what it is. */

#ifndef STRATASCOPE_RUNTIME_H
#define STRATASCOPE_RUNTIME_H

#include <stddef.h>
#include <sys/types.h>

/* Where this very file lies, and where in it the file system begins. */
struct image {
	const char *path;
	size_t offset;
};

/* mount.c: mounts the image on a new folder below a folder for temporary files, for as long as this process lives.
 * Its name goes to `folder` (PATH_MAX bytes). Returns 0, or -1 where this machine can't do it. */
int mount_image(const struct image *image, char *folder);

/* mount.c: from now on, when process `pid` has ended, `folder` is removed with all that is in it. Returns 0 or -1. */
int remove_afterwards(pid_t pid, const char *folder);

/* unpack.c: what all files come to, in bytes; 0 where the image can't be read. */
unsigned long long unpacked_size(const struct image *image);

/* unpack.c: writes all files that match `pattern` (NULL: all) into `folder`, which exists. Says each name on standard
 * output where `aloud`. Returns 0, or -1 after it has said what is wrong. */
int unpack(const struct image *image, const char *folder, const char *pattern, int aloud);

/* unpack.c: a new folder of ours with room for `bytes`, where programs may be started. Returns 0, or -1. */
int new_folder(char *folder, unsigned long long bytes);

/* unpack.c: removes a folder and all in it, never leaving its file system. */
void remove_tree(const char *folder);

/* runtime.c: one line on standard error. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
