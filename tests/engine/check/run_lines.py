"""The table of `run-lines.txt`: what is asked for, by name."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from rig.engine import Rig

FILE = Path(__file__).with_name("run-lines.txt")
# What others join, and so has to run before them
FIRST = (
    "plain",
    "ipc-shareable",
    "ipc-of-the-host",
    "net-of-the-host",
    "pid-of-the-host",
    "strong",
    "net-of-nobody",
    "pid-joined",
)
_LINE = re.compile(r"(?:\[(\w+)\] )?([\w-]+):(.*)").fullmatch
_PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount", "bpf"], "action": "SCMP_ACT_ERRNO"}]}


def lines() -> dict[str, tuple[str, str]]:
    """Kind of engine ("" for both) and options, by name."""
    found = {}
    for line in FILE.read_text().splitlines():
        parts = _LINE(line)
        if parts is not None:
            found[parts[2]] = (parts[1] or "", parts[3].strip())
    return found


def words(rig: Rig) -> dict[str, tuple[str, ...]]:
    """The options for this engine, with its places written in; makes what they name."""
    folder = rig.folder / "shared"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    (folder / "run").mkdir(exist_ok=True)
    (folder / "profile.json").write_text(json.dumps(_PROFILE))
    return {
        name: tuple(
            shlex.split(
                text.replace("{folder}", str(folder))
                .replace("{socket}", str(rig.socket))
                .replace("{run}", str(rig.socket.parent))
                .replace("{rig}", str(rig.folder))
            )
        )
        for name, (kind, text) in lines().items()
        if kind in ("", rig.kind)
    }
