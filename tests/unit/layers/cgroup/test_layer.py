"""Control groups on recorded v2 containers, and on the v1 and hybrid text of a machine without systemd."""

from __future__ import annotations

import pytest

from rig.recorded import HYBRID, recorded, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked
from stratascope.core.layer import Assessment, Table, Verdict
from stratascope.i18n.translate import translate
from stratascope.layers.cgroup.facts import CgroupFacts, most_used
from stratascope.layers.cgroup.layer import LAYER
from unit.layers.surroundings import around, capture, container


def look(process: Capture, asked: Asked | None = None) -> tuple[CgroupFacts, Assessment]:
    thing, near = container(asked), around()
    facts = LAYER.decode(process, thing, near)
    return facts, LAYER.assess(facts, LAYER.asked(thing), near)


def codes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.findings}


@pytest.mark.parametrize(
    ("name", "verdict", "memory", "pids", "cores"),
    [
        ("docker-default", Verdict.WEAKENED, None, 3484, None),
        ("podman-default", Verdict.WEAKENED, None, 2048, None),
        ("rootless-default", Verdict.WEAKENED, None, 2048, None),
        ("docker-limits", Verdict.ENFORCED, 67108864, 100, 0.5),
        ("rootless-limits", Verdict.ENFORCED, 67108864, 100, 0.5),
    ],
)
def test_recorded(name: str, verdict: Verdict, memory: int | None, pids: int, cores: float | None) -> None:
    facts, assessment = look(recorded(f"lsm/apparmor/{name}"), Asked(pids=100))
    assert assessment.verdict is verdict
    assert (facts.version, facts.memory_max, facts.pids_max, facts.cpu_cores) == ("v2", memory, pids, cores)
    assert facts.unknown == ()
    assert facts.pids_current == 1
    assert ("cgroup.pids-by-default" in codes(assessment)) is (pids != 100)
    assert len(translate(assessment.fact)) <= 45


def test_hybrid_limits_of_the_leaf_and_above() -> None:
    facts, assessment = look(capture(HYBRID))
    assert (facts.version, facts.path) == ("hybrid", "/docker/ab")
    assert (facts.memory_max, facts.swap_max, facts.cpu_cores) == (67108864, 67108864, 0.5)
    assert (facts.pids_max, facts.pids_from, facts.pids_room) == (50, "/docker", 30)
    assert assessment.verdict is Verdict.ENFORCED
    assert "cgroup.all-devices" in codes(assessment)


def test_rules_for_devices_are_missed_only_where_a_node_can_be_made() -> None:
    """Podman sets none for a container with a user namespace of its own."""
    mapped = Asked(uid_map=((0, 200000, 65536),))
    assert "cgroup.all-devices" not in codes(look(capture(HYBRID), mapped)[1])


@pytest.mark.parametrize(("parent", "there"), [("/docker", True), ("/mine", False)])
def test_a_group_that_the_engine_ignored_is_not_its_own(parent: str, there: bool) -> None:
    found = codes(look(capture(HYBRID), Asked(cgroup_parent=parent + "/"))[1])
    assert ("cgroup.parent" in found) is there


def test_who_can_t_move_it_back_is_told_what_a_killed_observer_left() -> None:
    facts, assessment = look(capture({**HYBRID, "observer:left": ""}))
    assert "cgroup.left" in codes(assessment)
    assert "cgroup.left" not in codes(look(capture(HYBRID))[1])
    after = LAYER.predict(facts, Asked(), Asked(pids=50), around())
    assert after is not None
    assert not after.left


def test_nothing_limited() -> None:
    texts = {
        "cgroup": "4:memory:/\n8:pids:/\n",
        "cgroup:memory:0:memory.limit_in_bytes": "9223372036854771712\n",
    }
    facts, assessment = look(capture(texts), Asked(memory=67108864, pids=50, cpu_cores=0.5))
    assert (facts.memory_max, facts.pids_max) == (None, None)
    assert assessment.verdict is Verdict.OPEN
    assert translate(assessment.fact) == "No limit on memory, processes, CPU"
    assert {"cgroup.drift-memory", "cgroup.drift-pids", "cgroup.drift-cpu"} <= codes(assessment)


def test_a_limit_as_large_as_the_machine_is_none() -> None:
    process = with_text(recorded("lsm/apparmor/docker-limits"), "cgroup:v2:0:memory.max", f"{1 << 31}\n")
    assert look(process)[1].verdict is Verdict.WEAKENED


def test_the_root_of_v2_limits_nothing() -> None:
    facts, assessment = look(capture({"cgroup": "0::/\n"}))
    assert facts.unknown == ()
    assert assessment.verdict is Verdict.OPEN


@pytest.mark.parametrize("kind", [GapKind.DENIED, GapKind.GONE])
def test_unreadable_limit_is_unknown(kind: GapKind) -> None:
    process = with_gap(recorded("lsm/apparmor/docker-default"), "cgroup:v2:0:memory.max", Gap(kind))
    facts, assessment = look(process, Asked(memory=1))
    assert "memory_max" in facts.unknown
    assert assessment.verdict is Verdict.UNKNOWN
    assert "cgroup.drift-memory" not in codes(assessment)


def test_damaged_and_missing_text() -> None:
    for texts in ({"cgroup": "nonsense"}, {"cgroup": "0::/a\n"}, {}):
        facts, assessment = look(capture(texts))
        assert assessment.verdict is Verdict.UNKNOWN
        assert facts.gaps
    process = with_text(recorded("lsm/apparmor/docker-default"), "cgroup:v2:0:pids.max", "many\n")
    assert look(process)[1].verdict is Verdict.UNKNOWN


def test_the_most_that_it_had() -> None:
    process = recorded("lsm/apparmor/docker-default")
    facts, _ = look(process)
    assert (facts.pids_peak, most_used("pids", facts, None)) == (None, 1)  # a kernel without pids.peak
    for text, most in (("37\n", 37), ("many\n", 1)):
        facts, assessment = look(with_text(process, "cgroup:v2:0:pids.peak", text))
        assert most_used("pids", facts, None) == most
        table = assessment.tabs[0].views[1]
        assert isinstance(table, Table)
        shown = [translate(row.value) for row in table.rows if "pids.peak" in row.source]
        assert shown == (["37"] if most == 37 else [])


def test_absent_controllers_are_no_gap() -> None:
    process = with_gap(recorded("lsm/apparmor/docker-default"), "cgroup:v2:0:io.max", Gap(GapKind.ABSENT, 2))
    facts, _ = look(process)
    assert facts.gaps == ()


def test_drift_of_a_process() -> None:
    first = capture({"cgroup": "0::/a\n"})
    assert [drift.field for drift in LAYER.drift(first, capture({"cgroup": "0::/b\n"}))] == ["cgroup.path"]
    assert LAYER.drift(first, first) == ()


@pytest.mark.parametrize("read", [Gap(GapKind.DENIED, 13), "8:0 rbps"])
def test_limits_of_disks_that_are_not_understood_are_not_none(read: Gap | str) -> None:
    process = recorded("lsm/apparmor/docker-default")
    name = "cgroup:v2:0:io.max"
    process = with_gap(process, name, read) if isinstance(read, Gap) else with_text(process, name, read)
    facts, _ = look(process)
    assert facts.io == ()
    assert facts.unknown == ("io",)
    assert [gap.what for gap in facts.gaps] == ["io.max"]
