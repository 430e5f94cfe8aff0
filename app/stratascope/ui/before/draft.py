"""What is switched on for each service of a text, and the text with all of it written in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice
from stratascope.core.snapshot import ContainerState
from stratascope.ui.harden.draft import SETTLE, ChoiceMemory, Draft, Offering
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.usecases.plan.offers import Offer, Option

if TYPE_CHECKING:
    from stratascope.usecases.check.corrections import Corrected, Judged

Key = tuple[str, str]


class Before(Offering, Protocol):
    """What judges a text and corrects it; on any thread. Raises ProbeError, OSError.

    `machines`: for which it can be judged, "" for this one; `machine`: for which it is.
    """

    machines: tuple[str, ...]
    machine: str

    def choose(self, machine: str) -> None:
        """Judge for that one from now on."""

    def check(self, text: str, file: str) -> Judged:
        """What would stand of each container."""

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        """The text with the choices of its containers, by their ids."""


class FileDraft(Draft):
    """`copied` has what was asked for by `ask_copy`, a Corrected or a Failure."""

    copied = Signal(object)

    def __init__(self, before: Before, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(before, queries, parent)
        self._before = before
        self.made: Corrected | None = None
        self._text, self._file = "", ""
        self._there: frozenset[Key] = frozenset()
        self._options: dict[Key, tuple[Option, ...]] = {}
        self._timer = later(self, SETTLE, self._ask_made)
        self.offered.connect(self._keep_options)

    def show_text(self, text: str, file: str, there: frozenset[Key]) -> None:
        """It was judged, and asks for these containers; what is shown next is of it."""
        self._there = there
        if (text, file) != (self._text, self._file):
            self._text, self._file = text, file
            self._make_soon()

    @property
    def file(self) -> str:
        """The name of what was judged; a word where it is no file's."""
        return self._file

    def forget(self) -> None:
        """Another text: what was chosen for services that happen to be called alike was not meant for it."""
        self.memory, self._options = ChoiceMemory(), {}
        self._offered_to, self.state = None, None
        self._forget_made()

    @property
    def all_choices(self) -> dict[str, tuple[Choice, ...]]:
        """What is switched on of each service that was looked at, by its id."""
        known = {key: options for key, options in self._options.items() if key in self._there}
        found = {key[1]: self.memory.of(key).choices(options) for key, options in known.items()}
        return {name: choices for name, choices in found.items() if choices}

    def ask_copy(self, text: str) -> None:
        """The text as it is now with all that is switched on."""
        asking = partial(self._before.corrected, text, self._file, self.all_choices)
        self._queries.ask("copy", asking, self.copied.emit)

    def _why_nothing(self) -> Message | None:
        if self.state is None:
            return msg("Paste or drop what asks for containers.")
        if self.state.matrix is None:
            return msg("It would run on a kernel of its own, of which nothing is known here.")
        return self._refused

    def _make_soon(self) -> None:
        if self._text:
            self._timer.start()

    def _forget_made(self) -> None:
        self._timer.stop()
        self._queries.drop("made")
        self.made = None

    def _ask_made(self) -> None:
        asking = partial(self._before.corrected, self._text, self._file, self.all_choices)
        self._queries.ask("made", asking, self._take_made)

    def _take_made(self, answer: Corrected | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure, self.made = answer, None
        else:
            self.made = answer
        self.changed.emit()

    def _keep_options(self, offer: Offer, another: bool) -> None:
        state: ContainerState | None = self.state
        if state is not None:
            self._options[state.key] = offer.options
