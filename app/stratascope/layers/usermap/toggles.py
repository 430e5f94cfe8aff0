"""The toggles of layer 6: another user, and (beside this file) another user namespace and the owner of its volumes."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import bounding, named, starts_as_root
from stratascope.core.relaunch.toggle import (
    Choice,
    Given,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
)
from stratascope.core.relaunch.want import HeldCapability, RunsAs, Want
from stratascope.layers.shared.deciding_settings import PRIVILEGED_PORTS
from stratascope.layers.shared.signs_of_use import becoming
from stratascope.layers.shared.toggle_values import LEARNED, NOT_READ
from stratascope.layers.usermap.facts import UsermapFacts
from stratascope.layers.usermap.learned import learned
from stratascope.layers.usermap.toggles_userns import USERNS
from stratascope.layers.usermap.toggles_volumes import VOLUME_OWNER
from stratascope.value import replace

_LAYER, _UID = "usermap", "@status:Uid"
_SHOWN = 3  # ranges of ids
_MOST_ID = 0xFFFFFFFE  # -1 means "do not change" (setresuid(2))


def _facts(subject: Subject) -> UsermapFacts | None:
    facts: UsermapFacts | None = subject.of(_LAYER)
    return facts


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
    msg("Run as another user"),
    msg("Its first program starts as this user of the image, not as root."),
    "UID[:GID]",
    _check_user,
    lambda asked, value, subject: replace(asked, user=value),
    lambda asked, subject: not starts_as_root(asked),
    _user_risks,
    _prove_user,
    _user_preset,
    doubts=_user_doubts,
    learned=learned,
    learned_words=(LEARNED,),
    brings=(Choice("no-new-privileges", "on"),),  # else a set-uid program gives back what root had
    default="1000",
    gives="0",
    allows=_user_allowed,
    changes_users=True,
    word=msg("User"),
)


TOGGLES = (USERNS, USER, VOLUME_OWNER)
