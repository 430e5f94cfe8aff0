"""A Podman container that gets a user namespace of its own, or gives it back: what is foretold is what comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import STAYS, Desk, desk_at, start
from rig.engine import Rig

OWN = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")
OPTIONS = (
    (),
    ("--user", "1000"),
    ("--privileged",),
    ("--cap-add", "SYS_ADMIN", "--device", "/dev/null:/dev/passed"),
    ("-v", "/etc:/host"),
    ("--pid", "host"),
)


@pytest.fixture
def desk(podman_rootful: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(podman_rootful, tmp_path) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
@pytest.mark.parametrize("value", ["host", "0:300000:65536"])
def test_all_threats_come_as_foretold(desk: Desk, value: str, options: tuple[str, ...]) -> None:
    start(desk, *(OWN if value == "host" else ()), *options)
    code, last, err = desk.harden("--set", f"userns={value}")
    assert (code, last["result"] in STAYS) == (0, True), err
    assert last["predicted"]["threats"] == last["after"]["threats"]
    assert last["before"]["threats"] != last["after"]["threats"]


@pytest.mark.parametrize("kind", ["docker_rootless", "podman_rootless"])
def test_it_comes_as_foretold_beside_another_of_the_same_user_namespace(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """Whether a layer stops it from entering the other depends on whose user the other is."""
    with desk_at(request.getfixturevalue(kind), tmp_path) as desk, desk.rig.container(name="beside"):
        start(desk, "--cap-add", "NET_ADMIN")
        _, last, err = desk.harden("--set", "no-new-privileges=on")
        assert last["result"] in STAYS, err
        assert last["predicted"]["threats"] == last["after"]["threats"]
