"""`stratascope check`: how a container would be confined, before it is started. Exit codes as of `report`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from stratascope import atomic_file
from stratascope.cli.output import complain, write
from stratascope.cli.reading import read_annotations
from stratascope.cli.report import exceeded, gate_of, put
from stratascope.core import shell_quote
from stratascope.core.container import ENGINES, EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.given import Problem
from stratascope.core.ports import ProbeError
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import Annotations
from stratascope.state import capture_file
from stratascope.usecases.check.check import Checked, Checker
from stratascope.wiring.check import RECORDED, checker
from stratascope.wiring.engines import open_engines

if TYPE_CHECKING:
    from stratascope.usecases.check.corrections import Closed

DONE, EXCEEDED, FAILED = 0, 1, 2
_FILE_MOST = 4 << 20  # bytes; the parsers' own limits are lower
_INPUT = Path("-")


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code."""
    if (arguments.file is None) == (not arguments.command_words):
        complain(translate(msg("Give a file, or a command after --: stratascope check -- docker run …")))
        return FAILED
    try:
        annotations = read_annotations(arguments)
        with ExitStack() as stack:
            made = _checker(arguments, stack)
            if arguments.diff or arguments.fix or arguments.in_place:
                return _fix(made, arguments, _text(arguments))
            found = _checked(made, arguments)
    except UnicodeDecodeError as error:
        complain(translate(_no_text(arguments.file, error)))
        return FAILED
    except OSError as error:
        complain(f"{error.filename or arguments.file}: {error.strerror or error}")
        return FAILED
    if found is None:
        complain(translate(msg("{file} is too long to be read here.", file=str(arguments.file))))
        return FAILED
    return _print_checked(found, arguments, annotations)


def _checker(arguments: argparse.Namespace, stack: ExitStack) -> Checker:
    if arguments.ground is not None:
        return checker(None, capture_file.load(arguments.ground), arguments.engine, _variables(arguments.env))
    try:
        opened = stack.enter_context(open_engines(tuple(arguments.engine)))
    except ProbeError:
        if not set(arguments.engine) <= RECORDED:
            raise
        opened = stack.enter_context(open_engines())  # not installed here: use its known defaults
    program = Path(arguments.command_words[0]).name if arguments.command_words else ""
    kind = EngineKind(program) if program in ENGINES else None
    return checker(opened, None, arguments.engine, _variables(arguments.env), kind)


def _variables(said: list[str]) -> dict[str, str]:
    """Variables from `NAME=VALUE` words, or by name alone from the environment."""
    found = {}
    for word in said:
        name, equals, value = word.partition("=")
        if equals or name in os.environ:
            found[name] = value if equals else os.environ[name]
    return found


def _checked(made: Checker, arguments: argparse.Namespace) -> Checked | None:
    if arguments.command_words:
        return made.words(arguments.command_words, time.time())
    text = _text(arguments)
    return None if text is None else made.text(text, str(arguments.file), time.time(), arguments.service)


def _text(arguments: argparse.Namespace) -> str | None:
    """The text to check; None if it is too long."""
    if arguments.command_words:
        return shell_quote.words(arguments.command_words)
    return read_text(arguments.file)


def read_text(file: Path) -> str | None:
    """The text of a file, or of standard input for `-`; None if it is too long. Raises OSError, UnicodeDecodeError."""
    if file == _INPUT:
        data: bytes | None = sys.stdin.buffer.read(_FILE_MOST + 1)
        data = None if data is None or len(data) > _FILE_MOST else data
    else:
        data = atomic_file.read(file, _FILE_MOST, piped=True)
    return None if data is None else data.decode("utf-8-sig")


def _no_text(file: Path, error: UnicodeDecodeError) -> Message:
    line = error.object[: error.start].count(b"\n") + 1
    return msg("{file}, line {line}: this is not UTF-8. Save the file in that encoding.", file=str(file), line=line)


def _print_checked(found: Checked, arguments: argparse.Namespace, annotations: Annotations) -> int:
    snapshot = found.snapshot
    written = snapshot is None or _show(snapshot, found.problems, arguments, annotations)
    for problem in found.problems:
        complain(problem_line(problem))
    if snapshot is None or not written:
        return FAILED
    if exceeded(arguments, snapshot, annotations):
        return EXCEEDED
    option = gate_of(arguments)
    if option and any(state.matrix is None for state in snapshot.containers):
        why = msg("Nothing is known about a container, so {option} can't be checked.", option=option)
        complain(translate(why))
        return FAILED
    if option and any(problem.unread for problem in found.problems):  # a gate must not pass unread input
        complain(translate(msg("Something that is asked for is not known, so the limit may not be met: see above.")))
        return FAILED
    return DONE


def _show(
    snapshot: Snapshot, problems: tuple[Problem, ...], arguments: argparse.Namespace, annotations: Annotations
) -> bool:
    more = {
        name: [{"source": str(each.place), "text": translate(each.text)} for each in problems if each.added is added]
        for name, added in (("problems", False), ("added", True))
    }
    details = bool(arguments.service or arguments.command_words)
    return put(arguments, snapshot, annotations, details=details, more=more)


_COMMAND = "command line"
_MARK = b"\xef\xbb\xbf"  # the byte order mark of UTF-8, which some editors write; it is skipped
_WRITABLE = 0o222


def _fix(checker: Checker, arguments: argparse.Namespace, text: str | None) -> int:
    """Print the difference or write the file; returns the exit code."""
    from stratascope.usecases.check.corrections import fixed
    from stratascope.usecases.check.writing import difference

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
        if closed.choices:
            complain(translate(_closed(closed)))
        for used in closed.in_use:
            title = used.choice.titled
            complain(
                translate(
                    msg(
                        "{name}: for you to decide: {title}. {why}",
                        name=plain(closed.name, 80),
                        title=title,
                        why=used.evidence.why,
                    )
                )
            )
    if arguments.in_place:
        if found.text != text and not _exchange(arguments.file, text, found.text):
            return FAILED
    elif arguments.fix is None:
        lines = difference(text, found.text, file)
        # in a file or pipe the patch must be exact; on a terminal, control characters are made harmless
        write("".join(map(shown, lines) if sys.stdout.isatty() else lines))
    elif not _save(arguments.fix, found.text):
        return FAILED
    return FAILED if found.problems else DONE


def _closed(closed: Closed) -> Message:
    return msg(
        "{name}: exposure {before} → {after} by {choices}",
        name=plain(closed.name, 80),
        before=f"{closed.before:.1f}",
        after=f"{closed.after:.1f}",
        choices=", ".join(map(str, closed.choices)),
    )


def shown(line: str) -> str:
    """A line for a terminal: tabs are kept, all other control characters are made visible."""
    body, end, _ = line.partition("\n")
    return "\t".join(map(plain, body.split("\t"))) + end


def _exchange(file: Path, before: str, text: str) -> bool:
    """Replace the text of the file, unless it has changed meanwhile; whether that was done."""
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


def problem_line(problem: Problem) -> str:
    """`FILE:LINE: sentence`."""
    place = plain(str(problem.place), 200)
    text = translate(problem.text)
    return f"{place}: {text}" if place else text
