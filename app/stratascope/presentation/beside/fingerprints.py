"""By what a tool knows a result again: the kind of the engine, the container's name and the rule.

Never PIDs, ids, inodes or times: after a restart or on another day it is the same result, and what is new is new.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator

from stratascope.core.container import Container, Engine
from stratascope.core.layer import Finding
from stratascope.core.message import Message

ROOTLESS = "-rootless"
_SERVICE = "com.docker.swarm.service.name"
_PROC = re.compile(r"^/proc/[0-9]+")


def kinds_of(engines: Iterable[Engine]) -> dict[str, str]:
    """The kind of each engine, by its id. One without root is another: both may have a container of the same name."""
    return {each.id: each.kind.value + ROOTLESS if each.rootless else each.kind.value for each in engines}


def identity(container: Container) -> str:
    """By what a container is known again: its name; a task of Docker's swarm, whose name has a new id each time, by its
    service and its number in it.
    """
    service = dict(container.labels).get(_SERVICE, "")
    if service and container.name.startswith(f"{service}."):
        return ".".join(container.name.split(".")[:-1]) or container.name
    return container.name


def fingerprint(kind: str, name: str, code: str, words: str = "") -> str:
    """A result's own mark: 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps([kind, name, code, words]).encode()).hexdigest()[:32]


def fingerprints(findings: Iterable[Finding], kind: str, container: Container) -> list[str]:
    """That of each finding of a container; several of one rule are told apart by the paths in their text."""
    found: list[str] = []
    name = identity(container)
    for finding in findings:
        words, number = words_of(finding), 1
        mark = fingerprint(kind, name, finding.code, words)
        while mark in found:
            number += 1
            mark = fingerprint(kind, name, finding.code, f"{words}\n{number}")
        found.append(mark)
    return found


def words_of(finding: Finding) -> str:
    """What tells it from others of its rule: the paths that it is about."""
    return "\n".join(_paths(finding.text))


def _paths(text: Message) -> Iterator[str]:
    """The paths in it; of those of a process without its number."""
    for _, value in text.args:
        if isinstance(value, Message):
            yield from _paths(value)
        elif isinstance(value, str) and value.startswith("/"):
            yield _PROC.sub("/proc/PID", value)
