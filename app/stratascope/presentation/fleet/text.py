"""A fleet as text: the threats that are open most often, the machines, then the containers, each the worst first."""

from __future__ import annotations

from collections.abc import Iterator

from stratascope.core.layer import Verdict
from stratascope.core.message import msg, plural
from stratascope.core.severity import SERIOUS
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.fleet.model import head, open_in, open_threats, where
from stratascope.presentation.report_model import Item, Machine, Report, Subject, accepted_text, notes
from stratascope.presentation.terminal import Style, clip, pad, width_of, wrap
from stratascope.presentation.terms import moment
from stratascope.presentation.text_report import severe

MACHINES, SUBJECTS, THREATS = 30, 200, 20  # lines; the others are counted
_INDENT = " " * 8


def render(report: Report, style: Style) -> str:
    """The whole report."""
    return "\n".join(_lines(report, style)) + "\n"


def _lines(report: Report, style: Style) -> Iterator[str]:
    yield style.paint(
        translate(msg("Stratascope: {what}, read {when}", what=head(report), when=moment(report.taken_at))), "1"
    )
    threats = [each for each in open_threats(report) if each.threat.severity in SERIOUS]
    if threats:
        yield ""
        yield style.paint(translate(msg("Open threats")), "4")
        for each in threats[:THREATS]:
            yield from severe(each.threat.severity, translate(open_in(each)), style, _INDENT)
        yield from _rest(len(threats) - THREATS, style)
    yield ""
    yield style.paint(translate(msg("Machines")), "4")
    width = min(40, max((width_of(each.name) for each in report.machines), default=0))
    for machine in report.machines[:MACHINES]:
        yield _machine(machine, width, style)
    yield from _rest(len(report.machines) - MACHINES, style)
    yield ""
    yield style.paint(translate(msg("Containers")), "4")
    for subject in report.subjects[:SUBJECTS]:
        yield from _subject(subject, style)
    if not report.subjects:
        yield translate(msg("Nothing is new or worse.") if report.compared else msg("No containers."))
    yield from _rest(len(report.subjects) - SUBJECTS, style)
    said = notes(report)
    if said:
        yield ""
        for note in said:
            yield from wrap(note, "", style, "33")


def _rest(count: int, style: Style) -> Iterator[str]:
    if count > 0:
        yield style.paint("  " + translate(msg("and {count} more", count=count)), "2")


def _number(exposure: float | None) -> str:
    return "   -" if exposure is None else f"{exposure:4.1f}"


def _machine(machine: Machine, width: int, style: Style) -> str:
    count = translate(plural("{count} container", "{count} containers", machine.containers))
    name = clip(machine.name, width)
    return clip(f"  {_number(machine.exposure)}  {pad(name, width)}  {count}  Linux {machine.kernel}", style.width)


def _subject(subject: Subject, style: Style) -> Iterator[str]:
    drawn = "".join(style.bare_mark(Verdict(verdict)) for _, verdict in subject.verdicts)
    name = style.paint(clip(subject.name, 40), "1")
    yield f"  {_number(subject.exposure)}  {drawn}  {name}  {clip(subject.image, 40)}"
    yield from wrap(translate(where(subject.machines)), _INDENT, style, "2")
    counting = [item for item in subject.items if item.counts and item.severity in SERIOUS]
    threats = [item.title for item in counting if item.threat]
    for item in counting:
        if not item.threat:
            yield from severe(item.severity, item.text, style, _INDENT)
            if item.standing is not None:
                yield from wrap(accepted_text(item.standing), " " * 14, style, "2")
    if threats:
        yield from wrap(translate(msg("Open: {threats}", threats=listed(threats))), _INDENT, style)
    yield from _folded(subject.items, len(counting), style)


def _folded(items: tuple[Item, ...], shown: int, style: Style) -> Iterator[str]:
    accepted = sum(not item.counts for item in items)
    minor = len(items) - shown - accepted
    parts = []
    if minor:
        parts.append(translate(plural("{count} less serious finding", "{count} less serious findings", minor)))
    if accepted:
        parts.append(translate(plural("{count} finding is accepted", "{count} findings are accepted", accepted)))
    if parts:
        yield from wrap(listed(parts), _INDENT, style, "2")
