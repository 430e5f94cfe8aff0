"""A test's own control group, watched by the real observer while programs run in it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from stratascope.collector.cgroups import V2, Mounts
from stratascope.core.observation.events import Begin, Event
from stratascope.probe.helper.elevated import ElevatedProber, ways
from stratascope.probe.observer import Observation, ObservationTarget, observe

_numbers = itertools.count()
Kind = TypeVar("Kind", bound=Event)


def top() -> Path:
    """The mount point of the hierarchy that events are attached to."""
    mounts = Mounts().ready()
    place = mounts.place("perf_event", "/") or mounts.place(V2, "/")
    assert place is not None
    return Path(place[0])


@contextlib.contextmanager
def group() -> Iterator[str]:
    """The path of an empty control group, removed afterwards."""
    path = f"/strata-observe-{os.getpid()}-{next(_numbers)}"
    folder = top() / path[1:]
    folder.mkdir()
    try:
        yield path
    finally:
        while (folder / "cgroup.procs").read_text():
            for word in (folder / "cgroup.procs").read_text().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(word), 9)
        folder.rmdir()


def inside(path: str, *command: str) -> tuple[str, ...]:
    """The argv that runs a command in the group, from its exec on."""
    return ("sh", "-c", f'echo $$ > {shlex.quote(str(top()) + path)}/cgroup.procs; exec "$@"', "sh", *command)


class Watch:
    """An observation, read by a thread. `events`: those received so far."""

    def __init__(self, watched: ObservationTarget) -> None:
        self.events: list[Event] = []
        self.failure: BaseException | None = None
        self.told: list[ElevatedProber] = []
        self.observation: Observation = observe(ways({}), watched, started=self.told)
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self._begun.wait()
        if self.failure is not None:
            self._thread.join()
            raise self.failure

    def _read(self) -> None:
        try:
            for event in self.observation:
                self.events.append(event)
                if isinstance(event, Begin):
                    self._begun.set()
        except BaseException as failure:  # noqa: BLE001  told to the test
            self.failure = failure
        self._begun.set()

    @property
    def pid(self) -> int:
        """The observer's PID."""
        child = self.told[-1].child
        assert child is not None
        return child.pid

    def wait(self) -> None:
        """Wait until it ends by itself."""
        self._thread.join()

    def close(self) -> None:
        self.observation.close()
        self._thread.join()

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind so far. Raises what ended the observation, if anything did."""
        if self.failure is not None:
            raise self.failure
        return [event for event in list(self.events) if isinstance(event, kind)]


@contextlib.contextmanager
def watching(path: str, **more: object) -> Iterator[Watch]:
    """Observe that group; at the end of the block, all events have been received."""
    watch = Watch(ObservationTarget(0, group=path, **more))  # type: ignore[arg-type]
    try:
        yield watch
    finally:
        watch.close()


def observed(*command: str) -> tuple[list[Event], subprocess.CompletedProcess[str]]:
    """All events of one program, and its result."""
    with group() as path, watching(path) as watch:
        done = subprocess.run(inside(path, *command), capture_output=True, text=True, check=False)
    return watch.events, done
