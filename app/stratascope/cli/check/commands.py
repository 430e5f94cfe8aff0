"""`stratascope check`: how a container would be confined, before it is started. Exit codes as of `report`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from stratascope import atomic_file
from stratascope.cli.check.problem_lines import problem_line
from stratascope.cli.output import complain
from stratascope.cli.reading import read_annotations
from stratascope.cli.reporting.printing import exceeded, gate_of, put
from stratascope.core import shell_quote
from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.options.given import Problem
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import Annotations
from stratascope.state import capture_file
from stratascope.usecases.check.check import Checked, Checker
from stratascope.wiring.check import RECORDED, checker
from stratascope.wiring.engines import open_engines

DONE, EXCEEDED, FAILED = 0, 1, 2
_FILE_MOST = 4 << 20  # bytes; the readers themselves take less
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
                from stratascope.cli.check import fix  # loads what plans hardening

                return fix.run(made, arguments, _text(arguments))
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
    return _told(found, arguments, annotations)


def _checker(arguments: argparse.Namespace, stack: ExitStack) -> Checker:
    if arguments.ground is not None:
        return checker(None, capture_file.load(arguments.ground), arguments.engine, _variables(arguments.env))
    try:
        opened = stack.enter_context(open_engines(tuple(arguments.engine)))
    except ProbeError:
        if not set(arguments.engine) <= RECORDED:
            raise
        opened = stack.enter_context(open_engines())  # it is not here: judged as one is known to be
    program = Path(arguments.command_words[0]).name if arguments.command_words else ""
    kind = EngineKind(program) if program in tuple(EngineKind) else None
    return checker(opened, None, arguments.engine, _variables(arguments.env), kind)


def _variables(said: list[str]) -> dict[str, str]:
    """The named variables of the environment only."""
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
    """The text; None if it is longer than is read."""
    if arguments.command_words:
        return shell_quote.words(arguments.command_words)
    if arguments.file == _INPUT:
        data: bytes | None = sys.stdin.buffer.read(_FILE_MOST + 1)
        data = None if data is None or len(data) > _FILE_MOST else data
    else:
        data = atomic_file.read(arguments.file, _FILE_MOST, piped=True)
    return None if data is None else data.decode("utf-8-sig")


def _no_text(file: Path, error: UnicodeDecodeError) -> Message:
    line = error.object[: error.start].count(b"\n") + 1
    return msg("{file}, line {line}: this is not UTF-8. Save the file in that encoding.", file=str(file), line=line)


def _told(found: Checked, arguments: argparse.Namespace, annotations: Annotations) -> int:
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
    if option and any(problem.unread for problem in found.problems):  # a gate must not open because nobody looked
        complain(translate(msg("Something that is asked for is not known, so the limit may not be met: see above.")))
        return FAILED
    return DONE


def _show(
    snapshot: Snapshot, problems: tuple[Problem, ...], arguments: argparse.Namespace, annotations: Annotations
) -> bool:
    more = {"problems": [{"source": str(each.place), "text": translate(each.text)} for each in problems]}
    details = bool(arguments.service or arguments.command_words)
    return put(arguments, snapshot, annotations, details=details, more=more)
