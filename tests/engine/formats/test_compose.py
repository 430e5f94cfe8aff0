"""Compose files: what they say, and that Compose takes them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rig.engine import Rig
from rig.formats.exported import exported, hardened
from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedPort, EngineKind
from stratascope.core.options.request import RunMount, RunOptions
from stratascope.formats.export import ExportKind, export
from stratascope.value import replace

pytestmark = pytest.mark.slow  # on real engines; tests/engine/cli/test_hardening.py has one of each in make test
_LABELS = ("--label", "com.docker.compose.service=web", "--label", "com.docker.compose.project=p")
_CDI = AskedDevice("nvidia.com/gpu=all", "nvidia.com/gpu=all", "rwm")


class _Loader(yaml.SafeLoader):
    """With Compose's two tags."""


def _override(loader: yaml.SafeLoader, node: yaml.Node) -> list[Any]:
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("!reset", lambda loader, node: None)
_Loader.add_constructor("!override", _override)


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(text, _Loader)
    return found


def _accepted(text: str, folder: Path, *lines: str) -> None:
    """By Compose itself, over a file with these lines for the service."""
    base, over = folder / "compose.yaml", folder / "over.yaml"
    base.write_text("services:\n  web:\n    image: busybox\n" + "".join(f"    {line}\n" for line in lines))
    over.write_text(text)
    files = ("-f", str(base), "-f", str(over)) if "  web:\n" in text else ("-f", str(over))
    done = subprocess.run(("docker", "compose", *files, "config"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_override_says_what_makes_it_hard(docker_rootful: Rig, tmp_path: Path) -> None:
    args = (*_LABELS, "--privileged", "--pid", "host", "-p", "18074:80", "-e", "A=secret", "-v", "/etc:/host")
    with docker_rootful.container(*args) as container, exported(docker_rootful, container, hardened) as options:
        text = export(ExportKind.COMPOSE, options)
    service = _read(text)["services"]["web"]
    assert "secret" not in text
    assert service["privileged"] is False
    assert service["pid"] is None
    assert "pid: !reset null" in text
    assert service["cap_drop"] == ["ALL"]
    assert service["cap_add"] == ["CAP_CHOWN"]
    assert "no-new-privileges" in service["security_opt"]
    assert service["read_only"] is True
    assert service["ports"] == ["127.0.0.1:18074:80/tcp"]
    assert service["tmpfs"] == ["/scratch:mode=1777"]
    assert service["volumes"] == [{"type": "bind", "source": "/etc", "target": "/host"}]
    assert service["mem_limit"] == 64 << 20
    assert service["deploy"]["resources"]["limits"] == {"memory": str(64 << 20), "cpus": "0.5", "pids": 50}
    assert service["ulimits"] == {"nofile": {"soft": 100, "hard": 200}}
    assert service["user"] == "1000:1000"
    assert text.count("!override") >= 5
    assert "image" not in service
    _accepted(text, tmp_path)


@pytest.mark.parametrize(
    "lines",
    [
        ("mem_limit: 512m", "cpus: 0.75", "pids_limit: 99"),
        ("mem_limit: 512m", "cpus: 0.75", "deploy: {resources: {limits: {memory: 512m, cpus: '0.75'}}}"),
    ],
)
@pytest.mark.parametrize("changes", [{"pids": 50}, {"memory": 64 << 20}, {"cpu_cores": 0.5}])
def test_one_limit_goes_with_those_of_the_file(
    docker_rootful: Rig, changes: dict[str, Any], lines: tuple[str, ...], tmp_path: Path
) -> None:
    args = (*_LABELS, "--memory", "512m", "--cpus", "0.75", "--pids-limit", "99")
    with (
        docker_rootful.container(*args) as container,
        exported(docker_rootful, container, lambda asked: replace(asked, **changes)) as options,
    ):
        text = export(ExportKind.COMPOSE, options)
    assert len({"mem_limit", "cpus", "pids_limit"} & set(_read(text)["services"]["web"])) == 1
    _accepted(text, tmp_path, *lines)


def test_another_container_is_a_whole_service(docker_rootful: Rig, tmp_path: Path) -> None:
    args = ("--restart", "always", "-v", "named:/data", "--tmpfs", "/t", "-e", "A=secret", "-w", "/tmp")
    with docker_rootful.container(*args, name="whole") as container, exported(docker_rootful, container) as options:
        text = export(ExportKind.COMPOSE, options)
    found = _read(text)
    service = found["services"]["whole"]
    assert (service["image"], service["command"], service["restart"]) == ("busybox", ["sleep", "3600"], "always")
    assert service["environment"]["A"] is None
    assert service["working_dir"] == "/tmp"
    assert found["volumes"] == {"named": {"external": True, "name": "named"}}
    assert "!override" not in text
    _accepted(text, tmp_path)


def test_a_podman_container_in_words_of_docker(podman_rootful: Rig, docker_rootful: Rig, tmp_path: Path) -> None:
    args = ("--tmpfs", "/t:size=1m,mode=1770", "-v", f"{tmp_path}:/bound:ro,noexec", "-v", "own-vol:/vol")
    log = ("--log-driver", "k8s-file", "--log-opt", "max-size=1m", "--network", "none")
    with (
        podman_rootful.container(*args, *log, name="translated") as container,
        exported(podman_rootful, container) as options,
    ):
        text = export(ExportKind.COMPOSE, replace(options, devices=(_CDI,)))
        mounts = tuple(mount for mount in options.mounts if mount.kind != "volume")
        here = export(ExportKind.COMPOSE, replace(options, image="busybox", mounts=mounts))
    service = _read(text)["services"]["translated"]
    assert service["devices"] == [_CDI.source]
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "1000000"}}
    assert "/bound: noexec" in text
    assert "/vol:" not in text.partition("services:")[0]
    _accepted(text, tmp_path)
    file = tmp_path / "here.yaml"
    file.write_text(here)
    command = ("docker", "--host", docker_rootful.endpoint, "compose", "-f", str(file), "create")
    try:
        done = subprocess.run(command, env=docker_rootful.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        docker_rootful.run("start", "translated")
    finally:
        docker_rootful.remove("translated")


def test_dollars_are_doubled() -> None:
    options = RunOptions(
        kind=EngineKind.DOCKER,
        name="x",
        image="i",
        before=Asked(),
        asked=Asked(),
        command=("echo", "$HOME ${X}"),
        environment=(("A", "pa$$"),),
        mounts=(RunMount("bind", "/a$b", "/c"),),
    )
    service = _read(export(ExportKind.COMPOSE, options, secrets=True))["services"]["x"]
    assert service["command"] == ["echo", "$$HOME $${X}"]
    assert service["environment"]["A"] == "pa$$$$"
    assert service["volumes"][0]["source"] == "/a$$b"


def test_lists_that_are_to_be_empty_are_emptied() -> None:
    before = Asked(
        cap_add=("CAP_SYS_ADMIN",), ports=(AskedPort("80/tcp", "", "80"),), limits=(AskedLimit("core", 0, 0),)
    )
    labels = (("com.docker.compose.service", "web"),)
    options = RunOptions(
        kind=EngineKind.DOCKER, name="p-web-1", image="i", before=before, asked=replace(before, cap_add=(), ports=()),
        labels=labels,
    )  # fmt: skip
    text = export(ExportKind.COMPOSE, options)
    assert "cap_add: !reset null" in text
    assert "ports: !reset null" in text
