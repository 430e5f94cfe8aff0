"""From what the collector saw in a container's root directory, and at its engine's helper, to core types: pure.

A rootful engine's helpers (Docker's shim, Podman's conmon) are the container's parents and sit in the engine's own
network, where its published ports listen; that need not be this program's. A rootless engine's ports listen in the
user's own network, whatever network its containers' parents are in.
"""

from __future__ import annotations

import re

from stratascope.core.capture import Capture, Gap, or_none
from stratascope.core.container import Container
from stratascope.core.ground import Ground
from stratascope.core.ports import ContainerCapture
from stratascope.core.process_match import WANTS as BELONGING_WANTS
from stratascope.core.process_match import belongs
from stratascope.core.relaunch.evidence import RootFiles
from stratascope.layers.shared.devices import in_every_container
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import parse_status
from stratascope.linux.sockets import parse_listeners

_DEVICES, _SET_UID = "root:dev", "root:set-uid"
WANTS = (*BELONGING_WANTS, _DEVICES, _SET_UID)
_TCP, _UDP = ("net/tcp", "net/tcp6"), ("net/udp", "net/udp6")
PUBLISHER_WANTS = (*_TCP, *_UDP)
_NODE = re.compile(r"([cb]) ([0-9]{1,10}):([0-9]{1,10}) (/.*)").fullmatch
_PROGRAM = re.compile(r"[ugf] [0-9a-fx]{1,20} (/.*)").fullmatch


def parent(container: Container, found: ContainerCapture | None, ground: Ground) -> int | None:
    """The PID of its first process's parent."""
    if found is None or belongs(container, found.first, ground) is not None:
        return None
    status = or_none(found.first.decoded("status", parse_status))
    return None if status is None else status.ppid or None


def root_files_of(
    container: Container, found: ContainerCapture | None, publisher: ContainerCapture | None, ground: Ground
) -> RootFiles:
    """Nothing where the process that was read is not the container's."""
    if found is None or belongs(container, found.first, ground) is not None:
        return RootFiles()
    listeners, bound = (None if publisher is None else _listeners(publisher.first, names) for names in (_TCP, _UDP))
    return RootFiles(_nodes(found.first), _programs(found.first), listeners, bound)


def _nodes(capture: Capture) -> tuple[str, ...] | None:
    text = capture.text(_DEVICES)
    if isinstance(text, Gap):
        return None
    found = []
    for line in text.splitlines():
        node = _NODE(line)
        if node is None:
            return None
        if not in_every_container(node[1], int(node[2]), int(node[3])):
            found.append(node[4])
    return tuple(sorted(found))


def _programs(capture: Capture) -> tuple[str, ...] | None:
    text = capture.text(_SET_UID)
    if isinstance(text, Gap):
        return None
    found = [_PROGRAM(line) for line in text.splitlines()]
    return tuple(sorted({program[1] for program in found if program is not None}))


def _listeners(capture: Capture, names: tuple[str, ...]) -> tuple[tuple[str, int], ...] | None:
    texts = [capture.text(name) for name in names]
    if isinstance(texts[0], Gap):
        return None
    try:
        return tuple(
            item for text in texts if not isinstance(text, Gap) for item in parse_listeners(text, udp=names is _UDP)
        )
    except DecodeError:
        return None
