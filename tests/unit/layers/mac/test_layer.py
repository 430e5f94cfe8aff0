"""Mandatory access control on labels of real hosts: AppArmor, SELinux, and neither."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import container, recorded, surroundings, with_gap, with_text
from stratascope.collector.names import PERMISSIVE as PERMISSIVE_TYPE
from stratascope.core.capture import Capture, Gap, GapKind, unread
from stratascope.core.container import ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Assessment, Table, Verdict
from stratascope.i18n.translate import translate
from stratascope.layers.mac.layer import LAYER

APPARMOR = surroundings(lsms=("lockdown", "capability", "landlock", "yama", "apparmor"), apparmor=True)
SELINUX = surroundings(lsms=("lockdown", "capability", "selinux"), selinux="enforcing")
PERMISSIVE = surroundings(lsms=("lockdown", "capability", "selinux"), selinux="permissive")
NEITHER = surroundings(lsms=("lockdown", "capability", "landlock", "bpf"))
DEFAULT, OFF, OWN = ProfileKind.DEFAULT, ProfileKind.UNCONFINED, ProfileKind.CUSTOM


def assess(capture: Capture, around: Surroundings, **asked: object) -> Assessment:
    subject = container(**asked)
    return LAYER.assess(LAYER.decode(capture, subject, around), LAYER.asked(subject), around)


CASES: tuple[tuple[str, Surroundings, dict[str, Any], Verdict, str, set[str]], ...] = (
    ("apparmor/docker-default", APPARMOR, {"apparmor": DEFAULT}, Verdict.ENFORCED,
     "AppArmor docker-default, enforcing", set()),
    ("apparmor/podman-default", APPARMOR, {"apparmor": DEFAULT}, Verdict.ENFORCED,
     "AppArmor containers-default-0.62.2, enforcing", set()),
    ("apparmor/docker-profile-spaces", APPARMOR, {"apparmor": OWN, "apparmor_profile": "vm spaced (odd) name"},
     Verdict.ENFORCED, "AppArmor vm spaced (odd) name, enforcing", set()),
    ("apparmor/docker-default", APPARMOR, {"apparmor": OWN, "apparmor_profile": "mine"}, Verdict.ENFORCED,
     "AppArmor docker-default, enforcing", {"mac.other-profile"}),
    ("apparmor/docker-complain", APPARMOR, {"apparmor": OWN, "apparmor_profile": "vm-complain"}, Verdict.WEAKENED,
     "AppArmor vm-complain, complain", {"mac.not-enforcing"}),
    ("apparmor/docker-apparmor-unconfined", APPARMOR, {"apparmor": OFF}, Verdict.WEAKENED,
     "AppArmor unconfined, as asked", {"mac.unconfined"}),
    ("apparmor/docker-privileged", APPARMOR, {"apparmor": DEFAULT, "privileged": True}, Verdict.WEAKENED,
     "AppArmor unconfined, as asked", {"mac.unconfined"}),
    ("apparmor/docker-flag-unconfined", APPARMOR, {"apparmor": OWN, "apparmor_profile": "vm-unconf"}, Verdict.OPEN,
     "Not confined by AppArmor", {"mac.not-confined"}),
    ("apparmor/rootless-default", APPARMOR, {"apparmor": DEFAULT}, Verdict.OPEN,
     "Not confined by AppArmor", {"mac.not-confined"}),
    ("selinux/docker-default", SELINUX, {}, Verdict.ENFORCED, "SELinux container_t, enforcing", set()),
    ("selinux/rootless-default", SELINUX, {}, Verdict.ENFORCED, "SELinux container_t, enforcing", set()),
    ("selinux/docker-default", PERMISSIVE, {}, Verdict.WEAKENED, "SELinux container_t, but it only warns",
     {"mac.permissive"}),
    ("selinux/docker-default", surroundings(), {}, Verdict.UNKNOWN, "SELinux container_t, not known whether enforced",
     set()),
    ("selinux/docker-default", SELINUX, {"selinux_label": "system_u:system_r:container_t:s0:c1,c2"}, Verdict.ENFORCED,
     "SELinux container_t, enforcing", {"mac.other-label"}),
    ("selinux/docker-privileged", SELINUX, {"privileged": True}, Verdict.WEAKENED,
     "SELinux spc_t: unconfined, as asked", {"mac.unconfined"}),
    ("selinux/docker-label-type", SELINUX, {"selinux_options": ("type:spc_t",)}, Verdict.WEAKENED,
     "SELinux spc_t: unconfined, as asked", {"mac.unconfined"}),
    ("selinux/docker-selinux-not-enabled", SELINUX, {}, Verdict.OPEN, "SELinux spc_t: unconfined",
     {"mac.unconfined"}),
    ("selinux/host-user-systemd", SELINUX, {}, Verdict.OPEN, "SELinux unconfined_t: unconfined", {"mac.unconfined"}),
    ("selinux-nopolicy/docker", SELINUX, {}, Verdict.OPEN, "SELinux runs without a policy", {"mac.no-policy"}),
    ("none/docker", NEITHER, {}, Verdict.OPEN, "Neither AppArmor nor SELinux is active", {"mac.not-active"}),
    ("none/docker", NEITHER, {"apparmor": DEFAULT}, Verdict.OPEN, "Neither AppArmor nor SELinux is active",
     {"mac.not-active", "mac.default-not-applied"}),
    ("none/docker", NEITHER, {"apparmor": OWN, "apparmor_profile": "mine"}, Verdict.OPEN,
     "Neither AppArmor nor SELinux is active", {"mac.not-active", "mac.profile-not-applied"}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "mode", "verdict", "codes"),
    [
        ("yes", "permissive", Verdict.WEAKENED, {"mac.permissive-type"}),
        ("no", "enforcing", Verdict.ENFORCED, set()),
        (Gap(GapKind.ABSENT), "enforcing", Verdict.ENFORCED, set()),
        (Gap(GapKind.DENIED), None, Verdict.UNKNOWN, set()),
        (Gap(GapKind.UNSUPPORTED), None, Verdict.UNKNOWN, set()),
    ],
)
def test_a_type_that_the_policy_only_warns_about(
    answer: str | Gap, mode: str | None, verdict: Verdict, codes: set[str]
) -> None:
    label = recorded("lsm/selinux/docker-default")
    told = with_gap(label, PERMISSIVE_TYPE, answer) if isinstance(answer, Gap) else with_text(
        label, PERMISSIVE_TYPE, answer
    )  # fmt: skip
    facts = LAYER.decode(told, container(), SELINUX)
    assert facts.mode == mode
    found = assess(told, SELINUX)
    assert found.verdict is verdict
    assert {finding.code for finding in found.findings} == codes
    # where the whole host only warns, there is nothing to ask
    assert LAYER.decode(told, container(), PERMISSIVE).mode == "permissive"


def test_of_another_type_the_policy_was_not_asked() -> None:
    told = with_text(recorded("lsm/selinux/docker-default"), PERMISSIVE_TYPE, "yes")
    before, after = container(), container(selinux_options=("type:mine_t",))
    predicted = LAYER.predict(LAYER.decode(told, before, SELINUX), before.asked, after.asked, SELINUX)
    assert (predicted.type, predicted.mode, predicted.permissive_type) == ("mine_t", "enforcing", None)


@pytest.mark.parametrize(("path", "around", "asked", "verdict", "fact", "codes"), CASES)
def test_recorded_hosts(
    path: str, around: Surroundings, asked: dict[str, Any], verdict: Verdict, fact: str, codes: set[str]
) -> None:
    found = assess(recorded(f"lsm/{path}"), around, **asked)
    assert (found.verdict, translate(found.fact)) == (verdict, fact)
    assert {finding.code for finding in found.findings} == codes
    assert all(finding.source.startswith(("/proc/", "/sys/")) for finding in found.findings)
    for finding in found.findings:
        assert translate(finding.text)
        assert translate(finding.advice)


def test_apparmor_facts_as_in_the_report() -> None:
    facts = LAYER.decode(recorded("lsm/apparmor/docker-default"), container(), APPARMOR)
    assert (facts.system, facts.label, facts.mode) == ("apparmor", "docker-default", "enforce")
    assert facts.stack == ("docker-default",)
    assert facts.label_source == "/proc/644/attr/apparmor/current"


def test_selinux_facts() -> None:
    facts = LAYER.decode(recorded("lsm/selinux/docker-default"), container(), SELINUX)
    assert (facts.system, facts.mode) == ("selinux", "enforcing")
    assert (facts.user, facts.role, facts.type) == ("system_u", "system_r", "container_t")
    assert facts.level == "s0:c530,c749"
    assert facts.label == "system_u:system_r:container_t:s0:c530,c749"


def test_a_stack_shows_its_parts() -> None:
    capture = recorded("lsm/apparmor/docker-default")
    for name in ("attr/current", "attr/apparmor/current"):
        capture = with_text(capture, name, "a//&:ns1:b (mixed)\n")
    facts = LAYER.decode(capture, container(), APPARMOR)
    assert facts.stack == ("a", ":ns1:b")
    found = assess(capture, APPARMOR)
    assert found.verdict is Verdict.WEAKENED
    table = found.tabs[0].views[0]
    assert isinstance(table, Table)
    assert "a, :ns1:b" in [translate(row.value) for row in table.rows]


def test_nothing_gives_a_label_and_nobody_knows_the_modules() -> None:
    facts = LAYER.decode(recorded("lsm/none/docker"), container(), surroundings())
    assert (facts.system, facts.modules) == ("none", None)


@pytest.mark.parametrize("text", ["docker-default (audit)\n", "\x1b[31m", "smack-label"])
def test_a_label_that_is_not_understood_is_unknown(text: str) -> None:
    capture = recorded("lsm/apparmor/docker-default")
    for name in ("attr/current", "attr/apparmor/current"):
        capture = with_text(capture, name, text)
    found = assess(capture, APPARMOR)
    assert found.verdict is Verdict.UNKNOWN
    assert found.gaps[0].gap.kind is GapKind.UNPARSED
    assert found.findings == ()


def test_denied_is_unknown() -> None:
    denied = Gap(GapKind.DENIED, 13)
    capture = recorded("lsm/selinux/docker-default")
    found = assess(with_gap(capture, "attr/current", denied), SELINUX)
    assert found.verdict is Verdict.UNKNOWN
    assert found.gaps[0].gap == denied
    assert assess(unread(1, denied), APPARMOR).verdict is Verdict.UNKNOWN


def test_another_type_is_enforced_only_if_it_was_asked_for() -> None:
    capture = with_text(recorded("lsm/selinux/docker-default"), "attr/current", "system_u:system_r:mine_t:s0\0")
    assert assess(capture, SELINUX).verdict is Verdict.UNKNOWN
    assert assess(capture, SELINUX, selinux_options=("type:mine_t",)).verdict is Verdict.ENFORCED


def test_drift() -> None:
    first, other = recorded("lsm/apparmor/docker-default"), recorded("lsm/apparmor/docker-privileged")
    drifts = LAYER.drift(first, other)
    assert [drift.field for drift in drifts] == ["mac.label"]
    assert "unconfined" in translate(drifts[0].finding.text)
    assert LAYER.drift(first, first) == ()
    assert LAYER.drift(first, unread(1, Gap(GapKind.GONE))) == ()
