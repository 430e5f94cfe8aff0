"""What a crash left of several relaunches or undos: after each was recovered by itself, all or none of them
are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.group import Group
from stratascope.core.relaunch.transaction import (
    BusyError,
    JournalError,
    RelaunchResult,
    Stage,
    Transaction,
    TransactionKind,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.many.under_way import FAILURES
from stratascope.usecases.many.undo_together import drop, go_back
from stratascope.usecases.relaunch.recovery import Recovered, Result
from stratascope.usecases.relaunch.undo import undo


def recover_groups(access: EngineAccess) -> Iterator[Recovered]:
    """Of that engine, after `recover_all`; raises nothing that an engine, an owner or a disk can cause."""
    for group in access.journal.groups():
        if access.engine.endpoint != group.endpoint and access.engine.id != group.engine:
            continue
        try:
            with access.journal.hold(group.engine, group.id):
                # read again: its holder may have finished just now
                if any(each.id == group.id for each in access.journal.groups()):
                    yield from _recovered(access, group)
        except BusyError:
            yield Recovered(group, Result.HELD)
        except (EngineError, NoSuchContainerError, JournalError) as error:
            yield Recovered(group, Result.FAILED, error)


def _recovered(access: EngineAccess, group: Group) -> Iterator[Recovered]:
    known = [item for item in access.journal.all() if isinstance(item, Transaction)]
    of_it = [item for item in known if (item.id in group.members if group.undoes else item.group == group.id)]
    if any(item.stage is not Stage.DONE for item in known if item.group == group.id or item in of_it):
        raise EngineError(EngineState.CONNECTED, msg("One of its containers can't be repaired now."))
    there = [item for item in of_it if group.undoes or item.kind is TransactionKind.HARDEN]
    if not group.undoes:
        for item in of_it:
            if item.kind is TransactionKind.UNDO:  # it was on its way back already
                drop(access, item)
        if len(there) == len(group.members):
            access.journal.forget_group(group.id)
            yield Recovered(group, Result.FINISHED)
            return
    for item in sorted(there, key=lambda each: each.started_at, reverse=True):
        *_, ended = undo(access, item, watch=0.0) if group.undoes else go_back(access, item)
        assert isinstance(ended, RelaunchResult)
        if ended.ending in FAILURES:
            raise EngineError(EngineState.CONNECTED, ended.why or msg("It could not be undone."), ended.words)
    access.journal.forget_group(group.id)
    yield Recovered(group, Result.FINISHED if group.undoes else Result.UNDONE)
