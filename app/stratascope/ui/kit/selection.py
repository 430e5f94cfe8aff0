"""What the window looks at: the newest snapshot, the container in view, its open layer, what is supposed, the filter.

Every pane listens to these signals and reads the rest from here; none of them knows another one, or the window.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from stratascope.core.container import Container, Engine
from stratascope.core.relaunch.launch_spec import is_mark
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot
from stratascope.presentation.takeover import runs
from stratascope.presentation.what_if import WhatIf

Key = tuple[str, str]  # of a container: engine and id
ARRIVING = 3.0  # seconds from the first snapshot on, in which engines answer one after the other
FIRST_LAYER = 3  # open at the start


class Selection(QObject):
    """`show_snapshot` gives it a newer picture; the rest is the person's doing."""

    arrived = Signal(object)  # Snapshot, for the list: what it calls current while its rows come and go is no choice
    snapshot_changed = Signal(object)  # Snapshot, when it is settled which container is in view
    container_changed = Signal()  # another container, the same one read anew, or none any more
    chosen = Signal(object)  # Key of another container
    front_wanted = Signal()  # in one column: the container before the list
    layer_opened = Signal(int)
    supposed = Signal()  # other layers are taken away in thought
    filter_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.snapshot: Snapshot | None = None
        self.layer = FIRST_LAYER
        self.what_if = WhatIf()
        self.filter = ""
        self.listed: Callable[[], Sequence[Key]] = lambda: tuple(self._states)  # in whose order, the list says
        self._states: dict[Key, ContainerState] = {}
        self._key: Key | None = None
        self._name = ""  # under which it came into view
        self._placed: Key | None = None  # put into view by us
        self._placing = False
        self._lost: Container | None = None  # was in view when it went, and nobody has chosen another one since
        self._shown_at: float | None = None

    # -- what is in view

    @property
    def key(self) -> Key | None:
        """Of the container in view."""
        return self._key

    @property
    def current(self) -> ContainerState | None:
        """The container in view."""
        return self._states.get(self._key) if self._key is not None else None

    @property
    def judged(self) -> ContainerState | None:
        """The same as its layers and threats are told: as it would start, where it does not run and that is known."""
        return None if self.current is None else self.current.judged

    @property
    def empty(self) -> bool:
        """Whether there is no container at all, or nothing known yet."""
        return not self._states

    @property
    def engine(self) -> Engine | None:
        """Its engine, where that is one of this machine's: a demo's containers are not."""
        state, snapshot = self.current, self.snapshot
        if state is None or snapshot is None or snapshot.demo:
            return None
        return next((each for each in snapshot.engines if each.id == state.container.engine), None)

    @property
    def can_ask_root(self) -> bool:
        """Whether what only root can read may be asked for, and was not."""
        asked = (PrivilegeState.IDLE, PrivilegeState.REFUSED)
        return self.snapshot is not None and self.snapshot.privilege.state in asked

    @property
    def now(self) -> float | None:
        """The moment from which a demo's ages count; None: this very moment."""
        return self.snapshot.taken_at if self.snapshot is not None and self.snapshot.demo else None

    @property
    def layer_id(self) -> str:
        """Of the open layer; empty where the container in view has none of that number."""
        return self._id_of(self.layer)

    def __contains__(self, key: Key) -> bool:
        return key in self._states

    # -- what changes it

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """A newer picture; the container in view stays so as long as it is there."""
        before, lost = self._key, self.current
        self.snapshot = snapshot
        self._states = {state.key: state for state in snapshot.containers}
        if lost is not None and lost.key not in self._states and self._lost is None:
            self._lost = lost.container
        self._placing = True
        self.arrived.emit(snapshot)
        self._place()
        self._placing = False
        if self._key != before:
            self._take_another()
        self._tell()
        self.snapshot_changed.emit(snapshot)

    def choose(self, key: Key) -> None:
        """Another container."""
        if self._placing:
            if self._key not in self._states:  # what the list calls current while it changes is no choice
                self._key = key
        elif key != self._key:
            self._lost = None
            self._key = key
            self._take_another()
            self._tell()

    def go_to(self, key: Key) -> None:
        """That container is wanted in view, also where it is already, and where the filter leaves it out."""
        self._lost = None
        if key not in self._states:
            return
        if key not in self.listed():
            self.set_filter("")
        self.choose(key)
        self.front_wanted.emit()

    def give_way(self, gone: Key, to: Key) -> None:
        """`gone` is removed: where it is in view, or was until it went, `to` is wanted there."""
        if (self._key if self._lost is None else self._lost.key) == gone:
            self.go_to(to)

    def set_filter(self, words: str) -> None:
        """Only containers that hold these words are listed."""
        if words != self.filter:
            self._lost = None  # whoever looks for something is not to be led away from what was found
            self.filter = words
            self.filter_changed.emit(words)

    def open_layer(self, number: int) -> None:
        """Show that layer's facts."""
        self.layer = number
        self.layer_opened.emit(number)

    def suppose_fails(self, number: int) -> None:
        """Take that layer away in thought, or bring it back."""
        layer = self._id_of(number)
        if layer and self.what_if.matrix is not None:
            self.what_if.toggle(layer)
            self.supposed.emit()

    def bring_back(self) -> None:
        """The layers as they really are."""
        self.what_if.clear()
        self.supposed.emit()

    # -- how

    def _id_of(self, number: int) -> str:
        layers = self.current.layers if self.current is not None else ()
        return next((each.id for each in layers if each.number == number), "")

    def _take_another(self) -> None:
        self.what_if.clear()
        self._name = self.current.container.name if self.current is not None else ""
        if self._key is not None:
            self.chosen.emit(self._key)

    def _tell(self) -> None:
        state = self.judged
        self.what_if.show(state.matrix if state is not None and runs(state) else None)
        self.container_changed.emit()

    def _place(self) -> None:
        """Which container is in view, where that is not the person's to say."""
        if self._key not in self._states:
            self._key = None
        listed, arriving, back = self.listed(), self._still_arriving(), self._back_again()
        if back is not None and back in listed:
            self._key, self._lost = back, None
        elif (taker := self._name_taken()) is not None and taker in listed:
            self._key = taker
        elif arriving or self._key is None:
            self._key = listed[0] if listed else self._key
            self._placed = self._key

    def _still_arriving(self) -> bool:
        """Whether engines are just answering, and nobody has chosen a container: the first of the list is shown then.

        Not later: what someone looks at does not jump away when another container becomes worse.
        """
        if self._shown_at is None:
            self._shown_at = time.monotonic() if self._states else None
            return True
        return self._key == self._placed and time.monotonic() - self._shown_at < ARRIVING

    def _back_again(self) -> Key | None:
        """What was lost from view (its engine was gone), or the one that was created anew under its name."""
        lost = self._lost
        if lost is None:
            return None
        if lost.key in self._states:
            return lost.key
        return self._named(lost.engine, lost.name)

    def _name_taken(self) -> Key | None:
        """Who has the name now under which what is in view was chosen: its replacement, or the one brought back."""
        state = self.current
        if state is None or state.container.name == self._name:
            return None
        found = self._named(state.container.engine, self._name)
        if found is None and not is_mark(state.container.name):  # renamed, and not by a relaunch on its way
            self._name = state.container.name
        return found

    def _named(self, engine: str, name: str) -> Key | None:
        same = [
            key
            for key, state in self._states.items()
            if name and (state.container.engine, state.container.name) == (engine, name)
        ]
        return same[0] if len(same) == 1 else None
