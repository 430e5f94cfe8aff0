"""The self-check: everything tried on disposable containers of real engines, of which nothing is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.twins.stage import left, stage_of
from rig.engine import Rig
from rig.places import CHECKOUT
from stratascope.attempts import build
from stratascope.usecases.attempts import self_check
from stratascope.wiring import attempts
from stratascope.wiring.hardening import open_hardening

ALL, FEW = self_check.CONFIGURATIONS, self_check.CONFIGURATIONS[3:5]


def checked(rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    build.build(CHECKOUT)
    with open_hardening((), stage_of(rig, folder, monkeypatch).journal) as found:
        results = list(attempts.self_check(found.accesses[0]))
    assert [each.configuration for each in results if each.why is None] == list(names)
    assert [outcome for each in results for outcome in each.differing] == []
    assert all(len(each.tried) >= 90 for each in results)
    assert left(rig) == []
    assert "stratascope-disposable" not in rig.run("images", "--format", "{{.Repository}}")


def test_a_few(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_check, "CONFIGURATIONS", FEW)
    checked(each_api, tmp_path, monkeypatch, tuple(each.name for each in FEW))


@pytest.mark.slow
def test_all(any_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(any_engine, tmp_path, monkeypatch, tuple(each.name for each in ALL))
