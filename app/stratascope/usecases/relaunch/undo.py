"""Back to the original that was set aside, in the same order and by the same journal; or forth again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from stratascope.core.message import msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.launch_spec import Health, own_image
from stratascope.core.relaunch.transaction import (
    BusyError,
    Ended,
    Ending,
    JournalError,
    Kind,
    Member,
    Progress,
    Stage,
    Transaction,
)
from stratascope.usecases.plan.dependency_graph import dependents
from stratascope.usecases.plan.plan import Workshop
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.outcome import back, finished, in_words
from stratascope.usecases.relaunch.probation import WATCH, Expected, FailedError
from stratascope.usecases.relaunch.rollback import held
from stratascope.usecases.relaunch.staleness import over


def undo(
    shop: Workshop, done: Transaction, *, watch: float = WATCH, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Progress | Ended]:
    """Back to the original that `done` set aside; the replacement is set aside in its turn."""
    try:
        strangers = _strangers(shop, done)
        wanted, health = _way_back(shop, done)
    except (EngineError, NoSuchContainerError) as error:
        why, words, _ = in_words(error)
        yield Ended(Ending.REFUSED, done, why, words)
        return
    if strangers:
        why = msg("Other containers have come to need it since: {names}. Remove these first.",
                  names=", ".join(strangers))  # fmt: skip
        yield Ended(Ending.REFUSED, done, why)
        return
    try:
        with held(shop.journal, wanted):
            why_not = over(shop.journal, done)
            if why_not is not None:
                yield Ended(Ending.REFUSED, done, why_not)
                return
            expected = Expected(shop.vitals(done.new), shop.vitals, health)
            exchange = Exchange(shop.port, shop.journal, wanted, cancelled, shop.clock, expected)
            try:
                yield from exchange.forward(watch)
                exchange.verified()
            except (FailedError, EngineError, NoSuchContainerError, JournalError) as error:
                yield from back(shop, exchange, error)
                return
            yield finished(exchange, Ending.VERIFIED)
    except BusyError as error:
        yield Ended(Ending.REFUSED, done, error.message)
    except JournalError as error:
        yield Ended(Ending.REFUSED, done, msg("The journal can't be written."), error.words)


def _strangers(shop: Workshop, done: Transaction) -> list[str]:
    """Those that need a replacement and that the undo would not take along."""
    containers = shop.containers()
    ours = {container.id for container in containers if done.concerns(container.id)}
    needing = {
        other.id: other.name
        for container in containers
        if container.id in {member.new for member in done.members}
        for other, _ in dependents(container, containers)
    }
    return [name for key, name in needing.items() if key not in ours]


def _way_back(shop: Workshop, done: Transaction) -> tuple[Transaction, Health]:
    """With what the healthcheck of the one that runs now says. Raises EngineError, NoSuchContainerError."""
    number = secrets.token_hex(8)
    found = [_swapped(shop, member, number) for member in done.members]
    first, *further = (member for member, _ in found)
    kind = Kind.HARDEN if done.kind is Kind.UNDO else Kind.UNDO  # to take an undo back is to harden again
    back = replace(done, id=number, kind=kind, stage=Stage.INTENT, created=False, started_at=time.time())
    return back.with_members((replace(first, was_running=True), *further)), found[0][1]


def _swapped(shop: Workshop, member: Member, number: str) -> tuple[Member, Health]:
    spec, now = shop.port.plan(member.new), shop.port.running(member.new)
    made = Member(
        name=now.name,  # a person may have given it another one since
        old=member.new,
        new=member.old,
        old_aside=f"{now.name}.old-{number[:8]}",
        new_aside=member.old_aside,
        restart=spec.restart,
        new_restart=member.restart,
        was_running=now.status == "running",
        stop_timeout=spec.stop_timeout,
        old_image=own_image(spec.image),
        inspect=spec.inspect,
    )
    return made, now.health
