"""The last page of the sheet: why a relaunch failed, its log, and each toggle that was checked against /proc."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPlainTextEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import RelaunchResult
from stratascope.core.sanitize import plain
from stratascope.core.threats.threat import evidence
from stratascope.i18n.translate import translate
from stratascope.presentation.relaunch_words import PROVEN_TITLES, RunKind, ending_title
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, tip
from stratascope.ui.kit.marks import Mark, paint_mark
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme
from stratascope.usecases.relaunch.proof import Proved

LOG_LINES = 8
_PROVEN_MARK = {Proven.ENFORCED: Mark.ENFORCED, Proven.NOT_ENFORCED: Mark.OPEN, Proven.UNKNOWN: Mark.UNKNOWN}
_PROVEN_INK = {Proven.ENFORCED: "enf", Proven.NOT_ENFORCED: "open", Proven.UNKNOWN: "unk"}


class ResultPage(Scrolled):
    """The page; all of it scrolls together."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(name=translate(msg("Result")), reads=True)
        self._theme = theme
        self.proofs: list[Proved] = []
        self.ended: RelaunchResult | None = None
        self.words = Label(theme, 12, ink="text2", wrap=True, fixed=True).selectable()
        self.blame = Label(theme, 13, MEDIUM, ink="weak", wrap=True).selectable()
        self.log_head = Label(theme, 14, BOLD, text=translate(msg("Its last output")))
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setFont(theme.font(11, fixed=True))
        self.log.setTabChangesFocus(True)
        self.log.setAccessibleName(self.log_head.text())
        self.log.setFixedHeight(theme.box(11) * LOG_LINES + theme.px(12))
        self.table = QTableWidget(0, 4)
        self._make_table()
        heads = (msg("Change"), msg("Outcome"), msg("Expected"), msg("Found"))
        self.table.setHorizontalHeaderLabels([translate(head) for head in heads])
        inner = TextColumn()
        theme.lay(
            QVBoxLayout(inner), self.words, self.blame, self.log_head, self.log, self.table, STRETCH,
            around=(0, 0, 8, 0), gap=10,
        )  # fmt: skip
        self.setWidget(inner)

    def _make_table(self) -> None:
        table, theme = self.table, self._theme
        table.setAccessibleName(translate(msg("Each change as seen in /proc")))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setShowGrid(False)
        table.setWordWrap(True)
        table.setTabKeyNavigation(False)
        table.verticalHeader().hide()
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = table.horizontalHeader()
        header.setFont(theme.font(11, MEDIUM))
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        header.setHighlightSections(False)

    def begin(self) -> None:
        """Clear the page for another run."""
        self.proofs, self.ended = [], None

    def add(self, proved: Proved) -> None:
        """Add a toggle that was checked against /proc."""
        self.proofs.append(proved)

    def show_ended(self, ended: RelaunchResult, run_kind: RunKind) -> str:
        """Fill the page; return its title."""
        self.ended = ended
        self.words.setText(plain(ended.words))
        self.words.setVisible(bool(ended.words))
        self.blame.setText("" if ended.blame is None else plain(translate(ended.blame)))
        self.blame.setVisible(ended.blame is not None)
        log = "\n".join(plain(line) for line in ended.log.splitlines())
        self.log.setPlainText(log)
        self.log.setVisible(bool(log))
        self.log_head.setVisible(bool(log))
        self._show_proofs()
        self.verticalScrollBar().setValue(0)
        return translate(ending_title(ended.ending, run_kind))

    def _show_proofs(self) -> None:
        table, theme = self.table, self._theme
        table.setRowCount(len(self.proofs))
        table.setVisible(bool(self.proofs))
        for row, proved in enumerate(self.proofs):
            proof = proved.proof
            texts = (translate(proved.choice.named),
                     *map(translate, (PROVEN_TITLES[proof.outcome], proof.expected, proof.found)))  # fmt: skip
            source = evidence(proof.source, None)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(plain(text, 400))
                item.setForeground(QColor(theme.color(_PROVEN_INK[proof.outcome] if column == 1 else "text")))
                item.setFont(theme.font(12, BOLD if column == 1 else MEDIUM))
                read = translate(msg("{text}\nRead from {source}", text=plain(text), source=source))
                item.setToolTip(tip(read))
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, read.removeprefix(plain(text)).strip())
                if column == 1:
                    item.setData(Qt.ItemDataRole.DecorationRole, _pixmap(theme, _PROVEN_MARK[proof.outcome]))
                table.setItem(row, column, item)
        table.setColumnWidth(1, table.sizeHintForColumn(1) + theme.px(20))
        table.resizeRowsToContents()
        height = table.horizontalHeader().sizeHint().height() + 4
        table.setFixedHeight(height + sum(table.rowHeight(row) for row in range(table.rowCount())))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.proofs:
            self._show_proofs()


def _pixmap(theme: Theme, mark: Mark) -> QPixmap:
    side = theme.px(12)
    picture = QPixmap(side * 2, side * 2)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_mark(painter, QRectF(0, 0, side, side), mark, theme)
    painter.end()
    return picture
