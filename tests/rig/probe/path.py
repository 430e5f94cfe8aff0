"""A test's own PATH, with only the helpers and privilege programs that the test puts there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.probe.helper import elevated


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, for a user who is not root and has no helper installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(elevated, "already_root", lambda: False)
    monkeypatch.setattr(elevated, "HELPER", str(tmp_path / "helper"))
    monkeypatch.setenv("PATH", str(folder))
    return folder
