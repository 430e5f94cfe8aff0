"""What many captures have in common (a profile, a filter, a limit, a file that is not there) is held once: it is most
of what one weighs.

A place of reading that its process and its name tell is left out, or no two containers would have a reading in common.
What was not met again among as many others is no longer looked for: it is in few captures.
"""

from __future__ import annotations

from sys import intern
from typing import Generic, TypeVar

from stratascope.core.capture import Capture, Reading, process_folder
from stratascope.core.ports import ContainerCapture
from stratascope.core.record import ContainerRecord, Record
from stratascope.remembered import alike
from stratascope.value import replace

T = TypeVar("T")
_MOST = 10_000  # that were met lately, and as many before that


class _Met(Generic[T]):
    """Of equal values the one that was there first."""

    def __init__(self) -> None:
        self._now: dict[T, T] = {}
        self._before: dict[T, T] = {}

    def get(self, value: T) -> T | None:
        found = self._now.get(value)
        if found is None:
            found = self._before.get(value)
            if found is not None:
                self.put(found)
        return found

    def put(self, value: T) -> None:
        if len(self._now) >= _MOST:
            self._before, self._now = self._now, {}
        self._now[value] = value


class SharedTexts:
    """Of the captures of one fleet. By one thread at a time."""

    def __init__(self) -> None:
        self._readings, self._texts = _Met[Reading](), _Met[str]()

    def of(self, record: Record) -> Record:
        """The same record with what was there before in the place of its own."""
        return replace(
            record,
            host=self._capture(record.host),
            engines=tuple(replace(engine, facts=alike(engine.facts)) for engine in record.engines),
            hosts=tuple((engine, self._capture(host)) for engine, host in record.hosts),
            containers=tuple(map(self._container, record.containers)),
        )

    def _container(self, record: ContainerRecord) -> ContainerRecord:
        found = record.found
        if found is None:
            return record
        return replace(record, found=self._found(found))

    def _found(self, found: ContainerCapture) -> ContainerCapture:
        return replace(found, first=self._capture(found.first), members=tuple(map(self._capture, found.members)))

    def _capture(self, capture: Capture) -> Capture:
        folder = f"{process_folder(capture.pid)}/"
        return Capture(capture.pid, tuple([self._reading(each, folder) for each in capture.readings]), capture.via)

    def _reading(self, reading: Reading, folder: str) -> Reading:
        name, source = reading.name, reading.source
        bare = Reading(name, "" if source == folder + name else source, reading.text, reading.gap)
        known = self._readings.get(bare)
        if known is None:
            known = replace(bare, name=intern(name), text=self._text(bare.text))
            self._readings.put(known)
        return known

    def _text(self, text: str | None) -> str | None:
        if text is None:
            return None
        known = self._texts.get(text)
        if known is None:
            self._texts.put(text)
        return text if known is None else known
