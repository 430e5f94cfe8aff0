"""Which container a person means by a word."""

from __future__ import annotations

from rig.window import sample
from stratascope.core.container import matching
from stratascope.value import replace


def test_a_name_or_whole_id_goes_before_an_id_that_begins_so() -> None:
    first = sample.states()[0].container
    named = replace(first, id="1" * 64, name="cafe")
    other, third = replace(first, id="cafe" * 16, name="web"), replace(first, id="cafe" + "0" * 60, name="db")
    all_ = (other, named, third)
    assert matching("cafe", all_) == (named,)
    assert matching("cafec", all_) == (other,)
    assert matching("cafe", (other, third)) == (other, third)
    assert matching("cafe" * 16, all_) == (other,)
    assert matching("ca", (other, third)) == (), "too short to mean anything"
    assert matching("nobody", all_) == ()
