"""The program's entry: a command line where a command is given, else the window, else (no display) the report.

Nothing is imported before it is known which of them it is: `report` must not pay for Qt.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from stratascope import frozen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code."""
    frozen.begin()
    _speak()
    from stratascope.cli.arguments import parser

    words = list(sys.argv[1:] if arguments is None else arguments)
    parsed = parser().parse_args(words)
    try:
        if parsed.command is not None:
            # One short burst of small objects that nearly all live to the end: no garbage worth looking for.
            gc.disable()
            from stratascope.cli import commands

            return commands.run(parsed)
        return _window(words)
    except KeyboardInterrupt:
        return 130


def _speak() -> None:
    """Choose the language, before the first text is made; what can't be had is told and is no reason not to start."""
    from stratascope import i18n, language

    wanted = None
    if not os.environ.get(language.VARIABLE):
        from stratascope.state.settings import Settings

        wanted = Settings().get(language.SETTING)
    problem = language.start(os.environ, wanted)
    if problem is not None:
        from stratascope.cli.output import complain

        complain(i18n.translate(problem))


def _window(words: list[str]) -> int:
    from stratascope.cli import display

    trouble = display.trouble(os.environ)
    if trouble is None:
        try:
            from stratascope.ui import start
        except ImportError as error:
            trouble = display.no_qt(error)
        else:
            return start.main(words)
    from stratascope.cli import without_display

    return without_display.run(trouble)


if __name__ == "__main__":
    sys.exit(main())
