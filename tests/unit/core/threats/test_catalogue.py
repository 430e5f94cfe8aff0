"""The catalogue of threats: complete, well formed, and every capability is needed somewhere."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from stratascope.core.ground import FEATURES, SYSCTLS
from stratascope.core.message import Message
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.needs import (
    Allowed,
    Call,
    Calls,
    Capability,
    Device,
    Feature,
    KernelFile,
    LeaveNewUserNamespace,
    LowPort,
    Setting,
)
from stratascope.core.threats.threat import Threat
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.linux.capability import NAMES

# The ids of the contract, which others test against
CONTRACT = [
    "mount-file-system",
    "bind-mount",
    "new-mount-api",
    "pivot-root",
    "unmount",
    "change-root",
    "new-user-namespace",
    "new-mount-namespace",
    "new-network-namespace",
    "kernel-surface-in-user-namespace",
    "join-namespace",
    "set-hostname",
    "reboot",
    "load-module",
    "unload-module",
    "load-kernel",
    "set-clock",
    "swap-on",
    "swap-off",
    "process-accounting",
    "disk-quota",
    "bpf",
    "perf-events",
    "userfaultfd",
    "io-uring",
    "kernel-keyring",
    "add-key",
    "read-host-keyring",
    "open-by-handle",
    "port-io",
    "disable-aslr",
    "read-kernel-log",
    "trace-child",
    "read-child-memory",
    "packet-socket",
    "raw-socket",
    "vsock",
    "bind-low-port",
    "configure-network",
    "create-char-device",
    "create-block-device",
    "open-host-memory-device",
    "open-host-disk",
    "become-other-user",
    "drop-groups",
    "give-file-away",
    "raise-priority",
    "raise-limits",
    "set-uid-file-gains-root",
    "regain-by-exec",
    "write-core-pattern",
    "write-host-sysctl",
    "trigger-sysrq",
    "read-kernel-memory",
    "read-firmware",
    "cgroup-release-agent",
    "write-root-file-system",
    "fork-bomb",
    "exhaust-memory",
    "exhaust-cpu",
    "exhaust-disk",
    "see-host-processes",
    "signal-host-process",
    "enter-host-process",
    "enter-foreign-process",
    "reach-host-network",
    "reach-abstract-sockets",
    "share-host-ipc",
    "use-engine-socket",
    "write-host-files",
    "plant-set-uid-on-host",
    "signal-other-users",
    "bypass-file-permissions",
    "bypass-file-search",
    "change-host-system",
    "be-host-root",
    "hold-root-powers",
    "be-engine-user",
]

THREATS = all_threats()
ONE = pytest.mark.parametrize("threat", THREATS, ids=[threat.id for threat in THREATS])


def test_every_id_of_the_contract_is_there_once() -> None:
    counts = Counter(threat.id for threat in THREATS)
    assert not set(CONTRACT) - set(counts)
    assert max(counts.values()) == 1


def test_every_capability_is_needed_by_a_threat() -> None:
    needed = {name for need in needs_of(THREATS) if isinstance(need, Capability) for name in need.any_of}
    needed |= {"CAP_NET_BIND_SERVICE"} if any(isinstance(need, LowPort) for need in needs_of(THREATS)) else set()
    assert needed == set(NAMES)


def test_settings_and_features_are_read_from_the_host() -> None:
    settings: set[str] = set()
    features: set[str] = set()
    for need in needs_of(THREATS):
        match need:
            case Allowed(Setting(name=name)) | Capability(only_if=Setting(name=name)):
                settings.add(name)
            case Feature(name=name):
                features.add(name)
    assert settings <= set(SYSCTLS)
    assert features <= set(FEATURES)


@ONE
def test_a_threat_is_well_formed(threat: Threat) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", threat.id)
    assert threat.first in {layer.id for layer in all_layers()}
    assert threat.routes
    assert threat.refs
    names = [route.name for route in threat.routes]
    assert len(set(names)) == len(names)
    for route in threat.routes:
        assert route.steps
        for step in route.steps:
            assert step.text
            assert step.needs
            for need in step.needs:
                assert not isinstance(need, Calls) or need.ways


@ONE
def test_its_words_are_short_and_plain(threat: Threat) -> None:
    assert len(translate(threat.title)) <= 40
    assert not translate(threat.title).endswith(".")
    for message in (threat.what, threat.gives, threat.advice):
        text = translate(message)
        assert text.endswith(".")
        assert _sentences(message) <= 2
        assert len(text) <= 150


def test_words_are_not_used_twice() -> None:
    for part in ("title", "what"):
        counts = Counter(translate(getattr(threat, part)) for threat in THREATS)
        assert [text for text, count in counts.items() if count > 1] == []


def test_serious_ones_are_few() -> None:
    critical = {threat.id for threat in THREATS if threat.severity is Severity.CRITICAL}
    assert {
        "use-engine-socket",
        "write-core-pattern",
        "load-module",
        "open-host-disk",
        "enter-host-process",
    } <= critical
    assert len(critical) <= 20


def _sentences(message: Message) -> int:
    return len(re.findall(r"[.!?](?:\s|$)", translate(message)))


def test_every_id_of_a_host_s_user_is_needed_to_enter_its_process() -> None:
    """__ptrace_may_access, kernel/ptrace.c, compares uids and gids; without SETGID the door stays closed."""
    threat = next(threat for threat in all_threats() if threat.id == "enter-host-user-process")
    (route,) = threat.routes
    asked = {need.any_of for step in route.steps for need in step.needs if isinstance(need, Capability)}
    assert asked == {("CAP_SETUID",), ("CAP_SETGID",)}


def test_the_audit_log_is_asked_for_by_its_protocol() -> None:
    """Podman's filter refuses just NETLINK_AUDIT (9) to containers without AUDIT_WRITE."""
    wanted = Call("socket", ((0, 16), (2, 9)))
    for name in ("control-audit", "read-audit-log", "write-audit-log"):
        threat = next(threat for threat in all_threats() if threat.id == name)
        ways = [way for need in needs_of((threat,)) if isinstance(need, Calls) for way in need.ways]
        assert wanted in ways


def routes_of(name: str) -> dict[str, set[type]]:
    """Of one threat: the kinds of needs of each route."""
    threat = next(threat for threat in all_threats() if threat.id == name)
    return {
        translate(route.name): {type(need) for step in route.steps for need in step.needs} for route in threat.routes
    }


@pytest.mark.parametrize(
    "name", ["mount-file-system", "new-mount-api", "pivot-root", "change-root", "new-mount-namespace"]
)
def test_a_new_user_namespace_gives_the_capability(name: str) -> None:
    """Tried in the attempts: Podman's default filter lets it through, and no capability is asked for."""
    asked = routes_of(name)["in new namespaces"]
    assert {Calls, Feature, LeaveNewUserNamespace} <= asked
    threat = next(threat for threat in all_threats() if threat.id == name)
    route = next(route for route in threat.routes if translate(route.name) == "in new namespaces")
    needs = [need for step in route.steps for need in step.needs if isinstance(need, Capability)]
    assert all(need.only_if is not None for need in needs)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("read-kernel-memory", "/proc/kcore"),
        ("trigger-sysrq", "/proc/sysrq-trigger"),
        ("write-sysfs", "/sys/kernel/rcu_expedited"),
        ("read-firmware", "/sys/firmware"),
        ("read-kernel-log", "/proc/kmsg"),
    ],
)
def test_what_covers_a_kernel_file_is_no_wall_for_who_may_mount(name: str, path: str) -> None:
    threat = next(threat for threat in all_threats() if threat.id == name)
    ways = [
        (need.fresh, need.remounted)
        for route in threat.routes
        for step in route.steps
        for need in step.needs
        if isinstance(need, KernelFile) and need.path == path
    ]
    assert {(False, False), (True, False)} <= set(ways)
    assert ways.count((True, False)) == 2  # attached, and not
    assert (False, True) in ways or name == "write-sysfs"


@pytest.mark.parametrize(
    "name", ["write-core-pattern", "write-host-sysctl", "read-firmware", "read-kernel-log", "unmask-kernel-files"]
)
def test_what_covers_a_kernel_file_is_moved_away_or_left_behind(name: str) -> None:
    """By each of these calls alone, as a filter may stop all others."""
    threat = next(threat for threat in all_threats() if threat.id == name)
    alone = {
        frozenset(
            way.name for step in route.steps for need in step.needs if isinstance(need, Calls) for way in need.ways
        )
        for route in threat.routes
    }
    assert {frozenset(("open_tree", "open_tree_attr")), frozenset(("move_mount",)), frozenset(("mount",))} <= alone


def test_masked_files_are_there_on_every_kernel() -> None:
    threat = next(threat for threat in all_threats() if threat.id == "unmask-kernel-files")
    needs = [[need for step in route.steps for need in step.needs] for route in threat.routes]
    assert any(Feature("sysrq") not in each and Feature("keys") not in each for each in needs)


@pytest.mark.parametrize("name", ["read-child-memory", "write-child-memory", "steal-descriptor"])
def test_no_filter_closes_the_ways_by_proc(name: str) -> None:
    assert any(Calls not in needs for needs in routes_of(name).values())


def test_the_clean_up_program_is_reached_by_the_newer_calls() -> None:
    threat = next(threat for threat in all_threats() if threat.id == "cgroup-release-agent")
    assert any(any(step.text == 'fsopen("cgroup")' for step in route.steps) for route in threat.routes)


@pytest.mark.parametrize("name", ["open-host-disk", "open-host-memory-device"])
def test_own_device_rules_can_be_opened(name: str) -> None:
    needs = needs_of(tuple(threat for threat in all_threats() if threat.id == name))
    assert {need.opened for need in needs if isinstance(need, Device) and need.access == "r"} == {False, True}
