"""Printing: colour and Unicode only if the reader supports them, and no traceback when a pipe is closed."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TextIO

from stratascope.cli.progress import progress

if TYPE_CHECKING:
    from stratascope.core.message import MessageError
    from stratascope.core.ports import NoSuchContainerError
    from stratascope.presentation.terminal import Style

_NARROWEST = 40  # cells: what a table of ours takes at least


def style(*, details: bool = False) -> Style:
    """The style for standard output. NO_COLOR (no-color.org) and COLUMNS are respected."""
    from stratascope.presentation.terminal import WIDTH, Style

    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Style(colour=colour, unicode=encoding.startswith("utf"), details=details, width=columns() or WIDTH)


def columns(stream: TextIO | None = sys.__stdout__) -> int:
    """The terminal's width, as by shutil.get_terminal_size, whose imports take longer; 0: not a terminal."""
    with contextlib.suppress(ValueError):
        if (wanted := int(os.environ.get("COLUMNS", "0"))) > 0:
            return max(wanted, _NARROWEST)
    with contextlib.suppress(ValueError, OSError):  # closed, or no terminal
        found = 0 if stream is None else os.get_terminal_size(stream.fileno()).columns
        return max(found, _NARROWEST) if found else 0
    return 0


def write(text: str) -> None:
    """Print to standard output; what its encoding lacks is escaped. A closed pipe ends quietly. Raises OSError."""
    write_all((text,))


def say(*lines: str) -> None:
    """Print lines for people: on a terminal, what is wider goes on below its first word. Raises OSError."""
    write("".join(f"{each}\n" for line in lines for each in fitted(line, columns())))


def fitted(line: str, width: int) -> list[str]:
    """The lines of a terminal of that width, in cells; 0: not a terminal."""
    if not width or (len(line) <= width and line.isascii()):
        return [line]
    from stratascope.presentation.terminal import hang

    return hang(line, width)


def write_all(texts: Iterable[str]) -> None:
    """Print a text of megabytes, piece by piece."""
    encoding = sys.stdout.encoding or "ascii"
    try:
        with progress.printing():
            for text in texts:
                safe = text if text.isascii() else text.encode(encoding, "backslashreplace").decode(encoding)
                sys.stdout.write(safe)
            sys.stdout.flush()
    except BrokenPipeError:
        _to_nowhere()  # the reader (head, less) has seen enough
    except OSError:
        _to_nowhere()
        raise


def _to_nowhere() -> None:
    """Discard all further output: flushing at exit would raise again."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def on_terminal() -> bool:
    """Whether a person can be asked on the controlling terminal."""
    if not sys.stderr.isatty():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def complain(text: str) -> None:
    """Print to standard error; failing to do so changes nothing."""
    encoding = sys.stderr.encoding or "ascii"
    with contextlib.suppress(OSError), progress.printing():
        told = "".join(f"{each}\n" for each in fitted(f"stratascope: {text}", columns(sys.stderr)))
        sys.stderr.write(told.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def ask(question: str) -> str:
    """Ask on standard error; returns the answer's line, empty at the end of the input."""
    progress.done()
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def complain_of(error: MessageError | NoSuchContainerError | OSError, *named: str) -> None:
    """Print an error's message, then the original words of engine or system, unless the message contains them."""
    from stratascope.core.message import msg
    from stratascope.core.ports import NoSuchContainerError
    from stratascope.core.sanitize import plain
    from stratascope.i18n.translate import translate

    if isinstance(error, OSError):
        why = error.strerror or str(error)
        complain(f"{error.filename}: {why}" if error.filename else why)
        return
    if isinstance(error, NoSuchContainerError):
        complain(translate(msg("The container is gone.")))
        return
    complain(translate(error.message))
    if error.words and error.words not in (*named, *(value for _, value in error.message.args)):
        complain(plain(error.words, 1000))


def interrupted() -> Callable[[], bool]:
    """Catch SIGINT, SIGTERM and SIGHUP; the result tells whether one came since. Further signals change nothing: what
    has begun is first rolled back or completed.
    """
    pressed: list[int] = []

    def press(number: int, _: object) -> None:
        pressed.append(number)
        progress.stopping()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # ignored by nohup(1)
            signal.signal(number, press)
    return lambda: bool(pressed)
