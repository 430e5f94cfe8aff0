"""What is in a capture is said before it is saved, and what is left out of it can be chosen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, Theme


def contents(count: int) -> tuple[Message, ...]:
    """What is in it, and what is not."""
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
    """`wanted`: it is to be saved, with all labels or without."""

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
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.px(16)] * 4)
        column.setSpacing(theme.px(10))
        column.addWidget(title)
        column.addWidget(self.lines)
        column.addWidget(self.labels)
        column.addWidget(buttons)
        self.setMinimumWidth(theme.px(460))

    def open_for(self, count: int) -> None:
        """Of so many containers."""
        self.lines.setText("\n".join(f"• {translate(each)}" for each in contents(count)))
        self.labels.setChecked(False)
        self.open()

    def _accept(self) -> None:
        self.accept()
        self.wanted.emit(self.labels.isChecked())
