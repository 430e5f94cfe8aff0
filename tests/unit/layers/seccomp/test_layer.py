"""The seccomp layer: what is known from the mode, and what is not."""

from __future__ import annotations

import pytest

from rig.recorded import container, recorded, surroundings, with_text
from stratascope.core.capture import Capture, Gap, GapKind, unread
from stratascope.core.container import EngineFacts, EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Assessment, Verdict
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.layer import LAYER
from stratascope.value import replace

FILTER = recorded("lsm/apparmor/docker-default")
NONE = recorded("lsm/apparmor/docker-privileged")


def assess(capture: Capture, around: Surroundings | None = None, **asked: object) -> Assessment:
    subject, around = container(**asked), around or surroundings()
    return LAYER.assess(LAYER.decode(capture, subject, around), LAYER.asked(subject), around)


def edited(capture: Capture, old: str, new: str) -> Capture:
    text = capture.text("status")
    assert isinstance(text, str)
    assert old in text
    return with_text(capture, "status", text.replace(old, new))


@pytest.mark.parametrize(
    ("capture", "profile", "verdict", "code"),
    [
        (FILTER, ProfileKind.DEFAULT, Verdict.ENFORCED, "seccomp.upper-half"),
        (FILTER, ProfileKind.CUSTOM, Verdict.UNKNOWN, "seccomp.custom-profile"),
        (FILTER, ProfileKind.UNCONFINED, Verdict.UNKNOWN, "seccomp.unasked-filter"),
        (FILTER, ProfileKind.UNKNOWN, Verdict.UNKNOWN, ""),
        (NONE, ProfileKind.DEFAULT, Verdict.OPEN, "seccomp.not-applied"),
        (NONE, ProfileKind.CUSTOM, Verdict.OPEN, "seccomp.not-applied"),
        (NONE, ProfileKind.UNCONFINED, Verdict.OPEN, "seccomp.no-filter"),
        (NONE, ProfileKind.UNKNOWN, Verdict.OPEN, "seccomp.no-filter"),
    ],
)
def test_mode_and_profile(capture: Capture, profile: ProfileKind, verdict: Verdict, code: str) -> None:
    found = assess(capture, seccomp=profile)
    assert found.verdict is verdict
    assert [finding.code for finding in found.findings] == ([code] if code else [])
    assert all(finding.source == f"/proc/{capture.pid}/status:Seccomp" for finding in found.findings)


def test_facts_as_in_the_report() -> None:
    facts = LAYER.decode(FILTER, container(seccomp=ProfileKind.DEFAULT), surroundings())
    assert (facts.mode, facts.filters, facts.profile, facts.source) == ("filter", 1, "default", "measured")
    fact = translate(assess(FILTER, seccomp=ProfileKind.DEFAULT).fact)
    assert fact == "301 of 383 calls pass, the engine's default"


def test_privileged_means_unconfined() -> None:
    found = assess(NONE, seccomp=ProfileKind.DEFAULT, privileged=True)
    assert [finding.code for finding in found.findings] == ["seccomp.no-filter"]
    assert found.findings[0].refs == ("CIS-Docker-1.6.0:5.22", "PSS:baseline")


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (EngineKind.DOCKER, "builtin", ProfileKind.DEFAULT),
        (EngineKind.DOCKER, "/etc/docker/own.json", ProfileKind.CUSTOM),
        (EngineKind.DOCKER, "unconfined", ProfileKind.UNCONFINED),
        (EngineKind.PODMAN, "/usr/share/containers/seccomp.json", ProfileKind.DEFAULT),
    ],
)
def test_what_the_engine_was_configured_with(kind: EngineKind, told: str, expected: ProfileKind) -> None:
    around = surroundings(kind)
    around = replace(around, engine=replace(around.engine, facts=EngineFacts(seccomp_profile=told)))
    facts = LAYER.decode(FILTER, container(seccomp=ProfileKind.DEFAULT), around)
    assert facts.profile is expected


def test_strict_mode_is_enforced() -> None:
    assert assess(edited(FILTER, "Seccomp:\t2", "Seccomp:\t1")).verdict is Verdict.ENFORCED


@pytest.mark.parametrize(
    ("capture", "kind"),
    [
        (unread(4211, Gap(GapKind.DENIED, 13)), GapKind.ABSENT),
        (edited(FILTER, "Seccomp:\t2\n", ""), GapKind.ABSENT),
        (edited(FILTER, "Seccomp:\t2", "Seccomp:\t9"), GapKind.UNPARSED),
        (edited(FILTER, "Seccomp:\t2", "Seccomp:\tx"), GapKind.UNPARSED),
    ],
)
def test_what_is_not_known_is_never_enforced(capture: Capture, kind: GapKind) -> None:
    found = assess(capture, seccomp=ProfileKind.DEFAULT)
    assert found.verdict is Verdict.UNKNOWN
    assert found.gaps[0].gap.kind is kind


def test_an_old_kernel_has_no_count() -> None:
    found = assess(edited(FILTER, "Seccomp_filters:\t1\n", ""), seccomp=ProfileKind.DEFAULT)
    assert found.verdict is Verdict.ENFORCED


def test_drift() -> None:
    assert LAYER.drift(FILTER, FILTER) == ()
    lost = {drift.field: drift.finding.severity.value for drift in LAYER.drift(FILTER, NONE)}
    assert lost == {"seccomp.mode": "high", "seccomp.filters": "high"}  # the same news
    more = LAYER.drift(FILTER, edited(FILTER, "Seccomp_filters:\t1", "Seccomp_filters:\t2"))
    assert [(drift.field, drift.finding.severity.value) for drift in more] == [("seccomp.filters", "low")]
