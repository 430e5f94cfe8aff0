"""Capabilities: all in a row of cells, and the names of those that are used, and of those that are held for nothing."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from stratascope.core.message import Message, msg
from stratascope.core.sizes import count_text
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.use_picture import CapabilityUse, Standing, UsePicture
from stratascope.ui.kit.labels import Label, give_tip
from stratascope.ui.kit.theme import MEDIUM, Theme
from stratascope.ui.use.card import Card, by_words
from stratascope.ui.use.chips import Chips
from stratascope.ui.use.rows import Cell

_WORDS: dict[Standing, Message] = {
    Standing.USED: msg("used"),
    Standing.NEVER: msg("held but never used"),
    Standing.HELD: msg("held; whether it is used was not observed"),
    Standing.ABSENT: msg("not held"),
    Standing.UNKNOWN: msg("whether it is held is not known"),
}


class CapabilityCells(QWidget):
    """One cell each, in the order of their numbers: full, outlined, or a dot."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._cells: tuple[CapabilityUse, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_cells(self, cells: tuple[CapabilityUse, ...], told: str) -> None:
        """Others."""
        self._cells = cells
        self.setAccessibleName(told)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(200), self._theme.px(18))

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._cells:
            place = min(len(self._cells) - 1, max(0, event.pos().x() * len(self._cells) // max(1, self.width())))
            cell = self._cells[place]
            give_tip(self, f"{cell.name}: {translate(_WORDS[cell.standing])}")  # which Qt shows next
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pitch = self.width() / max(1, len(self._cells))
        wide = max(3.0, min(pitch - 1.5, theme.px(8)))
        for place, cell in enumerate(self._cells):
            box = QRectF(place * pitch + (pitch - wide) / 2, 0, wide, self.height())
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            if cell.standing is Standing.USED:
                painter.setBrush(theme.color("accent"))
                painter.drawRoundedRect(box, 2.5, 2.5)
            elif cell.standing in (Standing.NEVER, Standing.HELD):
                ink = "weak" if cell.standing is Standing.NEVER else "line2"
                painter.setPen(QPen(theme.color(ink), 1.4))
                painter.drawRoundedRect(box.adjusted(0.7, 0.7, -0.7, -0.7), 2.5, 2.5)
            else:
                painter.setBrush(theme.color("bitoff"))
                painter.drawEllipse(box.center(), 1.35 * theme.scale, 1.35 * theme.scale)


class CapabilitiesCard(Card):
    """Used: with how often and by what. Never: what could be dropped. Held: nothing was observed."""

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(theme, translate(msg("Capabilities")), number, ("capabilities",), parent)
        self.cells = CapabilityCells(theme)
        self.used = Chips(theme, translate(msg("Capabilities it used")), filled=True)
        self.never = Chips(theme, translate(msg("Capabilities it holds but did not use")), filled=False)
        self._heads = (Label(theme, 12, MEDIUM, "text3"), Label(theme, 12, MEDIUM, "text3"))
        self.none = Label(theme, 12, ink="text2", wrap=True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.px(10))
        grid.setVerticalSpacing(theme.px(3))
        grid.setColumnStretch(1, 1)
        for row, (label, chips) in enumerate(zip(self._heads, (self.used, self.never), strict=True)):
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(chips, row, 1)
        grid.addWidget(self.none, 0, 1)
        self.body.addWidget(self.cells)
        self.body.addSpacing(theme.px(4))
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_picture(self, picture: UsePicture) -> None:
        """What is known of them now."""
        super().show_picture(picture)
        by: dict[Standing, list[CapabilityUse]] = {standing: [] for standing in Standing}
        for each in picture.capabilities:
            by[each.standing].append(each)
        used, never, held = by[Standing.USED], by[Standing.NEVER], by[Standing.HELD]
        counts: tuple[tuple[Message, int], ...] = (
            (msg("{count} used", count=len(used)), len(used) if picture.observed else 0),
            (msg("{count} never used", count=len(never)), len(never)),
            (msg("{count} held", count=len(held)), len(held)),
            (msg("{count} not held", count=len(by[Standing.ABSENT])), len(by[Standing.ABSENT])),
            (msg("{count} not known", count=len(by[Standing.UNKNOWN])), len(by[Standing.UNKNOWN])),
        )
        words = listed(translate(text) for text, count in counts if count)
        self.numbers.say(words)
        self.cells.show_cells(picture.capabilities, words)
        self.used.show_rows(
            tuple((Cell(each.name, f"{count_text(each.uses)}×", more=by_words(each.by)),) for each in used)
        )
        idle, ink = (never, "weak") if never or not held else (held, "line2")
        self.never.show_rows(tuple((Cell(each.name, ink=ink, more=translate(_WORDS[each.standing])),) for each in idle))
        nothing = picture.observation.saw("capabilities") and not used
        self.none.setText(translate(msg("It was not seen using any.")) if nothing else "")
        self.none.setVisible(nothing)
        first, second = self._heads
        first.setText(translate(msg("Used")))
        first.setVisible(bool(used) or nothing)
        second.setText(translate(msg("Never") if idle is never else msg("Held")))
        second.setVisible(bool(idle))
