"""Judges the containers that a text asks for, for the command and the window.

Nothing is started, requested, or taken from the environment. The host's facts are read from this machine, or from a
capture; an engine's defaults are known per kind (`plain.py`). If nobody knows an image, whatever depends on its user is
unknown.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Protocol

from stratascope.core.capture import Capture
from stratascope.core.container import Asked, Container, Engine, EngineKind, Image, matching
from stratascope.core.ground import Ahead, Ground, IdMaps
from stratascope.core.layer import Layer
from stratascope.core.message import msg
from stratascope.core.options.given import Position, Problem, Service
from stratascope.core.options.mounts import There
from stratascope.core.overview.shared_parts import OF_CONTAINER, OWN_MODES
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.formats.read import read
from stratascope.formats.run.read import read_words
from stratascope.formats.text import Files, NoFiles, Read, ReferencedFiles, TooMuchError, unread
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.mounts import Mount
from stratascope.usecases.check.joined import ALONE, Joined, joined
from stratascope.usecases.check.predictor import Predictor, Tries
from stratascope.value import Value, replace


class Host(Value):
    """The target: an engine that answers, or one as known by its kind; and the container it creates without options."""

    engine: Engine
    ground: Ground
    plain: Container
    readings: Capture


class Hosts(Protocol):
    """Provides hosts."""

    def expect(self, kind: EngineKind | None, image: str) -> None:
        """Announces what will be requested next, so that an engine can be asked while the rest is prepared."""

    def host(self, kind: EngineKind | None) -> Host:
        """The host for that kind of engine; None: whichever is available. Raises ProbeError."""

    def image(self, host: Host, name: str) -> Image | None:
        """What an image contributes, according to that engine; None if it does not have it."""

    def volume(self, host: Host, name: str) -> Mapping[str, str]:
        """The options that a volume was created with; empty if that engine does not have it."""

    def container(self, host: Host, name: str) -> Container | None:
        """A container that engine has, by name or id; None if it does not have it."""

    def real(self, host: Host, path: str) -> str:
        """Where a path leads on that machine, with symlinks resolved; the path itself if that is not known."""

    def look(self, host: Host, mounts: Sequence[Mount], layers: Sequence[str], maps: IdMaps | None) -> Ahead:
        """What these mounts and folders of an image show there; nothing if that can't be looked at. `maps`: None if
        programs that give rights are not wanted.
        """


_Judgement = tuple[ContainerState, tuple[Problem, ...]]
_MOST_PROBLEMS = 500
_MOST_JOINED = 100  # containers that an engine is asked for
_NO_FILES = frozenset(("", "unconfined", "builtin", "default"))
_PROFILE_MOST = 256 << 10  # characters of a seccomp profile: the engines' have 15 000, one rule per call gives 80 000


class Checked(Value):
    """The result for a text. `snapshot` has a container per service, in the text's order, None if parsing failed;
    `joined`: for each, the containers it shares namespaces with.
    """

    read: Read
    snapshot: Snapshot | None
    problems: tuple[Problem, ...] = ()
    joined: tuple[Joined, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the text could not be understood at all."""
        return self.snapshot is None


class Checker:
    """Checks texts. Kept while a text is edited, so that hosts and predictors are created once."""

    def __init__(self, layers: tuple[Layer, ...], hosts: Hosts, files: Files | None = None) -> None:
        """`files`: reads files that a text names (a profile, another Compose file); None: no further files are read."""
        self.layers, self._hosts, self._files = layers, hosts, files or NoFiles()
        self._predictors: dict[EngineKind | None, tuple[Host, Predictor]] = {}
        self._images: dict[tuple[str, str], Image | None] = {}
        self._states: dict[tuple[object, ...], _Judgement] = {}
        self._before = self._states  # the last text's results: most of a text stays the same while typing

    def text(self, text: str, file: str, taken_at: float, only: Sequence[str] = ()) -> Checked:
        """A text in any known language. `file`: its name, for positions; `only`: these services."""
        return self._checked(self.read(text, file), taken_at, only)

    def words(self, words: Sequence[str], taken_at: float) -> Checked:
        """One command, split into arguments as by a shell."""
        return self._checked(self._here(read_words(words)), taken_at, ())

    def read(self, text: str, file: str) -> Read:
        """A text's services, not judged yet."""
        return self._here(read(text, file, self._files))

    def _here(self, found: Read) -> Read:
        """Add the base folder of relative paths, and the contents of the profiles that are named."""
        here, beside, problems = self._files.here(), ReferencedFiles(self._files), list(found.problems)
        try:
            services = tuple(
                replace(
                    each,
                    folder=posixpath.join(here, each.folder) if each.folder else here,
                    files=_profiles(each, beside, problems),
                )
                for each in found.services
            )
        except TooMuchError as error:
            return replace(found, services=(), problems=(*problems, Problem(error.place, error.message, True)))
        return replace(found, services=services, problems=tuple(problems))

    def _checked(self, found: Read, taken_at: float, only: Sequence[str]) -> Checked:
        problems = list(found.problems)
        for name in only:
            if not any(service.name == name for service in found.services):
                known = ", ".join(service.name for service in found.services)
                what = msg("There is no service {name} here; available: {known}.", name=name, known=known)
                problems.append(Problem(Position("", 0), what, True))
        services = [each for each in found.services if not only or each.name in only]
        for service in services[:1]:
            self._hosts.expect(service.kind, service.image)
        if any(problem.fatal for problem in problems):
            return Checked(found, None, tuple(problems))
        engines: dict[str, Engine] = {}
        ground: Ground | None = None
        alone: list[ContainerState] = []
        self._before, self._states = self._states, {}
        tries = Tries()
        for service in services:
            host, _ = self.predictor(service.kind)
            engines[host.engine.id] = host.engine
            ground = ground or host.ground
            state, more = self._judged(service, ALONE, tries)
            alone.append(state)
            problems += more
            if self.image(host, service.image) is None:
                problems.append(_no_image(service))
        with_ = self._joined(services, alone)
        states = [
            state if each is ALONE else self._judged(service, each, tries)[0]
            for service, state, each in zip(services, alone, with_, strict=True)
        ]
        if ground is None:
            ground = self.predictor(None)[0].ground
        snapshot = Snapshot(taken_at, ground, tuple(engines.values()), tuple(_with_unique_ids(states)))
        return Checked(found, snapshot, tuple(dict.fromkeys(problems))[:_MOST_PROBLEMS], with_)

    def joined(self, services: Sequence[Service]) -> tuple[Joined, ...]:
        """For each, the others that it shares namespaces with."""
        tries = Tries()
        return self._joined(services, [self._judged(service, ALONE, tries)[0] for service in services])

    def _joined(self, services: Sequence[Service], alone: Sequence[ContainerState]) -> tuple[Joined, ...]:
        if not services:
            return ()
        held = self.predictor(services[0].kind)[0].plain.asked.capabilities
        there = self._theirs(services, alone)
        infra = None if held is None else CapabilitySet.of(held).bits
        others = [Service(each.container.name, Position("", 0), each.container.image) for each in there]
        return joined([*services, *others], [*alone, *there], infra)[: len(services)]

    def _theirs(self, services: Sequence[Service], alone: Sequence[ContainerState]) -> list[ContainerState]:
        """The containers that the engine has already and that these join, and those that they join in turn."""
        found: list[ContainerState] = []
        states, kinds = list(alone), [service.kind for service in services]
        tried: set[tuple[str, str]] = set()
        for number, state in enumerate(states):  # it grows
            host, predictor = self.predictor(kinds[number])
            for word in _joins(state.container.asked):
                key = (host.engine.id, word)
                if key in tried or len(tried) == _MOST_JOINED:
                    continue
                tried.add(key)
                known = [each.container for each in states if each.container.engine == host.engine.id]
                other = None if matching(word, known) else self._hosts.container(host, word)
                if other is not None:
                    found.append(predictor.as_started(other))
                    states.append(found[-1])
                    kinds.append(kinds[number])
        return found

    def _judged(self, service: Service, with_: Joined, tries: Tries) -> _Judgement:
        host, predictor = self.predictor(service.kind)
        image = self.image(host, service.image)
        key = (service, host.engine.id, image, with_)
        found = self._states.get(key) or self._before.get(key) or predictor.state(service, image, with_, tries)
        self._states[key] = found
        return found

    def predictor(self, kind: EngineKind | None) -> tuple[Host, Predictor]:
        """The host for that kind of engine, and its predictor."""
        if kind not in self._predictors:
            host = self._hosts.host(kind)
            volume = cache(partial(self._hosts.volume, host))
            there = There(volume, partial(self._hosts.real, host), partial(self._hosts.look, host))
            made = Predictor(self.layers, host.engine, host.ground, host.plain, host.readings, there)
            self._predictors[kind] = host, made
        return self._predictors[kind]

    def image(self, host: Host, name: str) -> Image | None:
        """What that image contributes, cached."""
        key = (host.engine.id, name)
        if key not in self._images:
            self._images[key] = self._hosts.image(host, name) if name else None
        return self._images[key]


def _joins(asked: Asked) -> list[str]:
    modes = (getattr(asked, field) for _, field in OWN_MODES)
    return [mode.removeprefix(OF_CONTAINER) for mode in modes if mode.startswith(OF_CONTAINER)]


def _profiles(service: Service, beside: ReferencedFiles, problems: list[Problem]) -> tuple[tuple[str, str], ...]:
    """Paths and contents of the seccomp profiles that a service names. Raises TooMuchError."""
    found = []
    for said in service.said:
        name, equals, path = (said.value or "").partition("=")
        if said.name == "security-opt" and name == "seccomp" and equals and path not in _NO_FILES:
            text = beside.read(posixpath.join(posixpath.dirname(said.place.file), path), said.place)
            if text is None:
                problems.append(replace(unread(path, said.place), unread=False))
            elif len(text) > _PROFILE_MOST:
                what = msg("This seccomp profile has more than {most} characters: shorten it.", most=_PROFILE_MOST)
                raise TooMuchError(said.place, what)
            else:
                found.append((path, text))
    return tuple(found)


def _no_image(service: Service) -> Problem:
    what = msg(
        "The image {image} is not on this machine, so its user and its volumes are not known.", image=service.image
    )
    if service.image_adds:
        what = msg(
            "The image {image} is not on this machine, so its user, its volumes, and what it asks for as a dev "
            "container, are not known.",
            image=service.image,
        )
    return Problem(service.place, what, unread=service.image_adds)


def _with_unique_ids(states: Sequence[ContainerState]) -> Sequence[ContainerState]:
    """Make ids unique if a line requests two containers."""
    seen: dict[tuple[str, str], int] = {}
    found = []
    for state in states:
        count = seen[state.key] = seen.get(state.key, 0) + 1
        if count > 1:
            container = state.container
            state = replace(state, container=replace(container, id=f"{container.id}#{count}"))  # noqa: PLW2901
        found.append(state)
    return found
