"""Refusals by the user namespace: ids that it does not map, files of owners that it does not map, capabilities that
only apply inside it.

If a process holds a capability and its check fails all the same, it was checked in another user namespace than its
own, usually the initial one. Adding a capability can't help then.
"""

from __future__ import annotations

import errno

from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.observation.events import Node
from stratascope.core.refusals import tried
from stratascope.core.refusals.files import permits
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.refusals.tried import Use
from stratascope.core.relaunch.want import HostsNamespace, MappedId, Want
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.capability import name_of
from stratascope.linux.namespace import IdMap, is_full, to_host
from stratascope.value import replace

_ID = "usermap"
_UNCHANGED = (1 << 32) - 1  # (uid_t) -1
_SET_UID, _SET_GID = 0o4000, 0o2000
_USERS_NAMES = "setuid setreuid setresuid setfsuid"
_GROUPS_NAMES = "setgid setregid setresgid setfsgid"
_USERS = frozenset(_USERS_NAMES.split())
_GROUPS = frozenset(_GROUPS_NAMES.split())
_OWNERS = {"chown": 1, "fchown": 1, "lchown": 1, "fchownat": 2}  # index of the uid argument; the gid follows it
_OVER_FILES = frozenset(("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"))
_GROUPS_MOST = 65536  # NGROUPS_MAX
_MAP_FILES = ("/uid_map", "/gid_map", "/setgroups")


def refused(attempt: Attempt, facts: UsermapFacts | None, around: Surroundings) -> Claim | None:
    """This layer's claim; see `Layer.refused`."""
    claim = _claim(attempt, facts)
    # no setting of the container changes a user namespace that the program created itself
    return replace(claim, wants=()) if claim is not None and attempt.apart else claim


def _claim(attempt: Attempt, facts: UsermapFacts | None) -> Claim | None:
    if attempt.kind is AttemptKind.NOT_GAINED:
        return _not_gained(attempt)
    if not tried.called(attempt, attempt.errno):
        return None
    match attempt.errno:
        case errno.EINVAL:
            return _unmapped(attempt)
        case errno.EOVERFLOW:
            return _no_number(attempt)
        case errno.EPERM | errno.EACCES if _OVER_FILES.issuperset(attempt.lacked):
            return (
                _no_groups(attempt, facts)
                or _map_written(attempt)
                or _foreign_owner(attempt)
                or _elsewhere(attempt, facts)
            )
        case errno.EPERM | errno.EACCES:
            return _elsewhere(attempt, facts)
    return None


def _unmapped(attempt: Attempt) -> Claim | None:
    """The claim for ids that are not mapped (make_kuid, make_kgid: EINVAL)."""
    for number, group in _ids(attempt):
        known: IdMap | None = attempt.gids if group else attempt.uids
        if number == _UNCHANGED or known is None or to_host(known, number) is not None:
            continue
        if group:
            what = msg("Its user namespace has no group {number}.", number=number)
        else:
            what = msg("Its user namespace has no user {number}.", number=number)
        return Claim(_ID, what, Strength.FITS, (MappedId(number, group), HostsNamespace("user")))
    count = tried.value(attempt, 0)
    if tried.plain_name(attempt) == "setgroups" and count is not None and 0 < count <= _GROUPS_MOST:
        if attempt.gids is None or is_full(attempt.gids):
            return None
        what = msg("Its user namespace lacks one of the requested groups.")
        return Claim(_ID, what, Strength.FITS, (HostsNamespace("user"),))
    return None


def _ids(attempt: Attempt) -> tuple[tuple[int, bool], ...]:
    """The ids in a call's arguments, and whether each is a group."""
    name = tried.plain_name(attempt)
    if name in _USERS or name in _GROUPS:
        count = {"re": 2, "res": 3}.get(name[3:-3], 1)
        places = ((place, name in _GROUPS) for place in range(count))
    elif name in _OWNERS:
        places = ((_OWNERS[name] + place, bool(place)) for place in range(2))
    else:
        return ()
    return tuple((number, group) for place, group in places if (number := tried.value(attempt, place)) is not None)


def _no_number(attempt: Attempt) -> Claim | None:
    """The claim for a file system or mount with its own id map (fsuidgid_has_mapping, HAS_UNMAPPED_ID)."""
    if attempt.name not in tried.MAKES and not tried.opens(attempt):
        return None
    what = msg(
        "The filesystem at {path} has no ID for this user: its own ID map leaves it out.",
        path=tried.place_of(attempt),
    )
    return Claim(_ID, what, Strength.FITS)


def _elsewhere(attempt: Attempt, facts: UsermapFacts | None) -> Claim | None:
    checks = tried.refused_checks(attempt)
    own = facts is not None and facts.initial_namespace is False
    for each in checks:
        holds = tried.held(attempt, each.capability)
        if not holds and not (own and each.initial):
            continue
        name = name_of(each.capability)
        if each.initial and not attempt.apart:
            what = msg(
                "The kernel requires {capability} in the machine's initial user namespace for that; root of this "
                "container has it only inside.",
                capability=name,
            )
        else:
            what = msg(
                "{capability} applies in its own user namespace, and what it asked for belongs to another one.",
                capability=name,
            )
        # without its own user namespace it would hold the same capabilities as now, or if those are not known, most
        # likely the first process's: that only helps if the capability is among them
        enough = _first_holds(facts, each.capability) if holds is None else holds
        wants: tuple[Want, ...] = (HostsNamespace("user"),) if enough else ()
        return Claim(_ID, what, Strength.SAID, wants)
    return None


def _first_holds(facts: UsermapFacts | None, capability: int) -> bool:
    return facts is not None and facts.held is not None and bool(facts.held >> capability & 1)


def _no_groups(attempt: Attempt, facts: UsermapFacts | None) -> Claim | None:
    """The claim for setgroups(2): may_setgroups checks the capability first; if that was held, this is the reason."""
    if tried.plain_name(attempt) != "setgroups" or attempt.lacked:
        return None
    held = any(each.answer == 0 and name_of(each.capability) == "CAP_SETGID" for each in attempt.around.checks or ())
    if attempt.apart or (held and (facts is None or facts.setgroups != "deny")):
        return Claim(_ID, msg("A user namespace lets nobody set groups until it has a map of groups."), Strength.FITS)
    if facts is None or facts.setgroups != "deny":
        return None
    what = msg("Its user namespace forbids setgroups, because only its creator's own group is mapped.")
    return Claim(_ID, what, Strength.FITS, (HostsNamespace("user"),))


def _map_written(attempt: Attempt) -> Claim | None:
    path = tried.place_of(attempt)
    if attempt.name not in ("write", "pwrite64", "writev"):
        return None
    named = path.startswith("/proc/") and path.endswith(_MAP_FILES)
    frames = {name.partition(".")[0] for each in attempt.around.checks or () for name in each.frames}
    if not named and "map_write" not in frames:
        return None
    what = msg(
        "A user namespace gets only IDs that its creator has, and groups only after setgroups was disabled in it."
    )
    return Claim(_ID, what, Strength.FITS)


def _foreign_owner(attempt: Attempt) -> Claim | None:
    """The claim for a file whose owner or group is not mapped: no capability held inside applies to it
    (capable_wrt_inode_uidgid checks the capability, and refuses whatever the result). A user other than root is refused
    by owner and mode, unless it would be the owner without the map.
    """
    place, uid, in_vain = attempt.around.place, attempt.around.uid, _held_in_vain(attempt)
    if attempt.uids is None or is_full(attempt.uids):
        return None
    if place is None and in_vain:
        what = msg(
            "Probably a file of a user that is not mapped in its user namespace: which one could not be determined."
        )
        return Claim(_ID, what, Strength.LEFT, (HostsNamespace("user"),))
    wanted = tried.uses(attempt)
    # for an unmapped owner no capability is checked: inode_owner_or_capable; for a link, safe_hardlink_source
    links = attempt.name in ("link", "linkat") and attempt.errno == errno.EPERM
    unasked = (links or Use.OWN in wanted) and attempt.around.checks == ()
    if place is not None and uid is None and (unseen := _setting(attempt)) is not None:
        return unseen
    if place is None or (uid is None and not in_vain and not unasked):
        return None
    wanted = (Use.OWN,) if links else wanted
    node = place.folder if Use.NAMES in wanted or place.node is None else place.node
    if node is None or not _is_foreign(attempt, node) or not (wanted or tried.opens(attempt)):
        return None
    if uid is not None and attempt.inside(uid) not in (0, node.uid):
        return None
    if any(permits(attempt, node, use) for use in wanted):
        return None
    what = msg(
        "{path} belongs to user {owner} of the machine, who is not mapped in its user namespace: inside it belongs "
        "to nobody, not even root.",
        path=tried.place_of(attempt),
        owner=node.uid,
    )
    strength = Strength.SAID if attempt.lacked else Strength.FITS
    return Claim(_ID, what, strength, (HostsNamespace("user"),))


def _setting(attempt: Attempt) -> Claim | None:
    """The claim for /proc/sys, where no capability is checked (test_perm): what is not open to all is for host root."""
    place = attempt.around.place
    if attempt.errno != errno.EACCES or attempt.lacked or place is None or place.node is None:
        return None
    if not place.path.startswith("/proc/sys/") or not _is_foreign(attempt, place.node):
        return None
    what = msg("{path} belongs to root of the machine, who is nobody in its user namespace.", path=place.path)
    return Claim(_ID, what, Strength.LIKELY, (HostsNamespace("user"),))


def _held_in_vain(attempt: Attempt) -> bool:
    """Whether a file capability was checked and held, but did not help: the map is checked after it."""
    checks = attempt.around.checks or ()
    over = (each for each in checks if each.answer == 0 and name_of(each.capability) in _OVER_FILES)
    return any("capable_wrt_inode_uidgid" in each.frames for each in over)


def _is_foreign(attempt: Attempt, node: Node) -> bool:
    mapped = attempt.inside(node.uid) is not None
    gids = attempt.gids
    return not mapped or (gids is not None and all(not r.outside <= node.gid < r.outside + r.length for r in gids))


def _not_gained(attempt: Attempt) -> Claim | None:
    """The claim for a set-uid program whose owner is not mapped, which has no effect (bprm_fill_uid)."""
    place = attempt.around.place
    if place is None or place.node is None or attempt.uids is None or not place.node.mode & (_SET_UID | _SET_GID):
        return None
    if attempt.around.no_new_privs or attempt.inside(place.node.uid) is not None:
        return None
    what = msg(
        "{path} belongs to user {owner} of the machine, who is not mapped in its user namespace, so it gives no "
        "privileges.",
        path=tried.place_of(attempt),
        owner=place.node.uid,
    )
    return Claim(_ID, what, Strength.FITS, (HostsNamespace("user"),))
