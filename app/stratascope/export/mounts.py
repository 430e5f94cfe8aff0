"""Mounts as the options of `docker run` and `podman run`."""

from __future__ import annotations

import csv
import io
import re

from stratascope.core.container import EngineKind
from stratascope.core.message import Message, msg
from stratascope.core.relaunch.run_options import RunMount, RunOptions

_DOCKER, _PODMAN = EngineKind.DOCKER, EngineKind.PODMAN
# docker-run(1): what the third part of -v may be there; Podman takes all options of mount(8)
_DOCKER_WORDS = frozenset(("z", "Z", "shared", "rshared", "slave", "rslave", "private", "rprivate", "nocopy"))
_PROPAGATIONS = _DOCKER_WORDS - {"z", "Z", "nocopy"}  # of binds only
_DOCKER_ONLY_WORDS = frozenset(("consistent", "cached", "delegated"))
_DOCKER_TMPFS = re.compile(
    r"(size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=.*|(no)?(exec|suid|dev|atime|diratime)|rw|"
    r"r?bind|r?(shared|slave|private)|(rel|strict)atime|sync|async|dirsync"
).fullmatch
_USUAL_WORDS = frozenset(("rbind", "bind", "rprivate", "nosuid", "nodev"))  # Podman says them of each of its volumes


def known_words(mount: RunMount, options: RunOptions, tool: EngineKind, unsaid: list[Message]) -> tuple[str, ...]:
    """The mount's words that the tool knows, the other ones are added to `unsaid`."""
    if options.kind is tool:
        return mount.words
    kept = tuple(word for word in mount.words if _knows(tool, mount, word))
    gone = [word for word in mount.words if word not in kept]
    if gone and mount.kind != "tmpfs" and set(gone) - _USUAL_WORDS:
        unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=",".join(gone)))
    return kept


def written(mount: RunMount, options: RunOptions, tool: EngineKind, unsaid: list[Message]) -> tuple[str, str]:
    """The option's name and value; what that tool has no word for is added to `unsaid`."""
    words = list(known_words(mount, options, tool, unsaid))
    access = "ro" if mount.read_only else "rw"
    if mount.kind == "tmpfs" and not mount.long:
        words = ["ro", *words] if mount.read_only else words
        return ("tmpfs", ":".join((mount.target, ",".join(words))) if words else mount.target)
    plain = mount.kind in ("bind", "volume", "overlay") and not mount.long and ":" not in mount.source + mount.target
    if plain:
        parts = [mount.source, mount.target] if mount.source else [mount.target]
        if mount.kind == "overlay":
            return ("volume", ":".join((*parts, ",".join(words) or "O")))
        return ("volume", ":".join((*parts, ",".join((access, *words)))) if mount.source else mount.target)
    fields = [f"type={mount.kind}"]
    if mount.source:
        fields.append(f"src={mount.source}")
    fields.append(f"dst={mount.target}")
    if mount.kind == "image":
        fields.append(f"rw={str(not mount.read_only).lower()}")
    elif mount.read_only:
        fields.append("readonly")
    for name, value in (*((word, "") for word in words), *mount.long):
        if name == "type":
            continue
        named = name if options.kind is tool else _long_name(name, tool)
        if named:
            fields.append(f"{named}={value}" if value else named)
        else:
            unsaid.append(msg("Options of the mount at {path}: {options}.", path=mount.target, options=name))
    return ("mount", comma_separated(fields))


def _knows(tool: EngineKind, mount: RunMount, word: str) -> bool:
    if tool is _PODMAN:
        return word not in _DOCKER_ONLY_WORDS
    if mount.kind == "tmpfs":
        return bool(_DOCKER_TMPFS(word))
    return word in _DOCKER_WORDS and not (mount.kind == "volume" and word in _PROPAGATIONS)


def _long_name(name: str, tool: EngineKind) -> str:
    """Podman's and Docker's words for `--mount` are the same but for volumes."""
    if tool is _PODMAN:
        names = {"volume-nocopy": "nocopy", "volume-subpath": "subpath", "consistency": "consistency"}
        return names.get(name, name if name.startswith(("bind-propagation", "tmpfs-")) else "")
    names = {"nocopy": "volume-nocopy", "subpath": "volume-subpath"}
    return names.get(name, "bind-propagation" if name in _DOCKER_WORDS and name not in ("z", "Z") else "")


def comma_separated(fields: list[str]) -> str:
    """Both tools read a mount as one line of comma-separated values (Go, encoding/csv)."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()
