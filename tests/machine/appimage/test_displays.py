"""The window of the AppImage on real containers, on X11 and on Wayland, as root and as an ordinary user.

STRATASCOPE_PICTURES names a folder for the pictures, to be looked at.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from machine.appimage.displays import WINDOW, difference, row_changes, save, settled, wayland, x11
from machine.appimage.started import Person, until
from rig.engine import Rig

pytestmark = pytest.mark.appimage


@pytest.mark.parametrize("kind", ["x11", "wayland"])
def test_the_window_lists_containers(
    person: Person, appimage: Path, docker_rootful: Rig, own_folder: Path, kind: str
) -> None:
    with ExitStack() as stack:
        display = stack.enter_context(x11(own_folder) if kind == "x11" else wayland(own_folder, person))
        empty = settled(display, lambda _: True)
        shown = {}
        for names in ((), ("web", "worker", "database")):
            with ExitStack() as containers:
                for name in names:
                    containers.enter_context(docker_rootful.container(name=name))
                docker_rootful.socket.chmod(0o666)
                child = person.having(display.variables).start(
                    appimage,
                    STRATASCOPE_ENGINES=f"docker={docker_rootful.endpoint}",
                    STRATASCOPE_THEME="dark",
                    XDG_CONFIG_HOME=str(own_folder / "none"),
                    XDG_STATE_HOME=str(own_folder / "none"),
                )
                try:
                    shown[len(names)] = settled(display, lambda now: difference(now, empty) > WINDOW)
                finally:
                    child.terminate()
                    _, words = child.communicate(timeout=20)
                assert child.returncode == 0, words
                assert "could not find or load the Qt platform" not in words.lower()
                until(lambda: difference(display.picture(), empty) < 0.01, "the window is gone")
    pictures = os.environ.get("STRATASCOPE_PICTURES")
    if pictures:
        save(shown[3], Path(pictures) / f"{kind}-{person.uid}.png")
    assert row_changes(shown[0], shown[3]) > 20, "the list does not show the containers"
