"""What runs as root inside the virtual machine for the threats: containers that try them, and our report of each.

Standard library only. A container's first process is the program of `stratascope/attempts`, which waits for a signal:
our program reports while it waits, in the same state in which it then tries. Beside the defaults there are containers
in which all but access control is off, and the same ones without it, so that what it stops shows.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

from machine.vm.guest import OUT, SHARE, as_user, engine, program, record, run, say

ALL = "--cap-add ALL --security-opt seccomp=unconfined"
HOST = "--pid host --ipc host --network host --uts host"
OFF = {"apparmor": "--security-opt apparmor=unconfined", "selinux": "--security-opt label=disable"}
# under SELinux the engines take the label away from containers in the host's namespaces, unless one is named
ON = {"apparmor": "", "selinux": "--security-opt label=type:container_t"}
OPEN = "--cgroupns host --security-opt systempaths=unconfined -v /srv/host:/host"
SECONDS = 90


def plan(flavour: str) -> tuple[tuple[str, str, str], ...]:
    """Engine, name, options."""
    return (
        ("docker", "d-default", ""),
        ("docker", "d-nonroot", "--user 1000"),
        ("docker", "d-caps", ALL),
        ("docker", "d-caps-off", f"{ALL} {OFF[flavour]}"),
        ("docker", "d-host", f"{ALL} {HOST} {OPEN} {ON[flavour]}"),
        ("docker", "d-privileged", "--privileged"),
        ("podman", "p-default", ""),
        ("podman", "p-caps", ALL),
        ("podman", "p-auto", "--userns auto"),
        ("rootless", "r-default", ""),
        ("rootless", "r-caps", ALL),
    )


def image_of(kind: str) -> str:
    return "attempts" if kind == "docker" else "localhost/attempts"


def start_engines(flavour: str) -> None:
    if flavour == "selinux":
        Path("/etc/docker").mkdir(exist_ok=True)
        Path("/etc/docker/daemon.json").write_text('{"selinux-enabled": true}')
    with Path("/etc/subuid").open("a") as uids, Path("/etc/subgid").open("a") as gids:
        uids.write("containers:2147483647:2147483648\n")
        gids.write("containers:2147483647:2147483648\n")
    run("systemctl", "start", "docker.service")
    archive = Path("/var/tmp/attempts.tar")
    archive.write_bytes((SHARE / "attempts.tar").read_bytes())
    archive.chmod(0o644)
    for kind in ("docker", "podman", "rootless"):
        run(*engine(kind), "import", "--change", 'ENTRYPOINT ["/attempts"]', str(archive), image_of(kind))
    Path("/srv/host").mkdir()
    # other containers' processes, which some attempts look for by their names
    run("docker", "run", "--detach", "--name", "peer", "attempts", "peer")
    run("docker", "run", "--detach", "--name", "strong", "--privileged", "attempts", "peer", "strong")


def first_process(kind: str, name: str) -> int:
    return int(run(*engine(kind), "inspect", "--format", "{{.State.Pid}}", name))


def wait_until_ready(kind: str, name: str) -> None:
    for _ in range(SECONDS):
        if '"ready"' in run(*engine(kind), "logs", name, check=False):
            return
        time.sleep(1)
    raise RuntimeError(f"{name} is not ready")


def try_all(pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)
    for _ in range(2 * SECONDS):
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.5)
    say("still runs:", pid)


def start_services() -> subprocess.Popen[bytes]:
    """Podman's services at their usual addresses: root's own, and the ordinary user's by systemd."""
    address = Path("/run/podman/podman.sock")
    address.parent.mkdir(exist_ok=True)
    command = ("podman", "system", "service", "--time", "0", f"unix://{address}")
    service = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    run(*as_user("systemctl", "--user", "start", "podman.socket"))
    for _ in range(SECONDS):
        if address.exists():
            return service
        time.sleep(1)
    raise RuntimeError("podman's service did not start")


def enforce(on: bool) -> None:
    # the engines start and stop containers while the policy only warns: Debian's does not let them otherwise
    if Path("/sys/fs/selinux/enforce").exists():
        run("setenforce", "1" if on else "0")


def main(flavour: str) -> None:
    start_engines(flavour)
    failed, found = {}, {}
    for kind, name, options in plan(flavour):
        try:
            run(*engine(kind), "run", "--detach", "--name", name, *options.split(), image_of(kind), "wait")
            wait_until_ready(kind, name)
            say("waits", name)
        except RuntimeError as error:
            failed[name] = str(error)
            say("FAILED", name, error)
    pids = {name: (kind, first_process(kind, name)) for kind, name, _ in plan(flavour) if name not in failed}
    # Debian's policy lets no engine start its service, so those that are asked run before
    service = start_services()
    enforce(True)
    record("root", program("report", "--json"))
    record("user", as_user(*program("report", "--json")))
    enforce(False)
    service.terminate()
    for name, (kind, pid) in pids.items():
        enforce(True)
        try_all(pid)
        enforce(False)
        found[name] = run(*engine(kind), "logs", name, check=False).splitlines()
        say("tried", name, len(found[name]))
    (OUT / "truth.json").write_text(json.dumps({"failed": failed, "attempts": found}, indent=1))
    say("done")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception:
        (OUT / "trouble.txt").write_text(traceback.format_exc())
        raise
