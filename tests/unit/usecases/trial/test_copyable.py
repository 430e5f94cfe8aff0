"""What has a twin, and how it gets its mounts: options, and places on the host of all kinds."""

from __future__ import annotations

from typing import Any

import pytest

from rig.usecases.host import Host
from stratascope.core.container import Asked, AskedDevice, AskedMount, Container, Engine, EngineKind, Status
from stratascope.core.message import msg
from stratascope.core.ports import HostPath, HostPathKind
from stratascope.core.relaunch.launch_spec import LaunchSpec, TwinMount
from stratascope.usecases.trial.twin import NoTwinError, check, mounts_of
from stratascope.value import replace

DOCKER = Engine("docker", EngineKind.DOCKER, "unix:///d")
PODMAN = Engine("podman", EngineKind.PODMAN, "unix:///p")
CONTAINER = Container("docker", "1" * 64, "web", "web:1", Status.RUNNING, 7, 0.0, 0.0)
SPEC = LaunchSpec("docker", EngineKind.DOCKER, "1" * 64, "web", "web:1", "sha256:1", Asked(), "{}", "{}")


def shared(name: str, mode: str) -> Asked:
    fields: dict[str, Any] = {name: mode}
    return replace(Asked(), **fields)


WELL = (
    Asked(),
    Asked(network_mode="bridge"),
    Asked(network_mode="none", ipc_mode="shareable", userns_mode="host", cgroupns_mode="host"),
    Asked(userns_mode="keep-id:uid=1", capabilities=("CAP_CHOWN",), device_rules=None, read_only_paths=None),
)
NOT = (
    Asked(privileged=True),
    Asked(network_mode="host", userns_mode="host"),
    *(
        shared(name, mode)
        for name in ("network_mode", "pid_mode", "ipc_mode", "uts_mode")
        for mode in ("host", "container:abc", "ns:/run/netns/x", "pod")
    ),
    Asked(userns_mode="container:abc"),
    Asked(devices=(AskedDevice("/dev/kmsg", "/dev/kmsg", "rwm"),)),
    Asked(device_rules=("c 1:3 rwm",)),
    Asked(read_only_paths=()),
    *(Asked(capabilities=(name,)) for name in ("CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_RAWIO")),
)


@pytest.mark.parametrize("wanted", WELL)
def test_these_have_a_twin(wanted: Asked) -> None:
    check(CONTAINER, SPEC, wanted)


@pytest.mark.parametrize("wanted", NOT)
def test_these_have_none(wanted: Asked) -> None:
    with pytest.raises(NoTwinError):
        check(CONTAINER, SPEC, wanted)


def test_what_can_not_be_created_again_or_is_of_a_pod_has_none() -> None:
    with pytest.raises(NoTwinError, match="image is gone"):
        check(CONTAINER, replace(SPEC, lost=(msg("Its image is gone."),)), Asked())
    for container in (replace(CONTAINER, pod="p"), replace(CONTAINER, infra=True)):
        with pytest.raises(NoTwinError):
            check(container, SPEC, Asked())


def mounted(mount: AskedMount, engine: Engine = DOCKER, lies: HostPath | None = None) -> tuple[TwinMount, ...]:
    return mounts_of(Asked(mounts=(mount,)), Asked(mounts=(mount,)), engine, Host(lies=lies))


def bind(*, writable: bool = True) -> AskedMount:
    return AskedMount("bind", "/link", "/at", writable)


FOLDER = HostPath("/real", HostPathKind.FOLDER, mounted=False)
FILE = HostPath("/real", HostPathKind.FILE, mounted=False)


def test_what_it_may_write_to_is_overlaid() -> None:
    volume = AskedMount("volume", "/v/_data", "/at", writable=True, volume="v")
    assert mounted(volume) == (TwinMount("/v/_data", "/at", overlaid=True, volume="v"),)
    for engine in (DOCKER, PODMAN):
        assert mounted(bind(), engine, FOLDER) == (TwinMount("/real", "/at", overlaid=True),)
    assert mounted(bind(), DOCKER, FILE) == (TwinMount("/real", "/at", overlaid=True),)
    assert mounted(bind(), PODMAN, FILE) == (TwinMount("/real", "/at", overlaid=False),)
    assert mounted(bind(), PODMAN, replace(FOLDER, mounted=True)) == (TwinMount("/real", "/at", overlaid=True),)


def test_what_it_may_only_read_is_as_it_is_where_no_socket_is_in_it() -> None:
    assert mounted(bind(writable=False), DOCKER, FOLDER) == (TwinMount("/real", "/at", overlaid=False),)
    volume = AskedMount("volume", "/v/_data", "/at", writable=False, volume="v")
    assert mounted(volume, DOCKER, FOLDER) == (TwinMount("/real", "/at", overlaid=False, volume="v"),)
    for sockets in (True, None):
        with pytest.raises(NoTwinError):
            mounted(bind(writable=False), DOCKER, replace(FOLDER, sockets=sockets))


@pytest.mark.parametrize(
    "lies",
    [
        None,
        replace(FILE, kind=HostPathKind.SOCKET),
        replace(FILE, kind=HostPathKind.OTHER),
        replace(FOLDER, mounted=True),
    ],
)
def test_what_would_be_shared_or_can_not_be_seen_is_refused(lies: HostPath | None) -> None:
    with pytest.raises(NoTwinError):
        mounted(bind(), DOCKER, lies)


def test_a_tmpfs_is_its_own() -> None:
    assert mounted(AskedMount("tmpfs", "", "/run", writable=True)) == ()
    with pytest.raises(NoTwinError):
        mounted(AskedMount("volume", "", "/at", writable=True, volume="nfs"))
