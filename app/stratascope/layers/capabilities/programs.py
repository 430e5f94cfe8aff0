"""Programs of a container that give rights to whoever starts them, and what its process gains by that.

Set-uid root gives uid 0 and all of the bounding set, file capabilities give what the file has of it; capabilities(7).
A program that is known to check who asks is trusted to do so, unless its own rules let this process in without a
password. Any other does what it is told. A process may also hold what it takes to become root without a program.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from stratascope.bounded_cache import remembered
from stratascope.collector.names import GIVING_PROGRAMS
from stratascope.core.capture import Capture, or_none
from stratascope.core.message import Message, msg, verbatim
from stratascope.core.threats.catalogue.shared import calls
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.giving_programs import Access, Admitted, GivingProgram, GivingPrograms, parse_giving
from stratascope.linux.mounts import cached_mountinfo
from stratascope.linux.namespace import FULL, IdMap, IdRange, parse_idmap, to_inside
from stratascope.linux.process import parse_status
from stratascope.value import Value, replace

_SET_UID, _SET_GID = 0o4000, 0o2010
_NAMES_MAX = 4  # in a sentence
_MASKS_MAX = 4  # kinds of file capabilities that are judged apart; further ones are judged as one
_OVERRIDE = CapabilitySet.of(("CAP_DAC_OVERRIDE",)).bits
_REACHES = CapabilitySet.of(("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH")).bits
_CHANGES_FILES = CapabilitySet.of(("CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER")).bits
_BECOMES = CapabilitySet.of(("CAP_SETUID",)).bits
_GIVES = CapabilitySet.of(("CAP_SETFCAP",)).bits
_BY_PASSWORD = frozenset(("su", "sudo", "doas", "bbsuid"))  # lets in whom the files of users and passwords say
UNREAD = "?"


class Program(Value):
    """One of them, ids as the process sees them (None: not mapped)."""

    path: str
    root: bool  # set-uid of its user namespace's root
    permitted: int  # of its file capabilities; 0 where they have no effect
    inheritable: int
    effective: bool
    known: str  # which known program it is; empty: none; UNREAD
    access: tuple[int | None, int | None, int]  # owner, group, mode
    folders: tuple[tuple[int | None, int | None, int], ...]  # on the way, if not open to everyone

    @property
    def gives(self) -> bool:
        """Whether it gives the user root, or capabilities."""
        return self.root or bool(self.permitted or self.inheritable)


class Programs(Value):
    """All of a container's. `writable`: files that decide whom a program lets in, if others may write to them."""

    programs: tuple[Program, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    writable: tuple[tuple[str, tuple[int | None, int | None, int]], ...] = ()
    whole: bool = True  # whether all of its files were looked at
    unread: tuple[str, ...] = ()  # programs whose rules may not be read by this reader


class Identity(Value):
    """Who starts them, in ids inside. `uid` None: not known."""

    uid: int | None
    groups: tuple[int, ...]
    root_mapped: bool | None  # whether its user namespace has a root
    set_uid_works: bool | None  # whether its root directory is mounted without nosuid and noexec
    root_writable: bool | None


class Way(StrEnum):
    """Whether programs give more rights than the process has."""

    NONE = "none"
    HELD = "held"
    OPEN = "open"


def programs_of(capture: Capture) -> Programs | None:
    """The container's programs; None if they were not looked at."""
    found = or_none(capture.decoded(GIVING_PROGRAMS, parse_giving))
    uids, gids = (or_none(capture.decoded(name, parse_idmap)) for name in ("uid_map", "gid_map"))
    if found is None or uids is None or gids is None:
        return None
    if found.inside:
        uids, gids = (tuple(replace(part, outside=part.inside) for part in ranges) for ranges in (uids, gids))
    return programs_from(found, uids, gids)


_EVERY = (IdRange(0, 0, FULL),)


def programs_from(found: GivingPrograms, uids: IdMap = _EVERY, gids: IdMap = _EVERY) -> Programs:
    """The programs, by the maps from their ids to those inside."""
    return Programs(
        tuple([program for each in found.programs if (program := _program(each, uids, gids)) is not None]),
        found.admitted,
        tuple([(name, _access(access, uids, gids)) for name, access in found.writable]),
        found.whole,
        found.unread,
    )


def _program(each: GivingProgram, uids: IdMap, gids: IdMap) -> Program | None:
    owner, group, mode = access = _access(each.access, uids, gids)
    # bprm_fill_uid, fs/exec.c: both ids of the file must be mapped
    root = bool(mode & _SET_UID) and owner == 0 and group is not None
    # rootid_owns_currentns, security/commoncap.c; a namespace in between is that of a rootless engine
    holds = each.root == 0 or to_inside(uids, each.root) is not None
    permitted, inheritable = (each.permitted, each.inheritable) if holds else (0, 0)
    if not root and not permitted and not inheritable and _group_of(access) is None:
        return None
    folders = tuple(_access(folder, uids, gids) for folder in each.folders)
    return Program(each.path, root, permitted, inheritable, each.effective and holds, each.known, access, folders)


def _group_of(access: tuple[int | None, int | None, int]) -> int | None:
    """The group that exec of such a file gives, as in bprm_fill_uid: it is mandatory locking without S_IXGRP."""
    owner, group, mode = access
    return group if owner is not None and mode & _SET_GID == _SET_GID else None


def _access(access: Access, uids: IdMap, gids: IdMap) -> tuple[int | None, int | None, int]:
    return to_inside(uids, access.uid), to_inside(gids, access.gid), access.mode


def identity_of(capture: Capture, uid: int | None, groups: Iterable[int]) -> Identity:
    """`uid`, `groups`: as the reader sees them."""
    uids, gids = (or_none(capture.decoded(name, parse_idmap)) for name in ("uid_map", "gid_map"))
    mounts = or_none(capture.decoded("mountinfo", cached_mountinfo)) or ()
    root = next((mount for mount in reversed(mounts) if mount.target == "/"), None)
    inside = (to_inside(gids, group) for group in groups) if gids is not None else ()
    return Identity(
        None if uids is None or uid is None else to_inside(uids, uid),
        tuple(dict.fromkeys(group for group in inside if group is not None)),
        None if uids is None else any(part.inside == 0 for part in uids),
        None if root is None else "nosuid" not in root.options and "noexec" not in root.options,
        None if root is None else not root.read_only,
    )


class Rights(Value):
    """What the process has, as masks, before it starts any."""

    held: int
    bounding: int
    inheritable: int
    no_new_privs: bool | None
    root: bool | None  # whether it is root inside, which exec of any program gives the bounding set
    root_by_exec: bool | None = None  # False: its securebits keep root from that


@remembered()
def gains_by_programs(process: Capture) -> bool | None:
    """Whether a program could give it anything: not where it is root already, whose exec gives all there is, nor with
    no_new_privs. Looking through all of an image's files takes longer than all else. None: its status was not read.
    """
    status = or_none(process.decoded("status", parse_status))
    if status is None or status.uids is None:
        return None
    uids = or_none(process.decoded("uid_map", parse_idmap))
    root = uids is not None and to_inside(uids, status.uids.effective) == 0
    return not root and not status.no_new_privs


def gains_of(programs: Programs | None, who: Identity, rights: Rights) -> tuple[Gain, ...]:
    """What it gains, each way by itself; what is held by the same programs is one."""
    found = [*_by_itself(who, rights)]
    if not rights.no_new_privs:
        found += _by_programs(programs, who, rights)
    return tuple(found)


def way(programs: Programs | None, who: Identity, rights: Rights, *, to_root: bool) -> Way | None:
    """Whether starting programs gives it the user root, or any capability that it lacks; None: not looked at."""
    if programs is None and who.root_mapped is not False and who.set_uid_works is not False:
        return None
    gains = [gain for gain in _by_programs(programs, who, rights) if gain.root or not (to_root or gain.groups)]
    if not gains:
        return Way.NONE
    return Way.OPEN if any(gain.hold is None for gain in gains) else Way.HELD


def _by_itself(who: Identity, rights: Rights) -> Iterable[Gain]:
    """setresuid(2) to root, after which exec of anything gives the bounding set; capabilities for a file of its own."""
    free, more = not rights.no_new_privs and rights.root_by_exec is not False, rights.bounding & ~rights.held
    if rights.held & _BECOMES and rights.root is False and who.root_mapped is not False:
        held = rights.held | (rights.bounding if free else 0)
        call = "setresuid(0, 0, 0), execve()" if free else "setresuid(0, 0, 0)"
        needed = calls("setresuid", "setreuid", "setuid", "setresuid32", "setreuid32", "setuid32")
        yield Gain(True, held, call, msg("as root, which it can become"), (needed,))
    elif rights.held & _GIVES and free and more and rights.root is False and who.set_uid_works is not False:
        needed = calls("setxattr", "lsetxattr", "fsetxattr", "setxattrat")
        name = msg("through a file that it gives capabilities")
        yield Gain(False, rights.held | rights.bounding, 'setxattr("security.capability"), execve()', name, (needed,))


_EXEC = calls("execve", "execveat")
_BY_SET_UID = msg("through a set-uid program")
_BY_SET_GID = msg("through a set-gid program")
_GROUPS_MAX = 64


def _by_programs(programs: Programs | None, who: Identity, rights: Rights) -> Iterable[Gain]:
    whole = 0 if rights.root_by_exec is False else rights.bounding | rights.inheritable
    if rights.root or (rights.root is None and who.uid == 0):
        return
    if programs is None:
        if who.root_mapped is not False and who.set_uid_works is not False:
            reason = msg("Which set-uid programs it has was not looked at, which takes root.")
            yield _gain(True, whole, "execve(set-uid program)", _BY_SET_UID, reason)
        return
    able = [program for program in programs.programs if _may_start(program, who, rights.held)]
    root = [program for program in able if program.root]
    telling = [program for program in root if _gives(program, programs, who, rights.held)]
    if telling:
        yield _gain(True, whole, f'execve("{telling[0].path}")', _through(telling[0].path))
        return
    if root or not programs.whole:
        yield _gain(True, whole, "execve(set-uid program)", _BY_SET_UID, _why_held(root, whole=programs.whole))
    yield from _by_capabilities([program for program in able if not program.root], who, rights)
    yield from _by_groups([program for program in able if not program.gives], who, rights)


def _by_groups(able: list[Program], who: Identity, rights: Rights) -> Iterable[Gain]:
    """A group may own what the process has in sight: a socket, a device, a folder of the host."""
    for known in (False, True):
        found: dict[int, Program] = {}
        for program in able:
            group = _group_of(program.access)
            if bool(program.known) is known and group is not None and group not in who.groups:
                found.setdefault(group, program)
        if found:
            programs = list(found.values())
            name = _BY_SET_GID if known else _through(programs[0].path)
            hold = _why_held(programs, whole=True) if known else None
            call = f'execve("{programs[0].path}")'
            yield replace(_gain(False, rights.held, call, name, hold), groups=tuple(found)[:_GROUPS_MAX])


def _by_capabilities(able: list[Program], who: Identity, rights: Rights) -> Iterable[Gain]:
    open_: dict[int, Program] = {}
    held: dict[int, Program] = {}
    for program in able:
        got = program.permitted & rights.bounding | program.inheritable & rights.inheritable
        # cap_bprm_creds_from_file, security/commoncap.c: EPERM if it were effective with less than the file has
        refused = program.effective and program.permitted & ~got
        if got & ~rights.held and not refused:
            (held if program.known else open_).setdefault(got, program)
    masks = [mask for mask in open_ if not any(mask != other and mask & ~other == 0 for other in open_)]
    if len(masks) > _MASKS_MAX:
        masks = [_union(masks)]
    for mask in masks:
        path = open_[mask].path if mask in open_ else next(iter(open_.values())).path
        yield _gain(False, mask, f'execve("{path}")', _through(path))
    if held:
        reason = _why_held(list(held.values()), whole=True)
        call = f'execve("{next(iter(held.values())).path}")'
        yield _gain(False, _union(held), call, msg("through a program with capabilities"), reason)


def _union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def _gain(root: bool, held: int, call: str, name: Message, hold: Message | None = None) -> Gain:
    weak = None if hold is None else Ruling(Stance.STOPS, hold, "@root", weak=True)
    return Gain(root, held, call, name, (_EXEC,), weak, "capabilities")


def _through(path: str) -> Message:
    return msg("through {program}", program=path)


def _why_held(programs: list[Program], *, whole: bool) -> Message:
    names = named(programs, _NAMES_MAX)
    if not whole and not programs:
        return msg("Not all of its files were looked at; no set-uid program is among those that were.")
    if not whole:
        return msg(
            "Not all of its files were looked at; the programs among those that were look as if they check who asks: "
            "{names}.",
            names=names,
        )
    return msg("Only programs that look like those that check who asks stand in the way: {names}.", names=names)


def named(programs: Iterable[Program], most: int) -> Message:
    """Their names, the first of many: `mount, passwd, su and 5 more`."""
    names = sorted({program.path.rpartition("/")[2] for program in programs})
    shown, more = verbatim(", ".join(names[:most])), len(names) - most
    return shown if more <= 0 else msg("{names} and {count} more", names=shown, count=more)


def startable(programs: Programs, who: Identity, held: int) -> tuple[tuple[Program, ...], tuple[Program, ...]]:
    """Those that this process may start: that do what they are told, and that check who asks."""
    able = [program for program in programs.programs if program.gives and _may_start(program, who, held)]
    telling = [program for program in able if _gives(program, programs, who, held)]
    return tuple(telling), tuple([program for program in able if program not in telling])


def _may_start(program: Program, who: Identity, held: int) -> bool:
    if who.uid is None:
        return True
    if not all(_lets(folder, 0o111, who, held & _REACHES) for folder in program.folders):
        return False
    return bool(program.access[2] & 0o111) and _lets(program.access, 0o111, who, held & _OVERRIDE)


def _lets(access: tuple[int | None, int | None, int], bits: int, who: Identity, override: int) -> bool:
    """Whether owner and mode allow it; generic_permission, fs/namei.c."""
    owner, group, mode = access
    if override and owner is not None and group is not None:
        return True
    if who.uid is not None and owner == who.uid:
        return bool(mode & bits & 0o700)
    return bool(mode & bits & (0o070 if group is not None and group in who.groups else 0o007))


def _gives(program: Program, programs: Programs, who: Identity, held: int) -> bool:
    """Whether it gives its rights to this process: it is none that is known to ask, or its own rules let it in."""
    if program.known == UNREAD:
        return False
    if not program.known:
        return True
    name = _ruled(program)
    if any(not rule.asked for rule in _admitting(name, programs, who)):
        return True
    if program.known not in _BY_PASSWORD or who.root_writable is False:
        return False
    if held & _CHANGES_FILES:
        return True
    return who.uid is not None and any(
        _lets(access, 0o222, who, 0) for ruled, access in programs.writable if ruled in (name, "su")
    )


def _ruled(program: Program) -> str:
    """By the rules of which program it lets in."""
    return "su" if program.known == "bbsuid" else "sudo" if program.known == "sudoedit" else program.known


def _admitting(name: str, programs: Programs, who: Identity) -> Iterable[Admitted]:
    """The rules that let this process in."""
    for rule in programs.admitted:
        if rule.program == name and (
            rule.kind == "a"
            or (rule.kind == "u" and who.uid in (rule.id, None))
            or (rule.kind == "g" and (who.uid is None or rule.id in who.groups))
        ):
            yield rule


class Asks(StrEnum):
    """What sudo asks this process for."""

    NOTHING = "nothing"
    PASSWORD = "password"
    UNREAD = "unread"  # its rules may not be read by this reader
    REFUSES = "refuses"


def by_sudo(programs: Programs, who: Identity, held: int) -> tuple[Program, Asks] | None:
    """The program of sudo(8) or doas(1) that lets it furthest, if it may start one."""
    found = []
    for program in (each for some in startable(programs, who, held) for each in some):
        if program.root and program.known in ("sudo", "doas"):
            asks = Asks.PASSWORD if any(_admitting(program.known, programs, who)) else Asks.REFUSES
            asks = Asks.UNREAD if program.known in programs.unread else asks
            found.append((program, Asks.NOTHING if _gives(program, programs, who, held) else asks))
    return min(found, key=lambda each: list(Asks).index(each[1]), default=None)
