"""Describes a failed relaunch: why, the engine's error, and the container's last output."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.ports import EngineError, NoSuchContainerError
from stratascope.core.relaunch.transaction import JournalError
from stratascope.usecases.relaunch.watch import FailedError


def in_words(error: Exception) -> tuple[Message, str, str]:
    """The reason, the engine's own error, and the container's last output."""
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
    """The texts of both, without repetition."""
    return "; ".join(dict.fromkeys(filter(None, words)))
