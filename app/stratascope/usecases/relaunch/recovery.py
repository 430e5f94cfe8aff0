"""Completes or undoes an engine's relaunches that a crash interrupted, independently: a failure blocks no other.

A relaunch that a running program is working on is left alone. What can't be recovered now stays in the journal.

If the journal is another user's, or lost, only the engine knows of a relaunch, by container names and labels. It can't
distinguish a running relaunch from a crash's leftover; whether a process of this machine holds the container can
(`Journal.held`). A remote engine may be used from machines that can't be asked, so there unfinished ones are left to
their own journal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum

from stratascope.core.ports import EngineError, NoSuchContainerError, Relauncher
from stratascope.core.relaunch.launch_spec import (
    FIRST,
    NAME,
    ORIGINAL,
    PLACE,
    RESTART,
    TRANSACTION,
    Running,
    TwinRecord,
    claim,
    guard,
    is_mark,
    layer_image,
    own_image,
    policy_of,
)
from stratascope.core.relaunch.transaction import (
    BusyError,
    Group,
    Journal,
    JournalError,
    Member,
    Stage,
    Transaction,
    TransactionKind,
    transactions,
)
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.relaunch import rollback
from stratascope.usecases.relaunch.known import ALIVE, look, undone_elsewhere
from stratascope.usecases.relaunch.owner import recover_owned
from stratascope.value import Value, replace


class Result(StrEnum):
    FINISHED = "finished"  # the replacement stays
    UNDONE = "undone"  # the original is back
    REMOVED = "removed"  # a twin, which is no longer needed
    HELD = "held"  # a running program works on it
    FAILED = "failed"  # not possible now


class Recovered(Value):
    """A relaunch found unfinished, a group of them, or a leftover twin; `error` if it FAILED."""

    transaction: Transaction | TwinRecord | Group
    result: Result
    error: EngineError | NoSuchContainerError | JournalError | None = None


def unfinished(journal: Journal) -> tuple[Transaction | TwinRecord | Group, ...]:
    """Of all engines: relaunches, then twins, then groups of relaunches, oldest first."""
    return (*_relaunches(journal), *journal.twins(), *journal.groups())


def _relaunches(journal: Journal) -> tuple[Transaction, ...]:
    return tuple(item for item in transactions(journal) if item.stage is not Stage.DONE)


def recover_all(access: EngineAccess) -> Iterator[Recovered]:
    """All relaunches of that engine; raises nothing that an engine, an owner or a disk can cause."""
    for item in _relaunches(access.journal):
        try:
            if not is_of(access, item):
                continue
            if item.owner is not None:  # takes the lock itself
                yield Recovered(item, _result(recover_owned(access, item)))
                continue
            with rollback.held(access.journal, item):
                # read again: its holder may have finished just now
                now = next((each for each in _relaunches(access.journal) if each.id == item.id), None)
                if now is not None:
                    yield Recovered(now, _result(rollback.recover(access.port, access.journal, now, access.clock)))
        except BusyError:
            yield Recovered(item, Result.HELD)
        except (EngineError, NoSuchContainerError, JournalError) as error:
            yield Recovered(item, Result.FAILED, error)
    yield from _of_others(access)
    _forget_undone(access)


def _of_others(access: EngineAccess) -> Iterator[Recovered]:
    """Crash leftovers that are in another journal, or in none: undone, since nobody can say that they were verified."""
    if not access.engine.local:  # its users on other machines can't be asked whether they are still running
        return
    with suppress(EngineError, NoSuchContainerError):
        for item in under_way(access):
            try:
                with rollback.held(access.journal, item):
                    now = still_under_way(access, item)
                    if now is None:
                        continue
                    rollback.roll_back(access.port, access.journal, now, clock=access.clock)
                yield Recovered(now, Result.UNDONE)
            except BusyError:
                yield Recovered(item, Result.HELD)
            except (EngineError, NoSuchContainerError, JournalError) as error:
                yield Recovered(item, Result.FAILED, error)


def _forget_undone(access: EngineAccess) -> None:
    """Delete entries of what another journal undid: the way back that they describe was taken."""
    for item in transactions(access.journal):
        if item.stage is not Stage.DONE or item.owner is not None:
            continue
        with suppress(EngineError, NoSuchContainerError, JournalError, BusyError):
            if is_of(access, item) and undone_elsewhere(access.port, item):
                with rollback.held(access.journal, item):
                    access.journal.forget(item.id)


def _result(stays: bool) -> Result:
    return Result.FINISHED if stays else Result.UNDONE


def is_of(access: EngineAccess, item: Transaction | TwinRecord) -> bool:
    """Whether it is of this engine: an id such as `docker` is another engine when the environment says so. That one
    does not know the container, which would look as if somebody had removed it. Raises EngineError.
    """
    if item.endpoint == access.engine.endpoint:
        return True
    if item.engine != access.engine.id:
        return False
    try:
        original = item.old if isinstance(item, Transaction) else item.original
        return bool(access.port.running(original).id)
    except NoSuchContainerError:
        return False


_NUMBER = re.compile(r"[0-9a-f]{8,64}").fullmatch


class _Replacement(Value):
    """A replacement by its labels, and the container that it was made for, if that exists."""

    made: Running
    first: Running | None


def under_way(access: EngineAccess) -> tuple[Transaction, ...]:
    """What is neither finished nor in the journal; if nobody holds it, a crash left it. Raises EngineError."""
    return tuple(
        item
        for item in _known_to_engine(access)
        if item.stage is not Stage.DONE and not any(access.journal.held(each) for each in _containers(item))
    )


def still_under_way(access: EngineAccess, item: Transaction) -> Transaction | None:
    """The same, read again; None if its holder has finished meanwhile. Raises EngineError."""
    return next(
        (each for each in _known_to_engine(access) if each.id == item.id and each.stage is not Stage.DONE), None
    )


def set_aside(access: EngineAccess) -> tuple[Transaction, ...]:
    """Originals to which one can go back though the journal does not have them. Raises EngineError."""
    return tuple(item for item in _known_to_engine(access) if item.stage is Stage.DONE)


def _containers(item: Transaction) -> Iterator[str]:
    for member in item.members:
        yield from (member.old, member.new)


def _known_to_engine(access: EngineAccess) -> Iterator[Transaction]:
    known = transactions(access.journal)
    groups: dict[str, dict[str, _Replacement]] = {}
    for made in access.port.labelled(TRANSACTION, ""):
        labels = dict(made.labels)
        number, original = labels.get(TRANSACTION, ""), labels.get(ORIGINAL, "")
        # the container that it replaces exists while under way; afterwards that may have been a replacement itself
        first = look(access.port, original) or look(access.port, labels.get(FIRST, ""))
        in_journal = any(item.id == number or item.concerns(made.id) for item in known)
        if _NUMBER(number) and not in_journal:
            groups.setdefault(number, {}).setdefault(original, _Replacement(made, first))
    for number, found in groups.items():
        pairs = sorted(found.values(), key=lambda pair: dict(pair.made.labels).get(PLACE, "0").rjust(4))
        item = _transaction(access, number, pairs)
        if item is not None:
            yield item


def _transaction(access: EngineAccess, number: str, pairs: list[_Replacement]) -> Transaction | None:
    """None if the original of a finished one is gone, or if names do not match the labels."""
    members, kinds, stages = [], set(), set()
    for made, first in ((pair.made, pair.first) for pair in pairs):
        if not (is_mark(made.name) if first is None else _belong(made, first)):
            return None
        kind, stage = _state(made, first)
        kinds.add(kind)
        stages.add(stage)
        members.append(_member(access.port, number, made, first, kind))
    main = members[0]
    kind = TransactionKind.UNDO if kinds == {TransactionKind.UNDO} else TransactionKind.HARDEN
    stage = Stage.DONE if stages == {Stage.DONE} else Stage.STOPPED
    return Transaction.of(
        (replace(main, was_running=True), *members[1:]),
        number=number,
        kind=kind,
        stage=stage,
        engine=access.engine.id,
        endpoint=access.engine.endpoint,
        created=kind is TransactionKind.HARDEN,
        started_at=0.0,
        choices=(),
        owner=None,
    )


def _belong(made: Running, first: Running) -> bool:
    """By their names: an image can bring labels, but no name."""
    name = dict(made.labels).get(NAME, "")
    return all(is_mark(each.name) or each.name == name or each.name.startswith(f"{name}.old-")
               for each in (made, first))  # fmt: skip


def _state(made: Running, first: Running | None) -> tuple[TransactionKind, Stage]:
    """Which operation the two are in, and whether it is done: by names, and by which of them runs."""
    if first is None:
        return TransactionKind.HARDEN, Stage.STOPPED
    if made.name == claim(first.id) or made.name == f"{claim(first.id)}.same":
        return TransactionKind.HARDEN, Stage.STOPPED
    if first.name == guard(made.id):
        return TransactionKind.HARDEN, Stage.STOPPED
    if claim(made.id) == first.name or guard(first.id) == made.name:
        return TransactionKind.UNDO, Stage.STOPPED
    return (
        TransactionKind.UNDO if first.status in ALIVE and made.status not in ALIVE else TransactionKind.HARDEN
    ), Stage.DONE


def _member(port: Relauncher, number: str, made: Running, first: Running | None, kind: TransactionKind) -> Member:
    labels = dict(made.labels)
    policy, name = policy_of(labels.get(RESTART, "")), labels.get(NAME, "") or made.name
    back = kind is TransactionKind.UNDO
    seconds = port.plan(made.id).stop_timeout
    number_of = first.id if first is not None else labels.get(ORIGINAL, "")
    aside = f"{name}.old-{number[:8]}"
    resting = made if back else first
    named = aside if resting is None or is_mark(resting.name) or resting.name == name else resting.name
    return Member(
        name=name,
        old=made.id if back else number_of,
        new=number_of if back else made.id,
        old_aside=named,
        new_aside=aside,
        restart=policy,
        new_restart=policy,
        was_running=made.status in ALIVE or (first is not None and first.status in ALIVE),
        stop_timeout=seconds,
        image="" if back else layer_image(name, number),
        old_image="" if resting is None else own_image(port.plan(resting.id).image),
    )
