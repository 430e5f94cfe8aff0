"""The window of the AppImage on real containers, on X11 and on Wayland, as root and as an ordinary user.

STRATASCOPE_PICTURES names a folder for the pictures, to be looked at.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy
import pytest

from appimage.displays import Display, Picture, save, wayland, x11
from appimage.started import Person, until
from rig.engine import Rig

pytestmark = pytest.mark.appimage
WINDOW = 0.3  # of all pixels, at least
LIST = numpy.s_[80:800, 0:330]  # where the containers are, in a window that fills the screen


def settled(display: Display, holds: Callable[[Picture], bool], seconds: float = 40.0) -> Picture:
    """What is seen once it holds and has been the same for a while."""
    end = time.monotonic() + seconds
    last, since = display.picture(), time.monotonic()
    while time.monotonic() < end:
        time.sleep(0.3)
        now = display.picture()
        if not holds(now) or difference(now, last) > 0.001:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > 1.5:
            return now
    raise AssertionError(f"nothing that stays, among {len(numpy.unique(last))} colours")


def difference(one: Picture, other: Picture) -> float:
    """The share of pixels."""
    return float(numpy.mean(one != other))


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


def row_changes(one: Picture, other: Picture) -> int:
    """In how many lines of the list the two differ."""
    return int(numpy.sum(numpy.any(one[LIST] != other[LIST], axis=1)))
