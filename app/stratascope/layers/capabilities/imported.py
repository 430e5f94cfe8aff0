"""How presets use the imports of a container's programs: which capabilities these keep, and how that is explained.

Imports only keep capabilities (`core.observation.imports`), and only those that the engine gives every container: those
that a person added are kept by the recommended preset anyway, and taken by the others. Where a program switched to
another user for good, none of this is needed, as the same presets start it as that user.
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
    """What its programs could need as root, out of the engine's default. Empty if they were not inspected."""
    return _within(subject, engine_default(subject.engine))[0]


def lost(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """A warning if capabilities are taken away that the imports speak for."""
    missed, reasons = _within(subject, gone)
    if not missed:
        return ()
    return (
        msg("Without {names} some of it may fail, because these seem to need them: {programs}.",
            names=short(missed), programs=_programs(reasons)),
    )  # fmt: skip


# The part of the engine's default that a program that could not be inspected may use on request. The rest is for
# installing, for network tools, or seen at startup.
_ON_REQUEST = named(
    ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
     "CAP_SYS_CHROOT")
)  # fmt: skip


def doubts(gone: CapabilitySet, subject: Subject) -> tuple[Message, ...]:
    """What may fail on request without these, by the imports, or because the imports can't be determined."""
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
    """Set-uid and set-gid programs that its programs or users who log in may call; empty if not inspected."""
    if subject.programs is None:
        return ()
    own = (path for path in subject.set_uid or () if calls_for_rights(subject.programs.found, path))
    return tuple(dict.fromkeys((*subject.programs.set_uid, *own)))


def set_uid_risk(paths: Sequence[str]) -> Message:
    """What no-new-privileges disables, most important programs first."""
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
