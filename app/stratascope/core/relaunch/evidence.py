"""Readings of a container before and after a relaunch, to find what it needs and whether it works."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum

from stratascope.core.relaunch.launch_spec import Health
from stratascope.value import Struct, Value, field


class Question(StrEnum):
    """How a TCP port is probed. Each is a connection of its own."""

    FIRST = "first"  # listen for a greeting; without one, request a page's head
    MORE = "more"  # the same, then request and read a page: only for twins, where the load disturbs nobody


class Ask(Value):
    """One probe. `listen`: seconds to wait for a greeting; `reply`: seconds to wait for a response."""

    port: int
    listen: float
    reply: float
    question: Question = Question.FIRST


class Heard(Value):
    """Raw bytes received. `taken`: the connection was accepted; `asked`: we sent a request; `closed`: by the server."""

    port: int
    question: Question
    taken: bool = False
    asked: bool = False
    closed: bool = False
    data: bytes = b""


class Reply(StrEnum):
    TEXT = "text"
    HTTP = "http"
    CLOSES = "closes"
    SILENT = "silent"  # accepts connections, but sends nothing
    NONE = "none"  # accepts no connections


class PortReply(Value):
    """The shape of a port's response: the HTTP status, else its first words without what varies between connections.

    `first`: it sent something before our request.
    """

    port: int
    reply: Reply
    shape: str = ""
    first: bool = False
    question: Question = Question.FIRST


class Liveness(Value):
    """Signs that a container's program works, as far as they could be read.

    `listens`: TCP ports that it listens on, except ephemeral ones, sorted; `udp`: the same for UDP;
    `kills`: times that the kernel's OOM killer killed one of its processes; `forks`: times that a limit refused it
    another process or thread. None: not known. `passing`: those of `listens` on which only sessions started by exec
    listen, which end with the container.
    """

    listens: tuple[int, ...] | None = None
    kills: int | None = None
    udp: tuple[int, ...] | None = None
    forks: int | None = None
    passing: tuple[int, ...] = ()


class RootFiles(Value):
    """Files and sockets that are slow to read, so they are read for one container only. None: not readable.

    `nodes`: device nodes in its /dev that not every container has, by path; `set_uid`: programs that are set-uid,
    set-gid or have file capabilities; `listeners`: address and port of listening sockets on published ports; `bound`:
    the same for UDP.
    """

    nodes: tuple[str, ...] | None = None
    set_uid: tuple[str, ...] | None = None
    listeners: tuple[tuple[str, int], ...] | None = None
    bound: tuple[tuple[str, int], ...] | None = None


class Failure(Value):
    """How a replacement failed. `silent`: ports on which it no longer listens."""

    log: str = ""
    words: str = ""  # the engine's error text
    exit_code: int | None = None
    out_of_memory: bool = False
    silent: tuple[int, ...] = ()


class Clock(Struct):
    """Time, to be replaced in tests."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def _nothing(container: str) -> Liveness:
    return Liveness()


class Expected(Value):
    """What the original did, and the replacement must do too. `look` reads whether a container works.

    `health`: the result of the original's healthcheck. Podman without systemd never runs healthchecks, so a result is
    only awaited if the original had one.
    """

    before: Liveness = field(default_factory=Liveness)
    look: Callable[[str], Liveness] = _nothing
    health: Health = Health.HEALTHY
