"""Rulings of an access control policy, whichever module has it: three stances, all read from the label."""

from __future__ import annotations

from stratascope.core.message import Message
from stratascope.core.threats.threat import Ruling, Stance
from stratascope.layers.mac.facts import CURRENT

LABEL = f"@{CURRENT}"


def stops(reason: Message) -> Ruling:
    """The policy refuses it."""
    return Ruling(Stance.STOPS, reason, LABEL)


def lets(reason: Message) -> Ruling:
    """The policy does not refuse it."""
    return Ruling(Stance.LETS_THROUGH, reason, LABEL)


def unknown(reason: Message) -> Ruling:
    """Whether the policy refuses it is unknown."""
    return Ruling(Stance.UNKNOWN, reason, LABEL)
