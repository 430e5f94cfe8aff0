"""Which addresses a process can reach: by its network namespace, its routes, and the families its filter lets it have.

A firewall is not read. Landlock limits TCP only, so it closes no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stratascope.core.capture import Gap, GapKind
from stratascope.core.message import NOTHING, Message, msg
from stratascope.core.reach.row import STRATA, Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.core.threats.catalogue.shared import AF_INET, socket
from stratascope.core.threats.threat import Outcome, Stance
from stratascope.layers.namespaces.facts import NamespacesFacts
from stratascope.linux.routes import Reach, parse_routes6
from stratascope.usecases.reach.subject import ROUTES6, Judged

AF_INET6 = 10
_TO_HOST = ("allow_host_loopback=true", "--map-gw", "--map-host-loopback")
_FIREWALL = msg("By its routes; no firewall was looked at.")
_NOT_READ = msg("Its network namespace or its routes could not be read.")
_SAME = msg("It has this machine's network.")
_OTHER = msg("It has a network of its own.")
_NONE = msg("It has no network but its own localhost.")


def rows(subject: Judged) -> Iterator[ReachRow]:
    """The rows of the network, those that are published among them."""
    facts = subject.facts("namespaces")
    net = facts.net if isinstance(facts, NamespacesFacts) else None
    shared = None if net is None else net.shared_with_host
    routes = (facts.routes if isinstance(facts, NamespacesFacts) else None, _routes6(subject))
    near = _either(None if each is None else each.near for each in routes)
    far = _either(None if each is None else each.far for each in routes)
    barred = no_internet_sockets(subject)
    alone = _NONE if near is False else _OTHER
    for name, opened in (
        ("internet", far),
        ("lan", far if not shared else near),
        ("metadata", far),
        ("other-containers", near if not shared else None),
    ):
        if not (name == "other-containers" and shared):
            yield _row(subject, name, opened, barred, alone, _FIREWALL)
    yield _row(subject, "host-loopback", _loopback(subject, shared=shared), barred, _OTHER, _SAME)
    yield from _published(subject)


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


def _published(subject: Judged) -> Iterator[ReachRow]:
    ports = subject.state.container.asked.ports
    if subject.engine is None or not ports:
        return
    wide = [port for port in ports if port.host_ip not in ("127.0.0.1", "::1") and not port.host_ip.startswith("127.")]
    first = (wide or list(ports))[0]
    where = f"{first.host_ip or '*'}:{first.host_port or '?'} → {first.container_port}"
    if wide:
        yield ReachRow(BY_ID["published-ports"], Answer.OPEN, where, known=Known.ASKED, more=len(wide) - 1)
    else:
        why = msg("They are published on localhost only.")
        yield ReachRow(
            BY_ID["published-ports"], Answer.CLOSED, where, ("namespaces",), Known.ASKED, why, more=len(ports) - 1
        )
