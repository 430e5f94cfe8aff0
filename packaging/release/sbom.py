"""The software bill of materials (SBOM) of a release: CycloneDX 1.6 in JSON, made during the build and included.

    sbom.py appimage FILE --also pyinstaller --debian LIST   the program as it is installed for the Python that runs
    sbom.py flatpak FILE                                     this, and all that it needs
    sbom.py wheel FILE --version VERSION                     the program's own wheel, with what lies in it

Of each Python package: version, licence, who needs whom, and the SHA-256 of the wheel that it was installed from, where
packaging/hashes/ accepts one in that version (a package of Flathub's base app was built there, and has none). `--also`
names packages that come along beside those, such as what starts a bundle. `--debian` is a list of Debian packages in
the form of packaging/appimage/debian-list.sh. A wheel names the packages that it asks for, with the range and without a
version, since whoever installs it chooses.

Reproducible: the time is SOURCE_DATE_EPOCH, and the serial number is made of what is listed. It holds no addresses.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import hashes
import wheels
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROGRAM = "stratascope"
INTER, INTER_VERSION = "inter", "4.1"
GLIBC = "glibc"
_LICENCES = "License :: OSI Approved :: "


@dataclass(slots=True)
class Parts:
    """The program, its parts by name, and the names that each needs."""

    program: Component
    found: dict[str, Component] = field(default_factory=dict)
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)


def installed(also: Iterable[str] = ()) -> Parts:
    """The program as installed here, and everything it needs. Raises metadata.PackageNotFoundError."""
    parts = Parts(_program(metadata.version(PROGRAM)))
    parts.found |= _shipped()
    parts.needs[PROGRAM] = (*_needed(PROGRAM), *also, *parts.found)
    parts.needs |= dict.fromkeys(also, ())  # without their own requirements, which are not bundled
    parts.found |= {name: _package(name) for name in also}
    waiting = [*_needed(PROGRAM)]
    while waiting:
        name = waiting.pop()
        if name not in parts.found:
            parts.found[name] = _package(name)
            parts.needs[name] = _needed(name)
            waiting += parts.needs[name]
    return parts


def _needed(name: str) -> tuple[str, ...]:
    """The packages that a package requires here, without those of extras."""
    try:
        texts = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return ()
    needed = [each for each in map(Requirement, texts) if each.marker is None or each.marker.evaluate({"extra": ""})]
    return tuple(sorted({canonicalize_name(each.name) for each in needed}))


def own_wheel(version: str) -> Parts:
    """The program's wheel, whose requirements are installed by others."""
    parts = Parts(_program(version))
    for text in wheels.requirements()["program"]:
        asked = Requirement(text)
        name = canonicalize_name(asked.name)
        component = _component(name, None, PackageURL("pypi", None, name))
        component.properties.add(Property(name="stratascope:asked-for", value=str(asked.specifier)))
        component.properties.add(Property(name="stratascope:shipped", value="false"))
        parts.found[name] = component
    parts.found |= _shipped()
    parts.needs[PROGRAM] = tuple(parts.found)
    return parts


def add_debian(parts: Parts, text: str) -> None:
    """Add the Debian packages of a list with name, version, architecture, SHA-256 and release, one per line."""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, version, architecture, sha256, release = line.split()
        place = PackageURL("deb", "debian", name, version, {"arch": architecture, "distro": release})
        component = _component(name, version, place, sha256)
        parts.found[f"debian {name}"] = component
    parts.needs[PROGRAM] += tuple(name for name in parts.found if name.startswith("debian "))


def _program(version: str) -> Component:
    component = _component(PROGRAM, version, PackageURL("pypi", None, PROGRAM, version))
    component.type = ComponentType.APPLICATION
    component.licenses.add(LicenseFactory().make_from_string("Apache-2.0"))
    return component


def _shipped() -> dict[str, Component]:
    """What lies in the program itself."""
    found = {INTER: _inter()}
    if platform.machine() == "x86_64" and (shutil.which("gcc") or shutil.which("cc")):  # as attempts/build.py
        found[GLIBC] = _glibc()
    return found


def _glibc() -> Component:
    """The C library of where it is built, which is linked into the program of the attempts."""
    version = (os.confstr("CS_GNU_LIBC_VERSION") or "").removeprefix("glibc ")
    component = _component(GLIBC, version, PackageURL("generic", None, GLIBC, version))
    component.licenses.add(LicenseFactory().make_from_string("LGPL-2.1-or-later"))
    return component


def _inter() -> Component:
    """The letters in resources/fonts, which packaging/fonts/inter.py makes."""
    component = _component("Inter", INTER_VERSION, PackageURL("github", "rsms", "inter", f"v{INTER_VERSION}"))
    component.licenses.add(LicenseFactory().make_from_string("OFL-1.1"))
    return component


def _package(name: str) -> Component:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:  # a base app may lack the metadata
        return _component(name, None, PackageURL("pypi", None, name))
    sha256 = hashes.sha256_of(name, found.version)
    component = _component(found.metadata["Name"], found.version, PackageURL("pypi", None, name, found.version), sha256)
    component.licenses.update(_licences(found.metadata))
    return component


def _component(name: str, version: str | None, place: PackageURL, sha256: str = "") -> Component:
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        scope=ComponentScope.REQUIRED,
        purl=place,
        bom_ref=str(place),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else (),
    )


def _licences(about: metadata.PackageMetadata) -> Iterable[License]:
    """A package's licences: its License-Expression, else its classifiers, else the first line of its License field."""
    make = LicenseFactory()
    said = str((about.get_all("License-Expression") or [""])[0])
    if said:
        return [make.make_from_string(said)]
    named = [text.removeprefix(_LICENCES) for text in about.get_all("Classifier") or () if text.startswith(_LICENCES)]
    named = named or [line for text in about.get_all("License") or () if (line := text.split("\n")[0][:80].strip())]
    return [make.make_from_string(named[0])] if len(named) == 1 else [make.make_with_name(text) for text in named]


def text_of(parts: Parts, kind: str) -> str:
    """The SBOM as JSON text."""
    bom = Bom(components=parts.found.values())
    bom.metadata.component = parts.program
    bom.metadata.timestamp = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time.time()), UTC)
    bom.metadata.properties.add(Property(name="stratascope:artefact", value=kind))
    known = {**parts.found, PROGRAM: parts.program}
    for name, needed in parts.needs.items():
        bom.register_dependency(known[name], [known[each] for each in needed])
    bom.serial_number = uuid.UUID(int=0)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, JsonV1Dot6(bom).output_as_string())
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def main(words: Sequence[str]) -> int:
    """Write the SBOM into the given file."""
    parser = argparse.ArgumentParser(description="Writes the list of parts of a release.")
    parser.add_argument("kind", choices=("appimage", "flatpak", "wheel"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--also", nargs="*", default=(), help="packages that come along beside what the program needs")
    parser.add_argument("--debian", type=Path, help="a list of Debian packages that come along")
    parser.add_argument("--version", default="", help="of the program, for a wheel")
    given = parser.parse_args(words)
    parts = own_wheel(given.version) if given.kind == "wheel" else installed(given.also)
    if given.debian is not None:
        add_debian(parts, given.debian.read_text(encoding="utf-8"))
    given.file.parent.mkdir(parents=True, exist_ok=True)
    given.file.write_text(text_of(parts, given.kind), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
