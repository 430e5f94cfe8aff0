"""Judged for machines with AppArmor and SELinux, by the captures that were taken on them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rig.check.compared import Score
from rig.check.real import said
from rig.places import CAPTURES
from stratascope.core.container import Container, EngineKind, Image
from stratascope.core.ground import Ahead, IdMaps
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.linux.mounts import Mount, is_mask, is_proc_read_only, parse_mountinfo
from stratascope.presentation import json_report
from stratascope.state import capture_file
from stratascope.usecases.check.baseline import fitted
from stratascope.usecases.check.check import Checker, Host
from stratascope.value import replace
from stratascope.wiring.check import LocalHosts
from stratascope.wiring.engines import assembler, translations

MACHINES = CAPTURES / "machines"
UNCONFINED = "--security-opt=apparmor=unconfined"


class WithImages(LocalHosts):
    """Every image is root's."""

    def image(self, host: Host, name: str) -> Image | None:
        return Image()


def words(container: Container) -> tuple[str, ...]:
    """A command that asks for the same; of a rootless engine it is the only one there."""
    kind = container.engine.partition("-")[0]
    asked = container.asked
    options = [*(("--privileged",) if asked.privileged else ()), *(f"--cap-add={name}" for name in asked.cap_add)]
    options += ["--security-opt=apparmor=unconfined"] if asked.apparmor == "unconfined" and kind == "docker" else []
    return (kind, "run", "--name", container.name, *options, container.image)


@pytest.mark.parametrize("machine", ["apparmor", "selinux"])
def test_a_plain_container_there(machine: str) -> None:
    capture = capture_file.load(MACHINES / f"{machine}.json")
    snapshot = assembler(translations()).snapshot(capture)
    found = Score()
    for state in snapshot.containers:
        container = state.container
        plain = container.name.endswith("-default") and state.matrix is not None
        if not plain:
            continue
        made = Checker(all_layers(), WithImages(None, capture))
        told = said(made.words(words(container), 0.0))[container.name]
        real = next(
            each for each in json_report.document(snapshot)["containers"] if each["name"] == container.name
        )  # fmt: skip
        found.add(f"{machine} {container.engine} {container.name}", told, real)
    assert found.counts["threats"] > 200
    assert found.dangerous == []
    assert found.counts["threats equal"] >= 0.97 * found.counts["threats"], (found.told(), found.wrong)


@pytest.mark.parametrize("engine", ["docker", "podman-rootless"])
def test_what_this_kernel_has_beyond_the_recorded_one_is_guarded(engine: str) -> None:
    capture = capture_file.load(MACHINES / "apparmor.json")
    hosts = WithImages(None, capture, (engine,))
    made = hosts.host(None)
    recorded = next(each for each in hosts.recorded().containers if each.raw.engine == engine)
    ground = replace(made.ground, features=(("kcore", True), ("sysrq", True)))
    _, readings = fitted(made.plain, recorded, made.engine, ground)
    mounts = parse_mountinfo(str(readings.text("mountinfo")))
    assert "/proc/kcore" in {mount.target for mount in mounts if is_mask(mount)}
    assert "/proc/sysrq-trigger" in {mount.target for mount in mounts if is_proc_read_only(mount)}
    assert [mount.fs_type for mount in mounts if mount.target.startswith("/sys/fs/cgroup")] == ["cgroup2"]


def test_an_image_that_nobody_knows_may_be_roots() -> None:
    """Nothing is called unused of which it is not known whether it is used."""
    capture = capture_file.load(MACHINES / "apparmor.json")
    made = Checker(all_layers(), LocalHosts(None, capture, ("docker",)))
    found = made.words(("docker", "run", "--name=x", "--cap-add=SYS_ADMIN", UNCONFINED, "unknown"), 0.0)
    told = said(found)["x"]
    text = next(each["text"] for each in told["findings"] if each["code"] == "capabilities.sys-admin")
    assert "whether it is held now is not known" in text
    assert found.snapshot is not None
    facts = {layer.id: translate(layer.assessment.fact) for layer in found.snapshot.containers[0].layers}
    assert facts["capabilities"] == "The image's user is not known"
    everything = said(made.words(("docker", "run", "--name=x", "--privileged", UNCONFINED, "unknown"), 0.0))["x"]
    texts = {each["code"]: each["text"] for each in everything["findings"]}
    assert texts["capabilities.all"].startswith("It may use 41 of the kernel's 41 capabilities")
    assert not any("not held" in each for each in texts.values())
    assert "usermap.host-user" not in texts, "of which user nothing is known"


def test_a_rootless_engines_own_user_is_root_inside() -> None:
    """Whatever his number is: that of the capture is another one's."""
    capture = capture_file.load(MACHINES / "apparmor.json")
    hosts = WithImages(None, capture, ("docker-rootless",))
    made = hosts.host(None)
    recorded = next(each for each in hosts.recorded().containers if each.raw.engine == "docker-rootless")
    for uid in (1000, 1001, 4321):
        engine = replace(made.engine, daemon_uid=uid)
        ids = (range(uid, uid + 1), range(200_000, 265_536))
        container, readings = fitted(made.plain, recorded, engine, made.ground, (ids, ids))
        status = str(readings.text("status"))
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
        assert str(readings.text("uid_map")).split()[:3] == ["0", str(uid), "1"]
        host = replace(made, engine=engine, plain=container, readings=readings)
        found = Checker(all_layers(), _One(host)).words(("docker", "run", "busybox"), 0.0)
        assert found.snapshot is not None
        matrix = found.snapshot.containers[0].matrix
        assert matrix is not None
        state = matrix.of("be-engine-user")
        assert state is not None
        assert state.outcome is Outcome.OPEN


class _One:
    """One host, whatever is asked for."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def expect(self, kind: EngineKind | None, image: str) -> None:
        pass

    def host(self, kind: EngineKind | None) -> Host:
        return self._host

    def image(self, host: Host, name: str) -> Image | None:
        return Image()

    def container(self, host: Host, name: str) -> Container | None:
        """See `check.Hosts`."""
        return None

    def volume(self, host: Host, name: str) -> dict[str, str]:
        return {}

    def real(self, host: Host, path: str) -> str:
        return path

    def look(self, host: Host, mounts: Sequence[Mount], layers: Sequence[str], maps: IdMaps | None) -> Ahead:
        return Ahead()
