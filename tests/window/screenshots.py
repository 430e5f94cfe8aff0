"""`make screenshots`: pictures of the real window on the demo capture, for the README and for checking the design.

Without arguments the two of the README; with `all` also each layer and each view, narrow and low, into a folder.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rig.places import CHECKOUT

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication

from rig.usecases.live.replay import Replay
from stratascope.core.container import Status
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.app.start import NotStarted
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import ThemeMode
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.wiring.check import checker
from stratascope.wiring.engines import LateEngines, assembler, demo_capture
from stratascope.wiring.views import predictions

README = CHECKOUT / "resources" / "screenshots"


def settle() -> None:
    """Let layouts, painting and background threads finish."""
    for _ in range(60):
        QApplication.processEvents()
        time.sleep(0.02)


def make(mode: ThemeMode, width: int = 1440, height: int = 900, *, demo: bool = True) -> MainWindow:
    """Return the window on the demo capture."""
    os.environ[ui.THEME_VARIABLE] = mode.value
    staged = start.hardening_of(LateEngines())  # without an engine: everything in the demo can be viewed
    before = NotStarted([("", lambda: checker(None, demo_capture()))])
    window = ui.make_window(Replay(demo_capture(), assembler(), demo=demo), Services(hardening=staged, before=before))
    window.resize(width, height)
    window.show()
    window.start()
    settle()
    _look_at_what_does_not_run(window)
    return window


def _look_at_what_does_not_run(window: MainWindow) -> None:
    """Select stopped containers, so that the list has their predicted exposure."""
    snapshot, ahead = window.selection.snapshot, predictions()
    if snapshot is not None:
        for state in snapshot.containers:
            if state.container.status is not Status.RUNNING:
                ahead.look_at(state.key)
                snapshot = ahead.added(snapshot)
        window.selection.show_snapshot(snapshot)


def shoot(window: MainWindow, path: Path) -> None:
    """Save its picture, and close it."""
    settle()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().save(str(path)):
        raise SystemExit(f"could not write {path}")


def main(words: list[str]) -> None:
    """Take the pictures."""
    ui.make_application(["screenshots"])
    for mode in (ThemeMode.LIGHT, ThemeMode.DARK):
        window = make(mode)
        states = window.selection.snapshot.containers if window.selection.snapshot is not None else ()
        window.containers.view.select_key(next(each.key for each in states if each.container.name == "ci-runner"))
        shoot(window, README / f"window-{mode.value}.png")
        if words:
            folder = Path(words[0])
            for layer in range(1, 7):
                window.selection.open_layer(layer)
                shoot(window, folder / f"layer-{layer}-{mode.value}.png")
            for view in View:
                window.pages.show_view(view)
                shoot(window, folder / f"{view.value}-{mode.value}.png")
            window.pages.show_view(View.STRATA)
            for width, height in ((1100, 720), (900, 800), (640, 800), (560, 480)):
                window.resize(width, height)
                shoot(window, folder / f"{width}x{height}-{mode.value}.png")
        window.stop()
        window.close()


if __name__ == "__main__":
    main(sys.argv[1:])
