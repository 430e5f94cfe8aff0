"""The words of `list` and `diff`."""

from __future__ import annotations

import argparse
from pathlib import Path

from stratascope.cli.parsing import Parser, told
from stratascope.core.message import msg


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """One line a container, and two side by side."""
    listing = commands.add_parser(
        "list",
        help=told(msg("list the containers, one per line")),
        description=told(
            msg(
                "Prints a line for each container, the most exposed first: exposure, the marks of layers 1 to 6, "
                "name, group, engine, image, and the worst open threat. The JSON also lists who shares what."
            )
        ),
    )
    listing.add_argument(
        "--from-capture", type=Path, metavar="FILE", help=told(msg("work from such a recording instead"))
    )
    diff = commands.add_parser(
        "diff",
        help=told(msg("what differs between two containers, or two captures")),
        description=told(
            msg(
                "Prints how two containers differ: layers, threats, system calls and settings. Each is a name, an ID "
                "or a capture; from a capture, the container of the same name is taken, or FILE:NAME. Two captures "
                "without names: what changed in every container."
            )
        ),
    )
    diff.add_argument("one", metavar="A")
    diff.add_argument("two", metavar="B")
    for each in (listing, diff):
        each.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
        each.add_argument(
            "--engine", action="append", default=[], metavar="ID", help=told(msg("only this engine (repeatable)"))
        )
        each.add_argument(
            "--privileged",
            action="store_true",
            help=told(
                msg(
                    "also read what only root can (seccomp filters, other users' namespaces); asks for a password if "
                    "needed"
                )
            ),
        )
        each.add_argument(
            "--verified-only",
            action="store_true",
            help=told(msg("treat what only the engine states, and this user can't read from the kernel, as unknown")),
        )
