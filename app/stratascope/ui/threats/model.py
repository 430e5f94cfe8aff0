"""Threats (rows) against layers (columns) of one container as an item model, sorted so that what matters is first.

Layers stand from the outermost (6) to the innermost (1), then the ground: the way that an attempt goes down in the
strata. An update that keeps the rows changes them in place, so that selection and a screen reader's place outlive it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Any

from PySide6.QtCore import Qt

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
from stratascope.ui.kit.marks import severity_word
from stratascope.ui.kit.table import Column, ItemModel
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


class MatrixModel(ItemModel):
    """`show_matrix` gives it a matrix; `set_filter` and `set_protections` choose rows."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.kinds = columns_for(layers)
        super().__init__(tuple(map(self._column, self.kinds)), lambda state: state.threat.id)
        self._all: tuple[ThreatState, ...] = ()
        self._pid = 0
        self._needle = ""
        self._protections: frozenset[Protection] = frozenset()
        self._hay: dict[str, tuple[ThreatState, str]] = {}
        self._sorted = (1, Qt.SortOrder.AscendingOrder)

    @property
    def total(self) -> int:
        """How many threats there are, shown or not."""
        return len(self._all)

    def show_matrix(self, matrix: Matrix | None, pid: int) -> None:
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

    # -- what a column says

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
    }
    return translate(sentences[column.kind])
