"""The words of the command line. An option whose feature does not exist yet is not here: argparse refuses it."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from stratascope import __version__


def parser() -> argparse.ArgumentParser:
    """The parser of `stratascope`; without a command the window is meant."""
    top = argparse.ArgumentParser(
        prog="stratascope",
        description="Shows what really stands between a container and the host's kernel, layer by layer. "
        "Without a command it opens the window.",
        epilog="STRATASCOPE_ENGINES (endpoints separated by spaces, each optionally kind=…) replaces the search "
        "for engines.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"stratascope {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    report = commands.add_parser(
        "report",
        help="print the layers of containers",
        description="Prints the layers of each container, as the kernel enforces them. With names or ids: of these "
        "only, with every decoded fact.",
        allow_abbrev=False,
    )
    report.add_argument("containers", nargs="*", metavar="NAME|ID", help="only these containers, in detail")
    form = report.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of text")
    form.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page into FILE instead")
    report.add_argument(
        "--fail-above",
        type=_exposure,
        metavar="N",
        help="exit with 1 where a container's exposure is above N (0 to 10)",
    )
    report.add_argument(
        "--engine",
        action="append",
        default=[],
        metavar="ID",
        help="only this engine, by its id or endpoint (repeatable)",
    )
    report.add_argument(
        "--privileged",
        action="store_true",
        help="also read what only root can (seccomp filters, namespaces of others); asks for a password where needed",
    )
    record = report.add_mutually_exclusive_group()
    record.add_argument("--save-capture", type=Path, metavar="FILE", help="also record everything read into FILE")
    record.add_argument("--from-capture", type=Path, metavar="FILE", help="work from such a record instead")
    engines = commands.add_parser(
        "engines",
        help="list the engines and what to do where one can't be used",
        description="Lists the container engines that were found, and what to do where one can't be used.",
        allow_abbrev=False,
    )
    engines.add_argument("--json", action="store_true", help="print JSON instead of text")
    return top


def _exposure(text: str) -> float:
    """A number from 0 to 10."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 10.0:  # NaN neither
        raise argparse.ArgumentTypeError(f"not a number from 0 to 10: {text!r}")
    return number
