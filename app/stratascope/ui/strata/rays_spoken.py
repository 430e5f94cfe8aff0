"""A ray in words, for screen readers: "use the engine's socket: open, critical"."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.rays import Ray
from stratascope.presentation.threat_outcomes import Kind
from stratascope.ui.widgets.what_if import small


def spoken(ray: Ray, count: int = 0) -> str:
    """A lane for the ear: what, and what becomes of it."""
    if count:
        return translate(msg("{count} more that are stopped or not known", count=count))
    words: dict[Kind, Message] = {
        Kind.CRITICAL: msg("open, critical"),
        Kind.HIGH: msg("open, high"),
        Kind.MEDIUM: msg("open, medium"),
        Kind.LOW: msg("open, low"),
        Kind.UNKNOWN: msg("not known"),
        Kind.HOST: msg("held by the host's settings alone"),
        Kind.ONCE: msg("stopped by layer {number} alone", number=ray.end),
        Kind.DEEPER: msg("stopped by {count} layers, first by layer {number}", count=1 + len(ray.also), number=ray.end),
    }
    title = small(translate(ray.state.threat.title))
    return plain(translate(msg("{title}: {outcome}", title=title, outcome=words[ray.kind])))
