"""One line at the foot of a terminal that says what is done now, for how many seconds, and what is next.

All commands share the one line: `commands.run` begins and ends it, however the command ends, `doing` says what is done,
and `output` clears the line before it prints. It is on standard error, and only where that and standard output are a
terminal: nothing is added to a pipe, a file or JSON. It has no colour, and the width is asked for each time it is
drawn, so that a window may be resized meanwhile.

The cursor rests at the beginning of the line: what another program prints there (sudo's question for a password)
begins where ours did. As long as the terminal does not echo, somebody types a password, and nothing is drawn over it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stratascope.core.message import Message

_BEFORE = 0.4  # seconds: what is done by then needs no line
_EVERY = 0.25
_ERASE = "\x1b[K"  # to the end of the line (ECMA-48, EL)
_NARROWEST = 20  # cells


class ProgressLine:
    """The line. Its thread draws, so that it moves on while an engine is waited for."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # also taken by a signal's handler, in the thread that may have it
        self._step: Message | None = None
        self._next: Message | None = None
        self._place = ""
        self._begun = 0.0
        self._drawn = self._stopping = self._typed = False
        self._first = False  # whether this is still the command's first step, which its first output ends
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.on = False

    def begin(self, step: Message, *, silent: bool) -> None:
        """Begin a command, with what it does until it prints or says more. `silent`: as with --json."""
        self.on = not silent and _seen()
        self.doing(step)
        self._first = self.on

    def doing(self, step: Message, then: Message | None = None, *, place: str = "") -> None:
        """Say what is done from now on, and what comes after it. `place`: which of several, before it."""
        if not self.on:
            return
        with self._lock:
            self._first = False
            self._step, self._next, self._place, self._begun = step, then, place, time.monotonic()
            if self._drawn:
                self._draw()
            if self._thread is None:
                self._ended.clear()
                self._thread = threading.Thread(target=self._follow, args=(self._ended,), name="progress", daemon=True)
                self._thread.start()

    def done(self) -> None:
        """Nothing is done at the moment: the line is cleared."""
        with self._lock:
            self._step = None
            self._clear()

    def stopping(self) -> None:
        """Ctrl+C was pressed: say so until the end."""
        self._stopping = True

    def end(self) -> None:
        """Clear the line, and draw no more."""
        self.on = False
        self.done()
        self._ended.set()
        self._thread, self._stopping = None, False

    @contextlib.contextmanager
    def printing(self) -> Iterator[None]:
        """Keep the line out of the way of what is printed meanwhile; it is drawn again below."""
        with self._lock:
            if self._first:
                self._step = None
            self._clear()
            yield

    def _follow(self, ended: threading.Event) -> None:
        while not ended.wait(_EVERY):
            with self._lock:
                if self._step is not None and time.monotonic() - self._begun >= _BEFORE and not ended.is_set():
                    self._draw()

    def _draw(self) -> None:
        if _types_unseen():
            if self._drawn and not self._typed:
                _put(_ERASE)  # what is left of our line behind the question
            self._typed = True
            return
        self._typed = False
        text = self._text()
        self._drawn = True
        _put(f"\r{text}{_ERASE}\r")

    def _clear(self) -> None:
        if self._drawn and not _types_unseen():
            _put(f"\r{_ERASE}")
        self._drawn = False

    def _text(self) -> str:
        """What fits: without what is next if need be, else cut."""
        from stratascope.core.message import msg
        from stratascope.core.sanitize import plain
        from stratascope.i18n.translate import translate
        from stratascope.presentation.terminal import clip, width_of

        assert self._step is not None
        step = plain(translate(self._step), 200)
        if self._place:
            step = f"{self._place} {step}"
        if self._stopping:
            step = translate(msg("Cancelling. {step}", step=step))
        count = str(int(time.monotonic() - self._begun))
        texts = [translate(msg("{step}, {seconds} s", step=step, seconds=count))]
        if self._next is not None and not self._stopping:
            then = plain(translate(self._next), 200)
            texts.insert(0, translate(msg("{step}, {seconds} s. Next: {next}", step=step, seconds=count, next=then)))
        width = _width() - 1  # a full line would wrap
        text = next((each for each in texts if width_of(each) <= width), clip(texts[-1], width))
        encoding = sys.stderr.encoding or "ascii"
        return text.encode(encoding, "replace").decode(encoding)


def _seen() -> bool:
    """Whether a person sees both outputs on a terminal that can go back to the beginning of a line."""
    with contextlib.suppress(ValueError):  # closed
        return sys.stderr.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return False


def _width() -> int:
    with contextlib.suppress(OSError, ValueError):
        return max(_NARROWEST, os.get_terminal_size(sys.stderr.fileno()).columns)
    return 80


def _types_unseen() -> bool:
    """Whether the terminal echoes nothing, as while a password is typed (termios(3), ECHO)."""
    import termios

    with contextlib.suppress(OSError, ValueError, termios.error):
        return not termios.tcgetattr(sys.stderr.fileno())[3] & termios.ECHO
    return False


def _put(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


progress = ProgressLine()
