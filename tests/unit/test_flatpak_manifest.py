"""The manifest: its permissions, its variants, and the modules that are generated; flatpak-builder reads it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import manifest
import pytest
import python_modules
from wheels import APPIMAGE, FLATPAK, Wheel, requirements, wheels_of

# word for word: one more of these is a decision, not an edit
PERMISSIONS = [
    "--share=ipc",
    "--socket=wayland",
    "--socket=fallback-x11",
    "--device=dri",
    "--talk-name=org.kde.StatusNotifierWatcher",
    "--share=network",
    "--filesystem=xdg-run/podman:ro",
    "--filesystem=/run/docker.sock",
]
PURE = Wheel("idna", "3.20", "where/idna-3.20-py3-none-any.whl", "aa")
ONE = Wheel("msgspec", "0.22", "where/msgspec-0.22-x86_64.whl", "bb")
OTHER = Wheel("msgspec", "0.22", "where/msgspec-0.22-aarch64.whl", "cc")


@pytest.fixture
def real() -> manifest.Manifest:
    return manifest.read()


def test_permissions_are_the_least(real: manifest.Manifest) -> None:
    assert real["finish-args"] == PERMISSIONS
    assert not any("org.freedesktop.Flatpak" in word or "home" in word for word in real["finish-args"])


def test_runtime_and_base_are_of_one_version(real: manifest.Manifest) -> None:
    assert (real["runtime"], real["sdk"], real["base"]) == ("org.kde.Platform", "org.kde.Sdk", "io.qt.PySide.BaseApp")
    assert real["runtime-version"] == real["base-version"] == "6.10"
    assert real["build-options"]["env"] == {"BASEAPP_REMOVE_WEBENGINE": "1"}  # and numpy stays
    assert real["cleanup-commands"] == ["/app/cleanup-BaseApp.sh"]
    assert real["command"] == "stratascope"
    versions = (manifest.FOLDER / "base-app.txt").read_text(encoding="utf-8")
    assert f"\nPySide6-Essentials=={real['base-version']}." in versions


def test_what_is_installed_is_there(real: manifest.Manifest) -> None:
    """Each file that a build command of ours names, under the application's id."""
    for command in manifest.own_module(real)["build-commands"]:
        for word in command.replace("${FLATPAK_ID}", manifest.APP).split():
            if word.startswith(("packaging/", "resources/")):
                assert (manifest.CHECKOUT / word).exists(), word


def test_no_address_is_committed() -> None:
    files: list[str] = []
    if shutil.which("git") is not None:
        command = ("git", "ls-files", "packaging/flatpak")
        done = subprocess.run(command, cwd=manifest.CHECKOUT, capture_output=True, text=True, check=False)
        files = done.stdout.split()
    for name in files or ["packaging/flatpak/" + path.name for path in manifest.FOLDER.glob("*.[pyt]*")]:
        assert re.search(r"(http|https|git)://", (manifest.CHECKOUT / name).read_text(encoding="utf-8")) is None, name


def test_the_local_variant_has_the_same_permissions_modules_and_commands(real: manifest.Manifest) -> None:
    made = manifest.local(real, "a.Platform", "a.Base", "local", Path("/checkout"), ("tests",))
    kept = ("id", "command", "finish-args", "cleanup-commands")
    assert [made[name] for name in kept] == [real[name] for name in kept]
    assert made["build-options"]["env"] == real["build-options"]["env"]
    assert (made["runtime"], made["sdk"], made["base"]) == ("a.Platform", "a.Platform", "a.Base")
    assert made["modules"][:-1] == real["modules"][:-1]
    own = manifest.own_module(made)
    assert own["build-commands"] == manifest.own_module(real)["build-commands"]
    assert own["sources"][0]["path"] == "/checkout"
    assert own["sources"][0]["skip"][-1] == "tests"
    assert real == manifest.read()  # not changed by it


def test_the_published_variant_differs_in_the_source_alone(real: manifest.Manifest) -> None:
    made = manifest.published(real, "a-url", "v1", "abc")
    assert manifest.own_module(made).pop("sources") == [{"type": "git", "url": "a-url", "tag": "v1", "commit": "abc"}]
    manifest.own_module(real).pop("sources")
    assert made == real


def test_modules_name_each_file_once_and_by_architecture() -> None:
    made = python_modules.module("p", {"x86_64": (PURE, ONE), "aarch64": (PURE, OTHER)}, building=False)
    assert made["build-commands"][0].endswith(" idna==3.20 msgspec==0.22")
    assert made["sources"] == [
        {"type": "file", "url": PURE.url, "sha256": "aa"},
        {"type": "file", "url": ONE.url, "sha256": "bb", "only-arches": ["x86_64"]},
        {"type": "file", "url": OTHER.url, "sha256": "cc", "only-arches": ["aarch64"]},
    ]
    assert "cleanup" not in made
    building = python_modules.module("b", {"x86_64": (Wheel("x", "1", "/here/x.whl", "dd"),)}, building=True)
    assert building["cleanup"] == ["*"]
    assert building["sources"] == [{"type": "file", "path": "/here/x.whl", "sha256": "dd"}]


def test_what_the_base_app_has_is_left_out() -> None:
    def item(name: str) -> dict[str, Any]:
        info = {"url": f"where/{name}.whl", "archive_info": {"hashes": {"sha256": "aa"}}}
        return {"metadata": {"name": name, "version": "1", "requires_dist": []}, "download_info": info}

    report = {name.lower(): item(name) for name in ("numpy", "podman", "PySide6-Essentials", "docker")}
    assert [wheel.name for wheel in wheels_of(list(report), report, FLATPAK[0])] == ["docker", "podman"]
    assert [wheel.name for wheel in wheels_of(list(report), report, APPIMAGE)] == [
        *("docker", "numpy", "podman", "PySide6-Essentials")
    ]
    assert any(text.startswith("hatchling") for text in requirements()["build"])
    assert any(text.startswith("podman") for text in requirements()["program"])


def test_flatpak_builder_reads_it_without_a_warning(tmp_path: Path, real: manifest.Manifest) -> None:
    """Unknown keys are only warnings there."""
    if shutil.which("flatpak-builder") is None:
        pytest.skip("flatpak-builder is not installed")
    for name in real["modules"][:-1]:
        made = python_modules.module(name.removesuffix(".json"), {"x86_64": (PURE,)}, building=False)
        (tmp_path / name).write_text(json.dumps(made))
    path = tmp_path / manifest.PATH.name
    variants = (
        manifest.PATH.read_text(encoding="utf-8"),
        manifest.text_of(manifest.published(real, "https" + "://example.invalid/x.git", "v1", "0" * 40)),
        manifest.text_of(manifest.local(real, "a.Platform", "a.Base", "local", manifest.CHECKOUT)),
    )
    for text in variants:
        path.write_text(text)
        done = subprocess.run(
            ("flatpak-builder", "--show-manifest", str(path)), capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert json.loads(done.stdout)["finish-args"] == PERMISSIONS
    path.write_text(manifest.PATH.read_text(encoding="utf-8") + "unknown-key: 1\n")
    done = subprocess.run(
        ("flatpak-builder", "--show-manifest", str(path)), capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert "unknown-key" in done.stderr  # or the test above could not fail
