"""The toggle beside another user: the files of the container's own volumes become that user's.

What is a volume of its own, whom its files belong to and how they go back is no affair of a layer: the plan looks, the
relaunch changes them once the original has stopped, and the journal knows what they were.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Proof, Proven, Subject, Toggle, ToggleError
from stratascope.layers.shared.toggle_values import NOT_READ, in_no_preset, no_pieces
from stratascope.layers.usermap.facts import UsermapFacts

_SHOWN = 3


def _check(value: str, subject: Subject) -> str:
    if value.strip().lower() != "change":
        raise ToggleError(msg("The only value is {value}.", value="volume-owner=change"))
    return "change"


def _volumes(asked: Asked) -> list[str]:
    return [mount.target for mount in asked.mounts if mount.kind == "volume" and mount.writable]


def _risks(value: str, subject: Subject) -> tuple[Message, ...]:
    own = [volume.target for volume in subject.own_volumes or ()]
    if not own:
        return (msg("It has no volume of its own whose files could be handed over."),)
    text = msg("The files in {paths} belong to its new user from then on, and to the old one again after an undo.",
               paths=", ".join(own[:_SHOWN]))  # fmt: skip
    return (text,)


def _prove(facts: UsermapFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("The files of its volumes belong to its user")
    if subject.not_given is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, "@mountinfo")
    if subject.not_given:
        found = msg("{paths} still belong to another user", paths=", ".join(subject.not_given[:_SHOWN]))
        return Proof(Proven.NOT_ENFORCED, expected, found, "@mountinfo")
    return Proof(Proven.ENFORCED, expected, msg("None belongs to the previous user"), "@mountinfo")


VOLUME_OWNER = Toggle(
    "volume-owner",
    "usermap",
    msg("Hand over its volumes"),
    msg("Its new user becomes the owner of the files in volumes that only it uses; an undo restores the old owners."),
    "change",
    _check,
    lambda asked, value, subject: asked,
    lambda asked, subject: not _volumes(asked),
    _risks,
    _prove,
    in_no_preset,
    hands_over=True,
    pieces=no_pieces,
    word=msg("Volumes"),
)
