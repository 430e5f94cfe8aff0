"""Each toggle by a table: what values it takes, what it makes of the options, and what it takes for a proof."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_text
from stratascope.core.container import (
    Asked,
    AskedDevice,
    AskedLimit,
    AskedMount,
    AskedPort,
    Engine,
    ProfileKind,
)
from stratascope.core.options.capabilities import bounding
from stratascope.core.relaunch.toggle import Proven, Subject, ToggleError
from stratascope.i18n.translate import translate
from stratascope.layers.shared.host_paths import HostPath
from stratascope.layers.toggles import all_toggles, toggle
from stratascope.value import replace
from unit.layers.toggle_subjects import (
    DOCKER,
    DOCKER_ROOTLESS,
    PODMAN,
    PODMAN_ROOTLESS,
    facts_of,
    made,
    subject,
    with_facts,
    words,
)

DEFAULT = recorded("lsm/apparmor/docker-default")
APPARMOR = with_facts(DOCKER, apparmor=True)
SELINUX = with_facts(DOCKER, selinux=True)
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    0                    bytes
Max processes             unlimited            unlimited            processes
Max open files            1024                 4096                 files
"""
FILTER = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}'
DEADLY = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}'
FILES = (("/p/good.json", FILTER), ("/p/deadly.json", DEADLY), ("/p/text", "no JSON"))
DATA, SOCKET = (
    AskedMount("bind", "/srv", "/data", True),
    AskedMount("bind", "/run/docker.sock", "/run/docker.sock", False),
)
VOLUME = AskedMount("volume", "/var/lib/docker/volumes/v/_data", "/db", True, volume="v")

# toggle, what was asked for, value as typed, its plain form, the fields that change
TAKEN: tuple[tuple[str, Asked, str, str, dict[str, Any]], ...] = (
    ("capabilities", Asked(), "none", "none", {"cap_add": (), "cap_drop": ("ALL",), "capabilities": ()}),
    (
        "capabilities",
        Asked(),
        "net_bind_service, CAP_CHOWN",
        "CAP_CHOWN,CAP_NET_BIND_SERVICE",
        {"cap_add": ("CAP_CHOWN", "CAP_NET_BIND_SERVICE"), "cap_drop": ("ALL",)},
    ),
    ("capabilities", Asked(cap_drop=("ALL",), capabilities=()), "default", "default", {}),
    ("capabilities", Asked(cap_add=("CAP_SYS_ADMIN",)), "default", "default", {"cap_add": ()}),
    ("capabilities", Asked(cap_add=("ALL",), cap_drop=("ALL", "CAP_CHOWN")), "default", "default", {"cap_add": ()}),
    (
        "drop",
        Asked(cap_add=("CAP_SYS_ADMIN",), cap_drop=("ALL",), capabilities=("CAP_SYS_ADMIN",)),
        "sys_admin",
        "CAP_SYS_ADMIN",
        {"cap_add": (), "cap_drop": ("ALL",), "capabilities": ()},
    ),
    ("no-new-privileges", Asked(), "ON", "on", {"no_new_privileges": True}),
    (
        "privileged",
        Asked(privileged=True, masked_paths=(), selinux_options=("disable", "level:s0:c1"), pid_mode="host"),
        "off",
        "off",
        {
            "privileged": False,
            "masked_paths": None,
            "selinux_options": ("level:s0:c1",),
            "seccomp": ProfileKind.DEFAULT,
            "pid_mode": "host",
        },
    ),
    ("seccomp", Asked(seccomp=ProfileKind.UNCONFINED), "default", "default", {"seccomp": ProfileKind.DEFAULT}),
    (
        "seccomp",
        Asked(),
        "/p/good.json",
        "/p/good.json",
        {"seccomp": ProfileKind.CUSTOM, "seccomp_profile": FILTER},
    ),
    ("apparmor", Asked(), "mine", "mine", {"apparmor": ProfileKind.CUSTOM, "apparmor_profile": "mine"}),
    (
        "selinux",
        Asked(selinux_options=("disable", "level:s0:c1")),
        "default",
        "default",
        {"selinux_options": ("level:s0:c1",)},
    ),
    ("pid", Asked(pid_mode="host"), "private", "private", {"pid_mode": "private"}),
    ("ipc", Asked(ipc_mode="container:x"), "private", "private", {"ipc_mode": "private"}),
    ("ipc", Asked(ipc_mode="shareable"), "private", "private", {}),
    ("uts", Asked(uts_mode="host"), "private", "private", {"uts_mode": "private"}),
    ("network", Asked(network_mode="host"), "private", "private", {"network_mode": "private"}),
    ("network", Asked(network_mode="mynet"), "private", "private", {}),
    ("cgroupns", Asked(cgroupns_mode="host"), "private", "private", {"cgroupns_mode": "private"}),
    ("read-only-root", Asked(), "on", "on", {"read_only_root": True}),
    ("tmpfs", Asked(), "/tmp/, /run//x,/tmp", "/tmp,/run/x", {}),
    ("masked-paths", Asked(masked_paths=(), read_only_paths=()), "default", "default", {"masked_paths": None}),
    ("masked-paths", Asked(masked_paths=("/proc/kcore",)), "default", "default", {}),
    (
        "host-paths",
        Asked(mounts=(DATA, VOLUME)),
        "read-only",
        "read-only",
        {"mounts": (replace(DATA, writable=False), VOLUME)},
    ),
    ("unmount", Asked(mounts=(DATA, VOLUME)), " /data/ ,/data", "/data", {"mounts": (VOLUME,)}),
    (
        "unmount",
        Asked(mounts=(replace(DATA, target="/a,b"), replace(DATA, target="/c "), VOLUME)),
        "/a%2Cb, /c%20",
        "/a%2Cb,/c%20",
        {"mounts": (VOLUME,)},
    ),
    ("engine-socket", Asked(mounts=(SOCKET, VOLUME)), "remove", "remove", {"mounts": (VOLUME,)}),
    ("devices", Asked(devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),)), "remove", "remove", {"devices": ()}),
    (
        "publish",
        Asked(
            ports=(AskedPort("80/tcp", "", "80"), AskedPort("80/tcp", "::", "80"), AskedPort("80/tcp", "0.0.0.0", "80"))
        ),
        "loopback",
        "loopback",
        {"ports": (AskedPort("80/tcp", "127.0.0.1", "80"), AskedPort("80/tcp", "::1", "80"))},
    ),
    ("memory", Asked(), "512m", "536870912", {"memory": 1 << 29, "memory_swap": 1 << 29}),
    ("memory", Asked(), "1GiB", "1073741824", {"memory": 1 << 30}),
    ("pids", Asked(), "100", "100", {"pids": 100}),
    ("cpus", Asked(), "0.50", "0.5", {"cpu_cores": 0.5}),
    (
        "ulimit-nofile",
        Asked(limits=(AskedLimit("RLIMIT_NOFILE", 1, 2), AskedLimit("core", 0, 0))),
        "100",
        "100",
        {"limits": (AskedLimit("core", 0, 0), AskedLimit("nofile", 100, 100))},
    ),
    ("user", Asked(), "1000:7", "1000:7", {"user": "1000:7"}),
)


@pytest.mark.parametrize(("name", "asked", "value", "plain", "fields"), TAKEN)
def test_taken(name: str, asked: Asked, value: str, plain: str, fields: dict[str, Any]) -> None:
    each = toggle(name)
    engine = with_facts(DOCKER, apparmor=True, selinux=True)
    known = subject(asked, engine=engine, files=FILES)
    assert each.check(value, known) == plain
    after = each.apply(asked, plain, known)
    for field, wanted in fields.items():
        assert getattr(after, field) == wanted
    if not fields and name != "tmpfs":
        assert after == asked, "nothing is loosened, and what is so stays"
    assert each.apply(after, plain, known) == after
    assert each.on(after, known)
    assert isinstance(words(each.risks(plain, known)), str)


# toggle, engine, what was asked for, value, words of the refusal
REFUSED: tuple[tuple[str, Engine, Asked, str, str], ...] = (
    ("capabilities", DOCKER, Asked(), "CAP_FLY", "no capability CAP_FLY"),
    ("capabilities", DOCKER, Asked(), "ALL", "not hardening"),
    ("capabilities", DOCKER, Asked(), "", "no capability"),
    ("drop", DOCKER, Asked(), "ALL", "no capability ALL"),
    ("drop", DOCKER, Asked(), "none", "no capability none"),
    ("no-new-privileges", DOCKER, Asked(), "maybe", "only the value on|off"),
    ("privileged", DOCKER, Asked(), "on", "only the value off"),
    ("seccomp", DOCKER, Asked(), "unconfined", "every system call is open"),
    ("seccomp", DOCKER, Asked(), "/p/absent.json", "could not be read"),
    ("seccomp", DOCKER, Asked(), "/p/text", "is not a seccomp profile"),
    ("seccomp", DOCKER, Asked(), "/p/deadly.json", "No program could run"),
    ("seccomp", with_facts(DOCKER, seccomp_profile="unconfined"), Asked(), "default", "no filter"),
    ("seccomp", replace(PODMAN, endpoint="ssh://h"), Asked(), "/p/good.json", "where Podman runs"),
    ("apparmor", DOCKER, Asked(), "default", "not active"),
    ("apparmor", APPARMOR, Asked(), "a\nb", "name of a loaded AppArmor profile"),
    ("apparmor", PODMAN_ROOTLESS, Asked(), "default", "rootless"),
    ("selinux", DOCKER, Asked(), "default", "not active"),
    ("selinux", SELINUX, Asked(), "type:x", "only the value default"),
    ("pid", PODMAN, Asked(pid_mode="pod"), "private", "pod"),
    ("network", DOCKER, Asked(), "none", "only the value private"),
    ("tmpfs", DOCKER, Asked(), "/", "can't be mounted"),
    ("tmpfs", DOCKER, Asked(), "tmp", "can't be mounted"),
    ("tmpfs", DOCKER, Asked(), "/a/../proc/x", "can't be mounted"),
    ("tmpfs", DOCKER, Asked(), "/a:b", "can't be mounted"),
    ("tmpfs", DOCKER, Asked(mounts=(DATA,)), "/data", "already a mount at /data"),
    ("tmpfs", DOCKER, Asked(), ",", "Give up to"),
    ("unmount", DOCKER, Asked(mounts=(DATA, VOLUME)), "/else", "Nothing of the host is mounted at /else"),
    ("unmount", DOCKER, Asked(mounts=(DATA, VOLUME)), f"/data,{VOLUME.target}", "Nothing of the host is mounted at"),
    ("unmount", DOCKER, Asked(mounts=(DATA,)), ",", "one of its binds"),
    ("unmount", DOCKER, Asked(mounts=(replace(DATA, target="/a,b"),)), "/a,b", "Nothing of the host is mounted at /a"),
    ("engine-socket", DOCKER, Asked(mounts=(SOCKET,)), "keep", "only the value remove"),
    ("memory", DOCKER, Asked(), "5m", "out of range"),
    ("memory", DOCKER, Asked(), "-1", "Give a size"),
    ("memory", DOCKER, Asked(), "much", "Give a size"),
    ("memory", DOCKER, Asked(), "999999999999999999t", "out of range"),
    ("memory", with_facts(PODMAN_ROOTLESS, cgroup_version="1"), Asked(), "512m", "cgroup v1"),
    ("pids", DOCKER, Asked(), "0", "from 1 to"),
    ("pids", DOCKER, Asked(), "4194305", "from 1 to"),
    ("pids", DOCKER, Asked(), "١", "from 1 to"),
    ("cpus", DOCKER, Asked(), "nan", "number of CPUs"),
    ("cpus", DOCKER, Asked(), "0", "number of CPUs"),
    ("cpus", DOCKER, Asked(), "inf", "number of CPUs"),
    ("ulimit-nofile", DOCKER, Asked(), "1", "from 16"),
    ("ulimit-core", DOCKER, Asked(), "unlimited", "from 0"),
    ("user", DOCKER, Asked(), "0", "User 0 is root"),
    ("user", DOCKER, Asked(), "alice", "as a number"),
    ("user", DOCKER, Asked(), "1:2:3", "as a number"),
    ("user", DOCKER, Asked(), "4294967295", "as a number"),
    ("userns", DOCKER, Asked(), "auto", "userns-remap for the whole daemon"),
    ("userns", DOCKER_ROOTLESS, Asked(), "auto", "Rootless Docker"),
    ("userns", PODMAN, Asked(), "keep-id", "rootless Podman only"),
    ("userns", PODMAN, Asked(), "0:0:65536", "host's root"),
    ("userns", PODMAN, Asked(), "0:1:10,5:20:10", "ID map"),
    ("userns", PODMAN, Asked(), "host", "no user namespace of its own"),
    ("userns", PODMAN_ROOTLESS, Asked(userns_mode="keep-id"), "host", "rootless engine"),
)


@pytest.mark.parametrize(("name", "engine", "asked", "value", "text"), REFUSED)
def test_refused(name: str, engine: Engine, asked: Asked, value: str, text: str) -> None:
    with pytest.raises(ToggleError) as error:
        toggle(name).check(value, subject(asked, engine=engine, files=FILES))
    assert text in translate(error.value.message)


def test_an_id_that_its_user_namespace_has_not() -> None:
    known = subject(process=recorded("lsm/apparmor/podman-uidmap"), engine=PODMAN)
    assert toggle("user").check("65535", known) == "65535"
    with pytest.raises(ToggleError):
        toggle("user").check("65536", known)


def test_a_socket_that_comes_with_more() -> None:
    near = AskedMount("bind", "/", "/host", True)
    known = subject(Asked(mounts=(near,)))
    facts = replace(dict(facts_of(DEFAULT, made()))["namespaces"], engine_sockets=("/host/run/docker.sock",))
    known = replace(known, facts=(("namespaces", facts),))
    with pytest.raises(ToggleError) as error:
        toggle("engine-socket").check("remove", known)
    assert "/, which contains more" in translate(error.value.message)


ENFORCED, NOT, UNKNOWN = Proven.ENFORCED, Proven.NOT_ENFORCED, Proven.UNKNOWN
# toggle, value, process, what comes of it
PROVEN = (
    ("capabilities", "default", "docker-default", ENFORCED),
    ("capabilities", "default", "docker-privileged", NOT),
    ("capabilities", "none", "docker-default", NOT),
    ("capabilities", "none", "docker-capdrop", ENFORCED),
    ("capabilities", "CAP_CHOWN", "docker-capdrop", ENFORCED),
    ("drop", "CAP_SYS_ADMIN", "docker-default", ENFORCED),
    ("drop", "CAP_SYS_ADMIN,CAP_CHOWN", "docker-default", NOT),
    ("drop", "CAP_SYS_ADMIN", "docker-privileged", NOT),
    ("no-new-privileges", "on", "docker-default", NOT),
    ("no-new-privileges", "on", "docker-nnp", ENFORCED),
    ("privileged", "off", "docker-default", ENFORCED),
    ("privileged", "off", "docker-privileged", NOT),
    ("seccomp", "default", "docker-default", ENFORCED),
    ("seccomp", "default", "docker-seccomp-unconfined", NOT),
    ("seccomp", "/p/good.json", "docker-default", UNKNOWN),  # a filter, and the engine says that it is its default
    ("apparmor", "default", "docker-default", ENFORCED),
    ("apparmor", "default", "podman-default", ENFORCED),
    ("apparmor", "default", "docker-apparmor-unconfined", NOT),
    ("apparmor", "vm-complain", "docker-complain", NOT),
    ("apparmor", "vm spaced (odd) name", "docker-profile-spaces", ENFORCED),
    ("pid", "private", "docker-default", ENFORCED),
    ("pid", "private", "docker-hostns", NOT),
    ("ipc", "private", "docker-hostns", NOT),
    ("uts", "private", "docker-hostns", NOT),
    ("network", "private", "docker-hostns", NOT),
    ("network", "private", "docker-default", ENFORCED),
    ("network", "private", "docker-nnp", UNKNOWN),  # not recorded there
    ("cgroupns", "private", "docker-default", ENFORCED),
    ("read-only-root", "on", "docker-default", NOT),
    ("tmpfs", "/tmp", "docker-default", NOT),
    ("tmpfs", "/dev/shm", "docker-default", ENFORCED),
    ("masked-paths", "default", "docker-default", ENFORCED),
    ("masked-paths", "default", "docker-privileged", NOT),
    ("host-paths", "read-only", "docker-default", ENFORCED),
    ("unmount", "/data", "docker-default", ENFORCED),
    ("engine-socket", "remove", "docker-default", ENFORCED),
    ("devices", "remove", "docker-default", UNKNOWN),  # version 2 shows no rules
    ("publish", "loopback", "docker-default", UNKNOWN),
    ("memory", "67108864", "docker-limits", ENFORCED),
    ("memory", "1048576", "docker-limits", NOT),
    ("memory", "67108864", "docker-privileged", NOT),
    ("pids", "100", "docker-limits", ENFORCED),
    ("pids", "99", "docker-limits", NOT),
    ("cpus", "0.5", "docker-limits", ENFORCED),
    ("cpus", "0.4", "docker-limits", NOT),
    ("ulimit-nofile", "4096", "docker-default", ENFORCED),
    ("ulimit-nofile", "4095", "docker-default", NOT),
    ("ulimit-nproc", "10", "docker-default", NOT),
    ("ulimit-core", "0", "docker-default", ENFORCED),
    ("user", "1000", "docker-user1000", ENFORCED),
    ("user", "1000:7", "docker-user1000", NOT),
    ("user", "1000", "docker-default", NOT),
    ("userns", "0:200000:65536", "podman-uidmap", ENFORCED),
    ("userns", "auto", "podman-uidmap", ENFORCED),
    ("userns", "0:100000:65536", "podman-uidmap", NOT),
    ("userns", "auto", "podman-default", NOT),
    ("userns", "host", "podman-default", ENFORCED),
    ("userns", "host", "podman-uidmap", NOT),
)


@pytest.mark.parametrize(("name", "value", "process", "outcome"), PROVEN)
def test_proven(name: str, value: str, process: str, outcome: Proven) -> None:
    engine = PODMAN if process.startswith("podman") else DOCKER
    capture = with_text(recorded(f"lsm/apparmor/{process}"), "limits", LIMITS)
    asked = Asked(seccomp=ProfileKind.DEFAULT, capabilities=None)
    known = subject(asked, capture, engine, files=FILES)
    each = toggle(name)
    proof = each.prove(known.of(each.layer), value, known)
    assert proof.outcome is outcome, translate(proof.found)
    assert translate(proof.expected)
    assert proof.source


def test_what_is_still_mounted_is_found_where_its_path_has_a_comma() -> None:
    known = subject(Asked(), recorded("lsm/apparmor/docker-default"), DOCKER, files=FILES)
    facts = replace(known.of("namespaces"), host_paths=(HostPath("/", "/a,b", writable=True),))
    assert toggle("unmount").prove(facts, "/a%2Cb", known).outcome is NOT
    assert toggle("unmount").prove(facts, "/a", known).outcome is ENFORCED


@pytest.mark.parametrize("name", [each.id for each in all_toggles()])
def test_nothing_read_proves_nothing(name: str) -> None:
    each = toggle(name)
    value = {"user": "1000", "tmpfs": "/tmp", "userns": "auto", "capabilities": "none", "drop": "CAP_KILL"}.get(
        name, "1"
    )
    assert each.prove(None, value, subject()).outcome is UNKNOWN


SELINUX_PROOFS = (("docker-default", ENFORCED), ("docker-privileged", NOT), ("docker-label-type", NOT))


@pytest.mark.parametrize(("process", "outcome"), SELINUX_PROOFS)
def test_selinux_is_proven_by_type_and_mode(process: str, outcome: Proven) -> None:
    facts = dict(facts_of(recorded(f"lsm/selinux/{process}"), made()))["mac"]
    each = toggle("selinux")
    assert each.prove(replace(facts, mode="enforcing"), "default", subject()).outcome is outcome
    assert each.prove(replace(facts, mode="permissive"), "default", subject()).outcome is NOT
    assert each.prove(replace(facts, mode=None), "default", subject()).outcome is UNKNOWN


def test_keep_id_is_proven_by_the_users_own_id() -> None:
    each = toggle("userns")
    for process, outcome in (("rootless-keepid", ENFORCED), ("rootless-default", NOT)):
        known = subject(process=recorded(f"lsm/apparmor/{process}"), engine=PODMAN_ROOTLESS)
        assert each.prove(known.of("usermap"), "keep-id", known).outcome is outcome


def test_ports_are_proven_by_who_listens() -> None:
    each = toggle("publish")
    asked = Asked(ports=(AskedPort("80/tcp", "127.0.0.1", "8080"),))

    def outcome(*listeners: tuple[str, int]) -> Proven:
        return each.prove(None, "loopback", subject(asked, listeners=listeners)).outcome

    assert outcome(("127.0.0.1", 8080)) is ENFORCED
    assert outcome(("127.0.0.1", 8080), ("0.0.0.0", 8080)) is NOT
    assert outcome(("0.0.0.0", 22)) is UNKNOWN, "nobody listens on its port"
    asked = Asked(ports=(AskedPort("53/udp", "127.0.0.1", "5353"),))

    def of_udp(bound: tuple[tuple[str, int], ...] | None) -> Proven:
        return each.prove(None, "loopback", subject(asked, listeners=(), bound=bound)).outcome

    assert of_udp((("127.0.0.1", 5353), ("0.0.0.0", 68))) is ENFORCED
    assert of_udp((("0.0.0.0", 5353),)) is NOT
    assert of_udp(()) is UNKNOWN
    assert of_udp(None) is UNKNOWN


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/data", NOT),
        ("/data/deep/er", NOT),  # mounted below it on the host: Podman leaves that writable
        ("/database", ENFORCED),
        ("/host/run", ENFORCED),  # left as it is, since the engine's socket is in it
        ("/host/run/user", ENFORCED),
        ("/data/db", ENFORCED),  # a volume of its own
        ("/elsewhere", ENFORCED),
    ],
)
def test_host_paths_are_proven_with_what_lies_below_them(path: str, outcome: Proven) -> None:
    each = toggle("host-paths")
    volume = replace(VOLUME, target="/data/db")
    shows_socket = AskedMount("bind", "/run", "/host/run/", True)
    known = subject(Asked(mounts=(replace(DATA, writable=False), shows_socket, volume)), DEFAULT)
    facts = known.of("namespaces")
    view = replace(facts.mounts, writable_paths=(path,), engine_sockets=("/host/run/docker.sock",))
    facts = replace(facts, mounts=view, engine_sockets=view.engine_sockets)
    proof = each.prove(facts, "read-only", replace(known, facts=(("namespaces", facts),)))
    assert proof.outcome is outcome, translate(proof.found)


def test_devices_are_proven_where_the_kernel_shows_the_rules() -> None:
    each = toggle("devices")
    known = subject(process=DEFAULT)
    groups = known.of("cgroup")
    facts = known.of("namespaces")

    def outcome(*rules: str) -> Proven:
        told = replace(known, facts=(("cgroup", replace(groups, devices=rules)),))
        return each.prove(facts, "remove", told).outcome

    assert outcome("c *:* m", "c 1:3 rwm") is ENFORCED
    assert outcome("c *:* m", "c 10:229 rwm") is NOT
    assert each.prove(facts, "remove", replace(known, engine=PODMAN_ROOTLESS)).outcome is ENFORCED
    assert each.prove(replace(facts, devices=("/dev/fuse",)), "remove", known).outcome is NOT


def risks(name: str, value: str, known: Subject) -> str:
    return words(toggle(name).risks(value, known))


def test_risks_are_about_this_container() -> None:
    root = subject(process=DEFAULT)
    other = subject(Asked(user="1000"), recorded("lsm/apparmor/docker-user1000"))
    assert "nginx" in risks("capabilities", "none", root)
    assert risks("capabilities", "none", other) == ""
    assert risks("no-new-privileges", "on", root) == ""
    assert "su, sudo" in risks("no-new-privileges", "on", other)
    assert "SYS_ADMIN" in risks("capabilities", "default", subject(Asked(cap_add=("CAP_SYS_ADMIN",))))
    assert "If it stores anything in /data" in risks("host-paths", "read-only", subject(Asked(mounts=(DATA,))))
    assert "control the engine" in risks("engine-socket", "remove", subject(Asked(mounts=(SOCKET,))))
    assert "nothing outside its own network" in risks("network", "private", subject(Asked(network_mode="host")))
    assert risks("network", "private", subject()) == ""
    wrote = subject(changes=("/etc", "/etc/app.conf", "/run/app.pid"))
    assert risks("read-only-root", "on", wrote) == "It wrote to /etc/app.conf: such files could no longer be written."
    assert risks("read-only-root", "on", subject(changes=("/run/app.pid",))) == ""
    assert "80/tcp" in risks("publish", "loopback", subject(Asked(ports=(AskedPort("80/tcp", "", "80"),))))
    used = subject(process=recorded("lsm/apparmor/docker-limits"))
    now = used.of("cgroup").memory_current
    assert "more than this limit" in risks("memory", str(now - 1), used)
    assert risks("memory", str(now * 4), used) == ""
    groups = replace(used.of("cgroup"), pids_current=3, pids_peak=70)
    peaked = replace(used, facts=(("cgroup", groups),))
    assert "It had 70 processes and threads at one time" in risks("pids", "100", peaked)
    assert risks("pids", "140", peaked) == ""


def test_podman_takes_a_profile_by_its_path() -> None:
    known = subject(engine=PODMAN, files=FILES)
    value = toggle("seccomp").check("/p/good.json", known)
    assert toggle("seccomp").apply(Asked(), value, known).seccomp_profile == "/p/good.json"


def test_a_profile_that_stops_more_says_what() -> None:
    known = subject(
        Asked(seccomp=ProfileKind.UNCONFINED), recorded("lsm/apparmor/docker-seccomp-unconfined"), files=FILES
    )
    assert ", mount;" in risks("seccomp", "/p/good.json", known)


def test_leaving_privileged_mode_keeps_what_was_added_by_name() -> None:
    asked = Asked(privileged=True, cap_add=("CAP_NET_ADMIN",))
    after = toggle("privileged").apply(asked, "off", subject(asked))
    assert "CAP_NET_ADMIN" in bounding(after, DOCKER).names()
    computed = toggle("privileged").apply(
        replace(asked, cap_drop=("CAP_SYS_RESOURCE",)), "off", subject(asked, engine=PODMAN)
    )
    assert (computed.cap_add, computed.cap_drop) == (("CAP_NET_ADMIN",), ())
