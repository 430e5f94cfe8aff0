"""A fleet as one page, with the style and policy of the report's page: no script, no external resources."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.message import Message, msg
from stratascope.core.severity import SERIOUS
from stratascope.i18n.translate import translate
from stratascope.presentation.fleet_report import head, open_threats, where
from stratascope.presentation.html.page import frame
from stratascope.presentation.html.tables import element, text
from stratascope.presentation.report_model import Report, Subject, accepted_text, notes
from stratascope.presentation.terms import SEVERITIES, moment

SUBJECTS = 2000  # rows; the others are counted


def render(report: Report) -> str:
    """The page."""
    return frame(translate(msg("Stratascope: {what}", what=head(report))), "\n".join(_body(report)))


def _body(report: Report) -> Iterator[str]:
    line = msg("{what}, read {when}", what=head(report), when=moment(report.taken_at))
    yield element("header", element("h1", "Stratascope") + element("p", text(line)))
    yield "<main>"
    yield _section(msg("Open threats"), _threats(report), "threats")
    yield _section(msg("Machines"), _machines(report), "machines")
    yield _section(msg("Containers"), _subjects(report), "containers")
    if said := notes(report):
        yield _section(msg("Notes"), "".join(element("p", text(note)) for note in said), "notes")
    yield "</main>"


def _section(title: Message, inside: str, anchor: str) -> str:
    return element("section", element("h2", text(title)) + inside, id=anchor)


def _table(heads: tuple[Message, ...], rows: list[list[str]]) -> str:
    first = element("tr", "".join(element("th", text(each), scope="col") for each in heads))
    body = "".join(element("tr", "".join(element("td", cell) for cell in row)) for row in rows)
    return element("div", element("table", element("thead", first) + element("tbody", body)), "scroll")


def _threats(report: Report) -> str:
    heads = (msg("Threat"), msg("Severity"), msg("Containers"), msg("Machines"))
    rows = [
        [text(each.threat.title), text(SEVERITIES[each.threat.severity]), str(each.containers), str(each.machines)]
        for each in open_threats(report)
    ]
    return _table(heads, rows)


def _machines(report: Report) -> str:
    heads = (msg("Exposure"), msg("Machine"), msg("Containers"), msg("Kernel"))
    rows = [
        [_number(each.exposure), text(each.name), str(each.containers), text(each.kernel)] for each in report.machines
    ]
    return _table(heads, rows)


def _subjects(report: Report) -> str:
    heads = (msg("Exposure"), msg("Name"), msg("Image"), msg("Machines"), msg("Findings"))
    rows = [
        [
            _number(subject.exposure),
            text(subject.name),
            text(subject.image),
            text(where(subject.machines, 10)),
            _items(subject),
        ]
        for subject in report.subjects[:SUBJECTS]
    ]
    rest = len(report.subjects) - SUBJECTS
    more = element("p", text(msg("and {count} more", count=rest))) if rest > 0 else ""
    return _table(heads, rows) + more


def _items(subject: Subject) -> str:
    lines = []
    for item in subject.items:
        if item.severity not in SERIOUS and item.counts:
            continue
        said = item.title if item.threat else item.text
        if item.standing is not None:
            said = f"{said} ({accepted_text(item.standing)})"
        lines.append(element("li", f"{text(SEVERITIES[item.severity])}: {text(said)}"))
    return element("ul", "".join(lines)) if lines else ""


def _number(exposure: float | None) -> str:
    return "–" if exposure is None else f"{exposure:.1f}"
