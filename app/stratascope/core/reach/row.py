"""One row of what a process can get at, and what it is an answer to. Types only."""

from __future__ import annotations

from enum import StrEnum

from stratascope.core.message import NOTHING, Message
from stratascope.core.severity import Severity
from stratascope.value import Value

STRATA = (
    "usermap",
    "mac",
    "seccomp",
    "capabilities",
    "cgroup",
    "namespaces",
)  # the order in which an attempt meets them


class Group(StrEnum):
    """Where a row stands."""

    CREDENTIALS = "credentials"
    SOCKETS = "sockets"
    NETWORK = "network"
    PROCESSES = "processes"
    FILES = "files"
    DEVICES = "devices"
    PRIVILEGE = "privilege"
    SECRETS = "secrets"


class Access(StrEnum):
    """What would be done."""

    READ = "read"
    WRITE = "write"
    CONNECT = "connect"
    SEE = "see"
    SIGNAL = "signal"
    START = "start"


class Answer(StrEnum):
    """Whether it can. NEEDED: it can, and was given that on purpose; this isn't counted."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    NEEDED = "needed"


class Known(StrEnum):
    """How that is known: the engine or maker says so; the kernel enforces it; it was tried."""

    ASKED = "asked"
    ENFORCED = "enforced"
    TRIED = "tried"


class How(StrEnum):
    """What kind of change would close a row."""

    TOGGLE = "toggle"  # of a container: `value` is the toggle and its value
    OPTION = "option"  # of whoever made the sandbox
    COMMAND = "command"


class Remedy(Value):
    """What would close a row. `value`: for a program; `text`: for a person."""

    how: How
    value: str
    text: Message


class Thing(Value):
    """What may be got at. `id`: of its row, a contract; `kind`: as printed in the report.

    `can`: the sentence if it can be got at, "It can read your SSH keys."
    """

    id: str
    kind: str
    group: Group
    access: Access
    severity: Severity
    name: Message
    can: Message


class ReachRow(Value):
    """One answer. `where`: the file, socket or address that it is about, the worst of all; `more`: how many others.

    `closed_by`: layers that each close it alone, in the order in which an attempt meets them. `why`: a sentence.
    `hides`: of files and sockets that it gets at, what to hide from it, as it names them: folders of such files alone
    with a slash at the end, else each file; `folders`: of folders, these. `to_hide`: its maker was told to hide that.
    `indirect`: by another way than the thing itself, as by a program that gives more rights. `predicted`: what was
    said before it was tried, where that is something else.
    """

    thing: Thing
    answer: Answer
    where: str
    closed_by: tuple[str, ...] = ()
    known: Known = Known.ENFORCED
    why: Message = NOTHING
    source: str = ""
    remedy: Remedy | None = None
    more: int = 0
    hides: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    to_hide: bool = False
    indirect: bool = False
    predicted: Answer | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key: what hurts most first."""
        order = (Answer.OPEN, Answer.UNKNOWN, Answer.NEEDED, Answer.CLOSED)
        return order.index(self.answer), self.thing.severity.rank


class Reached(Value):
    """All rows of one subject, by group and what hurts most. `gaps`: what could not be read or tried, in words."""

    rows: tuple[ReachRow, ...]
    gaps: tuple[Message, ...] = ()

    @property
    def open(self) -> tuple[ReachRow, ...]:
        """What it can get at, the worst first."""
        return tuple(sorted((row for row in self.rows if row.answer is Answer.OPEN), key=lambda row: row.rank))

    @property
    def differing(self) -> tuple[ReachRow, ...]:
        """What was tried, and is not as it was predicted."""
        return tuple(row for row in self.rows if row.predicted in (Answer.OPEN, Answer.CLOSED))
