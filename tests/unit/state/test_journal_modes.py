"""Who may read the journal, whatever the umask says; and what is said of one that can't be read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.transaction import Damaged, Stage, Transaction, TransactionKind
from stratascope.state.journal import FileJournal


def _transaction() -> Transaction:
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
        inspect='{"Config": {"Env": ["PASSWORD=hunter2"]}}',
    )


def test_only_its_owner_can_read_the_journal(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "relaunches"
    journal = FileJournal(folder)
    before = os.umask(0)
    try:
        journal.write(_transaction())
        with journal.hold("docker", "a" * 64):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert any("hunter2" in path.read_text() for path in files)
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * len(files)
    assert len(files) > 1


def test_what_is_no_folder_is_told_and_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    assert FileJournal(tmp_path / "nothing").all() == ()
    path = tmp_path / "relaunches"
    path.write_text("")
    (found,) = FileJournal(path).all()
    assert found == Damaged(str(path), "Not a directory")


def test_an_entry_that_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" * 100_000)
    (tmp_path / "y.json").write_text('{"version": 1, "transaction": {"further": ' + "[" * 100_000)
    assert [type(each) for each in FileJournal(tmp_path).all()] == [Damaged, Damaged]
