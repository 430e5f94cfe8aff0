"""GitLab's two reports: code quality (a list of findings beside a merge request) and SAST (security dashboard).

Neither knows of accepted findings: these are written with the least severity, and with who accepts them.
"""

from __future__ import annotations

import json
from typing import Any

from stratascope.presentation.report_model import Report, Result, left_out, notes, ranked, results
from stratascope.presentation.terms import timestamp

MOST = 5000
_QUALITY = ("blocker", "critical", "major", "minor")
_SAST = ("Critical", "High", "Medium", "Low")
_SAST_VERSION = "15.0.7"
_NAME, _SOLUTION = 255, 7000  # characters, by its schema
_TOOL = {"id": "stratascope", "name": "Stratascope", "vendor": {"name": "Stratascope"}}


def quality(report: Report) -> str:
    """A code quality report; what else a reader has to know is its last entry, which has no severity to speak of."""
    found, more = results(report, MOST)
    issues = [_issue(each) for each in found]
    if more:
        issues.append(_note(left_out(more, MOST), len(issues)))
    return json.dumps(issues, indent=1) + "\n"


def _issue(result: Result) -> dict[str, Any]:
    item = result.item
    return {
        "type": "issue",
        "check_name": item.code,
        "description": result.message,
        "categories": ["Security"],
        "fingerprint": item.fingerprint,
        "severity": ranked(item.severity, _QUALITY) if item.counts else "info",
        "location": {"path": result.path, "lines": {"begin": max(1, item.line)}},
    }


def _note(text: str, number: int) -> dict[str, Any]:
    return {
        "type": "issue",
        "check_name": "stratascope.left-out",
        "description": text,
        "categories": ["Security"],
        "fingerprint": f"{number:032x}",
        "severity": "info",
        "location": {"path": "containers", "lines": {"begin": 1}},
    }


def sast(report: Report) -> str:
    """A SAST report."""
    found, more = results(report, MOST)
    said = ([left_out(more, MOST)] if more else []) + notes(report)
    when = timestamp(report.taken_at)[:-1]  # its schema takes no zone
    tool = {**_TOOL, "version": report.version}
    document = {
        "version": _SAST_VERSION,
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "sast",
            "status": "success",
            "start_time": when,
            "end_time": when,
            "messages": [{"level": "warn", "value": text} for text in said],
        },
        "vulnerabilities": [_vulnerability(each) for each in found],
    }
    return json.dumps(document, indent=1) + "\n"


def _vulnerability(result: Result) -> dict[str, Any]:
    item = result.item
    return {
        "id": item.fingerprint,
        "category": "sast",
        "name": item.title[:_NAME],  # of the rule: its schema wants nothing of the one case in it
        "description": result.message,
        "severity": ranked(item.severity, _SAST) if item.counts else "Info",
        "solution": item.advice[:_SOLUTION],
        "identifiers": [{"type": "stratascope", "name": item.code, "value": item.code}],
        "location": {"file": result.path, "start_line": max(1, item.line)},
    }
