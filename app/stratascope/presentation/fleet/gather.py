"""Machines taken in one after the other: of each only what a report needs is kept, and containers that are alike are
kept once. Names, images, findings and threats make them alike; PIDs, ids and inodes do not count.
"""

from __future__ import annotations

from collections.abc import Hashable

from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.presentation.beside.beside import Beside
from stratascope.presentation.beside.fingerprints import kinds_of, words_of
from stratascope.presentation.beside.lines import exception_words
from stratascope.presentation.formats.told import Machine, Subject, Told, machine_of, subject_of
from stratascope.value import replace

_MATRICES = 256  # that are held, so that machines that are alike are judged once


class Gathered:
    """`add` each machine, then `told`."""

    def __init__(self, beside: Beside) -> None:
        self._beside = beside
        self._machines: list[Machine] = []
        self._subjects: dict[Hashable, tuple[Subject, list[str]]] = {}
        self._unused = None if beside.acceptance is None else dict.fromkeys(beside.acceptance.entries)
        self._open: dict[int, tuple[Matrix, Hashable]] = {}  # by identity; held, so that it stays its own

    def add(self, snapshot: Snapshot, name: str) -> None:
        """Take one in. With a report before: only what is new or worse since."""
        self._machines.append(machine_of(snapshot, name))
        if self._unused and self._beside.acceptance is not None:
            self._unused = dict.fromkeys(replace(self._beside.acceptance, entries=tuple(self._unused))
                                         .unused(snapshot.containers))  # fmt: skip
        beside = replace(self._beside, machine=name)
        if beside.baseline is not None:
            snapshot = beside.baseline.narrowed(snapshot, name)
        kinds = kinds_of(snapshot.engines)
        for state in snapshot.containers:
            kind = kinds.get(state.container.engine, state.container.engine)
            key = self._key(state, kind)
            if beside.acceptance is not None or beside.baseline is not None:  # who accepts it, and since when it is so
                subject = subject_of(state, kind, beside)
                key = (key, tuple((each.standing, each.since) for each in subject.items))
                kept = self._subjects.setdefault(key, (subject, []))
            else:
                found = self._subjects.get(key)
                kept = found or self._subjects.setdefault(key, (subject_of(state, kind, beside), []))
            kept[1].append(self._machines[-1].name)

    def told(self, version: str) -> Told:
        """All of it, the most exposed first."""
        subjects = [replace(subject, machines=tuple(names)) for subject, names in self._subjects.values()]
        expired = sum(
            max(1, len(each.machines)) * sum(item.standing is not None and item.standing.expired for item in each.items)
            for each in subjects
        )
        machines = sorted(self._machines, key=lambda each: (-(each.exposure or 0.0), each.name))
        return Told(
            version,
            tuple(machines),
            tuple(sorted(subjects, key=lambda each: each.worst)),
            tuple(map(exception_words, self._unused or ())),
            expired,
            self._beside.baseline is not None,
        )

    def _key(self, state: ContainerState, kind: str) -> Hashable:
        container, matrix = state.container, state.matrix
        return (
            container.engine,
            kind,
            container.name,
            container.image,
            container.status,
            tuple([layer.assessment.verdict for layer in state.layers]),
            tuple([(each.code, each.severity, words_of(each)) for each in state.findings]),
            None if matrix is None else self._of(matrix),
        )

    def _of(self, matrix: Matrix) -> Hashable:
        kept = self._open.get(id(matrix))
        if kept is None:
            found = tuple([(each.threat.id, each.outcome) for each in matrix.threats
                           if each.outcome is not Outcome.STOPPED])  # fmt: skip
            while len(self._open) >= _MATRICES:
                del self._open[next(iter(self._open))]
            kept = self._open[id(matrix)] = (matrix, (matrix.exposure, found))
        return kept[1]
