/* Attempts by sockets. */
#include "attempts.h"
#include <arpa/inet.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>

/* socketcall(2) of i386 hides the family from filters; args lie in memory */
static int by_socketcall(uint32_t family, uint32_t kind, uint32_t protocol)
{
    static uint32_t args[3];
    args[0] = family, args[1] = kind, args[2] = protocol;
    return call(I386, -1, 102, 1 /* SYS_SOCKET */, (long)args, 0, 0);
}

static int packet(void) { return by_socketcall(AF_PACKET, SOCK_RAW, 0x0300); }
static int raw_ip(void) { return by_socketcall(AF_INET, SOCK_RAW, 1); }
static int vsock(void) { return by_socketcall(40, SOCK_STREAM, 0); }
static int ciphers(void) { return by_socketcall(38, SOCK_SEQPACKET, 0); }

static int bind_of(int kind)
{
    int result = UNTRIED;
    for (int port = 1023; port > 600 && (result == UNTRIED || result == EADDRINUSE); port--) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
        int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return errno;
        result = outcome(bind(fd, (struct sockaddr *)&address, sizeof address));
        close(fd);
    }
    return result;
}

static int bind_low(void)
{
    int result = bind_of(SOCK_STREAM);
    return result && bind_of(SOCK_DGRAM) == 0 ? 0 : result;
}

static int configure(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return errno;
    return outcome(ioctl(fd, SIOCSIFFLAGS, &request));
}

/* Sends one message to the audit system, and gives its answer */
static int audit(uint16_t type)
{
    struct {
        struct nlmsghdr head;
        char text[16];
    } message = {{sizeof message, type, NLM_F_REQUEST | NLM_F_ACK, 1, 0}, "strata-attempt"};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    union {
        struct nlmsghdr head;
        char room[8192];
    } answer;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    if (fd < 0 || sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
        return errno;
    for (;;) {
        struct pollfd ready = {fd, POLLIN, 0};
        if (poll(&ready, 1, 2000) <= 0)
            return UNTRIED;
        if (recv(fd, &answer, sizeof answer, 0) < (ssize_t)sizeof answer.head)
            return UNTRIED;
        if (answer.head.nlmsg_type == NLMSG_ERROR)
            return -((struct nlmsgerr *)NLMSG_DATA(&answer.head))->error;
    }
}

static int audit_write(void) { return audit(AUDIT_USER); }
static int audit_control(void) { return audit(AUDIT_GET); } /* asks for the same right as AUDIT_SET, and sets nothing */

static int audit_read(void)
{
    struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 1 /* AUDIT_NLGRP_READLOG */};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    return fd < 0 ? errno : outcome(bind(fd, (struct sockaddr *)&group, sizeof group));
}

static int connect_to(const char *name, socklen_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    memcpy(address.sun_path, name, length);
    int result = outcome(connect(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)));
    close(fd);
    return result;
}

int try_abstract(void) /* the harness listens there */
{
    const char *name = getenv("STRATA_SOCKET");
    char full[64] = "";
    if (!name)
        return UNTRIED;
    int length = snprintf(full + 1, sizeof full - 1, "%s", name) + 1;
    return connect_to(full, (socklen_t)length);
}

int try_host_port(void)
{
    const char *port = getenv("STRATA_PORT");
    if (!port)
        return UNTRIED;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* Landlock knows no datagrams. Nobody answers: where nobody listens, the second one is refused */
static int datagram_to_host(void)
{
    const char *port = getenv("STRATA_PORT");
    if (!port)
        return UNTRIED;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 || send(fd, "x", 1, 0) < 0)
        return errno;
    usleep(20000);
    return outcome(send(fd, "x", 1, 0));
}

int host_segment(void)
{
    const char *key = getenv("STRATA_SEGMENT");
    return key ? outcome(shmget((key_t)strtol(key, NULL, 10), 0, 0)) : UNTRIED;
}

static int segment_of_another(void) /* a mode that denies it to its owner, too */
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0);
    if (id < 0)
        return errno;
    void *there = shmat(id, NULL, SHM_RDONLY);
    int result = there == (void *)-1 ? errno : 0;
    shmctl(id, IPC_RMID, NULL);
    return result;
}

static int engine_socket(void)
{
    static const char *const KNOWN[] = {
        "/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock", "/run/containerd/containerd.sock",
        "/run/crio/crio.sock", "/host-run/docker.sock", "/host-run/engine.sock", "/run/engine.sock",
    };
    int result = IN_VAIN;
    for (size_t place = 0; place < sizeof KNOWN / sizeof *KNOWN; place++) {
        int now = connect_to(KNOWN[place], (socklen_t)strlen(KNOWN[place]) + 1);
        if (now == 0)
            return 0;
        if (now != ENOENT)
            result = now;
    }
    const char *rest = getenv("STRATA_SOCKETS"); /* places of such sockets, between colons */
    while (result && rest && *rest) {
        char path[108];
        size_t length = strcspn(rest, ":");
        if (length < sizeof path) {
            snprintf(path, sizeof path, "%.*s", (int)length, rest);
            int now = connect_to(path, (socklen_t)length + 1);
            result = now == 0 || result == IN_VAIN ? now : result;
        }
        rest += length + (rest[length] == ':');
    }
    return result;
}

const struct attempt NETWORK[] = {
    {"packet-socket", "socketcall, i386", "socketcall(SYS_SOCKET, AF_PACKET)", packet, SUCCESS, 1},
    {"raw-socket", "socketcall, i386", "socketcall(SYS_SOCKET, SOCK_RAW)", raw_ip, SUCCESS, 1},
    {"vsock", "socketcall, i386", "socketcall(SYS_SOCKET, AF_VSOCK)", vsock, SUCCESS},
    {"crypto-socket", "socketcall, i386", "socketcall(SYS_SOCKET, AF_ALG)", ciphers, SUCCESS},
    {"bind-low-port", "direct", "bind(port 1023)", bind_low, SUCCESS},
    {"configure-network", "direct", "ioctl(SIOCSIFFLAGS)", configure, SUCCESS},
    {"write-audit-log", "direct", "sendto(AUDIT_USER)", audit_write, SUCCESS},
    {"control-audit", "direct", "sendto(AUDIT_GET)", audit_control, SUCCESS},
    {"read-audit-log", "direct", "bind(AUDIT_NLGRP_READLOG)", audit_read, SUCCESS, 1},
    {"reach-abstract-sockets", "direct", "connect(abstract)", try_abstract, SUCCESS},
    {"reach-host-network", "direct", "connect(127.0.0.1)", try_host_port, SUCCESS},
    {"reach-host-network", "a datagram", "sendto(127.0.0.1)", datagram_to_host, SUCCESS},
    {"share-host-ipc", "direct", "shmget(host's key)", host_segment, SUCCESS},
    {"bypass-ipc-permissions", "direct", "shmat(mode 0)", segment_of_another, SUCCESS},
    {"use-engine-socket", "direct", "connect(socket)", engine_socket, SUCCESS},
    {0},
};
