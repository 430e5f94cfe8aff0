"""Parse the values of `-v`, `--mount` and `--tmpfs` into mounts as the engine's inspect would show them."""

from __future__ import annotations

import csv
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from stratascope.core.container import WRITABLE_BELOW, AskedMount, Engine, EngineKind
from stratascope.core.ground import Ahead, IdMaps
from stratascope.core.message import MessageError, msg
from stratascope.core.options.rules import rules_of
from stratascope.core.options.values import true
from stratascope.linux.mounts import Mount
from stratascope.value import replace

_PROPAGATION = frozenset(("shared", "slave", "private", "rshared", "rslave", "rprivate", "unbindable", "runbindable"))
# Options of a bind mount that change what it gives access to; `bind`: not recursive
_WORDS = frozenset(("nosuid", "nodev", "noexec", "suid", "dev", "exec", "bind", "idmap"))
_BOUND = frozenset(("bind", "rbind"))


class MountError(MessageError):
    """A mount that no engine accepts."""


def volume_path(name: str, engine: Engine) -> str:
    """The default path of an engine's volume; an anonymous volume has no name yet (`?`)."""
    if engine.facts.data_root:
        root = engine.facts.data_root
    else:
        root = rules_of(engine).storage
        root = root.replace("/var/lib", "~/.local/share", 1) if engine.rootless else root
    return f"{root}/volumes/{name or '?'}/_data"


def of_volume(text: str, folder: str, engine: Engine) -> AskedMount | None:
    """Parse `[SOURCE:]TARGET[:OPTIONS]`; None for an overlay of the source (Podman's `:O`). Raises MountError."""
    parts = text.split(":")
    if len(parts) == 1:
        source, target, words = "", parts[0], []
    else:
        source, target, words = parts[0], parts[1], parts[2].split(",") if len(parts) > 2 else []
    if len(parts) > 3 or not target.startswith("/"):
        raise MountError(msg("{value} is not a mount: it has to be SOURCE:PLACE, or SOURCE:PLACE:ro.", value=text))
    if "O" in words and engine.kind is EngineKind.PODMAN:
        return None  # an overlay: writes stay in the container
    return _mount("", source, target, words, writable="ro" not in words, folder=folder, engine=engine)


def of_mount(text: str, folder: str, engine: Engine) -> AskedMount | None:
    """Parse `type=bind,source=…,target=…`; None for types that show nothing of the host. Raises MountError."""
    fields = _fields(text)
    known = dict(fields)
    kind = known.get("type", "volume")
    target = known.get("target", known.get("destination", known.get("dst", ""))) or ""
    source = known.get("source", known.get("src", "")) or ""
    if not target.startswith("/"):
        raise MountError(msg("{value} is not a mount: it has no path in the container.", value=text))
    docker = engine.kind is EngineKind.DOCKER
    read_only = _read_only(known, docker=docker)
    if kind == "tmpfs":
        freed = ",".join(word for word in ("exec", "suid", "dev") if word in known)
        return AskedMount("tmpfs", "", target, not read_only, options=freed)
    if kind not in ("bind", "volume", "glob"):
        return None
    if kind == "bind" and not source and not docker:
        source = target
    words = [name for name, _ in fields]
    words += [value for name, value in fields if name == "bind-propagation" and value]
    if kind == "bind" and _non_recursive(known, docker=docker):
        words.append("bind")
    if known.get("bind-recursive") == "writable":
        words.append(WRITABLE_BELOW)
    if kind == "volume":
        pairs = (value.partition("=") for name, value in fields if name == "volume-opt" and value)
        device, more, read_only_too = bound_folder({name: value for name, _, value in pairs})
        if device:
            kind, source, read_only = "bind", device, read_only or read_only_too
            words = _of_volumes([*words, *more, _volumes_spread(engine)], engine)
    return _mount(kind, source, target, words, writable=not read_only, folder=folder, engine=engine)


class There(NamedTuple):
    """Look-ups of volumes and paths that exist on the engine's machine; by default nothing is known of them."""

    volume: Callable[[str], Mapping[str, str]] = lambda _: {}  # the options that a volume was created with, by its name
    real: Callable[[str], str] = str  # a path with symbolic links resolved
    # what such mounts and folders of an image show of files; the id maps if programs that give rights are wanted
    look: Callable[[Sequence[Mount], Sequence[str], IdMaps | None], Ahead] = lambda *_: Ahead()


NOTHING_THERE = There()


def shown(mount: AskedMount, there: There, engine: Engine) -> AskedMount:
    """The mount with links in its source resolved; a volume that binds a folder (`bound_folder`) as a bind mount."""
    if mount.kind == "bind" and mount.source.startswith("/"):
        return replace(mount, source=there.real(mount.source))
    if mount.kind != "volume" or not mount.volume:
        return mount
    device, words, read_only = bound_folder(there.volume(mount.volume))
    if not device:
        return mount
    options = ",".join(filter(None, (mount.options, *_of_volumes(words, engine))))
    writable = mount.writable and not read_only
    return AskedMount("bind", there.real(device), mount.target, writable, _volumes_spread(engine), options=options)


def _volumes_spread(engine: Engine) -> str:
    """The propagation of volumes."""
    return "rslave" if rules_of(engine).slave_mounts else "rprivate"


def _of_volumes(words: Iterable[str], engine: Engine) -> list[str]:
    """Mount options with those that Podman gives volumes, unless told otherwise (measured)."""
    found = list(words)
    if not rules_of(engine).slave_mounts:
        found += [f"no{word}" for word in ("suid", "dev") if word not in found]
    return found


def bound_folder(options: Mapping[str, str]) -> tuple[str, tuple[str, ...], bool]:
    """For a volume with these options of the driver `local`: the host folder it binds (empty if it binds none), the
    mount options, and whether it is read-only.
    """
    words = options.get("o", "").split(",")
    if not _BOUND.intersection(words):
        return "", (), False
    kept = tuple(word for word in words if word in _WORDS and word != "bind")
    return options.get("device", ""), (*kept, *(() if "rbind" in words else ("bind",))), "ro" in words


def _fields(text: str) -> list[tuple[str, str | None]]:
    """Split into names and values, quoted as in CSV; value None: a name without `=`."""
    try:
        row = next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise MountError(msg("{value} is not a mount: its quotes do not fit.", value=text)) from None
    parts = (part.partition("=") for part in row)
    return [(name.strip().lower(), value if equals else None) for name, equals, value in parts]


def _read_only(known: Mapping[str, str | None], *, docker: bool) -> bool:
    """Whether it is read-only. Docker parses the values as Go's ParseBool; Podman ignores all but true and false."""
    for name in ("readonly", "ro"):
        if name in known:
            value = known[name]
            return value is None or (true(value) is True if docker else value.lower() == "true")
    return not docker and (known.get("rw") or "").lower() == "false"


def _non_recursive(known: Mapping[str, str | None], *, docker: bool) -> bool:
    """Whether a bind mount is not recursive: without what is mounted below its source."""
    if "bind-nonrecursive" in known and (not docker or true(known["bind-nonrecursive"]) is True):
        return True
    return docker and known.get("bind-recursive") == "disabled"


def of_tmpfs(text: str) -> AskedMount:
    """Parse `TARGET[:OPTIONS]`. Raises MountError."""
    target, _, words = text.partition(":")
    if not target.startswith("/"):
        raise MountError(msg("{value} is not a path in the container: it has to begin with /.", value=text))
    found = words.split(",")
    freed = ",".join(word for word in found if word in ("exec", "suid", "dev"))
    return AskedMount("tmpfs", "", _clean(target), "ro" not in found, options=freed)


def _mount(
    kind: str, source: str, target: str, words: Iterable[str], *, writable: bool, folder: str, engine: Engine
) -> AskedMount:
    target = _clean(target)
    propagation = next((word for word in words if word in _PROPAGATION), "")
    options = ",".join(dict.fromkeys(word for word in words if word in _WORDS or word == WRITABLE_BELOW))
    path = source.startswith(("/", ".", "~", "$", "%"))
    if path or kind in ("bind", "glob"):
        if source and not source.startswith(("/", "~", "$", "%")):
            source = posixpath.join(folder, source)
        return AskedMount("bind", _clean(source), target, writable, propagation or "rprivate", options=options)
    return AskedMount("volume", volume_path(source, engine), target, writable, propagation, source, options)


def _clean(path: str) -> str:
    return posixpath.normpath(path) if path.startswith("/") else path
