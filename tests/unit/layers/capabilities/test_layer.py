"""The capability layer on text of real kernels: facts, verdicts, findings, grid, drift."""

from __future__ import annotations

import pytest

from rig.recorded import container, recorded, surroundings, with_gap, with_text
from stratascope.core.capture import Capture, Gap, GapKind, unread
from stratascope.core.container import EngineKind
from stratascope.core.layer import Assessment, BitGrid, Table, Verdict
from stratascope.core.options.capabilities import ENGINE_DEFAULTS
from stratascope.core.severity import Severity
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.explanations import TAKE_OVER, WORDS
from stratascope.layers.capabilities.layer import LAYER
from stratascope.linux.capability import NAMES, CapabilitySet
from stratascope.value import replace

DEFAULT = recorded("lsm/apparmor/docker-default")
PRIVILEGED = recorded("lsm/apparmor/docker-privileged")
ROOTLESS = recorded("lsm/apparmor/rootless-default")
AROUND = surroundings(cap_last_cap=40)
MASK = "00000000a80425fb"


def with_line(capture: Capture, line: str, value: str) -> Capture:
    text = capture.text("status")
    assert isinstance(text, str)
    lines = [f"{line}:\t{value}" if each.startswith(f"{line}:") else each for each in text.split("\n")]
    return with_text(capture, "status", "\n".join(lines))


def with_sets(capture: Capture, effective: int, bounding: int) -> Capture:
    for line in ("CapPrm", "CapEff"):
        capture = with_line(capture, line, f"{effective:016x}")
    return with_line(capture, "CapBnd", f"{bounding:016x}")


def assess(capture: Capture, kind: EngineKind = EngineKind.DOCKER, last: int = 40, **asked: object) -> Assessment:
    subject, around = container(**asked), surroundings(kind, cap_last_cap=last)
    return LAYER.assess(LAYER.decode(capture, subject, around), LAYER.asked(subject), around)


def codes(assessment: Assessment) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in assessment.findings}


def test_facts_of_a_default_container() -> None:
    facts = LAYER.decode(DEFAULT, container(), AROUND)
    assert str(facts.effective) == f"0x{MASK}"
    assert facts.effective == facts.permitted == facts.bounding == ENGINE_DEFAULTS[EngineKind.DOCKER]
    assert facts.effective_names is not None
    assert facts.effective_names[0] == "CAP_CHOWN"
    assert (facts.no_new_privs, facts.initial_user_namespace) == (False, True)
    assert facts.user_namespace_source == "/proc/644/ns/user"
    assert not facts.gaps


def test_a_default_container_is_enforced_and_says_where_it_was_read() -> None:
    found = assess(DEFAULT)
    assert found.verdict is Verdict.ENFORCED
    assert translate(found.fact) == "14 of 41, the engine's default"
    assert codes(found) == {"capabilities.new-privileges": Severity.LOW}
    assert found.findings[0].source == "/proc/644/status:NoNewPrivs"
    assert found.findings[0].refs == ("CIS-Docker-1.6.0:5.26", "PSS:restricted")


def test_a_privileged_container_is_open() -> None:
    found = assess(PRIVILEGED, privileged=True)
    assert found.verdict is Verdict.OPEN
    assert translate(found.fact) == "All 41, over the whole machine"
    assert codes(found)["capabilities.all"] is Severity.CRITICAL
    assert codes(found)["capabilities.sys-admin"] is Severity.CRITICAL
    assert "capabilities.sys-module" not in codes(found)


def test_privileged_by_an_engine_that_lacks_one_itself() -> None:
    bits = (1 << 41) - 1 & ~(1 << 24)  # no SYS_RESOURCE, as in a container that runs an engine
    found = assess(with_sets(DEFAULT, bits, bits), privileged=True)
    assert found.verdict is Verdict.OPEN
    assert translate(found.fact) == "40 of 41, 26 added"
    assert set(codes(found)) == {
        "capabilities.all",
        "capabilities.sys-admin",
        "capabilities.new-privileges",
        "capabilities.less-than-asked",
    }
    assert "40 of the kernel's 41" in translate(found.findings[0].text)


def test_the_same_powers_in_a_user_namespace_are_not_open() -> None:
    own = with_text(PRIVILEGED, "ns/user", "user:[4026532999]")
    found = assess(own, privileged=True)
    assert found.verdict is Verdict.WEAKENED
    assert codes(found)["capabilities.all"] is Severity.MEDIUM


def test_sys_admin_beside_the_default_is_open_and_marked() -> None:
    bits = int(MASK, 16) | 1 << 21
    found = assess(with_sets(DEFAULT, bits, bits), cap_add=("CAP_SYS_ADMIN",))
    assert found.verdict is Verdict.OPEN
    assert translate(found.fact) == "15 of 41, SYS_ADMIN added"
    assert codes(found)["capabilities.sys-admin"] is Severity.CRITICAL
    grid = found.tabs[0].views[0]
    assert isinstance(grid, BitGrid)
    row = grid.rows[21]
    assert row.word is not None
    assert (row.name, row.bits, translate(row.word)) == ("SYS_ADMIN", (False, True, True, True, False), "added")


def test_sys_admin_alone_is_weakened_but_critical() -> None:
    found = assess(with_sets(DEFAULT, 1 << 21, 1 << 21))
    assert found.verdict is Verdict.WEAKENED
    assert codes(found)["capabilities.sys-admin"] is Severity.CRITICAL


def test_what_only_exec_can_bring_is_not_said_to_be_held() -> None:
    found = assess(with_sets(DEFAULT, 0, int(MASK, 16) | 1 << 21), cap_add=("CAP_SYS_ADMIN",))
    assert found.verdict is Verdict.WEAKENED
    assert translate(found.fact) == "0 of 41, 1 more in the bounding set"


def test_one_more_that_takes_nothing_over_is_weakened() -> None:
    bits = int(MASK, 16) | 1 << 23
    found = assess(with_sets(DEFAULT, bits, bits))
    assert found.verdict is Verdict.WEAKENED
    assert codes(found)["capabilities.added"] is Severity.LOW


def test_podman_is_measured_by_its_own_default() -> None:
    podman = recorded("lsm/apparmor/podman-default")
    assert assess(podman, EngineKind.PODMAN).verdict is Verdict.ENFORCED
    assert assess(DEFAULT, EngineKind.PODMAN).verdict is Verdict.WEAKENED


def test_an_ordinary_user_of_a_container_regains_by_exec() -> None:
    found = assess(recorded("lsm/apparmor/docker-user1000"))
    assert found.verdict is Verdict.ENFORCED
    assert translate(found.fact) == "None now, exec may regain 14"
    assert "capabilities.regain-by-exec" in codes(found)


def test_nothing_comes_back_with_no_new_privs() -> None:
    found = assess(recorded("lsm/apparmor/docker-nnp"), no_new_privileges=True)
    assert codes(found) == {}
    facts = LAYER.decode(recorded("lsm/apparmor/docker-nnp"), container(), AROUND)
    assert facts.regain_by_exec == CapabilitySet()


def test_everything_dropped() -> None:
    found = assess(recorded("lsm/apparmor/docker-capdrop"), cap_drop=("ALL",), capabilities=())
    assert found.verdict is Verdict.ENFORCED
    assert translate(found.fact) == "None of 41"
    grid = found.tabs[0].views[0]
    assert isinstance(grid, BitGrid)
    assert sum(row.word is not None and translate(row.word) == "dropped" for row in grid.rows) == 14


def test_asked_against_enforced() -> None:
    found = codes(assess(DEFAULT, no_new_privileges=True, capabilities=("CAP_CHOWN", "CAP_SYS_TIME")))
    assert found["capabilities.no-new-privileges-not-applied"] is Severity.HIGH
    assert found["capabilities.more-than-asked"] is Severity.HIGH
    assert found["capabilities.less-than-asked"] is Severity.LOW


def test_the_user_namespace_by_its_map_where_the_link_is_denied() -> None:
    denied = Gap(GapKind.DENIED, 13)
    for capture, initial in ((DEFAULT, True), (ROOTLESS, False)):
        facts = LAYER.decode(with_gap(capture, "ns/user", denied), container(), AROUND)
        assert facts.initial_user_namespace is initial
        assert facts.user_namespace_source.endswith("/uid_map")


def test_a_power_over_nobody_knows_what_is_unknown() -> None:
    denied = Gap(GapKind.DENIED, 13)
    capture = with_gap(with_gap(PRIVILEGED, "ns/user", denied), "uid_map", denied)
    found = assess(capture)
    assert found.verdict is Verdict.UNKNOWN
    assert [gap.what for gap in found.gaps] == ["uid_map"]


@pytest.mark.parametrize("kind", list(GapKind))
def test_no_status_is_unknown_with_its_reason(kind: GapKind) -> None:
    for capture in (unread(4211, Gap(kind)), with_gap(DEFAULT, "status", Gap(kind))):
        found = assess(capture)
        assert found.verdict is Verdict.UNKNOWN
        assert found.findings == ()
        assert found.gaps


def test_a_damaged_status_is_unparsed() -> None:
    found = assess(with_line(DEFAULT, "CapEff", "zz"))
    assert found.verdict is Verdict.UNKNOWN
    assert found.gaps[0].gap.kind is GapKind.UNPARSED
    assert "CapEff" in found.gaps[0].gap.detail


@pytest.mark.parametrize("last", [37, 40, 44])
def test_other_kernels_have_other_numbers_of_rows(last: int) -> None:
    bits = (1 << last + 1) - 1
    found = assess(with_sets(DEFAULT, bits, bits), last=last)
    grid = found.tabs[0].views[0]
    assert isinstance(grid, BitGrid)
    assert len(grid.rows) == last + 1
    assert translate(found.fact) == f"All {last + 1}, over the whole machine"


def test_the_grid_is_in_the_order_of_proc_and_every_column_has_its_source() -> None:
    grid = assess(DEFAULT).tabs[0].views[0]
    assert isinstance(grid, BitGrid)
    assert [column.head for column in grid.sets] == ["Inh", "Prm", "Eff", "Bnd", "Amb"]
    assert grid.sets[grid.emphasis].source == "/proc/644/status:CapEff"
    assert grid.sets[grid.emphasis].text == f"0x{MASK}"
    for row in grid.rows:
        assert row.bits[2] == bool(int(MASK, 16) >> row.number & 1)


def test_every_capability_has_words_and_the_notes_agree_with_the_defaults() -> None:
    assert len(WORDS) == len(NAMES)
    assert len({explanation for explanation, _ in WORDS}) == len(NAMES)
    docker, podman = ENGINE_DEFAULTS[EngineKind.DOCKER], ENGINE_DEFAULTS[EngineKind.PODMAN]
    for number, (_, note) in enumerate(WORDS):
        start = {
            (True, True): "Kept by default:",
            (True, False): "Docker keeps",
            (False, False): "Left out by default:",
        }
        assert note.id.startswith(start[number in docker, number in podman]), NAMES[number]
    assert not TAKE_OVER & docker


def test_the_table_tells_what_was_asked() -> None:
    table = assess(DEFAULT, cap_add=("CAP_SYS_TIME",), cap_drop=("ALL",)).tabs[1].views[0]
    assert isinstance(table, Table)
    values = {translate(row.label): translate(row.value) for row in table.rows}
    assert values["Asked for"] == "Add CAP_SYS_TIME; drop ALL"
    assert values["Apply to"].startswith("The whole machine")


def test_drift_of_a_privileged_exec() -> None:
    first = recorded("lsm/apparmor/docker-capdrop")
    drifts = {drift.field: drift.finding for drift in LAYER.drift(first, PRIVILEGED)}
    assert set(drifts) == {"capabilities.permitted", "capabilities.effective", "capabilities.bounding"}
    finding = drifts["capabilities.effective"]
    assert finding.severity is Severity.HIGH
    assert finding.source == f"/proc/{PRIVILEGED.pid}/status:CapEff"
    less = {drift.finding.severity for drift in LAYER.drift(PRIVILEGED, first)}
    assert less == {Severity.LOW}


def test_no_drift_from_itself_or_from_nothing() -> None:
    assert LAYER.drift(DEFAULT, DEFAULT) == ()
    assert LAYER.drift(DEFAULT, unread(1, Gap(GapKind.GONE))) == ()


def test_drift_of_no_new_privs() -> None:
    other = with_line(DEFAULT, "NoNewPrivs", "1")
    assert [drift.field for drift in LAYER.drift(DEFAULT, other)] == ["capabilities.no_new_privs"]
    assert LAYER.drift(DEFAULT, other)[0].finding.severity is Severity.LOW
    assert LAYER.drift(other, DEFAULT)[0].finding.severity is Severity.MEDIUM


def test_a_power_over_nobody_knows_what_is_not_called_critical() -> None:
    denied = Gap(GapKind.DENIED, 13)
    found = assess(with_gap(with_gap(PRIVILEGED, "ns/user", denied), "uid_map", denied))
    assert Severity.CRITICAL not in codes(found).values()
    assert "whole machine" not in translate(found.fact)


def test_a_bounding_set_out_of_reach_is_a_small_matter() -> None:
    bits = int(MASK, 16) | 1 << 21
    capture = with_sets(DEFAULT, 0, bits)
    assert codes(assess(capture))["capabilities.sys-admin"] is Severity.HIGH
    assert codes(assess(with_line(capture, "NoNewPrivs", "1")))["capabilities.sys-admin"] is Severity.LOW
    own = with_text(capture, "ns/user", "user:[4026532999]")
    assert codes(assess(own))["capabilities.sys-admin"] is Severity.LOW


def test_restarting_the_machine_does_not_take_it_over() -> None:
    bits = int(MASK, 16) | 1 << 22
    found = assess(with_sets(DEFAULT, bits, bits))
    assert found.verdict is Verdict.WEAKENED
    assert codes(found)["capabilities.added"] is Severity.MEDIUM


@pytest.mark.parametrize(
    ("lsms", "severity"),
    [(("capability", "yama"), Severity.CRITICAL), (("capability", "apparmor"), Severity.HIGH), (None, Severity.HIGH)],
)
def test_tracing_with_the_hosts_processes_in_sight(lsms: tuple[str, ...] | None, severity: Severity) -> None:
    bits = int(MASK, 16) | 1 << 19
    capture = with_text(with_sets(DEFAULT, bits, bits), "ns/pid", "pid:[4026531836]")
    near = surroundings(cap_last_cap=40)
    ground = replace(near.ground, lsms=lsms, namespaces=(("pid", 4026531836),), namespaces_from="PID 1")
    near = replace(near, ground=ground)
    found = LAYER.assess(LAYER.decode(capture, container(), near), LAYER.asked(container()), near)
    assert codes(found)["capabilities.traces-host"] is severity
    inside = with_text(capture, "ns/pid", "pid:[4026532777]")
    found = LAYER.assess(LAYER.decode(inside, container(), near), LAYER.asked(container()), near)
    assert "capabilities.traces-host" not in codes(found)


def test_more_in_a_nested_user_namespace_is_a_small_drift() -> None:
    first = recorded("lsm/apparmor/docker-capdrop")
    nested = with_text(PRIVILEGED, "ns/user", "user:[4026532999]")
    drifts = {drift.field: drift.finding for drift in LAYER.drift(first, nested)}
    assert drifts["capabilities.effective"].severity is Severity.LOW
    assert drifts["capabilities.effective"].code == "capabilities.drift-effective-nested"


def test_restored_from_a_checkpoint() -> None:
    subject = replace(container(), restored=True)
    found = LAYER.assess(LAYER.decode(DEFAULT, subject, AROUND), LAYER.asked(subject), AROUND)
    restored = [finding for finding in found.findings if finding.code == "capabilities.restored"]
    assert [finding.severity for finding in restored] == [Severity.LOW]
    assert "CVE-2026-94603" in restored[0].refs
