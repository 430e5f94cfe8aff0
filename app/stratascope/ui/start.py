"""From the program's entry to the window: what it shows, remembers and hardens, and what "copy as text" copies.

Hardening's wiring is imported when it is first needed, by a thread that is not the window's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from stratascope import frozen, wiring
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.report.export_words import ExportKind
from stratascope.state.journal import FileJournal
from stratascope.state.settings import Settings
from stratascope.ui import app, single
from stratascope.ui.harden_exports import exported
from stratascope.usecases.front_desk import FrontDesk
from stratascope.usecases.planning import Plan
from stratascope.usecases.workbench import Workbench


def main(words: list[str]) -> int:
    """Show the window on the engines of this environment until it is closed; or raise the one that there is."""
    where = single.place(os.environ)
    if where is not None and single.raise_other(where, os.environ):
        return 0
    late = wiring.LateEngines()
    status = app.run(
        wiring.live_watch(late),
        [sys.argv[0], *words],
        settings=Settings(),
        report=as_text,
        desk=desk_of(late),
        exports=lambda plan: exported(plan, _texts),
        where=where,
    )
    if status == app.RESTART:
        start_again()
    return status


def start_again() -> NoReturn:
    """The same program with the same words in place of this process, which has ended its work."""
    words = [sys.executable, *(sys.argv[1:] if frozen.is_frozen() else sys.orig_argv[1:])]
    os.execve(sys.executable, words, frozen.again())


def desk_of(late: wiring.LateEngines) -> FrontDesk:
    """The desk over these engines."""
    journal = FileJournal()

    def bench(engine: str) -> Workbench:
        from stratascope import wiring_relaunch

        return wiring_relaunch.bench_of(late.get(), engine, journal)

    def command(plan: Plan) -> str:
        from stratascope import wiring_relaunch

        return wiring_relaunch.command(plan)

    return FrontDesk(bench, journal, command)


def _texts(plan: Plan) -> Sequence[tuple[ExportKind, Callable[[], str]]]:
    from stratascope import wiring_relaunch

    return wiring_relaunch.exports_of(plan)


def as_text(snapshot: Snapshot) -> str:
    """The report that the window puts on the clipboard, every fact included."""
    from stratascope.report import text  # not needed for the first picture

    return text.render(snapshot, all_layers(), text.Style(details=True))
