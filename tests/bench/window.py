"""A window in a process measured by run.py: `bare` (PySide6 + pyqtgraph), `ours`, `frozen` (engine stopped), or `idle`
(one of 40 containers is selected, and nothing happens).

Prints one line of JSON: seconds from the process's start to the painted list, resident bytes, the longest time in
which the window's thread did not come back to its event loop.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
KIND, BORN = sys.argv[1], float(sys.argv[2])


def resident() -> int:
    """Bytes, from /proc/self/statm."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def report(**numbers: float) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


def bare() -> None:
    import pyqtgraph
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication, QListWidget, QMainWindow, QSplitter

    app = QApplication([])
    window = QMainWindow()
    splitter = QSplitter()
    items = QListWidget()
    items.addItems([f"container {place}" for place in range(40)])
    splitter.addWidget(items)
    splitter.addWidget(pyqtgraph.PlotWidget())
    window.setCentralWidget(splitter)
    window.resize(1440, 900)
    window.show()

    def done() -> None:
        window.grab()
        report(painted=time.time() - BORN, rss=resident())
        app.quit()

    QTimer.singleShot(0, done)
    app.exec()


def ours() -> None:
    gc.disable()  # as the program does
    importlib.import_module("stratascope.ui.app")  # like the program, which imports what needs no Qt before Qt
    from PySide6.QtCore import QTimer

    from stratascope.ui.app import app as ui
    from stratascope.wiring.views import live_view

    application = ui.make_application(["bench"])
    watch = live_view()
    window = ui.make_window(watch, begun=True)
    window.resize(1440, 900)
    window.show()
    window.start()
    last = [time.perf_counter()]
    longest = [0.0]
    begun = time.perf_counter()

    def tick() -> None:
        now = time.perf_counter()
        if now - begun > 1.0:  # the start is measured by itself
            longest[0] = max(longest[0], now - last[0] - 0.002)
        last[0] = now
        if KIND == "frozen":
            if now - begun > 15.0:
                finish()
        elif window.containers.model.shown() >= 40:
            if KIND == "idle":
                idle()
            else:
                finish()

    def idle() -> None:
        timer.stop()
        window.selection.choose(next(iter(window.selection.listed())))
        QTimer.singleShot(5000, begin)

    def begin() -> None:
        used, started = time.process_time(), time.perf_counter()

        def end() -> None:
            report(busy=(time.process_time() - used) / (time.perf_counter() - started))
            window.stop()
            application.quit()

        QTimer.singleShot(20000, end)

    def finish() -> None:
        timer.stop()
        window.grab()
        report(painted=time.time() - BORN, rss=resident(), blocked=longest[0])
        window.stop()
        application.quit()

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(2)
    application.exec()


if __name__ == "__main__":
    bare() if KIND == "bare" else ours()
