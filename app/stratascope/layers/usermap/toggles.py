"""The toggles of layer 6: another user namespace, the owner of its volumes, and another user.

Docker has one user namespace for the whole daemon (userns-remap) or none; that is explained here and not faked. No
preset chooses a user namespace: it changes who owns the files in every volume, and `auto` needs ids that the
administrator set aside (subuid(5)). What gives it back is `host`.

What is a volume of its own, whom its files belong to and how they go back is no affair of a layer: the plan looks, the
relaunch changes them once the original has stopped, and the journal knows what they were.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from stratascope.core.container import Asked
from stratascope.core.ground import SpecialFile
from stratascope.core.message import Message, msg
from stratascope.core.observation.imports import opens_sessions
from stratascope.core.options.capabilities import FILES, bounding, named, starts_as_root
from stratascope.core.relaunch.toggle import (
    Evidence,
    Given,
    Learned,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Use,
)
from stratascope.core.relaunch.want import HeldCapability, HostsNamespace, MappedId, RunsAs, Want
from stratascope.core.sanitize import plain
from stratascope.layers.shared.deciding_settings import PRIVILEGED_PORTS
from stratascope.layers.shared.signs_of_use import (
    LONG,
    becoming,
    engine_asked,
    folders_of_others,
    path_used,
    serves_users,
    writes_to_volumes,
)
from stratascope.layers.shared.toggle_values import LEARNED, NOT_READ, in_no_preset, is_docker, no_pieces
from stratascope.layers.shared.whose_namespace import own_user_namespace
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.decode import DecodeError
from stratascope.linux.namespace import EVERY_ID, FULL, parse_idmap
from stratascope.linux.permissions import WRITE, Permissions, Writer, may
from stratascope.value import replace

_LAYER = "usermap"
_UID_MAP = "@uid_map"
_CLOSE = 1 << 17  # ids of one range that is made longer
_MOST_ID = 0xFFFFFFFE  # -1 means "do not change" (setresuid(2))
_WORDS = ("auto", "keep-id", "nomap")
_HOST = "host"
_IN_A_POD = msg("It is a member of a pod, whose containers share one user namespace.")


def _facts(subject: Subject) -> UsermapFacts | None:
    facts: UsermapFacts | None = subject.of(_LAYER)
    return facts


def _check_userns(value: str, subject: Subject) -> str:
    value = value.strip().lower()
    engine = subject.engine
    if value == _HOST:
        why_not = _no_host(subject)
        if why_not is not None:
            raise ToggleError(why_not)
        return value
    if is_docker(subject):
        if engine.rootless:
            raise ToggleError(msg("Rootless Docker has one user namespace for all its containers, not one for each."))
        raise ToggleError(
            msg("Docker can't do this for one container: set userns-remap for the whole daemon in daemon.json.")
        )
    if subject.container.pod:
        raise ToggleError(_IN_A_POD)
    if value in ("keep-id", "nomap") and not engine.rootless:
        raise ToggleError(
            msg("{value} is for rootless Podman only. Use auto or a map such as 0:200000:65536.", value=value)
        )
    if value in _WORDS:
        return value
    parts = _parsed(value)
    if not engine.rootless and any(outside == 0 for _, outside, _ in parts):
        raise ToggleError(msg("This map gives the container the host's root, so it would change nothing."))
    return ",".join(f"{inside}:{outside}:{length}" for inside, outside, length in parts)


def _no_host(subject: Subject) -> Message | None:
    if subject.engine.rootless:
        return msg("A rootless engine runs all its containers in its own user namespace.")
    if subject.container.pod:
        return _IN_A_POD
    return None if _userns_on(subject.container.asked, subject) else msg("It has no user namespace of its own.")


def _parsed(value: str) -> tuple[tuple[int, int, int], ...]:
    try:
        ranges = parse_idmap("\n".join(part.replace(":", " ") for part in value.split(",")))
    except DecodeError:
        ranges = ()
    firsts = sorted((part.inside, part.inside + part.length) for part in ranges)
    overlap = any(end > start for (_, end), (start, _) in pairwise(firsts))
    if not ranges or overlap or any(part.outside == FULL for part in ranges):
        raise ToggleError(
            msg("Use auto, keep-id, nomap, or an ID map as INSIDE:OUTSIDE:LENGTH such as 0:200000:65536.")
        )
    return tuple((part.inside, part.outside, part.length) for part in ranges)


def _apply_userns(asked: Asked, value: str, subject: Subject) -> Asked:
    if value in (*_WORDS, _HOST):
        return replace(asked, userns_mode=value, uid_map=(), gid_map=())
    return replace(asked, userns_mode="private", uid_map=_parsed(value))


def _userns_on(asked: Asked, subject: Subject) -> bool:
    if is_docker(subject):
        return subject.engine.rootless or (subject.engine.facts.userns_remap and asked.userns_mode != "host")
    return own_user_namespace(asked)


def _userns_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if value == _HOST:
        found = [msg("Root inside is the machine's root then.")]
        if is_docker(subject):
            found.append(
                msg("All files keep their present owners, which have other IDs inside then: root owns none of the "
                    "image's, and its set-uid programs are no longer root's.")
            )  # fmt: skip
        else:
            found.append(
                msg("Files in volumes and host paths keep their present owners, which have other IDs inside then.")
            )
        return tuple(found)
    found = [msg("Files in volumes and host paths keep their present owners, which its new IDs do not include.")]
    if value == "auto":
        found.append(
            msg("Podman takes the IDs from those of its user in /etc/subuid and /etc/subgid; enough must be left.")
            if subject.engine.rootless
            else msg("Podman needs IDs for this: a line for the user containers in /etc/subuid and /etc/subgid.")
        )
    return tuple(found)


def _prove_userns(facts: UsermapFacts | None, value: str, subject: Subject) -> Proof:
    expected = (
        msg("The machine's own user namespace")
        if value == _HOST
        else msg("A user namespace of its own: {value}", value=value)
    )
    if facts is None or facts.uid_map is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _UID_MAP)
    shown = ", ".join(f"{inside}:{outside}:{length}" for inside, outside, length in facts.uid_map[:4])
    found = msg("The map is {map}", map=shown)
    if value == _HOST:
        right = _full(facts) and facts.initial_namespace is not False
    elif value not in _WORDS:
        # a rootless engine counts the outside ids in its own user namespace
        wanted = _parsed(value)
        right = sorted(_shape(wanted, subject)) == sorted(_shape(facts.uid_map, subject))
    elif value == "keep-id":
        right = not _full(facts) and facts.owner_inside is not None and facts.owner_inside != 0
        if subject.engine.daemon_uid is not None:
            right = not _full(facts) and facts.owner_inside == subject.engine.daemon_uid
    else:
        right = not _full(facts) and facts.owner_inside is None and facts.root_is_host_uid != 0
    return Proof(Proven.ENFORCED if right else Proven.NOT_ENFORCED, expected, found, _UID_MAP)


def _full(facts: UsermapFacts) -> bool:
    return facts.uid_map == EVERY_ID


def _shape(ranges: tuple[tuple[int, int, int], ...], subject: Subject) -> tuple[tuple[int, ...], ...]:
    if not subject.engine.rootless:
        return ranges
    return tuple((inside, length) for inside, _, length in ranges)


def _userns_allowed(want: Want, subject: Subject) -> Given | None:
    """For an id, the map of now and that id beside it, as the next one outside. Only where the engine takes any id for
    it: a rootless one has those of its user alone, and which of them are left it knows itself.
    """
    facts, asked = _facts(subject), subject.container.asked
    if want == HostsNamespace("user"):
        return None if _no_host(subject) else Given(_HOST, msg("Start it in the machine's own user namespace"))
    ranges = None if facts is None else facts.uid_map
    if not isinstance(want, MappedId) or not ranges or is_docker(subject) or subject.engine.rootless:
        return None
    if not own_user_namespace(asked) or any(first <= want.number < first + size for first, _, size in ranges):
        return None
    free = max(outside + size for _, outside, size in ranges)
    if want.number > _MOST_ID or free > _MOST_ID:
        return None
    last = max(ranges)
    grown = want.number - last[0] + 1  # ids up to the wanted one, in one piece where it lies close above
    if last[1] + last[2] == free and 0 < grown <= _CLOSE:
        ranges = (*(each for each in ranges if each != last), (last[0], last[1], grown))
    else:
        ranges = (*ranges, (want.number, free, 1))
    value = ",".join(f"{inside}:{outside}:{size}" for inside, outside, size in ranges)
    return Given(value, msg("Also map the ID {number}", number=want.number))


USERNS = Toggle(
    "userns",
    _LAYER,
    msg("Own user namespace"),
    msg("Root inside becomes an ordinary user outside."),
    "auto|keep-id|nomap|MAP",
    _check_userns,
    _apply_userns,
    _userns_on,
    _userns_risks,
    _prove_userns,
    in_no_preset,
    gives=_HOST,
    changes_users=True,  # keep-id: of the engine's own
    allows=_userns_allowed,
    pieces=no_pieces,  # whether ids were set aside for it is not known before, nor who owns what its volumes hold
)


_SHOWN = 3


def _check_volumes(value: str, subject: Subject) -> str:
    if value.strip().lower() != "change":
        raise ToggleError(msg("The only value is {value}.", value="volume-owner=change"))
    return "change"


def _volumes(asked: Asked) -> list[str]:
    return [mount.target for mount in asked.mounts if mount.kind == "volume" and mount.writable]


def _volume_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    own = [volume.target for volume in subject.own_volumes or ()]
    if not own:
        return (msg("It has no volume of its own whose files could be handed over."),)
    text = msg("The files in {paths} belong to its new user from then on, and to the old one again after an undo.",
               paths=", ".join(own[:_SHOWN]))  # fmt: skip
    return (text,)


def _prove_volumes(facts: UsermapFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("The files of its volumes belong to its user")
    if subject.not_given is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "@mountinfo")
    if subject.not_given:
        found = msg("{paths} still belong to another user", paths=", ".join(subject.not_given[:_SHOWN]))
        return Proof(Proven.NOT_ENFORCED, expected, found, "@mountinfo")
    return Proof(Proven.ENFORCED, expected, msg("None belongs to the previous user"), "@mountinfo")


VOLUME_OWNER = Toggle(
    "volume-owner",
    _LAYER,
    msg("Hand over its volumes"),
    msg("Its new user becomes the owner of the files in volumes that only it uses; an undo restores the old owners."),
    "change",
    _check_volumes,
    lambda asked, value, subject: asked,
    lambda asked, subject: not _volumes(asked),
    _volume_risks,
    _prove_volumes,
    in_no_preset,
    hands_over=True,
    pieces=no_pieces,
    word=msg("Volumes"),
)


_NOBODY = 65534  # nobody and nogroup, wherever Linux runs


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """The one user that it switches to itself, or the owner of its own volumes if it only uses root for files; nobody
    if it used none of root's privileges.

    None if it works as several users, or needs root for more than switching to another. Whether it can then read its
    files is for a trial to show.
    """
    seen = subject.seen
    if seen is None or not seen.seen.starts or not seen.saw("capabilities") or not starts_as_root(asked):
        return None
    if serves_users(subject):
        return None
    used = {use.name for use in seen.capabilities}
    others = sorted({user for user in seen.users if user[0]})
    if len(others) == 1 and "CAP_SETUID" in used:
        uid, gid = others[0]
        before = _as_root_besides(used, subject)
        if before:
            names = ", ".join(name.removeprefix("CAP_") for name in before)
            return Learned(f"{uid}:{gid}", msg("It switches to this user by itself; as root it was seen using {names}, "
                                               "which that user may not need.", names=names))  # fmt: skip
        return Learned(
            f"{uid}:{gid}", msg("It switches to this user by itself, and does nothing else that requires root.")
        )
    # if its purpose was not exercised, it may later need its own files and other users
    shown = subject.programs is None or not writes_to_volumes(subject)
    used -= {"CAP_NET_BIND_SERVICE"}
    if others or not shown or not used <= FILES:
        return None
    folders = {folder.uid for folder in folders_of_others(subject)}  # whether it was seen using that again or not
    owners = {owner for volume in subject.own_volumes or () for owner in volume.owners if owner} | folders
    if (used or folders) and len(owners) == 1 and not subject.engine.rootless and not asked.userns_mode:
        # its group comes from the image's users
        return Learned(str(owners.pop()), msg("Its data belongs to this user, and it does nothing else as root."))
    if used or folders:
        return None
    return Learned(f"{_NOBODY}:{_NOBODY}", msg("It was seen doing nothing that requires root."))


# What root needs to become a user and to signal its processes, and that user does not
_BECOMING = frozenset(("CAP_KILL", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID"))


def _as_root_besides(used: Collection[str], subject: Subject) -> tuple[str, ...]:
    """Of the capabilities that it used, those that it would lack as the user that it becomes. Podman gives a user the
    ambient set.
    """
    spare = _BECOMING if is_docker(subject) else _BECOMING | {"CAP_NET_BIND_SERVICE"}
    return tuple(sorted(set(used) - spare))


_UID = "@status:Uid"


def _ids(value: str) -> tuple[int, int | None]:
    uid, _, gid = value.partition(":")
    return int(uid), int(gid) if gid else None


def _check_user(value: str, subject: Subject) -> str:
    value = value.strip()
    words = value.split(":")
    if len(words) > 2 or not all(
        word.isascii() and word.isdigit() and len(word) <= 10 and int(word) <= _MOST_ID for word in words
    ):
        raise ToggleError(
            msg("Give a user as a number, or user and group: 1000 or 1000:1000, not {value}.", value=value)
        )
    uid, gid = _ids(value)
    if uid == 0 and starts_as_root(subject.container.asked):
        raise ToggleError(msg("User 0 is root. Give the number of an ordinary user of the image."))
    facts = _facts(subject)
    for number, ranges in (
        (uid, None if facts is None else facts.uid_map),
        (gid, None if facts is None else facts.gid_map),
    ):
        if number is not None and ranges is not None and not any(i <= number < i + n for i, _, n in ranges):
            raise ToggleError(
                msg(
                    "The ID {number} does not exist in its user namespace. Choose one of these: {ids}.",
                    number=number,
                    ids=", ".join(f"{first}–{first + length - 1}" for first, _, length in ranges[:_SHOWN]),
                )
            )
    return str(uid) if gid is None else f"{uid}:{gid}"


def _user_risks(value: str, subject: Subject) -> tuple[Message, ...]:
    if _ids(value)[0] == 0:
        return ()
    facts, asked = _facts(subject), subject.container.asked
    if facts is not None and facts.uid_inside == _ids(value)[0]:
        return ()  # its program runs as that user already
    found = [msg("User {value} can't write to files that belong to another user, and perhaps not read them.",
                 value=value)]  # fmt: skip
    volumes = [mount.target for mount in asked.mounts if mount.writable and mount.kind != "tmpfs"]
    if volumes:
        found.append(
            msg("Who owns the files in {paths} was not examined; it may no longer be able to write there.",
                paths=", ".join(volumes[:5]))
        )  # fmt: skip
    low = [str(port) for port in subject.listens or () if port < PRIVILEGED_PORTS]
    others = [f"{name} ({user})" for name, user in subject.users or () if user and user != _ids(value)[0]]
    if low:
        found.append(msg("It listens on port {ports}, which may fail for an ordinary user.", ports=", ".join(low[:5])))
    if others:
        found.append(msg("It runs these as other users, which only root can do: {names}.", names=", ".join(others[:5])))
    if not low and not others and (facts is None or facts.uid_inside in (None, 0)):
        found.append(msg("It runs as root now: ports below 1024 and changing to another user may fail."))
    return tuple(found)


def _user_doubts(value: str, subject: Subject) -> tuple[Message, ...]:
    facts = _facts(subject)
    could = becoming(subject)
    others = any(user for _, user in subject.users or ())  # it became them when it started
    if not could or others or (facts is not None and facts.uid_inside == _ids(value)[0]):
        return ()
    return (msg("These can become other users, which only root can do, perhaps on request: {programs}.",
                programs=", ".join(could[:5])),)  # fmt: skip


def _as_another(value: str, subject: Subject) -> tuple[Message, ...]:
    facts = _facts(subject)
    others = any(user != _ids(value)[0] for _, user in subject.users or ())
    if facts is not None and facts.uid_inside == _ids(value)[0] and not others:
        return ()  # it became this user by itself, so only its start was different
    return (msg("It starts as user {value}: what it does on request was not tried as that user.", value=value),)


def _prove_user(facts: UsermapFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("Its first process runs as {value}", value=value)
    uid, gid = _ids(value)
    if facts is None or facts.uid_inside is None or (gid is not None and facts.gid_inside is None):
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _UID)
    right = facts.uid_inside == uid and gid in (None, facts.gid_inside)
    found = msg(
        "It runs as {uid}:{gid}", uid=facts.uid_inside, gid="?" if facts.gid_inside is None else facts.gid_inside
    )
    return Proof(Proven.ENFORCED if right else Proven.NOT_ENFORCED, expected, found, _UID)


def _user_preset(preset: Preset, subject: Subject) -> str | None:
    """Where its program became another user by itself: then it may as well start as that one."""
    facts, asked = _facts(subject), subject.container.asked
    if preset is Preset.RECOMMENDED or not starts_as_root(asked) or facts is None or not facts.uid_inside:
        return None
    return str(facts.uid_inside) if facts.gid_inside is None else f"{facts.uid_inside}:{facts.gid_inside}"


def _planned_user(subject: Subject) -> str | None:
    """Who it was seen to become; else an ordinary user to try."""
    asked = subject.container.asked
    if not starts_as_root(asked):
        return None
    found = learned(LEARNED, subject, asked)
    return found.value if found is not None else _user_preset(Preset.STRICT, subject) or USER.default


def _root_used(value: str, subject: Subject) -> Evidence:
    facts = _facts(subject)
    found = learned(LEARNED, subject, subject.container.asked)
    if found is not None and found.value == value:
        return Evidence(Use.NOT_USED if _becomes_only(subject) else Use.UNKNOWN, found.why)
    others = [f"{name} ({user})" for name, user in subject.users or () if user and user != _ids(value)[0]]
    if others:
        return Evidence(Use.USED, msg("It runs these as other users, which only root can do: {names}.",
                                      names=", ".join(others[:5])))  # fmt: skip
    found_programs = () if subject.programs is None else subject.programs.found
    if opening := tuple(dict.fromkeys(program.name for program in found_programs if opens_sessions(program))):
        return Evidence(Use.USED, msg("These open sessions for other users, which only root can do: {programs}.",
                                      programs=", ".join(opening[:5])))  # fmt: skip
    if (socket := _socket(value, subject)) is not None:
        return socket
    if doubts := _user_doubts(value, subject):
        return Evidence(Use.UNKNOWN, doubts[0])
    if facts is not None and facts.uid_inside == _ids(value)[0]:
        return Evidence(Use.UNKNOWN, msg("It becomes this user by itself; what it does as root before was not seen."))
    return Evidence(Use.UNKNOWN, msg("Whether it needs root is not known."))


def _socket(value: str, subject: Subject) -> Evidence | None:
    """Of an engine's socket that it uses and that this user could not open, by owner and mode; where ids are mapped,
    whose it is there is not compared.
    """
    facts = _facts(subject)
    if facts is None or subject.container.asked.groups or facts.gid_map != EVERY_ID or not _full(facts):
        return None
    user, group = _ids(value)
    for each in facts.special or ():
        if each.kind != "s" or _opens(each, user, () if group is None else (group,)):
            continue
        if not (path_used(plain(each.path), subject) or engine_asked(subject)):
            continue
        if group is None and _opens(each, user, (each.gid,)):
            text = msg("It uses the engine's socket at {path}: user {user} can open it only if its group is {group}.",
                       path=plain(each.path), user=user, group=each.gid)  # fmt: skip
            return Evidence(Use.UNKNOWN, text)
        text = msg("It uses the engine's socket at {path}, which user {user} can't open.", path=plain(each.path),
                   user=value)  # fmt: skip
        return Evidence(Use.USED, text)
    return None


def _opens(socket: SpecialFile, user: int, groups: tuple[int, ...]) -> bool:
    """Whether a user without capabilities may connect to it (unix(7)), whose ids are the host's."""
    who = Writer(user, groups, EVERY_ID, EVERY_ID, 0)
    return may(who, Permissions(socket.uid, socket.gid, socket.mode), WRITE)


def _becomes_only(subject: Subject) -> bool:
    """Whether it was seen becoming another user and nothing else as root, and was watched long enough to tell. What a
    root that never does would need as another user, such as files of its own, only a trial shows.
    """
    seen = subject.seen
    if seen is None or seen.seen.seconds < LONG:
        return False
    used = [use.name for use in seen.capabilities]
    return "CAP_SETUID" in used and not _as_root_besides(used, subject)


def _user_allowed(want: Want, subject: Subject) -> Given | None:
    """Root only where it would hold then what it lacks; a user only where its user namespace has it."""
    facts, asked = _facts(subject), subject.container.asked
    match want:
        case HeldCapability(names=names, uid=uid):
            there = bool(named(names)) and named(names) <= bounding(asked, subject.engine)
            value = "0" if uid != 0 and there and not starts_as_root(asked) else ""
        case RunsAs(uid=uid, gid=gid):
            value = str(uid) if gid is None else f"{uid}:{gid}"
            same = facts is not None and facts.uid_inside == uid and gid in (None, facts.gid_inside)
            value = "" if same or value == asked.user else value
        case _:
            value = ""
    if not value:
        return None
    if _ids(value)[0] == 0:
        return Given(value, msg("Start it as root"))
    return Given(value, msg("Start it as user {value}", value=value))


USER = Toggle(
    "user",
    _LAYER,
    msg("Run as non-root"),
    msg("Its first program starts as this user of the image, not as root."),
    "UID[:GID]",
    _check_user,
    lambda asked, value, subject: replace(asked, user=value),
    lambda asked, subject: not starts_as_root(asked),
    _user_risks,
    _prove_user,
    _user_preset,
    doubts=_user_doubts,
    widely=_as_another,
    evidence=_root_used,
    planned=_planned_user,
    learned=learned,
    learned_words=(LEARNED,),
    brings=(("no-new-privileges", "on"),),  # else a set-uid program gives back what root had
    default="1000",
    gives="0",
    allows=_user_allowed,
    changes_users=True,
    word=msg("User"),
)


TOGGLES = (USERNS, USER, VOLUME_OWNER)
