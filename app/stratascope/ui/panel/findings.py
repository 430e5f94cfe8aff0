"""Findings of one layer, and what could not be read: severity, sentence, advice, evidence, references."""

from __future__ import annotations

from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.ui.widgets.gap_words import advice, reason
from stratascope.ui.widgets.labels import Label, give_tip
from stratascope.ui.widgets.marks import SEVERITY_INK, Mark, MarkBox, severity_word
from stratascope.ui.widgets.theme import BOLD, MEDIUM, Theme


class FindingCard(QWidget):
    """One finding."""

    def __init__(self, theme: Theme, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        ink = SEVERITY_INK[finding.severity]
        word = severity_word(finding.severity)
        text = plain(translate(finding.text), 2000)
        refs = "   ".join(plain(ref, 100) for ref in finding.refs)
        parts = (
            (Label(theme, 13, MEDIUM, wrap=True), text),
            (Label(theme, 12, ink="text2", wrap=True), plain(translate(finding.advice), 2000)),
            (Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable(), plain(finding.source, 2000)),
            (Label(theme, 11, ink="text3", wrap=True).selectable(), refs),
        )
        _card(self, theme, Mark.TRIANGLE if finding.severity.value != "low" else Mark.DOT, ink, word, parts)
        give_tip(parts[2][0], plain(finding.source, 2000))  # a long id has no place to be broken at
        self.setAccessibleName(translate(msg("{severity}: {text}", severity=word, text=text)))


class GapCard(QWidget):
    """Something that could not be read."""

    def __init__(self, theme: Theme, gap: NamedGap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        what = plain(gap.source or gap.what, 500)
        parts = (
            (Label(theme, 13, MEDIUM, wrap=True), reason(gap.gap)),
            (Label(theme, 12, ink="text2", wrap=True), advice(gap.gap)),
            (Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable(), what),
        )
        _card(self, theme, Mark.UNKNOWN, "unk", translate(msg("Not known")), parts)
        self.setAccessibleName(translate(msg("Not known: {what}. {why}", what=what, why=reason(gap.gap))))


def _widest(theme: Theme) -> int:
    """Of the words that may stand at the left of a card; all cards have the same room for them."""
    words = [severity_word(severity) for severity in Severity] + [translate(msg("Not known"))]
    return max(QFontMetrics(theme.font(11, BOLD)).horizontalAdvance(word) for word in words)


def _card(widget: QWidget, theme: Theme, mark: Mark, ink: str, word: str, parts: tuple[tuple[Label, str], ...]) -> None:
    side = QHBoxLayout()
    side.setSpacing(theme.px(6))
    box = MarkBox(theme, 11)
    box.show_mark(mark, ink)
    label = Label(theme, 11, BOLD, ink)
    label.setText(word)
    side.addWidget(box)
    side.addWidget(label)
    side.addStretch(1)
    left = QWidget()
    left.setFixedWidth(max(theme.px(96), theme.px(12) + 11 + _widest(theme)))
    left.setLayout(side)
    side.setContentsMargins(0, 0, 0, 0)
    right = QVBoxLayout()
    right.setSpacing(theme.px(2))
    for part, text in parts:
        part.setText(text)
        if text:  # never setVisible(True) before it has a parent: it would be a window of its own for a moment
            right.addWidget(part)
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, theme.px(4))
    layout.setSpacing(theme.px(8))
    column = QVBoxLayout()
    column.addWidget(left)
    column.addStretch(1)
    layout.addLayout(column)
    layout.addLayout(right, 1)
