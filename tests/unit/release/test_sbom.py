"""The list of parts: read again by the library whose format it is, and held against what is installed here."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import hashes
import pytest
import wheels
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stratascope import __version__
from stratascope.state.shipped import INTER_VERSION

CHECKOUT = wheels.CHECKOUT
TIME = "1700000000"
DEBIAN = f"# a comment\nlibc6 2.36-9+deb12u10 amd64 {'a' * 64} debian-12\nlibssl3 3.0.17-1 amd64 {'b' * 64} debian-12\n"


def document(folder: Path, *words: str | Path, **more: str) -> str:
    """What sbom.py writes, as a program of its own, as the builds run it."""
    target = folder / "made" / "sbom.cdx.json"
    command = (sys.executable, "-W", "error", CHECKOUT / "packaging/release/sbom.py", words[0], target, *words[1:])
    environment = {**os.environ, "SOURCE_DATE_EPOCH": TIME, **more}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return target.read_text(encoding="utf-8")


def parsed(text: str) -> Bom:
    library: Any = Bom  # which has this method without a type
    found = library.from_json(json.loads(text))
    assert isinstance(found, Bom)
    return found


def by_name(bom: Bom) -> dict[str, Component]:
    found: dict[str, Component] = {canonicalize_name(component.name): component for component in bom.components}
    assert len(found) == len(bom.components)
    return found


def needed(name: str) -> set[str]:
    """What importlib.metadata says that it needs here, and all that this needs."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for text in metadata.requires(waiting.pop()) or ():
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                other = canonicalize_name(requirement.name)
                if other not in found:
                    found.add(other)
                    waiting.append(other)
    return found


def sha256(component: Component) -> list[str]:
    return [one.content for one in component.hashes]


def test_it_lists_what_is_installed_and_nothing_else(tmp_path: Path) -> None:
    bom = parsed(document(tmp_path, "flatpak"))
    found = by_name(bom)
    inter = found.pop("inter")
    assert str(inter.purl) == f"pkg:github/rsms/inter@v{INTER_VERSION}"
    assert inter.licenses
    assert found.pop("glibc").version == platform.libc_ver()[1]  # in the program of the attempts
    assert {*found} == needed("stratascope")
    assert len(found) > 10
    for name, component in found.items():
        version = metadata.version(name)
        assert (component.version, str(component.purl)) == (version, f"pkg:pypi/{name}@{version}")
        assert component.licenses, name
        accepted = hashes.sha256_of(name, version)
        assert sha256(component) == ([accepted] if accepted else [])
    program = bom.metadata.component
    assert program is not None
    assert (program.name, program.version) == ("stratascope", __version__)
    graph = {str(each.ref): {str(one.ref) for one in each.dependencies} for each in bom.dependencies}
    assert f"pkg:pypi/urllib3@{metadata.version('urllib3')}" in graph[f"pkg:pypi/docker@{metadata.version('docker')}"]
    assert f"pkg:pypi/docker@{metadata.version('docker')}" in graph[str(program.bom_ref)]


def test_what_comes_along_beside_that_is_listed_too(tmp_path: Path) -> None:
    listed = tmp_path / "debian.txt"
    listed.write_text(DEBIAN)
    bom = parsed(document(tmp_path, "appimage", "--also", "pytest", "--debian", listed))
    found = by_name(bom)
    assert {*found} == needed("stratascope") | {"pytest", "libc6", "libssl3", "inter", "glibc"}
    assert sha256(found["libssl3"]) == ["b" * 64]
    assert str(found["libc6"].purl) == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12"
    assert bom.metadata.component is not None
    (own,) = [each for each in bom.dependencies if each.ref == bom.metadata.component.bom_ref]
    assert {"pkg:deb/debian/libssl3@3.0.17-1?arch=amd64&distro=debian-12"} <= {str(one.ref) for one in own.dependencies}


def test_the_same_parts_give_the_same_bytes_and_no_address(tmp_path: Path) -> None:
    one = document(tmp_path, "flatpak", PYTHONHASHSEED="1", TZ="Asia/Tokyo")
    assert document(tmp_path, "flatpak", PYTHONHASHSEED="2", LC_ALL="C") == one
    read: dict[str, Any] = json.loads(one)
    assert read["metadata"]["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert (read.pop("$schema"), read["specVersion"]) == ("http" + "://cyclonedx.org/schema/bom-1.6.schema.json", "1.6")
    assert "://" not in json.dumps(read)
    assert str(Path.home()) not in one
    later: dict[str, Any] = json.loads(document(tmp_path, "flatpak", SOURCE_DATE_EPOCH="1700000001"))
    assert later["serialNumber"] != read["serialNumber"]  # another list


def test_a_wheel_names_what_it_asks_for_and_no_version_that_is_not_in_it(tmp_path: Path) -> None:
    found = by_name(parsed(document(tmp_path, "wheel", "--version", "9.9")))
    asked: dict[str, Requirement] = {
        canonicalize_name(one.name): one for one in map(Requirement, wheels.requirements()["program"])
    }
    assert found.pop("inter").version == INTER_VERSION  # of which it holds letters
    assert found.pop("glibc").version == platform.libc_ver()[1]
    assert {*found} == {*asked}
    for name, component in found.items():
        assert (component.version, sha256(component)) == (None, [])
        assert {one.name: one.value for one in component.properties} == {
            "stratascope:asked-for": str(asked[name].specifier),
            "stratascope:shipped": "false",
        }


@pytest.mark.parametrize("wanted", [True, False])
def test_the_wheel_carries_it_where_one_was_made(tmp_path: Path, *, wanted: bool) -> None:
    """And is built without, where none was."""
    text = document(tmp_path, "wheel", "--version", __version__)
    more = {"STRATASCOPE_SBOM": str(tmp_path / "made" / "sbom.cdx.json")} if wanted else {}
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation")
    subprocess.run((*pip, "--wheel-dir", tmp_path, CHECKOUT), env={**os.environ, **more}, check=True)
    (wheel,) = tmp_path.glob("stratascope-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        listed = [name for name in archive.namelist() if "/sboms/" in name]
        assert listed == ([f"stratascope-{__version__}.dist-info/sboms/sbom.cdx.json"] if wanted else [])
        assert [archive.read(name).decode() for name in listed] == ([text] if wanted else [])
