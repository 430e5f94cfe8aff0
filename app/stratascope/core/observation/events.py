"""What an observer tells, as typed events: one thing that happened each. `stream` reads them from its lines."""

from __future__ import annotations

from stratascope.core.observation.circumstances import Circumstances
from stratascope.value import Value


class Event(Value):
    """One thing that happened. `at`: seconds on the observer's clock."""

    at: float


class Begin(Event):
    """The observer is attached. `protocol` must be ours."""

    protocol: int
    means: str


class Process(Event):
    """A process was found (there), made (fork), or became another program (exec)."""

    pid: int
    parent: int
    how: str
    command: str
    program: str


class Exit(Event):
    """A process ended, by itself or by a signal."""

    pid: int
    code: int | None
    signal: int | None


class Call(Event):
    """A call was entered, so many times at the least."""

    pid: int
    abi: str
    number: int
    count: int


class Arguments(Event):
    """A call was entered with these arguments, of those that a filter could ask for."""

    pid: int
    abi: str
    number: int
    values: tuple[int, ...]


class Check(Event):
    """The kernel asked whether a process holds a capability; `answer` is 0 or a negative errno."""

    pid: int
    capability: int
    answer: int
    initial: bool
    abi: str
    call: int | None
    frames: tuple[str, ...]
    count: int


class Failed(Event):
    """A call was refused. Not `entered`: a filter stopped it before it began."""

    pid: int
    abi: str
    number: int
    errno: int
    entered: bool
    values: tuple[int, ...]
    path: str
    count: int
    around: Circumstances = Circumstances()


class Masked(Event):
    """It opened a path that is masked, and found it empty."""

    pid: int
    path: str
    around: Circumstances


class NotGained(Event):
    """It became a program that gives rights, and did not get them. `around.place` is the program's file."""

    pid: int
    program: str
    around: Circumstances


class Log(Event):
    """A line of the kernel's log on a process."""

    pid: int
    text: str


class Signal(Event):
    """A signal was generated for a process. `call`: which a filter sent SIGSYS for; None where there is none."""

    pid: int
    number: int
    code: int
    abi: str = ""
    call: int | None = None
    values: tuple[int, ...] = ()


class OutOfMemory(Event):
    """The kernel chose it to be killed."""

    pid: int


class Written(Event):
    """A path of its root that it wrote: file, folder or device."""

    path: str
    kind: str


class Device(Event):
    """A device node that was opened."""

    pid: int
    path: str


class Listens(Event):
    """A port, and whether only its own addresses (loopback) can reach it."""

    protocol: str
    port: int
    loopback: bool


class Peer(Event):
    """Somebody used that port; `loopback`: from inside."""

    protocol: str
    port: int
    loopback: bool


class User(Event):
    """As whom a process works, in the container's own numbers."""

    pid: int
    uid: int
    gid: int


class Holds(Event):
    """A process that is not root is permitted this capability. Told of the first few."""

    pid: int
    capability: int


class Peak(Event):
    """The most of something so far: memory (bytes), cpu (cores), pids, open_files."""

    what: str
    value: float


class Lost(Event):
    """Events that did not come through."""

    count: int


class Unseen(Event):
    """A part that can't be observed here, and why."""

    what: str
    why: str


class End(Event):
    """The last line."""

    why: str
