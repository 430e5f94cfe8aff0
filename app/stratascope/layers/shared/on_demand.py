"""What startup does not show: programs that later do their work on request, as other users."""

from __future__ import annotations

import shlex

from stratascope.core.observation.imports import Programs, opens_sessions, uses
from stratascope.core.observation.observation import Observation
from stratascope.core.relaunch.toggle import Subject

_COMM_MAX = 15  # characters in a process name, TASK_COMM_LEN
_PAUSES, _SHELLS = frozenset(("sleep", "tail", "cat", "pause")), frozenset(("sh", "ash", "bash", "dash", "zsh"))
_INITS = frozenset(("tini", "docker-init", "catatonit", "dumb-init", "init"))
_IDLE = _PAUSES | _SHELLS | _INITS | {"busybox"}
_ALONE = frozenset(("-i", "-l", "-il", "-li", "--login"))
_BECOMES = "CAP_SETUID"  # sshd drops its groups at startup, but doesn't change its user then


def serves_users(subject: Subject) -> bool:
    """Whether its programs open sessions for people, or can switch users and did not at startup: servers for logins,
    mail and jobs, and containers that wait for sessions.

    For these, startup shows little: where they write and what they start later was not observed.
    """
    if subject.programs is None or subject.seen is None:
        return False
    if any(map(opens_sessions, subject.programs.found)) or waits_for_sessions(subject):
        return True
    return bool(becoming(subject))


def becoming(subject: Subject) -> tuple[str, ...]:
    """Its programs that can switch users, unless one was seen doing so."""
    if subject.programs is None or any(use.name == _BECOMES for use in (subject.seen or Observation()).capabilities):
        return ()
    return tuple(dict.fromkeys(use.program for use in uses(subject.programs.found) if use.capability == _BECOMES))


def waits_for_sessions(subject: Subject) -> bool:
    """Whether it only runs a pause or a shell without a script, and nothing listens: its work is what people do."""
    if subject.programs is None or not subject.users or subject.seen is None or subject.seen.ports:
        return False
    return {name for name, _ in subject.users} <= _IDLE and _idle(subject.container.command)


def _idle(command: str) -> bool:
    try:
        words = [word for word in shlex.split(command) if word != "--"]
    except ValueError:
        return False
    names = [word.rpartition("/")[2] for word in words]
    while names and names[0] in _INITS:
        names.pop(0)
    return bool(names) and (names[0] in _PAUSES or (names[0] in _SHELLS and set(names[1:]) <= _ALONE))


def runs_scripts(subject: Subject) -> bool:
    """Whether a running program gets its behaviour from elsewhere, as a script does. Finished scripts don't count."""
    opaque = {program.name[:_COMM_MAX] for program in (subject.programs or Programs()).found if program.opaque}
    return bool(opaque if subject.users is None else opaque & {name for name, _ in subject.users})


def writes_to_volumes(subject: Subject) -> bool:
    """Whether it has a writable volume or host directory whose files can't be changed to another owner with it."""
    own = {volume.target for volume in subject.own_volumes or ()}
    mounts = subject.container.asked.mounts
    return any(mount.kind != "tmpfs" and mount.writable and mount.target not in own for mount in mounts)
