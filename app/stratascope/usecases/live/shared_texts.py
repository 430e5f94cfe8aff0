"""Texts that many captures have (a profile, a filter, a limit) are held once: they are most of what one weighs."""

from __future__ import annotations

from stratascope.core.capture import Capture, Reading
from stratascope.core.ports import ContainerCapture
from stratascope.core.record import ContainerRecord, Record
from stratascope.value import replace

_MOST = 100_000  # texts; what comes later is in few captures, or the first ones would have had it


class SharedTexts:
    """Of the captures of one fleet. By one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, record: Record) -> Record:
        """The same record with texts that were there before in the place of its own."""
        return replace(
            record,
            host=self._capture(record.host),
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
        return Capture(capture.pid, tuple(map(self._reading, capture.readings)), capture.via)

    def _reading(self, reading: Reading) -> Reading:
        text = reading.text
        shared = None if text is None else self._text(text)
        return Reading(self._text(reading.name), self._text(reading.source), shared, reading.gap)

    def _text(self, text: str) -> str:
        known = self._known.get(text)
        if known is None:
            if len(self._known) < _MOST:
                self._known[text] = text
            return text
        return known
