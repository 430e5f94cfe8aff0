"""What could break in this very container: ports, users and programs that were seen there are named, others are not."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.container import Asked, Engine
from stratascope.core.relaunch.toggle import Proven, Subject
from stratascope.layers.toggles import parse, toggle
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, PODMAN, default, subject, words


def known(asked: Asked | None = None, engine: Engine = DOCKER, **seen: Any) -> Subject:
    made = subject(asked or default(engine), recorded("lsm/apparmor/docker-default"), engine)
    return replace(made, **seen)


def risks(choice: str, of: Subject) -> str:
    return words(parse(choice).checked(of).risks(of))


@pytest.mark.parametrize(
    ("choice", "seen", "there", "absent"),
    [
        ("no-new-privileges=on", {"set_uid": ("/bin/su", "/bin/ping")}, "/bin/su, /bin/ping", "sudo"),
        ("capabilities=none", {"listens": (80, 443, 8080)}, "port 80, 443,", "8080"),
        ("capabilities=none", {"listens": (8080,)}, "raw sockets", "port"),
        ("capabilities=none", {"listens": None}, "ports below 1024", "listens on"),
        ("capabilities=none", {"users": (("nginx", 101), ("sh", 0))}, "nginx (101)", "sh (0)"),
        ("capabilities=none", {"users": None}, "gosu", "(101)"),
        ("user=101", {"users": (("nginx", 101), ("cron", 2))}, "cron (2)", "nginx (101)"),
        ("user=101", {"listens": (80, 8080)}, "port 80,", "8080"),
    ],
)
def test_what_was_seen_is_named(choice: str, seen: dict[str, Any], there: str, absent: str) -> None:
    text = risks(choice, known(**seen))
    assert there in text
    assert absent not in text


def test_without_set_uid_programs_nothing_can_break() -> None:
    assert risks("no-new-privileges=on", known(set_uid=())) == ""


def test_the_network_that_it_leaves() -> None:
    shared = default(DOCKER, network_mode="host")
    assert "port 80, 443:" in risks("network=private", known(shared, listens=(80, 443)))
    assert "listens on no port" in risks("network=private", known(shared, listens=()))
    assert "publishes no port" in risks("network=private", known(shared))


def test_devices_are_proven_by_the_nodes_where_rules_are_not_shown() -> None:
    """Control groups of version 2 show no rules."""
    facts = dict(known().facts)
    bare = replace(facts["cgroup"], devices=None)
    for nodes, outcome in (((), Proven.ENFORCED), (("/dev/fuse",), Proven.NOT_ENFORCED), (None, Proven.UNKNOWN)):
        held = known(engine=PODMAN, nodes=nodes, facts=tuple({**facts, "cgroup": bare}.items()))
        assert toggle("devices").prove(held.of("namespaces"), "remove", held).outcome is outcome


def test_what_the_runtimes_allow_everywhere_is_no_device_that_was_passed_in() -> None:
    facts = dict(known().facts)
    for rules, outcome in ((("c 1:3 rwm", "c 10:200 rwm"), Proven.ENFORCED), (("b 8:0 rwm",), Proven.NOT_ENFORCED)):
        with_rules = {**facts, "cgroup": replace(facts["cgroup"], devices=rules)}
        held = known(nodes=None, facts=tuple(with_rules.items()))
        assert toggle("devices").prove(held.of("namespaces"), "remove", held).outcome is outcome


def test_a_port_that_the_engine_chose_is_proven_too() -> None:
    for address, outcome in (("127.0.0.1", Proven.ENFORCED), ("0.0.0.0", Proven.NOT_ENFORCED)):
        held = known(published=(32768,), listeners=((address, 32768), ("0.0.0.0", 22)))
        assert toggle("publish").prove(held.of("namespaces"), "loopback", held).outcome is outcome
