"""Signs that a container uses what it was granted: it was seen using it, or its command or environment names it.

Absence of a sign does not mean it is unused: many programs have the path of a socket built in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import named
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.shared.host_paths import within
from stratascope.linux.capability import CapabilitySet

_DEVICE = re.compile(r"(?<![\w.-])/dev/[A-Za-z0-9][\w./-]*")
_STANDARD = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "console", "fd", "stdin", "stdout", "stderr")
_EVERYWHERE = frozenset(f"/dev/{name}" for name in (*_STANDARD, "pts", "shm", "mqueue", "core"))
_SAME = (("/var/run/", "/run/"), ("/run/", "/var/run/"))  # the same directory under two names on most systems


def path_used(place: str, subject: Subject) -> Message | None:
    """Signs that it uses a mount or device at that path in the container."""
    place = place.rstrip("/")
    if not place:
        return None
    names = [place, *(new + place[len(old) :] for old, new in _SAME if place.startswith(old))]
    if any(_word(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", subject) for name in names):
        return msg("Its command or its environment names {path}.", path=place)
    seen = subject.seen
    if seen is None:
        return None
    if wrote := _first_within(place, (*seen.written, *seen.devices)):
        return msg("It was seen using {path}.", path=wrote)
    if ran := _first_within(place, seen.executed):
        return msg("It was seen starting {path}.", path=ran)
    return None


def capabilities_used(names: CapabilitySet, subject: Subject) -> Message | None:
    """Signs of one of these. `CAP_` is optional if the rest is no word of other things (SYS_ADMIN, but not KILL)."""
    for name in names.names():
        plain = name.removeprefix("CAP_")
        prefix = "(?:CAP_)?" if "_" in plain else "CAP_"
        if _word(rf"(?<![A-Za-z0-9_]){prefix}{plain}(?![A-Za-z0-9_])", subject, re.IGNORECASE):
            return msg("Its command or its environment names {path}.", path=plain)
    if subject.seen is None:
        return None
    used = named(tuple(each.name for each in subject.seen.capabilities if each.uses)) & names
    if not used:
        return None
    return msg("It was seen using {path}.", path=", ".join(name.removeprefix("CAP_") for name in used.names()))


def any_device_used(subject: Subject) -> Message | None:
    """Signs of a host device other than those that every container has."""
    texts = (subject.container.command, *subject.environment)
    for path in (found for text in texts for found in _DEVICE.findall(text)):
        if path not in _EVERYWHERE:
            return msg("Its command or its environment names {path}.", path=path)
    found = () if subject.seen is None else (path for path in subject.seen.devices if path not in _EVERYWHERE)
    return next((msg("It was seen using {path}.", path=path) for path in found), None)


def _word(pattern: str, subject: Subject, flags: int = 0) -> bool:
    sought = re.compile(pattern, flags)
    return any(sought.search(text) for text in (subject.container.command, *subject.environment))


def _first_within(place: str, paths: Iterable[str]) -> str:
    return next((path for path in paths if within(path, place)), "")
