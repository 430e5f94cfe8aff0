"""Asks the collector for what only root can read, as the tests of its parts do."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import Any

import pytest

from stratascope.collector.filters import why_not
from stratascope.collector.serve import Collector
from stratascope.probe.bundle import BOOT, framed

needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason=f"needs root: {why_not()}")


def read(pid: int, *names: str) -> dict[str, Any]:
    """Text, or (kind, detail), by name."""
    ((_, entries, _), *_) = Collector().capture([(pid, list(names), [], False, "")])[0]
    return {item[0]: item[2] if item[2] is not None else (item[3], item[5]) for item in entries}


def wait_for(done: Any) -> None:
    while not done():
        time.sleep(0.01)


def as_ordinary(request: str, uid: int = 65534) -> Any:
    """The answer of a collector that runs as nobody, or as that user; PID in the request is its own."""
    child = subprocess.Popen(
        ["/usr/bin/env", "python3", "-SI", "-c", BOOT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        user=uid,
        group=uid,
        extra_groups=[],
    )
    answer, _ = child.communicate(framed() + request.replace("PID", str(child.pid)).encode() + b"\n")
    return json.loads(answer)
