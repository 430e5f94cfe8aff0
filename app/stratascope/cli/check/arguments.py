"""The words of `check`."""

from __future__ import annotations

import argparse
from pathlib import Path

from stratascope.cli.parsing import Parser, told
from stratascope.cli.reporting import arguments as reporting
from stratascope.core.message import msg


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """What would stand, before it is started."""
    check = commands.add_parser(
        "check",
        help=told(msg("what would protect the host from a container before it is started")),
        description=told(
            msg(
                "Says what would stand between a container and this machine's kernel, based on what would start it: "
                "a run command, a Compose file, a Quadlet unit or a Kubernetes manifest. Nothing is started. Exit "
                "status as for report; 2 for a file that is not understood."
            )
        ),
    )
    check.takes_command = True
    check.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help=told(msg("what would start it; - is standard input. Or a command after --: -- docker run …")),
    )
    check.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME",
        help=told(msg("only this service or container of the file (repeatable)")),
    )
    check.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="ID",
        help=told(msg("as this engine would start it, by its ID or endpoint; by default the first that answers")),
    )
    check.add_argument(
        "--ground",
        type=Path,
        metavar="CAPTURE",
        help=told(msg("judge for the machine on which this capture was taken")),
    )
    check.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help=told(msg("a value that the file asks for; without a value, that of the environment (repeatable)")),
    )
    fix = check.add_mutually_exclusive_group()
    fix.add_argument(
        "--diff",
        action="store_true",
        help=told(msg("print what would close all critical and serious threats, as a diff of the file")),
    )
    fix.add_argument(
        "--fix", type=Path, metavar="COPY", help=told(msg("write the file with that diff applied to COPY"))
    )
    fix.add_argument("--in-place", action="store_true", help=told(msg("apply that diff to the file itself")))
    form = check.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help=told(msg("print JSON instead of text")))
    reporting.add(check, form)
