"""What of the host takes orders or passes mounts on: sockets in the mounts, routes of the network, kernel trees."""

from __future__ import annotations

import pytest

from stratascope.core.container import Engine, EngineKind
from stratascope.core.ground import NAMESPACES, UNREAD, SpecialFile, Surroundings
from stratascope.core.threats.needs import (
    Access,
    Bus,
    BusSocket,
    HostTerminal,
    KernelFile,
    Need,
    PinnedObject,
    RouteOut,
    SharedMount,
)
from stratascope.core.threats.threat import Stance
from stratascope.layers.namespaces.layer import LAYER
from stratascope.layers.namespaces.mount_reach import MountReach
from stratascope.layers.namespaces.stances import NamespacePosture
from stratascope.layers.shared.buses import FoundBus, buses_among, buses_below
from stratascope.linux.routes import Reach
from stratascope.value import replace

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
SECURITY = "/sys/kernel/security/lockdown"
TRACE, FORMAT = "/sys/kernel/tracing/tracing_on", "/proc/sys/fs/binfmt_misc/register"
REACH = MountReach((("/proc", "/proc", True), ("/sys", "/sys", True)), (), True, True, "/dev", "/", "", "")
BASE = NamespacePosture(tuple((kind, False) for kind in NAMESPACES), False, REACH, "", (), (), False, "", "")
HOST_NET = replace(BASE, host=tuple((kind, kind == "net") for kind in NAMESPACES))


def _with(*kernel: tuple[str, str, bool]) -> NamespacePosture:
    return replace(BASE, reach=replace(REACH, kernel=(*REACH.kernel, *kernel)))


@pytest.mark.parametrize(
    ("need", "posture", "stance"),
    [
        (BusSocket(Bus.SYSTEM), BASE, STOPS),
        (BusSocket(Bus.SYSTEM), replace(BASE, buses=((Bus.SYSTEM, "/bus"),)), OPEN),
        (BusSocket(Bus.SYSTEMD), replace(BASE, buses=((Bus.SYSTEM, "/bus"),)), STOPS),
        (BusSocket(Bus.USER), replace(BASE, reach=None), UNKNOWN),
        (SharedMount(), BASE, STOPS),
        (SharedMount(), replace(BASE, shared="/shared"), OPEN),
        (SharedMount(system=True), replace(BASE, shared="/shared"), STOPS),
        (SharedMount(system=True), replace(BASE, shared="/host", shared_system="/host"), OPEN),
        (HostTerminal(), BASE, STOPS),
        (HostTerminal(), replace(BASE, terminals="t"), OPEN),
        (HostTerminal(controlling=True), replace(BASE, terminals="t"), STOPS),
        (HostTerminal(controlling=True), replace(BASE, terminals="T"), OPEN),
        (HostTerminal(), replace(BASE, terminals="T"), OPEN),
        (RouteOut(), BASE, UNKNOWN),
        (RouteOut(), HOST_NET, OPEN),
        (RouteOut(), replace(BASE, routes=Reach(near=True, far=False)), STOPS),
        (RouteOut(host=True), replace(BASE, routes=Reach(near=True, far=False)), OPEN),
        (RouteOut(host=True), replace(BASE, routes=Reach(near=False, far=False)), STOPS),
        # below /proc and /sys there is nothing where no such file system is mounted
        (KernelFile(TRACE, Access.WRITE), BASE, STOPS),
        (KernelFile(TRACE, Access.WRITE), _with(("/t", "/sys/kernel/tracing", True)), OPEN),
        (KernelFile(TRACE, Access.WRITE), _with(("/t", "/sys/kernel/tracing", False)), STOPS),
        (KernelFile(SECURITY, Access.WRITE), BASE, STOPS),
        (KernelFile(SECURITY, Access.WRITE), _with(("/s", "/sys/kernel/security", True)), OPEN),
        (KernelFile(SECURITY, Access.WRITE), _with(("/s", "/sys/kernel/security", False)), STOPS),
        (PinnedObject(), BASE, STOPS),
        (PinnedObject(), _with(("/b", "/sys/fs/bpf", False)), OPEN),
        (PinnedObject(), _with(("/b", "/sys/fs/fuse/connections", True)), STOPS),
        (KernelFile(FORMAT, Access.WRITE), BASE, STOPS),
        (KernelFile(FORMAT, Access.WRITE), _with(("/x", "/proc/sys/fs/binfmt_misc", True)), OPEN),
        (KernelFile(FORMAT, Access.WRITE), _with(("/x", "/sys/kernel/tracing", True)), STOPS),
    ],
)
def test_stances(need: Need, posture: NamespacePosture, stance: Stance) -> None:
    ruling = LAYER.stance(need, posture)
    assert ruling is not None
    assert ruling.stance is stance


AROUND = Surroundings(
    replace(UNREAD, buses=(("0:5:7", "/run/dbus/system_bus_socket"), ("0:5:8", "/run/user/1000/bus"))),
    Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock"),
)


OTHERS = "/run/user/1001/systemd/private"


def _socket(file: str, path: str) -> SpecialFile:
    return SpecialFile("s", 0, 0, 1000, 1000, 0o666, file, path)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (_socket("0:5:7", "/any"), (FoundBus(Bus.SYSTEM, "/any", 0),)),
        (_socket("0:5:8", "/any"), (FoundBus(Bus.USER, "/any", 1000),)),
        (
            _socket("0:9:9", "/run/user/1001/systemd/private"),
            (FoundBus(Bus.USER_SYSTEMD, "/run/user/1001/systemd/private", 1001),),
        ),
        (_socket("0:9:9", "/x/system_bus_socket"), (FoundBus(Bus.SYSTEM, "/x/system_bus_socket", 1000),)),
        (_socket("0:9:9", "/run/private"), ()),
        (replace(_socket("0:5:7", "/any"), kind="c"), ()),
    ],
)
def test_sockets_are_known_by_the_file_or_their_path(item: SpecialFile, found: tuple[FoundBus, ...]) -> None:
    assert buses_among((item,), AROUND) == found


@pytest.mark.parametrize(
    ("source", "searched", "paths"),
    [
        ("/run", True, ("/h/dbus/system_bus_socket", "/h/user/1000/bus")),
        ("/run/dbus/system_bus_socket", True, ("/h",)),
        ("/run/systemd/private", True, ()),  # the host has none
        ("/run/systemd/private", False, ("/h",)),  # nobody looked
        ("/var/run/user/1000", True, ("/h/bus",)),
        ("/srv", False, ()),
    ],
)
def test_a_bind_shows_what_lies_below(source: str, searched: bool, paths: tuple[str, ...]) -> None:
    assert tuple(found.path for found in buses_below(source, "/h", AROUND, searched=searched)) == paths
