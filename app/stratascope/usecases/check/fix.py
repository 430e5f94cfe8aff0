"""The smallest set of settings that closes what is critical and serious, written into the text that asks for it.

A container whose image nobody knows is taken for root's: what closes that closes any other user's, too. As `--preset
critical` for a container that runs. What was written is read and judged again: where it does not come to what was
wanted, or changes another service too (an anchor, a file that is extended), it is not kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.check.changes import Change, UnwritableError, changes
from stratascope.check.reading import Problem, Read, Said, Service
from stratascope.check.rewrite import rewritten
from stratascope.core.container import Image
from stratascope.core.message import msg
from stratascope.core.relaunch.toggle import Choice, Subject, ToggleError
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.layers.toggles import fold
from stratascope.usecases.check.check import Checker, Host
from stratascope.usecases.plan.closing import Closing, closing
from stratascope.usecases.plan.offers import SERIOUS
from stratascope.usecases.plan.prediction import Prediction
from stratascope.value import Value, replace


class Closed(Value):
    """What was done for one service; exposures before and after."""

    name: str
    choices: tuple[Choice, ...]
    before: float
    after: float


class Fixed(Value):
    """The text as it would be; the same where nothing was to be done, or could be."""

    text: str
    services: tuple[Closed, ...] = ()
    problems: tuple[Problem, ...] = ()


def fixed(checker: Checker, text: str, file: str, only: Sequence[str] = ()) -> Fixed:
    """The text with what closes its services, or those of `only`."""
    done: list[Closed] = []
    problems: list[Problem] = []
    for service in checker.read(text, file).services:
        if only and service.name not in only:
            continue
        made = _One(checker, file, service.name)
        try:
            text, closed = made.close(text)
        except (UnwritableError, ToggleError):
            what = msg("What would close {name} can't be written into this file automatically.", name=service.name)
            problems.append(Problem(service.place, what))
            continue
        if closed is not None:
            done.append(closed)
    return Fixed(text, tuple(done), tuple(problems))


class _One:
    def __init__(self, checker: Checker, file: str, name: str) -> None:
        self._checker, self._file, self._name = checker, file, name

    def close(self, text: str) -> tuple[str, Closed | None]:
        read = self._checker.read(text, self._file)
        service = self._service(read)
        host, predictor = self._checker.predictor(service.kind)
        state = self._state(service)
        if state.matrix is None:
            return text, None
        subject = _subject(state, host)
        found = closing(Prediction(self._checker.layers, predictor.around, state), subject)
        if not found.choices:
            return text, None
        before = subject.container.asked
        after = fold(before, found.choices, subject)
        draft = text
        for change in changes(service.said, before, after, host.engine):
            draft = self._written(draft, change)
        matrix = self._held(read, draft, found)
        return draft, Closed(self._name, found.choices, state.matrix.exposure.worst, matrix.exposure.worst)

    def _service(self, read: Read) -> Service:
        found = next((each for each in read.services if each.name == self._name), None)
        if found is None:
            raise UnwritableError(self._name)
        return found

    def _state(self, service: Service) -> ContainerState:
        host, predictor = self._checker.predictor(service.kind)
        image = self._checker.image(host, service.image) or Image()
        return predictor.state(service, image, self._checker.files(service))[0]

    def _written(self, text: str, change: Change) -> str:
        """With one change; the text moves under the others, so its place is looked for anew."""
        service = self._service(self._checker.read(text, self._file))
        if change.old is not None:
            change = replace(change, old=_again(service.said, change.old))
        return rewritten(text, self._file, service, change)

    def _held(self, before: Read, text: str, wanted: Closing) -> Matrix:
        """What it comes to. Raises UnwritableError where that is not what was wanted."""
        after = self._checker.read(text, self._file)
        others = [_plain(each) for each in before.services if each.name != self._name]
        if after.failed or others != [_plain(each) for each in after.services if each.name != self._name]:
            raise UnwritableError(self._name)
        matrix = self._state(self._service(after)).matrix
        left = {threat.id for threat in wanted.left}
        if matrix is None or any(
            item.threat.id not in left
            for severity in SERIOUS
            for item in matrix.open(severity)
        ):  # fmt: skip
            raise UnwritableError(self._name)
        return matrix


def _again(said: Sequence[Said], old: Said) -> Said:
    found = [each for each in said if (each.name, each.value) == (old.name, old.value)]
    if not found:
        raise UnwritableError(old.name)
    return found[0]


def _plain(service: Service) -> tuple[str, list[tuple[str, str | None]]]:
    return service.name, [(each.name, each.value) for each in service.said]


def _subject(state: ContainerState, host: Host) -> Subject:
    facts = tuple((layer.id, layer.facts) for layer in state.layers)
    return Subject(state.container, host.engine, facts, memory_total=host.ground.memory_total)
