"""Findings of real containers, relaunched with the very switches that are said to mend them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, start
from rig.engine import Rig
from stratascope.core.layer import Finding
from stratascope.usecases.plan.offers import Offer
from stratascope.wiring.hardening import open_hardening

WORSE = ("--cap-add", "SYS_ADMIN", "--pid", "host", "-v", "/etc:/host/etc")


def _looked(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> tuple[tuple[Finding, ...], Offer]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", f"{rig.kind}={rig.endpoint}")
    with open_hardening() as found:
        access, number = found.container(NAME)
        state = access.read(number)
        assert state is not None
        return state.findings, found.hardening.offer(state)


def test_what_is_said_to_be_mended_is_gone(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(each_api, tmp_path)
    try:
        start(desk, *WORSE)
        before, offer = _looked(monkeypatch, each_api)
        chosen = {option.key: option for each in before if (option := offer.mending(each)) is not None}
        assert "pid" in chosen
        assert "host-paths" in chosen or each_api.name.endswith("rootless"), "there /etc is out of its reach"
        assert any(key.startswith(("drop", "capabilities")) for key in chosen), "SYS_ADMIN can be taken away alone"
        # what needs more than the engine's own files is tried elsewhere
        chosen = {
            key: option for key, option in chosen.items() if option.toggle.id not in ("user", "userns", "seccomp")
        }
        promised = [finding for finding in before if any(each.mends_finding(finding) for each in chosen.values())]
        assert len({finding.code for finding in promised}) >= 4
        sets = [word for option in chosen.values() for word in ("--set", f"{option.toggle.id}={option.value}")]
        code, _, err = desk.harden(*sets)
        assert code == 0, err
        after, _ = _looked(monkeypatch, each_api)
        still = {(finding.code, finding.text) for finding in after}
        assert [finding.code for finding in promised if (finding.code, finding.text) in still] == []
        # and nothing but what was promised is gone, or what was asked for and only now is so
        kept = [each for each in before if each not in promised and ".drift-" not in each.code]
        assert {each.code for each in kept} <= {each.code for each in after}
    finally:
        for name in desk.all():
            each_api.run("rm", "-f", name)
