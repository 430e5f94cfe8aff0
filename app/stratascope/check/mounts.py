"""What `-v`, `--mount` and `--tmpfs` ask for, as the engine's inspect would tell it."""

from __future__ import annotations

import posixpath

from stratascope.core.container import AskedMount, Engine, EngineKind
from stratascope.core.message import Message, msg

_PROPAGATION = frozenset(("shared", "slave", "private", "rshared", "rslave", "rprivate", "unbindable", "runbindable"))
_YES = frozenset(("", "true", "1"))


class MountError(Exception):
    """A mount that no engine takes."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.id)
        self.message = message


def volume_path(name: str, engine: Engine) -> str:
    """Where an engine keeps a volume, if nobody moved its folder. Of an anonymous one the name is not known yet."""
    if engine.facts.data_root:
        root = engine.facts.data_root
    elif engine.kind is EngineKind.DOCKER:
        root = "~/.local/share/docker" if engine.rootless else "/var/lib/docker"
    else:
        root = "~/.local/share/containers/storage" if engine.rootless else "/var/lib/containers/storage"
    return f"{root}/volumes/{name or '?'}/_data"


def of_volume(text: str, folder: str, engine: Engine) -> AskedMount:
    """`[SOURCE:]TARGET[:WORDS]`. Raises MountError."""
    parts = text.split(":")
    if len(parts) == 1:
        source, target, words = "", parts[0], []
    else:
        source, target, words = parts[0], parts[1], parts[2].split(",") if len(parts) > 2 else []
    if len(parts) > 3 or not target.startswith("/"):
        raise MountError(msg("{value} is not a mount: it has to be SOURCE:PLACE, or SOURCE:PLACE:ro.", value=text))
    propagation = next((word for word in words if word in _PROPAGATION), "")
    return _mount("", source, target, writable="ro" not in words, propagation=propagation, folder=folder, engine=engine)


def of_mount(text: str, folder: str, engine: Engine) -> AskedMount | None:
    """`type=bind,source=…,target=…`; None for a kind that shows nothing of the host. Raises MountError."""
    known: dict[str, str] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        known[name.strip().lower()] = value.strip('"')
    kind = known.get("type", "volume")
    source = known.get("source", known.get("src", ""))
    target = known.get("target", known.get("destination", known.get("dst", "")))
    if not target.startswith("/"):
        raise MountError(msg("{value} is not a mount: it has no path in the container.", value=text))
    read_only = next((known[name] for name in ("readonly", "ro") if name in known), "false") in _YES
    if known.get("rw", "true") == "false":
        read_only = True
    if kind == "tmpfs":
        words = [word for word in ("exec", "suid", "dev") if word in known]
        return AskedMount("tmpfs", "", target, not read_only, options=",".join(words))
    if kind not in ("bind", "volume", "glob"):
        return None
    propagation = known.get("bind-propagation", "")
    return _mount(kind, source, target, writable=not read_only, propagation=propagation, folder=folder, engine=engine)


def of_tmpfs(text: str) -> AskedMount:
    """`PLACE[:WORDS]`. Raises MountError."""
    target, _, words = text.partition(":")
    if not target.startswith("/"):
        raise MountError(msg("{value} is not a path in the container: it has to begin with /.", value=text))
    found = words.split(",")
    freed = ",".join(word for word in found if word in ("exec", "suid", "dev"))
    return AskedMount("tmpfs", "", _clean(target), "ro" not in found, options=freed)


def _mount(
    kind: str, source: str, target: str, *, writable: bool, propagation: str, folder: str, engine: Engine
) -> AskedMount:
    target = _clean(target)
    path = source.startswith(("/", ".", "~", "$", "%"))
    if path or kind in ("bind", "glob"):
        if source and not source.startswith(("/", "~", "$", "%")):
            source = posixpath.join(folder or "/", source)
        propagation = propagation or "rprivate"
        return AskedMount("bind", _clean(source), target, writable, propagation)
    return AskedMount("volume", volume_path(source, engine), target, writable, propagation, source)


def _clean(path: str) -> str:
    return posixpath.normpath(path) if path.startswith("/") else path
