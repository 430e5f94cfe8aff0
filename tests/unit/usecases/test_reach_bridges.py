"""What follows for the rows from where sockets lead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from stratascope.core.message import NOTHING
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.i18n.translate import translate
from stratascope.layers.mac.facts import MacFacts
from stratascope.linux.permissions import Permissions, Ranges, Writer
from stratascope.linux.reach import Bridge, Found, FoundFile, Place, Seen
from stratascope.usecases.reach.bridges import rows
from stratascope.usecases.reach.files import Rights, Verdict
from stratascope.usecases.reach.subject import Judged

WHOLE: Ranges = ((0, 0, 4294967295),)
RIGHTS = Rights(((Writer(1000, (1000,), WHOLE, WHOLE, 0), NOTHING),), MacFacts("none", None, None))
HERE = Permissions(1000, 1000, 0o600)
SOCKET = FoundFile("bridge", "/tmp/p.sock", "s", "", HERE, (Place("/tmp/p.sock", Seen.SAME, False, (), HERE),))
SOCAT, NODE = (7, "socat"), (8, "node")
TO_DOCKER = Bridge("/tmp/p.sock", True, (SOCAT,), "/run/docker.sock", False, False, "docker-socket")
TO_MAKER = Bridge("127.0.0.1:3128", False, (SOCAT, NODE), "localhost:8080", False, True, "")
CLOSED = {name: ReachRow(BY_ID[name], Answer.CLOSED, "") for name in ("docker-socket", "internet")}


def of(
    *bridges: Bridge,
    sockets: Answer = Answer.OPEN,
    files: tuple[FoundFile, ...] = (SOCKET,),
    names: ReachRow | None = None,
) -> list[ReachRow]:
    subject: Any = SimpleNamespace(
        found=Found(files, frozenset(), True, bridges),
        capture=SimpleNamespace(pid=5),
        threat=lambda _: None,
        rulings=lambda _: (),
    )
    before = CLOSED if names is None else {**CLOSED, "abstract-sockets": names}
    return list(rows(cast("Judged", subject), RIGHTS, Verdict(sockets), before))


def test_what_hands_on_to_an_engine_is_the_engine() -> None:
    (row,) = of(TO_DOCKER)
    assert (row.thing.id, row.answer, row.where) == ("docker-socket", Answer.OPEN, "/tmp/p.sock")
    assert translate(row.why) == "Through socat (7): it leads to /run/docker.sock."


def test_an_agents_socket_is_known_by_its_program() -> None:
    (row,) = of(Bridge("/tmp/p.sock", True, ((9, "ssh-agent"),), "", False, False, "ssh-agent"))
    assert (row.thing.id, row.answer, row.indirect) == ("ssh-agent", Answer.OPEN, True)
    assert translate(row.why) == "ssh-agent (9) listens there."


def test_an_abstract_name_is_reached_as_abstract_sockets_are() -> None:
    there = Bridge("@p", True, (SOCAT,), "/run/docker.sock", False, False, "docker-socket")
    assert [row.answer for row in of(there)] == [Answer.UNKNOWN]
    names = ReachRow(BY_ID["abstract-sockets"], Answer.OPEN, "")
    assert [row.answer for row in of(there, names=names)] == [Answer.OPEN]


@pytest.mark.parametrize("more", [{"sockets": Answer.CLOSED}, {"files": ()}])
def test_a_socket_out_of_reach_leads_nowhere(more: Any) -> None:
    assert of(TO_DOCKER, **more) == []


def test_the_proxy_of_who_started_it_is_told_as_asked_for() -> None:
    (row,) = of(TO_MAKER)
    assert (row.thing.id, row.answer, row.known) == ("proxy", Answer.OPEN, Known.ASKED)
    assert "socat (7) → node (8)" in translate(row.why)


@pytest.mark.parametrize(
    ("bridge", "answer", "words"),
    [
        (
            Bridge("127.0.0.1:80", False, (SOCAT,), "192.0.2.1:80", True, False, ""),
            Answer.OPEN,
            "leads to 192.0.2.1:80",
        ),
        (Bridge("127.0.0.1:80", False, (NODE,), "", False, False, ""), Answer.UNKNOWN, "is not known"),
        (Bridge("127.0.0.1:80", False, (), "", False, False, ""), Answer.UNKNOWN, "could not be seen"),
    ],
)
def test_a_proxy_is_said_only_of_what_leads_out(bridge: Bridge, answer: Answer, words: str) -> None:
    (row,) = of(bridge)
    assert (row.thing.id, row.answer) == ("proxy", answer)
    assert words in translate(row.why)
