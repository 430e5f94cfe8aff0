"""The one way in which a file of ours is replaced: a reader, and a crash at any moment, finds the old text or the new
one. And the one in which it is read, and held: what else stands in its place holds nobody up.

Written to a draft beside it and renamed: rename(2) is atomic, fsync(2) of file and folder makes it last. The draft is
made anew (O_EXCL) and through no link. `desktop_files/files.py` has a way of its own, since it runs as root by itself
and replaces several files or none.

Links are followed where they are this user's or root's, since people keep their settings elsewhere and link them (stow,
home-manager); what they lead to has to be theirs as well. One of anybody else's is refused, as the kernel refuses it in
/tmp (fs.protected_symlinks in proc_sys_fs(5)), which does not see links that were resolved by name.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_LINKS_MOST = 40  # as the kernel has it: path_resolution(7)
# File systems of the kernel's own that have regular files, by number: include/uapi/linux/magic.h and fs/. proc, sysfs;
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
    """Replace the file's content; its folder must be there. Raises OSError, and leaves no draft then.

    `mode`: as open(2) has it, less the umask; `exact`: just that. `owner`: user and group, for root. `like`: an open
    file, for its ACL and extended attributes. `lasting`: synced, so that it outlives a crash of the machine.
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
    """Another text in an ordinary file that is there, whoever it belongs to: with its owner, group, mode, ACL and
    extended attributes, and at the end of links. Raises OSError where one of these can't be kept, or where the file
    has another text than `before` by now; it is as it was then.
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
    """Raises OSError for an ACL or a user's own that can't be kept. Others are the system's: it may have put its label
    there already, and takes a file's capabilities away with each change.
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
    """What somebody asked for by its name, as readable as they have it. Raises OSError."""
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe; a folder is refused by the kernel
        path.write_bytes(data)
        return
    path = followed(path)
    there = path.exists()
    write(path, data, mode=path.stat().st_mode & 0o777 if there else 0o666, exact=there, lasting=False)


def read(path: Path, most: int, *, ours: bool = False, piped: bool = False) -> bytes | None:
    """The whole of an ordinary file; None: it is longer than that. Raises OSError, for what is no such file too.

    The kernel's own (/proc, /sys) are none, though their mode says so: a read may wait for ever, take what was meant
    for others (/proc/kmsg), or tell what nobody asked for (/proc/self/environ). Told by the kind of their file system,
    since mode, size and path don't tell them apart.

    `ours`: it has to belong to this user or to root. `piped`: a pipe that a shell made is read as well; one that has a
    name is not, since nobody may ever write to it.
    """
    facts = path.stat()
    anonymous = piped and stat.S_ISFIFO(facts.st_mode) and Path(os.path.realpath(path)).name.startswith("pipe:[")
    if not anonymous:
        _ordinary(facts, path, ours)  # before it is opened: that alone does something to many a device
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | (0 if anonymous else os.O_NONBLOCK))
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not anonymous:
            _ordinary(facts, path, ours)
            if _file_system(descriptor) in _KERNELS:
                raise OSError(errno.EINVAL, "not an ordinary file", str(path))
        data = file.read(min(facts.st_size, most) + 1)  # which is set aside in memory first
        if len(data) > facts.st_size:  # it grew, or does not tell its size
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
    """Its kind by number: the first word of fstatfs(2), which Python's fstatvfs leaves out. Raises OSError."""
    from ctypes import CDLL, byref, c_long, get_errno  # loaded where a file is read

    facts = (c_long * 32)()  # struct statfs has 15
    if CDLL(None, use_errno=True).fstatfs(descriptor, byref(facts)) != 0:
        raise OSError(get_errno(), os.strerror(get_errno()))
    return facts[0] & 0xFFFF_FFFF


def _owned(facts: os.stat_result, path: Path) -> None:
    if facts.st_uid not in (os.geteuid(), 0):
        raise PermissionError(errno.EPERM, "it belongs to another user", str(path))


def followed(path: Path) -> Path:
    """Where it leads by links of this user or root; it need not be there. Raises OSError for those of others."""
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
    """Raises OSError where others could put files of theirs in the place of ours."""
    facts = followed(folder).stat()
    _owned(facts, folder)
    if facts.st_mode & stat.S_IWOTH:
        raise PermissionError(errno.EPERM, "everybody may write to it", str(folder))


def check_file(path: Path) -> None:
    """Raises OSError for what is no ordinary file of this user or root; a link is none. It is not opened: to close a
    database's file would give back the locks that this process has on it (POSIX).
    """
    _ordinary(path.lstat(), path, True)


def tidy(path: Path) -> None:
    """Remove drafts that a crash left. Only for whoever holds a lock: others' drafts go too. Raises OSError."""
    for left in path.parent.glob(f".{glob.escape(path.name[:100])}.????????.new"):
        left.unlink(missing_ok=True)


def lock(path: Path, *, wait: bool = True) -> int:
    """The descriptor of a file of its own by which others are kept out until it is closed, or this program dies:
    flock(2). Raises OSError; without `wait`, BlockingIOError where another has it.
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
    """The same while the block runs."""
    descriptor = lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def sync(folder: Path) -> None:
    """What was added to it or removed from it outlives a crash of the machine. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
