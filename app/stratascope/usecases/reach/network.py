"""Which addresses a process can reach: by its network namespace, its routes, and the families its filter lets it have.

Packet filters are read as root; where their rules are not sure, nothing is said. Landlock limits TCP only, so it closes
no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address

from stratascope.collector.names import FIREWALL, PORTS
from stratascope.core.capture import Gap, GapKind, or_none
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import STRATA, Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.core.threats.catalogue.shared import AF_INET, AF_INET6
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.linux.firewall import Fate, Firewalls, parse_firewalls
from stratascope.linux.listening import parse_ports
from stratascope.linux.routes import Reach, parse_routes6
from stratascope.usecases.reach.filtered import INTERNET, by_filter, past
from stratascope.usecases.reach.subject import ROUTES6, Judged
from stratascope.value import replace

_METADATA = "169.254.169.254"
FORWARDS_ALONE = ("pasta", "slirp4netns")  # modes in which a program stands between: it has no neighbours
_TO_HOST = ("allow_host_loopback=true", "--map-gw", "--map-host-loopback")
_FIREWALL = msg("By its routes; no firewall was looked at.")
_PASSES = msg("By its routes, and no firewall of this machine refuses it.")
_DROPPED = msg("A firewall of this machine drops it.")
_UNDECIDED = msg("Its routes lead there; whether a firewall of this machine drops it is not known.")
BY_GROUP = msg("A filter of its control group (BPF, such as IPAddressDeny=) may drop it; which addresses is not known.")
_NOT_READ = msg("Its network namespace or its routes could not be read.")
_SAME = msg("It has this machine's network.")
_OTHER = msg("It has a network of its own.")
_NONE = msg("It has no network but its own localhost.")
_HANDED_ON = msg("Its network was to hand on to this machine's localhost.")


def rows(subject: Judged) -> Iterator[ReachRow]:
    """The rows of the network, but for its own ports."""
    facts = subject.facts("namespaces")
    net = facts.net if isinstance(facts, NamespacesFacts) else None
    shared = None if net is None else net.shared_with_host
    routes = (facts.routes if isinstance(facts, NamespacesFacts) else None, _routes6(subject))
    near = _either(None if each is None else each.near for each in routes)
    far = _either(None if each is None else each.far for each in routes)
    by = by_filter(subject, INTERNET)
    barred = by.closed_by
    found = or_none(subject.capture.decoded(FIREWALL, parse_firewalls))
    fates = _fates(found, routes)
    alone = _NONE if near is False else _OTHER
    for name, opened in (
        ("internet", far),
        ("lan", far if not shared else near),
        ("metadata", far),
        ("other-containers", near if not shared else None),
    ):
        if not (name == "other-containers" and shared):
            row = _by_group(_row(subject, name, opened, barred, alone, _FIREWALL), found)
            yield past(_filtered(row, fates) if name != "other-containers" else row, by)
    yield past(_by_group(_loopback(subject, barred, shared=shared), found), by)


def _by_group(row: ReachRow, found: Firewalls | None) -> ReachRow:
    """An open row, where programs filter all that its control group sends: what they let through is not read."""
    if row.answer is not Answer.OPEN or found is None or not found.sends:
        return row
    return replace(row, answer=Answer.UNKNOWN, why=BY_GROUP)


def _fates(found: Firewalls | None, routes: Sequence[Reach | None]) -> Callable[[str], Fate | None]:
    """What becomes of what it sends to the addresses of a row; None: not read."""

    def of(name: str) -> Fate | None:
        if found is None:
            return None
        fates = set()
        for family, reach in zip((AF_INET, AF_INET6), routes, strict=True):
            address = ip_address(_METADATA).packed if name == "metadata" and family == AF_INET else b""
            if reach is None or reach.far or (name == "lan" and reach.near):
                fates.add(found.fate(family, address))
        return fates.pop() if len(fates) == 1 else Fate.PASSES if Fate.PASSES in fates else Fate.UNKNOWN

    return of


def _filtered(row: ReachRow, fates: Callable[[str], Fate | None]) -> ReachRow:
    """An open row, as the packet filters have it."""
    fate = fates(row.thing.id) if row.answer is Answer.OPEN else None
    match fate:
        case Fate.PASSES:
            return replace(row, why=_PASSES)
        case Fate.DROPPED:
            return replace(row, answer=Answer.CLOSED, why=_DROPPED)  # by no layer of its own
        case Fate.UNKNOWN:
            return replace(row, answer=Answer.UNKNOWN, why=_UNDECIDED)
    return row


def _routes6(subject: Judged) -> Reach | None:
    found = subject.capture.decoded(ROUTES6, parse_routes6)
    if isinstance(found, Gap):  # a kernel without IPv6 has no such file
        return Reach(near=False, far=False) if found.kind is GapKind.ABSENT else None
    return found


def _either(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return True if True in found else None if None in found else False


def _row(
    subject: Judged, name: str, opened: bool | None, barred: frozenset[str], closed: Message, why: Message
) -> ReachRow:
    thing, source = BY_ID[name], f"/proc/{subject.capture.pid}/net/route"
    own = frozenset({"namespaces"}) if opened is False else frozenset()
    layers = tuple(sorted(own | barred, key=STRATA.index))
    if layers:
        return ReachRow(thing, Answer.CLOSED, "", layers, Known.ENFORCED, closed if own else NOTHING, source)
    if opened is None:
        return ReachRow(thing, Answer.UNKNOWN, "", why=_NOT_READ)
    return ReachRow(thing, Answer.OPEN, "", (), Known.ENFORCED, why, source)


def _loopback(subject: Judged, barred: frozenset[str], *, shared: bool | None) -> ReachRow:
    """Whether the machine's own localhost answers it: by its own network, or by what stands between."""
    mode = subject.state.container.asked.network_mode
    found = or_none(subject.capture.decoded(PORTS, parse_ports))
    opened = True if shared is False and any(word in mode for word in _TO_HOST) else shared
    row = _row(subject, "host-loopback", opened, barred, _OTHER, _SAME if shared else _HANDED_ON)
    if opened is not False or barred or found is None or not (found.own.addresses or found.own.sockets):
        return row
    routes = map(found.route, found.own.addresses)
    wanted: tuple[bool | None, ...] = (True, None)
    if any(route is not None and route.direct for route in routes):
        wanted = (True,)
    elif subject.engine is not None and subject.engine.rootless and not mode.startswith(FORWARDS_ALONE):
        wanted = (True, None, False)  # its bridge leads on to the network of its engine
    cable = next((each for serves in wanted for each in found.between if each[2] is serves), None)
    if cable is not None:
        pid, program, serves = cable
        name = f"{program} ({pid})"
        if serves:
            why = msg("{program} is its way out, and hands on to this machine's localhost.", program=name)
        else:
            why = msg("{program} hands on to this machine's localhost; whether for it is not known.", program=name)
        answer = Answer.OPEN if serves else Answer.UNKNOWN
        return replace(row, answer=answer, closed_by=(), why=why, indirect=True)
    return row
