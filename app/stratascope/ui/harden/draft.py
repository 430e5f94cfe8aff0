"""What shall be asked for of the container in view: its toggles as they are switched on, and what they come to.

No widgets. What is switched on is kept for each container, as the person left it; what was refused to it is a switch
too, which gives one thing and hardens nothing. A preview is worked out here at once, since that is pure and quick. What
can be had (the offer) and the hint come a moment later, since both may ask the engine. An offer may take longer than
the next reading of its container: one that is on its way is not asked for again, or it would never come. What is made
of the choices (a plan, a corrected text) is for who takes this further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.toggle import Choice, Preset, Toggle, ToggleError, Unit
from stratascope.core.relaunch.transaction import Remedy
from stratascope.core.snapshot import ContainerState
from stratascope.layers.toggles import choice_of
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.usecases.plan.offers import Asking, Hint, Offer, Option, Preview
from stratascope.value import Struct, field, replace

REMEMBERED = 200  # containers


class ContainerChoices(Struct):
    """For one container. `values`: set by hand, also of what is off now. `offered`: all that is on is what was offered
    first, and nobody asked for it.
    """

    preset: Preset | None = Preset.RECOMMENDED
    on: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    remedies: frozenset[Remedy] = frozenset()
    begun: bool = False
    offered: bool = False

    def drop_offered(self) -> None:
        """What nobody asked for: who gives back what was refused wants just that."""
        if self.offered:
            self.on = {}

    def take(self, preset: Preset, offer: Offer) -> None:
        """All that the preset chooses, and nothing else."""
        self.preset, self.begun, self.offered = preset, True, False
        chosen = {choice.id: choice.value for choice in offer.of(preset)}
        self.on = {option.key: value for option in offer.options if (value := _value(option, chosen)) is not None}

    def put(self, choices: Iterable[Choice]) -> None:
        """Just these, as the person's own choice."""
        self.preset, self.begun, self.offered, self.on = None, True, False, {}
        for choice in choices:
            if choice.toggle.single is None:
                self.on[choice.id] = self.values[choice.id] = choice.value
            else:
                self.on.update((str(piece), piece.value) for piece in choice.pieces)

    def switch(self, name: str, value: str | None) -> None:
        """One toggle on with that value, or off (None): from now on it is the person's own choice."""
        self.preset, self.offered = None, False
        if value is None:
            self.on.pop(name, None)
        else:
            self.on[name] = value

    def leave_out(self, which: str) -> None:
        """Off with all that is on of one toggle."""
        for name in [name for name in self.on if name.partition("=")[0] == which]:
            self.switch(name, None)

    def copy(self) -> ContainerChoices:
        """The same, to be gone back to."""
        return replace(self, on=dict(self.on), values=dict(self.values))

    def choices(self, options: Iterable[Option]) -> tuple[Choice, ...]:
        """What is on, in the order of the options; what is on of the same toggle in one."""
        values: dict[Toggle, list[str]] = {}
        for option in options:
            if option.key in self.on:
                values.setdefault(option.toggle, []).append(self.on[option.key])
        return tuple(Choice(which, ",".join(found)) for which, found in values.items())


def _value(option: Option, chosen: dict[str, str]) -> str | None:
    """What that one is set to by these choices; None: it is off."""
    value = chosen.get(option.toggle.id)
    if value is not None and option.piece:
        return option.value if option.value in value.split(",") else None
    return value


class ChoiceMemory:
    """The last so many containers' choices."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], ContainerChoices] = {}

    def of(self, key: tuple[str, str]) -> ContainerChoices:
        """Of that container; begun anew where it is not remembered."""
        found = self._kept.get(key)
        if found is None:
            while len(self._kept) >= REMEMBERED:
                del self._kept[next(iter(self._kept))]
            found = self._kept[key] = ContainerChoices()
        return found

    def put_back(self, key: tuple[str, str], choices: ContainerChoices) -> None:
        """As they were before."""
        self._kept[key] = choices


RemedyChoice = tuple[Choice, Asking]
Key = tuple[str, str]


class RemedyMemory:
    """The last so many containers' refusals, each by what would allow it."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[RemedyChoice, ...]] = {}

    def put(self, key: Key, asked: tuple[RemedyChoice, ...], chosen: ContainerChoices) -> bool:
        """What is asked for by now; what is switched on stays. Whether anything is worth telling."""
        before, there = self._kept.get(key, ()), {str(choice) for choice, _ in asked}
        on = (each for each in before if str(each[0]) in chosen.on)
        asked += tuple(each for each in on if str(each[0]) not in there)
        if asked == before:
            return False
        if key not in self._kept and len(self._kept) >= REMEMBERED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = asked
        return True

    def with_asked(self, offer: Offer, key: Key) -> Offer:
        """The offer, and below it what that container asks for."""
        return replace(offer, options=(*offer.options, *(_option(*each) for each in self._kept.get(key, ()))))


def make_room(chosen: ContainerChoices, name: str, options: Mapping[str, Option]) -> None:
    """What hardens and what gives are not set by one toggle together; of what gives, lists only are joined."""
    one = options[name]
    for other in options.values():
        if other.key == name or other.toggle.id != one.toggle.id or other.key not in chosen.on:
            continue
        giving = (one.asking is not None) + (other.asking is not None)
        if giving == 1 or (giving == 2 and one.toggle.unit not in (Unit.CAPABILITIES, Unit.PATHS)):
            chosen.switch(other.key, None)


def _option(choice: Choice, asking: Asking) -> Option:
    return Option(choice.toggle, choice.value, False, None, 0, (), (), piece=True, asking=asking)


PATIENCE = 150  # ms that an offer may take before the column says that it is coming
_TOPIC = "offer"


class Offering(Protocol):
    """Who knows what can be had: `Hardening` of what runs, `Corrections` of what a text asks for."""

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle and preset; may take a while."""

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """What the choices come to; quick. Raises ToggleError."""

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """What would help most beside the choices."""


class OfferQuery(QObject):
    """`arrived` has the state that was asked about, and its Offer or a Failure; `late`: it is not there yet."""

    arrived = Signal(object, object)
    late = Signal()

    def __init__(self, offering: Offering, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._offering, self._queries = offering, queries
        self._asked: ContainerState | None = None  # what is on its way is about it
        self._patience = later(self, PATIENCE, self.late)

    def ask(self, state: ContainerState, *, waited_for: bool) -> None:
        """`waited_for`: nothing is known of that container yet."""
        asked = self._asked
        if asked is not None and asked.key == state.key and start(asked) == start(state):
            return
        self.drop()
        self._asked = state
        if waited_for:
            self._patience.start()
        engine = state.container.engine
        self._queries.ask(_TOPIC, partial(self._offering.offer, state), partial(self._come, state), engine)

    def drop(self) -> None:
        """What is on its way is not wanted any more."""
        self._asked = None
        self._patience.stop()
        self._queries.drop(_TOPIC)

    def _come(self, state: ContainerState, answer: Offer | Failure) -> None:
        self._asked = None
        self._patience.stop()
        self.arrived.emit(state, answer)


def differ(before: ContainerState, now: ContainerState) -> bool:
    """Whether what can be had may be another by now; mere use of memory is not such a change."""
    return before is not now and (start(before) != start(now) or before.matrix != now.matrix)


def start(state: ContainerState) -> object:
    """What a plan depends on; the rest of a container's state changes every moment."""
    container = state.container
    return container.id, container.asked, container.status, container.started


SETTLE = 200  # ms after the last switch before anything is made of the choices


class Draft(QObject):
    """`offered`: an Offer has come, and whether it is another container's than the last. `reckoned`: other choices, or
    another preview of them. `changed`: anything of the rest. `offer_changed`: what of it others show, the Offer for the
    container in view, None where it is not known, and the keys that are switched on.
    """

    offered = Signal(object, bool)
    reckoned = Signal()
    changed = Signal()
    offer_changed = Signal(object, object)

    def __init__(self, offering: Offering, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._offering, self._queries = offering, queries
        self.state: ContainerState | None = None
        self.nothing: Message | None = None  # why nothing of it can be switched
        self.words = ""  # the other side's own, beside that
        self.look_only: Message | None = None  # why all can be looked at, and nothing done
        self.options: dict[str, Option] = {}
        self.preview: Preview | None = None
        self.failure: Failure | None = None
        self.hint: Hint | None = None
        self.memory = ChoiceMemory()
        self._offer: Offer | None = None
        self._offered_to: ContainerState | None = None  # whose offer it is
        self._refused: Message | None = None
        self._asked = RemedyMemory()
        self._allowing: tuple[tuple[str, str], tuple[str, ...]] | None = None  # to be switched on once it is offered
        self.changed.connect(self.tell_offer)
        self._offers = OfferQuery(offering, queries, self)
        self._offers.arrived.connect(self._offer_come)
        self._offers.late.connect(self._offer_late)

    # -- what is made of the choices: for who takes this further

    def _why_nothing(self) -> Message | None:
        """Why nothing of the container in view can be switched."""
        return msg("Choose a container.") if self.state is None else self._refused

    def _make_soon(self) -> None:
        """There are other choices, or another start of the same container."""

    def _forget_made(self) -> None:
        """What was made is of no use any more."""

    @property
    def offered_key(self) -> tuple[str, str] | None:
        """Whose toggles are known; None before the first offer has come."""
        return None if self._offered_to is None else self._offered_to.key

    @property
    def ours(self) -> bool:
        """Whether these are the toggles of the container in view, not yet of the one before."""
        return self.state is not None and self.state.key == self.offered_key

    @property
    def usable(self) -> bool:
        """Whether anything can be done with the container in view."""
        return self.ours and self.nothing is None and self.look_only is None

    @property
    def offer(self) -> Offer | None:
        """What can be had with the container in view; None where that is not known."""
        return self._offer if self.ours and self.nothing is None else None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What is switched on, in the order of the options."""
        return () if self.state is None else self.memory.of(self.state.key).choices(self.options.values())

    @property
    def chosen(self) -> ContainerChoices | None:
        """The same with preset and values; None as long as the toggles are another container's."""
        return self.memory.of(self.state.key) if self.state is not None and self.ours else None

    def tell_offer(self) -> None:
        """See `offer_changed`."""
        chosen = self.chosen
        self.offer_changed.emit(self.offer, frozenset(() if chosen is None else chosen.on))

    # -- what is in view

    def show_state(self, state: ContainerState | None, refused: Message | None, look_only: Message | None) -> None:
        """Another container, or the same one read anew. `refused`: nothing can be hardened here at all."""
        if state is not None and state is self.state and refused is self._refused:
            return
        same = look_only is self.look_only and self.preview is not None and self.nothing is None
        before, self.state, self._refused, self.look_only = self.state, state, refused, look_only
        known, why = self._offered_to, self._why_nothing()
        if why is not None or state is None:
            self._offers.drop()
            self._forget_made()
            self._hide(why)
        elif known is not None and self.ours and not differ(known, state):
            self._offers.drop()  # of a container that was passed through on the way back to this one
            if not same or before is None or differ(before, state):
                self._show_toggles(before, state)
        else:
            if not self.ours:
                self.failure = None
                self._forget_made()
                self._forget_hint()
            self._offers.ask(state, waited_for=not self.ours)
            self.changed.emit()

    def _hide(self, why: Message | None, words: str = "") -> None:
        self.nothing, self.words = why, words
        self._forget_hint()
        self.changed.emit()

    def _show_toggles(self, before: ContainerState | None, state: ContainerState) -> None:
        """The offer is that of `state`; asks for what depends on its start, where that is another than `before`."""
        hidden, self.nothing = self.nothing is not None, None  # while it was hidden, what was made was forgotten
        another = before is None or before.key != state.key or start(state) != start(before)
        self._recompute(ask=another or hidden)

    # -- the offer

    def _offer_late(self) -> None:
        self._hide(msg("Checking what can be hardened…"))

    def _offer_come(self, state: ContainerState, answer: Offer | Failure) -> None:
        """What can be had with that container; another may be shown by now."""
        if self.state is None or state.key != self.state.key:
            return
        if isinstance(answer, Failure):
            self._offered_to = None
            self._hide(answer.message, answer.words)
            return
        before, self._offered_to, self._offer = self._offered_to, state, answer
        chosen = self.memory.of(state.key)
        if not chosen.begun:
            chosen.take(Preset.RECOMMENDED, answer)
            chosen.offered = True
        self._tell_offer(answer, state, another=before is None or before.key != state.key)
        self._show_toggles(before, state)
        self._ask_hint()
        if differ(state, self.state):
            self._offers.ask(self.state, waited_for=False)

    def _tell_offer(self, offer: Offer, state: ContainerState, *, another: bool) -> None:
        """With what it asks for."""
        offer = self._asked.with_asked(offer, state.key)
        self.options = {option.key: option for option in offer.options}
        if self._allowing is not None and self._allowing[0] == state.key:
            names, self._allowing = self._allowing[1], None
            for name in names:
                self._turn(name, on=True)
        self.offered.emit(offer, another)

    def show_asked(self, key: tuple[str, str], asked: tuple[RemedyChoice, ...]) -> None:
        """What would give that container what it was refused."""
        told = self._asked.put(key, asked, self.memory.of(key))
        if told and self.state is not None and self.state.key == key and self._offer is not None and self.ours:
            self._tell_offer(self._offer, self.state, another=False)
            self.reckoned.emit()

    # -- what the person does

    def allow(self, key: tuple[str, str], choices: Sequence[Choice]) -> None:
        """Switch on what would give what was refused, beside all else."""
        names = tuple(map(str, choices))
        if self.state is not None and self.state.key == key == self.offered_key:
            turned = [self._turn(name, on=True) for name in names]
            if any(turned):
                self._recompute()
        else:
            self._allowing = key, names

    def switch(self, name: str, on: bool) -> None:
        """One toggle."""
        if self._turn(name, on=on):
            self._recompute()

    def _turn(self, name: str, *, on: bool) -> bool:
        chosen = self.chosen
        if chosen is None or name not in self.options:
            return False
        if on:
            make_room(chosen, name, self.options)
        value = chosen.values.get(name, self.options[name].value)
        if on and self.options[name].asking is not None:
            chosen.drop_offered()
        chosen.switch(name, value if on else None)
        for other, its_value in self.options[name].toggle.brings if on else ():
            with_it = self.options.get(other)
            if with_it is not None and not with_it.already and with_it.why_not is None:
                chosen.switch(other, its_value)
        return True

    def leave_out(self, key: tuple[str, str], name: str) -> None:
        """Switch one toggle off for that container, whichever is in view."""
        self.memory.of(key).leave_out(name)
        if self.state is not None and self.state.key == key == self.offered_key:
            self._recompute()

    def set_value(self, name: str, value: str) -> None:
        """Another value, which was checked; switches the toggle on."""
        chosen = self.chosen
        if chosen is not None and name in self.options:
            make_room(chosen, name, self.options)
            chosen.values[name] = value
            chosen.switch(name, value)
            self._recompute()

    def why_not(self, name: str, value: str) -> Message | None:
        """Why this value can't be, together with all else that is switched on."""
        if self.state is None:
            return None
        others = [choice for choice in self.choices if choice.id != name]
        try:
            self._offering.preview(self.state, (*others, choice_of(name, value)))
        except ToggleError as error:
            return error.message
        return None

    def take_preset(self, preset: Preset | None) -> None:
        """All that it chooses; None: the person's own choice, as it is."""
        chosen = self.chosen
        if chosen is None or self._offer is None:
            return
        if preset is None:
            chosen.preset = None
        else:
            chosen.take(preset, self._offer)
        self._recompute()

    def take_choices(self, key: tuple[str, str], choices: tuple[Choice, ...]) -> None:
        """Just these for that container, also where its toggles are not known yet."""
        self.memory.of(key).put(choices)
        if self.state is not None and self.state.key == key == self.offered_key:
            self._recompute()

    def as_it_is(self) -> tuple[tuple[str, str], ContainerChoices] | None:
        """What is switched on for the container in view now, to be put back."""
        return None if self.state is None else (self.state.key, self.memory.of(self.state.key).copy())

    def put_back(self, key: tuple[str, str], choices: ContainerChoices) -> None:
        """What was switched on for that container before."""
        self.memory.put_back(key, choices)
        if self.state is not None and self.state.key == key == self.offered_key:
            self._recompute()

    # -- what it comes to

    def _recompute(self, *, ask: bool = True) -> None:
        if self.state is None:
            return
        healed = self.preview is None
        try:
            self.preview = self._offering.preview(self.state, self.choices)
        except ToggleError as error:
            self.preview = None
            self.failure = Failure(error)
            self._forget_made()
            self._ask_hint()
        else:
            if ask or healed:
                self.failure = None
                self._make_soon()
                self._ask_hint()
        self.reckoned.emit()
        self.changed.emit()

    def _forget_hint(self) -> None:
        self._queries.drop("hint")
        self.hint = None

    def _ask_hint(self) -> None:
        self._forget_hint()
        state, offer = self.state, self._offer
        if state is not None and offer is not None and self.preview is not None and not self.preview.live:
            asking = partial(self._offering.hint, state, self.choices, offer)
            self._queries.ask("hint", asking, self._hinted, state.container.engine)

    def _hinted(self, answer: Hint | Failure | None) -> None:
        self.hint = answer if self.nothing is None and not isinstance(answer, Failure) else None
        self.changed.emit()
