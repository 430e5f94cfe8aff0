"""A host, engines and containers around a recorded process, for the tests of the layers."""

from __future__ import annotations

from stratascope.core.capture import Capture, Gap, GapKind, Reading
from stratascope.core.container import Asked, Container, Engine, EngineKind, Status
from stratascope.core.ground import UNREAD, Ground, Peers, Surroundings
from stratascope.core.layer import Layer
from stratascope.core.threats.needs import Need
from stratascope.core.threats.threat import Ruling
from stratascope.i18n.translate import translate
from stratascope.value import replace

# Host of the recorded captures: Debian 13 without fixed inodes for net and mnt, 1.4 GiB, 2 CPUs
GROUND = replace(
    UNREAD,
    namespaces=(
        ("cgroup", 4026531835),
        ("ipc", 4026531839),
        ("mnt", 4026531841),
        ("net", 4026531840),
        ("pid", 4026531836),
        ("time", 4026531834),
        ("user", 4026531837),
        ("uts", 4026531838),
    ),
    namespaces_from="PID 1",
    initial_user_namespace=True,
    memory_total=1 << 31,
    cpus_online=2,
    cgroup_layout="v2",
    sysctls=(("kernel.pid_max", "4194304"), ("net.ipv4.ping_group_range", "1\t0")),
    mounts=(("254:0", "/", "/"), ("0:26", "/", "/run"), ("0:6", "/", "/dev"), ("254:3", "/", "/home")),
)


def around(*, rootless: bool = False, ground: Ground = GROUND, peers: Peers | None = None) -> Surroundings:
    """Docker of root, or a rootless Podman of user 1000."""
    if rootless:
        engine = Engine("podman-rootless", EngineKind.PODMAN, "unix:///run/user/1000/podman/podman.sock", True)
        return Surroundings(ground, replace(engine, daemon_uid=1000), peers or Peers())
    return Surroundings(ground, Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock"), peers or Peers())


def container(asked: Asked | None = None) -> Container:
    return Container("docker", "ab" * 32, "web", "img", Status.RUNNING, 4211, 0.0, 0.0, asked=asked or Asked())


def capture(texts: dict[str, str], *, denied: tuple[str, ...] = ()) -> Capture:
    """Readings written out in a test."""
    found = [Reading(name, f"/proc/4211/{name}", text) for name, text in texts.items()]
    found += [Reading(name, f"/proc/4211/{name}", None, Gap(GapKind.DENIED, 13)) for name in denied]
    return Capture(4211, tuple(found))


def judged(layer: Layer, need: Need, posture: object) -> Ruling:
    """What the layer says to a need that is its job: with a sentence and a source."""
    ruling = layer.stance(need, posture)
    assert ruling is not None
    assert translate(ruling.reason).endswith(".")
    assert ruling.source
    return ruling
