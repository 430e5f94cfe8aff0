"""The golden capture as other tools are told of it, and readers of each format that refuse what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft202012Validator
from prometheus_client.parser import text_string_to_metric_families

from rig.places import GOLDEN
from stratascope.core.accepted import Acceptance, Accepted
from stratascope.core.snapshot import Snapshot
from stratascope.presentation import tool_formats
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.report_model import Report, report_of
from stratascope.state import capture_file
from stratascope.wiring.engines import assembler

GOLDEN = GOLDEN / "capture.json"
SCHEMAS = Path(__file__).parent / "schemas"
TODAY, LAST, OVER = date(2026, 12, 1), date(2027, 3, 31), date(2026, 11, 30)
RENDERERS: dict[str, Callable[[Report], str]] = {
    "sarif": tool_formats.sarif,
    "gitlab-quality": tool_formats.gitlab_quality,
    "gitlab-sast": tool_formats.gitlab_sast,
    "junit": tool_formats.junit,
    "prometheus": tool_formats.prometheus,
    "ndjson": tool_formats.ndjson,
}


@cache
def snapshot() -> Snapshot:
    return assembler().snapshot(capture_file.load(GOLDEN), demo=True)


@cache
def told() -> Report:
    return report_of(snapshot(), "0.1.0")


def accepting(*entries: Accepted) -> Annotations:
    return Annotations(Acceptance(entries, TODAY))


def read(name: str, text: str) -> Any:
    """What a consumer makes of it. Raises where it is not of that format."""
    text.encode("utf-8")  # no lone surrogate
    if name == "junit":
        return suites(text)
    if name == "prometheus":
        return list(text_string_to_metric_families(text))
    if name == "ndjson":
        return [json.loads(line) for line in text.split("\n")[:-1]]
    document = json.loads(text)
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
    return document


def suites(text: str) -> ElementTree.Element:
    """By the elements and attributes that CI systems read, their numbers added up anew."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for suite in root:
        assert suite.tag == "testsuite"
        cases = suite.findall("testcase")
        assert {each.tag for each in suite} <= {"testcase", "system-out"}
        names = [(each.get("classname"), each.get("name")) for each in cases]
        assert len(set(names)) == len(names)
        found = {
            "tests": len(cases),
            "failures": len(suite.findall("testcase/failure")),
            "errors": len(suite.findall("testcase/error")),
        }
        assert {name: int(suite.get(name, "-1")) for name in found} == found
        assert int(suite.get("skipped", "-1")) == len(suite.findall("testcase/skipped"))
        for name, count in found.items():
            totals[name] += count
    assert {name: int(root.get(name, "-1")) for name in totals} == totals
    return root
