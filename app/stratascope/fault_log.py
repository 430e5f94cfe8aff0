"""A fault of ours, told on standard error: its traceback quotes names and an engine's words, and no terminal may obey
them.

`logging` is only loaded where there is something to tell, since it takes longer than an engine's answer.
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
    """Line by line."""
    return "\n".join(map(plain, text.split("\n")))


def fault_logger(name: str) -> logging.Logger:
    """For a fault that does not end the program."""
    import logging

    class Harmless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return harmless(super().format(record))

    if logging.lastResort is not None:  # what prints where nobody set up anything else, as we do not
        logging.lastResort.setFormatter(Harmless())
    return logging.getLogger(name)


def begin() -> None:
    """From here on, for faults that nobody caught."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _uncaught(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    import traceback

    sys.stderr.write(harmless("".join(traceback.format_exception(kind, error, place))))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and told.exc_type is not SystemExit:
        _uncaught(told.exc_type, told.exc_value, told.exc_traceback)
