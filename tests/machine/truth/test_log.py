"""What a container prints fills the disk unless its log is limited: said, and tried by printing on real engines."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from machine.truth.fleet import report
from rig.engine import Rig

READ_ONLY = ("--read-only", "--shm-size", "1m")
PRINTED = 3_000_000  # bytes
PRINT = f"yes 0123456789 | head -c {PRINTED}; exec sleep 3600"
FILE = {"docker": "json-file", "podman": "k8s-file"}


def kept(log: Path) -> int:
    """Bytes of a log and its older parts. The engine may be replacing one at this moment: it then counts nothing."""
    size = 0
    for part in log.parent.glob(f"{log.name}*"):
        with suppress(FileNotFoundError):
            size += part.stat().st_size
    return size


def printed(rig: Rig, name: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Bytes on disk after it printed, and what the report says of filling the disk."""
    with rig.container(*READ_ONLY, *options, name=name, command=("sh", "-c", PRINT)) as container:
        answer = rig.inspect(container)
        while b"sleep" not in Path(f"/proc/{rig.pid(container)}/cmdline").read_bytes().split(b"\0"):
            time.sleep(0.05)
        path = Path(answer.get("LogPath") or answer["HostConfig"]["LogConfig"]["Path"])
        return kept(path), report(rig, name)[name]["threats"]["exhaust-disk"]


def test_a_log_without_a_limit(any_engine: Rig) -> None:
    size, threat = printed(any_engine, "endless", "--log-driver", FILE[any_engine.kind])
    assert size >= PRINTED / 2  # a pipe may hold the last of it
    assert threat["outcome"] == "open"
    assert "without a size limit" in threat["reasons"]["cgroup"]["text"]


def test_a_log_of_a_set_size(any_engine: Rig) -> None:
    options = ("--log-driver", FILE[any_engine.kind], "--log-opt", "max-size=100k")
    size, threat = printed(any_engine, "sized", *options)
    assert size < PRINTED / 10
    assert threat["outcome"] == "stopped"


@pytest.mark.parametrize(("driver", "outcome"), [("none", "stopped"), ("syslog", "unknown"), ("local", "stopped")])
def test_other_drivers(docker_rootful: Rig, driver: str, outcome: str) -> None:
    options = ("--log-opt", "syslog-address=udp://127.0.0.1:9") if driver == "syslog" else ()
    with docker_rootful.container(*READ_ONLY, "--log-driver", driver, *options, name=f"log-{driver}"):
        found = report(docker_rootful, f"log-{driver}")[f"log-{driver}"]
    assert found["threats"]["exhaust-disk"]["outcome"] == outcome
