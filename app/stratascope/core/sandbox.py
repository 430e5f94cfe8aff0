"""A sandbox: processes that are confined together, who confined them, and what was asked for.

It is found in /proc alone, so it exists only as long as a process of it. Its id is of its maker and of what runs in it,
and therefore the same after it was started again.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class SandboxGroup(StrEnum):
    """What a sandbox is for, by its maker."""

    AGENTS = "agents"
    APPLICATIONS = "applications"
    MACHINES = "machines"
    SERVICES = "services"
    TASKS = "tasks"  # of containerd
    OTHER = "other"


class Sandbox(Value):
    """`id`: of maker and what runs, with -2, -3 … for further ones, in order of their start. `sign`: by what the maker
    was known, as "started by /usr/bin/bwrap, PID 4211". `first`: the outermost process of it that was started first, as
    this machine numbers it; `started`: its start in ticks since boot, which tells it from a later process of its
    number.
    """

    id: str
    maker: str  # its id in `core.sandboxes`; "unknown"
    title: str  # the maker's name: "bubblewrap"
    group: SandboxGroup
    sign: Message
    name: str
    command: str
    first: int
    started: int
    members: tuple[tuple[int, int], ...] = ()  # its further processes: PID, and start in ticks since boot
    helpers: tuple[int, ...] = ()  # PIDs of its maker's processes, which are not confined by it
    parent: str = ""  # id of the sandbox, or full id of the engine's container, that it stands in
    folded: bool = False  # one of many that are rarely looked at: services, a browser's own processes
    uid: int | None = None  # whose it is, as this machine numbers users
    asked_text: tuple[tuple[str, str], ...] = ()  # where it was read what the maker was asked for, and the text
    lines: tuple[str, ...] = ()  # of CONFINED (`collector.names`), of all of its processes, helpers and their parents
