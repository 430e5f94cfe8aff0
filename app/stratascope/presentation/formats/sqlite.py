"""A SQLite database of a report, for what asks in SQL: osquery reads it as tables of its own, without an extension.

osquery knows them by its automatic table construction, whose columns are all text. The database is made in memory and
handed over whole, without a journal: the file is replaced in one step, so that nobody reads half of it, and no lock is
waited for. Decided against the history's own database for that: its form is nobody else's business.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from stratascope.presentation.report_model import Report
from stratascope.presentation.terms import timestamp

_TABLES = {
    "machines": "machine, taken_at, kernel, containers, exposure, version",
    "containers": "machine, engine, name, image, status, known, exposure, exposure_at_best",
    "layers": "machine, engine, name, layer, verdict",
    "findings": "machine, engine, name, image, code, layer, severity, text, advice, source, fingerprint, accepted",
}
_Row = tuple[str | int | float | None, ...]


def render(report: Report) -> bytes:
    """The file. Of a container that is alike on several machines there is a row for each of these."""
    with closing(sqlite3.connect(":memory:")) as database:
        for table, columns in _TABLES.items():
            database.execute(f"CREATE TABLE {table} ({columns})")
        for table, row in _rows(report):
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        database.commit()
        return database.serialize()


def _rows(report: Report) -> Iterator[tuple[str, _Row]]:
    for machine in report.machines:
        taken_at = timestamp(machine.taken_at)
        yield (
            "machines",
            (machine.name, taken_at, machine.kernel, machine.containers, machine.exposure, report.version),
        )
    for subject in report.subjects:
        for name in subject.machines or ("",):
            whose = name, subject.engine, subject.name
            exposures = subject.exposure, subject.at_best
            yield "containers", (*whose, subject.image, subject.status, int(subject.known), *exposures)
            for layer, verdict in subject.verdicts:
                yield "layers", (*whose, layer, verdict)
            for item in subject.items:
                words = item.text, item.advice, item.source
                kind = item.code, item.layer, item.severity.value
                yield "findings", (*whose, subject.image, *kind, *words, item.fingerprint, int(not item.counts))
