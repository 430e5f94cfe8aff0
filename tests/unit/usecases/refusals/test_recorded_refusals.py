"""Refusals of real containers: calls and the kernel's questions as the observer told them on kernel 6.18, Docker 26.1
and Podman 5.4, what stood around them read beside it. Each was refused by that layer alone: without it, it passed.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.core.refusals.moments import attempted
from rig.places import CAPTURES
from stratascope.core.refusals.refusal import Strength
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.linux.namespace import parse_idmap
from stratascope.usecases.refusals.explain import claim_of
from stratascope.value import replace
from unit.layers.surroundings import around, container

_RECORDED = [json.loads(line) for line in (CAPTURES / "denials" / "moments.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("moment", _RECORDED, ids=lambda each: str(each["case"]))
def test_the_layer_that_refused_it(moment: dict[str, Any]) -> None:
    maps = parse_idmap(moment["uid_map"]), parse_idmap(moment["gid_map"])
    attempt = replace(attempted(moment["moment"]), uids=maps[0], gids=maps[1])
    claim = claim_of(attempt, ContainerState(container(), ()), around())
    assert claim.layer == moment["layer"], translate(claim.what)
    assert claim.certain


def test_a_place_that_another_process_was_shown_is_no_proof() -> None:
    """The same layer, and not certain any more, unless the kernel itself says so."""
    found = []
    for moment in _RECORDED:
        maps = parse_idmap(moment["uid_map"]), parse_idmap(moment["gid_map"])
        attempt = replace(attempted(moment["moment"]), uids=maps[0], gids=maps[1])
        claim = claim_of(attempt, ContainerState(container(), ()), around())
        if attempt.around.place is not None and claim.strength is Strength.FITS:
            presumed = replace(attempt, around=replace(attempt.around, presumed=True))
            found.append((claim.layer, claim_of(presumed, ContainerState(container(), ()), around())))
    assert found
    assert all((claim.layer, claim.strength) == (layer, Strength.LIKELY) for layer, claim in found)
