"""What nf_tables does with the first packet of a TCP connection, or one of UDP, as far as its rules say it. Pure.

include/uapi/linux/netfilter/nf_tables.h. A rule whose match is not understood (sets, extensions of iptables, addresses)
may match or not: both ways are followed, and where they end differently nothing is said.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from enum import StrEnum

from stratascope.linux.decode import DecodeError
from stratascope.value import Struct, Value, field

PREROUTING, INPUT, FORWARD, OUTPUT = range(4)  # hooks: enum nf_inet_hooks
_IP, _IP6, _INET = 2, 10, 1  # NFPROTO_*
_DROP, _ACCEPT, _JUMP, _GOTO, _RETURN = 0, 1, -3, -4, -5
_DEPTH, _RULES_MAX = 16, 20000  # NFT_JUMP_STACK_SIZE
_META_IIFNAME, _META_OIFNAME, _META_NFPROTO, _META_L4PROTO = 6, 7, 15, 16
_CT_STATE, _NEW = 0, 8
_PROTOCOLS = {"tcp": 6, "udp": 17}
_QUIET = frozenset(("counter", "log", "masq", "nat", "notrack", "objref"))
_REFUSING = ("REJECT", "DROP")  # targets of iptables
_NAME = 16  # IFNAMSIZ
_TRANSPORT = 2  # NFT_PAYLOAD_TRANSPORT_HEADER
# Source ports, destination ports, and all that else may be asked for: include/uapi/linux/netfilter/xt_tcpudp.h
_XT_TCP = struct.Struct("=HHHHI")
_XT_UDP = struct.Struct("=HHHHB")
# match_flags, invert_flags and state_mask, which follow eight addresses: include/uapi/linux/netfilter/xt_conntrack.h
_XT_CONNTRACK = struct.Struct("=146xHHH")
_XT_STATE, _XT_NEW, _XT_NATTED = 1, 8, 0xC0


class Fate(StrEnum):
    """Of a packet."""

    PASSES = "passes"
    DROPPED = "dropped"
    UNKNOWN = "unknown"


class Packet(Value):
    """The first one of a TCP connection, or (`way`) one of UDP. `address`, `port`: where to, empty if not said."""

    family: int  # AF_INET or AF_INET6, which are NFPROTO_IPV4 and NFPROTO_IPV6
    coming: str = ""  # interfaces; "" if not known, or of none
    leaving: str = ""
    address: bytes = b""
    port: int = 0
    way: str = "tcp"


class _Chain(Struct):
    table: tuple[int, bytes]
    hook: int
    priority: int
    policy: int
    rules: list[list[tuple[bytes, dict[int, bytes]]]] = field(default_factory=list)


class Firewall(Value, dict=True):
    """The chains of one network namespace, by family, table and name. `legacy`: there are other rules, too."""

    UNPRINTED = ("chains",)

    chains: dict[tuple[int, bytes, bytes], _Chain]
    legacy: bool

    def fate(self, hook: int, packet: Packet) -> Fate:
        """What all chains at that hook make of it together."""
        ends: set[int] = set()
        for chain in sorted(self.chains.values(), key=lambda each: each.priority):
            if chain.hook != hook or chain.table[0] not in (packet.family, _INET):
                continue
            found, falls = self._walk(chain, packet, 0)
            found |= {chain.policy} if falls else set()
            if found == {_DROP}:
                return Fate.DROPPED
            ends |= found
        if self.legacy or _DROP in ends:
            return Fate.UNKNOWN
        return Fate.PASSES

    def _walk(self, chain: _Chain, packet: Packet, depth: int) -> tuple[set[int], bool]:
        """How it may end, and whether it may reach the end of the chain."""
        ends: set[int] = set()
        if depth > _DEPTH:
            return {_DROP, _ACCEPT}, True
        for rule in chain.rules:
            sure, verdict, target = _run(rule, packet)
            if verdict in (_DROP, _ACCEPT):
                ends.add(verdict)
                if sure:
                    return ends, False
            elif verdict in (_JUMP, _GOTO):
                below = self.chains.get((*chain.table, target))
                if below is None:
                    return {_DROP, _ACCEPT}, True
                found, falls = self._walk(below, packet, depth + 1)
                ends |= found
                if sure and (not falls or verdict == _GOTO):
                    return ends, falls
            elif verdict == _RETURN and sure:
                return ends, True
        return ends, True


class Firewalls(Value):
    """Of a process and of the machine. `own`: None where it has the machine's; `coming`, `leaving`: the machine's
    interfaces on the way from the process to the world; `far`: the process's own; `beside`: whether it has one beside
    an interface of the machine (macvlan, ipvlan), which gets nothing from that; None: not read. `gets`,
    `sends`: whether programs of its control group filter that; their rules are not read.
    """

    own: Firewall | None
    host: Firewall
    coming: str
    leaving: str
    far: str
    beside: bool | None = None
    gets: bool = False
    sends: bool = False

    def fate(self, family: int, address: bytes = b"") -> Fate:
        """Of what it sends to the world."""
        if self.own is None:
            return self.host.fate(OUTPUT, Packet(family, "", self.leaving, address))
        first = self.own.fate(OUTPUT, Packet(family, "", self.far, address))
        # without an interface of the machine a program hands it on, and sends it itself
        hook = FORWARD if self.coming else OUTPUT
        return _both(first, self.host.fate(hook, Packet(family, self.coming, self.leaving, address)))

    def received(self, family: int, port: int, interface: str = "", way: str = "tcp") -> Fate:
        """Of what the machine gets for a port of its own, from that interface."""
        packet = Packet(family, interface, "", b"", port, way)
        group = _by_group(self.gets and self.own is None)
        return _both(self.host.fate(PREROUTING, packet), self.host.fate(INPUT, packet), group)

    def handed_on(
        self,
        family: int,
        coming: str,
        going: str,
        address: bytes,
        port: int,
        before: tuple[bytes, int],
        way: str = "tcp",
    ) -> Fate:
        """Of what the machine forwards to that address and port of the process; `coming`, `going`: by which interfaces;
        `before`: the address and port that it was sent to.
        """
        first = self.host.fate(PREROUTING, Packet(family, coming, "", *before, way))
        then = self.host.fate(FORWARD, Packet(family, coming, going, address, port, way))
        return _both(first, _both(then, self.let_in(family, address, port, way)))

    def sent(self, family: int, interface: str, address: bytes, port: int, way: str = "tcp") -> Fate:
        """Of what programs of the machine send to that address and port of the process, by that interface."""
        first = self.host.fate(OUTPUT, Packet(family, "", interface, address, port, way))
        return _both(first, self.let_in(family, address, port, way))

    def let_in(self, family: int, address: bytes, port: int, way: str = "tcp") -> Fate:
        """Of what comes to it, in its own network namespace."""
        packet = Packet(family, self.far, "", address, port, way)
        own = self.own or self.host
        return _both(own.fate(PREROUTING, packet), own.fate(INPUT, packet), _by_group(self.gets))


def _by_group(filters: bool) -> Fate:
    return Fate.UNKNOWN if filters else Fate.PASSES


def _both(*fates: Fate) -> Fate:
    """One after the other."""
    return next((each for each in (Fate.DROPPED, Fate.UNKNOWN) if each in fates), Fate.PASSES)


def parse_firewalls(text: str) -> Firewalls:
    """Decode the collector's answer; raises DecodeError."""
    try:
        found = json.loads(text)
        own = None if found["own"] is None else _firewall(*found["own"])
        coming, leaving, far = (str(found[name]) for name in ("in", "out", "far"))
        beside = found.get("beside")
        gets, sends = found.get("group") or (False, False)
        return Firewalls(
            own,
            _firewall(*found["host"]),
            coming,
            leaving,
            far,
            beside if isinstance(beside, bool) else None,
            gets is True,
            sends is True,
        )
    except (ValueError, TypeError, KeyError, AttributeError, struct.error, RecursionError) as error:
        raise DecodeError(f"firewall: not understood: {error}") from None


def _firewall(chains: str, rules: str, legacy: bool) -> Firewall:
    made: dict[tuple[int, bytes, bytes], _Chain] = {}
    for family, found in _messages(bytes.fromhex(chains)):
        table, name = (family, _string(found[1])), _string(found[3])
        hook = _attributes(found.get(4, b""))
        number = _number(hook[1]) if 1 in hook else -1
        filters = _string(found.get(7, b"")) == b"filter"
        priority = _number(hook.get(2, b"\0\0\0\0"))
        made[*table, name] = _Chain(table, number if filters else -1, priority, _number(found.get(5, b"\0\0\0\1")))
    for count, (family, found) in enumerate(_messages(bytes.fromhex(rules))):
        if count >= _RULES_MAX:
            raise ValueError("too many rules")
        chain = made[family, _string(found[1]), _string(found[2])]
        chain.rules.append([(_string(each[1]), _attributes(each.get(2, b""))) for each in _elements(found.get(4, b""))])
    return Firewall(made, legacy)


def _run(rule: list[tuple[bytes, dict[int, bytes]]], packet: Packet) -> tuple[bool, int | None, bytes]:
    """Whether its matches surely match, its verdict (None: none, or it surely does not match), and where it leads."""
    sure, held = True, {}
    for name, found in rule:
        match name:
            case b"meta" if 1 in found:
                held[_register(found[1])] = _meta(_number(found[2]), packet)
            case b"ct" if 1 in found:
                state = struct.pack("=I", _NEW) if _number(found[2]) == _CT_STATE else None
                held[_register(found[1])] = state
            case b"payload" if 1 in found:
                held[_register(found[1])] = _payload(found, packet)
            case b"bitwise":
                held[_register(found[2])] = _bitwise(found, held.get(_register(found[1])))
            case b"cmp":
                answer = _compared(_number(found[2]), held.get(_register(found[1])), _value(found[3]))
                if answer is False:
                    return True, None, b""
                sure = sure and answer is True
            case b"range":
                answer = _within(_number(found[2]), held.get(_register(found[1])), _value(found[3]), _value(found[4]))
                if answer is False:
                    return True, None, b""
                sure = sure and answer is True
            case b"immediate":
                verdict = _attributes(_attributes(found[2]).get(2, b""))
                if 1 in verdict:
                    return sure, _number(verdict[1]), _string(verdict.get(2, b""))
                held[_register(found[1])] = _value(found[2])
            case b"reject":
                return sure, _DROP, b""
            case b"target":
                if _string(found[1]).decode("ascii", "replace") in _REFUSING:
                    return sure, _DROP, b""
            case b"match":
                answer = _matched(_string(found[1]), found.get(3, b""), packet)
                if answer is False:
                    return True, None, b""
                sure = sure and answer is True
            case _ if name.decode("ascii", "replace") in _QUIET:
                pass
            case b"lookup" if 3 in found:  # a map of verdicts, which is not looked up: NFTA_LOOKUP_DREG
                if _number(found[3]) == 0:
                    return False, _DROP, b""
            case _:
                sure = False
    return sure, None, b""


def _meta(key: int, packet: Packet) -> bytes | None:
    if key in (_META_IIFNAME, _META_OIFNAME):
        name = packet.coming if key == _META_IIFNAME else packet.leaving
        return name.encode("utf-8", "replace").ljust(_NAME, b"\0") if name else None
    return {_META_NFPROTO: bytes((packet.family,)), _META_L4PROTO: bytes((_PROTOCOLS[packet.way],))}.get(key)


def _matched(name: bytes, info: bytes, packet: Packet) -> bool | None:
    """An extension of iptables: struct xt_tcp, xt_udp, xt_conntrack_mtinfo3; None: not known."""
    if name == b"comment":
        return True
    form = {b"tcp": _XT_TCP, b"udp": _XT_UDP}.get(name)
    if form is not None and name.decode() != packet.way:
        return False
    if form is not None and len(info) >= form.size:
        *sources, first, last, rest = form.unpack_from(info)
        return first <= packet.port <= last if packet.port and sources == [0, 0xFFFF] and not rest else None
    if name == b"conntrack" and len(info) >= _XT_CONNTRACK.size:
        asked, inverted, states = _XT_CONNTRACK.unpack_from(info)
        if asked == _XT_STATE and not inverted and not states & _XT_NATTED:
            return bool(states & _XT_NEW)
    return None


def _payload(found: dict[int, bytes], packet: Packet) -> bytes | None:
    base, offset, length = (_number(found[key]) for key in (2, 3, 4))
    if base == _TRANSPORT and (offset, length) == (2, 2) and packet.port:  # of the destination
        return packet.port.to_bytes(2, "big")
    if (base, offset, length, packet.family) == (1, 9, 1, _IP):  # its protocol
        return bytes((_PROTOCOLS[packet.way],))
    start = {_IP: 16, _IP6: 24}[packet.family]  # of the address in the header
    if base != 1 or not packet.address or not start <= offset <= offset + length <= start + len(packet.address):
        return None
    return packet.address[offset - start : offset - start + length]


def _bitwise(found: dict[int, bytes], value: bytes | None) -> bytes | None:
    if value is None or 4 not in found or 5 not in found or (6 in found and _number(found[6])):
        return None
    mask, other = _value(found[4]), _value(found[5])
    return bytes(one & two ^ three for one, two, three in zip(value, mask, other, strict=False))


def _compared(how: int, value: bytes | None, data: bytes) -> bool | None:
    if value is None or len(value) < len(data):
        return None
    value = value[: len(data)]
    answers = (value == data, value != data, value < data, value <= data, value > data, value >= data)
    return answers[how] if 0 <= how < len(answers) else None


def _within(how: int, value: bytes | None, first: bytes, last: bytes) -> bool | None:
    """Whether it is in that range, or (`how` is NFT_RANGE_NEQ) outside of it."""
    if value is None or len(value) < len(first):
        return None
    return (first <= value[: len(first)] <= last) is (how == 0)


def _register(data: bytes) -> int:
    """Those of 128 bits are four of 32 bits each."""
    number = _number(data)
    return 4 * (number + 1) if number < 8 else number


def _value(data: bytes) -> bytes:
    return _attributes(data).get(1, b"")


def _number(data: bytes) -> int:
    return int(struct.unpack(">i", data[:4])[0])


def _string(data: bytes) -> bytes:
    return data.split(b"\0")[0]


def _messages(data: bytes) -> Iterator[tuple[int, dict[int, bytes]]]:
    """Family and attributes of each."""
    place = 0
    while place + 20 <= len(data):
        (length,) = struct.unpack_from("=I", data, place)
        if length < 20 or place + length > len(data):
            raise ValueError("a message of a wrong length")
        yield data[place + 16], _attributes(data[place + 20 : place + length])
        place += length + -length % 4


def _elements(data: bytes) -> Iterator[dict[int, bytes]]:
    place = 0
    while place + 4 <= len(data):
        (length,) = struct.unpack_from("=H", data, place)
        if length < 4:
            return
        yield _attributes(data[place + 4 : place + length])
        place += length + -length % 4


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[place + 4 : place + length]
        place += length + -length % 4
    return found
