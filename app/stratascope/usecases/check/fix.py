"""The smallest set of settings that closes what is critical and serious, written into the text that asks for it.

As `--preset critical` for a running container. If the written settings do not close what they should, they are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.message import msg
from stratascope.core.options.difference import UnwritableError
from stratascope.core.options.given import Problem
from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.severity import SERIOUS
from stratascope.core.threats.depth import Matrix
from stratascope.usecases.check.check import Checker
from stratascope.usecases.check.writing import Writer
from stratascope.usecases.plan.closing import Closing, closing
from stratascope.usecases.plan.presets import InUse, unused
from stratascope.value import Value


class Closed(Value):
    """What was done for one service; exposures before and after. `in_use`: closed things that may be needed."""

    name: str
    choices: tuple[Choice, ...]
    before: float
    after: float
    in_use: tuple[InUse, ...] = ()


class Fixed(Value):
    """The resulting text; unchanged if nothing was to be done, or could be."""

    text: str
    services: tuple[Closed, ...] = ()
    problems: tuple[Problem, ...] = ()


def fixed(checker: Checker, text: str, file: str, only: Sequence[str] = ()) -> Fixed:
    """The text with settings that close the issues of its services, or of those in `only`."""
    done: list[Closed] = []
    problems: list[Problem] = []
    services = checker.read(text, file).services
    for number, (service, joined) in enumerate(zip(services, checker.joined(services), strict=True)):
        if only and service.name not in only:
            continue
        try:
            text, closed = _closed(Writer(checker, text, file, number, joined=joined), text)
        except (UnwritableError, ToggleError):
            what = msg("What would close {name} can't be written into this file automatically.", name=service.name)
            problems.append(Problem(service.place, what))
            continue
        if closed is not None:
            done.append(closed)
    return Fixed(text, tuple(done), tuple(problems))


def _closed(writer: Writer, text: str) -> tuple[str, Closed | None]:
    before = writer.state.matrix
    if before is None:
        return text, None
    found = closing(writer.prediction, writer.subject)
    if not found.choices:
        return text, None
    text = writer.written(found.choices, exact=False)  # it is judged below
    after = writer.again(text).matrix
    if after is None or not _closes(after, found):
        raise UnwritableError(writer.service.name)
    in_use = unused(found, writer.subject)[1]
    return text, Closed(writer.service.name, found.choices, before.exposure.worst, after.exposure.worst, in_use)


def _closes(after: Matrix, wanted: Closing) -> bool:
    left = {threat.id for threat in wanted.left}
    return all(item.threat.id in left for severity in SERIOUS for item in after.open(severity))
