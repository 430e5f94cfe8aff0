"""Makes the manifest's two modules of Python packages: those that the program needs, and those that building it needs.

They list the files that pip would install (packaging/release/wheels.py), each with the hash that packaging/hashes/
accepts. They contain addresses, so publish.py makes them, and they are not committed.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import hashes
from wheels import FLATPAK, Wheel, asked, fetched, requirements

BUILD, PACKAGES = "python-build", "python-packages"


def module(name: str, wheels: Mapping[str, Sequence[Wheel]], *, building: bool) -> dict[str, Any]:
    """The module that installs these wheels, by architecture. `building`: used only for the build, then removed."""
    named = {wheel.name: wheel.version for each in wheels.values() for wheel in each}
    packages = " ".join(f"{name}=={version}" for name, version in sorted(named.items()))
    made: dict[str, Any] = {
        "name": name,
        "buildsystem": "simple",
        "build-commands": [
            f"pip3 install --no-index --no-deps --ignore-installed --find-links=. --prefix=${{FLATPAK_DEST}} {packages}"
        ],
        "sources": _sources(wheels),
    }
    return {**made, "cleanup": ["*"]} if building else made


def _sources(wheels: Mapping[str, Sequence[Wheel]]) -> list[dict[str, Any]]:
    users: dict[Wheel, list[str]] = {}
    for architecture, each in wheels.items():
        for wheel in each:
            users.setdefault(wheel, []).append(architecture)
    found = []
    for wheel, architectures in users.items():
        source: dict[str, Any] = {"type": "file", "url": wheel.url, "sha256": wheel.sha256}
        if wheel.url.startswith("/"):
            source = {"type": "file", "path": wheel.url, "sha256": wheel.sha256}
        if len(architectures) < len(wheels):
            source["only-arches"] = architectures
        found.append(source)
    return found


def write(folder: Path, files: Path | None = None) -> tuple[Path, ...]:
    """Write both modules into a folder. `files`: a folder to download the wheels to, for this architecture only; the
    modules then have their paths. Raises subprocess.CalledProcessError, hashes.UnknownHashError."""
    folder.mkdir(parents=True, exist_ok=True)
    targets = [each for each in FLATPAK if files is None or each.machine == platform.machine()]
    written = []
    for name, wanted in ((BUILD, "build"), (PACKAGES, "program")):
        found = {}
        for target in targets:
            each = asked(requirements()[wanted], target)
            hashes.check(each, target)
            found[target.machine] = each if files is None else fetched(each, target, files)
        path = folder / f"{name}.json"
        path.write_text(json.dumps(module(name, found, building=name == BUILD), indent=4) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)
