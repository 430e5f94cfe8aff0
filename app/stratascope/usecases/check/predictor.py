"""Judges a container that is not running: facts predicted from options, then everything as for running ones.

It may not exist at all (a text asks for it), or its engine has it: then all of it is marked as predicted, and the
source given is its inspect JSON. A path in /proc would claim that a process was read. Nothing is asked or started.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache, partial
from typing import Any

from stratascope.core.capture import Capture, Gap, GapKind, gap_words
from stratascope.core.container import Asked, AskedMount, Container, Engine, Image, Status, other_kernel
from stratascope.core.ground import Ahead, Ground, IdMaps, Peers, Surroundings
from stratascope.core.layer import (
    Assessment,
    Bars,
    BitGrid,
    Finding,
    Layer,
    NamedGap,
    Rulers,
    Tab,
    Table,
    Verdict,
    View,
)
from stratascope.core.message import msg
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.options.given import Position, Problem, Service
from stratascope.core.options.meaning import ANYBODY, Understood, understand
from stratascope.core.options.mounts import NOTHING_THERE, There
from stratascope.core.options.rules import rules_of
from stratascope.core.options.table import WITHOUT_EFFECT
from stratascope.core.snapshot import ContainerState, LayerState, cap_severity
from stratascope.core.threats.depth import Exposure, OneOf, Posture
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Basis, Ruling
from stratascope.linux.permissions import Ranges
from stratascope.usecases.check.joined import ALONE, Joined
from stratascope.usecases.judging import Part, matrix_of
from stratascope.value import replace

SOURCE = "inspect:HostConfig"


@cache
def _ruling_predicted(layer: Layer) -> Layer:
    """The layer with its rulings marked as predicted. Cached per layer, so that like containers are judged once."""

    def stance(need: Need, posture: Any) -> Ruling | None:
        found = layer.stance(need, posture)
        return None if found is None else replace(found, source=SOURCE, basis=Basis.PREDICTED)

    return replace(layer, stance=stance)


def _marked_predicted(states: tuple[LayerState, ...]) -> tuple[LayerState, ...]:
    """The layers with findings and views marked as predicted."""
    return tuple(replace(state, assessment=_assessed(state.assessment)) for state in states)


def _assessed(known: Assessment) -> Assessment:
    findings = tuple(replace(finding, source=SOURCE) for finding in known.findings)
    gaps = tuple(replace(gap, source=SOURCE) for gap in known.gaps)
    return replace(known, basis=Basis.PREDICTED, findings=findings, gaps=gaps, draw=partial(_drawn, known.draw))


def _drawn(draw: Callable[[], tuple[Tab, ...]]) -> tuple[Tab, ...]:
    return tuple(replace(tab, views=tuple(map(_view, tab.views))) for tab in draw())


def _view(view: View) -> View:
    match view:
        case Table():
            return replace(view, rows=tuple(replace(row, source=SOURCE, basis=Basis.PREDICTED) for row in view.rows))
        case BitGrid():
            return replace(view, sets=tuple(replace(each, source=SOURCE) for each in view.sets))
        case Bars():
            return replace(view, bars=tuple(replace(bar, source=SOURCE, basis=Basis.PREDICTED) for bar in view.bars))
        case Rulers():
            return replace(view, source=SOURCE)
    return view


Files = tuple[tuple[str, str], ...]
_SOMEBODY = "1000"  # any user but root
_DEPENDS = msg("The image's user is not known")


class Predictor:
    """Predicts containers of one engine on one ground. What all containers have in common is computed once."""

    def __init__(
        self,
        layers: tuple[Layer, ...],
        engine: Engine,
        ground: Ground,
        plain: Container,
        read: Capture,
        there: There = NOTHING_THERE,
    ) -> None:
        """`there`: volumes and paths that exist on the engine's machine."""
        self._layers, self._engine, self._plain, self._there = layers, engine, plain, there
        # a rootless engine's containers all share its user namespace
        self.around = Surroundings(ground, engine, Peers((("user", (engine.id,)),)) if engine.rootless else Peers())
        self._alone, self._joined = self.around, ALONE
        # unlike any real options, or `predict` would return the recorded inodes and usage as unchanged
        self._before = replace(plain.asked, log_driver="?")
        self._facts = {layer.id: layer.decode(read, plain, self.around) for layer in layers}
        self._usual: dict[tuple[str, str], bool] = {}

    def understood(self, service: Service, image: Image | None) -> Understood:
        """The container that a service yields."""
        if not service.image_adds or image is None or not image.dev_container:
            return understand(service, self._engine, self._plain, image, self._there)
        from stratascope.formats.devcontainer.adds import with_label  # it loads YAML

        service, problems = with_label(service, image.dev_container)
        made = understand(service, self._engine, self._plain, image, self._there)
        return replace(made, problems=(*problems, *made.problems))

    def state(
        self, service: Service, image: Image | None, with_: Joined = ALONE, tries: Tries | None = None
    ) -> tuple[ContainerState, tuple[Problem, ...]]:
        """The predicted container, and what was not understood of it. `with_`: other containers of the text that it
        shares namespaces with; `tries`: how many are left for the text.
        """
        predictor = self._with_files(service.files, with_) if service.files or with_ != ALONE else self
        made = predictor.understood(service, image)
        predictor = predictor._with_look(made.container.asked, image)
        without = _Without(predictor, service, image, tries or Tries())
        placed = partial(predictor._placed, service=service, without=without)
        return predictor._judged(made.container, self._layers, placed), made.problems

    def as_started(self, container: Container, files: Files = ()) -> ContainerState:
        """A container that its engine has, as it would start; all of it marked as predicted from its inspect JSON.
        `files`: its profiles.
        """
        if files:
            return self._with_files(files, ALONE).as_started(container)
        asked = container.asked
        asked = replace(asked, unmasked=self._shown(asked), mounts=(*asked.mounts, *self._temporary(asked)))
        seen = replace(container, status=Status.PREDICTED, pid=None, asked=asked)
        return self._judged(seen, tuple(map(_ruling_predicted, self._layers)), _marked_predicted)

    def _shown(self, asked: Asked) -> tuple[str, ...]:
        """Paths that are masked or read-only in a plain container, but not in this one."""
        if asked.masked_paths is None or asked.read_only_paths is None:
            return asked.unmasked
        usual = (*(self._plain.asked.masked_paths or ()), *(self._plain.asked.read_only_paths or ()))
        its = (*asked.masked_paths, *asked.read_only_paths)
        return tuple(path for path in usual if path not in its)

    def _temporary(self, asked: Asked) -> list[AskedMount]:
        """Podman's tmpfs mounts over a read-only root directory, which inspect does not list, unless disabled."""
        if not asked.read_only_root:
            return []
        targets = {mount.target for mount in asked.mounts}
        return [
            AskedMount("tmpfs", "", place, True) for place in rules_of(self._engine).writable if place not in targets
        ]

    def _with_files(self, files: Files, with_: Joined) -> Predictor:
        """This predictor with these profile files and joined containers."""
        found, ground = copy(self), self.around.ground
        found._alone = replace(self.around, ground=replace(ground, profiles=(*ground.profiles, *files)))
        found.around = replace(found._alone, peers=self.peers(with_))
        found._joined = with_
        return found

    def _with_look(self, asked: Asked, image: Image | None) -> Predictor:
        """This predictor with what that container will see of files, as far as they can be looked at."""
        namespaces, users = (
            next(self._predicted(layer, asked) for layer in self._layers if layer.id == name)
            for name in ("namespaces", "usermap")
        )
        if namespaces is None or namespaces.mounts is None:
            return self
        # starting a program gives nothing to root, nor with no_new_privs; a user that is not known may be root
        gains = asked.user != ANYBODY and not starts_as_root(asked) and not asked.no_new_privileges
        maps = IdMaps(_maps_of(self._facts["usermap"]), _maps_of(users)) if gains else None
        ahead = self._there.look(namespaces.mounts.seen, () if image is None else image.layers, maps)
        if ahead == Ahead():
            return self
        found = copy(self)
        found._see(ahead)
        namespaces = next(found._predicted(layer, asked) for layer in found._layers if layer.id == "namespaces")
        found._see(replace(ahead, seen=namespaces.mounts and namespaces.mounts.special))
        return found

    def _see(self, ahead: Ahead) -> None:
        self.around, self._alone = replace(self.around, ahead=ahead), replace(self._alone, ahead=ahead)

    def peers(self, with_: Joined) -> Peers:
        """The peers of a container that joins others in this way."""
        return replace(self.around.peers, as_requested=with_.peers.as_requested, neighbours=with_.peers.neighbours)

    def _judged(
        self,
        container: Container,
        layers: tuple[Layer, ...],
        put: Callable[[tuple[LayerState, ...]], tuple[LayerState, ...]],
    ) -> ContainerState:
        """`layers`: with the rulings to use; `put` sets each finding's source."""
        if other_kernel(container):
            return self._unknown(container, Gap(GapKind.FOREIGN, detail=f"{container.runtime} has a kernel of its own"))
        states = tuple(self._layer(layer, container) for layer in self._layers)
        parts = [
            Part(layer, state.facts, state.asked, self._posture(layer, state, container))
            for layer, state in zip(layers, states, strict=True)
        ]
        matrix = matrix_of(parts, self.around)
        if container.asked.user == ANYBODY:  # layer by layer, one would be root's and the next one anybody's
            whole = [self._exposure(replace(container, asked=asked)) for asked in _either(container.asked)]
            least, most = min(each.best for each in whole), max(each.worst for each in whole)
            matrix = replace(matrix, exposure=replace(matrix.exposure, worst=most, best=least))
        placed = put(states)
        findings = [cap_severity(finding, matrix) for state in placed for finding in state.assessment.findings]
        findings.sort(key=lambda finding: finding.severity.rank)
        return ContainerState(
            container=container,
            layers=placed,
            findings=tuple(findings),
            matrix=matrix,
            first_exposure=matrix.exposure.worst,
            first_layers=placed,
        )

    def _exposure(self, container: Container) -> Exposure:
        """The exposure of a container whose user is known."""
        parts = []
        for layer in self._layers:
            facts, asked = self._of(layer, container.asked), layer.asked(container)
            parts.append(Part(layer, facts, asked, layer.judged_by(facts, asked, self.around)))
        return matrix_of(parts, self.around).exposure

    def _unknown(self, container: Container, gap: Gap) -> ContainerState:
        def assessed(layer: Layer) -> Assessment:
            return Assessment(Verdict.UNKNOWN, gap_words(gap).band, gaps=(NamedGap(layer.id, gap, ""),))

        layers = tuple(
            LayerState(layer.id, layer.number, None, layer.asked(container), assessed(layer)) for layer in self._layers
        )
        return ContainerState(container=container, layers=layers, gap=gap)

    def _layer(self, layer: Layer, container: Container) -> LayerState:
        facts, shown = self._predicted(layer, container.asked), container
        if container.asked.user == ANYBODY:
            shown = replace(container, asked=replace(container.asked, user=""))
        asked = layer.asked(shown)
        assessed = layer.assessed(facts, asked, self.around)
        if container.asked.user == ANYBODY and assessed.verdict is Verdict.UNKNOWN and not assessed.gaps:
            assessed = replace(assessed, fact=_DEPENDS)
        return LayerState(layer.id, layer.number, facts, asked, assessed)

    def _posture(self, layer: Layer, state: LayerState, container: Container) -> Posture:
        """If the user is unknown, the layer's posture for root and for anybody else: where they differ it is
        unknown.
        """
        if container.asked.user != ANYBODY:
            return layer.judged_by(state.facts, state.asked, self.around)
        root, other = (
            layer.judged_by(self._of(layer, asked), layer.asked(replace(container, asked=asked)), self.around)
            for asked in _either(container.asked)
        )
        return root if root == other else OneOf((root, other), _DEPENDS)

    def _predicted(self, layer: Layer, asked: Asked) -> Any:
        if asked.user != ANYBODY:
            return self._of(layer, asked)
        root, other = (self._of(layer, each) for each in _either(asked))
        return _in_common(root, other)

    def _of(self, layer: Layer, asked: Asked) -> Any:
        implied = self._joined.implied(asked)
        around = self._alone if implied is None else self.around
        return layer.predict(self._facts[layer.id], self._before, implied or asked, around)

    # -- which option asked for it

    def _placed(self, states: tuple[LayerState, ...], service: Service, without: _Without) -> tuple[LayerState, ...]:
        return tuple(
            replace(state, assessment=self._with_places(layer, state.assessment, service, without))
            for layer, state in zip(self._layers, states, strict=True)
        )

    def _with_places(self, layer: Layer, assessment: Assessment, service: Service, without: _Without) -> Assessment:
        """Findings with the line of the option that causes them; the service's line for something missing."""
        if not assessment.findings:
            return assessment

        def placed(finding: Finding) -> Finding:
            place = service.place if self._is_usual(layer, finding) else without.place_of(layer, finding)
            return replace(finding, source=str(place))

        return replace(assessment, findings=tuple(map(placed, assessment.findings)))

    def _is_usual(self, layer: Layer, finding: Finding) -> bool:
        """Whether a plain container has the finding too."""
        known = self._usual.get((layer.id, ""))
        if known is None:
            asked = layer.asked(self._plain)
            facts = layer.predict(self._facts[layer.id], self._before, self._plain.asked, self._alone)
            for each in layer.assessed(facts, asked, self._alone).findings:
                self._usual[layer.id, each.code] = True
            self._usual[layer.id, ""] = True
        return self._usual.get((layer.id, finding.code), False)


class Tries:
    """A budget for leaving out options to see what each causes, in options evaluated: a container with n options takes
    n². Enough for 70 containers with 12 options, or one with 100.
    """

    def __init__(self) -> None:
        self._left = 10_000

    def take(self, options: int) -> bool:
        """Whether that many are left; if so, takes them."""
        enough = options <= self._left
        self._left -= options if enough else 0
        return enough


class _Without:
    """One container with each of its options left out in turn: a finding that disappears is caused by that option. If
    that takes too many tries, all findings are the service's.
    """

    def __init__(self, predictor: Predictor, service: Service, image: Image | None, tries: Tries) -> None:
        self._predictor, self._service, self._image, self._tries = predictor, service, image, tries
        self._less: list[tuple[Position, Container]] | None = None
        self._left: dict[tuple[str, int], frozenset[tuple[str, str]] | None] = {}

    def place_of(self, layer: Layer, finding: Finding) -> Position:
        key = (finding.code, repr(finding.text))
        for number, (place, container) in enumerate(self._containers()):
            left = self._findings(layer, number, container)
            if left is not None and key not in left:
                return place
        return self._service.place

    def _containers(self) -> list[tuple[Position, Container]]:
        if self._less is None:
            said = tuple(each for each in self._service.said if each.name not in WITHOUT_EFFECT)
            self._whole = self._understood(self._service)
            tried = enumerate(said) if self._tries.take(len(said) ** 2) else ()
            made = [
                (each.place, self._understood(replace(self._service, said=(*said[:number], *said[number + 1 :]))))
                for number, each in tried
            ]
            self._less = [(place, container) for place, container in made if container.asked != self._whole.asked]
        return self._less

    def _understood(self, service: Service) -> Container:
        return self._predictor.understood(service, self._image).container

    def _findings(self, layer: Layer, number: int, container: Container) -> frozenset[tuple[str, str]] | None:
        """The findings that remain without that option; None if it does not concern this layer."""
        key = (layer.id, number)
        if key not in self._left:
            self._left[key] = None
            if self._matters(layer, container):
                found = self._predictor._layer(layer, container).assessment.findings
                self._left[key] = frozenset((item.code, repr(item.text)) for item in found)
        return self._left[key]

    def _matters(self, layer: Layer, container: Container) -> bool:
        return _decisive(container) != _decisive(self._whole) or layer.asked(container) != layer.asked(self._whole)


def _decisive(container: Container) -> tuple[Any, ...]:
    """Options that any layer may depend on, in addition to its own."""
    asked = container.asked
    return asked.privileged, asked.user, asked.capabilities, asked.cap_add, asked.userns_mode, asked.uid_map


def _maps_of(users: Any) -> tuple[Ranges, Ranges] | None:
    return None if users is None or None in (users.uid_map, users.gid_map) else (users.uid_map, users.gid_map)


def _either(asked: Asked) -> tuple[Asked, Asked]:
    """The options as root, and as another user."""
    return replace(asked, user=""), replace(asked, user=_SOMEBODY)


def _in_common(one: Any, two: Any) -> Any:
    """What both have in common; where they differ None, if the field's type allows it."""
    if one is None or two is None or one == two:
        return one
    fields = type(one).__struct_fields__
    notes = type(one).__annotations__
    changed = {
        name: None for name in fields if getattr(one, name) != getattr(two, name) and "None" in str(notes.get(name, ""))
    }
    return replace(one, **changed)


# Engine and ground as the engine's process has them, and what it gives a container without options
Plain = Callable[[Engine, Ground], tuple[Engine, Ground, Container, Capture]]
ReadProfile = Callable[[str, float], str]  # the file at that path; ValueError if it was changed after that time


class AsStarted:
    """Caches a predictor per engine, until engine or ground changes."""

    def __init__(self, layers: tuple[Layer, ...], plain: Plain, profile: ReadProfile | None = None) -> None:
        self._layers, self._plain, self._profile = layers, plain, profile
        self._known: dict[str, tuple[Engine, Ground, Predictor]] = {}

    def state(self, container: Container, engine: Engine, ground: Ground) -> ContainerState:
        """The container as it would start on that engine and ground."""
        known = self._known.get(engine.id)
        if known is None or known[:2] != (engine, ground):
            made = Predictor(self._layers, *self._plain(engine, ground))
            known = self._known[engine.id] = engine, ground, made
        return known[2].as_started(container, self._files(container, engine))

    def _files(self, container: Container, engine: Engine) -> Files:
        """Its own seccomp profile, which the engine names and does not show."""
        named = container.profile_file
        if self._profile is None or not engine.local or not named:
            return ()
        try:
            return ((named, self._profile(named, container.created)),)
        except (OSError, ValueError):
            return ()
