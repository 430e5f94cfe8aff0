"""The line that says that what is seen is a capture, of when, and which could not be read."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Captured
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.terms import moment
from stratascope.ui.kit.flow import NoticeBar
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme

NAMED = 3


def told_of(captures: tuple[Captured, ...]) -> Message:
    """Which they are, and that nothing of it is live."""
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
    """`asked`: another one is to be opened."""

    asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._shown: tuple[Captured, ...] = ()
        title = Label(theme, 13, BOLD)
        title.setText(translate(msg("Capture")))
        self.text = Label(theme, 13, wrap=True)
        self.wrong = Label(theme, 12, ink="open", wrap=True).selectable()
        button = QPushButton(translate(msg("Open captures…")))
        button.setFont(theme.font(12, MEDIUM))
        button.clicked.connect(self.asked)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.text)
        column.addWidget(self.wrong)
        self.row.addWidget(title)
        self.row.addLayout(column, 1)
        self.row.addWidget(button)
        self.hide()

    def show_captures(self, captures: tuple[Captured, ...]) -> None:
        """Those; none: it is hidden."""
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
