"""The desktop's file dialogs. They return at once, and call back when a file was chosen.

Decided against Qt's static functions: they block in a nested event loop, so that whatever happens to the window
meanwhile happens inside the call.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate


def ask_open(parent: QWidget, title: str, then: Callable[[Path], object], *, folder: str = "", kinds: str = "") -> None:
    """Ask for an existing file. `kinds`: as Qt's name filters, `Captures (*.json);;*`."""
    dialog = _dialog(parent, title, kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    if folder:
        dialog.setDirectory(folder)
    dialog.fileSelected.connect(lambda name: then(Path(name)))
    dialog.open()


def ask_open_several(parent: QWidget, title: str, then: Callable[[list[Path]], object], *, kinds: str = "") -> None:
    """Ask for one existing file or more."""
    dialog = _dialog(parent, title, kinds)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.filesSelected.connect(lambda names: then([Path(name) for name in names]))
    dialog.open()


def ask_save(parent: QWidget, title: str, then: Callable[[Path], object], *, name: str, kinds: str = "") -> None:
    """Ask where to write a file. `name`: the proposed name; a name without a suffix gets that one's, or the chosen
    kind's.
    """
    dialog = _dialog(parent, title, kinds)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(name).suffix.removeprefix("."))
    dialog.selectFile(name)
    dialog.filterSelected.connect(lambda kind: _become(dialog, kind))
    dialog.fileSelected.connect(lambda chosen: then(Path(chosen)))
    dialog.open()


def _become(dialog: QFileDialog, kind: str) -> None:
    """Give the file that is typed the suffix of that name filter."""
    _, _, suffix = kind.rpartition("*.")
    suffix = suffix.rstrip(")")
    if suffix and suffix != "*":
        dialog.setDefaultSuffix(suffix)
        for path in dialog.selectedFiles()[:1]:
            dialog.selectFile(Path(path).with_suffix(f".{suffix}").name)


def _dialog(parent: QWidget, title: str, kinds: str) -> QFileDialog:
    dialog = QFileDialog(parent, title)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setViewMode(QFileDialog.ViewMode.List)  # Qt's own, where the desktop has none, cuts its other columns
    labels = QFileDialog.DialogLabel  # Qt's own Japanese lacks these two
    dialog.setLabelText(labels.LookIn, translate(msg("Look in:")))
    dialog.setLabelText(labels.FileType, translate(msg("File type:")))
    if kinds:
        dialog.setNameFilters(kinds.split(";;"))
    return dialog
