"""The sheet for the commands that test a copy: what the container must be able to do."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPlainTextEdit, QPushButton, QWidget

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.state.preferences import COMMANDS_MOST
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.long_run import Sheet
from stratascope.ui.kit.theme import Theme

EXAMPLE = "nsenter --net=$STRATASCOPE_TWIN_NETNS curl -fsS http://127.0.0.1/"
WIDTH, HEIGHT = 560, 300


class CommandsSheet(Sheet):
    """`given` has an image and the commands for it."""

    given = Signal(str, object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, WIDTH, HEIGHT)
        self._image = ""
        self.field = QPlainTextEdit()
        self.field.setFont(theme.font(11, fixed=True))
        self.field.setPlaceholderText(translate(msg("For example: {command}", command=EXAMPLE)))
        self.field.setTabChangesFocus(True)
        hint = Label(theme, 12, ink="text2", wrap=True)
        hint.setText(
            translate(msg("One command per line. Each is run here for each copy; exit status 0 means that it works. "
                          "Without any, its start, ports, health check and stop count."))
        )  # fmt: skip
        self.entitle(msg("What it must be able to do"))
        self.field.setAccessibleName(self.title.text())
        self.field.setAccessibleDescription(hint.text())
        self.back.setText(translate(msg("Cancel")))
        self.keep = QPushButton(translate(msg("Keep these")))
        self.keep.setProperty("main", True)
        self.keep.clicked.connect(lambda _=False: self._keep())
        self.frame(((self.title, 0), (self.field, 1), (hint, 0)), (), (self.back, self.keep))

    def ask(self, image: str, commands: tuple[str, ...]) -> None:
        """Show those of that image."""
        self._image = image
        self.field.setPlainText("\n".join(commands))
        self.present()
        self.field.setFocus()

    @property
    def commands(self) -> tuple[str, ...]:
        """Those in the field."""
        lines = (line.strip() for line in self.field.toPlainText().split("\n"))
        return tuple(dict.fromkeys(line for line in lines if line))[:COMMANDS_MOST]

    def _keep(self) -> None:
        self.hide()
        self.given.emit(self._image, self.commands)
