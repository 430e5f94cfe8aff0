"""How each kind of engine is started: command lines, configuration files, the ordinary user of the rootless ones."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

USER = "strata-test"
ROOTLESS_DOCKERD = Path("/usr/share/docker.io/contrib/dockerd-rootless.sh")


class NoEngineError(Exception):
    """This kind of engine can't be started here; says why."""


def path_variable() -> str:
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def base_environ(folder: Path) -> dict[str, str]:
    """An environment without the caller's: no proxy, no DOCKER_HOST, no session bus."""
    for name in ("home", "run", "home/.config/containers", "docker-config"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "run").chmod(0o711)
    return {
        "PATH": path_variable(),
        "HOME": str(folder / "home"),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/tmp",
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "DOCKER_CONFIG": str(folder / "docker-config"),
    }


def client(kind: str, endpoint: str) -> tuple[str, ...]:
    """The engine's client command for that endpoint."""
    return ("docker", "-H", endpoint) if kind == "docker" else ("podman", "--remote", "--url", endpoint)


def plan_docker(folder: Path, user: tuple[int, int, Path] | None) -> tuple[dict[str, str], list[str]]:
    env = base_environ(folder)
    socket_path = folder / "run" / "engine.sock"
    argv = [
        *("dockerd" if user is None else str(ROOTLESS_DOCKERD),),
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec"), "-p", str(folder / "pid")),
        *("-H", f"unix://{socket_path}", "--exec-opt", "native.cgroupdriver=cgroupfs", "--shutdown-timeout", "2"),
    ]
    (folder / "exec").mkdir()
    if user is None:
        return env, argv
    if not ROOTLESS_DOCKERD.exists():
        raise NoEngineError(f"docker_rootless needs {ROOTLESS_DOCKERD}")
    env["DOCKERD_ROOTLESS_ROOTLESSKIT_NET"] = "slirp4netns"
    env["DOCKERD_ROOTLESS_ROOTLESSKIT_PORT_DRIVER"] = "builtin"
    return env, argv


def knows_only_version_2(root: Path) -> bool:
    """Whether the Podman in that root folder has dropped support for cgroup v1."""
    asked = 'mount --rbind /proc "$0/proc" && exec chroot "$0" podman --version'
    command = ("unshare", "--mount", "--propagation", "private", "sh", "-c", asked, str(root))
    said = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stdout
    major = said.rpartition(" ")[2].partition(".")[0]
    return major.isdecimal() and int(major) >= 6


def _no_limits_in_version_2() -> bool:
    """Whether cgroup v2 lacks the controllers for limits here, since v1 has them."""
    places = [Path("/sys/fs/cgroup") / name / "cgroup.controllers" for name in ("", "unified")]
    return not any("pids" in place.read_text().split() for place in places if place.exists())


def plan_podman(
    folder: Path, user: tuple[int, int, Path] | None, runtime: str, version_2: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Environment and command of a Podman. `version_2`: use cgroup v2 only, and networks without slirp4netns."""
    env = base_environ(folder)
    number = os.getpid() * 7 + folder.stat().st_ino  # a subnet of its own: several test runs share the machine
    subnet = f"10.{100 + number % 100}.{number // 100 % 250}"
    (folder / "networks").mkdir()
    (folder / "networks" / "podman.json").write_text(json.dumps(_default_network(number, subnet)))
    cgroups = 'cgroups = "disabled"\n' if version_2 and _no_limits_in_version_2() else ""
    # for `--init`: Docker's, since catatonit is only recommended by Debian's package
    (folder / "containers.conf").write_text(f"""[containers]
init_path = "{shutil.which("docker-init") or ""}"
{cgroups}[engine]
runtime = "{runtime}"
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "localhost/busybox:latest"
infra_command = "/bin/sleep 1000000"
[network]
default_subnet = "{subnet}.0/24"
network_config_dir = "{folder / "networks"}"
default_rootless_network_cmd = "{"pasta" if version_2 else "slirp4netns"}"
""")
    (folder / "storage.conf").write_text(f"""[storage]
driver = "overlay"
graphroot = "{folder / "data"}"
runroot = "{folder / "run" / "storage"}"
""")
    (folder / "home/.config/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    env["CONTAINERS_CONF"] = str(folder / "containers.conf")
    env["CONTAINERS_STORAGE_CONF"] = str(folder / "storage.conf")
    env["PODMAN_IGNORE_CGROUPSV1_WARNING"] = "1"
    argv = ["podman", "--tmpdir", str(folder / "run" / "libpod"), "system", "service", "--time=0"]
    return env, [*argv, f"unix://{folder / 'run' / 'engine.sock'}"]


def _default_network(number: int, subnet: str) -> dict[str, object]:
    """Podman's default network with its own interface: two runs with podman0 would share its address."""
    return {
        "name": "podman",
        "id": hashlib.sha256(f"podman {number}".encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": f"podmans{number % 1_000_000}",
        "created": "2026-01-01T00:00:00Z",
        "subnets": [{"subnet": f"{subnet}.0/24", "gateway": f"{subnet}.1"}],
        "ipv6_enabled": False,
        "internal": False,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }


def ordinary_user() -> tuple[int, int, Path]:
    """An ordinary user with ranges of sub-ids; made if it is missing."""
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        command = ("useradd", "--create-home", "--shell", "/bin/sh", USER)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 9):  # 9: another test run was faster
            raise NoEngineError(f"useradd: {done.stderr}") from None
        entry = pwd.getpwnam(USER)
    for kind in ("subuid", "subgid"):
        if f"{USER}:" not in Path(f"/etc/{kind}").read_text():
            with Path(f"/etc/{kind}").open("a") as ranges:
                ranges.write(f"{USER}:1000000:65536\n")
    for device, number in (("/dev/net/tun", os.makedev(10, 200)), ("/dev/fuse", os.makedev(10, 229))):
        path = Path(device)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            os.mknod(path, 0o666 | stat.S_IFCHR, number)
        path.chmod(0o666)  # as udev has it on every desktop
    return entry.pw_uid, entry.pw_gid, Path(entry.pw_dir)
