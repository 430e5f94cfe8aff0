"""Which capabilities a container was seen to use, as a value of their toggle."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.shared.asked_capabilities import bounding, named, starts_as_root
from stratascope.linux.capability import CapabilitySet


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Those that it used, of what it has. Only where a whole start was seen: what it does first is half of it."""
    seen = subject.seen
    if seen is None or not seen.seen.starts or not seen.saw("capabilities"):
        return None
    before = subject.container.asked
    now = CapabilitySet.full() if before.privileged else bounding(before, subject.engine)
    used = [use for use in seen.capabilities if named((use.name,)) <= now]
    if not starts_as_root(asked) and starts_as_root(before):  # what it did as root falls away with root
        used = [use for use in used if use.name == "CAP_NET_BIND_SERVICE"]
    if not used and not starts_as_root(asked) and starts_as_root(before):
        return Learned("none", msg("It used them as root only, and is no longer that."))
    if not used:
        return Learned("none", msg("It was seen to use none."))
    value = ",".join(CapabilitySet.of(tuple(use.name for use in used)).names())
    told = [use.name.removeprefix("CAP_") + (f" ({', '.join(use.by[:2])})" if use.by else "") for use in used]
    return Learned(value, msg("It was seen to use {names}.", names=", ".join(told)))
