"""The sheet's last page: each setting with its value and why, what it comes to, what was compared and what was not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg, plural
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import toggle
from stratascope.ui.harden.prediction import Prediction
from stratascope.ui.harden.toggle_row import NUMBER
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme
from stratascope.ui.relaunch.confirm_page import empty, marked_line, quote_box
from stratascope.ui.tighten import row_text
from stratascope.ui.tighten.switch import Switch
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.tighten.settings import Setting
from stratascope.usecases.tighten.tighten import Tightened

PreviewOf = Callable[[tuple[Choice, ...]], Preview | None]


class SettingRow(QWidget):
    """Switch, what is set over why, the layer's number."""

    def __init__(self, theme: Theme, setting: Setting, done: Tightened, number: int) -> None:
        super().__init__()
        self.setting = setting
        self.switch = Switch(theme)
        self.switch.setChecked(True)
        title, why = Label(theme, 13, MEDIUM, wrap=True), Label(theme, 12, ink="text2", wrap=True).selectable()
        title.setText(row_text.setting_title(setting, done))
        why.setText(row_text.why(setting))
        why.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.switch.setAccessibleName(title.text())
        self.switch.setAccessibleDescription(why.text())
        text = QVBoxLayout()
        text.setSpacing(theme.px(1))
        text.addWidget(title)
        text.addWidget(why)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, theme.px(3), 0, theme.px(3))
        row.setSpacing(theme.px(10))
        row.addWidget(self.switch, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(text, 1)
        if number:
            box = MarkBox(theme, NUMBER)
            box.show_number(number)
            row.addWidget(box, 0, Qt.AlignmentFlag.AlignTop)


class FoundPage(Scrolled):
    """Scrolls as one. `switched`: another set than the one that was tried, or that one again."""

    switched = Signal()

    def __init__(self, theme: Theme, numbers: dict[str, int], titles: dict[int, str]) -> None:
        """`numbers`: of layers, by id."""
        super().__init__(name=translate(msg("Results")), reads=True)
        self._theme, self._numbers = theme, numbers
        self._preview_of: PreviewOf = lambda choices: None
        self.rows: tuple[SettingRow, ...] = ()
        self.prediction = Prediction(theme, titles)
        self.prediction.set_folded(True)
        self.untried = Label(theme, 12, MEDIUM, ink="weak", wrap=True)
        self._parts = [(Label(theme, 14, BOLD, wrap=True), QVBoxLayout()) for _ in range(6)]
        inner = TextColumn()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, theme.px(8), 0)
        column.setSpacing(theme.px(6))
        column.addWidget(self.prediction)
        column.addWidget(self.untried)
        for head, rows in self._parts:
            rows.setSpacing(theme.px(5))
            column.addSpacing(theme.px(6))
            column.addWidget(head)
            column.addLayout(rows)
        column.addStretch(1)
        inner.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)  # as high as at its width
        self.setWidget(inner)

    def show_found(self, done: Tightened, found: tuple[Setting, ...], preview_of: PreviewOf) -> None:
        """The result of a search. `preview_of`: what a set of choices comes to; None: that can't be told."""
        self._preview_of = preview_of
        kept = tuple(each for each in found if each.choice is not None)
        left = tuple(each for each in found if each.choice is None)
        self.rows = tuple(SettingRow(self._theme, each, done, self._number(each)) for each in kept)
        for row in self.rows:
            row.switch.toggled.connect(self._switched)
        self._fill(0, plural("{count} setting, and why", "{count} settings, and why", len(kept)), self.rows)
        broke, spared = ([each for each in left if bool(each.tried) is tried] for tried in (True, False))
        self._fill(1, msg("Left out: it breaks with these"), self._left(Mark.OPEN, broke, done))
        self._fill(2, msg("Left out, and not tried"), self._left(Mark.UNKNOWN, spared, done))
        tried = done.tried
        compared = () if tried is None else tried.compared
        untold = () if tried is None else tried.not_compared
        self._fill(3, msg("What was compared"), tuple(self._told(Mark.ENFORCED, each) for each in compared))
        self._fill(4, msg("What was not compared"), tuple(self._told(Mark.UNKNOWN, each) for each in untold))
        said = "" if tried is None or kept else "\n".join(filter(None, (tried.words, tried.log)))
        title = translate(msg("Last output of the twin"))
        self._fill(5, msg("Last output of the twin"), (quote_box(self._theme, title, said),) if said else ())
        self.verticalScrollBar().setValue(0)
        self._switched()

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Those that are switched on."""
        found = (row.setting.choice for row in self.rows if row.switch.isChecked())
        return tuple(each for each in found if each is not None)

    def _switched(self) -> None:
        preview = self._preview_of(self.choices) if self.choices else None
        self.prediction.setVisible(preview is not None)
        if preview is not None:
            self.prediction.show_preview(preview)
        off = len(self.rows) - len(self.choices)
        self.untried.setText(translate(msg("It was tried with all of them, not without those switched off here.")))
        self.untried.setVisible(0 < off < len(self.rows))
        self.switched.emit()

    def _number(self, setting: Setting) -> int:
        return self._numbers.get(toggle(setting.toggle).layer, 0)

    def _fill(self, place: int, title: Message, rows: tuple[QWidget, ...]) -> None:
        head, column = self._parts[place]
        empty(column)
        head.setText(translate(title))
        head.setVisible(bool(rows))
        for row in rows:
            column.addWidget(row)

    def _left(self, mark: Mark, left: Sequence[Setting], done: Tightened) -> tuple[QWidget, ...]:
        texts = (
            msg("{title}: {why}", title=row_text.setting_title(each, done), why=row_text.why(each)) for each in left
        )
        return tuple(self._told(mark, text) for text in texts)

    def _told(self, mark: Mark, text: Message) -> QWidget:
        return self._line(mark, translate(text))

    def _line(self, mark: Mark, text: str) -> QWidget:
        return marked_line(self._theme, mark, plain(text, 800))
