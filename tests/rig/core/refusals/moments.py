"""Builds refused calls for tests: as in the observer's stream, with their circumstances."""

from __future__ import annotations

import json
from typing import Any

from stratascope.core.observation.events import Circumstances, circumstances_of, parse_event
from stratascope.core.observation.fold import Program
from stratascope.core.refusals.refusal import Attempt, AttemptKind
from stratascope.core.refusals.ring import RefusalRing
from stratascope.linux.capability import number_of
from stratascope.linux.namespace import FULL, IdRange
from stratascope.linux.syscalls import Abi, numbers
from stratascope.value import replace

EVERY = (IdRange(0, 0, FULL),)
MAPPED = (IdRange(0, 200000, 2000),)
ROOT = "30 20 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/l"
_CALLS = numbers(Abi.X86_64)


def node(
    kind: str = "file", mode: int = 0o644, uid: int = 0, gid: int = 0, device: str = "", name: str = ""
) -> list[object]:
    return [kind, mode, uid, gid, device, False, name]


def mount(
    target: str = "/", options: str = "rw,relatime", kind: str = "ext4", root: str = "/", more: str = "rw"
) -> str:
    return f"31 30 254:1 {root} {target} {options} - {kind} /dev/vda1 {more}"


def place(
    path: str, of: list[object] | None = None, folder: list[object] | None = None, on: str = ROOT
) -> dict[str, Any]:
    return {"path": path, "node": of, "folder": folder or node("folder", 0o755), "mount": on}


def check(name: str, *frames: str, initial: bool = True) -> list[object]:
    return [number_of(name), -1, initial, ["cap_capable", "security_capable", *frames]]


def around(uid: int = 0, checks: list[list[object]] | None = None, **more: Any) -> dict[str, Any]:
    """Circumstances of a process of that user, without groups; `checks`: capability checks in the call, else none."""
    found: dict[str, Any] = {"ids": [uid, uid, uid, uid], "groups": [], "effective": "0", "checks": checks or []}
    return {**found, **more}


def circumstances(uid: int = 0, **more: Any) -> Circumstances:
    return circumstances_of(around(uid, **more))


def call(
    name: str,
    errno: int,
    *values: int,
    path: str = "",
    said: dict[str, Any] | None = None,
    lines: tuple[str, ...] = (),
    uids: tuple[IdRange, ...] = EVERY,
    entered: bool = True,
) -> Attempt:
    """An attempt from a stream line: that call, refused with that errno."""
    line = [
        "failed",
        1.0,
        7,
        "x86_64",
        _CALLS[name],
        errno,
        entered,
        list(values),
        path,
        1,
        around() if said is None else said,
    ]
    return replace(attempted(line), lines=lines, uids=uids, gids=uids)


def attempted(line: list[Any]) -> Attempt:
    """The attempt from an observer's line."""
    ring = RefusalRing()
    ring.feed(parse_event(json.dumps(line)), Program("try"))
    (entry,) = ring.entries()
    return entry.attempt


def happened(kind: AttemptKind, path: str = "", said: dict[str, Any] | None = None) -> Attempt:
    """An attempt that is no failed call."""
    return Attempt(kind, "try", path=path, around=circumstances_of(said or {}), uids=EVERY, gids=EVERY)
