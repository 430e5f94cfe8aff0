"""Records the processes of every sandbox that can be started here: `python -m rig.sandbox_records [ID …]`, as root.

A record is the collector's text of these processes alone, below a first process that is made up; paths and control
groups of this machine are put into a neutral form. So all makers are recognized in tests that start nothing.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from rig.places import CAPTURES
from rig.sandboxes import SANDBOXES, Startable, Started, agents, descendants, missing, started
from stratascope.collector.host import read_host
from stratascope.collector.names import CONFINED

FOLDER = CAPTURES / "sandboxes"
_SESSION = "/user.slice/user-1000.slice/session-1.scope"
_TOLD = ("lxc.", "runsc-", "/default/", "machine")


def recorded(row: Startable) -> str:
    """Start it and return its record."""
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with started(row, folder) as run:
            ((_, _, text),) = read_host([CONFINED])
            return _neutral(text, run)


def _neutral(text: str, run: Started) -> str:
    below = {*descendants(run.top), run.sleeper}
    lines = [json.loads(line) for line in text.split("\n") if line not in ("", "...")]
    items = {line["pid"]: line for line in lines if "host" not in line}
    grown = True
    while grown:  # what left its parents belongs to it by its namespaces
        spaces = {items[pid]["ns"].get("mnt") for pid in below if pid in items} - {lines[0]["host"]["ns"].get("mnt")}
        more = {pid for pid, item in items.items() if item["ns"].get("mnt") in spaces or item["ppid"] in below} - below
        more |= {items[pid]["ppid"] for pid in below | more if pid in items and items[pid]["ppid"] in items}
        more -= {1, *below} | _above(run.top, items)
        grown = bool(more)
        below |= more
    host = {"host": lines[0]["host"], "self": 99_999_999}
    first = {
        "pid": 1,
        "ppid": 0,
        "start": 1,
        "uid": 0,
        **host["host"],
        "comm": "systemd",
        "exe": "/usr/lib/systemd/systemd",
    }
    out: list[dict[str, Any]] = [host, {**first, "cgroups": ["/init.scope"], "argv": ["/sbin/init"]}]
    for pid in sorted(below):
        item = items.get(pid)
        if item is None:
            continue
        item["cgroups"] = [each for each in item["cgroups"] if any(word in each for word in _TOLD)] or [_SESSION]
        out.append({**item, "ppid": item["ppid"] if item["ppid"] in below else 1})
    kept = "".join(json.dumps(item) + "\n" for item in out)
    for path, other in ((str(run.folder), "/tmp/sandbox"), (str(agents().parent.parent), "/usr/lib")):
        kept = kept.replace(path, other)
    return kept


def _above(pid: int, items: dict[int, dict[str, Any]]) -> set[int]:
    found = set()
    while pid in items and items[pid]["ppid"] not in found:
        pid = items[pid]["ppid"]
        found.add(pid)
    stat = Path(f"/proc/{pid}/stat")
    if stat.exists():
        found.add(int(stat.read_text().rsplit(")", 1)[1].split()[1]))
    return found


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in SANDBOXES:
        if not missing(each) and (len(sys.argv) == 1 or each.id in sys.argv[1:]):
            (FOLDER / f"{each.id}.txt").write_text(recorded(each))
