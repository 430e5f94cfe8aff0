"""Hardening one container: exchange, watch, prove; and back by itself where that fails.

Generators that yield each step as it happens, for the window and the command line alike. Nothing here knows Qt or an
engine's JSON.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from stratascope.core.container import Status
from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.launch_spec import LaunchSpec, layer_image, own_image
from stratascope.core.relaunch.toggle import Failure, Proven
from stratascope.core.relaunch.transaction import (
    BusyError,
    Ended,
    Ending,
    JournalError,
    Kind,
    Member,
    Progress,
    Remedy,
    Stage,
    State,
    Transaction,
)
from stratascope.usecases.plan.plan import Plan, Workshop, expected
from stratascope.usecases.plan.preflight import lost_files, own_changes
from stratascope.usecases.relaunch.diagnosis import blame
from stratascope.usecases.relaunch.diagnosis import unproven as left_out
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.outcome import back, finished
from stratascope.usecases.relaunch.probation import WATCH, FailedError
from stratascope.usecases.relaunch.rollback import held
from stratascope.usecases.relaunch.staleness import changed
from stratascope.usecases.relaunch.verification import Proved, all_back, unproven, verify


def harden(
    shop: Workshop,
    made: Plan,
    *,
    watch: float = WATCH,
    keep_unverified: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Proved | Ended]:
    """Carry the plan out. The last thing that it yields is an `Ended`; it raises nothing that an engine can cause."""
    if made.checked.blocks:
        yield Ended(Ending.REFUSED, None, made.checked.blocks[0].text)
        return
    transaction = _transaction(shop, made)
    try:
        with held(shop.journal, transaction):
            why_not = changed(shop.port, shop.journal, transaction)
            if why_not is not None:
                yield Ended(Ending.REFUSED, None, why_not)
                return
            yield from _held(shop, made, transaction, watch, keep_unverified, cancelled)
    except BusyError as error:
        yield Ended(Ending.REFUSED, None, error.message)
    except EngineError as error:
        yield Ended(Ending.REFUSED, None, error.message, error.words)
    except JournalError as error:
        why = msg("The journal can't be written, and without it there would be no way back after a crash.")
        yield Ended(Ending.REFUSED, None, why, error.words)


def _held(
    shop: Workshop,
    made: Plan,
    transaction: Transaction,
    watch: float,
    keep_unverified: bool,
    cancelled: Callable[[], bool],
) -> Iterator[Progress | Proved | Ended]:
    known = {item.id: item for item in (made.state.container, *(each.container for each in made.further))}

    def wrote(container: str) -> bool:
        return own_changes(known[container], shop.port.changes(container))

    def lost(container: str) -> str:
        return lost_files(known[container], shop.port.changes(container))

    exchange = Exchange(
        shop.port, shop.journal, transaction, cancelled, shop.clock, expected(shop, made), made.spec.body, wrote, lost
    )
    failed: list[Proved] = []
    try:
        before = shop.born_with(transaction.old)
        yield from exchange.forward(watch)
        all_back(shop, made, before, exchange.transaction.new)
        begun = shop.clock.now()
        told = Progress("verify", State.BEGUN, 0.0, msg("Hold the result against /proc"))
        yield told
        proofs = verify(shop, made, exchange.transaction.new)
        yield from proofs
        yield replace(told, state=State.DONE, seconds=shop.clock.now() - begun)
        failed = [item for item in proofs if item.proof.outcome is not Proven.ENFORCED]
        if failed and not keep_unverified:
            raise FailedError(unproven(failed))
        exchange.verified()
    except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
        for event in back(shop, exchange, error):
            yield _blamed(event, made, exchange, error, failed) if isinstance(event, Ended) else event
        return
    yield finished(exchange, Ending.KEPT if failed else Ending.VERIFIED)


def _blamed(ended: Ended, made: Plan, exchange: Exchange, error: Exception, failed: Sequence[Proved]) -> Ended:
    """With our best explanation, where it is the replacement that failed."""
    match error:
        case FailedError(failure=Failure() as failure):
            text, suspects = blame(made.choices, failure, made.subject)
        case RefusedError() if exchange.transaction.stage in (Stage.INTENT, Stage.RENAMED):  # of create, of start
            text, suspects = blame(made.choices, Failure(words=error.words), made.subject)
        case FailedError() if failed:
            text, suspects = left_out([item.choice for item in failed])
        case _:
            return ended
    return replace(ended, blame=text, suspects=suspects)


def _member(spec: LaunchSpec, number: str, body: str, remedies: frozenset[Remedy], *, running: bool) -> Member:
    commit = Remedy.COMMIT_LAYER in remedies and bool(spec.image_id)
    return Member(
        name=spec.name,
        old=spec.id,
        new="",
        old_aside=f"{spec.name}.old-{number[:8]}",
        new_aside=f"{spec.name}.new-{number[:8]}",
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=running,
        stop_timeout=spec.stop_timeout,
        image=layer_image(spec.name, number) if commit else "",
        old_image=own_image(spec.image),
        inspect=spec.inspect,
        body=body,
    )


def _transaction(shop: Workshop, made: Plan) -> Transaction:
    number, spec = secrets.token_hex(8), made.spec
    further = tuple(
        _member(each.spec, number, each.spec.body, made.remedies, running=each.container.status is Status.RUNNING)
        for each in made.further
    )
    main = _member(spec, number, made.body, made.remedies, running=True)
    bare = Transaction(
        id=number,
        kind=Kind.HARDEN,
        stage=Stage.INTENT,
        engine=spec.engine,
        endpoint=shop.engine.endpoint,
        name=spec.name,
        old=spec.id,
        new="",
        created=True,
        old_aside="",
        new_aside="",
        restart=spec.restart,
        new_restart=spec.restart,
        was_running=True,
        stop_timeout=spec.stop_timeout,
        started_at=time.time(),
        choices=tuple(f"{choice.toggle}={choice.value}" for choice in made.choices),
    )
    return bare.with_members((main, *further))
