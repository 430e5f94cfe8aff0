"""Corrects a text: with a person's choices in the window, or by the plan for the command (`fixed`).

`Corrections` does for texts what `Hardening` does for running containers: predicted layers, available toggles, and the
corrected text. Everything offered can be written into the text, as that was tried. Choices that need a running
container (what it used, who owns its files) are not offered. `preview` and `hint` are pure and quick; everything else
reads texts or queries engines, and belongs on a worker thread. Thread-safe.

`fixed` writes what is on in the plan of each container, as far as it can be written; if the result leaves more open
than was predicted, nothing is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from stratascope.core.message import msg
from stratascope.core.options.difference import UnwritableError
from stratascope.core.options.given import Position, Problem
from stratascope.core.options.meaning import ANYBODY
from stratascope.core.relaunch.hardening_plan import Change, HardeningPlan, Wanted
from stratascope.core.relaunch.launch_spec import FileChange
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.formats.text import Language, Read
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.writing import Writer, changed_lines, difference
from stratascope.usecases.plan.offers import Offer, Preview
from stratascope.usecases.plan.preview import Previews
from stratascope.usecases.plan.standards import Standard
from stratascope.value import Value, replace

Key = tuple[str, str]
_GONE = msg("The text no longer asks for this container.")


class Corrected(Value):
    """A text with choices written into it. `lines`: lines that differ; `patch`: the whole difference. `left`: service
    and choice of what could not be written. `language`: the text's.
    """

    UNPRINTED = ("text", "patch")

    text: str
    lines: tuple[str, ...] = ()
    patch: str = ""
    left: tuple[tuple[str, Choice], ...] = ()
    language: Language | None = None


class Judged(Value):
    """The result for a text, as `Checked`. `nobody_knows`: ids of those whose user is unknown."""

    read: Read
    snapshot: Snapshot | None
    problems: tuple[Problem, ...] = ()
    nobody_knows: frozenset[str] = frozenset()


class _Known(Value):
    """One service of the text that was judged last."""

    writer: Writer
    previews: Previews


class Corrections:
    """See the module."""

    def __init__(self, make: Callable[[], Checker]) -> None:
        """`make`: called once, for the first text."""
        self._make = make
        self._made: Checker | None = None
        self._known: dict[Key, _Known] = {}
        self._lock = threading.Lock()

    def check(self, text: str, file: str, taken_at: float) -> Judged:
        """The layers of each service. Its container's id is its name, which is stable while lines move above it.

        If nobody knows its image and it names no user, offers are computed for root (see `writing.py`).

        Raises ProbeError, OSError.
        """
        with self._lock:
            checker = self._checker()
            found = checker.text(text, file, taken_at)
            if found.snapshot is None:
                self._known = {}
                return Judged(found.read, None, found.problems)
            judged = found.snapshot.containers
            states = _named(judged)
            nobody_knows = frozenset(state.container.id for state in states if state.container.asked.user == ANYBODY)
            known: dict[Key, _Known] = {}
            for number, state in enumerate(states):
                if state.matrix is not None:
                    as_judged = None if state.container.id in nobody_knows else judged[number]
                    writer = Writer(checker, text, file, number, found.read, as_judged, found.joined[number])
                    known[state.key] = _known(checker, writer)
            self._known = known  # only now: whoever plans for a service of the text before still finds it until then
            return Judged(found.read, replace(found.snapshot, containers=states), found.problems, nobody_knows)

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle, but what needs a running container, and the plan. Raises ToggleError if the container is gone
        from the text.
        """
        known = self._of(state)
        with self._lock:
            offer = known.previews.offer(known.writer.state)
            return replace(offer, options=tuple(each for each in offer.options if not each.toggle.hands_over))

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        """The plan, as far as it can be written; as a person wants it. Raises ToggleError."""
        known = self._of(state)
        with self._lock:
            return known.previews.plan(known.writer.state, wanted=wanted)

    def standards(self, state: ContainerState) -> tuple[Standard, ...]:
        """What it takes to match each standard, in addition to the plan. Raises ToggleError."""
        known = self._of(state)
        with self._lock:
            return known.previews.standards(known.writer.state)

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """The effect of the choices. Raises ToggleError."""
        known = self._of(state)
        return known.previews.preview(known.writer.state, choices)

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        """The text with the choices for its containers, by id. Raises ProbeError, OSError."""
        made, left = text, list[tuple[str, Choice]]()
        with self._lock:
            checker = self._checker()
            read = checker.read(text, file)
            for number, name in enumerate(_ids(each.name for each in read.services)):
                if chosen.get(name):
                    made, more = Writer(checker, made, file, number).as_far(chosen[name])
                    left += ((name, choice) for choice in more)
        patch = "".join(difference(text, made, file))
        return Corrected(made, changed_lines(text, made), patch, tuple(left), read.language)

    def _checker(self) -> Checker:
        self._made = self._made or self._make()
        return self._made

    def _of(self, state: ContainerState) -> _Known:
        known = self._known.get(state.key)
        if known is None:
            raise ToggleError(_GONE)
        return known


def _ids(names: Iterable[str]) -> Iterator[str]:
    """The names; repeated ones get a number."""
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        yield name if seen[name] == 1 else f"{name}#{seen[name]}"


def _named(states: Sequence[ContainerState]) -> tuple[ContainerState, ...]:
    ids = _ids(state.container.name for state in states)
    return tuple(
        replace(state, container=replace(state.container, id=name)) for state, name in zip(states, ids, strict=True)
    )


def _known(checker: Checker, writer: Writer) -> _Known:
    host, _ = checker.predictor(writer.service.kind)

    def subject(_: ContainerState, chosen: Sequence[Choice], changes: Sequence[FileChange] | None) -> Subject:
        return writer.subject

    previews = Previews(checker.layers, host.ground, host.engine, subject, why_not=writer.why_not)
    return _Known(writer, previews)


def planned(checker: Checker, text: str, file: str) -> Iterator[tuple[str, HardeningPlan, ContainerState]]:
    """For each service of the text that could be judged: its name, what would be changed of it, and it. What can't be
    written into the text is off there.

    Raises ToggleError.
    """
    services = checker.read(text, file).services
    for number, joined in zip(range(len(services)), checker.joined(services), strict=True):
        writer = Writer(checker, text, file, number, joined=joined)
        if writer.state.matrix is not None:
            yield services[number].name, _known(checker, writer).previews.plan(writer.state), writer.state


class Closed(Value):
    """What was done for one service; exposures before and after. `in_use`: what stays open, since it is used."""

    name: str
    choices: tuple[Choice, ...]
    before: float
    after: float
    in_use: tuple[Change, ...] = ()


class Fixed(Value):
    """The resulting text; unchanged if nothing was to be done, or could be."""

    text: str
    services: tuple[Closed, ...] = ()
    problems: tuple[Problem, ...] = ()


# A container takes some tenths of a second, and the text is read a few times for each; the time for one grows with the
# square of what could be taken back
_MOST_CORRECTED = 100
_MOST_READ = 4 << 20  # characters: containers, times the length of the text
_MOST_TAKEN_BACK = 50
_TAKEN_BACK = frozenset(("volume", "mount", "device", "cap-add"))


def fixed(checker: Checker, text: str, file: str, only: Sequence[str] = ()) -> Fixed:
    """The text with settings that close the issues of its services, or of those in `only`."""
    done: list[Closed] = []
    problems: list[Problem] = []
    services = checker.read(text, file).services
    chosen = sum(not only or service.name in only for service in services)
    if chosen > _MOST_CORRECTED or chosen * len(text) > _MOST_READ:
        what = msg("There is too much here to be corrected at once: name a few of its containers with --service.")
        return Fixed(text, (), (Problem(Position(file, 0), what),))
    for number, (service, joined) in enumerate(zip(services, checker.joined(services), strict=True)):
        if only and service.name not in only:
            continue
        if sum(said.name in _TAKEN_BACK for said in service.said) > _MOST_TAKEN_BACK:
            what = msg(
                "More than {most} mounts, devices and capabilities are asked for {name}: too many to be corrected "
                "automatically.",
                most=_MOST_TAKEN_BACK,
                name=service.name,
            )
            problems.append(Problem(service.place, what))
            continue
        try:
            text, closed = _closed(checker, Writer(checker, text, file, number, joined=joined), text)
        except (UnwritableError, ToggleError):
            what = msg("What would close {name} can't be written into this file automatically.", name=service.name)
            problems.append(Problem(service.place, what))
            continue
        if closed is not None:
            done.append(closed)
    return Fixed(text, tuple(done), tuple(problems))


def _closed(checker: Checker, writer: Writer, text: str) -> tuple[str, Closed | None]:
    before = writer.state.matrix
    if before is None:
        return text, None
    plan = _known(checker, writer).previews.plan(writer.state)
    now = before.exposure.worst
    if not plan.choices:
        return text, Closed(writer.service.name, (), now, now, plan.in_use) if plan.in_use else None
    text = writer.written(plan.choices, exact=False)  # the result is judged below
    after = writer.again(text).matrix
    if after is None or not _opens(after) <= {state.threat.id for state in plan.left}:
        raise UnwritableError(writer.service.name)
    return text, Closed(writer.service.name, plan.choices, now, after.exposure.worst, plan.in_use)


def _opens(matrix: Matrix) -> set[str]:
    return {state.threat.id for severity in SERIOUS for state in matrix.open(severity)}
