"""Capabilities that are asked for only under a setting of the host: the host's answers, in a layer's posture.

The two layers whose job capabilities are share it. A stance sees its posture and no ground, so the
answers to those few settings that the threats name travel in there.
"""

from __future__ import annotations

from functools import cache

from stratascope.core.ground import Ground
from stratascope.core.message import Message, msg
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.ground_rulings import holds
from stratascope.core.threats.needs import Capability, Setting
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.linux.sysctl import path_of
from stratascope.remembered import remembered

Answers = tuple[tuple[Setting, bool | None], ...]


@cache
def conditions() -> tuple[Setting, ...]:
    """The settings that decide whether a capability is asked for, once each."""
    found: dict[Setting, None] = {}
    for need in needs_of(all_threats()):
        if isinstance(need, Capability) and need.only_if is not None:
            found[need.only_if] = None
    return tuple(found)


@remembered()
def answers(ground: Ground) -> Answers:
    """Whether each of them holds on this host; None where it could not be read."""
    return tuple((setting, holds(setting, ground)) for setting in conditions())


def asked_for(need: Capability, known: Answers) -> bool | None:
    """Whether the kernel asks for that capability at all; None where the host's setting is not known."""
    if need.only_if is None:
        return True
    return dict(known).get(need.only_if)


def not_asked_for(setting: Setting) -> Ruling:
    """The kernel lets everyone do it here, with or without the capability."""
    return Ruling(
        Stance.LETS_THROUGH,
        msg("No capability is needed on this host: {setting} does not require it.", setting=setting.name),
        path_of(setting.name),
    )


def perhaps_asked_for(setting: Setting) -> Ruling:
    """What is missing matters only under a setting that could not be read."""
    return Ruling(Stance.UNKNOWN, unread(setting), path_of(setting.name))


def unread(setting: Setting) -> Message:
    """Why it is not known."""
    return msg("It depends on {setting} of the host, which could not be read.", setting=setting.name)
