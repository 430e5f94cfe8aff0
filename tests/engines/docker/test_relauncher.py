"""Containers of real Docker engines created again, unchanged and with changed options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from containers.torture import Places, Torture, differences, surroundings, tortures
from rig.engine import Rig
from stratascope.core.container import EngineKind
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION, LaunchSpec
from stratascope.engines.docker.engine import DockerEngine
from stratascope.engines.docker.relauncher import DockerRelauncher
from stratascope.engines.open import relauncher_of
from stratascope.engines.shared.endpoint import Endpoint

pytestmark = pytest.mark.slow  # on real engines; tests/cli/test_hardening.py has one of each in make test


@contextmanager
def relauncher(rig: Rig) -> Iterator[DockerRelauncher]:
    engine = DockerEngine(Endpoint(rig.id, EngineKind.DOCKER, rig.endpoint, "test", rig.rootless))
    try:
        port: Relauncher = relauncher_of(engine)
        assert isinstance(port, DockerRelauncher)
        yield port
    finally:
        engine.close()


@pytest.fixture(scope="module")
def rootful_places(docker_rootful: Rig) -> Iterator[Places]:
    with surroundings(docker_rootful) as places:
        yield places


@pytest.fixture(scope="module")
def rootless_places(docker_rootless: Rig) -> Iterator[Places]:
    with surroundings(docker_rootless) as places:
        yield places


@contextmanager
def replaced(rig: Rig, port: DockerRelauncher, original: str, body: str, spec: LaunchSpec) -> Iterator[str]:
    """The original set aside and its replacement started, in the crash-safe order."""
    labels = {TRANSACTION: "t1", ORIGINAL: original, NAME: spec.name}
    made = port.create(body, f"{spec.name}.new-t1", labels)
    try:
        port.stop(original, 0)
        with_name = not spec.auto_remove
        if with_name:
            port.rename(original, f"{spec.name}.old-t1")
            port.rename(made.id, spec.name)
        port.start(made.id)
        yield made.id
    finally:
        rig.remove(made.id)


def docker_inspect(rig: Rig, container: str) -> dict[str, Any]:
    return rig.inspect(container)


def outside(inspect: dict[str, Any]) -> dict[str, Any]:
    """What the OCI config does not hold: networks, ports, health, restarts, logs, volumes."""
    config, host = inspect["Config"], inspect["HostConfig"]
    networks = inspect["NetworkSettings"]["Networks"]
    return {
        "networks": {
            name: {key: said[key] or None for key in ("IPAMConfig", "Aliases", "Links", "DriverOpts", "NetworkID")}
            for name, said in networks.items()
        },
        "macs": {name: mac for name, said in networks.items() if not (mac := said["MacAddress"]).startswith("02:42:")},
        "volumes": sorted((mount.get("Name", ""), mount["Destination"], mount["RW"]) for mount in inspect["Mounts"]),
        "config": {
            key: value
            for key, value in config.items()
            if key not in ("Hostname", "Labels", "Entrypoint", "Volumes")  # "" and null entry points are the same
        },
        "entry": config["Entrypoint"] or None,
        "path": (inspect["Path"], inspect["Args"]),
        "labels": {key: value for key, value in config["Labels"].items() if key not in (TRANSACTION, ORIGINAL, NAME)},
        "host": {key: value for key, value in host.items() if key not in ("Binds", "Mounts", "Links", "ConsoleSize")},
        "links": sorted(link.partition(":")[0] for link in host["Links"] or ()),
    }


def unchanged(rig: Rig, places: Places, torture: Torture) -> None:
    with (
        relauncher(rig) as port,
        rig.container(*torture.filled(places), image=torture.image, command=torture.command) as original,
    ):
        old, before = rig.config(original), outside(docker_inspect(rig, original))
        spec = port.plan(original)
        assert not spec.lost
        assert port.body(spec, spec.asked) == spec.body
        with replaced(rig, port, original, spec.body, spec) as new:
            found = differences(old, rig.config(new), original, new)
            assert found == {}
            again = port.plan(new)
            assert again.asked == spec.asked
            assert outside(docker_inspect(rig, new)) == before
            assert (again.restart, again.auto_remove, again.image) == (spec.restart, spec.auto_remove, spec.image)


@pytest.mark.parametrize("torture", tortures("docker_rootful"), ids=lambda torture: torture.name)
def test_unchanged_on_rootful(docker_rootful: Rig, rootful_places: Places, torture: Torture) -> None:
    unchanged(docker_rootful, rootful_places, torture)


@pytest.mark.parametrize("torture", tortures("docker_rootless"), ids=lambda torture: torture.name)
def test_unchanged_on_rootless(docker_rootless: Rig, rootless_places: Places, torture: Torture) -> None:
    unchanged(docker_rootless, rootless_places, torture)
