"""The time of `check`, for `make bench`: compared with a report of one container; and for fifty services."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.reading import as_installed
from bench.table import Table, in_turn
from rig.engine import Rig
from stratascope.core.snapshot import MachineCapture
from stratascope.wiring.check import checker
from stratascope.wiring.engines import demo_capture

_SERVICE = """
  s{number}:
    image: image{kind}
    cap_add: [SYS_ADMIN, NET_ADMIN]
    cap_drop: [MKNOD]
    security_opt: ["no-new-privileges:true"]
    user: "{user}"
    tmpfs: [/tmp, /run]
    volumes: ["/srv/{number}:/data", "vol{number}:/vol:ro", "/etc/localtime:/etc/localtime:ro"]
    ports: ["{user}:80"]
    mem_limit: 256m
    pids_limit: {user}
    restart: always"""


def check_against_report(rig: Rig, table: Table) -> None:
    """Measure both as whole processes."""
    environ = as_installed(rig)
    options = ("--cap-add", "SYS_ADMIN", "-v", "/etc:/host/etc", "busybox")

    def run(*words: str) -> None:
        command = (sys.executable, "-m", "stratascope", *words)
        subprocess.run(command, check=True, env=environ, capture_output=True)

    with rig.container(name="bench-checked"):
        ours, base = in_turn(
            15,
            lambda: run("check", "--json", "--", rig.kind, "run", *options),
            lambda: run("report", "--json", "bench-checked"),
        )
    table.line("check of one command / report of one container", ours, base, 1.3)


def fifty_services(table: Table) -> None:
    """Measure CPU time without imports."""
    services = (_SERVICE.format(number=number, kind=number % 7, user=1000 + number) for number in range(50))
    text = "services:" + "".join(services) + "\n"
    demo = demo_capture()
    made = checker(None, MachineCapture(demo.taken_at, demo.host, (), ()))
    made.text("services:\n  a: {image: a, user: '1'}\n", "compose.yml", 0.0)
    start = time.process_time()
    made.text(text, "compose.yml", 0.0)
    table.limit("check of a Compose file of 50 services, CPU", (time.process_time() - start) * 1000, 500.0)
    start = time.process_time()
    made.words(("docker", "run", "--privileged", "-v", "/:/host", "image"), 0.0)
    table.limit("    of one command, at a keystroke", (time.process_time() - start) * 1000, 50.0)
