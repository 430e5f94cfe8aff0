"""A twin from the journal's first word of it until nothing is left of it, and what a crash left of one removed.

Everything of it carries its number as a label, so whoever finds the record finds all: container, volumes. The record
is written first and forgotten last. The original is asked about, and otherwise left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import ORIGINAL, LaunchSpec
from stratascope.core.relaunch.toggle import ToggleError
from stratascope.core.relaunch.transaction import BusyError, JournalError
from stratascope.core.relaunch.twin import TWIN, TwinMount, TwinRecord
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.known import UnknownContainerError
from stratascope.usecases.relaunch.recovery import Recovered, Result, is_of
from stratascope.usecases.relaunch.rollback import LATE
from stratascope.usecases.relaunch.watch import POLL


@contextmanager
def twin(
    access: EngineAccess, spec: LaunchSpec, body: str, record: TwinRecord, mounts: tuple[TwinMount, ...]
) -> Iterator[str]:
    """A twin that was created and not started; yields its full id. Nothing is left of it afterwards.

    `body`: the create request of a container with the options to try. Raises EngineError, JournalError, ToggleError,
    also where it could not be removed: the journal keeps it then.
    """
    port = access.port
    request = port.twin(spec, body, record.id, mounts, record.cgroup)
    with _held(access, record):
        access.journal.write_twin(record)
        lost = True  # an answer: what was asked for may still come into being
        try:
            port.overlay(record.id, mounts)
            made = port.create(request, record.name, {TWIN: record.id, ORIGINAL: spec.id})
            lost = False
            yield made.id
        except BaseException as error:
            lost = lost and not isinstance(error, RefusedError | ToggleError)
            with suppress(EngineError, JournalError):
                remove(access, record, late=LATE if lost else 0.0)
            raise
        remove(access, record)


def remove(access: EngineAccess, record: TwinRecord, *, late: float = 0.0) -> None:
    """A twin and all that came with it, then its record. May be repeated. Raises EngineError, JournalError.

    `late`: seconds that a create whose answer was lost is waited for.
    """
    port, until = access.port, access.clock.now() + late
    while not (found := port.labelled(TWIN, record.id)) and access.clock.now() < until:
        access.clock.sleep(POLL)
    for each in found:
        if each.name != record.name or dict(each.labels).get(ORIGINAL) != record.original:
            differs = msg("its name or the label of its original is another one.")
            raise UnknownContainerError(f"{record.id}.twin", each.name, each.id, differs)
    for each in found:
        with suppress(NoSuchContainerError):
            port.remove(each.id)
    port.remove_overlays(record.id)
    if record.cgroup:
        access.release(record.cgroup)
    access.journal.forget_twin(record.id)


def remove_left(access: EngineAccess) -> Iterator[Recovered]:
    """The twins of that engine that a crash left; raises nothing that an engine or a disk can cause."""
    for item in access.journal.twins():
        try:
            if not is_of(access, item):
                continue
            with _held(access, item):
                if any(each.id == item.id for each in access.journal.twins()):  # not removed just now by its maker
                    remove(access, item, late=LATE)
                    yield Recovered(item, Result.REMOVED)
        except BusyError:
            yield Recovered(item, Result.HELD)
        except (EngineError, JournalError) as error:
            yield Recovered(item, Result.FAILED, error)


def _held(access: EngineAccess, record: TwinRecord) -> AbstractContextManager[None]:
    """One twin of a container at a time. A relaunch of it is not held up: they share nothing."""
    return access.journal.hold(record.engine, f"twin of {record.original}")
