"""How long ago a relaunch was, whatever happens to the wall clock."""

from __future__ import annotations

import time

import pytest

from rig.core.transactions import PLAIN
from stratascope.core.relaunch.transaction import Transaction
from stratascope.usecases.relaunch.ages import age_of, begun_now
from stratascope.value import replace


@pytest.fixture
def done() -> Transaction:
    return begun_now(PLAIN)


@pytest.mark.parametrize("step", [-86400.0, 0.0, 86400.0])
def test_a_step_of_the_wall_clock_is_no_age(monkeypatch: pytest.MonkeyPatch, done: Transaction, step: float) -> None:
    earlier = replace(done, uptime=done.uptime - 3600.0)
    stepped = time.time() + step
    monkeypatch.setattr(time, "time", lambda: stepped)
    assert age_of(earlier) == pytest.approx(3600.0, abs=5.0)


def test_after_another_boot_the_wall_clock_is_all_there_is(done: Transaction) -> None:
    for boot in ("", "another"):
        before = replace(done, boot=boot, uptime=1e9, started_at=time.time() - 7200.0)
        assert age_of(before) == pytest.approx(7200.0, abs=5.0)
    assert age_of(replace(done, boot="another", started_at=time.time() + 7200.0)) == 0.0
