"""The entry for the menu and AppStream's text: valid to the desktop's own judges, complete in both languages, true."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtGui import QImageReader

from rig.places import CHECKOUT
from stratascope import __version__, resources

LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def judged(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def entry() -> configparser.SectionProxy:
    read = configparser.RawConfigParser(delimiters=("=",), strict=True)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(resources.path(resources.DESKTOP_ENTRY), encoding="utf-8")
    assert read.sections() == ["Desktop Entry"]
    return read["Desktop Entry"]


@pytest.fixture(scope="module")
def metainfo() -> ElementTree.Element:
    return ElementTree.parse(resources.path(resources.METAINFO)).getroot()


def test_the_entry_is_valid_without_a_hint() -> None:
    assert judged("desktop-file-validate", str(resources.path(resources.DESKTOP_ENTRY))) == ""


def test_the_metainfo_is_valid() -> None:
    told = judged(
        "appstreamcli", "validate", "--no-net", "--strict", "--no-color", str(resources.path(resources.METAINFO))
    )
    assert "successful" in told


def test_every_text_of_the_entry_is_in_japanese_too(entry: configparser.SectionProxy) -> None:
    for key in ("GenericName", "Comment", "Keywords"):
        english, japanese = entry[key], entry[f"{key}[ja]"]
        assert english.isascii()
        assert not japanese.isascii()
        assert (english.endswith(";"), japanese.endswith(";")) == (key == "Keywords",) * 2


def test_the_entry_starts_the_program_that_the_wheel_installs(entry: configparser.SectionProxy) -> None:
    assert entry["Exec"] == "stratascope"
    assert 'stratascope = "stratascope.__main__:main"' in (CHECKOUT / "pyproject.toml").read_text("utf-8")
    assert entry["Icon"] == resources.APPLICATION_ID


def test_ids_version_and_program_agree(metainfo: ElementTree.Element) -> None:
    assert metainfo.findtext("id") == resources.APPLICATION_ID
    assert metainfo.findtext("launchable") == Path(resources.DESKTOP_ENTRY).name
    assert metainfo.findtext("provides/binary") == "stratascope"
    newest = metainfo.find("releases/release")
    assert newest is not None
    assert newest.get("version") == __version__


def test_every_text_of_the_metainfo_is_in_japanese_too(metainfo: ElementTree.Element) -> None:
    """Each is followed by its Japanese, or it is a word that is the same there."""
    told = 0
    for parent in metainfo.iter():
        children = [child for child in parent if child.tag in ("p", "li", "caption", "summary")]
        assert [child.get(LANG) for child in children] == [None, "ja"] * (len(children) // 2)
        told += len(children) // 2
    assert told >= 10


def test_the_screenshots_are_ours_and_as_large_as_told(metainfo: ElementTree.Element) -> None:
    images = metainfo.findall("screenshots/screenshot/image")
    assert images
    for image in images:
        address = image.text or ""
        assert address.startswith("https://")
        size = QImageReader(str(resources.path(f"screenshots/{address.rpartition('/')[2]}"))).size()
        assert (str(size.width()), str(size.height())) == (image.get("width"), image.get("height"))
