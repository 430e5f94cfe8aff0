"""What a person wants of a container's plan, and what copies of it have shown; kept while the window is open. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.hardening_plan import Change, Wanted
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.tighten.tighten import Tightened
from stratascope.usecases.trial.strategy import TrialDone
from stratascope.value import Struct, field

REMEMBERED = 200  # containers
Key = tuple[str, str]


class Worked(Struct):
    """A copy with these choices of a plan worked. `done`: with the values that were tried; `compared`: whether anything
    that it does was compared.
    """

    choices: frozenset[Choice]
    done: tuple[Choice, ...]
    compared: bool
    seconds: float | None = None  # from stop to up again, as the copy took


class Own(Struct):
    """What a person wants of one container's plan, by the keys of its rows. `more`: choices that no row made, by their
    text; `failed`: rows that a copy broke with, and why; `no_copy`: why there can be none.
    """

    on: dict[str, bool] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    more: dict[str, Choice] = field(default_factory=dict)
    standard: Preset | None = None
    nothing: bool = False  # all was switched off at once
    remedies: frozenset[Remedy] = frozenset()
    failed: dict[str, Message] = field(default_factory=dict)
    worked: Worked | None = None
    no_copy: Message | None = None

    @property
    def wanted(self) -> Wanted | None:
        """None: the plan as it is suggested."""
        if not self.on and not self.values and not self.more:
            return None
        return Wanted(tuple(self.on.items()), tuple(self.values.items()), tuple(self.more.values()))

    def clear(self) -> None:
        """As it is suggested, but for what broke a copy."""
        self.on = dict.fromkeys(self.failed, False)
        self.values, self.more, self.standard, self.nothing = {}, {}, None, False


class Wishes:
    """The last so many containers. What a copy broke with holds for whatever has that name and image on that engine:
    a container that is created anew has another id.
    """

    def __init__(self) -> None:
        self._kept: dict[Key, Own] = {}
        self._failed: dict[tuple[str, str, str], dict[str, Message]] = {}

    def of(self, key: Key) -> Own:
        """What is wanted of that container."""
        found = self._kept.get(key)
        if found is None:
            _make_room(self._kept)
            found = self._kept[key] = Own()
        return found

    def clear(self) -> None:
        """Nothing is wanted any more."""
        self._kept.clear()
        self._failed.clear()

    def carry_over(self, old: Key, new: Key) -> None:
        """The new one replaces the old one, and matches the same standard."""
        self.of(new).standard = self.of(old).standard

    def meet(self, state: ContainerState) -> None:
        """That container is in view."""
        container = state.container
        like = container.engine, container.name, container.image
        own = self.of(state.key)
        known = self._failed.get(like)
        if known is None:
            _make_room(self._failed)
            self._failed[like] = own.failed
        elif known is not own.failed:
            own.on = {**dict.fromkeys(known, False), **own.on}
            known.update(own.failed)
            own.failed = known


def _make_room(kept: dict[Any, Any]) -> None:
    while len(kept) >= REMEMBERED:
        del kept[next(iter(kept))]


def learn(
    own: Own,
    asked: tuple[Choice, ...],
    done: Tightened,
    trials: Sequence[TrialDone],
    rows: Sequence[Change],
) -> None:
    """Which rows work. A value that had to be loosened is the row's value from now on."""
    derived, works = ({each.id: each for each in some} for some in (done.derived.choices, done.choices))
    works_of = {each: works.get(each.id) for each in asked}
    expected = set[Choice]()
    for choice, found in works_of.items():
        if found is None:
            _mark(own, choice.pieces, trials, rows)
        elif found == derived.get(choice.id, choice):
            expected.add(choice)
        else:
            expected.add(found)
            _loosen(own, choice, found, trials, rows)
    last = done.tried
    pace = None if last is None else last.pace
    seconds = None if pace is None else pace.stop + pace.up
    compared = last is not None and bool(last.compared)
    own.worked = Worked(frozenset(expected), done.choices, compared, seconds) if expected else None


def _mark(own: Own, pieces: Sequence[Choice], trials: Sequence[TrialDone], rows: Sequence[Change]) -> None:
    for row in rows:
        if row.on and not set(row.choice.pieces).isdisjoint(pieces):
            own.on[row.key], own.failed[row.key] = False, why_failed(row.choice, trials)


def _loosen(own: Own, choice: Choice, found: Choice, trials: Sequence[TrialDone], rows: Sequence[Change]) -> None:
    gone = [piece for piece in choice.pieces if piece not in found.pieces]
    if choice.toggle.single is not None:
        _mark(own, gone, trials, rows)
        return
    for row in rows:
        if row.on and row.choice.toggle is choice.toggle:
            own.values[row.key] = found.value


def why_failed(choice: Choice, trials: Sequence[TrialDone]) -> Message:
    """What a copy was refused with it, else why it broke."""
    for done in reversed(trials):
        tried = done.tried
        for refusal in tried.refusals:
            if refusal.loosening is not None and refusal.loosening.toggle == choice.id:
                return refusal.text
        if tried.why is not None and any(each.id == choice.id for each in tried.choices):
            return tried.why
    return msg("The copy broke with it.")
