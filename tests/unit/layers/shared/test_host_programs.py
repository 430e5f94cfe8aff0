"""Processes of other containers: of a rootless engine whose user namespace a recorded container can't name."""

from __future__ import annotations

import pytest

from stratascope.collector.names import HOST_PROGRAMS
from stratascope.core.capture import Capture, Reading
from stratascope.layers.shared.host_programs import in_sight
from stratascope.value import replace
from unit.layers.surroundings import around

_RECORDED, _REAL, _OTHER = 4026532001, 4026532111, 4026532222


@pytest.mark.parametrize(("uid", "expected"), [(100_999, {0}), (1000, {0xFF}), (777, set())])
def test_whoever_is_in_the_namespace_of_its_user(uid: int, expected: set[int]) -> None:
    """The engine's user made it, and those whom its containers start have other numbers."""
    surroundings = around(rootless=True)
    surroundings = replace(surroundings, engine=replace(surroundings.engine, daemon_uid=1000))
    text = f"1000 5 ff {_REAL} aa\n100999 5 0 {_REAL} bb\n777 5 0 {_OTHER} cc\n"
    readings = (Reading(HOST_PROGRAMS, "", text), Reading("ns/user", "", f"user:[{_RECORDED}]"))
    found = in_sight(Capture(1, readings), "dd", surroundings)
    assert set(replace(found, seen=True).sets_in_others(uid, 5, 0) or ()) == expected
