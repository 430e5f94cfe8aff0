"""`denials -- COMMAND`: runs a command here, and says why it does not start. Exit 0: it starts; 1: it does not; 2: it
can't be watched.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from stratascope.atomic_file import save
from stratascope.cli.output import complain, interrupted, on_terminal, style, write
from stratascope.cli.progress import progress
from stratascope.core.message import msg
from stratascope.core.refusals.starting import LeastStart, Start
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.linux.decode import DecodeError
from stratascope.presentation import start_report
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.refusals.start_trial import least_start
from stratascope.usecases.refusals.starting import Watching, filter_text, why_not
from stratascope.wiring.engines import Engines
from stratascope.wiring.hardening import watched_twins

STARTS, STARTS_NOT, FAILED = 0, 1, 2


def run(arguments: argparse.Namespace) -> int:
    """Run it; returns the exit code. Raises ProbeError."""
    if not arguments.command_words:
        complain(translate(msg("Give a container, or a command after --.")))
        return FAILED
    if (why := why_not()) is not None:
        complain(translate(why))
        return FAILED
    watching = Watching(arguments.command_words, sys.stderr.fileno())
    before = signal.signal(signal.SIGINT, lambda *_: watching.stop())
    try:
        start = watching.begin(arguments.seconds)
    finally:
        signal.signal(signal.SIGINT, before)
    if arguments.json:
        write(json.dumps(start_report.json_object(start), ensure_ascii=False, indent=2) + "\n")
    else:
        write("\n".join(start_report.lines(start, style(), arguments.filter or start_report.FILTER)) + "\n")
    if arguments.filter is not None and not _written(start, arguments.filter):
        return FAILED
    return STARTS if start.works else STARTS_NOT


def _written(start: Start, path: str) -> bool:
    try:
        text = filter_text(start)
    except DecodeError as error:
        complain(translate(msg("The filter can't be made: {words}.", words=str(error))))
        return False
    if not text:
        complain(translate(msg("No filter refused it, so none was written.")))
        return True
    save(Path(path), text.encode())
    return True


def tell_least(
    engines: Engines, hardening: Hardening, state: ContainerState, words: Sequence[str], *, as_json: bool
) -> None:
    """Print why it does not start in the container, and the least that lets it, found on copies of that. Raises
    EngineError, NoSuchContainerError.
    """
    engine = hardening.access(state.container.engine).engine
    twins = watched_twins(engines, engine, state, terminal=on_terminal(), running=True)
    over = interrupted()
    found = LeastStart()
    for item in least_start(hardening, state, words, twins, over):
        if isinstance(item, LeastStart):
            found = item
        else:
            progress.doing(msg("Trying it on copies of the container"))
    progress.done()
    if as_json:
        write(json.dumps(start_report.least_object(found), ensure_ascii=False) + "\n")
    else:
        told = start_report.least_lines(found, state.container.name, engine.kind.value, style())
        write("\n".join(["", *told]) + "\n")
