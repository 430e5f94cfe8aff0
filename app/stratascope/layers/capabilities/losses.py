"""Predict what may break if capabilities are dropped: by observations, by the programs' imports, else by what such
programs usually do. And the capabilities it needs, as a value of their toggle.

Imports can only keep capabilities (`core.observation.imports`), and only those of the engine's default: those that a
person added are kept by the recommended preset anyway, and dropped by the others. If a program switched to another user
permanently, none of this applies, as the same presets start it as that user.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.observation.imports import (
    RIGHTS_AFTER_LOGIN,
    Program,
    ProgramCapability,
    by_importance,
    called_by_scripts,
    calls_for_rights,
    uses,
)
from stratascope.core.observation.observation import UsedCapability
from stratascope.core.options.capabilities import FILES, bounding, engine_default, named, starts_as_root
from stratascope.core.relaunch.toggle import Learned, Subject
from stratascope.layers.capabilities.facts import CapabilityFacts
from stratascope.layers.capabilities.findings import short
from stratascope.layers.shared.deciding_settings import PRIVILEGED_PORTS
from stratascope.layers.shared.signs_of_use import (
    folders_of_others,
    runs_scripts,
    serves_users,
    waits_for_sessions,
)
from stratascope.linux.capability import CapabilitySet

_SHOWN = 5


def kept(subject: Subject) -> CapabilitySet:
    """Capabilities of the engine's default that its programs could need as root. Empty if they were not inspected."""
    return _within(subject, engine_default(subject.engine))[0]


def lost(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """A warning if capabilities are dropped that the imports call for."""
    missed, reasons = _within(subject, gone)
    if not missed:
        return ()
    return (
        msg("Without {names} some of it may fail, because these seem to need them: {programs}.",
            names=short(missed), programs=_programs(reasons)),
    )  # fmt: skip


# Capabilities of the engine's default that a program that could not be inspected may use later, on request. The rest is
# for installing, for network tools, or observed at startup.
_ON_REQUEST = named(
    ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
     "CAP_SYS_CHROOT")
)  # fmt: skip


def doubts(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What may fail later without these capabilities: it was seen using them, its programs import what needs them, or
    that can't be determined.
    """
    used = () if subject.seen is None else tuple(each for each in subject.seen.capabilities if each.uses)
    if not starts_as_root(subject.container.asked):
        return ()
    seen = ", ".join(each.name.removeprefix("CAP_") for each in used if named((each.name,)) <= gone)
    if seen:
        return (msg("It was seen using {names}, and does not have it any more.", names=seen), *lost(gone, subject))
    by_request = gone & (_ON_REQUEST | named(subject.container.asked.cap_add))
    if not by_request:
        return lost(gone, subject)
    if subject.programs is None or not subject.programs.whole:
        return (msg("Not all of its programs could be inspected, so whether they need {names} is not known.",
                    names=short(by_request)),)  # fmt: skip
    closed = [program.name for program in subject.programs.found if program.opaque and not program.script]
    if not closed:
        return lost(gone, subject)
    text = msg("Whether {programs} needs {names} on request can't be determined from the program.",
               programs=", ".join(dict.fromkeys(closed[:_SHOWN])), names=short(by_request))  # fmt: skip
    return (*lost(gone, subject), text)


def rights_doubted(subject: Subject) -> tuple[Message, ...]:
    """Programs that no longer give privileges, if its own programs or users who log in may call them."""
    paths = gives_rights(subject)
    return (set_uid_risk(paths),) if paths else ()


def beyond_standard(value: CapabilitySet, allowed: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """Why a preset named after the Pod Security Standard keeps more than the standard allows."""
    more, reasons = _within(subject, value - allowed)
    if not more:
        return ()
    return (
        msg("It keeps {names}, which the Pod Security Standards forbid: {programs} may fail without.",
            names=short(more), programs=_programs(reasons)),
    )  # fmt: skip


def gives_rights(subject: Subject) -> tuple[str, ...]:
    """Set-uid and set-gid programs that its programs, scripts or users who log in may call; empty if not inspected."""
    if subject.programs is None:
        return ()
    # root's scripts have those rights already
    scripts = runs_scripts(subject) and not starts_as_root(subject.container.asked)
    own = (
        path
        for path in subject.set_uid or ()
        if calls_for_rights(subject.programs.found, path) or (scripts and called_by_scripts(path))
    )
    return tuple(dict.fromkeys((*subject.programs.set_uid, *own)))


def set_uid_risk(paths: Sequence[str]) -> Message:
    """What no-new-privileges disables, most important programs first."""
    shown = ", ".join(by_importance(tuple(paths))[:_SHOWN])
    return msg("These programs no longer give privileges to whoever starts them: {paths}.", paths=shown)


def _within(subject: Subject, within: CapabilitySet) -> tuple[CapabilitySet, tuple[ProgramCapability, ...]]:
    if subject.programs is None or not starts_as_root(subject.container.asked):
        return CapabilitySet(), ()
    reasons = tuple(use for use in uses(subject.programs.found) if named((use.capability,)) & within)
    return named(tuple(use.capability for use in reasons)) & within, reasons


def _programs(reasons: Sequence[ProgramCapability]) -> str:
    """Each program with one of its reasons: `sshd (initgroups), cron (setuid)`."""
    first: dict[str, str] = {}
    for use in reasons:
        first.setdefault(use.program, use.by)
    return ", ".join(f"{name} ({by})" for name, by in tuple(first.items())[:_SHOWN])


_BIND = CapabilitySet.of(("CAP_NET_BIND_SERVICE",))
_CHANGES_USER = CapabilitySet.of(("CAP_SETUID", "CAP_SETGID"))
_OTHERS_FILES = CapabilitySet.of(("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"))
_RAW = CapabilitySet.of(("CAP_NET_RAW",))
_KILL = CapabilitySet.of(("CAP_KILL",))
_ORDINARY = _CHANGES_USER | _OTHERS_FILES | _RAW | _KILL | _BIND
_LOSSES = (
    (
        _CHANGES_USER,
        msg("It starts as root: programs that then change to another user (nginx, Redis, su, gosu) would fail."),
    ),
    (
        _OTHERS_FILES,
        msg("It starts as root: a start script that changes owners (chown), or reads others' files, would fail."),
    ),
    (_BIND, msg("It could not bind ports below 1024 unless its network allows everyone to.")),
    (_KILL, msg("Root inside could no longer signal processes of other users, as a supervisor does.")),
    (_RAW, msg("ping and other programs with raw sockets may fail.")),
)


def losses(left: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What may break without the capabilities of its bounding set that are not in `left`."""
    facts: CapabilityFacts | None = subject.of("capabilities")
    asked = subject.container.asked
    now = bounding(asked, subject.engine)
    holds = None
    if facts is not None and facts.effective is not None:
        holds = facts.effective | (facts.permitted or CapabilitySet())
    gone = (now if holds is None or starts_as_root(asked) else holds) - left
    found = [_seen(group, subject) or text for group, text in _LOSSES if gone & group]
    found = [text for text in found if text.id]
    rest = (gone if holds is None else gone & holds) - _ORDINARY - (engine_default(subject.engine) - _BIND)
    if rest and asked.privileged:
        found.append(msg("As a privileged container it holds all capabilities; which of them it uses is not known."))
    elif rest:
        found.append(msg("It was given {names}, so it may need them for its work.", names=short(rest)))
    return (*found, *lost(gone, subject))


def _seen(group: CapabilitySet, subject: Subject) -> Message | None:
    """What was observed of these capabilities' use; an empty message: they are not used, None: unknown."""
    if group == _BIND and subject.listens is not None:
        low = [str(port) for port in subject.listens if port < PRIVILEGED_PORTS]
        if not low:
            return NOTHING
        return msg("It listens on port {ports}, which requires this unless its network allows everyone to.",
                   ports=", ".join(low[:_SHOWN]))  # fmt: skip
    if group == _CHANGES_USER:
        others = [f"{name} ({user})" for name, user in subject.users or () if user]
        if others and starts_as_root(subject.container.asked):
            return msg("It starts as root and runs these as other users, which would fail: {names}.",
                       names=", ".join(others[:_SHOWN]))  # fmt: skip
    return None


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
            override, folders = "CAP_DAC_OVERRIDE", folders_of_others(subject)
            if folders and named((override,)) <= now and not any(use.name == override for use in used):
                used.append(UsedCapability(override, False, 0, tuple(folder.path for folder in folders)))
        else:  # root's uses disappear with root, except those of set-uid programs
            rights = {comm(path) for path in subject.set_uid or ()}
            used = [use for use in used if use.name == "CAP_NET_BIND_SERVICE" or rights & set(use.by)]
    could = (_could(subject, used) if starts_as_root(asked) else _by_rights(subject)) & now
    value = CapabilitySet.of(tuple(use.name for use in used)) | could
    if not used and could:
        names = short(could)
        return Learned(_typed(value), msg("It was not seen using any; its programs could use {names}.", names=names))
    if not used and not starts_as_root(asked) and starts_as_root(before):
        return Learned("none", msg("It used them only as root, and is no longer root."))
    if not used:
        return Learned("none", msg("It was not seen using any."))
    texts = [use.name.removeprefix("CAP_") + (f" ({', '.join(use.by[:2])})" if use.by else "") for use in used]
    if more := could - CapabilitySet.of(tuple(use.name for use in used)):
        names = short(more)
        text = msg("It was seen using {names}; its programs could use {more}.", names=", ".join(texts), more=names)
        return Learned(_typed(value), text)
    return Learned(_typed(value), msg("It was seen using {names}.", names=", ".join(texts)))


def _could(subject: Subject, used: Sequence[UsedCapability]) -> CapabilitySet:
    """Capabilities that the imports call for. Those on files only if it serves several users, or was seen using one."""
    found = kept(subject)
    return found if serves_users(subject) or FILES & {use.name for use in used} else found - named(tuple(FILES))


def _by_rights(subject: Subject) -> CapabilitySet:
    """Of an ordinary user: what the programs need that give it rights, and what may be done by sudo."""
    if starts_as_root(subject.container.asked):
        return CapabilitySet()
    paths = gives_rights(subject)
    found = named(tuple(use.capability for use in uses(tuple(map(Program, paths)))))
    anything = any(path.rpartition("/")[2] in RIGHTS_AFTER_LOGIN for path in paths)
    return found | _ON_REQUEST | named(("CAP_AUDIT_WRITE",)) if anything else found


def no_gain(word: str, subject: Subject, asked: Asked) -> Learned | None:
    """The value of no-new-privileges: set, unless it called a set-uid program, or may call one later."""
    if waits_for_sessions(subject):
        return None
    called = {name for call in (subject.seen.calls if subject.seen is not None else ()) for name in call.by}
    if gives_rights(subject) or called & {comm(path) for path in subject.set_uid or ()}:
        return None
    return Learned("on", msg("It was seen to work, and involves no program that gives privileges."))


def comm(path: str) -> str:
    """A program's name as the kernel truncates it (TASK_COMM_LEN)."""
    return path.rpartition("/")[2][:15]


def _typed(value: CapabilitySet) -> str:
    return ",".join(value.names())
