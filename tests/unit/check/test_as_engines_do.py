"""What engines made of words that were misread once: each was really started, and stood as is said here."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from rig.check.real import said
from stratascope.core.container import EngineKind
from stratascope.core.snapshot import MachineCapture
from stratascope.layers import all_layers
from stratascope.usecases.check.check import Checker, Host
from stratascope.value import replace
from stratascope.wiring.check import LocalFiles, LocalHosts
from stratascope.wiring.engines import demo_capture, open_engines

FILES, SYSTEM, SET_UID = "write-host-files", "change-host-system", "plant-set-uid-on-host"
# Docker 26.1 and Podman 5.4, as root; the user is root
LINES = {
    # --mount: Docker reads a flag as Go does, Podman knows true and false only
    "docker run --mount type=bind,src=/etc,dst=/x,readonly=T": {FILES: "stopped"},
    "podman run --mount type=bind,src=/etc,dst=/x,readonly=1": {FILES: "open", SYSTEM: "open"},
    "podman run --mount type=bind,src=/etc,dst=/x,ro=TRUE": {FILES: "stopped"},
    "podman run --mount type=bind,src=/etc,dst=/x,rw=false": {FILES: "stopped"},
    "docker run --mount 'type=bind,\"src=/a,b\",dst=/x,readonly'": {FILES: "stopped"},
    # a volume that is a folder of the host's
    "docker run --mount type=volume,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc": {
        FILES: "open",
        SYSTEM: "open",
    },
    "podman run --mount type=volume,src=v,dst=/x,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/etc": {
        FILES: "open"
    },
    "docker run --mount type=volume,src=v,dst=/x,volume-opt=type=tmpfs,volume-opt=device=tmpfs": {FILES: "stopped"},
    # what a bind shows
    "podman run -v /usr/local:/x:O": {FILES: "stopped"},
    "podman run -v /usr/local:/x": {SET_UID: "open"},
    "podman run -v /usr/local:/x:nosuid": {FILES: "open", SET_UID: "unknown"},
    "podman run -v /usr/local:/x:idmap --uidmap 0:100000:65536": {FILES: "open", SET_UID: "open"},
    "docker run --mount type=bind,src=/,dst=/host": {"write-core-pattern": "open"},
    "docker run --mount type=bind,src=/,dst=/host,bind-nonrecursive": {"write-core-pattern": "stopped"},
    "podman run -v /:/host:bind": {"write-core-pattern": "stopped"},
    "docker run --mount type=bind,src=/,dst=/host,readonly": {"write-core-pattern": "stopped"},
    "docker run --mount type=bind,src=/,dst=/host,readonly,bind-recursive=writable": {"write-core-pattern": "open"},
    # masks come last, patterns take them away
    "podman run --security-opt unmask=/proc/acpi": {"write-core-pattern": "stopped"},
    "podman run --security-opt unmask=/proc/*": {"write-core-pattern": "open", "read-firmware": "stopped"},
    "docker run -v /proc/sys:/proc/sys": {"write-core-pattern": "stopped"},
    "docker run -v /sys/firmware:/sys/firmware": {"read-firmware": "stopped"},
    "docker run --cgroupns host -v /sys/fs/cgroup:/sys/fs/cgroup:rw --cap-add MKNOD": {"open-host-disk": "open"},
    "docker run --cpuset-cpus 0": {"exhaust-cpu": "stopped"},
    "docker run --cpuset-cpus 0-1023": {"exhaust-cpu": "open"},
    "podman run --user 1000": {"fork-bomb": "open"},  # its group begins empty
    "podman run --userns keep-id --user 1000": {"be-engine-user": "stopped", "fork-bomb": "open"},
    # of whom nothing is known
    "docker run --volumes-from other": {
        FILES: "unknown",
        "use-engine-socket": "unknown",
        "see-host-processes": "unknown",
    },
    "podman run --pod there": {"reach-host-network": "unknown", "see-host-processes": "unknown"},
    "podman run --pod new:mine": {"reach-host-network": "stopped", "see-host-processes": "stopped"},
}


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {threat: each["outcome"] for threat, each in found["threats"].items()}


def beside(folder: Path, files: dict[str, str]) -> Path:
    """These files; the first of them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / next(iter(files))


@pytest.mark.parametrize("line", LINES)
def test_a_line(made: Checker, line: str) -> None:
    program, verb, *rest = shlex.split(line)
    found = outcomes(said(made.words((program, verb, "--name", "it", "--user", "0", *rest, "image"), 0.0))["it"])
    assert {threat: found[threat] for threat in LINES[line]} == LINES[line]


class OfVersion(LocalHosts):
    """The engine in that version, with one volume."""

    version = "26.1.5"

    def host(self, kind: EngineKind | None) -> Host:
        found = super().host(kind)
        return replace(found, engine=replace(found.engine, version=self.version))

    def volume(self, host: Host, name: str) -> dict[str, str]:
        return {"type": "none", "o": "bind", "device": "/etc"} if name == "etc" else {}

    def real(self, host: Host, path: str) -> str:
        return "/etc" if path == "/link" else path


@pytest.mark.parametrize(("version", "outcome"), [("26.1.5", "open"), ("28.0.0", "stopped")])
def test_a_filter_beside_privileged(tmp_path: Path, version: str, outcome: str) -> None:
    """Docker took no notice of it once."""
    profile = beside(tmp_path, {"none.json": '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}'})
    demo = demo_capture()
    hosts = OfVersion(None, MachineCapture(demo.taken_at, demo.host, (), ()))
    hosts.version = version
    line = ("docker", "run", "--privileged", "--user=0", "--name=it", f"--security-opt=seccomp={profile}", "image")
    found = said(Checker(all_layers(), hosts, LocalFiles({})).words(line, 0.0))["it"]
    assert outcomes(found)["add-key"] == outcome


@pytest.mark.parametrize(
    ("asked", "outcome"), [("etc:/x", "open"), ("etc:/x:ro", "stopped"), ("other:/x", "stopped"), ("/link:/x", "open")]
)
def test_what_is_there_already(asked: str, outcome: str) -> None:
    """A volume that is a folder of the host's, and a link to one."""
    demo = demo_capture()
    made = Checker(all_layers(), OfVersion(None, MachineCapture(demo.taken_at, demo.host, (), ())))
    found = said(made.words(("docker", "run", "--user=0", "--name=it", "-v", asked, "image"), 0.0))["it"]
    assert outcomes(found)[SYSTEM] == outcome


def test_a_volume_of_a_compose_file_that_is_there() -> None:
    """By the name that the engine has it under: its own, or that of the project."""
    demo = demo_capture()
    made = Checker(all_layers(), OfVersion(None, MachineCapture(demo.taken_at, demo.host, (), ())))
    text = """
services:
  outside: {image: a, user: root, volumes: ["etc:/x"]}
  renamed: {image: a, user: root, volumes: [{type: volume, source: other, target: /x}]}
  own: {image: a, user: root, volumes: ["mine:/x"]}
volumes: {etc: {external: true}, other: {name: etc, external: true}, mine: }
"""
    checked = made.text(text, "/srv/My.Shop/compose.yml", 0.0)
    found = {name: outcomes(each)[SYSTEM] for name, each in said(checked).items()}
    assert found == {"outside": "open", "renamed": "open", "own": "stopped"}
    assert checked.snapshot is not None
    (volume,) = checked.snapshot.containers[2].container.asked.mounts
    assert volume.volume == "myshop_mine"


def test_a_link(made: Checker, tmp_path: Path) -> None:
    """Followed where the engine is on this machine."""
    (tmp_path / "link").symlink_to("/etc")
    link = str(tmp_path / "link")
    host, _ = made.predictor(None)
    here = replace(host, engine=replace(host.engine, endpoint="unix:///run/x.sock"))
    with open_engines(environ={"STRATASCOPE_ENGINES": f"docker=unix://{tmp_path}/none.sock"}) as engines:
        hosts = LocalHosts(engines)
        assert hosts.real(here, link) == "/etc"
        assert hosts.real(replace(host, engine=replace(host.engine, endpoint="ssh://a")), link) == link
    assert LocalHosts(None, MachineCapture(0.0, demo_capture().host, (), ())).real(here, link) == link


COMPOSED = """
services:
  a: {image: a, user: root, privileged: yes, read_only: On}
  b: {image: b, user: root, privileged: no, volumes: [".:/here", "etc:/x"]}
  c: {image: c, user: root, volumes: [{type: bind, source: /, target: /host, bind: {recursive: disabled}}]}
  d: {image: d, user: root, volumes: ["fixed:/x", {type: bind, source: /etc, target: /y, read_only: "yes"}]}
volumes:
  etc: {driver_opts: {type: none, o: bind, device: /etc}}
  fixed: {driver_opts: {type: none, o: "bind,ro", device: /etc}}
"""


def test_a_compose_file(made: Checker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that is named as people do: from the folder that it is in."""
    beside(tmp_path, {"compose.yml": COMPOSED})
    monkeypatch.chdir(tmp_path)
    found = said(made.text(COMPOSED, "compose.yml", 0.0))
    by_name = {name: outcomes(each) for name, each in found.items()}
    assert by_name["a"]["bind-mount"] == "open"
    assert by_name["a"]["write-root-file-system"] == "stopped"
    assert by_name["b"]["bind-mount"] == "stopped"
    paths = found["b"]["layers"]["namespaces"]["facts"]["host_paths"]
    assert {path["source"] for path in paths} == {str(tmp_path), "/etc"}
    assert by_name["b"][SYSTEM] == "open"
    assert (by_name["c"][FILES], by_name["c"]["write-core-pattern"]) == ("open", "open")
    assert by_name["d"][FILES] == "stopped"


POD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: claim
  annotations: {volume.podman.io/type: none, volume.podman.io/device: /etc, volume.podman.io/mount-options: bind}
---
apiVersion: v1
kind: Pod
metadata:
  name: pod
  annotations:
    container.seccomp.security.alpha.kubernetes.io/b: unconfined
    io.podman.annotations.userns: keep-id
    io.podman.annotations.ulimit: nofile=100:200,nproc=50
spec:
  securityContext: {runAsUser: 0, fsGroup: 2000, supplementalGroups: [3000], seccompProfile: {type: Unconfined}}
  containers:
    - {name: a, image: a, securityContext: {seccompProfile: {type: Localhost, localhostProfile: x.json}}}
    - {name: b, image: b}
    - name: c
      image: c
      volumeMounts: [{name: v, mountPath: /x}, {name: n, mountPath: /dev/fuse}]
      resources: {limits: {"podman.io/device=/dev/kmsg": 1}}
  volumes:
    - {name: v, persistentVolumeClaim: {claimName: claim}}
    - {name: n, hostPath: {path: /dev/fuse, type: CharDevice}}
"""


def test_a_manifest(made: Checker) -> None:
    """`podman kube play` goes by annotations where Kubernetes has fields, and not by these fields."""
    checked = made.text(POD, "pod.yml", 0.0)
    by_name = {name: outcomes(each) for name, each in said(checked).items()}
    assert [by_name[f"pod-{name}"]["add-key"] for name in "abc"] == ["stopped", "open", "stopped"]
    assert by_name["pod-c"][FILES] == "open"
    assert checked.snapshot is not None
    asked = {state.container.name: state.container.asked for state in checked.snapshot.containers}
    assert asked["pod-a"].groups == ("3000",)
    assert asked["pod-a"].userns_mode == "keep-id"
    assert [(limit.name, limit.soft) for limit in asked["pod-a"].limits[-2:]] == [("nofile", 100), ("nproc", 50)]
    assert {device.source for device in asked["pod-c"].devices} == {"/dev/fuse", "/dev/kmsg"}
    told = [(problem.place.line, dict(problem.text.args).get("field")) for problem in checked.problems]
    assert [each for each in told if each[1]] == [(19, "seccompProfile"), (17, "seccompProfile")]


UNIT = "[Container]\nImage=image\nUser=0\n"
VOLUME = "[Volume]\nDevice=/etc\nType=none\nOptions=bind\n"
MANIFEST = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: image}]}\n"
UNITS: dict[str, tuple[dict[str, str], str, str]] = {
    "arguments": ({"u.container": f"{UNIT}PodmanArgs=-tv/etc:/x -m64m\n"}, FILES, "open"),
    "volume": ({"u.container": f"{UNIT}Volume=v.volume:/x\n", "v.volume": VOLUME}, SYSTEM, "open"),
    "fixed volume": ({"u.container": f"{UNIT}Volume=v.volume:/x:ro\n", "v.volume": VOLUME}, FILES, "stopped"),
    "mounted volume": (
        {"u.container": f"{UNIT}Mount=type=volume,source=v.volume,destination=/x\n", "v.volume": VOLUME},
        FILES,
        "open",
    ),
    "flag": ({"u.container": f"{UNIT}ReadOnly=yes\n"}, "write-root-file-system", "stopped"),
    "drop-in of a part": (
        {"a-b.container": UNIT, "a-.container.d/x.conf": "[Container]\nAddCapability=SYS_ADMIN\n"},
        "bind-mount",
        "open",
    ),
    "drop-in of a part, taken back": (
        {
            "a-b.container": UNIT,
            "a-.container.d/x.conf": "[Container]\nAddCapability=SYS_ADMIN\n",
            "a-b.container.d/x.conf": "",
        },
        "bind-mount",
        "stopped",
    ),
    "drop-in of a template": (
        {"a@b.container": UNIT, "a@.container.d/x.conf": "[Container]\nNetwork=host\n"},
        "reach-host-network",
        "open",
    ),
    "pod": (
        {"u.container": f"{UNIT}Pod=p.pod\n", "p.pod": "[Pod]\nPodmanArgs=--share pid,net --network=host\n"},
        "reach-host-network",
        "open",
    ),
    "unknown pod": ({"u.container": f"{UNIT}Pod=p.pod\n"}, "reach-host-network", "unknown"),
    "kube": ({"k.kube": "[Kube]\nYaml=p.yml\nNetwork=host\n", "p.yml": MANIFEST}, "reach-host-network", "open"),
    "kube's arguments": (
        {"k.kube": "[Kube]\nYaml=p.yml\nPodmanArgs=--network host\n", "p.yml": MANIFEST},
        "reach-host-network",
        "open",
    ),
}


@pytest.mark.parametrize("name", UNITS)
def test_a_unit(made: Checker, tmp_path: Path, name: str) -> None:
    files, threat, outcome = UNITS[name]
    first = beside(tmp_path, files)
    (found,) = said(made.text(first.read_text(), str(first), 0.0)).values()
    assert outcomes(found)[threat] == outcome


def test_a_pod_that_shares_its_processes(made: Checker, tmp_path: Path) -> None:
    first = beside(tmp_path, UNITS["pod"][0])
    checked = made.text(first.read_text(), str(first), 0.0)
    assert not any(problem.unread for problem in checked.problems)
    assert outcomes(said(checked)["u"])["enter-foreign-process"] == "unknown"
