"""Whether a process can read, write or connect to a file of the machine, and which layers each keep it from that alone.

path_resolution(7), acl(5), capabilities(7), landlock(7). Whoever may give itself a right has it. A file that is at no
place of the process is kept by its mount namespace; one behind a read-only mount or in an overlay's lower layer is, for
writing. Where only the list of mounts could be read, owners and modes are those on the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import Answer
from stratascope.layers.mac.facts import MacFacts
from stratascope.layers.mac.landlock import allows
from stratascope.linux.capability import NAMES, CapabilitySet
from stratascope.linux.landlock import File
from stratascope.linux.permissions import READ, SEARCH, WRITE, Permissions, Ranges, Writer, may
from stratascope.linux.reach import FoundFile, Place, Seen
from stratascope.value import Value

NAMESPACES, CAPABILITIES, MAC, USERMAP = "namespaces", "capabilities", "mac", "usermap"
_ALL = CapabilitySet.of(NAMES).bits
_ADMIN = CapabilitySet.of(("CAP_SYS_ADMIN",)).bits
_EVERY: Ranges = ((0, 0, 0xFFFFFFFF),)
# Profiles whose rules on files are known: everything but parts of /proc and /sys
_OPEN_PROFILES = ("docker-default", "containers-default", "lxc-container-default", "unconfined", "bwrap", "flatpak")
_UNCONFINED = ("spc_t", "unconfined_t", "unconfined_service_t", "init_t", "initrc_t", "kernel_t")
_THERE = (Seen.SAME, Seen.LOWER, Seen.BARRED, Seen.UNSEEN, Seen.HELD)


class Verdict(Value):
    """One file. `closed_by`: layers that each close it; `place`: where the process has it; `asked`: by mounts alone;
    `indirect`: by more than opening it.
    """

    answer: Answer
    closed_by: frozenset[str] = frozenset()
    place: Place | None = None
    asked: bool = False
    why: Message = NOTHING  # how, where it is not plain; or why it is not known
    indirect: bool = False


class Rights(Value):
    """What decides of one process. `writers`: its rights, and those that it gains by a program, with how; `mac`: None
    where not read.
    """

    writers: tuple[tuple[Writer, Message], ...]
    mac: MacFacts | None


def judged(file: FoundFile, bits: int, rights: Rights, places: Sequence[Seen] = _THERE) -> Verdict:
    """Whether it can do that with the file (READ, WRITE; of a socket WRITE, of a folder with SEARCH)."""
    if not rights.writers:
        return Verdict(Answer.UNKNOWN)
    there = [place for place in file.places if place.seen in places]
    if not there:
        on_host = Place(file.path, Seen.SAME, False, (), file.item)
        as_if = best([_kept(on_host, file, bits, rights, by) for by in rights.writers])
        return Verdict(Answer.CLOSED, as_if.closed_by | {NAMESPACES})
    return best([_kept(place, file, bits, rights, by) for place in there for by in rights.writers])


def best(found: Iterable[Verdict]) -> Verdict:
    """The most that is possible in any of these ways; closed only by what closes all of them."""
    every = list(found)
    for answer in (Answer.OPEN, Answer.UNKNOWN):
        hit = next((each for each in every if each.answer is answer), None)
        if hit is not None:
            return hit
    common = frozenset.intersection(*(each.closed_by for each in every))
    first = every[0]
    return Verdict(Answer.CLOSED, common or first.closed_by, first.place, any(each.asked for each in every))


def _kept(place: Place, file: FoundFile, bits: int, rights: Rights, by: tuple[Writer, Message]) -> Verdict:
    """One place, with one set of rights."""
    who, name = by
    if place.seen is Seen.HELD:
        return Verdict(Answer.OPEN, place=place)
    asked = place.seen is Seen.UNSEEN
    way, unknown, why = place.way, False, NOTHING
    if place.seen is Seen.BARRED:
        unknown, why = bool(way) and may(who, way[-1], SEARCH, fixed=place.read_only), _BARRED
    layers = set(_by_owner(way, who))
    if place.seen is not Seen.BARRED or not file.stands:
        layers |= _by_owner_of(place.item, bits, who, fixed=place.read_only)
    if bits & WRITE and (place.read_only or place.seen is Seen.LOWER) and file.what != "s":
        if who.held & _ADMIN:
            unknown, why = True, _REMOUNT
        else:
            layers.add(NAMESPACES)
    mac = _by_policy(place, file, bits, rights.mac)
    if mac is Answer.CLOSED:
        layers.add(MAC)
    if layers:
        return Verdict(Answer.CLOSED, frozenset(layers), place, asked)
    if unknown or mac is Answer.UNKNOWN or file.stands:
        reason = why if unknown else _WITHIN if file.stands == "?" else _MORE if file.stands else _POLICY
        return Verdict(Answer.UNKNOWN, frozenset(), place, asked, reason, reason is _REMOUNT)
    return Verdict(Answer.OPEN, frozenset(), place, asked, name, name is not NOTHING)


_BARRED = msg("A folder on the way could not be passed by this reader.")
_REMOUNT = msg("It is mounted read-only, and it may change its mounts.")
_WITHIN = msg("What lies in this folder could not be seen.")
_MORE = msg("There are more than were looked at.")
_POLICY = msg("Another rule may refuse it: Landlock, AppArmor or SELinux. Read as root to know.")


def _by_owner(way: Iterable[Permissions], who: Writer) -> set[str]:
    found: set[str] = set()
    for folder in way:
        # whoever owns a folder of the way can open it to himself, which no mount of a file below prevents
        found |= _by_owner_of(folder, SEARCH, who, fixed=False)
    return found


def _by_owner_of(item: Permissions, bits: int, who: Writer, *, fixed: bool) -> set[str]:
    """The layers that refuse it by owner and mode; empty if it may. Both together count as the identity's."""
    if may(who, item, bits, fixed=fixed):
        return set()
    root = any(outside == who.uid for inside, outside, _ in who.uids if inside == 0)
    found = set()
    if not may(Writer(who.uid, who.gids, who.uids, who.gid_ranges, _ALL if root else 0), item, bits, fixed=fixed):
        found.add(USERMAP)
    if not may(Writer(0, (0,), _EVERY, _EVERY, who.held), item, bits, fixed=fixed):
        found.add(CAPABILITIES)
    return found or {USERMAP}


# One of these is enough: whoever may remove files of a folder has changed it as well as who may make some
_WAYS: dict[str, dict[int, tuple[File, ...]]] = {
    "f": {READ: (File.READ_FILE,), WRITE: (File.WRITE_FILE, File.TRUNCATE)},
    "d": {READ: (File.READ_DIR,), WRITE: (File.MAKE_REG, File.REMOVE_FILE, File.MAKE_DIR, File.MAKE_SYM)},
    "s": {WRITE: (File.RESOLVE_UNIX,)},
}


def _by_policy(place: Place, file: FoundFile, bits: int, facts: MacFacts | None) -> Answer:
    """What Landlock, AppArmor or SELinux say."""
    if facts is None:
        return Answer.UNKNOWN
    if facts.system == "apparmor" and facts.mode not in ("complain", "unconfined"):
        names = facts.stack or (facts.profile or facts.label or "",)
        if not all(name.split("//", 1)[0].split(" ", 1)[0] in _OPEN_PROFILES for name in names):
            return Answer.UNKNOWN
    if facts.system == "selinux" and facts.mode == "enforcing" and facts.type not in _UNCONFINED:
        return Answer.UNKNOWN
    if facts.may_be_landlocked:
        return Answer.UNKNOWN
    if not facts.confinements:
        return Answer.OPEN
    ways = _WAYS[file.what][READ if bits & READ else WRITE]
    answers = [_any(allows(each, place.path, right) for right in ways) for each in facts.confinements]
    if True in answers:
        return Answer.OPEN
    return Answer.UNKNOWN if None in answers else Answer.CLOSED


def _any(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return True if True in found else None if None in found else False
