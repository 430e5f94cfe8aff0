"""JUnit's XML as CI systems read it: a suite a container, a test a finding; what is accepted is skipped.

A container without any has the test that it was looked at, and one of which nothing is known has an error: nobody
should take what was not seen for what is good.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.report_model import Item, Report, Subject, accepted_text, left_out, notes
from stratascope.presentation.terms import timestamp

MOST = 25000  # tests
_COUNTED = ("tests", "failures", "errors")


def render(report: Report) -> str:
    """The whole document."""
    suites = Element("testsuites", name="Stratascope")
    room, more = MOST, 0
    for subject in report.subjects:
        kept = subject.items[:room]
        room -= len(kept)
        more += len(subject.items) - len(kept)
        _suite(suites, subject, kept, report)
    for name in _COUNTED:
        suites.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    suites.set("time", "0")
    said = ([left_out(more, MOST)] if more else []) + notes(report)
    if said:
        suite = SubElement(suites, "testsuite", name="stratascope", tests="0", failures="0", errors="0", skipped="0",
                           time="0")  # fmt: skip
        SubElement(suite, "system-out").text = "\n".join(map(_safe, said))
    indent(suites, space="")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _suite(suites: Element, subject: Subject, items: tuple[Item, ...], report: Report) -> None:
    where = _safe("/".join((*subject.machines[:1], subject.engine, subject.name)))
    suite = SubElement(suites, "testsuite", name=where)
    for item in items:
        _case(suite, where, item)
    failures = sum(item.counts for item in items)
    if not subject.known:
        why = translate(msg("Nothing is known about {name}, which is running.", name=subject.name))
        SubElement(_open_case(suite, where, "known"), "error", message=_safe(why), type="unknown")
    elif not items:
        _open_case(suite, where, "looked-at")
    numbers = (len(suite), failures, int(not subject.known), len(items) - failures)
    for name, number in zip((*_COUNTED, "skipped"), numbers, strict=True):
        suite.set(name, str(number))
    suite.set("time", "0")
    suite.set("timestamp", timestamp(report.taken_at)[:-1])
    if len(subject.machines) > 1:
        SubElement(suite, "system-out").text = _safe(", ".join(subject.machines))


def _case(suite: Element, where: str, item: Item) -> None:
    case = _open_case(suite, where, f"{item.code} {item.fingerprint[:8]}")
    if item.file:
        case.set("file", _safe(item.file))
        case.set("line", str(item.line))
    if not item.counts and item.standing is not None:
        SubElement(case, "skipped", message=_safe(accepted_text(item.standing)))
        return
    lines = [item.text, item.advice, item.source, *item.refs]
    if item.standing is not None:
        lines.insert(0, accepted_text(item.standing))
    failure = SubElement(case, "failure", message=_safe(item.text), type=item.severity.value)
    failure.text = "\n".join(_safe(line) for line in lines if line)


def _open_case(suite: Element, where: str, name: str) -> Element:
    return SubElement(suite, "testcase", classname=where, name=_safe(name), time="0")


def _safe(value: str) -> str:
    """XML 1.0 has no place for two characters that are no control characters either."""
    return plain(value).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
