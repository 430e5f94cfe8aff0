"""Refusals by namespaces: mounts that are read-only, noexec, nosuid or nodev, mount points that can't be replaced,
masked paths, resources of the host's namespaces only.

By the mount that the observer saw at that moment; if it saw none, by the container's own list of mounts.
"""

from __future__ import annotations

import errno

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.refusals import tried
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import (
    LooserMount,
    ReadablePlace,
    Want,
    WritablePlace,
)
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.mounts import KEPT_FILES
from stratascope.linux.mounts import Mount, is_mask
from stratascope.linux.namespace import Namespace

_ID = "namespaces"
_MS_REMOUNT = 0x20
_MS_BIND = 0x1000
_CHANGES = 0x1E2000  # MS_MOVE, and the propagation of a mount
_PROT_EXEC = 4
_MAP_ANONYMOUS = 0x20
_NAMED = 4  # places named in a sentence
_OF_THE_KERNEL = ("proc", "sysfs", "cgroup", "cgroup2")
_MAKES_MOUNTS = frozenset(("mount", "fsmount", "move_mount"))


def refused(attempt: Attempt, facts: NamespacesFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    if attempt.kind is AttemptKind.MASKED:
        path = tried.place_of(attempt)
        what = msg(
            "{path} reads as empty because the engine masks it: it shows or changes what belongs to the host.",
            path=path,
        )
        return Claim(_ID, what, Strength.SAID, (ReadablePlace(path),))
    if attempt.kind is AttemptKind.NOT_GAINED:
        return _not_gained(attempt)
    if attempt.kind is not AttemptKind.CALL or not attempt.entered or attempt.lacked:
        return None
    mount = tried.mount_of(attempt) or _listed(attempt, facts)
    match attempt.errno:
        case errno.EROFS:
            return _read_only(attempt, mount, facts)
        case errno.EBUSY if attempt.name in tried.TAKES:
            return _mounted_over(attempt, mount, facts)
        case errno.EACCES | errno.EPERM:
            return _not_run(attempt, mount, facts) or _no_devices(attempt, mount) or _mounts(attempt, mount, facts)
        case errno.EAFNOSUPPORT if attempt.name == "socket":
            return _first_network(attempt, facts)
    return None


def _listed(attempt: Attempt, facts: NamespacesFacts | None) -> Mount | None:
    """The mount that the path is on, by the container's own list."""
    path = tried.place_of(attempt)
    if facts is None or facts.mounts is None or not path.startswith("/"):
        return None
    fitting = [each for each in facts.mounts.seen if each.target == "/" or f"{path}/".startswith(f"{each.target}/")]
    return max(fitting, key=lambda each: len(each.target), default=None)


def _read_only(attempt: Attempt, mount: Mount | None, facts: NamespacesFacts | None) -> Claim:
    path = tried.place_of(attempt)
    other = attempt.around.other
    if (mount is None or not mount.read_only) and other is not None and other.mount is not None:
        path, mount = other.path, other.mount
    if mount is None and (places := _read_only_places(facts)):
        return _one_of(places)
    if mount is None or not mount.read_only:
        return Claim(_ID, msg("What it would have changed is on a read-only mount."), Strength.FITS)
    if is_mask(mount):
        what = msg("{path} is masked by the engine with something empty and read-only.", path=path)
        return Claim(_ID, what, Strength.FITS, (ReadablePlace(path),))
    if not mount.options.startswith("ro"):
        what = msg("The filesystem at {mount} is read-only itself, wherever it is mounted.", mount=mount.target)
        return Claim(_ID, what, Strength.FITS)
    wants: tuple[Want, ...] = (WritablePlace(path, mount.target),)
    return Claim(_ID, _why_read_only(path, mount), Strength.FITS, wants)


def _one_of(places: tuple[str, ...]) -> Claim:
    """The claim for a read-only mount if the path is not known. With several, there is no want: a guess would rarely
    help.
    """
    if places == ("/",):
        what = msg("What it would have changed could not be determined. Its root filesystem is read-only.")
    else:
        what = msg(
            "What it would have changed could not be determined. These are read-only: {places}.",
            places=", ".join(places[:_NAMED]),
        )
    return Claim(_ID, what, Strength.FITS, (WritablePlace("", places[0]),) if len(places) == 1 else ())


def _read_only_places(facts: NamespacesFacts | None) -> tuple[str, ...]:
    """Targets of read-only mounts that are the container's own, not the kernel's or the engine's."""
    seen = () if facts is None or facts.mounts is None else facts.mounts.seen
    return tuple(
        each.target
        for each in seen
        if each.options.startswith("ro")
        and each.fs_type not in _OF_THE_KERNEL
        and not each.target.startswith(("/proc/", "/sys/"))
        and each.target not in KEPT_FILES
    )


def _why_read_only(path: str, mount: Mount) -> Message:
    if mount.target == "/":
        return msg("Its root filesystem is read-only, and {path} is on it.", path=path)
    if mount.fs_type in _OF_THE_KERNEL:
        return msg(
            "The engine mounts {mount} read-only, so that containers can't change what is the whole machine's.",
            mount=mount.target,
        )
    return msg("{mount} is mounted read-only, and {path} is on it.", mount=mount.target, path=path)


def _mounted_over(attempt: Attempt, mount: Mount | None, facts: NamespacesFacts | None) -> Claim:
    """The claim for a mount point, which can't be renamed or removed (vfs_rename, vfs_unlink, vfs_rmdir)."""
    path, other = tried.place_of(attempt), attempt.around.other
    if other is not None and other.mount is not None and other.mount.target == other.path:
        path, mount = other.path, other.mount
    if mount is not None and path and mount.target == path:
        what = msg(
            "{path} is a mount of its own, made by the engine: it can be written to, but not replaced or removed.",
            path=path,
        )
        return Claim(_ID, what, Strength.FITS)
    folder = path.rpartition("/")[0]
    seen = () if facts is None or facts.mounts is None or not path else facts.mounts.seen
    beside = [each.target for each in seen if each.target != "/" and each.target.rpartition("/")[0] == folder]
    if beside and attempt.name.startswith("rename"):
        what = msg(
            "A file that is a mount of its own can't be replaced by renaming, only written to: here these are {paths}.",
            paths=", ".join(sorted(beside)[:5]),
        )
    else:
        what = msg("Something is mounted there, and a mount point can't be replaced or removed.")
    return Claim(_ID, what, Strength.FITS)


def _not_run(attempt: Attempt, mount: Mount | None, facts: NamespacesFacts | None) -> Claim | None:
    """The claim for noexec (path_noexec): may_open returns EACCES, before owner and mode; do_mmap EPERM."""
    runs = attempt.errno == errno.EACCES and attempt.name in tried.EXECUTES
    maps = attempt.errno == errno.EPERM and attempt.name in ("mmap", "mmap2")
    maps = maps and not (tried.value(attempt, 3) or 0) & _MAP_ANONYMOUS
    # mappings of such a file can't be made executable later either (VM_MAYEXEC)
    maps = maps or (attempt.errno == errno.EACCES and attempt.name in ("mprotect", "pkey_mprotect"))
    maps = maps and bool((tried.value(attempt, 2) or 0) & _PROT_EXEC)
    if maps and attempt.name.endswith("mprotect") and not tried.unasked(attempt):
        return None
    if maps and attempt.name.endswith("mprotect"):  # nor can those of a file that was opened for writing only
        return Claim(_ID, msg("The library that it loads is on a noexec mount."), Strength.LIKELY)
    if maps and mount is None:  # the file is already open: which one is not reported
        closed = _noexec(facts)
        wants = (LooserMount("", closed[0], "exec"),) if len(closed) == 1 else ()
        return Claim(_ID, msg("The library that it loads is on a noexec mount."), Strength.FITS, wants)
    if runs and mount is None and tried.unasked(attempt):
        return _perhaps_not_run(facts)
    if mount is None or not (runs or maps) or "noexec" not in mount.options.split(","):
        return None
    what = msg(
        "{mount} is mounted noexec, so no program on it can be run: {path}.",
        mount=mount.target,
        path=tried.place_of(attempt),
    )
    return Claim(_ID, what, Strength.FITS, (LooserMount(tried.place_of(attempt), mount.target, "exec"),))


def _perhaps_not_run(facts: NamespacesFacts | None) -> Claim | None:
    """The claim if the file to execute could not be determined, and the container has noexec mounts."""
    own = _noexec(facts)
    if not own:
        return None
    what = msg(
        "Probably a noexec mount ({mounts}): which program it would have run could not be determined.",
        mounts=", ".join(own[:5]),
    )
    wants = (LooserMount("", own[0], "exec"),) if len(own) == 1 else ()
    return Claim(_ID, what, Strength.LEFT, wants)


def _noexec(facts: NamespacesFacts | None) -> list[str]:
    """The container's own mounts from which nothing can be run."""
    seen = () if facts is None or facts.mounts is None else facts.mounts.seen
    closed = [each.target for each in seen if "noexec" in each.options.split(",")]
    return [
        target
        for target in closed
        if not f"{target}/".startswith(("/proc/", "/sys/", "/dev/", "/run/secrets/")) and target not in KEPT_FILES
    ]


def _no_devices(attempt: Attempt, mount: Mount | None) -> Claim | None:
    """The claim for device nodes (may_open_dev): nodev, or a file system mounted in another user namespace."""
    place = attempt.around.place
    if attempt.errno != errno.EACCES or not tried.opens(attempt) or mount is None:
        return None
    if place is None or place.node is None or not place.node.is_device or "nodev" not in mount.options.split(","):
        return None
    path = tried.place_of(attempt)
    what = msg(
        "{mount} is mounted nodev, so device nodes on it, such as {path}, have no effect.",
        mount=mount.target,
        path=path,
    )
    return Claim(_ID, what, Strength.FITS, (LooserMount(path, mount.target, "dev"),))


def _mounts(attempt: Attempt, mount: Mount | None, facts: NamespacesFacts | None) -> Claim | None:
    """The claim for mount(2) by a process that may mount: mount_too_revealing, and locked flags (fs/namespace.c)."""
    if attempt.errno != errno.EPERM or attempt.name not in _MAKES_MOUNTS or not tried.unasked(attempt):
        return None
    flags = tried.value(attempt, 3) or 0 if attempt.name == "mount" else 0
    if flags & _MS_REMOUNT:
        what = msg("Mounts inherited by a user namespace keep their flags: they can't be made less strict in it.")
        return Claim(_ID, what, Strength.FITS)
    masked = facts is not None and bool(facts.masked_paths or facts.read_only_paths)
    last = tried.place_of(attempt).rstrip("/").rpartition("/")[2]
    if flags & (_MS_BIND | _CHANGES) or not masked or last not in ("proc", "sys", ""):
        return None
    what = msg(
        "A new /proc or /sys can be mounted only if the present one is fully visible, and here parts of it are masked."
    )
    # the target may not have been read; sandboxes mount a new /proc
    strength = Strength.FITS if last else Strength.LIKELY
    return Claim(_ID, what, strength, (ReadablePlace("/sys" if last == "sys" else "/proc"),))


def _not_gained(attempt: Attempt) -> Claim | None:
    place, mount = attempt.around.place, tried.mount_of(attempt)
    if place is None or mount is None or "nosuid" not in mount.options.split(","):
        return None
    if attempt.around.no_new_privs:
        return None  # neither of the two alone is the reason; the capability is the more frequent one
    path = tried.place_of(attempt)
    what = msg(
        "{mount} is mounted nosuid, so {path} started without the privileges that it gives.",
        mount=mount.target,
        path=path,
    )
    return Claim(_ID, what, Strength.FITS, (LooserMount(path, mount.target, "suid"),))


def _first_network(attempt: Attempt, facts: NamespacesFacts | None) -> Claim | None:
    family = tried.value(attempt, 0)
    own = None if facts is None else facts.of(Namespace.NET)
    if family not in tried.FIRST_NETWORK or own is None or own.shared_with_host is not False:
        return None
    what = msg(
        "Sockets of address family {number} can be created only in the host's own network, if its kernel has them.",
        number=family,
    )
    return Claim(_ID, what, Strength.LIKELY)
