"""Threats (rows) against layers (columns) of one container as an item model, sorted so that what matters is first.

Layers stand from the outermost (6) to the innermost (1), then the ground: the way that an attempt goes down in the
strata. An update that keeps the rows changes them in place, so that selection and a screen reader's place outlive it.
"""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QAbstractTableModel, Qt

from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.core.threats.depth import Matrix, ThreatState
from stratascope.core.threats.threat import Ruling, Stance, evidence
from stratascope.i18n.translate import translate
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
from stratascope.ui.kit.item_model import ROOT, AnyIndex, ItemRole
from stratascope.ui.kit.labels import tip
from stratascope.ui.kit.marks import severity_word
from stratascope.value import Value

_STANCES = (Stance.LETS_THROUGH, Stance.UNKNOWN, Stance.STOPS, Stance.NOT_ITS_JOB)


class ColumnKind(StrEnum):
    """What a column holds."""

    THREAT = "threat"
    OUTCOME = "outcome"
    SEVERITY = "severity"
    DEPTH = "depth"
    LAYER = "layer"
    GROUND = "ground"


class MatrixColumn(Value):
    """One column; of a layer also its id and number."""

    kind: ColumnKind
    title: str
    layer: str = ""
    number: int = 0


def columns_for(layers: tuple[Layer, ...]) -> tuple[MatrixColumn, ...]:
    """The fixed columns, the layers from outside to inside, the ground."""
    ordered = sorted(layers, key=lambda layer: -layer.number)
    return (
        MatrixColumn(ColumnKind.THREAT, translate(msg("What it might try"))),
        MatrixColumn(ColumnKind.OUTCOME, translate(msg("Outcome"))),
        MatrixColumn(ColumnKind.SEVERITY, translate(msg("Severity"))),
        MatrixColumn(ColumnKind.DEPTH, translate(msg("Depth"))),
        *(MatrixColumn(ColumnKind.LAYER, translate(layer.about.title), layer.id, layer.number) for layer in ordered),
        MatrixColumn(ColumnKind.GROUND, translate(msg("Host's settings"))),
    )


def ruling_in(state: ThreatState, column: MatrixColumn) -> Ruling | None:
    """What the column's layer (or the ground) says on the weakest route."""
    return state.weakest.ground if column.kind is ColumnKind.GROUND else state.ruling(column.layer)


class MatrixModel(QAbstractTableModel):
    """`show` gives it a matrix; `set_filter` and `set_protections` choose rows, `sort` orders them."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        self.columns = columns_for(layers)
        self.rows: list[ThreatState] = []
        self._all: tuple[ThreatState, ...] = ()
        self._pid = 0
        self._needle = ""
        self._protections: frozenset[Protection] = frozenset()
        self._sorted = (1, Qt.SortOrder.AscendingOrder)
        self._hay: dict[str, tuple[ThreatState, str]] = {}

    # -- what the view asks

    def rowCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = ROOT) -> int:
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: AnyIndex, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not index.isValid() or not 0 <= index.row() < len(self.rows):
            return None
        state, column = self.rows[index.row()], self.columns[index.column()]
        if role == ItemRole:
            return state
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(state, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.spoken(state, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self.spoken(state, column, evident=True))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = int(Qt.ItemDataRole.DisplayRole)
    ) -> object:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self.columns):
            return None
        column = self.columns[section]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._head_tip(column))
        return None

    def text(self, state: ThreatState, column: MatrixColumn) -> str:
        """A cell in short."""
        if column.kind is ColumnKind.THREAT:
            return plain(translate(state.threat.title), 200)
        if column.kind is ColumnKind.OUTCOME:
            return outcome_word(protection(state))
        if column.kind is ColumnKind.SEVERITY:
            return severity_word(state.threat.severity)
        if column.kind is ColumnKind.DEPTH:
            return depth_text(state)
        return stance_word(ruling_in(state, column))

    def spoken(self, state: ThreatState, column: MatrixColumn, *, evident: bool = False) -> str:
        """A cell for the ear, and with its evidence for the tooltip."""
        short = self.text(state, column)
        if column.kind is ColumnKind.THREAT:
            family = family_word(state.threat.family)
            parts = [translate(msg("{title} ({family})", title=short, family=family)), translate(state.threat.what)]
        elif column.kind is ColumnKind.DEPTH:
            parts = [translate(msg("Depth {depth}: the number of layers that stop it independently", depth=short))]
        elif column.kind in (ColumnKind.LAYER, ColumnKind.GROUND):
            parts = [translate(msg("{layer}: {stance}", layer=column.title, stance=short))]
            ruling = ruling_in(state, column)
            if ruling is not None:
                parts.append(translate(ruling.reason))
                if evident and ruling.source:
                    parts.append(evidence(ruling.source, self._pid))
        else:
            parts = [translate(msg("{head}: {value}", head=column.title, value=short))]
        return "\n".join(plain(part, 2000) for part in parts)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(self.columns) and (column, order) != self._sorted:
            self._sorted = (column, order)
            self._update()

    # -- what the page asks

    @property
    def total(self) -> int:
        """How many threats there are, shown or not."""
        return len(self._all)

    def row_of(self, threat: str) -> int:
        """The row of a threat; -1 where it is not shown."""
        return next((row for row, state in enumerate(self.rows) if state.threat.id == threat), -1)

    def show(self, matrix: Matrix | None, pid: int) -> None:
        """The threats of one container, and its PID for the evidence."""
        self._all, self._pid = (matrix.threats if matrix is not None else ()), pid
        self._update()

    def set_filter(self, text: str) -> None:
        """Only threats that hold all these words: in title, sentences, family, references, or a layer's reason."""
        if text != self._needle:
            self._needle = text
            self._update()

    def set_protections(self, chosen: frozenset[Protection]) -> None:
        """Only threats that stand there; none chosen means all."""
        if chosen != self._protections:
            self._protections = chosen
            self._update()

    def _update(self) -> None:
        rows = self._ordered([state for state in self._all if self._wanted(state)])
        if [state.threat.id for state in rows] == [state.threat.id for state in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self.columns) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

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

    def _ordered(self, rows: list[ThreatState]) -> list[ThreatState]:
        at, order = self._sorted
        column = self.columns[at]
        if column.kind in (ColumnKind.LAYER, ColumnKind.GROUND):
            rows.sort(key=lambda state: (_STANCES.index(_stance(state, column)), worst_first(state)))
        else:
            keys = {ColumnKind.THREAT: by_family, ColumnKind.SEVERITY: by_severity, ColumnKind.DEPTH: by_depth}
            rows.sort(key=keys.get(column.kind, worst_first))
        if order is Qt.SortOrder.DescendingOrder:
            rows.reverse()
        return rows

    def _head_tip(self, column: MatrixColumn) -> str:
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
        }
        return translate(sentences[column.kind])


def _stance(state: ThreatState, column: MatrixColumn) -> Stance:
    ruling = ruling_in(state, column)
    return ruling.stance if ruling is not None else Stance.NOT_ITS_JOB
