"""The capabilities a container was seen using, as a value of their toggle."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.observation.observation import UsedCapability
from stratascope.core.options.capabilities import FILES, bounding, named, starts_as_root
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.capabilities.imported import gives_rights, kept
from stratascope.layers.shared.on_demand import serves_users, waits_for_sessions
from stratascope.linux.capability import CapabilitySet


def learned(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """The capabilities it used and, as root, those its programs' imports call for where that applies.

    Only if a complete start was observed: startup is half of what it does.
    """
    seen = subject.seen
    if seen is None or not seen.seen.starts or not seen.saw("capabilities") or waits_for_sessions(subject):
        return None
    before = subject.container.asked
    now = CapabilitySet.full() if before.privileged else bounding(before, subject.engine)
    used = [use for use in seen.capabilities if named((use.name,)) <= now]
    if starts_as_root(before):
        if starts_as_root(asked):
            known = {use.name for use in used}
            used += (UsedCapability(name, False, 0, (by,)) for name, by in seen.kept
                     if name not in known and named((name,)) <= now)  # fmt: skip
        else:  # root's use goes away with root, except for programs with privileges of their own
            rights = {comm(path) for path in subject.set_uid or ()}
            used = [use for use in used if use.name == "CAP_NET_BIND_SERVICE" or rights & set(use.by)]
    could = _could(subject, used) & now if starts_as_root(asked) else CapabilitySet()
    value = CapabilitySet.of(tuple(use.name for use in used)) | could
    if not used and could:
        names = ", ".join(name.removeprefix("CAP_") for name in could.names())
        return Learned(_typed(value), msg("It was not seen using any; its programs could use {names}.", names=names))
    if not used and not starts_as_root(asked) and starts_as_root(before):
        return Learned("none", msg("It used them only as root, and is no longer root."))
    if not used:
        return Learned("none", msg("It was not seen using any."))
    texts = [use.name.removeprefix("CAP_") + (f" ({', '.join(use.by[:2])})" if use.by else "") for use in used]
    if more := could - CapabilitySet.of(tuple(use.name for use in used)):
        names = ", ".join(name.removeprefix("CAP_") for name in more.names())
        text = msg("It was seen using {names}; its programs could use {more}.", names=", ".join(texts), more=names)
        return Learned(_typed(value), text)
    return Learned(_typed(value), msg("It was seen using {names}.", names=", ".join(texts)))


def _could(subject: Subject, used: Sequence[UsedCapability]) -> CapabilitySet:
    """What the imports speak for. File capabilities only if it serves several users, or was seen using one of them."""
    found = kept(subject)
    return found if serves_users(subject) or FILES & {use.name for use in used} else found - named(tuple(FILES))


def no_gain(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """No new privileges, unless it called a program that gives privileges, or may call one later."""
    if waits_for_sessions(subject):
        return None
    called = {name for call in (subject.seen.calls if subject.seen is not None else ()) for name in call.by}
    if gives_rights(subject) or called & {comm(path) for path in subject.set_uid or ()}:
        return None
    return Learned("on", msg("It was seen to work, and involves no program that gives privileges."))


def comm(path: str) -> str:
    """A program's name as kept by the kernel, TASK_COMM_LEN."""
    return path.rpartition("/")[2][:15]


def _typed(value: CapabilitySet) -> str:
    return ",".join(value.names())
