"""The real window on real containers that come and go, and on an engine that hangs under it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from rig.engine import Rig
from stratascope.core.container import EngineState, Status
from stratascope.ui.app import app as ui
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.views import live_view

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")


@contextmanager
def live(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, *rigs: Rig) -> Iterator[MainWindow]:
    monkeypatch.setenv("STRATASCOPE_ENGINES", " ".join(f"{rig.kind}={rig.endpoint}" for rig in rigs))
    ui.make_application(["test"])
    window = ui.make_window(live_view())
    qtbot.addWidget(window)
    window.show()
    window.start()
    try:
        yield window
    finally:
        window.stop()


def names(window: MainWindow) -> set[str]:
    found = (window.containers.model.entry(row) for row in range(window.containers.model.rowCount()))
    return {entry.state.container.name for entry in found if entry is not None and entry.state is not None}


def status_of(window: MainWindow, name: str) -> Status | None:
    states = window.selection.snapshot.containers if window.selection.snapshot is not None else ()
    return next((state.container.status for state in states if state.container.name == name), None)


def engine_states(window: MainWindow) -> dict[str, EngineState]:
    return (
        {}
        if window.selection.snapshot is None
        else {each.endpoint: each.state for each in window.selection.snapshot.engines}
    )


def test_containers_come_and_go_in_the_list(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, one_engine: Rig) -> None:
    with live(qtbot, monkeypatch, one_engine) as window, one_engine.container(name="stays"):
        qtbot.waitUntil(lambda: "stays" in names(window))
        with one_engine.container("--cap-drop", "ALL", name="visits") as visitor:
            qtbot.waitUntil(lambda: status_of(window, "visits") is Status.RUNNING)
            assert {"stays", "visits"} <= names(window)
            assert window.selection.snapshot is not None
            state = next(each for each in window.selection.snapshot.containers if each.container.name == "visits")
            window.containers.view.select_key(state.key)
            assert window.selection.current is not None
            assert window.selection.current.container.pid == one_engine.pid(visitor)
            one_engine.run("stop", "-t", "0", visitor)
            qtbot.waitUntil(lambda: status_of(window, "visits") is Status.EXITED)
            assert window.selection.current.container.name == "visits", "the chosen one stays chosen"
        qtbot.waitUntil(lambda: "visits" not in names(window))
        assert window.selection.current is not None, "another one is chosen in its place"
        assert "stays" in names(window)


@pytest.mark.slow
def test_a_hanging_engine_never_blocks_the_windows_thread(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, docker_rootful: Rig, podman_rootful: Rig
) -> None:
    with docker_rootful.container(name="held"), live(qtbot, monkeypatch, docker_rootful, podman_rootful) as window:
        qtbot.waitUntil(lambda: "held" in names(window) and len(engine_states(window)) == 2)
        qtbot.wait(1000)
        ticks = count()
        ticking = QTimer()
        ticking.timeout.connect(lambda: next(ticks))
        docker_rootful.freeze()
        try:
            ticking.start(2)
            qtbot.waitUntil(lambda: engine_states(window).get(docker_rootful.endpoint) is EngineState.UNREACHABLE)
            assert "held" in names(window), "its containers stay on screen"
            with podman_rootful.container(name="meanwhile"):
                qtbot.waitUntil(lambda: "meanwhile" in names(window))
        finally:
            docker_rootful.thaw()
            ticking.stop()
        # Until the engine is given up seconds go by. A window that waited for it would come to its timer a few times
        # in all; how long it was blocked at most is measured by make bench.
        assert next(ticks) > 100
        qtbot.waitUntil(lambda: engine_states(window).get(docker_rootful.endpoint) is EngineState.CONNECTED)
