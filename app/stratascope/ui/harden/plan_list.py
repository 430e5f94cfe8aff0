"""The rows of a plan under three heads; folded below them what no switch closes, and what is in place already.

One stop of the Tab key: arrows go from row to row. Wide, it has two columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, colon, msg, plural
from stratascope.core.relaunch.hardening_plan import Change, ChangeKind, HardeningPlan
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import ThreatState
from stratascope.i18n.translate import translate
from stratascope.presentation.plan_rows import GROUPS
from stratascope.ui.harden.plan_row import PlanRow
from stratascope.ui.harden.proved_row import ProvedRow
from stratascope.ui.kit import feedback
from stratascope.ui.kit.buttons import FoldButton, text_button
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.focus_order import OneStop, show_in_areas
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.theme import BOLD, STRETCH, Theme
from stratascope.usecases.plan.offers import InForce, Offer

TWO_COLUMNS = 680  # px of the design


class GroupHead(QWidget):
    """Title and, behind it, what is said of the group; a link where it can be watched."""

    def __init__(self, theme: Theme, kind: ChangeKind) -> None:
        super().__init__()
        title, said = GROUPS[kind]
        self._said, self.in_force = said, 0  # how many of its changes a relaunch has made
        self.title = Label(theme, 12, BOLD, text=translate(title))
        self.said = Line(theme, 11, ink="text2", text=translate(said))
        self.link = text_button(theme, msg("Watch it"), look="link", size=11)
        self.link.hide()
        theme.lay(QHBoxLayout(self), self.title, self.said, self.link, STRETCH, around=(0, 8, 0, 2), gap=8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def say(self, text: Message | None, *, watch: bool) -> None:
        """What stands behind the title; None: the usual. `watch`: it can be watched."""
        in_force = plural("{count} in force", "{count} in force", self.in_force)
        self.said.say(translate(in_force if self.in_force else self._said if text is None else text))
        self.link.setVisible(watch)


class _FoldedLine(QWidget):
    """One of them; filled anew rather than made anew, since PySide crashed where many were removed (SIGSEGV in
    Shiboken's releaseWrapper, of a label whose holder was deleted).
    """

    def __init__(self, theme: Theme, *, copies: bool) -> None:
        super().__init__()
        self._label = Label(theme, 11, ink="text2", wrap=True).selectable()
        self._copy = text_button(theme, msg("Copy"), self._take, look="link", size=11) if copies else None
        layout = theme.lay(QHBoxLayout(self), (self._label, 1), around=0, gap=6)
        if self._copy is not None:
            layout.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)

    def say(self, text: str) -> None:
        """Show that line."""
        self._label.setText(text)
        if self._copy is not None:
            self._copy.setAccessibleName(translate(msg("Copy: {text}", text=text)))
        self.show()

    def _take(self) -> None:
        feedback.copy(self, self._label.text())


class FoldedLines(QWidget):
    """A head with lines of text that are folded away at first; each may be copied."""

    def __init__(self, theme: Theme, title: Message, *, copies: bool) -> None:
        super().__init__()
        self._theme, self._title, self._copies = theme, translate(title), copies
        self._lines: tuple[str, ...] | None = None
        self._made: list[_FoldedLine] = []
        self.head, self._rows = FoldButton(theme), QWidget()
        self._column = theme.lay(QVBoxLayout(self._rows), around=(22, 0, 0, 4), gap=4)
        self._rows.hide()
        self.head.toggled.connect(self._rows.setVisible)
        theme.lay(QVBoxLayout(self), self.head, self._rows, around=0, gap=0)

    def show_lines(self, lines: Sequence[str], said: str = "") -> None:
        """None: no trace of it. `said`: behind the head."""
        self.setVisible(bool(lines))
        self.head.show_head(self._title, len(lines), said)
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        for place, line in enumerate(lines):
            if place == len(self._made):
                self._made.append(_FoldedLine(self._theme, copies=self._copies))
                self._column.addWidget(self._made[place])
            self._made[place].say(line)
        for row in self._made[len(lines) :]:
            row.hide()


class PlanList(Scrolled):
    """`switched`, `only_wanted`, `value_wanted`, `instead`, `accept_wanted` are those of its rows; `pointed`: the ids
    of threats that the row at hand closes, None for no row; `watch_wanted`: its head asks for it.
    """

    switched = Signal(str, bool)
    only_wanted = Signal(str)
    value_wanted = Signal(str)
    instead = Signal(str, object)
    accept_wanted = Signal(str)
    pointed = Signal(object)
    watch_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__(name=translate(msg("Changes of the plan")))
        self._theme = theme
        self.rows: dict[str, PlanRow] = {}
        self.proved: tuple[ProvedRow, ...] = ()
        self._stop = OneStop(self)
        self.coming = Label(theme, 12, ink="text2", text=translate(msg("Checking what can be hardened…")))
        self.coming.hide()
        self._inside = TextColumn()
        self._inside.setObjectName("page")
        self.heads = {kind: GroupHead(theme, kind) for kind in ChangeKind}
        # Widgets, since they move between columns: PySide makes a wrapper for each item of a layout that is added
        # filled, Qt deletes the items with the rows, and what is made at their address later ends the program.
        self._boxes = {kind: TextColumn() for kind in ChangeKind}
        self._groups = {
            kind: theme.lay(QVBoxLayout(box), self.heads[kind], around=0, gap=0) for kind, box in self._boxes.items()
        }
        self.no_switch = FoldedLines(theme, msg("No switch closes these"), copies=True)
        self.in_place = FoldedLines(theme, msg("Already in place"), copies=False)
        self._folds = TextColumn()
        theme.lay(QVBoxLayout(self._folds), 4, self.no_switch, self.in_place, around=0, gap=0)
        self._sides = [theme.lay(QVBoxLayout(), gap=0) for _ in range(2)]
        self._two = True
        self._outer = theme.lay(QBoxLayout(QBoxLayout.Direction.TopToBottom), *self._sides, gap=0)
        theme.lay(QVBoxLayout(self._inside), self.coming, self._outer, STRETCH, around=(0, 0, 2, 0), gap=0)
        for kind, box in self._boxes.items():
            self._sides[kind is not ChangeKind.TAKE_BACK].addWidget(box)
        self._sides[0].addWidget(self._folds)
        self.setWidget(self._inside)
        self.heads[ChangeKind.UNUSED].link.clicked.connect(lambda _=False: self.watch_wanted.emit())
        self._arrange(two=False)

    def show_plan(
        self,
        plan: HardeningPlan | None,
        state: ContainerState | None,
        on: dict[str, bool],
        failed: dict[str, Message],
        acceptable: frozenset[str],
    ) -> None:
        """`on`: what the person switched, `failed`: rows that a copy broke with, and why; `acceptable`: those for which
        there is a finding to accept. Rows are made anew only where they must be: the keyboard stays where it was.
        """
        changes = () if plan is None else plan.changes
        if list(self.rows) != [change.key for change in changes]:
            self._make_rows(changes)
        for change in changes:
            self.rows[change.key].show_change(
                change,
                state,
                on=on.get(change.key, change.on),
                failed=failed.get(change.key),
                acceptable=change.key in acceptable,
            )

    def show_in_force(self, changes: Sequence[InForce], tried: frozenset[str]) -> None:
        """What a relaunch has changed; `tried`: toggles (ids) that have refused something since."""
        if [row.change for row in self.proved] != list(changes):
            for row in self.proved:
                row.hide()
                row.setParent(None)
                row.deleteLater()
            self.proved = tuple(ProvedRow(self._theme, change) for change in changes)
            places = dict.fromkeys(ChangeKind, 1)  # below the head, above what can be switched
            for row in self.proved:
                self._groups[row.change.kind].insertWidget(places[row.change.kind], row)
                places[row.change.kind] += 1
        for row in self.proved:
            row.show_tried(tried=row.change.choice.id in tried)
        for kind, head in self.heads.items():
            count = sum(change.kind is kind for change in changes)
            head.in_force = count
            head.setVisible(bool(count) or any(row.change.kind is kind for row in self.rows.values()))

    def show_folded(self, plan: HardeningPlan | None, offer: Offer | None) -> None:
        """What no row closes, and what is in place."""
        lines, said = ([], "") if plan is None else _unclosed(plan)
        self.no_switch.show_lines(lines, said)
        options = () if offer is None else offer.options
        already = [each for each in options if each.already and not each.toggle.hands_over]
        self.in_place.show_lines([plain(translate(option.title), 200) for option in already])
        self._put_sides()
        self._put_stops()

    def _put_sides(self) -> None:
        """What is not used stands in the first of two columns where nothing is to be taken back."""
        first, second = self._sides
        unused, leads = self._boxes[ChangeKind.UNUSED], self.heads[ChangeKind.TAKE_BACK].isHidden()
        if leads is (first.indexOf(unused) >= 0):
            return
        (first if leads else second).insertWidget(1 if leads else 0, unused)

    def show_row(self, key: str) -> None:
        """Scroll to that one, with the keyboard."""
        row = self.rows.get(key)
        if row is not None:
            row.setFocus(Qt.FocusReason.OtherFocusReason)
            show_in_areas(row)

    def enter(self) -> bool:
        """The keyboard to the first row; False if there is none."""
        row = next(iter(self.rows.values()), None)
        if row is not None:
            row.setFocus(Qt.FocusReason.ShortcutFocusReason)
        return row is not None

    def _make_rows(self, changes: Sequence[Change]) -> None:
        focus = next((key for key, row in self.rows.items() if row.hasFocus()), "")
        for row in self.rows.values():
            row.hide()
            row.setParent(None)
            row.deleteLater()
        self.rows = {}
        for change in changes:
            row = PlanRow(self._theme, change)
            row.switched.connect(self.switched)
            row.only_wanted.connect(self.only_wanted)
            row.value_wanted.connect(self.value_wanted)
            row.instead.connect(self.instead)
            row.accept_wanted.connect(self.accept_wanted)
            row.pointed.connect(self._point)
            self.rows[change.key] = row
            self._groups[change.kind].addWidget(row)
        self.verticalScrollBar().setValue(0)
        if focus in self.rows:
            self.rows[focus].setFocus(Qt.FocusReason.OtherFocusReason)

    def _put_stops(self) -> None:
        self._stop.put([*self._in_order(), self.no_switch.head, self.in_place.head])

    def _in_order(self) -> list[QWidget]:
        """All rows, from above."""
        found: list[QWidget] = []
        for kind in ChangeKind:
            found += (row for row in self.proved if row.change.kind is kind)
            found += (row for row in self.rows.values() if row.change.kind is kind)
        return found

    def _point(self, key: str, there: bool) -> None:
        row = self.rows.get(key)
        self.pointed.emit(row.change.closes if there and row is not None else None)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(two=self.width() >= self._theme.px(TWO_COLUMNS))

    def _arrange(self, *, two: bool) -> None:
        """One column, or two; what is folded stands at the end of the first."""
        if two is self._two:
            return
        self._two = two
        first, second = self._sides
        (first if two else second).addWidget(self._folds)
        self._outer.setDirection(QBoxLayout.Direction.LeftToRight if two else QBoxLayout.Direction.TopToBottom)
        self._outer.setSpacing(self._theme.px(28 if two else 0))
        for place, side in enumerate(self._sides):
            self._outer.setStretch(place, 1 if two else 0)
            self._outer.setAlignment(side, Qt.AlignmentFlag.AlignTop if two else Qt.AlignmentFlag(0))


def _unclosed(plan: HardeningPlan) -> tuple[list[str], str]:
    """What can't be switched here, and what stays open whatever is switched; and the first of it in short."""
    closed = {threat for change in plan.changes for threat in change.closes}
    lines = [plain(translate(colon(choice.titled, why)), 400) for choice, why in plan.impossible]
    left: list[ThreatState] = [state for state in plan.left if state.threat.id not in closed]
    lines += [plain(translate(state.threat.title), 300) for state in left]
    first = "" if not plan.impossible else plain(translate(plan.impossible[0][1]), 200)
    return lines, first
