"""Engines' own side of the two options: a committed image gives the same container, and images go without force."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.engines.docker.replaced import relauncher as docker
from engine.engines.podman.replaced import relauncher as podman
from engine.engines.podman.replaced import unnamed
from rig.engine import KINDS, Rig
from rig.fixtures import Engines
from rig.torture import Places, differences, surroundings, tortures
from stratascope.core.container import Asked
from stratascope.core.ports import Relauncher
from stratascope.core.relaunch.launch_spec import layer_image
from stratascope.engines.podman.apply_options import repointed, with_image
from stratascope.value import replace

# These take what this machine has not (Podman's init), or another network than the places have
_ELSEWHERE = {
    "podman_rootful": ("process-podman", "network"),
    "podman_rootless": ("process-podman", "network-rootless"),
}
_CASES = [
    (kind, torture)
    for kind in KINDS
    for torture in tortures(kind)
    if torture.name not in _ELSEWHERE.get(kind, ()) and "--rm" not in torture.args
]


@contextmanager
def port_of(rig: Rig) -> Iterator[Relauncher]:
    with docker(rig) if rig.kind == "docker" else podman(rig) as port:
        yield port


@pytest.fixture(scope="module")
def places(engines: Engines) -> Iterator[dict[str, Places]]:
    """Made when a kind is first asked for."""
    made = _Places(engines)
    yield made
    made.close()


class _Places(dict[str, Places]):
    def __init__(self, engines: Engines) -> None:
        super().__init__()
        self._engines, self._open = engines, list[Any]()

    def __missing__(self, kind: str) -> Places:
        around = surroundings(self._engines.get(kind))
        self[kind] = around.__enter__()
        self._open.append(around)
        return self[kind]

    def close(self) -> None:
        for around in self._open:
            around.__exit__(None, None, None)


def _ordered(asked: Asked) -> Asked:
    """Podman lists mounts in another order each time."""
    return replace(asked, mounts=tuple(sorted(asked.mounts, key=lambda mount: mount.target)))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "torture"), _CASES, ids=lambda value: value if isinstance(value, str) else value.name)
def test_only_the_root_differs(engines: Engines, places: dict[str, Places], kind: str, torture: Any) -> None:
    rig, image = engines.get(kind), layer_image(torture.name, "0123")
    name = "strata-carried"
    with (
        port_of(rig) as port,
        rig.container(*torture.filled(places[kind]), image=torture.image, command=torture.command, name=name) as old,
    ):
        if "--read-only" not in torture.args:
            rig.run("exec", "-u", "0", old, "sh", "-c", "echo kept > /carried")
        before, spec = rig.config(old), port.plan(old)
        probe = port.create(spec.body, f"{name}.new", {})
        port.stop(old, 0)
        made = port.commit(old, image)
        port.remove(probe.id)
        try:
            new = port.create(port.with_image(spec.body, made, image), f"{name}.new", {}).id
            port.rename(old, f"{name}.old")
            port.rename(new, name)
            port.start(new)
            assert unnamed(differences(before, rig.config(new), old, new)) == {}
            if "--read-only" not in torture.args:
                # by its status: Podman's client may lose what a short command prints
                rig.run("exec", "-u", "0", new, "grep", "-qx", "kept", "/carried")
            again = port.plan(new)
            assert (again.image, again.lost, _ordered(again.asked)) == (image, (), _ordered(spec.asked))
            assert again.restart == spec.restart
            port.remove_image(image)  # in use
            assert port.plan(new).lost == ()
        finally:
            rig.remove(name, f"{name}.new", f"{name}.old")
            port.remove_image(image)
        assert image not in rig.run("images", "--format", "{{.Repository}}:{{.Tag}}")
        port.remove_image(image)  # gone


def test_others_that_it_needs_under_their_new_ids() -> None:
    old, new, other = "a" * 64, "b" * 64, "c" * 64
    body = {
        "netns": {"nsmode": "container", "value": old},
        "pidns": {"nsmode": "container", "value": other},
        "utsns": {"nsmode": "private"},
        "dependencyContainers": [old, other],
        "annotations": {"io.podman.annotations.userns": f"container:{old}", "note": f"container:{old}"},
        "volumes_from": [old],
        "containerCreateCommand": ["podman", "run", "--network", f"container:{old}"],
    }
    found = json.loads(repointed(json.dumps(body), {old: new, "web": new}))
    assert found["netns"] == {"nsmode": "container", "value": new}
    assert found["dependencyContainers"] == [new, other]
    assert found["annotations"] == {"io.podman.annotations.userns": f"container:{new}", "note": f"container:{old}"}
    for key in ("pidns", "utsns", "volumes_from", "containerCreateCommand"):
        assert found[key] == body[key]


def test_another_image_and_what_it_is_called() -> None:
    body = json.dumps({"image": "1", "raw_image_name": "localhost/busybox:latest"})
    assert json.loads(with_image(body, "2", "x:y")) == {"image": "2", "raw_image_name": "x:y"}
