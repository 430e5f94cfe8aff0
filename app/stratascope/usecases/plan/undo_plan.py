"""Checks before an undo: what the replacement wrote since, and obstacles. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.transaction import Transaction
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.known import Pair, UnknownContainerError, known
from stratascope.usecases.plan.preflight import Block, Caution, unwatched
from stratascope.usecases.plan.written_files import written
from stratascope.value import Value


class UndoPlan(Value):
    """The effect of an undo. `written`: what the replacement changed in its image since, None if not known.

    It stays in the replacement, which is set aside, until that is discarded; a warning says where it does not.
    """

    written: tuple[str, ...] | None
    warnings: tuple[Caution, ...] = ()
    blocks: tuple[Block, ...] = ()


def undo_plan(access: EngineAccess, done: Transaction) -> UndoPlan:
    """Changes nothing. Raises EngineError."""
    owned = done.owner is not None  # Compose or systemd recreates containers and sets none aside
    cautions: tuple[Caution, ...] = ()
    if not owned:
        try:
            pairs = known(access.port, done)
        except UnknownContainerError as error:
            return UndoPlan(None, blocks=(Block("unknown", error.message, msg("Look at it, and at the journal.")),))
        if alone(pairs):
            text = msg(
                "The container that ran in its place was removed by someone else, so only the original is started "
                "again."
            )
            return UndoPlan((), (Caution("replacement-gone", text),))
        if anew(done, pairs):
            text = msg("The original was removed by someone else. It is re-created from the journal, without what it "
                       "wrote outside its volumes.")  # fmt: skip
            cautions = (Caution("original-gone", text),)
        if not all(each.new and (cautions or each.old) for each in pairs):
            text = msg("The container to go back to, or from, was removed by someone else.")
            return UndoPlan(None, blocks=(Block("gone", text, msg("Discard what is left of it.")),))
    if not owned and access.port.running(done.new).status == "paused":
        return UndoPlan(None, blocks=(Block("paused", msg("It is paused."), msg("Unpause it, and try again.")),))
    state = access.read(done.new)
    try:
        paths = None if state is None else written(state.container, access.port.changes(done.new))
    except (EngineError, NoSuchContainerError):
        paths = None
    if paths is None:
        return UndoPlan(None, (*cautions, Caution("written-unknown", msg("What it has written since can't be read."))))
    if owned and paths:
        text = msg("Its owner re-creates it and keeps nothing that it wrote outside its volumes.")
        return UndoPlan(paths, (Caution("written-lost", text),))
    return UndoPlan(paths, (*cautions, *unwatched(access.liveness(done.new))))


def anew(done: Transaction, pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back to has to be created again, and can be.

    Not if several were relaunched together: their create requests refer to each other by old ids.
    """
    first = pairs[0]
    return bool(done.original and first.new) and not done.further and first.old is None


def alone(pairs: Sequence[Pair]) -> bool:
    """Whether the container to go back from was removed, and all originals exist."""
    return all(each.old and not each.new for each in pairs)
