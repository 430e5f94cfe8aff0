"""How long pages block the window's thread when first opened: a separate process, measured by run.py.

A page is opened as by a click while a timer ticks in the window's event loop: the longest time between two ticks is the
delay of a key or click, less the time the thread waited for a processor. Prints one line of JSON for each: what,
milliseconds, goal.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer

from rig.window import sample
from rig.window.hardening import picture
from rig.window.history.remembered import HELD, days
from rig.window.processes.many_processes import many
from stratascope.core.snapshot import Snapshot
from stratascope.ui.app.app import make_application, make_window
from stratascope.ui.history.feed import MakeHistory
from stratascope.ui.history.page import HistoryPage
from stratascope.ui.kit.page import View
from stratascope.ui.processes.page import ProcessesPage
from stratascope.ui.window.main_window import MainWindow, Services
from stratascope.value import replace

SCHEDSTAT = Path("/proc/thread-self/schedstat")
TICK, GOAL = 1, 50.0  # ms
PROCESSES = 500  # processes, plus as many threads that differ, plus the first


def now() -> float:
    """A clock in seconds that stops while this thread waits for a processor (schedstat, Documentation/scheduler)."""
    return time.perf_counter() - int(SCHEDSTAT.read_text("ascii").split()[1]) / 1e9


def longest(act: Callable[[], object], done: Callable[[], bool], after: float = 0.5) -> float:
    """The longest blocking of the event loop in milliseconds, from the click until `after` seconds past `done`."""
    loop, clock = QEventLoop(), QTimer()
    clock.setTimerType(Qt.TimerType.PreciseTimer)
    state = {"last": 0.0, "longest": 0.0, "until": 0.0}

    def tick() -> None:
        at = now()
        state["longest"] = max(state["longest"], at - state["last"])
        state["last"] = at
        if not state["until"] and done():
            state["until"] = at + after
        if state["until"] and at > state["until"]:
            loop.quit()

    def begin() -> None:
        state["last"] = now()
        act()
        clock.timeout.connect(tick)
        clock.start(TICK)

    QTimer.singleShot(0, begin)
    loop.exec()
    clock.stop()
    return state["longest"] * 1000 - TICK


def opened(snapshot: Snapshot, name: str, history: MakeHistory | None = None) -> MainWindow:
    """An idle window that shows that container's strata."""
    window = make_window(sample.StillWatch(), Services(history=history))
    window.resize(1440, 900)
    window.show()
    window.selection.show_snapshot(snapshot)
    window.selection.go_to(next(each.key for each in snapshot.containers if each.container.name == name))
    longest(int, lambda: True, 1.0)
    return window


def history() -> float:
    """The first opening of History: its page, pyqtgraph, the chart."""
    live = replace(picture(), demo=False)
    window = opened(live, HELD, days(live.containers).make())

    def done() -> bool:
        if View.HISTORY not in window.pages.made:
            return False
        page = window.pages.of(HistoryPage)
        return page.chart is not None and page.card.isVisible()

    return longest(lambda: window.pages.show_view(View.HISTORY), done)


def processes() -> float:
    """The first opening of Processes, for a container with very many."""
    window = opened(many(PROCESSES), "hardened")

    def done() -> bool:
        there = View.PROCESSES in window.pages.made
        return there and len(window.pages.of(ProcessesPage).processes) == 2 * PROCESSES + 1

    return longest(lambda: window.pages.show_view(View.PROCESSES), done)


def main() -> int:
    make_application(["bench"])
    for what, measure in (("History", history), (f"Processes, {2 * PROCESSES + 1} of them", processes)):
        line = {"what": f"the window's thread held by the first opening of {what}", "ms": measure(), "goal": GOAL}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
