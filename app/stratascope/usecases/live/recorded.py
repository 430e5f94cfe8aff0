"""Captures shown as the containers of this machine are: read one after the other, and joined into one picture."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from stratascope.core.container import Engine
from stratascope.core.ground import UNREAD, Ground
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import Captured, ContainerState, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.live.foresight import Foresight
from stratascope.value import replace

Publish = Callable[[Snapshot], None]
Read = Callable[[], Snapshot]  # raises ProbeError, OSError
logger = fault_logger(__name__)
_MORE = 1.25
_PATIENCE = 1.0  # seconds without a picture


class Joining:
    """One picture of several captures, to which each adds itself alone: what was joined before is not gone through."""

    def __init__(self, *, alone: bool) -> None:
        """`alone`: there will be one only, whose engines keep their names. Of several, engines and their containers are
        told by the capture's name too, and each stands on its own machine's ground.
        """
        self._alone = alone
        self._newest: Snapshot | None = None
        self._captures: list[Captured] = []
        self._engines: list[Engine] = []
        self._containers: list[ContainerState] = []
        self._elsewhere: list[tuple[str, Ground]] = []

    def add(self, captured: Captured, snapshot: Snapshot | None) -> None:
        """One more; None: it could not be read."""
        if snapshot is None:
            self._captures.append(captured)
            return
        self._captures.append(_with_engines(captured, snapshot, alone=self._alone))
        if self._newest is None or snapshot.taken_at > self._newest.taken_at:
            self._newest = snapshot
        if not self._alone:
            self._engines += (replace(engine, id=named(captured, engine.id)) for engine in snapshot.engines)
            self._containers += (_of(captured, state) for state in snapshot.containers)
            self._elsewhere += (
                (named(captured, engine.id), snapshot.ground_of(engine.id)) for engine in snapshot.engines
            )

    def picture(self) -> Snapshot:
        """All of them so far."""
        captures = tuple(self._captures)
        if self._newest is None:
            return Snapshot(0.0, UNREAD, (), (), demo=True, captures=captures)
        if self._alone:
            return replace(self._newest, demo=True, captures=captures)
        return replace(
            self._newest,
            demo=True,
            captures=captures,
            engines=tuple(self._engines),
            containers=tuple(self._containers),
            elsewhere=tuple(self._elsewhere),
            trouble=None,
        )


def joined(parts: Sequence[tuple[Captured, Snapshot | None]]) -> Snapshot:
    """One picture of several; None of those that could not be read."""
    joining = Joining(alone=len(parts) == 1)
    for captured, snapshot in parts:
        joining.add(captured, snapshot)
    return joining.picture()


def _with_engines(captured: Captured, snapshot: Snapshot, *, alone: bool) -> Captured:
    engines = tuple(engine.id if alone else named(captured, engine.id) for engine in snapshot.engines)
    return replace(captured, engines=engines, kernels=snapshot.kernels)


def named(captured: Captured, engine: str) -> str:
    """What an engine is called where there are those of several captures."""
    return f"{captured.name}:{engine}"


def _of(captured: Captured, state: ContainerState) -> ContainerState:
    return replace(state, container=replace(state.container, engine=named(captured, state.container.engine)))


class RecordedView:
    """For the window in the place of a live view. What it publishes grows with the captures that were read.

    The window goes through all of a picture. So it gets one when there is a quarter more to see, or after a second: one
    for each of a thousand captures would take it as long as five hundred times all of them.
    """

    def __init__(self, reads: Sequence[tuple[str, Read]], foresight: Foresight | None = None) -> None:
        """`reads`: names, each once, and what reads them."""
        self._reads, self._foresight = tuple(reads), foresight or Foresight()
        self._ending, self._looked = threading.Event(), threading.Event()

    def start(self, publish: Publish) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, args=(publish,), name="read captures", daemon=True).start()

    def _run(self, publish: Publish) -> None:
        joining, total = Joining(alone=len(self._reads) == 1), len(self._reads)
        told, since = 0, time.monotonic()
        publish(Snapshot(0.0, UNREAD, (), (), asking=("",)))  # before it, a window can't know what it waits for
        for count, (name, read) in enumerate(self._reads, 1):
            if self._ending.is_set():
                return
            joining.add(*_read(name, read))
            if count == total:
                publish(joining.picture())
            elif count >= told * _MORE or time.monotonic() - since >= _PATIENCE:
                publish(replace(joining.picture(), asking=("",)))
                told, since = count, time.monotonic()
        whole = joining.picture()
        while self._looked.wait() and not self._ending.is_set():
            self._looked.clear()
            publish(self._foresight.added(whole))

    def refresh(self, key: tuple[str, str] | None = None) -> None:
        """Nothing of it changes."""

    def focus(self, key: tuple[str, str] | None) -> None:
        """One that does not run is shown as it would start, once all are read."""
        if self._foresight.look_at(key):
            self._looked.set()

    def pace(self, seconds: float) -> None:
        """Nothing of it changes."""

    def elevate(self) -> None:
        """Root of this machine knows nothing of it."""

    def stop(self) -> None:
        """End, after the capture that is being read."""
        self._ending.set()
        self._looked.set()


def _read(name: str, read: Read) -> tuple[Captured, Snapshot | None]:
    try:
        snapshot = read()
    except ProbeError as error:
        return Captured(name, trouble=error.message), None
    except OSError as error:
        return Captured(name, trouble=msg("It can't be read: {why}.", why=error.strerror or str(error))), None
    except Exception:  # a fault of ours in one capture must not hide the others
        logger.exception("a capture can't be shown")
        return Captured(name, trouble=msg("It can't be shown because of a bug in this program.")), None
    return Captured(name, snapshot.taken_at), snapshot
