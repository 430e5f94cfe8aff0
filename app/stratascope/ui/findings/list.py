"""Findings below each other, worst first, then what could not be read. The cards stay as long as they say the same."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import date
from functools import partial

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtWidgets import QDateEdit, QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from stratascope.core.accepted.accepted import Standing, exception, in_force
from stratascope.core.container import Container
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.findings.card import FindingCard, GapCard
from stratascope.ui.harden.toggle_row import FoldButton
from stratascope.ui.kit.focus_order import OneStop
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.theme import BOLD, Theme
from stratascope.usecases.plan.offers import Offer

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


NOTHING_FOUND = msg("Nothing was found in this layer.")


class FindingsList(QWidget):
    """One stop of the Tab key; those that are accepted are folded away at the end, and counted.

    `fix_wanted` has the key of a switch, `opened` a finding.
    """

    fix_wanted = Signal(str)
    opened = Signal(object)

    def __init__(self, theme: Theme, acceptances: Acceptances, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._acceptances = theme, acceptances
        self.folded = FoldButton(theme)
        self.folded.toggled.connect(lambda _: self._fold())
        self._shown: tuple[object, ...] | None = None
        self._offer: Offer | None = None
        self._on = frozenset[str]()
        self.cards: list[FindingCard] = []
        self.accepted: list[FindingCard] = []
        self._stop = OneStop(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.px(2))

    def show_findings(
        self,
        findings: tuple[Finding, ...],
        gaps: tuple[NamedGap, ...],
        container: Container,
        numbers: Mapping[str, int] | None = None,
        nothing: Message = NOTHING_FOUND,
    ) -> None:
        """`numbers`: of the layers by id, where findings of several stand here."""
        standing = tuple(self._acceptances.of(finding, container) for finding in findings)
        shown = (findings, gaps, standing, container.key, numbers is None, nothing)
        if shown == self._shown:  # somebody may be selecting text in them
            return
        self._shown = shown
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget is not self.folded:
                widget.hide()
                widget.deleteLater()
        cards: tuple[list[FindingCard], list[FindingCard]] = ([], [])
        for finding, found in zip(findings, standing, strict=True):
            number, able = (numbers or {}).get(finding.layer, 0), self._acceptances.able
            card = FindingCard(self._theme, finding, number, found, able=able)
            card.fix_wanted.connect(self.fix_wanted)
            card.opened.connect(lambda finding=finding: self.opened.emit(finding))
            card.accept_wanted.connect(partial(self._accept, finding, found, container))
            cards[in_force(found)].append(card)
        self.cards, self.accepted = cards
        for widget in (*self.cards, *(GapCard(self._theme, gap) for gap in gaps), self.folded, *self.accepted):
            self._column.addWidget(widget)
        self.folded.show_head(translate(msg("Accepted")), len(self.accepted))
        self.folded.setVisible(bool(self.accepted))
        self._fold()
        if not findings and not gaps:
            line = Label(self._theme, 13, ink="text2", wrap=True)
            line.setText(translate(nothing))
            self._column.addWidget(line)
        self._stop.put((*self.cards, self.folded, *self.accepted))
        self._show_fixes()

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """What hardening offers for this container; which switches are on."""
        if (offer, on) != (self._offer, self._on):
            self._offer, self._on = offer, on
            self._show_fixes()

    def _fold(self) -> None:
        for card in self.accepted:
            card.setVisible(self.folded.isChecked())

    def _accept(self, finding: Finding, standing: Standing | None, container: Container) -> None:
        if standing is not None and in_force(standing):
            self._acceptances.take_back(standing.entry)
            return
        dialog = AcceptDialog(self._theme, finding, container, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.wanted.connect(self._acceptances.accept)
        dialog.open()

    def _show_fixes(self) -> None:
        for card in (*self.cards, *self.accepted):
            option = None if self._offer is None else self._offer.mending(card.finding, self._on)
            card.show_fix(option, on=option is not None and option.key in self._on)
