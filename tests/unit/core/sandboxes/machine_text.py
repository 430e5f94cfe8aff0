"""A machine's processes written down by hand, as the collector would list them."""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.sandbox import Sandbox
from stratascope.core.sandboxes.find import sandboxes
from stratascope.linux.confined import parse_confined

FIRST = {kind: 4026531830 + place for place, kind in enumerate(("cgroup", "ipc", "mnt", "net", "pid", "user", "uts"))}
FACTS: dict[str, Any] = {"nnp": False, "seccomp": 0, "filters": 0, "bounding": "1ff", "depth": 1, "root": "/"}
OWN = {"mnt": 7001, "pid": 7002, "user": 7003}  # namespaces


class MachineText:
    """Processes are added parents first; each starts later than the one before."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = [{"host": {**FACTS, "ns": FIRST}, "self": 99999}]
        self.add(1, 0, "/usr/lib/systemd/systemd", cgroups=["/init.scope"])

    def add(self, pid: int, parent: int, exe: str | None, own: dict[str, int] | None = None, **more: Any) -> None:
        """`own`: its namespaces that are not the machine's. It is confined where anything differs from the machine."""
        facts = {**FACTS, **{name: value for name, value in more.items() if name in FACTS}}
        line = {
            "pid": pid,
            "ppid": parent,
            "start": 10 * len(self._lines),
            "uid": 1000,
            "ns": {**FIRST, **(own or {})},
            "comm": (exe or "?").rsplit("/", 1)[-1],
            "argv": [(exe or "?").rsplit("/", 1)[-1]],
            "environment": [],
            **facts,
            **({} if exe is None else {"exe": exe}),
            **more,
        }
        if own or facts != FACTS:
            line["confined"] = True
        self._lines.append(line)

    def text(self) -> str:
        """As the collector writes it."""
        return "".join(json.dumps(line) + "\n" for line in self._lines)

    def found(self, engines: dict[str, int | None] | None = None) -> tuple[Sandbox, ...]:
        """What is found in it."""
        confined = parse_confined(self.text())
        return tuple(each.sandbox for each in sandboxes(confined.processes, confined.host, engines or {}))

    def only(self) -> Sandbox:
        """The only one that is found."""
        (found,) = self.found()
        return found


def bwrapped(machine: MachineText, pid: int = 100, parent: int = 1, **more: Any) -> None:
    """The tool outside, its first process inside, and what it runs."""
    argv = ["bwrap", "--ro-bind", "/", "/", "--unshare-pid", "sleep", "9"]
    machine.add(pid, parent, "/usr/bin/bwrap", nnp=True, argv=argv)
    machine.add(pid + 1, pid, "/usr/bin/bwrap", OWN, nnp=True, depth=2, argv=argv)
    machine.add(pid + 2, pid + 1, "/usr/bin/sleep", OWN, nnp=True, depth=2, argv=["sleep", "9"], **more)


def agent_at_work(*, sandboxed: bool) -> MachineText:
    machine = MachineText()
    machine.add(50, 1, "/usr/bin/codex")
    machine.add(60, 50, "/usr/bin/bash", argv=["bash", "-lc", "make"])
    if sandboxed:
        bwrapped(machine, parent=50)
    return machine
