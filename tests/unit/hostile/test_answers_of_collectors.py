"""What a machine behind ssh:// says of itself, with something odd in it: refused as no answer of a collector, or read
with a gap where it makes no sense. Each seed is one answer, as in `test_captures.py`."""

from __future__ import annotations

import json
import os
from random import Random
from typing import Any

import pytest

from stratascope.core.capture import Capture
from stratascope.core.snapshot import MachineCapture
from stratascope.presentation import json_report
from stratascope.probe.local import Entries, MalformedError, checked, checked_entries
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler
from unit.hostile.mutations import dumped, mutated
from unit.hostile.replays import documents, no_faults

COUNT = int(os.environ.get("STRATASCOPE_MUTATIONS", "200"))


def entry(reading: Any) -> list[Any]:
    if reading["text"] is not None:
        return [reading["name"], reading["source"], reading["text"]]
    gap = reading["gap"] or {"kind": "ABSENT", "errno": None, "detail": ""}
    return [reading["name"], reading["source"], None, gap["kind"], gap["errno"], gap["detail"]]


def process(capture: Any) -> list[Any]:
    return [capture["pid"], [entry(reading) for reading in capture["readings"]], []]


def answer(document: Any) -> Any:
    """As the collector would have said it: the host, and one container's processes."""
    found = document["record"]["containers"][0]["found"]
    members = [process(member) for member in found["members"]]
    host = [entry(reading) for reading in document["record"]["host"]["readings"]]
    return {"host": host, "found": [process(found["first"]), members, found["members_from"], 0]}


def told(machine: MachineCapture, text: str) -> bool:
    """Whether it is a collector's. The reply goes the way that it goes from a pipe (`probe/piped.py`)."""
    try:
        reply = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(reply, dict) or not {"host", "found"} <= reply.keys():
        return False
    try:
        host = Entries().capture(0, checked_entries(reply["host"]))
        found = Entries().found(checked(reply["found"]))
    except MalformedError:
        return False
    (container,) = machine.containers
    elsewhere = replace(
        machine,
        host=Capture(0, ()),
        containers=(replace(container, found=found),),
        hosts=((container.raw.engine, host),),
    )
    with no_faults():
        json.loads(json_report.render(assembler().snapshot(elsewhere)))
    return True


@pytest.mark.parametrize("batch", range(4))
def test_a_changed_answer_is_refused_or_a_gap(batch: int) -> None:
    found = [each for each in documents() if each["record"]["containers"][0]["found"]]
    read = 0
    for seed in range(batch, COUNT, 4):
        document = found[seed % len(found)]
        try:
            read += told(
                capture_file.loads(dumped(document), "FILE"), mutated(answer(document), Random(seed), 1 + seed % 2)
            )
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error
    assert read > COUNT // 20, "most changes are in texts, and those are read"


def test_an_answer_that_was_not_changed_is_read() -> None:
    document = documents()[-1]
    assert told(capture_file.loads(dumped(document), "FILE"), dumped(answer(document)))
    checked(json.loads('[[7, [], []], [], "cgroup", 3]'))


@pytest.mark.parametrize("pid", ["-1", "10000000000", "9" * 400, "1e3", "true"])
def test_a_process_has_a_number_that_a_kernel_gives(pid: str) -> None:
    with pytest.raises(MalformedError):
        checked(json.loads(f'[[{pid}, [], []], [], "cgroup", 0]'))
    with pytest.raises(MalformedError):
        checked(json.loads(f'[[7, [], []], [], "cgroup", {pid}]'))


@pytest.mark.parametrize("kind", [[], {}, None, 1, "denied"])
def test_a_gap_is_of_a_kind(kind: Any) -> None:
    with pytest.raises(MalformedError):
        checked_entries([["status", "/proc/1/status", None, kind, None, ""]])


@pytest.mark.parametrize("errno", ["-1", "9" * 400, "1.0", "false"])
def test_an_errno_is_one_of_the_kernel(errno: str) -> None:
    with pytest.raises(MalformedError):
        checked_entries(json.loads(f'[["status", "/proc/1/status", null, "DENIED", {errno}, ""]]'))
