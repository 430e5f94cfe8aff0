"""The intended use of a refused call's path, derived from its name and arguments; and facts of its process. Pure.

Empty or None if not known: the structures of openat2 and clone3 are in the process's memory, which is not read.
Decided against the errors listed in manual pages: the kernel's source decides which check comes first (fs/namei.c),
and the layers' claims are based on that.
"""

from __future__ import annotations

import errno
import os
import stat
from enum import StrEnum

from stratascope.core.observation.events import CapabilityCheck, Node
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.linux.capability import name_of
from stratascope.linux.mounts import Mount

DENIED = frozenset((errno.EPERM, errno.EACCES))
UNLIMITED = 1 << 62  # limits from here on mean RLIM_INFINITY, of 32 or 64 bits
NEW_USER = 0x10000000  # CLONE_NEWUSER
# Kinds of namespaces by their flag, each limited by user.max_KIND_namespaces
SPACES = (
    (0x00020000, "mnt"),
    (0x02000000, "cgroup"),
    (0x04000000, "uts"),
    (0x08000000, "ipc"),
    (NEW_USER, "user"),
    (0x20000000, "pid"),
    (0x40000000, "net"),
    (0x00000080, "time"),
)
_WORD = (1 << 32) - 1
# Address families that exist only in the initial network namespace (their create functions): AX.25,
# AppleTalk, NET/ROM, ATM, X.25, ROSE, LLC, Bluetooth, Phonet, IEEE 802.15.4
FIRST_NETWORK = frozenset((3, 5, 6, 8, 9, 11, 20, 26, 31, 35, 36))

# By call: the index of its flags argument; openat2 has them in memory
_OPENS = {"open": 1, "openat": 2, "openat2": None, "creat": None, "open_by_handle_at": 2}
_ACCESSES = {"access": 1, "faccessat": 2, "faccessat2": 2}
_MAKES_NAMES = "mkdir mkdirat mknod mknodat symlink symlinkat link linkat bind"
_TAKES_NAMES = "unlink unlinkat rmdir rename renameat renameat2"
_OWNERS_NAMES = """
chmod fchmod fchmodat fchmodat2 utime utimes futimesat utimensat chown fchown lchown fchownat setxattr lsetxattr
fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr
"""
_PASSES_NAMES = "chdir fchdir chroot stat lstat newfstatat statx readlink readlinkat statfs"
MAKES = frozenset(_MAKES_NAMES.split())
TAKES = frozenset(_TAKES_NAMES.split())
OWNERS = frozenset(_OWNERS_NAMES.split())
EXECUTES = frozenset(("execve", "execveat"))
CLONES = frozenset(("clone", "clone3", "fork", "vfork"))
_PASSES = frozenset(_PASSES_NAMES.split())
_WRITES = frozenset(("truncate", "ftruncate", "fallocate", "connect"))


class Use(StrEnum):
    """The intended use of a file or folder."""

    READ = "read"
    WRITE = "write"
    RUN = "run"
    NAMES = "names"  # create, rename or remove a name in a folder
    PASS = "pass"  # traverse a folder
    OWN = "own"  # an action reserved to the owner


def called(attempt: Attempt, *errnos: int) -> bool:
    """Whether it is a call that began (no filter refused it) and returned one of these errors."""
    return attempt.kind is AttemptKind.CALL and attempt.entered and attempt.errno in errnos


def plain_name(attempt: Attempt) -> str:
    """The call's name without the suffix 32 of i386's calls with wide ids (setuid32)."""
    return attempt.name.removesuffix("32")


def value(attempt: Attempt, place: int) -> int | None:
    """An argument as the kernel reads an int: its low 32 bits."""
    return attempt.values[place] & _WORD if place < len(attempt.values) else None


def flags(attempt: Attempt) -> int | None:
    """The flags with which a file was to be opened; None: not such a call, or not known."""
    if attempt.name == "creat":
        return os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    place = _OPENS.get(attempt.name)
    return None if place is None else value(attempt, place)


def opens(attempt: Attempt) -> bool:
    """Whether it was to open a file by its path."""
    return attempt.name in _OPENS


def uses(attempt: Attempt) -> tuple[Use, ...]:
    """The intended uses, each of which may have been refused. Empty: not known."""
    name = plain_name(attempt)
    if attempt.name in _OPENS:
        return _opened(attempt)
    if name in _ACCESSES:
        mode = value(attempt, _ACCESSES[name]) or 0
        kinds = ((os.R_OK, Use.READ), (os.W_OK, Use.WRITE), (os.X_OK, Use.RUN))
        return tuple(use for bit, use in kinds if mode & bit) or (Use.PASS,)
    if name in MAKES or name in TAKES:
        return (Use.NAMES,)
    if name in OWNERS:
        return (Use.OWN,)
    if name in EXECUTES:
        return (Use.RUN,)
    if name in _WRITES:
        return (Use.WRITE,)
    return (Use.PASS,) if name in _PASSES else ()


def _opened(attempt: Attempt) -> tuple[Use, ...]:
    found = flags(attempt)
    if found is None:
        return ()
    if found & os.O_CREAT and attempt.around.place is not None and attempt.around.place.node is None:
        return (Use.NAMES,)
    how = found & os.O_ACCMODE
    read = () if how == os.O_WRONLY else (Use.READ,)
    return (*read, Use.WRITE) if how != os.O_RDONLY or found & os.O_TRUNC else read


def place_of(attempt: Attempt) -> str:
    """The resolved path; empty: not known."""
    around = attempt.around
    led = around.place.path if around.place is not None else ""
    address = around.address.text if around.address is not None and around.address.family == "unix" else ""
    return led or attempt.path or address


def mount_of(attempt: Attempt) -> Mount | None:
    """The mount that the path is on, as the process sees it."""
    return attempt.around.place.mount if attempt.around.place is not None else None


def refused_checks(attempt: Attempt) -> tuple[CapabilityCheck, ...]:
    """The failed capability checks that were the reason (`attempt.lacked` has their names)."""
    named = frozenset(attempt.lacked)
    return tuple(each for each in attempt.around.checks or () if each.answer < 0 and name_of(each.capability) in named)


def unasked(attempt: Attempt) -> bool:
    """Whether it is known that the kernel refused without checking a capability."""
    return attempt.around.checks is not None and not attempt.lacked


def held(attempt: Attempt, capability: int) -> bool | None:
    """Whether the capability was effective in the process; None: not known."""
    effective = attempt.around.effective
    return None if effective is None else capability in effective


def user(attempt: Attempt) -> int | None:
    """The uid for file access checks, in the container's numbering, or in the host's if its map is not known or lacks
    it; None: not known.
    """
    return None if attempt.around.uid is None else told_id(attempt, attempt.around.uid)


def told_id(attempt: Attempt, uid: int) -> int:
    """A host uid in the container's numbering, if it is mapped; else as it is."""
    inside = attempt.inside(uid)
    return uid if inside is None else inside


def is_root(attempt: Attempt) -> bool | None:
    """Whether it is root of its user namespace; None: not known."""
    uid = attempt.around.uid
    if uid is None:
        return None
    return uid == 0 if attempt.uids is None else attempt.inside(uid) == 0


def mode_text(node: Node) -> str:
    """The mode as ls(1) prints it: `rwxr-x---`."""
    return stat.filemode(node.mode)[1:]


def limit(attempt: Attempt, name: str) -> int | None:
    """A soft limit of the process; None if unlimited, or not known."""
    found = attempt.around.limit(name)
    return None if found is None or found >= UNLIMITED else found
