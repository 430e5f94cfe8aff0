"""An observer's stream that stops anywhere: asked for that it is the end, and else it has ended too early."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace
from typing import Any

import pytest

from stratascope.core.observation.events import End, Event, parse_event
from stratascope.core.ports import ProbeError
from stratascope.i18n.translate import translate
from stratascope.probe.observer import Observation, ObservationTarget

# One line of each kind that a container of Docker's made, which was refused all the time
STREAM = b"""\
["begin",674.111812,1,{"means":"tracepoint","clock_ticks":100,"attached":0.2638}]
["process",674.375799,16299,16276,"there","sleep","/bin/busybox"]
["user",674.478664,16299,0,0]
["device",674.478814,16299,"/dev/null"]
["call",675.689658,16348,"x86_64",202,1]
["capability",675.692386,16348,21,0,true,"x86_64",12,["cap_capable","security_vm_enough_memory_mm"],1]
["failed",675.705663,16348,"x86_64",233,1,true,[6,1,5,824633923508,0,0],"",1,{"tid":16348,"place":null,"checks":[]}]
["unseen",676.3065,"refusals","there are so many that most of them are left out"]
["exit",681.61805,16348,null,null]
["end",685.026088,"it was ended"]
"""
CUTS = range(len(STREAM))


class Ended:
    """In place of a prober: its child has said this, and is gone."""

    def __init__(self, said: bytes) -> None:
        reader, writer = os.pipe()
        os.write(writer, said)
        os.close(writer)
        silent, closed = os.pipe()
        os.close(closed)
        self.child = SimpleNamespace(
            stdin=io.FileIO(os.devnull, "w"), stdout=io.FileIO(reader, "r"), stderr=io.FileIO(silent, "r")
        )

    def close(self) -> None:
        for each in (self.child.stdin, self.child.stdout, self.child.stderr):
            each.close()


class Anything(ObservationTarget):
    def request(self) -> bytes:
        return b""


def read(said: bytes, *, closed: bool) -> tuple[list[Event], str]:
    """The events of a stream that stops there, and what is told of it; `closed`: that was asked for."""
    child: Any = Ended(said)
    observation = Observation(child, Anything(1))
    if closed:
        observation.close()
    events: list[Event] = []
    try:
        for event in observation:
            events.append(event)
    except ProbeError as error:
        return events, translate(error.message)
    return events, ""


def whole(said: bytes) -> list[Event]:
    return [parse_event(line.decode()) for line in said.split(b"\n")[:-1]]


def test_who_was_asked_to_end_may_stop_anywhere() -> None:
    wrong = [cut for cut in CUTS if read(STREAM[:cut], closed=True) != (whole(STREAM[:cut]), "")]
    assert wrong == []


def test_who_was_not_has_ended_too_early() -> None:
    found = [read(STREAM[:cut], closed=False) for cut in CUTS]
    assert [events for events, _ in found] == [whole(STREAM[:cut]) for cut in CUTS]
    assert {words.split(".")[0] for _, words in found} == {"The observer ended prematurely"}


def test_the_last_line_is_the_end() -> None:
    for closed in (True, False):
        events, words = read(STREAM + b"and more\n", closed=closed)
        assert (type(events[-1]), len(events), words) == (End, STREAM.count(b"\n"), "")


@pytest.mark.parametrize("closed", [True, False])
def test_a_line_within_another_is_nobody_s(closed: bool) -> None:
    """Whether it was asked to end or not: what is no line has not been said by an observer."""
    lines = STREAM.splitlines(keepends=True)
    events, words = read(b"".join([*lines[:5], lines[5][:40], *lines[6:]]), closed=closed)
    assert len(events) == 5
    assert "not Stratascope's observer" in words
