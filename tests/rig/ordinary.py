"""Runs the program as the rig's ordinary user, who may have no access to root's interpreter.

If the interpreter or the checkout is in a directory that is closed to others (/root), a private mount namespace shows
that directory opened and otherwise empty. The machine is not changed.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rig.engine import Rig
from rig.places import APP
from rig.plan import ordinary_user


def as_user(*words: str, endpoint: str) -> subprocess.CompletedProcess[str]:
    """Run `stratascope WORDS` as the ordinary user, with this endpoint only."""
    return subprocess.run(
        as_theirs(sys.executable, "-m", "stratascope", *words),
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(ordinary_user()[2]),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(APP),
            "PYTHONDONTWRITEBYTECODE": "1",
            "STRATASCOPE_ENGINES": endpoint,
        },
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def seen_by_user(rig: Rig, *words: str) -> dict[str, Any]:
    """The containers of this engine in the ordinary user's `stratascope report`, by name."""
    done = as_user("report", "--json", *words, endpoint=f"{rig.kind}={rig.endpoint}")
    assert done.returncode == 0, done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)["containers"]}


@contextmanager
def socket_for(rig: Rig, mode: int = 0o666) -> Iterator[None]:
    """Set the mode of the engine's socket during the block: by default, open to everybody."""
    before = rig.socket.stat().st_mode
    rig.socket.chmod(mode)
    try:
        yield
    finally:
        rig.socket.chmod(before & 0o7777)


def as_theirs(*command: str) -> tuple[str, ...]:
    """The argv that runs a command as the ordinary user, with interpreter and checkout within reach."""
    uid, gid, _ = ordinary_user()
    words = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *command)
    script = [*opened(), f"exec {shlex.join(words)}"]
    return ("unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join(script))


def opened() -> list[str]:
    """Lines of a shell script that make interpreter and checkout reachable."""
    needed = {Path(sys.base_prefix).resolve(), Path(sys.prefix), APP}
    closed: dict[Path, list[Path]] = {}
    for path in sorted(needed):
        top = next((up for up in reversed(path.parents) if not up.stat().st_mode & 0o001), None)
        if top is not None:
            closed.setdefault(top, []).append(path)
    lines = []
    for top, paths in closed.items():
        lines.append("mount -t tmpfs -o mode=755 tmpfs /mnt")
        for number, path in enumerate(paths):
            lines += [f"mkdir /mnt/{number}", f"mount --rbind {shlex.quote(str(path))} /mnt/{number}"]
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(top))}")
        for number, path in enumerate(paths):
            place = shlex.quote(str(path))
            lines += [f"mkdir -p {place}", f"mount --move /mnt/{number} {place}"]
        lines.append("umount /mnt")
    return lines
