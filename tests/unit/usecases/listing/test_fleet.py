"""Many machines: what the filter finds of them, what is open where, and what is told once. Held against the report."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.usecases.listing import many_machines
from stratascope.core.severity import Severity
from stratascope.core.snapshot import Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation import fleet_report
from stratascope.presentation.annotations import Annotations
from stratascope.presentation.fleet_report import Gathered
from stratascope.usecases.listing.fleet import Fleet, alike
from stratascope.usecases.live.recorded import joined
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet(many_machines.fleet(12, unread=2))


def names(fleet: Fleet, words: str) -> list[str]:
    return [each.machine.name for each in fleet.find(words).machines]


def test_each_capture_is_a_machine_on_its_own_kernel(fleet: Fleet) -> None:
    assert len(fleet.machines) == 14
    assert fleet.several
    first, last = fleet.machines[0], fleet.machines[-1]
    assert (first.name, len(first.states), first.trouble) == ("db-1", 4, None)
    assert first.kernels == demo_snapshot().kernels
    assert [first.own(each.id) for each in first.engines] == [each.id for each in demo_snapshot().engines]
    assert (last.name, last.states, last.engines, last.trouble) == ("lost-2", (), (), many_machines.TROUBLE)


def test_one_capture_keeps_its_engines_names() -> None:
    fleet = Fleet(joined(many_machines.parts(1)))
    assert not fleet.several
    assert len(fleet.machines[0].states) == 4
    assert Fleet(demo_snapshot()).machines == ()


def test_engines_elsewhere_are_on_machines_of_their_own() -> None:
    demo = demo_snapshot()
    snapshot = many_machines.with_engines_elsewhere()
    fleet = Fleet(snapshot, "here")
    assert fleet.several
    assert [each.name for each in fleet.machines] == ["here", "web-01.example", "127.0.0.1:2222", "lost", "forwarded"]
    here, far, own, lost, forwarded = fleet.machines
    assert {each.container.engine for each in here.states} == {demo.engines[0].id}
    assert here.kernels == (demo.ground.kernel,)
    assert [each.id for each in far.engines] == [demo.engines[1].id, "far-podman"], "one host, two engines"
    assert far.states
    assert {each.container.engine for each in far.states} == {demo.engines[1].id}
    assert far.kernels == ("6.1.0-far",)
    assert (own.trouble, own.states) == (None, ())
    assert lost.trouble is not None
    assert translate(lost.trouble) == "It is asleep."
    assert forwarded.trouble is not None
    assert names(fleet, "web-01") == ["web-01.example"]
    alone = replace(snapshot, engines=snapshot.engines[:1])
    assert not Fleet(alone, "here").several


def test_the_worst_first_and_what_could_not_be_read_last(fleet: Fleet) -> None:
    found = fleet.find("").machines
    worst = [
        max((s.matrix.exposure.worst for s in m.machine.states if s.matrix is not None), default=-1) for m in found
    ]
    assert worst == sorted(worst, reverse=True)
    assert [each.machine.name for each in found[-2:]] == ["lost-1", "lost-2"]
    for each in found:
        opened = {
            threat.threat.id: threat.threat.severity
            for state in each.machine.states
            if state.matrix is not None
            for threat in state.matrix.threats
            if threat.outcome is Outcome.OPEN
        }
        assert each.critical == list(opened.values()).count(Severity.CRITICAL)
        assert each.high == list(opened.values()).count(Severity.HIGH)


def test_words_are_looked_for_in_machine_container_image_and_threat(fleet: Fleet) -> None:
    assert names(fleet, "lost") == ["lost-1", "lost-2"]
    assert set(names(fleet, "EDGE")) == {"edge-1", "edge-2", "edge-3"}
    assert all(m.state.container.name == "web" for m in fleet.find("name:web").members)
    images = {member.state.container.image for member in fleet.find('"postgres:16"').members}
    assert images == {"postgres:16"}
    both = fleet.find("edge postgres")
    assert both.members
    assert all(m.machine.name.startswith("edge") and "postgres" in m.state.container.image for m in both.members)
    assert names(fleet, "nobody") == []
    assert names(fleet, "edge nobody") == []
    one = fleet.find("").members[0].state
    assert [each.state.key for each in fleet.find(one.container.id).members] == [one.key]


def test_a_threats_words_leave_only_that_threat_and_where_it_is_open(fleet: Fleet) -> None:
    wanted = fleet.find("").threats()[0]
    title = wanted.threat.title.id
    found = fleet.find(f'"{title}"')
    assert found.threats() == (wanted,)
    assert len(found.members) == wanted.containers
    where = [each.state.key for each in fleet.find("").having(wanted.threat.id)]
    assert [each.state.key for each in found.having(wanted.threat.id)] == where
    assert {each.state.key for each in found.members} == set(where)
    assert found.having("no-such-threat") == ()


def test_a_word_that_cant_be_looked_for_is_told(fleet: Fleet) -> None:
    found = fleet.find("nosuchkey:x")
    assert found.trouble is not None
    assert found == replace(found, machines=())
    assert found.threats() == ()


def test_what_is_alike_is_told_once() -> None:
    parts = list(many_machines.parts(3, 2))
    captured, first = parts[0]
    assert first is not None
    worker = first.containers[0]
    more = replace(first, containers=(*first.containers, *many_machines.replicas(worker, 12)))
    fleet = Fleet(joined([(captured, more), *parts[1:], (replace(captured, name="twin"), more)]))
    kinds = {each.name: each for each in alike(fleet.find("").members)}
    assert len(kinds["worker"].members) == 24
    assert kinds["worker"].machines == ("db-1", "twin")
    assert sum(len(each.members) for each in kinds.values()) == len(fleet.find("").members)


@given(st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=2, max_size=6))
@settings(max_examples=25, deadline=None)
def test_window_and_report_count_the_same(which: list[list[int]]) -> None:
    """Whatever runs where: the same threats, as often, on as many machines, in the same order."""
    demo, gathered = demo_snapshot(), Gathered(Annotations())
    parts = list(many_machines.parts(len(which)))
    for at, places in enumerate(which):
        captured, _ = parts[at]
        states = tuple(
            replace(state, container=replace(state.container, id=f"{at:032x}{number:032x}"))
            for number, state in enumerate(demo.containers[place % len(demo.containers)] for place in places)
        )
        parts[at] = (captured, replace(demo, containers=states))
        gathered.add(replace(demo, containers=states), captured.name)
    assert Fleet(joined(parts)).find("").threats() == fleet_report.open_threats(gathered.report("1"))


def test_nothing_read_is_nothing_found() -> None:
    snapshot: Snapshot = many_machines.fleet(0, unread=2)
    found = Fleet(snapshot).find("")
    assert [each.machine.name for each in found.machines] == ["lost-1", "lost-2"]
    assert found.members == ()
