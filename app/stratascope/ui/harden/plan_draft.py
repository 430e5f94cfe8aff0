"""The plan of the container in view, as a person wants it. Card and column show this one, so they show one number.

No widgets. What a person switched is kept for each container until it is gone; rows stay in the order in which they
came. All judging is done by whoever plans, off the window's thread. Another container is another plan: until its own
has come there is none. A plan that is on its way is not asked for again by every reading of its container.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.message import Message, msg
from stratascope.core.relaunch.hardening_plan import Change, HardeningPlan, Wanted
from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.snapshot import ContainerState
from stratascope.ui.harden.wishes import Key, Own, Wishes
from stratascope.ui.kit.background import Failure, QueryRunner, later
from stratascope.usecases.plan.offers import LayerChange, Offer, Option, Preview
from stratascope.usecases.plan.standards import Standard
from stratascope.value import Value, replace


class Planning(Protocol):
    """Who plans: `Hardening` for what runs, `Corrections` for what a text asks for. Both calls may take a while."""

    def offer(self, state: ContainerState) -> Offer:
        """Every toggle, and the plan as suggested."""

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        """The plan, as a person wants it. Raises ToggleError for a value that can't be."""

    def standards(self, state: ContainerState) -> tuple[Standard, ...]:
        """What it takes to match each standard, in addition to the plan."""

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """What choices come to. Raises ToggleError."""


class Judged(Value):
    """A plan, and each layer before and after."""

    plan: HardeningPlan
    layers: tuple[LayerChange, ...]


PATIENCE = 150  # ms that a plan may take before it is said that it is coming
SETTLE = 200  # ms after the last switch before anything is made of the choices


def start(state: ContainerState) -> object:
    """What a plan depends on; the rest of a container's state changes every moment."""
    container = state.container
    return container.id, container.asked, container.status, container.started


def differ(before: ContainerState, now: ContainerState) -> bool:
    """Whether its plan may be another by now; mere use of memory is not such a change."""
    return before is not now and (start(before) != start(now) or before.matrix != now.matrix)


def alike(before: ContainerState, now: ContainerState) -> bool:
    """Whether rows of its plan say the same: they name the container's rights, not what it uses."""
    told = [tuple(layer.assessment for layer in each.layers) for each in (before, now)]
    return (before.container, before.matrix, told[0]) == (now.container, now.matrix, told[1])


class PlanDraft(QObject):
    """`changed`: anything of it. `offer_changed`: the Offer for the container in view, None where it is not known, and
    the keys of its options that the plan makes.
    """

    changed = Signal()
    offer_changed = Signal(object, object)

    def __init__(self, planning: Planning, queries: QueryRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._planning, self._queries = planning, queries
        self.state: ContainerState | None = None
        self.nothing: Message | None = None  # why there is no plan
        self.words = ""  # the other side's own, beside that
        self.look_only: Message | None = None  # why all can be looked at, and nothing done
        self.failure: Failure | None = None
        self.plan: HardeningPlan | None = None  # of the container in view, as a person wants it
        self.layers: tuple[LayerChange, ...] = ()  # before, and as the plan leaves them
        self.late = False  # the plan takes long to come
        self._suggested: Judged | None = None
        self._offer: Offer | None = None
        self._refused: Message | None = None
        self._wishes = Wishes()
        self._asked: ContainerState | None = None  # what is on its way is about it
        self._again = False  # it was asked for before, and failed for an older reading
        self._known: ContainerState | None = None  # what the plan is of
        self._shown: Wanted | None = None  # how it is wanted there
        self._patience = later(self, PATIENCE, self._late)

    # -- for who takes this further

    def _why_nothing(self) -> Message | None:
        """Why there can be no plan of the container in view."""
        return msg("No container is chosen.") if self.state is None else self._refused

    def _make_soon(self) -> None:
        """There is another plan, or another start of the same container."""

    def _forget_made(self) -> None:
        """What was made is of no use any more."""

    @property
    def _settled(self) -> bool:
        """Whether the plan stays as it is until its container starts anew."""
        return False

    def _outdated(self, state: ContainerState) -> bool:
        """Whether the plan has to be made again for that reading."""
        known = self._known
        return known is None or start(known) != start(state) or (differ(known, state) and not self._settled)

    # -- what there is

    @property
    def own(self) -> Own | None:
        """What the person wants of the container in view."""
        return None if self.state is None else self._wishes.of(self.state.key)

    @property
    def usable(self) -> bool:
        """Whether anything can be done with the container in view."""
        return self.plan is not None and self.nothing is None and self.look_only is None

    @property
    def coming(self) -> bool:
        """Whether nothing is known yet of the container in view, but will be: its place is kept, and empty."""
        return self.plan is None and self.nothing is None and self.state is not None

    @property
    def pending(self) -> bool:
        """Whether the plan as it is wanted now is still being judged."""
        own = self.own
        return own is not None and own.wanted != self._shown

    @property
    def choices(self) -> tuple[Choice, ...]:
        """All that is on."""
        return () if self.plan is None else self.plan.choices

    @property
    def offer(self) -> Offer | None:
        """What can be had with the container in view; None where that is not known."""
        return self._offer if self.nothing is None else None

    @property
    def suggested(self) -> HardeningPlan | None:
        """The plan of the container in view, as it is suggested."""
        return None if self._suggested is None or self.nothing is not None else self._suggested.plan

    def is_on(self, change: Change) -> bool:
        """Whether that row is switched on, also where this is not judged yet."""
        own = self.own
        return change.on if own is None else own.on.get(change.key, change.on)

    def tell_offer(self) -> None:
        """See `offer_changed`."""
        offer = self.offer
        made = {piece for choice in self.choices for piece in choice.pieces}
        toggles = {choice.toggle for choice in self.choices}
        options: Sequence[Option] = () if offer is None else offer.options
        on = (each.key for each in options if (each.choice in made if each.piece else each.toggle in toggles))
        self.offer_changed.emit(offer, frozenset(on))

    # -- what is in view

    def show_state(self, state: ContainerState | None, refused: Message | None, look_only: Message | None) -> None:
        """Another container, or the same one read anew. `refused`: nothing can be hardened here at all."""
        same = state is not None and state is self.state
        if same and refused is self._refused and look_only == self.look_only:
            return
        before, self.state = self.state, state
        unmoved = (refused, look_only, self.nothing) == (self._refused, self.look_only, None)
        self._refused, self.look_only = refused, look_only
        if before is None or state is None or before.key != state.key:
            self._empty()
            if state is not None:
                self._wishes.meet(state)
        why = self._why_nothing()
        if state is None or why is not None:
            self._drop()
            self._forget_made()
            self._hide(why)
            return
        if unmoved and before is not None and not self._outdated(state) and alike(before, state):
            return  # read anew, and nothing that is shown here is another
        hidden, self.nothing = self.nothing is not None, None
        if self._outdated(state):
            self._ask(state)
        elif hidden or before is None or start(before) != start(state):
            self._make_soon()
        self._tell()

    def _empty(self) -> None:
        """Never another container's rows."""
        self._drop()
        self._forget_made()
        self.plan = self._suggested = self._offer = self._known = self._shown = self.failure = None
        self.words, self.layers = "", ()

    def _hide(self, why: Message | None, words: str = "") -> None:
        self.nothing, self.words = why, words
        self._tell()

    def _tell(self) -> None:
        self.changed.emit()
        self.tell_offer()

    def _drop(self) -> None:
        """What is on its way is not wanted any more."""
        self._asked, self._again, self.late = None, False, False
        self._patience.stop()
        for topic in ("offer", "wanted"):
            self._queries.drop(topic)

    # -- the plan

    def _ask(self, state: ContainerState) -> None:
        asked = self._asked
        if asked is not None and asked.key == state.key and start(asked) == start(state):
            return
        self._drop()
        self._asked = state
        if self.plan is None:
            self._patience.start()
        wanted = self._wishes.of(state.key).wanted
        asking = partial(_planned, self._planning, state, wanted)
        self._queries.ask("offer", asking, partial(self._come, state, wanted), state.container.engine)

    def ask_anew(self) -> None:
        """What is known of the container in view is another by now, though it is not."""
        if self.state is not None and self.nothing is None:
            self._drop()
            self._ask(self.state)

    def _late(self) -> None:
        self.late = True
        self.changed.emit()

    def _come(
        self,
        state: ContainerState,
        wanted: Wanted | None,
        answer: tuple[Offer, Judged, Judged] | Failure,
    ) -> None:
        self._asked, self.late = None, False
        self._patience.stop()
        if self.state is None or state.key != self.state.key:
            return
        if isinstance(answer, Failure):
            if state is not self.state and not self._again:
                self._ask(self.state)  # it may be true of the older reading only
                self._again = True
            elif self.plan is None:
                self._hide(answer.message, answer.words)
            else:
                self.failure = answer
                self._tell()
            return
        self.nothing, self._known = None, state
        self._offer, self._suggested = answer[0], answer[1]
        self._take(wanted, answer[2])
        if self._outdated(self.state):
            self._ask(self.state)
        elif self.pending:
            self._ask_wanted()

    def _take(self, wanted: Wanted | None, judged: Judged) -> None:
        self._shown, self.plan, self.layers, self.failure = wanted, judged.plan, judged.layers, None
        self._make_soon()
        self._tell()

    def _ask_wanted(self) -> None:
        """The plan as it is wanted now."""
        state, own = self.state, self.own
        if state is None or own is None or self._known is None:
            return
        wanted = own.wanted
        if wanted is None and self._suggested is not None:
            self._queries.drop("wanted")
            self._take(None, self._suggested)
            return
        asking = partial(_judge, self._planning, self._known, wanted)
        self._queries.ask("wanted", asking, partial(self._judged, wanted), state.container.engine)
        self._forget_made()
        self.changed.emit()

    def _judged(self, wanted: Wanted | None, answer: Judged | Failure) -> None:
        if isinstance(answer, Failure):
            self.failure, self._shown = answer, wanted
            self.changed.emit()
        else:
            self._take(wanted, answer)

    # -- what the person does

    def switch(self, key: str, on: bool) -> None:
        """One row."""
        own = self._own_to_change()
        if own is not None:
            own.on[key] = on
            if on:
                own.failed.pop(key, None)
            else:
                self._take_from_more(own, key, None)
            self._ask_wanted()

    def switch_only(self, key: str) -> None:
        """That row on, and all others off."""
        row = self.change_of(key)
        if row is not None and self.state is not None:
            self.take_choices(self.state.key, (row.choice,))

    def set_value(self, key: str, value: str) -> None:
        """Another value of a row, which switches it on."""
        own = self._own_to_change()
        if own is not None:
            own.values[key] = value
            own.on[key] = True
            self._take_from_more(own, key, value)
            own.failed.pop(key, None)
            self._ask_wanted()

    def _take_from_more(self, own: Own, key: str, value: str | None) -> None:
        """What made this row, or gave it its value, has that value from now on, or is gone (None)."""
        row = self.change_of(key)
        for name, choice in list(own.more.items()):
            if (
                row is None
                or choice.toggle is not row.choice.toggle
                or not set(choice.pieces) <= set(row.choice.pieces)
            ):
                continue
            del own.more[name]
            if value is not None:
                new = Choice(choice.toggle, value)
                own.more[str(new)] = new
            else:
                own.values[key] = choice.value

    def add(self, choices: Sequence[Choice]) -> None:
        """Choices beside: each switches on the row that makes it, or gets one."""
        own = self._own_to_change()
        if own is None:
            return
        for choice in choices:
            row = None if self.plan is None else self.plan.row(choice)
            if row is not None and set(choice.pieces) <= set(row.choice.pieces):
                own.on[row.key] = True
                own.failed.pop(row.key, None)
            else:
                own.more[str(choice)] = choice
        self._ask_wanted()

    def change_of(self, key: str) -> Change | None:
        """The row of the plan with that key."""
        return None if self.plan is None else next((each for each in self.plan.changes if each.key == key), None)

    def row_of(self, option: str) -> Change | None:
        """The row of the plan that makes what that option of the offer does, by its key."""
        offer, plan = self.offer, self.plan
        found = None if offer is None else next((each for each in offer.options if each.key == option), None)
        return None if plan is None or found is None else plan.row(found.choice)

    def add_option(self, key: str) -> None:
        """What that option of the offer does."""
        offer = self.offer
        found = None if offer is None else next((each for each in offer.options if each.key == key), None)
        if found is not None:
            row = self.row_of(key)
            if row is not None:
                self.switch(row.key, True)
            else:
                self.add((found.choice,))

    def take_choices(self, key: Key, choices: Sequence[Choice], preset: Preset | None = None) -> None:
        """Just these for that container. `preset`: the standard that they match."""
        own = self._wishes.of(key)
        own.clear()
        own.standard, own.nothing = preset, not choices
        rows = self._suggested.plan.changes if self._suggested is not None and self._in_view(key) else ()
        pieces = {piece for choice in choices for piece in choice.pieces}
        own.on |= {row.key: bool(pieces & set(row.choice.pieces)) for row in rows}
        made = {piece for row in rows for piece in row.choice.pieces}
        own.more = {str(choice): choice for choice in choices if not set(choice.pieces) <= made}
        if self._in_view(key):
            self._ask_wanted()

    def take_standard(self, preset: Preset, choices: Sequence[Choice]) -> None:
        """The plan, and what else that standard asks for."""
        own = self._own_to_change()
        if own is not None:
            own.clear()
            own.standard = preset
            self.add(choices)
            own.standard = preset

    def carry_over(self, old: Key, new: Key) -> None:
        """A relaunch has put the new one in the place of the old one."""
        self._wishes.carry_over(old, new)

    def take_suggested(self) -> None:
        """As it is suggested, but for what broke a copy."""
        own = self._own_to_change()
        if own is not None:
            own.clear()
            self._ask_wanted()

    def take_nothing(self) -> None:
        """All off."""
        if self.state is not None:
            self.take_choices(self.state.key, ())

    def check_value(self, key: str, value: str, then: Callable[[Message | None], object]) -> None:
        """Ask whether that value can be, together with all else; `then` gets why not."""
        state, own = self._known, self.own
        if state is None or own is None:
            return
        wanted = own.wanted or Wanted()
        others = tuple(each for each in wanted.values if each[0] != key)
        asking = partial(self._planning.suggested, state, replace(wanted, values=(*others, (key, value))))

        def told(answer: HardeningPlan | Failure) -> None:
            then(answer.message if isinstance(answer, Failure) else None)

        self._queries.ask("value", asking, told, state.container.engine)

    def ask_standards(self, then: Callable[[Sequence[tuple[Standard, HardeningPlan]]], object]) -> None:
        """Ask what it takes to match each standard, and what the plan comes to with that."""
        state, suggested = self._known, self.suggested
        if state is None or suggested is None:
            return

        def told(answer: Sequence[tuple[Standard, HardeningPlan]] | Failure) -> None:
            if not isinstance(answer, Failure) and self._in_view(state.key):
                then(answer)

        asking = partial(_matched, self._planning, state, suggested)
        self._queries.ask("standards", asking, told, state.container.engine)

    def leave_out(self, key: Key, toggle: str) -> None:
        """Switch off all of one toggle for that container, which is in view."""
        if self._in_view(key) and self.plan is not None:
            for row in self.plan.changes:
                if row.on and any(choice.id == toggle for choice in row.choices):
                    self.switch(row.key, False)

    def _in_view(self, key: Key) -> bool:
        return self.state is not None and self.state.key == key

    def _own_to_change(self) -> Own | None:
        own = self.own if self.plan is not None else None
        if own is not None:
            own.standard, own.nothing = None, False
        return own


def _planned(planning: Planning, state: ContainerState, wanted: Wanted | None) -> tuple[Offer, Judged, Judged]:
    offer = planning.offer(state)
    suggested = _judge(planning, state, None, offer.plan)
    return offer, suggested, suggested if wanted is None else _judge(planning, state, wanted)


def _judge(
    planning: Planning, state: ContainerState, wanted: Wanted | None, known: HardeningPlan | None = None
) -> Judged:
    plan = known or planning.suggested(state, wanted)
    return Judged(plan, planning.preview(state, plan.choices).layers)


def _matched(
    planning: Planning, state: ContainerState, suggested: HardeningPlan
) -> tuple[tuple[Standard, HardeningPlan], ...]:
    return tuple(
        (each, planning.suggested(state, Wanted(more=each.adds)) if each.adds else suggested)
        for each in planning.standards(state)
    )
