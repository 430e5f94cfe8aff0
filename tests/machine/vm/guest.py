"""What runs as root inside the virtual machine: engines, containers, our reports, and the truth to compare them with.

Standard library only, and nothing of ours: what it writes to /mnt/out/truth.json is read by code that shares not a
line with the program. The reports are the program's own output, as root and as an ordinary user; `test_machines.py`
compares the two outside. Nothing is cleaned up: the machine's disk is thrown away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

OUT = Path("/mnt/out")
SHARE = Path("/mnt/share")
USER, UID = "user", 1000
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
REMAP = "unix:///run/remap.sock"
STARTED = time.monotonic()

# engine, name, options
Plan = tuple[tuple[str, str, str], ...]
COMMON: Plan = (
    ("docker", "d-default", ""),
    ("docker", "d-privileged", "--privileged"),
    ("docker", "d-host", "--pid host --ipc host"),
    (
        "docker",
        "d-hard",
        "--cap-drop ALL --security-opt no-new-privileges --memory 64m --pids-limit 50 --cpus 0.5 --read-only",
    ),
    ("podman", "p-default", ""),
    ("podman", "p-privileged", "--privileged"),
    ("podman", "p-auto", "--userns auto"),
    ("rootless", "r-default", ""),
    ("rootless", "r-limits", "--memory 64m --pids-limit 40"),
    ("rootless", "r-keepid", "--userns keep-id"),
)
PLANS: dict[str, Plan] = {
    "apparmor": (
        *COMMON,
        ("docker", "d-unconfined", "--security-opt apparmor=unconfined"),
        ("docker", "d-complain", "--security-opt apparmor=vm-complain"),
        ("remap", "d-remap", ""),
    ),
    "selinux": (
        *COMMON,
        ("docker", "d-disable", "--security-opt label=disable"),
        ("docker", "d-spc", "--security-opt label=type:spc_t"),
        ("podman", "p-disable", "--security-opt label=disable"),
    ),
}
# of these the capture that is kept for the fast tests is made
KEPT = {
    "apparmor": ("d-default", "d-complain", "r-default"),
    "selinux": ("d-default", "d-host", "r-default"),
}
PROFILE = "profile vm-complain flags=(attach_disconnected,complain) {\n  file,\n}\n"


def say(*words: object) -> None:
    sys.stdout.write(f"{time.monotonic() - STARTED:7.1f} {' '.join(map(str, words))}\n")
    sys.stdout.flush()


def run(*command: str, check: bool = True, limit: float = 180) -> str:
    """Standard output of a command; its words on failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def as_user(*command: str, group: str = "", environment: tuple[str, ...] = ()) -> tuple[str, ...]:
    """A command as the ordinary user, in a session like that of a desktop: with XDG_RUNTIME_DIR."""
    others = ("-g", group) if group else ()
    variables = (f"XDG_RUNTIME_DIR=/run/user/{UID}", f"HOME=/home/{USER}", f"USER={USER}", *environment)
    return ("sudo", "-n", "-u", USER, *others, "env", "-C", "/", *variables, *command)


def engine(name: str) -> tuple[str, ...]:
    """How that engine's own command line is called."""
    if name == "remap":
        return ("docker", "-H", REMAP)
    return as_user("podman") if name == "rootless" else (name,)


def program(*arguments: str) -> tuple[str, ...]:
    """Our program, from the share."""
    path = f"PYTHONPATH={SHARE}/checkout/app:{SHARE}/site"
    return ("env", path, "PYTHONDONTWRITEBYTECODE=1", sys.executable, "-m", "stratascope", *arguments)


def record(name: str, command: tuple[str, ...]) -> None:
    """Run our program; keep what it prints, what it complains of, and its exit code."""
    say("report", name)
    done = subprocess.run(command, capture_output=True, check=False, timeout=300, stdin=subprocess.DEVNULL, cwd="/")
    (OUT / f"{name}.json").write_bytes(done.stdout)
    (OUT / f"{name}.exit").write_text(f"{done.returncode}\n{done.stderr.decode(errors='replace')}")


def start_engines(flavour: str) -> str:
    """Docker by its socket, as Debian's package does it; a second daemon with remapped ids under AppArmor.

    Returns the state of docker.service after our program had asked its socket.
    """
    if flavour == "selinux":
        Path("/etc/docker").mkdir(exist_ok=True)
        Path("/etc/docker/daemon.json").write_text('{"selinux-enabled": true}')
    else:
        profile = Path("/etc/apparmor.d/vm-complain")
        profile.write_text(PROFILE)
        run("apparmor_parser", "-r", str(profile))
    with Path("/etc/subuid").open("a") as uids, Path("/etc/subgid").open("a") as gids:
        uids.write("containers:2147483647:2147483648\n")
        gids.write("containers:2147483647:2147483648\n")
    record("engines-idle-user", as_user(*program("engines", "--json")))
    run("systemctl", "start", "docker.socket")
    record("engines-socket-root", program("engines", "--json"))  # the first word on the socket starts the daemon
    activated = run("systemctl", "is-active", "docker.service", check=False).strip()
    run("systemctl", "start", "docker.service")
    if flavour == "apparmor":
        command = (
            *("dockerd", "--host", REMAP, "--data-root", "/var/lib/remap", "--exec-root", "/run/remap"),
            *("--pidfile", "/run/remap.pid", "--userns-remap", "default", "--bridge", "remap0", "--iptables=false"),
        )
        # a bridge of its own: told to have none, it would take away the other daemon's
        run("ip", "link", "add", "remap0", "type", "bridge")
        run("ip", "address", "add", "10.8.0.1/24", "dev", "remap0")
        with Path("/run/remap.log").open("wb") as log:
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(120):
            if subprocess.run((*engine("remap"), "version"), capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.5)
        run(*engine("remap"), "import", "--change", 'CMD ["sleep","3600"]', "/opt/bb.tar", "bb")
    return activated


def start_containers(flavour: str) -> dict[str, str]:
    """All of the plan; what the engines said where one does not start."""
    failed = {}
    for kind, name, options in PLANS[flavour]:
        image = "bb" if kind in ("docker", "remap") else "localhost/bb"
        try:
            run(*engine(kind), "run", "--detach", "--name", name, *options.split(), image)
            say("runs", name)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            failed[name] = str(error)
            say("FAILED", name, error)
    return failed


def truth_of(kind: str, name: str) -> dict[str, object]:
    """What the kernel says of one container's first process, and `ps` of its label."""
    pid = int(run(*engine(kind), "inspect", "--format", "{{.State.Pid}}", name))
    here = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (here / "status").read_text().splitlines() if ":\t" in line)
    group = Path("/sys/fs/cgroup") / (here / "cgroup").read_text().strip().removeprefix("0::/")
    return {
        "pid": pid,
        "id": run(*engine(kind), "inspect", "--format", "{{.Id}}", name).strip(),
        "label": (here / "attr/current").read_bytes().decode(),
        "ps_label": run("ps", "-o", "label=", "-p", str(pid)).strip(),
        "status": {key: status[key] for key in ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid", "NSpid")},
        "namespaces": {each: (here / "ns" / each).stat().st_ino for each in KINDS},
        "uid_map": [[int(word) for word in line.split()] for line in (here / "uid_map").read_text().splitlines()],
        "cgroup": (here / "cgroup").read_text().strip().removeprefix("0::"),
        "memory_max": least(group, "memory.max"),
        "pids_max": least(group, "pids.max"),
        "pids_of_unit": unit_pids(group),
        "masked": masked((here / "mountinfo").read_text()),
        "cpu_max": (group / "cpu.max").read_text().split() if (group / "cpu.max").exists() else None,
    }


def least(group: Path, name: str) -> int | None:
    """The smallest limit on the way up; None without."""
    found = []
    for place in (group, *group.parents):
        file = place / name
        if place.is_relative_to("/sys/fs/cgroup") and file.exists() and file.read_text().strip() != "max":
            found.append(int(file.read_text()))
    return min(found, default=None)


def masked(mountinfo: str) -> int:
    """How many paths of /proc and /sys are hidden below an empty directory or /dev/null."""
    fields = [line.split(" - ") for line in mountinfo.splitlines()]
    pairs = [(head.split()[4], tail.split()[0]) for head, tail in fields]
    # SELinux and cgroups are mounted below /sys too, as themselves
    return sum(1 for target, kind in pairs if target.startswith(("/proc/", "/sys/")) and kind in ("tmpfs", "devtmpfs"))


def unit_pids(group: Path) -> str:
    """What systemd itself says of the TasksMax of the container's unit."""
    unit = next((part for part in reversed(group.parts) if part.endswith(".scope")), "")
    return run("systemctl", "show", "--property", "TasksMax", "--value", unit, check=False).strip() if unit else ""


def reads_what_its_type_may_not(name: str) -> bool:
    """Whether that container may read a file that the policy does not let container_t read."""
    return run("docker", "exec", name, "cat", "/proc/sys/user/max_user_namespaces", check=False).strip().isdigit()


def main(flavour: str) -> None:
    activated = start_engines(flavour)
    failed = start_containers(flavour)
    facts = {name: truth_of(kind, name) for kind, name, _ in PLANS[flavour] if name not in failed}
    enforce = Path("/sys/fs/selinux/enforce")
    truth: dict[str, object] = {
        "failed": failed,
        "activated": activated,
        "containers": facts,
        "host": {each: Path(f"/proc/1/ns/{each}").stat().st_ino for each in KINDS},
        "lsm": Path("/sys/kernel/security/lsm").read_text(),
        "kernel": os.uname().release,
        "default_tasks": run("systemctl", "show", "--property", "DefaultTasksMax", "--value").strip(),
        "groups": run("id", "-nG", USER).split(),
        "socket": run("stat", "-c", "%a %U %G", "/run/docker.sock").split(),
    }
    remap = ("--engine", REMAP) if flavour == "apparmor" else ()
    # Podman's sockets are silent: the program starts the service itself
    record("root", program("report", "--json", "--save-capture", "/root/all.json"))
    record("user", as_user(*program("report", "--json")))
    record("docker-group", as_user(*program("report", "--json"), group="docker"))
    if remap:
        record("remap", program("report", "--json", *remap))
    path = f"PYTHONPATH={SHARE}/checkout/app:{SHARE}/site"
    pid = str(facts["d-default"]["pid"])
    record(
        "piped",
        (
            "env",
            path,
            "PYTHONDONTWRITEBYTECODE=1",
            sys.executable,
            str(SHARE / "machine" / "vm" / "guest_piped.py"),
            pid,
        ),
    )
    # the same with sockets that systemd listens on
    run("systemctl", "start", "podman.socket")
    run(*as_user("systemctl", "--user", "start", "podman.socket"))
    record("engines-user", as_user(*program("engines", "--json")))
    record("engines-root", program("engines", "--json"))
    leftovers = [line for line in run("ps", "-e", "-o", "args=").splitlines() if "system service" in line]
    truth["leftover_services"] = [line for line in leftovers if "stratascope-" in line]
    if enforce.exists():
        truth["enforce_before"] = enforce.read_text().strip()
        run("setenforce", "1")
        record("enforcing", program("report", "--json", "--engine", "docker"))
        record("enforcing-user", as_user(*program("report", "--json")))
        truth["read_enforced"] = reads_what_its_type_may_not("d-default")
        module = Path("/root/soft.cil")
        module.write_text("(typepermissive container_t)\n")
        run("semodule", "-i", str(module), limit=600)
        truth["read_permissive_type"] = reads_what_its_type_may_not("d-default")
        record("permissive-type", program("report", "--json", "--engine", "docker"))
        record("permissive-type-user", as_user(*program("report", "--json")))
        run("semodule", "-r", "soft", limit=600)
        run("setenforce", "0")
    for level in ("1", "2", "4"):
        value = {"4": "ptraceable"}.get(level, level)
        run("mount", "-o", f"remount,hidepid={value}", "/proc")
        record(f"hidepid-{level}", as_user(*program("report", "--json"), group="docker"))
    run("mount", "-o", "remount,hidepid=0", "/proc")
    # the small capture that stays with the tests: one of each outcome
    for kind, name, _ in PLANS[flavour]:
        if name not in KEPT[flavour] and kind != "remap":
            at_once = ("--time", "0") if kind != "docker" else ()
            run(*engine(kind), "rm", "--force", *at_once, name)
    if enforce.exists():
        run("setenforce", "1")
    endpoints = f"docker=unix:///run/docker.sock podman=unix:///run/user/{UID}/podman/podman.sock"
    capture = ("report", "--json", "--save-capture", str(OUT / "capture.json"))
    record("kept", ("env", f"STRATASCOPE_ENGINES={endpoints}", *program(*capture)))
    (OUT / "truth.json").write_text(json.dumps(truth, indent=1))
    say("done")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception:
        (OUT / "trouble.txt").write_text(traceback.format_exc())
        raise
