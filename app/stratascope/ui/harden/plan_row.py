"""One row of a plan: a switch, the change with its value, the evidence and its mark, and what flipping it does.

It is 30 high. Where the container uses what is taken back it unfolds: who uses it, what breaks, and what would help
instead, as chips. Nothing in it is cut: a long title takes a second line.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QEnterEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QPushButton, QSizePolicy, QWidget

from stratascope.core.message import Message, colon, msg
from stratascope.core.relaunch.hardening_plan import Change
from stratascope.core.relaunch.toggle import Alternative
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import together, translate
from stratascope.presentation.plan_rows import (
    EFFECT_TOLD,
    Word,
    effect_spoken,
    effect_text,
    evidence_word,
    row_title,
    row_words,
    takes_values,
    value_text,
)
from stratascope.ui.kit.buttons import paint_chevron, paint_switch
from stratascope.ui.kit.focus_order import outline_pen, paint_focus_ring
from stratascope.ui.kit.labels import give_tip
from stratascope.ui.kit.marks import paint_evidence
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme, smooth_painter

HEIGHT, SWITCH, SWITCH_HIGH, TITLE = 30, 28, 16, 37  # px of the design
EVIDENCE, EFFECT, FULL = 84, 46, 8.0  # widths, and the effect whose bar is full
VALUE_HIGH, VALUE_MOST, CHIP, GAP = 20, 88, 20, 8


class ValueButton(QAbstractButton):
    """The value of a row, with a small arrow; opens the sheet where it is changed."""

    opens = True

    def __init__(self, theme: Theme, row: QWidget) -> None:
        super().__init__(row)
        self._theme, self._row = theme, row
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # by Right from its row
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._row.setFocus(Qt.FocusReason.OtherFocusReason)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Right:
            super().keyPressEvent(event)
            event.ignore()  # to the row, which goes on to its chips
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        theme = self._theme
        letters = QFontMetrics(theme.font(11, MEDIUM)).horizontalAdvance(self.text())
        high = max(theme.px(VALUE_HIGH), theme.box(11))
        return QSize(min(letters + theme.px(24 if self.text() else 18), theme.px(VALUE_MOST)), high)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        focus = self.hasFocus()
        edge = 1.0 if focus else 0.5
        box = QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)
        painter.setPen(outline_pen(theme, "line2", focused=focus))
        painter.setBrush(theme.color("sunk" if self.underMouse() else "panel"))
        painter.drawRoundedRect(box, theme.px(5), theme.px(5))
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color("text"))
        room = self.rect().adjusted(theme.px(7), 0, -theme.px(15), 0)
        text = painter.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)
        paint_chevron(painter, self.width() - theme.px(9), self.height() / 2 + 1, theme)


class PlanRow(QAbstractButton):
    """`switched`, `only_wanted`, `value_wanted`, `instead` (an Alternative) and `accept_wanted` are the person's doing;
    all have its key. `pointed`: whether the mouse or the keyboard is at it.
    """

    switched = Signal(str, bool)
    only_wanted = Signal(str)
    value_wanted = Signal(str)
    instead = Signal(str, object)
    accept_wanted = Signal(str)
    pointed = Signal(str, bool)

    def __init__(self, theme: Theme, change: Change, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self.change = theme, change
        self._word, self._told, self._unfolded = Word(msg("unknown"), "", "unk"), "", False
        self._chips: list[QPushButton] = []
        self._alternatives: tuple[Alternative, ...] = ()
        self._acceptable = False
        self._shown: object = None
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.value = ValueButton(theme, self)
        self.value.clicked.connect(lambda _=False: self.value_wanted.emit(self.change.key))
        self.clicked.connect(lambda on: self.switched.emit(self.change.key, on))
        only = QAction(translate(msg("Only this change")), self)
        only.triggered.connect(lambda _=False: self.only_wanted.emit(self.change.key))
        self.addAction(only)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        theme.changed.connect(self.update)

    # -- contents

    def show_change(
        self, change: Change, state: ContainerState | None, *, on: bool, failed: Message | None, acceptable: bool
    ) -> None:
        """`on`: as the person wants it; `failed`: why a copy broke with it; `acceptable`: it can be accepted."""
        title = row_title(change, state)
        sandboxed = state is not None and state.container.sandbox is not None
        # a sandbox has no engine with a default, and its maker takes no such file
        valued = takes_values(change.choice) and not (sandboxed and change.choice.toggle.placeholder == "FILE")
        told = change, title, on, failed, acceptable, valued
        if told == self._shown:  # it is told at each reading of its container
            self.setChecked(on)
            return
        self._shown = told
        used = change.evidence.used or failed is not None
        if used and not (self.change.evidence.used and self._told):
            self._unfolded = True
        self.change = change
        self.setText(title)
        self.setChecked(on)
        self._word = evidence_word(change, failed=failed is not None)
        why = failed if failed is not None else change.evidence.why
        shown = [why, *((change.reason,) if change.reason is not None else ()), *change.breaks]
        said = dict.fromkeys(plain(translate(each), 400) for each in shown if each.id)  # a use may be what breaks
        self._told = together(said)
        self.value.setVisible(valued)
        self.value.setText(value_text(change.choice) if valued else "")
        word, value, named = translate(self._word.text), self.value.text(), row_words(change, state)
        state_word = translate(msg("on") if on else msg("off"))
        spoken = msg("{title}, {state}, {evidence}, {effect}", title=named, state=state_word, evidence=word,
                     effect=effect_spoken(change))  # fmt: skip
        self.setAccessibleName(translate(spoken))
        self.setAccessibleDescription(self._told or " ")
        effect = translate(EFFECT_TOLD) if abs(change.effect) >= 0.05 else ""
        give_tip(self, "\n".join(filter(None, (plain(translate(change.choice.told), 300), self._told, effect))))
        self.value.setAccessibleName(
            translate(
                msg("{title}, change the value: {value}", title=self.text(), value=value or change.choice.readable)
            )
        )
        give_tip(self.value, plain(change.choice.readable, 300))
        self._make_chips(change.alternatives if used else (), acceptable=acceptable and used)
        self._place()

    def _make_chips(self, alternatives: tuple[Alternative, ...], *, acceptable: bool) -> None:
        if (alternatives, acceptable) == (self._alternatives, self._acceptable):
            return
        self._alternatives, self._acceptable = alternatives, acceptable
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for each in alternatives:
            if each.choice is not None or each.lines:
                chip = self._chip(plain(translate(each.word if each.lines else each.text), 80).rstrip(".。"))
                chip.clicked.connect(lambda _=False, each=each: self.instead.emit(self.change.key, each))
                give_tip(chip, "\n".join(plain(line, 300) for line in each.lines))
        if acceptable:
            chip = self._chip(translate(msg("Accept until…")))
            chip.clicked.connect(lambda _=False: self.accept_wanted.emit(self.change.key))

    def _chip(self, text: str) -> QPushButton:
        chip = QPushButton(text, self)
        chip.setObjectName("plan_chip")
        chip.setFont(self._theme.font(11, MEDIUM))
        chip.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        chip.setAccessibleName(translate(colon(self.text(), text)))
        self._chips.append(chip)
        return chip

    @property
    def told(self) -> str:
        """What stands below it while it is unfolded."""
        words = [plain(translate(each.text), 300) for each in self._alternatives if each.choice is None]
        return together([self._told, *words])

    @property
    def unfolded(self) -> bool:
        """Whether its evidence stands below it."""
        return self._unfolded

    def fold(self, *, unfolded: bool) -> None:
        """Fold it away, or bring it back."""
        self._unfolded = unfolded
        self._place()

    # -- places

    def _title_room(self, width: int) -> tuple[int, int]:
        """Width for the title, and that of its value."""
        value = self._value_wide()
        return self._evidence_left(width) - self._theme.px(TITLE + 6) - value, value

    def _value_wide(self) -> int:
        return 0 if self.value.isHidden() else self.value.sizeHint().width() + self._theme.px(GAP)

    def _high(self, width: int) -> tuple[int, int, int]:
        """Of the first line, the words below it, and the chips."""
        theme = self._theme
        room, _ = self._title_room(width)
        wrap = int(Qt.TextFlag.TextWordWrap)
        tall = QFontMetrics(theme.font(13, MEDIUM)).boundingRect(0, 0, max(40, room), 999, wrap, self.text()).height()
        first = max(theme.px(HEIGHT), theme.box(13) if tall <= theme.box(13) else tall + theme.px(8))
        if not self._unfolded:
            return first, 0, 0
        beside, told = width - theme.px(TITLE) - 2, self.told
        metrics = QFontMetrics(theme.font(11))
        words = metrics.boundingRect(0, 0, max(40, beside), 999, wrap, told).height() if told else 0
        rows = self._chip_rows(beside)
        return first, words, (len(rows) * (theme.px(CHIP) + theme.px(5)) + theme.px(4)) if rows else 0

    def _chip_rows(self, width: int) -> list[list[QPushButton]]:
        rows: list[list[QPushButton]] = []
        room = 0
        for chip in self._chips:
            needed = min(chip.sizeHint().width(), width)
            if not rows or needed > room:
                rows.append([])
                room = width
            rows[-1].append(chip)
            room -= needed + self._theme.px(6)
        return rows

    def _place(self) -> None:
        theme, width = self._theme, self.width()
        first, words, _ = self._high(width)
        if not self.value.isHidden():
            size, (room, _) = self.value.sizeHint(), self._title_room(width)
            wide = QFontMetrics(theme.font(13, MEDIUM)).horizontalAdvance(self.text())
            left = theme.px(TITLE) + min(wide, room) + theme.px(GAP)
            self.value.setGeometry(left, (first - size.height()) // 2, size.width(), size.height())
        top = first + words + theme.px(2)
        for row in self._chip_rows(width - theme.px(TITLE) - 2):
            left = theme.px(TITLE)
            for chip in row:
                wide = min(chip.sizeHint().width(), width - theme.px(TITLE) - 2)
                chip.setGeometry(left, top, wide, theme.px(CHIP))
                left += wide + theme.px(6)
            top += theme.px(CHIP + 5)
        for chip in self._chips:
            chip.setVisible(self._unfolded)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(300), self.heightForWidth(max(self.width(), self._theme.px(300))))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(240), self._theme.px(HEIGHT))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        first, words, chips = self._high(width)
        return first + words + chips + (self._theme.px(6) if words and not chips else 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._place()

    # -- the person

    def hitButton(self, pos: object) -> bool:
        return True

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Right:
            self._to_next()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.told:
                self.fold(unfolded=not self._unfolded)
        else:
            super().keyPressEvent(event)

    def _to_next(self) -> None:
        """To its value, then to its chips."""
        parts = [part for part in (self.value, *self._chips) if part.isVisible()]
        here = next((at for at, part in enumerate(parts) if part.hasFocus()), -1)
        if here + 1 < len(parts):
            parts[here + 1].setFocus(Qt.FocusReason.OtherFocusReason)

    def event(self, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.pointed.emit(self.change.key, event.type() == QEvent.Type.FocusIn)
            self.update()
        return super().event(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.pointed.emit(self.change.key, True)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(self.change.key, False)

    # -- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter, width, on = self._theme, smooth_painter(self), self.width(), self.isChecked()
        first, words, _ = self._high(width)
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("sunk"))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0, 1, 0, -1), theme.px(5), theme.px(5))
        box = QRectF(3, (first - theme.px(SWITCH_HIGH)) / 2, theme.px(SWITCH), theme.px(SWITCH_HIGH))
        paint_switch(painter, box, theme, on=on)
        left, centre = theme.px(TITLE), Qt.AlignmentFlag.AlignVCenter
        room, _ = self._title_room(width)
        painter.setFont(theme.font(13, MEDIUM if on else REGULAR))
        painter.setPen(theme.color("text" if on else "text2"))
        painter.drawText(QRectF(left, 0, room + 2, first), centre | Qt.TextFlag.TextWordWrap, self.text())
        self._paint_evidence(painter, first)
        self._paint_effect(painter, first, on=on)
        if self._unfolded:
            painter.setFont(theme.font(11))
            painter.setPen(theme.color("text2"))
            place = QRectF(left, first - theme.px(4), width - left - 2, words + 2)
            painter.drawText(place, Qt.TextFlag.TextWordWrap, self.told)
        painter.setPen(theme.color("line"))
        painter.drawLine(left, self.height() - 1, width, self.height() - 1)
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -2), theme.px(6), theme)

    def _paint_evidence(self, painter: QPainter, first: int) -> None:
        theme, word = self._theme, self._word
        left = self._evidence_left(self.width())
        if word.mark:
            side = theme.px(11)
            paint_evidence(painter, QRectF(left, (first - side) / 2, side, side), word.mark, theme, word.ink)
            left += theme.px(15)
        painter.setFont(theme.font(11, MEDIUM))
        painter.setPen(theme.color(word.ink))
        beside = max(theme.px(EFFECT - 4), self._effect_wide() + theme.px(4))
        room = QRectF(left, 0, self.width() - beside - left, first)
        text = painter.fontMetrics().elidedText(translate(word.text), Qt.TextElideMode.ElideRight, round(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _evidence_left(self, width: int) -> int:
        """Where it begins: further to the left where its words or those of an effect are longer than their place, for
        half of such a word may say the opposite; but the longest word of the title has room. What the effect is now
        moves nothing.
        """
        theme, word = self._theme, self._word
        wrap, value = int(Qt.TextFlag.TextWordWrap), self._value_wide()
        longest = QFontMetrics(theme.font(13, MEDIUM)).boundingRect(0, 0, 1, 999, wrap, self.text()).width()
        words = QFontMetrics(theme.font(11, MEDIUM)).horizontalAdvance(translate(word.text))
        effect = 3 + QFontMetrics(theme.font(11)).horizontalAdvance(translate(msg("deeper")))  # the longest of them
        wide = words + theme.px(15 if word.mark else 0) + theme.px(GAP) + max(theme.px(EFFECT), effect)
        usual = width - theme.px(EFFECT + EVIDENCE)
        return min(usual, max(width - wide, theme.px(TITLE + 6) + longest + value))

    def _effect_wide(self) -> int:
        """Of its words: they may be longer than its place."""
        return 3 + QFontMetrics(self._theme.font(11, tabular=True)).horizontalAdvance(effect_text(self.change))

    def _paint_effect(self, painter: QPainter, first: int, *, on: bool) -> None:
        theme, change, text = self._theme, self.change, effect_text(self.change)
        numbered = abs(change.effect) >= 0.05
        painter.setFont(theme.font(12 if numbered else 11, BOLD if numbered and on else REGULAR, tabular=True))
        painter.setPen(theme.color("text" if numbered and on else "text2"))
        high = first - (theme.px(6) if numbered else 0)
        place = max(theme.px(EFFECT), self._effect_wide())
        room = QRectF(self.width() - place, 0, place - 3, high)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
        if numbered:
            wide = max(float(theme.px(3)), (theme.px(EFFECT) - 3) * min(1.0, abs(change.effect) / FULL))
            bar = QRectF(self.width() - wide - 3, first - theme.px(6), wide, theme.px(3))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent" if on else "barlow"))
            painter.drawRoundedRect(bar, theme.px(1.5), theme.px(1.5))
