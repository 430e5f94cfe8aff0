"""One finding in a row 30 high, that unfolds what to do about it, and by what it is known.

The row stays as long as the finding does: where its sentence or what accepts it changes, its texts are replaced.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from stratascope.core.accepted import Standing, in_force
from stratascope.core.layer import Finding, NamedGap
from stratascope.core.message import Message, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.presentation.annotations import accepted_words
from stratascope.presentation.exposure import advice, reason
from stratascope.presentation.history_report import layer_title
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.feedback import CopyMenu
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.marks import SEVERITY_INK, Mark, MarkBox, severity_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.usecases.plan.offers import Option

_MARKS = {
    Severity.CRITICAL: Mark.OPEN,
    Severity.HIGH: Mark.OPEN,
    Severity.MEDIUM: Mark.WEAKENED,
    Severity.LOW: Mark.DOT,
}


class FindingRow(QWidget):
    """One finding. The focused row is the selected one: Ctrl+C copies it, F adds its fix to the plan, Space unfolds it.

    `fix_wanted`: turn on the switch that fixes it, or show it if it is on. `accept_wanted`: accept it, or let it count
    again; carries the row. `opened` carries the finding. `layer`: the number of its layer, shown in lists of several
    layers. `standing`: the exception that accepts it, or did. `able`: whether it can be accepted here.
    """

    fix_wanted = Signal(str)
    accept_wanted = Signal(object)
    opened = Signal(object)

    def __init__(
        self, theme: Theme, finding: Finding, layer: int = 0, standing: Standing | None = None, *, able: bool = False
    ) -> None:
        super().__init__()
        self._theme, self._key, self._able = theme, "", able
        self._narrow = bool(layer)
        self.finding, self.standing = finding, standing
        self.details: _Details | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.copying = CopyMenu(
            self,
            lambda: (
                (msg("Copy this finding"), lambda: told_whole(self.finding)),
                (msg("Copy the evidence"), lambda: plain(self.finding.source, 2000)),
            ),
            self._more,
        )
        self._mark = MarkBox(theme, 11)
        self.line = Label(theme, 12 if layer else 13, MEDIUM, wrap=True)
        self._source = Line(theme, 11, ink="text2", fixed=True, middle=True)
        self._source.setMaximumWidth(theme.px(150))
        self.fix = text_button(theme, msg("Add to plan"), self._press, size=11, look="act")
        self.fix.setFixedHeight(theme.box(11) + theme.px(6))
        self.fix.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the row is one tab stop, with a key for each button
        self.state = Label(theme, 11, MEDIUM, "text2")
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.fix.hide()
        self.state.hide()
        head = theme.lay(QHBoxLayout(), self._mark, (self.line, 1), gap=8)
        if layer:
            number = MarkBox(theme, 16)
            number.show_number(layer)
            theme.lay(head, number)
            self.fix.setText(translate(msg("Add")))
        else:
            theme.lay(head, self._source)
        self.state.setMinimumWidth(self.fix.sizeHint().width())
        theme.lay(head, self.fix, self.state)
        self._head = QWidget()
        self._head.setLayout(theme.lay(head, around=(0, 4, 0, 4)))
        self._head.setMinimumHeight(theme.px(29))
        self._column = theme.lay(QVBoxLayout(self), self._head, around=(8, 0, 8, 1), gap=0)
        self.say(finding, standing)

    def say(self, finding: Finding, standing: Standing | None) -> None:
        """Show this finding in its place."""
        self.finding, self.standing = finding, standing
        self._mark.show_mark(_MARKS[finding.severity], SEVERITY_INK[finding.severity])
        give_tip(self._mark, severity_word(finding.severity))
        source = plain(finding.source, 2000)
        self._source.say(source.rpartition("/")[2])
        give_tip(self._source, source)
        self.setAccessibleName(_named(finding))
        self.line.setText(plain(translate(finding.text), 2000))
        if self.details is not None:
            self.details.say(finding, standing)

    @property
    def unfolded(self) -> bool:
        """Whether its details are shown."""
        return self.details is not None and not self.details.isHidden()

    def unfold(self, *, unfolded: bool) -> None:
        """Show or hide what to do about it, and by what it is known."""
        if unfolded and self.details is None:
            self.details = _Details(self._theme, self.copying.copy_first)
            self.details.say(self.finding, self.standing)
            self._column.addWidget(self.details)
        if self.details is not None:
            self.details.setVisible(unfolded)

    def show_fix(self, option: Option | None, *, on: bool, known: bool = True) -> None:
        """Show the switch that fixes it, if any, and whether it is on. `known`: whether what can be changed is."""
        self._key = "" if option is None else option.key
        self.fix.setVisible(bool(self._key) and not on)
        self.state.setVisible(known and (on or not self._key))
        short = ("✓", "–") if self._narrow else (translate(msg("✓ in the plan")), translate(msg("no switch")))
        self.state.setText(short[0] if on else short[1])
        give_tip(self.state, translate(msg("No switch resolves this.")))
        self.state.tint("enf" if on else "text2")
        if option is not None:
            title = plain(translate(option.title), 200)
            told = msg("{title}: in the plan at the right (F)", title=title) if on else msg(
                "Switch on “{title}” in the plan at the right (F)", title=title
            )  # fmt: skip
            self.fix.setAccessibleName(translate(told))
            give_tip(self.fix, translate(told))
            give_tip(self.state, translate(told))

    def _more(self) -> tuple[tuple[Message, Callable[[], object]], ...]:
        found: list[tuple[Message, Callable[[], object]]] = [(msg("Add to plan"), self._press)] if self._key else []
        if self._able:
            accepted = in_force(self.standing)
            found.append(
                (
                    msg("Count it again") if accepted else msg("Accept this finding…"),
                    lambda: self.accept_wanted.emit(self),
                )
            )
        return tuple(found)

    def _press(self) -> None:
        if self._key:
            self.fix_wanted.emit(self._key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F and not event.modifiers() and self._key:
            self._press()
        elif event.key() == Qt.Key.Key_Space:
            self.unfold(unfolded=not self.unfolded)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self.finding)
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton and self._head.geometry().contains(event.position().toPoint()):
            self.unfold(unfolded=not self.unfolded)
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.opened.emit(self.finding)

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


class _Details(QWidget):
    """How serious it is, what to do, what accepts it, and the evidence."""

    def __init__(self, theme: Theme, copy: Callable[[], object]) -> None:
        super().__init__()
        self._severity = Label(theme, 11, BOLD)
        self._advice = Label(theme, 12, ink="text2", wrap=True)
        self._accepted = Label(theme, 12, MEDIUM, ink="text2", wrap=True)
        self._evidence = Label(theme, 11, ink="text2", wrap=True, fixed=True).selectable()
        self._refs = Label(theme, 11, ink="text3", wrap=True).selectable()
        self.copy = text_button(theme, msg("Copy"), copy, size=11, look="act", more=msg("Copy this finding (Ctrl+C)"))
        self.copy.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        labels = (self._severity, self._advice, self._accepted, self._evidence, self._refs)
        for label in labels:
            label.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)  # the row has one
        buttons = theme.lay(QHBoxLayout(), self.copy, STRETCH)
        theme.lay(QVBoxLayout(self), *labels, buttons, around=(19, 0, 0, 8), gap=3)

    def say(self, finding: Finding, standing: Standing | None) -> None:
        source = plain(finding.source, 2000)
        self._severity.setText(severity_word(finding.severity))
        self._severity.tint(SEVERITY_INK[finding.severity])
        self._advice.setText(plain(translate(finding.advice), 2000))
        self._accepted.setText("" if standing is None else plain(translate(accepted_words(standing)), 600))
        self._accepted.setVisible(standing is not None)
        if standing is not None:
            self._accepted.tint("weak" if standing.expired else "text2")
        self._evidence.setText(source)
        give_tip(self._evidence, source)  # a long id has no break opportunity
        refs = "   ".join(plain(ref, 100) for ref in finding.refs)
        self._refs.setText(refs)
        self._refs.setVisible(bool(refs))


class GapRow(QWidget):
    """Something that could not be read."""

    def __init__(self, theme: Theme, gap: NamedGap) -> None:
        super().__init__()
        mark = MarkBox(theme, 11)
        mark.show_mark(Mark.UNKNOWN, "unk")
        what = plain(gap.source or layer_title(gap.what), 500)
        parts = (
            Label(theme, 13, MEDIUM, wrap=True, text=reason(gap.gap)),
            Label(theme, 12, ink="text2", wrap=True, text=advice(gap.gap)),
            Label(theme, 11, ink="text2", wrap=True, fixed=True, text=what).selectable(),
        )
        texts = theme.lay(QVBoxLayout(), *(part for part in parts if part.text()), gap=2)
        side = theme.lay(QVBoxLayout(), 4, mark, STRETCH)
        theme.lay(QHBoxLayout(self), side, (texts, 1), around=(8, 6, 8, 8), gap=8)
        self.setAccessibleName(translate(msg("Not known: {what}. {why}", what=what, why=reason(gap.gap))))


def _named(finding: Finding) -> str:
    text = plain(translate(finding.text), 2000)
    return translate(colon(severity_word(finding.severity), text))


def told_whole(finding: Finding) -> str:
    """Return the whole finding as plain text, for copying."""
    refs = "   ".join(plain(ref, 100) for ref in finding.refs)
    lines = (_named(finding), plain(translate(finding.advice), 2000), plain(finding.source, 2000), refs)
    return "\n".join(each for each in lines if each)
