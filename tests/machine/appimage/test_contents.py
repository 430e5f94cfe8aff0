"""What is in the AppImage, and what is not: size, the desktop's files, licences, and which libraries it asks for."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import metadata
from pathlib import Path

import hashes
import pytest
from packaging.utils import canonicalize_name
from wheels import APPIMAGE

from rig.places import CHECKOUT
from stratascope import __version__
from stratascope.state.shipped import parts

pytestmark = pytest.mark.appimage
ID = "io.github.stratascope.Stratascope"
MOST = 65_000_000  # bytes
# libraries that come with the packages of packaging/appimage/host.txt, or with every system
HOST = re.compile(
    r"(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|util|stdc\+\+|gcc_s|EGL|GL|X11|X11-xcb|xcb|fontconfig|freetype|expat|z|"
    r"glib-2\.0|gthread-2\.0|dbus-1|wayland-client))\.so\.\d+"
)


@pytest.fixture(scope="module")
def unpacked(appimage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run((appimage, "--appimage-extract"), cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return folder / "squashfs-root"


def programs(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in found if path.read_bytes()[:4] == b"\x7fELF"]


def test_it_is_small_enough(appimage: Path) -> None:
    assert appimage.stat().st_size < MOST


def test_the_desktops_files_are_where_tools_look(unpacked: Path) -> None:
    desktop = (CHECKOUT / f"packaging/desktop/{ID}.desktop").read_bytes()
    assert (unpacked / f"{ID}.desktop").read_bytes() == desktop
    assert (unpacked / f"usr/share/applications/{ID}.desktop").read_bytes() == desktop
    metainfo = (CHECKOUT / f"packaging/metainfo/{ID}.metainfo.xml").read_bytes()
    for name in ("metainfo", "appdata"):
        assert (unpacked / f"usr/share/metainfo/{ID}.{name}.xml").read_bytes() == metainfo
    icon = (CHECKOUT / f"resources/icons/hicolor/scalable/apps/{ID}.svg").read_bytes()
    for name in (f"{ID}.svg", ".DirIcon", f"usr/share/icons/hicolor/scalable/apps/{ID}.svg"):
        assert (unpacked / name).read_bytes() == icon
    assert (unpacked / f"usr/share/icons/hicolor/symbolic/apps/{ID}-symbolic.svg").exists()


def test_it_asks_for_nothing_that_the_host_need_not_have(unpacked: Path) -> None:
    found = programs(unpacked)
    assert len(found) > 50
    here = {path.name for path in unpacked.rglob("*")}
    asked = set()
    for path in found:
        text = subprocess.run(("objdump", "-p", path), capture_output=True, text=True, check=True).stdout
        asked |= set(re.findall(r"NEEDED +(\S+)", text))
    assert sorted(name for name in asked - here if not HOST.fullmatch(name)) == []
    # and brings nothing that must be the host's
    assert sorted(name for name in here if HOST.fullmatch(name)) == []


def test_it_runs_on_systems_with_an_older_c_library(unpacked: Path, appimage: Path) -> None:
    """glibc 2.36 is Debian 12's, 2.35 Ubuntu 22.04's."""
    text = ""
    static = {path for path in programs(unpacked) if "Dynamic Section" not in _headers(path)}
    assert {path.name for path in static} == {"attempts"}  # asks for none
    for path in {*programs(unpacked)} - static:
        text += subprocess.run(("objdump", "-T", path), capture_output=True, text=True, check=True).stdout
    versions = {int(number) for number in re.findall(r"\bGLIBC_2\.(\d+)", text)}
    assert 17 < max(versions) <= 35
    assert "NEEDED" not in _headers(appimage), "the runtime is static"


def _headers(path: Path) -> str:
    return subprocess.run(("objdump", "-p", path), capture_output=True, text=True, check=True).stdout


def test_licences_come_along(unpacked: Path, appimage: Path, tmp_path: Path) -> None:
    """As *About* shows them: of the Python packages, and of what comes from Debian."""
    script = tmp_path / "parts.py"
    script.write_text(
        "import json, sys\n"
        "from stratascope.state.shipped import parts\n"
        "json.dump([[part.name, part.version, part.licence, len(part.text)] for part in parts()], sys.stdout)\n"
    )
    done = subprocess.run((appimage, "--bundled-python", script), capture_output=True, text=True, check=True)
    found = {name: (version, licence, size) for name, version, licence, size in json.loads(done.stdout)}
    assert found["Stratascope"][:2] == (__version__, metadata.metadata("stratascope")["License-Expression"])
    assert found["Stratascope"][2] > 5000
    # the same libraries as where the tests run, without those that an older Python would need and tools bring along
    needed = {line.name for line in hashes.read("program")}
    here = {part.name for part in parts() if canonicalize_name(part.name) in needed}
    assert len(here) > 10
    for name in here:
        assert found[name][0], name
        assert found[name][1] or found[name][2], name
    for name in ("libsquashfuse-dev", "libfuse3-dev", "libc6", "libssl3", "libxkbcommon0", "libpython3.11-minimal"):
        assert found[name][2] > 500, name
    assert (unpacked / "usr/share/doc/stratascope/libssl3.txt").exists()


def test_its_list_of_parts_says_what_is_in_it(unpacked: Path) -> None:
    folder = unpacked / "usr/share/doc/stratascope"
    sbom = json.loads((folder / "sbom.cdx.json").read_text())
    parts = {part["purl"].partition("@")[0].partition("/")[2]: part for part in sbom["components"]}
    sums = {part["name"]: [each["content"] for each in part.get("hashes", ())] for part in sbom["components"]}
    # every Python package with a folder of its own, and what starts all of it, as the one file that is accepted
    site = unpacked / "usr/lib/stratascope/_internal"
    shipped = {one.metadata["Name"]: one.version for one in metadata.distributions(path=[str(site)])}
    assert shipped.pop("stratascope") == sbom["metadata"]["component"]["version"] == __version__
    assert len(shipped) > 10
    for name, version in {**shipped, "pyinstaller": parts["pyinstaller"]["version"]}.items():
        part = parts[canonicalize_name(name)]
        assert part["version"] == version
        assert part["licenses"]
        accepted = [line for line in hashes.read() if (line.name, line.version) == (canonicalize_name(name), version)]
        assert sums[part["name"]] == [line.sha256 for line in accepted if line.fits(APPIMAGE.environment())][:1], name
    # everything of Debian's, as it stands in the list of all that it was built with
    listed = [line.split() for line in (folder / "debian-packages.list").read_text().splitlines() if line[0] != "#"]
    assert len(listed) > 100
    assert all(re.fullmatch(r"[0-9a-f]{64}", line[3]) and line[4] == "debian-12" for line in listed)
    known = {line[0]: line for line in listed}
    assert {"gcc-12", "squashfs-tools", "libpython3.11"} <= {*known}
    texts = {path.stem for path in folder.glob("*.txt")}
    assert len(texts) > 20
    for name in texts:
        assert sums[name] == [known[name][3]]
        assert parts[f"debian/{name}"]["version"] == known[name][1]
    assert len(parts) == len(shipped) + 3 + len(texts)  # what starts it, the font, the C library of the attempts
    assert "://" not in json.dumps({**sbom, "$schema": ""})


def test_what_is_never_loaded_is_left_out(unpacked: Path) -> None:
    names = {path.name for path in unpacked.rglob("*")}
    assert not [name for name in names if re.match(r"libQt6(Qml|Quick|Designer|Sql|Test|Help|Egl)", name)]
    assert not names & {"libqgtk3.so", "libqeglfs.so", "libqvnc.so", "libqlinuxfb.so", "tkinter", "pip"}
    links = [path for path in unpacked.rglob("*") if path.is_symlink()]
    assert len(links) > 20
    assert [path for path in links if not path.exists()] == []
