"""Containers with as many options as an engine accepts, for relaunches that must lose none; compares OCI configs.

    with surroundings(rig) as places:                       # networks, volumes, folders, an image, two helpers
        for torture in tortures(rig):
            with rig.container(*torture.filled(places), image=torture.image, command=torture.command) as container: …

    differences(rig.config(old), rig.config(new), old, new)     # {"process.env[3]": ("A=1", "A=2")}; {} for none

The image `torture` has an entry point, a command, a user, volumes, ports, a healthcheck, labels and a stop signal.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.engine import Rig
from rig.image import write_image

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
SLEEP = ("sleep", "3600")
CHANGES = (
    'ENTRYPOINT ["/bin/sh","-c"]',
    'CMD ["sleep 3600"]',
    "USER app",
    "VOLUME /var/data",
    "VOLUME /var/more",
    "EXPOSE 8080",
    "EXPOSE 53/udp",
    "ENV FROM=image",
    "LABEL made=here",
    "WORKDIR /var",
    "STOPSIGNAL SIGQUIT",
)


@dataclass(frozen=True, slots=True)
class Places:
    """Values for the placeholders in options: `{folder}`, `{helper}` …"""

    folder: Path  # on the host, with `file` and the folders `shared` and `deep/er`
    profile: Path  # a seccomp profile
    first: str  # a network with the subnet 10.201.7.0/24
    second: str
    helper: str  # a container with volumes and a shareable IPC namespace
    volume: str  # with a file in it


@dataclass(frozen=True, slots=True)
class Torture:
    """Options for the engine's `run`. `kinds`: names of the engines that take them."""

    name: str
    args: tuple[str, ...]
    kinds: tuple[str, ...]
    image: str = "busybox"
    command: tuple[str, ...] = SLEEP

    def filled(self, places: Places) -> tuple[str, ...]:
        """The options with real names."""
        words = {name: str(getattr(places, name)) for name in places.__slots__}
        return tuple(re.sub(r"\{(\w+)\}", lambda match: words[match[1]], arg) for arg in self.args)


ALL = ("docker_rootful", "docker_rootless", "podman_rootful", "podman_rootless")
DOCKER = ALL[:2]
ROOTFUL = ("docker_rootful", "podman_rootful")

_PROCESS = (
    *("--hostname", "tortured", "--user", "app:daemon", "--group-add", "1", "--group-add", "2345"),
    *("--env", "PLAIN=1", "--env", "EMPTY=", "--env", "EQUALS=a=b=c", "--env", "SPACES=a b  c", "--env", "UTF=å日本"),
    *("--workdir", "/tmp", "--entrypoint", "/bin/busybox", "--init", "--tty", "--interactive"),
    *("--label", "plain=1", "--label", "empty=", "--label", 'json={"a": ["b"]}'),
    *("--stop-signal", "SIGINT", "--stop-timeout", "3", "--restart", "on-failure:3"),
    *("--health-cmd", "true", "--health-interval", "30s", "--health-timeout", "4s", "--health-retries", "7"),
    *("--health-start-period", "11s", "--oom-score-adj", "500", "--annotation", "org.example.note=kept"),
    *("--log-driver", "k8s-file"),
)
_DOCKER_PROCESS = (
    *_PROCESS[:-2],
    *(
        "--health-start-interval",
        "3s",
    ),
    *("--log-driver", "json-file", "--log-opt", "max-size=1m", "--log-opt", "max-file=2"),
)
_SECURITY = (
    *("--cap-drop", "all", "--cap-add", "net_bind_service", "--cap-add", "CAP_CHOWN"),
    *("--security-opt", "seccomp={profile}", "--security-opt", "no-new-privileges"),
    *("--read-only", "--tmpfs", "/scratch:rw,size=1m,mode=1770,exec", "--tmpfs", "/plain"),
    *("--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit", "nproc=30000"),
    *("--sysctl", "net.ipv4.ip_unprivileged_port_start=80", "--sysctl", "net.ipv4.ping_group_range=0 10"),
)
_STORAGE = (
    *("--volume", "{folder}/shared:/shared:ro", "--volume", "{folder}/deep:/deep:rprivate"),
    *("--volume", "{folder}/file:/etc/single:ro", "--volume", "{volume}:/named", "--volume", "/nameless"),
    *("--mount", "type=bind,src={folder}/deep/er,dst=/mounted,readonly,bind-propagation=rprivate"),
    *("--mount", "type=volume,src={volume},dst=/again,readonly", "--mount", "type=volume,dst=/nameless-too"),
    *("--mount", "type=tmpfs,dst=/small,tmpfs-size=65536,tmpfs-mode=0700", "--shm-size", "1m"),
)
_NETWORK = (
    *("--network", "{first}", "--ip", "10.201.7.77", "--mac-address", "02:11:22:33:44:55", "--network-alias", "one"),
    *("--network-alias", "two", "--dns", "10.9.8.7", "--dns-search", "example.org", "--dns-option", "ndots:3"),
    *("--add-host", "other:10.1.2.3", "--publish", "127.0.0.1:18089:80", "--publish", "18053:53/udp"),
    *("--expose", "99"),
)
_LIMITS = (
    *("--memory", "64m", "--memory-reservation", "32m", "--memory-swap", "96m", "--pids-limit", "77"),
    *("--cpu-shares", "512", "--cpus", "0.75", "--cpuset-cpus", "0"),
)
_DEVICES = (
    *("--device", "/dev/null:/dev/nothing:rw", "--device", "/dev/zero", "--device-cgroup-rule", "c 1:3 mr"),
)  # fmt: skip

TORTURES = (
    Torture("plain", (), ALL),
    Torture("one-word", ("--tty", "--interactive"), ALL, "busybox", ("sh",)),
    Torture("process", _DOCKER_PROCESS, DOCKER),
    Torture("domain", ("--domainname", "example.org"), ("docker_rootful",)),
    Torture("process-podman", _PROCESS, ALL[2:]),
    Torture("security", _SECURITY, ALL),
    Torture("storage", _STORAGE, ALL),
    Torture("network", _NETWORK, ROOTFUL),
    Torture("network-rootless", _NETWORK, ("docker_rootless", "podman_rootless")),
    Torture("limits", _LIMITS, ROOTFUL),
    Torture("devices", _DEVICES, ROOTFUL),
    Torture(
        "everything", (*_DOCKER_PROCESS, *_SECURITY, *_STORAGE, *_NETWORK, *_LIMITS, *_DEVICES), ("docker_rootful",)
    ),
    Torture("privileged", ("--privileged",), ALL),
    Torture("host", ("--network", "host", "--uts", "host", "--pid", "host", "--cgroupns", "host"), ALL),
    Torture("host-ipc", ("--ipc", "host", "--network", "none", "--cgroupns", "private"), ("docker_rootful",)),
    Torture("host-ports", ("--network", "host", "-p", "18099:99", "--hostname", "own-name"), DOCKER),
    Torture(
        "joined",
        ("--network", "container:{helper}", "--ipc", "container:{helper}", "--pid", "container:{helper}"),
        ALL,
    ),
    Torture("borrowed", ("--volumes-from", "{helper}:ro", "--volume", "/own"), ALL),
    Torture("link", ("--link", "{helper}:dep"), ("docker_rootful",)),
    Torture("image", ("-P",), ALL, "torture", ()),
    Torture("image-no-entry", ("--entrypoint", "", "--user", "0", "--no-healthcheck"), ALL, "torture", SLEEP),
    Torture("image-volume", ("--volume", "{volume}:/var/data:ro", "--rm"), ALL, "torture", ()),
    Torture(
        "loose",
        (
            *("--cap-add", "ALL", "--cap-drop", "MKNOD", "--security-opt", "seccomp=unconfined"),
            *("--security-opt", "label=type:spc_t", "--security-opt", "no-new-privileges:false"),
            *("--ipc", "shareable", "--security-opt", "apparmor=unconfined"),
        ),
        DOCKER,
    ),
    Torture("no-masks", ("--security-opt", "systempaths=unconfined", "--ipc", "none"), DOCKER),
)


def tortures(kind: str) -> tuple[Torture, ...]:
    """The option sets for this kind of engine."""
    return tuple(torture for torture in TORTURES if kind in torture.kinds)


_NUMBERS = itertools.count(1)


@contextmanager
def surroundings(rig: Rig) -> Iterator[Places]:
    """Everything that the options name; all of it is removed after."""
    mark = f"torture-{os.getpid()}-{next(_NUMBERS)}"
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    names = (f"{mark}-1", f"{mark}-2")
    volume = f"{mark}-volume"
    try:
        folder.chmod(0o755)
        (folder / "deep/er").mkdir(parents=True)
        (folder / "shared").mkdir()
        (folder / "file").write_text("single\n")
        (folder / "seccomp.json").write_text(json.dumps(PROFILE))
        if rig.user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, *rig.user[:2])
        # Two test runs on one engine never meet, but networks of one machine might
        third = 7 if rig.kind == "docker" else 8
        rig.run("network", "create", "--subnet", f"10.201.{third}.0/24", names[0])
        rig.run("network", "create", names[1])
        rig.run("volume", "create", volume)
        _image(rig)
        args = ("--ipc", "shareable", "--volume", "/lent", "--volume", f"{folder}/shared:/lent-folder")
        with rig.container(*args, name=f"{mark}-helper") as helper:
            rig.run("run", "--rm", "--volume", f"{volume}:/v", "busybox", "sh", "-c", "echo kept > /v/file")
            yield Places(folder, folder / "seccomp.json", *names, helper=helper, volume=volume)
    finally:
        rig.run("network", "rm", *names, check=False)
        rig.run("volume", "rm", volume, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _image(rig: Rig) -> None:
    """The image `torture`: the plain one's files with a configuration."""
    if rig.run("images", "-q", "torture"):
        return
    folder = Path(tempfile.mkdtemp(prefix="torture-image-"))
    try:
        if rig.user is not None:
            os.chown(folder, *rig.user[:2])
        archive = folder / "files.tar"
        write_image(archive)
        archive.chmod(0o644)
        folder.chmod(0o755)
        rig.run("import", *(word for change in CHANGES for word in ("--change", change)), str(archive), "torture")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def flat(value: Any, where: str = "") -> dict[str, Any]:
    """A JSON value as its leaves, by their paths."""
    if isinstance(value, dict) and value:
        return {path: leaf for key, item in value.items() for path, leaf in flat(item, f"{where}.{key}").items()}
    if isinstance(value, list) and value:
        return {
            path: leaf for place, item in enumerate(value) for path, leaf in flat(item, f"{where}[{place}]").items()
        }
    return {where.lstrip("."): value}


def differences(old: dict[str, Any], new: dict[str, Any], old_id: str, new_id: str) -> dict[str, tuple[Any, Any]]:
    """What differs between two OCI configs, apart from the containers' ids and the layers of their root."""
    one, two = (flat(_plain(config, container)) for config, container in ((old, old_id), (new, new_id)))
    return {
        path: (one.get(path), two.get(path))
        for path in sorted({*one, *two})
        if one.get(path, one) != two.get(path, one)
    }


def _plain(config: dict[str, Any], container: str) -> dict[str, Any]:
    text = json.dumps(config).replace(container, "ID").replace(container[:12], "ID")
    text = re.sub(r"overlay2?/[0-9a-zA-Z]+", "overlay/LAYER", text)
    found: dict[str, Any] = json.loads(text)
    # lists made from maps have no fixed order
    found["mounts"] = sorted(found.get("mounts", ()), key=lambda mount: str(mount.get("destination")))
    for mount in found["mounts"]:
        mount.get("options", []).sort()
    found["process"].get("env", []).sort()
    found["process"]["user"].get("additionalGids", []).sort()
    return found
