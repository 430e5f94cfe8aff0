"""How programs complain when a toggle took something from them: words in a log, and the path that they stand beside.

Each toggle says what it takes as its own symptom, with these. Decided against one table of all
symptoms, which would have to know every toggle by name; and against more than words and numbers, since a log is
foreign text that is never run, opened or followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from stratascope.core.message import Message
from stratascope.core.relaunch.toggle import Failure, Subject, Suspicion
from stratascope.layers.shared.host_paths import within
from stratascope.value import Value

_LONGEST = 2000  # characters of one line that are looked at
_LINES = 400
_PATH = re.compile(r"(?<![\w./-])/[\w.@+/-]*[\w@+-]")

# Several programs translate errno(3) themselves, so the numbers in nginx's way count too
READ_ONLY = r"read-only file ?system|\bEROFS\b|\(30: "
NOT_PERMITTED = r"operation not permitted|\bEPERM\b|\(1: |not permitted"
DENIED = r"permission denied|\bEACCES\b|\(13: |access denied"
REFUSED = rf"{NOT_PERMITTED}|{DENIED}"
MISSING = r"no such file or directory|\bENOENT\b|\(2: "
NO_FORK = (
    r"resource temporarily unavailable|\bEAGAIN\b|can(?:no|')?t fork|fork failed"
    r"|unable to (?:create|start).{0,20}thread|pthread_create"
)
NO_FILES = r"too many open files|\bEMFILE\b|\bENFILE\b"
NO_MEMORY = r"cannot allocate memory|out of memory|\bENOMEM\b|bad_alloc|outofmemory|memoryerror"
UNRESOLVED = (
    r"name or service not known|failure in name resolution|could not resolve|bad address|no such host|name resolution"
)
UNREACHABLE = (
    r"connection refused|network is unreachable|no route to host|cannot assign requested address|\bECONNREFUSED\b"
)
SIGSYS = r"bad system call|\bSIGSYS\b"


class Line(Value):
    """A line of the log, or of the engine's words, that has what was sought; `path` is named beside it, or "" ."""

    text: str
    path: str


def find(failure: Failure, pattern: str, where: Callable[[Line], bool] = lambda line: True) -> Line | None:
    """The last line with that pattern: programs give up after it."""
    sought = re.compile(pattern, re.I)
    for text in reversed([*failure.words.splitlines(), *failure.log.splitlines()][-_LINES:]):
        short = text[:_LONGEST]
        found = sought.search(short)
        if found is not None and where(line := Line(short, _path(short, found))):
            return line
    return None


def _path(text: str, found: re.Match[str]) -> str:
    """The path nearest before the words, else the first after: `touch: /a: Read-only …`, `Errno 30 … : '/a'`."""
    before = _PATH.findall(text[: found.start()])
    after = _PATH.findall(text[found.end() :])
    return before[-1] if before else after[0] if after else ""


def mounted(path: str, subject: Subject, kind: str) -> bool:
    """Whether that path lies in a mount of that kind of the original."""
    return any(mount.kind == kind and within(path, mount.target.rstrip("/") or "/") for mount in
               subject.container.asked.mounts)  # fmt: skip


def of_kernel(path: str) -> bool:
    """Whether that path is of the kernel's own file systems, which a read-only root directory leaves alone."""
    return any(within(path, folder) for folder in ("/proc", "/sys"))


Symptoms = Callable[[Failure, str, Subject], Suspicion | None]


def in_log(*rules: tuple[int, str, Message]) -> Symptoms:
    """The symptoms of a toggle that is suspected by words alone: the first rule whose pattern is found."""

    def symptoms(failure: Failure, value: str, subject: Subject) -> Suspicion | None:
        for weight, pattern, text in rules:
            if find(failure, pattern) is not None:
                return Suspicion(weight, text)
        return None

    return symptoms
