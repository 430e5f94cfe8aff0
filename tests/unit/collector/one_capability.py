"""A program that needs exactly one capability, by name: `python3 -SI one_capability.py NAME FOLDER [PID]`.

FOLDER has files `own` (root's), `theirs` (of uid 5), `closed` (of uid 5, no rights) and `group` (of gid 5); PID is a
process of uid 5. What can't be done without harm asks for something that is refused right after the check.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
# as a program; a test that imports this wants the names only
FOLDER, PID = (Path(sys.argv[2]), int(sys.argv[3])) if __name__ == "__main__" else (Path(), 0)


def call(name: str, *arguments: object) -> int:
    result: int = getattr(LIBC, name)(*arguments)
    return result


def syscall(number: int, *arguments: object) -> int:
    result: int = LIBC.syscall(ctypes.c_long(number), *arguments)
    return result


def audit(kind: int) -> None:
    """NETLINK_AUDIT: AUDIT_GET 1000, AUDIT_USER 1005."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9) as link:
        text = b"strata" if kind == 1005 else b""
        link.sendto(struct.pack("=IHHII", 16 + len(text), kind, 1, 1, 0) + text, (0, 0))


def immutable() -> None:
    with (FOLDER / "own").open() as file:
        flags = struct.unpack("i", fcntl.ioctl(file, 0x80086601, bytes(4)))[0]
        fcntl.ioctl(file, 0x40086602, struct.pack("i", flags | 0x20))  # FS_APPEND_FL
        fcntl.ioctl(file, 0x40086602, struct.pack("i", flags))


def interface() -> None:
    with socket.socket() as link:
        fcntl.ioctl(link, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def port() -> None:
    with socket.socket() as link:
        link.bind(("0.0.0.0", 7))


def queue() -> None:
    key = 0x57A7
    made = call("msgget", key, 0o1000)  # IPC_CREAT, without any right
    call("msgget", key, 0o600)
    call("msgctl", made, 0, None)


def lock() -> None:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    call("mlock", ctypes.create_string_buffer(4096), 4096)


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))


def mapped() -> None:
    place = Path("/proc/self/maps").read_text().split(" ", 1)[0]
    Path(f"/proc/self/map_files/{place}").open().close()


def perf() -> None:
    attributes = struct.pack("=IIQQQQQ", 1, 64, 0, 0, 0, 0, 0) + bytes(16)
    syscall(298, attributes, ctypes.c_long(0), ctypes.c_long(-1), ctypes.c_long(-1), ctypes.c_long(0))


def tick() -> None:
    buffer = ctypes.create_string_buffer(256)
    call("adjtimex", buffer)
    status = struct.unpack_from("=i", buffer, 40)[0]
    buffer = ctypes.create_string_buffer(struct.pack("=I", 0x10) + bytes(36) + struct.pack("=i", status), 256)
    call("adjtimex", buffer)  # ADJ_STATUS, as it is


def wake() -> None:
    with socket.socket() as link:
        import select

        with select.epoll() as poll:
            poll.register(link, select.EPOLLIN | 1 << 29)  # EPOLLWAKEUP


def multicast() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9) as link:
        link.bind((0, 1))


def hang_up() -> None:
    os.setsid()  # without a terminal
    call("vhangup")


def raw_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()


ACTIONS: dict[str, Callable[[], object]] = {
    "CAP_CHOWN": lambda: os.chown(FOLDER / "own", 5, 0),
    "CAP_DAC_OVERRIDE": lambda: os.open(FOLDER / "closed", os.O_WRONLY),
    "CAP_DAC_READ_SEARCH": lambda: os.open(FOLDER / "closed", os.O_RDONLY),
    "CAP_FOWNER": lambda: (FOLDER / "theirs").chmod(0o640),
    "CAP_FSETID": lambda: (FOLDER / "group").chmod(0o2755),
    "CAP_KILL": lambda: os.kill(PID, 0),
    "CAP_SETGID": lambda: os.setgid(5),
    "CAP_SETUID": lambda: os.setuid(5),
    "CAP_SETPCAP": lambda: call("prctl", 24, 0, 0, 0, 0),  # PR_CAPBSET_DROP
    "CAP_LINUX_IMMUTABLE": immutable,
    "CAP_NET_BIND_SERVICE": port,
    "CAP_NET_ADMIN": interface,
    "CAP_NET_RAW": raw_socket,
    "CAP_IPC_LOCK": lock,
    "CAP_IPC_OWNER": queue,
    "CAP_SYS_MODULE": lambda: syscall(176, b"strata_no_such_module", ctypes.c_long(0o4000)),  # delete_module
    "CAP_SYS_RAWIO": lambda: Path("/proc/kcore").open().close(),
    "CAP_SYS_CHROOT": lambda: os.chroot("/"),
    "CAP_SYS_PTRACE": lambda: Path(f"/proc/{PID}/exe").readlink(),
    "CAP_SYS_PACCT": lambda: call("acct", None),
    "CAP_SYS_ADMIN": lambda: socket.sethostname(socket.gethostname()),
    "CAP_SYS_BOOT": lambda: syscall(169, ctypes.c_long(1), ctypes.c_long(1), ctypes.c_long(1), None),  # no magic
    "CAP_SYS_NICE": lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 1),
    "CAP_SYS_RESOURCE": limit,
    "CAP_SYS_TIME": tick,
    "CAP_SYS_TTY_CONFIG": hang_up,
    "CAP_MKNOD": lambda: os.mknod(FOLDER / "node", 0o20600, os.makedev(1, 3)),
    "CAP_LEASE": lambda: fcntl.fcntl(os.open(FOLDER / "theirs", os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK),
    "CAP_AUDIT_WRITE": lambda: audit(1005),
    "CAP_AUDIT_CONTROL": lambda: audit(1000),
    "CAP_SETFCAP": lambda: os.setxattr(
        FOLDER / "own", "security.capability", struct.pack("<5I", 0x02000001, 1, 0, 0, 0)
    ),
    "CAP_SYSLOG": lambda: call("klogctl", 9, None, 0),  # SYSLOG_ACTION_SIZE_UNREAD
    "CAP_WAKE_ALARM": lambda: call("timerfd_create", 8, 0),  # CLOCK_REALTIME_ALARM
    "CAP_BLOCK_SUSPEND": wake,
    "CAP_AUDIT_READ": multicast,
    "CAP_PERFMON": perf,
    "CAP_BPF": lambda: syscall(321, ctypes.c_long(0), struct.pack("=5I", 1, 4, 4, 1, 0), ctypes.c_long(20)),
    "CAP_CHECKPOINT_RESTORE": mapped,
}

if __name__ == "__main__":
    try:
        ACTIONS[sys.argv[1]]()
    except OSError as error:
        sys.stdout.write(f"{error}\n")
