"""What a container or process can get at: as the JSON of `reach --json` (a contract), and as lines for people.

The rows, their groups and words are made here once, for terminal and window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from stratascope.core.container import Container
from stratascope.core.message import NOTHING, Message, msg, plural
from stratascope.core.reach.row import STRATA, Answer, Group, Known, Reached, ReachRow
from stratascope.core.reach.things import THINGS
from stratascope.core.sanitize import plain
from stratascope.i18n.translate import listed, translate
from stratascope.presentation.terminal import SEVERITY_STYLE, Style, cut_middle, pad, width_of, wrap
from stratascope.value import Value

SCHEMA = 1
GROUPS = {
    Group.CREDENTIALS: msg("Credentials and private files"),
    Group.SOCKETS: msg("Sockets that lend another's rights"),
    Group.NETWORK: msg("Network"),
    Group.PROCESSES: msg("Other processes"),
    Group.FILES: msg("Files of this machine"),
    Group.DEVICES: msg("Devices"),
    Group.PRIVILEGE: msg("More rights"),
    Group.SECRETS: msg("Secrets in its environment"),
}
ANSWERS = {
    Answer.OPEN: msg("reachable"),
    Answer.CLOSED: msg("closed"),
    Answer.UNKNOWN: msg("not known"),
    Answer.NEEDED: msg("needed"),
}
KNOWN = {Known.ASKED: msg("asked"), Known.ENFORCED: msg("enforced"), Known.TRIED: msg("tried")}
LAYERS = {
    "namespaces": msg("namespaces"),
    "cgroup": msg("control group"),
    "capabilities": msg("capabilities"),
    "seccomp": msg("system call filter"),
    "mac": msg("access control"),
    "usermap": msg("user"),
}
KINDS = tuple(dict.fromkeys((*(thing.id for thing in THINGS), *(thing.kind for thing in THINGS))))
_MARKS = {Answer.OPEN: "○", Answer.CLOSED: "■", Answer.UNKNOWN: "?", Answer.NEEDED: "·"}
_PLAIN_MARKS = {Answer.OPEN: "o", Answer.CLOSED: "#", Answer.UNKNOWN: "?", Answer.NEEDED: "."}
_NAME, _WORD = 36, 11  # cells


class ReachSubject(Value):
    """Whose reach it is. `kind`: container, agent …; `maker`: of a sandbox; `engine`: "" without one."""

    name: str
    id: str
    pid: int
    kind: str = "other"
    maker: str = ""
    engine: str = ""


def subject_of(container: Container, pid: int) -> ReachSubject:
    """Of a container or sandbox; one without engine is a process by its number."""
    kind = container.kind if container.engine else "other"
    if container.sandbox is not None:
        return ReachSubject(container.name, container.id, pid, kind, container.sandbox.maker)
    return ReachSubject(container.name, container.id, pid, kind, engine=container.engine)


class Section(Value):
    """One group: its title, its rows with what hurts most first, and how many are open."""

    title: Message
    rows: tuple[ReachRow, ...]
    open: int


def sections(found: Reached) -> tuple[Section, ...]:
    """The groups that have rows."""
    made = []
    for group, title in GROUPS.items():
        own = tuple(sorted((row for row in found.rows if row.thing.group is group), key=lambda row: row.rank))
        if own:
            made.append(Section(title, own, sum(row.answer is Answer.OPEN for row in own)))
    return tuple(made)


def level(row: ReachRow) -> tuple[str, ...]:
    """The six layers in the order in which an attempt meets them, each `closes`, `would` (it would close it too, were
    it reached) or "".
    """
    closing = [layer for layer in STRATA if layer in row.closed_by]
    return tuple("" if layer not in closing else "closes" if layer == closing[0] else "would" for layer in STRATA)


def reaches(row: ReachRow) -> Message:
    """An open row in a few words."""
    return msg("reaches {thing}", thing=row.thing.name)


def asked(found: Reached) -> int:
    """How many rows count: what it was given on purpose does not."""
    return sum(row.answer is not Answer.NEEDED for row in found.rows)


def sentence(row: ReachRow) -> Message:
    """The answer as a sentence."""
    match row.answer:
        case Answer.OPEN | Answer.NEEDED:
            return row.thing.can
        case Answer.CLOSED:
            return msg("It can't get at this: {thing}.", thing=row.thing.name)
    return msg("Whether it can get at this is not known: {thing}.", thing=row.thing.name)


def closed_by(row: ReachRow) -> Message:
    """Which layers close it, and whether one alone would do; empty if none is known."""
    names = [LAYERS[layer] for layer in row.closed_by]
    if not names:
        return NOTHING
    if len(names) == 1:
        return msg("Only one layer closes it: {layer}.", layer=names[0])
    layers = listed(translate(name) for name in names)
    return msg("Each of these layers closes it alone: {layers}.", layers=layers)


def basis(row: ReachRow) -> Message:
    """How it is known, as a sentence."""
    source = plain(row.source, 200)
    match row.known:
        case Known.TRIED:
            return msg("This was tried.")
        case Known.ASKED:
            return msg("Known from what was asked for, and not read from the kernel.")
    return msg("Read from the kernel: {source}", source=source) if source else msg("Read from the kernel.")


def place(row: ReachRow, length: int = 500) -> str:
    """The file, socket or address that it is about, and how many others there are."""
    return plain(row.where, length) + others(row)


def others(row: ReachRow) -> str:
    """What follows a place where it is one of several; else empty."""
    return " " + translate(msg("and {count} more", count=row.more)) if row.where and row.more else ""


def row_lines(row: ReachRow) -> tuple[str, ...]:
    """All that is known of a row, a sentence a line."""
    told = [translate(sentence(row)), place(row)]
    told += [translate(each) for each in (row.why, closed_by(row)) if each.id]
    if row.remedy is not None:
        told.append(translate(msg("To close it: {what}", what=row.remedy.text)))
    told.append(translate(basis(row)))
    return tuple(each for each in told if each)


def json_object(found: Reached, subject: ReachSubject) -> dict[str, Any]:
    """`reach --json` as JSON types."""
    return {
        "schema": SCHEMA,
        "subject": {
            "kind": subject.kind,
            "maker": subject.maker or None,
            "engine": subject.engine or None,
            "name": plain(subject.name, 200),
            "id": subject.id,
            "pid": subject.pid,
        },
        "rows": [_object(row) for row in found.rows],
        "gaps": [_text(gap) for gap in found.gaps],
    }


def _object(row: ReachRow) -> dict[str, Any]:
    remedy = row.remedy
    return {
        "id": row.thing.id,
        "kind": row.thing.kind,
        "group": row.thing.group.value,
        "what": _text(row.thing.can if row.answer in (Answer.OPEN, Answer.NEEDED) else row.thing.name),
        "access": row.thing.access.value,
        "severity": row.thing.severity.value,
        "outcome": row.answer.value,
        "where": plain(row.where, 500) or None,
        "more": row.more,
        "closed_by": list(row.closed_by),
        "basis": row.known.value,
        "indirect": row.indirect,
        "to_hide": row.to_hide,
        "predicted": None if row.predicted is None else row.predicted.value,
        "why": _text(row.why) or None,
        "source": row.source,
        "remedy": None
        if remedy is None
        else {"how": remedy.how.value, "value": plain(remedy.value, 500), "text": _text(remedy.text)},
    }


def lines(found: Reached, subject: ReachSubject, style: Style) -> Iterator[str]:
    """For people: the answer in sentences, then a line a row."""
    opened = found.open
    count = translate(plural("{open} of {count} within reach", "{open} of {count} within reach", asked(found),
                             open=len(opened)))  # fmt: skip
    number = translate(msg("PID {pid}", pid=str(subject.pid)))
    yield f"{style.paint(plain(subject.name, 80), '1')}  {number}  {count}"
    for row in opened[:_FIRST]:
        yield from wrap(translate(row.thing.can), "  ", style, SEVERITY_STYLE[row.thing.severity])
    for gap in found.gaps:
        yield from wrap(translate(gap), "  ", style, "2")
    for section in sections(found):
        yield ""
        yield style.paint(translate(section.title), "1")
        for row in section.rows:
            yield from _row(row, found, style)


_FIRST = 5


def _row(row: ReachRow, found: Reached, style: Style) -> Iterator[str]:
    mark = (_MARKS if style.unicode else _PLAIN_MARKS)[row.answer]
    code = (
        SEVERITY_STYLE[row.thing.severity]
        if row.answer is Answer.OPEN
        else "32"
        if row.answer is Answer.CLOSED
        else "2"
    )
    word = translate(ANSWERS[row.answer])
    head = f"  {style.paint(mark, code)} {pad(translate(row.thing.name), _NAME)} {pad(word, _WORD)} "
    known = f"{translate(KNOWN[Known.TRIED])} " if row.known is Known.TRIED else ""
    room = max(20, style.width - _NAME - _WORD - 6 - width_of(known))
    told = detail(row, room)
    if width_of(told) <= room:
        yield (head + known + told).rstrip()
    else:
        yield (head + known).rstrip()
        yield from wrap(told, "      ", style)
    if row in found.differing:
        yield from wrap(translate(differs(row)), "      ", style, "31")
    if row.why.id and row.answer is not Answer.CLOSED:
        yield from wrap(translate(row.why), "      ", style, "2")
    if row.remedy is not None:
        yield from wrap(translate(msg("To close it: {what}", what=row.remedy.text)), "      ", style)


def differs(row: ReachRow) -> Message:
    """Of a row that was tried, and is not as it was predicted."""
    answers = {Answer.OPEN: msg("It was predicted to be reachable, and is not."),
               Answer.CLOSED: msg("It was predicted to be closed, and is not.")}  # fmt: skip
    return answers.get(row.predicted or Answer.UNKNOWN, NOTHING)


def detail(row: ReachRow, width: int) -> str:
    """By which layers it is closed; else which file, socket or address it is about."""
    if row.answer is Answer.CLOSED:
        layers = listed(translate(LAYERS[each]) for each in row.closed_by)
        return translate(msg("by {layers}", layers=layers)) if layers else ""
    where = plain(row.where, 300)
    if not where:
        return ""
    return cut_middle(where, max(10, width - width_of(others(row)))) + others(row)


def failing(found: Reached, kinds: Iterable[str]) -> tuple[ReachRow, ...]:
    """Open rows of these ids or kinds."""
    wanted = set(kinds)
    return tuple(row for row in found.open if row.thing.id in wanted or row.thing.kind in wanted)


def _text(message: Message) -> str:
    return plain(translate(message), 1000) if message.id else ""
