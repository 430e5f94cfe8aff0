"""Compares two containers, or two captures of a machine: the differences as text, rows and JSON.

Compares layers, threats, system calls and settings. Settings are the facts that the layers draw (tables, bits, bars,
rulers), so a layer's new fact is compared without a change here. What always differs is left out: namespace inodes,
ids, and the present use next to a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from stratascope.core.container import Container
from stratascope.core.layer import Bar, Bars, BitGrid, CallMap, Layer, Rulers, Table, Tone, Verdict
from stratascope.core.message import Message, colon, msg, plural, verbatim
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import ContainerState, Snapshot, first_view
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.json_report import SCHEMA
from stratascope.presentation.syscall_map import VERDICTS as CALL_VERDICTS
from stratascope.presentation.syscall_map import pairs, table_of
from stratascope.presentation.terminal import Style, pad, width_of, wrap
from stratascope.presentation.terms import STATUSES, verdict_words
from stratascope.presentation.threat_outcomes import Protection, protection, protection_word
from stratascope.value import Value

_NONE, _NO_LIMIT = msg("None"), msg("No limit")
_INODE = re.compile(r" ?\(\d{10,}\)")
_VERDICTS = (Verdict.ENFORCED, Verdict.UNKNOWN, Verdict.WEAKENED, Verdict.OPEN)
_PROTECTIONS = (Protection.DEEPER, Protection.ONCE, Protection.HOST, Protection.UNKNOWN, Protection.OPEN)
_TONES = {Tone.GOOD: 0, Tone.WARN: 1, Tone.BAD: 2}


class Part(StrEnum):
    """The kind of thing that differs."""

    LAYER = "layer"
    THREAT = "threat"
    CALL = "call"
    SETTING = "setting"


class Difference(Value):
    """One difference. `one`, `two`: both values, translated. `worse`: 1 if the second is weaker, -1 if the first is, 0
    if neither or unknown. `layer`: the id of the layer whose fact it is, else empty.
    """

    part: Part
    id: str  # of the layer or threat, the call's name, or `LAYER:LABEL` of a setting
    what: str
    one: str
    two: str
    worse: int = 0
    layer: str = ""


class Comparison(Value):
    """`differences`: layers from the highest down, then threats, calls and settings."""

    one: ContainerState
    two: ContainerState
    differences: tuple[Difference, ...]

    def of(self, part: Part) -> tuple[Difference, ...]:
        """The differences of one kind."""
        return tuple(each for each in self.differences if each.part is part)


class FleetComparison(Value):
    """Two captures of a machine; containers are matched by engine and name."""

    gone: tuple[ContainerState, ...]
    new: tuple[ContainerState, ...]
    changed: tuple[Comparison, ...]
    alike: int


def compare(one: ContainerState, two: ContainerState, layers: Sequence[Layer]) -> Comparison:
    """The differences between two containers."""
    return Comparison(
        one, two, (*_layers(one, two, layers), *_threats(one, two), *_calls(one, two), *_settings(one, two))
    )


def compare_all(before: Snapshot, after: Snapshot, layers: Sequence[Layer]) -> FleetComparison:
    """The differences between two snapshots."""
    old = {_name(each.container): each for each in before.containers}
    new = {_name(each.container): each for each in after.containers}
    both = [compare(state, new[name], layers) for name, state in old.items() if name in new]
    changed = tuple(each for each in both if each.differences)
    return FleetComparison(
        tuple(state for name, state in old.items() if name not in new),
        tuple(state for name, state in new.items() if name not in old),
        changed,
        len(both) - len(changed),
    )


def _name(container: Container) -> tuple[str, str]:
    return container.engine, container.name


def _layers(one: ContainerState, two: ContainerState, layers: Sequence[Layer]) -> Iterator[Difference]:
    others = {each.id: each for each in two.layers}
    titles = {each.id: each.about.title for each in layers}
    for mine in sorted(one.layers, key=lambda each: -each.number):
        its = others.get(mine.id)
        if its is None or mine.assessment.verdict is its.assessment.verdict:
            continue
        first, second = (translate(colon(verdict_words(each.assessment), each.assessment.fact)) for each in (mine, its))
        worse = _sign(_VERDICTS.index(its.assessment.verdict) - _VERDICTS.index(mine.assessment.verdict))
        title = translate(titles.get(mine.id, verbatim(mine.id)))
        yield Difference(Part.LAYER, mine.id, title, first, second, worse, mine.id)


def _threats(one: ContainerState, two: ContainerState) -> Iterator[Difference]:
    if one.matrix is None or two.matrix is None or one.matrix is two.matrix:
        return
    others = {each.threat.id: each for each in two.matrix.threats}
    found = []
    for mine in one.matrix.threats:
        its = others.get(mine.threat.id)
        if its is None:
            continue
        first, second = protection(mine), protection(its)
        if first is not second:
            worse = _sign(_PROTECTIONS.index(second) - _PROTECTIONS.index(first))
            title = translate(mine.threat.title)
            of_it = Difference(
                Part.THREAT, mine.threat.id, title, protection_word(first), protection_word(second), worse
            )
            found.append((Protection.OPEN not in (first, second), mine.threat.severity.rank, of_it))
    yield from (each for _, _, each in sorted(found, key=lambda each: each[:2]))


def _calls(one: ContainerState, two: ContainerState) -> Iterator[Difference]:
    mine, its = first_view(one, CallMap), first_view(two, CallMap)
    if mine is None or its is None:
        return
    for table in mine.tables:
        other = table_of(its.tables, table.abi)
        for pair in pairs(table, other) if other is not None else ():
            if pair.differs and pair.here is not None and pair.there is not None:
                first, second = (
                    translate(each.condition or CALL_VERDICTS[each.verdict]) for each in (pair.here, pair.there)
                )
                worse = 0 if pair.here.verdict is pair.there.verdict else -1 if pair.wider else 1
                whole = pair.name if table is mine.tables[0] else f"{pair.name} ({table.abi})"
                yield Difference(Part.CALL, whole, whole, first, second, worse)


class _Setting(Value):
    label: str
    value: str
    tone: Tone = Tone.PLAIN


def _settings(one: ContainerState, two: ContainerState) -> Iterator[Difference]:
    mine, its = _asked(one.container), _asked(two.container)
    for (key, title, text), (_, _, other) in zip(mine, its, strict=True):
        if text != other:
            yield Difference(Part.SETTING, f"container:{key}", translate(title), text or translate(_NONE),
                             other or translate(_NONE))  # fmt: skip
    others = {each.id: each for each in two.layers}
    for layer in one.layers:
        if layer.id not in others:
            continue
        first = _facts(one, layer.id)
        second = _facts(two, layer.id)
        for label in (*first, *(each for each in second if each not in first)):
            left, right = first.get(label), second.get(label)
            if left is None or right is None:
                if one.gap is not None or two.gap is not None:
                    continue  # one of them was not read, which the layer's difference already says
                left = left or _Setting(label=label, value=translate(_NONE))
                right = right or _Setting(label=label, value=translate(_NONE))
            if left.value != right.value:
                tones = _TONES.get(left.tone), _TONES.get(right.tone)
                worse = 0 if tones[0] is None or tones[1] is None else _sign(tones[1] - tones[0])
                name = f"{layer.id}:{label}"
                yield Difference(Part.SETTING, name, left.label, left.value, right.value, worse, layer.id)


def _facts(state: ContainerState, layer: str) -> dict[str, _Setting]:
    """The layer's settings by label, without those that differ in every container."""
    found: dict[str, _Setting] = {}

    def put(label: str, value: str, tone: Tone = Tone.PLAIN) -> None:
        value = _INODE.sub("", value.replace(state.container.id, "…"))
        found[label] = _Setting(label=label, value=value, tone=tone)

    for tab in next(each for each in state.layers if each.id == layer).assessment.tabs:
        for view in tab.views:
            if isinstance(view, Table):
                for row in view.rows:
                    put(translate(row.label), translate(row.value), row.tone)
            elif isinstance(view, BitGrid):
                for at, column in enumerate(view.sets):
                    names = listed(row.name for row in view.rows if row.bits[at])
                    put(column.name, names or translate(_NONE))
            elif isinstance(view, Bars):
                for bar in view.bars:
                    put(translate(bar.label), _limit(bar), bar.tone)
            elif isinstance(view, Rulers):
                title = translate(view.title)
                put(title, listed(translate(each.label) for each in view.ranges) or translate(_NONE))
    return found


def _limit(bar: Bar) -> str:
    """A limit without the present use."""
    if bar.limit is None and bar.used is not None:
        return translate(_NO_LIMIT)
    words = dict(bar.value.args).get("limit")
    if bar.used is None or words is None:
        return translate(bar.value)
    return translate(words) if isinstance(words, Message) else str(words)


def _asked(container: Container) -> tuple[tuple[str, Message, str], ...]:
    """Settings that only the engine reports."""
    asked = container.asked
    ports = (f"{each.host_ip or '*'}:{each.host_port} → {each.container_port}" for each in asked.ports)
    mounts = (f"{each.volume or each.source or each.kind} → {each.target}" for each in asked.mounts)
    return (
        ("image", msg("Image"), container.image),
        ("image-id", msg("Image ID"), container.image_id.removeprefix("sha256:")[:12]),
        ("command", msg("Command"), container.command),
        ("status", msg("State"), translate(STATUSES[container.status])),
        ("engine", msg("Engine"), container.engine),
        ("runtime", msg("Runtime"), container.runtime),
        ("networks", msg("Networks"), listed(sorted(container.networks))),
        ("ports", msg("Published ports"), listed(sorted(ports))),
        ("mounts", msg("Volumes and host paths"), listed(sorted(mounts))),
    )


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


PARTS: dict[Part, Message] = {
    Part.LAYER: msg("Layers"),
    Part.THREAT: msg("Threats"),
    Part.CALL: msg("System calls"),
    Part.SETTING: msg("Settings"),
}
_STYLES = {1: "31", -1: "32", 0: ""}


def counted(found: Comparison) -> str:
    """The number of differences, in a line."""
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
    """Which of the two containers is more exposed."""
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


NAME = 255  # characters of a name: cut shorter, two that differ at their end would be one


def names_of(found: Comparison, one: str = "", two: str = "") -> tuple[str, str]:
    """The names of the two; with their sources if the names are equal."""
    first, second = plain(found.one.container.name, NAME), plain(found.two.container.name, NAME)
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
            yield from _call_lines(there, one, two, style)
        elif part is Part.THREAT:
            yield from _threat_lines(there, one, two, style)
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


def _threat_lines(there: tuple[Difference, ...], one: str, two: str, style: Style) -> Iterator[str]:
    """Threats with the same change are listed together: there may be a hundred."""
    groups: dict[tuple[str, str, int], list[str]] = {}
    for each in there:
        groups.setdefault((each.one, each.two, each.worse), []).append(each.what)
    for (first, second, worse), titles in groups.items():
        head = msg("{one}: {first}; {two}: {second}", one=one, first=first, two=two, second=second)
        yield from wrap(translate(head), "  ", style, _STYLES[worse])
        yield from wrap(listed(titles), "    ", style)


def _call_lines(there: tuple[Difference, ...], one: str, two: str, style: Style) -> Iterator[str]:
    """Only names of calls: there may be hundreds."""
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
    """Lines about two captures: new containers, removed ones, and the differences in the others."""
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
    """The comparison as JSON types."""
    return {"schema": SCHEMA, **_pair(found)}


def fleet_document(found: FleetComparison) -> dict[str, Any]:
    """The comparison of two captures as JSON types."""
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
