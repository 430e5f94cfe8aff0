"""Refusals of a container that wants to be a VPN, and harmless refusals of healthy programs; `Teller` returns them."""

from __future__ import annotations

import time

from stratascope.core.message import Message, msg
from stratascope.core.refusals.refusal import Claim, Refusal, RefusalRemedy, Strength
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import choice_of
from stratascope.usecases.refusals.service import RefusalList
from stratascope.value import replace


class Teller:
    """Explains the same refusals for every container. `asked`: which were asked about, and how often."""

    def __init__(self, *all_: Refusal) -> None:
        self.denials = RefusalList(all_)
        self.asked: list[str] = []
        self.fails: Exception | None = None

    def explain(self, state: ContainerState) -> RefusalList:
        self.asked.append(state.container.name)
        if self.fails is not None:
            raise self.fails
        return self.denials

    def put(self, *all_: Refusal, forgotten: int = 0) -> None:
        self.denials = RefusalList(all_, forgotten)


def denial(
    key: str,
    did: Message,
    raw: str,
    claim: Claim,
    *remedies: RefusalRemedy,
    process: str = "openvpn",
    pid: int = 118,
    count: int = 1,
    ago: float = 0.0,
    errno: str = "EPERM",
    syscall: str = "openat",
) -> Refusal:
    """Return a refusal of that age."""
    at = time.time() - ago
    return Refusal(key, at - 60.0 * (count > 1), at, count, 31000 + pid, pid, process, did, raw, syscall, (), "", errno,
                  claim, remedies=remedies)  # fmt: skip


def claim(layer: str, what: Message, strength: Strength = Strength.SAID) -> Claim:
    return Claim(layer, what, strength)


def remedy(text: str, toggle: str, value: str, *opened: str) -> RefusalRemedy:
    return RefusalRemedy(msg("{text}", text=text), choice_of(toggle, value), opened)


TUN = denial(
    "tun",
    msg("Open the tunnel device"),
    'openat(AT_FDCWD, "/dev/net/tun", O_RDWR)',
    claim("cgroup", msg("The device rules of this container do not name the character device 10:200, /dev/net/tun.")),
    remedy("--device /dev/net/tun", "devices", "remove"),
    count=3,
)
MODULE = denial(
    "module",
    msg("Load a kernel module"),
    'finit_module(3, "", 0)',
    claim("capabilities", msg("It does not hold SYS_MODULE.")),
    remedy("--cap-add SYS_MODULE", "capabilities", "CAP_SYS_MODULE", "load-module", "unload-module", "trigger-sysrq"),
    process="modprobe",
    pid=131,
    count=3,
    ago=20,
    syscall="finit_module",
)
FORWARD = denial(
    "forward",
    msg("Write /proc/sys/net/ipv4/ip_forward"),
    'openat(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", O_WRONLY|O_CREAT|O_TRUNC, 0666)',
    claim("namespaces", msg("/proc/sys is mounted read-only.")),
    remedy("--sysctl net.ipv4.ip_forward=1", "memory", "512m"),
    process="sysctl",
    pid=124,
    count=2,
    ago=40,
    errno="EROFS",
)
MOUNT = denial(
    "mount",
    msg("Mount a disk of the host on /mnt"),
    'mount("/dev/sda1", "/mnt", "ext4", 0, NULL)',
    claim("seccomp", msg("The engine's filter answers mount with EPERM, unless the container has SYS_ADMIN.")),
    remedy("--cap-add SYS_ADMIN", "capabilities", "CAP_SYS_ADMIN", "mount-file-system", "bind-mount", "change-root"),
    remedy("--privileged", "privileged", "off", "open-host-disk"),
    process="sh",
    pid=160,
    ago=100,
    syscall="mount",
)
TRACE = replace(
    denial(
        "trace",
        msg("Trace process 1"),
        "ptrace(PTRACE_ATTACH, 1)",
        claim("mac", msg("AppArmor’s docker-default lets only its own processes be traced."), Strength.LEFT),
        RefusalRemedy(msg("Only the host can change it.")),
        process="sh",
        pid=160,
        ago=110,
        syscall="ptrace",
    ),
    ended=True,
)
OWNER = denial(
    "owner",
    msg("Write /data/openvpn-status.log"),
    'openat(AT_FDCWD, "/data/openvpn-status.log", O_WRONLY|O_CREAT, 0600)',
    claim("files", msg("/data belongs to user 1000, and only it may write there; this process is user 999.")),
    process="up.sh",
    pid=140,
    ago=4000,
    errno="EACCES",
)
PROBES = tuple(
    replace(
        denial(
            name,
            msg("Ask whether {name} is there", name=name),
            f"{name}(0)",
            claim("seccomp", msg("The engine's filter does not let it through.")),
            process="python3",
            count=count,
            errno="ENOSYS",
            syscall=name,
        ),
        benign=True,
    )
    for name, count in (("clone3", 188), ("io_uring_setup", 96), ("landlock_create_ruleset", 21), ("userfaultfd", 7))
)
FOREIGN = " ".join(f"{each.process} {each.raw} {each.errno}" for each in (TUN, MODULE, FORWARD, MOUNT, TRACE, OWNER))
VPN = (TUN, MODULE, FORWARD, MOUNT, TRACE, OWNER)
ALL = (*VPN, *PROBES)
