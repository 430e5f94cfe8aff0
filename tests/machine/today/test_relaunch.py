"""A relaunch that is proven, and undone, on today's engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, STAYS, Desk, start
from rig.engine import Rig

pytestmark = [pytest.mark.slow, pytest.mark.engines, pytest.mark.today]
UNMASKED = {"docker": "systempaths=unconfined", "podman": "unmask=ALL"}


@pytest.fixture
def desk(newer: Rig, tmp_path: Path) -> Iterator[Desk]:
    found = Desk(newer, tmp_path)
    yield found
    for name in found.all():
        newer.run("rm", "-f", *newer.at_once, name)


@pytest.mark.parametrize("options", [(), ("--privileged",), ("--security-opt", "{unmasked}")], ids=" ".join)
def test_hardened_proven_and_undone(desk: Desk, options: tuple[str, ...]) -> None:
    words = (option.format(unmasked=UNMASKED[desk.rig.kind]) for option in options)
    original = start(desk, "-v", "hardened-data:/data", *words)
    chosen = ["no-new-privileges=on", "capabilities=none", *(["privileged=off"] if "--privileged" in options else [])]
    code, last, err = desk.harden(*(word for each in chosen for word in ("--set", each)))
    assert (code, last["result"] in STAYS) == (0, True), (last, err)
    assert {item["outcome"] for item in last["toggles"]} == {"enforced"}
    assert last["after"]["exposure"] <= last["before"]["exposure"]
    assert desk.only_one_runs() == last["replacement_id"] != original
    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, err
    assert desk.only_one_runs() == original
