"""What is read of a text, and how much of it and of the files that it names.

A text is anybody's: a file of a few lines can include itself, extend itself, or repeat what it has a million times.

Each bound lies far above what people write (in brackets, the most that was seen in projects of many parts), and low
enough that all of them used up at once take seconds and some hundred megabytes. What goes beyond one is refused as a
whole, with the line: to judge a part of it would be about other containers than those that would start. Decided against
bounds in time, by which the same text would be judged at one time and refused at another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from stratascope.core.message import Message, msg
from stratascope.core.options.table import WITHOUT_EFFECT
from stratascope.core.options.words import GivenOption, Position, Problem, Service
from stratascope.value import Value

MOST_SERVICES = 500  # of one text; the others are left out, and that is reported
FILES = 200  # that a text names, drop-ins among them (some dozens)
BYTES = 2 << 20  # of these together (200 kB)
LEVELS = 30  # of includes in includes, and of services that extend each other (4)
OPTIONS = 500  # of one container (200, nearly all of them ports and variables)
ALL_OPTIONS = 4000  # of all containers (1500)
LONGEST = 1 << 10  # characters of a value that a layer goes by (300: a mount with all its words)
FILLED_IN = 4 << 20  # characters of values with their variables filled in, together


class Language(StrEnum):
    RUN = "run"
    COMPOSE = "compose"
    QUADLET = "quadlet"
    KUBERNETES = "kubernetes"


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
    """What lies next to a text, and what it may know of variables. Whoever asks for a check hands it in."""

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


class TooMuchError(Exception):
    """More than is read here; `place` is where it goes beyond."""

    def __init__(self, place: Position, message: Message) -> None:
        super().__init__(message.id)
        self.place, self.message = place, message


class ReferencedFiles:
    """The files next to one text: each read once, under whatever name, and all of them bounded."""

    def __init__(self, files: Files) -> None:
        self._files, self._left = files, BYTES
        self._texts: dict[str, str | None] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self.variables = files.variables

    def read(self, path: str, asked: Position) -> str | None:
        """A file's text; None where it can't be read. `asked`: where it is named. Raises TooMuchError."""
        path = same(path)
        if path not in self._texts:
            if len(self._texts) >= FILES:
                what = msg("More than {most} files belong to this text: join some of them.", most=FILES)
                raise TooMuchError(asked, what)
            text = self._texts[path] = self._files.read(path)
            self._left -= len(text or "")
            if self._left < 0:
                what = msg("The files that belong to this text have more than {most} bytes: shorten them.", most=BYTES)
                raise TooMuchError(asked, what)
        return self._texts[path]

    def names(self, folder: str) -> tuple[str, ...]:
        """See `Files`."""
        if folder not in self._names:
            self._names[folder] = self._files.names(folder)
        return self._names[folder]


class Counted:
    """The options of one text, container after container."""

    def __init__(self) -> None:
        self._all = 0

    def take(self, said: Sequence[GivenOption], place: Position) -> None:
        """One container's, which begins at that place. Raises TooMuchError."""
        few_enough(said, place)
        self._all += len(said)
        if self._all > ALL_OPTIONS:
            what = msg("The containers have more than {most} options together: split the file.", most=ALL_OPTIONS)
            raise TooMuchError(place, what)
        for each in said:
            if len(each.value or "") > LONGEST and each.name not in WITHOUT_EFFECT:
                what = msg("This value has more than {most} characters: shorten it.", most=LONGEST)
                raise TooMuchError(each.place, what)


def few_enough(said: Sequence[GivenOption], place: Position) -> None:
    """Raises TooMuchError where these are more than one container has."""
    if len(said) > OPTIONS:
        what = msg("More than {most} options for one container: leave some of them out.", most=OPTIONS)
        raise TooMuchError(place, what)


def same(path: str) -> str:
    """A path without what leads nowhere. `..` stays: what is before it may be a link."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def unread(path: str, asked: Position) -> Problem:
    """What is said of a file that can't be read."""
    what = msg(
        "The file {file} can't be read, so what it asks for is not known. It has to be an ordinary text file of at "
        "most 1 MB.",
        file=path,
    )
    return Problem(asked, what, unread=True)
