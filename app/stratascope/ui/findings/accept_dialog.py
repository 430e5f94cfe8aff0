"""A finding is accepted: why, by whom, and until when. It counts again after that day."""

from __future__ import annotations

import getpass
from datetime import date

from PySide6.QtCore import QDate, Signal
from PySide6.QtWidgets import QDateEdit, QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from stratascope.core.accepted.accepted import exception
from stratascope.core.container import Container
from stratascope.core.layer import Finding
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, Theme

DAYS = 90  # that it holds, unless another day is chosen
_LONG = 300  # characters of a reason


class AcceptDialog(QDialog):
    """`wanted` has the exception."""

    wanted = Signal(object)

    def __init__(self, theme: Theme, finding: Finding, container: Container, parent: QWidget) -> None:
        super().__init__(parent)
        self._finding, self._container = finding, container
        self.setWindowTitle(translate(msg("Accept a finding")))
        self.setMinimumWidth(theme.px(460))
        title = Label(theme, 14, BOLD, wrap=True)
        title.setText(plain(translate(finding.text), 500))
        note = Label(theme, 12, ink="text2", wrap=True)
        text = msg(
            "It is collapsed for {name} until that day. The exposure does not change, because the kernel still lets "
            "it through.",
            name=plain(container.name, 80),
        )
        note.setText(translate(text))
        self.reason, self.owner, self.until = QLineEdit(), QLineEdit(_user()), QDateEdit()
        self.reason.setMaxLength(_LONG)
        self.owner.setMaxLength(_LONG)
        self.reason.setPlaceholderText(translate(msg("Why this is acceptable")))
        today = QDate.currentDate()
        self.until.setCalendarPopup(True)
        self.until.setDisplayFormat("yyyy-MM-dd")
        self.until.setMinimumDate(today)
        self.until.setDate(today.addDays(DAYS))
        form = QFormLayout()
        for word, field in ((msg("Reason"), self.reason), (msg("By"), self.owner), (msg("Until"), self.until)):
            form.addRow(translate(word), field)
            field.setAccessibleName(translate(word))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText(translate(msg("Accept")))
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        for line in (self.reason, self.owner):
            line.textChanged.connect(self._check)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.px(16)] * 4)
        column.setSpacing(theme.px(10))
        for part in (title, note):
            column.addWidget(part)
        column.addLayout(form)
        column.addWidget(buttons)
        self._check()
        wide = theme.px(460)
        self.resize(wide, column.totalHeightForWidth(wide))  # by itself it would be as high as at a narrower width
        self.reason.setFocus()

    def _check(self) -> None:
        self.ok.setEnabled(bool(self.reason.text().strip() and self.owner.text().strip()))

    def _accept(self) -> None:
        chosen = self.until.date()
        day = date(chosen.year(), chosen.month(), chosen.day())
        entry = exception(
            self._finding.code, self._container, self.reason.text().strip(), self.owner.text().strip(), day
        )
        self.accept()
        self.wanted.emit(entry)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
