"""The installed Flatpak as a desktop has it: menu entry, icons, permissions, one window, engines of all four kinds."""

from __future__ import annotations

import configparser
import json
import platform
import subprocess
import time
from pathlib import Path

import hashes
import manifest
import publish
import pytest
from packaging.utils import canonicalize_name
from wheels import BASE, FLATPAK

from machine.flatpak.desk_session import Session
from machine.flatpak.sandbox_report import verdicts
from rig.engine import Rig
from rig.ordinary import socket_for
from rig.window.every_view import EVERY_VIEW

pytestmark = [pytest.mark.flatpak, pytest.mark.engines]


def test_what_the_desktop_gets(installed: Path) -> None:
    share = installed / "exports" / "share"
    entry = configparser.ConfigParser(interpolation=None)
    entry.read_string((share / "applications" / f"{manifest.APP}.desktop").read_text(encoding="utf-8"))
    assert entry["Desktop Entry"]["Exec"].startswith("/usr/bin/flatpak run ")
    assert entry["Desktop Entry"]["Icon"] == manifest.APP
    icons = share / "icons" / "hicolor"
    assert (icons / "scalable" / "apps" / f"{manifest.APP}.svg").exists()
    assert (icons / "symbolic" / "apps" / f"{manifest.APP}-symbolic.svg").exists()
    assert (share / "metainfo" / f"{manifest.APP}.metainfo.xml").exists()


def test_it_may_what_the_manifest_says_and_no_more(session: Session) -> None:
    shown = session.run(session.words("flatpak", "info", "--show-permissions", manifest.APP)).stdout
    found = configparser.ConfigParser(delimiters=("=",))
    found.read_string(shown)
    assert found.sections() == ["Context", "Session Bus Policy"]
    assert dict(found["Session Bus Policy"]) == {"org.kde.statusnotifierwatcher": "talk"}  # the parser's small letters
    context = {name: set(filter(None, value.split(";"))) for name, value in found["Context"].items()}
    assert context == {
        "shared": {"ipc", "network"},
        "sockets": {"x11", "wayland", "fallback-x11"},
        "devices": {"dri"},
        "filesystems": {"xdg-run/podman:ro", "/run/docker.sock"},
    }


def test_its_list_of_parts_says_what_is_in_it(session: Session) -> None:
    """As Python in the sandbox finds it installed; what comes from an index is the one file that is accepted."""
    text = session.run(session.sandboxed("/app/share/doc/stratascope/sbom.cdx.json", command="cat")).stdout
    code = (
        "import json; from importlib.metadata import distributions; "
        "print(json.dumps({each.name: each.version for each in distributions()}))"
    )
    there = json.loads(session.run(session.sandboxed("-c", code, command="python3")).stdout)
    installed = {canonicalize_name(name): version for name, version in there.items()}
    told = json.loads(text)["components"]
    parts = {canonicalize_name(part["name"]): part for part in told if part["purl"].startswith("pkg:pypi/")}
    others = {part["name"] for part in told if not part["purl"].startswith("pkg:pypi/")}
    assert others == {"Inter", "glibc"}  # the letters, and what the program of the attempts is linked with
    assert {"pyside6-essentials", "numpy", "docker", "msgspec"} <= {*parts}
    assert "hatchling" not in parts  # what building took is gone
    for name, part in parts.items():
        assert part["version"] == installed[name]
        sums = [each["content"] for each in part.get("hashes", ())]
        target = next(each for each in FLATPAK if each.machine == platform.machine())
        accepted = hashes.sha256_of(name, part["version"], target.environment())
        assert sums == ([accepted] if accepted else [])
        assert accepted or name in BASE


def test_it_runs_on_the_base_app_s_qt_and_has_its_resources(session: Session) -> None:
    code = (
        "import PySide6, numpy, stratascope; from stratascope import resources; "
        "print(PySide6.__version__, PySide6.__file__, numpy.__file__, resources.root())"
    )
    version, qt, numpy, root = session.run(session.sandboxed("-c", code, command="python3")).stdout.split()
    assert f"PySide6-Essentials=={version}\n" in (manifest.FOLDER / "base-app.txt").read_text(encoding="utf-8")
    assert all(each.startswith("/app/") for each in (qt, numpy, root))
    left = session.run(session.sandboxed("-c", "ls /app /app/lib/python3*/site-packages", command="sh")).stdout
    assert "hatchling" not in left  # what building took is gone
    assert "pyside6-" not in session.run(session.sandboxed("-c", "ls /app/bin", command="sh")).stdout


def test_every_view_is_shown(session: Session) -> None:
    """Some libraries are loaded only then, by their name."""
    environ = {"QT_QPA_PLATFORM": "offscreen", "STRATASCOPE_ENGINES": "unix:///nonexistent"}
    options = tuple(f"--env={name}={value}" for name, value in environ.items())
    done = session.run(session.sandboxed("-c", EVERY_VIEW, options=options, command="python3"), timeout=60)
    assert "fleet" in done.stdout


def test_a_second_start_raises_the_first_window(session: Session, display: str) -> None:
    """Both are sandboxes of their own; their runtime folder is one."""
    environ = {"DISPLAY": display}
    first = session.start(session.sandboxed(), environ)
    place = session.folder / "run" / ".flatpak" / manifest.APP / "xdg-run" / "stratascope"
    until = time.monotonic() + 60
    while not list(place.glob("window-*")) and time.monotonic() < until:
        assert first.poll() is None, first.communicate()
        time.sleep(0.1)
    time.sleep(1)
    try:
        second = session.run(session.sandboxed(), environ, timeout=60)
        assert second.stderr == ""
        assert first.poll() is None
    finally:
        session.end_all()
        try:
            first.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            first.kill()
            first.communicate()


def test_engines_of_all_four_kinds(
    session: Session, docker_rootful: Rig, docker_rootless: Rig, podman_rootful: Rig, podman_rootless: Rig
) -> None:
    """Two at the places of the manifest; the others by a folder that a person would give. The rootful Podman's socket
    is root's alone, and is opened for this test.
    """
    given = (docker_rootless, podman_rootful)
    options = [f"--filesystem={rig.socket.parent}:ro" for rig in given]
    places = ["/run/docker.sock", f"{session.runtime}/podman/podman.sock", *(str(rig.socket) for rig in given)]
    with (
        docker_rootful.container(name="one"),
        podman_rootless.container(name="two"),
        docker_rootless.container(name="three"),
        podman_rootful.container(name="four"),
    ):
        refused = session.run(session.sandboxed("engines", options=options), {"STRATASCOPE_ENGINES": " ".join(places)})
        assert "denied" in refused.stdout
        with socket_for(podman_rootful):
            done = session.run(
                session.sandboxed("report", "--json", options=options), {"STRATASCOPE_ENGINES": " ".join(places)}
            )
    found = json.loads(done.stdout)
    assert [engine["state"] for engine in found["engines"]] == ["connected"] * 4
    assert [engine["rootless"] for engine in found["engines"]] == [False, True, True, False]
    by_name = {each["name"]: verdicts(each) for each in found["containers"]}
    assert set(by_name) == {"one", "two", "three", "four"}
    for name in ("one", "three"):
        assert set(by_name[name].values()) == {"UNKNOWN"}
    for name in ("two", "four"):
        known = {layer for layer, verdict in by_name[name].items() if verdict != "UNKNOWN"}
        assert known == {"capabilities", "seccomp"}


def test_what_flathub_gets_is_read_without_a_warning(tmp_path: Path) -> None:
    """The real modules, for both architectures, as pip finds them today."""
    publish.write(tmp_path, "https" + "://example.invalid/stratascope.git", "v0.1.0", "0" * 40)
    path = tmp_path / manifest.PATH.name
    done = subprocess.run(
        ("flatpak-builder", "--show-manifest", str(path)), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    modules = json.loads(done.stdout)["modules"]
    names = {module["name"]: module["sources"] for module in modules}
    assert list(names) == ["python-build", "python-packages", "stratascope"]
    assert names["stratascope"][0]["tag"] == "v0.1.0"
    only = {tuple(source["only-arches"]) for source in names["python-packages"] if "only-arches" in source}
    assert only == {("x86_64",), ("aarch64",)}
    assert all(len(source["sha256"]) == 64 for source in (*names["python-build"], *names["python-packages"]))
