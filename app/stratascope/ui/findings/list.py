"""The list of findings, worst first, then what could not be read; in a wide window also a column of all layers.

A card shows severity, sentence, advice, evidence, references and what would fix it. Cards stay as long as their content
does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial

from PySide6.QtCore import QDate, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import (
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.accepted import Standing, exception, in_force
from stratascope.core.container import Container
from stratascope.core.layer import Finding, Layer, NamedGap
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import accepted_words
from stratascope.presentation.exposure import advice, reason
from stratascope.presentation.history_report import layer_title
from stratascope.presentation.takeover import runs
from stratascope.ui.findings.acceptances import Acceptances
from stratascope.ui.kit import feedback
from stratascope.ui.kit.buttons import FoldButton, text_button
from stratascope.ui.kit.chip import ChoiceChips, FilterChip
from stratascope.ui.kit.feedback import CopyMenu
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.focus_order import OneStop, paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import SEVERITY_INK, Mark, MarkBox, severity_word
from stratascope.ui.kit.selection import Selection
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.usecases.plan.offers import Offer, Option


class FindingCard(QWidget):
    """One finding. The focused card is the selected one: Ctrl+C copies it, F fixes it.

    `fix_wanted`: turn on the toggle that fixes it, or show it if it is on. `accept_wanted`: accept it, or let it count
    again. `layer`: the number of its layer, shown in narrow lists of several layers. `standing`: the exception that
    accepts it, or did. `able`: whether it can be accepted here.
    """

    fix_wanted = Signal(str)
    accept_wanted = Signal()
    opened = Signal()

    def __init__(
        self, theme: Theme, finding: Finding, layer: int = 0, standing: Standing | None = None, *, able: bool = False
    ) -> None:
        super().__init__()
        self._theme, self.finding, self._key = theme, finding, ""
        self.standing, self._able = standing, able
        ink = SEVERITY_INK[finding.severity]
        word = severity_word(finding.severity)
        text = plain(translate(finding.text), 2000)
        told = plain(translate(finding.advice), 2000)
        source = plain(finding.source, 2000)
        refs = "   ".join(plain(ref, 100) for ref in finding.refs)
        parts = [(Label(theme, 13, MEDIUM, wrap=True), text), (Label(theme, 12, ink="text2", wrap=True), told)]
        if standing is not None:
            label = Label(theme, 12, MEDIUM, ink="weak" if standing.expired else "text2", wrap=True)
            parts.append((label, plain(translate(accepted_words(standing)), 600)))
        if not layer:
            evidence = Label(theme, 11, ink="text2", wrap=True, fixed=True)
            evidence.setText(source)
            give_tip(evidence, source)  # a long id has no break opportunity
            parts += [
                (evidence.selectable(), source),
                (Label(theme, 11, ink="text3", wrap=True).selectable(), refs),
            ]
        self.setAccessibleName(_named(finding))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        whole = told_whole(finding)
        self.copying = CopyMenu(
            self,
            lambda: ((msg("Copy this finding"), lambda: whole), (msg("Copy the evidence"), lambda: source)),
            self._more,
        )
        self.copy = _small_button(theme, msg("Copy"), msg("Copy this finding (Ctrl+C)"), self.copying.copy_first)
        self.fix = _small_button(theme, msg("Fix"), NOTHING, self._press)
        self.fix.hide()
        mark = Mark.TRIANGLE if finding.severity.value != "low" else Mark.DOT
        buttons = theme.lay(QHBoxLayout(), self.copy, self.fix, gap=6)
        if layer:
            box = MarkBox(theme, 16)
            box.show_number(layer)
            buttons.addWidget(box)
            place = Line(theme, 11, ink="text2", fixed=True, middle=True)
            place.say(source)
            buttons.insertWidget(0, place, 1)
        _card(self, theme, mark, ink, word, parts, buttons, narrow=bool(layer))

    def show_fix(self, option: Option | None, *, on: bool) -> None:
        """Show the toggle that fixes it, if any, and whether it is on."""
        self._key = "" if option is None else option.key
        self.fix.setVisible(bool(self._key))
        self.fix.setText(translate(msg("Switched on") if on else msg("Fix")))
        if option is not None:
            title = plain(translate(option.title), 200)
            told = msg("{title}: switched on in the right column (F)", title=title) if on else msg(
                "Switch on “{title}” in the right column (F)", title=title
            )  # fmt: skip
            self.fix.setAccessibleName(translate(told))
            give_tip(self.fix, translate(told))

    def _more(self) -> tuple[tuple[Message, Callable[[], object]], ...]:
        found: list[tuple[Message, Callable[[], object]]] = [(msg("Fix"), self._press)] if self._key else []
        if self._able:
            accepted = in_force(self.standing)
            found.append((msg("Count it again") if accepted else msg("Accept this finding…"), self.accept_wanted.emit))
        return tuple(found)

    def _press(self) -> None:
        if self._key:
            self.fix_wanted.emit(self._key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F and not event.modifiers() and self._key:
            self._press()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.opened.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        if self.hasFocus():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent_soft"))
            painter.drawRoundedRect(QRectF(self.rect()), theme.px(6), theme.px(6))
            paint_focus_ring(painter, QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(6), theme)
        else:
            painter.setPen(theme.color("line"))
            painter.drawLine(theme.px(6), self.height() - 1, self.width() - theme.px(6), self.height() - 1)


class GapCard(QWidget):
    """Something that could not be read."""

    def __init__(self, theme: Theme, gap: NamedGap) -> None:
        super().__init__()
        what = plain(gap.source or layer_title(gap.what), 500)
        parts = (
            (Label(theme, 13, MEDIUM, wrap=True), reason(gap.gap)),
            (Label(theme, 12, ink="text2", wrap=True), advice(gap.gap)),
            (Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable(), what),
        )
        _card(self, theme, Mark.UNKNOWN, "unk", translate(msg("Not known")), parts)
        self.setAccessibleName(translate(msg("Not known: {what}. {why}", what=what, why=reason(gap.gap))))


def _named(finding: Finding) -> str:
    text = plain(translate(finding.text), 2000)
    return translate(msg("{severity}: {text}", severity=severity_word(finding.severity), text=text))


def told_whole(finding: Finding) -> str:
    """Return the whole finding as plain text, for copying."""
    refs = "   ".join(plain(ref, 100) for ref in finding.refs)
    lines = (_named(finding), plain(translate(finding.advice), 2000), plain(finding.source, 2000), refs)
    return "\n".join(each for each in lines if each)


def _widest(theme: Theme) -> int:
    """Return the width of the longest word at the left of a card, the same in all cards."""
    words = [severity_word(severity) for severity in Severity] + [translate(msg("Not known"))]
    return max(QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(word) for word in words)


def _small_button(theme: Theme, word: Message, told: Message, then: Callable[[], object]) -> QPushButton:
    """Return a small button of a row, 22 high."""
    button = text_button(theme, word, then, size=11, look="act", more=told)
    button.setFixedHeight(theme.box(11) + theme.px(6))
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the row is one tab stop, with a key for each button
    return button


def _card(
    widget: QWidget,
    theme: Theme,
    mark: Mark,
    ink: str,
    word: str,
    parts: Sequence[tuple[Label, str]],
    buttons: QHBoxLayout | None = None,
    *,
    narrow: bool = False,
) -> None:
    box = MarkBox(theme, 11)
    box.show_mark(mark, ink)
    side = theme.lay(QHBoxLayout(), (box, 0, Qt.AlignmentFlag.AlignTop), around=0, gap=6)
    left = QWidget()
    left.setLayout(side)
    if not narrow:
        label = Label(theme, 11, BOLD, ink)
        label.setText(word)
        side.addWidget(label)
        side.addStretch(1)
        left.setFixedWidth(max(theme.px(96), theme.px(12) + 11 + _widest(theme)))
    right = QVBoxLayout()
    right.setSpacing(theme.px(2))
    for part, text in parts:
        part.setText(text)
        part.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the card has one
        if text:  # setVisible(True) before it has a parent would flash it as a window of its own
            right.addWidget(part)
    column = theme.lay(QVBoxLayout(), left, STRETCH)
    layout = theme.lay(QHBoxLayout(widget), column, (right, 1), around=(8, 6, 8, 8), gap=8)
    if buttons is not None and narrow:
        right.addLayout(buttons)
    elif buttons is not None:
        beside = theme.lay(QVBoxLayout(), buttons, STRETCH)
        layout.addLayout(beside)


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
        """Show these findings. `numbers`: the numbers of the layers by id, for a list of several layers."""
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
        """Show what hardening offers for this container, and which toggles are on."""
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
