"""What a text asks for, whatever its language: containers to be, each a list of options of `run` with their lines.

Every language is read into the options of `docker run` and `podman run`, so that what an option means stands once
(`meaning.py`). Decided against a model of each language: they have no settings of a container that `run` has not.
"""

from __future__ import annotations

from stratascope.core.container import EngineKind
from stratascope.core.message import Message
from stratascope.value import Value


class Position(Value):
    """A line of a file, counted from 1; 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class GivenOption(Value):
    """An option by its long name in `run`, without dashes; `value` None: named without one.

    `span`: where a run command has it, from and to in the text; None where it shares a word with others.
    """

    name: str
    value: str | None
    place: Position
    span: tuple[int, int] | None = None


class Problem(Value):
    """What could not be read, or has no effect that is known.

    `fatal`: without it nothing can be said at all. `unread`: what is asked for there is not known, so that more may be
    open than is said.
    """

    place: Position
    text: Message
    fatal: bool = False
    unread: bool = False


class Service(Value):
    """One container to be. `said` is in the order in which it is asked for: the last word counts.

    `options_end`: where in a run command further options may be put; `folder`: what relative paths of places are below;
    `files`: path and text of the profiles that it names; `words`: of its command and of its environment.
    """

    UNPRINTED = ("words", "files")

    name: str
    place: Position
    image: str
    said: tuple[GivenOption, ...] = ()
    kind: EngineKind | None = None  # the engine that the text is for; None: any
    words: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    pod: str = ""
    options_end: int | None = None
    folder: str = ""
    files: tuple[tuple[str, str], ...] = ()
