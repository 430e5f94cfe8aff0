"""Every kind of export of one container with everything, compared with what it should be, letter by letter.

To write the files anew after a change that is meant: UPDATE_GOLDENS=1 pytest tests/export/test_export.py
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedMount, AskedPort, EngineKind, ProfileKind
from stratascope.core.message import msg
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.run_options import Endpoint, HealthTest, RunMount, RunOptions
from stratascope.export.export import ExportKind, export

_FOLDER = Path(__file__).parents[1] / "captures" / "export"
_SECRET = "it's $ecret"
_PROFILE = '{"defaultAction":"SCMP_ACT_ALLOW"}'
_BEFORE = Asked(privileged=True, pid_mode="host", cap_add=("CAP_SYS_ADMIN",), masked_paths=(), read_only_paths=())
_ASKED = Asked(
    user="1000:1000",
    read_only_root=True,
    mounts=(AskedMount("bind", "/srv/a b", "/data", False),),
    devices=(AskedDevice("/dev/fuse", "/dev/fuse", "rwm"),),
    memory=64 << 20,
    memory_swap=64 << 20,
    pids=50,
    cpu_cores=0.5,
    cap_add=("CAP_NET_BIND_SERVICE",),
    cap_drop=("ALL",),
    capabilities=("CAP_NET_BIND_SERVICE",),
    no_new_privileges=True,
    seccomp=ProfileKind.CUSTOM,
    seccomp_profile=_PROFILE,
    apparmor=ProfileKind.CUSTOM,
    apparmor_profile="mine",
    ports=(AskedPort("80/tcp", "127.0.0.1", "8080"),),
    limits=(AskedLimit("nofile", 100, 200),),
)
EVERYTHING = RunOptions(
    kind=EngineKind.DOCKER,
    name="web 1",
    image="nginx:1.27",
    before=_BEFORE,
    asked=_ASKED,
    entrypoint=("/bin/sh", "-c"),
    command=("echo \"$HOME\" 'x'; exec nginx", "--", "a b"),
    environment=(("PATH", "/bin"), ("PASSWORD", _SECRET), ("FROM", "image"), ("EMPTY", "")),
    plain=frozenset(("FROM",)),
    labels=(("note", "two\nlines"), ("empty", "")),
    annotations=(("org.example.note", "x"),),
    workdir="/tmp",
    user="1000:1000",
    groups=("2000", "audio"),
    hostname="web",
    domainname="example.org",
    tty=True,
    stdin=True,
    init=True,
    mounts=(
        RunMount("bind", "/srv/a b", "/data", True, ("rslave", "z")),
        RunMount("volume", "state", "/state", False, ("nocopy",)),
        RunMount("tmpfs", "", "/scratch", False, ("size=1m", "mode=1777")),
        RunMount("volume", "state", "/sub", True, (), (("volume-subpath", "a,b"), ("volume-nocopy", "true"))),
        RunMount("bind", "/srv/a:b", "/colon", False, (), (("bind-propagation", "rprivate"),)),
    ),
    ports=_ASKED.ports,
    networks=(Endpoint("front", ("one",), ("10.0.0.2", "fd00::2"), "02:11:22:33:44:55", (("k", "v"),)),),
    dns=("10.9.8.7",),
    dns_search=("example.org",),
    dns_options=("ndots:3", "rotate"),
    hosts=("other:10.1.2.3",),
    ipc="private",
    cgroupns="private",
    restart=RestartPolicy("on-failure", 3),
    stop_signal="SIGQUIT",
    stop_timeout=30,
    health=HealthTest(("CMD-SHELL", "wget -q localhost || exit 1"), 30_000_000_000, 1_500_000_000, 0, 0, 3),
    log_driver="json-file",
    log_options=(("max-size", "1m"), ("max-file", "2")),
    cap_add=_ASKED.cap_add,
    cap_drop=_ASKED.cap_drop,
    no_new_privileges=True,
    seccomp=_PROFILE,
    apparmor="mine",
    selinux=("level:s0:c1,c2",),
    read_only=True,
    devices=_ASKED.devices,
    memory=64 << 20,
    memory_swap=64 << 20,
    memory_reservation=32 << 20,
    cpus=0.5,
    pids=50,
    shm_size=1 << 20,
    limits=_ASKED.limits,
    sysctls=(("net.ipv4.ping_group_range", "0 10"),),
    shared=(("cpu-shares", "512"), ("publish-all", "")),
    own=(("link", "dep:alias"), ("runtime", "runsc")),
    unsaid=(msg("Something that no option says."),),
)


@pytest.mark.parametrize("kind", ExportKind)
def test_everything(kind: ExportKind) -> None:
    text = export(kind, EVERYTHING)
    path = _FOLDER / f"{kind}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("kind", ExportKind)
def test_secrets_stay_out(kind: ExportKind) -> None:
    text = export(kind, replace(EVERYTHING, environment=(("PASSWORD", "hush-hush"),)))
    assert "hush-hush" not in text
    assert ("PASSWORD" in text) is (kind not in (ExportKind.SECCOMP, ExportKind.QUADLET))


@pytest.mark.parametrize(
    "kind", [ExportKind.DOCKER_RUN, ExportKind.PODMAN_RUN, ExportKind.KUBERNETES, ExportKind.COMPOSE]
)
def test_secrets_come_where_they_are_asked_for(kind: ExportKind) -> None:
    assert "hush-hush" in export(kind, replace(EVERYTHING, environment=(("PASSWORD", "hush-hush"),)), secrets=True)


@pytest.mark.parametrize("kind", [kind for kind in ExportKind if kind is not ExportKind.SECCOMP])
def test_what_can_not_be_said_is_named(kind: ExportKind) -> None:
    assert "# Not in here: Something that no option says." in export(kind, EVERYTHING)


def test_options_show_no_secret() -> None:
    assert _SECRET not in repr(EVERYTHING)
