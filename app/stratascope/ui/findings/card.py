"""A finding, and what could not be read: severity, sentence, advice, evidence, references, and what would mend it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stratascope.core.accepted.accepted import Standing, in_force
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import accepted_words
from stratascope.presentation.exposure import advice, reason
from stratascope.presentation.history_report import layer_title
from stratascope.ui.kit.feedback import CopyMenu
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import SEVERITY_INK, Mark, MarkBox, severity_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.usecases.plan.offers import Option


class FindingCard(QWidget):
    """One finding. With the keyboard on it it is the selected one: Ctrl+C copies it, F mends it.

    `fix_wanted`: the switch that mends it is to be turned on, or shown where it is on. `accept_wanted`: it is to be
    accepted, or to count again. `layer`: the number of the layer that it belongs to, told where the findings of several
    stand below each other; there it is narrow. `standing`: the exception that accepts it, or did. `able`: whether it
    can be accepted here.
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
            give_tip(evidence, source)  # a long id has no place to be broken at
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
        self.copy = _small(theme, msg("Copy"), msg("Copy this finding (Ctrl+C)"))
        self.copy.clicked.connect(lambda _=False: self.copying.copy_first())
        self.fix = _small(theme, msg("Fix"), NOTHING)
        self.fix.clicked.connect(lambda _=False: self._press())
        self.fix.hide()
        mark = Mark.TRIANGLE if finding.severity.value != "low" else Mark.DOT
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.px(6))
        buttons.addWidget(self.copy)
        buttons.addWidget(self.fix)
        if layer:
            box = MarkBox(theme, 16)
            box.show_number(layer)
            buttons.addWidget(box)
            place = Line(theme, 11, ink="text2", fixed=True, middle=True)
            place.say(source)
            buttons.insertWidget(0, place, 1)
        _card(self, theme, mark, ink, word, parts, buttons, narrow=bool(layer))

    def show_fix(self, option: Option | None, *, on: bool) -> None:
        """The switch that mends it, None where there is none; and whether it is on."""
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
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
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

    def __init__(self, theme: Theme, gap: NamedGap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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
    """All of it as plain text, to be copied."""
    refs = "   ".join(plain(ref, 100) for ref in finding.refs)
    lines = (_named(finding), plain(translate(finding.advice), 2000), plain(finding.source, 2000), refs)
    return "\n".join(each for each in lines if each)


def _widest(theme: Theme) -> int:
    """Of the words that may stand at the left of a card; all cards have the same room for them."""
    words = [severity_word(severity) for severity in Severity] + [translate(msg("Not known"))]
    return max(QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(word) for word in words)


def _small(theme: Theme, word: Message, told: Message) -> QPushButton:
    """A button in a row, 22 high."""
    button = QPushButton(translate(word))
    button.setObjectName("act")
    button.setFont(theme.font(11, MEDIUM))
    button.setFixedHeight(theme.box(11) + theme.px(6))
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the row is one stop, with a key for each of them
    give_tip(button, translate(told))
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
    side = QHBoxLayout()
    side.setContentsMargins(0, 0, 0, 0)
    side.setSpacing(theme.px(6))
    box = MarkBox(theme, 11)
    box.show_mark(mark, ink)
    side.addWidget(box, 0, Qt.AlignmentFlag.AlignTop)
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
        if text:  # never setVisible(True) before it has a parent: it would be a window of its own for a moment
            right.addWidget(part)
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(theme.px(8), theme.px(6), theme.px(8), theme.px(8))
    layout.setSpacing(theme.px(8))
    column = QVBoxLayout()
    column.addWidget(left)
    column.addStretch(1)
    layout.addLayout(column)
    layout.addLayout(right, 1)
    if buttons is not None and narrow:
        right.addLayout(buttons)
    elif buttons is not None:
        beside = QVBoxLayout()
        beside.addLayout(buttons)
        beside.addStretch(1)
        layout.addLayout(beside)
