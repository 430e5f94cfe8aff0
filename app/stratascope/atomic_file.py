"""Atomic replacement of our files: a reader, and a crash at any moment, sees either the old or the new text. Also
reading and locking them, without ever blocking on anything else at that path.

A draft is written next to the file and renamed: rename(2) is atomic, and fsync(2) of file and directory makes it
durable. The draft is always created (O_EXCL), never through a link. `sealed_files.py` has its own version, since
it runs on its own as root and replaces several files or none.

Links are followed if they belong to this user or root, since people keep their settings elsewhere and link them (stow,
home-manager); their targets must as well. Anybody else's link is refused, as the kernel does in /tmp
(fs.protected_symlinks in proc_sys_fs(5)), whose check does not see links that were resolved by name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import stat
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

_LINKS_MOST = 40  # the kernel's limit: path_resolution(7)
# The kernel's own file systems with regular files, by magic number: include/uapi/linux/magic.h and fs/. proc, sysfs;
# cgroup, cgroup2; debugfs, tracefs, securityfs, selinuxfs, smackfs, AppArmor's; bpf, configfs, efivarfs, fusectl,
# binfmt_misc, mqueue, rpc_pipefs, resctrl, nsfs
_KERNELS = frozenset(
    (
        *(0x9FA0, 0x62656572, 0x27E0EB, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0xF97CFF8C, 0x43415D53),
        *(0x5A3C69F0, 0xCAFE4A11, 0x62656570, 0xDE5E81E4, 0x65735543, 0x42494E4D, 0x19800202, 0x67596969, 0x7655821),
        0x6E736673,
    )
)


def write(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o600,
    exact: bool = False,
    owner: tuple[int, int] | None = None,
    like: int | None = None,
    lasting: bool = True,
) -> None:
    """Replace the file's content; its directory must exist. Raises OSError, and then leaves no draft.

    `mode`: as for open(2), reduced by the umask; `exact`: not reduced. `owner`: user and group, for root. `like`: an
    open file whose ACL and extended attributes are copied. `lasting`: synced, to survive a crash of the machine.
    """
    draft = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            if owner is not None:
                os.fchown(descriptor, *owner)
            if exact:
                os.fchmod(descriptor, mode)
            if like is not None:
                _copy_attributes(like, descriptor)  # after the mode, which would change the ACL
            while data:
                data = data[os.write(descriptor, data) :]
            if lasting:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        draft.replace(path)
        if lasting:
            sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def exchange(path: Path, data: bytes, before: bytes) -> None:
    """Replace the text of an existing ordinary file, whoever owns it: keeps owner, group, mode, ACL and extended
    attributes, and follows links. Raises OSError if one of these can't be kept, or if the file's text is no longer
    `before`; the file is then unchanged.
    """
    path = followed(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        facts = os.fstat(descriptor)
        _ordinary(facts, path, False)
        if read(path, len(before)) != before:
            raise OSError(errno.EBUSY, "it was changed meanwhile", str(path))
        owner, made = (facts.st_uid, facts.st_gid), (os.geteuid(), os.getegid())
        mode = stat.S_IMODE(facts.st_mode)
        write(path, data, mode=mode, exact=True, owner=None if owner == made else owner, like=descriptor)
    finally:
        os.close(descriptor)


def _copy_attributes(source: int, target: int) -> None:
    """Raises OSError if an ACL or user attribute can't be kept. Others belong to the system: its label may be set
    already, and file capabilities are dropped at each change.
    """
    try:
        names = os.listxattr(source)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return
        raise
    for name in names:
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError:
            if name.startswith(("user.", "system.posix_acl_")):
                raise


def save(path: Path, data: bytes) -> None:
    """Write to a path given by the user, with their usual permissions. Raises OSError."""
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe; the kernel refuses a directory
        path.write_bytes(data)
        return
    path = followed(path)
    exists = path.exists()
    write(path, data, mode=path.stat().st_mode & 0o777 if exists else 0o666, exact=exists, lasting=False)


def read(path: Path, most: int, *, ours: bool = False, piped: bool = False) -> bytes | None:
    """Read a whole ordinary file; None: it is longer than `most`. Raises OSError, also if it is no such file.

    The kernel's own (/proc, /sys) are refused although their mode says regular: a read may block forever, consume what
    was meant for others (/proc/kmsg), or reveal what nobody asked for (/proc/self/environ). They are recognized by the
    type of their file system, since mode, size and path don't distinguish them.

    `ours`: it must belong to this user or to root. `piped`: a pipe made by a shell is read too; a named one is not,
    since nobody may ever write to it.
    """
    facts = path.stat()
    anonymous = piped and stat.S_ISFIFO(facts.st_mode) and Path(os.path.realpath(path)).name.startswith("pipe:[")
    if not anonymous:
        _ordinary(facts, path, ours)  # before opening, which alone has effects on many devices
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | (0 if anonymous else os.O_NONBLOCK))
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not anonymous:
            _ordinary(facts, path, ours)
            if _file_system(descriptor) in _KERNELS:
                raise OSError(errno.EINVAL, "not an ordinary file", str(path))
        data = file.read(min(facts.st_size, most) + 1)  # allocated up front
        if len(data) > facts.st_size:  # it grew, or reports no size
            data += file.read(most + 1 - len(data))
    return data if len(data) <= most else None


def _ordinary(facts: os.stat_result, path: Path, ours: bool) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "not an ordinary file", str(path))
    if ours:
        _owned(facts, path)


def _file_system(descriptor: int) -> int:
    """Its type by magic number: the first word of fstatfs(2), which Python's fstatvfs lacks. Raises OSError."""
    from ctypes import CDLL, byref, c_long, get_errno  # only loaded when a file is read

    facts = (c_long * 32)()  # struct statfs has 15
    if CDLL(None, use_errno=True).fstatfs(descriptor, byref(facts)) != 0:
        raise OSError(get_errno(), os.strerror(get_errno()))
    return facts[0] & 0xFFFF_FFFF


_ACTING: ContextVar[int] = ContextVar("acting")


@contextlib.contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """For root: this thread reads and writes files as that user would, and owns none of it itself. Raises OSError.

    By setfsuid(2), the one identity that a thread has for itself in C libraries too: what that user could not do by a
    link of theirs, root does not do either.
    """
    from ctypes import CDLL

    library = CDLL(None)
    token = _ACTING.set(uid)
    try:
        library.setfsgid(gid)  # first, while it may
        library.setfsuid(uid)
        if (library.setfsuid(-1), library.setfsgid(-1)) != (uid, gid):  # fails without an error
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        yield
    finally:
        library.setfsuid(os.geteuid())
        library.setfsgid(os.getegid())
        _ACTING.reset(token)


def _owned(facts: os.stat_result, path: Path) -> None:
    if facts.st_uid not in (_ACTING.get(os.geteuid()), 0):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))


def followed(path: Path) -> Path:
    """The target, through links of this user or root; it need not exist. Raises OSError for anybody else's links."""
    for _ in range(_LINKS_MOST):
        try:
            facts = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return path
        if not stat.S_ISLNK(facts.st_mode):
            return path
        _owned(facts, path)
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def check_folder(folder: Path) -> None:
    """Raises OSError if others could replace our files in it."""
    facts = followed(folder).stat()
    _owned(facts, folder)
    if facts.st_mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, "everybody may write to it", str(folder))


def check_file(path: Path) -> None:
    """Raises OSError for anything but an ordinary file of this user or root; links too. The file is not opened: closing
    a database's file would release the locks that this process holds on it (POSIX).
    """
    _ordinary(path.lstat(), path, True)


def tidy(path: Path) -> None:
    """Remove drafts left by a crash. Only for whoever holds a lock: others' drafts go too. Raises OSError."""
    for left in path.parent.glob(f".{glob.escape(path.name[:100])}.????????.new"):
        left.unlink(missing_ok=True)


def lock(path: Path, *, wait: bool = True) -> int:
    """Lock a file of its own against other programs, until the returned descriptor is closed or this program dies:
    flock(2). Raises OSError; without `wait`, BlockingIOError if it is already locked.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock while the block runs."""
    descriptor = lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    """Make entries added to or removed from it survive a crash of the machine. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
