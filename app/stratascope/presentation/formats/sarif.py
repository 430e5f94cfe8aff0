"""SARIF 2.1.0 (OASIS): for code scanning in GitHub and others.

GitHub takes at most 25,000 results of a run and shows the 5,000 worst, so that no more are written; it shows a result
at a place of a file only, so that what has none gets a name of that form beside its logical location. What somebody
accepts is a result with an accepted suppression.
"""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.message import msg
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.report_model import Report, Result, accepted_text, left_out, notes, ranked, results
from stratascope.presentation.terms import timestamp

MOST = 5000
_LEVELS = ("error", "error", "warning", "note")
_SCORES = ("9.5", "8.0", "5.5", "2.5")  # as GitHub bands them: from 9.0, 7.0, 4.0, and above 0
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_KEY = "stratascope/v1"


def render(report: Report) -> str:
    """The whole log, of one run."""
    found, more = results(report, MOST)
    codes = {code: place for place, code in enumerate(dict.fromkeys(each.item.code for each in found))}
    first = {each.item.code: each for each in reversed(found)}
    said = [left_out(more, MOST)] if more else []
    run = {
        "tool": {
            "driver": {
                "name": "Stratascope",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": [_rule(first[code]) for code in codes],
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "endTimeUtc": timestamp(report.taken_at),
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": text}} for text in (*said, *notes(report))
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes[each.item.code], report.compared) for each in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(example: Result) -> dict[str, Any]:
    item = example.item
    return {
        "id": item.code,
        "shortDescription": {"text": item.title},
        "fullDescription": {"text": item.text if item.threat else _role(item.layer) or item.title},
        "help": {"text": item.advice or item.title},
        "defaultConfiguration": {"level": ranked(item.severity, _LEVELS)},
        "properties": {
            "tags": ["security", "container", item.layer, *item.refs],
            "security-severity": ranked(item.severity, _SCORES),
            "precision": "very-high",
        },
    }


def _role(layer: str) -> str:
    """What the layer of a finding is for: the same in each report, which the finding's own words are not."""
    about = next((each.about for each in all_layers() if each.id == layer), None)
    return "" if about is None else translate(msg("{title}: {what}", title=about.title, what=about.role))


def _result(result: Result, rule: int, compared: bool) -> dict[str, Any]:
    item, subject = result.item, result.subject
    found: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": ranked(item.severity, _LEVELS),
        "message": {"text": result.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": result.location},
                    "region": {"startLine": max(1, item.line)},
                },
                "logicalLocations": [
                    {"name": subject.name, "kind": "container", "fullyQualifiedName": f"{subject.kind}/{subject.name}"}
                ],
            }
        ],
        "partialFingerprints": {_KEY: item.fingerprint},
        "properties": {
            "severity": item.severity.value,
            "engine": subject.engine,
            "image": subject.image,
            "exposure": subject.exposure,
            "source": item.source,
            "machines": list(result.machines),
        },
    }
    if item.standing is not None and not item.standing.expired:
        why = accepted_text(item.standing)
        found["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    if compared:
        found["baselineState"] = "updated" if item.since == "worse" else "new"
    return found
