"""Logs our own faults on standard error. A traceback quotes names and an engine's messages, which must not control the
terminal.

`logging` is only loaded if there is something to log, since that takes longer than an engine's reply.
"""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from stratascope.core.sanitize import plain

if TYPE_CHECKING:
    import logging


def harmless(text: str) -> str:
    """Escape control characters line by line."""
    return "\n".join(map(plain, text.split("\n")))


def fault_logger(name: str) -> logging.Logger:
    """A logger for faults that don't end the program."""
    import logging

    class Harmless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return harmless(super().format(record))

    if logging.lastResort is not None:  # the handler that is used if nobody configures logging, as here
        logging.lastResort.setFormatter(Harmless())
    return logging.getLogger(name)


def begin() -> None:
    """From now on, log uncaught exceptions too."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    import traceback

    sys.stderr.write(harmless("".join(traceback.format_exception(kind, error, place))))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and args.exc_type is not SystemExit:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
