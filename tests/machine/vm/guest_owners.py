"""What runs as root inside the virtual machine: Quadlet units under a real systemd, hardened through their owner.

Standard library only. Each step's exit code, answer and what the kernel and systemd say afterwards go to
/mnt/out/truth.json; `test_owners.py` judges them outside. Nothing is cleaned up: the disk is thrown away.
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
from typing import Any

SHARE, OUT = Path("/mnt/share"), Path("/mnt/out")
UID = 1000
HOME = Path("/home/user")
# The second one writes where only a root that can be written lets it (Podman has a tmpfs on /run and /tmp else)
UNITS = {
    "web": "trap 'exit 0' TERM; sleep 3600 & wait",
    "writer": "mkdir -p /var/cache/it || exit 7; trap 'exit 0' TERM; sleep 3600 & wait",
}
UNIT = """[Container]
Image=localhost/bb
ContainerName={name}
Exec=sh -c "{command}"
Environment=SECRET=not-to-be-seen

[Service]
Restart=always
RestartSec=100ms
TimeoutStartSec=100

[Install]
WantedBy=default.target
"""
HARDER = ("--set", "no-new-privileges=on", "--set", "capabilities=none")


def say(*words: object) -> None:
    """Into a file that can be watched from outside, too."""
    line = f"{time.monotonic():7.1f} {' '.join(map(str, words))}\n"
    sys.stdout.write(line)
    sys.stdout.flush()
    with (OUT / "progress.txt").open("a") as file:
        file.write(line)


class Side:
    """The system's units, or those of the ordinary user."""

    def __init__(self, name: str) -> None:
        self.name, self.user = name, name == "user"
        self.engine = "podman-rootless" if self.user else "podman"
        socket = f"/run/user/{UID}/podman/podman.sock" if self.user else "/run/podman/podman.sock"
        self.units = HOME / ".config/containers/systemd" if self.user else Path("/etc/containers/systemd")
        self.variables = (
            f"PYTHONPATH={SHARE}/checkout/app:{SHARE}/site",
            f"PYTHONPYCACHEPREFIX=/var/tmp/compiled-{name}",  # the share can't be written into
            f"STRATASCOPE_ENGINES=podman=unix://{socket}",
            *((f"XDG_RUNTIME_DIR=/run/user/{UID}", f"HOME={HOME}", "USER=user") if self.user else ()),
        )

    def command(self, *words: str) -> tuple[str, ...]:
        user = ("sudo", "-n", "-u", "user") if self.user else ()
        return (*user, "env", "-C", "/", *self.variables, *words)

    def run(self, *words: str, limit: float = 300) -> tuple[int, str, str]:
        done = subprocess.run(
            self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def systemctl(self, *words: str) -> str:
        code, out, err = self.run("systemctl", *(("--user",) if self.user else ()), *words)
        if code and words[0] not in ("is-active", "show"):
            raise RuntimeError(f"systemctl {words}: {err}")
        return out.strip()

    def program(self, *words: str) -> dict[str, Any]:
        begun = time.monotonic()
        code, out, err = self.run(sys.executable, "-m", "stratascope", *words)
        lines = [line for line in out.splitlines() if line.startswith("{")]
        found = {
            "code": code,
            "last": json.loads(lines[-1]) if lines else {},
            "out": "" if lines else out,
            "err": err,
            "seconds": round(time.monotonic() - begun, 1),
            **self.state(),
        }
        told = {key: found["last"].get(key) for key in ("result", "blocks", "why", "words", "log", "blame", "suspects")}
        say(self.name, *words, json.dumps({**found, "last": told}))
        return found

    def state(self) -> dict[str, Any]:
        """What there is now, told by code that is not ours."""
        found: dict[str, Any] = {"files": sorted(str(path) for path in self.units.rglob("*") if path.is_file())}
        for name in UNITS:
            _, out, _ = self.run("podman", "inspect", "--format", "{{.Id}} {{.State.Pid}} {{.State.Status}}", name)
            number, pid, status = (*out.split(), "", "", "")[:3]
            found[name] = {"id": number, "status": status, "unit": self.systemctl("is-active", f"{name}.service")}
            if pid not in ("", "0"):
                text = Path(f"/proc/{pid}/status").read_text()
                lines = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
                group = Path(f"/proc/{pid}/cgroup").read_text().strip().rpartition(":")[2]
                own = Path(f"/sys/fs/cgroup{group}")
                limits = [(folder / "pids.max").read_text().strip() for folder in (own, own.parent)]  # its scope's, too
                found[name].update({"NoNewPrivs": lines["NoNewPrivs"], "CapBnd": lines["CapBnd"], "pids": limits})
        return found

    def harden(self, name: str, *words: str) -> dict[str, Any]:
        return self.program("harden", name, "--json", "--yes", "--watch", "2", "--enforced-is-enough", *words)

    def killed(self, lines: int, moment: float) -> dict[str, Any]:
        """Killed after so many lines and a moment, and recovered."""
        words = (
            "harden",
            "web",
            "--json",
            "--yes",
            "--watch",
            "3",
            "--enforced-is-enough",
            "--set",
            "no-new-privileges=on",
        )
        child = subprocess.Popen(
            self.command(sys.executable, "-m", "stratascope", *words), stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        say(self.name, "killed", lines, moment, self.state())
        for _ in range(lines):
            child.stdout.readline()
        time.sleep(moment)
        inner = [child.pid, *children(child.pid)]
        for pid in inner:
            os.kill(pid, signal.SIGKILL)
        child.communicate(timeout=60)
        found = self.program("recover")
        if "does not answer" in found["err"]:  # an emulated machine under load; it says to try again
            found = self.program("recover")
        return found

    def everything(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.run("mkdir", "-p", str(self.units))
        for name, command in UNITS.items():
            source = self.units / f"{name}.container"
            source.write_text(UNIT.format(name=name, command=command))
            if self.user:
                os.chown(source, UID, UID)
        self.systemctl("daemon-reload")
        for name in UNITS:
            self.systemctl("start", f"{name}.service")
        self.systemctl("start", "podman.socket")
        found["start"] = self.state()
        found["dry"] = self.harden("web", *HARDER, "--dry-run")
        found["hardened"] = self.harden("web", *HARDER)
        path = self.units / "web.container.d/50-stratascope.conf"
        found["drop-in"] = path.read_text() if path.exists() else ""
        found["owner"] = [path.stat().st_uid, path.parent.stat().st_uid] if path.exists() else []
        self.systemctl("restart", "web.service")
        found["restarted"] = self.state()
        found["again"] = self.harden("web", "--set", "pids=64")
        self.systemctl("restart", "web.service")
        found["again restarted"] = self.state()
        found["undone"] = self.program("undo", "web", "--json", "--watch", "1")
        found["broken"] = self.harden("writer", "--set", "read-only-root=on", "--set", "no-new-privileges=on")
        source = self.units / "web.container"
        source.write_text(source.read_text() + "# changed\n")
        found["changed"] = self.harden("web", *HARDER)
        self.systemctl("daemon-reload")
        found["reloaded"] = self.harden("web", *HARDER)
        self.systemctl("restart", "web.service")
        for lines, moment in ((3, 0.0), (5, 0.5), (7, 0.5)):
            found[f"killed {lines} {moment}"] = self.killed(lines, moment)
            if path.exists():
                self.program("undo", "web", "--json", "--watch", "0")
        found["end"] = self.state()
        return found


def children(pid: int) -> list[int]:
    """All processes below it, but not the commands that our program started: these go on by themselves."""
    found = []
    for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if Path(f"/proc/{text}/comm").read_text().strip() != "systemctl":
            found += [int(text), *children(int(text))]
    return found


def main() -> None:
    try:
        found = {name: Side(name).everything() for name in ("system", "user")}
        (OUT / "truth.json").write_text(json.dumps(found, indent=1))
    except BaseException:
        (OUT / "trouble.txt").write_text(traceback.format_exc())
        raise


main()
