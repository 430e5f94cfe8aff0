"""After an undo a container can be hardened again at once, and that undone: nothing that is set aside is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, desk_at, start
from rig.engine import Rig

WRITES = ("sh", "-c", "trap 'exit 0' TERM; echo x >> /data/starts; sleep 3600 & wait")


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found
    any_engine.run("volume", "rm", "-f", "hardened-data")


def starts(desk: Desk) -> int:
    """How often it was started. No exec: Podman's over the API may lose its output."""
    return len(Path(f"/proc/{desk.rig.pid(NAME)}/root/data/starts").read_text().split())


def test_hardened_and_undone_over_and_over(desk: Desk) -> None:
    """With a volume, a published port and a policy that restarts it; at the end it may be hardened once more."""
    options = ("--restart", "always", "-v", "hardened-data:/data", "-p", "127.0.0.1::8080")
    original = start(desk, *options, command=WRITES)
    hardened = []
    for turn in range(3):
        code, last, err = desk.harden("--set", "ulimit-core=0")
        assert (code, last["result"] in STAYS) == (0, True), (turn, last, err)
        hardened.append(desk.only_one_runs())
        assert hardened[-1] == last["replacement_id"]
        code, out, err = desk.run("undo", NAME, "--watch", "1")
        assert code == 0, (turn, out, err)
        assert desk.only_one_runs() == original
    assert len(set(hardened)) == 3
    assert starts(desk) == 7
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    assert desk.only_one_runs() == hardened[-1], "an undo can be undone"
    assert desk.run("undo", NAME, "--watch", "1")[0] == 0
    assert desk.only_one_runs() == original
    policy = desk.rig.run("inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", NAME).strip()
    assert policy == "always"
