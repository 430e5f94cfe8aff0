"""Stores what many captures have in common (a profile, a filter, a limit, a missing file) once: it is most of a
capture's memory.

A source that follows from process and name is dropped, or no two containers would have equal readings. Entries that
were not seen again among as many others are evicted: they are in few captures.
"""

from __future__ import annotations

from sys import intern
from typing import Generic, TypeVar

from stratascope.bounded_cache import alike
from stratascope.core.capture import Capture, Gap, Reading, process_folder
from stratascope.core.machine_capture import CapturedContainer, MachineCapture
from stratascope.core.ports import ContainerCapture
from stratascope.value import replace

K = TypeVar("K")
V = TypeVar("V")
_MOST = 10_000  # entries seen lately, and as many from before


class _Seen(Generic[K, V]):
    """A cache of two generations."""

    def __init__(self) -> None:
        self._now: dict[K, V] = {}
        self._before: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        found = self._now.get(key)
        if found is None:
            found = self._before.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        if len(self._now) >= _MOST:
            self._before, self._now = self._now, {}
        self._now[key] = value


class SharedTexts:
    """For the captures of one fleet. One thread at a time."""

    def __init__(self) -> None:
        self._readings = _Seen[tuple[str, str, str | None, Gap | None], Reading]()
        self._texts = _Seen[str, str]()

    def of(self, machine: MachineCapture) -> MachineCapture:
        """The same capture, with equal parts replaced by the ones seen before."""
        return replace(
            machine,
            host=self._capture(machine.host),
            engines=tuple(replace(engine, facts=alike(engine.facts)) for engine in machine.engines),
            hosts=tuple((engine, self._capture(host)) for engine, host in machine.hosts),
            containers=tuple(map(self._container, machine.containers)),
        )

    def _container(self, captured: CapturedContainer) -> CapturedContainer:
        found = captured.found
        if found is None:
            return captured
        return replace(captured, found=self._found(found))

    def _found(self, found: ContainerCapture) -> ContainerCapture:
        return replace(found, first=self._capture(found.first), members=tuple(map(self._capture, found.members)))

    def _capture(self, capture: Capture) -> Capture:
        """Runs for thousands of readings a second, so without needless calls."""
        folder, get = f"{process_folder(capture.pid)}/", self._readings.get
        found = []
        for reading in capture.readings:
            name, source, text = reading.name, reading.source, reading.text
            if source == folder + name:
                source = ""
            key = name, source, text, reading.gap
            known = get(key)
            if known is None:
                known = Reading(intern(name), source, self._text(text), reading.gap)
                self._readings.put((known.name, source, known.text, known.gap), known)
            found.append(known)
        return Capture(capture.pid, tuple(found), capture.via)

    def _text(self, text: str | None) -> str | None:
        if text is None:
            return None
        known = self._texts.get(text)
        if known is None:
            self._texts.put(text, text)
            return text
        return known
