"""A sandbox as a value: processes that are confined together, and by whom.

It is found in /proc alone, so it exists only as long as a process of it. What was asked for is no part of it, but read
from it (`core.sandboxes.asked`), since a container knows its sandbox.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import Message
from stratascope.value import Value


class Group(StrEnum):
    """What kind of thing is confined, in the order of the list."""

    AGENTS = "agent"
    APPLICATIONS = "application"
    MACHINES = "machine"
    SERVICES = "service"
    TASKS = "task"  # containerd's, without an engine's API
    OTHER = "other"


class Sandbox(Value):
    """One sandbox. All PIDs are the reader's."""

    UNPRINTED = ("processes", "asked_text")

    id: str  # of maker and name, the same after a restart; -2, -3 for further ones, in order of start
    maker: str  # an id of `core.sandboxes.makers.MAKERS`
    maker_title: str
    group: Group
    sign: Message  # by what the maker was known
    name: str  # foreign text, as `command`
    command: str
    first: int
    started: int  # ticks since boot
    # the processes that are confined alike, the first included: PID, and start in ticks since boot
    members: tuple[tuple[int, int], ...]
    helpers: tuple[int, ...] = ()  # processes of its maker that stand outside
    parent: str = ""  # the sandbox, or by its full id the engine's container, that it stands in
    folded: bool = False  # shown only where everything is
    uid: int | None = None  # whose it is, as the reader numbers users
    asked_text: tuple[tuple[str, str], ...] = ()  # source and text of what the maker was asked for
    # of an agent: what else it runs, outside of any sandbox; PID and program
    outside: tuple[tuple[int, str], ...] = ()
    processes: tuple[str, ...] = ()  # the lines of `linux.confined` that give it again
    free: bool = False  # nothing confines it: what an agent runs while no sandbox of it lives

    @property
    def pids(self) -> tuple[int, ...]:
        """Its processes, the first included."""
        return tuple([pid for pid, _ in self.members])
