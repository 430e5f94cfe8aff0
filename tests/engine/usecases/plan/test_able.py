"""Choices that can't be done here, beside others: which are left, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.engine import Rig
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import parse
from stratascope.usecases.plan.look import look
from stratascope.usecases.plan.plan import able
from stratascope.wiring.hardening import open_hardening

WANTED = tuple(map(parse, ("no-new-privileges=on", "user=1000:1000", "volume-owner=change", "tmpfs=/own,/run")))


def test_one_no_is_no_reason_against_the_rest(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A volume that another container has, too, keeps its owners; where it is there can be no tmpfs."""
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{each_api.kind}={each_api.endpoint}")
    desk = Desk(each_api, tmp_path)
    try:
        start(desk, "-v", "able-volume:/own")
        each_api.run("run", "-d", "--name", "able-other", "-v", "able-volume:/own", "busybox", "sleep", "3600")
        with open_hardening() as found:
            access, number = found.container(NAME)
            left, against = able(access, look(access, number), WANTED)
            assert left == WANTED[:2]
            assert {item.id for item, _ in against} == {"volume-owner", "tmpfs"}
            said = {item.id: translate(why) for item, why in against}
            assert "Other containers also use these volumes" in said["volume-owner"]
            assert "/own" in said["tmpfs"]
            assert able(access, look(access, number), WANTED[:2]) == (WANTED[:2], ())
    finally:
        each_api.remove("able-other", NAME)
        each_api.run("volume", "rm", "-f", "able-volume", check=False)
