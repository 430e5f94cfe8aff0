"""The findings of all layers in a column of their own, where the window is wide: left of the column that hardens."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from stratascope.core.layer import Finding, Layer
from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import runs
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.findings.card import told_whole
from stratascope.ui.findings.list import FindingsList
from stratascope.ui.kit import feedback
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.marks import Mark
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, Theme

WIDTH = 340
ALL = "all"
_GRADES: dict[str, tuple[tuple[Severity, ...], Message, Mark | None, str]] = {
    ALL: (tuple(Severity), msg("All"), None, ""),
    "serious": ((Severity.CRITICAL, Severity.HIGH), msg("Serious"), Mark.OPEN, "open"),
    "medium": ((Severity.MEDIUM,), msg("Medium"), Mark.WEAKENED, "weak"),
    "minor": ((Severity.LOW,), msg("Minor"), None, ""),
}


class FindingsColumn(QFrame):
    """Follows the selection while it is in view."""

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
        self.copy = QPushButton(translate(msg("Copy all")))
        self.copy.setFont(theme.font(11, BOLD))
        self.chips = ChoiceChips(theme, ALL)
        self.chips.setAccessibleName(translate(msg("Severity of the findings")))
        for which, (_, word, mark, ink) in _GRADES.items():
            self.chips.add(which, FilterChip(theme, translate(word), mark, ink))
        self.list = FindingsList(theme, acceptances)
        inside = TextColumn()
        inside.setObjectName("page")
        within = QVBoxLayout(inside)
        within.setContentsMargins(0, 0, theme.px(4), 0)
        within.addWidget(self.list)
        within.addStretch(1)
        self.area = Scrolled(inside)
        head = QHBoxLayout()
        head.setSpacing(theme.px(8))
        head.addWidget(self.title)
        head.addWidget(where, 1)
        head.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(theme.px(length) for length in (12, 12, 12, 12)))
        column.setSpacing(theme.px(8))
        column.addLayout(head)
        column.addWidget(self.chips)
        column.addWidget(self.area, 1)
        self.setFixedWidth(theme.px(WIDTH))
        self.hide()
        self.chips.chosen.connect(lambda _: self._show())
        self.copy.clicked.connect(lambda _=False: self._copy())
        self.list.opened.connect(self._open)
        selection.container_changed.connect(self._show)
        acceptances.changed.connect(self._show)

    def set_seen(self, *, seen: bool) -> None:
        """Whether there is room for it, and a container in view."""
        if seen is self.isHidden():
            self.setVisible(seen)
            self._show()

    def _found(self) -> tuple[Finding, ...]:
        state = self._selection.judged
        return state.findings if state is not None and runs(state) else ()

    def _chosen(self) -> tuple[Finding, ...]:
        """Those of the grades that are pressed in."""
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
