"""What runs as root inside the virtual machine: services under a real systemd, their corrected line, and sandboxes that
do not start there.

Standard library only, but for the commands that are watched as the ordinary user in one process, since the program
takes long to start here. Nothing is cleaned up: the disk is thrown away.
"""

from __future__ import annotations

import json
import subprocess
import traceback
from pathlib import Path
from typing import Any

from machine.vm.guest import OUT, as_user, program, run, say

UNITS = Path("/etc/systemd/system")
SERVICES = {
    "hard": (
        "ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nPrivateNetwork=yes\nPrivateDevices=yes\n"
        "ProtectKernelTunables=yes\nProtectControlGroups=yes\nSystemCallFilter=@system-service\n"
        "RestrictNamespaces=yes\nDynamicUser=yes\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nMemoryMax=64M\n"
        "TasksMax=20\nCPUQuota=50%\n"
    ),
    "soft": "PrivateTmp=yes\n",
}
PROFILE = (
    "abi <abi/4.0>,\ninclude <tunables/global>\nprofile no-userns /usr/bin/unshare flags=(attach_disconnected) {\n"
    "  file,\n  capability,\n  mount,\n  signal,\n  unix,\n}\n"
)
NEW = ("unshare", "--user", "--map-root-user", "true")
WATCH = """
import json, os, sys
from stratascope.presentation.start_report import json_object
from stratascope.usecases.refusals.starting import Watching
nowhere = os.open(os.devnull, os.O_RDWR)
for line in sys.stdin:
    print(json.dumps(json_object(Watching(json.loads(line), nowhere, nowhere).begin(120.0))), flush=True)
"""


def of(unit: str) -> dict[str, Any]:
    """What our program says of a service, and what the kernel says of its first process."""
    found = json.loads(run(*program("report", f"{unit}.service", "--json"), limit=300))
    pid = run("systemctl", "show", "--property=MainPID", "--value", f"{unit}.service").strip()
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    return {
        "pid": int(pid),
        "report": found["containers"],
        "status": {key: status[key] for key in ("NoNewPrivs", "Seccomp", "CapBnd")},
        "net": Path(f"/proc/{pid}/ns/net").stat().st_ino,
    }


def services() -> dict[str, Any]:
    for name, lines in SERVICES.items():
        (UNITS / f"{name}.service").write_text(f"[Service]\nExecStart=/bin/sleep 7000\n{lines}")
    run("systemctl", "daemon-reload")
    run("systemctl", "start", "hard", "soft")
    found: dict[str, Any] = {"hard": of("hard"), "soft": of("soft"), "host": Path("/proc/1/ns/net").stat().st_ino}
    line = json.loads(run(*program("plan", "soft.service", "--json"), limit=300))
    found["plan"] = line
    drop_in = UNITS / "soft.service.d" / "override.conf"  # where `systemctl edit` puts it
    drop_in.parent.mkdir()
    drop_in.write_text(line["line"]["text"])
    run("systemctl", "daemon-reload")
    found["verified"] = run("systemd-analyze", "verify", "--man=no", str(UNITS / "soft.service"), check=False)
    run("systemctl", "restart", "soft")
    found["corrected"] = of("soft")
    return found


def starts() -> dict[str, Any]:
    """Why a user namespace can't be made, by what keeps it from that."""
    watching = subprocess.Popen(
        as_user(*program()[:-2], "-c", WATCH), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    asked, answers = watching.stdin, watching.stdout
    assert asked is not None
    assert answers is not None

    def told() -> dict[str, Any]:
        print(json.dumps(NEW), file=asked, flush=True)
        said: dict[str, Any] = json.loads(answers.readline())
        say([each["id"] for each in said["causes"]], said["works"])
        return said

    found = {"plain": told()}
    for name, before in (("kernel.unprivileged_userns_clone", "1"), ("user.max_user_namespaces", "")):
        was = before or run("sysctl", "-n", name).strip()
        run("sysctl", "-w", f"{name}=0")
        found[name] = told()
        run("sysctl", "-w", f"{name}={was}")
    profile = Path("/etc/apparmor.d/no-userns")
    profile.write_text(PROFILE)
    run("apparmor_parser", "-r", str(profile))
    found["profile"] = told()
    profile.write_text(PROFILE.replace("  file,", "  userns,\n  file,"))
    run("apparmor_parser", "-r", str(profile))
    found["allowed"] = told()
    asked.close()
    return found


def main() -> None:
    try:
        truth = {"starts": starts(), "services": services()}
        (OUT / "truth.json").write_text(json.dumps(truth, indent=1))
    except BaseException:
        (OUT / "trouble.txt").write_text(traceback.format_exc())
        raise


if __name__ == "__main__":
    main()
