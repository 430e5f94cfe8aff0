"""Matrices made by hand for the window's tests and pictures: 61 threats of 7 families, judged by the real `judge`.

What a layer says stands in a posture of the fakes (threat -> stance), so that every picture can be had, and depth,
links and exposure are still the program's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stratascope.core.ground import UNREAD
from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.depth import Matrix, judge, without
from stratascope.core.threats.needs import Need, Shares
from stratascope.core.threats.threat import Family, Route, Ruling, Stance, Step, Threat
from stratascope.value import replace

LAYERS = ("namespaces", "cgroup", "capabilities", "seccomp", "mac", "usermap")
_SEVERITIES = {"C": Severity.CRITICAL, "H": Severity.HIGH, "M": Severity.MEDIUM, "L": Severity.LOW}
_STANCES = {"S": Stance.STOPS, "-": Stance.LETS_THROUGH, "?": Stance.UNKNOWN, ".": Stance.NOT_ITS_JOB}

# id, severity, title, call; then the stances of layers 1 to 6 for a container that is loosely kept, and for a tight one
_TABLE: dict[Family, str] = {
    Family.HOST: """
use-engine-socket       C|Use the engine's socket|connect("/run/docker.sock")|-.....|S.....
be-host-root            C|Be root on the host|escape as uid 0|.....-|.....S
write-host-files        H|Write the host's files|open("/host/etc/passwd", O_WRONLY)|-...-.|S...S.
open-host-disk          C|Open the host's disk|open("/dev/sda")|.SS..S|.SS..S
open-host-memory-device C|Open the host's memory|open("/dev/mem")|.SS..S|.SS..S
plant-set-uid-on-host   H|Plant a set-uid file on the host|chmod(04755)|S....-|S....S
create-block-device     M|Create a block device|mknod(S_IFBLK)|.SSSSS|.SSSSS
create-char-device      M|Create a character device|mknod(S_IFCHR)|.-----|.SSSSS
be-engine-user          L|Be the engine's user|escape as uid 1000|.....-|.....-""",
    Family.MOUNTS: """
mount-file-system       H|Mount a filesystem|mount("tmpfs")|..SSS.|..SSS.
bind-mount              H|Mount a directory elsewhere|mount(MS_BIND)|..-SS.|..SSS.
new-mount-api           M|Use the new mount calls|fsopen("tmpfs")|..--..|..SS..
pivot-root              M|Change the root for all|pivot_root("/", "/")|..S-S.|..SSS.
unmount                 L|Take a mount away|umount2("/proc")|..-.S.|..SSS.
change-root             L|Change its own root|chroot("/")|..--..|..-S..
open-by-handle          H|Open files by handle|open_by_handle_at()|..SS.S|..SS.S""",
    Family.KERNEL: """
load-module             C|Load code into the kernel|init_module()|..SS.S|..SS.S
load-kernel             H|Replace the running kernel|kexec_load()|..SS.S|..SS.S
trace-kernel            H|Trace the kernel|perf_event_open()|..--..|..SS..
bpf                     H|Load BPF programs|bpf(BPF_PROG_LOAD)|..--..|..SS..
userfaultfd             M|Handle page faults itself|userfaultfd()|..-S..|..SS..
io-uring                M|Use io_uring|io_uring_setup()|...-..|...S..
read-kernel-memory      C|Read the kernel's memory|open("/proc/kcore")|S.S.SS|S.S.SS
read-kernel-log         M|Read the kernel's log|syslog(2)|..-S..|..SS..
reboot                  H|Restart the machine|reboot()|S.SS.S|S.SS.S
set-clock               M|Set the clock|clock_settime()|..SS.S|..SS.S
swap-on                 M|Add swap space|swapon()|..SS.S|..SS.S
process-accounting      L|Switch accounting on|acct()|..SS.S|..SS.S
disk-quota              L|Change disk quotas|quotactl()|..SS.S|..SS.S
port-io                 M|Speak to hardware ports|iopl(3)|..SS.S|..SS.S
kernel-keyring          L|Use the kernel's keyring|keyctl()|...-..|...S..
disable-aslr            L|Switch address randomising off|personality()|...-..|...S..
read-firmware           L|Read the firmware's tables|open("/sys/firmware")|?...?S|S...SS
trigger-sysrq           H|Press the emergency key|open("/proc/sysrq-trigger")|S.-.S-|S.-.SS
write-core-pattern      C|Have the kernel run a program|open("/proc/sys/kernel/core_pattern")|S.-.S-|S.-.SS
write-host-sysctl       H|Change the kernel's settings|open("/proc/sys/vm/overcommit_memory")|S.-.S-|S.-.SS""",
    Family.NAMESPACES: """
new-user-namespace      M|Make itself root of a new user namespace|clone(CLONE_NEWUSER)|...-?.|...S..
kernel-surface          M|Reach more of the kernel as such a root|socket(AF_PACKET)|...-?.|...S..
new-mount-namespace     L|Make a mount namespace|unshare(CLONE_NEWNS)|..--..|..SS..
new-network-namespace   L|Make a network namespace|unshare(CLONE_NEWNET)|..--..|..SS..
join-namespace          L|Join another namespace|setns()|..--..|..SS..
set-hostname            L|Change the host name|sethostname()|..S-.S|..SS.S""",
    Family.PROCESSES: """
see-host-processes      M|See the host's processes|open("/proc/2/comm")|S.....|S.....
signal-host-process     H|Signal the host's processes|kill(2, 0)|S.-..-|S.S..S
enter-host-process      C|Enter a process of the host|open("/proc/2/root")|S.S.S-|S.S.SS
trace-child             L|Trace its own children|ptrace(PTRACE_SEIZE)|...-..|...-..
read-child-memory       L|Read its children's memory|process_vm_readv()|...-..|...-..
become-other-user       L|Become another user|setresuid()|..-...|..S...
set-uid-file            M|Gain root by a set-uid file|execve("/bin/su")|..-...|..S...
regain-by-exec          M|Regain capabilities by exec|execve()|..S...|..S...
raise-priority          L|Raise its priority|setpriority(-5)|..S..S|..S..S""",
    Family.NETWORK: """
reach-host-network      H|Reach the host's network|inode of ns/net|S.....|S.....
reach-abstract-sockets  M|Reach abstract sockets of the host|connect("@")|S...-.|S...S.
packet-socket           M|Listen to the network raw|socket(AF_PACKET)|..-...|..S...
raw-socket              L|Send forged packets|socket(SOCK_RAW)|..-...|..S...
bind-low-port           L|Open a port below 1024|bind(80)|..-...|..-...
configure-network       M|Change the network's settings|ioctl(SIOCSIFFLAGS)|..S..-|..S..S""",
    Family.RESOURCES: """
fork-bomb               H|Start processes without end|fork()|.-....|.S....
exhaust-memory          H|Use up the memory|mmap()|.-....|.S....
exhaust-cpu             M|Use up the processors|loop|.-....|.S....
exhaust-disk            M|Fill the disk|write()|.-....|.-....""",
}
_WEAK, _TIGHT = "weak", "tight"
_BOTH_BY_ONE = ("new-mount-namespace", "load-module", "set-clock", "mount-file-system")


def _rows() -> list[tuple[Family, list[str]]]:
    return [(family, line.split("|")) for family, text in _TABLE.items() for line in text.strip().splitlines()]


def _threat(family: Family, parts: list[str]) -> Threat:
    name, severity = parts[0].split()
    title, call, weak = parts[1], parts[2], parts[3]
    first = next((LAYERS[at] for at, letter in enumerate(weak) if letter != "."), LAYERS[0])
    routes = [Route(msg("direct"), (Step(call, (Shares(name),)),))]
    if name in ("write-core-pattern", "write-host-sysctl"):
        steps = (
            Step("unshare(CLONE_NEWNS)", (Shares("new-mount-namespace"),)),
            Step('mount("/proc/sys", MS_REMOUNT)', (Shares("mount-file-system"),)),
            Step(call, (Shares(name),)),
        )
        routes.append(Route(msg("after making /proc/sys writable again"), steps))
    return Threat(
        name, family, _SEVERITIES[severity], msg("{title}", title=title),
        msg("A process could {title} with {call}.", title=title[0].lower() + title[1:], call=call),
        msg("An attacker then has a foothold outside the container, and may go on from there."),
        msg("Leave out what lets it through, and start the container again."),
        first, tuple(routes), ("CIS-Docker-1.6.0:5.4", "PSS:baseline", "capabilities(7)"),
    )  # fmt: skip


THREATS: tuple[Threat, ...] = tuple(_threat(family, parts) for family, parts in _rows())
Posture = tuple[tuple[str, Stance], ...]


@dataclass(frozen=True)
class FakeLayer:
    """A layer that returns its posture's stance for the threat that a need names."""

    id: str
    number: int

    def stance(self, need: Need, posture: Any) -> Ruling | None:
        name = need.kind if isinstance(need, Shares) else ""
        stance = dict(posture).get(name, Stance.NOT_ITS_JOB)
        reasons = {
            Stance.STOPS: msg("Refused by {layer}: what {threat} needs is not granted.", layer=self.id, threat=name),
            Stance.LETS_THROUGH: msg("Nothing in {layer} is in its way.", layer=self.id),
            Stance.UNKNOWN: msg("What {layer} says could not be read.", layer=self.id),
        }
        hinges = frozenset({"privileged"}) if stance is Stance.STOPS and name in _BOTH_BY_ONE else frozenset[str]()
        return Ruling(stance, reasons[stance], f"@status:{self.id}", hinges) if stance in reasons else None


FAKES = tuple(FakeLayer(name, number) for number, name in enumerate(LAYERS, 1))


def matrix(kind: str = _WEAK, changes: tuple[tuple[str, str], ...] = ()) -> Matrix:
    """`weak` (like the ci-runner of the design), `tight`, `open` (privileged) or `unknown`.

    `changes`: other stances of some threats, six letters each (S stops, - lets through, ? unknown, . not its job).
    """
    letters: dict[str, str] = {}
    for _, parts in _rows():
        name = parts[0].split()[0]
        text = parts[4] if kind == _TIGHT else parts[3]
        if kind == "open":
            text = text.replace("S", "-").replace("?", "-")
        if kind == "unknown":
            text = text.replace("S", "?").replace("-", "?")
        letters[name] = text
    letters |= dict(changes)
    postures: list[Any] = [
        (layer, tuple((name, _STANCES[text[at]]) for name, text in letters.items())) for at, layer in enumerate(FAKES)
    ]
    return _on_ground(judge(THREATS, tuple(postures), UNREAD))


_GROUND = {
    "read-firmware": Ruling(Stance.STOPS, msg("This kernel has no such tables."), "/sys/firmware"),
    "bpf": Ruling(Stance.STOPS, msg("The host lets only root load BPF programs."), "kernel.unprivileged_bpf_disabled"),
    "io-uring": Ruling(Stance.LETS_THROUGH, msg("The host lets everyone use it."), "kernel.io_uring_disabled"),
}


def _on_ground(matrix: Matrix) -> Matrix:
    """The matrix with stances of the host's settings, recomputed by `without`."""
    states = tuple(
        replace(state, routes=tuple(replace(route, ground=_GROUND[state.threat.id]) for route in state.routes))
        if state.threat.id in _GROUND
        else state
        for state in matrix.threats
    )
    return without(replace(matrix, threats=states), frozenset())


def varied(number: int) -> Matrix:
    """One of many different matrices for a fleet, by number."""
    kind = (_TIGHT, _WEAK, _TIGHT, _TIGHT, "open", _TIGHT, _WEAK, _TIGHT, _TIGHT, "unknown")[number % 10]
    name = THREATS[number * 7 % len(THREATS)].id
    other = THREATS[number * 11 % len(THREATS)].id
    if kind in (_TIGHT, _WEAK):
        return matrix(kind, ((name, "--.-.."), (other, "S.?S..")))
    return matrix(kind)


# A critical threat of which nothing is known, and nothing else open
SOCKET_UNKNOWN = matrix("tight", (("use-engine-socket", "?....."),))
