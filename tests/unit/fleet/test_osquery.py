"""packaging/fleet/osquery: its tables are read from a file that was really written, by the SQL that osquery runs.

osquery itself opens the file with SQLite, and takes the columns by their names (Automatic Table Construction in its
documentation on configuration).
"""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rig.cli.command_line import run
from rig.places import CHECKOUT, GOLDEN
from stratascope.cli.arguments import parser
from stratascope.presentation import tool_formats
from stratascope.presentation.report_model import Report, report_of
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

CAPTURE = GOLDEN / "capture.json"
OSQUERY = CHECKOUT / "packaging" / "fleet" / "osquery"
TABLES: dict[str, dict[str, Any]] = json.loads((OSQUERY / "stratascope.conf").read_text())["auto_table_construction"]
DROP_IN = OSQUERY / "stratascope-report.service.d" / "osquery.conf"


def asked(file: Path, query: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


@pytest.fixture(scope="module")
def told() -> Report:
    return report_of(assembler().snapshot(capture_file.load(CAPTURE), demo=True), "0.1.0")


def test_each_table_is_read_from_a_written_file(tmp_path: Path, told: Report) -> None:
    file = tmp_path / "report.sqlite"
    done = run("report", "--from-capture", str(CAPTURE), "--format", "sqlite", "--output", str(file))
    assert done.returncode == 0, done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["report.sqlite"], "no journal beside it"
    assert asked(file, "PRAGMA journal_mode")[0]["journal_mode"] != "wal"
    found = {}
    for name, table in TABLES.items():
        found[name] = asked(file, table["query"])
        assert found[name], name
        assert tuple(found[name][0]) == tuple(table["columns"])
        assert "path" not in table["columns"], "osquery adds it itself"
        assert table["platform"] == "linux"
    assert {(row["engine"], row["name"]) for row in found["stratascope_containers"]} == {
        (each.engine, each.name) for each in told.subjects
    }
    wanted = [item.fingerprint for subject in told.subjects for item in subject.items]
    assert sorted(row["fingerprint"] for row in found["stratascope_findings"]) == sorted(wanted)
    joined = asked(file, "SELECT c.name FROM containers c JOIN findings f USING (machine, engine, name)")
    assert len(joined) == len(wanted)


def test_the_service_writes_the_file_that_is_read() -> None:
    (line,) = (each for each in DROP_IN.read_text().splitlines() if each.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart=").replace("%t", "/run").replace("%L", "/var/log"))
    arguments = parser().parse_args(words[1:])
    assert (arguments.format, {table["path"] for table in TABLES.values()}) == ("sqlite", {str(arguments.output)})


def test_a_fleet_has_a_row_for_each_machine_and_foreign_text_is_only_text(tmp_path: Path, told: Report) -> None:
    evil = "x'); DROP TABLE findings; --"
    subject = replace(told.subjects[0], name=evil, machines=("one", evil))
    file = tmp_path / "report.sqlite"
    file.write_bytes(tool_formats.sqlite(replace(told, subjects=(subject,))))
    assert [(row["machine"], row["name"]) for row in asked(file, "SELECT * FROM containers")] == [
        ("one", evil),
        (evil, evil),
    ]
    assert len(asked(file, "SELECT * FROM findings")) == 2 * len(subject.items) > 0


def test_several_captures_are_one_database_and_none_is_printed(tmp_path: Path) -> None:
    file = tmp_path / "fleet.sqlite"
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(CAPTURE.read_bytes())
    captures = ("--from-capture", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    done = run("report", *captures, "--format", "sqlite", "--output", str(file))
    assert done.returncode == 0, done.stderr
    assert [row["machine"] for row in asked(file, "SELECT machine FROM machines")] == ["a", "b"]
    for several in (captures, captures[:2]):
        done = run("report", *several, "--format", "sqlite")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--output" in done.stderr
        assert "Traceback" not in done.stderr
