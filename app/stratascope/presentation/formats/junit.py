"""JUnit's XML as CI systems read it: a suite a container, a test a finding; what is accepted is skipped.

A container without any has the test that it was looked at, and one of which nothing is known has an error: nobody
should take what was not seen for what is good.
"""

from __future__ import annotations

import html

from stratascope.core.message import msg
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import translate
from stratascope.presentation.formats.results import left_out, notes
from stratascope.presentation.formats.told import Item, Subject, Told, accepted_text
from stratascope.presentation.json_report import moment
from stratascope.value import Value

MOST = 25000  # tests


class _Suite(Value):
    text: str
    tests: int = 0
    failures: int = 0
    errors: int = 0


def render(told: Told) -> str:
    """The whole document."""
    suites: list[_Suite] = []
    room, more = MOST, 0
    for subject in told.subjects:
        kept = subject.items[:room]
        room -= len(kept)
        more += len(subject.items) - len(kept)
        suites.append(_suite(subject, kept, told))
    said = ([left_out(more, MOST)] if more else []) + notes(told)
    if said:
        suites.append(_suite_of_notes(said))
    tests = sum(suite.tests for suite in suites)
    failures = sum(suite.failures for suite in suites)
    errors = sum(suite.errors for suite in suites)
    head = f'<testsuites name="Stratascope" tests="{tests}" failures="{failures}" errors="{errors}" time="0">'
    body = "\n".join(suite.text for suite in suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{body}\n</testsuites>\n'


def _suite(subject: Subject, items: tuple[Item, ...], told: Told) -> _Suite:
    where = "/".join((*subject.machines[:1], subject.engine, subject.name))
    cases = [_case(where, item, subject) for item in items]
    failures = sum(item.counts for item in items)
    errors = 0
    if not subject.known:
        errors = 1
        why = translate(msg("Nothing is known about {name}, which is running.", name=subject.name))
        cases.append(_open_case(where, "known") + f'<error message={_quoted(why)} type="unknown"/></testcase>')
    elif not cases:
        cases.append(_open_case(where, "looked-at") + "</testcase>")
    skipped = len(items) - failures
    head = (
        f'<testsuite name={_quoted(where)} tests="{len(cases)}" failures="{failures}" errors="{errors}" '
        f'skipped="{skipped}" time="0" timestamp="{moment(told.taken_at)[:-1]}">'
    )
    said = ", ".join(subject.machines)
    tail = f"<system-out>{_text(said)}</system-out>\n" if len(subject.machines) > 1 else ""
    text = "\n".join(cases)
    return _Suite(f"{head}\n{text}\n{tail}</testsuite>", len(cases), failures, errors)


def _suite_of_notes(said: list[str]) -> _Suite:
    text = "\n".join(_text(each) for each in said)
    head = '<testsuite name="stratascope" tests="0" failures="0" errors="0" skipped="0" time="0">'
    return _Suite(f"{head}\n<system-out>{text}</system-out>\n</testsuite>")


def _case(where: str, item: Item, subject: Subject) -> str:
    place = f' file={_quoted(item.file)} line="{item.line}"' if item.file else ""
    head = _open_case(where, f"{item.code} {item.fingerprint[:8]}", place)
    if not item.counts and item.standing is not None:
        return head + f"<skipped message={_quoted(accepted_text(item.standing))}/></testcase>"
    lines = [item.text, item.advice, item.source, *item.refs]
    if item.standing is not None:
        lines.insert(0, accepted_text(item.standing))
    body = "\n".join(_text(line) for line in lines if line)
    return (
        head + f"<failure message={_quoted(item.text)} type={_quoted(item.severity.value)}>{body}</failure></testcase>"
    )


def _open_case(where: str, name: str, more: str = "") -> str:
    return f'<testcase classname={_quoted(where)} name={_quoted(name)} time="0"{more}>'


def _quoted(value: str) -> str:
    return f'"{_text(value)}"'


def _text(value: str) -> str:
    """XML 1.0 has no place for two characters that are no control characters either."""
    safe = plain(value).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    return html.escape(safe, quote=True)
