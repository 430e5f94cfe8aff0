"""What is read of one container before and after a relaunch, to see what it needs and whether it works."""

from __future__ import annotations

from enum import StrEnum

from stratascope.value import Value


class Question(StrEnum):
    """What a TCP port is asked. Each is a connection of its own."""

    FIRST = "first"  # listen whether it speaks first; where it does not, ask for the head of a page
    MORE = "more"  # the same and then for a page, and read it: of a twin only, which nobody misses


class Ask(Value):
    """One question. `listen`: seconds in which it may speak first; `reply`: seconds for what it says when asked."""

    port: int
    listen: float
    reply: float
    question: Question = Question.FIRST


class Heard(Value):
    """What came back, as it came. `taken`: the connection was; `asked`: something was sent; `closed`: by the server."""

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
    SILENT = "silent"  # takes a connection, and says nothing
    NONE = "none"  # takes no connection


class Answer(Value):
    """The shape of what a port says: of HTTP the status, else the first words without what differs from time to time.

    `first`: it spoke before it was asked anything.
    """

    port: int
    reply: Reply
    shape: str = ""
    first: bool = False
    question: Question = Question.FIRST


class Liveness(Value):
    """What tells whether a container's program works, as far as it could be read.

    `listens`: TCP ports that it listens on and that it will want again (none that the system chose for it), in order;
    `kills`: how often the kernel killed one of its processes for want of memory; `udp`: of UDP;
    `forks`: how often a limit refused it another process or thread. None: not known.
    """

    listens: tuple[int, ...] | None = None
    kills: int | None = None
    udp: tuple[int, ...] | None = None
    forks: int | None = None


class RootFiles(Value):
    """What takes a moment to look at, and is looked at for one container alone. None: could not be.

    `nodes`: the device nodes in its /dev that are not in every container's, by path; `set_uid`: programs that give
    rights to whoever starts them; `listeners`: address and port of the sockets that listen where its engine
    publishes; `bound`: the same of UDP.
    """

    nodes: tuple[str, ...] | None = None
    set_uid: tuple[str, ...] | None = None
    listeners: tuple[tuple[str, int], ...] | None = None
    bound: tuple[tuple[str, int], ...] | None = None


class Failure(Value):
    """How a replacement failed. `silent`: ports on which it no longer listens."""

    log: str = ""
    words: str = ""  # the engine's own
    exit_code: int | None = None
    out_of_memory: bool = False
    silent: tuple[int, ...] = ()
