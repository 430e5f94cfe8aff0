"""The list of findings, worst first, then what could not be read; in a wide window also a column of all layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from PySide6.QtCore import QDate, Qt, Signal
from PySide6.QtWidgets import (
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.accepted import Standing, exception, in_force
from stratascope.core.container import Container
from stratascope.core.layer import Finding, Layer, NamedGap
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.findings.row import FindingRow, GapRow, told_whole
from stratascope.ui.history.moments import day_form
from stratascope.ui.kit import feedback
from stratascope.ui.kit.buttons import FoldButton, pad_field, text_button
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.focus_order import OneStop
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.usecases.plan.offers import Offer

DAYS = 90  # days that an exception lasts, unless another day is chosen
_LONG = 300  # characters of a reason


class AcceptDialog(QDialog):
    """The dialog that accepts a finding. `wanted` carries the exception."""

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
        self.until.setDisplayFormat(day_form())
        pad_field(theme, self.until)
        self.until.setMinimumDate(today)
        self.until.setDate(today.addDays(DAYS))
        form = QFormLayout()
        for word, field in ((msg("Reason"), self.reason), (msg("Accepted by"), self.owner), (msg("Until"), self.until)):
            form.addRow(translate(word), field)
            field.setFixedHeight(theme.px(30))
            field.setAccessibleName(translate(word))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok.setText(translate(msg("Accept")))
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        for line in (self.reason, self.owner):
            line.textChanged.connect(self._check)
        column = theme.lay(QVBoxLayout(self), title, note, form, buttons, around=16, gap=10)
        self._check()
        wide = theme.px(460)
        self.resize(wide, column.totalHeightForWidth(wide))  # Qt would size it for a narrower width
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
    import getpass  # loads the terminal's settings

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


NOTHING_FOUND = msg("Nothing was found in this layer.")


class FindingsList(QWidget):
    """A list of findings, one tab stop; accepted ones are folded away at the end, and counted.

    `fix_wanted` carries the key of a toggle, `opened` a finding.
    """

    fix_wanted = Signal(str)
    opened = Signal(object)

    def __init__(self, theme: Theme, acceptances: Acceptances) -> None:
        super().__init__()
        self._theme, self._acceptances = theme, acceptances
        self.folded = FoldButton(theme)
        self.folded.toggled.connect(lambda _: self._fold())
        self._shown: tuple[object, ...] | None = None
        self._offer: Offer | None = None
        self._on = frozenset[str]()
        self.rows: list[FindingRow] = []
        self.accepted: list[FindingRow] = []
        self._rows: dict[tuple[str, int], FindingRow] = {}  # by code, and the how manieth of it
        self._gaps: list[GapRow] = []
        self._container: Container | None = None
        self._nothing = Label(theme, 13, ink="text2", wrap=True)
        self._stop = OneStop(self)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        for each in (self.folded, self._nothing):  # what has no parent outlives the window, and keeps it
            each.hide()
            self._column.addWidget(each)

    def show_findings(
        self,
        findings: tuple[Finding, ...],
        gaps: tuple[NamedGap, ...],
        container: Container,
        numbers: Mapping[str, int] | None = None,
        nothing: Message = NOTHING_FOUND,
    ) -> None:
        """Show these findings. `numbers`: the numbers of the layers by id, for a list of several layers."""
        standing = tuple(self._acceptances.of(finding, container) for finding in findings)
        shown = (findings, gaps, standing, container.key, numbers is None, nothing)
        if shown == self._shown:
            return
        if self._container is None or container.key != self._container.key:
            self._remove(self._rows.values())
            self._rows = {}
        self._container = container
        self._shown = shown
        rows: tuple[list[FindingRow], list[FindingRow]] = ([], [])
        before, self._rows, seen = self._rows, {}, Counter[str]()
        for finding, found in zip(findings, standing, strict=True):
            seen[finding.code] += 1
            key = (finding.code, seen[finding.code])
            row = before.pop(key, None)
            if row is None:
                row = self._new(finding, found, (numbers or {}).get(finding.layer, 0))
            elif (row.finding, row.standing) != (finding, found):
                row.say(finding, found)
            self._rows[key] = row
            rows[in_force(found)].append(row)
        self.rows, self.accepted = rows
        self._remove((*before.values(), *self._gaps))
        self._gaps = [GapRow(self._theme, gap) for gap in gaps]
        for place, widget in enumerate((*self.rows, *self._gaps, self.folded, *self.accepted, self._nothing)):
            if self._column.indexOf(widget) != place:
                self._column.removeWidget(widget)
                self._column.insertWidget(place, widget)
        for row in self.rows:
            row.show()
        self.folded.show_head(translate(msg("Accepted")), len(self.accepted))
        self.folded.setVisible(bool(self.accepted))
        self._fold()
        self._nothing.setText(translate(nothing))
        self._nothing.setVisible(not findings and not gaps)
        self._stop.put((*self.rows, self.folded, *self.accepted))
        self._show_fixes()

    def _new(self, finding: Finding, standing: Standing | None, layer: int) -> FindingRow:
        row = FindingRow(self._theme, finding, layer, standing, able=self._acceptances.able)
        row.fix_wanted.connect(self.fix_wanted)
        row.opened.connect(self.opened)
        row.accept_wanted.connect(self._accept)  # a closure that held the row would die with it, and take it along
        return row

    def _remove(self, gone: Iterable[QWidget]) -> None:
        for each in gone:
            each.hide()
            self._column.removeWidget(each)
            each.deleteLater()

    def show_offer(self, offer: Offer | None, on: frozenset[str]) -> None:
        """Show what hardening offers for this container, and which toggles are on."""
        if (offer, on) != (self._offer, self._on):
            self._offer, self._on = offer, on
            self._show_fixes()

    def _fold(self) -> None:
        for row in self.accepted:
            row.setVisible(self.folded.isChecked())

    def _accept(self, row: FindingRow) -> None:
        if row.standing is not None and in_force(row.standing):
            self._acceptances.take_back(row.standing.entry)
            return
        if self._container is None:
            return
        dialog = AcceptDialog(self._theme, row.finding, self._container, self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.wanted.connect(self._acceptances.accept)
        dialog.open()

    def _show_fixes(self) -> None:
        for row in (*self.rows, *self.accepted):
            option = None if self._offer is None else self._offer.mending(row.finding, self._on)
            on = option is not None and option.key in self._on
            row.show_fix(option, on=on, known=self._offer is not None)


WIDTH = 340
ALL = "all"
_GRADES: dict[str, tuple[tuple[Severity, ...], Message, Mark | None, str]] = {
    ALL: (tuple(Severity), msg("All"), None, ""),
    "serious": ((Severity.CRITICAL, Severity.HIGH), msg("Serious"), Mark.OPEN, "open"),
    "medium": ((Severity.MEDIUM,), msg("Medium"), Mark.WEAKENED, "weak"),
    "minor": ((Severity.LOW,), msg("Minor"), None, ""),
}


class FindingsColumn(QFrame):
    """The column of the findings of all layers; follows the selection while visible."""

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], selection: Selection, acceptances: Acceptances) -> None:
        super().__init__()
        self.setObjectName("page")
        self.setAccessibleName(translate(msg("Findings of all layers")))
        self._selection = selection
        self._numbers = {layer.id: layer.number for layer in layers}
        self.title = Label(theme, 15, BOLD)
        self.title.setText(translate(msg("Findings")))
        where = Line(theme, 12, ink="text2")
        where.say(translate(msg("all layers")))
        self.copy = text_button(theme, msg("Copy all"), self._copy, size=11, weight=BOLD)
        self.chips = ChoiceChips(theme, ALL)
        self.chips.setAccessibleName(translate(msg("Severity of the findings")))
        for which, (_, word, mark, ink) in _GRADES.items():
            self.chips.add(which, FilterChip(theme, translate(word), mark, ink))
        self.list = FindingsList(theme, acceptances)
        inside = TextColumn()
        inside.setObjectName("page")
        theme.lay(QVBoxLayout(inside), self.list, STRETCH, around=(0, 0, 4, 0))
        self.area = Scrolled(inside)
        head = theme.lay(QHBoxLayout(), self.title, (where, 1), self.copy, gap=8)
        theme.lay(QVBoxLayout(self), head, self.chips, (self.area, 1), around=12, gap=8)
        self.setFixedWidth(theme.px(WIDTH))
        self.hide()
        self.chips.chosen.connect(lambda _: self._show())
        self.list.opened.connect(self._open)
        selection.container_changed.connect(self._show)
        acceptances.changed.connect(self._show)

    def set_seen(self, *, seen: bool) -> None:
        """Show the column if there is room for it and a container in view."""
        if seen is self.isHidden():
            self.setVisible(seen)
            self._show()

    def _found(self) -> tuple[Finding, ...]:
        state = self._selection.judged
        return state.findings if state is not None and runs(state) else ()

    def _chosen(self) -> tuple[Finding, ...]:
        """Return the findings of the severities that are pressed in."""
        grades = _GRADES[self.chips.current][0]
        return tuple(each for each in self._found() if each.severity in grades)

    def _show(self) -> None:
        if self.isHidden():
            return
        found, state = self._found(), self._selection.current
        if state is None:
            return
        for which, (grades, word, _, _) in _GRADES.items():
            self.chips.show_count(which, translate(word), sum(each.severity in grades for each in found))
        self.chips.arrange()
        shown = self._chosen()
        self.list.show_findings(shown, (), state.container, self._numbers, msg("Nothing was found."))
        self.copy.setEnabled(bool(shown))

    def _copy(self) -> None:
        feedback.copy(self, "\n\n".join(map(told_whole, self._chosen())))

    def _open(self, finding: Finding) -> None:
        number = self._numbers.get(finding.layer, 0)
        if number:
            self._selection.open_layer(number)
