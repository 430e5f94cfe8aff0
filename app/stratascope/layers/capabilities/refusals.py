"""Refusals for a missing capability, and why the process does not hold it.

The kernel's own checks are the evidence: the observer reports which capability checks failed within the call. If
several failed in one call, each one would have sufficed, since a decisive check ends a call. If the checks are not
known, the call and its errno decide, by capabilities(7): that fits, but is not certain.

Not claimed although a check failed: a file's owner or mode that excludes an ordinary user (files), and a capability
that is held, but checked in another user namespace (usermap). A failed check of CAP_FSETID refuses nothing.
"""

from __future__ import annotations

import errno
import socket

from stratascope.core.ground import Surroundings
from stratascope.core.message import Message, msg
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import GainedRights, HeldCapability, MoreOf, RunsAs, Setting, Want
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.shared.deciding_settings import PRIVILEGED_PORTS, SETTING
from stratascope.linux.capability import CapabilitySet, number_of
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import is_full
from stratascope.linux.syscall_arguments import RESOURCES

_LAYER = "capabilities"
_REFUSALS = (errno.EPERM, errno.EACCES)
_OF_FILES = frozenset(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER"))
_NOTHING_FAILS = frozenset(("CAP_FSETID",))
_LOW_PORT = "CAP_NET_BIND_SERVICE"
# capabilities(7): capabilities that the kernel checks in calls that fail with EPERM
_NEEDED = {
    "CAP_CHOWN": "chown fchown fchownat lchown",
    "CAP_KILL": "kill tgkill tkill",
    "CAP_MKNOD": "mknod mknodat",
    "CAP_SETGID": "setfsgid setgid setgroups setregid setresgid",
    "CAP_SETUID": "setfsuid setreuid setresuid setuid",
    "CAP_SYS_ADMIN": "fsconfig fsmount fsopen fspick mount mount_setattr move_mount pivot_root setdomainname"
    " sethostname setns swapoff swapon umount2 unshare",
    "CAP_SYS_BOOT": "kexec_file_load kexec_load reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "sched_setattr sched_setscheduler setpriority",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "process_vm_readv process_vm_writev ptrace",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_RESOURCE": "prlimit64 setrlimit",
    "CAP_SYS_TIME": "adjtimex clock_adjtime clock_settime settimeofday",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYSLOG": "syslog",
}
_BY_CALL = {call: name for name, calls in _NEEDED.items() for call in calls.split()}
_LIMITS = {"prlimit64": 1, "setrlimit": 0}  # index of the argument that names the limit
_FILTERS_ITSELF = frozenset(("landlock_restrict_self", "prctl", "seccomp"))
_RAISE_AMBIENT = (47, 2)
_PR_SET_SECCOMP, _SECCOMP_SET_MODE_FILTER = 22, 1
_SOCK_RAW, _SOCK_TYPE = 3, 0xF


def refused(attempt: Attempt, facts: CapabilityFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    if attempt.kind is AttemptKind.NOT_GAINED:
        return _not_gained(attempt, facts)
    if (
        attempt.kind not in (AttemptKind.CALL, AttemptKind.REQUEST)
        or not attempt.entered
        or attempt.errno not in _REFUSALS
    ):
        return None
    if attempt.lacked:
        names = _lacking(attempt, facts)
        if names:
            return _claim(attempt, names, facts, around, Strength.SAID)
        names = _of_root(attempt, facts)
        return _claim(attempt, names, facts, around, Strength.LIKELY) if names else None
    if attempt.name in ("execve", "execveat") and attempt.errno == errno.EPERM:
        return _not_run(attempt, facts)
    if _raises_its_own(attempt):
        text = msg("The process wanted to give itself capabilities that it is not permitted.")
        return Claim(_LAYER, text, Strength.FITS)
    if attempt.name in _FILTERS_ITSELF:
        return _filters_itself(attempt)
    if attempt.around.checks is not None:
        return None  # it is known that no check failed
    return _by_call(attempt, facts, around)


def _lacking(attempt: Attempt, facts: CapabilityFacts | None) -> tuple[str, ...]:
    """The checked capabilities that would have allowed the call, the broadest last."""
    found = []
    for name in attempt.lacked:
        number = _number(name)
        if name in _NOTHING_FAILS or number is None or (name in _OF_FILES and not _is_root(attempt)):
            continue
        if _holds(attempt, facts, number) or _checked_elsewhere(attempt, facts, number):
            continue
        found.append(name)
    return tuple(sorted(found, key=lambda name: (name == "CAP_SYS_ADMIN", name)))


def _of_root(attempt: Attempt, facts: CapabilityFacts | None) -> tuple[str, ...]:
    """File capabilities that root lacks here, if the caller's uid is not known: other users would need them as well."""
    if attempt.around.uid is not None or facts is None or facts.root_inside is not True or facts.effective is None:
        return ()
    names = tuple(name for name in attempt.lacked if name in _OF_FILES)
    return () if CapabilitySet.of(names) & facts.effective else names


def _checked_elsewhere(attempt: Attempt, facts: CapabilityFacts | None, number: int) -> bool:
    """Whether it was only checked in the initial user namespace, and the process is in another."""
    checks = [each for each in attempt.around.checks or () if each.capability == number and each.answer]
    own = not is_full(attempt.uids) if attempt.uids is not None else facts and facts.initial_user_namespace is False
    return bool(own) and bool(checks) and all(each.initial for each in checks)


def _holds(attempt: Attempt, facts: CapabilityFacts | None, number: int) -> bool:
    held = attempt.around.effective
    return held is not None and number in held


def _claim(
    attempt: Attempt,
    names: tuple[str, ...],
    facts: CapabilityFacts | None,
    around: Surroundings,
    strength: Strength,
) -> Claim:
    names = _usual(names, facts)
    number = _number(names[0]) or 0
    uid = _uid(attempt)
    bounding = attempt.around.bounding
    first = None if facts is None else facts.bounding
    short = " or ".join(_short(name) for name in names)
    given = first is None or number in first
    if not given:
        text = _never_given(short, number, facts, around)
    elif first is None and bounding is not None and number not in bounding:
        text = msg(
            "This needs {name}: the container was created without it, or its program has dropped it for good.",
            name=short,
        )
    elif bounding is not None and number not in bounding:
        return Claim(_LAYER, msg("The program has dropped {name} for good, and this needs it.", name=short), strength)
    elif attempt.around.permitted is not None and number in attempt.around.permitted:
        text = msg("This needs {name}, which the process is permitted but has not made effective.", name=short)
        return Claim(_LAYER, text, strength)
    elif uid:
        text = msg(
            "This needs {name}, and user {uid} does not hold it: only root gets the container's capabilities.",
            name=short, uid=uid,
        )  # fmt: skip
    elif uid == 0 and bounding is not None:
        return Claim(_LAYER, msg("The program has given up {name}, and this needs it.", name=short), strength)
    else:
        text = msg("This needs {name}, and the process does not hold it.", name=short)
    return Claim(_LAYER, text, strength, _wants(attempt, names, uid, bool(given), facts))


def _usual(names: tuple[str, ...], facts: CapabilityFacts | None) -> tuple[str, ...]:
    """Of alternatives, those of the engine's default that this container lacks; else all."""
    if facts is None or facts.bounding is None:
        return names
    missing = tuple(name for name in (facts.default - facts.bounding).names() if name in names)
    return missing or names


def _never_given(short: str, number: int, facts: CapabilityFacts | None, around: Surroundings) -> Message:
    engine = around.engine.kind.title()
    if facts is not None and number in facts.default:
        return msg(
            "This needs {name}. {engine} gives it by default, but this container was created without it.",
            name=short, engine=engine,
        )  # fmt: skip
    return msg("This needs {name}, which {engine} gives only on request.", name=short, engine=engine)


def _wants(
    attempt: Attempt, names: tuple[str, ...], uid: int | None, given: bool, facts: CapabilityFacts | None
) -> tuple[Want, ...]:
    first: tuple[Want, ...] = ()
    address = attempt.around.address
    if _LOW_PORT in names and address is not None and 0 < address.port < PRIVILEGED_PORTS:
        first = (Setting(SETTING, str(address.port)),)
    limit = _limit(attempt) if "CAP_SYS_RESOURCE" in names else ""
    if limit:
        first = (MoreOf(limit, attempt.around.limit(limit)),)
    held = tuple(HeldCapability((name,), uid) for name in names)
    # if it started as root, it switched users itself: starting as another user changes nothing
    root = (RunsAs(0, 0),) if uid and given and facts is not None and facts.root_inside is False else ()
    return (*first, *held, *root)


def _limit(attempt: Attempt) -> str:
    """The limit that it tried to raise, as in `--ulimit`; "" if not known."""
    place = _LIMITS.get(attempt.name)
    if place is None or place >= len(attempt.values):
        return ""
    if attempt.name == "prlimit64" and (attempt.values[0] & 0xFFFFFFFF or not attempt.values[2]):
        return ""  # for another process, which needs the capability whatever its limits are
    return RESOURCES.get(attempt.values[place] & 0xFFFFFFFF, "").removeprefix("RLIMIT_").lower()


def _by_call(attempt: Attempt, facts: CapabilityFacts | None, around: Surroundings) -> Claim | None:
    name = _needed(attempt)
    held = attempt.around.effective
    if held is None and facts is not None and not _uid(attempt):
        held = facts.effective
    number = None if name is None else _number(name)
    if name is None or number is None or held is None or number in held:
        return None
    return _claim(attempt, (name,), facts, around, Strength.FITS)


def _needed(attempt: Attempt) -> str | None:
    call, values, address = attempt.name, attempt.values, attempt.around.address
    if call == "bind" and attempt.errno == errno.EACCES:
        low = address is not None and address.family in ("inet", "inet6") and 0 < address.port < PRIVILEGED_PORTS
        return _LOW_PORT if low else None
    if call == "socket" and attempt.errno == errno.EPERM and len(values) > 1:
        raw = values[0] == socket.AF_PACKET or values[1] & _SOCK_TYPE == _SOCK_RAW
        return "CAP_NET_RAW" if raw and values[0] != socket.AF_NETLINK else None
    return _BY_CALL.get(call) if attempt.errno == errno.EPERM or call == "setpriority" else None


def _not_run(attempt: Attempt, facts: CapabilityFacts | None) -> Claim | None:
    """The claim for execve(2) of a file with the effective bit: it must get all its capabilities (cap_bprm_creds)."""
    place = attempt.around.place
    if place is None or place.node is None:
        return _not_run_perhaps(attempt, facts)
    if not place.node.capabilities:
        return None
    missing = _beyond(attempt, place.gives, facts)
    path = place.path or attempt.path
    if missing:
        text = msg(
            "{path} has the file capabilities {names}, which are not in the bounding set, so the kernel does not run "
            "it.",
            path=path, names=", ".join(map(_short, missing)),
        )  # fmt: skip
        return Claim(_LAYER, text, Strength.FITS, (HeldCapability(missing),))
    text = msg(
        "{path} has file capabilities, not all of which are in the bounding set, so the kernel refuses to run it.",
        path=path,
    )
    return Claim(_LAYER, text, Strength.FITS)


def _not_run_perhaps(attempt: Attempt, facts: CapabilityFacts | None) -> Claim | None:
    """The same if the file could not be read: without a security module, hardly anything else fails there with EPERM
    and no check.
    """
    bounding = attempt.around.bounding
    if bounding is None and facts is not None:
        bounding = facts.bounding
    lacks = facts is not None and bounding is not None and bool(CapabilitySet.full(facts.last) - bounding)
    if attempt.around.checks is None or not lacks:
        return None
    text = msg(
        "Probably the program has file capabilities that are not in the bounding set: its file could not be seen."
    )
    return Claim(_LAYER, text, Strength.LEFT)


def _not_gained(attempt: Attempt, facts: CapabilityFacts | None) -> Claim | None:
    around = attempt.around
    place = around.place
    if place is not None and place.mount is not None and "nosuid" in place.mount.options.split(","):
        return None  # that is checked first
    own = place is not None and place.node is not None and place.node.capabilities
    if around.no_new_privs:
        if own:
            text = msg(
                "{path} has file capabilities and did not get them, because no_new_privs is set.", path=attempt.path
            )
        else:
            text = msg("{path} is set-uid and did not get its rights, because no_new_privs is set.", path=attempt.path)
        return Claim(_LAYER, text, Strength.SAID, (GainedRights(attempt.path),))
    missing = _beyond(attempt, None if place is None else place.gives, facts)
    if not own or not missing:
        return None
    text = msg(
        "{path} has the file capabilities {names}, which are not in the bounding set, and runs without them.",
        path=attempt.path, names=", ".join(map(_short, missing)),
    )  # fmt: skip
    return Claim(_LAYER, text, Strength.FITS, (HeldCapability(missing),))


def _beyond(attempt: Attempt, wanted: CapabilitySet | None, facts: CapabilityFacts | None) -> tuple[str, ...]:
    """The file capabilities that are missing from the bounding set."""
    bounding = attempt.around.bounding
    if bounding is None and facts is not None:
        bounding = facts.bounding
    return () if wanted is None or bounding is None else (wanted - bounding).names()


def _filters_itself(attempt: Attempt) -> Claim | None:
    """The claim for seccomp(2), landlock_restrict_self(2): they need no_new_privs, or SYS_ADMIN (checked silently)."""
    first = attempt.values[0] if attempt.values else None
    if attempt.name == "prctl" and (first != _PR_SET_SECCOMP or attempt.errno != errno.EACCES):
        return None
    if attempt.name == "seccomp" and (first != _SECCOMP_SET_MODE_FILTER or attempt.errno != errno.EACCES):
        return None
    if attempt.around.no_new_privs is not False:
        return None
    text = msg(
        "Only a process that has set no_new_privs, or holds SYS_ADMIN, can confine itself. This one has neither."
    )
    return Claim(_LAYER, text, Strength.FITS, (HeldCapability(("CAP_SYS_ADMIN",), _uid(attempt)),))


def _raises_its_own(attempt: Attempt) -> bool:
    """Whether it raises its own sets: capset(2), prctl(PR_CAP_AMBIENT_RAISE); the sets decide, without a check."""
    if attempt.errno != errno.EPERM:
        return False
    return attempt.name == "capset" or (attempt.name == "prctl" and attempt.values[:2] == _RAISE_AMBIENT)


def _uid(attempt: Attempt) -> int | None:
    return None if attempt.around.uid is None else attempt.inside(attempt.around.uid)


def _is_root(attempt: Attempt) -> bool:
    uid = attempt.around.uid
    return uid is not None and (uid if attempt.uids is None else attempt.inside(uid)) == 0


def _number(name: str) -> int | None:
    try:
        return number_of(name)
    except DecodeError:
        return None


def _short(name: str) -> str:
    return name.removeprefix("CAP_")
