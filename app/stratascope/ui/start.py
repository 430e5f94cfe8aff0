"""From the program's entry to the window: what it shows, what it remembers, what "copy as text" copies."""

from __future__ import annotations

import sys

from stratascope import wiring
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.state.settings import Settings
from stratascope.ui import app


def main(words: list[str]) -> int:
    """Show the window on the engines of this environment until it is closed."""
    return app.run(wiring.live_watch(), [sys.argv[0], *words], settings=Settings(), report=as_text)


def as_text(snapshot: Snapshot) -> str:
    """The report that the window puts on the clipboard, every fact included."""
    from stratascope.report import text  # not needed for the first picture

    return text.render(snapshot, all_layers(), text.Style(details=True))
