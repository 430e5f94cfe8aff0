"""The wheels that pip would install for a release on a Python and an architecture: name, version, file and SHA-256.

The only source of a release's Python packages: packaging/hashes/ is written from it (hashes.py), and so are the
Flatpak's modules (packaging/flatpak/python_modules.py). Versions are those of packaging/constraints.txt. pip evaluates
markers for the Python that it runs on; here they are evaluated for the target, so any Python can run this.

Decided against building from source: that would need Rust and C compilers for packages that the index has as wheels.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parent.parent.parent
CONSTRAINTS = CHECKOUT / "packaging" / "constraints.txt"
BASE = frozenset({"pyside6-essentials", "shiboken6", "numpy"})  # Flathub's base app has them


@dataclass(frozen=True, slots=True)
class Target:
    """A CPython that a release runs on. `glibc`: the newest 2.x that a wheel may require; `has`: packages present."""

    python: str
    machine: str
    glibc: int
    has: frozenset[str] = frozenset()

    def environment(self) -> dict[str, str]:
        """The environment for evaluating requirement markers for this target."""
        return {
            **{name: str(value) for name, value in default_environment().items()},
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
        }


APPIMAGE = Target("3.11", "x86_64", 35)
FLATPAK = tuple(Target("3.13", machine, 28, BASE) for machine in ("x86_64", "aarch64"))


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that pip would install, by URL or path."""

    name: str
    version: str
    url: str
    sha256: str

    @property
    def file(self) -> str:
        """The file's name, which has its compatibility tags."""
        return self.url.rpartition("/")[2]


def requirements() -> dict[str, tuple[str, ...]]:
    """Requirements by set: `build` for building the program and its SBOM, `program` for running it, `appimage` for
    bundling it."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    return {
        "build": (*project["build-system"]["requires"], *groups["build"]),
        "program": tuple(project["project"]["dependencies"]),
        "appimage": tuple(groups["appimage"]),
    }


def asked(wanted: Sequence[str], target: Target) -> tuple[Wheel, ...]:
    """The wheels that pip would install on the target, without those present. Raises subprocess.CalledProcessError."""
    wanted = [text for text in wanted if canonicalize_name(Requirement(text).name) not in target.has]
    further: set[str] = set()
    while True:
        found = _reported((*wanted, *sorted(further)), target)
        missing = needs(wanted, found, target) - found.keys()
        if not missing:
            return wheels_of(wanted, found, target)
        further |= missing


def wheels_of(wanted: Iterable[str], found: Mapping[str, Mapping[str, Any]], target: Target) -> tuple[Wheel, ...]:
    """The wheels in pip's report that the requirements need on the target, without those present."""
    return tuple(_wheel(found[name]) for name in sorted(needs(wanted, found, target) - target.has))


def needs(wanted: Iterable[str], found: Mapping[str, Mapping[str, Any]], target: Target) -> set[str]:
    """Names of all packages that the requirements need on the target, as far as they are in the report."""
    environment = target.environment()
    needed: set[str] = set()

    def applies(text: str, extras: Iterable[str]) -> Iterator[Requirement]:
        each = Requirement(text)
        if each.marker is None or any(each.marker.evaluate({**environment, "extra": extra}) for extra in extras):
            yield each

    waiting = [each for text in wanted for each in applies(text, ("",))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        needed.add(name)
        if name in found and (name, frozenset(one.extras)) not in seen:
            seen.add((name, frozenset(one.extras)))
            texts = found[name]["metadata"].get("requires_dist", ())
            waiting += [each for text in texts for each in applies(text, ("", *one.extras))]
    return needed


def _reported(wanted: Sequence[str], target: Target) -> dict[str, dict[str, Any]]:
    """pip's report of what it would install, by name."""
    command = (*_pip("install", target), "--dry-run", "--ignore-installed", "--target=/nowhere", "--report=-", *wanted)
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=_environment())
    return {canonicalize_name(item["metadata"]["name"]): item for item in json.loads(done.stdout)["install"]}


def _wheel(item: Mapping[str, Any]) -> Wheel:
    about, source = item["metadata"], item["download_info"]
    return Wheel(about["name"], about["version"], source["url"], source["archive_info"]["hashes"]["sha256"])


def fetched(wanted: Sequence[Wheel], target: Target, folder: Path) -> tuple[Wheel, ...]:
    """Download the wheels into a folder. Raises subprocess.CalledProcessError."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{wheel.name}=={wheel.version}" for wheel in wanted]
    command = (*_pip("download", target), "--no-deps", f"--dest={folder}", *names)
    subprocess.run(command, check=True, env=_environment())
    return tuple(Wheel(wheel.name, wheel.version, str(folder / wheel.file), wheel.sha256) for wheel in wanted)


def _pip(verb: str, target: Target) -> tuple[str, ...]:
    tags = (*(f"manylinux_2_{number}" for number in range(target.glibc, 16, -1)), "manylinux2014")
    python = ("--implementation=cp", f"--python-version={target.python}")
    platforms = (f"--platform={tag}_{target.machine}" for tag in tags)
    pip = (sys.executable, "-m", "pip", verb, "--quiet", "--only-binary=:all:", "-c", str(CONSTRAINTS))
    return (*pip, *python, *platforms)


def _environment() -> dict[str, str]:
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
