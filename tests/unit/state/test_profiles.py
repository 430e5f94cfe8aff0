"""Where filters are kept, and who may read them: the engine that starts containers by them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stratascope.core.relaunch.transaction import JournalError
from stratascope.state import needs

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user's engine")


@pytest.fixture(autouse=True)
def public(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for all, and a state folder, of this test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(needs, "PUBLIC", tmp_path / "lib/stratascope/seccomp")
    return needs.PUBLIC


def test_one_s_own_is_closed_to_others(tmp_path: Path) -> None:
    path = Path(needs.profile_path("{}", reader=os.geteuid()))
    needs.keep_profile(str(path), "{}")
    assert path.is_relative_to(tmp_path / "state")
    assert path.read_text() == "{}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_root
def test_another_user_s_engine_can_read_it(public: Path) -> None:
    """Whatever the umask, and also where it lies there closed."""
    path = Path(needs.profile_path("{}", reader=1000))
    old = os.umask(0o077)
    try:
        needs.keep_profile(str(path), "{}")
    finally:
        os.umask(old)
    assert path.parent == public
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, public, public.parent)] == [0o644, 0o755, 0o755]


@needs_root
def test_not_where_others_could_change_it(public: Path) -> None:
    public.mkdir(parents=True)
    os.chown(public, 1000, 1000)
    with pytest.raises(JournalError):
        needs.keep_profile(needs.profile_path("{}", reader=1000), "{}")
