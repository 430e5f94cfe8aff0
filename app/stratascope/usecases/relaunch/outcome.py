"""A failed relaunch in words: why, what the engine said, and what the container said last."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.transaction import JournalError
from stratascope.usecases.relaunch.watch import FailedError


def in_words(error: Exception) -> tuple[Message, str, str]:
    """Why, the engine's own words, and the container's last ones."""
    match error:
        case FailedError():
            return error.why, error.words, error.log
        case EngineError():
            return error.message, error.words, ""
        case JournalError():
            return msg("The journal can no longer be written."), error.words, ""
        case NoSuchContainerError():
            return msg("A container disappeared midway; someone else removed it."), str(error), ""
    return msg("Something unexpected happened."), str(error), ""


def joined(*words: str) -> str:
    """The words of both, once where they are the same."""
    return "; ".join(dict.fromkeys(filter(None, words)))
