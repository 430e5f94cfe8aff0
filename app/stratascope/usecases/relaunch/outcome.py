"""How a relaunch or an undo ends: on the way back where it failed, or for good; in words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError
from stratascope.core.relaunch.transaction import Ended, Ending, JournalError, Progress, Stage, State, Transaction
from stratascope.usecases.plan.plan import Workshop
from stratascope.usecases.relaunch.exchange import Exchange
from stratascope.usecases.relaunch.probation import FailedError
from stratascope.usecases.relaunch.rollback import NameTakenError, all_that_is_left, roll_back


def back(shop: Workshop, exchange: Exchange, error: Exception) -> Iterator[Progress | Ended]:
    made = exchange.transaction
    if isinstance(error, JournalError) and made.stage is Stage.INTENT and not (made.created and made.new):
        with contextlib.suppress(JournalError):
            shop.journal.forget(made.id)
        raise error  # the very first word could not be written: nothing was done
    why, words, log = in_words(error)
    if _without_an_original(shop, made):
        ended = finished(exchange, Ending.KEPT)
        text = msg("{why} Somebody else removed the one that ran before, so the one in its place stays.", why=why)
        yield replace(ended, why=text, words=_joined(words, ended.words), log=log)
        return
    begun = shop.clock.now()
    words_told = msg("Bring the original back") if made.created else msg("Bring back the one that ran")
    told = Progress("roll-back", State.BEGUN, 0.0, words_told)
    yield told
    try:
        lost = isinstance(error, EngineError) and not isinstance(error, RefusedError)
        roll_back(shop.port, shop.journal, exchange.transaction, lost=lost, clock=shop.clock)
    except (EngineError, NoSuchContainerError, JournalError) as second:
        yield replace(told, state=State.FAILED, seconds=shop.clock.now() - begun)
        text = msg("{why} The way back failed too: run stratascope recover as soon as that is mended.", why=why)
        ending = Ending.UNFINISHED
        if isinstance(second, NameTakenError):  # the original runs
            text, ending = second.message, Ending.ROLLED_BACK
        yield Ended(ending, exchange.transaction, text, _joined(words, in_words(second)[1]), log)
        return
    yield replace(told, state=State.DONE, seconds=shop.clock.now() - begun)
    yield Ended(Ending.ROLLED_BACK, exchange.transaction, why, words, log)


def _without_an_original(shop: Workshop, made: Transaction) -> bool:
    try:
        return all_that_is_left(shop.port, made)
    except EngineError:
        return False  # the way back will find out


def _joined(*words: str) -> str:
    """The engine's words to both, once where they are the same."""
    return "; ".join(dict.fromkeys(filter(None, words)))


def in_words(error: Exception) -> tuple[Message, str, str]:
    """Why, the engine's own words, and the container's last ones."""
    match error:
        case FailedError():
            return error.why, error.words, error.log
        case EngineError():
            return error.message, error.words, ""
        case JournalError():
            return msg("The journal can't be written any more."), error.words, ""
        case NoSuchContainerError():
            return msg("A container went away in the middle; somebody else removed it."), str(error), ""
    return msg("Something that should not happen did."), str(error), ""


def finished(exchange: Exchange, ending: Ending) -> Ended:
    """It stays whatever happens now: that it does is in the journal, and recovery would finish it too."""
    try:
        return Ended(ending, exchange.finish())
    except (EngineError, NoSuchContainerError, JournalError) as error:
        why, words, _ = in_words(error)
        text = msg("{why} What runs now stays; run stratascope recover to finish.", why=why)
        return Ended(ending, exchange.transaction, text, words)
