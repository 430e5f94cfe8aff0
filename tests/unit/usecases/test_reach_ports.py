"""From where its ports are said to be reached. Real engines: `machine/reach/test_ports.py`."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stratascope.collector.names import FIREWALL, PORTS
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, AskedPort, EngineKind
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.core.reach.things import FROM_CONTAINERS, FROM_MACHINE, FROM_OUTSIDE
from stratascope.i18n.translate import translate
from stratascope.usecases.reach.ports import rows
from stratascope.usecases.reach.subject import Judged

OPEN, CLOSED, UNKNOWN = Answer.OPEN, Answer.CLOSED, Answer.UNKNOWN
WIDE, LOCAL = AskedPort("80/tcp", "", "8080"), AskedPort("80/tcp", "127.0.0.1", "8080")
NOWHERE: tuple[AskedPort, ...] = ()
NO_RULES = {"own": ["", "", False], "host": ["", "", False], "in": "br-1", "out": "eth0", "far": "eth0"}
BY_GROUP = {**NO_RULES, "own": None, "group": [True, False]}


def text(*sockets: Any, shared: bool = False, alone: bool = False, **more: Any) -> str:
    """A container behind a bridge of the machine, 172.17.0.2."""
    host: Any = {"sockets": [], "addresses": ["192.0.2.5", "172.17.0.1"]}
    own: Any = {"sockets": list(sockets), "addresses": [] if alone else ["172.17.0.2"]}
    routes = [["172.17.0.0", 16, "br-1", True], ["192.0.2.0", 24, "eth0", True], ["0.0.0.0", 0, "eth0", False]]
    found = {
        "own": own,
        "host": None if shared else host,
        "routes": routes,
        "forwards": [True, False],
        "bridged": False,
    }
    return json.dumps({**found, "others": [], "mine": [7], "alike": [], "unread": [], "whole": True, **more})


def tcp(address: str, port: int = 80, *holders: int) -> list[Any]:
    return ["tcp", address, port, list(holders)]


def of(
    ports: str | Gap,
    published: tuple[AskedPort, ...] = (),
    *,
    mode: str = "private",
    rootless: bool = False,
    sandbox: tuple[int, ...] | None = None,
    walls: Any = None,
) -> dict[str, ReachRow]:
    gap = Gap(GapKind.DENIED)
    readings = [
        Reading(PORTS, "", None, ports) if isinstance(ports, Gap) else Reading(PORTS, "", ports),
        Reading(FIREWALL, "", None, gap) if walls is None else Reading(FIREWALL, "", json.dumps(walls)),
    ]
    whose = None if sandbox is None else SimpleNamespace(pids=sandbox, helpers=())
    container = SimpleNamespace(asked=Asked(network_mode=mode, ports=published), sandbox=whose)
    engine = None if sandbox is not None else SimpleNamespace(rootless=rootless, kind=EngineKind.DOCKER)
    subject: Any = SimpleNamespace(
        capture=Capture(7, tuple(readings)), engine=engine, state=SimpleNamespace(container=container)
    )
    return {row.thing.id: row for row in rows(cast("Judged", subject))}


def answers(found: dict[str, ReachRow]) -> tuple[Answer | None, ...]:
    sides = (FROM_MACHINE, FROM_OUTSIDE, FROM_CONTAINERS)
    return tuple(found[each].answer if each in found else None for each in sides)


@pytest.mark.parametrize(
    ("ports", "more", "expected"),
    [
        (text(), {}, (None, None, None)),
        (text(tcp("0.0.0.0")), {}, (OPEN, UNKNOWN, OPEN)),  # who forwards what is not known without its filters
        (text(tcp("0.0.0.0")), {"walls": NO_RULES}, (OPEN, OPEN, OPEN)),
        (text(tcp("0.0.0.0"), forwards=[False, False]), {}, (OPEN, CLOSED, OPEN)),
        (text(tcp("127.0.0.1")), {}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("127.0.0.11", 4000)), {}, (None, None, None)),  # Docker's, not its own
        (text(["udp", "0.0.0.0", 5000, []]), {}, (None, None, None)),  # it may only ask
        (text(["udp", "0.0.0.0", 53, []]), {}, (OPEN, UNKNOWN, OPEN)),
        (text(tcp("::")), {}, (OPEN, UNKNOWN, OPEN)),  # takes IPv4, too
        (text(tcp("0.0.0.0"), alone=True), {"mode": "none", "published": (WIDE,)}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("0.0.0.0")), {"published": (WIDE,)}, (OPEN, OPEN, OPEN)),
        (text(tcp("0.0.0.0")), {"published": (LOCAL,), "rootless": True}, (OPEN, CLOSED, OPEN)),
        (text(tcp("0.0.0.0")), {"rootless": True}, (CLOSED, CLOSED, OPEN)),
        (text(tcp("127.0.0.1")), {"published": (WIDE,)}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("127.0.0.1")), {"published": (WIDE,), "mode": "pasta", "rootless": True}, (UNKNOWN, CLOSED, CLOSED)),
        (text(tcp("0.0.0.0")), {"mode": "slirp4netns", "rootless": True}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("0.0.0.0")), {"mode": "container:abc", "rootless": True}, (UNKNOWN, UNKNOWN, OPEN)),
        (text(tcp("0.0.0.0"), routes=[]), {}, (CLOSED, CLOSED, UNKNOWN)),  # its bridge is in another network namespace
        (text(tcp("127.0.0.1"), others=[[9, "redis"]]), {}, (CLOSED, CLOSED, OPEN)),
        (text(tcp("127.0.0.1"), others=[[9, "rootlessport"]]), {}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("0.0.0.0", 80, 7), shared=True), {"mode": "host"}, (OPEN, OPEN, OPEN)),
        (text(tcp("127.0.0.1", 80, 7), shared=True), {"mode": "host"}, (OPEN, CLOSED, None)),
        (text(tcp("0.0.0.0", 80, 7), shared=True), {"mode": "host", "walls": BY_GROUP}, (UNKNOWN, UNKNOWN, UNKNOWN)),
        (text(tcp("127.0.0.1", 80, 8), shared=True), {"mode": "host"}, (None, None, None)),  # another's
        (text(tcp("127.0.0.1", 80), shared=True, whole=False), {"mode": "host"}, (UNKNOWN, UNKNOWN, None)),
        (text(tcp("127.0.0.1"), whole=False), {}, (UNKNOWN, UNKNOWN, UNKNOWN)),  # there may be others
        (text(tcp("127.0.0.1", 80), shared=True, unread=[7]), {"mode": "host"}, (UNKNOWN, UNKNOWN, None)),
        (text(tcp("127.0.0.1", 80, 7), shared=True, unread=[9]), {"sandbox": (7,)}, (OPEN, CLOSED, None)),
        (text(tcp("127.0.0.1", 80, 9), shared=True, alike=[9]), {"sandbox": (7, 9)}, (OPEN, CLOSED, None)),
        (text(tcp("0.0.0.0"), alone=True), {"sandbox": (7,)}, (CLOSED, CLOSED, CLOSED)),
        (text(tcp("127.0.0.1"), mine=[7, 8]), {"sandbox": (7,)}, (CLOSED, CLOSED, OPEN)),
    ],
)
def test_from_where(ports: str, more: dict[str, Any], expected: tuple[Answer | None, ...]) -> None:
    assert answers(of(ports, **more)) == expected


def test_the_machines_own_network_is_never_called_closed_to_it() -> None:
    """What listens on the machine at that port may lead there: pasta does so by itself."""
    there = {"sockets": [tcp("127.0.0.1")], "addresses": ["192.0.2.5"]}
    away = text(tcp("127.0.0.1"), host=there)
    assert answers(of(away, sandbox=(7,))) == (UNKNOWN, UNKNOWN, CLOSED)
    assert answers(of(away, mode="pasta:-t,auto", rootless=True))[0] is UNKNOWN
    assert answers(of(away, mode="pasta", rootless=True))[0] is CLOSED


def test_an_address_on_the_machines_own_network_is_everybodys() -> None:
    """As of macvlan, or a bridge that has the machine's cable."""
    own = {"sockets": [tcp("0.0.0.0")], "addresses": ["192.0.2.7"]}
    row = of(text(own=own))[FROM_OUTSIDE]
    assert (row.answer, row.where) == (OPEN, "192.0.2.7:80")
    # but for the machine itself: the interface that a macvlan is beside of gets nothing from it
    for walls, answer in (
        (None, UNKNOWN),
        ({**NO_RULES, "beside": True}, CLOSED),
        ({**NO_RULES, "beside": False}, OPEN),
    ):
        assert answers(of(text(own=own), walls=walls)) == (answer, OPEN, OPEN)


def test_a_second_cable_is_a_way_for_others_too() -> None:
    """Where the first one is closed by a rule of its interface, or nothing is forwarded."""
    cables = [["192.0.2.0", 24, "eth0", True], ["198.51.100.0", 24, "eth1", True], ["0.0.0.0", 0, "eth0", False]]
    own = {"sockets": [tcp("0.0.0.0")], "addresses": ["198.51.100.7"]}
    assert of(text(own=own, routes=cables, forwards=[False, False]))[FROM_OUTSIDE].answer is OPEN


def test_the_worst_port_is_named_and_the_others_counted() -> None:
    found = of(text(tcp("127.0.0.1"), tcp("0.0.0.0", 81), tcp("0.0.0.0", 82)), (LOCAL,))
    machine = found[FROM_MACHINE]
    assert (machine.answer, machine.where, machine.more) == (OPEN, "172.17.0.2:81", 1)


def test_what_is_published_is_the_engines_word_until_the_machine_listens() -> None:
    there = {"sockets": [tcp("0.0.0.0", 8080)], "addresses": ["192.0.2.5"]}
    listening = text(tcp("0.0.0.0"), host=there)
    for found, known in ((text(tcp("0.0.0.0")), Known.ASKED), (listening, Known.ENFORCED)):
        row = of(found, (WIDE,), rootless=True)[FROM_OUTSIDE]
        assert (row.answer, row.where, row.known) == (OPEN, "*:8080 → 80/tcp", known)
        assert translate(row.why) == "It is published. No firewall was looked at."


def test_a_published_port_without_anybody_who_listens_is_open_all_the_same() -> None:
    assert of(text(), (WIDE,))[FROM_OUTSIDE].answer is OPEN
    assert of(text(), (LOCAL,))[FROM_OUTSIDE].answer is CLOSED
    assert of(Gap(GapKind.DENIED), (WIDE,))[FROM_OUTSIDE].answer is OPEN
