"""What a text asks for, whatever its language: services, each a list of options of `run`, each with its line.

Every language is read into the options of `docker run` and `podman run`, so that what an option means stands once
(`meaning.py`). Decided against a model of each language: they have no settings of a container that `run` has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from stratascope.core.container import EngineKind
from stratascope.core.message import Message
from stratascope.value import Value

MOST_SERVICES = 500  # of one text; the others are left out, and that is told


class Language(StrEnum):
    RUN = "run"
    COMPOSE = "compose"
    QUADLET = "quadlet"
    KUBERNETES = "kubernetes"


class Place(Value):
    """A line of a file, counted from 1; 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Said(Value):
    """An option by its long name in `run`, without dashes; `value` None: named without one.

    `span`: where a run command has it, from and to in the text; None where it shares a word with others.
    """

    name: str
    value: str | None
    place: Place
    span: tuple[int, int] | None = None


class Problem(Value):
    """What could not be read, or has no effect that is known.

    `fatal`: without it nothing can be said at all. `unread`: what is asked for there is not known, so that more may be
    open than is said.
    """

    place: Place
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
    place: Place
    image: str
    said: tuple[Said, ...] = ()
    kind: EngineKind | None = None  # the engine that the text is for; None: any
    words: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    pod: str = ""
    options_end: int | None = None
    folder: str = ""
    files: tuple[tuple[str, str], ...] = ()


class Read(Value):
    """All of a text. `language`: None where it is none that is known."""

    services: tuple[Service, ...] = ()
    problems: tuple[Problem, ...] = ()
    language: Language | None = None

    @property
    def failed(self) -> bool:
        """Whether nothing can be said of it."""
        return any(problem.fatal for problem in self.problems)


class Files(Protocol):
    """What lies beside a text, and what it may know of variables. Whoever asks for a check hands it in."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Values by name, of those that were said; nothing of the environment by itself."""

    def read(self, path: str) -> str | None:
        """A file's text; None where it is not there, is none, or is too long."""

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder, in order; nothing where there is none."""

    def here(self) -> str:
        """The folder that relative paths start from; empty where that is not known."""


class NoFiles:
    """A text alone."""

    variables: Mapping[str, str] = {}

    def read(self, path: str) -> str | None:
        """See `Files`."""
        return None

    def names(self, folder: str) -> tuple[str, ...]:
        """See `Files`."""
        return ()

    def here(self) -> str:
        """See `Files`."""
        return ""
