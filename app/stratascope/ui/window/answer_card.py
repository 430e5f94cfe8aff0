"""The card below a container's name: its exposure, what can happen, and the button that closes it.

Nothing in it is cut: it grows by a line of text before anything is elided. It is 92 high on the page of strata, 40
elsewhere and in a low window; if it is narrow, the button is below the text.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.core.relaunch.hardening_plan import HardeningPlan
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import together, translate
from stratascope.ui.harden.number_line import NumberLine
from stratascope.ui.harden.plan_button import TryButton
from stratascope.ui.kit import feedback
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.labels import Label, Line, Rule, give_tip
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.ui.kit.tone_card import LOW_HEIGHT, ToneCard
from stratascope.ui.threats.exposure import ExposureButton
from stratascope.ui.window.answer import Act, Answer, Tone

HEIGHT, NOTE, WORD = 92, 190, 260  # px of the design; NOTE, WORD: least and most of the button


class LineBox(QWidget):
    """What would change in the command, in the fixed font, and a link that copies it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self.text = theme, ""
        self.line = Label(theme, 11, fixed=True, wrap=True)
        self.copy = text_button(theme, msg("Copy"), self._copy, weight=BOLD, look="link")
        self.copy.setAccessibleName(translate(msg("Copy the changed line")))
        box = QFrame()
        box.setObjectName("card")
        theme.lay(QHBoxLayout(box), self.line, around=(6, 1, 6, 1))
        theme.lay(QHBoxLayout(self), (box, 1), self.copy, around=0, gap=6)
        self.hide()

    def say(self, text: str) -> None:
        """Set it; "": nothing."""
        self.text = text
        self.line.setText(text)

    def _copy(self) -> None:
        feedback.copy(self, self.text)


class SupposeLine(QWidget):
    """While a layer is supposed to fail: what would reach the kernel, and the button that drops all suppositions."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = Label(theme, 13, MEDIUM, wrap=True)
        self.back = QPushButton(translate(msg("Bring back")))
        self.back.setObjectName("link")
        self.back.setFont(theme.font(12, BOLD))
        self.back.setCursor(Qt.CursorShape.PointingHandCursor)
        give_tip(self.back, translate(msg("As it really is (Escape)")))
        theme.lay(QHBoxLayout(self), (self.text, 1), self.back, around=0, gap=6)


class AnswerCard(ToneCard):
    """The card. `plan_wanted`: press the plan's button."""

    plan_wanted = Signal()
    root_wanted = Signal()
    again_wanted = Signal()
    session_wanted = Signal()
    before_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.answer, self._low, self._bare = Answer(), False, False
        self.exposure = ExposureButton(theme)
        self.numbers = NumberLine(theme)  # of the plan below it
        self.numbers.counts = False
        self.divider = Rule(theme, upright=True)
        self._planned, self._flat = False, False
        self.first = Label(theme, 15, BOLD, wrap=True)
        self.second = Label(theme, 13, MEDIUM, wrap=True)
        self.proof = Line(theme, 11, ink="text2", fixed=True, middle=True)
        self.suppose = SupposeLine(theme)
        self.button = TryButton(theme, in_card=True)
        self.note = Label(theme, 11, ink="text2", wrap=True)
        self.note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.quiet = QPushButton()
        self.quiet.setFont(theme.font(12, BOLD))
        self.line = LineBox(theme)
        self._lay_out()
        self.button.clicked.connect(self.plan_wanted)
        self.quiet.clicked.connect(self._press)
        self.fit()

    def _lay_out(self) -> None:
        theme = self._theme
        self._words = theme.lay(
            QVBoxLayout(), STRETCH, self.first, self.second, self.line, self.proof, self.suppose, STRETCH, gap=2
        )
        middle = Qt.AlignmentFlag.AlignVCenter
        text = theme.lay(QHBoxLayout(), (self.exposure, 0, middle), (self.numbers, 0, middle), self.divider,
                         (self._words, 1), gap=12)  # fmt: skip
        self._right = QWidget()
        theme.lay(QVBoxLayout(self._right), STRETCH, self.button, self.quiet, self.note, STRETCH, around=0, gap=6)
        theme.lay(self.outer, (text, 1), self._right, gap=12)

    @property
    def low(self) -> bool:
        """Whether it is one line high."""
        return self._low or self.answer.short

    def set_low(self, low: bool, *, bare: bool = False) -> None:
        """Use one line, as on other pages and in a low window; `bare`: without the button."""
        if (low, bare) != (self._low, self._bare):
            self._low, self._bare = low, bare
            self.fit()

    def set_planned(self, planned: bool, *, low: bool) -> None:
        """Show the numbers of the plan instead of the exposure, and no button: that is below it. `low`: one line of
        text.
        """
        if (planned, low) != (self._planned, self._flat):
            self._planned, self._flat = planned, low
            self.fit()

    def show_plan(self, plan: HardeningPlan | None) -> None:
        """Whose numbers they are; None: not known."""
        now, then = (None, None) if plan is None else (plan.now, plan.then)
        if (now, then) != (self.numbers.now, self.numbers.then):
            self.numbers.show_plan(now, then, 0, 0)
            self.fit()

    def show_answer(self, answer: Answer) -> None:
        """Show this content."""
        if answer == self.answer:
            return
        self.answer = answer
        self.proof.say(answer.proof)
        self.line.say(answer.line)
        self.note.setText(answer.note)
        if answer.button is not None:
            self.button.show_button(answer.button, answer.numbers)
        else:
            self.quiet.setText(answer.word)
        self.fit()

    def show_supposed(self, text: str) -> None:
        """Show what would reach the kernel; "" if no layer is supposed to fail."""
        told = plain(text, 600)
        if told != self.suppose.text.text():
            self.suppose.text.setText(told)
            self.fit()

    @property
    def supposed(self) -> bool:
        """Whether a layer is supposed to fail."""
        return bool(self.suppose.text.text())

    def press(self) -> bool:
        """Do what its button does, even if it is hidden; False if it has none."""
        if self.answer.act is Act.PLAN and not self.supposed:
            self.plan_wanted.emit()
        else:
            self._press()
        return self.answer.act is not Act.NOTHING

    def _press(self) -> None:
        if self.answer.act is Act.ROOT:
            self.root_wanted.emit()
        elif self.answer.act is Act.AGAIN:
            self.again_wanted.emit()
        elif self.answer.act is Act.SESSION:
            self.session_wanted.emit()
        elif self.answer.act is Act.BEFORE:
            self.before_wanted.emit()

    def fit(self) -> None:
        """Choose what is visible, how large, and the button's position."""
        theme, answer, low, supposed = self._theme, self.answer, self.low, self.supposed
        planned = self._planned and self.numbers.now is not None and not supposed
        plan = answer.act is Act.PLAN and not supposed and not self._bare and not planned
        for part in (self.numbers, self.divider):
            part.setVisible(planned)
        self.exposure.setVisible(not planned)
        quiet = answer.act not in (Act.NOTHING, Act.PLAN) and not supposed
        self.exposure.set_low(low)
        self.exposure.set_doubtful(answer.tone is Tone.UNK and not answer.counted and not supposed)
        self.first.resize_letters(13 if low else 15)
        self.first.setVisible(not supposed)
        self.second.setVisible(bool(answer.second) and (not low or (planned and not self._flat)) and not supposed)
        lined = bool(answer.line) and not low and not supposed
        self.line.setVisible(lined)
        self.second.setText(plain(together([answer.second, answer.lead if lined else ""]), 600))
        self.proof.setVisible(bool(answer.proof) and not answer.line and not low and not supposed)
        self.suppose.setVisible(supposed)
        self.button.set_low(low)
        self.button.setVisible(plan)
        self.quiet.setVisible(quiet)
        self.note.setVisible(plan and not low and bool(answer.note))
        self._right.setVisible(plan or quiet)
        below = self.narrow and (plan or quiet)
        way = QBoxLayout.Direction.TopToBottom if below else QBoxLayout.Direction.LeftToRight
        self.outer.setDirection(way)
        if below:
            self._right.setMinimumWidth(0)
            self._right.setMaximumWidth(16777215)
        else:
            button = self.button if plan else self.quiet
            least = button.sizeHint().width()
            wide = max(least, theme.px(NOTE)) if plan and not low else least
            most = max(round(self.width() * 0.3), theme.px(WORD)) if plan else wide  # its numbers go first
            self._right.setFixedWidth(min(wide, most))
        self.setMinimumHeight(theme.px(LOW_HEIGHT if low else HEIGHT))
        self.set_edges(low=low, right=6 if low and not below else 14)
        self._say_first()

    def _say_first(self) -> None:
        """Use the brief form if the sentence does not fit on one line."""
        answer, edges = self.answer, self.outer.contentsMargins()
        left = self.exposure.sizeHint().width()
        if not self.numbers.isHidden():
            left = self.numbers.width() + self._theme.px(13)
        room = self.width() - edges.left() - edges.right() - left - self._theme.px(12)
        if not self._right.isHidden() and self.outer.direction() is QBoxLayout.Direction.LeftToRight:
            room -= self._right.maximumWidth() + self._theme.px(12)
        whole = plain(answer.first, 600)
        lines = 1.9 if not self.numbers.isHidden() and self.second.isHidden() else 1.0  # there is room for two of them
        fits = self.first.fontMetrics().horizontalAdvance(whole) <= room * lines
        brief = bool(answer.brief) and self.low and not fits
        self.first.setText(plain(answer.brief, 600) if brief else whole)
        give_tip(self.first, answer.first if brief else "")

    def tones(self) -> tuple[str, str]:
        tone = self.answer.tone
        if self.supposed:
            return "line2", "accent_soft"
        return "line2" if tone is Tone.UNK else f"card_line_{tone.value}", f"{tone.value}_soft"
