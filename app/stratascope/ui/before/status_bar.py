"""Below the text: what is said of the line that the keyboard is in, else what is said of the text as a whole.

And a menu of all that is said of it, for whoever has no mouse or does not see the lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from stratascope.core.message import msg, plural
from stratascope.i18n.translate import translate
from stratascope.ui.before.lines import LineNote
from stratascope.ui.kit import accessibility
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.marks import Mark, MarkBox
from stratascope.ui.kit.theme import MEDIUM, Theme

MOST = 60  # notes in the menu
LETTERS = 140  # of each


class StatusBar(QWidget):
    """`chosen` has a LineNote, by the person."""

    chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._notes: tuple[LineNote, ...] = ()
        self._line, self._more = 0, ""
        self.mark = MarkBox(theme, 11)
        self.text = Label(theme, 12, ink="text2", wrap=True)
        self.all = QPushButton()
        self.all.setObjectName("link")
        self.all.setFont(theme.font(12, MEDIUM))
        self.all.clicked.connect(self.open_menu)
        self.menu = QMenu(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(*(theme.px(length) for length in (12, 1, 6, 1)))
        row.setSpacing(theme.px(6))
        row.addWidget(self.mark)
        row.addWidget(self.text, 1)
        row.addWidget(self.all)

    def show_notes(self, notes: Sequence[LineNote], line: int) -> None:
        """All of the text, and where the keyboard is."""
        self._notes = tuple(notes)
        count = len(self._notes)
        self.all.setText(translate(plural("{count} note", "{count} notes", count)))
        self.all.setVisible(bool(count))
        give_tip(self.all, translate(msg("All that is said of the text; each leads to its line")))
        self.show_line(line)

    def show_line(self, line: int) -> None:
        """The keyboard is there by now."""
        here = [each for each in self._notes if each.line == line]
        first = [each for each in self._notes if each.unread and not each.line]
        told = here or first or [each for each in self._notes if each.unread]
        self.mark.setVisible(bool(told))
        self.setVisible(bool(self._notes))
        if told:
            unread = told[0].unread
            ink = "weak" if unread or not told[0].token else {"open_soft": "open"}.get(told[0].token, "weak")
            self.mark.show_mark(Mark.TRIANGLE if unread else Mark.DOT, ink)
        words = told[0].whole if told else ""
        if len(told) > 1:
            words = translate(msg("{text} +{count}", text=words, count=len(told) - 1))
        self.text.setText(words)
        give_tip(self.text, "\n".join(each.whole for each in told))

    def tell(self, text: str) -> None:
        """Something else, until the keyboard goes on."""
        self.mark.show_mark(Mark.TRIANGLE, "weak")
        self.mark.show()
        self.show()
        self.text.setText(text)
        accessibility.announce(self, text)

    def open_menu(self) -> None:
        """Each note leads to its line, and to its layer."""
        self.menu.clear()
        for note in self._notes[:MOST]:
            words = note.whole if len(note.whole) <= LETTERS else note.whole[: LETTERS - 1] + "…"
            action = self.menu.addAction(words.replace("&", "&&"))
            action.triggered.connect(lambda _=False, note=note: self.chosen.emit(note))
        left = len(self._notes) - MOST
        if left > 0:
            self.menu.addAction(translate(plural("{count} more", "{count} more", left))).setEnabled(False)
        self.menu.popup(self.all.mapToGlobal(QPoint(0, self.all.height())))
