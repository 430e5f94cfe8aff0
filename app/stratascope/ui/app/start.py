"""From the program's entry to the window: what it shows, remembers and hardens, and what "copy as text" copies.

Hardening's wiring is imported when it is first needed, by a thread that is not the window's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from stratascope import frozen
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.export.shared import ExportKind
from stratascope.layers import all_layers
from stratascope.state.journal import FileJournal
from stratascope.state.needs import FileNeeds
from stratascope.state.settings import Settings
from stratascope.ui.app import app, single_instance
from stratascope.ui.harden.export_menu import exported
from stratascope.ui.tighten.controller import LessonOf
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.learning import Learning
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.tighten import Lesson
from stratascope.wiring.engines import LateEngines, live_view


def main(words: list[str]) -> int:
    """Show the window on the engines of this environment until it is closed; or raise the one that there is."""
    where = single_instance.socket_path(os.environ)
    if where is not None and single_instance.raise_other(where, os.environ):
        return 0
    late = LateEngines()
    learning = learning_of(late)
    try:
        status = app.run(
            live_view(late),
            [sys.argv[0], *words],
            settings=Settings(),
            report=as_text,
            hardening=hardening_of(late),
            exports=lambda plan: exported(plan, _texts),
            learning=learning,
            lesson=lesson_of(late),
            where=where,
        )
    finally:
        learning.close()  # what is being observed is kept
    if status == app.RESTART:
        start_again()
    return status


def start_again() -> NoReturn:
    """The same program with the same words in place of this process, which has ended its work."""
    words = [sys.executable, *(sys.argv[1:] if frozen.is_frozen() else sys.orig_argv[1:])]
    os.execve(sys.executable, words, frozen.again())


def learning_of(late: LateEngines) -> Learning:
    """Watching on these engines: as root, who is asked for when the first container is to be watched."""
    return Learning(FileNeeds(), lambda: late.get().root())


def lesson_of(late: LateEngines) -> LessonOf:
    """Watching twins on these engines, as root."""

    def make(state: ContainerState) -> Lesson:
        from stratascope.wiring import learning

        return learning.lesson_on(late.get(), state)

    return make


def hardening_of(late: LateEngines) -> Hardening:
    """Hardening on these engines, each connected to when it is first needed."""
    journal = FileJournal()

    def connect(engine: str) -> EngineAccess:
        from stratascope.wiring import hardening

        return hardening.connect(late.get(), engine, journal)

    def command(plan: Plan) -> str:
        from stratascope.wiring import exports

        return exports.command(plan)

    return Hardening(connect, journal, command, lambda: late.get().root())


def _texts(plan: Plan) -> Sequence[tuple[ExportKind, Callable[[], str]]]:
    from stratascope.wiring import exports

    return exports.exports_of(plan)


def as_text(snapshot: Snapshot) -> str:
    """The report that the window puts on the clipboard, every fact included."""
    from stratascope.presentation import text_report  # not needed for the first picture

    return text_report.render(snapshot, all_layers(), text_report.Style(details=True))
