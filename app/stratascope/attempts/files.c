/* Attempts by files and devices. */
#include "attempts.h"
#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/quota.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* A file of our own that needs no writable file system: it has no name and goes with us */
static int own_file(void) { return (int)syscall(SYS_memfd_create, "strata-attempt", 1 /* MFD_CLOEXEC */); }

static int make_node(const char *path, mode_t kind, dev_t device)
{
    unlink(path);
    if (mknod(path, kind | 0600, device) < 0)
        return errno;
    return 0;
}

static int node(mode_t kind, dev_t device, int opening)
{
    static const char *const PATHS[] = {"/dev/strata-attempt", "/tmp/strata-attempt", "/strata-attempt",
                                        "/host/strata-attempt"};
    int first = 0;
    for (int place = 0; place < 4; place++) {
        int result = make_node(PATHS[place], kind, device);
        if (result == 0) {
            if (opening)
                result = open_either(PATHS[place]);
            unlink(PATHS[place]);
        }
        if (result == 0 || (opening && result == ENXIO))
            return result;
        first = first ? first : result;
    }
    return first;
}

static int create_char(void) { return node(S_IFCHR, makedev(1, 1), 0); }
static int create_block(void) { return node(S_IFBLK, makedev(7, 0), 0); }
static int open_made_memory(void) { return node(S_IFCHR, makedev(1, 1), 1); }
static int open_made_disk(void) { return node(S_IFBLK, makedev(7, 0), 1); }
static int open_memory(void) { return open_either("/dev/mem"); }

int disk_in(const char *place)
{
    DIR *folder = opendir(place);
    struct dirent *entry;
    struct stat found;
    int result = IN_VAIN;
    while (folder && result && (entry = readdir(folder))) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", place, entry->d_name);
        if (lstat(path, &found) == 0 && S_ISBLK(found.st_mode))
            result = open_either(path);
    }
    if (folder)
        closedir(folder);
    return result;
}

static int open_disk(void) { return disk_in("/dev"); }

static int faults_by(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return IN_VAIN;
    if (fd < 0)
        fd = open(path, O_WRONLY | O_CLOEXEC);
    int result = fd < 0 ? errno : outcome(ioctl(fd, 0xAA00 /* USERFAULTFD_IOC_NEW */, O_CLOEXEC));
    if (fd >= 0 && result) /* filters see 64 bits of the request, the kernel looks at 32 */
        result = outcome(syscall(SYS_ioctl, fd, 0xAA00ul | 1ul << 32, O_CLOEXEC));
    close(fd);
    return result;
}

static int faults_by_device(void)
{
    static const char *const PLACES[] = {"/dev/userfaultfd", "/dev/faults", "/faults"};
    int result = IN_VAIN;
    for (int place = 0; place < 3 && result; place++) {
        int here = faults_by(PLACES[place]);
        result = here == IN_VAIN ? result : here;
    }
    struct bound found;
    FILE *list = mounts();
    while (list && result && next_mount(list, "devtmpfs", &found)) { /* a /dev of the host's that is bound in */
        char path[300];
        snprintf(path, sizeof path, "%s/userfaultfd", found.target);
        int here = faults_by(path);
        result = here == IN_VAIN ? result : here;
    }
    if (list)
        fclose(list);
    return result;
}

static int open_by_handle(void)
{
    struct {
        struct file_handle head;
        uint32_t inode, generation;
    } handle = {{8, 1 /* FILEID_INO32_GEN */}, 2, 0}; /* the root directory of an ext4 */
    const char *place = access("/host", F_OK) == 0 ? "/host" : "/etc/hosts";
    int fd = open(place, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return IN_VAIN; /* nothing of the host in sight */
    int got = (int)syscall(SYS_open_by_handle_at, fd, &handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (got >= 0)
        return 0;
    if (errno != ESTALE)
        return errno;
    /* In a user namespace ESTALE is a refusal: since Linux 6.11 such a caller reaches what it could bind only */
    unsigned first = 1, outside = 1, length = 0;
    FILE *map = fopen("/proc/self/uid_map", "re");
    int numbers = map ? fscanf(map, "%u %u %u", &first, &outside, &length) : 0;
    return numbers == 3 && first == 0 && outside == 0 && length == 4294967295U ? 0 : ESTALE;
}

static int file_handle(void)
{
    static const char *const PLACES[] = {"/etc/hosts", "/dev", "/dev/shm"};
    int result = UNTRIED;
    for (int place = 0; place < 3 && result; place++) {
        struct {
            struct file_handle head;
            char room[MAX_HANDLE_SZ];
        } handle = {{MAX_HANDLE_SZ, 0}, ""};
        int mount;
        int now = outcome(syscall(SYS_name_to_handle_at, AT_FDCWD, PLACES[place], &handle, &mount, 0));
        if (now != ENOENT)
            result = now;
    }
    return result;
}

static int quota(void)
{
    struct dqblk block;
    const char *place = access("/host", F_OK) == 0 ? "/host" : "/etc/hosts";
    int fd = open(place, O_PATH | O_CLOEXEC); /* that is enough: fdget_raw, fs/quota/quota.c */
    if (fd < 0)
        return IN_VAIN;
    return outcome(syscall(443 /* quotactl_fd */, fd, QCMD(Q_GETQUOTA, USRQUOTA), FOREIGN, &block));
}

static int give_away(void)
{
    int fd = own_file();
    return fd < 0 ? UNTRIED : outcome(fchown(fd, (uid_t)other_uid(), (gid_t)-1));
}

static int set_immutable(void)
{
    int fd = own_file(), flags = 0;
    if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
        return errno == ENOSYS || errno == EPERM ? errno : UNTRIED;
    flags |= FS_APPEND_FL;
    return outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

static int lease(void)
{
    int fd = open(own("foreign"), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? UNTRIED : outcome(fcntl(fd, F_SETLEASE, F_RDLCK));
}

static int change_foreign(void)
{
    if (chmod(own("foreign"), 0444) == 0)
        return 0;
    /* A read-only place says nothing of the right; O_NOATIME asks for the same one */
    return errno == EROFS ? open_only(own("foreign"), O_RDONLY | O_NOATIME) : errno;
}

static int keep_bits(void)
{
    struct stat found;
    int fd = own_file();
    if (fd < 0 || fchown(fd, (uid_t)-1, FOREIGN) < 0) {
        fd = open(own("handed-down/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        unlink(own("handed-down/file"));
    }
    if (fd < 0 || fstat(fd, &found) < 0 || found.st_gid != FOREIGN || found.st_uid != geteuid())
        return UNTRIED; /* no file of ours with a group that is not */
    if (fchmod(fd, 02755) < 0)
        return errno;
    return fstat(fd, &found) == 0 && found.st_mode & S_ISGID ? 0 : IN_VAIN;
}

static int file_capabilities(void)
{
    static const uint32_t value[5] = {0x02000000, 1 << 10}; /* VFS_CAP_REVISION_2, CAP_NET_BIND_SERVICE permitted */
    int fd = own_file();
    return fd < 0 ? UNTRIED : outcome(fsetxattr(fd, "security.capability", value, sizeof value, 0));
}

/* A file that only its owner may execute: DAC_OVERRIDE lets root, and DAC_READ_SEARCH does not */
static int bypass_permissions(void)
{
    int code = run_self(own("sealed"), "fine");
    if (code != 0 && open_only(own("sealed"), O_WRONLY) == 0)
        return 0;
    return code == 0 ? 0 : code == 100 ? EACCES : UNTRIED;
}

static int bypass_search(void) { return open_only(own("closed/secret"), O_RDONLY); }

static int write_host(void)
{
    int fd = open("/host/strata-attempt", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    unlink("/host/strata-attempt");
    return 0;
}

/* Left there: the harness looks from outside whose it is */
static int plant(void)
{
    int fd = open("/host/strata-planted", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    if (fchown(fd, 0, (gid_t)-1) < 0)
        return errno;
    return outcome(fchmod(fd, 04755));
}

static int plant_made(void)
{
    int fd = open("/host/strata-made", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 04755);
    return fd < 0 ? errno : 0;
}

const struct attempt FILES[] = {
    {"create-char-device", "direct", "mknod(/dev, c 1:1)", create_char, SUCCESS},
    {"create-block-device", "direct", "mknod(/dev, b 7:0)", create_block, SUCCESS},
    {"open-host-memory-device", "node in sight", "open(/dev/mem)", open_memory, SUCCESS},
    {"open-host-memory-device", "made node", "mknod, open(c 1:1)", open_made_memory, SUCCESS},
    {"open-host-disk", "node in sight", "open(/dev/*)", open_disk, SUCCESS},
    {"open-host-disk", "made node", "mknod, open(b 7:0)", open_made_disk, OPEN_IF(ENXIO)},
    {"open-by-handle", "direct", "open_by_handle_at", open_by_handle, SUCCESS},
    {"read-file-handles", "direct", "name_to_handle_at", file_handle, SUCCESS},
    {"disk-quota", "direct", "quotactl_fd(Q_GETQUOTA)", quota, OPEN_IF(ESRCH)},
    {"give-file-away", "direct", "fchown", give_away, SUCCESS},
    {"set-immutable", "direct", "ioctl(FS_IOC_SETFLAGS)", set_immutable, SUCCESS},
    {"take-lease", "direct", "fcntl(F_SETLEASE)", lease, OPEN_IF(EAGAIN)},
    {"userfaultfd", "by the device", "ioctl(USERFAULTFD_IOC_NEW)", faults_by_device, SUCCESS},
    {"change-foreign-files", "direct", "chmod", change_foreign, SUCCESS},
    {"keep-set-id-bits", "direct", "fchmod(02755)", keep_bits, SUCCESS},
    {"set-file-capabilities", "direct", "fsetxattr(security.capability)", file_capabilities, SUCCESS},
    {"bypass-file-permissions", "direct", "execve(0100)", bypass_permissions, SUCCESS},
    {"bypass-file-search", "direct", "open(/closed/secret)", bypass_search, SUCCESS},
    {"write-host-files", "direct", "open(/host/x, O_CREAT)", write_host, SUCCESS},
    {"plant-set-uid-on-host", "made with the mark", "open(O_CREAT, 04755)", plant_made, SUCCESS},
    {"plant-set-uid-on-host", "direct", "fchown(0), fchmod(04755)", plant, SUCCESS},
    {0},
};
