"""The program's entry: the command line if a command is given, else the window, else (without a display) the report.

Nothing is imported before it is known which of these it is: `report` must not pay for Qt.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratascope import appimage_environment, fault_log

if TYPE_CHECKING:
    from pathlib import Path

    from stratascope.core.message import Message

LOOKING = ("report", "list", "reach", "engines", "background")  # commands that leave nothing to clean up
INTERRUPTED = 130  # exit status for SIGINT, as in shells: 128 + signal(7)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    appimage_environment.begin()
    if arguments is None:
        fault_log.begin()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the parent process
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["__complete"]:
        from stratascope.cli import completion

        status = completion.print_candidates(words[1:])
        sys.stdout.flush()
        os._exit(status)  # threads still waiting for a hanging engine would keep the process alive
    _speak()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        return _window()
    from stratascope.cli.arguments import parser

    parsed = parser().parse_args(words)
    if parsed.command is None:
        return _window(parsed.window_captures, parsed.window_shows)
    # A short burst of small objects, nearly all of which live to the end: no garbage worth collecting.
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
    """Exit at once: freeing hundreds of thousands of objects would take a tenth of the whole run time."""
    with contextlib.suppress(OSError):  # otherwise the normal exit reports the error
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _speak() -> None:
    """Choose the language before any text is made; one that is not available is reported, but does not prevent the
    start.
    """
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


def _window(captures: Sequence[Path] = (), shows: str = "") -> int:
    gc.disable()  # until the first frame is drawn (ui/app/app.py); imports create no garbage
    from stratascope.cli import display

    try:
        return _shown(display.trouble(os.environ), captures, shows)
    except KeyboardInterrupt:
        return INTERRUPTED


def _shown(trouble: Message | None, captures: Sequence[Path], shows: str) -> int:
    from stratascope.cli import display

    if trouble is None:
        try:
            from stratascope.ui.app import start
        except ImportError as error:
            trouble = display.no_qt(error)
        else:
            return start.show_captures(captures) if captures else start.main([], shows)
    from stratascope.cli import report

    return report.instead_of_window(trouble, captures)


if __name__ == "__main__":
    sys.exit(main())
