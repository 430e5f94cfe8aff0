"""What makers were asked for, by the texts in which that stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import AskedMount, ProfileKind
from stratascope.core.sandboxes.asked import (
    bubblewrap,
    codex,
    containerd,
    firejail,
    flatpak,
    lxc,
    nspawn,
    systemd,
    unshare,
)
from stratascope.core.sandboxes.asked.asked_of import AskedOf

ARGUMENTS = (bubblewrap.read, containerd.read, firejail.read, lxc.read, nspawn.read, unshare.read)
TEXTS = (containerd.read_file, flatpak.read, lxc.read_file, systemd.read)


def test_bubblewrap() -> None:
    line = "bwrap --ro-bind / / --bind /src /work --tmpfs /tmp --unshare-all --share-net --uid 7 --seccomp 9 -- cc -o x"
    found = bubblewrap.read(line.split())
    assert found.command == ("cc", "-o", "x")
    assert found.asked is not None
    assert (found.asked.network_mode, found.asked.pid_mode, found.asked.userns_mode) == ("host", "private", "private")
    assert (found.asked.user, found.asked.read_only_root, found.asked.no_new_privileges) == ("7", True, True)
    assert found.asked.seccomp is ProfileKind.CUSTOM
    assert found.asked.mounts == (
        AskedMount("bind", "/src", "/work", True, options="nodev"),
        AskedMount("tmpfs", "", "/tmp", True),
    )


def test_bubblewrap_with_arguments_that_are_not_seen_is_not_known() -> None:
    assert bubblewrap.read(["bwrap", "--args", "41", "--", "gedit"]) == AskedOf(command=("gedit",))


@pytest.mark.parametrize(
    ("line", "own", "command"),
    [
        ("unshare -Urpmf --mount-proc sleep 4", {"user", "pid"}, "sleep 4"),
        ("unshare --net --fork sh -c x", {"net"}, "sh -c x"),
        ("unshare -S 0 -n -R /r sh", {"net"}, "sh"),
        ("unshare -c -- id", {"user"}, "id"),
    ],
)
def test_unshare(line: str, own: set[str], command: str) -> None:
    found = unshare.read(line.split())
    assert found.asked is not None
    modes = {"pid": found.asked.pid_mode, "net": found.asked.network_mode, "user": found.asked.userns_mode}
    assert {kind for kind, mode in modes.items() if mode == "private"} == own
    assert found.command == tuple(command.split())


def test_nspawn() -> None:
    line = "systemd-nspawn -q -D /srv/web --private-network --bind=/a:/b --bind-ro /c -U --drop-capability all -b"
    found = nspawn.read(line.split())
    assert found.name == "web"
    assert found.asked is not None
    assert (found.asked.network_mode, found.asked.userns_mode, found.asked.cap_drop) == ("private", "private", ("ALL",))
    assert [(each.source, each.target, each.writable) for each in found.asked.mounts] == [
        ("/a", "/b", True),
        ("/c", "/c", False),
    ]
    assert nspawn.read(["systemd-nspawn", "-M", "box", "-D", "/x", "sh", "-c", "y"]).command == ("sh", "-c", "y")


def test_settings_of_nspawn() -> None:
    text = (
        "[Exec]\nUser=app\nDropCapability=CAP_KILL\nDropCapability=\nDropCapability=CAP_MKNOD CAP_SYS_ADMIN\n"
        "PrivateUsers=pick\n# User=x\n[Files]\nReadOnly=yes\nBindReadOnly=/a:/b\nBind\n[Network]\nPrivate=on\n"
    )
    for how, user in (("", "me"), ("--settings=trusted ", "me"), ("--settings=override ", "app")):
        asked = nspawn.read(f"systemd-nspawn {how}-M box -u me".split(), text).asked
        assert asked is not None
        assert (asked.user, asked.read_only_root, asked.userns_mode, asked.network_mode) == (
            user, True, "private", "private",
        )  # fmt: skip
        assert asked.cap_drop == ("CAP_MKNOD", "CAP_SYS_ADMIN")
        assert asked.mounts == (AskedMount("bind", "/a", "/b", False),)
    line = "systemd-nspawn --settings=no -M box"
    assert nspawn.read(line.split(), text) == nspawn.read(line.split())


def test_lxc() -> None:
    found = lxc.read(["lxc-start", "-P", "/my", "-n", "box", "-F"])
    assert (found.name, found.texts) == ("box", (("/my/box/config", ""),))
    asked = lxc.read_file(
        "# a comment\nlxc.net.0.type = none\nlxc.cap.drop = sys_admin mknod\nlxc.idmap = u 0 100000 65536\n"
        "lxc.mount.entry = /data data none bind,ro 0 0\nlxc.apparmor.profile = unconfined\n"
    ).asked
    assert asked is not None
    assert (asked.network_mode, asked.userns_mode, asked.uid_map) == ("host", "private", ((0, 100000, 65536),))
    assert asked.cap_drop == ("CAP_SYS_ADMIN", "CAP_MKNOD")
    assert asked.mounts == (AskedMount("bind", "/data", "/data", False),)


def test_firejail_is_known_only_without_a_profile() -> None:
    assert firejail.read(["firejail", "--quiet", "gedit", "a"]) == AskedOf(command=("gedit", "a"))
    asked = firejail.read(["firejail", "--noprofile", "--net=none", "--seccomp", "--caps.drop=all", "sh"]).asked
    assert asked is not None
    assert (asked.network_mode, asked.seccomp, asked.cap_drop) == ("private", ProfileKind.CUSTOM, ("ALL",))


def test_flatpak() -> None:
    found = flatpak.read(
        "[Application]\nname=org.example.App\n[Context]\nshared=network;\nfilesystems=home:ro;xdg-download;!host;\n"
    )
    assert found.name == "org.example.App"
    assert found.asked is not None
    assert (found.asked.network_mode, found.asked.ipc_mode) == ("host", "private")
    assert [(each.source, each.writable) for each in found.asked.mounts] == [("home", False), ("xdg-download", True)]


def test_containerd() -> None:
    line = f"containerd-shim-runc-v2 -namespace k8s.io -id {'ab' * 32} -address /run/containerd/containerd.sock"
    found = containerd.read(line.split())
    assert found.name == "abababababab"
    path = f"/run/containerd/io.containerd.runtime.v2.task/k8s.io/{'ab' * 32}/config.json"
    assert found.texts == ((path, ""),)
    assert containerd.read(["shim", "-namespace", "../x", "-id", "y"]) == AskedOf()
    spec = {
        "process": {"args": ["nginx"], "user": {"uid": 101}, "noNewPrivileges": True},
        "root": {"readonly": True},
        "mounts": [{"type": "bind", "source": "/etc/hosts", "destination": "/etc/hosts", "options": ["rbind", "ro"]}],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "network", "path": "/var/run/netns/x"}],
            "resources": {"memory": {"limit": 1 << 20}, "pids": {"limit": -1}},
            "maskedPaths": ["/proc/kcore"],
        },
    }
    asked = containerd.read_file(json.dumps(spec)).asked
    assert asked is not None
    assert (asked.user, asked.memory, asked.pids, asked.network_mode) == ("101", 1 << 20, None, "host")
    assert (asked.masked_paths, asked.read_only_root) == (("/proc/kcore",), True)


def test_systemd() -> None:
    found = systemd.read(
        "Id=cups.service\nUser=lp\nNoNewPrivileges=yes\nPrivateNetwork=no\nProtectSystem=strict\n"
        "CapabilityBoundingSet=cap_chown cap_kill\nTasksMax=99\nMemoryMax=infinity\nSystemCallFilter=~@mount\n"
        "CPUQuotaPerSecUSec=1s 500ms\nProtectHome=yes\nInaccessiblePaths=-/srv\n"
        "PrivateTmp=yes\nPrivateTmpEx=connected\nBindReadOnlyPaths=/a:/b:rbind\nTemporaryFileSystem=/var:ro"
    )
    assert found.name == "cups.service"
    asked = found.asked
    assert asked is not None
    assert (asked.pids, asked.memory, asked.network_mode, asked.cpu_cores) == (99, None, "host", 1.5)
    assert asked.capabilities == ("CAP_CHOWN", "CAP_KILL")
    assert asked.seccomp is ProfileKind.CUSTOM
    assert [(each.kind, each.target, each.writable) for each in asked.mounts] == [
        ("bind", "/b", False), ("tmpfs", "/var", False), ("bind", "/tmp", True), ("bind", "/var/tmp", True),
    ]  # fmt: skip


def test_systemd_of_a_unit_that_asks_for_nothing() -> None:
    """As systemd 257 prints it."""
    asked = systemd.read(
        "CPUQuotaPerSecUSec=infinity\nMemoryMax=infinity\nTasksMax=2357\nSystemCallFilter=~\nUser=\n"
        "RestrictAddressFamilies=~\nRestrictNamespaces=no\nSystemCallArchitectures=\nPrivateTmp=no\nProtectHome=no\n"
        "PrivateUsersEx=no\nProtectControlGroupsEx=no\nNoNewPrivileges=no\nId=soft.service\n"
    ).asked
    assert asked is not None
    assert (asked.seccomp, asked.userns_mode, asked.cgroupns_mode) == (ProfileKind.UNCONFINED, "", "host")
    assert (asked.mounts, asked.cpu_cores) == ((), None)


def test_codex() -> None:
    argv = ["bwrap", "--unshare-net", "--", "codex-linux-sandbox", "--permission-profile", '{"type":"managed"}']
    assert codex.profile(argv) == '{"type":"managed"}'
    assert codex.profile(["codex", "--permission-profile"]) == ""


@given(
    st.lists(
        st.sampled_from(["--", "-U", "--bind", "--bind=a", "-D", "--args", "sh", "", "-", "--id", "\udcff"])
        | st.text(max_size=6)
    )
)
@pytest.mark.parametrize("read", ARGUMENTS)
def test_any_arguments_are_read(read: Callable[[Sequence[str]], AskedOf], argv: list[str]) -> None:
    assert isinstance(read(argv), AskedOf)


PIECES = [
    "[Context]",
    "[",
    "=",
    "a=b",
    "filesystems=!;:;",
    "lxc.idmap = u 1",
    "lxc.mount.entry = a b c",
    "{",
    "null",
    "[]",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8)).map("\n".join))
@pytest.mark.parametrize("read", TEXTS)
def test_any_text_is_read(read: Callable[[str], AskedOf], text: str) -> None:
    assert isinstance(read(text), AskedOf)


@pytest.mark.parametrize(
    "spec", [[], {"process": 1}, {"linux": {"namespaces": [{}]}}, {"mounts": [{"options": ["bind"]}]}]
)
def test_another_configuration_is_not_known(spec: object) -> None:
    assert containerd.read_file(json.dumps(spec)) == AskedOf()
