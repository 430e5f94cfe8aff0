"""Reads everything that a plan needs of one container, its engine and its kernel, concurrently, as all are slow.

Nothing here depends on the choices, so that plans of several presets share one Look.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Sequence

from stratascope.background_call import BackgroundCall
from stratascope.core.container import Container
from stratascope.core.observation.imports import Programs
from stratascope.core.observation.observation import Needs, NeedsError
from stratascope.core.ports import NoSuchContainerError
from stratascope.core.relaunch.evidence import Liveness
from stratascope.core.relaunch.launch_spec import FileChange, LaunchSpec
from stratascope.core.relaunch.toggle import Choice, Subject
from stratascope.core.relaunch.transaction import transactions
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.usecases.plan.file_access import own_volumes
from stratascope.usecases.plan.programs import programs_of
from stratascope.usecases.plan.written_files import image_folders, leaves, marks_of
from stratascope.value import Value, replace


class Contents(Value):
    """What is asked of a container in addition to its state: `changes`, what it wrote; `before`, its ports and
    counters; `programs`, what its programs import, None: could not be asked.
    """

    spec: LaunchSpec
    changes: tuple[FileChange, ...]
    before: Liveness
    programs: Programs | None


class Look(Value):
    """The result. `subject` does not include choices."""

    state: ContainerState
    subject: Subject
    contents: Contents
    others: Sequence[Container]

    @property
    def spec(self) -> LaunchSpec:
        return self.contents.spec

    @property
    def changes(self) -> tuple[FileChange, ...]:
        return self.contents.changes

    @property
    def before(self) -> Liveness:
        return self.contents.before


def look_inside(access: EngineAccess, container: Container) -> Contents:
    """Raises EngineError, NoSuchContainerError."""
    access, number = access.moment(), container.id
    spec = BackgroundCall(lambda: access.port.plan(number))
    changes = BackgroundCall(lambda: access.port.changes(number))
    before = access.liveness(number)
    return Contents(spec.result(), changes.result(), before, programs_of(access, container, changes.result()))


def look(access: EngineAccess, container: str, known: tuple[Container, Contents] | None = None) -> Look:
    """`known`: what was just found inside of it; looked at again if the container is another one by now.

    Raises EngineError, NoSuchContainerError.
    """
    access = access.moment()
    state = access.read(container)
    if state is None:
        raise NoSuchContainerError(container)
    others = BackgroundCall(access.containers)
    surroundings = BackgroundCall(lambda: looked(access, subject_of(access, state, ())))
    inside = known[1] if known is not None and known[0] == state.container else look_inside(access, state.container)
    written = inside.changes
    subject = replace(
        surroundings.result(),
        listens=inside.before.listens,
        changes=tuple(change.path for change in written),
        replaced=replaced(written),
        made=made_folders(written),
        marks=marks_of(access, state.container, written),
        volumes=access.port.volume_names(),
        programs=inside.programs,
    )
    subject = replace(
        subject,
        folders=image_folders(access, subject, written),
        environment=inside.spec.values,
        own_volumes=own_volumes(access, subject, others.result(), transactions(access.journal)),
    )
    return Look(state, subject, inside, others.result())


def subject_of(
    access: EngineAccess, state: ContainerState, choices: Sequence[Choice], changes: Sequence[FileChange] | None = None
) -> Subject:
    """A container as toggles see it, with the files that the choices name; `changes` None: not read."""
    needs = _needs(access, state)
    return Subject(
        state.container,
        access.engine,
        tuple((layer.id, layer.facts) for layer in state.judged.layers),
        files=profiles(access, choices),
        changes=None if changes is None else tuple(change.path for change in changes),
        replaced=replaced(changes or ()),
        made=made_folders(changes or ()),
        marks=marks_of(access, state.container, changes) if changes else None,
        listeners=access.listeners(),
        bound=access.bound(),
        memory_total=access.ground.memory_total,
        seen=None if needs is None else needs.observation,
        elsewhere=needs is not None and needs.elsewhere(state.container.name),
    )


def _needs(access: EngineAccess, state: ContainerState) -> Needs | None:
    """What was learned of it; None also if unreadable: whoever asks for it by name gets the error."""
    with contextlib.suppress(NeedsError):
        return access.needs.of(state.container)
    return None


def replaced(changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Files of the image that it overwrote or removed; a folder counts if more than its entries changed."""
    return tuple(change.path for change in leaves(changes) if change.kind != "added")


def made_folders(changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Folders that the image does not have, without those below them. One without files is not known as a folder."""
    added = {change.path for change in changes if change.kind == "added"}
    full = {posixpath.dirname(path) for path in added} & added
    return tuple(sorted(path for path in full if posixpath.dirname(path) not in full))


def profiles(access: EngineAccess, choices: Sequence[Choice]) -> tuple[tuple[str, str], ...]:
    """Readable files that the choices name: path and text."""
    paths = (choice.file for choice in choices if choice.file)
    return tuple((path, text) for path in paths if (text := access.profile_text(path)) is not None)


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
