"""Rows that follow from where a socket leads (`collector/bridges.py`): to another socket, or out by a proxy.

A socket that it may connect to gives what is behind it. That it is a proxy to the internet is said of what hands on to
other machines, and of a process that started this one and is reached from its network; of others it is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stratascope.core.capture import Gap
from stratascope.core.message import Message, msg
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.layers.mac.facts import MacFacts
from stratascope.linux.permissions import WRITE
from stratascope.linux.reach import HELD, Bridge, Found
from stratascope.usecases.reach import files
from stratascope.usecases.reach.files import Rights, Verdict
from stratascope.usecases.reach.filtered import INTERNET, by_filter
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace

_ORDER = (Answer.OPEN, Answer.UNKNOWN, Answer.CLOSED)
_HOPS = 3  # that are named


def rows(subject: Judged, rights: Rights, sockets: Verdict, before: Mapping[str, ReachRow]) -> Iterator[ReachRow]:
    """What they add to the rows there are. `sockets`: whether it may connect to any that is bound to a file."""
    found = subject.found
    if isinstance(found, Gap):
        return
    names = before.get("abstract-sockets")
    entered = [(bridge, _entered(bridge, subject, found, rights, sockets, names)) for bridge in found.bridges]
    for thing in dict.fromkeys(bridge.kind for bridge in found.bridges if bridge.kind in BY_ID):
        ways = [item for item in entered if item[0].kind == thing]
        bridge, answer = min(ways, key=lambda item: _ORDER.index(item[1]))
        now = before.get(thing)
        if answer is not Answer.CLOSED and (now is None or _ORDER.index(answer) < _ORDER.index(now.answer)):
            yield _row(subject, thing, answer, bridge, _through(bridge))
    internet = before.get("internet")
    if internet is None or internet.answer is not Answer.OPEN:
        yield from _proxy(
            subject, [(bridge, answer) for bridge, answer in entered if not bridge.kind and not _is_cable(bridge)]
        )


def _proxy(subject: Judged, entered: list[tuple[Bridge, Answer]]) -> Iterator[ReachRow]:
    leading = [(_leading(bridge, answer), bridge) for bridge, answer in entered if answer is not Answer.CLOSED]
    if not leading:
        return
    (answer, known, why), bridge = min(leading, key=lambda item: _ORDER.index(item[0][0]))
    same = sum(each is answer for (each, _, _), _ in leading) - 1
    yield replace(_row(subject, "proxy", answer, bridge, why), known=known, more=same)


def _is_cable(bridge: Bridge) -> bool:
    """pasta, where it hands on to this machine's localhost: that is told as such."""
    return any(program.startswith("pasta") for _, program in bridge.hops[-1:])


def _leading(bridge: Bridge, answer: Answer) -> tuple[Answer, Known, Message]:
    programs = _named(bridge)
    if bridge.out:
        return answer, Known.ENFORCED, _through(bridge)
    if bridge.above:
        text = msg("Through {programs}, which started it and may let only some addresses through.", programs=programs)
        return answer, Known.ASKED, text
    if not programs:
        return Answer.UNKNOWN, Known.ENFORCED, msg("Who listens there could not be seen. Read as root to know.")
    return Answer.UNKNOWN, Known.ENFORCED, msg("Whether {programs} leads further is not known.", programs=programs)


def _entered(
    bridge: Bridge, subject: Judged, found: Found, rights: Rights, sockets: Verdict, names: ReachRow | None
) -> Answer:
    """Whether it may connect to it, or is. `names`: the row of abstract sockets."""
    if bridge.place.startswith(HELD):
        return Answer.OPEN
    if bridge.place.startswith("@"):
        abstract = Answer.UNKNOWN if names is None or names.answer is Answer.CLOSED else names.answer
        return max((abstract, sockets.answer), key=_ORDER.index)
    if bridge.file:
        own = [file for file in found.files if file.path == bridge.place and file.what == "s"]
        verdict = files.best([files.judged(file, WRITE, rights) for file in own]) if own else Verdict(Answer.CLOSED)
        return max((verdict.answer, sockets.answer), key=_ORDER.index)
    if by_filter(subject, INTERNET).answer is Answer.CLOSED:
        return Answer.CLOSED
    mac = rights.mac  # Landlock may refuse ports of TCP
    return Answer.UNKNOWN if not isinstance(mac, MacFacts) or mac.may_be_landlocked or mac.confinements else Answer.OPEN


def _through(bridge: Bridge) -> Message:
    if bridge.place.startswith(HELD):
        return msg("It holds a connection to {path} open.", path=bridge.end)
    if not bridge.end:
        return msg("{program} listens there.", program=_named(bridge))
    return msg("Through {programs}: it leads to {end}.", programs=_named(bridge), end=bridge.end)


def _named(bridge: Bridge) -> str:
    return " → ".join(f"{program or '?'} ({pid})" for pid, program in bridge.hops[-_HOPS:])


def _row(subject: Judged, thing: str, answer: Answer, bridge: Bridge, why: Message) -> ReachRow:
    source = f"/proc/{subject.capture.pid}/net/{'unix' if bridge.file else 'tcp'}"
    if bridge.place.startswith(HELD):
        source = bridge.place.replace("self", str(subject.capture.pid), 1)
    row = ReachRow(BY_ID[thing], answer, bridge.place, (), Known.ENFORCED, why, source)
    return replace(row, indirect=True)  # what is tried are the places where it usually lies
