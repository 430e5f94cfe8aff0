"""The open file dialog, and a user who chooses in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QApplication, QFileDialog


def open_dialog() -> QFileDialog:
    """Return the open file dialog."""
    found = [each for each in QApplication.topLevelWidgets() if isinstance(each, QFileDialog) and each.isVisible()]
    assert len(found) == 1, found
    return found[0]


def choose(*paths: Path) -> None:
    """Choose these files, and close it."""
    dialog = open_dialog()
    names = [str(path) for path in paths]
    if dialog.fileMode() is QFileDialog.FileMode.ExistingFiles:
        dialog.filesSelected.emit(names)
    else:
        dialog.fileSelected.emit(names[0])
    dialog.done(0)
