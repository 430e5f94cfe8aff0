"""What runs as root inside the virtual machine for refusals: cases of `engine/denials`, each on a real engine there.

Whether each is what it claims to be, what our program says of it, and whether what it offers helps, goes out. Standard
library only.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from engine.denials.case import Case
from engine.denials.cases.machines import APPARMOR, OF_ROOTLESS, PROFILE, SECOND_VERSION, SELINUX
from engine.denials.staged import Engine, Told, told, true
from machine.vm.guest import OUT, SHARE, UID, as_user, engine, program, run, say

SOCKETS = {
    "docker": "docker=unix:///run/docker.sock",
    "podman": "podman=unix:///run/podman/podman.sock",
    "rootless": f"podman=unix:///run/user/{UID}/podman/podman.sock",
}


def engines(part: str) -> dict[str, Engine]:
    """All three, with the image."""
    if part == "selinux":
        Path("/etc/docker").mkdir(exist_ok=True)
        Path("/etc/docker/daemon.json").write_text('{"selinux-enabled": true}')
        # Debian's policy lets nobody watch by tracepoints, not even who is unconfined; Fedora's does
        Path("/var/tmp/watching.cil").write_text(
            "(allow initrc_t self (perf_event (cpu kernel open read tracepoint write)))"
        )
        run("semodule", "-i", "/var/tmp/watching.cil")
    else:
        Path("/etc/apparmor.d/strata-denials").write_text(PROFILE)
        run("apparmor_parser", "-r", "/etc/apparmor.d/strata-denials")
    run("systemctl", "start", "docker.service", "podman.socket")
    run(*as_user("systemctl", "--user", "start", "podman.socket"))
    archive = Path("/var/tmp/denials.tar")
    archive.write_bytes((SHARE / "denials.tar").read_bytes())
    found = {}
    for kind, endpoint in SOCKETS.items():
        folder = Path("/srv") / kind
        folder.mkdir(mode=0o755)
        own = {**os.environ, "STRATASCOPE_ENGINES": endpoint, "STRATASCOPE_LANGUAGE": "en"}
        found[kind] = Engine(kind, engine(kind), program(), folder, own_env=own, enforcing=part == "selinux")
        found[kind].prepare(archive)
    return found


CASES = {"apparmor": (*APPARMOR, *OF_ROOTLESS), "selinux": SELINUX}


def plan(part: str) -> Iterator[tuple[str, Case]]:
    """What is tried on this machine, and on which engine. What only the version of control groups makes another is a
    part for itself, shared out between the engines, since each takes minutes here.
    """
    for case in CASES.get(part, ()):
        yield from ((kind, case) for kind in case.engines)
    if part == "second-version":
        for number, case in enumerate(SECOND_VERSION):
            yield case.engines[number % len(case.engines)], case


def one(found: Engine, case: Case) -> dict[str, object]:
    """Of one case on one engine."""
    untrue, said = "", Told([])
    try:
        untrue = true(found, case)
        said = told(found, case)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        untrue = untrue or f"{type(error).__name__}: {error}"
    say(found.kind, case.id, untrue or "is true", said.lines[:1], said.remedy, said.helped, said.words[-300:])
    return {"engine": found.kind, "case": case.id, "untrue": untrue, "told": dataclasses.asdict(said)}


def main(part: str) -> None:
    results: list[dict[str, object]] = []
    try:
        there = engines(part)
        for kind, case in plan(part):
            results.append(one(there[kind], case))
            written = json.dumps({"results": results})
            (OUT / "so-far.json").write_text(written)  # where the machine is too slow for all of them
    except Exception:  # noqa: BLE001  it has to reach the tests, whatever it is
        (OUT / "trouble.txt").write_text(traceback.format_exc())
    (OUT / "truth.json").write_text(json.dumps({"results": results}))


if __name__ == "__main__":
    main(sys.argv[1])
