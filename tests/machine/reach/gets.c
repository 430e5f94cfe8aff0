/* What this process gets at, found out by trying: one line a question, `KIND open`. It knows nothing of the program.
 *
 * gets HOST-PORT ABSTRACT-NAME COMM FOLDER...
 *
 * Files and sockets are sought below the folders by what they hold or are called, wherever they are: a file begins with
 * "REACH-MARK KIND", a socket is called KIND.sock, a home has a file .reach-home. All is tried as this process, and as
 * each user that it can become; the owner of a file also gives himself what is missing, and takes it back.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void said(const char *kind) { printf("%s open\n", kind); fflush(stdout); }

static int opened(int dir, const char *name, int flags)
{
    struct stat about;
    int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 || errno != EACCES || fstatat(dir, name, &about, AT_SYMLINK_NOFOLLOW) || about.st_uid != geteuid())
        return fd;
    if (fchmodat(dir, name, (about.st_mode & 07777) | 0700, 0))
        return -1;
    fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    fchmodat(dir, name, about.st_mode & 07777, 0);
    return fd;
}

static void file(int dir, const char *name)
{
    char text[64] = "", kind[40];
    int fd = opened(dir, name, O_RDONLY);
    if (fd < 0)
        return;
    if (read(fd, text, sizeof text - 1) > 0 && sscanf(text, "REACH-MARK %39s", kind) == 1)
        said(kind);
    close(fd);
}

static void sock(int dir, const char *name)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char kind[64];
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return;
    if (strlen(name) >= sizeof kind || fchdir(dir)) {
        close(fd);
        return;
    }
    strcpy(to.sun_path, name);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        strcpy(kind, name);
        char *end = strstr(kind, ".sock");
        if (end)
            *end = 0;
        said(kind);
    }
    close(fd);
}

static void home(int dir, int listed)
{
    int fd = openat(dir, ".reach-home", O_PATH | O_NOFOLLOW);
    if (fd < 0)
        return;
    close(fd);
    if (listed)
        said("home-read");
    if (mkdirat(dir, ".reach-made", 0700) == 0 && unlinkat(dir, ".reach-made", AT_REMOVEDIR) == 0)
        said("home-write");
    fd = openat(dir, ".reach-written", O_WRONLY | O_CREAT, 0600);
    if (fd >= 0) {
        said("home-write");
        close(fd);
    }
    unlinkat(dir, ".reach-written", 0);
}

static const char *names[] = {
    ".ssh", "id_ed25519", "agent", "ssh-agent.sock", ".gnupg", "private-keys-v1.d", "A.key", "S.gpg-agent", ".aws",
    "credentials", ".config", "gcloud", "credentials.db", "gh", "hosts.yml", ".kube", "config", ".docker", "config.json",
    "run", "docker.sock", ".git-credentials", ".netrc", ".npmrc", ".local", "share", "keyrings", "login.keyring",
    ".mozilla", "firefox", "abc.default", "logins.json", "src", "portal", ".env", ".bash_history", ".codex", "auth.json",
    NULL,
};

static void below(int above, const char *name, int depth)
{
    int dir = opened(above, name, O_RDONLY | O_DIRECTORY);
    if (dir < 0) { /* it can't be listed: by names that are known */
        dir = openat(above, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
        for (const char **each = names; dir >= 0 && *each; each++) {
            struct stat about;
            if (fstatat(dir, *each, &about, AT_SYMLINK_NOFOLLOW))
                continue;
            if (S_ISDIR(about.st_mode) && depth < 6)
                below(dir, *each, depth + 1);
            else if (S_ISSOCK(about.st_mode))
                sock(dir, *each);
            else if (S_ISREG(about.st_mode))
                file(dir, *each);
        }
        if (dir >= 0) {
            home(dir, 0);
            close(dir);
        }
        return;
    }
    home(dir, 1);
    DIR *folder = fdopendir(dup(dir));
    struct dirent *item;
    while (folder && (item = readdir(folder))) {
        struct stat about;
        if (!strcmp(item->d_name, ".") || !strcmp(item->d_name, "..") ||
            fstatat(dir, item->d_name, &about, AT_SYMLINK_NOFOLLOW))
            continue;
        if (S_ISREG(about.st_mode))
            file(dir, item->d_name);
        else if (S_ISSOCK(about.st_mode))
            sock(dir, item->d_name);
        else if (S_ISDIR(about.st_mode) && depth < 6)
            below(dir, item->d_name, depth + 1);
    }
    if (folder)
        closedir(folder);
    close(dir);
}

static int reaches(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    struct timeval most = {.tv_usec = 300000}; /* what is dropped is never answered */
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    int done = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* A datagram to the machine's own port, which is sent back; connect(2) is not asked for. */
static int answered(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    char back;
    int fd = socket(AF_INET, SOCK_DGRAM, 0), done = 0;
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    if (fd >= 0 && sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof to) == 1 && poll(&waiting, 1, 300) == 1)
        done = recv(fd, &back, 1, MSG_DONTWAIT) == 1;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Whether a datagram would leave: all is asked, and nothing is sent (MSG_PROBE). */
static int leaves(const char *address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int old = inet_pton(AF_INET, address, &to.sin_addr) == 1;
    struct sockaddr *there = old ? (struct sockaddr *)&to : (struct sockaddr *)&to6;
    int fd = socket(old ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    inet_pton(AF_INET6, address, &to6.sin6_addr);
    int done = fd >= 0 && sendto(fd, "", 0, 0x10 | MSG_CONFIRM, there, old ? sizeof to : sizeof to6) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static void processes(const char *wanted, char **folders)
{
    DIR *proc = opendir("/proc");
    struct dirent *item;
    while (proc && (item = readdir(proc))) {
        char path[512], comm[32] = "";
        if (item->d_name[0] < '0' || item->d_name[0] > '9')
            continue;
        snprintf(path, sizeof path, "/proc/%s/comm", item->d_name);
        FILE *f = fopen(path, "r");
        if (!f || !fgets(comm, sizeof comm, f)) {
            if (f)
                fclose(f);
            continue;
        }
        fclose(f);
        comm[strcspn(comm, "\n")] = 0;
        if (strcmp(comm, wanted))
            continue;
        said("host-processes");
        if (kill(atoi(item->d_name), 0) == 0)
            said("signal-others");
        snprintf(path, sizeof path, "/proc/%s/root", item->d_name);
        int root = open(path, O_RDONLY | O_DIRECTORY);
        if (root >= 0) {
            said("trace-others");
            for (char **each = folders; *each; each++)
                below(root, *each + 1, 0);
            close(root);
        }
    }
    if (proc)
        closedir(proc);
}

static void all(char **argv)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    for (char **each = argv + 4; *each; each++)
        below(AT_FDCWD, *each, 0);
    if (reaches(atoi(argv[1])) || answered(atoi(argv[1])))
        said("host-loopback");
    if (leaves("203.0.113.9", 9) || leaves("2001:db8::9", 9))
        said("internet");
    if (leaves("169.254.169.254", 80) || leaves("fd00:ec2::254", 80))
        said("metadata");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(to.sun_path + 1, argv[2]);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(sa_family_t) + 1 + strlen(argv[2])) == 0)
        said("abstract-sockets");
    if (fd >= 0)
        close(fd);
    processes(argv[3], argv + 4);
    if (fork() == 0) {
        if (unshare(CLONE_NEWUSER) == 0)
            said("new-user-namespace");
        _exit(0);
    }
    wait(NULL);
}

int main(int argc, char **argv)
{
    static const int ids[] = {-1, 0, 1000, 1234, 100999};
    if (argc < 5)
        return 2;
    for (unsigned each = 0; each < sizeof ids / sizeof *ids; each++) {
        if (fork() == 0) {
            gid_t group = ids[each];
            if (ids[each] >= 0 &&
                (setgroups(1, &group) || setresgid(group, group, group) || setresuid(group, group, group)))
                _exit(0);
            all(argv);
            _exit(0);
        }
        wait(NULL);
    }
    puts("done");
    fflush(stdout);
    if (getenv("STAY"))
        pause();
    return 0;
}
