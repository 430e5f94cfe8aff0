"""How relaunches ended, by container: shown in the card below its name and as proof in the place of the layer panel,
with what was refused since.

Refusals are those of the page of refusals. The container is watched from then on if that asks nobody for a password,
else on request; what its original was refused before is left out.
"""

from __future__ import annotations

import time
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from stratascope.core.layer import Layer
from stratascope.core.message import age, became, msg
from stratascope.core.refusals.refusal import Refusal
from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.relaunch.transaction import PlainOutcome, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.i18n.translate import translate
from stratascope.presentation.exposure import number_text
from stratascope.presentation.refusals_report import whole
from stratascope.ui.denied.refusal_feed import RefusalFeed
from stratascope.ui.kit.selection import Key, Selection
from stratascope.ui.relaunch.result import Result, ResultText, result_text
from stratascope.ui.relaunch.result_card import RefusedList, RefusedRow, ResultCard
from stratascope.ui.use.observation_feed import ObservationFeed
from stratascope.usecases.hardening import Hardening
from stratascope.value import replace


class Place(Protocol):
    """Where a result is shown: the header of a page."""

    result: ResultCard

    def show_result(self, text: ResultText | None, refused: RefusedList | None) -> None:
        """Show it; None: there is none for the container in view."""


class Results(QObject):
    """`proof_wanted`: show what was read back, a Result, or None where there is none, and whether the person asked for
    it. `undo_wanted`: a Transaction.
    `without_wanted`: a container's key and the toggle to try without. `find_wanted`, `details_wanted`: of the last
    relaunch. `allow_wanted`: a state and Choices. `denied_wanted`: all refusals. `tested`: a Transaction of which the
    person said that it works.
    """

    proof_wanted = Signal(object, bool)
    undo_wanted = Signal(object)
    without_wanted = Signal(object, str)
    find_wanted = Signal()
    details_wanted = Signal()
    allow_wanted = Signal(object, object)
    denied_wanted = Signal()
    tested = Signal(object)

    def __init__(
        self,
        layers: tuple[Layer, ...],
        hardening: Hardening,
        selection: Selection,
        refused: RefusalFeed,
        watching: ObservationFeed,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._hardening, self._selection = hardening, selection
        self._refused, self._watching = refused, watching
        self._numbers = {layer.id: layer.number for layer in layers}
        self._results: dict[Key, Result] = {}
        self._first: dict[tuple[str, str], Matrix | None] = {}  # exposures of first originals, by engine and name
        self._alive_since: dict[Key, float] = {}
        self._asked: set[Key] = set()  # that were begun to be watched here
        self._costs: dict[tuple[Key, tuple[Choice, ...]], tuple[object, str]] = {}
        self._shown: list[Place] = []
        self._proof_at: Key | None = None  # whose proof was shown by itself
        selection.container_changed.connect(self._show)
        refused.told.connect(self._news)
        watching.told.connect(self._news)

    def join(self, place: Place) -> None:
        """Show results there."""
        self._shown.append(place)
        card = place.result
        card.go_wanted.connect(self._go)
        card.more_wanted.connect(self._more)
        card.dismissed.connect(self._dismiss)
        card.proof_wanted.connect(self.ask_proof)
        card.refused.allowed.connect(self._allow)
        card.refused.all_wanted.connect(self.denied_wanted)
        card.refused.watch_wanted.connect(self._watch)

    def ask_proof(self) -> None:
        """Show what was read back of the container in view."""
        self.proof_wanted.emit(self.current, True)

    @property
    def current(self) -> Result | None:
        """That of the container in view."""
        key = self._selection.key
        return None if key is None else self._results.get(key)

    def of(self, key: Key) -> Result | None:
        """That of a container."""
        return self._results.get(key)

    def put(self, result: Result) -> None:
        """A run has ended; earlier ones of the same container are over."""
        made, of = result.ended.transaction, _of(result)
        for key in [key for key, each in self._results.items() if _of(each) == of]:
            del self._results[key]
        first = self._first.get(of)
        if result.proven and first is not None and made is not None and made.kept is not None:
            result = replace(result, was=first)  # the way back leads to the first
        elif result.proven:
            self._first[of] = result.was
        self._results[result.key] = result
        self._proof_at = None
        self._show()

    def drop(self, done: Transaction) -> None:
        """What it set aside is gone, so there is no way back to tell of."""
        for key, result in tuple(self._results.items()):
            made = result.ended.transaction
            if made is not None and made.id == done.id:
                del self._results[key]
        self._show()

    # -- what the person does

    def keep(self) -> bool:
        """Press the main button of a card that stays until then; False if there is none."""
        result = self.current
        if result is None or result.kept or result.outcome is PlainOutcome.ROLLED_BACK:
            return False
        self._go()
        return True

    def _dismiss(self) -> None:
        if self._selection.key in self._results:
            del self._results[self._selection.key]
            self._show()

    def _put_back(self, result: Result) -> None:
        self._results[result.key] = result
        self._show()

    def _go(self) -> None:
        result = self.current
        if result is None:
            return
        if result.outcome is PlainOutcome.ROLLED_BACK:
            if result.ended.suspects:
                del self._results[result.key]
                self._show()
                self.without_wanted.emit(result.key, result.ended.suspects[0])
            else:
                self.find_wanted.emit()
        elif not result.kind.onward:
            del self._results[result.key]
            self._show()
        elif result.outcome is PlainOutcome.NOT_TESTED:
            self._put_back(replace(result, said_at=time.time()))
            if result.ended.transaction is not None:
                self.tested.emit(result.ended.transaction)
        else:
            self._put_back(replace(result, kept=True))

    def _more(self) -> None:
        result = self.current
        if result is not None and result.outcome is PlainOutcome.ROLLED_BACK:
            self.details_wanted.emit()
        elif result is not None and result.ended.transaction is not None:
            self.undo_wanted.emit(result.ended.transaction)

    def _watch(self) -> None:
        state = self._selection.current
        if state is not None:
            self._asked.add(state.key)
            self._watching.begin(state)

    def _allow(self, key: str) -> None:
        state, result = self._selection.current, self.current
        found = next((each for each in self._since(state, result) if each.key == key), None)
        if state is not None and found is not None and (choices := _choices(found)):
            self.allow_wanted.emit(state, choices)

    # -- what is shown

    def _news(self, key: Key) -> None:
        if key == self._selection.key and key in self._results:
            self._show()

    def _show(self) -> None:
        state, result = self._selection.current, self.current
        text, refused = None, None
        if state is not None and result is not None:
            seen = self._watching.able or bool(self._since(state, result))
            refused = self._refused_since(state, result) if result.watched and seen else None
            quiet = bool(self._alive_since.get(state.key)) and not self._since(state, result)
            text = result_text(result, state.matrix, quiet=quiet)
        for place in self._shown:
            place.show_result(text, refused)
        if result is None or not result.proven:
            self.proof_wanted.emit(None, False)
        elif self._proof_at != result.key and state is not None and state.matrix is not None:
            self._proof_at = result.key
            self.proof_wanted.emit(result, False)

    def _refused_since(self, state: ContainerState, result: Result) -> RefusedList:
        known = self._watching.known(state.container)
        alive, busy = known is not None and known.alive, self._watching.busy(state.key)
        snapshot = self._selection.snapshot
        nobody = snapshot is not None and snapshot.privilege.asks_nobody
        if alive:
            self._alive_since.setdefault(state.key, time.monotonic())
        elif nobody and not busy and state.key not in self._asked and state.container.pid is not None:
            self._watch()
            busy = True
        found = self._since(state, result)
        trouble = "" if known is None or known.trouble is None else plain(translate(known.trouble), 300)
        began = self._alive_since.get(state.key)
        return RefusedList(
            tuple(self._row(state, each) for each in found),
            sum(each.count for each in found),
            translate(age(time.monotonic() - began)) if alive and began is not None else "",
            trouble,
            ask=not alive and not busy,
        )

    def _since(self, state: ContainerState | None, result: Result | None) -> tuple[Refusal, ...]:
        """What it was refused since, and its original was not, the newest first."""
        if state is None or result is None:
            return ()
        before = set() if result.before is None else {each.key for each in self._refused.of(result.before).shown}
        found = (each for each in self._refused.of(state).shown if each.last >= result.at and each.key not in before)
        return tuple(sorted(found, key=lambda each: -each.last))

    def _row(self, state: ContainerState, each: Refusal) -> RefusedRow:
        choices = _choices(each)
        return RefusedRow(
            each.key,
            time.strftime("%H:%M:%S", time.localtime(each.last)),
            plain(each.process, 40),
            plain(translate(each.did), 200),
            self._numbers.get(each.claim.layer, 0),
            self._cost(state, choices) if choices else "",
            bool(choices),
            whole(each),
        )

    def _cost(self, state: ContainerState, choices: tuple[Choice, ...]) -> str:
        """What the number is now, and with that allowed."""
        kept = self._costs.get((state.key, choices))
        if kept is not None and kept[0] is state.matrix:
            return kept[1]
        try:
            found = self._hardening.preview(state, choices)
        except ToggleError as error:
            told = translate(error.message)
        else:
            now, then = number_text(found.before), number_text(found.after)
            told = translate(msg("stays {number}", number=now) if now == then
                             else became(now, then))  # fmt: skip
        self._costs[state.key, choices] = state.matrix, told
        return told


def _choices(refusal: Refusal) -> tuple[Choice, ...]:
    """Those of the remedy that opens least."""
    return next((each.choices for each in refusal.remedies if each.choices), ())


def _of(result: Result) -> tuple[str, str]:
    """The engine and the name of the container."""
    made = result.ended.transaction
    return result.key[
        0
    ], made.name if made is not None else "" if result.before is None else result.before.container.name
