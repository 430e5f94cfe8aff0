"""From where its listening ports can be reached: from programs of this machine, from other machines, from others on its
network. A row each, the worst of all its ports.

By the address that each is bound to, whose network namespace that is, the machine's routes, what its engine publishes,
and as root the packet filters. *Closed* is said only where no way is known that might lead there: ports that a program
hands on by itself, as pasta does, are not known where the machine listens on that port too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from stratascope.collector.names import FIREWALL, PORTS
from stratascope.core.capture import Gap, or_none
from stratascope.core.container import AskedPort, EngineKind
from stratascope.core.message import Message, followed, msg
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID, FROM_CONTAINERS, FROM_MACHINE, FROM_OUTSIDE
from stratascope.layers.shared.whose_namespace import shared_mode
from stratascope.linux.firewall import Fate, parse_firewalls
from stratascope.linux.listening import Address, Ports, Route, Socket, parse_ports
from stratascope.usecases.reach.network import BY_GROUP, FORWARDS_ALONE
from stratascope.usecases.reach.subject import Judged
from stratascope.value import Value

_ORDER = (Answer.OPEN, Answer.UNKNOWN, Answer.CLOSED)
_FAMILY = {4: 2, 6: 10}  # AF_INET, AF_INET6
_ENGINE_DNS = ip_address("127.0.0.11")  # Docker's own server listens there, in the container's network namespace
_CHOSEN = 1024  # UDP ports from here on may be those of programs that only ask
_AUTOMATIC = ("-t", "-T", "--tcp-ports", "-u", "--udp-ports")  # of pasta, beside what is published
# Interfaces behind which only containers and virtual machines are, by the names that engines give them
_INNER = ("docker", "br-", "podman", "cni", "veth", "virbr", "lxcbr", "lxdbr", "incusbr", "ve-", "vb-")
# What shares a network namespace to serve it: engines' and pods' own programs
_HELPERS = (
    "rootlessport",
    "rootlesskit",
    "slirp4netns",
    "catatonit",
    "pause",
    "conmon",
    "docker-proxy",
    "podman",
    "dockerd",
    "runc",
    "crun",
    "netavark",
)
_LOCAL = msg("It listens on its own localhost only.")
_HOSTS_LOCAL = msg("It listens on this machine's localhost only.")
_NO_WAY = msg("It has a network of its own, and no port there is published.")
_NO_NETWORK = msg("It has no network but its own localhost.")
_SHARES = msg("It has this machine's network.")
_PUBLISHED = msg("It is published.")
_PASSES = msg("No firewall of this machine refuses it.")
_DROPPED = msg("A firewall of this machine drops it.")
_UNDECIDED = msg("Whether a firewall of this machine drops it is not known.")
_NOT_LOOKED = msg("No firewall was looked at.")
_BRIDGED = msg("This machine has a way to its address.")
_BESIDE = msg("It is on the same network as this machine, by an interface that this machine can't talk to.")
_PERHAPS_BESIDE = msg("It is on the same network as this machine; whether that can talk to it is read by root only.")
_HANDED_ON = msg("Published or not, this machine hands on what another one sends straight to that address.")
_PERHAPS_HANDED_ON = msg(
    "Whether this machine hands on what another one sends straight to that address can be read by root only."
)
_SAME_NUMBER = msg("This machine listens on that port too; whether that leads to it is not known.")
_BY_VERSION = msg("Some versions of pasta hand on what comes to its published port on this machine's localhost.")
_OF_ANOTHER = msg("Whether it is published by the container whose network it has is not known.")
_NEIGHBOURS = msg("Others on its network have a way to that address.")
_NOT_KNOWN_WHO = msg("Who else is on its network is not known.")
_NOT_READ = msg("Where it listens could not be read.")
CUT = msg("There are more than were looked at.")
_NOT_ITS = msg("Which of this machine's ports are its own could not be read.")


class _Way(Value):
    """What is said of one port from one side."""

    answer: Answer
    where: str
    why: Message
    known: Known = Known.ENFORCED


def rows(subject: Judged) -> Iterator[ReachRow]:
    """Those of its ports; none where it listens on none and publishes none."""
    found = subject.capture.decoded(PORTS, parse_ports)
    asked = subject.state.container.asked
    published = asked.ports if subject.engine is not None and asked.network_mode not in ("host", "none") else ()
    if isinstance(found, Gap):
        ways = [_Way(*_asked(port), _NOT_READ, Known.ASKED) for port in published]
        yield from _row(subject, FROM_OUTSIDE, ways)
        return
    yield from _Ports(subject, found, published if found.host is not None else ()).rows()


class _Ports:
    """One judgement."""

    def __init__(self, subject: Judged, found: Ports, published: tuple[AskedPort, ...]) -> None:
        self._subject, self._found, self._published = subject, found, published
        self._walls = or_none(subject.capture.decoded(FIREWALL, parse_firewalls))
        mode, engine = subject.state.container.asked.network_mode, subject.engine
        self._alone = engine is not None and mode.startswith(FORWARDS_ALONE)
        self._pasta = self._alone and mode.startswith("pasta")
        self._rootless = engine is not None and engine.rootless
        # whether a program takes what is sent to published ports, where packets are not forwarded
        self._between = engine is None or self._rootless or engine.kind is EngineKind.DOCKER
        self._borrowed = engine is not None and mode != "host" and shared_mode(mode)
        self._by_itself = engine is None or any(word in _AUTOMATIC for word in mode.replace(":", ",").split(","))
        sandbox = subject.state.container.sandbox
        self._members = None if sandbox is None else frozenset(sandbox.pids)
        self._helpers = frozenset() if sandbox is None else frozenset(sandbox.helpers)

    def rows(self) -> Iterator[ReachRow]:
        """From each side."""
        sockets, unsure = self._own()
        silent = [port for port in self._published if not any(_is_for(port, each) for each in sockets)]
        shared = self._found.host is None
        sides = ((FROM_MACHINE, self._machine), (FROM_OUTSIDE, self._outside), (FROM_CONTAINERS, self._near))
        for name, judge in sides:
            ways = [way for each in sockets if (way := judge(each)) is not None]
            if name == FROM_OUTSIDE:
                ways += [_Way(*_asked(port), _PUBLISHED, Known.ASKED) for port in silent]
            if unsure and not (shared and name == FROM_CONTAINERS):
                ways.append(_Way(Answer.UNKNOWN, "", _NOT_ITS if shared else CUT))
            yield from _row(self._subject, name, ways)

    def _own(self) -> tuple[list[Socket], bool]:
        """Its sockets, and whether there may be others."""
        found = self._found
        sockets = [each for each in found.own.sockets if each.address != _ENGINE_DNS and self._meant(each)]
        if found.host is not None:
            return sockets, not found.whole
        if self._members is not None:
            holders = self._members
        elif self._subject.engine is not None:
            holders = found.mine
        else:
            holders = frozenset({self._subject.capture.pid})
        unsure = not found.whole or not holders.isdisjoint(found.unread)
        return [each for each in sockets if not holders.isdisjoint(each.holders)], unsure

    def _meant(self, each: Socket) -> bool:
        return each.way == "tcp" or each.port < _CHOSEN or any(_is_for(port, each) for port in self._published)

    # From programs of this machine

    def _machine(self, each: Socket) -> _Way | None:
        if self._found.host is None:
            if self._walls is not None and self._walls.gets:
                return _Way(Answer.UNKNOWN, _shown(each), BY_GROUP)
            return _Way(Answer.OPEN, _shown(each), _SHARES)
        ways = [self._direct(each, address, route) for address, route in self._routed(each)]
        ways += [_Way(Answer.OPEN, _place(port), _PUBLISHED, self._how(port)) for port in self._leading(each)]
        return _best(ways) or self._spliced(each) or self._perhaps(each) or self._closed(each)

    def _direct(self, each: Socket, address: Address, route: Route) -> _Way:
        fate = None
        if self._beside_machine(route):
            if self._walls is None or self._walls.beside is None:
                return _Way(Answer.UNKNOWN, _at(address, each), _PERHAPS_BESIDE)
            if self._walls.beside:
                return _Way(Answer.CLOSED, _at(address, each), _BESIDE)
        if self._walls is not None:
            fate = self._walls.sent(_FAMILY[address.version], route.interface, address.packed, each.port, each.way)
        return _by_fate(fate, _at(address, each), _BRIDGED)

    def _spliced(self, each: Socket) -> _Way | None:
        """Some versions of pasta hand on from the machine's localhost to its own."""
        if each.local and self._pasta and any(_is_for(port, each) for port in self._published):
            return _Way(Answer.UNKNOWN, _shown(each), _BY_VERSION)
        return None

    def _perhaps(self, each: Socket) -> _Way | None:
        """Where it may be handed on without its engine's word."""
        if self._found.host is None or not self._found.own.addresses:
            return None
        if self._borrowed and (self._rootless or not each.local):
            return _Way(Answer.UNKNOWN, _shown(each), _OF_ANOTHER)
        theirs = self._found.host.sockets if self._by_itself else ()
        if any((other.way, other.port) == (each.way, each.port) for other in theirs):
            return _Way(Answer.UNKNOWN, _shown(each), _SAME_NUMBER)
        return None

    # From other machines

    def _outside(self, each: Socket) -> _Way | None:
        if self._found.host is None:
            if each.local:
                return _Way(Answer.CLOSED, _shown(each), _HOSTS_LOCAL)
            both = each.address.is_unspecified and each.address.version == 6
            versions = (4, 6) if both else (each.address.version,)
            fate = _furthest(self._received(each, each.port, version) for version in versions)
            return _by_fate(fate, _shown(each), _SHARES)
        ways = [self._through(port, each) for port in self._leading(each) if not port.local]
        ways += [self._forwarded(each, address, route) for address, route in self._routed(each)]
        return _best(ways) or self._perhaps(each) or self._closed(each)

    def _received(self, each: Socket, port: int, version: int, interface: str | None = None) -> Fate | None:
        """What becomes of what the machine gets for that port: from the world, if nothing is said of the interface."""
        walls = self._walls
        if walls is None:
            return None
        coming = self._coming(version) if interface is None else (interface,)
        return _furthest(walls.received(_FAMILY[version], port, name, each.way) for name in coming)

    def _coming(self, version: int) -> tuple[str, ...]:
        """The machine's interfaces to others, as far as their names tell."""
        found = {each.interface for each in self._found.routes if each.direct and each.address.version == version}
        return tuple({self._found.outward(version), *(name for name in found if not name.startswith(_INNER))})

    def _beside_machine(self, route: Route) -> bool:
        """Whether that leads to the network that the machine itself is on."""
        return route.interface in self._coming(route.address.version)

    def _handed_on(self, address: Address, route: Route, each: Socket, before: tuple[bytes, int]) -> Fate | None:
        """What becomes of what others send to that address; `before`: where they sent it to."""
        walls, version = self._walls, address.version
        if walls is None:
            return None
        target = (route.interface, address.packed, each.port)
        coming = self._coming(version)
        return _furthest(walls.handed_on(_FAMILY[version], name, *target, before, each.way) for name in coming)

    def _through(self, port: AskedPort, each: Socket) -> _Way:
        """A published one: a program of the engine gets it, or the machine forwards it to the container's address."""
        number = int(port.host_port) if port.host_port.isdigit() else 0
        routed = list(self._routed(each))
        versions = self._versions(port)
        fates = [self._received(each, number, version) for version in versions if self._between or not routed]
        for address, route in routed:
            if address.version in versions:
                fates.append(self._handed_on(address, route, each, (b"", number)))
        found = _by_fate(_furthest(fates), _place(port), _PUBLISHED)
        return _Way(found.answer, found.where, found.why, self._how(port))

    def _versions(self, port: AskedPort) -> tuple[int, ...]:
        """Of IP, at which it is published: a wildcard is that of both, if the machine has both."""
        if port.host_ip not in ("", "0.0.0.0", "::"):
            return (6 if ":" in port.host_ip else 4,)
        theirs = self._found.host.addresses if self._found.host is not None else ()
        return tuple({4, *(each.version for each in theirs if not each.is_link_local)})

    def _forwarded(self, each: Socket, address: Address, route: Route) -> _Way:
        """One that isn't published, at an address that the machine has a way to."""
        where = _at(address, each)
        if not address.is_link_local and self._beside_machine(route):
            return _Way(Answer.OPEN, where, msg("It is on the same network as this machine."))
        if address.is_link_local or address.version not in self._found.forwards:
            return _Way(Answer.CLOSED, where, _NO_WAY)
        fate = self._handed_on(address, route, each, (address.packed, each.port))
        if fate is None:
            return _Way(Answer.UNKNOWN, where, _PERHAPS_HANDED_ON)
        answers = {Fate.PASSES: (Answer.OPEN, _HANDED_ON), Fate.DROPPED: (Answer.CLOSED, _DROPPED)}
        answer, why = answers.get(fate, (Answer.UNKNOWN, _UNDECIDED))
        return _Way(answer, where, why)

    # From others on its network

    def _near(self, each: Socket) -> _Way | None:
        sharing = self._sharing()
        if sharing:
            return _Way(Answer.OPEN, _shown(each), msg("{program} has the same network.", program=sharing))
        if self._found.host is None:
            if each.local:
                return None  # who has the machine's network is of this machine
            return _by_fate(self._received(each, each.port, each.address.version, ""), _shown(each), _SHARES)
        wide = [port for port in self._leading(each) if not port.local]
        if not each.local and self._found.own.addresses and not self._alone:
            routed = list(self._routed(each))
            if routed or self._rootless:
                ways = [self._beside(each, *way) for way in routed]
                ways += [_Way(Answer.OPEN, _place(port), _PUBLISHED, self._how(port)) for port in wide if self._between]
                return _best(ways) or _Way(Answer.OPEN, _shown(each), _NEIGHBOURS)
            if not wide:
                return _Way(Answer.UNKNOWN, _shown(each), _NOT_KNOWN_WHO)
        if wide:
            return _Way(Answer.OPEN, _place(wide[0]), _PUBLISHED, self._how(wide[0]))
        return self._closed(each)

    def _beside(self, each: Socket, address: Address, route: Route) -> _Way:
        """From others on the same bridge."""
        fate = Fate.PASSES
        if self._found.bridged and self._walls is not None:
            target = (address.packed, each.port)
            way = (route.interface, route.interface)
            fate = self._walls.handed_on(_FAMILY[address.version], *way, *target, target, each.way)
        answers = {Fate.PASSES: (Answer.OPEN, _NEIGHBOURS), Fate.DROPPED: (Answer.CLOSED, _DROPPED)}
        answer, why = answers.get(fate, (Answer.UNKNOWN, _UNDECIDED))
        return _Way(answer, _at(address, each), why)

    def _sharing(self) -> str:
        """Who else has its network namespace: a program that is none of its own, "" if there is none."""
        if self._found.host is None:
            return ""
        if self._members is not None:
            among = {pid for pid, _ in self._found.others} | self._found.mine | self._found.alike
            pids = sorted(among - self._members - self._helpers)
            programs = dict(self._found.others)
            return f"{programs.get(pids[0], '?')} ({pids[0]})" if pids else ""
        other = next(((pid, name) for pid, name in self._found.others if name not in _HELPERS), None)
        return "" if other is None else f"{other[1] or '?'} ({other[0]})"

    # Ways

    def _routed(self, each: Socket) -> Iterator[tuple[Address, Route]]:
        """Its addresses that the machine reaches, with how: those of a link alone only if there are no others."""
        if each.local or self._rootless or self._alone:
            return
        own = self._found.own.addresses
        for address in [place for place in own if not place.is_link_local] or own:
            route = self._found.route(address) if each.takes(address) else None
            if route is not None and route.direct:
                yield address, route

    def _leading(self, each: Socket) -> Iterator[AskedPort]:
        """The published ports that lead to it, never to its localhost."""
        return (port for port in self._published if _is_for(port, each) and not each.local)

    def _how(self, port: AskedPort) -> Known:
        """Whether the machine is seen to listen there."""
        theirs = self._found.host.sockets if self._found.host is not None else ()
        return Known.ENFORCED if any(str(each.port) == port.host_port for each in theirs) else Known.ASKED

    def _closed(self, each: Socket) -> _Way:
        none = not self._found.own.addresses
        return _Way(Answer.CLOSED, _shown(each), _NO_NETWORK if none else _LOCAL if each.local else _NO_WAY)


def _row(subject: Judged, name: str, ways: list[_Way]) -> Iterator[ReachRow]:
    """The worst of them."""
    worst = _best(ways)
    if worst is None:
        return
    same = len({way.where for way in ways if way.answer is worst.answer}) - 1
    own = worst.answer is Answer.CLOSED and worst.why != _DROPPED  # what a firewall drops no layer of its own closes
    closed = ("namespaces",) if own else ()
    source = f"/proc/{subject.capture.pid}/net/tcp"
    yield ReachRow(BY_ID[name], worst.answer, worst.where, closed, worst.known, worst.why, source, more=same)


def _best(ways: list[_Way]) -> _Way | None:
    """The way that leads furthest."""
    return min(ways, key=lambda each: _ORDER.index(each.answer), default=None)


def _furthest(fates: Iterable[Fate | None]) -> Fate | None:
    """Of several ways; None: the packet filters were not read."""
    order = (Fate.PASSES, None, Fate.UNKNOWN, Fate.DROPPED)
    return min(fates, key=order.index, default=None)


def _by_fate(fate: Fate | None, where: str, why: Message) -> _Way:
    """Open, as far as the packet filters let it through; None: they were not read."""
    match fate:
        case Fate.DROPPED:
            return _Way(Answer.CLOSED, where, _DROPPED)
        case Fate.UNKNOWN:
            return _Way(Answer.UNKNOWN, where, _UNDECIDED)
    return _Way(Answer.OPEN, where, followed(why, _NOT_LOOKED if fate is None else _PASSES))


def _is_for(port: AskedPort, each: Socket) -> bool:
    return port.container_port == f"{each.port}/{each.way}"


def _asked(port: AskedPort) -> tuple[Answer, str]:
    return (Answer.CLOSED if port.local else Answer.OPEN), _place(port)


def _place(port: AskedPort) -> str:
    host = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip or "*"
    return f"{host}:{port.host_port or '?'} → {port.container_port}"


def _at(address: Address, each: Socket) -> str:
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"{host}:{each.port}" if each.way == "tcp" else f"{host}:{each.port}/udp"


def _shown(each: Socket) -> str:
    """Where it is bound to."""
    if each.address.is_unspecified:
        return f"*:{each.port}" if each.way == "tcp" else f"*:{each.port}/udp"
    return _at(each.address, each)
