"""Why a sandbox does not start: the refusal that ended it, who set that up, and the least that lets it start. Data.

A row is a sign (call, error, arguments, what is known of where it was started), a sentence, and what lifts it: for a
container as wants, all of which it takes; for the machine in words, with what that opens; and an option of the sandbox
itself, which opens nothing. The first row that fits a refusal explains it. Refusals are those of a command that was
traced (`tracer.py`) or of a container that was watched (`ring.py`).
"""

from __future__ import annotations

import errno
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from stratascope.core.message import Message, msg
from stratascope.core.refusals import sentences, tried
from stratascope.core.refusals.refusal import FILES, KERNEL, Attempt, AttemptKind
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.relaunch.want import (
    DeviceNode,
    GainedRights,
    HeldCapability,
    LooserMount,
    PassedCall,
    ReadablePlace,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.core.threats.threat import Threat
from stratascope.linux.capability import NAMES
from stratascope.value import Value, replace

_SYS_ADMIN = NAMES.index("CAP_SYS_ADMIN")
_NEW_SPACES, _BIND_OR_CHANGE = 0x7E020080, 0x1000 | 0x20 | 0x2000 | 0x100000 | 0x80000 | 0x40000 | 0x20000
_MAKES_SPACES = ("clone", "clone3", "unshare")
_MOUNTS = (
    "fsconfig",
    "fsmount",
    "fsopen",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "pivot_root",
    "umount2",
)
_LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
_KEYS = ("add_key", "keyctl", "request_key")
_MAPPERS = ("newuidmap", "newgidmap")
_ID_FILES = ("/etc/subuid", "/etc/subgid")
_DEVICES = {"/dev/fuse": "10:229", "/dev/net/tun": "10:200"}
_PROC = "/proc"
_BY_DESCRIPTOR, _FLAGS, _OF_PROC = "/proc/self/fd/", 0xFFFF, 0xE  # NOSUID, NODEV, NOEXEC: as /proc is mounted
_CGROUPS = "/sys/fs/cgroup"
_NEW_ROOT = "/newroot"  # where bubblewrap builds a sandbox's root
# calls that bubblewrap makes one after the other, whatever its options: where a filter stops one, it stops the others
OF_BUBBLEWRAP = ("clone", "mount", "umount2", "pivot_root")


class Here(Value):
    """Where it was started. `settings`: of the kernel, by name. `covered`: mounts that hide or protect parts of /proc.
    `label`: of AppArmor or SELinux. `container`: docker, podman, or "". `ranges`: whether the user has ids in
    /etc/subuid and /etc/subgid; None: not known. `uid`: outside of what it made itself.
    `bounding`: capabilities that programs here can have at most.
    """

    settings: tuple[tuple[str, str], ...] = ()
    covered: tuple[str, ...] = ()
    label: str = ""
    container: str = ""
    ranges: bool | None = None
    uid: int = 0
    bounding: tuple[str, ...] = ()
    machine: str = "x86_64"

    def setting(self, name: str) -> str:
        """Its value; "" if the kernel has none, or it was not readable."""
        return dict(self.settings).get(name, "")


class StartCause(Value):
    """What keeps it from starting. `layer`: as of a `Claim`; `raw`: the call, as strace(1) prints it. `set_by`: who is
    behind it. `wants`: all that a container needs; empty: no option of one helps. `host`: what it takes on the machine,
    the least first. `own`: what to change of the sandbox instead. `opens`: what the container's or the machine's change
    opens. `own_first`: that change is of no use, or far more than needed, without changing the sandbox.
    """

    id: str
    layer: str
    process: str
    raw: str
    errno: str
    what: Message
    set_by: Message
    wants: tuple[Want, ...] = ()
    host: tuple[Message, ...] = ()
    own: Message | None = None
    opens: Message | None = None
    own_first: bool = False


class Start(Value):
    """How a command started. `code`: its exit status; None: it was ended, or ended by `signal`. `ran`: it still ran
    when it was ended. `unwatched`: set-uid programs whose calls were not seen.
    """

    words: tuple[str, ...]
    code: int | None = None
    signal: int = 0
    ran: bool = False
    causes: tuple[StartCause, ...] = ()
    unwatched: tuple[str, ...] = ()
    here: Here = Here()

    @property
    def works(self) -> bool:
        return self.code == 0 or self.ran


class LeastStart(Value):
    """The result. `causes`: each obstacle, in the order in which they were met; `choices`: all that it takes. `proven`:
    it started with them, and with none of them taken away. `why_not`: why nothing was found, or it was not proven.
    `before`, `after`: the exposure; None: not known. `opened`: threats that it opens, the worst first.
    """

    causes: tuple[StartCause, ...] = ()
    choices: tuple[Choice, ...] = ()
    proven: bool = False
    copies: int = 0
    why_not: Message | None = None
    before: float | None = None
    after: float | None = None
    opened: tuple[Threat, ...] = ()


Fits = Callable[[Attempt, Here], bool]
_NONE = msg("Nobody: the kernel always does this.")
_ADMIN = msg("Whoever set up this machine, or its distribution.")
_ENGINE = msg("The container engine, unless it is told otherwise.")
_MAKER = msg("The program itself.")


class Row(NamedTuple):
    """One cause. `wants`: by the attempt."""

    id: str
    layer: str
    fits: Fits
    what: Message
    set_by: Message
    wants: Callable[[Attempt], tuple[Want, ...]] = lambda attempt: ()
    host: tuple[Message, ...] = ()
    own: Message | None = None
    opens: Message | None = None
    own_first: bool = False


def _spaces(attempt: Attempt) -> int:
    """The kinds of namespaces that it was to make; of `clone3`, whose flags are in memory, all."""
    if attempt.name == "clone3":
        return _NEW_SPACES
    return (tried.value(attempt, 0) or 0) & _NEW_SPACES if attempt.name in _MAKES_SPACES else 0


def _new_user(attempt: Attempt) -> bool:
    return bool(_spaces(attempt) & tried.NEW_USER)


def _call(*names: str, errnos: Iterable[int] = tried.DENIED) -> Fits:
    return lambda attempt, here: attempt.name in names and tried.called(attempt, *errnos)


def _and(*each: Fits) -> Fits:
    return lambda attempt, here: all(fits(attempt, here) for fits in each)


def _set_to(name: str, *values: str) -> Fits:
    return lambda attempt, here: here.setting(name) in values


def _user(attempt: Attempt, here: Here) -> bool:
    return tried.called(attempt, *tried.DENIED) and _new_user(attempt)


def _by_policy(attempt: Attempt, here: Here) -> bool:
    """By a security module: the kernel itself never answers so (user_namespaces(7))."""
    return attempt.errno == errno.EACCES


def _limited(attempt: Attempt, here: Here) -> bool:
    return tried.called(attempt, errno.ENOSPC, errno.EUSERS) and bool(_spaces(attempt))


def _at_zero(attempt: Attempt, here: Here) -> bool:
    made = _spaces(attempt)
    return _limited(attempt, here) and any(
        here.setting(f"user.max_{name}_namespaces") == "0" for bit, name in tried.SPACES if made & bit
    )


def _path(*endings: str) -> Fits:
    return lambda attempt, here: tried.place_of(attempt).endswith(endings)


def _below(folder: str) -> Fits:
    return lambda attempt, here: f"{tried.place_of(attempt)}/".startswith(f"{folder}/")


def _lacks(attempt: Attempt) -> bool | None:
    """Whether SYS_ADMIN was what it lacked: by the kernel's own check where that was seen."""
    if attempt.around.checks is not None and attempt.entered:
        return NAMES[_SYS_ADMIN] in attempt.lacked
    held = tried.held(attempt, _SYS_ADMIN)
    return None if held is None else not held


def _unprivileged(attempt: Attempt, here: Here) -> bool:
    return _lacks(attempt) is True


def _privileged(attempt: Attempt, here: Here) -> bool:
    return _lacks(attempt) is not True


def _mounts_proc(attempt: Attempt, by: str) -> bool:
    """By mount(2), or by that call of the new ones, whose file system is not known. Of a process that ended at once it
    is not read where its path, or its descriptor, led: then its flags tell.
    """
    if not tried.called(attempt, errno.EPERM):
        return False
    flags, path = tried.value(attempt, 3) or 0, tried.place_of(attempt)
    named = posixpath.basename(path) == "proc" and not flags & _BIND_OR_CHANGE
    unread = not path or attempt.path.startswith(_BY_DESCRIPTOR)
    return attempt.name == by or (attempt.name == "mount" and (named or (unread and flags & _FLAGS == _OF_PROC)))


def _unmapped(attempt: Attempt, here: Here) -> bool:
    ids = attempt.around.ids
    return bool(ids) and attempt.uids is not None and ids is not None and attempt.inside(ids[0]) is None


def _in_chroot(attempt: Attempt, here: Here) -> bool:
    place = attempt.around.place
    return place is not None and place.path == "/" and place.mount is None


def _loopback(attempt: Attempt, here: Here) -> bool:
    return attempt.kind is AttemptKind.REQUEST and "CAP_NET_ADMIN" in attempt.lacked


def _device(attempt: Attempt, here: Here) -> bool:
    return tried.opens(attempt) and tried.place_of(attempt) in _DEVICES


def _node(attempt: Attempt, here: Here) -> bool:
    return attempt.around.place is not None and attempt.around.place.node is not None


def _noexec(attempt: Attempt, here: Here) -> bool:
    mount = tried.mount_of(attempt)
    return mount is not None and "noexec" in mount.options.split(",")


def _gained(attempt: Attempt, here: Here) -> bool:
    return attempt.kind is AttemptKind.NOT_GAINED and attempt.around.no_new_privs is not False


def _passed(attempt: Attempt) -> tuple[Want, ...]:
    """The refused call, and what the same sandbox calls next."""
    wanted = PassedCall(attempt.abi, attempt.name, attempt.values)
    if attempt.process != "bwrap" or attempt.name not in OF_BUBBLEWRAP:
        return (wanted,)
    later = OF_BUBBLEWRAP[OF_BUBBLEWRAP.index(attempt.name) + 1 :]
    return (wanted, *(PassedCall(attempt.abi, name, ()) for name in later))


def _of_device(attempt: Attempt) -> tuple[Want, ...]:
    path = tried.place_of(attempt)
    return (DeviceNode(path, "c", _DEVICES[path], "rw", path.removeprefix("/dev/")),)


def _of_mount(attempt: Attempt) -> tuple[Want, ...]:
    mount = tried.mount_of(attempt)
    return () if mount is None else (LooserMount(tried.place_of(attempt), mount.target, "exec"),)


def _writable(attempt: Attempt) -> tuple[Want, ...]:
    mount, path = tried.mount_of(attempt), tried.place_of(attempt)
    return () if mount is None or not path else (WritablePlace(path, mount.target),)


_RESTRICTED = "kernel.apparmor_restrict_unprivileged_userns"
_PROFILE = msg(
    "Write an AppArmor profile for this program alone, and load it with apparmor_parser -r:\n"
    "abi <abi/4.0>,\ninclude <tunables/global>\nprofile NAME /path/of/program flags=(unconfined) {\n  userns,\n}"
)
_SPACE_OPENS = msg("Programs of every user can then make user namespaces, and reach more of the kernel in them.")
_THIS_OPENS = msg("This program, and what it starts, can use user namespaces. All others stay restricted.")
_USER_FIRST = msg("Let it make a user namespace too (bwrap --unshare-user): in that it has the right.")

ROWS: tuple[Row, ...] = (
    Row(
        "filter-and-rights", "seccomp",
        lambda attempt, here: attempt.kind is AttemptKind.CALL and not attempt.entered and bool(_spaces(attempt))
        and not _new_user(attempt) and _unprivileged(attempt, here),
        msg("The system call filter around it refuses this call, for which it would need SYS_ADMIN beside."), _ENGINE,
        lambda attempt: _passed(replace(attempt, values=(attempt.values[0] | tried.NEW_USER, *attempt.values[1:]))),
        own=_USER_FIRST,
        opens=msg("It can make namespaces and mount in them, and reach more of the kernel there."),
        own_first=True,
    ),
    Row(
        "filter", "seccomp", lambda attempt, here: attempt.kind is AttemptKind.CALL and not attempt.entered,
        msg("The system call filter around it refuses this call."), _ENGINE, _passed,
        opens=msg("It can make namespaces and mount in them, and reach more of the kernel there."),
    ),
    Row(
        "no-new-privileges", "capabilities", _gained,
        msg("It needs a set-uid program, and no_new_privs keeps that from gaining root's rights."),
        msg("Whoever started it: the option no-new-privileges of a container, or NoNewPrivileges= of a unit."),
        lambda attempt: (GainedRights(attempt.path),),
        own=msg("Start it where user namespaces are allowed: then it needs no set-uid program."),
    ),
    Row(
        "namespaces-forbidden", KERNEL, _at_zero,
        msg("The machine allows no more namespaces of this kind: its limit is 0 (user.max_…_namespaces)."), _ADMIN,
        host=(msg("sysctl user.max_user_namespaces=1000, or the kind that it names"),), opens=_SPACE_OPENS,
    ),
    Row(
        "namespaces-nested", KERNEL, _limited,
        msg("Namespaces are nested too deeply (32 at most), or an outer one allows no more (user.max_…_namespaces)."),
        _NONE,
        host=(msg("Start it from fewer sandboxes within one another, or raise user.max_…_namespaces."),),
    ),
    Row(
        "debian-switch", KERNEL, _and(_user, _set_to("kernel.unprivileged_userns_clone", "0")),
        msg("The machine reserves new user namespaces for root (kernel.unprivileged_userns_clone = 0)."), _ADMIN,
        host=(msg("sysctl kernel.unprivileged_userns_clone=1"),), opens=_SPACE_OPENS,
    ),
    Row(
        "chrooted", KERNEL, _and(_user, _in_chroot),
        msg("It was started in a chroot, where the kernel allows no user namespace."), _NONE,
        host=(msg("Enter that folder with pivot_root instead (bwrap --bind FOLDER /), which is no chroot."),),
    ),
    Row(
        "user-unmapped", "usermap", _and(_user, _unmapped),
        msg("Its user or group has no number in the user namespace that it is in, so it can't make another one."),
        _MAKER,
        host=(msg("Map the user into the outer namespace: unshare --map-current-user, or a range in /etc/subuid."),),
    ),
    Row(
        "apparmor-restricted", "mac",
        _and(_set_to(_RESTRICTED, "1"), lambda attempt, here: bool(here.uid) and (
            _user(attempt, here) or (attempt.apart and attempt.errno in tried.DENIED))),
        msg("AppArmor gives no rights in a new user namespace to programs without a profile that allows it."),
        msg("The distribution (Ubuntu since 23.10): kernel.apparmor_restrict_unprivileged_userns = 1."),
        host=(_PROFILE,), opens=_THIS_OPENS,
    ),
    Row(
        "selinux-userns", "mac", _and(_user, _by_policy, lambda attempt, here: here.label.count(":") > 1),
        msg("The SELinux policy does not let this program make user namespaces (user_namespace create)."), _ADMIN,
        host=(msg("ausearch -m AVC -c PROGRAM | audit2allow -M userns; semodule -i userns.pp"),),
        opens=_THIS_OPENS,
    ),
    Row(
        "apparmor-userns", "mac", _and(_user, _by_policy),
        msg("The AppArmor profile of this program does not let it make user namespaces."), _ADMIN,
        host=(msg("Add the line userns, to its profile (sudo aa-status names it), and load it: apparmor_parser -r"),),
        opens=_THIS_OPENS,
    ),
    Row(
        "loopback", "capabilities", _loopback,
        msg("It may not set up its network: RTM_NEWADDR for the loopback address needs NET_ADMIN, which it lacks."),
        _ENGINE, lambda attempt: (HeldCapability(("CAP_NET_ADMIN",)),),
        own=msg("Let it make a user namespace too (bwrap --unshare-user): in that it has NET_ADMIN."),
        opens=msg("It can then change the container's own network."),
    ),
    Row(
        "setgroups-first", "usermap", _and(_call("write"), _path("/gid_map")),
        msg("It may map only its own group, and that after /proc/PID/setgroups says deny."), _NONE,
        own=msg("Let it write deny to /proc/PID/setgroups first (unshare --setgroups deny), or call newgidmap."),
    ),
    Row(
        "ids-not-own", "usermap",
        _and(_call("write", errnos=(errno.EPERM, errno.EINVAL)), _path("/uid_map", "/gid_map")),
        msg("It may map only its own user and group. More takes newuidmap, and ids in /etc/subuid."),
        _NONE,
        host=(msg("apt install uidmap; usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"),),
        own=msg("Let it map only the user that it runs as."),
    ),
    Row(
        "setgroups", "usermap", _and(_call("setgroups"), lambda attempt, here: attempt.apart),
        msg("In its user namespace, changing supplementary groups was given up for good (setgroups says deny)."),
        _MAKER,
        host=(msg("apt install uidmap: with newgidmap and ids in /etc/subgid, groups can be changed."),),
        own=msg("Don't let it change groups: without --clear-groups, --groups or a user to become."),
    ),
    Row(
        "no-newuidmap", "usermap", _and(_call("execve", errnos=(errno.ENOENT,)), _path(*_MAPPERS)),
        msg("It maps a range of ids, and the program for that is not there: newuidmap, newgidmap."), _ADMIN,
        host=(msg("apt install uidmap (dnf install shadow-utils)"),),
        own=msg("Let it map only the user that it runs as."),
    ),
    Row(
        "no-id-range", "usermap",
        lambda attempt, here: tried.place_of(attempt) in _ID_FILES and here.ranges is False,
        msg("The user has no range of ids in /etc/subuid and /etc/subgid, and it wants to map one."), _ADMIN,
        host=(msg("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"),),
        opens=msg("The user owns these ids: no one else may have them."),
        own=msg("Let it map only the user that it runs as."),
    ),
    Row(
        "ids-of-others", "usermap", lambda attempt, here: attempt.name == "execve" and not attempt.errno
        and attempt.path.endswith(_MAPPERS),
        msg("It asked newuidmap for ids that /etc/subuid and /etc/subgid do not give to this user."), _ADMIN,
        host=(msg("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"),),
        own=msg("Let it map only the user that it runs as."),
        opens=msg("The user owns these ids: no one else may have them."),
    ),
    Row(
        "proc-covered", "namespaces",
        _and(lambda attempt, here: _mounts_proc(attempt, "fsmount") and bool(here.covered), _privileged),
        msg("It may not mount a /proc of its own where parts of the outer one are hidden (mount_too_revealing)."),
        _ENGINE, lambda attempt: (ReadablePlace(_PROC),),
        own=msg("Give it the outer /proc (bwrap --ro-bind /proc /proc), which shows it the outer processes."),
        opens=msg("Files of the kernel below /proc and /sys are no longer hidden or protected."),
    ),
    Row(
        "proc-of-others", "namespaces",
        _and(lambda attempt, here: _mounts_proc(attempt, "fsconfig"), _privileged),
        msg("It may mount /proc only in a PID namespace of its own user namespace, and it shares an older one."),
        _MAKER,
        own=msg("Let it make a PID namespace too (bwrap --unshare-pid, unshare --pid --fork)."),
    ),
    Row(
        "mounts-of-others", "namespaces", _and(_call(*_MOUNTS, errnos=(errno.EPERM,)), _privileged),
        msg("It has its rights in its own user namespace, and the mounts here belong to an older one."), _MAKER,
        own=msg("Let it make a mount namespace too (unshare --mount)."),
    ),
    Row(
        "apparmor-profile", "mac",
        _and(_call(*_MOUNTS, errnos=(errno.EACCES,)), lambda attempt, here: "(" in here.label),
        msg("The AppArmor profile around it forbids to mount."), _ENGINE,
        lambda attempt: (Unconfined("apparmor"),),
        opens=msg("AppArmor no longer keeps it from mounting and from writing below /proc and /sys."),
    ),
    Row(
        "selinux", "mac",
        lambda attempt, here: attempt.errno == errno.EACCES and ":container_t:" in here.label
        and attempt.name in (*_MOUNTS, *_KEYS, "setns"),
        msg("The SELinux policy for containers forbids it."), _ENGINE, lambda attempt: (Unconfined("selinux"),),
    ),
    Row(
        "landlock-absent", KERNEL, _call(*_LANDLOCK, errnos=(errno.ENOSYS,)),
        msg("This kernel has no Landlock: that takes Linux 5.13, and CONFIG_SECURITY_LANDLOCK."), _ADMIN,
        host=(msg("Start a newer kernel."),),
    ),
    Row(
        "landlock-off", KERNEL, _call(*_LANDLOCK, errnos=(errno.EOPNOTSUPP,)),
        msg("Landlock is in this kernel, and was not switched on when it started."), _ADMIN,
        host=(msg("Add landlock to lsm= in the kernel's command line, and restart the machine."),),
    ),
    Row(
        "landlock-rights", KERNEL, _call("landlock_restrict_self", errnos=(errno.EPERM,)),
        msg("Landlock is only for a program that has set no_new_privs, and it has not."), _MAKER,
        own=msg("Start it with setpriv --no-new-privs, or in a container with no-new-privileges."),
    ),
    Row(
        "seccomp-rights", "seccomp", _call("seccomp", "prctl", errnos=(errno.EACCES,)),
        msg("A filter is only for a program that has set no_new_privs, and it has not."), _MAKER,
        own=msg("Start it with setpriv --no-new-privs, or in a container with no-new-privileges."),
    ),
    Row(
        "no-driver", KERNEL,
        lambda attempt, here: _device(attempt, here) and attempt.errno in (errno.ENODEV, errno.ENXIO),
        msg("The device is there, and the kernel has no driver for it."), _ADMIN,
        host=(msg("modprobe fuse, or modprobe tun"),),
    ),
    Row(
        "device-closed", "cgroup", _and(_device, _node, lambda attempt, here: attempt.errno == errno.EPERM),
        msg("The device is there, and its control group does not allow it."), _ENGINE, _of_device,
        opens=msg("It can mount FUSE file systems, or make network interfaces, in its own namespaces."),
    ),
    Row(
        "no-device", "namespaces", _and(_device, lambda attempt, here: attempt.errno == errno.ENOENT),
        msg("It needs a device that is not there: /dev/fuse or /dev/net/tun."), _ENGINE, _of_device,
        host=(msg("modprobe fuse, or modprobe tun"),),
        opens=msg("It can mount FUSE file systems, or make network interfaces, in its own namespaces."),
    ),
    Row(
        "cgroup-not-delegated", "cgroup",
        lambda attempt, here: _below(_CGROUPS)(attempt, here)
        and tried.called(attempt, errno.EACCES, errno.EPERM, errno.EROFS),
        msg("It may not make a control group here: none was delegated to this user."), _ADMIN,
        host=(msg("systemd-run --user --scope -p Delegate=yes COMMAND"),),
        own=msg("Let it do without (podman run --cgroups=disabled)."),
        opens=msg("It can divide what this user's own group has, and no more."),
    ),
    Row(
        "pivot-root", KERNEL, _call("pivot_root", errnos=(errno.EINVAL, errno.EBUSY)),
        msg("The kernel can't change this root: it is the first file system (initramfs), or no mount of its own."),
        _NONE,
        host=(msg("Start it on a root that is a mount: mount --bind FOLDER FOLDER, then switch_root."),),
    ),
    Row(
        "no-rights", "capabilities",
        _and(lambda attempt, here: _call(*_MOUNTS, "setns", "chroot", "sethostname")(attempt, here)
             or (_call(*_MAKES_SPACES)(attempt, here) and bool(_spaces(attempt)) and not _new_user(attempt)),
             _unprivileged),
        msg("It lacks SYS_ADMIN, which mounting and all namespaces but that of users need."), _NONE,
        lambda attempt: (HeldCapability(("CAP_SYS_ADMIN",)),),
        own=_USER_FIRST,
        opens=msg("SYS_ADMIN is nearly all of root. The option of the sandbox opens nothing."),
        own_first=True,
    ),
    Row(
        "keys", "seccomp", _call(*_KEYS),
        msg("It may not use the kernel's keys."), _ENGINE, _passed,
        own=msg("Let it do without a session keyring (--no-new-keyring, keyring = false)."),
    ),
    Row(
        "no-exec", "namespaces", _and(_call("execve", "execveat", errnos=(errno.EACCES,)), _noexec),
        msg("The program lies on a mount from which nothing may be executed (noexec)."), _ADMIN, _of_mount,
        host=(msg("Put the program elsewhere, or mount -o remount,exec PLACE"),),
    ),
    Row(
        "no-loader", FILES, _and(_call("execve", "execveat", errnos=(errno.ENOENT,)), _node),
        msg("The program is there, and the interpreter or loader that it names is not."), _MAKER,
        host=(msg("Install that loader: file PROGRAM names it (musl, or another machine's libc6)."),),
        own=msg("Show it the loader's folder (bwrap --ro-bind /lib64 /lib64)."),
    ),
    Row(
        "other-machine", FILES, _call("execve", "execveat", errnos=(errno.ENOEXEC, errno.ELIBBAD)),
        msg("The program is for another machine, or not a program."), _MAKER,
        host=(msg("Install the program for this machine."),),
    ),
    Row(
        "not-executable", FILES, _and(_call("execve", "execveat", errnos=(errno.EACCES,)), _node),
        msg("The program may not be executed by this user."), _MAKER, host=(msg("chmod +x PROGRAM"),),
    ),
    Row(
        "no-program", FILES, _call("execve", "execveat", errnos=(errno.ENOENT,)),
        msg("A program that it starts is not there."), _MAKER, host=(msg("Install that program."),),
        own=msg("Show it the program's folder (bwrap --ro-bind /usr /usr)."),
    ),
    Row(
        "mount-place", "namespaces", _and(lambda attempt, here: tried.called(attempt, errno.EROFS), _below(_NEW_ROOT)),
        msg("It has to make the place of a mount in a root of its own that is read-only."), _MAKER,
        own=msg("Mount at a folder that exists, or make it first (mkdir, or bwrap --tmpfs above it)."),
    ),
    Row(
        "read-only", "namespaces",
        lambda attempt, here: tried.called(attempt, errno.EROFS)
        and attempt.name not in ("access", "faccessat", "faccessat2"),
        msg("It has to write where everything is read-only."),
        msg("Whoever started it: the option --read-only of a container, or a mount."), _writable,
    ),
    Row(
        "id-map-file", "usermap", _and(_call("open", "openat"), _path("/uid_map", "/gid_map", "/setgroups")),
        msg("It may not open the file that maps its ids."), _ADMIN,
    ),
)  # fmt: skip


def cause_of(attempt: Attempt, here: Here) -> StartCause | None:
    """What explains this refusal, if it may keep a sandbox from starting."""
    row = next((row for row in ROWS if row.fits(attempt, here)), None)
    if row is None:
        return None
    code = errno.errorcode.get(attempt.errno, "") if attempt.errno else ""
    raw = attempt.path if attempt.kind is AttemptKind.NOT_GAINED else sentences.raw(attempt)
    return StartCause(row.id, row.layer, attempt.process, raw, code, row.what, row.set_by, row.wants(attempt),
                      row.host, row.own, row.opens, row.own_first)  # fmt: skip


def causes(attempts: Sequence[Attempt], here: Here) -> tuple[StartCause, ...]:
    """Those of refusals in the order of time, the likeliest first: the last one, since the sandbox gave up after it.

    Where a program is only searched for, each folder without it is refused: the row is told once.
    """
    found: dict[str, StartCause] = {}
    for attempt in reversed(attempts):
        cause = cause_of(attempt, here)
        if cause is not None:
            found.setdefault(cause.id if cause.id != "filter" else f"{cause.id} {attempt.name}", cause)
    return tuple(found.values())
