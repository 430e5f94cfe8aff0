"""`make screenshots`: pictures of the real window on the demo capture, for the README and for checking the design.

Without arguments those of the README; with `all` also each layer and each view, narrow and low, into a folder.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rig.places import CHECKOUT

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QWidget

from rig.usecases.live.replay import Replay
from stratascope.core.container import NO_ENGINE, Status
from stratascope.core.ground import Surroundings
from stratascope.core.lesson import Lesson, StageOutcome
from stratascope.core.message import msg
from stratascope.core.ports import ProbeError
from stratascope.core.reach.row import Reached
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.ui.app import app as ui
from stratascope.ui.app import start
from stratascope.ui.app.start import NotStarted
from stratascope.ui.guide.learn import LearnDialog
from stratascope.ui.kit.page import View
from stratascope.ui.kit.theme import ThemeMode
from stratascope.ui.reach.feed import Read
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.usecases.attempts.lessons import recorded
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import Judged
from stratascope.value import replace
from stratascope.wiring.check import checker
from stratascope.wiring.engines import LateEngines, assembler, demo_capture
from stratascope.wiring.views import predictions

AGENT = CHECKOUT / "tests" / "rig" / "window" / "agent.json"  # a sandbox of Codex, with all that its page reads
README = CHECKOUT / "resources" / "screenshots"


def settle() -> None:
    """Let layouts, painting and background threads finish."""
    for _ in range(60):
        QApplication.processEvents()
        time.sleep(0.02)


def make(
    mode: ThemeMode, width: int = 1440, height: int = 900, *, demo: bool = True, reach: Read | None = None
) -> MainWindow:
    """Return the window on the demo capture."""
    os.environ[ui.THEME_VARIABLE] = mode.value
    staged = start.hardening_of(LateEngines())  # without an engine: everything in the demo can be viewed
    before = NotStarted([("", lambda: checker(None, demo_capture()))])
    window = ui.make_window(
        Replay(demo_capture(), assembler(), demo=demo), Services(hardening=staged, before=before, reach=reach)
    )
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


def make_reach(mode: ThemeMode) -> MainWindow:
    """Return the window on what an agent can get at, as it was recorded, beside the demo's containers."""
    window = make(mode, 1180, 820, demo=False, reach=recorded_reach)
    capture = demo_capture()
    containers = (*capture.containers, *capture_file.load(AGENT).containers)
    capture = replace(capture, containers=containers, engines=(*capture.engines, NO_ENGINE))
    snapshot = assembler().snapshot(capture)
    agent = next(each for each in snapshot.containers if each.container.sandbox is not None)
    named = replace(agent, container=replace(agent.container, name="codex"))
    others = (each for each in snapshot.containers if each is not agent)
    window.selection.show_snapshot(replace(snapshot, containers=(named, *others)))
    window.selection.go_to(named.key)
    window.pages.show_view(View.REACH)
    return window


def recorded_reach(snapshot: Snapshot, state: ContainerState) -> Reached:
    """What a container can get at by what was recorded of it. Raises ProbeError."""
    if state.capture is None or state.container.sandbox is None:
        raise ProbeError(msg("It was not recorded."))
    around = Surroundings(snapshot.ground_of(state.container.engine), NO_ENGINE)
    return reached(Judged(all_layers(), state, around, state.capture, None))


def make_learn(window: MainWindow) -> LearnDialog:
    """Return the window's lesson about depth where one layer is just put back, as it was recorded."""
    window.teach = recorded_stage
    window.learn()
    dialog = window.lessons
    assert dialog is not None
    dialog.resize(820, 540)
    dialog.list.setCurrentRow(dialog.list.count() - 1)
    for _ in range(4):  # taken away, tried, put back, tried again
        dialog.press()
        settle()
    return dialog


def recorded_stage(taught: Lesson, stage: int, cancelled: Callable[[], bool]) -> Iterator[StageOutcome]:
    """What came of a stage where it was recorded, as it is told there."""
    yield replace(recorded(taught.id)[stage], recorded=None)


def shoot(window: QWidget, path: Path) -> None:
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
        reach = make_reach(mode)
        shoot(reach, README / f"reach-{mode.value}.png")
        reach.stop()
        reach.close()
        learn = make_learn(window)
        shoot(learn, README / f"learn-{mode.value}.png")
        learn.close()
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
