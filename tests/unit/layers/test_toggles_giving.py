"""Toggle values that give back: for each want which toggles can, with what value, and what that comes to."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedLimit,
    AskedMount,
    Engine,
    EngineKind,
    ProfileKind,
)
from stratascope.core.ground import Surroundings
from stratascope.core.relaunch.toggle import GRADES, Proven, Subject, ToggleError
from stratascope.core.relaunch.want import (
    DeviceNode,
    GainedRights,
    HeldCapability,
    HostsNamespace,
    LooserMount,
    MappedId,
    MoreOf,
    Network,
    PassedCall,
    ReadablePlace,
    RunsAs,
    Setting,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.layers.seccomp import profiles
from stratascope.layers.seccomp.filter_source import MeasuredDefault, ProfileFilter
from stratascope.layers.toggles import all_toggles, choices, toggle
from stratascope.linux.seccomp import Given
from stratascope.linux.seccomp_profile import parse_profile, resolve
from stratascope.linux.syscalls import Abi
from stratascope.value import replace
from unit.layers.surroundings import GROUND
from unit.layers.toggle_subjects import DOCKER, PODMAN, PODMAN_ROOTLESS, default, made, subject, with_facts

CAPTURE = recorded("lsm/apparmor/docker-default")
BIND = AskedMount("bind", "/srv", "/data", False)
VOLUME = AskedMount("volume", "/v/_data", "/db", False, volume="v")
TMPFS = AskedMount("tmpfs", "", "/run/x", True)
NEWUSER = 0x10000000
NET = HeldCapability(("CAP_NET_ADMIN",), 0)


def offers(want: Want, known: Subject) -> dict[str, str]:
    """By toggle, those that this engine can do."""
    found = {}
    for each in all_toggles():
        given = each.allows(want, known)
        if given is not None:
            assert translate(given.text)
            found[each.id] = each.check(given.value, known)
    return found


# want, engine, options, what is offered
WANTED: tuple[tuple[Want, Engine, dict[str, Any], dict[str, str]], ...] = (
    (NET, DOCKER, {}, {"capabilities": "+CAP_NET_ADMIN"}),
    (NET, DOCKER, {"cap_add": ("CAP_NET_ADMIN",), "capabilities": ("CAP_NET_ADMIN",)}, {}),
    (NET, DOCKER, {"privileged": True}, {}),
    (replace(NET, uid=1000), DOCKER, {"user": "1000"}, {}),  # Docker gives nothing to who is not root
    (replace(NET, uid=None), DOCKER, {"user": "1000"}, {}),
    (replace(NET, uid=1000), PODMAN, {"user": "1000"}, {"capabilities": "+CAP_NET_ADMIN"}),
    (replace(NET, uid=33), PODMAN, {}, {}),  # it gave up root's rights by itself
    (HeldCapability(("CAP_CHOWN",), 1000), DOCKER, {"user": "1000"}, {"user": "0"}),
    (HeldCapability(("CAP_CHOWN",), 1000), PODMAN, {"user": "1000"}, {"user": "0", "capabilities": "+CAP_CHOWN"}),
    (HeldCapability(("CAP_NONSENSE",), 0), DOCKER, {}, {}),
    (GainedRights("/bin/su"), DOCKER, {"no_new_privileges": True}, {"no-new-privileges": "off"}),
    (GainedRights("/bin/su"), DOCKER, {}, {}),
    (PassedCall("x86_64", "keyctl", (0, 1, 2)), DOCKER, {}, {"seccomp": "+keyctl:0"}),
    (PassedCall("x86_64", "unshare", (NEWUSER | 0x200,)), DOCKER, {}, {"seccomp": "+unshare:0x10000000"}),
    (PassedCall("x86_64", "mount", (1, 2, 3)), DOCKER, {}, {"seccomp": "+mount"}),
    (PassedCall("x86_64", "nonsense", ()), DOCKER, {}, {}),
    (PassedCall("x86_64", "mount", ()), DOCKER, {"seccomp": ProfileKind.UNCONFINED}, {}),
    (WritablePlace("/run/app/pid", "/"), DOCKER, {"read_only_root": True},
     {"tmpfs": "/run/app", "read-only-root": "off"}),
    (WritablePlace("/usr/bin/x", "/"), DOCKER, {"read_only_root": True}, {"read-only-root": "off"}),
    (WritablePlace("/x", "/"), DOCKER, {}, {}),
    (WritablePlace("/data/x", "/data"), DOCKER, {"mounts": (BIND, VOLUME)}, {"host-paths": "+/data"}),
    (WritablePlace("/db/x", "/db"), DOCKER, {"mounts": (BIND, VOLUME)}, {"host-paths": "+/db"}),
    (WritablePlace("/proc/sys/net/core/somaxconn", "/proc/sys"), DOCKER, {}, {"masked-paths": "+/proc/sys"}),
    (ReadablePlace("/proc/kcore"), DOCKER, {}, {"masked-paths": "+/proc/kcore"}),
    (ReadablePlace("/proc/version"), DOCKER, {}, {}),
    (LooserMount("/run/x/program", "/run/x", "exec"), DOCKER, {"mounts": (TMPFS,)}, {"tmpfs": "/run/x:exec"}),
    (LooserMount("/run/x/node", "/run/x", "dev"), DOCKER, {"mounts": (TMPFS,)}, {"tmpfs": "/run/x:dev"}),
    (LooserMount("/data/program", "/data", "exec"), DOCKER, {"mounts": (BIND,)}, {}),
    (DeviceNode("/dev/net/tun", "c", "10:200", "rw"), DOCKER, {}, {"devices": "+/dev/net/tun:rw"}),
    (DeviceNode("/dev/fuse", "c", "10:229", "m"), DOCKER, {"devices": (AskedDevice("/dev/fuse", "/dev/fuse", "rw"),)},
     {"devices": "+/dev/fuse"}),
    (DeviceNode("/tmp/node", "c", "10:229", "rw"), DOCKER, {}, {}),
    (DeviceNode("/tmp/node", "c", "10:200", "r", "net/tun"), DOCKER, {}, {"devices": "+/dev/net/tun:r"}),
    (DeviceNode("/tmp/node", "c", "10:200", "r", "../etc/shadow"), DOCKER, {}, {}),
    (DeviceNode("/dev/a,b", "c", "10:229", "rw"), DOCKER, {}, {}),
    (MoreOf("memory"), DOCKER, {"memory": 64 << 20}, {"memory": str(128 << 20)}),
    (MoreOf("memory"), DOCKER, {}, {}),
    (MoreOf("pids"), DOCKER, {"pids": 20}, {"pids": "100"}),
    (MoreOf("pids"), DOCKER, {"pids": 80}, {"pids": "160"}),
    (MoreOf("cpus"), DOCKER, {"cpu_cores": 0.5}, {"cpus": "1"}),
    (MoreOf("nproc", 16), DOCKER, {}, {"ulimit-nproc": "1024"}),
    (MoreOf("msgqueue", 16), DOCKER, {}, {"ulimit-msgqueue": "819200"}),
    (MoreOf("nofile", 1024), DOCKER, {}, {"ulimit-nofile": "2048"}),
    (MoreOf("fsize", 4096), DOCKER, {}, {"ulimit-fsize": str(8 << 20)}),
    (MoreOf("memlock", 1 << 30), DOCKER, {"limits": (AskedLimit("memlock", 1 << 30, 1 << 30),)},
     {"ulimit-memlock": str(1 << 31)}),
    (MoreOf("shm"), DOCKER, {}, {"shm-size": str(128 << 20)}),
    (MoreOf("shm", 1 << 20), PODMAN, {}, {"shm-size": str(2 << 20)}),
    (MoreOf("shm"), DOCKER, {"mounts": (TMPFS,)}, {}),  # it may be the other that is full
    (MoreOf("shm", 1 << 20, "/dev/shm"), DOCKER, {"mounts": (TMPFS,)}, {"shm-size": str(2 << 20)}),
    (MoreOf("tmpfs", 1 << 20, "/run/x"), DOCKER, {"mounts": (TMPFS,)}, {"tmpfs": f"/run/x:size={2 << 20}"}),
    (MoreOf("tmpfs", 1 << 20, "/dev/x"), DOCKER, {"mounts": (TMPFS,)}, {}),
    (RunsAs(1000, 1000), DOCKER, {}, {"user": "1000:1000"}),
    (RunsAs(1000), DOCKER, {"user": "1000"}, {}),
    (Unconfined("apparmor"), DOCKER, {}, {"apparmor": "unconfined"}),
    (Unconfined("selinux", "/data"), DOCKER, {}, {"selinux": "disable"}),
    (Unconfined("selinux", "/data"), DOCKER, {"selinux_options": ("disable",)}, {}),
    (Network(), DOCKER, {"network_mode": "none"}, {"network": "bridge"}),
    (Network(), DOCKER, {}, {}),
    (HostsNamespace("pid"), DOCKER, {}, {"pid": "host"}),
    (HostsNamespace("net"), DOCKER, {}, {"network": "host"}),
    (HostsNamespace("pid"), DOCKER, {"pid_mode": "host"}, {}),
    (Setting("net.core.somaxconn", "1024"), DOCKER, {}, {"sysctl": "net.core.somaxconn=1024"}),
    (Setting("vm.max_map_count", "262144"), DOCKER, {}, {}),
)  # fmt: skip


@pytest.mark.parametrize(("want", "engine", "options", "wanted"), WANTED)
def test_what_would_allow_it(want: Want, engine: Engine, options: dict[str, Any], wanted: dict[str, str]) -> None:
    engine = with_facts(engine, apparmor=True, selinux=True, cgroup_version="2")
    asked = default(engine, **options)
    known = subject(asked, CAPTURE, engine)
    system = isinstance(want, Unconfined) and want.system == "selinux"
    if system:  # recorded on a machine with AppArmor
        known = replace(known, facts=tuple(each for each in known.facts if each[0] != "mac"))
    found = offers(want, known)
    assert found == wanted
    for name, value in found.items():
        after = toggle(name).apply(asked, value, known)
        assert after != asked or name == "seccomp", "it changes something"
        assert toggle(name).apply(after, value, known) == after
        assert isinstance(toggle(name).risks(value, known), tuple)


def test_presets_never_give() -> None:
    strict = default(DOCKER, user="1000", read_only_root=True, no_new_privileges=True, memory=1 << 26, pids=10,
                     network_mode="none", mounts=(BIND, VOLUME, TMPFS))  # fmt: skip
    for asked in (strict, default(DOCKER), default(DOCKER, privileged=True)):
        known = subject(asked, CAPTURE)
        for preset in GRADES:
            for choice in choices(preset, known):
                which = choice.toggle
                assert not which.only_gives
                assert not choice.value.startswith("+")
                assert choice.value not in which.gives.split("|")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("capabilities", "+FLY", "no capability FLY"),
        ("capabilities", "+ALL", "not hardening"),
        ("seccomp", "+nonsense", "no system call nonsense"),
        ("seccomp", "+socket:x", "argument values"),
        ("seccomp", "+socket:-1", "argument values"),
        ("devices", "+/etc/passwd", "a device of the host"),
        ("devices", "+/dev/../etc/passwd", "a device of the host"),
        ("devices", "+/dev/fuse:x", "a device of the host"),
        ("devices", "+", "Give up to"),
        ("masked-paths", "+/etc", "below /proc or /sys"),
        ("masked-paths", "+/proc/../etc", "below /proc or /sys"),
        ("host-paths", "+/nowhere", "no mount at /nowhere"),
        ("tmpfs", "/tmp:fast", "can't be mounted"),
        ("sysctl", "vm.overcommit_memory=1", "the whole machine"),
        ("sysctl", "kernel.core_pattern=|/x", "Give a setting"),
        ("sysctl", "net.x=1\n2", "Give a setting"),
        ("sysctl", "somaxconn", "Give a setting"),
        ("shm-size", "1", "out of range"),
        ("ulimit-fsize", "-1", "from 0"),
        ("ulimit-rtprio", "100", "from 0 to 99"),
    ],
)
def test_what_is_not_given(name: str, value: str, text: str) -> None:
    with pytest.raises(ToggleError) as error:
        toggle(name).check(value, subject(default(DOCKER), CAPTURE))
    assert text in translate(error.value.message)


def test_settings_of_a_namespace_that_is_not_its_own() -> None:
    for options, value in (({"network_mode": "host"}, "net.core.somaxconn=1"), ({"ipc_mode": "host"}, "kernel.sem=1")):
        with pytest.raises(ToggleError):
            toggle("sysctl").check(value, subject(default(DOCKER, **options)))


def test_root_again() -> None:
    known = subject(default(DOCKER, user="1000"), recorded("lsm/apparmor/docker-user1000"))
    assert offers(RunsAs(0), known) == {"user": "0"}
    with pytest.raises(ToggleError):
        toggle("user").check("0", subject(default(DOCKER)))


def test_an_id_more() -> None:
    asked = Asked(userns_mode="private", uid_map=((0, 200000, 65536),))
    known = subject(asked, recorded("lsm/apparmor/podman-uidmap"), PODMAN)
    assert offers(MappedId(70000), known) == {"userns": "0:200000:70001"}
    assert offers(MappedId(4000000), known) == {"userns": "0:200000:65536,4000000:265536:1"}
    assert offers(MappedId(1000), known) == {}
    assert offers(MappedId(70000), replace(known, engine=PODMAN_ROOTLESS)) == {}


def test_the_machines_own_user_namespace() -> None:
    asked = Asked(userns_mode="private", uid_map=((0, 200000, 65536),))
    known = subject(asked, recorded("lsm/apparmor/podman-uidmap"), PODMAN)
    assert offers(HostsNamespace("user"), known) == {"userns": "host"}
    assert toggle("userns").apply(asked, "host", known) == Asked(userns_mode="host")
    assert offers(HostsNamespace("user"), replace(known, engine=PODMAN_ROOTLESS)) == {}
    assert offers(HostsNamespace("user"), subject(Asked(), recorded("lsm/apparmor/podman-default"), PODMAN)) == {}


def actions(text: str, name: str, *values: int) -> set[bool | None]:
    answers = resolve(parse_profile(text), frozenset(), None, "x86_64", Abi.X86_64)
    found = answers.actions(name, {place: Given(value) for place, value in enumerate(values)})
    assert found is not None
    return {action.lets_through for action in found}


PODMANS = """{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "syscalls": [
 {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
 {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},
 {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [
   {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
 {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
 {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]}]}"""


def test_a_call_more_and_nothing_else() -> None:
    """Each other call is answered as before, under Docker's default and under one like Podman's."""
    bare: frozenset[str] = frozenset()
    for source in (MeasuredDefault(EngineKind.DOCKER, "26.1", bare), ProfileFilter(PODMANS, "p", bare, None, "x86_64")):
        text = profiles.widened(source, profiles.parsed("+unshare:0x10000000,mount"), "x86_64")
        assert actions(text, "unshare", NEWUSER) == {True}
        assert actions(text, "unshare", NEWUSER | 0x20000) == {False}
        assert actions(text, "unshare", 0x40000000) == {False}
        assert actions(text, "mount") == {True}
        before = source.answers(Abi.X86_64)
        after = resolve(parse_profile(text), bare, None, "x86_64", Abi.X86_64)
        for name, outcomes in before.calls:
            if name in ("mount", "unshare"):
                continue
            now = after.of(name)
            assert now is not None
            assert {(each.action.lets_through, each.action.number) for each in now} == {
                (each.action.lets_through, each.action.number) for each in outcomes
            }, name


def test_a_family_of_sockets_more() -> None:
    source = MeasuredDefault(EngineKind.DOCKER, "26.1", frozenset())
    assert actions(profiles.widened(source, profiles.parsed("+mount"), "x86_64"), "socket", 40) == {False}
    assert actions(profiles.widened(source, profiles.parsed("+socket:40"), "x86_64"), "socket", 40) == {True}
    podmans = ProfileFilter(PODMANS, "p", frozenset(), None, "x86_64")
    text = profiles.widened(podmans, profiles.parsed("+socket:16"), "x86_64")
    assert actions(text, "socket", 16, 3, 9) == {True}


PREDICTED: tuple[tuple[str, str, dict[str, Any]], ...] = (  # what is chosen, under which options
    ("capabilities", "+CAP_NET_ADMIN", {}),
    ("pid", "host", {}),
    ("network", "host", {}),
)


@pytest.mark.parametrize(("name", "value", "options"), PREDICTED)
def test_the_facts_of_what_is_given_are_predicted(name: str, value: str, options: dict[str, Any]) -> None:
    before = default(DOCKER, **options)
    known = subject(before, CAPTURE)
    after = toggle(name).apply(before, value, known)
    around = Surroundings(GROUND, DOCKER)
    layer = next(each for each in all_layers() if each.id == toggle(name).layer)
    facts = layer.predict(known.of(layer.id), before, after, around)
    now = replace(known, container=made(after), facts=((layer.id, facts),))
    assert toggle(name).prove(facts, value, now).outcome is Proven.ENFORCED


def test_what_a_mount_comes_to_is_predicted() -> None:
    before = default(DOCKER, mounts=(TMPFS,))
    known = subject(before, CAPTURE)
    layer = next(each for each in all_layers() if each.id == "namespaces")
    around = Surroundings(GROUND, DOCKER)
    for name, value in (("masked-paths", "off"), ("masked-paths", "+/proc/sys"), ("tmpfs", "/scratch:exec")):
        after = toggle(name).apply(before, value, known)
        facts = layer.predict(known.of("namespaces"), before, after, around)
        assert toggle(name).prove(facts, value, known).outcome is Proven.ENFORCED, value
    after = toggle("masked-paths").apply(before, "+/proc/sys", known)
    facts = layer.predict(known.of("namespaces"), before, after, around)
    assert "/proc/sys" not in facts.mounts.read_only
    assert "/proc/kcore" in facts.mounts.masked
