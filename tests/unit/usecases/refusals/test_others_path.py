"""A path that was read too late, when its memory held another: told as not known, and not as what was refused."""

from __future__ import annotations

from rig.core.refusals.moments import around, call, mount, place
from stratascope.core.refusals.refusal import Attempt, Refusal
from stratascope.core.refusals.ring import RefusalEntry
from stratascope.core.snapshot import ContainerState
from stratascope.usecases.refusals.explain import Explainer
from unit.layers.surroundings import around as surroundings
from unit.layers.surroundings import container


def told(attempt: Attempt) -> Refusal:
    state = ContainerState(container(), ())
    (found,) = Explainer(state, surroundings()).denials([RefusalEntry("1", attempt, 0.0, 0.0, 1, 7)], 0.0)
    return found


def test_a_mount_that_can_be_written_does_not_answer_that_it_is_read_only() -> None:
    late = call("mkdir", 30, path="/EawlnU", said=around(place=place("/EawlnU", None, on=mount("/", "rw,relatime"))))
    assert told(late).path == ""
    right = call("mkdir", 30, path="/tmp/x", said=around(place=place("/tmp/x", None, on=mount("/tmp", "ro,relatime"))))
    assert told(right).path == "/tmp/x"


def test_of_two_paths_the_other_may_be_the_one() -> None:
    said = around(place=place("/tmp/x", None, on=mount("/tmp", "rw,relatime")))
    assert told(call("rename", 30, path="/tmp/x", said=said)).path == "/tmp/x"
