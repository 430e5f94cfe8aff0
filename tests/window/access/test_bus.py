"""On a real accessibility bus: the tree arrives with names, focus moves are sent, and something is announced."""

from __future__ import annotations

from pathlib import Path

import pytest

from window.access.on_bus import told_by


@pytest.mark.slow
def test_a_screen_reader_finds_the_window_on_the_bus(tmp_path: Path) -> None:
    found = told_by("window.access.bus", tmp_path)
    met = [(role, name) for role, name in found["met"]]
    names = {name for _, name in met}
    assert len(met) > 150
    assert any(role == "frame" and "Stratascope" in name for role, name in met)
    for name in ("Containers", "What a process could try", "Filter containers", "Try it safely"):
        assert name in names, sorted(names)[:80]
    assert any(role == "radio button" and name.startswith("Threats: ") for role, name in met)
    assert any(role == "list item" and name.endswith("open, critical") for role, name in met)
    assert any(role == "check box" and name.startswith("No new privileges") for role, name in met)
    assert len(set(found["focused"])) >= 3  # the rays, one after the other
    assert found["announced"] >= 1
