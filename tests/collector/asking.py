"""Asks the collector for what only root can read, as the tests of its parts do."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest

from stratascope.collector.filters import why_not
from stratascope.collector.serve import Collector

needs_root = pytest.mark.skipif(os.geteuid() != 0 or bool(why_not()), reason=f"needs root: {why_not()}")


def read(pid: int, *names: str) -> dict[str, Any]:
    """Text, or (kind, detail), by name."""
    ((_, entries, _), *_) = Collector().capture([(pid, list(names), [], False, "")])[0]
    return {item[0]: item[2] if item[2] is not None else (item[3], item[5]) for item in entries}


def wait_for(done: Any) -> None:
    while not done():
        time.sleep(0.01)
