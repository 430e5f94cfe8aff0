"""Which capabilities a container was seen to use, as a value of their toggle."""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.capabilities.imported import gives_rights, kept, rights_after_login
from stratascope.layers.shared.asked_capabilities import bounding, named, starts_as_root
from stratascope.linux.capability import CapabilitySet


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """Those that it used, of what it has, and as root those that its programs import the use of, where that counts.

    Only where a whole start was seen: what it does first is half of it.
    """
    seen = subject.seen
    if seen is None or not seen.seen.starts or not seen.saw("capabilities"):
        return None
    before = subject.container.asked
    now = CapabilitySet.full() if before.privileged else bounding(before, subject.engine)
    used = [use for use in seen.capabilities if named((use.name,)) <= now]
    if not starts_as_root(asked) and starts_as_root(before):  # what it did as root falls away with root
        used = [use for use in used if use.name == "CAP_NET_BIND_SERVICE"]
    could = kept(subject) & now if starts_as_root(asked) else CapabilitySet()
    value = CapabilitySet.of(tuple(use.name for use in used)) | could
    if not used and could:
        names = ", ".join(name.removeprefix("CAP_") for name in could.names())
        return Learned(_typed(value), msg("It was seen to use none; its programs could use {names}.", names=names))
    if not used and not starts_as_root(asked) and starts_as_root(before):
        return Learned("none", msg("It used them as root only, and is no longer that."))
    if not used:
        return Learned("none", msg("It was seen to use none."))
    told = [use.name.removeprefix("CAP_") + (f" ({', '.join(use.by[:2])})" if use.by else "") for use in used]
    if more := could - CapabilitySet.of(tuple(use.name for use in used)):
        names = ", ".join(name.removeprefix("CAP_") for name in more.names())
        text = msg("It was seen to use {names}; its programs could use {more}.", names=", ".join(told), more=names)
        return Learned(_typed(value), text)
    return Learned(_typed(value), msg("It was seen to use {names}.", names=", ".join(told)))


def no_gain(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """No new privileges, unless people log in and gain rights by a program there, of which a start shows nothing."""
    if rights_after_login(subject) or (subject.programs is not None and gives_rights(subject)):
        return None
    return Learned("on", msg("It was seen to work, and no program that gives rights is for those who log in."))


def _typed(value: CapabilitySet) -> str:
    return ",".join(value.names())
