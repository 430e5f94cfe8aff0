"""Formats for other tools, one function each: SARIF, JUnit, GitLab's reports, NDJSON, Prometheus' text and SQLite.

Each renders a `report_model.Report`, so that `report` and `check` write the same formats, for one machine or many. Text
is sanitised, for example because not every reader accepts a lone surrogate.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stratascope.core.message import colon, msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.report_model import (
    Item,
    Report,
    Result,
    Subject,
    accepted_text,
    item_object,
    left_out,
    machine_object,
    notes,
    ranked,
    results,
)
from stratascope.presentation.terms import timestamp

RESULTS_MOST = 5000
_LEVELS = ("error", "error", "warning", "note")
_SCORES = ("9.5", "8.0", "5.5", "2.5")  # within GitHub's ranges, which start at 9.0, 7.0, 4.0, and above 0
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_KEY = "stratascope/v1"


def sarif(report: Report) -> str:
    """SARIF 2.1.0 (OASIS), for code scanning in GitHub and others: a log of one run.

    GitHub accepts at most 25,000 results per run and shows the worst 5,000, so no more are written. It shows only
    results with a file location, so a result without one gets a pseudo path in addition to its logical location. An
    accepted finding is a result with an accepted suppression.
    """
    found, more = results(report, RESULTS_MOST)
    codes = {code: place for place, code in enumerate(dict.fromkeys(each.item.code for each in found))}
    first = {each.item.code: each for each in reversed(found)}
    said = [left_out(more, RESULTS_MOST)] if more else []
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
    """The role of a finding's layer: unlike the finding's text, it is the same in every report."""
    about = next((each.about for each in all_layers() if each.id == layer), None)
    return "" if about is None else translate(colon(about.title, about.role))


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


TESTS_MOST = 25000  # tests
_COUNTED = ("tests", "failures", "errors")


def junit(report: Report) -> str:
    """JUnit's XML as CI systems read it: one suite per container, one test per finding; accepted ones are skipped.

    A container without findings has one passed test, and an unread container has an error, so that it does not seem
    safe.
    """
    suites = Element("testsuites", name="Stratascope")
    room, more = TESTS_MOST, 0
    for subject in report.subjects:
        kept = subject.items[:room]
        room -= len(kept)
        more += len(subject.items) - len(kept)
        _junit_suite(suites, subject, kept, report)
    for name in _COUNTED:
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    suites.set("time", "0")
    said = ([left_out(more, TESTS_MOST)] if more else []) + notes(report)
    if said:
        suite = SubElement(suites, "testsuite", name="stratascope", tests="0", failures="0", errors="0", skipped="0",
                           time="0")  # fmt: skip
        SubElement(suite, "system-out").text = "\n".join(map(_xml, said))
    indent(suites, space="")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _junit_suite(suites: Element, subject: Subject, items: tuple[Item, ...], report: Report) -> None:
    where = _xml("/".join((*subject.machines[:1], subject.engine, subject.name)))
    suite = SubElement(suites, "testsuite", name=where)
    for item in items:
        _junit_case(suite, where, item)
    failures = sum(item.counts for item in items)
    if not subject.known:
        why = translate(msg("Nothing is known about {name}, which is running.", name=subject.name))
        SubElement(_open_case(suite, where, "known"), "error", message=_xml(why), type="unknown")
    elif not items:
        _open_case(suite, where, "looked-at")
    numbers = (len(suite), failures, int(not subject.known), len(items) - failures)
    for name, number in zip((*_COUNTED, "skipped"), numbers, strict=True):
        suite.set(name, str(number))
    suite.set("time", "0")
    suite.set("timestamp", timestamp(report.taken_at)[:-1])
    if len(subject.machines) > 1:
        SubElement(suite, "system-out").text = _xml(", ".join(subject.machines))


def _junit_case(suite: Element, where: str, item: Item) -> None:
    case = _open_case(suite, where, f"{item.code} {item.fingerprint[:8]}")
    if item.file:
        case.set("file", _xml(item.file))
        case.set("line", str(item.line))
    if not item.counts and item.standing is not None:
        SubElement(case, "skipped", message=_xml(accepted_text(item.standing)))
        return
    lines = [item.text, item.advice, item.source, *item.refs]
    if item.standing is not None:
        lines.insert(0, accepted_text(item.standing))
    failure = SubElement(case, "failure", message=_xml(item.text), type=item.severity.value)
    failure.text = "\n".join(_xml(line) for line in lines if line)


def _open_case(suite: Element, where: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=where, name=_xml(name), time="0")


def _xml(value: str) -> str:
    """Text for XML 1.0, which also excludes U+FFFE and U+FFFF, although these are no control characters."""
    return plain(value).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


_QUALITY = ("blocker", "critical", "major", "minor")
_SAST = ("Critical", "High", "Medium", "Low")
_SAST_VERSION = "15.0.7"
_NAME_MOST, _SOLUTION_MOST = 255, 7000  # characters, by GitLab's schema
_TOOL = {"id": "stratascope", "name": "Stratascope", "vendor": {"name": "Stratascope"}}


def gitlab_quality(report: Report) -> str:
    """GitLab's code quality report: a list of findings shown next to a merge request.

    Notes for the reader are its last entry, with the lowest severity. GitLab has no accepted findings: these are
    written with the lowest severity, and with who accepts them.
    """
    found, more = results(report, RESULTS_MOST)
    issues = [_issue(each) for each in found]
    if more:
        issues.append(_note(left_out(more, RESULTS_MOST), len(issues)))
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


def gitlab_sast(report: Report) -> str:
    """GitLab's report for its security dashboard."""
    found, more = results(report, RESULTS_MOST)
    said = ([left_out(more, RESULTS_MOST)] if more else []) + notes(report)
    when = timestamp(report.taken_at)[:-1]  # GitLab's schema allows no time zone
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
        "name": item.title[:_NAME_MOST],  # the rule's title: the schema wants no details of the single case here
        "description": result.message,
        "severity": ranked(item.severity, _SAST) if item.counts else "Info",
        "solution": item.advice[:_SOLUTION_MOST],
        "identifiers": [{"type": "stratascope", "name": item.code, "value": item.code}],
        "location": {"file": result.path, "start_line": max(1, item.line)},
    }


def ndjson(report: Report) -> str:
    """One self-contained JSON object per line, for log shippers: Fluent Bit, Wazuh, OpenTelemetry's collector.

    `type`: machine, container, finding or note.
    """
    return "".join(json.dumps(each) + "\n" for each in _objects(report))


def _objects(report: Report) -> Iterator[dict[str, Any]]:
    head = {"schema": SCHEMA, "at": timestamp(report.taken_at)}
    for machine in report.machines:
        yield {**head, "type": "machine", **machine_object(machine), "version": report.version}
    for subject in report.subjects:
        whose = {"machines": list(subject.machines), "engine": subject.engine, "name": subject.name}
        yield {**head, "type": "container", **whose, **_container_object(subject)}
        for item in subject.items:
            yield {**head, "type": "finding", **whose, "image": subject.image, **item_object(item)}
    for text in notes(report):
        yield {**head, "type": "note", "text": text}


def _container_object(subject: Subject) -> dict[str, Any]:
    counting = [item for item in subject.items if item.counts]
    return {
        "image": subject.image,
        "status": subject.status,
        "known": subject.known,
        "exposure": subject.exposure,
        "exposure_at_best": subject.at_best,
        "exposure_verified": subject.verified,
        "layers": dict(subject.verdicts),
        "findings": sum(not item.threat for item in counting),
        "serious_threats": sum(item.threat for item in counting),
        "accepted": len(subject.items) - len(counting),
    }


CONTAINERS_MOST = 5000  # containers, the most exposed first
Labels = tuple[tuple[str, str], ...]
METRICS = {
    "stratascope_info": "Version of Stratascope.",
    "stratascope_last_run_timestamp_seconds": "When this was read, in seconds since the epoch.",
    "stratascope_machine_containers": "Containers of a machine, running or not.",
    "stratascope_engine_up": "Whether an engine answered.",
    "stratascope_engine_unseen": "Engines that may run containers of which nothing is known.",
    "stratascope_container_exposure": "Exposure from 0 to 10, with what is not known as let through.",
    "stratascope_container_exposure_at_best": "Exposure from 0 to 10, with what is not known as stopped.",
    "stratascope_container_exposure_verified": "Exposure from 0 to 10, by what the kernel says alone.",
    "stratascope_container_unknown": "1 where a container runs and nothing is known of it.",
    "stratascope_container_findings": "Findings that count, by severity.",
    "stratascope_container_findings_accepted": "Findings that somebody accepts.",
    "stratascope_container_threats": "Threats that are open or not known, by severity.",
    "stratascope_container_layer_open": "1 where a layer is open, 0.5 where it is weakened, 0 where it is enforced.",
    "stratascope_exceptions_expired": "Findings that count again, since their exception has expired.",
    "stratascope_exceptions_unused": "Exceptions that fit nothing that was found.",
    "stratascope_containers_left_out": "Containers without samples of their own, since there are too many.",
}
_LAYERS = {"OPEN": 1.0, "WEAKENED": 0.5, "ENFORCED": 0.0}
_SEVERITIES = ("critical", "high", "medium", "low")


def prometheus(report: Report) -> str:
    """Prometheus' text format, for node_exporter's textfile collector; samples have no timestamps.

    Labels have bounded cardinality: no ids, no PIDs, no finding codes.
    """
    found: dict[str, dict[Labels, float]] = {name: {} for name in METRICS}
    for name, labels, value in _samples(report):
        found[name][labels] = max(value, found[name].get(labels, value))  # sanitised names may be equal
    return "".join(_metric(name, samples) for name, samples in found.items() if samples)


def _metric(name: str, samples: dict[Labels, float]) -> str:
    lines = [f"# HELP {name} {METRICS[name]}", f"# TYPE {name} gauge"]
    lines += [f"{name}{_braces(labels)} {value:.15g}" for labels, value in samples.items()]
    return "\n".join(lines) + "\n"


def _samples(report: Report) -> Iterator[tuple[str, Labels, float]]:
    yield "stratascope_info", (("version", report.version),), 1
    for machine in report.machines:
        where: Labels = (("machine", machine.name),) if machine.name else ()
        yield "stratascope_last_run_timestamp_seconds", where, machine.taken_at
        yield "stratascope_machine_containers", where, machine.containers
        yield "stratascope_engine_unseen", where, len(machine.unseen)
        for engine, kind, state in machine.engines:
            yield "stratascope_engine_up", (*where, ("engine", engine), ("kind", kind)), float(state == "connected")
    yield "stratascope_exceptions_expired", (), report.expired
    yield "stratascope_exceptions_unused", (), len(report.unused)
    left = CONTAINERS_MOST
    for subject in report.subjects:
        names = subject.machines or ("",)
        for machine_name in names[:left]:
            yield from _container_samples(subject, (("machine", machine_name),) if machine_name else ())
        left = max(0, left - len(names))
    total = sum(len(subject.machines) or 1 for subject in report.subjects)
    yield "stratascope_containers_left_out", (), max(0, total - CONTAINERS_MOST)


def _container_samples(subject: Subject, where: Labels) -> Iterator[tuple[str, Labels, float]]:
    prefix = "stratascope_container"
    labels = (*where, ("engine", subject.engine), ("name", subject.name))
    for name, value in (("exposure", subject.exposure), ("exposure_at_best", subject.at_best),
                        ("exposure_verified", subject.verified)):  # fmt: skip
        if value is not None:
            yield f"{prefix}_{name}", (*labels, ("image", subject.image)), value
    yield f"{prefix}_unknown", labels, float(not subject.known)
    if subject.exposure is None:
        return
    findings = [item for item in subject.items if not item.threat]
    counted = [item.severity.value for item in findings if item.counts]
    for severity in _SEVERITIES:
        yield f"{prefix}_findings", (*labels, ("severity", severity)), counted.count(severity)
    yield f"{prefix}_findings_accepted", labels, sum(not item.counts for item in findings)
    threats = [(outcome, severity) for _, outcome, severity in subject.threats]
    for outcome in ("open", "unknown"):
        for severity in _SEVERITIES:
            yield (f"{prefix}_threats", (*labels, ("outcome", outcome), ("severity", severity)),
                   threats.count((outcome, severity)))  # fmt: skip
    for layer, verdict in subject.verdicts:
        if verdict in _LAYERS:
            yield f"{prefix}_layer_open", (*labels, ("layer", layer)), _LAYERS[verdict]


def _braces(labels: Iterable[tuple[str, str]]) -> str:
    words = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{words}}}" if words else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_TABLES = {
    "machines": "machine, taken_at, kernel, containers, exposure, version",
    "containers": "machine, engine, name, image, status, known, exposure, exposure_at_best",
    "layers": "machine, engine, name, layer, verdict",
    "findings": "machine, engine, name, image, code, layer, severity, text, advice, source, fingerprint, accepted",
}
_Row = tuple[str | int | float | None, ...]


def sqlite(report: Report) -> bytes:
    """A SQLite database for SQL tools: osquery reads it as its own tables, without an extension.

    osquery does so by automatic table construction, whose columns are all text. The database is built in memory and
    returned whole, without a journal: the file is then replaced atomically, so that nobody reads half of it or waits
    for a lock. A container that is alike on several machines has a row for each machine.
    """
    with closing(sqlite3.connect(":memory:")) as database:
        for table, columns in _TABLES.items():
            database.execute(f"CREATE TABLE {table} ({columns})")
        for table, row in _rows(report):
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        database.commit()
        return database.serialize()


def _rows(report: Report) -> Iterator[tuple[str, _Row]]:
    for machine in report.machines:
        taken_at = timestamp(machine.taken_at)
        yield (
            "machines",
            (machine.name, taken_at, machine.kernel, machine.containers, machine.exposure, report.version),
        )
    for subject in report.subjects:
        for name in subject.machines or ("",):
            whose = name, subject.engine, subject.name
            exposures = subject.exposure, subject.at_best
            yield "containers", (*whose, subject.image, subject.status, int(subject.known), *exposures)
            for layer, verdict in subject.verdicts:
                yield "layers", (*whose, layer, verdict)
            for item in subject.items:
                words = item.text, item.advice, item.source
                kind = item.code, item.layer, item.severity.value
                yield "findings", (*whose, subject.image, *kind, *words, item.fingerprint, int(not item.counts))


TEXTS: dict[str, Callable[[Report], str]] = {
    "ndjson": ndjson,
    "sarif": sarif,
    "junit": junit,
    "gitlab": gitlab_quality,
    "gitlab-sast": gitlab_sast,
    "prometheus": prometheus,
}
