"""What is different between two containers, or two pictures of a machine: in words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratascope.core.message import Message, msg, plural
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.overview.comparison import Comparison, Difference, FleetComparison, Part
from stratascope.presentation.terminal import Style, pad, width_of, wrap

PARTS: dict[Part, Message] = {
    Part.LAYER: msg("Layers"),
    Part.THREAT: msg("Threats"),
    Part.CALL: msg("System calls"),
    Part.SETTING: msg("Settings"),
}
_STYLES = {1: "31", -1: "32", 0: ""}


def counted(found: Comparison) -> str:
    """How much is different, in a line."""
    counts = {part: len(found.of(part)) for part in Part}
    texts = (
        plural("{count} layer", "{count} layers", counts[Part.LAYER]),
        plural("{count} threat", "{count} threats", counts[Part.THREAT]),
        plural("{count} system call", "{count} system calls", counts[Part.CALL]),
        plural("{count} setting", "{count} settings", counts[Part.SETTING]),
    )
    if not found.differences:
        return translate(msg("Nothing is different."))
    return translate(msg("Different: {what}.", what=listed(translate(each) for each in texts if each.count)))


def exposures(found: Comparison, one: str, two: str) -> Message:
    """Which of the two is exposed more."""
    first, second = found.one.matrix, found.two.matrix
    if first is None or second is None:
        names = listed(name for name, matrix in ((one, first), (two, second)) if matrix is None)
        return msg("The exposure of {names} is not known.", names=names)
    left, right = (f"{each.exposure.worst:.1f}" for each in (first, second))
    if left == right:
        return msg("Both are equally exposed: {number}.", number=left)
    if first.exposure.worst < second.exposure.worst:
        one, two, left, right = two, one, right, left
    return msg("{name} is more exposed: {number}, against {less} for {other}.", name=one, number=left, other=two,
               less=right)  # fmt: skip


def names_of(found: Comparison, one: str = "", two: str = "") -> tuple[str, str]:
    """What the two are called; the sources too where both have one name."""
    first, second = plain(found.one.container.name, 60), plain(found.two.container.name, 60)
    if first != second:
        return first, second
    return (f"{first} ({one})" if one else first), (f"{second} ({two})" if two else second)


def lines(found: Comparison, one: str, two: str, style: Style) -> Iterator[str]:
    """One comparison, each difference with both sides; `one`, `two`: what they are called."""
    yield style.paint(translate(msg("{one} compared with {two}", one=one, two=two)), "1")
    yield from wrap(translate(exposures(found, one, two)), "  ", style)
    yield from wrap(counted(found), "  ", style)
    for part in Part:
        there = found.of(part)
        if not there:
            continue
        yield ""
        yield "  " + style.paint(translate(PARTS[part]), "1")
        if part is Part.CALL:
            yield from _calls(there, one, two, style)
        elif part is Part.THREAT:
            yield from _threats(there, one, two, style)
        else:
            yield from _sides(there, one, two, style)


def _sides(there: tuple[Difference, ...], one: str, two: str, style: Style) -> Iterator[str]:
    width = max(width_of(one), width_of(two))
    for each in there:
        yield from wrap(plain(each.what, 200), "  ", style)
        for name, text, code in ((one, each.one, _STYLES[-each.worse]), (two, each.two, _STYLES[each.worse])):
            head = f"    {pad(name, width)}  "
            first, *rest = wrap(plain(text, 2000), " " * width_of(head), style, code)
            yield head + first[width_of(head) :]
            yield from rest


def _threats(there: tuple[Difference, ...], one: str, two: str, style: Style) -> Iterator[str]:
    """Those together of which the same becomes: there may be a hundred."""
    groups: dict[tuple[str, str, int], list[str]] = {}
    for each in there:
        groups.setdefault((each.one, each.two, each.worse), []).append(each.what)
    for (first, second, worse), titles in groups.items():
        head = msg("{one}: {first}; {two}: {second}", one=one, first=first, two=two, second=second)
        yield from wrap(translate(head), "  ", style, _STYLES[worse])
        yield from wrap(listed(titles), "    ", style)


def _calls(there: tuple[Difference, ...], one: str, two: str, style: Style) -> Iterator[str]:
    """Names only: there may be hundreds."""
    kinds = (
        (
            -1,
            msg(
                "More calls pass in {name}: {calls}",
                name=one,
                calls=listed(each.what for each in there if each.worse < 0),
            ),
        ),
        (
            1,
            msg(
                "More calls pass in {name}: {calls}",
                name=two,
                calls=listed(each.what for each in there if each.worse > 0),
            ),
        ),
        (0, msg("Under other conditions: {calls}", calls=listed(each.what for each in there if not each.worse))),
    )
    for sign, text in kinds:
        if any(each.worse == sign for each in there):
            yield from wrap(translate(text), "  ", style)


def fleet_lines(found: FleetComparison, style: Style) -> Iterator[str]:
    """Two pictures: who came, who went, and what is different of those that stayed."""
    gone, new = (listed(map(_called, each)) for each in (found.gone, found.new))
    if gone:
        yield from wrap(translate(msg("Gone: {names}", names=gone)), "", style)
    if new:
        yield from wrap(translate(msg("New: {names}", names=new)), "", style)
    alike = plural("{count} container has not changed.", "{count} containers have not changed.", found.alike)
    yield from wrap(translate(alike), "", style)
    for each in found.changed:
        yield ""
        _, *rest = lines(each, translate(msg("before")), translate(msg("now")), style)
        yield style.paint(_called(each.one), "1")
        yield from rest


def _called(state: ContainerState) -> str:
    return plain(state.container.name, 60)


def document(found: Comparison) -> dict[str, Any]:
    """As JSON's types."""
    return {"schema": SCHEMA, **_pair(found)}


def fleet_document(found: FleetComparison) -> dict[str, Any]:
    """The same for two pictures."""
    return {
        "schema": SCHEMA,
        "gone": [_side(each) for each in found.gone],
        "new": [_side(each) for each in found.new],
        "alike": found.alike,
        "changed": [_pair(each) for each in found.changed],
    }


def _pair(found: Comparison) -> dict[str, Any]:
    return {
        "a": _side(found.one),
        "b": _side(found.two),
        "differences": [
            {
                "part": each.part.value,
                "id": each.id,
                "what": each.what,
                "a": each.one,
                "b": each.two,
                "worse": {1: "b", -1: "a", 0: None}[each.worse],
            }
            for each in found.differences
        ],
    }


def _side(state: ContainerState) -> dict[str, Any]:
    container = state.container
    return {
        "engine": container.engine,
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "exposure": None if state.matrix is None else state.matrix.exposure.worst,
    }
