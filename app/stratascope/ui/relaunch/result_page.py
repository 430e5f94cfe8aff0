"""The result of a relaunch: each toggle checked against /proc, old and new side by side, the log if it failed, the
undo.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from stratascope.core.layer import Verdict
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Proven
from stratascope.core.relaunch.transaction import RelaunchOutcome, RelaunchResult, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import evidence
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.exposure import exposure_range, level_ink
from stratascope.presentation.relaunch_words import PROVEN_TITLES, RunKind, ending_title, shown_lines, toggle_title
from stratascope.ui.kit.flow import Scrolled, TextColumn
from stratascope.ui.kit.labels import Label, give_tip, tip
from stratascope.ui.kit.marks import Mark, paint_mark, paint_number, verdict_word
from stratascope.ui.kit.theme import BOLD, MEDIUM, STRETCH, Theme, smooth_painter
from stratascope.ui.relaunch.refusals_dialog import RefusalsLine
from stratascope.usecases.plan.offers import Preview
from stratascope.usecases.relaunch.proof import Proved

LOG_LINES = 8
_PROVEN_MARK = {Proven.ENFORCED: Mark.ENFORCED, Proven.NOT_ENFORCED: Mark.OPEN, Proven.UNKNOWN: Mark.UNKNOWN}
_PROVEN_INK = {Proven.ENFORCED: "enf", Proven.NOT_ENFORCED: "open", Proven.UNKNOWN: "unk"}


class _Compared(QWidget):
    """One layer (or the exposure, number 0): before, predicted, now."""

    def __init__(self, theme: Theme, number: int, title: str) -> None:
        super().__init__()
        self._theme, self._number, self._title = theme, number, title
        self.cells: tuple[tuple[str, str, Mark | None], ...] = ()  # word, ink, mark
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_cells(self, cells: tuple[tuple[str, str, Mark | None], ...]) -> None:
        self.cells = cells
        words = [word for word, _, _ in cells]
        name = msg("{title}: before {before}, predicted {predicted}, now {now}", title=self._title, before=words[0],
                   predicted=words[1], now=words[2])  # fmt: skip
        self.setAccessibleName(translate(name))
        give_tip(self, translate(name))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(400), max(self._theme.px(22), self._theme.box(13)))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, smooth_painter(self)
        middle, side, small = self.height() / 2, theme.px(16), theme.px(12)
        centre = Qt.AlignmentFlag.AlignVCenter
        if self._number:
            paint_number(painter, QRectF(1, middle - side / 2, side, side), self._number, theme)
        painter.setFont(theme.font(13, MEDIUM if self._number else BOLD))
        painter.setPen(theme.color("text"))
        wide = self.width()
        painter.drawText(QRectF(theme.px(26), 0, wide * 0.34, self.height()), centre, self._title)
        for place, (word, ink, mark) in enumerate(self.cells):
            x = wide * (0.38 + 0.21 * place)
            if mark is not None:
                paint_mark(painter, QRectF(x, middle - small / 2, small, small), mark, theme)
            painter.setFont(theme.font(13, BOLD if mark is None and self._number == 0 and ink != "head" else MEDIUM))
            painter.setPen(theme.color("text3" if ink == "head" else ink))
            left = x + (theme.px(18) if mark else 0)
            room = min(wide * 0.2, self.width() - left)
            cut = painter.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, int(room))
            painter.drawText(QRectF(left, 0, room + 2, self.height()), centre, cut)


class ResultPage(Scrolled):
    """The page; all of it scrolls together."""

    undo_wanted = Signal(object)
    discard_wanted = Signal(object)
    leave_out_wanted = Signal(str)  # a toggle that is probably to blame
    find_wanted = Signal()  # find what breaks it
    watch_wanted = Signal(object, float)  # Transaction, and for how many seconds

    def __init__(self, theme: Theme, titles: dict[int, str]) -> None:
        super().__init__(name=translate(msg("Result")), reads=True)
        self._theme = theme
        self.proofs: list[Proved] = []
        self._before: ContainerState | None = None
        self._preview: Preview | None = None
        self.ended: RelaunchResult | None = None
        self.words = Label(theme, 12, ink="text2", wrap=True, fixed=True).selectable()
        self.shown = Label(theme, 13, MEDIUM, ink="text", wrap=True).selectable()
        self.blame = Label(theme, 13, MEDIUM, ink="weak", wrap=True).selectable()
        self.leave_out = QPushButton()
        self.leave_out.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.leave_out.clicked.connect(lambda _=False: self._leave_out())
        self.search = QPushButton(translate(msg("Find what breaks it…")))
        give_tip(self.search, translate(msg("On twins: the container itself keeps running")))
        self.search.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.search.clicked.connect(lambda _=False: self.find_wanted.emit())
        blamed = theme.lay(QHBoxLayout(), self.leave_out, self.search, STRETCH, gap=8)
        self.log_head = Label(theme, 14, BOLD, text=translate(msg("Its last output")))
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setFont(theme.font(11, fixed=True))
        self.log.setTabChangesFocus(True)
        self.log.setAccessibleName(self.log_head.text())
        self.log.setFixedHeight(theme.box(11) * LOG_LINES + theme.px(12))
        self.table = QTableWidget(0, 4)
        self._make_table()
        heads = (msg("Toggle"), msg("Outcome"), msg("Expected"), msg("Found"))
        self.table.setHorizontalHeaderLabels([translate(head) for head in heads])
        self._compared_head = _Compared(theme, 0, "")
        head_words = tuple(translate(each) for each in (msg("Before"), msg("Predicted"), msg("Now")))
        self._compared_head.cells = tuple((word, "head", None) for word in head_words)
        self._compared_head.setAccessibleName(listed(head_words))
        give_tip(self._compared_head, listed(head_words))
        self.exposure = _Compared(theme, 0, translate(msg("Exposure")))
        self.layers = {number: _Compared(theme, number, titles[number]) for number in sorted(titles, reverse=True)}
        self.compared = QWidget()
        theme.lay(
            QVBoxLayout(self.compared), self._compared_head, self.exposure, *self.layers.values(), around=0, gap=0
        )
        self.undo, self.discard = QPushButton(), QPushButton()
        self.undo.clicked.connect(lambda _=False: self._emit(self.undo_wanted))
        self.discard.clicked.connect(lambda _=False: self._emit(self.discard_wanted))
        self._kept = Label(theme, 12, ink="text2", wrap=True)
        self._show_way(RunKind.HARDEN)
        self._way = QWidget()
        theme.lay(QHBoxLayout(self._way), (self._kept, 1), self.undo, self.discard, around=0)
        self.refusals = RefusalsLine(theme)
        self.refusals.wanted.connect(self._watch)
        inner = TextColumn()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, theme.px(8), 0)
        column.setSpacing(theme.px(10))
        for label in (self.words, self.shown, self.blame):
            column.addWidget(label)
        column.addLayout(blamed)
        for widget in (self.log_head, self.log, self.table, self.compared, self._way, self.refusals):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(inner)

    def _make_table(self) -> None:
        table, theme = self.table, self._theme
        table.setAccessibleName(translate(msg("Each toggle as seen in /proc")))
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

    def show_ended(
        self, ended: RelaunchResult, before: ContainerState | None, preview: Preview | None, run_kind: RunKind
    ) -> str:
        """Fill the page; return its title."""
        self.ended, self._before, self._preview = ended, before, preview
        self.words.setText(plain(ended.words))
        self.words.setVisible(bool(ended.words))
        shown = shown_lines(ended)
        self.shown.setText("\n".join(plain(translate(each)) for each in shown))
        self.shown.setVisible(bool(shown))
        self._show_blame(ended)
        log = "\n".join(plain(line) for line in ended.log.splitlines())
        self.log.setPlainText(log)
        self.log.setVisible(bool(log))
        self.log_head.setVisible(bool(log))
        self._show_proofs()
        good = ended.ending.stays
        self.compared.setVisible(good and run_kind.onward and before is not None)
        self.show_after(None)
        self._way.setVisible(good and ended.transaction is not None)
        self.refusals.setVisible(good and ended.transaction is not None and run_kind.onward)
        self._show_way(run_kind)
        self.verticalScrollBar().setValue(0)
        return translate(ending_title(ended.ending, run_kind))

    def _show_blame(self, ended: RelaunchResult) -> None:
        self.blame.setText("" if ended.blame is None else plain(translate(ended.blame)))
        self.blame.setVisible(ended.blame is not None)
        self.leave_out.setVisible(bool(ended.suspects))
        failed = (
            ended.ending is RelaunchOutcome.ROLLED_BACK and ended.blame is not None and ended.transaction is not None
        )
        self.search.setVisible(failed and ended.transaction is not None and len(ended.transaction.choices) > 1)
        if ended.suspects:
            title = toggle_title(ended.suspects[0])
            self.leave_out.setText(translate(msg("Switch off “{title}”", title=title)))

    def _leave_out(self) -> None:
        if self.ended is not None and self.ended.suspects:
            self.leave_out_wanted.emit(self.ended.suspects[0])

    def _show_way(self, run_kind: RunKind) -> None:
        """Show what is set aside now, and what can be done with it."""
        done = None if self.ended is None else self.ended.transaction
        owned = done is not None and done.owner is not None
        for button in (self.undo, self.discard):
            button.setVisible(not owned or run_kind.onward)
        if owned and not run_kind.onward:
            kept, back, away = msg("What was written for its owner is removed again."), msg("Undo…"), msg("Accept…")
        elif owned:
            kept = msg("What was written for its owner stays in its files until it is undone.")
            back, away = msg("Undo…"), msg("Accept…")
        elif run_kind is RunKind.UNDO:
            kept = msg("The hardened container is set aside, stopped, with everything that it wrote.")
            back, away = msg("Go back to it…"), msg("Discard it…")
        else:
            kept = msg("The original is set aside, stopped, with all its data.")
            back, away = msg("Undo…"), msg("Discard the original…")
        self._kept.setText(translate(kept))
        self.undo.setText(translate(back))
        self.discard.setText(translate(away))

    def show_after(self, after: ContainerState | None) -> None:
        """Show the container as it is now; None until it has been read."""
        before, preview = self._before, self._preview
        old = None if before is None else before.matrix
        wanted = None if preview is None else preview.after
        new = None if after is None else after.matrix
        waiting = translate(msg("reading…"))
        cells = tuple(
            (exposure_range(matrix), level_ink(matrix), None) if matrix is not None else (waiting, "text3", None)
            for matrix in (old, wanted, new)
        )
        self.exposure.show_cells(cells)
        changes = {} if preview is None else {change.number: change for change in preview.layers}
        now = {} if after is None else {layer.number: layer.assessment.verdict for layer in after.layers}
        for number, row in self.layers.items():
            change = changes.get(number)
            row.show_cells((
                _cell(None if change is None else change.before),
                _cell(None if change is None else change.after),
                _cell(now.get(number)) if after is not None else (waiting, "text3", None),
            ))  # fmt: skip

    def forget(self, done: Transaction) -> None:
        """Remove the undo: what this run set aside was discarded."""
        if self.ended is not None and self.ended.transaction is not None and self.ended.transaction.id == done.id:
            self._way.hide()

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

    def _watch(self, seconds: float) -> None:
        if self.ended is not None and self.ended.transaction is not None:
            self.watch_wanted.emit(self.ended.transaction, seconds)

    def _emit(self, signal: SignalInstance) -> None:
        if self.ended is not None and self.ended.transaction is not None:
            signal.emit(self.ended.transaction)


def _cell(verdict: Verdict | None) -> tuple[str, str, Mark | None]:
    return ("–", "text3", None) if verdict is None else (verdict_word(verdict), "text", Mark(verdict.value))


def _pixmap(theme: Theme, mark: Mark) -> QPixmap:
    side = theme.px(12)
    picture = QPixmap(side * 2, side * 2)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    paint_mark(painter, QRectF(0, 0, side, side), mark, theme)
    painter.end()
    return picture
