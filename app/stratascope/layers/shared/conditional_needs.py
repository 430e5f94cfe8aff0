"""Capabilities that are only required under a host setting: the host's values, as part of a layer's posture.

Shared by the two layers that deal with capabilities. A stance sees its posture but no ground, so the values of the few
settings that threats mention are passed along in it.
"""

from __future__ import annotations

from functools import cache

from stratascope.bounded_cache import remembered
from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.ground_rulings import holds
from stratascope.core.threats.needs import Capability, Setting
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.linux.sysctl import path_of

Answers = tuple[tuple[Setting, bool | None], ...]


@cache
def conditions() -> tuple[Setting, ...]:
    """The settings that decide whether a capability is required, without duplicates."""
    found: dict[Setting, None] = {}
    for need in needs_of(all_threats()):
        if isinstance(need, Capability) and need.only_if is not None:
            found[need.only_if] = None
    return tuple(found)


@remembered()
def answers(ground: Ground) -> Answers:
    """Whether each of them holds on this host; None if it could not be read."""
    return tuple((setting, holds(setting, ground)) for setting in conditions())


def asked_for(need: Capability, known: Answers) -> bool | None:
    """Whether the kernel requires that capability at all; None if the host's setting is unknown."""
    if need.only_if is None:
        return True
    return dict(known).get(need.only_if)


def not_asked_for(setting: Setting) -> Ruling:
    """On this host the kernel lets everyone do it, with or without the capability."""
    return Ruling(
        Stance.LETS_THROUGH,
        msg("No capability is needed on this host: {setting} does not require it.", setting=setting.name),
        path_of(setting.name),
    )


def perhaps_asked_for(setting: Setting) -> Ruling:
    """The missing capability only matters under a setting that could not be read."""
    return Ruling(Stance.UNKNOWN, unread(setting), path_of(setting.name))


def unread(setting: Setting) -> Message:
    """Why it is unknown."""
    return msg("It depends on {setting} of the host, which could not be read.", setting=setting.name)
