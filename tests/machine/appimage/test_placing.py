"""From the AppImage into the menu, and its helper: the entry starts the file, and what root is given is all in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from machine.appimage.started import PATH, Person
from stratascope import resources
from stratascope.probe.helper import install
from stratascope.probe.helper.install import HELPER, helper_text

pytestmark = pytest.mark.appimage


def test_the_menu_starts_the_file_itself(person: Person, appimage: Path, own_folder: Path) -> None:
    """Not the mount, which is gone when it ends; and a name with spaces and a percent sign is no trouble."""
    file = own_folder / "My Strata 100%.AppImage"
    shutil.copyfile(appimage, file)
    file.chmod(0o755)
    someone = person.having({"XDG_DATA_HOME": str(own_folder / "data")})
    done = someone.run(file, "desktop", "install")
    assert (done.returncode, done.stderr) == (0, "")
    entry = own_folder / "data" / "applications" / f"{resources.APPLICATION_ID}.desktop"
    assert f"\nTryExec={file}\n" in entry.read_text("utf-8")
    # without a display it prints a report, to where the launcher's own words go
    launched = someone.run("gio", "launch", entry, STRATASCOPE_ENGINES="docker=unix:///nowhere/sock", DISPLAY="")
    assert launched.returncode == 0, launched.stderr
    assert "ci-runner" in launched.stdout, "the demo, since no engine answers"
    done = someone.run(file, "desktop", "remove")
    assert (done.returncode, done.stderr) == (0, "")
    assert list((own_folder / "data").iterdir()) == []


def test_what_root_would_be_given_is_whole(own_folder: Path, person: Person, appimage: Path) -> None:
    """pkexec is one that writes down what it gets, and says no."""
    if person.uid == 0:
        pytest.skip("root asks nobody")
    programs = own_folder / "programs"
    programs.mkdir()
    (programs / "pkexec").write_text(f"#!/bin/sh\n/bin/cat >'{own_folder}/given'\nexit 126\n")
    (programs / "pkexec").chmod(0o755)
    (own_folder / "given").touch()
    (own_folder / "given").chmod(0o666)
    done = person.run(appimage, "helper", "install", PATH=f"{programs}:{PATH}", DISPLAY=":0")
    assert done.returncode == 2
    assert "Nothing was started as root" in done.stderr
    assert f"  {HELPER} (owner root, mode 0755, " in done.stdout
    given = (own_folder / "given").read_bytes()
    assert install.writer() in given
    assert len(given) > len(helper_text())
