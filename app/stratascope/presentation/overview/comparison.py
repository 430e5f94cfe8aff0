"""Two containers side by side: in what their layers, threats, system calls and settings are not alike. Pure.

Settings are the very facts that the layers draw (tables, bits, bars, rulers), so that a layer's new fact is compared
without an edit. What can't be alike is left out of them: inodes of namespaces, ids, present use beside a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from stratascope.core.container import Container
from stratascope.core.layer import Bar, Bars, BitGrid, CallMap, Layer, Rulers, Table, Tone, Verdict
from stratascope.core.message import Message, msg
from stratascope.core.snapshot import ContainerState, Snapshot, first_view
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.syscall_map import VERDICTS as CALL_VERDICTS
from stratascope.presentation.syscall_map import pairs, table_of
from stratascope.presentation.threat_outcomes import Protection, protection, protection_word
from stratascope.presentation.words import STATUSES, verdict_words
from stratascope.value import Value

_NONE, _NO_LIMIT = msg("None"), msg("No limit")
_INODE = re.compile(r" ?\(\d{10,}\)")
_VERDICTS = (Verdict.ENFORCED, Verdict.UNKNOWN, Verdict.WEAKENED, Verdict.OPEN)
_PROTECTIONS = (Protection.DEEPER, Protection.ONCE, Protection.HOST, Protection.UNKNOWN, Protection.OPEN)
_TONES = {Tone.GOOD: 0, Tone.WARN: 1, Tone.BAD: 2}


class Part(StrEnum):
    """Of what a difference is."""

    LAYER = "layer"
    THREAT = "threat"
    CALL = "call"
    SETTING = "setting"


class Difference(Value):
    """In one thing. `one`, `two`: what it is in either, translated. `worse`: 1 where the second is weaker there, -1
    where the first is, 0 where that can't be said. `layer`: the id of the layer that it is a fact of, else empty.
    """

    part: Part
    id: str  # of the layer or threat, the call's name, or `LAYER:LABEL` of a setting
    what: str
    one: str
    two: str
    worse: int = 0
    layer: str = ""


class Comparison(Value):
    """Two containers. `differences`: layers from the highest down, then threats, calls and settings."""

    one: ContainerState
    two: ContainerState
    differences: tuple[Difference, ...]

    def of(self, part: Part) -> tuple[Difference, ...]:
        """Those of one kind."""
        return tuple(each for each in self.differences if each.part is part)


class FleetComparison(Value):
    """Two pictures of a machine; containers are the same by engine and name."""

    gone: tuple[ContainerState, ...]
    new: tuple[ContainerState, ...]
    changed: tuple[Comparison, ...]
    alike: int


def compare(one: ContainerState, two: ContainerState, layers: Sequence[Layer]) -> Comparison:
    """What is different between them; nothing for a container beside itself."""
    return Comparison(
        one, two, (*_layers(one, two, layers), *_threats(one, two), *_calls(one, two), *_settings(one, two))
    )


def compare_all(before: Snapshot, after: Snapshot, layers: Sequence[Layer]) -> FleetComparison:
    """What changed between them."""
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
        first, second = (
            translate(msg("{verdict}: {fact}", verdict=verdict_words(each.assessment), fact=each.assessment.fact))
            for each in (mine, its)
        )
        worse = _sign(_VERDICTS.index(its.assessment.verdict) - _VERDICTS.index(mine.assessment.verdict))
        title = translate(titles.get(mine.id, msg("{id}", id=mine.id)))
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
                    continue  # nothing was read of one of them, and its layer says so
                left = left or _Setting(label=label, value=translate(_NONE))
                right = right or _Setting(label=label, value=translate(_NONE))
            if left.value != right.value:
                tones = _TONES.get(left.tone), _TONES.get(right.tone)
                worse = 0 if tones[0] is None or tones[1] is None else _sign(tones[1] - tones[0])
                name = f"{layer.id}:{label}"
                yield Difference(Part.SETTING, name, left.label, left.value, right.value, worse, layer.id)


def _facts(state: ContainerState, layer: str) -> dict[str, _Setting]:
    """By label, each that may be alike in two containers."""
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
    """What is allowed, without what is used just now."""
    if bar.limit is None and bar.used is not None:
        return translate(_NO_LIMIT)
    words = dict(bar.value.args).get("limit")
    if bar.used is None or words is None:
        return translate(bar.value)
    return translate(words) if isinstance(words, Message) else str(words)


def _asked(container: Container) -> tuple[tuple[str, Message, str], ...]:
    """What the engine says of it, beside what the layers tell."""
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
