"""Each layer's result for a container with other options, and what follows from it. Pure.

Options under comparison leave most layers unchanged: a layer's posture is computed once for all options that lead to
the same facts. Decided against `remembered`: the facts are large, and only useful while options are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope.core.container import Asked
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Finding, Layer
from stratascope.core.snapshot import ContainerState, LayerState
from stratascope.core.threats.depth import Matrix, Posture
from stratascope.layers.shared.whose_namespace import own_user_namespace_after
from stratascope.linux.namespace import Namespace
from stratascope.usecases.judging import Part, matrix_of
from stratascope.value import Value, replace

_JUDGED_MAX = 200  # an offer takes some sixty


class Predicted(Value):
    """One layer. `facts` None: not predicted; then its posture is the present one."""

    layer: Layer
    facts: Any
    asked: Any
    posture: Posture


class Prediction:
    """For one container. Kept while its options are compared, with the matrices, so that they share what is equal."""

    def __init__(self, layers: tuple[Layer, ...], around: Surroundings, state: ContainerState) -> None:
        self.around, self.state, self._layers = around, state, layers
        self._known: dict[str, list[tuple[Any, Any, Posture]]] = {}
        self._judged: dict[int, Matrix] = {}  # `judge` itself knows only those that somebody holds

    def with_files(self, files: tuple[tuple[str, str], ...]) -> Prediction:
        """The same with these files (path, text) present."""
        if not files:
            return self
        ground = self.around.ground
        around = replace(self.around, ground=replace(ground, profiles=(*ground.profiles, *files)))
        return Prediction(self._layers, around, self.state)

    def of(self, after: Asked) -> tuple[Predicted, ...]:
        """The layers in order, with these options."""
        before, container = self.state.container.asked, replace(self.state.container, asked=after)
        found, around = [], self._around_of(after)
        for layer, old in zip(self._layers, self.state.layers, strict=True):
            facts, asked = layer.predict(old.facts, before, after, self.around), layer.asked(container)
            posture = self._posture(layer, old.facts if facts is None else facts, asked, around)
            found.append(Predicted(layer, facts, asked, posture))
        return tuple(found)

    def matrix(self, predicted: tuple[Predicted, ...]) -> Matrix:
        """All threats, judged by these."""
        found = matrix_of(self.parts(predicted), self.around, self.state.matrix)
        if len(self._judged) >= _JUDGED_MAX:
            self._judged.clear()
        self._judged[id(found)] = found
        return found

    def parts(self, predicted: tuple[Predicted, ...]) -> tuple[Part, ...]:
        """The same, to be judged; where facts were not predicted, the present ones count."""
        pairs = zip(predicted, self.state.layers, strict=True)
        return tuple(
            [
                Part(each.layer, old.facts if each.facts is None else each.facts, each.asked, each.posture)
                for each, old in pairs
            ]
        )

    def mended(self, predicted: tuple[Predicted, ...]) -> Iterator[Finding]:
        """Present findings that would be gone."""
        for old, new in zip(self.state.layers, predicted, strict=True):
            if new.facts is not None and (new.facts != old.facts or new.asked != old.asked):
                yield from self._gone(old, new.layer, new.facts, new.asked)

    def mends(self, after: Asked, finding: Finding) -> bool:
        """Whether that finding would be gone with these options."""
        before, container = self.state.container.asked, replace(self.state.container, asked=after)
        for layer, old in zip(self._layers, self.state.layers, strict=True):
            if layer.id == finding.layer:
                facts = layer.predict(old.facts, before, after, self.around)
                return facts is not None and finding in self._gone(old, layer, facts, layer.asked(container))
        return False

    def _gone(self, old: LayerState, layer: Layer, facts: Any, asked: Any) -> Iterator[Finding]:
        there = old.assessment.findings
        if not there:
            return
        then = layer.assess(facts, asked, self.around).findings
        still, known = ({(each.code, each.text) for each in found} for found in (then, there))
        new = [each for each in then if (each.code, each.text) not in known]
        for finding in there:
            instead = [
                each for each in new if each.code == finding.code and each.severity.rank <= finding.severity.rank
            ]
            if not instead and (finding.code, finding.text) not in still:
                yield finding

    def _around_of(self, after: Asked) -> Surroundings:
        """In a user namespace of its own it shares none."""
        if not own_user_namespace_after(self.state.container.asked, after, self.around.engine):
            return self.around
        peers = self.around.peers
        return replace(self.around, peers=replace(peers, namespaces=tuple(
            (kind, names) for kind, names in peers.namespaces if kind != Namespace.USER)))  # fmt: skip

    def _posture(self, layer: Layer, facts: Any, asked: Any, around: Surroundings) -> Posture:
        known = self._known.setdefault(layer.id, [])
        for like, its, posture in known:
            if like == facts and its == asked:
                return posture
        posture = layer.judged_by(facts, asked, around)
        known.append((facts, asked, posture))
        return posture
