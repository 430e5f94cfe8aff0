"""What a container wrote outside its volumes, looked for in its replacement: nothing may be gone, hidden or refused.

An engine that carries a layer over says so and is right; what lies in the way of it is a mount of ours. So it is the
kernel's list of mounts that says what is hidden, and the engine what is there. What a program is to make anew, it gets
the time for.
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

_LOOKED_AT = 200  # of one container; of more, some from everywhere
_SECONDS, _AGAIN = 10.0, 0.5  # in which what is made anew at each start is there, and between two looks


def taken_away(subject: Subject, wanted: Asked, changes: Sequence[FileChange]) -> str:
    """Of a container that has stopped: what it wrote since the plan was made (`subject`), or as it stopped, that the
    new options hide or no longer let it write; in words, empty where nothing.
    """
    known = {*data(subject), *(posixpath.dirname(path) for path in data(subject))} - {"/"}
    now = data(replace(subject, changes=tuple(change.path for change in changes)))
    new = [path for path in now if not any(within(path, folder) for folder in known)]
    refused = wanted.read_only_root and not subject.container.asked.read_only_root
    return some(new if refused else hidden(new, subject.container.asked, wanted))


def kept(access: EngineAccess, old: Container, changes: Sequence[FileChange], *, logs: bool) -> tuple[str, ...]:
    """What the replacement of that one must have. `logs`: whether log files count. Raises EngineError."""
    port = access.port
    there = [change.path for change in leaves(own_files(old, changes)) if change.kind != "deleted"]
    paths = [path for path in there if not temporary(path) and (logs or not is_log(path))]
    some_of = paths[:: max(1, -(-len(paths) // _LOOKED_AT))]
    return tuple(path for path in some_of if port.has_path(old.id, path))  # not a link that leads nowhere


def all_there(access: EngineAccess, old: Container, new: str, paths: Sequence[str], *, carried: bool) -> None:
    """Raises FailedError where a replacement lacks one of these, and EngineError, NoSuchContainerError. `carried`: its
    image has the layer of the old one.
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
    """Places where the replacement has a file system in memory and its original had none."""
    state = access.read(new)
    if state is None:
        return ()
    facts = next((layer.facts for layer in state.layers if isinstance(layer.facts, NamespacesFacts)), None)
    view = None if facts is None else facts.mounts
    before, now = in_memory(old.asked), in_memory(state.container.asked) if view is None else view.tmpfs
    return tuple(place for place in now if place not in before)
