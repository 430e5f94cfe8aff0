"""The background service: one live view feeds the recorder of the history, the notices and the tray.

No Qt, and nothing as root: it sees what its user may see. Ends when told to; whatever fails meanwhile is tried again by
the part that it belongs to, since nobody looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Protocol

from stratascope.core.history.entry import HistoryError, HistoryReader
from stratascope.core.message import Message
from stratascope.core.ports import ProbeError
from stratascope.core.reach.row import Reached
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import Transaction
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.background.gathering import Gathering
from stratascope.usecases.history.recorder import subject_of
from stratascope.usecases.live.alerts import Alert, AlertKind, Alerts
from stratascope.usecases.reach.agents import AgentReach, as_root
from stratascope.value import Value, replace

logger = fault_logger(__name__)
LOOK = 5.0  # seconds between looks whether something was chosen in the settings, and between words of what it does
Publish = Callable[[Snapshot], None]
Read = Callable[[Snapshot, ContainerState], Reached]


class Wanted(Value):
    """What its user wants to be told, as in `state/preferences.py`. `notices`: anything at all."""

    notices: bool = False
    above: float | None = None
    failures: bool = False
    gains: bool = False
    reach: bool = False


class Does(Value):
    """What it does now. `waiting`: another program writes the history; `trouble`: why it can't be written."""

    recording: bool
    waiting: bool
    notices: bool
    trouble: Message | None


class View(Protocol):
    """The live view."""

    def start(self, publish: Publish) -> None:
        """Start; returns at once."""

    def stop(self) -> None:
        """End."""


class Recording(Protocol):
    """The recorder."""

    recording: bool
    waiting: bool
    trouble: Message | None

    def see(self, snapshot: Snapshot) -> None:
        """A newer snapshot."""

    def start(self) -> None:
        """Start; returns at once."""

    def close(self) -> None:
        """Write what is left."""


class Surroundings(Protocol):
    """What is around it: the desktop, and its user's choices."""

    def wanted(self) -> Wanted:
        """What is chosen now."""

    def hardened(self) -> Sequence[Transaction]:
        """The containers that were hardened."""

    def twins(self) -> Sequence[TwinRecord]:
        """The twins that the journal has."""

    def tell(self, alert: Alert, still: Callable[[], bool]) -> None:
        """Send a notice; returns at once. `still`: whether it is worth another try where nobody takes it."""

    def show(self, snapshot: Snapshot) -> None:
        """Show this in the tray; returns at once."""

    def say(self, does: Does) -> bool:
        """Say to other programs what it does; False: one of them asked it to end."""

    def close(self) -> None:
        """End; what was told stays."""


class BackgroundService:
    """`run` it on the main thread, until `end`, which may be called from a signal handler."""

    def __init__(self, view: View, recorder: Recording, history: HistoryReader, around: Surroundings,
                 read: Read | None = None) -> None:  # fmt: skip
        """`read`: what an agent can get at; it raises ProbeError. None: nobody is asked."""
        self._view, self._recorder, self._history, self._around = view, recorder, history, around
        self._ending = threading.Event()
        self._came = threading.Event()
        self._snapshot: Snapshot | None = None
        self._last: Snapshot | None = None  # with the sandboxes
        self._read, self._agents = read, AgentReach()
        self._alerts, self._gathering = Alerts(), Gathering()
        self._twins: set[str] = set()  # numbers of all that the journal has had since

    def end(self) -> None:
        """End soon."""
        self._ending.set()
        self._came.set()

    def look(self) -> None:
        """Look now whether something was chosen, or is due."""
        self._came.set()

    def run(self) -> None:
        """Run until `end`."""
        with suppress(HistoryError):  # the recorder says why, and tries again
            self._alerts.remember(self._history.latest())
        self._recorder.start()
        self._view.start(self._see)
        try:
            while not self._ending.is_set():
                self._came.wait(self._patience())
                self._came.clear()
                try:
                    self._step()
                except Exception:  # a bug here must not end the recording
                    logger.exception("the desktop could not be told")
        finally:
            self._view.stop()
            self._recorder.close()
            self._around.close()

    def _see(self, snapshot: Snapshot) -> None:
        """On the view's thread. Sandboxes are recorded, and are not in the tray."""
        engines = tuple(each for each in snapshot.containers if each.container.sandbox is None)
        seen = snapshot if len(engines) == len(snapshot.containers) else replace(snapshot, containers=engines)
        self._recorder.see(snapshot)
        self._snapshot, self._last = seen, snapshot
        self._came.set()

    def _patience(self) -> float:
        due = self._gathering.wait(time.monotonic())
        return LOOK if due is None else min(LOOK, due)

    def _step(self) -> None:
        wanted = self._around.wanted()
        recorder = self._recorder
        waiting = recorder.waiting and not recorder.recording
        if not self._around.say(Does(recorder.recording, waiting, wanted.notices, recorder.trouble)):
            self.end()
        snapshot, self._snapshot = self._snapshot, None
        now = time.monotonic()
        if snapshot is not None:
            self._around.show(snapshot)
            # seen in any case: what was there before notices were wanted is no news when they are
            self._twins.update(each.id for each in self._around.twins())
            lasting = tuple(each for each in snapshot.containers if subject_of(each, self._twins) is not None)
            names = {state.key: state.container.name for state in lasting}
            for alert in self._alerts.see(
                replace(snapshot, containers=lasting),
                wanted.above,
                self._around.hardened(),
                failures=wanted.failures,
                gains=wanted.gains,
            ):
                if wanted.notices:
                    self._gathering.add(alert, names.get(alert.key, ""), now)
        if wanted.notices and wanted.reach:
            self._look_at_agents(now)
        told = self._gathering.due(now, self._holds)
        if told is not None:
            self._around.tell(told, partial(self._holds, told))

    def _look_at_agents(self, now: float) -> None:
        """Read what one agent can get at, if that is due: a reading takes some 40 ms."""
        snapshot, read = self._last, self._read
        state = None if snapshot is None or read is None else self._agents.due(snapshot, now)
        if state is None or snapshot is None or read is None:
            return
        with suppress(ProbeError):  # it has ended
            alert = self._agents.take(state, read(snapshot, state), root=as_root(snapshot))
            if alert is not None:
                self._gathering.add(alert, state.container.name, now)

    def _holds(self, alert: Alert) -> bool:
        return (self._agents if alert.kind is AlertKind.REACH else self._alerts).holds(alert)
