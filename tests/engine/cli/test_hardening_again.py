"""After an undo a container can be hardened again at once, and that undone: nothing that is set aside is in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, desk_at, start
from rig.engine import Rig
from rig.fixtures import Engines

SERVES = ("sh", "-c", "trap 'exit 0' TERM; httpd -p 8080 -h /data; sleep 3600 & wait")
ASKS = "for _ in 1 2 3 4 5; do wget -qO- http://127.0.0.1:8080/mark | grep -qx kept && exit; sleep 1; done; exit 9"
WRITES = ("sh", "-c", "trap 'exit 0' TERM; echo x >> /data/starts; sleep 3600 & wait")


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found


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


def reached(desk: Desk, other: str) -> None:
    """What it serves of its data, from the namespace that both are in."""
    desk.rig.run("exec", other, "sh", "-c", ASKS)


def settings(desk: Desk) -> dict[str, Any]:
    """What it was made with, without what its start makes."""
    found = desk.rig.inspect(NAME)
    return {key: found[key] for key in ("Id", "Config", "HostConfig")}


def bounding(desk: Desk) -> int:
    """From the kernel."""
    lines = Path(f"/proc/{desk.rig.pid(NAME)}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("CapBnd")), 16)


@pytest.mark.parametrize("engine", ["docker_rootful", "podman_rootful"])
@pytest.mark.slow
def test_a_privileged_one_whose_namespaces_others_use(engines: Engines, engine: str, tmp_path: Path) -> None:
    other = "hardened-beside"
    with desk_at(engines.get(engine), tmp_path) as desk:
        try:
            start(desk, "--privileged", "--restart", "always", "-v", "hardened-data:/data", command=SERVES)
            desk.rig.run("exec", NAME, "sh", "-c", "echo kept > /data/mark")
            shares = ("--network", f"container:{NAME}", "--pid", f"container:{NAME}")
            desk.rig.run("run", "-d", "--name", other, *shares, "busybox", "sleep", "3600")
            before, all_of_them = settings(desk), bounding(desk)
            for turn in range(2):
                code, last, err = desk.harden("--preset", "critical", "--with-dependents")
                assert (code, last["result"] in STAYS) == (0, True), (turn, last, err)
                assert bounding(desk) < all_of_them
                reached(desk, other)
                code, out, err = desk.run("undo", NAME, "--watch", "1")
                assert code == 0, (turn, out, err)
                reached(desk, other)
                assert settings(desk) == before
        finally:
            for name in [other, *desk.all()] * 2:  # those that others need can only be removed after these
                desk.rig.run("rm", "-f", name, check=False)
