"""Put texts into the page *Before it starts*, and wait for the results."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from stratascope.ui.before.page import BeforePage

FOREIGN = "nginx postgres bogus did not find expected node content"  # names in the text, and PyYAML's own words
COMPOSE = """services:
  web:
    image: nginx
    privileged: true
  db:
    image: postgres
    read_only: true
    bogus: 3
"""


def judged(page: BeforePage, qtbot: QtBot, text: str) -> None:
    """Set that text, and wait until it is judged."""
    page.text.setPlainText(text)
    qtbot.waitUntil(page.strata.widget.isVisible)


def offered(page: BeforePage, qtbot: QtBot, text: str = "") -> None:
    """Wait also for the toggles of the service in view, and the corrected text."""
    if text:
        judged(page, qtbot, text)
    draft = page.column.draft
    qtbot.waitUntil(lambda: page.selection.current is not None and draft.state is page.selection.current)
    qtbot.waitUntil(lambda: draft.offer is not None)
    qtbot.waitUntil(lambda: draft.made is not None)
