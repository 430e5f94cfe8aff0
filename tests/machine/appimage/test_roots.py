"""The AppImage on a bare Debian 12 and a bare Debian 13: command line and window, with real containers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from machine.appimage.displays import WINDOW, difference, row_changes, save, settled, x11
from machine.appimage.roots import RELEASES, inside
from machine.appimage.started import Person, until
from rig.engine import Rig

pytestmark = [pytest.mark.appimage, pytest.mark.timeout(600)]
ROOT = Person(0, 0, Path("/root"))


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_the_report_of_real_containers(release: str, person: Person, appimage: Path, docker_rootful: Rig) -> None:
    docker_rootful.socket.chmod(0o666)
    with docker_rootful.container(name="seen"):
        done = ROOT.having({"STRATASCOPE_ENGINES": f"docker={docker_rootful.endpoint}"}).run(
            *inside(release, person, appimage.parent, docker_rootful.folder),
            *(appimage, "report", "--json"),
            *(["--privileged"] if person.uid == 0 else []),
        )
        assert done.returncode == 0, done.stderr
        assert "unpacked" not in done.stderr, "FUSE works there"
        (container,) = json.loads(done.stdout)["containers"]
        assert (container["name"], container["pid"]) == ("seen", docker_rootful.pid("seen"))
        if person.uid == 0:  # the real filter, by the collector in that system's own Python
            assert container["layers"]["seccomp"]["facts"]["source"] == "kernel"


def test_the_window(release: str, person: Person, appimage: Path, docker_rootful: Rig, own_folder: Path) -> None:
    docker_rootful.socket.chmod(0o666)
    shown = {}
    with x11(own_folder) as display:
        empty = settled(display, lambda _: True)
        for names in ((), ("web",)):
            for name in names:
                docker_rootful.run("run", "-d", "--name", name, "busybox", "sleep", "600")
            child = ROOT.having({**display.variables, "HOME": "/tmp"}).start(
                *inside(release, person, appimage.parent, docker_rootful.folder, Path("/tmp/.X11-unix")),
                appimage,
                STRATASCOPE_ENGINES=f"docker={docker_rootful.endpoint}",
                STRATASCOPE_THEME="light",
            )
            try:
                shown[len(names)] = settled(display, lambda now: difference(now, empty) > WINDOW)
            finally:
                child.terminate()
                _, words = child.communicate(timeout=20)
                docker_rootful.remove("web")
            assert child.returncode == 0, words
            until(lambda: difference(display.picture(), empty) < 0.01, "the window is gone")
    if pictures := os.environ.get("STRATASCOPE_PICTURES"):
        save(shown[1], Path(pictures) / f"{release}-{person.uid}.png")
    assert row_changes(shown[0], shown[1]) > 10


def test_without_fuse(release: str, appimage: Path) -> None:
    """Unpacked and run, and nothing of it stays."""
    start = time.monotonic()
    command = inside(release, ROOT, appimage.parent)
    script = 'mount --bind /dev/null /dev/fuse; "$0" --version; sleep 2; ls -Ad /tmp/.[!.]* 2>/dev/null || true'
    done = subprocess.run(
        (*command, "sh", "-euc", script, appimage), env=ROOT.environ(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stratascope ")
    assert done.stdout.count("\n") == 1, f"left behind: {done.stdout}"
    assert "fuse3" in done.stderr
    assert time.monotonic() - start < 60
