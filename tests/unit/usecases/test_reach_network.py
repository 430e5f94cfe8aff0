"""Which addresses it can reach: past a filter of system calls, and through programs of its control group."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stratascope.collector.names import FIREWALL
from stratascope.core.capture import Capture, Reading
from stratascope.core.container import Asked
from stratascope.core.message import NOTHING, msg
from stratascope.core.reach.row import Answer, ReachRow
from stratascope.core.reach.things import BY_ID
from stratascope.core.threats.catalogue import threats_by_id
from stratascope.core.threats.threat import Outcome, Ruling, Stance, lets
from stratascope.i18n.translate import translate
from stratascope.layers.namespaces.facts import NamespaceFact, NamespacesFacts
from stratascope.linux.routes import Reach
from stratascope.usecases.reach.filtered import FILES, UNIX, by_filter, past
from stratascope.usecases.reach.network import rows
from stratascope.usecases.reach.subject import ROUTES6, Judged

ROWS = ("internet", "lan", "metadata", "host-loopback")
_NOTHING: dict[str, Any] = dict.fromkeys(
    ("cgroup", "ipc", "mnt", "pid", "time", "user", "uts", "root_read_only", "masked_paths", "read_only_paths")
)
_FURTHER: dict[str, Any] = dict.fromkeys(
    ("engine_sockets", "host_paths", "devices", "propagation", "mounts", "host_root", "takes_ids")
)


def subject(
    *,
    refused: bool = False,
    aside: bool = False,
    trapped: bool = False,
    ring: Outcome = Outcome.STOPPED,
    group: Any = None,
) -> Judged:
    """It has the machine's network."""
    net = NamespaceFact(4026531840, shared_with_host=True)
    facts = NamespacesFacts(
        **_NOTHING, **_FURTHER, net=net, host_from="", process="", gaps=(), routes=Reach(near=True, far=True)
    )
    walls = {"own": None, "host": ["", "", False], "in": "", "out": "eth0", "far": "", "group": group}
    stops = (("seccomp", Ruling(Stance.STOPS, NOTHING, "", trapped=trapped)),) if refused else ()
    by_other = (("seccomp", lets(msg("The filter lets {call} through.", call="socketcall"), "", aside=True)),)
    return cast(
        "Judged",
        SimpleNamespace(
            facts=lambda _: facts,
            capture=Capture(7, (Reading(FIREWALL, "", json.dumps(walls)), Reading(ROUTES6, "", ""))),
            threat=lambda name: SimpleNamespace(outcome=ring, threat=threats_by_id()[name]),
            rulings=lambda _: by_other if aside else stops,
            state=SimpleNamespace(container=SimpleNamespace(asked=Asked())),
            engine=None,
        ),
    )


def of(**how: Any) -> list[ReachRow]:
    found = {row.thing.id: row for row in rows(subject(**how))}
    return [found[name] for name in ROWS]


@pytest.mark.parametrize(
    ("how", "answer", "indirect", "words"),
    [
        ({}, Answer.OPEN, False, ""),
        ({"refused": True}, Answer.CLOSED, False, ""),
        ({"refused": True, "ring": Outcome.OPEN}, Answer.OPEN, True, "By a detour: "),
        ({"refused": True, "ring": Outcome.UNKNOWN}, Answer.UNKNOWN, True, "Perhaps by a detour: "),
        ({"aside": True}, Answer.OPEN, True, "The filter lets socketcall through."),
        ({"group": None}, Answer.OPEN, False, ""),
        ({"group": [True, False]}, Answer.OPEN, False, ""),
        ({"group": [False, True]}, Answer.UNKNOWN, False, "A filter of its control group (BPF, such as IPAddressDeny"),
        ({"group": [False, True], "refused": True}, Answer.CLOSED, False, ""),
    ],
)
def test_what_is_between(how: dict[str, Any], answer: Answer, indirect: bool, words: str) -> None:
    found = of(**how)
    assert {(row.answer, row.indirect) for row in found} == {(answer, indirect)}
    assert all(translate(row.why).startswith(words) for row in found)


@pytest.mark.parametrize(
    ("how", "answer", "indirect"),
    [
        ({}, Answer.OPEN, False),
        ({"refused": True}, Answer.CLOSED, False),
        ({"refused": True, "ring": Outcome.OPEN}, Answer.OPEN, True),
        ({"refused": True, "trapped": True}, Answer.UNKNOWN, True),  # a broker may do it
        ({"aside": True}, Answer.OPEN, True),
    ],
)
def test_how_a_socket_of_a_file_is_connected_to(how: dict[str, Any], answer: Answer, indirect: bool) -> None:
    found = by_filter(subject(**how), UNIX)
    assert (found.answer, found.indirect) == (answer, indirect)


def test_an_open_file_is_not_known_where_a_broker_may_open_it() -> None:
    row = ReachRow(BY_ID["host-processes"], Answer.OPEN, "")
    assert past(row, by_filter(subject(), FILES)) is row
    trapped = past(row, by_filter(subject(refused=True, trapped=True), FILES))
    assert (trapped.answer, trapped.indirect) == (Answer.UNKNOWN, True)
