/* What all attempts share. One attempt is one route of one threat of the report's contract; it runs in a process of its
 * own, returns 0 where it succeeded, the errno where it was refused, or one of the numbers below. It must not harm the
 * machine: what the kernel checks is asked for, what comes after the last check is made to fail. */
#ifndef ATTEMPTS_H
#define ATTEMPTS_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNTRIED (-1)  /* can't be tried in this state; says nothing */
#define IN_VAIN (-2)  /* no call failed, and yet nothing was reached: an empty mask, an own namespace */

#define OPEN_IF(...) ((const int[]){__VA_ARGS__, 0})  /* errnos that come only after the last permission check */
#define ROOM_MAX 128 /* bytes of the path of our own folder */
#define SUCCESS ((const int[]){0})

struct attempt {
    const char *threat, *route, *call;
    int (*run)(void);
    const int *open;
    int here; /* it changes nothing that is not ours, and is the same in any PID namespace: also in place */
};

/* One system call with plain arguments, to be made by every entry point that the kernel has */
struct raw {
    const char *threat, *route, *call;
    int n64, n32; /* number on x86_64 (x32: the same with bit 30) and on i386; -1: not there */
    long args[6]; /* pointers to static data only: i386 takes 32 bits */
    const int *open;
    int wide; /* the first argument is an int: filters see 64 bits of it, the kernel looks at 32 */
    int copy; /* it may change something that is not ours, a mount or which modules are loaded: only on a copy; all others also in place */
};

enum entry { X86_64, I386, X32, WIDE }; /* WIDE: x86_64 with the upper half of the first argument set */

long raw_call(enum entry entry, const struct raw *raw);
int call(enum entry entry, int n64, int n32, long a, long b, long c, long d); /* the same at once; errno or 0 */
extern const struct raw RAWS[];

extern const struct attempt MOUNTS[], KERNEL[], PROCESSES[], NETWORK[], FILES[], RESOURCES[], REACH[], GROUPS[], OUTSIDE[],
    RINGS[], SERVICES[], FUSE[], PLACED[], JAILED[];

/* errno of a call's result, 0 for success */
static inline int outcome(long result) { return result < 0 ? errno : 0; }

int may_plant(const char *path, int folder); /* places.c: a set-uid file of the host's root */
/* outside.c: for each process in a proc, its root directory if it is of that kind */
int each_in(int proc, int (*look)(int proc, const char *pid, int roots));
int enter_if_container(int proc, const char *pid, int roots), enter_if_user(int proc, const char *pid, int roots);
int enter_if_mine(int proc, const char *pid, int roots), enter_if_roots(int proc, const char *pid, int roots);
int leave_chroot(void); /* jail.c; 0 if our root directory is the container's again */
int landlocked(const char *text); /* restrict.c */
int securebits(const char *text);
int without_capabilities(void);
extern char a_place[ROOM_MAX];  /* common.c: a folder to mount on, for pointers that i386 takes, too */
const char *mount_place(void);
const char *own(const char *name); /* a file that was laid down for us: in the folder STRATA_ROOM, else in / */
void look_at_namespaces(void); /* before the first attempt: /proc may be unmounted by one */
void try_only(const char *threats, const char *line_mark);
void try_everything(void);
void try_in_place(void); /* what changes nothing, and of the rest that it is not tried */
int be_copy(int count, char **words), be_in_place(int count, char **words); /* copy.c */
void try_all(const char *again); /* main.c: everything; what is added to the names of routes */
int let_beside_try(void);        /* prepare.c: so that a process outside of our chroot, if we left one, tries everything */
int prepare(const char *word);              /* does what prepare.c knows by that word; negative with errno */
int open_only(const char *path, int flags); /* opens and closes */
int open_either(const char *path);          /* the same to read, else to write */
int other_uid(void);                        /* a mapped uid that is not ours */
int many_processes(void);                   /* 600 children that wait, ended at once */
int says(const char *path, const char *word); /* whether that is all that the file holds, but for a line's end */
int first_ids(void);                        /* whether our root is the machine's */
int host_pids(void);                        /* whether we are in the machine's first PID namespace */
int run_self(const char *path, const char *word); /* execs path with that word; its exit status, or -errno */

int first_ids(void);                        /* whether our root is the machine's */
int try_host_port(void), try_abstract(void), host_segment(void), release_agent(void), firewall(void); /* attempts of their families */

struct bound {
    char root[256], target[256], kind[32], super[256];
};

FILE *mounts(void);                                                      /* /proc/self/mountinfo */
int next_mount(FILE *list, const char *kind, struct bound *found);       /* 0 at the end of the list */
int disk_in(const char *place);                                           /* opens a block device in that folder */
int any_disk(void);                                                      /* opens any block device in sight */
int first_users(void);                                                   /* whether we are in the machine's user namespace */
/* Makes such a node and uses it, after opening the own rules in a tree that is mounted, or never attached; after leaving */
typedef int use_node(const char *path);
int device_by_mount(mode_t kind, dev_t device, use_node *use), device_by_tree(mode_t kind, dev_t device, use_node *use);
int made_after_leaving(mode_t kind, dev_t device, use_node *use), leave(const char *controller);

#define FOREIGN 4242 /* the uid and gid that own the image's foreign files */

#endif
