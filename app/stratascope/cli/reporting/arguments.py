"""The options of a report's form that `report` and `check` share."""

from __future__ import annotations

import argparse
from pathlib import Path

from stratascope.cli.numbers import exposure
from stratascope.cli.parsing import Parser, told
from stratascope.core.message import msg
from stratascope.core.severity import Severity

FORMATS = ("text", "json", "ndjson", "html", "sarif", "junit", "gitlab", "gitlab-sast", "prometheus", "sqlite")


def add(command: Parser, form: argparse._MutuallyExclusiveGroup) -> None:
    """All of them; `form`: the group that has --json."""
    form.add_argument(
        "--format",
        choices=FORMATS,
        metavar="FORMAT",  # all of them in one word would be wider than a terminal
        help=told(
            msg(
                "print it for another tool, as {formats}: gitlab is a code quality report, gitlab-sast one for the "
                "security dashboard, prometheus the format of a textfile collector, sqlite a database",
                formats=", ".join(FORMATS),
            )
        ),
    )
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help=told(msg("write it into FILE, whole or not at all, instead of printing it; - prints it")),
    )
    command.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help=told(msg("only what is new or worse since FILE, an earlier JSON report")),
    )
    command.add_argument(
        "--exceptions",
        type=Path,
        metavar="FILE",
        help=told(msg("count, but do not list, findings that FILE accepts until a given day")),
    )
    command.add_argument(
        "--fail-above",
        type=exposure,
        metavar="N",
        help=told(msg("exit with 1 where a container's exposure is above N (0 to 10)")),
    )
    command.add_argument(
        "--fail-on",
        choices=tuple(each.value for each in Severity),
        help=told(msg("exit with 1 if a finding of this severity or worse, or an open threat of it, is not accepted")),
    )
