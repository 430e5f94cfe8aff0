"""A card of the page: the layer's number, a title, a few words of numbers, and why a part could not be seen."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.needs_report import part_word
from stratascope.presentation.use_picture import UsePicture
from stratascope.ui.kit.labels import Label, Line
from stratascope.ui.kit.marks import MarkBox
from stratascope.ui.kit.theme import BOLD, Theme

HIGH = 196


class Card(QFrame):
    """`parts`: of an observation, what it shows; where they could not be observed the reason stands below the title."""

    reflowed = Signal()  # another width: its height may be another one

    def __init__(
        self, theme: Theme, title: str, number: int = 0, parts: tuple[str, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(title)
        self._theme, self._parts = theme, parts
        self.numbers = Line(theme, 12, ink="text2")
        self.why = Label(theme, 12, ink="unk", wrap=True)
        self.why.hide()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(*(theme.px(length) for length in (15, 9, 15, 11)))
        self.body.setSpacing(theme.px(6))
        self.top = self.head(title, self.numbers, number)
        self.body.addLayout(self.top)
        self.body.addWidget(self.why)
        self.setMinimumHeight(theme.px(HIGH))

    def head(self, title: str, numbers: Line, number: int = 0) -> QHBoxLayout:
        """Title and numbers side by side; also of a second part of the card."""
        theme = self._theme
        name = Line(theme, 15 if number else 13, BOLD)
        name.say(title)
        row = QHBoxLayout()
        row.setSpacing(theme.px(8))
        if number:
            box = MarkBox(theme, 16)
            box.show_number(number)
            row.addWidget(box)
        row.addWidget(name)
        row.addWidget(numbers, 1)
        return row

    def whole_height(self) -> int:
        """As high as it would have to be for all to be seen without scrolling."""
        scrolling = [each for each in self.findChildren(QAbstractItemView) if not each.isHidden()]
        more = sum(max(0, each.maximumHeight() - each.minimumSizeHint().height()) for each in scrolling)
        edges = self.contentsMargins()
        least = self.body.minimumSize().height()
        if self.body.hasHeightForWidth():
            least = max(least, self.body.heightForWidth(self.width() - edges.left() - edges.right()))
        return max(self.minimumHeight(), least + more + edges.top() + edges.bottom())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.reflowed.emit()

    def show_picture(self, picture: UsePicture) -> None:
        """What is known now; each card adds its own."""
        self._show_unseen(picture)

    def _show_unseen(self, picture: UsePicture) -> None:
        """Say which of its parts could not be observed, and why."""
        texts = [
            translate(msg("Not observed: {what}. {why}", what=part_word(what), why=plain(why, 300)))
            for what, why in picture.unseen(*self._parts)
        ]
        self.why.setText("\n".join(texts))
        self.why.setVisible(bool(texts))


def by_words(names: tuple[str, ...]) -> str:
    """Which programs did it; empty where that is not known."""
    return translate(msg("by {names}", names=plain(", ".join(names), 120))) if names else ""
