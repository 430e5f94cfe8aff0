"""The program's entry: a command line where a command is given, else the window, else (no display) the report.

Nothing is imported before it is known which of them it is: `report` must not pay for Qt.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratascope import fault_log, frozen

if TYPE_CHECKING:
    from pathlib import Path

    from stratascope.core.message import Message

LOOKING = ("report", "engines")  # commands that leave nothing to be put in order
INTERRUPTED = 130  # by SIGINT, as shells count: 128 + signal(7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    frozen.begin()
    if arguments is None:
        fault_log.begin()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["__complete"]:
        from stratascope.cli import completion_candidates

        status = completion_candidates.run(words[1:])
        sys.stdout.flush()
        os._exit(status)  # threads that still wait for an engine that hangs would keep the shell waiting
    _speak()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        return _window()
    from stratascope.cli.arguments import parser

    parsed = parser().parse_args(words)
    if parsed.command is None:
        return _window(parsed.window_captures)
    # One short burst of small objects that nearly all live to the end: no garbage worth looking for.
    gc.disable()
    from stratascope.cli import commands

    try:
        status = commands.run(parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    if arguments is None and parsed.command in LOOKING:
        _leave(status)
    return status


def _leave(status: int) -> None:
    """End at once: to take apart what was read, in hundreds of thousands of pieces, takes a tenth of the whole time."""
    with contextlib.suppress(OSError):  # else the usual end tells it
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _speak() -> None:
    """Choose the language, before the first text is made; what can't be had is told and is no reason not to start."""
    from stratascope.i18n import language as language
    from stratascope.i18n.translate import translate

    wanted = None
    if not os.environ.get(language.VARIABLE):
        from stratascope.state.settings import Settings

        wanted = Settings().get(language.SETTING)
    problem = language.start(os.environ, wanted)
    if problem is not None:
        from stratascope.cli.output import complain

        complain(translate(problem))


def _window(captures: Sequence[Path] = ()) -> int:
    gc.disable()  # until the first picture has been drawn (ui/app/app.py); of what is imported nothing is garbage
    from stratascope.cli import display

    try:
        return _shown(display.trouble(os.environ), captures)
    except KeyboardInterrupt:
        return INTERRUPTED


def _shown(trouble: Message | None, captures: Sequence[Path]) -> int:
    from stratascope.cli import display

    if trouble is None:
        try:
            from stratascope.ui.app import start
        except ImportError as error:
            trouble = display.no_qt(error)
        else:
            return start.show_captures(captures) if captures else start.main([])
    from stratascope.cli import without_display

    return without_display.run(trouble, captures)


if __name__ == "__main__":
    sys.exit(main())
