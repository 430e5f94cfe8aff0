"""The seccomp layer with the calls themselves: from which source, how they compare with the default, what is drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.places import CAPTURES
from rig.recorded import container, recorded, surroundings, with_text
from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import EngineFacts, EngineKind, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.layer import Assessment, CallMap, CallSource, CallVerdict, Verdict
from stratascope.i18n.translate import translate
from stratascope.layers.seccomp.facts import SeccompFacts, decode
from stratascope.layers.seccomp.layer import LAYER
from stratascope.linux import bpf
from stratascope.linux.capability import NAMES
from stratascope.presentation.json_report import plain_value
from stratascope.value import replace

CAPTURES = CAPTURES / "seccomp"
FILTER = recorded("lsm/apparmor/docker-default")
NONE = recorded("lsm/apparmor/docker-privileged")
DOCKER = frozenset(NAMES[number] for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31))
ALLOW_ALL = bpf.FORMAT.pack(bpf.RET_K, 0, 0, 0x7FFF0000).hex()


def around(kind: EngineKind = EngineKind.DOCKER, **ground: Any) -> Surroundings:
    found = surroundings(kind)
    features = (("i386", True), ("x32", False))
    whole = {"machine": "x86_64", "kernel": "6.18.44", "features": features, **ground}
    return replace(found, ground=replace(found.ground, **whole))


def with_filters(capture: Capture, *texts: str) -> Capture:
    count = max(1, len(texts))
    status = capture.text("status")
    assert isinstance(status, str)
    capture = with_text(capture, "status", status.replace("Seccomp_filters:\t1", f"Seccomp_filters:\t{count}"))
    added = (Reading(f"seccomp:{place}", f"PTRACE {place}", text) for place, text in enumerate(texts))
    return replace(capture, readings=(*capture.readings, *added))


def hex_of(name: str) -> str:
    return (CAPTURES / f"{name}.hex").read_text()


def facts_of(capture: Capture, near: Surroundings | None = None, **asked: Any) -> SeccompFacts:
    asked = {"seccomp": ProfileKind.DEFAULT, "capabilities": tuple(sorted(DOCKER)), **asked}
    return decode(capture, container(**asked), near or around())


def assess(capture: Capture, near: Surroundings | None = None, **asked: Any) -> Assessment:
    asked = {"seccomp": ProfileKind.DEFAULT, "capabilities": tuple(sorted(DOCKER)), **asked}
    subject, near = container(**asked), near or around()
    return LAYER.assess(LAYER.decode(capture, subject, near), LAYER.asked(subject), near)


def test_docker_s_default_from_our_table() -> None:
    facts = facts_of(FILTER)
    assert facts.source is CallSource.MEASURED
    assert facts.x86_64 is not None
    assert (facts.x86_64.allowed, facts.x86_64.denied, facts.x86_64.depends) == (298, 82, 3)
    assert "mount" in facts.x86_64.denied_names
    assert (facts.x32, facts.aarch64) == (None, None)  # this kernel has none of those
    assert facts.i386 is not None
    assert facts.attack_surface is not None
    assert facts.attack_surface.passing == 301
    assert facts.attack_surface.more_than_default == ()
    assert "ptrace" in facts.attack_surface.dangerous


def test_the_filter_itself_comes_first_and_says_the_same() -> None:
    facts = facts_of(with_filters(FILTER, hex_of("docker-default")))
    assert facts.source is CallSource.KERNEL
    measured = facts_of(FILTER)
    assert (facts.x86_64, facts.i386) == (measured.x86_64, measured.i386)
    assert assess(with_filters(FILTER, hex_of("docker-default"))).verdict is Verdict.ENFORCED


def test_the_report_holds_counts_and_no_tables() -> None:
    printed = plain_value(facts_of(with_filters(FILTER, hex_of("docker-default"))))
    assert printed["source"] == "kernel"
    assert printed["x86_64"]["allowed"] == 298
    assert len(printed["x86_64"]["denied_names"]) == printed["x86_64"]["denied"]
    assert not {"origin", "default", "gaps"} & set(printed)
    assert len(json.dumps(printed)) < 12_000


def test_without_a_filter_everything_passes() -> None:
    facts = facts_of(NONE, seccomp=ProfileKind.UNCONFINED)
    assert facts.source is CallSource.NONE
    assert facts.x86_64 is not None
    assert facts.x86_64.denied == 0
    assert facts.attack_surface is not None
    assert "mount" in (facts.attack_surface.more_than_default or ())
    view = assess(NONE, seccomp=ProfileKind.UNCONFINED).tabs[1].views[0]
    assert isinstance(view, CallMap)
    assert {call.verdict for call in view.tables[0].calls} == {CallVerdict.ALLOWED}
    assert {call.verdict for call in view.default[0].calls} > {CallVerdict.DENIED}


def test_podman_s_default_comes_from_its_file() -> None:
    text = (CAPTURES / "podman-5.4-seccomp.json").read_text()
    near = around(EngineKind.PODMAN, profiles=(("/usr/share/containers/seccomp.json", text),))
    facts = facts_of(FILTER, near)
    assert facts.source is CallSource.PROFILE
    assert facts.x86_64 is not None
    assert facts.x86_64.allowed == 312  # with Docker's 14 capabilities socket is not asked for its protocol
    near = replace(near, engine=replace(near.engine, facts=EngineFacts(seccomp_profile="/opt/other.json")))
    assert facts_of(FILTER, near).source is CallSource.NONE


def test_a_profile_in_the_engine_s_answer() -> None:
    text = json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["read", "write", "mount", "mout"], "action": "SCMP_ACT_ALLOW"}],
        }
    )
    facts = facts_of(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile=text)
    assert facts.source is CallSource.PROFILE
    assert facts.x86_64 is not None
    assert facts.x86_64.allowed == 3
    assert facts.i386 is not None
    assert facts.i386.allowed == 0
    found = assess(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile=text)
    assert found.verdict is Verdict.WEAKENED
    assert {finding.code: finding.severity.value for finding in found.findings} == {
        "seccomp.weaker-than-default": "high",
        "seccomp.profile-doubts": "low",
    }
    sentences = [translate(finding.text) for finding in found.findings]
    assert "mount" in sentences[0]
    assert "'mout'" in sentences[1]


def test_a_container_s_oci_config_comes_before_what_the_engine_names() -> None:
    seccomp = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
    text = json.dumps({"linux": {"seccomp": seccomp}})
    capture = replace(FILTER, readings=(*FILTER.readings, Reading("oci:config", "/c/config.json", text)))
    facts = facts_of(capture, seccomp=ProfileKind.CUSTOM, seccomp_profile="/own.json")
    assert facts.source is CallSource.PROFILE
    assert facts.x86_64 is not None
    assert facts.x86_64.allowed == 1
    for broken in ("{", "{}", '{"linux": {"seccomp": 3}}'):
        capture = replace(FILTER, readings=(*FILTER.readings, Reading("oci:config", "/c/config.json", broken)))
        facts = facts_of(capture)
        assert facts.source is CallSource.MEASURED
        assert [(gap.what, gap.gap.kind) for gap in facts.gaps] == [("oci:config", GapKind.UNPARSED)]


def test_the_profiles_file_where_the_configuration_is_not_readable() -> None:
    text = json.dumps(
        {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
    )
    capture = replace(FILTER, readings=(*FILTER.readings, Reading("seccomp:named", "/own.json", text)))
    facts = facts_of(capture, seccomp=ProfileKind.CUSTOM, seccomp_profile="/own.json")
    assert facts.source is CallSource.PROFILE
    assert facts.x86_64 is not None
    assert facts.x86_64.allowed == 1
    assert facts_of(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile="/own.json").origin is None


def test_a_stricter_profile_is_enforced() -> None:
    text = json.dumps(
        {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
    )
    found = assess(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile=text)
    assert (found.verdict, found.findings) == (Verdict.ENFORCED, ())


def test_a_filter_that_forgets_i386_is_weakened() -> None:
    """Its own calls are Docker's default, but for another machine everything passes."""
    own = bpf.parse_hex(hex_of("docker-default"))
    head = (
        bpf.FORMAT.pack(bpf.LD_ABS, 0, 0, 4)
        + bpf.FORMAT.pack(bpf.JEQ, 1, 0, 0xC000003E)
        + bpf.FORMAT.pack(bpf.RET_K, 0, 0, 0x7FFF0000)
    )
    found = assess(with_filters(FILTER, (head + own).hex()), seccomp=ProfileKind.CUSTOM)
    assert found.verdict is Verdict.WEAKENED
    codes = {finding.code for finding in found.findings}
    assert codes == {"seccomp.weaker-by-i386", "seccomp.socketcall", "seccomp.upper-half"}


def test_two_filters_are_as_strict_as_both() -> None:
    found = assess(with_filters(FILTER, ALLOW_ALL, hex_of("docker-default")), seccomp=ProfileKind.UNKNOWN)
    assert found.verdict is Verdict.ENFORCED


def of_version(version: str, kind: EngineKind = EngineKind.DOCKER, **ground: Any) -> Surroundings:
    near = around(kind, **ground)
    return replace(near, engine=replace(near.engine, version=version))


def test_between_two_measured_versions_what_both_say_is_known() -> None:
    facts = facts_of(FILTER, of_version("27.3.1"))
    assert facts.x86_64 is not None
    assert facts.x86_64.unknown == 11
    assert "mount" in facts.x86_64.denied_names
    # read from the kernel, its filter lets through what both stop
    assert assess(with_filters(FILTER, ALLOW_ALL), of_version("27.3.1")).verdict is Verdict.WEAKENED


def test_a_default_that_was_never_measured_is_not_called_weak() -> None:
    newest = of_version("29.1.0")
    found = assess(with_filters(FILTER, ALLOW_ALL), newest)
    assert (found.verdict, found.findings) == (Verdict.ENFORCED, ())
    unread = assess(FILTER, newest)
    assert unread.verdict is Verdict.UNKNOWN
    assert translate(unread.fact) == "This version's default was never measured"
    facts = facts_of(FILTER, newest)
    assert facts.x86_64 is not None
    assert (facts.x86_64.allowed, facts.x86_64.denied, facts.x86_64.unknown) == (0, 0, 383)
    own = assess(with_filters(FILTER, ALLOW_ALL), newest, seccomp=ProfileKind.CUSTOM, seccomp_profile="{}")
    assert (own.verdict, translate(own.fact)) == (Verdict.UNKNOWN, "This version's default was never measured")


def test_a_filter_of_one_s_own_is_weighed_as_far_as_the_default_is_known() -> None:
    """Docker 26.1's, as a profile of somebody's own."""
    custom = {"seccomp": ProfileKind.CUSTOM, "seccomp_profile": "{}"}
    capture = with_filters(FILTER, hex_of("docker-default"))
    assert assess(capture, of_version("28.5.2"), **custom).verdict is Verdict.ENFORCED
    assert assess(capture, of_version("27.0.0"), **custom).verdict is Verdict.ENFORCED
    everything = assess(with_filters(FILTER, ALLOW_ALL), of_version("27.0.0"), **custom)
    assert everything.verdict is Verdict.WEAKENED


PODMAN = ProfileKind.DEFAULT, tuple(NAMES[number] for number in (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31))
FILE = (CAPTURES / "podman-5.4-seccomp.json").read_text()


def podman(version: str, *places: str) -> SeccompFacts:
    profiles = tuple((place, FILE) for place in places)
    near = of_version(version, EngineKind.PODMAN, profiles=profiles)
    named = replace(near.engine.facts, seccomp_profile="/usr/share/containers/seccomp.json")
    near = replace(near, engine=replace(near.engine, facts=named))
    return facts_of(FILTER, near, seccomp=PODMAN[0], capabilities=PODMAN[1])


@pytest.mark.parametrize(
    ("version", "unknown"),
    [("5.4.2", 0), ("5.6.1", 0), ("5.8.6", 2), ("6.1.1-rhel", 2), ("6.2.0", 2), ("5.0.0", 2)],
)
def test_podman_s_file_may_be_another_version_s(version: str, unknown: int) -> None:
    """That of 5.4 says something else of fanotify_init and socket than 5.8 and 6.1 do."""
    facts = podman(version, "/usr/share/containers/seccomp.json")
    assert (facts.source, facts.x86_64 and facts.x86_64.unknown) == (CallSource.PROFILE, unknown)


def test_without_podman_s_file_what_was_measured_counts() -> None:
    facts = podman("5.8.6")
    assert (facts.source, facts.x86_64 and facts.x86_64.unknown) == (CallSource.MEASURED, 0)
    assert podman("7.0.0").default is None


@pytest.mark.parametrize(
    ("capture", "what", "kind"),
    [
        (with_filters(FILTER, "rubbish"), "seccomp:0", GapKind.UNPARSED),
        (with_filters(FILTER, "00" * 8), "seccomp:0", GapKind.UNPARSED),
        (with_filters(FILTER, hex_of("docker-default"), "06" * 9), "seccomp:1", GapKind.UNPARSED),
        (
            replace(FILTER, readings=(*FILTER.readings, Reading("seccomp:*", "x", None, Gap(GapKind.DENIED, 1)))),
            "seccomp:*",
            GapKind.DENIED,
        ),
    ],
)
def test_filters_that_could_not_be_read(capture: Capture, what: str, kind: GapKind) -> None:
    facts = facts_of(capture)
    assert [(gap.what, gap.gap.kind) for gap in facts.gaps] == [(what, kind)]
    assert facts.source is CallSource.MEASURED  # the next best


def test_fewer_filters_than_there_are() -> None:
    status = with_filters(FILTER, hex_of("docker-default"), "").text("status")
    assert isinstance(status, str)
    capture = with_text(with_filters(FILTER, hex_of("docker-default")), "status", status)
    facts = facts_of(capture)
    assert facts.source is CallSource.MEASURED
    assert facts.unseen == 1


def test_a_broken_profile_is_a_gap() -> None:
    facts = facts_of(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile='{"defaultAction": 7}')
    assert facts.source is CallSource.NONE
    assert [gap.gap.kind for gap in facts.gaps] == [GapKind.UNPARSED]
    assert assess(FILTER, seccomp=ProfileKind.CUSTOM, seccomp_profile="{").verdict is Verdict.UNKNOWN


def test_the_map() -> None:
    found = assess(with_filters(FILTER, hex_of("docker-default")))
    filter_tab, calls_tab = found.tabs
    assert [translate(tab.title) for tab in (filter_tab, calls_tab)] == ["Filter", "System calls"]
    (view,) = calls_tab.views
    assert isinstance(view, CallMap)
    assert [each.abi for each in view.tables] == ["x86_64", "i386"]
    assert [each.source for each in view.default] == [CallSource.MEASURED, CallSource.MEASURED]
    calls = {call.name: call for call in view.tables[0].calls}
    assert (calls["mount"].verdict, calls["mount"].action) == (CallVerdict.DENIED, "ERRNO(1)")
    assert calls["socket"].condition is not None
    assert translate(calls["socket"].condition) == "denied with AF_VSOCK"
    assert [call.name for call in view.tables[0].calls] == sorted(calls)
    assert view.tables[0].calls == view.default[0].calls


def test_an_aarch64_host_has_its_own_calls() -> None:
    facts = facts_of(FILTER, around(machine="aarch64", features=()))
    assert facts.x86_64 is None
    assert facts.aarch64 is not None
    assert facts.aarch64.denied > 40
    assert facts_of(FILTER, around(machine="riscv64", features=())).attack_surface is None
