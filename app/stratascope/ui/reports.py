"""Reports saved as files: of all containers or of the one in view, as a web page, text, JSON or SARIF."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from stratascope import atomic_file
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.i18n.translate import translate
from stratascope.ui.kit import feedback
from stratascope.ui.kit.background import QueryRunner
from stratascope.ui.kit.feedback import Report
from stratascope.ui.kit.file_dialogs import ask_save
from stratascope.ui.kit.selection import Selection
from stratascope.value import replace

TITLE = msg("Save a report")
PAGE = "html"  # what a file of any other suffix becomes
FORMATS = {".html": PAGE, ".txt": "text", ".json": "json", ".sarif": "sarif"}


class ReportController(QObject):
    """Asks for a file, and writes the report of what is in view when that is asked."""

    def __init__(self, window: QWidget, selection: Selection, report: Report) -> None:
        super().__init__(window)
        self._window, self._selection, self._report = window, selection, report
        self._queries = QueryRunner(self)

    def ask_all(self) -> None:
        """Save a report of all containers."""
        if self._selection.snapshot is None:
            feedback.tell(self._window, translate(msg("Nothing has been read yet that could be saved.")))
        else:
            self._ask(self._selection.snapshot, "stratascope-report")

    def ask_one(self) -> None:
        """Save a report of the container in view."""
        snapshot, state = self._selection.snapshot, self._selection.current
        if snapshot is not None and state is not None:
            name = "".join(each if each.isalnum() or each in "-_." else "-" for each in plain(state.container.name, 80))
            self._ask(replace(snapshot, containers=(state,)), f"stratascope-{name}")

    def _ask(self, snapshot: Snapshot, name: str) -> None:
        kinds = (msg("Web page (*.html)"), msg("Text (*.txt)"), msg("JSON (*.json)"), msg("SARIF (*.sarif)"))
        ask_save(
            self._window,
            translate(TITLE),
            partial(self._save, snapshot),
            name=name + ".html",
            kinds=";;".join(map(translate, kinds)),
        )

    def _save(self, snapshot: Snapshot, path: Path) -> None:
        self._queries.ask(str(path), partial(self._write, snapshot, path), partial(self._saved, path), "files")

    def _write(self, snapshot: Snapshot, path: Path) -> str:
        """Why it can't be written; empty: it is. What was there is replaced only once the new file is complete."""
        text = self._report(snapshot, FORMATS.get(path.suffix.lower(), PAGE))
        try:
            atomic_file.save(path, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _saved(self, path: Path, why: str) -> None:
        if why:
            feedback.unwritten(self._window, translate(TITLE), path, why)
        else:
            feedback.saved(self._window, path)

    def stop(self) -> None:
        """Drop answers that are still to come."""
        self._queries.end()
