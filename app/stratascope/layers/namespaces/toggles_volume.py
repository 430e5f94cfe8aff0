"""The toggle of layer 1 that puts what a container keeps outside its volumes into new ones, filled with what is there.

A volume outlives every relaunch and leaves the root directory to be read-only. Its name is made of the container's and
the directory's, with a number if the engine has one of that name. It is filled once the container has stopped; who
creates the container from an exported command has to fill it by hand.
"""

from __future__ import annotations

import posixpath
import re

from stratascope.core.container import Asked, AskedMount
from stratascope.core.message import Message, msg, plural
from stratascope.core.options.mounts import volume_path
from stratascope.core.relaunch.owner import SYSTEMD_UNIT, has_owner
from stratascope.core.relaunch.toggle import (
    Evidence,
    Preset,
    Proof,
    Proven,
    Subject,
    Toggle,
    ToggleError,
    Unit,
    Use,
)
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.written import (
    KERNEL,
    TEMPORARY,
    attributes_lost,
    data,
    folders_of_data,
    some,
    uncarried,
    volume_folders,
)
from stratascope.layers.shared.host_paths import within
from stratascope.layers.shared.toggle_values import NOT_READ
from stratascope.value import replace

_LAYER, _MOUNTS = "namespaces", "@mountinfo"
_MOST = 16
_NAME_MAX = 120  # characters; longer names are allowed, and read by nobody


def _split(value: str) -> tuple[str, ...]:
    places = (posixpath.normpath(word.strip()) for word in value.split(",") if word.strip())
    return tuple(dict.fromkeys(place[1:] if place.startswith("//") else place for place in places))


def _check(value: str, subject: Subject) -> str:
    places = _split(value)
    if not places or len(places) > _MOST:
        raise ToggleError(msg("Give up to {most} paths inside the container, separated by commas.", most=_MOST))
    taken = {mount.target.rstrip("/") for mount in subject.container.asked.mounts}
    for place in places:
        lost = any(within(place, folder) for folder in (*KERNEL, *TEMPORARY))
        if not place.startswith("/") or place == "/" or lost or ":" in place or not place.isprintable():
            text = msg("A volume can't keep {path}. Give the absolute path of a directory with data.", path=place)
            raise ToggleError(text)
        if place in taken:
            raise ToggleError(msg("There is already a mount at {path}, so there can't be a volume.", path=place))
    return ",".join(places)


def _name(place: str, subject: Subject, taken: set[str]) -> str:
    base = re.sub(r"[^a-zA-Z0-9_.-]+", "-", f"{subject.container.name}{place}").strip("-._")[:_NAME_MAX] or "data"
    numbered = (base, *(f"{base}-{number}" for number in range(2, 1000)))
    return next((name for name in numbered if name not in taken), base)


def _apply(asked: Asked, value: str, subject: Subject) -> Asked:
    have = {mount.target.rstrip("/") for mount in asked.mounts}
    taken = {*subject.volumes, *(mount.volume for mount in asked.mounts)}
    found = list(asked.mounts)
    for place in _split(value):
        if place not in have:
            name = _name(place, subject, taken)
            taken.add(name)
            found.append(AskedMount("volume", volume_path(name, subject.engine), place, writable=True, volume=name))
    return replace(asked, mounts=tuple(found)) if len(found) > len(asked.mounts) else asked


def _in_effect(asked: Asked, subject: Subject) -> bool:
    return any(mount.kind == "volume" for mount in asked.mounts) and not data(subject)


def _risks(value: str, subject: Subject) -> tuple[Message, ...]:
    names = _apply(subject.container.asked, value, subject).mounts[len(subject.container.asked.mounts) :]
    if not names:
        return ()
    told = ", ".join(f"{mount.target} → {mount.volume}" for mount in names)
    return (
        plural(
            "It is stopped while its data is copied into the new volume: {paths}.",
            "It is stopped while its data is copied into {count} new volumes: {paths}.",
            len(names),
            paths=told,
        ),
    )


def _evidence(value: str, subject: Subject) -> Evidence:
    places = _split(value)
    kept = [path for path in data(subject) if any(within(path, place) for place in places)]
    if not kept:
        return Evidence(Use.UNKNOWN, msg("Nothing that it wrote there is known."))
    text = plural("It keeps {count} file there, outside its volumes: {paths}.",
                  "It keeps {count} files there, outside its volumes: {paths}.", len(kept),
                  paths=some(kept))  # fmt: skip
    if has_owner(subject.container):
        return Evidence(Use.UNKNOWN, _by_owner(places, subject))
    if lost := [path for path in uncarried(subject) if any(within(path, place) for place in places)]:
        return Evidence(Use.UNKNOWN, attributes_lost(lost, subject))
    return Evidence(Use.UNKNOWN, text, rare=True)


def _prove(facts: NamespacesFacts | None, value: str, subject: Subject) -> Proof:
    expected = msg("A volume is mounted at {paths}", paths=value)
    view = None if facts is None else facts.as_made.mounts
    if view is None:
        return Proof(Proven.UNKNOWN, expected, NOT_READ, _MOUNTS)
    there = {mount.target for mount in view.seen if mount.fs_type != "tmpfs"}
    missing = [place for place in _split(value) if place not in there]
    if missing:
        return Proof(Proven.NOT_ENFORCED, expected, msg("There is none at {path}", path=missing[0]), _MOUNTS)
    return Proof(Proven.ENFORCED, expected, msg("They are present"), _MOUNTS)


def planned(subject: Subject) -> str | None:
    """The directories that need one, if any. Where its owner re-creates it the row is off, and says what to do."""
    return ",".join(folders_of_data(subject)) or None


def _strict(preset: Preset, subject: Subject) -> str | None:
    return ",".join(volume_folders(subject)) or None if preset is Preset.STRICT else None


def _by_owner(places: tuple[str, ...], subject: Subject) -> Message:
    """What to write into its owner's file. The engine copies an image's files alone into a new volume."""
    added = _apply(subject.container.asked, ",".join(places), subject).mounts[len(subject.container.asked.mounts) :]
    lines = ", ".join(f"{mount.volume}:{mount.target}" for mount in added)
    if SYSTEMD_UNIT in dict(subject.container.labels):
        return msg("systemd re-creates it, so nobody would fill the volume. Copy the files into one, and write "
                   "Volume= into its file: {lines}.", lines=lines)  # fmt: skip
    return msg("Compose re-creates it, so nobody would fill the volume. Copy the files into one, and write it into "
               "its file, under volumes, as external: {lines}.", lines=lines)  # fmt: skip


VOLUME = Toggle(
    "volume",
    _LAYER,
    msg("Keep its data in a volume"),
    msg("What it wrote outside its volumes is copied into a new one, which every relaunch keeps."),
    "PATH,PATH",
    _check,
    _apply,
    _in_effect,
    _risks,
    _prove,
    _strict,
    evidence=_evidence,
    planned=planned,
    default="/data",
    proposed=lambda subject: planned(subject) or "",
    unit=Unit.PATHS,
    keeps_data=True,
)
