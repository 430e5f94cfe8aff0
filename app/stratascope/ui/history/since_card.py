"""The card below the chart: what is different since yesterday, or since where the blue line was dragged to."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.history.fold import Past
from stratascope.core.layer import Layer
from stratascope.core.message import Message, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.history_report import Line, Sign, Target, headline, since_lines
from stratascope.ui.history import moments
from stratascope.ui.kit.flow import Scrolled
from stratascope.ui.kit.labels import Label, Rule, give_tip
from stratascope.ui.kit.labels import Line as OneLine
from stratascope.ui.kit.marks import MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.usecases.plan.offers import Option
from stratascope.value import replace

_INKS = {"bad": "open", "good": "enf", "plain": "text2"}
_SIGNS = {Sign.CAME: msg("New:"), Sign.WENT: msg("Gone:"), Sign.SAME: msg("Also:")}

SwitchFor = Callable[[Line], tuple[Option | None, bool]]  # and whether it is on


class SinceRow(QWidget):
    """One line: its sign, the layer, what it is, where more of it is shown, and the switch that would mend it."""

    wanted = Signal(object)  # Line
    fix_wanted = Signal(str)  # the key of that switch

    def __init__(self, theme: Theme, line: Line, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = line
        sign = Label(theme, 15, BOLD, _INKS[line.tone])
        sign.setText(line.sign.value)
        sign.setAccessibleName(translate(_SIGNS[line.sign]))
        sign.setFixedWidth(theme.px(16))
        box = MarkBox(theme, 16)
        if number:
            box.show_number(number)
        room = box.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        box.setSizePolicy(room)
        if not number:  # not shown here either: it would be a window of its own for a moment
            box.hide()
        self.text = Label(theme, 13, MEDIUM, wrap=True)
        self.text.setText(line.text)
        row = QHBoxLayout(self)
        row.setContentsMargins(*(theme.px(length) for length in (14, 5, 10, 5)))
        row.setSpacing(theme.px(8))
        row.addWidget(sign)
        row.addWidget(box)
        told = QVBoxLayout()
        told.setSpacing(0)
        told.addWidget(self.text)
        if line.note:
            note = Label(theme, 12, ink="text2", wrap=True)
            note.setText(line.note)
            told.addWidget(note)
        row.addLayout(told, 1)
        self._key = ""
        self.fix_button = _link(theme, msg("Fix"))
        self.fix_button.clicked.connect(lambda _=False: self.fix_wanted.emit(self._key))
        self.logs_button = _link(theme, msg("Logs"))
        self.logs_button.setAccessibleName(translate(msg("Logs: {what}", what=line.text)))
        self.logs_button.clicked.connect(lambda _=False: self.wanted.emit(replace(self.line, place=Target.LOGS)))
        self.show_button = _link(theme, msg("Show"))
        self.show_button.setAccessibleName(translate(msg("Show: {what}", what=line.text)))
        self.show_button.clicked.connect(lambda _=False: self.wanted.emit(self.line))
        there = (False, line.logs, line.place is not Target.NOWHERE)
        for button, wanted in zip((self.fix_button, self.logs_button, self.show_button), there, strict=True):
            row.addWidget(button)
            if not wanted:
                button.hide()

    def show_fix(self, option: Option | None, on: bool) -> None:
        """The switch that would mend it, None where there is none; and whether it is on."""
        self._key = "" if option is None else option.key
        self.fix_button.setVisible(option is not None)
        if option is not None:
            title = plain(translate(option.title), 200)
            told = msg("“{title}” is switched on in the right column", title=title) if on else msg(
                "Switch on “{title}” in the right column", title=title
            )  # fmt: skip
            self.fix_button.setText(translate(msg("Switched on") if on else msg("Fix")))
            self.fix_button.setAccessibleName(translate(told))
            give_tip(self.fix_button, translate(told))


class SinceCard(QFrame):
    """`show_wanted`: a Line that is to be shown where it belongs; `fix_wanted`: the key of the switch that mends one;
    `another_wanted`: compare with another day.
    """

    show_wanted = Signal(object)
    fix_wanted = Signal(str)
    another_wanted = Signal()

    def __init__(self, theme: Theme, layers: tuple[Layer, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._theme = theme
        self._numbers = {layer.id: layer.number for layer in layers}
        self.lines: tuple[Line, ...] | None = None
        self._parts: list[QWidget] = []  # of the column, from the top
        self._switch_for: SwitchFor = lambda line: (None, False)
        self.title, self.told = OneLine(theme, 14, BOLD), OneLine(theme, 12, ink="text2")
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.another = QPushButton(translate(msg("Compare with another day…")))
        self.another.setObjectName("link")
        self.another.setFont(theme.font(12, BOLD))
        give_tip(self.another, translate(msg("Drag the blue line, or press Enter at a moment of the chart")))
        self._head = head = QHBoxLayout()
        head.setContentsMargins(*(theme.px(length) for length in (14, 7, 10, 5)))
        head.setSpacing(theme.px(10))
        head.addWidget(self.title)
        head.addWidget(self.told, 1)
        head.addWidget(self.another)
        self._rows = QWidget()
        self._column = QVBoxLayout(self._rows)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.area = Scrolled(self._rows)
        self.area.viewport().setAutoFillBackground(False)
        self._rows.setAutoFillBackground(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.area, 1)
        self.another.clicked.connect(lambda _=False: self.another_wanted.emit())

    @property
    def rows(self) -> list[SinceRow]:
        """What stands there."""
        return [each for each in self._parts if isinstance(each, SinceRow)]

    def show_past(self, past: Past, now: float, refused: int) -> None:
        """From the beginning of that past to now."""
        first = past.first if past.first is not None else past.since
        self.title.say(moments.since_word(max(past.since, first), now))
        self.setAccessibleName(self.title.text())
        self.told.say(translate(headline(past)))
        found = since_lines(past, refused, moments.moment)
        if found == self.lines:
            return
        self.lines = found
        self._clear()
        for line in found:
            row = SinceRow(self._theme, line, self._numbers.get(line.layer, 0))
            row.wanted.connect(self.show_wanted)
            row.fix_wanted.connect(self.fix_wanted)
            row.show_fix(*self._switch_for(line))
            self._parts += [Rule(self._theme), row]
        if not found:
            nothing = Label(self._theme, 13, ink="text2", wrap=True)
            nothing.setText(translate(msg("Nothing changed in that time.")))
            nothing.setContentsMargins(*(self._theme.px(length) for length in (14, 6, 14, 8)))
            self._parts.append(nothing)
        for part in self._parts:
            self._column.addWidget(part)
        self._column.addStretch(1)

    def show_switches(self, switch_for: SwitchFor) -> None:
        """What would mend each line now."""
        self._switch_for = switch_for
        for row in self.rows:
            row.show_fix(*switch_for(row.line))

    def whole_height(self, width: int) -> int:
        """As high as it would have to be for all of it to be seen without scrolling."""
        inside = max(1, width - self._theme.px(16))  # less a scroll bar
        rows = sum(_height(each, inside) for each in self._parts)
        return self._head.sizeHint().height() + rows + self._theme.px(12)

    def _clear(self) -> None:
        while self._column.takeAt(0) is not None:
            pass
        for part in self._parts:
            part.setParent(None)
            part.deleteLater()
        self._parts = []


def _link(theme: Theme, word: Message) -> QPushButton:
    button = QPushButton(translate(word))
    button.setObjectName("link")
    button.setFont(theme.font(12, BOLD))
    return button


def _height(widget: QWidget, width: int) -> int:
    layout = widget.layout()
    if layout is not None:
        return layout.totalHeightForWidth(width)
    return widget.heightForWidth(width) if widget.hasHeightForWidth() else max(1, widget.minimumHeight())
