"""Checks that a replacement has what its original wrote outside its volumes: nothing may be lost, hidden or unreadable.

An engine that carries a layer over reports so and can be trusted; only a mount of ours can hide a file. So hidden files
are found by the kernel's list of mounts, and missing ones by the engine. Files that a program recreates at start are
given time to appear.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from stratascope.core.container import Asked, Container
from stratascope.core.message import msg
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Subject
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.layers.namespaces.written import data, temporary
from stratascope.layers.shared.host_paths import within
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.plan.preflight_warnings import some
from stratascope.usecases.plan.written_files import hidden, in_memory, is_log, leaves, own_files
from stratascope.usecases.relaunch.watch import FailedError, last_words
from stratascope.value import replace

_LOOKED_AT = 200  # paths checked per container; of more, a sample from everywhere
_SECONDS, _AGAIN = 10.0, 0.5  # time for files recreated at each start to appear, and between two checks


def taken_away(subject: Subject, wanted: Asked, changes: Sequence[FileChange]) -> str:
    """For a stopped container: what it wrote since the plan was made (`subject`), or while stopping, that the new
    options would hide or make read-only; in words, empty if nothing.
    """
    known = {*data(subject), *(posixpath.dirname(path) for path in data(subject))} - {"/"}
    now = data(replace(subject, changes=tuple(change.path for change in changes)))
    new = [path for path in now if not any(within(path, folder) for folder in known)]
    refused = wanted.read_only_root and not subject.container.asked.read_only_root
    return some(new if refused else hidden(new, subject.container.asked, wanted))


def kept(access: EngineAccess, old: Container, changes: Sequence[FileChange], *, logs: bool) -> tuple[str, ...]:
    """What that container's replacement must have. `logs`: whether log files count. Raises EngineError."""
    port = access.port
    there = [change.path for change in leaves(own_files(old, changes)) if change.kind != "deleted"]
    paths = [path for path in there if not temporary(path) and (logs or not is_log(path))]
    some_of = paths[:: max(1, -(-len(paths) // _LOOKED_AT))]
    return tuple(path for path in some_of if port.has_path(old.id, path))  # a dangling symlink does not count


def all_there(access: EngineAccess, old: Container, new: str, paths: Sequence[str], *, carried: bool) -> None:
    """Raises FailedError if a replacement lacks one of these, and EngineError, NoSuchContainerError. `carried`: its
    image includes the old one's layer.
    """
    port, until = access.port, access.clock.now() + _SECONDS
    while lost := _lost(access, old, new, paths):
        if access.clock.now() >= until:
            log = last_words(port, new)
            why = msg("What it wrote outside its volumes is not in the replacement: {paths}.", paths=some(lost))
            if not carried:
                why = msg("What it wrote outside its volumes is not in the replacement, and was not made anew: "
                          "{paths}. Try again, and carry it over.", paths=some(lost))  # fmt: skip
            raise FailedError(why, log=log, failure=Failure(log))
        access.clock.sleep(_AGAIN)


def _lost(access: EngineAccess, old: Container, new: str, paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    removed = [change.path for change in access.port.changes(new) if change.kind == "deleted"]  # by its program
    covered = _covered(access, old, new)
    return [
        path
        for path in paths
        if any(within(path, place) for place in covered)
        or not (access.port.has_path(new, path) or any(within(path, gone) for gone in removed))
    ]


def _covered(access: EngineAccess, old: Container, new: str) -> tuple[str, ...]:
    """Mount points where the replacement has a tmpfs and its original had none."""
    state = access.read(new)
    if state is None:
        return ()
    facts = next((layer.facts for layer in state.layers if isinstance(layer.facts, NamespacesFacts)), None)
    view = None if facts is None else facts.mounts
    before, now = in_memory(old.asked), in_memory(state.container.asked) if view is None else view.tmpfs
    return tuple(place for place in now if place not in before)
