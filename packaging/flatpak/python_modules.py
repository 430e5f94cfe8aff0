"""Makes the two modules of the manifest that hold Python packages: what the program needs, and what building it needs.

`python packaging/flatpak/python_modules.py FOLDER` asks pip which files it would install on each architecture, in the
versions of packaging/constraints.txt, and writes python-build.json and python-packages.json into FOLDER. They hold
addresses, so they are made and not committed. With `--wheels DIR` the files themselves are fetched, for this machine's
architecture alone, and named by their paths.

Decided against building from source: it would take Rust and C compilers for what the index has as checked wheels.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent.parent
CONSTRAINTS = CHECKOUT / "packaging" / "constraints.txt"
PYTHON = "3.13"  # of the runtime
ARCHITECTURES = ("x86_64", "aarch64")  # Flathub's
BASE = frozenset({"pyside6-essentials", "shiboken6", "numpy"})  # the base app has them
_GLIBCS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")  # the runtime's is newer than all of these
BUILD, PACKAGES = "python-build", "python-packages"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file that pip would install."""

    name: str
    version: str
    url: str
    sha256: str


def requirements() -> tuple[list[str], list[str]]:
    """What building the program needs, and what running it needs, without what the base app has."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [text for text in project["project"]["dependencies"] if _plain(text) not in BASE]
    return list(project["build-system"]["requires"]), needed


def _plain(requirement: str) -> str:
    """The name in a requirement."""
    name = requirement
    for sign in "<>=!~;[ ":
        name = name.partition(sign)[0]
    return name.lower()


def wheels_of(report: Mapping[str, Any]) -> tuple[Wheel, ...]:
    """The files in a report of pip's, but for those of the base app."""
    found = [
        Wheel(
            item["metadata"]["name"],
            item["metadata"]["version"],
            item["download_info"]["url"],
            item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in report["install"]
    ]
    return tuple(sorted((wheel for wheel in found if wheel.name.lower() not in BASE), key=lambda wheel: wheel.name))


def module(name: str, wheels: Mapping[str, Sequence[Wheel]], *, building: bool) -> dict[str, Any]:
    """The module that installs these, by architecture. `building`: nothing of it stays in the program."""
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


def asked(wanted: Sequence[str], architecture: str) -> tuple[Wheel, ...]:
    """What pip would install there. Raises subprocess.CalledProcessError."""
    done = subprocess.run(
        (*_pip("install", architecture), "--dry-run", "--ignore-installed", "--target=/nowhere", "--report=-", *wanted),
        stdout=subprocess.PIPE,
        check=True,
        env=_environment(),
    )
    return wheels_of(json.loads(done.stdout))


def fetched(wanted: Sequence[Wheel], folder: Path) -> tuple[Wheel, ...]:
    """The same as files in that folder. Raises subprocess.CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{wheel.name}=={wheel.version}" for wheel in wanted]
    command = (*_pip("download", platform.machine()), "--no-deps", f"--dest={folder}", *names)
    subprocess.run(command, check=True, env=_environment())
    return tuple(
        Wheel(wheel.name, wheel.version, str(folder / wheel.url.rpartition("/")[2]), wheel.sha256) for wheel in wanted
    )


def _pip(verb: str, architecture: str) -> tuple[str, ...]:
    platforms = [f"--platform={glibc}_{architecture}" for glibc in _GLIBCS]
    python = ("--implementation=cp", f"--python-version={PYTHON}", *platforms)
    return (sys.executable, "-m", "pip", verb, "--quiet", "--only-binary=:all:", "-c", str(CONSTRAINTS), *python)


def _environment() -> dict[str, str]:
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def write(folder: Path, wheels: Path | None = None) -> tuple[Path, ...]:
    """Both modules into that folder. Raises subprocess.CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, wanted in zip((BUILD, PACKAGES), requirements(), strict=True):
        architectures: Iterable[str] = ARCHITECTURES if wheels is None else (platform.machine(),)
        found = {architecture: asked(wanted, architecture) for architecture in architectures}
        if wheels is not None:
            found = {architecture: fetched(each, wheels) for architecture, each in found.items()}
        path = folder / f"{name}.json"
        path.write_text(json.dumps(module(name, found, building=name == BUILD), indent=4) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)


def main(words: Sequence[str]) -> int:
    """Write them into the folder that is named."""
    parser = argparse.ArgumentParser(description="Writes python-build.json and python-packages.json.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheels", type=Path, help="fetch the files into this folder, and name them by their paths")
    given = parser.parse_args(words)
    for path in write(given.folder, None if given.wheels is None else given.wheels.resolve()):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
