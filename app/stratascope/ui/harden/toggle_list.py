"""The toggles of the right column in three groups: what is offered, what is in effect, what is not possible here."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Preset
from stratascope.i18n.translate import translate
from stratascope.ui.harden.choices import ContainerChoices
from stratascope.ui.harden.toggle_row import FoldButton, ToggleRow
from stratascope.ui.widgets.theme import Theme
from stratascope.usecases.plan.offers import Option

LEAST = 92  # px of the design: two rows and a bit, so that it is seen to scroll


class _FoldedGroup:
    """A group that is folded away at first."""

    def __init__(self, theme: Theme, title: Message) -> None:
        self._title = translate(title)
        self.head, self.rows = FoldButton(theme), QWidget()
        self.column = QVBoxLayout(self.rows)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.rows.hide()
        self.head.toggled.connect(self.rows.setVisible)

    def show_count(self, count: int) -> None:
        """How many are in it; none: no trace of it."""
        self.head.show_head(self._title, count)
        self.head.setVisible(bool(count))
        self.rows.setVisible(bool(count) and self.head.isChecked())


class ToggleList(QScrollArea):
    """`switched` and `value_wanted` are the person's doing."""

    switched = Signal(str, bool)
    value_wanted = Signal(str)

    def __init__(self, theme: Theme, numbers: dict[str, int]) -> None:
        super().__init__()
        self._theme, self._numbers = theme, numbers
        self.rows: dict[str, ToggleRow] = {}
        self._options: dict[str, Option] = {}
        self._inside = QWidget()
        self._inside.setObjectName("page")
        self._offers = QVBoxLayout()
        self._offers.setSpacing(0)
        self.already = _FoldedGroup(theme, msg("In effect now"))
        self.never = _FoldedGroup(theme, msg("Not possible here"))
        inner = QVBoxLayout(self._inside)
        inner.setContentsMargins(0, 0, theme.px(4), 0)
        inner.setSpacing(0)
        inner.addLayout(self._offers)
        for group in (self.already, self.never):
            inner.addWidget(group.head)
            inner.addWidget(group.rows)
        inner.addStretch(1)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(self._inside)
        self.setMinimumHeight(theme.px(LEAST))

    def show_options(self, options: tuple[Option, ...]) -> None:
        """Each in its group; rows are made anew only where they must be, so that the keyboard stays where it was."""
        self._options = {option.key: option for option in options}
        groups: tuple[list[Option], list[Option], list[Option]] = ([], [], [])
        for option in options:
            groups[2 if option.why_not is not None else 1 if option.already else 0].append(option)
        groups[0].sort(key=_first)
        order = [option.key for group in groups for option in group]
        same = list(self.rows) == order and all(self.rows[each.key].able == _able(each) for each in options)
        if same:
            for option in options:
                row = self.rows[option.key]
                if row.option != option:
                    row.show_option(option)
        else:
            self._make_rows(groups)
        self.already.show_count(len(groups[1]))
        self.never.show_count(len(groups[2]))

    def show_chosen(self, chosen: ContainerChoices) -> None:
        """Switches and values."""
        for name, row in self.rows.items():
            if row.able:
                row.setChecked(name in chosen.on)
                row.show_value(chosen.on.get(name, chosen.values.get(name, self._options[name].value)))

    def _make_rows(self, groups: tuple[list[Option], ...]) -> None:
        focus = next((name for name, row in self.rows.items() if row.hasFocus()), "")
        for row in self.rows.values():
            row.hide()
            row.setParent(None)
            row.deleteLater()
        self.rows = {}
        for group, place in zip(groups, (self._offers, self.already.column, self.never.column), strict=True):
            for option in group:
                row = ToggleRow(self._theme, option, self._numbers.get(option.toggle.layer, 0))
                row.switched.connect(self.switched)
                row.value_wanted.connect(self.value_wanted)
                self.rows[option.key] = row
                place.addWidget(row)
        if focus in self.rows:
            self.rows[focus].setFocus(Qt.FocusReason.OtherFocusReason)


def _able(option: Option) -> bool:
    return option.why_not is None and not option.already


def _first(option: Option) -> tuple[bool, int, int]:
    """Sort key: what is recommended goes first, then what stops the most serious things, then what brings most."""
    return Preset.RECOMMENDED not in option.presets, -option.serious, -option.gains
