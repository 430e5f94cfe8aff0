"""What a route through a program that gives rights says of them."""

from __future__ import annotations

import pytest

from stratascope.core.message import msg
from stratascope.core.threats.gain import Gain
from stratascope.core.threats.needs import Capability, Where
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.facts import gained
from stratascope.layers.capabilities.layer import LAYER
from stratascope.layers.capabilities.stances import posture_of, stance_of
from stratascope.linux.capability import CapabilitySet
from unit.layers.surroundings import around, capture, container

STATUS = "Name:\tx\nUid:\t1000 1000 1000 1000\nCapPrm:\t1\nCapEff:\t1\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\n"


@pytest.mark.parametrize(
    ("name", "reason", "source"),
    [("NET_RAW", "That program gives it NET_RAW.", "@root"), ("CHOWN", "It holds CHOWN.", "@status:CapEff")],
)
def test_what_only_a_program_gives_is_not_said_to_be_held(name: str, reason: str, source: str) -> None:
    facts = LAYER.decode(capture({"status": STATUS}), container(None), around())
    assert facts is not None
    gain = Gain(False, CapabilitySet.of(("CAP_NET_RAW", "CAP_CHOWN")).bits, "execve()", msg("through it"), ())
    posture = posture_of(gained(facts, gain), LAYER.asked(container(None)), around())
    ruling = stance_of(Capability((f"CAP_{name}",), Where.OWN), posture)
    assert ruling is not None
    assert (translate(ruling.reason), ruling.source) == (reason, source)
