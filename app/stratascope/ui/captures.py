"""Captures: opened from the menu or dropped on the window, and saved after a dialog that says what they contain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Captured, MachineCapture
from stratascope.i18n.translate import listed, together, translate
from stratascope.presentation.terms import moment
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.feedback import saved, warn
from stratascope.ui.kit.file_dialogs import ask_open_several, ask_save
from stratascope.ui.kit.flow import NoticeBar
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, Theme

NAMED = 3


def told_of(captures: tuple[Captured, ...]) -> Message:
    """Return a line that names the captures and says that nothing of it is live."""
    read = [each for each in captures if each.trouble is None]
    if len(read) == 1:
        name, when = plain(read[0].name, 80), moment(read[0].taken_at)
        return msg("{name}, taken {when}. It is not live, and nothing can be changed.", name=name, when=when)
    names = listed((plain(each.name, 40) for each in read), NAMED)
    return plural(
        "{count} machine: {names}. It is not live, and nothing can be changed.",
        "{count} machines: {names}. They are not live, and nothing can be changed.",
        len(read),
        names=names,
    )


class CaptureNotice(NoticeBar):
    """The bar that says captures are shown. `asked`: open another one."""

    asked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._shown: tuple[Captured, ...] = ()
        title = Label(theme, 13, BOLD)
        title.setText(translate(msg("Capture")))
        self.text = Label(theme, 13, wrap=True)
        self.wrong = Label(theme, 12, ink="open", wrap=True).selectable()
        button = text_button(theme, msg("Open captures…"), self.asked.emit)
        theme.lay(self.row, title, (theme.lay(QVBoxLayout(), self.text, self.wrong, gap=0), 1), button)
        self.hide()

    def show_captures(self, captures: tuple[Captured, ...]) -> None:
        """Show the bar for these captures; without any, hide it."""
        self.setVisible(bool(captures))
        if captures == self._shown:
            return
        self._shown = captures
        read = [each for each in captures if each.trouble is None]
        self.text.setText(plain(translate(told_of(captures) if read else msg("None of them could be read."))))
        self.setAccessibleName(self.text.text())
        wrong = [_wrong(each.name, each.trouble) for each in captures if each.trouble is not None]
        self.wrong.setText("\n".join(wrong[:5]))
        self.wrong.setVisible(bool(wrong))


def _wrong(name: str, trouble: Message) -> str:
    return f"{plain(name, 80)}: {plain(translate(trouble), 300)}"


def contents(count: int) -> tuple[Message, ...]:
    """Return what a capture contains, and what it does not."""
    return (
        plural(
            "What the engine says about {count} container: name, image, command, mounts, ports, limits.",
            "What the engine says about {count} containers: names, images, commands, mounts, ports, limits.",
            count,
        ),
        msg("What /proc says about their processes, and the settings of this kernel."),
        msg("Not included: values of environment variables, files, logs."),
        msg("A password that was typed as part of a command is included."),
    )


class SaveDialog(QDialog):
    """The dialog before saving. `wanted`: save it, with all labels or without."""

    wanted = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(translate(msg("Save a capture")))
        title = Label(theme, 15, BOLD)
        title.setText(translate(msg("A capture can be opened on any machine")))
        self.lines = Label(theme, 13, wrap=True)
        self.labels = QCheckBox(translate(msg("Include all labels (they may contain paths and names)")))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        theme.lay(QVBoxLayout(self), title, self.lines, self.labels, buttons, around=16, gap=10)
        self.setMinimumWidth(theme.px(460))

    def open_for(self, count: int) -> None:
        """Open the dialog for this many containers."""
        self.lines.setText("\n".join(f"• {translate(each)}" for each in contents(count)))
        self.labels.setChecked(False)
        self.open()

    def _accept(self) -> None:
        self.accept()
        self.wanted.emit(self.labels.isChecked())


MOST = 2000  # files opened at once


class CaptureFiles(Protocol):
    """Captures on disk, and the window that shows them."""

    def capture(self) -> MachineCapture | None:
        """Return what is shown now, as it was read; None if nothing of this machine has been read yet."""

    def save(self, capture: MachineCapture, path: Path, *, labels: bool) -> None:
        """Raises OSError."""

    def check(self, path: Path) -> None:
        """Check that it is a capture. Raises ProbeError, OSError."""

    def show(self, paths: Sequence[Path]) -> None:
        """Show them in a window of their own. Raises OSError."""


class CaptureController(QObject):
    """Opens and saves captures; `tell` shows a line to the user."""

    def __init__(
        self,
        window: QWidget,
        theme: Theme,
        files: CaptureFiles,
        notice: CaptureNotice,
        tell: Callable[[Message], object],
    ) -> None:
        super().__init__(window)
        self._window, self._theme, self._files = window, theme, files
        self._tell = tell
        self._queries = QueryRunner(self)
        self._capture: MachineCapture | None = None
        self._dialog: SaveDialog | None = None
        notice.asked.connect(self.choose)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    @property
    def dialog(self) -> SaveDialog:
        """The dialog, made when first needed."""
        if self._dialog is None:
            self._dialog = SaveDialog(self._theme, self._window)
            self._dialog.wanted.connect(self._choose_place)
        return self._dialog

    # -- opening

    def choose(self) -> None:
        """Let the user choose files in a dialog."""
        title, kinds = translate(msg("Open captures")), translate(msg("Captures (*.json)"))
        ask_open_several(self._window, title, self.open_files, kinds=f"{kinds};;*")

    def open_files(self, paths: Sequence[Path]) -> None:
        """Open files in a window of their own, once the first one has proved to be a capture."""
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

    # -- saving

    def ask_save(self) -> None:
        """Open the dialog that says what a capture contains."""
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
            self._queries.ask("save", saving, partial(self._saved, path))

    def _saved(self, path: Path, failure: Failure | None) -> None:
        self._capture = None
        if failure is not None:
            self._complain(failure)
            return
        saved(self._window, path)

    def stop(self) -> None:
        """Drop answers that are still to come."""
        self._queries.end()

    def _complain(self, failure: Failure) -> None:
        told = together(plain(each, 500) for each in (translate(failure.message), failure.words) if each)
        warn(self._window, translate(msg("Captures")), told)


def _files_of(event: QDropEvent) -> list[Path]:
    urls = event.mimeData().urls() if event.mimeData().hasUrls() else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
