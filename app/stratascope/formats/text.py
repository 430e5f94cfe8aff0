"""The result of reading a file that describes containers, the files it references, and limits on both.

The text is untrusted: a file of a few lines can include itself, extend itself, or repeat its content a million times.

Each limit is far above what people write (in brackets, the highest value seen in large projects), and low enough that
exhausting all of them takes seconds and a few hundred megabytes. A file beyond a limit is refused as a whole, with the
line: judging a part of it would describe other containers than those that would start. Decided against time limits, by
which the same text would be judged at one time and refused at another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from stratascope.core.message import Message, msg
from stratascope.core.options.given import GivenOption, Position, Problem, Service
from stratascope.core.options.table import WITHOUT_EFFECT
from stratascope.value import Value

MOST_SERVICES = 500  # per text; further ones are left out, which is reported
FILES = 200  # files that a text references, including drop-ins (some dozens)
BYTES = 2 << 20  # total size of these (200 kB)
LEVELS = 30  # nesting of includes, and of services that extend each other (4)
OPTIONS = 500  # per container (200, nearly all of them ports and variables)
ALL_OPTIONS = 4000  # for all containers together (1500)
LONGEST = 1 << 10  # characters of a value that a layer evaluates (300: a mount with all its options)
DEV_CONTAINERS = frozenset(("devcontainer.json", ".devcontainer.json"))  # such a file is one, whatever it says
FILLED_IN = 4 << 20  # total characters of values after expanding variables


class Language(StrEnum):
    RUN = "run"
    COMPOSE = "compose"
    QUADLET = "quadlet"
    KUBERNETES = "kubernetes"
    DEVCONTAINER = "devcontainer"


class Read(Value):
    """The content of a text. `language`: its format, None if unknown."""

    services: tuple[Service, ...] = ()
    problems: tuple[Problem, ...] = ()
    language: Language | None = None

    @property
    def failed(self) -> bool:
        """Whether nothing could be read."""
        return any(problem.fatal for problem in self.problems)


class Files(Protocol):
    """Access to the files next to a text, and to variables. Provided by the caller of a check."""

    @property
    def variables(self) -> Mapping[str, str]:
        """Values by name, only those passed in: the environment is not used by itself."""

    def read(self, path: str) -> str | None:
        """A file's text; None if it does not exist, is no regular file, or is too long."""

    def names(self, folder: str) -> tuple[str, ...]:
        """The names in a folder, sorted; empty if it does not exist."""

    def here(self) -> str:
        """The base of relative paths; empty if not known."""


class NoFiles:
    """`Files` for a text without other files."""

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
    """A limit was exceeded; `place`: where."""

    def __init__(self, place: Position, message: Message) -> None:
        super().__init__(message.id)
        self.place, self.message = place, message


class ReferencedFiles:
    """The files referenced by one text: each read once, whatever its name, within the limits."""

    def __init__(self, files: Files) -> None:
        self._files, self._left = files, BYTES
        self._texts: dict[str, str | None] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self.variables = files.variables

    def read(self, path: str, asked: Position) -> str | None:
        """A file's text; None if it can't be read. `asked`: where it is referenced. Raises TooMuchError."""
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

    def here(self) -> str:
        """See `Files`."""
        return self._files.here()


class Counted:
    """Counts the options of one text, container after container."""

    def __init__(self) -> None:
        self._all = 0

    def take(self, said: Sequence[GivenOption], place: Position) -> None:
        """Count the options of one container, which starts at that place. Raises TooMuchError."""
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
    """Raise TooMuchError if these exceed the limit per container."""
    if len(said) > OPTIONS:
        what = msg("More than {most} options for one container: leave some of them out.", most=OPTIONS)
        raise TooMuchError(place, what)


def same(path: str) -> str:
    """Normalise a path without resolving `..`, since the part before it may be a link."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def unread(path: str, asked: Position) -> Problem:
    """The problem of a file that can't be read."""
    what = msg(
        "The file {file} can't be read, so what it asks for is not known. It has to be an ordinary text file of at "
        "most 1 MB.",
        file=path,
    )
    return Problem(asked, what, unread=True)
