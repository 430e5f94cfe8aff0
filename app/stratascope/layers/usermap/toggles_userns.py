"""The toggle of the user namespace.

Docker has one user namespace for the whole daemon (userns-remap) or none; that is explained here and not faked. No
preset chooses a user namespace: it changes who owns the files in every volume, and `auto` needs ids that the
administrator set aside (subuid(5)). What gives it back is `host`.
"""

from __future__ import annotations

from itertools import pairwise

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import (
    Given,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
)
from stratascope.core.relaunch.want import HostsNamespace, MappedId, Want
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset, is_docker, no_pieces
from stratascope.layers.shared.whose_namespace import own_user_namespace
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.linux.decode import DecodeError
from stratascope.linux.idmap import EVERY_ID, FULL, parse_idmap
from stratascope.value import replace

_LAYER, _UID_MAP = "usermap", "@uid_map"
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
