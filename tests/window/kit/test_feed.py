"""Snapshots go from any thread to the window's, and the newest wins."""

from __future__ import annotations

import threading

from PySide6.QtCore import QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from rig.window import sample
from stratascope.ui.app.app import make_window
from stratascope.ui.kit.background import Feed, MemorySettings


def test_a_burst_from_a_thread_is_one_delivery_on_the_window_s_thread(qtbot: QtBot) -> None:
    feed = Feed(sample.StillWatch())
    seen: list[tuple[object, QThread]] = []
    feed.snapshot.connect(lambda snapshot: seen.append((snapshot, QThread.currentThread())))
    last = sample.snapshot(())

    def publish() -> None:
        for _ in range(50):
            feed.publish(sample.snapshot(()))
        feed.publish(last)

    thread = threading.Thread(target=publish)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(seen))
    app = QApplication.instance()
    assert app is not None
    assert seen[-1] == (last, app.thread())
    assert len(seen) == 1


def test_start_stop_and_refresh_are_handed_on(qtbot: QtBot) -> None:
    first = sample.snapshot(())
    watch = sample.StillWatch(first)
    feed = Feed(watch)
    with qtbot.waitSignal(feed.snapshot) as caught:
        feed.start()
    assert caught.args == [first]
    feed.refresh(("docker", "x"))
    feed.stop()
    assert (watch.refreshed, watch.stopped) == (1, 1)


def test_what_comes_while_the_window_is_being_made_is_shown_once_it_is_there(qtbot: QtBot) -> None:
    watch = sample.StillWatch(sample.snapshot())
    window = make_window(watch, begun=True)
    qtbot.addWidget(window)
    assert watch.started == 1
    assert window.selection.snapshot is None
    window.show()
    window.start()
    qtbot.waitUntil(lambda: window.selection.snapshot is watch.first)
    assert watch.started == 1
    window.stop()


def test_settings_in_memory() -> None:
    settings = MemorySettings()
    assert settings.get("x") is None
    settings.set("x", "1")
    assert settings.get("x") == "1"
