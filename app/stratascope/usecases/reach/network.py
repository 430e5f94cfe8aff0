"""Which addresses a process can reach: by its network namespace, its routes, and the families its filter lets it have.

Packet filters are read as root; where their rules are not sure, nothing is said. Landlock limits TCP only, so it closes
no row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address

from stratascope.collector.names import FIREWALL
from stratascope.core.capture import Gap, GapKind, or_none
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import STRATA, Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.core.threats.catalogue.shared import AF_INET, socket
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.linux.firewall import Fate, parse_firewalls
from stratascope.linux.routes import Reach, parse_routes6
from stratascope.usecases.reach.subject import ROUTES6, Judged
from stratascope.value import replace

AF_INET6 = 10
_METADATA = "169.254.169.254"
_TO_HOST = ("allow_host_loopback=true", "--map-gw", "--map-host-loopback")
_FIREWALL = msg("By its routes; no firewall was looked at.")
_PASSES = msg("By its routes, and no firewall of this machine refuses it.")
_DROPPED = msg("A firewall of this machine drops it.")
_UNDECIDED = msg("Its routes lead there; whether a firewall of this machine drops it is not known.")
_NOT_READ = msg("Its network namespace or its routes could not be read.")
_SAME = msg("It has this machine's network.")
_OTHER = msg("It has a network of its own.")
_NONE = msg("It has no network but its own localhost.")


def rows(subject: Judged) -> Iterator[ReachRow]:
    """The rows of the network, but for its own ports."""
    facts = subject.facts("namespaces")
    net = facts.net if isinstance(facts, NamespacesFacts) else None
    shared = None if net is None else net.shared_with_host
    routes = (facts.routes if isinstance(facts, NamespacesFacts) else None, _routes6(subject))
    near = _either(None if each is None else each.near for each in routes)
    far = _either(None if each is None else each.far for each in routes)
    barred = no_internet_sockets(subject)
    fates = _fates(subject, routes)
    alone = _NONE if near is False else _OTHER
    for name, opened in (
        ("internet", far),
        ("lan", far if not shared else near),
        ("metadata", far),
        ("other-containers", near if not shared else None),
    ):
        if not (name == "other-containers" and shared):
            row = _row(subject, name, opened, barred, alone, _FIREWALL)
            yield _filtered(row, fates) if name != "other-containers" else row
    yield _row(subject, "host-loopback", _loopback(subject, shared=shared), barred, _OTHER, _SAME)


def _fates(subject: Judged, routes: Sequence[Reach | None]) -> Callable[[str], Fate | None]:
    """What becomes of what it sends to the addresses of a row; None: not read."""
    found = or_none(subject.capture.decoded(FIREWALL, parse_firewalls))

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


def no_internet_sockets(subject: Judged) -> frozenset[str]:
    """The layers that refuse sockets of both families; none where io_uring makes them past the filter."""
    ring = subject.threat("io-uring")
    if ring is None or ring.outcome is not Outcome.STOPPED:
        return frozenset()
    found = []
    for family in (AF_INET, AF_INET6):
        rulings = subject.rulings(socket(family))
        found.append({layer for layer, ruling in rulings if ruling.stance is Stance.STOPS})
    return frozenset(found[0] & found[1])


def _loopback(subject: Judged, *, shared: bool | None) -> bool | None:
    """Whether the machine's own localhost answers it."""
    if shared is not False:
        return shared
    mode = subject.state.container.asked.network_mode
    return any(word in mode for word in _TO_HOST)
