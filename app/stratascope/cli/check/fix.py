"""`stratascope check --diff | --fix COPY | --in-place`: what would close a file's services, as a difference of it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from stratascope import atomic_file
from stratascope.cli.check.problem_lines import problem_line
from stratascope.cli.output import complain, write
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.corrections import Closed, fixed
from stratascope.usecases.check.writing import difference

DONE, FAILED = 0, 2
_COMMAND = "command line"
_MARK = b"\xef\xbb\xbf"  # of UTF-8, which some editors put first; it is read over
_WRITABLE = 0o222


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
        for used in closed.in_use:
            title = toggle(used.choice.toggle).titled(used.choice.value)
            complain(translate(msg("{name}: it may need this: {title}. {why}", name=plain(closed.name, 80), title=title,
                                   why=used.why)))  # fmt: skip
    if arguments.in_place:
        if found.text != text and not _exchange(arguments.file, text, found.text):
            return FAILED
    elif arguments.fix is None:
        lines = difference(text, found.text, file)
        # to be applied it has to be exact; on a terminal nothing in it may act
        write("".join(map(shown, lines) if sys.stdout.isatty() else lines))
    elif not _save(arguments.fix, found.text):
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


def _exchange(file: Path, before: str, text: str) -> bool:
    """Replace the text of the file, if it is unchanged otherwise; whether that was done."""
    try:
        why_not = _why_not(file)
        if why_not is not None:
            complain(translate(why_not))
            return False
        old, new = before.encode(), text.encode()
        if atomic_file.read(file, len(_MARK + old)) == _MARK + old:
            old, new = _MARK + old, _MARK + new
        atomic_file.exchange(file, new, old)
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        return False
    return True


def _why_not(file: Path) -> Message | None:
    """Why a file can't be replaced with all its attributes. Raises OSError."""
    facts = file.stat()
    if facts.st_mode & _WRITABLE == 0 or not os.access(file, os.W_OK):
        return msg("{file} is read-only: allow writing to it, or have a copy written with --fix.", file=str(file))
    if facts.st_nlink > 1:
        return msg(
            "{file} has several names (hard links), and only this one would change: have a copy written with --fix.",
            file=str(file),
        )
    user, groups = os.geteuid(), {os.getegid(), *os.getgroups()}
    if user != 0 and (facts.st_uid != user or facts.st_gid not in groups):
        return msg(
            "{file} would not keep its owner and group: correct it as their user, or have a copy written with --fix.",
            file=str(file),
        )
    return None


def _save(file: Path, text: str) -> bool:
    try:
        atomic_file.save(file, text.encode())
    except OSError as error:
        complain(f"{file}: {error.strerror or error}")
        return False
    return True
