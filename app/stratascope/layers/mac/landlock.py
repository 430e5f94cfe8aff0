"""Landlock within layer 5: a process's own restriction, as facts, as a posture, and how that rules on each need.

Every layer of a domain must allow what it handles (landlock(7)). Whatever restricts files refuses every change of
mounts but those that Linux does not ask Landlock about (fsopen, open_tree, mount_setattr); every domain refuses to look
into processes outside it. Not restricted are chdir, stat, access, flock, chmod, chown, xattrs, utime, fcntl, UDP, and,
before a right of its own, sockets that have a file. Of a process whose threads have different domains the weakest
counts: it is refused only what is refused in each.
"""

from __future__ import annotations

import stat

from stratascope.collector.devices import kind_of
from stratascope.collector.names import DOMAIN_IDS, LANDLOCK
from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.message import Message, msg
from stratascope.core.threats import needs
from stratascope.core.threats.needs import Access, Need
from stratascope.core.threats.threat import Ruling, Stance, stops, unknown
from stratascope.linux.landlock import Domain, File, Landlock, Layer, Net, Place, Scope, parse_landlock, places
from stratascope.linux.mounts import UNION, Mount, parse_mountinfo
from stratascope.value import Value

MOUNTS = "mountinfo"
SOURCE = f"@{LANDLOCK}"
_KNOWN = (1 << 17) - 1  # the rights of files that are understood


class LandlockRule(Value):
    """What a rule allows: at a path (as the process sees it) and below it, or with a TCP port."""

    path: str | None
    port: int | None
    allowed: tuple[str, ...]


class LandlockFacts(Value):
    """A process's domain. `domain`: its id, in hexadecimal, "" where this kernel has none; `layers`: how many."""

    domain: str
    layers: int
    handled: tuple[str, ...]
    rules: tuple[LandlockRule, ...]
    scopes: tuple[str, ...]
    whole: bool = True  # whether all rules were read, and where they hold is known


class Confinement(Value):
    """One domain, as it decides: its layers, where its rules hold, its ports.

    `lost`: the rights of rules of which it is not known where they hold, by layer.
    """

    layers: tuple[Layer, ...]
    places: tuple[Place, ...]
    ports: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    lost: tuple[int, ...]
    hosts: tuple[str, ...]  # where something of the host is mounted, without what every engine mounts
    bound: tuple[str, ...]  # the same with it
    kernel: tuple[str, ...]  # where file systems are in which nothing can be made: proc, sysfs, control groups
    groups: tuple[str, ...]  # where control groups are


def read(capture: Capture) -> tuple[LandlockFacts | Gap | None, tuple[Confinement, ...]]:
    """The facts (None: not restricted), and what decides: a confinement for each different domain of its threads."""
    found = capture.decoded(LANDLOCK, parse_landlock)
    if isinstance(found, Gap):
        return found, ()
    if found.free or not found.domains:
        return None, ()
    mounts = or_none(capture.decoded(MOUNTS, parse_mountinfo))
    confinements = tuple([_confinement(domain, mounts) for domain in found.domains])
    ids = (or_none(capture.text(DOMAIN_IDS)) or "").split()
    return _facts(found, confinements, ids[0] if ids and len(found.domains) == 1 else ""), confinements


def _confinement(domain: Domain, mounts: tuple[Mount, ...] | None) -> Confinement:
    known, lost = places(domain, mounts)
    rights = [0] * len(domain.layers)
    for rule in lost:
        for layer, allowed in rule.allowed:
            if 0 < layer <= len(rights):
                rights[layer - 1] |= allowed
    if not domain.whole:
        rights = [-1] * len(rights)
    seen = mounts or ()
    return Confinement(
        domain.layers,
        tuple(sorted(known, key=lambda place: place.path)),
        tuple(sorted((rule.port, rule.allowed) for rule in domain.ports)),
        tuple(rights),
        tuple(dict.fromkeys(mount.target for mount in seen if _of_host(mount) and mount.target not in _OWN)),
        tuple(dict.fromkeys(mount.target for mount in seen if _of_host(mount))),
        tuple(dict.fromkeys(mount.target for mount in seen if mount.fs_type in _MAKES_NOTHING)),
        tuple(dict.fromkeys(mount.target for mount in seen if mount.fs_type in ("cgroup", "cgroup2"))),
    )


_OWN = frozenset(("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/run/secrets", "/dev/shm"))
_MAKES_NOTHING = frozenset(("proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"))
_NOT_OF_DISKS = _MAKES_NOTHING | UNION


def _of_host(mount: Mount) -> bool:
    """Whether it may show something of the host; what it is, is the namespaces' matter."""
    return mount.fs_type not in _NOT_OF_DISKS and not (mount.fs_type == "tmpfs" and mount.root == "/")


def _facts(found: Landlock, confinements: tuple[Confinement, ...], number: str) -> LandlockFacts:
    weakest = min(confinements, key=lambda each: sum(layer.files.bit_count() for layer in each.layers))
    files, network, scopes = (
        sum({1 << bit for layer in weakest.layers for bit in range(17) if getattr(layer, field) >> bit & 1})
        for field in ("files", "network", "scopes")
    )
    rules = [
        LandlockRule(place.path, None, _names(File, _anywhere_allowed(place.allowed, weakest, "files")))
        for place in weakest.places
    ]
    rules += [
        LandlockRule(None, port, _names(Net, _anywhere_allowed(allowed, weakest, "network")))
        for port, allowed in weakest.ports
    ]
    return LandlockFacts(
        number,
        len(weakest.layers),
        (*_names(File, files), *_names(Net, network)),
        tuple(rules),
        _names(Scope, scopes),
        not any(weakest.lost),
    )


def _anywhere_allowed(allowed: tuple[tuple[int, int], ...], by: Confinement, field: str) -> int:
    """The rights that a rule gives, without those that its layer does not handle."""
    rights = 0
    for layer, given in allowed:
        if 0 < layer <= len(by.layers):
            rights |= given & int(getattr(by.layers[layer - 1], field))
    return rights


def _names(kind: type[File] | type[Net] | type[Scope], bits: int) -> tuple[str, ...]:
    return tuple(each.name.lower() for each in kind if bits & each and each.name)


def allows(by: Confinement, path: str, rights: int) -> bool | None:
    """Whether all these rights are allowed on that file or directory; None: not known."""
    answer: bool | None = True
    for number, layer in enumerate(by.layers, 1):
        wanted = rights & layer.files
        for place in by.places if wanted else ():
            if place.path == path or (place.folder and (place.path == "/" or path.startswith(f"{place.path}/"))):
                wanted &= ~_given(place, number)
        if wanted & ~by.lost[number - 1]:
            return False
        if wanted:
            answer = None
    return answer


def _given(place: Place, number: int) -> int:
    rights = 0
    for layer, given in place.allowed:
        if layer == number:
            rights |= given
    return rights


def _below(by: Confinement, folders: tuple[str, ...], rights: int, kinds: tuple[int, ...] = ()) -> bool | None:
    """Whether all are allowed somewhere at or below one of these. Of rules on single files only those of `kinds` count,
    the type bits of st_mode.
    """
    tried = list(folders)
    for place in by.places:
        if any(folder == "/" or place.path == folder or place.path.startswith(f"{folder}/") for folder in folders) and (
            place.folder or place.mode in kinds
        ):
            tried.append(place.path)
    return _best([allows(by, path, rights) for path in tried])


def _made(by: Confinement, rights: int, besides: tuple[str, ...] = ()) -> bool | None:
    """Whether all are allowed somewhere where files can be made, or of ordinary files on one of them."""
    without = (*by.kernel, *besides)
    tried = ["/"]
    for place in by.places:
        if (place.folder or place.mode == _REGULAR) and not any(
            place.path == folder or place.path.startswith(f"{folder}/") for folder in without
        ):
            tried.append(place.path)
    return _best([allows(by, path, rights) for path in tried])


def _best(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False


def _handles(by: Confinement, rights: int) -> bool:
    return any(layer.files & rights for layer in by.layers)


_REGULAR, _BLOCK, _CHARACTER, _SOCKET = stat.S_IFREG, stat.S_IFBLK, stat.S_IFCHR, stat.S_IFSOCK
_SYSTEM_MOUNTS = ("/sys", "/sys/fs/cgroup")
_REFUSED_MOUNTS = frozenset(("mount", "bind", "remount", "umount", "pivot_root", "move"))
_MEMORY = ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg")


def _answer(need: Need, by: Confinement) -> tuple[bool | None, Message]:
    """Whether one domain lets that happen, and why not."""
    match need:
        case needs.KernelFile(access=access, bound=True):
            right = File.WRITE_FILE if access is Access.WRITE else File.READ_FILE
            if not _handles(by, right):
                return True, _FILE
            # which rule is for the place where it is bound in is not known
            return (False if _below(by, ("/",), right, (_REGULAR,)) is False else None), _FILE
        case needs.KernelFile(path, access, fresh, copied=copied):
            right = File.WRITE_FILE if access is Access.WRITE else File.READ_FILE
            return (_detached(by, path, right, copied) if fresh or copied else allows(by, path, right)), _FILE
        case needs.Mounting(operation):
            refused = operation in _REFUSED_MOUNTS and _handles(by, -1)
            return not refused, _MOUNT
        case needs.Tracing("host" | "container"):
            return False, _TRACE
        case needs.Tracing("see"):
            return allows(by, "/proc/2/comm", File.READ_FILE), _FILE
        case needs.SignalRoot():
            return not any(layer.scopes & Scope.SIGNAL for layer in by.layers), _SIGNAL
        case needs.AbstractSocket():
            return not any(layer.scopes & Scope.ABSTRACT_UNIX_SOCKET for layer in by.layers), _ABSTRACT
        case needs.RootWritable():
            made = allows(by, "/", File.MAKE_REG)
            return (made if made is False else allows(by, "/", File.MAKE_REG | File.WRITE_FILE)), _CREATE
        case needs.GroupFile():
            return _below(by, by.groups or ("/sys/fs/cgroup",), File.WRITE_FILE, (_REGULAR,)), _FILE
        case needs.Device():
            return _device(need, by), _DEVICE
        case needs.DeviceKind():
            return _device_of_a_kind(need, by), _DEVICE
        case needs.EngineSocket():
            if not _handles(by, File.RESOLVE_UNIX):
                return True, _FILE
            return _below(by, ("/",), File.RESOLVE_UNIX, (_SOCKET,)), _FILE
        case needs.HostFiles():
            return _host_files(by), _HOST
        case needs.HostFileSystem(writable=False):
            # a folder is opened first, or a file; the one that is named by a handle then
            return _below(by, by.bound or ("/",), File.READ_FILE, (_REGULAR,)), _HOST
        case needs.Room(resource=needs.Resource.DISK):
            return _made(by, File.WRITE_FILE), _WRITE_NOWHERE
        case needs.OpenFiles():
            kinds = (_made(by, right, ("/dev",)) for right in (File.READ_FILE, File.WRITE_FILE))
            return _best(list(kinds)), _FILE
        case needs.SetUidExec() | needs.RegainByExec():
            # a program is opened for reading, too: get_required_file_open_access, security/landlock/fs.c
            return _below(by, ("/",), File.EXECUTE | File.READ_FILE, (_REGULAR,)), _EXECUTE
        case _:
            return True, _FILE


def _detached(by: Confinement, path: str, right: int, copied: bool) -> bool | None:
    """A file of a file system that it mounts itself, or copies: rules hold there only if it is one that is already
    mounted, and if they are for places on it.

    That is so for copies, sysfs and control groups; every mount of proc is a new one.
    """
    if not _handles(by, right):
        return True
    shared = ("/proc",) if copied and path.startswith("/proc/") else () if path.startswith("/proc/") else _SYSTEM_MOUNTS
    mounted = any(place.path.startswith(mount) for place in by.places for mount in shared)
    return None if mounted or any(by.lost) else False


def _device(need: needs.Device, by: Confinement) -> bool | None:
    make = File.MAKE_BLOCK if need.kind == "b" else File.MAKE_CHAR
    made = _made(by, make)
    if need.access == "m":
        return made
    rights = (File.READ_FILE if "r" in need.access else 0) | (File.WRITE_FILE if "w" in need.access else 0)
    found = [_in_dev(by, rights), *([_made(by, make | rights)] if made is not False else [])]
    for place in by.places:
        if place.mode == _BLOCK if need.kind == "b" else place.mode == _CHARACTER and place.path in _MEMORY:
            found.append(allows(by, place.path, rights))
    return _best(found)


def _in_dev(by: Confinement, rights: int) -> bool | None:
    """Whether all are allowed in /dev, or in a folder of it."""
    below = [place.path for place in by.places if place.folder and place.path.startswith("/dev/")]
    return _best([allows(by, path, rights) for path in ("/dev/x", *below)])


_READ_AND_WRITTEN = ("console", "input", "machine")  # the others take commands: ioctl(2)
_HARMLESS = frozenset(f"/dev/{name}" for name in ("full", "null", "ptmx", "random", "tty", "urandom", "zero"))


def _device_of_a_kind(need: needs.DeviceKind, by: Confinement) -> bool | None:
    """A character device of one of `collector.devices.KINDS`: to read or write it, or to give it commands."""
    kind, rights = need.kind, File.WRITE_FILE if need.access == "w" else File.READ_FILE
    if kind not in _READ_AND_WRITTEN and _handles(by, File.IOCTL_DEV):
        rights |= File.IOCTL_DEV
    found = [_in_dev(by, rights)]
    for place in by.places:
        if place.mode == _CHARACTER and place.path not in _HARMLESS:
            named = kind_of(-1, -1, place.path.removeprefix("/dev/")) if place.path.startswith("/dev/") else None
            if named in (kind, None):
                found.append(None if named is None else allows(by, place.path, rights))
    return _best(found)


def _host_files(by: Confinement) -> bool | None:
    folders = by.hosts or ("/",)
    if _below(by, folders, File.WRITE_FILE, (_REGULAR,)):
        return True
    others = (File.MAKE_REG, File.REMOVE_FILE, File.REFER, File.MAKE_SYM)
    found = [_below(by, folders, File.WRITE_FILE, (_REGULAR,)), *(_below(by, folders, right) for right in others)]
    return False if set(found) == {False} else None


_FILE = msg("Landlock refuses it this file: no rule of its domain allows that.")
_MOUNT = msg("Landlock refuses every change of mounts to a process whose files it restricts.")
_TRACE = msg("Landlock keeps it away from processes outside its domain.")
_SIGNAL = msg("Landlock lets it send signals only to processes of its domain.")
_ABSTRACT = msg("Landlock keeps it away from abstract sockets of processes outside its domain.")
_CREATE = msg("Landlock refuses it to create files in the root directory.")
_DEVICE = msg("Landlock refuses it this device: no rule of its domain allows that.")
_HOST = msg("Landlock refuses it the files of the host that are mounted there.")
_WRITE_NOWHERE = msg("Landlock lets it write to no file on a disk.")
_EXECUTE = msg("Landlock lets it execute no file.")
_NOT_SURE = msg("Landlock restricts it, and whether a rule of its domain allows this is not known.")


def landlock_ruling(need: Need, confinements: tuple[Confinement, ...]) -> Ruling | None:
    """What the domains refuse; None: nothing of this. Stopped only if each of them refuses it."""
    answers = [_answer(need, each) for each in confinements]
    words = [answer for answer, _ in answers]
    if not answers or True in words:
        return None
    if None in words:
        return unknown(_NOT_SURE, SOURCE)
    return stops(answers[0][1], SOURCE)


def strictest(policy: Ruling | None, domain: Ruling | None) -> Ruling | None:
    """Both are asked by the kernel, and either may refuse."""
    if domain is None or (policy is not None and policy.stance is Stance.STOPS):
        return policy
    if policy is not None and policy.stance is Stance.UNKNOWN and domain.stance is not Stance.STOPS:
        return policy
    return domain
