"""`stratascope check --diff | --fix COPY | --in-place`: what would close a file's services, as a difference of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stratascope import atomic_file
from stratascope.cli.check.problem_lines import problem_line
from stratascope.cli.output import complain, write
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.difference import difference
from stratascope.usecases.check.fix import Closed, fixed

DONE, FAILED = 0, 2
_COMMAND = "command line"


def run(checker: Checker, arguments: argparse.Namespace, text: str | None) -> int:
    """Print the difference or write the file; returns the exit code."""
    if (
        text is None
        or (arguments.in_place and arguments.file is None)
        or (str(arguments.file) == "-" and arguments.in_place)
    ):
        complain(translate(msg("There is no file to change.")))
        return FAILED
    file = _COMMAND if arguments.file is None else str(arguments.file)
    read = checker.read(text, file)
    if read.failed:
        for problem in read.problems:
            complain(problem_line(problem))
        return FAILED
    found = fixed(checker, text, file, arguments.service)
    for problem in found.problems:
        complain(problem_line(problem))
    for closed in found.services:
        complain(translate(_told(closed)))
    target = arguments.file if arguments.in_place else arguments.fix
    if target is None:
        lines = difference(text, found.text, file)
        # to be applied it has to be exact; on a terminal nothing in it may act
        write("".join(map(shown, lines) if sys.stdout.isatty() else lines))
    elif not _save(Path(target), found.text):
        return FAILED
    return FAILED if found.problems else DONE


def _told(closed: Closed) -> Message:
    return msg(
        "{name}: exposure {before} → {after} by {choices}",
        name=plain(closed.name, 80),
        before=f"{closed.before:.1f}",
        after=f"{closed.after:.1f}",
        choices=", ".join(f"{choice.toggle}={choice.value}" for choice in closed.choices),
    )


def shown(line: str) -> str:
    """A line for a terminal: its tabs are kept, all else that could act is made visible."""
    body, end, _ = line.partition("\n")
    return "\t".join(map(plain, body.split("\t"))) + end


def _save(file: Path, text: str) -> bool:
    try:
        atomic_file.save(file, text.encode())
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        return False
    return True
