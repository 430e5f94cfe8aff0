"""Mounts in Docker's create request: pin an original's volumes by name, and change or remove mounts.

Docker has three fields for mounts (Binds, Mounts, Tmpfs), and adds those of images and other containers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from typing import Any

from stratascope.core.container import Asked, AskedMount
from stratascope.engines.shared.asked_options import overridden
from stratascope.engines.shared.json_reader import JsonObject

# Without a mode runc uses that of the directory below, which is rarely writable for users other than root
_TMPFS_MODE = "mode=1777"
_DATA = "nocopy"  # an empty volume would be filled from the image again


def pin_volumes(answer: JsonObject, host: dict[str, Any], borrowed: frozenset[str]) -> bool:
    """Name the container's volumes, so that its successor gets the same ones instead of new empty ones.

    Returns whether any were anonymous.
    """
    nameless = False
    volumes = {
        target(mount.text("Destination")): mount
        for mount in answer.parts("Mounts")
        if mount.text("Type") == "volume" and mount.text("Name")
    }
    binds, found = [], set()
    for bind in answer.part("HostConfig").texts("Binds") or ():
        source, place, modes = split_bind(bind)
        found.add(target(place))
        volume = volumes.get(target(place))
        if volume is not None and not source.startswith("/"):
            nameless |= not source
            source, modes = source or volume.text("Name"), with_mode(modes, _DATA)
        binds.append(join_bind(source, place, modes))
    mounts = []
    for mount in host.get("Mounts") or ():
        place = target(str(mount.get("Target", "")))
        found.add(place)
        volume, named = volumes.get(place) if mount.get("Type") == "volume" else None, {}
        if volume is not None:
            nameless |= not mount.get("Source")
            options = {**(mount.get("VolumeOptions") or {}), "NoCopy": True}
            named = {"Source": mount.get("Source") or volume.text("Name"), "VolumeOptions": options}
        mounts.append({**mount, **named})
    for place, volume in sorted(volumes.items()):
        if place not in found and place not in borrowed:
            nameless = True
            modes = (_DATA,) if volume.flag("RW") else ("ro", _DATA)
            binds.append(join_bind(volume.text("Name"), volume.text("Destination"), modes))
    if binds or host.get("Binds"):
        host["Binds"] = binds
    if mounts:
        host["Mounts"] = mounts
    return nameless


def write_mounts(host: dict[str, Any], before: Asked, after: Asked) -> None:
    """Write the difference between the two into the three lists."""
    was = {target(mount.target): mount for mount in before.mounts}
    wanted = {target(mount.target): mount for mount in after.mounts}
    taken = {place for place, mount in was.items() if place not in wanted or _other(mount, wanted[place])}
    if any(not _asked_for(host, place) for place in taken):
        _no_longer_borrow(host, was)
    for place in taken:
        _take(host, place)
    for place, mount in wanted.items():
        if place not in was or place in taken:
            _add(host, mount)
        elif mount.kind == "tmpfs" and mount.options != was[place].options:
            _free(host, mount)
        elif mount.writable != was[place].writable and not _set_writable(host, place, mount.writable):
            _add(host, mount)  # from another container: the container's own mounts take precedence


def without_no_copy(host: dict[str, Any], places: Collection[str]) -> None:
    """Let the engine fill the volumes at these targets from the image, while they are empty."""
    binds = []
    for bind in host.get("Binds") or ():
        source, place, modes = split_bind(bind)
        kept = tuple(mode for mode in modes if mode != _DATA)
        binds.append(join_bind(source, place, kept) if target(place) in places else bind)
    host["Binds"] = binds


def target(path: str) -> str:
    """Clean a path inside, as Docker does before comparing."""
    return posixpath.normpath(path) if path else path


def split_bind(bind: str) -> tuple[str, str, tuple[str, ...]]:
    """Split `source:target:modes` into source (or a volume's name, or ""), target, modes."""
    parts = bind.split(":", 2)
    if len(parts) == 1:
        return "", parts[0], ()
    return parts[0], parts[1], tuple(parts[2].split(",")) if len(parts) == 3 and parts[2] else ()


def join_bind(source: str, place: str, modes: tuple[str, ...]) -> str:
    words = (source, place, ",".join(modes))
    return ":".join(word for word in words if word)


def with_mode(modes: tuple[str, ...], mode: str) -> tuple[str, ...]:
    return modes if mode in modes else (*modes, mode)


def _other(one: AskedMount, two: AskedMount) -> bool:
    """Whether these are different mounts, rather than one that became read-only."""
    return (one.kind, one.source, one.volume) != (two.kind, two.source, two.volume)


def _writable(modes: tuple[str, ...], writable: bool) -> tuple[str, ...]:
    kept = tuple(mode for mode in modes if mode not in ("ro", "rw"))
    return kept if writable else ("ro", *kept)


def _asked_for(host: dict[str, Any], place: str) -> bool:
    binds = any(target(split_bind(bind)[1]) == place for bind in host.get("Binds") or ())
    mounts = any(target(str(mount.get("Target", ""))) == place for mount in host.get("Mounts") or ())
    return binds or mounts or any(target(path) == place for path in host.get("Tmpfs") or ())


def _no_longer_borrow(host: dict[str, Any], was: dict[str, AskedMount]) -> None:
    """List all borrowed volumes by name, so that one of these mounts can be left out."""
    for place, mount in was.items():
        if not _asked_for(host, place):
            _add(host, mount)
    host["VolumesFrom"] = None


def _take(host: dict[str, Any], place: str) -> None:
    if host.get("Binds"):
        host["Binds"] = [bind for bind in host["Binds"] if target(split_bind(bind)[1]) != place]
    if host.get("Mounts"):
        host["Mounts"] = [mount for mount in host["Mounts"] if target(str(mount.get("Target", ""))) != place]
    if host.get("Tmpfs"):
        host["Tmpfs"] = {path: options for path, options in host["Tmpfs"].items() if target(path) != place}


def _add(host: dict[str, Any], mount: AskedMount) -> None:
    if mount.kind == "tmpfs":
        options = mount.options if "mode=" in mount.options else ",".join(filter(None, (_TMPFS_MODE, mount.options)))
        host["Tmpfs"] = {
            **(host.get("Tmpfs") or {}),
            mount.target: ",".join(_writable(tuple(options.split(",")), mount.writable)),
        }
        return
    modes: tuple[str, ...] = (mount.propagation,) if mount.propagation and mount.kind == "bind" else ()
    modes = with_mode(modes, _DATA) if mount.volume else modes
    bind = join_bind(mount.volume or mount.source, mount.target, _writable(modes, mount.writable))
    host["Binds"] = [*(host.get("Binds") or ()), bind]


def _free(host: dict[str, Any], mount: AskedMount) -> None:
    """Change the options of an existing tmpfs; `--mount` can't express them, so it becomes a `--tmpfs`."""
    place = target(mount.target)
    found = next((text for path, text in (host.get("Tmpfs") or {}).items() if target(path) == place), "")
    for each in host.get("Mounts") or ():
        if target(str(each.get("Target", ""))) == place:
            options = each.get("TmpfsOptions") or {}
            size, mode = options.get("SizeBytes"), options.get("Mode")
            words = [f"size={size}" if size else "", f"mode={mode:o}" if mode else _TMPFS_MODE]
            found = ",".join(filter(None, (*words, "ro" if each.get("ReadOnly") else "")))
    freed = mount.options.split(",")
    kept = [word for word in found.split(",") if word and not overridden(word, freed)]
    _take(host, place)
    host["Tmpfs"] = {**(host.get("Tmpfs") or {}), mount.target: ",".join((*kept, *freed))}


def _set_writable(host: dict[str, Any], place: str, writable: bool) -> bool:
    """Set a mount's mode; False if none of the lists has it."""
    binds = []
    for bind in host.get("Binds") or ():
        source, path, modes = split_bind(bind)
        binds.append(join_bind(source, path, _writable(modes, writable)) if target(path) == place else bind)
    if binds:
        host["Binds"] = binds
    if host.get("Mounts"):
        host["Mounts"] = [
            {**mount, "ReadOnly": not writable} if target(str(mount.get("Target", ""))) == place else mount
            for mount in host["Mounts"]
        ]
    if host.get("Tmpfs"):
        host["Tmpfs"] = {
            path: ",".join(_writable(tuple(filter(None, options.split(","))), writable))
            if target(path) == place
            else options
            for path, options in host["Tmpfs"].items()
        }
    return _asked_for(host, place)
