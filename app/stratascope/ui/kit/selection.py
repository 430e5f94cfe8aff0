"""What the window shows: the latest snapshot, the container in view, its open layer, layers supposed to fail, the
filter.

Every pane listens to these signals and reads the rest from here; no pane knows another one, or the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QWindow

from stratascope.core.container import Container, Engine, EngineState
from stratascope.core.relaunch.launch_spec import is_mark
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, PrivilegeState, Snapshot
from stratascope.presentation.engine_signs import EngineSign, engine_title, sign_of, suffixes, told_apart
from stratascope.presentation.takeover import runs
from stratascope.presentation.what_if import WhatIf

Key = tuple[str, str]  # a container's engine and id
FIRST_LAYER = 3  # open at the start


class Selection(QObject):
    """The selection: the worst container until the user does something, then one by its engine and name.

    `show_snapshot` takes the latest snapshot; all else is the user's choice.
    """

    arrived = Signal(object)  # Snapshot, for the list: rows it selects while updating are no choice of the user's
    snapshot_changed = Signal(object)  # Snapshot, once the container in view is settled
    # another container, the same one with something new, or none; and now and then, for what depends on the time or is
    # known elsewhere (`look_again`)
    container_changed = Signal()
    chosen = Signal(object)  # Key of another container
    front_wanted = Signal()  # one-column layout: show the container instead of the list
    layer_opened = Signal(int)
    supposed = Signal()  # another set of layers is supposed to fail
    filter_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.snapshot: Snapshot | None = None
        self.layer = FIRST_LAYER
        self.what_if = WhatIf()
        self.filter = ""
        self.listed: Callable[[], Sequence[Key]] = lambda: tuple(self._states)  # the order of the list
        self._states: dict[Key, ContainerState] = {}
        self._key: Key | None = None
        self._name = ""  # its name when it came into view
        self.worst: Callable[[], Key | None] = lambda: next(iter(self.listed()), None)  # the worst of the list
        self.touched = False  # the user has done something; until then the worst is in view
        self._silent: dict[str, float] = {}  # since when engines do not answer, by id
        self._placing = False
        self._apart: Mapping[Key, str] = {}
        self._held = False  # whether what is in view has a passing name now, and is shown as it was before
        self._lost: Container | None = None  # was in view when it disappeared, and nothing has been chosen since
        self._told: tuple[object, ...] = ()  # what the panes have shown

    # -- in view

    @property
    def key(self) -> Key | None:
        """The key of the container in view."""
        return self._key

    @property
    def current(self) -> ContainerState | None:
        """The container in view."""
        return self._states.get(self._key) if self._key is not None else None

    @property
    def judged(self) -> ContainerState | None:
        """The container in view with layers and threats to show: if it does not run, as it would start, if known."""
        return None if self.current is None else self.current.judged

    @property
    def empty(self) -> bool:
        """Whether there is no container at all, or nothing is known yet."""
        return not self._states

    @property
    def engine(self) -> Engine | None:
        """Its engine, if it is one of this machine's: a demo's containers have none."""
        state, snapshot = self.current, self.snapshot
        if state is None or snapshot is None or snapshot.demo:
            return None
        return next((each for each in snapshot.engines if each.id == state.container.engine), None)

    @property
    def silent_since(self) -> float | None:
        """Since when its engine does not answer, as far as it was seen; in seconds since the epoch."""
        return None if self.current is None else self._silent.get(self.current.container.engine)

    def sign(self, engine: str) -> EngineSign:
        """What the icon of the engine of that id shows."""
        return sign_of(engine, self._engines)

    def engine_title(self, engine: str) -> str:
        """The engine of that id in words."""
        return engine_title(engine, self._engines)

    def apart(self, key: Key) -> str:
        """What tells the container's name apart from one at another engine with the same icon; mostly empty."""
        return self._apart.get(key, "")

    def name_of(self, state: ContainerState) -> str:
        """A container's name where it stands alone."""
        return told_apart(plain(state.container.name or state.container.id[:12], 200), self.apart(state.key))

    @property
    def _engines(self) -> tuple[Engine, ...]:
        return () if self.snapshot is None else self.snapshot.engines

    @property
    def can_ask_root(self) -> bool:
        """Whether reading as root is possible and has not been requested."""
        asked = (PrivilegeState.IDLE, PrivilegeState.REFUSED)
        return self.snapshot is not None and self.snapshot.privilege.state in asked

    @property
    def now(self) -> float | None:
        """The moment that a demo's ages count from; None: the present."""
        return self.snapshot.taken_at if self.snapshot is not None and self.snapshot.demo else None

    @property
    def layer_id(self) -> str:
        """The id of the open layer; empty if the container in view has none of that number."""
        return self._id_of(self.layer)

    def __contains__(self, key: Key) -> bool:
        return key in self._states

    # -- changes

    def touch(self) -> None:
        """Note that the user has begun to use what is in view: it no longer gives way to a worse one."""
        self.touched = True

    def begin_anew(self) -> None:
        """Forget that the user has chosen: what comes next is other containers."""
        self.touched = False

    def show_snapshot(self, snapshot: Snapshot) -> None:
        """Take the latest snapshot; the container in view stays as long as it exists."""
        before, lost = self._key, self.current
        self.snapshot = snapshot
        self._states = {state.key: state for state in snapshot.containers}
        silent = (each.id for each in snapshot.engines if each.state is not EngineState.CONNECTED)
        self._silent = {each: self._silent.get(each, snapshot.taken_at) for each in silent}
        now = self.current
        self._held = lost is not None and now is not None and is_mark(now.container.name)
        if self._held and lost is not None:  # a relaunch gives it another name for a moment: it stays in view as it was
            self._states[lost.key] = lost
        self._apart = suffixes(snapshot.containers, snapshot.engines)
        if lost is not None and lost.key not in self._states and self._lost is None:
            self._lost = lost.container
        self._placing = True
        self.arrived.emit(snapshot)
        self._place()
        self._placing = False
        if self._key != before:
            self._take_another()
        if self._key != before or not _alike(self._told, self._shown()):
            self._emit_changed()
        self.snapshot_changed.emit(snapshot)

    def look_again(self) -> None:
        """Let all that shows the container in view look whether it is still so."""
        if self.snapshot is not None:
            self._emit_changed()

    def choose(self, key: Key) -> None:
        """Choose another container."""
        if self._placing:
            if self._key not in self._states:  # a row that the list selects while updating is no choice
                self._key = key
            return
        self.touch()
        if key != self._key:
            self._lost = None
            self._key = key
            self._take_another()
            self._emit_changed()

    def go_to(self, key: Key) -> None:
        """Bring a container into view, even if it already is, or the filter hides it."""
        self._lost = None
        if key not in self._states:
            return
        self.touch()
        if key not in self.listed():
            self.set_filter("")
        self.choose(key)
        self.front_wanted.emit()

    def give_way(self, gone: Key, to: Key) -> None:
        """Follow a replacement: `gone` is removed, and `to` comes into view if `gone` is, or was until it
        disappeared.
        """
        if (self._key if self._lost is None else self._lost.key) == gone:
            self.go_to(to)

    def set_filter(self, words: str) -> None:
        """List only containers that match these words."""
        if words != self.filter:
            self._lost = None  # searching counts as choosing: stop waiting for the lost container
            self.touch()
            self.filter = words
            self.filter_changed.emit(words)

    def open_layer(self, number: int) -> None:
        """Open that layer."""
        self.touch()
        self.layer = number
        self.layer_opened.emit(number)

    def suppose_fails(self, number: int) -> None:
        """Suppose that a layer fails, or no longer."""
        layer = self._id_of(number)
        if layer and self.what_if.matrix is not None:
            self.what_if.toggle(layer)
            self.supposed.emit()

    def bring_back(self) -> None:
        """Drop all suppositions."""
        self.what_if.clear()
        self.supposed.emit()

    # -- internals

    def _id_of(self, number: int) -> str:
        layers = self.current.layers if self.current is not None else ()
        return next((each.id for each in layers if each.number == number), "")

    def _take_another(self) -> None:
        self.what_if.clear()
        self._name = self.current.container.name if self.current is not None else ""
        if self._key is not None:
            self.chosen.emit(self._key)

    def _shown(self) -> tuple[object, ...]:
        """All of the snapshot that panes about the container in view may show."""
        state, snapshot = self.current, self.snapshot
        if state is None or snapshot is None:
            return ()
        ground = snapshot.ground_of(state.container.engine)
        return state, ground, snapshot.engines, snapshot.privilege, snapshot.trouble, snapshot.demo

    def _emit_changed(self) -> None:
        self._told = self._shown()
        state = self.judged
        self.what_if.show(state.matrix if state is not None and runs(state) else None)
        self.container_changed.emit()

    def _place(self) -> None:
        """Decide which container is in view when the user has not."""
        if self._key not in self._states:
            self._key = None
        listed, back = self.listed(), self._back_again()
        if back is not None and back in listed:
            self._key, self._lost = back, None
        elif (taker := self._name_taken()) is not None and taker in listed:
            self._key = taker
        elif not self.touched or self._key is None:
            self._key = self.worst() or self._key

    def _back_again(self) -> Key | None:
        """Return what was lost from view (its engine was gone), or the container recreated under its name."""
        lost = self._lost
        if lost is None:
            return None
        if lost.key in self._states:
            return lost.key
        return self._named(lost.engine, lost.name)

    def _name_taken(self) -> Key | None:
        """Return the container that now has the name of the one in view: its replacement, or the restored original."""
        state = self.current
        if state is None or self._lost is not None or (state.container.name == self._name and not self._held):
            return None  # one that was lost is waited for with its engine, whatever the list shows meanwhile
        found = self._named(state.container.engine, self._name)
        if found is None and not is_mark(state.container.name):  # renamed, and not by a relaunch under way
            self._name = state.container.name
        return found

    def _named(self, engine: str, name: str) -> Key | None:
        same = [
            key
            for key, state in self._states.items()
            if not (self._held and key == self._key)
            and name
            and (state.container.engine, state.container.name) == (engine, name)
        ]
        return same[0] if len(same) == 1 else None


def _alike(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    """Whether both are the same; a container (first) that was not read anew is the same object."""
    return bool(before) and before[0] is now[0] and before[1:] == now[1:]


class FirstUse(QObject):
    """Tells the selection when a key, a button or the wheel is used in a window for the first time."""

    def __init__(self, selection: Selection) -> None:
        super().__init__(selection)
        self._selection = selection

    def begin(self, window: QWindow | None) -> None:
        """Wait for it, unless it has been."""
        if window is not None and not self._selection.touched:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel):
            self._selection.touch()
        if self._selection.touched:
            watched.removeEventFilter(self)
        return False
