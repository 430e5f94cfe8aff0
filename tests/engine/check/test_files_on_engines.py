"""What `check` says of a Compose file, a manifest and a unit, and what stands once an engine really started them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from rig.check.compared import Score
from rig.check.real import both
from rig.check.started import generated
from rig.engine import Rig

COMPOSE = shutil.which("docker-compose")
COMPOSED = """
x-tight: &tight
  image: busybox
  command: [sleep, "3600"]
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  read_only: true
services:
  tight:
    <<: *tight
    user: "1000:1000"
    tmpfs: /tmp
    mem_limit: 64m
    pids_limit: 50
  plain: {image: busybox, command: [sleep, "3600"]}
  open:
    image: busybox
    command: [sleep, "3600"]
    privileged: true
    pid: host
    volumes: ["/etc:/host/etc"]
  capable:
    extends: {service: plain}
    cap_add: [SYS_ADMIN, NET_ADMIN]
    security_opt: ["seccomp=unconfined"]
    volumes:
      - data:/data
      - {type: bind, source: /usr/local, target: /host/local, read_only: true}
volumes: {data: {}}
"""
JOINED = """
services:
  web: {image: busybox, command: [sleep, "3600"]}
  side:
    image: busybox
    command: [sleep, "3600"]
    pid: service:web
    network_mode: service:web
    ipc: service:admin
  beside: {image: busybox, command: [sleep, "3600"], user: "1000", pid: "service:side"}
  admin:
    image: busybox
    command: [sleep, "3600"]
    ipc: shareable
    cap_add: [SYS_ADMIN]
    security_opt: ["seccomp=unconfined"]
  on-host: {image: busybox, command: [sleep, "3600"], user: "1000", pid: host}
  joins-host: {image: busybox, command: [sleep, "3600"], pid: "service:on-host"}
"""
MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  containers:
    - name: plain
      image: localhost/busybox:latest
      imagePullPolicy: Never
      command: [sleep, "3600"]
    - name: tight
      image: localhost/busybox:latest
      imagePullPolicy: Never
      command: [sleep, "3600"]
      securityContext:
        runAsUser: 1000
        runAsGroup: 1000
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
    - name: open
      image: localhost/busybox:latest
      imagePullPolicy: Never
      command: [sleep, "3600"]
      securityContext: {privileged: true}
      volumeMounts: [{name: etc, mountPath: /host/etc}]
  volumes: [{name: etc, hostPath: {path: /etc}}]
"""
TOGETHER = """
apiVersion: v1
kind: Pod
metadata: {name: together}
spec:
  shareProcessNamespace: true
  containers:
    - {name: open, image: "localhost/busybox:latest", imagePullPolicy: Never, command: [sleep, "3600"]}
    - name: tight
      image: localhost/busybox:latest
      imagePullPolicy: Never
      command: [sleep, "3600"]
      securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
UNITS = {
    "plain": "[Container]\nImage=busybox\nExec=sleep 3600\n",
    "tight": "[Container]\nImage=busybox\nExec=sleep 3600\nDropCapability=ALL\nNoNewPrivileges=true\n"
    "ReadOnly=true\nUser=1000\nGroup=1000\nTmpfs=/tmp\n",
    "open": "[Container]\nImage=busybox\nExec=sleep 3600\nPodmanArgs=--privileged --pid=host\nVolume=/etc:/host/etc\n",
    "capable": "[Container]\nImage=busybox\nExec=sleep 3600\nAddCapability=SYS_ADMIN NET_ADMIN\n"
    "SeccompProfile=unconfined\nUnmask=ALL\nNetwork=host\n",
}


def held(found: Score) -> None:
    """None on the dangerous side; nearly all of it right."""
    assert found.dangerous == []
    assert found.share("equal") >= 98, (found.told(), found.wrong, found.missing)
    assert found.share("unknown") <= 3, found.told()


@pytest.mark.skipif(COMPOSE is None, reason="there is no docker-compose")
@pytest.mark.parametrize("text", [COMPOSED, JOINED], ids=["alone", "joined"])
@pytest.mark.parametrize("name", ["docker_rootful", pytest.param("docker_rootless", marks=pytest.mark.slow)])
def test_a_compose_file(name: str, text: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig: Rig = request.getfixturevalue(name)
    file = tmp_path / "compose.yml"
    file.write_text(text)
    tmp_path.chmod(0o755)
    command = (COMPOSE or "", "-f", str(file), "-p", "checked")
    environ = {**rig.env, "DOCKER_HOST": rig.endpoint}
    try:
        up = subprocess.run((*command, "up", "-d"), env=environ, capture_output=True, text=True, check=False)
        assert up.returncode == 0, up.stderr
        said, real = both(rig, file)
    finally:
        subprocess.run((*command, "down", "-v", "-t", "0"), env=environ, capture_output=True, check=False)
    found = Score()
    assert said
    for service, expected in said.items():
        found.add(service, expected, real[f"checked-{service}-1"])
    held(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["podman_rootful", pytest.param("podman_rootless", marks=pytest.mark.slow)])
def test_a_manifest(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig: Rig = request.getfixturevalue(name)
    file = rig.folder / "shop.yml"
    file.write_text(MANIFEST)
    file.chmod(0o644)
    # the pod's own first process is of our image: no registry is asked
    infra = ("--infra-image", "busybox:latest", "--infra-command", "sleep 3600")
    del infra
    try:
        rig.run("kube", "play", str(file))
        said, real = both(rig, file)
    finally:
        rig.run("kube", "down", str(file), check=False)
    found = Score()
    for container in ("plain", "tight", "open"):
        found.add(container, said[f"shop-{container}"], real[f"shop-{container}"])
    held(found)


@pytest.mark.parametrize("name", ["podman_rootful", pytest.param("podman_rootless", marks=pytest.mark.slow)])
def test_a_pod_with_one_process_namespace(name: str, request: pytest.FixtureRequest) -> None:
    """Each of its containers sees the processes of the others and those of the pod, and none of the host."""
    rig: Rig = request.getfixturevalue(name)
    file = rig.folder / "together.yml"
    file.write_text(TOGETHER)
    file.chmod(0o644)
    try:
        rig.run("kube", "play", str(file))
        said, real = both(rig, file)
        # by its own /proc: what an exec over Podman's API prints may be lost (`Rig.said`)
        inside = Path(f"/proc/{rig.pid('together-open')}/root/proc")
        seen = [file.read_bytes().replace(b"\0", b" ").strip() for file in inside.glob("[0-9]*/cmdline")]
        mode = rig.run("inspect", "together-open", "-f", "{{.HostConfig.PidMode}}")
    finally:
        rig.run("kube", "down", str(file), check=False)
    assert mode.startswith("container:")
    assert seen == [b"sleep 3600"] * 3  # the pod's first process, its own and its neighbour's; nothing of the host
    found = Score()
    for container in ("open", "tight"):
        found.add(container, said[f"together-{container}"], real[f"together-{container}"])
    # of its neighbours only the first process is looked at, and another one may have its user
    for container, outcomes in (("open", {"open"}), ("tight", {"stopped", "unknown"})):
        for told in (said, real):
            assert told[f"together-{container}"]["threats"]["enter-foreign-process"]["outcome"] in outcomes
    held(found)


@pytest.mark.skipif(not Path("/usr/libexec/podman/quadlet").exists(), reason="there is no generator of Quadlet")
@pytest.mark.parametrize("name", ["podman_rootful", pytest.param("podman_rootless", marks=pytest.mark.slow)])
def test_units(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig: Rig = request.getfixturevalue(name)
    for unit, text in UNITS.items():
        (tmp_path / f"{unit}.container").write_text(text)
    found = Score()
    with generated(rig, tmp_path):
        for unit in UNITS:
            said, real = both(rig, tmp_path / f"{unit}.container")
            found.add(unit, said[unit], real[unit])
    held(found)
