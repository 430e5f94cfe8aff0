"""Captures shown as the containers of this machine are: read one after the other, and joined into one picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from stratascope.core.ground import UNREAD
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.snapshot import Captured, ContainerState, Snapshot
from stratascope.fault_log import fault_logger
from stratascope.usecases.live.foresight import Foresight
from stratascope.value import replace

Publish = Callable[[Snapshot], None]
Read = Callable[[], Snapshot]  # raises ProbeError, OSError
logger = fault_logger(__name__)


def joined(parts: Sequence[tuple[Captured, Snapshot | None]]) -> Snapshot:
    """One picture of several; None of those that could not be read. Where there is more than one, engines and their
    containers are told by the capture's name too, and each stands on its own machine's ground.
    """
    read = [(captured, snapshot) for captured, snapshot in parts if snapshot is not None]
    alone = len(parts) == 1
    captures = tuple(captured if snapshot is None else _with_engines(captured, snapshot, alone=alone)
                     for captured, snapshot in parts)  # fmt: skip
    if not read:
        return Snapshot(0.0, UNREAD, (), (), demo=True, captures=captures)
    newest = max((snapshot for _, snapshot in read), key=lambda each: each.taken_at)
    if alone:
        return replace(newest, demo=True, captures=captures)
    return replace(
        newest,
        demo=True,
        captures=captures,
        engines=tuple(
            replace(engine, id=named(captured, engine.id)) for captured, snapshot in read for engine in snapshot.engines
        ),
        containers=tuple(_of(captured, state) for captured, snapshot in read for state in snapshot.containers),
        elsewhere=tuple(
            (named(captured, engine.id), snapshot.ground_of(engine.id))
            for captured, snapshot in read
            for engine in snapshot.engines
        ),
        trouble=None,
    )


def _with_engines(captured: Captured, snapshot: Snapshot, *, alone: bool) -> Captured:
    engines = tuple(engine.id if alone else named(captured, engine.id) for engine in snapshot.engines)
    return replace(captured, engines=engines, kernels=snapshot.kernels)


def named(captured: Captured, engine: str) -> str:
    """What an engine is called where there are those of several captures."""
    return f"{captured.name}:{engine}"


def _of(captured: Captured, state: ContainerState) -> ContainerState:
    return replace(state, container=replace(state.container, engine=named(captured, state.container.engine)))


class RecordedView:
    """For the window in the place of a live view. What it publishes grows with each capture that was read."""

    def __init__(self, reads: Sequence[tuple[str, Read]], foresight: Foresight | None = None) -> None:
        """`reads`: names, each once, and what reads them."""
        self._reads, self._foresight = tuple(reads), foresight or Foresight()
        self._ending, self._looked = threading.Event(), threading.Event()

    def start(self, publish: Publish) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._run, args=(publish,), name="read captures", daemon=True).start()

    def _run(self, publish: Publish) -> None:
        parts: list[tuple[Captured, Snapshot | None]] = []
        for name, read in self._reads:
            if self._ending.is_set():
                return
            parts.append(_read(name, read))
            publish(joined(parts) if len(parts) == len(self._reads) else replace(joined(parts), asking=("",)))
        whole = joined(parts)
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
