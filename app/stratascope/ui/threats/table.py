"""The matrix of one container: a row for each threat, a cell for each layer's answer, sorted by importance.

Layers go from the outermost (6) to the innermost (1), then the ground: the way an attempt takes through the strata. An
update that keeps the rows changes them in place, so that selection and a screen reader's position outlive it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QAbstractItemView, QStyle

from stratascope.core.layer import Layer
from stratascope.core.message import Message, bracketed, colon, msg
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.attempt import AttemptOutcome, Tried
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Ruling, Stance, evidence
from stratascope.i18n.translate import translate
from stratascope.presentation.attempts_report import TRIED, answered_by, refusal
from stratascope.presentation.history_report import clock
from stratascope.presentation.takeover import danger
from stratascope.presentation.threat_outcomes import (
    Protection,
    by_depth,
    by_family,
    by_severity,
    depth_text,
    family_word,
    outcome_word,
    protection,
    stance_word,
    worst_first,
)
from stratascope.ui.kit.marks import (
    PROTECTION_INK,
    PROTECTION_MARK,
    SEVERITY_INK,
    Mark,
    paint_evidence,
    paint_link,
    paint_mark,
    paint_number,
    paint_stance,
    severity_word,
)
from stratascope.ui.kit.table import AnyIndex, Column, Heads, ItemModel, ItemRole, ItemTable, RowLook
from stratascope.ui.kit.theme import BOLD, MEDIUM, REGULAR, Theme
from stratascope.ui.threats.feed import TriedThreat, Where
from stratascope.value import Value

_STANCES = (Stance.LETS_THROUGH, Stance.UNKNOWN, Stance.STOPS, Stance.NOT_ITS_JOB)


class ColumnKind(StrEnum):
    """What a column shows."""

    THREAT = "threat"
    OUTCOME = "outcome"
    SEVERITY = "severity"
    DEPTH = "depth"
    LAYER = "layer"
    GROUND = "ground"
    TRIED = "tried"


class MatrixColumn(Value):
    """A column; a layer's also has its id and number."""

    kind: ColumnKind
    title: str
    layer: str = ""
    number: int = 0


def columns_for(layers: tuple[Layer, ...]) -> tuple[MatrixColumn, ...]:
    """Return the fixed columns, the layers from outside to inside, the ground."""
    ordered = sorted(layers, key=lambda layer: -layer.number)
    return (
        MatrixColumn(ColumnKind.THREAT, translate(msg("What it might try"))),
        MatrixColumn(ColumnKind.OUTCOME, translate(msg("Outcome"))),
        MatrixColumn(ColumnKind.SEVERITY, translate(msg("Severity"))),
        MatrixColumn(ColumnKind.DEPTH, translate(msg("Depth"))),
        *(MatrixColumn(ColumnKind.LAYER, translate(layer.about.title), layer.id, layer.number) for layer in ordered),
        MatrixColumn(ColumnKind.GROUND, translate(msg("Host's settings"))),
        MatrixColumn(ColumnKind.TRIED, translate(msg("Tried"))),
    )


def ruling_in(state: ThreatState, column: MatrixColumn) -> Ruling | None:
    """Return the answer of the column's layer (or of the ground) on the weakest route."""
    return state.weakest.ground if column.kind is ColumnKind.GROUND else state.ruling(column.layer)


class MatrixModel(ItemModel):
    """The rows. `show_matrix` sets a matrix; `set_filter` and `set_protections` choose rows."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.kinds = columns_for(layers)
        super().__init__(tuple(map(self._column, self.kinds)), lambda state: state.threat.id)
        self._all: tuple[ThreatState, ...] = ()
        self._of: ContainerState | None = None
        self._needle = ""
        self._protections: frozenset[Protection] = frozenset()
        self.tried: Mapping[str, TriedThreat] = {}
        self._hay: dict[str, tuple[ThreatState, str]] = {}
        self._sorted = (1, Qt.SortOrder.AscendingOrder)

    @property
    def total(self) -> int:
        """The number of threats, shown or not."""
        return len(self._all)

    def show_matrix(self, matrix: Matrix | None, of: ContainerState | None) -> None:
        """Show the threats of one container; its PID is for the evidence."""
        self._all, self._of = (matrix.threats if matrix is not None else ()), of
        self._update()

    def show_tried(self, tried: Mapping[str, TriedThreat]) -> None:
        """Show what came of trying them, by threat."""
        self.tried = dict(tried)
        self._update()

    def tried_outcome(self, state: ThreatState) -> AttemptOutcome | None:
        """What came of trying that threat; None: it was not tried."""
        found = self.tried.get(state.threat.id)
        return None if found is None or found.outcome.tried is Tried.NOT_TRIED else found.outcome

    def set_filter(self, text: str) -> None:
        """Show only threats with all these words: in title, sentences, family, references, or a layer's reason."""
        if text != self._needle:
            self._needle = text
            self._update()

    def set_protections(self, chosen: frozenset[Protection]) -> None:
        """Show only threats of these outcomes; none means all."""
        if chosen != self._protections:
            self._protections = chosen
            self._update()

    def _update(self) -> None:
        self.show([state for state in self._all if self._wanted(state)], anew=True)

    def _wanted(self, state: ThreatState) -> bool:
        if self._protections and protection(state) not in self._protections:
            return False
        return all(word in self._haystack(state) for word in self._needle.casefold().split())

    def _haystack(self, state: ThreatState) -> str:
        known = self._hay.get(state.threat.id)
        if known is not None and known[0] is state:
            return known[1]
        threat = state.threat
        words = [threat.id, family_word(threat.family), severity_word(threat.severity), *threat.refs]
        words += [translate(text) for text in (threat.title, threat.what, threat.gives, threat.advice)]
        for route in state.routes:
            words += [step.text for step in route.route.steps]
            words += [translate(item.ruling.reason) for item in route.rulings]
        text = "\n".join(words).casefold()
        self._hay[threat.id] = (state, text)
        return text

    # -- texts

    def _column(self, column: MatrixColumn) -> Column:
        return Column(
            column.title,
            partial(self.text, column=column),
            whole=partial(self.spoken, column=column, evident=True),
            spoken=partial(self.spoken, column=column),
            order=_order(column),
            explained=_head_tip(column),
        )

    def text(self, state: ThreatState, column: MatrixColumn) -> str:
        """Return a cell's text."""
        if column.kind is ColumnKind.THREAT:
            return plain(translate(state.threat.title), 200)
        if column.kind is ColumnKind.OUTCOME:
            return outcome_word(protection(state))
        if column.kind is ColumnKind.SEVERITY:
            return severity_word(state.threat.severity)
        if column.kind is ColumnKind.DEPTH:
            return depth_text(state)
        if column.kind is ColumnKind.TRIED:
            outcome = self.tried_outcome(state)
            return "" if outcome is None else translate(TRIED[outcome.tried])
        return stance_word(ruling_in(state, column))

    def spoken(self, state: ThreatState, column: MatrixColumn, *, evident: bool = False) -> str:
        """Return a cell's accessible text, and with its evidence the tooltip."""
        short = self.text(state, column)
        if column.kind is ColumnKind.THREAT:
            family = family_word(state.threat.family)
            parts = [translate(bracketed(short, family)), plain(translate(danger(state, self._of)), 400)]
        elif column.kind is ColumnKind.DEPTH:
            parts = [translate(msg("Depth {depth}: the number of layers that stop it independently", depth=short))]
        elif column.kind in (ColumnKind.LAYER, ColumnKind.GROUND):
            parts = [translate(colon(column.title, short))]
            ruling = ruling_in(state, column)
            if ruling is not None:
                parts.append(translate(ruling.reason))
                if evident and ruling.source:
                    pid = 0 if self._of is None else self._of.container.pid or 0
                    parts.append(evidence(ruling.source, pid))
        elif column.kind is ColumnKind.TRIED:
            found = self.tried.get(state.threat.id)
            parts = [translate(colon(column.title, short))] if found is None else tried_lines(found)
        else:
            parts = [translate(colon(column.title, short))]
        return "\n".join(plain(part, 2000) for part in parts)


def tried_lines(found: TriedThreat) -> list[str]:
    """What came of trying a threat, as sentences: that it differs first, then what was said, and when."""
    outcome = found.outcome
    lines = [translate(contrary(outcome))] if outcome.differs else []
    if outcome.tried is Tried.NOT_TRIED:
        return [*lines, translate(msg("Not tried: {why}", why=refusal(outcome)))]
    who, said = answered_by(outcome), refusal(outcome)
    text = msg("It was stopped by {layer}: {said}.", layer=who, said=said)
    if outcome.tried is Tried.OPEN:
        text = msg("It got through: {said}.", said=said)
    elif not who:
        text = msg("It was stopped: {said}.", said=said)
    where = msg("Tried on a copy, {when}", when=clock(found.at))
    if found.where is Where.ITSELF:
        where = msg("Tried where it runs, {when}", when=clock(found.at))
    return [*lines, translate(text), translate(where)]


def contrary(outcome: AttemptOutcome) -> Message:
    """That the attempt came otherwise than was predicted."""
    if outcome.tried is Tried.OPEN:
        return msg("Predicted stopped, got through")
    return msg("Predicted open, was stopped")


def _order(column: MatrixColumn) -> Callable[[ThreatState], Any]:
    if column.kind in (ColumnKind.LAYER, ColumnKind.GROUND):
        return lambda state: (_STANCES.index(_stance(state, column)), worst_first(state))
    keys = {ColumnKind.THREAT: by_family, ColumnKind.SEVERITY: by_severity, ColumnKind.DEPTH: by_depth}
    return keys.get(column.kind, worst_first)


def _stance(state: ThreatState, column: MatrixColumn) -> Stance:
    ruling = ruling_in(state, column)
    return ruling.stance if ruling is not None else Stance.NOT_ITS_JOB


def _head_tip(column: MatrixColumn) -> str:
    if column.kind is ColumnKind.LAYER:
        title = translate(msg("Layer {number}, {title}", number=column.number, title=column.title))
        return f"{title}\n{translate(msg('Click to sort by its answer.'))}"
    sentences = {
        ColumnKind.THREAT: msg("What a compromised process might try. Click to sort by family."),
        ColumnKind.OUTCOME: msg("The result of the attempt. Click to sort the most important first."),
        ColumnKind.SEVERITY: msg("How bad it is if it succeeds. Click to sort by it."),
        ColumnKind.DEPTH: msg("How many layers stop it independently, on its weakest route. Click to sort by it."),
        ColumnKind.GROUND: msg(
            "The host's own settings, and what its kernel lacks. They are never counted as a layer."
        ),
        ColumnKind.TRIED: msg("What came of trying it, on a copy or where it runs."),
    }
    return translate(sentences[column.kind])


WIDTHS = {
    ColumnKind.OUTCOME: 152,
    ColumnKind.SEVERITY: 60,
    ColumnKind.DEPTH: 50,
    ColumnKind.LAYER: 37,
    ColumnKind.GROUND: 48,
    ColumnKind.TRIED: 104,
}
LEAST_THREAT = 150  # width of the title, however narrow the table
LEAST_ROWS = 3  # rows that are visible together
TIGHT = 24  # width of the outcome when only its mark is shown


class _Heads(Heads):
    """Texts for the first columns, layer numbers in boxes for the layers."""

    smooth = True

    def __init__(self, theme: Theme, matrix: MatrixModel) -> None:
        super().__init__(theme)
        self._matrix = matrix
        self.setSectionsClickable(True)
        self.setSortIndicatorShown(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMinimumSectionSize(theme.px(20))

    def draw(self, painter: QPainter, rect: QRect, section: int) -> None:
        theme, column = self._theme, self._matrix.kinds[section]
        chosen = section == self.sortIndicatorSection()
        if column.kind is ColumnKind.LAYER:
            side = theme.px(16)
            box = QRectF(rect.center().x() - side / 2 + 0.5, rect.center().y() - side / 2, side, side)
            paint_number(painter, box, column.number, theme, "accent" if chosen else "text2")
        else:
            painter.setFont(theme.font(11, BOLD if chosen else MEDIUM))
            painter.setPen(theme.color("accent" if chosen else "text3"))
            centred = column.kind in (ColumnKind.DEPTH, ColumnKind.GROUND)
            left = theme.px({ColumnKind.THREAT: 12, ColumnKind.OUTCOME: 4}.get(column.kind, 0))
            room = rect.adjusted(left, 0, 0, 0)
            if column.kind is ColumnKind.OUTCOME and self.width() and rect.width() < theme.px(TIGHT + 20):
                room.setWidth(0)
            title = translate(msg("Host")) if column.kind is ColumnKind.GROUND else column.title
            align = Qt.AlignmentFlag.AlignCenter if centred else Qt.AlignmentFlag.AlignVCenter
            chosen = chosen and room.width() > 0  # a line below no word would be below nothing
            if room.width() > 0:
                text = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room.width())
                painter.drawText(room, align, text)
        if chosen:
            painter.fillRect(QRect(rect.left(), rect.bottom() - 1, rect.width() - 4, 2), theme.color("accent"))


class MatrixTable(ItemTable):
    """The table; the first column takes the remaining width."""

    chosen = Signal(object)  # ThreatState of the current row, or None

    def __init__(self, theme: Theme, layers: tuple[Layer, ...]) -> None:
        self.matrix = MatrixModel(layers)
        self.tight = False  # show the outcome as a mark only
        metrics = QFontMetrics(theme.font(13, BOLD))
        titles = (translate(threat.title) for threat in all_threats())
        self._whole = max(map(metrics.horizontalAdvance, titles)) + theme.px(24)  # what the longest title takes
        self._places = {column.layer: at for at, column in enumerate(self.matrix.kinds) if column.layer}
        name = translate(msg("Threats and each layer's answer"))
        super().__init__(theme, name, self.matrix, self._paint, row=RowLook(bar=True, cells=True))
        self.heads = _Heads(theme, self.matrix)
        self.set_heads(self.heads)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSortingEnabled(True)
        self.sortByColumn(1, Qt.SortOrder.AscendingOrder)
        self.setAccessibleDescription(
            translate(msg("Up and Down move from threat to threat, Left and Right along one"))
        )
        self.selectionModel().currentChanged.connect(self._current)
        self.matrix.dataChanged.connect(self._again)
        self.fit()

    def links(self, state: ThreatState, column: MatrixColumn) -> tuple[bool, bool, bool]:
        """Return whether the line joining layers that fail together leaves this cell to the left, to the right, or ends
        in it.
        """
        here, left, right, end = self._places[column.layer], False, False, False
        for pair in state.linked:
            ends = sorted(self._places[layer] for layer in pair if layer in self._places)
            if len(ends) == 2:
                left = left or ends[0] < here <= ends[1]
                right = right or ends[0] <= here < ends[1]
                end = end or here in ends
        return left, right, end

    def fit(self) -> None:
        """Distribute the width."""
        theme = self._theme
        self.verticalHeader().setDefaultSectionSize(self.row_height())
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setMinimumHeight(self.heads.sizeHint().height() + LEAST_ROWS * self.row_height() + bar)
        widths = [0 if each.kind is ColumnKind.THREAT else theme.px(WIDTHS[each.kind]) for each in self.matrix.kinds]
        self.setColumnHidden(len(widths) - 1, not self.matrix.tried)
        if not self.matrix.tried:
            widths[-1] = 0
        kinds = [column.kind for column in self.matrix.kinds]
        self.tight = sum(widths) + self._whole > self.viewport().width()
        if self.tight:
            widths[kinds.index(ColumnKind.OUTCOME)] = theme.px(TIGHT)
        for kind in (ColumnKind.DEPTH, ColumnKind.SEVERITY):  # the details show them; an elided name would say nothing
            at = kinds.index(kind)
            away = sum(widths) + self._whole > self.viewport().width()
            self.setColumnHidden(at, away)
            widths[at] = 0 if away else widths[at]
        for at, kind in enumerate(kinds):
            if kind is not ColumnKind.THREAT and widths[at]:
                self.setColumnWidth(at, widths[at])
        self.setColumnWidth(0, max(theme.px(LEAST_THREAT), self.viewport().width() - sum(widths)))
        self.viewport().update()

    def _current(self, current: QModelIndex, previous: QModelIndex) -> None:
        if not current.isValid() or current.row() != previous.row() or not previous.isValid():
            self.chosen.emit(current.data(ItemRole) if current.isValid() else None)

    def _again(self) -> None:
        if self.currentIndex().isValid():
            self.chosen.emit(self.currentIndex().data(ItemRole))

    # -- painting

    def _paint(self, painter: QPainter, rect: QRect, index: AnyIndex, _: QStyle.StateFlag) -> None:
        theme, state, column = self._theme, index.data(ItemRole), self.matrix.kinds[index.column()]
        where = protection(state)
        inner = rect.adjusted(theme.px(12), 0, -theme.px(4), -1)
        outcome = self.matrix.tried_outcome(state)
        if outcome is not None and outcome.differs:
            painter.fillRect(rect.adjusted(0, 0, 0, -1), theme.color("open_soft"))
        if column.kind is ColumnKind.THREAT:
            self._threat(painter, inner, state, where)
        elif column.kind is ColumnKind.OUTCOME:
            side = theme.px(11)
            box = QRectF(rect.left() + theme.px(4), rect.center().y() - side / 2, side, side)
            paint_mark(painter, box, PROTECTION_MARK[where], theme, PROTECTION_INK[where])
            if not self.tight:
                self._word(painter, rect.adjusted(theme.px(20), 0, -theme.px(6), 0), index, PROTECTION_INK[where])
        elif column.kind is ColumnKind.TRIED:
            self._tried(painter, rect, index, outcome)
        elif column.kind is ColumnKind.SEVERITY:
            loud = where in (Protection.OPEN, Protection.UNKNOWN)
            self._word(painter, rect, index, SEVERITY_INK[state.threat.severity] if loud else "text2")
        elif column.kind is ColumnKind.DEPTH:
            painter.setFont(theme.font(12, BOLD))
            painter.setPen(theme.color("open" if where is Protection.OPEN else "text"))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(index.data()))
        else:
            self._answer(painter, rect, state, column, where)

    def _threat(self, painter: QPainter, room: QRect, state: ThreatState, where: Protection) -> None:
        """Paint the title, and the family after it if there is room."""
        theme = self._theme
        painter.setFont(theme.font(13, BOLD if where is Protection.OPEN else REGULAR))
        painter.setPen(theme.color("text" if where in (Protection.OPEN, Protection.UNKNOWN) else "text2"))
        title = self.matrix.text(state, self.matrix.kinds[0])
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room.width())
        used = painter.fontMetrics().horizontalAdvance(shown)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setFont(theme.font(11))
        family = family_word(state.threat.family)
        if used + theme.px(16) + painter.fontMetrics().horizontalAdvance(family) <= room.width():
            painter.setPen(theme.color("text3"))
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, family)

    def _tried(self, painter: QPainter, rect: QRect, index: AnyIndex, outcome: AttemptOutcome | None) -> None:
        if outcome is None:
            return
        theme, refused = self._theme, outcome.tried is Tried.STOPPED
        ink = "open" if outcome.differs or not refused else "enf"
        side = theme.px(11)
        box = QRectF(rect.left() + theme.px(4), rect.center().y() - side / 2, side, side)
        if refused:
            paint_evidence(painter, box, "square", theme, ink)
        else:
            paint_mark(painter, box, Mark.OPEN, theme, ink)
        self._word(painter, rect.adjusted(theme.px(20), 0, -2, 0), index, ink)

    def _word(self, painter: QPainter, room: QRect, index: AnyIndex, ink: str) -> None:
        theme = self._theme
        painter.setFont(theme.font(12, MEDIUM))
        painter.setPen(theme.color(ink))
        text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def _answer(
        self, painter: QPainter, rect: QRect, state: ThreatState, column: MatrixColumn, where: Protection
    ) -> None:
        theme = self._theme
        box = QRectF(rect).adjusted(3, 3, -3, -4)
        if column.kind is ColumnKind.GROUND:
            box = box.adjusted(theme.px(6), 0, -theme.px(6), 0)
        paint_stance(painter, box, ruling_in(state, column), where, theme)
        if column.kind is ColumnKind.LAYER:
            left, right, end = self.links(state, column)
            paint_link(painter, box, left=left, right=right, end=end, theme=theme)
