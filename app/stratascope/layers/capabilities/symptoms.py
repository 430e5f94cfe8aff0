"""Which capability a failed program lacked, by what its log complains of.

capabilities(7) says what each is needed for; the words are those of the C library, busybox, nginx, gosu and the like.
"""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Failure, Subject, Suspicion
from stratascope.layers.shared.symptoms import DENIED, NOT_PERMITTED, REFUSED, find
from stratascope.layers.shared.unprivileged_ports import PRIVILEGED_PORTS
from stratascope.linux.capability import CapabilitySet

_SURE, _LIKELY, _PERHAPS = 90, 60, 35
# What is spoken of, in the same line as a refusal, and what it takes
_NEEDS = (
    (r"\bf?l?chown(?:at)?\b|chang\w+ owner", ("CAP_CHOWN",)),
    (
        r"set(?:res|re|e)?[ug]ids?\b|setgroups|initgroups|set groups|switching to"
        r"|su-exec|gosu|setpriv|change (?:user|group)|\bsu:",
        ("CAP_SETGID", "CAP_SETUID"),
    ),
    (r"\bbind\b|listen", ("CAP_NET_BIND_SERVICE",)),
    (r"\bping\b|raw socket|SOCK_RAW|icmp", ("CAP_NET_RAW",)),
    (r"\bu?mount\b|unshare|setns|pivot_root|sethostname", ("CAP_SYS_ADMIN",)),
    (r"\bchroot\b", ("CAP_SYS_CHROOT",)),
    (r"\bmknod\b", ("CAP_MKNOD",)),
    (r"iptables|nftables|netlink|RTNETLINK|\bip(?:route)?:|tun\b|\bioctl\b", ("CAP_NET_ADMIN",)),
    (r"\bkill\b", ("CAP_KILL",)),
    (r"f?chmod|utimes?|change mode|change permissions", ("CAP_FOWNER",)),
    (r"set ?r?limit|prlimit", ("CAP_SYS_RESOURCE",)),
    (r"setpriority|\bnice\b|sched_set", ("CAP_SYS_NICE",)),
    (r"mlock", ("CAP_IPC_LOCK",)),
    (r"settimeofday|adjtime|clock_settime", ("CAP_SYS_TIME",)),
    (r"ptrace", ("CAP_SYS_PTRACE",)),
    (r"setcap|capset", ("CAP_SETFCAP", "CAP_SETPCAP")),
)


def lacked(failure: Failure, lost: CapabilitySet, subject: Subject) -> tuple[int, tuple[str, ...]] | None:
    """How sure, and which of the lost ones."""
    for pattern, names in _NEEDS:
        line = find(failure, REFUSED, lambda line, sought=pattern: find(Failure(line.text), sought) is not None)  # type: ignore[misc]
        mine = (CapabilitySet.of(names) & lost).names()
        if line is not None and mine:
            return _SURE, mine
    low = [port for port in failure.silent if port < PRIVILEGED_PORTS]
    if low and CapabilitySet.of(("CAP_NET_BIND_SERVICE",)) & lost:
        return _LIKELY, ("CAP_NET_BIND_SERVICE",)
    files = CapabilitySet.of(("CAP_DAC_OVERRIDE",)) & lost
    if files and find(failure, DENIED, lambda line: bool(line.path)) is not None:
        return _LIKELY, files.names()
    if lost and find(failure, NOT_PERMITTED) is not None:
        return _PERHAPS, ()
    return None


def suspicion(found: tuple[int, tuple[str, ...]] | None, keep: CapabilitySet) -> Suspicion | None:
    """With the value that would leave it in."""
    if found is None:
        return None
    weight, names = found
    if not names:
        return Suspicion(weight, msg("Something was not permitted to it, which may have taken a capability."))
    value = ",".join(name.removeprefix("CAP_") for name in (keep | CapabilitySet.of(names)).names())
    text = msg("It seems to need {names}. Leave that in: capabilities={value}.",
               names=", ".join(name.removeprefix("CAP_") for name in names), value=value)  # fmt: skip
    return Suspicion(weight, text)
