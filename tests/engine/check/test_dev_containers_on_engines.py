"""What `check` says of a devcontainer.json, and what stands once an engine started what the tool would start.

The commands are those that `devcontainer up` (@devcontainers/cli 0.89) was seen to run; for a Compose project, its own
file with the override that it writes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from rig.check.compared import Score
from rig.check.real import both
from rig.engine import Rig

COMPOSE = shutil.which("docker-compose")
WAITS = ("-c", 'exec "$@"\nwhile sleep 1 & wait $!; do :; done', "-")
# What the file says, and the options that the tool makes of it; {folder} is the project's
FILES: dict[str, tuple[str, Sequence[str]]] = {
    "plain": ('{"image": "busybox"}', ()),
    "open": (
        '// all of it\n{"image": "busybox", "privileged": true, "runArgs": ["--pid=host", "-v", "/etc:/host/etc:ro"],}',
        ("--pid=host", "-v", "/etc:/host/etc:ro", "--privileged"),
    ),
    "capable": (
        """{
  "image": "busybox",
  "capAdd": ["SYS_ADMIN", "NET_ADMIN"], /* for mounts */ "securityOpt": ["seccomp=unconfined"],
  "mounts": [
    {"type": "bind", "source": "/usr/local", "target": "/host/local"},
    "source=cache,target=/data,type=volume", // kept
    "type=bind,source=${localWorkspaceFolder}/.devcontainer,target=/sub,readonly",
  ],
  "containerUser": "1000", "init": true
}""",
        (
            *("--mount", "type=bind,src=/usr/local,dst=/host/local"),
            *("--mount", "source=cache,target=/data,type=volume"),
            *("--mount", "type=bind,source={folder}/.devcontainer,target=/sub,readonly"),
            *("-u", "1000", "--init", "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN"),
            *("--security-opt", "seccomp=unconfined"),
        ),
    ),
    "debugged": (
        '{"image": "busybox", "features": {"ghcr.io/devcontainers/features/go:1": {}}, "workspaceMount": ""}',
        ("--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined"),
    ),
}
NESTED = '{"image": "busybox", "features": {"docker-in-docker": {}, "docker-outside-of-docker": {}}}'
OF_COMPOSE = """{
  "dockerComposeFile": "compose.yml", "service": "app", "securityOpt": ["seccomp=unconfined"],
  "capAdd": ["SYS_PTRACE"], "mounts": ["type=bind,source=/etc,target=/host/etc,readonly"]
}"""
PROJECT = """
services:
  app: {image: busybox, command: [sleep, "3600"], volumes: ["..:/workspace:cached"], cap_drop: [NET_RAW]}
  db: {image: busybox, command: [sleep, "3600"], user: "1000"}
"""
OVERRIDE = """
services:
  app:
    entrypoint: [/bin/sh, -c, "while sleep 1; do :; done", "-"]
    cap_add: [SYS_PTRACE]
    security_opt: [seccomp=unconfined]
    volumes: ["/etc:/host/etc"]
"""


def held(found: Score) -> None:
    """None on the dangerous side; nearly all of it right."""
    assert found.dangerous == []
    assert found.share("equal") >= 98, (found.told(), found.wrong, found.missing)
    assert found.share("unknown") <= 3, found.told()


def project(folder: Path, text: str) -> Path:
    """A project's devcontainer.json."""
    (folder / ".devcontainer").mkdir(parents=True, exist_ok=True)
    for each in (folder.parent, folder, folder / ".devcontainer"):
        each.chmod(0o755)
    file = folder / ".devcontainer/devcontainer.json"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", ["docker_rootful", pytest.param("docker_rootless", marks=pytest.mark.slow)])
def test_a_dev_container(name: str, request: pytest.FixtureRequest) -> None:
    rig: Rig = request.getfixturevalue(name)
    found = Score()
    for kind, (text, options) in FILES.items():
        folder = rig.folder / "dev" / kind
        file = project(folder, text)
        bound = () if "workspaceMount" in text else ("--mount", f"type=bind,source={folder},target=/workspaces/{kind}")
        words = [each.replace("{folder}", str(folder)) for each in (*bound, *options)]
        container = f"dev-{kind}"
        try:
            rig.run("run", "-d", "--name", container, *words, "--entrypoint", "/bin/sh", "busybox", *WAITS)
            said, real = both(rig, file)
        finally:
            rig.run("rm", "-f", container, check=False)
        found.add(kind, said[kind], real[container])
    held(found)


@pytest.mark.slow
def test_of_podman(podman_rootless: Rig) -> None:
    """What only Podman knows says that it is Podman's, to which the tool adds options."""
    rig, folder = podman_rootless, podman_rootless.folder / "dev" / "pod"
    file = project(folder, '{"image": "busybox", "remoteUser": "x", "runArgs": ["--userns=keep-id"]}')
    options = ("--mount", f"type=bind,source={folder},target=/workspaces/pod", "--security-opt", "label=disable")
    try:
        rig.run("run", "-d", "--name", "dev-pod", *options, "--userns=keep-id", "--entrypoint", "/bin/sh", "busybox",
                *WAITS)  # fmt: skip
        said, real = both(rig, file)
    finally:
        rig.run("rm", "-f", "-t", "0", "dev-pod", check=False)
    found = Score()
    found.add("pod", said["pod"], real["dev-pod"])
    held(found)


def test_features_that_lend_the_host(docker_rootful: Rig, tmp_path: Path) -> None:
    """Docker inside is privileged, and Docker outside is the engine's socket."""
    rig, file = docker_rootful, project(tmp_path / "nested", NESTED)
    socket = rig.endpoint.removeprefix("unix://")
    options = ("--privileged", "-v", f"{socket}:/var/run/docker-host.sock", "--security-opt", "label=disable")
    try:
        rig.run("run", "-d", "--name", "dev-nested", *options, "busybox", "sleep", "3600")
        said, real = both(rig, file)
    finally:
        rig.run("rm", "-f", "dev-nested", check=False)
    for told in (said["nested"], real["dev-nested"]):
        assert told["threats"]["use-engine-socket"]["outcome"] == "open"
    verdicts = [
        {layer: each["verdict"] for layer, each in told["layers"].items()}
        for told in (said["nested"], real["dev-nested"])
    ]
    assert verdicts[0] == verdicts[1]


@pytest.mark.skipif(COMPOSE is None, reason="there is no docker-compose")
def test_a_compose_project(docker_rootful: Rig, tmp_path: Path) -> None:
    rig, file = docker_rootful, project(tmp_path / "shop", OF_COMPOSE)
    beside, override = file.parent / "compose.yml", tmp_path / "override.yml"
    beside.write_text(PROJECT)
    override.write_text(OVERRIDE)
    command = (COMPOSE or "", "-f", str(beside), "-f", str(override), "-p", "devshop")
    environ = {**rig.env, "DOCKER_HOST": rig.endpoint}
    try:
        up = subprocess.run((*command, "up", "-d"), env=environ, capture_output=True, text=True, check=False)
        assert up.returncode == 0, up.stderr
        said, real = both(rig, file)
    finally:
        subprocess.run((*command, "down", "-v", "-t", "0"), env=environ, capture_output=True, check=False)
    found = Score()
    for service in ("app", "db"):
        found.add(service, said[service], real[f"devshop-{service}-1"])
    held(found)


def test_an_image_that_asks_for_more(docker_rootful: Rig, tmp_path: Path) -> None:
    """What an image's own label asks for is predicted as what it starts with."""
    rig, file = docker_rootful, project(tmp_path / "labelled", '{"image": "dev-labelled"}')
    label = json.dumps([{"id": "x", "privileged": True}, {"containerUser": "1000"}])
    try:
        rig.run("create", "--name", "dev-base", "busybox")
        rig.run("commit", "-c", f"LABEL devcontainer.metadata={json.dumps(label)}", "dev-base", "dev-labelled")
        bound = f"type=bind,source={tmp_path / 'labelled'},target=/workspaces/labelled"
        rig.run("run", "-d", "--name", "dev-labelled", "--mount", bound, "-u", "1000", "--privileged", "dev-labelled",
                "sleep", "3600")  # fmt: skip
        said, real = both(rig, file)
    finally:
        for container in ("dev-base", "dev-labelled"):
            rig.run("rm", "-f", container, check=False)
        with suppress(subprocess.CalledProcessError):
            rig.run("rmi", "dev-labelled", check=False)
    found = Score()
    found.add("labelled", said["labelled"], real["dev-labelled"])
    held(found)
