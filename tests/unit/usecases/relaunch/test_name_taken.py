"""The way back where somebody took the name meanwhile: the original runs, and gets its name back later."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.core.relaunch.transaction import Stage, Transaction
from stratascope.state.journal import FileJournal
from stratascope.usecases.relaunch.rollback import NameTakenError, recover
from stratascope.value import replace
from unit.usecases.memory_engine import MemoryEngine
from unit.usecases.relaunch.relaunches import ALWAYS, as_before, transaction


def test_it_runs_at_once_and_is_renamed_later(tmp_path: Path) -> None:
    engine, journal = MemoryEngine(), FileJournal(tmp_path)
    old = engine.add("web.old-01234567", status="exited", policy="no")
    taker = engine.add("web", status="exited")
    made: Transaction = replace(transaction(engine, old), stage=Stage.STOPPED)
    journal.write(made)
    for _ in range(2):
        with pytest.raises(NameTakenError):
            recover(engine, journal, made)
        box = engine.boxes[old]
        assert (box.running.name, box.running.status, box.policy) == ("web.old-01234567", "running", ALWAYS)
        assert journal.all() == (made,)
    engine.remove(taker)
    assert recover(engine, journal, made) is False
    as_before(engine, old)
    assert journal.all() == ()
