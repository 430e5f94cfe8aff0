"""Twins in the journal: beside the relaunches, and never taken for one."""

from __future__ import annotations

from pathlib import Path

from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.state.journal import FileJournal
from stratascope.state.pending import any_written

LATER = TwinRecord("0123456789abcdef", "docker", "unix:///d", "f" * 64, "web.twin-01234567", 2.0, "/watched")
SOONER = TwinRecord("fedcba9876543210", "docker", "unix:///d", "f" * 64, "web.twin-fedcba98", 1.0)


def test_twins_are_kept_until_they_are_forgotten(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    assert not any_written(tmp_path)
    for twin in (LATER, SOONER):
        journal.write_twin(twin)
    assert any_written(tmp_path)
    assert journal.twins() == (SOONER, LATER)
    assert journal.all() == ()
    journal.forget(LATER.id)  # a relaunch of that number is another thing
    journal.forget_twin(SOONER.id)
    assert journal.twins() == (LATER,)
    journal.forget_twin(SOONER.id)
    assert oct((tmp_path / f"{LATER.id}.twin").stat().st_mode)[-3:] == "600"


def test_one_that_can_not_be_read_hides_no_other(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    journal.write_twin(LATER)
    (tmp_path / "00000000.twin").write_text("{")
    assert journal.twins() == (LATER,)
