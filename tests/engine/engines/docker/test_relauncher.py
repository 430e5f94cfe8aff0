"""Containers of real Docker engines created again, unchanged and with changed options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.engines.docker.replaced import relauncher, replaced
from rig.engine import Rig
from rig.torture import Places, Torture, differences, surroundings, tortures
from stratascope.core.relaunch.launch_spec import NAME, ORIGINAL, TRANSACTION

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test


@pytest.fixture(scope="module")
def rootful_places(docker_rootful: Rig) -> Iterator[Places]:
    with surroundings(docker_rootful) as places:
        yield places


@pytest.fixture(scope="module")
def rootless_places(docker_rootless: Rig) -> Iterator[Places]:
    with surroundings(docker_rootless) as places:
        yield places


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
