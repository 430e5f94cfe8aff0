"""What engines themselves put into a container's writable layer, where lists of its changes have it among its own.

Places to mount on, folders to start in, files that are written at each start: a new container gets them anew. Decided
against telling them by the layer alone: it does not say who wrote a file, so each is told by the option that asks for
it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stratascope.core.relaunch.launch_spec import FileChange

# What is made in every container, and nobody else would make
ALWAYS = ("/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf", "/run/.containerenv")
INIT = ("/dev/init", "/run/podman-init", "/sbin/docker-init")  # --init, by engine and age: a place to mount on


def without(changes: Iterable[FileChange], made: Collection[str]) -> tuple[FileChange, ...]:
    """Without these places and the folders that lead to them; what the program put below one of them stays."""
    places = [place.rstrip("/") for place in made if place.startswith("/")]
    above = {place[:end] for place in places for end in range(1, len(place)) if place[end] == "/"}
    return tuple(change for change in changes if change.path not in places and change.path not in above)
