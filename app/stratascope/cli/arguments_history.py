"""The words of the command that tells what changed: history."""

from __future__ import annotations

import argparse

from stratascope.cli.numbers import since
from stratascope.cli.parsing import Parser, told
from stratascope.core.message import msg


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add it to the parser of `stratascope`."""
    history = commands.add_parser(
        "history",
        help=told(msg("what changed in containers, and when")),
        description=told(
            msg(
                "Prints what changed in containers: settings, exposure, restarts, relaunches, processes that differ, "
                "and peak usage. Changes are recorded while the window is open; no engine is asked."
            )
        ),
    )
    history.add_argument("container", nargs="?", metavar="NAME|ID", help=told(msg("only this container")))
    history.add_argument(
        "--since",
        type=since,
        default=since("1d"),
        metavar="TIME",
        help=told(msg("how far back to look: 30m, 12h, 2w or all (1d)")),
    )
    history.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    history.add_argument(
        "--engine", action="append", default=[], metavar="ID", help=told(msg("only this engine (repeatable)"))
    )
