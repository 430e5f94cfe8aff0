"""What an AppImage leaves in the environment is taken out, all of it and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stratascope import appimage_environment

USER = {"HOME": "/home/one", "PATH": "/usr/bin", "PYTHONPATH": "/home/one/python", "QT_STYLE_OVERRIDE": "kvantum"}
MOUNT = "/tmp/.mount_StrataX"
PROGRAM = f"{MOUNT}/usr/lib/stratascope/stratascope"
BUNDLE = {
    "LD_LIBRARY_PATH": f"{MOUNT}/usr/lib/stratascope/_internal",
    "_PYI_APPLICATION_HOME_DIR": f"{MOUNT}/usr/lib/stratascope/_internal",
    "_PYI_ARCHIVE_FILE": PROGRAM,
}
RUNTIME = {"APPDIR": MOUNT, "APPIMAGE": "/home/one/it.AppImage", "ARGV0": "./it.AppImage", "OWD": "/home/one"}


def restored(environ: dict[str, str]) -> dict[str, str]:
    found = dict(environ)
    appimage_environment.restore(found, PROGRAM)
    return found


def test_all_of_the_bundle_goes() -> None:
    assert restored({**USER, **BUNDLE, **RUNTIME}) == USER


def test_the_appimage_is_remembered_where_it_is_ours() -> None:
    assert appimage_environment.restore({**USER, **BUNDLE, **RUNTIME}, PROGRAM) == RUNTIME
    assert appimage_environment.restore({**USER, **BUNDLE, **RUNTIME}, "/opt/stratascope/stratascope") == {}
    assert appimage_environment.restore({**USER, **BUNDLE}, PROGRAM) == {}
    assert appimage_environment.image() == "", "these tests run in none"


def test_a_bundle_without_the_runtime() -> None:
    """Unpacked by hand and started there."""
    assert restored({**USER, **BUNDLE}) == USER


def test_what_was_there_comes_back() -> None:
    before = {
        "LD_LIBRARY_PATH": "/opt/lib",
        "APPDIR": "/tmp/.mount_term",
        "APPIMAGE": "/opt/term",
        "ARGV0": "",
        "OWD": "/",
    }
    kept = {f"{name}_ORIG": value for name, value in before.items()}
    assert restored({**USER, **BUNDLE, **RUNTIME, **kept}) == {**USER, **before}


def test_the_terminals_own_appimage_is_left_alone() -> None:
    terminal = {"APPDIR": "/tmp/.mount_term", "APPIMAGE": "/opt/term.AppImage", "OWD": "/home/one"}
    assert restored({**USER, **BUNDLE, **terminal}) == {**USER, **terminal}


def test_the_runtimes_word_is_kept_for_the_menu_and_for_a_new_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appimage_environment, "taken", {})
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", PROGRAM)
    told = {**RUNTIME, "APPIMAGE_ORIG": "/opt/term.AppImage"}
    for name, value in {**BUNDLE, **told}.items():
        monkeypatch.setenv(name, value)
    appimage_environment.begin()
    assert os.environ["APPIMAGE"] == "/opt/term.AppImage"
    assert appimage_environment.image() == RUNTIME["APPIMAGE"]
    once_more = appimage_environment.again()
    assert once_more.pop("PYINSTALLER_RESET_ENVIRONMENT") == "1"
    assert {name: once_more[name] for name in told} == told
    assert "LD_LIBRARY_PATH" not in once_more


def test_an_ordinary_installation_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**BUNDLE, **RUNTIME, "APPDIR": str(Path(sys.executable).parent)}.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    appimage_environment.begin()
    assert dict(os.environ) == before == appimage_environment.again()
    assert appimage_environment.image() == ""


def test_whatever_is_started_inherits_it() -> None:
    """Also what is started without an environment of its own, and by C code."""
    script = (
        "import os, subprocess, sys\n"
        "from stratascope import appimage_environment\n"
        "sys.frozen, sys.executable = True, sys.argv[1]\n"
        "appimage_environment.begin()\n"
        "sys.stdout.flush()\n"
        "subprocess.run(['/usr/bin/env'])\n"
        "os.system('/usr/bin/env')\n"
    )
    clean = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(Path(appimage_environment.__file__).parents[1]),
    }
    done = subprocess.run(
        (sys.executable, "-c", script, PROGRAM),
        env={**clean, **BUNDLE, **RUNTIME},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    shells = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert {line for line in lines if line.partition("=")[0] not in shells} == {f"{n}={v}" for n, v in clean.items()}
    assert lines.count("HOME=/") == 2


def test_while_qt_starts_it_finds_only_its_own_plugins() -> None:
    environ = {**USER, "QT_PLUGIN_PATH": "/usr/lib/qt6/plugins", "QT_QPA_PLATFORM": "xcb"}
    before = dict(environ)
    with appimage_environment.own_plugins(environ, frozen=True):
        assert environ == {**USER, "QT_QPA_PLATFORM": "xcb"}
    assert environ == before
    with appimage_environment.own_plugins(environ, frozen=False):
        assert environ == before
