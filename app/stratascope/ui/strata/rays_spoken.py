"""A lane in words, for screen readers and cards: "use the engine's socket: open, critical"."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.rays import GROUND, Lane, Ray, Sort, Stop, stops
from stratascope.presentation.threat_outcomes import ThreatOutcome, family_word, small


def spoken(lane: Lane) -> str:
    """A lane for the ear: what, and what becomes of it."""
    if lane.ray is None:
        return plain(translate(msg("{title}: {outcome}", title=_family(lane), outcome=translate(head(lane)))))
    words: dict[ThreatOutcome, Message] = {
        ThreatOutcome.CRITICAL: msg("open, critical"),
        ThreatOutcome.HIGH: msg("open, high"),
        ThreatOutcome.MEDIUM: msg("open, medium"),
    }
    return plain(translate(msg("{title}: {outcome}", title=title(lane.ray), outcome=words[lane.ray.kind])))


def more(lane: Lane) -> str:
    """What else there is to say: what the threat is; of several where they end, and their names."""
    if lane.ray is not None:
        return plain(translate(lane.ray.state.threat.what))
    ends = [translate(end_words(end)) for end in stops(lane)] if lane.sort is Sort.STOPPED else []
    return plain(together([*ends, listed(map(title, lane.rays))]), 4000)


def head(lane: Lane) -> Message:
    """How many, and what becomes of them."""
    count = len(lane.rays)
    match lane.sort:
        case Sort.MEDIUM:
            return msg("{count} medium, open", count=count)
        case Sort.MINOR:
            return msg("{count} minor, open", count=count)
        case Sort.UNKNOWN:
            return msg("{count} not known", count=count)
    return msg("{count} stopped", count=count)


def end_words(end: Stop) -> Message:
    """How many of those that are stopped end where."""
    if end.band == GROUND:
        return msg("{count} by the host's settings alone.", count=end.count)
    if end.least <= 1 and end.count == 1:
        return msg("{count} by layer {number} alone.", count=end.count, number=end.band)
    if end.least <= 1:
        return msg("{count} first by layer {number}; at least one of these by no other.", count=end.count,
                   number=end.band)  # fmt: skip
    return msg("{count} first by layer {number}; each by {least} layers or more.", count=end.count, number=end.band,
               least=end.least)  # fmt: skip


def title(ray: Ray) -> str:
    """The threat's name, as in the middle of a sentence."""
    return small(translate(ray.state.threat.title))


def _family(lane: Lane) -> str:
    return family_word(lane.rays[0].state.threat.family)
