"""The files of `files/`, and what is made of them on an engine of which nothing is known but its kind."""

from __future__ import annotations

from pathlib import Path

from stratascope.core.container import Asked, Container, Engine, EngineKind, Image, Status
from stratascope.core.options.given import Service
from stratascope.core.options.meaning import understand
from stratascope.formats.text import Read
from stratascope.value import replace

FILES = Path(__file__).with_name("files")


def engine(kind: EngineKind) -> Engine:
    """One as root."""
    return Engine(kind.value, kind, "unix:///run/x.sock")


def plain(kind: EngineKind) -> Container:
    """Of which nothing is asked."""
    return Container(kind.value, "0", "plain", "", Status.CREATED, None, 0.0, 0.0)


def asked(service: Service, kind: EngineKind) -> Asked:
    """What it comes to; lists of which the order is no matter in one, and all networks of its own alike."""
    found = understand(replace(service, said=service.said), engine(kind), plain(kind), Image()).container.asked
    mode = found.network_mode
    return replace(
        found,
        network_mode=mode if mode in ("host", "none") or ":" in mode else "private",
        mounts=tuple(sorted(found.mounts, key=lambda mount: mount.target)),
        ports=tuple(sorted(found.ports, key=str)),
        sysctls=tuple(sorted(found.sysctls)),
        limits=tuple(sorted(found.limits, key=lambda limit: limit.name)),
        cap_add=tuple(sorted(found.cap_add)),
        cap_drop=tuple(sorted(found.cap_drop)),
        devices=tuple(sorted(found.devices, key=str)),
    )


def told(read: Read) -> list[str]:
    """Services with their options, and problems, a line each; places without the folder."""
    lines = []
    for service in read.services:
        lines.append(f"{_short(str(service.place))} {service.name} = {service.image}")
        for said in service.said:
            value = "" if said.value is None else f" {said.value}"
            lines.append(f"  {_short(str(said.place))} {said.name}{value}")
    for problem in read.problems:
        word = "!!" if problem.fatal else "!"
        lines.append(f"{word} {_short(str(problem.place))} {problem.text.id} {dict(problem.text.args)}")
    return [line.replace(f"{FILES}/", "") for line in lines]


def _short(place: str) -> str:
    return place.rpartition("/")[2]
