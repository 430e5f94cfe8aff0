"""Stances of access control against what real kernels answered, recorded in the machines of `tests/machine/vm`.

Each record is of one policy with everything else off: `files` has what opening a file gave (0, or 13: refused) for
files that open without the policy, `attempts` what became of the threats that are open without it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.places import CAPTURES
from rig.recorded import container, recorded, surroundings
from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread
from stratascope.core.container import EngineKind
from stratascope.core.ground import FEATURES, Surroundings
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import judge
from stratascope.core.threats.needs import (
    Access,
    Call,
    Calls,
    Capability,
    Device,
    EngineSocket,
    HostFiles,
    KernelFile,
    LeaveNewUserNamespace,
    Mounting,
    Need,
    NewUserNamespace,
    RootWritable,
    Shares,
    SignalRoot,
    Tracing,
    Where,
)
from stratascope.core.threats.threat import Outcome, Route, Stance
from stratascope.i18n.translate import translate
from stratascope.layers.mac.layer import LAYER
from stratascope.value import replace

RECORDS = CAPTURES / "mac"
DEBIAN = "6.12.118+deb13-cloud-amd64"
ALL_FEATURES = tuple((name, name != "x32") for name in FEATURES)
RESTRICT = "kernel.apparmor_restrict_unprivileged_userns"
# the settings of that machine
SYSCTLS = (
    ("kernel.dmesg_restrict", "1"),
    ("kernel.kexec_load_disabled", "0"),
    ("kernel.modules_disabled", "0"),
    ("kernel.perf_event_paranoid", "3"),
    ("kernel.unprivileged_bpf_disabled", "2"),
    ("kernel.unprivileged_userns_clone", "1"),
    ("kernel.io_uring_disabled", "0"),
    ("kernel.yama.ptrace_scope", "0"),
    ("user.max_user_namespaces", "7858"),
    ("vm.unprivileged_userfaultfd", "0"),
)
NAMESPACES = tuple((kind, 4026531835 + place) for place, kind in enumerate(("ipc", "mnt", "net", "pid", "user", "uts")))
HOST: dict[str, Any] = {
    "namespaces": NAMESPACES,
    "kernel": DEBIAN,
    "features": ALL_FEATURES,
    "lacking": (RESTRICT,),
    "sysctls": SYSCTLS,
    "lockdown": "none",
}
APPARMOR = surroundings(lsms=("capability", "apparmor"), apparmor=True, **HOST)
APPARMOR = replace(APPARMOR, engine=replace(APPARMOR.engine, version="26.1.5+dfsg1"))
PODMAN = replace(APPARMOR, engine=replace(APPARMOR.engine, kind=EngineKind.PODMAN, version="5.4.2"))
SELINUX = surroundings(lsms=("capability", "selinux"), selinux="enforcing", selinux_switches=(), **HOST)
STOPS, LETS, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
FIRST_MAP = "         0          0 4294967295\n"
OWN_MAP = "         0       1000          1\n"


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECORDS / f"{name}.json").read_text())
    return found


def posture(label: str, around: Surroundings, uid_map: str = FIRST_MAP) -> Any:
    texts = {"attr/current": label, "uid_map": uid_map, **{f"ns/{kind}": f"{kind}:[77]" for kind, _ in NAMESPACES}}
    readings = tuple(Reading(name, name, text) for name, text in texts.items())
    subject = container()
    return LAYER.posture(LAYER.decode(Capture(1, readings), subject, around), LAYER.asked(subject), around)


def stance(need: Need, known: Any) -> Stance | None:
    ruling = LAYER.stance(need, known)
    return None if ruling is None else ruling.stance


POLICIES = {
    "docker-default": APPARMOR,
    "containers-default": PODMAN,
    "container_t": SELINUX,
    "spc_t": SELINUX,
    "container_t-rootless": replace(SELINUX, engine=replace(SELINUX.engine, kind=EngineKind.PODMAN, rootless=True)),
}
# whether a path of the host is labelled for containers is not to be seen
UNKNOWN_BY_PATH = {"container_t": ["plant-set-uid-on-host", "write-host-files"]}


@pytest.mark.parametrize("policy", ["docker-default", "containers-default", "container_t"])
def test_files(policy: str) -> None:
    measured = record(policy)
    known = posture(measured["label"], POLICIES[policy])
    wrong = {}
    for name, errno in measured["files"].items():
        access = Access.READ if name[0] == "r" else Access.WRITE
        if stance(KernelFile(name[2:], access), known) is not (STOPS if errno else LETS):
            wrong[name] = errno
    assert wrong == {}
    assert len(measured["files"]) > 100


def _bound(route: Route) -> bool:
    return any(isinstance(need, KernelFile) and need.bound for step in route.steps for need in step.needs)


# What the attempts of these records show, and what it takes to agree with them
NOT_COMPARED = {
    # they try with signal 0, which policies let through where they refuse real ones (measured with SIGURG)
    "signal-host-process",
    # recorded before these were tried in a proc and a sysfs that are attached nowhere; that was measured by itself, see
    # test_a_file_system_that_is_not_attached
    "read-kernel-memory",
    "trigger-sysrq",
    "write-sysfs",
    # recorded before /proc/PID/fd was tried
    "steal-descriptor",
    # and before the device was, which they did not have
    "userfaultfd",
    # no policy but the limits of the process (ulimit) stop the other way to these
    "lock-memory",
    "raise-priority",
}


# These containers had nothing of the host bound in, which no policy knows
_WITHOUT_BINDS = tuple(
    replace(threat, routes=tuple(route for route in threat.routes if not _bound(route))) for threat in all_threats()
)


@pytest.mark.parametrize("policy", POLICIES)
def test_attempts(policy: str) -> None:
    measured, around = record(policy), POLICIES[policy]
    known = posture(measured["label"], around, measured.get("uid_map", FIRST_MAP))
    matrix = judge(_WITHOUT_BINDS, ((LAYER, known),), around.ground)
    wrong, unknown, compared = {}, [], 0
    for threat, result in measured["attempts"].items():
        state = matrix.of(threat)
        if state is None or threat in NOT_COMPARED:
            continue
        compared += 1
        if state.outcome is Outcome.UNKNOWN:
            unknown.append(threat)
        elif (state.outcome is Outcome.OPEN) is not (result == "open"):
            wrong[threat] = (result, state.outcome.value)
    assert wrong == {}
    assert unknown == UNKNOWN_BY_PATH.get(policy, [])
    assert compared > 25


# Recorded hosts whose policy was not measured, or forbids nothing
UNMEASURED: tuple[tuple[str, Surroundings, Stance, str], ...] = (
    ("none/docker", surroundings(lsms=("capability", "bpf"), **HOST), LETS,
     "Neither AppArmor nor SELinux is active."),
    ("apparmor/docker-privileged", APPARMOR, LETS, "AppArmor does not confine this container."),
    ("apparmor/rootless-default", APPARMOR, LETS, "AppArmor does not confine this container."),
    ("apparmor/docker-profile-spaces", APPARMOR, UNKNOWN,
     "What the profile vm spaced (odd) name forbids is not known here."),
    ("apparmor/docker-complain", APPARMOR, UNKNOWN,
     "What the profile vm-complain refuses in the mode complain is not known here."),
    ("selinux/docker-default", surroundings(selinux="permissive", **HOST), LETS, "SELinux only warns on this host."),
    ("selinux/docker-default", surroundings(**HOST), UNKNOWN, "Whether SELinux enforces its policy could not be read."),
    ("selinux/host-user-systemd", SELINUX, LETS, "The type unconfined_t can do nearly everything."),
    ("selinux-nopolicy/docker", SELINUX, LETS, "SELinux runs without a policy."),
)  # fmt: skip
MEDIATED: tuple[Need, ...] = (
    Capability(("CAP_SYS_ADMIN",), Where.INITIAL),
    Device("c", 1, 1, "r"),
    EngineSocket(),
    HostFiles(),
    KernelFile("/proc/kcore", Access.READ),
    LeaveNewUserNamespace(),
    Mounting("mount"),
    NewUserNamespace(),
    SignalRoot(),
    Tracing("host"),
)


@pytest.mark.parametrize(("path", "around", "expected", "words"), UNMEASURED)
def test_policies_that_were_not_measured(path: str, around: Surroundings, expected: Stance, words: str) -> None:
    subject = container()
    known = LAYER.posture(LAYER.decode(recorded(f"lsm/{path}"), subject, around), LAYER.asked(subject), around)
    for need in MEDIATED:
        ruling = LAYER.stance(need, known)
        assert ruling is not None
        assert (ruling.stance, translate(ruling.reason)) == (expected, words)
    assert stance(Shares("pid"), known) is None
    assert stance(Calls(()), known) is None


def test_a_label_that_could_not_be_read_is_unknown() -> None:
    subject = container()
    known = LAYER.posture(
        LAYER.decode(unread(1, Gap(GapKind.DENIED, 13)), subject, APPARMOR), LAYER.asked(subject), APPARMOR
    )
    assert {stance(need, known) for need in MEDIATED} == {UNKNOWN}


def test_containers_that_are_alike_have_equal_postures() -> None:
    assert posture("system_u:system_r:container_t:s0:c1,c2\0", SELINUX) == posture(
        "system_u:system_r:container_t:s0:c3,c4\0", SELINUX
    )
    assert posture("docker-default (enforce)\n", APPARMOR) != posture("docker-default (complain)\n", APPARMOR)


def test_mounts_by_all_ways_under_the_default_profiles() -> None:
    # measured by calling each of them, and again with the policy off
    known = posture("docker-default (enforce)\n", APPARMOR)
    found = {way: stance(Mounting(way), known) for way in ("mount", "bind", "remount", "pivot_root", "move")}
    assert set(found.values()) == {STOPS}
    found = {way: stance(Mounting(way), known) for way in ("umount", "new-api", "setattr", "open-tree")}
    assert set(found.values()) == {LETS}
    assert stance(Mounting("something-new"), known) is UNKNOWN


@pytest.mark.parametrize(
    ("path", "access", "expected"),
    [
        ("/proc/sysrq-trigger", Access.WRITE, LETS),
        ("/proc/kcore", Access.READ, LETS),
        ("/sys/kernel/rcu_expedited", Access.WRITE, LETS),
        ("/sys/fs/cgroup/pids/release_agent", Access.WRITE, LETS),
        ("/proc/sys/kernel/core_pattern", Access.WRITE, STOPS),  # its path is /sys/kernel/core_pattern then
        ("/proc/sys/kernel/modprobe", Access.WRITE, STOPS),
    ],
)
def test_a_file_system_that_is_not_attached(path: str, access: Access, expected: Stance) -> None:
    # measured: fsopen, fsconfig, fsmount, openat; and open_tree(OPEN_TREE_CLONE), openat
    known = posture("docker-default (enforce)\n", APPARMOR)
    assert stance(KernelFile(path, access, fresh=True), known) is expected


def test_older_kernels_and_parsers_mediate_less() -> None:
    old = surroundings(apparmor=True, **{**HOST, "features": ()})
    known = posture("docker-default (enforce)\n", old)
    assert [stance(need, known) for need in (NewUserNamespace(), Mounting("move"))] == [UNKNOWN, UNKNOWN]
    features = (("apparmor_userns", False), ("apparmor_move_mount", False))
    known = posture("docker-default (enforce)\n", surroundings(apparmor=True, **{**HOST, "features": features}))
    assert [stance(need, known) for need in (NewUserNamespace(), Mounting("move"))] == [LETS, LETS]


@pytest.mark.parametrize(
    ("label", "version", "expected"),
    [
        ("docker-default", "26.1.5+dfsg1", STOPS),
        ("docker-default", "26.1", STOPS),
        ("docker-default", "27.3.1", STOPS),  # between two with the same rules
        ("docker-default", "28.5.2+dfsg4", STOPS),
        ("docker-default", "25.0.3", UNKNOWN),
        ("docker-default", "29.5.0", UNKNOWN),  # its profile begins with `abi <abi/3.0>,`
        ("docker-default", "", UNKNOWN),
        ("containers-default-0.62.2", "5.4.2", STOPS),
        ("containers-default-0.64.0", "5.6.0", STOPS),
        ("containers-default-0.66.1", "6.1.1", STOPS),
        ("containers-default-0.68.0", "6.2.0", UNKNOWN),
        ("containers-default-0.57.0", "5.0.0", UNKNOWN),
    ],
)
def test_profiles_of_other_versions_may_leave_user_namespaces_open(label: str, version: str, expected: Stance) -> None:
    around = replace(APPARMOR, engine=replace(APPARMOR.engine, version=version))
    known = posture(f"{label} (enforce)\n", around)
    assert stance(NewUserNamespace(), known) is stance(LeaveNewUserNamespace(), known) is expected
    assert stance(Mounting("mount"), known) is STOPS


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"lacking": (RESTRICT,)}, LETS),
        ({"lacking": (), "sysctls": ((RESTRICT, "0"),)}, LETS),
        ({"lacking": (), "sysctls": ((RESTRICT, "1"),)}, UNKNOWN),
        ({"lacking": ()}, UNKNOWN),
    ],
)
def test_a_host_that_restricts_user_namespaces(fields: dict[str, Any], expected: Stance) -> None:
    known = posture("unconfined\n", surroundings(apparmor=True, **{**HOST, **fields}))
    assert stance(NewUserNamespace(), known) is expected
    assert stance(LeaveNewUserNamespace(), known) is expected
    assert stance(Mounting("mount"), known) is LETS


def test_selinux_checks_capabilities_by_the_user_namespace() -> None:
    label = "system_u:system_r:container_t:s0:c1,c2\0"
    first, own, unread_map = posture(label, SELINUX), posture(label, SELINUX, OWN_MAP), posture(label, SELINUX, "")
    chown, bind = Capability(("CAP_CHOWN",), Where.OWN), Capability(("CAP_NET_BIND_SERVICE",), Where.NET_OWNER)
    assert [stance(chown, known) for known in (first, own)] == [STOPS, LETS]
    assert [stance(bind, known) for known in (first, own, unread_map)] == [LETS] * 3
    assert stance(Capability(("CAP_CHOWN",), Where.INITIAL), own) is STOPS
    # a network namespace that root's engine made may be of either
    raw = Capability(("CAP_NET_RAW",), Where.NET_OWNER)
    assert stance(raw, own) is UNKNOWN
    assert stance(raw, posture(label, POLICIES["container_t-rootless"], OWN_MAP)) is LETS
    hosts = surroundings(selinux="enforcing", selinux_switches=(), **{**HOST, "namespaces": (("net", 77),)})
    assert stance(raw, posture(label, hosts, OWN_MAP)) is UNKNOWN
    same = tuple((kind, 77) for kind, _ in NAMESPACES)
    hosts = surroundings(selinux="enforcing", selinux_switches=(), **{**HOST, "namespaces": same})
    assert stance(raw, posture(label, hosts, OWN_MAP)) is STOPS


@pytest.mark.parametrize("threat", ["crypto-socket", "rare-sockets", "firewall-code"])
def test_selinux_has_classes_of_its_own_for_rare_sockets(threat: str) -> None:
    # measured by attempts under Debian's policy: EACCES to each, also for a rootless engine's, with all capabilities
    known = posture("system_u:system_r:container_t:s0:c1,c2\0", POLICIES["container_t-rootless"], OWN_MAP)
    routes = next(each for each in all_threats() if each.id == threat).routes
    for route in routes:
        made = [need for step in route.steps for need in step.needs if isinstance(need, Calls)]
        assert STOPS in {stance(need, known) for need in made}, route.name
    assert stance(Calls((Call("socket", ((0, 2), (1, 1), (2, 6))),)), known) is None, "TCP, as any program"


@pytest.mark.parametrize(
    "fields",
    [
        {"kernel": "6.12.9-200.fc41.x86_64"},
        {"selinux_switches": ("container_use_sysadmin",)},
        {"selinux_switches": None},
    ],
)
def test_a_policy_that_was_not_measured(fields: dict[str, Any]) -> None:
    around = surroundings(selinux="enforcing", **{**HOST, "selinux_switches": (), **fields})
    known = posture("system_u:system_r:container_t:s0:c1,c2\0", around)
    assert {stance(need, known) for need in MEDIATED} == {UNKNOWN}
    assert stance(Shares("pid"), known) is None


def test_files_of_podmans_containers_depend_on_the_engines_own_rights() -> None:
    # measured: under Debian's policy they can't be written with container_t, and not even with spc_t
    needs = (RootWritable(), Capability(("CAP_FOWNER",), Where.OWN))
    podman = POLICIES["container_t-rootless"]
    for kind in ("container_t", "spc_t"):
        label = f"system_u:system_r:{kind}:s0:c1,c2\0"
        assert {stance(need, posture(label, podman, OWN_MAP)) for need in needs} == {UNKNOWN}
        assert {stance(need, posture(label, SELINUX, OWN_MAP)) for need in needs} == {LETS}
