"""What runs as root inside the virtual machine: the units of packaging/fleet under a real systemd.

Standard library only. What the service wrote, what systemd says of it, and a report of all of root go to /mnt/out;
`test_timer.py` judges them outside. Nothing is cleaned up: the disk is thrown away.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import traceback
from pathlib import Path

SHARE, OUT = Path("/mnt/share"), Path("/mnt/out")
UNITS = Path("/etc/systemd/system")
WRITTEN = Path("/var/lib/prometheus/node-exporter/stratascope.prom"), Path("/var/log/stratascope/report.ndjson")
SERVICE, TIMER = "stratascope-report.service", "stratascope-report.timer"
PROGRAM = f"""#!/bin/sh
export PYTHONPATH={SHARE}/checkout/app:{SHARE}/site PYTHONDONTWRITEBYTECODE=1
exec python3 -m stratascope "$@"
"""
ASKED = ("Result", "ExecMainStatus", "ActiveState", "CapabilityBoundingSet", "NoNewPrivileges")


def run(*command: str, limit: float = 400) -> tuple[int, str]:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=limit, cwd="/"
    )
    return done.returncode, done.stdout + done.stderr


def needed(*command: str) -> str:
    code, said = run(*command)
    if code:
        raise RuntimeError(f"{' '.join(command)}: {code}\n{said}")
    return said


def shown(unit: str, *names: str) -> dict[str, str]:
    lines = needed("systemctl", "show", *(f"--property={name}" for name in names), unit).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def owner(path: Path) -> list[object]:
    there = path.stat()
    return [there.st_uid, there.st_gid, f"{there.st_mode & 0o7777:o}"]


def main() -> None:
    program = Path("/usr/bin/stratascope")
    program.write_text(PROGRAM)
    program.chmod(0o755)
    for name in (SERVICE, TIMER):
        shutil.copy(SHARE / "checkout" / "packaging" / "fleet" / "systemd" / name, UNITS)
    WRITTEN[0].parent.mkdir(parents=True)
    truth: dict[str, object] = {
        "verified": run("systemd-analyze", "verify", "--man=no", str(UNITS / SERVICE), str(UNITS / TIMER))
    }
    needed("systemctl", "start", "docker.service", "podman.socket")
    needed("docker", "run", "--detach", "--name", "web", "--cap-drop", "NET_RAW", "bb")
    needed("podman", "run", "--detach", "--name", "db", "--memory", "64m", "localhost/bb")
    needed("systemctl", "daemon-reload")
    needed("systemctl", "enable", "--now", TIMER)
    truth["timer"] = shown(TIMER, "ActiveState", "UnitFileState", "NextElapseUSecMonotonic")
    truth["started"] = run("systemctl", "start", SERVICE)
    truth["service"] = shown(SERVICE, *ASKED)
    truth["journal"] = run("journalctl", "--no-pager", "--output=cat", "--unit", SERVICE)[1]
    truth["owners"] = [owner(path) for path in WRITTEN if path.exists()]
    truth["left"] = Path("/run/stratascope").exists()  # a capture, of which only root may know
    for path in WRITTEN:
        if path.exists():
            shutil.copy(path, OUT)
    code, said = run("/usr/bin/stratascope", "report", "--privileged", "--format", "ndjson")
    truth["root"] = code
    (OUT / "root.ndjson").write_text(said)
    needed("docker", "rm", "--force", "web")
    truth["again"] = run("systemctl", "start", SERVICE)
    truth["rewritten"] = WRITTEN[0].read_text()
    truth["at"] = time.time()
    (OUT / "truth.json").write_text(json.dumps(truth, indent=1))


try:
    main()
except BaseException:
    (OUT / "trouble.txt").write_text(traceback.format_exc())
    raise
