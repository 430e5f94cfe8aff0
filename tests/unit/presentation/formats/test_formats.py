"""Each format is taken by a reader of it, says the same of the same containers, and no foreign text breaks one."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.core.accepted import Accepted
from stratascope.core.container import Status
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.presentation import tool_formats
from stratascope.presentation.report_model import Item, Report, Subject, report_of
from stratascope.value import replace
from unit.presentation.formats.report_sample import LAST, OVER, RENDERERS, accepting, read, snapshot, told

FORMATS = pytest.mark.parametrize("name", RENDERERS)
CODE = "capabilities.sys-admin"


def items(of: Report) -> list[tuple[Subject, Item]]:
    return [(subject, item) for subject in of.subjects for item in subject.items]


def results(name: str, document: Any) -> list[dict[str, Any]]:
    """The results of a JSON format, with their fingerprint under one name."""
    if name == "sarif":
        return [
            {**each, "id": each["partialFingerprints"]["stratascope/v1"]} for each in document["runs"][0]["results"]
        ]
    if name == "gitlab-sast":
        return list(document["vulnerabilities"])
    if name == "ndjson":
        return [{**each, "id": each["fingerprint"]} for each in document if each["type"] == "finding"]
    return [{**each, "id": each["fingerprint"]} for each in document]


@FORMATS
def test_a_reader_takes_it(name: str) -> None:
    assert read(name, RENDERERS[name](told()))


@pytest.mark.parametrize("name", ["sarif", "gitlab-quality", "gitlab-sast", "ndjson"])
def test_every_result_is_there_once_the_worst_first(name: str) -> None:
    found = results(name, read(name, RENDERERS[name](told())))
    wanted = [item.fingerprint for _, item in items(told())]
    assert len(set(wanted)) == len(wanted) > 20
    assert {each["id"] for each in found} == set(wanted)
    assert len(found) == len(wanted)
    if name == "sarif":
        rules = read(name, tool_formats.sarif(told()))["runs"][0]["tool"]["driver"]["rules"]
        levels = ["error", "warning", "note"]
        assert [levels.index(each["level"]) for each in found] == sorted(levels.index(each["level"]) for each in found)
        for each in found:
            assert rules[each["ruleIndex"]]["id"] == each["ruleId"]


def test_junit_has_a_suite_for_each_container_and_a_failure_for_each_item() -> None:
    root = read("junit", tool_formats.junit(told()))
    assert len(root.findall("testsuite")) == len(told().subjects)
    assert len(root.findall(".//failure")) == len(items(told()))


def test_prometheus_has_what_the_report_has() -> None:
    families = {family.name: family for family in read("prometheus", RENDERERS["prometheus"](told()))}
    exposures = {each.labels["name"]: each.value for each in families["stratascope_container_exposure"].samples}
    assert exposures == {each.name: each.exposure for each in told().subjects if each.exposure is not None}
    threats = families["stratascope_container_threats"].samples
    counted = sum(each.value for each in threats if each.labels["outcome"] == "open")
    assert counted == sum(outcome == "open" for subject in told().subjects for _, outcome, _ in subject.threats)
    assert all(each.timestamp is None for family in families.values() for each in family.samples)


def changed(state: ContainerState, place: int) -> ContainerState:
    """The same container, started again on another day."""
    container = replace(state.container, id=f"{place:064x}", pid=70000 + place, created=1.0, started=2.0)
    return replace(state, container=container)


def test_fingerprints_outlive_ids_pids_and_times() -> None:
    states = tuple(changed(state, place) for place, state in enumerate(reversed(snapshot().containers)))
    later = report_of(replace(snapshot(), containers=states, taken_at=snapshot().taken_at + 1e6), "9.9.9")
    assert {item.fingerprint for _, item in items(later)} == {item.fingerprint for _, item in items(told())}
    renamed = tuple(replace(each, container=replace(each.container, name="other")) for each in states[:1])
    other = report_of(replace(snapshot(), containers=renamed), "0.1.0")
    assert {item.fingerprint for _, item in items(other)}.isdisjoint(item.fingerprint for _, item in items(told()))


def test_rules_are_codes() -> None:
    pattern = re.compile(r"[a-z0-9]+(\.[a-z0-9-]+)+").fullmatch
    assert all(pattern(item.code) for _, item in items(told()))
    assert {item.code.startswith("threat.") for _, item in items(told())} == {True, False}


@FORMATS
def test_what_is_accepted_is_told_as_that(name: str) -> None:
    entry = Accepted(CODE, "mounts ]]> snapshots", "anna", LAST)
    beside = accepting(entry, Accepted("seccomp.off", "r", "ben", OVER), Accepted("no.such", "r", "o", LAST))
    found = report_of(snapshot(), "0.1.0", beside)
    accepted = [item for _, item in items(found) if not item.counts]
    assert {item.code for item in accepted} == {CODE}
    assert "no.such (*)" in found.unused
    text = RENDERERS[name](found)
    document = read(name, text)
    if name == "prometheus":
        samples = {family.name: family.samples for family in document}
        assert sum(each.value for each in samples["stratascope_container_findings_accepted"]) == len(accepted)
        assert samples["stratascope_exceptions_unused"][0].value == len(found.unused)
        return
    if name == "junit":
        assert len(document.findall(".//skipped")) == len(accepted)
        assert "no.such" in text
        return
    told_of = {item.fingerprint: item for _, item in items(found)}
    for each in results(name, document):
        counts = told_of[each["id"]].counts
        quiet = {
            "sarif": "suppressions" in each,
            "gitlab-quality": each.get("severity") == "info",
            "gitlab-sast": each.get("severity") == "Info",
            "ndjson": "accepted" in each,
        }[name]
        assert quiet is not counts
    assert "anna" in text


def test_an_expired_exception_counts_again_and_says_so() -> None:
    found = report_of(snapshot(), "0.1.0", accepting(Accepted(CODE, "r", "anna", OVER)))
    expired = [item for _, item in items(found) if item.code == CODE]
    assert expired
    assert all(item.counts for item in expired)
    assert found.expired == len(expired)
    assert "which has passed" in tool_formats.sarif(found)


def predicted(source: str) -> Snapshot:
    """As `check` makes it: findings say by which line they are asked for."""
    state = next(each for each in snapshot().containers if each.findings)
    findings = tuple(replace(each, source=source) for each in state.findings[:1])
    container = replace(state.container, status=Status.PREDICTED, pid=None)
    return replace(snapshot(), containers=(replace(state, container=container, findings=findings),))


@pytest.mark.parametrize(
    ("source", "place", "line"),
    [
        ("compose.yaml:12", "compose.yaml", 12),
        ("a b/c#d.yaml:3", "a%20b/c%23d.yaml", 3),
        ("/srv/compose.yaml:7", "file:///srv/compose.yaml", 7),
        ("nginx.container:0", "containers/", 1),
        ("http://x:y", "containers/", 1),
    ],
)
def test_the_line_that_asked_for_it_is_the_place(source: str, place: str, line: int) -> None:
    found = report_of(predicted(source), "0.1.0")
    finding = next(item for _, item in items(found) if not item.threat)
    (result,) = [
        each for each in results("sarif", read("sarif", tool_formats.sarif(found))) if each["id"] == finding.fingerprint
    ]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"].startswith(place)
    assert physical["region"]["startLine"] == line
    (issue,) = [
        each
        for each in read("gitlab-quality", tool_formats.gitlab_quality(found))
        if each["fingerprint"] == finding.fingerprint
    ]
    path = issue["location"]["path"]
    assert path == source.rpartition(":")[0] if place != "containers/" else path.startswith(place)
    assert issue["location"]["lines"] == {"begin": line}


FOREIGN = st.text(min_size=1, max_size=60) | st.sampled_from(
    [
        ']]></failure><x y="',
        '"} 1\nevil 1',
        "\ud800\udcff",
        "\u202egpj",
        "\x00\x1b[2J",
        "[a](http://evil)",
        "\ufffe\uffff",
        "a\\",
        "{0}",
    ]
)


def foreign(name: str, image: str, text: str) -> Report:
    states = []
    for state in snapshot().containers[:2]:
        container = replace(state.container, name=name, image=image, engine=text)
        findings = tuple(replace(each, source=text) for each in state.findings[:3])
        states.append(replace(state, container=container, findings=findings))
    exceptions = accepting(Accepted(CODE, text, name, LAST), Accepted("no.such", image, text, LAST, container=name))
    return report_of(replace(snapshot(), containers=tuple(states)), "0.1.0", replace(exceptions, machine=image))


@settings(max_examples=60, deadline=None)
@given(FOREIGN, FOREIGN, FOREIGN)
def test_foreign_text_breaks_no_format(name: str, image: str, text: str) -> None:
    found = foreign(name, image, text)
    usual = {format_: RENDERERS[format_](foreign("web", "nginx", "docker")) for format_ in RENDERERS}
    for format_, render in RENDERERS.items():
        written = render(found)
        assert read(format_, written)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", written)
        if format_ != "ndjson":  # lines are whole objects there, in any number
            assert written.count("\n") == usual[format_].count("\n")
    assert "](" not in json.loads(tool_formats.sarif(found))["runs"][0]["results"][0]["message"]["text"]


def many(count: int) -> Report:
    subject = told().subjects[0]
    item = subject.items[0]
    severities = list(Severity)
    marks = [f"{place:08x}{place:024x}" for place in range(count)]
    whole = tuple(replace(item, fingerprint=each, severity=severities[at % 4]) for at, each in enumerate(marks))
    return replace(told(), subjects=(replace(subject, items=whole),))


def test_no_more_than_consumers_take() -> None:
    whole = many(30000)
    text = tool_formats.sarif(whole)
    assert len(gzip.compress(text.encode())) < 10_000_000
    run = read("sarif", text)["runs"][0]
    assert len(run["results"]) == tool_formats.RESULTS_MOST == 5000
    assert {each["level"] for each in run["results"]} == {"error"}
    assert "25000" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    quality = read("gitlab-quality", tool_formats.gitlab_quality(whole))
    assert (len(quality), "25000" in quality[-1]["description"]) == (5001, True)
    assert "25000" in json.dumps(read("gitlab-sast", tool_formats.gitlab_sast(whole))["scan"]["messages"])
    root = read("junit", tool_formats.junit(whole))
    assert root.get("tests") == str(tool_formats.TESTS_MOST)
    assert "5000 less" in (root.findtext("testsuite/system-out") or "")


def test_what_is_not_known_is_no_success() -> None:
    state = next(each for each in snapshot().containers if each.matrix is not None)
    blind = replace(snapshot(), containers=(replace(state, matrix=None, findings=()),))
    found = report_of(blind, "0.1.0")
    assert not found.subjects[0].known
    assert read("junit", tool_formats.junit(found)).get("errors") == "1"
    assert state.container.name in tool_formats.sarif(found)
    samples = {family.name: family.samples for family in read("prometheus", RENDERERS["prometheus"](found))}
    assert samples["stratascope_container_unknown"][0].value == 1
    assert "stratascope_container_exposure" not in samples
