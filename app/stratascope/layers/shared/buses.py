"""Sockets by which the host's own programs take orders: D-Bus and systemd, the system's and those of users' sessions.

Known by the identity of the host's own, or by their path there. Whom each obeys is in `core.threats.needs.Bus`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from stratascope.core.ground import SpecialFile, Surroundings
from stratascope.core.threats.needs import Bus
from stratascope.layers.shared.host_paths import plain_run, within
from stratascope.value import Value

_SYSTEM = {"/run/dbus/system_bus_socket": Bus.SYSTEM, "/run/systemd/private": Bus.SYSTEMD}
_OF_USER = re.compile(r"/run/user/([0-9]{1,10})/(bus|systemd/private)").fullmatch
_NAMES = {"system_bus_socket": Bus.SYSTEM}  # wherever it is


class FoundBus(Value):
    """A socket, its path inside, and the uid (of the host) whose programs it gives orders to."""

    bus: Bus
    path: str
    owner: int


def bus_at(path: str) -> tuple[Bus, int] | None:
    """What listens at that path of the host, and for whom."""
    path = plain_run(path)
    if path in _SYSTEM:
        return _SYSTEM[path], 0
    user = _OF_USER(path)
    if user is None:
        return None
    return (Bus.USER if user[2] == "bus" else Bus.USER_SYSTEMD), int(user[1])


def buses_among(files: Iterable[SpecialFile], around: Surroundings) -> tuple[FoundBus, ...]:
    """The buses among these files."""
    hosts = {file: which for file, path in around.ground.buses if (which := bus_at(path)) is not None}
    found = []
    for item in files:
        if item.kind != "s":
            continue
        which = hosts.get(item.file) or bus_at(item.path)
        if which is None and (name := _NAMES.get(item.path.rpartition("/")[2])) is not None:
            which = name, item.uid
        if which is not None:
            found.append(FoundBus(which[0], item.path, which[1]))
    return tuple(found)


def buses_below(source: str, target: str, around: Surroundings, *, searched: bool) -> tuple[FoundBus, ...]:
    """The buses that a bind of this host path shows. `searched`: it was looked into, so that a path alone says nothing
    of a socket that the host does not have.
    """
    place = plain_run(source)
    known = {plain_run(path) for _, path in around.ground.buses}
    paths = sorted(path for path in known if bus_at(path) is not None and within(path, place))
    if not searched and place not in paths and bus_at(place) is not None:
        paths.append(place)
    found = []
    for path in paths:
        which = bus_at(path)
        if which is not None:
            found.append(FoundBus(which[0], target.rstrip("/") + path[len(place.rstrip("/")) :], which[1]))
    return tuple(found)
