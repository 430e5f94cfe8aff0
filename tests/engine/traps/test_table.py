"""The table of traps points at tests that are there."""

from __future__ import annotations

import re

import pytest

from engine.traps.ledger import ELSEWHERE, Ledger
from rig.places import CHECKOUT

ROOT = CHECKOUT


@pytest.mark.parametrize("where", sorted({where for _, where in ELSEWHERE}))
def test_what_is_proven_elsewhere_is_there(where: str) -> None:
    path, _, name = where.partition("::")
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), where


def test_engines_of_one_outcome_share_a_line() -> None:
    ledger = Ledger()
    assert ledger.table() == []
    for engine in ("one", "two", "one"):
        ledger.write("a trap", engine, "refused")
    ledger.write("a trap", "three", "can't happen")
    lines = ledger.table()
    assert lines[2:4] == ["a trap | one, two | refused", "a trap | three | can't happen"]
    assert len(lines) == 4 + len(ELSEWHERE)
