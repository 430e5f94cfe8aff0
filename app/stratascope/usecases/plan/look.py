"""Everything that a plan reads of one container, its engine and its kernel, concurrently: each waits for somebody else.

Nothing here depends on the choices, so that plans of several presets share one Look.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from stratascope.background_call import BackgroundCall
from stratascope.core.container import Container
from stratascope.core.observation.observation import NeedsError, Observation
from stratascope.core.ports import NoSuchContainerError
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.toggle import Choice, Subject
from stratascope.core.relaunch.transaction import transactions
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import files_named
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.startup_processes import ProcessKind
from stratascope.usecases.plan.file_access import own_volumes
from stratascope.usecases.plan.programs import programs_of
from stratascope.usecases.plan.written_files import image_folders, leaves
from stratascope.value import Value, replace


class Look(Value):
    """The result. `subject` does not include choices; `before`: its ports and counters."""

    state: ContainerState
    subject: Subject
    spec: LaunchSpec
    changes: tuple[FileChange, ...]
    before: Liveness
    others: Sequence[Container]


def look(access: EngineAccess, container: str) -> Look:
    """Raises EngineError, NoSuchContainerError."""
    state = access.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    number = state.container.id
    spec = BackgroundCall(lambda: access.port.plan(number))
    changes = BackgroundCall(lambda: access.port.changes(number))
    others = BackgroundCall(access.containers)
    inside = BackgroundCall(lambda: looked(access, subject_of(access, state, ())))
    before = access.liveness(number)
    written = changes.result()
    programs = programs_of(access, state.container, written)
    paths = tuple(change.path for change in written)
    subject = replace(
        inside.result(), listens=before.listens, changes=paths, replaced=replaced(written), programs=programs
    )
    subject = replace(
        subject,
        folders=image_folders(access, subject, written),
        environment=spec.result().values,
        own_volumes=own_volumes(access, subject, others.result(), transactions(access.journal)),
    )
    return Look(state, subject, spec.result(), written, before, others.result())


def subject_of(
    access: EngineAccess, state: ContainerState, choices: Sequence[Choice], changes: Sequence[FileChange] | None = None
) -> Subject:
    """A container as toggles see it, with the files that the choices name; `changes` None: not read."""
    return Subject(
        state.container,
        access.engine,
        tuple((layer.id, layer.facts) for layer in state.judged.layers),
        files=profiles(access, choices),
        changes=None if changes is None else tuple(change.path for change in changes),
        replaced=replaced(changes or ()),
        listeners=access.listeners(),
        bound=access.bound(),
        memory_total=access.ground.memory_total,
        seen=_seen(access, state),
    )


def _seen(access: EngineAccess, state: ContainerState) -> Observation | None:
    """What was learned of it; None also if unreadable: whoever asks for it by name gets the error."""
    with contextlib.suppress(NeedsError):
        known = access.needs.of(state.container)
        return None if known is None else known.observation
    return None


def replaced(changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Files of the image that it overwrote or removed; a folder counts if more than its entries changed."""
    return tuple(change.path for change in leaves(changes) if change.kind != "added")


def profiles(access: EngineAccess, choices: Sequence[Choice]) -> tuple[tuple[str, str], ...]:
    """Readable files that the choices name: path and text."""
    return tuple((path, text) for path in files_named(choices) if (text := access.profile_text(path)) is not None)


def looked(access: EngineAccess, subject: Subject) -> Subject:
    """Adds what is only read for a single container, and what its engine says of its ports."""
    number = subject.container.id
    inside = access.root_files(number)
    return replace(
        subject,
        nodes=inside.nodes,
        set_uid=inside.set_uid,
        users=_users(access.startup_processes(number)),
        listeners=subject.listeners if inside.listeners is None else inside.listeners,
        bound=subject.bound if inside.bound is None else inside.bound,
        published=access.port.running(number).published,
    )


def _users(kinds: frozenset[ProcessKind] | None) -> tuple[tuple[str, int], ...] | None:
    if kinds is None:
        return None
    return tuple(sorted((kind.name, kind.user) for kind in kinds if kind.user is not None))
