"""What presets make of the imports of a container's programs: what they keep, and how they say so.

Imports only keep (`core.observation.imports`), and only what every container of its engine is given: what a person
added by name the recommended preset leaves anyhow, and the others take. Where a program became another user for good it
needs nothing of this, as the same presets start it as that user.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import Message, msg
from stratascope.core.observation.imports import Use, by_importance, calls_for_rights, uses
from stratascope.core.options.capabilities import engine_default, named, starts_as_root
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.capabilities.findings import short
from stratascope.linux.capability import CapabilitySet

_SHOWN = 5


def kept(subject: Subject) -> CapabilitySet:
    """Of the engine's default, what its programs could need as root. Nothing where they were not looked at."""
    return _within(subject, engine_default(subject.engine))[0]


def lost(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What is taken away although the imports speak for it, as a person reads it."""
    missed, reasons = _within(subject, gone)
    if not missed:
        return ()
    return (
        msg("Without {names} some of it may fail, because these seem to need them: {programs}.",
            names=short(missed), programs=_programs(reasons)),
    )  # fmt: skip


# Of the engine's default, what a program that nobody could look into may use on request; the rest is for installing,
# for network tools, or seen at the start
_ON_REQUEST = named(
    ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
     "CAP_SYS_CHROOT")
)  # fmt: skip


def doubts(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What may fail on request without these, by the imports, or since these can't be told."""
    if not starts_as_root(subject.container.asked):
        return ()
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
    """Which programs no longer give rights, where its programs or those who log in may call them."""
    paths = gives_rights(subject)
    return (set_uid_risk(paths),) if paths else ()


def beyond_standard(value: CapabilitySet, allowed: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """Why a preset named after the Pod Security Standard keeps more than that allows."""
    more, reasons = _within(subject, value - allowed)
    if not more:
        return ()
    return (
        msg("It keeps {names}, which the Pod Security Standards forbid: {programs} may fail without.",
            names=short(more), programs=_programs(reasons)),
    )  # fmt: skip


def gives_rights(subject: Subject) -> tuple[str, ...]:
    """Set-uid and set-gid programs that its programs, or those who log in, may call; empty where nobody looked."""
    if subject.programs is None:
        return ()
    own = (path for path in subject.set_uid or () if calls_for_rights(subject.programs.found, path))
    return tuple(dict.fromkeys((*subject.programs.set_uid, *own)))


def set_uid_risk(paths: Sequence[str]) -> Message:
    """What no-new-privileges ends, the programs first that are missed most."""
    shown = ", ".join(by_importance(tuple(paths))[:_SHOWN])
    return msg("Programs in it that give privileges to anyone who starts them no longer do: {paths}.", paths=shown)


def _within(subject: Subject, within: CapabilitySet) -> tuple[CapabilitySet, tuple[Use, ...]]:
    if subject.programs is None or not starts_as_root(subject.container.asked):
        return CapabilitySet(), ()
    reasons = tuple(use for use in uses(subject.programs.found) if named((use.capability,)) & within)
    return named(tuple(use.capability for use in reasons)) & within, reasons


def _programs(reasons: Sequence[Use]) -> str:
    """Each program with one of its reasons: `sshd (initgroups), cron (setuid)`."""
    first: dict[str, str] = {}
    for use in reasons:
        first.setdefault(use.program, use.by)
    return ", ".join(f"{name} ({by})" for name, by in tuple(first.items())[:_SHOWN])
