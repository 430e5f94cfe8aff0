"""What is new or worse since a report before, and which files are none."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import GOLDEN
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.presentation import json_report
from stratascope.presentation.annotations import Annotations, BaselineError, read_baseline
from stratascope.state import capture_file
from stratascope.value import replace
from stratascope.wiring.engines import assembler

GOLDEN = GOLDEN / "capture.json"


@cache
def snapshot() -> Snapshot:
    return assembler().snapshot(capture_file.load(GOLDEN), demo=True)


def document() -> dict[str, Any]:
    return json_report.document(snapshot())


def narrowed(before: dict[str, Any], now: Snapshot | None = None) -> tuple[ContainerState, ...]:
    return read_baseline(json.dumps(before).encode(), "before.json").narrowed(now or snapshot()).containers


def test_nothing_is_new_since_itself() -> None:
    assert narrowed(document()) == ()
    assert read_baseline(json.dumps(document()).encode(), "b").risen(snapshot()) == ()


def test_without_fingerprints_the_text_tells() -> None:
    before = document()
    for container in before["containers"]:
        for finding in container["findings"]:
            del finding["fingerprint"]
    assert narrowed(before) == ()


def test_a_new_container_is_new_as_a_whole() -> None:
    before = document()
    gone = before["containers"].pop()
    (state,) = narrowed(before)
    assert state.container.name == gone["name"]
    assert len(state.findings) == len(gone["findings"])
    assert [each.container.name for each in read_baseline(json.dumps(before).encode(), "b").risen(snapshot())] == [
        gone["name"]
    ]


def test_a_new_finding_and_a_worse_one() -> None:
    before = document()
    container = next(each for each in before["containers"] if len(each["findings"]) > 2)
    new = container["findings"].pop(0)
    worse = next(each for each in container["findings"] if each["severity"] != "low")
    worse["severity"] = Severity.LOW
    (state,) = narrowed(before)
    assert {each.code for each in state.findings} == {new["code"], worse["code"]}
    assert state.matrix is not None
    assert state.matrix.threats == ()
    annotations = Annotations(baseline=read_baseline(json.dumps(before).encode(), "b"))
    told = json.loads("".join(json_report.pieces(replace(snapshot(), containers=(state,)), annotations)))
    assert {each["code"]: each["since"] for each in told["containers"][0]["findings"]} == {
        new["code"]: "new",
        worse["code"]: "worse",
    }
    assert told["containers"][0]["before"] == {"exposure": container["exposure"]}


@pytest.mark.parametrize(("was", "is_new"), [("stopped", True), ("unknown", True), ("open", False)])
def test_a_threat_that_is_open_now(was: str, is_new: bool) -> None:
    before = document()
    container = next(
        each for each in before["containers"] if "open" in {t["outcome"] for t in each["threats"].values()}
    )
    name = next(name for name, each in container["threats"].items() if each["outcome"] == "open")
    container["threats"][name]["outcome"] = was
    found = narrowed(before)
    assert len(json_report.document(replace(snapshot(), containers=found))["containers"]) == len(found)
    assert bool(found) is is_new
    if found:
        assert found[0].matrix is not None
        assert [(each.threat.id, each.outcome) for each in found[0].matrix.threats] == [(name, Outcome.OPEN)]
        whole = read_baseline(json.dumps(before).encode(), "b").narrowed(snapshot(), every_threat=True).containers
        assert whole[0].matrix is not None
        assert len(whole[0].matrix.threats) == len(container["threats"])


def test_a_higher_exposure_alone() -> None:
    before = document()
    container = next(each for each in before["containers"] if each["exposure"])
    container["exposure"] -= 0.1
    (state,) = narrowed(before)
    assert state.container.name == container["name"]
    assert state.findings == ()


def test_what_can_no_longer_be_read_is_worse() -> None:
    state = next(each for each in snapshot().containers if each.matrix is not None)
    blind = replace(snapshot(), containers=(replace(state, matrix=None, findings=()),))
    assert len(narrowed(document(), blind)) == 1


def test_the_same_name_elsewhere_is_another_container() -> None:
    before = document()
    for engine in before["engines"]:
        engine["rootless"] = not engine["rootless"]
    assert len(narrowed(before)) == len(snapshot().containers)


CONTAINER = (
    '{"engines": [], "containers": [{"engine": "d", "name": "w", "exposure": %s, "findings": [], "threats": %s}]}'
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "[" * 100000,
        '{"engines": [], "containers": [{}]}',
        '{"engines": 3, "containers": []}',
        CONTAINER % ('"9"', "{}"),
        CONTAINER % ("9", '{"a": 1}'),
        CONTAINER % ("9", '{"a": {"outcome": "ajar"}}'),
    ],
)
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(BaselineError, match="JSON report"):
        read_baseline(text.encode(), "before.json")


KEYS = st.sampled_from(["engines", "containers", "engine", "name", "findings", "threats", "severity", "exposure"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside) | st.dictionaries(KEYS, inside),
)


@given(JSON)
def test_any_json_is_a_report_or_refused(found: Any) -> None:
    with suppress(BaselineError):
        read_baseline(json.dumps(found).encode(), "f")
