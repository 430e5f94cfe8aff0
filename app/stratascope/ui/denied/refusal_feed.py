"""Requests explanations of the refusals of the container in view, on a background thread.

It asks when the observation has news, at most twice a second (`ui/use/observation_feed.py`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.snapshot import ContainerState
from stratascope.ui.kit.background import Failure, QueryRunner, SettingsLike
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.use.observation_feed import ObservationFeed
from stratascope.usecases.refusals.service import RefusalList
from stratascope.value import Value, replace

# Which refusals the user has marked as harmless, kept in the settings: by image, so that another image's refusal is not
# hidden by it. Digests are kept, since a refusal's key contains names and paths that a container chose.
KEPT = "denied_harmless"  # key in the settings
MOST = 500  # the oldest are dropped first
_LENGTH = 24  # hexadecimal digits of a digest


class FoldedKinds:
    """The kinds of refusals that the user folded away."""

    def __init__(self, settings: SettingsLike) -> None:
        self._settings = settings
        words = (settings.get(KEPT) or "").split()
        self._kept = dict.fromkeys(word for word in words[-MOST:] if len(word) == _LENGTH and word.isalnum())

    def has(self, image: str, key: str) -> bool:
        """Whether such a refusal is marked as harmless in containers of that image."""
        return _digest(image, key) in self._kept

    def turn(self, image: str, key: str, *, harmless: bool) -> None:
        """Mark such a refusal as harmless, or unmark it."""
        digest = _digest(image, key)
        self._kept.pop(digest, None)
        if harmless:
            self._kept[digest] = None
            while len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]
        self._settings.set(KEPT, " ".join(self._kept))


def _digest(image: str, key: str) -> str:
    return hashlib.sha256(f"{image}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


Explain = Callable[[ContainerState], RefusalList]
DAY = 24 * 3600.0  # seconds; older refusals are not shown
REMEMBERED = 50  # containers


class KnownRefusals(Value):
    """The refusals of one container in the last 24 hours. `shown`: those that may be why something fails; `harmless`:
    the others.

    `trouble`: why they could not be explained, and `words` of whoever refused.
    """

    shown: tuple[Refusal, ...] = ()
    harmless: tuple[Refusal, ...] = ()
    forgotten: int = 0
    trouble: Message | None = None
    words: str = ""

    @property
    def count(self) -> int:
        """The number of refusals that are shown, repetitions included."""
        return sum(each.count for each in self.shown)


class RefusalFeed(QObject):
    """Emits `told` when more is known of a container. `explain` returns its refusals; None: there never are any."""

    told = Signal(object)  # Key

    def __init__(
        self,
        explain: Explain | None,
        watching: ObservationFeed,
        selection: Selection,
        settings: SettingsLike,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.explain = explain
        self._watching, self._selection = watching, selection
        self._folded = FoldedKinds(settings)
        self._known: dict[Key, KnownRefusals] = {}
        self._raw: dict[Key, RefusalList] = {}
        self._in_view: Key | None = None
        self._queries = QueryRunner(self)
        watching.told.connect(self._news)
        selection.container_changed.connect(self._another)

    def of(self, state: ContainerState) -> KnownRefusals:
        """Return what is known of it so far."""
        found = self._known.get(state.key, KnownRefusals())
        after = time.time() - DAY
        if all(each.last >= after for each in (*found.shown, *found.harmless)):
            return found
        shown, harmless = (tuple(each for each in part if each.last >= after) for part in (found.shown, found.harmless))
        return replace(found, shown=shown, harmless=harmless)

    def show(self, state: ContainerState, raw: RefusalList) -> None:
        """Show the explained refusals of a container."""
        if len(self._raw) >= REMEMBERED and state.key not in self._raw:
            gone = next(iter(self._raw))
            del self._raw[gone], self._known[gone]
        self._raw[state.key] = raw
        harmless = [each.benign or self.is_folded(state, each) for each in raw.all]
        pairs = tuple(zip(raw.all, harmless, strict=True))
        shown, folded = (tuple(each for each, is_so in pairs if is_so is which) for which in (False, True))
        self._store(state.key, KnownRefusals(shown, folded, raw.forgotten))

    def turn(self, state: ContainerState, denial: Refusal, *, harmless: bool) -> None:
        """Fold such refusals away as harmless, or show them again; this is remembered."""
        self._folded.turn(state.container.image, denial.key, harmless=harmless)
        self.show(state, self._raw.get(state.key, RefusalList()))

    def is_folded(self, state: ContainerState, denial: Refusal) -> bool:
        """Whether the user has folded such refusals away."""
        return self._folded.has(state.container.image, denial.key)

    def stop(self) -> None:
        """Stop reporting."""
        self._queries.end()

    # -- internals

    def _another(self) -> None:
        state = self._selection.current
        if state is not None and state.key != self._in_view:  # not at each reading of the same container
            self._in_view = state.key
            self._ask(state)

    def _news(self, key: Key) -> None:
        state = self._selection.current
        if state is not None and state.key == key:
            self._ask(state)

    def _ask(self, state: ContainerState) -> None:
        snapshot, explain = self._selection.snapshot, self.explain
        if explain is None or snapshot is None or snapshot.demo:
            return
        known = self._watching.known(state.container)
        if known is not None and known.watched is not None:
            self._queries.ask(f"denied {state.key}", partial(explain, state), partial(self._take, state), "denied")

    def _take(self, state: ContainerState, answer: RefusalList | Failure) -> None:
        if isinstance(answer, Failure):
            found = self._known.get(state.key, KnownRefusals())
            self._store(state.key, replace(found, trouble=answer.message, words=answer.words))
        else:
            self.show(state, answer)

    def _store(self, key: Key, found: KnownRefusals) -> None:
        if found != self._known.get(key):
            self._known[key] = found
            self.told.emit(key)
