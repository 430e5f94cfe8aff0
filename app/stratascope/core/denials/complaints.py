"""How programs complain: the words in a log that say what went wrong, and the path that they stand beside. Pure.

One knowledge for whoever reads logs: toggles that may be to blame for a failed relaunch (`layers.shared.symptoms`), and
why a container ended (`core/denials/ended/why.py`). The words are those of the C library, busybox, nginx, gosu and the
runtimes of Go, Node, Python and Java. Decided against more than words and numbers, since a log is foreign text that is
never run, opened or followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stratascope.core.relaunch.toggle import Failure
from stratascope.value import Value

_LONGEST = 2000  # characters of one line that are looked at
_LINES = 400
_PATH = re.compile(r"(?<![\w./-])/[\w.@+/-]*[\w@+-]")

# Several programs translate errno(3) themselves, so the numbers in nginx's way count too
READ_ONLY = r"read-only file ?system|\bEROFS\b|\(30: "
NOT_PERMITTED = r"operation not permitted|\bEPERM\b|\(1: |not permitted"
DENIED = r"permission denied|\bEACCES\b|\(13: |access denied"
REFUSED = rf"{NOT_PERMITTED}|{DENIED}"
MISSING = r"no such file or directory|\bENOENT\b|\(2: "
NO_FORK = (
    r"resource temporarily unavailable|\bEAGAIN\b|can(?:no|')?t fork|fork failed"
    r"|unable to (?:create|start).{0,20}thread|pthread_create"
)
NO_FILES = r"too many open files|\bEMFILE\b|\bENFILE\b"
NO_MEMORY = r"cannot allocate memory|out of memory|\bENOMEM\b|bad_alloc|outofmemory|memoryerror"
UNRESOLVED = (
    r"name or service not known|failure in name resolution|could not resolve|bad address|no such host|name resolution"
)
UNREACHABLE = (
    r"connection refused|network is unreachable|no route to host|cannot assign requested address|\bECONNREFUSED\b"
)
SIGSYS = r"bad system call|\bSIGSYS\b"

# What is spoken of in the same line as a refusal, and the capability that it takes: capabilities(7)
NEEDS = (
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


class Line(Value):
    """A line of the log, or of the engine's words, that has what was sought; `path` is named beside it, or "" ."""

    text: str
    path: str


def find(failure: Failure, pattern: str, where: Callable[[Line], bool] = lambda line: True) -> Line | None:
    """The last line with that pattern: programs give up after it."""
    sought = re.compile(pattern, re.I)
    for text in reversed(last_lines(failure.words, failure.log)):
        line = in_line(text, sought)
        if line is not None and where(line):
            return line
    return None


def last_lines(*texts: str) -> list[str]:
    """Of foreign texts, those lines that are looked at, and of each line what is."""
    return [line[:_LONGEST] for text in texts for line in text.splitlines()][-_LINES:]


def in_line(text: str, sought: re.Pattern[str]) -> Line | None:
    """That line, where it has the pattern."""
    found = sought.search(text)
    return None if found is None else Line(text, _path(text, found))


def _path(text: str, found: re.Match[str]) -> str:
    """The path nearest before the words, else the first after: `touch: /a: Read-only …`, `Errno 30 … : '/a'`."""
    before = _PATH.findall(text[: found.start()])
    after = _PATH.findall(text[found.start() :])
    return before[-1] if before else after[0] if after else ""
