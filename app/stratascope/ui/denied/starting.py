"""The dialog that runs a command here and says why it does not start. No shell reads the command."""

from __future__ import annotations

import os
import shlex

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.refusals.starting import Start
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.start_report import lines
from stratascope.presentation.terminal import Style
from stratascope.ui.kit.background import Failure, QueryRunner
from stratascope.ui.kit.flow import resize_on_screen
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.usecases.refusals.starting import Watching, why_not

SIZE = (680, 460)
SECONDS = 60.0  # after which one that still runs has started
_TYPE = msg("Type a command with its arguments, such as bwrap --ro-bind / / true.")
_PRINTED = 4000  # bytes of its own words, counted from the end


class StartDialog(QDialog):
    """The dialog; deletes itself when closed, and ends the command."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = translate(msg("Why does a command not start?"))
        self.setWindowTitle(title)
        self._queries = QueryRunner(self)
        self._watching: Watching | None = None
        self.lead = Label(theme, 13, ink="text2", wrap=True)
        self.field = QLineEdit()
        self.field.setMinimumHeight(theme.px(32))
        self.field.setPlaceholderText(translate(_TYPE))
        self.field.setAccessibleName(translate(msg("Command")))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFont(theme.font(12))
        self.text.setAccessibleName(translate(msg("Why it does not start")))
        self.run = QPushButton(translate(msg("Run it")))
        self.run.setDefault(True)
        self.run.clicked.connect(self.begin)
        close = QPushButton(translate(msg("Close")))
        close.clicked.connect(self.reject)
        end = theme.lay(QHBoxLayout(), STRETCH, close, self.run)
        head = Label(theme, 18, BOLD, text=title)
        theme.lay(QVBoxLayout(self), head, self.lead, self.field, (self.text, 1), end, around=20, gap=10)
        resize_on_screen(self, theme, *SIZE)
        why = why_not()
        runs = msg("It runs on this machine as you, for at most a minute, and is ended with all that it started.")
        self._say(runs if why is None else why)
        self.run.setEnabled(why is None)
        self.field.setFocus()

    def begin(self) -> None:
        """Run what is in the field."""
        try:
            words = shlex.split(self.field.text())
        except ValueError:  # a quote that is not closed
            words = []
        if not words:
            self._say(_TYPE)
            return
        self.run.setEnabled(False)
        self.text.clear()
        self._say(msg("It runs…"))
        output, nowhere = os.memfd_create("output"), os.open(os.devnull, os.O_RDONLY)
        watching = self._watching = Watching(words, output, nowhere)

        def watched() -> tuple[Start, str]:
            try:
                start = watching.begin(SECONDS)
                size = os.fstat(output).st_size
                return start, os.pread(output, _PRINTED, max(size - _PRINTED, 0)).decode("utf-8", "replace")
            finally:
                os.close(output)
                os.close(nowhere)

        self._queries.ask("start", watched, self._tell)

    def done(self, result: int) -> None:
        """End the command, too."""
        if self._watching is not None:
            self._watching.stop()
        self._queries.end()
        super().done(result)

    def _tell(self, found: tuple[Start, str] | Failure) -> None:
        self.run.setEnabled(True)
        if isinstance(found, Failure):
            self._say(found.message)
            return
        start, printed = found
        first, *rest = lines(start, Style(width=10_000))
        self.lead.setText(first)
        words = [plain(line, 400) for line in printed.splitlines()]
        said = ["", translate(msg("It printed:")), *words] if words else []
        self.text.setPlainText("\n".join([*rest, *said]).strip("\n"))

    def _say(self, text: Message) -> None:
        self.lead.setText(plain(translate(text), 400))
