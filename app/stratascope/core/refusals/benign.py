"""Benign refusals, after which healthy programs continue: they probe whether a feature exists, and have a fallback.

Found by observing the thirty-one programs of `tests/machine/software` on Docker and Podman, where all of them worked,
and from the known behaviour of others. A class is defined by call, errno, arguments and the form of the path, never by
the calling program. Refusals that other programs die of are only benign if the program was seen to continue. Some are
never fatal: the program hopes for the refusal, or always has a fallback; these stay benign even if the program ended
right after. Decided against treating every refused `access` or file as benign: these are what people look for.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from typing import Any

from stratascope.core.observation.events import NodeKind
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.linux.syscall_arguments import RESOURCES
from stratascope.value import Value

_LOW = 0xFFFFFFFF
_FILTERED, _ENTERED = False, True
_NOT_THERE, _NOT_PERMITTED = (errno.ENOSYS,), (errno.EPERM,)
_REFUSED = (errno.EPERM, errno.EACCES)
_EITHER = (errno.EPERM, errno.ENOSYS)
_O_NOATIME = 0o1000000
_HUGE = 0x40000  # MAP_HUGETLB
_JOIN = 1  # KEYCTL_JOIN_SESSION_KEYRING
_READS = "access faccessat faccessat2 lstat newfstatat open openat openat2 readlink readlinkat stat statx"


class Probe(Value):
    """One class of benign refusals. `entered`: whether the call began in the kernel; None: either. `path`: a full
    match; `lacked`: a superset of the attempt's. `more`: a condition on the arguments. `lasting`: only if the program
    was seen to continue; `never_fatal`: even if it ended right after. For a netlink request, the call that sent it does
    not matter.
    """

    why: str
    calls: frozenset[str]
    errnos: tuple[int, ...]
    entered: bool | None = None
    path: re.Pattern[str] | None = None
    lacked: frozenset[str] | None = None
    more: Callable[[Attempt], bool] = lambda attempt: True
    kind: AttemptKind = AttemptKind.CALL
    lasting: bool = False
    never_fatal: bool = False

    def holds(self, attempt: Attempt) -> bool:
        """Whether the refusal belongs to this class."""
        return (
            attempt.kind is self.kind
            and (attempt.name in self.calls or self.kind is AttemptKind.REQUEST)
            and attempt.errno in self.errnos
            and self.entered in (None, attempt.entered)
            and (self.path is None or self.path.fullmatch(attempt.path) is not None)
            and (self.lacked is None or self.lacked.issuperset(attempt.lacked))
            and self.more(attempt)
        )


def is_benign(attempt: Attempt, *, survived: bool = False, ended: bool = False) -> bool:
    """Whether healthy programs get this refusal and continue. `ended`: this program ended right after it."""
    return why_benign(attempt, survived=survived, ended=ended) != ""


def why_benign(attempt: Attempt, *, survived: bool = False, ended: bool = False) -> str:
    """What such a program does instead, in English, for developers; "" if the refusal is not benign."""
    return next((each.why for each in PROBES if each.holds(attempt) and _fits(each, survived, ended)), "")


def _fits(probe: Probe, survived: bool, ended: bool) -> bool:
    return probe.never_fatal or (not ended and (survived or not probe.lasting))


def _value(attempt: Attempt, place: int) -> int | None:
    return attempt.values[place] & _LOW if place < len(attempt.values) else None


def _is(place: int, *wanted: int) -> Callable[[Attempt], bool]:
    return lambda attempt: _value(attempt, place) in wanted


def _on_a_file(attempt: Attempt) -> bool:
    node = None if attempt.around.place is None else attempt.around.place.node
    return node is None or node.kind in (NodeKind.FILE, NodeKind.FOLDER)


def _to_root(attempt: Attempt) -> bool:
    """Whether a program that dropped root verifies that it can't return: it sets its effective uid or gid to 0.

    Also True if its ids could not be read: root would not have been refused its own id.
    """
    if attempt.around.uid is not None and attempt.inside(attempt.around.uid) == 0:
        return False
    return _value(attempt, 1 if attempt.name.startswith("setre") else 0) == 0


def _raises(*names: str) -> Callable[[Attempt], bool]:
    return lambda attempt: RESOURCES.get(_value(attempt, 1 if attempt.name == "prlimit64" else 0) or 0) in names


def _not_root(attempt: Attempt) -> bool:
    uid = attempt.around.uid
    return uid is not None and attempt.inside(uid) != 0


def _without_access_time(attempt: Attempt) -> bool:
    flags = _value(attempt, {"open": 1, "openat": 2}.get(attempt.name, 9))
    return flags is not None and bool(flags & _O_NOATIME)


def _to_postlog(attempt: Attempt) -> bool:
    """Whether it is about Postfix's log socket, as in Postfix programs that users call."""
    address = attempt.around.address
    return address is not None and address.family == "unix" and address.text.endswith("/public/postlog")


def _wants_huge_pages(attempt: Attempt) -> bool:
    flags = _value(attempt, 3)
    return flags is not None and bool(flags & _HUGE)


def _class(why: str, calls: str, errnos: tuple[int, ...], **more: Any) -> Probe:
    return Probe(why, frozenset(calls.split()), errnos, **more)


# The C library and others try the newest call first, and fall back to the older one
_OF_THE_C_LIBRARY = "clone3 close_range copy_file_range faccessat2 fchmodat2 getrandom rseq statx"
_NEWER = """
cachestat epoll_pwait2 futex_wait futex_waitv futex_wake io_pgetevents io_uring_setup landlock_create_ruleset listmount
map_shadow_stack membarrier memfd_secret mseal openat2 pidfd_open preadv2 process_mrelease pwritev2
set_mempolicy_home_node statmount userfaultfd
"""
PROBES: tuple[Probe, ...] = (
    _class("takes the older call", _OF_THE_C_LIBRARY, _NOT_THERE, never_fatal=True),
    _class("takes the older call", _NEWER, _NOT_THERE),
    _class("reads and writes by threads instead", "io_uring_setup", _EITHER, entered=_FILTERED),
    _class("does without confining itself", "landlock_create_ruleset", (*_EITHER, errno.EOPNOTSUPP)),
    _class("does without it", "memfd_secret rseq userfaultfd", _EITHER),
    _class("does without a keyring of the session", "keyctl", _EITHER, entered=_FILTERED, more=_is(0, _JOIN),
           never_fatal=True),
    _class("does without a keyring of the session", "add_key keyctl request_key", _EITHER, entered=_FILTERED),
    _class(
        "leaves memory where it lies", "get_mempolicy mbind move_pages set_mempolicy", _EITHER, entered=_FILTERED
    ),
    _class("a file is ready at all times", "epoll_ctl", _NOT_PERMITTED, entered=_ENTERED, more=_on_a_file),
    _class("is the leader of its session or group already", "setpgid setsid", _NOT_PERMITTED, entered=_ENTERED),
    _class(
        "makes sure that it can't be root again",
        "setgid setregid setresgid setresuid setreuid setuid",
        _NOT_PERMITTED,
        entered=_ENTERED,
        lacked=frozenset(("CAP_SETGID", "CAP_SETUID")),
        more=_to_root,
        never_fatal=True,
    ),
    _class(
        "goes on with the limit that it has",
        "prlimit64 setrlimit",
        _NOT_PERMITTED,
        entered=_ENTERED,
        lacked=frozenset(("CAP_SYS_RESOURCE",)),
        more=_raises("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_NPROC"),
    ),
    _class(
        "goes on without being spared when memory runs out",
        "write",
        (errno.EACCES,),
        entered=_ENTERED,
        more=lambda attempt: attempt.lacked == ("CAP_SYS_RESOURCE",),
    ),
    _class(
        "goes on without being spared when memory runs out",
        "open openat",
        (*_REFUSED, errno.EROFS),
        path=re.compile(r"/proc/(?:self|thread-self|[0-9]+)/oom_(?:score_adj|adj)"),
    ),
    _class(
        "goes on without what is told of processes of others",
        _READS,
        _REFUSED,
        path=re.compile(
            r"/proc/(?:self|thread-self|[0-9]+)(?:/task/[0-9]+)?"
            r"/(?:cwd|environ|exe|fd(?:info)?(?:/[0-9]+)?|io|maps|mem|ns/[a-z_]+|numa_maps|root|smaps(?:_rollup)?"
            r"|stack|syscall|wchan|personality|auxv|timerslack_ns)"
        ),
    ),
    _class(
        "looks for settings in the home of root, whose environment it has",
        _READS,
        (errno.EACCES,),
        path=re.compile(r"/root(?:/\.[^/]+(?:/.*)?)?"),
        more=_not_root,
    ),
    _class(
        "goes on without keeping what it compiled",
        "mkdir mkdirat open openat",
        (*_REFUSED, errno.EROFS),
        path=re.compile(r".*/__pycache__(?:/[^/]*)?"),
    ),
    _class(
        "goes on without being seen by Java's tools",
        "mkdir mkdirat open openat",
        (*_REFUSED, errno.EROFS),
        path=re.compile(r"/tmp/hsperfdata_[^/]+(?:/[0-9]+)?"),
    ),
    _class(
        "leaves the file with its number, which the next start writes anew",
        "unlink unlinkat",
        (*_REFUSED, errno.EROFS),
        path=re.compile(r"(?:/var)?/run/(?:[^/]+/)?[^/]+\.pid"),
    ),
    _class("reads it as any other file", "open openat", _NOT_PERMITTED, entered=_ENTERED, more=_without_access_time),
    _class("asks for room that everyone may have", "setsockopt", _NOT_PERMITTED, entered=_ENTERED,
           lacked=frozenset(("CAP_NET_ADMIN",)), more=lambda attempt: _is(1, 1)(attempt) and _is(2, 32, 33)(attempt)),
    _class("keeps the pipe as large as it is", "fcntl", _NOT_PERMITTED, more=_is(1, 1031)),
    _class("keeps the name that it was started with", "prctl", _NOT_PERMITTED, more=_is(0, 35)),
    _class("runs with the priority that it has", "ioprio_set setpriority", _REFUSED, entered=_ENTERED,
           lacked=frozenset(("CAP_SYS_NICE", "CAP_SYS_ADMIN"))),
    _class("has no audit to write to", "socket", (errno.EINVAL, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT),
           more=lambda attempt: _is(0, 16)(attempt) and _is(2, 9)(attempt), never_fatal=True),
    _class("takes ordinary pages", "mmap", (errno.ENOMEM,), more=_wants_huge_pages),
    _class("goes on with the capabilities that it has", "capset", _NOT_PERMITTED, entered=_ENTERED, lasting=True),
    _class("goes on without knowing where it is", "stat newfstatat statx", (errno.EACCES,),
           path=re.compile(r"(?:/.*/)?\."),
           lasting=True),
    _class("writes to the system's log instead", "connect", (errno.EACCES,), more=_to_postlog),
    _class("goes on without the firewall", "", _NOT_PERMITTED, kind=AttemptKind.REQUEST, lasting=True,
           lacked=frozenset(("CAP_NET_ADMIN",))),
    _class("goes on without the kernel's audit", "", _NOT_PERMITTED, kind=AttemptKind.REQUEST, lasting=True,
           lacked=frozenset(("CAP_AUDIT_WRITE",))),
    _class("uses IPv4", "socket", (errno.EAFNOSUPPORT,), entered=_ENTERED, more=_is(0, 10)),
)  # fmt: skip
