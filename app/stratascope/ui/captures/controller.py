"""Between the window and captures: opened by the menu or dropped on it, and saved once it was said what is in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMessageBox, QWidget

from stratascope.core.machine_capture import MachineCapture
from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.ui.captures.notice import CaptureNotice
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.file_dialogs import ask_open_several, ask_save
from stratascope.ui.kit.theme import Theme

if TYPE_CHECKING:
    from stratascope.ui.captures.save_dialog import SaveDialog

MOST = 2000  # files at once


class CaptureFiles(Protocol):
    """Captures on disk, and the window that shows them."""

    def capture(self) -> MachineCapture | None:
        """What is shown now, as it was read; None where nothing of this machine was read yet."""

    def save(self, capture: MachineCapture, path: Path, *, labels: bool) -> None:
        """Raises OSError."""

    def check(self, path: Path) -> None:
        """Whether it is a capture at all. Raises ProbeError, OSError."""

    def show(self, paths: Sequence[Path]) -> None:
        """In a window of their own. Raises OSError."""


class CaptureController(QObject):
    """`put_into` gives it its entries in the menu, and what says a line to the person."""

    def __init__(self, window: QWidget, theme: Theme, files: CaptureFiles, notice: CaptureNotice) -> None:
        super().__init__(window)
        self._window, self._theme, self._files = window, theme, files
        self._tell: Callable[[Message], object] = translate
        self._queries = QueryRunner(self)
        self._capture: MachineCapture | None = None
        self._dialog: SaveDialog | None = None
        notice.asked.connect(self.choose)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def put_into(
        self, add: Callable[[Message, str, Callable[[], object]], object], tell: Callable[[Message], object]
    ) -> None:
        """The menu; `tell` shows a line."""
        self._tell = tell
        add(msg("Open captures…"), "Ctrl+O", self.choose)
        add(msg("Save a capture…"), "Ctrl+S", self.ask_save)

    @property
    def dialog(self) -> SaveDialog:
        """Made when it is first wanted."""
        if self._dialog is None:
            from stratascope.ui.captures.save_dialog import SaveDialog

            self._dialog = SaveDialog(self._theme, self._window)
            self._dialog.wanted.connect(self._choose_place)
        return self._dialog

    # -- opened

    def choose(self) -> None:
        """By a dialog."""
        title, kinds = translate(msg("Open captures")), translate(msg("Captures (*.json)"))
        ask_open_several(self._window, title, self.open_files, kinds=f"{kinds};;*")

    def open_files(self, paths: Sequence[Path]) -> None:
        """In a window of their own, once the first of them turned out to be one."""
        if paths:
            kept = tuple(paths[:MOST])
            self._queries.ask("open", partial(self._open, kept), self._opened)

    def _open(self, paths: tuple[Path, ...]) -> None:
        self._files.check(paths[0])
        self._files.show(paths)

    def _opened(self, failure: Failure | None) -> None:
        if failure is not None:
            self._complain(failure)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            paths = _files_of(event)
            if paths:
                event.acceptProposedAction()
                self.open_files(paths)
                return True
        elif isinstance(event, QDragEnterEvent) and _files_of(event):
            event.acceptProposedAction()
            return True
        return super().eventFilter(watched, event)

    # -- saved

    def ask_save(self) -> None:
        """What is in it is said first."""
        self._capture = self._files.capture()
        if self._capture is None:
            self._tell(msg("Nothing has been read yet that could be saved."))
        else:
            self.dialog.open_for(len(self._capture.containers))

    def _choose_place(self, labels: bool) -> None:
        title, kinds = translate(msg("Save a capture")), translate(msg("Captures (*.json)"))
        then = partial(self._save, labels=labels)
        ask_save(self._window, title, then, name="stratascope-capture.json", kinds=f"{kinds};;*")

    def _save(self, path: Path, *, labels: bool) -> None:
        capture = self._capture
        if capture is not None:
            saving = partial(self._files.save, capture, path, labels=labels)
            self._queries.ask("save", saving, partial(self._saved, path, len(capture.containers)))

    def _saved(self, path: Path, count: int, failure: Failure | None) -> None:
        self._capture = None
        if failure is not None:
            self._complain(failure)
            return
        self._tell(plural("{count} container is saved in {file}.", "{count} containers are saved in {file}.", count,
                          file=plain(path.name, 80)))  # fmt: skip

    def stop(self) -> None:
        """No more answers."""
        self._queries.end()

    def _complain(self, failure: Failure) -> None:
        told = together(plain(each, 500) for each in (translate(failure.message), failure.words) if each)
        close = QMessageBox.StandardButton.Close
        box = QMessageBox(QMessageBox.Icon.Warning, translate(msg("Captures")), told, close, self._window)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.open()


def _files_of(event: QDropEvent) -> list[Path]:
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
