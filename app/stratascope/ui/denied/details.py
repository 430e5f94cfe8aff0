"""What unfolds below the chosen row: why in full, and what can be done about it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation import refusals_report as words
from stratascope.ui.kit.flow import Flow
from stratascope.ui.kit.labels import Label, Line, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.value import Value

OFFERED = 3  # remedies with a button
_ON_THE_RIGHT = msg("It is switched on in the right column, and takes effect with the next relaunch.")


class Act(Value):
    """One thing that can be done with a refusal: a button here, an entry in the context menu."""

    word: Message
    name: str  # allow, copy, fold, show
    choices: tuple[Choice, ...] = ()
    more: str = ""  # for the tooltip


def acts(denial: Refusal, *, folded: bool, able: bool) -> tuple[Act, ...]:
    """What can be done. `folded`: a person called it harmless; `able`: a relaunch can be asked for."""
    found: list[Act] = []
    for remedy in denial.remedies if able else ():
        if remedy.choice is not None and len(found) < OFFERED:
            text, opens = plain(translate(remedy.text), 80), words.opens(remedy)[0]
            more = "\n".join(each for each in (opens, translate(_ON_THE_RIGHT)) if each)
            word = msg("Or: {remedy}", remedy=text) if found else msg("Allow: {remedy}", remedy=text)
            found.append(Act(word, "allow", remedy.choices, more))
    found.append(Act(msg("Copy"), "copy"))
    if folded:
        found.append(Act(msg("Show such refusals again"), "show"))
    elif not denial.benign:
        found.append(Act(msg("Treat such refusals as harmless"), "fold"))
    return tuple(found)


class Details(QWidget):
    """`wanted` has the Act of a button that was pressed."""

    wanted = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._acts: tuple[Act, ...] = ()
        self.why = Label(theme, 12, wrap=True).selectable()
        self.why.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a list that is read by arrows; Copy has all of it
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.buttons = Flow(theme, middle=False)
        self.times = Line(theme, 11, ink="text2", fixed=True)
        self.times.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.times.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.px(2), theme.px(12), theme.px(10))
        column.setSpacing(theme.px(6))
        column.addWidget(self.why)
        column.addWidget(self.buttons)
        below = QHBoxLayout()
        below.addWidget(self.times)
        column.addLayout(below)
        column.addStretch(1)
        self.hide()

    def show_denial(self, denial: Refusal, found: tuple[Act, ...]) -> None:
        """That one; its buttons are made anew only where they must be, so that the keyboard stays there."""
        self.why.setText(words.whole(denial))
        self.times.say(words.span_text(denial))
        self.setAccessibleName(self.why.text().split("\n")[0])
        if found != self._acts:
            self._acts = found
            self.buttons.put(tuple(self._button(act) for act in found))

    def _button(self, act: Act) -> QPushButton:
        button = QPushButton(translate(act.word))
        button.setFont(self._theme.font(12, MEDIUM))
        button.setObjectName("act")
        give_tip(button, act.more)
        button.clicked.connect(partial(self._press, act))
        return button

    def _press(self, act: Act, _: bool = False) -> None:
        self.wanted.emit(act)

    def high_at(self, width: int) -> int:
        """As high as it has to be at that width."""
        theme, edges = self._theme, self._column.contentsMargins()
        inner = max(1, width - edges.left() - edges.right())
        self.buttons.resize(inner, self.buttons.height())
        text = self.why.heightForWidth(inner)
        self.why.setFixedHeight(text)  # else what is above its least height goes to the others too
        parts = (text, self.buttons.sizeHint().height(), theme.box(11))
        return sum(parts) + 2 * theme.px(6) + edges.top() + edges.bottom()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent):  # it takes no clicks; let through, they would press the row, which folds
            event.accept()
            return True
        return super().event(event)
