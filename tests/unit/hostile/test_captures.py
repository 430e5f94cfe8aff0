"""Captures, journals and settings of any content: a sentence or a report, and never a traceback.

Each seed is one document with something odd in it (`mutations.py`); `STRATASCOPE_MUTATIONS=20000` tries so many.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.cli.command_line import run
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.ground import decode_ground
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.i18n.translate import translate
from stratascope.state.journal import FileJournal
from stratascope.state.preferences import TABLE
from stratascope.state.settings import Settings
from unit.hostile.mutations import VALUES, dumped, mutated
from unit.hostile.replays import documents, replayed

COUNT = int(os.environ.get("STRATASCOPE_MUTATIONS", "200"))
BATCHES = 8


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_changed_capture_is_reported_or_refused(batch: int) -> None:
    found = documents()
    for seed in range(batch, COUNT, BATCHES):
        text = mutated(found[seed % len(found)], Random(seed), 1 + seed % 3)
        try:
            replayed(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def with_reading(name: str, text: str) -> Any:
    """A capture in which one reading of the first process is another; the last of those with all of them."""
    document = json.loads(dumped(documents()[-1]))
    readings = document["record"]["containers"][0]["found"]["first"]["readings"]
    readings[:] = [each for each in readings if each["name"] != name]
    readings.append({"name": name, "source": name, "text": text, "gap": None})
    return document


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cgroup:devices:0:devices.list", "c 1:2:3 rwm\n"),
        ("cgroup:devices:0:devices.list", "b 1 rwm\n"),
        ("cgroup:memory:" + "9" * 5000 + ":memory.limit_in_bytes", "1\n"),
        ("cgroup:memory:" + "9" * 12 + ":memory.limit_in_bytes", "1\n"),
        ("status", "a" * (100 << 20)),
        ("mountinfo", "1 1 0:1 / / rw - tmpfs tmpfs rw\n" * (1 << 20)),
    ],
    ids=["three numbers", "one number", "a level of 5000 digits", "a level far up", "100 MB", "a million lines"],
)  # fmt: skip
def test_a_reading_that_makes_no_sense(name: str, text: str) -> None:
    assert replayed(dumped(with_reading(name, text)))


@pytest.mark.parametrize("boot", ["1e400", "nan", "-1", "1e300"])
def test_a_machine_that_was_started_at_no_time(boot: str) -> None:
    ground = decode_ground(Capture(0, (Reading("clock:boot_time", "clock", boot),)))
    assert ground.boot_time is None


def test_a_reading_longer_than_any_is_a_gap() -> None:
    capture = Capture(1, (Reading("status", "s", "x" * ((1 << 20) + 1)), Reading("comm", "c", "x" * (1 << 20))))
    found = capture.text("status")
    assert isinstance(found, Gap)
    assert found.kind is GapKind.UNPARSED
    assert capture.text("comm") == "x" * (1 << 20)


@pytest.mark.parametrize(
    "text",
    [
        '{"format": "stratascope-capture", "version": 1, "record": {"\\ud800": 1}}',
        '{"format": "stratascope-capture", "version": 1, "record": {"host": {"\\ud800": [{"\\udfff": 1}]}}}',
        '{"format": "stratascope-capture", "version": 1, "record": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"format": "stratascope-capture", "version": 1, "record": ' + "9" * 5000 + "}",
        '{"format": "stratascope-capture", "version": true}',
        '{"format": "\\ud800", "version": {}}',
        "[" * 100_000,
        "1e400",
        "",
        "\udcff",
    ],
)
def test_what_is_no_capture_gets_one_sentence(text: str, tmp_path: Path) -> None:
    file = tmp_path / "capture.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    for words in (("--json",), ("--html", str(tmp_path / "page.html")), ()):
        done = run("report", "--from-capture", str(file), *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("stratascope: ")
        assert len(done.stderr.splitlines()) == 1


def transaction() -> Transaction:
    policy = RestartPolicy("no", 0)
    return Transaction(
        id="ab" * 8,
        kind=next(iter(TransactionKind)),
        stage=Stage.INTENT,
        engine="docker",
        endpoint="unix:///run/docker.sock",
        name="web",
        old="a" * 64,
        new="",
        created=True,
        old_aside="web-old",
        new_aside="web-new",
        restart=policy,
        new_restart=policy,
        was_running=True,
        stop_timeout=10,
        started_at=1.0,
        inspect='{"Config": {}}',
    )


def test_a_changed_journal_is_told_as_damaged_or_read(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "relaunches")
    journal.write(transaction())
    (path,) = journal.folder.iterdir()
    whole = json.loads(path.read_text())
    for seed in range(10 * COUNT):
        path.write_bytes(mutated(whole, Random(seed), 1 + seed % 2).encode("utf-8", "surrogatepass"))
        (found,) = journal.all()
        assert repr(found)


def test_changed_settings_are_no_reason_not_to_start(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    whole = {"version": 1, "theme": "dark", "refresh": "2", "watch": "10", "engines": "ssh://a", "language": "ja"}
    for seed in range(2 * COUNT):
        path.write_bytes(mutated(whole, Random(seed), 1 + seed % 2).encode("utf-8", "surrogatepass"))
        settings = Settings(path)
        for preference in TABLE:
            preference.of(settings)
        settings.set("theme", "light" if seed % 2 else "auto")
        for message in (settings.trouble, settings.unkept):
            assert message is None or translate(message)
        for left in tmp_path.glob("*damaged*"):
            left.unlink()


ANY = st.recursive(
    st.sampled_from([each for each in VALUES if not isinstance(each, dict)]) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(ANY)
def test_any_record(value: Any) -> None:
    replayed(dumped({"format": "stratascope-capture", "version": 1, "record": value}))
