"""The rig itself: what other tests rely on."""

from __future__ import annotations

from pathlib import Path

from rig.engine import Rig


def test_a_container_runs_and_is_seen_from_here(any_engine: Rig) -> None:
    with any_engine.container("--cap-drop", "ALL") as container:
        pid = any_engine.pid(container)
        assert Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x003600\x00"
        assert "CapBnd:\t0000000000000000" in Path(f"/proc/{pid}/status").read_text()
        assert any_engine.said(container, "id", "-u") == "0"
        assert any_engine.config(container)["process"]["args"] == ["sleep", "3600"]
        uid_map = Path(f"/proc/{pid}/uid_map").read_text().split()
        assert uid_map[1] == (str(any_engine.user[0]) if any_engine.user else "0")
    assert not Path(f"/proc/{pid}").exists()


def test_the_daemon_can_be_restarted(each_api: Rig) -> None:
    before = each_api.daemon_pids()
    each_api.stop()
    assert not set(before) & set(each_api.daemon_pids())
    each_api.start()
    assert each_api.daemon_pids()
    with each_api.container() as container:
        assert each_api.pid(container)
