"""The foot of the plan: what will happen, the line that says where it is, and the button with its arrow."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPaintEvent, QPen, QPolygonF, QResizeEvent, QTextLayout
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.ui.harden.next_step import Act, Sign, remedy_title
from stratascope.ui.harden.plan_button import PlanButtons, SignLine
from stratascope.ui.harden.relaunch_draft import RelaunchDraft
from stratascope.ui.kit import accessibility, feedback
from stratascope.ui.kit.buttons import text_button
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.focus_order import paint_focus_ring
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.marks import Mark, MarkBox, paint_number
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.usecases.plan.plan import Plan

LINES = 8  # of the changed ones that are shown
STEPS = 4  # at most
_HIGHEST = 300  # px of the design, of what is unfolded
_BUTTON = 250  # and the width of the button in a bar


class UnfoldLink(QAbstractButton):
    """A link with an arrow before it, which turns."""

    unfolds = True

    def __init__(self, theme: Theme, text: Message) -> None:
        super().__init__()
        self._theme = theme
        self.setText(translate(text))
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.text())
        self.toggled.connect(lambda _: accessibility.tell_unfolded(self))

    def sizeHint(self) -> QSize:
        theme = self._theme
        wide = QFontMetrics(theme.font(12, MEDIUM)).horizontalAdvance(self.text())
        return QSize(wide + theme.px(22), max(theme.px(22), theme.box(12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        ink = theme.color("accent" if self.isEnabled() else "text3")
        painter.setPen(QPen(ink, 1.5))
        x, y, half = theme.px(7), self.height() / 2, theme.px(4)
        turned = [(-half, -half / 2), (0, half / 2), (half, -half / 2)]
        still = [(-half / 2, -half), (half / 2, 0), (-half / 2, half)]
        points = turned if self.isChecked() else still
        painter.drawPolyline(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in points]))
        painter.setFont(theme.font(12, MEDIUM))
        room = self.rect().adjusted(theme.px(17), 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.hasFocus():
            paint_focus_ring(painter, self.rect().adjusted(1, 1, -1, -1), theme.px(5), theme)


class WrappedBox(QCheckBox):
    """In as many lines as its width asks for; Qt's own cuts its words off."""

    def __init__(self, theme: Theme, words: str) -> None:
        super().__init__(words)
        self._words = words
        self.setFont(theme.font(12))
        self.setAccessibleName(words)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_CheckBoxContents, option, self).width()
        layout, lines = QTextLayout(self._words, self.font()), []
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(room)
            lines.append(self._words[line.textStart() : line.textStart() + line.textLength()].rstrip())
        layout.endLayout()
        self.setText("\n".join(lines))


class _Number(QWidget):
    """A step's number."""

    decoration = True

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__()
        self._theme, self._number = theme, number
        self.setFixedSize(theme.px(16), theme.px(18))

    def paintEvent(self, event: QPaintEvent) -> None:
        side = self._theme.px(16)
        paint_number(smooth_painter(self), QRectF(0, 1, side, side), self._number, self._theme)


class _Step(TextColumn):
    """A step: its number, what happens, and more about it."""

    def __init__(self, theme: Theme, number: int) -> None:
        super().__init__()
        self._lead, self._rest = Label(theme, 12, BOLD, wrap=True), Label(theme, 11, ink="text2", wrap=True)
        text = theme.lay(QVBoxLayout(), self._lead, self._rest, gap=0)
        top = Qt.AlignmentFlag.AlignTop
        theme.lay(QHBoxLayout(self), (_Number(theme, number), 0, top), (text, 1), around=0, gap=8)

    def show_step(self, step: tuple[Message, Message]) -> None:
        """Fill it."""
        lead, rest = step
        self._lead.setText(translate(lead))
        self._rest.setText(plain(translate(rest), 400))


class _Caution(TextColumn):
    """What to keep in mind, behind a mark."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        mark = MarkBox(theme, 11)
        mark.show_mark(Mark.TRIANGLE)
        self._label = Label(theme, 11, ink="text2", wrap=True)
        theme.lay(QHBoxLayout(self), (mark, 0, Qt.AlignmentFlag.AlignTop), (self._label, 1), around=0, gap=8)

    def show_caution(self, caution: Message) -> None:
        """Fill it."""
        self._label.setText(plain(translate(caution), 500))


class ChangedLines(QFrame):
    """The lines that change: what goes in red, what comes in green; Copy has them all."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lines: tuple[str, ...] = ()
        self.title = Line(theme, 11, ink="text2", text=translate(msg("Changed lines only")))
        spoken = msg("Copy the changed lines")
        self.copy = text_button(theme, msg("Copy"), self._copy, look="link", size=11, spoken=spoken)
        above = theme.lay(QHBoxLayout(), (self.title, 1), self.copy)
        self._rows = tuple(Label(theme, 11, fixed=True, wrap=True) for _ in range(LINES))
        self._more = Line(theme, 11, ink="text2")
        theme.lay(QVBoxLayout(self), above, *self._rows, self._more, around=(10, 3, 6, 6), gap=0)
        self.hide()
        theme.changed.connect(self.update)

    def show_lines(self, lines: Sequence[str]) -> None:
        """Each begins with its sign."""
        if tuple(lines) == self.lines:
            return
        self.lines = tuple(lines)
        for place, row in enumerate(self._rows):
            line = self.lines[place] if place < len(self.lines) else ""
            row.setVisible(place < len(self.lines))
            row.tint("open" if line.startswith("-") else "enf")
            row.setText(plain(line, 400))
        more = len(self.lines) - LINES
        self._more.setVisible(more > 0)
        self._more.say(translate(plural("…{count} more", "…{count} more", more)))
        self.setVisible(bool(lines))

    def _copy(self) -> None:
        feedback.copy(self, "\n".join(self.lines))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        painter.setPen(QPen(theme.color("line"), 1))
        painter.setBrush(theme.color("sunk"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.px(6), theme.px(6))


_COPY = (
    (msg("A copy starts."), msg("On copies of its volumes, in a network of its own. Yours keeps running.")),
    (msg("Both are compared."), msg("Ports, health check, processes, how it stops.")),
)
_PRESS = (msg("You press Relaunch."), msg("The original stops, the new one takes its name."))
_BACK = (msg("Each change is read back."), msg("If one is missing or it stops, the original starts again."))
_BY_MAKER = msg("Nothing is changed here: what runs stays as it is.")
_LIVE = (msg("The limits change."), msg("It keeps running."))


class WhatWillHappen(Scrolled):
    """The steps, what to keep in mind, options that make it safe, and the changed lines. `turned`: a box was ticked."""

    turned = Signal(object, bool)

    def __init__(self, theme: Theme) -> None:
        inner = TextColumn()
        inner.setObjectName("page")
        super().__init__(inner, translate(msg("What will happen")), reads=True)
        self._theme = theme
        self._key: object = None
        self._of: object = None  # the container whose relaunch is told
        self._high = 0  # as last asked for
        self._steps = tuple(_Step(theme, number) for number in range(1, STEPS + 1))
        self._cautions: list[_Caution] = []  # as many as were needed at most
        self._kept_in_mind = theme.lay(QVBoxLayout(), gap=4)
        self.boxes = {remedy: WrappedBox(theme, translate(remedy_title(remedy))) for remedy in Remedy}
        self.lines = ChangedLines(theme)
        column = theme.lay(QVBoxLayout(inner), *self._steps, self._kept_in_mind, around=(2, 4, 6, 4), gap=8)
        for remedy, box in self.boxes.items():
            box.clicked.connect(lambda on, remedy=remedy: self.turned.emit(remedy, on))
            column.addWidget(box)
        column.addWidget(self.lines)
        column.addStretch(1)

    def stays(self, draft: RelaunchDraft) -> bool:
        """Whether what is told stays until the relaunch of the same container is thought through again."""
        return draft.awaited and draft.state is not None and draft.state.key == self._of

    def show_draft(self, draft: RelaunchDraft) -> None:
        """Tell it."""
        made, own = draft.relaunch, draft.own
        if self.stays(draft):
            return
        there = made is not None or draft.line is not None
        self._of = draft.state.key if there and draft.state is not None else None
        copies = own is None or own.no_copy is None
        key = (copies, draft.tried is not None, made, draft.line, draft.changed_lines)
        if key == self._key:
            return
        self._key = key
        steps = _steps(made, copies=copies) if draft.line is None else ((draft.line.place, _BY_MAKER),)
        for place, row in enumerate(self._steps):
            row.setVisible(place < len(steps))
            if place < len(steps):
                row.show_step(steps[place])
        warnings = () if made is None else made.checked.warnings
        for _ in warnings[len(self._cautions) :]:
            self._cautions.append(_Caution(self._theme))
            self._kept_in_mind.addWidget(self._cautions[-1])
        for place, told in enumerate(self._cautions):
            told.setVisible(place < len(warnings))
            if place < len(warnings):
                told.show_caution(warnings[place].text)
        taken = frozenset[Remedy]() if own is None else own.remedies
        offered = {block.remedy for block in (() if made is None else made.checked.blocks)}
        for remedy, box in self.boxes.items():
            box.setVisible(remedy in taken or remedy in offered)
            box.setChecked(remedy in taken)
        self.lines.show_lines(draft.changed_lines)
        self.updateGeometry()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """As high as what is told: its new labels are only counted once Qt has shown them."""
        if event.type() == QEvent.Type.LayoutRequest and (high := self.sizeHint().height()) != self._high:
            self._high = high
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def sizeHint(self) -> QSize:
        inner = self.widget()
        layout = None if inner is None else inner.layout()
        high = 0 if layout is None else layout.totalHeightForWidth(max(self.width() - 8, self._theme.px(240)))
        return QSize(self._theme.px(240), min(self._theme.px(_HIGHEST), high + 6))

    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(120), min(self._theme.px(80), self.sizeHint().height()))


def _steps(made: Plan | None, *, copies: bool) -> tuple[tuple[Message, Message], ...]:
    if made is not None and made.live:
        return (_LIVE,)
    press = _PRESS
    if made is not None and made.owner is not None:
        press = (_PRESS[0], made.owner.title)
    return (*(_COPY if copies else ()), press, _BACK)


class PlanFoot(QWidget):
    """All of it. `pressed` and `more_wanted` are those of the button."""

    pressed = Signal()
    more_wanted = Signal()
    turned = Signal(object, bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.link = UnfoldLink(theme, msg("What will happen"))
        self.downtime = Line(theme, 11, ink="text2")
        self.what, self.sign, self.buttons = WhatWillHappen(theme), SignLine(theme), PlanButtons(theme)
        self.what.hide()
        self._named: object = None
        self._guest: QWidget | None = None
        self.wide = False
        self._numbers, self._more = tuple[str, ...](), False
        self.count = Line(theme, 11, ink="text2")
        self.count.hide()
        self._above, self._bar = QWidget(), QWidget()  # a bar: side by side
        theme.lay(QHBoxLayout(self._above), self.link, (self.downtime, 100), STRETCH, around=0, gap=10)
        self.downtime.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._beside = theme.lay(QHBoxLayout(self._bar), around=0, gap=12)
        self._column = theme.lay(QVBoxLayout(self), self._above, self.what, self.sign, self.buttons, around=0, gap=6)
        self._bar.hide()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.link.toggled.connect(self.what.setVisible)
        self.buttons.pressed.connect(self.pressed)
        self.buttons.more_wanted.connect(self.more_wanted)
        self.what.turned.connect(self.turned)

    def set_wide(self, *, wide: bool) -> None:
        """In one line, the button at the right, as on a page; what unfolds is above it."""
        if wide is self.wide:
            return
        self.wide = wide
        self._bar.setVisible(wide)
        self._fit()
        side = Qt.AlignmentFlag.AlignLeft if wide else Qt.AlignmentFlag.AlignRight
        self.downtime.setAlignment(side)
        if wide:
            self._theme.lay(self._beside, (self._above, 1), self.count, self.buttons)
            self._column.addWidget(self._bar)
        else:
            self._column.insertWidget(0, self._above)
            self._column.addWidget(self.count)
            self._column.addWidget(self.buttons)
            self.buttons.setMinimumWidth(0)
            self.buttons.setMaximumWidth(16777215)

    def take(self, guest: QWidget | None) -> None:
        """Stand that before the button of a bar, where the rows need its room; None: no longer."""
        self._guest = guest
        if guest is not None and self._beside.indexOf(guest) < 0:  # a second time it would stand behind the button
            self._beside.insertWidget(self._beside.indexOf(self.buttons), guest)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """In a bar what is beside the link goes where it would be cut, and then the button is narrower."""
        px, gap = self._theme.px, self._theme.px(18)
        beside = self.width() - self.link.sizeHint().width()
        if self._guest is not None:
            beside -= self._guest.sizeHint().width() + gap
        room = beside - px(_BUTTON)
        if self.wide:
            self.buttons.setFixedWidth(min(px(_BUTTON), max(px(_BUTTON) // 2, beside - 2 * gap)))
        for part in (self.count, self.downtime):
            needed = part.sizeHint().width() + gap
            there = not self.wide or needed <= room
            part.setVisible(there and not self.link.isHidden() and (self.wide or part is not self.count))
            room -= needed if there else 0

    def show_button(self, draft: RelaunchDraft) -> None:
        """The button alone."""
        button = draft.button
        self.sign.show_button(button)
        if self.wide and button.act is Act.TRY and button.sign is Sign.NONE:
            self.sign.hide()  # the room is the rows'
        self.buttons.show_button(button, self._numbers, more=self._more)
        self.buttons.button.setAccessibleDescription(self.sign.text.text())

    def show_draft(self, draft: RelaunchDraft, numbers: tuple[str, ...], *, more: bool) -> None:
        """Tell it. What has to be kept in mind is unfolded before it is relaunched."""
        made, self._numbers, self._more = draft.relaunch, numbers, more
        self.show_button(draft)
        if not self.what.stays(draft):
            self.downtime.say("" if draft.downtime is None else translate(draft.downtime))
        self.what.show_draft(draft)
        tells = draft.underway is None  # else it happens, and the button says what
        self.link.setVisible(tells and (draft.coming or (draft.usable and bool(draft.choices))))
        self._fit()
        self.link.setEnabled(not draft.coming)
        if not self.link.isVisibleTo(self):
            self.what.hide()
        ready = draft.tried is not None and made is not None and made.checked.warnings
        if ready and made is not None and self._named != made.checked.warnings:
            self._named = made.checked.warnings
            self.link.setChecked(True)
        self.what.setVisible(tells and self.link.isChecked() and draft.usable and bool(draft.choices))
