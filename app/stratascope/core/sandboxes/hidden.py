"""Which paths a sandbox was to hide, by what its maker was asked for: to set beside what it can get at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stratascope.core.container import Asked
from stratascope.core.sandbox import Sandbox
from stratascope.core.sandboxes.asked import systemd
from stratascope.core.sandboxes.lines import NULL

_DENIED = ("deny", "none")
_DEPTH_MAX = 12


def was_to_hide(path: str, sandbox: Sandbox, asked: Asked) -> bool:
    """Whether that path was to be hidden: by what lies on top of it last, or a permission that denies it."""
    answer = False
    for mount in asked.mounts:
        if _below(path, mount.target):
            answer = (mount.kind == "tmpfs" and not mount.source) or mount.source == NULL
    entries = [entry for source, text in sandbox.asked_text for entry in _entries(source, text)]
    nearest = max((entry for entry in entries if _below(path, entry[0])), key=lambda each: len(each[0]), default=None)
    return answer if nearest is None else nearest[1]


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _entries(source: str, text: str) -> Iterator[tuple[str, bool]]:
    """Path, and whether it is denied: of Codex's profile, a Flatpak's own permissions, and a unit of systemd."""
    if source == "--permission-profile":
        try:
            yield from _of_profile(json.loads(text), 0)
        except (ValueError, RecursionError):
            return
    elif source.startswith(systemd.COMMANDS):
        yield from systemd.hidden(text)
    elif source.endswith("/.flatpak-info"):
        for line in text.splitlines():
            key, _, words = line.partition("=")
            for word in words.split(";") if key.strip() == "filesystems" else ():
                denied = word.startswith("!")
                path = word.removeprefix("!").partition(":")[0]
                if path.startswith("/"):
                    yield path, denied


def _of_profile(found: Any, depth: int) -> Iterator[tuple[str, bool]]:
    if depth > _DEPTH_MAX:
        return
    if isinstance(found, list):
        for each in found:
            yield from _of_profile(each, depth + 1)
    elif isinstance(found, dict):
        access, place = found.get("access"), found.get("path")
        path = place.get("path") if isinstance(place, dict) else place
        if isinstance(access, str) and isinstance(path, str) and path.startswith("/"):
            yield path, access in _DENIED
        for each in found.values():
            yield from _of_profile(each, depth + 1)
