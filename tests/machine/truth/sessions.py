"""An exec session that lasts, in a container of a real engine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rig.engine import Rig


@contextmanager
def session(rig: Rig, container: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`exec` that lasts; it runs as soon as its process is in the container's list."""
    process = subprocess.Popen(
        rig.command("exec", *words, container, "sleep", "3599"), env=rig.env, stdin=subprocess.DEVNULL
    )
    try:
        while "sleep 3599" not in rig.run("exec", container, "ps", check=False):
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
