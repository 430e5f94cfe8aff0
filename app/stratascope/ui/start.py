"""From the program's entry to the window: what it shows, remembers and hardens, and what "copy as text" copies.

Hardening's wiring is imported when it is first needed, by a thread that is not the window's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from stratascope import wiring
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.report.export_words import ExportKind
from stratascope.state.journal import FileJournal
from stratascope.state.settings import Settings
from stratascope.ui import app
from stratascope.ui.harden_exports import exported
from stratascope.usecases.front_desk import FrontDesk
from stratascope.usecases.planning import Plan
from stratascope.usecases.workbench import Workbench


def main(words: list[str]) -> int:
    """Show the window on the engines of this environment until it is closed."""
    late = wiring.LateEngines()
    return app.run(
        wiring.live_watch(late),
        [sys.argv[0], *words],
        settings=Settings(),
        report=as_text,
        desk=desk_of(late),
        exports=lambda plan: exported(plan, _texts),
    )


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
