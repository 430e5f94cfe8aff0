"""The exposure as a button in the header, and the sheet that explains it: by family, and the rule."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import (
    at_best_text,
    best_told,
    breakdown,
    exposure_sentence,
    held_by_words,
    level_ink,
    level_word,
    number_text,
)
from stratascope.presentation.takeover import danger
from stratascope.presentation.threat_outcomes import best_number, family_word
from stratascope.ui.kit import focus_order
from stratascope.ui.kit.focus_order import outline_pen
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.marks import SEVERITY_INK, severity_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, Theme, smooth_painter

WIDTH = 620


class ExposureButton(QAbstractButton):
    """The exposure: the number in 30, below it the CVSS word and the best possible; low: the number in 22, the word
    next to it. A click opens the sheet.
    """

    opens = True

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._low, self._doubtful = theme, False, False
        self._number, self._word, self._below, self._ink = "", "", "", "text3"
        self._spoken = ""
        self._shown: tuple[Matrix | None, Matrix | None, bool, str] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_exposure(None, None)

    def set_low(self, low: bool) -> None:
        """Use a single line."""
        if low is not self._low:
            self._low = low
            self.updateGeometry()
            self.update()

    def set_doubtful(self, doubtful: bool) -> None:
        """Show a question mark: too little is known for a number."""
        if doubtful is not self._doubtful:
            self._doubtful = doubtful
            self._say()

    def show_exposure(
        self, base: Matrix | None, matrix: Matrix | None, *, would: bool = False, below: str = ""
    ) -> None:
        """Show the exposure: `base` of the container as it is, `matrix` as supposed (the same without any supposition).

        `would`: it would start this way, which is no fact and has no colour. `below`: instead of the best possible.
        """
        if (base, matrix, would, below) == self._shown:
            return
        self._shown = base, matrix, would, below
        self._number, self._word = number_text(matrix), level_word(matrix)
        self._ink = "text2" if would else level_ink(matrix)
        self._below = at_best_text(matrix)
        spoken = exposure_sentence(matrix)
        if would:
            spoken = translate(msg("As it would start: {exposure}", exposure=spoken))
        if below:
            self._below = below
            spoken = translate(msg("{exposure}; {more}", exposure=spoken, more=below))
        if matrix is not base:
            self._below = translate(msg("now {number}", number=number_text(base)))
            spoken = translate(msg("{exposure}; now {number}", exposure=spoken, number=number_text(base)))
        self._spoken = spoken
        self.setEnabled(matrix is not None)
        self._say()

    def _say(self) -> None:
        """Say what is seen."""
        matrix = self._shown[1] if self._shown is not None else None
        doubtful = self._doubtful and matrix is not None
        spoken = exposure_sentence(None) if doubtful else self._spoken
        self.setText("?" if doubtful else self._number)
        self.setAccessibleName(spoken)
        clicked = translate(msg("{exposure}. Click to see how it is calculated.", exposure=spoken))
        give_tip(self, "\n".join(filter(None, (clicked, "" if doubtful else best_told(matrix)))))
        self.updateGeometry()
        self.update()

    def _lines(self) -> tuple[tuple[str, QFont, str], ...]:
        theme = self._theme
        if self._doubtful and self._shown is not None and self._shown[1] is not None:
            return (("?", theme.font(22, BOLD), "unk"),)
        if self._low:
            return ((self._number, theme.font(22, BOLD), self._ink), (self._word, theme.font(13, BOLD), self._ink))
        return (
            (self._number, theme.font(30, QFont.Weight.Bold), self._ink),
            (self._word, theme.font(12, BOLD), self._ink),
            (self._below, theme.font(11), "text2"),
        )

    def _tall(self) -> tuple[int, ...]:
        """Return the height of each line; digits have no descenders."""
        theme = self._theme
        return round(30 * theme.scale * 1.15), theme.box(12), theme.box(11)

    def sizeHint(self) -> QSize:
        theme = self._theme
        widths = [QFontMetrics(font).horizontalAdvance(text) for text, font, _ in self._lines()]
        if self._low:
            gap = theme.px(7) if len(widths) > 1 and self._word else 0
            return QSize(sum(widths) + gap + theme.px(8), max(theme.px(28), theme.box(22)))
        return QSize(max(theme.px(76), max(widths) + theme.px(10)), sum(self._tall()) + theme.px(2))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        if self.hasFocus() or (self.underMouse() and self.isEnabled()):
            painter.setPen(outline_pen(theme, "line2", focused=self.hasFocus()))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), theme.px(7), theme.px(7))
        centre = Qt.AlignmentFlag.AlignCenter
        x, y = float(theme.px(4)), float(theme.px(1))
        for (text, font, ink), tall in zip(self._lines(), self._tall(), strict=False):
            painter.setFont(font)
            painter.setPen(theme.color(ink))
            if self._low:
                wide = painter.fontMetrics().horizontalAdvance(text)
                painter.drawText(QRectF(x, 0, wide + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
                x += wide + theme.px(7)
            else:
                painter.drawText(QRectF(0, y, self.width(), tall), centre, text)
                y += tall


class ExposureSheet(QFrame):
    """The sheet: each family's heaviest threat, its severity and depth, and the family's share. Enter or a double click
    opens the matrix.
    """

    threat_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme = theme
        self.setObjectName("popup")
        self.setAccessibleName(translate(msg("How the exposure is calculated")))
        self.title = Label(theme, 15, BOLD)
        self.rule = Label(theme, 12, ink="text2", wrap=True)
        self.rule.setText(
            translate(
                msg(
                    "All threats together decide where in this range it is. Each counts by its severity; the first "
                    "layer that stops it makes that ten times less, and each further layer reduces it again."
                )
            )
        )
        self.total = Label(theme, 13, MEDIUM, wrap=True)
        self.table = QTableWidget(0, 5)
        self.table.setAccessibleName(translate(msg("Families of threats")))
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.itemActivated.connect(self._open)
        heads = (msg("Family"), msg("Heaviest threat"), msg("Severity"), msg("Stopped by"), msg("Share"))
        self.table.setHorizontalHeaderLabels([translate(head) for head in heads])
        header = self.table.horizontalHeader()
        header.setFont(theme.font(11, MEDIUM))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        theme.lay(QVBoxLayout(self), self.title, self.table, self.total, self.rule, around=(16, 12, 16, 14), gap=8)

    def focusNextPrevChild(self, forward: bool) -> bool:
        return focus_order.step(self, forward=forward)

    def show_matrix(self, matrix: Matrix, title: str = "", state: ContainerState | None = None) -> None:
        """Fill it. `title`: replaces the sentence with the number; `state`: of whose container it is."""
        theme, parts = self._theme, breakdown(matrix)
        self.title.setText(title or exposure_sentence(matrix))
        self.table.setRowCount(len(parts.families))
        for row, part in enumerate(parts.families):
            threat, what = part.state.threat, plain(translate(danger(part.state, state)))
            ink = SEVERITY_INK[threat.severity] if part.state.outcome is Outcome.OPEN else "text2"
            unknown = part.state.outcome is Outcome.UNKNOWN
            cells = (
                (family_word(part.family), "text"),
                (plain(translate(threat.title), 120), "text"),
                (severity_word(threat.severity), ink),
                (held_by_words(part.state), "unk" if unknown else ink),
                (f"{part.part:.0%}", "text"),
            )
            for column, (text, colour) in enumerate(cells):
                item = QTableWidgetItem(text)
                item.setForeground(QColor(theme.color(colour)))
                item.setFont(theme.font(12, BOLD if column in (2, 4) else MEDIUM, tabular=column == 4))
                item.setData(Qt.ItemDataRole.UserRole, threat.id)
                item.setToolTip(tip(what))
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, what)
                if column == 4:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
            self.table.setRowHeight(row, max(theme.px(26), theme.box(12) + theme.px(6)))
        if parts.families:
            self.table.setCurrentCell(0, 0)
        self.total.setText(total_line(matrix))
        height = self.table.horizontalHeader().sizeHint().height() + 4
        self.table.setFixedHeight(height + sum(self.table.rowHeight(row) for row in range(self.table.rowCount())))

    def open_below(self, anchor: QWidget, matrix: Matrix, title: str, state: ContainerState | None = None) -> None:
        """Open it below the anchor, with right edges aligned, and whole on its screen."""
        theme = self._theme
        self.show_matrix(matrix, title, state)
        window = anchor.window()
        width = min(theme.px(WIDTH), window.width() - theme.px(24))
        self.setFixedWidth(width)
        layout, room = self.layout(), anchor.screen().availableGeometry()
        if layout is not None:
            layout.activate()
            high = max(layout.totalHeightForWidth(width), layout.totalSizeHint().height())
            if high > room.height():  # then the table is scrolled
                table = max(self.table.minimumHeight() - (high - room.height()), theme.px(80))
                self.table.setFixedHeight(table)
            self.setFixedHeight(min(high, room.height()))
        corner = anchor.mapToGlobal(QPoint(anchor.width() - width, anchor.height() + 4))
        left = window.mapToGlobal(QPoint(theme.px(12), 0)).x()
        self.move(max(left, corner.x()), max(room.top(), min(corner.y(), room.bottom() + 1 - self.height())))
        self.show()
        self.table.setFocus()

    def _open(self, item: QTableWidgetItem) -> None:
        self.hide()
        self.threat_chosen.emit(str(item.data(Qt.ItemDataRole.UserRole)))


def total_line(matrix: Matrix) -> str:
    """Return the range of the exposure and its reason, and the best possible."""
    parts = breakdown(matrix)
    best = best_number(matrix)
    limits = {"least": f"{parts.band.least:.1f}", "most": f"{parts.band.most:.1f}"}
    if parts.because is None:
        text = msg("Nothing critical or high is open: that puts it between {least} and {most}.", **limits)
    elif parts.because.outcome is Outcome.OPEN:
        text = msg(
            "The worst open threat puts it between {least} and {most}: {threat}.",
            threat=parts.because.threat.title, **limits,
        )  # fmt: skip
    elif parts.because.outcome is Outcome.STOPPED:
        text = msg(
            "What only programs of the image hold puts it between {least} and {most}: {threat}.",
            threat=parts.because.threat.title, **limits,
        )  # fmt: skip
    else:
        text = msg(
            "The worst threat that may be open puts it between {least} and {most}: {threat}.",
            threat=parts.because.threat.title, **limits,
        )  # fmt: skip
    if not best:
        return translate(text)
    return translate(
        msg("{text} Everything unknown counts as let through here; at best it is {best}.", text=text, best=best)
    )
