"""Ten changes a second beside containers that stay: at each second what the window shows is held against the engine.

Nothing of another container stands under a name, no row is of an older reading than the rest, the number of what stays
is that of a fresh reading, and in the end all is as the engine says. Prints how many changes the engine told of, how
long the latest one took to be in sight, what the window took of a core by thread, and how its memory grew.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from engine.window.live_window import live
from rig.churn import call
from rig.engine import Rig
from rig.places import TESTS
from stratascope import garbage
from stratascope.core.container import Status
from stratascope.core.snapshot import ContainerState
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.engines import find_engines
from stratascope.wiring.hardening import connected

RATE = 10.0  # changes a second
WARM, GROWTH = 60.0, 5 << 20  # seconds until memory is compared, and bytes by which it may have grown
OPTIONS = ((), ("--cap-drop", "ALL"), ("--memory", "64m"), ("--user", "1000"), ("--read-only",))
Truth = tuple[str, str]  # name and status


@contextmanager
def collecting() -> Iterator[None]:
    """Garbage is collected as in the program (`ui.app`), and not what the tests made before."""
    gc.collect()
    gc.freeze()
    looking = QTimer()
    looking.timeout.connect(garbage.collect)
    looking.start(garbage.EVERY)
    try:
        yield
    finally:
        looking.stop()
        gc.unfreeze()


def resident() -> int:
    """Bytes, from /proc/self/statm."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Lately:
    """What the engine has said of each container, and since when it says so."""

    def __init__(self, path: str) -> None:
        self._path, self.endpoint = path, f"unix://{path}"
        self.now: dict[str, tuple[Truth, float]] = {}
        self.gone: dict[str, float] = {}

    def look(self) -> None:
        """Ask again. A container that was another in between is found to be so by its start."""
        status, listed = call(self._path, "GET", "/containers/json?all=true")
        assert status == 200
        found = {each["Id"]: (each["Names"][0].lstrip("/"), each["State"]) for each in listed}
        for gone in self.now.keys() - found.keys():
            self.gone.setdefault(gone, time.monotonic())
        before, self.now = self.now, {}
        for each, truth in found.items():
            same = each in before and before[each][0] == truth
            self.now[each] = (truth, before[each][1] if same else time.monotonic())


def late(window: MainWindow, lately: Lately) -> dict[str, float]:
    """What the window does not show yet, and for how many seconds it has been so."""
    snapshot, at, found = window.selection.snapshot, time.monotonic(), dict[str, float]()
    assert snapshot is not None
    own = {each.id for each in snapshot.engines if each.endpoint == lately.endpoint}  # sandboxes are no engine's
    there = {state.container.id: state.container for state in snapshot.containers if state.container.engine in own}
    for each in there.keys() & lately.gone.keys():
        found[f"{there[each].name} is gone"] = at - lately.gone[each]
    for each, ((name, status), since) in lately.now.items():
        container = there.get(each)
        if container is None:
            found[f"{name} is missing"] = at - since
        elif container.name != name or (container.status is not Status.UNKNOWN and container.status != status):
            found[f"{name} ({status}) is shown as {container.name} ({container.status})"] = at - since
    return found


def children() -> set[int]:
    """PIDs."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def seconds_of(pids: set[int]) -> float:
    """CPU that these processes have used; those that ended count for nothing."""
    found = 0.0
    for task in (task for pid in pids for task in Path(f"/proc/{pid}/task").glob("*")):
        with suppress(OSError):
            found += int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def by_thread() -> dict[str, float]:
    """Seconds of CPU that each thread of this process has used."""
    found: dict[str, float] = {}
    for each in threading.enumerate():
        with suppress(OSError):
            text = Path(f"/proc/self/task/{each.native_id}/schedstat").read_text()
            found[each.name] = found.get(each.name, 0.0) + int(text.split()[0]) / 1e9
    return found


def shown(window: MainWindow, container: str) -> ContainerState:
    """What the window has of the container of that id."""
    assert window.selection.snapshot is not None
    return next(each for each in window.selection.snapshot.containers if each.container.id == container)


def judged(state: ContainerState) -> str:
    """Its exposure, or why nothing is known of it."""
    if state.matrix is None:
        return str(state.gap)
    exposure = state.matrix.exposure
    return f"{exposure.worst} ({exposure.best} at best)"


def differing(one: ContainerState, two: ContainerState) -> list[str]:
    """The threats of which they say another thing."""
    if one.matrix is None or two.matrix is None:
        return []
    others = {each.threat.id: each for each in two.matrix.threats}
    return [
        f"{each.threat.id}: {each.outcome} {each.depth}, {other.outcome} {other.depth}"
        for each in one.matrix.threats
        if (other := others[each.threat.id]) and (each.outcome, each.depth) != (other.outcome, other.depth)
    ]


def torn(window: MainWindow) -> list[str]:
    """Rows that are not of the snapshot in view."""
    model, snapshot, found = window.containers.model, window.selection.snapshot, list[str]()
    states = {} if snapshot is None else {each.key: each for each in snapshot.containers}
    for place in range(model.rowCount()):
        entry = model.entry(place)
        if entry is None or entry.state is None:
            continue
        if entry.state is not states.get(entry.state.key):
            found.append(f"the row of {entry.title} is of an older reading")
        if entry.count == 1 and entry.title != entry.state.container.name:
            found.append(f"{entry.state.container.name} is called {entry.title}")
    return found


def mixed(window: MainWindow) -> list[str]:
    """What is shown of another container than the one in view."""
    selection, page, side = window.selection, window.strata_page, window.hardening
    state = selection.current
    assert state is not None
    assert side is not None
    name, draft = state.container.name, side.draft
    told = {
        "title": page.header.name.text() == name,
        "column": draft.state is None or draft.state.key == state.key,
        "its name": name in side.column.name.text(),
    }
    return [f"{part} is not of {name}" for part, good in told.items() if not good]


@pytest.mark.parametrize(
    ("staying", "seconds"),
    [
        (12, 20.0),
        pytest.param(
            int(os.environ.get("STAYING", "250")),
            float(os.environ.get("CHURN", "600")),
            marks=pytest.mark.slow,
            id="many",
        ),
    ],
)
def test_nothing_stale_is_shown_while_containers_come_and_go(
    docker_rootful: Rig, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, staying: int, seconds: float
) -> None:
    """`CHURN`, `STAYING`: seconds and containers of the long one."""
    rig, path = docker_rootful, str(docker_rootful.socket)
    names = [f"stays-{number:03}" for number in range(staying)]
    with ThreadPoolExecutor(4) as pool:
        made = pool.map(
            lambda at: rig.run(
                "run", "-d", "--name", names[at], *OPTIONS[at % len(OPTIONS)], "busybox", "sleep", "9999"
            ),
            range(staying),
        )
        ids = list(made)
    engines = find_engines((), {"STRATASCOPE_ENGINES": f"{rig.kind}={rig.endpoint}"})
    wrong, checked, longest, others = list[str](), 0, 0.0, children()
    try:
        with live(qtbot, monkeypatch, rig, tmp_path, names[0]) as (window, _), collecting():
            access, lately = connected(engines).accesses[0], Lately(path)
            churn = subprocess.Popen(
                (sys.executable, "-m", "rig.churn", path, str(RATE), str(seconds)),
                cwd=TESTS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            readers = children() - others - {churn.pid}
            begun, used, threads, own, warm = time.monotonic(), time.process_time(), by_thread(), 0.0, 0
            helped = seconds_of(readers)
            while churn.poll() is None:
                looking = time.thread_time()
                lately.look()
                own += time.thread_time() - looking
                qtbot.wait(500)
                looking = time.thread_time()
                wrong += [*torn(window), *mixed(window)]
                lately.look()
                longest = max(longest, *late(window, lately).values(), 0.0)
                one = ids[checked % len(ids)]
                fresh, state = access.read(one), shown(window, one)
                assert fresh is not None
                if fresh.matrix is None or judged(state) != judged(fresh):
                    wrong.append(
                        f"{state.container.name}: {judged(state)} is shown instead of {judged(fresh)}: "
                        f"{differing(state, fresh)}"
                    )
                checked += 1
                own += time.thread_time() - looking
                if not warm and time.monotonic() - begun > min(WARM, seconds / 2):
                    looking = time.thread_time()
                    gc.collect()
                    own, warm = own + time.thread_time() - looking, resident()
                qtbot.wait(300)
            taken, used = time.monotonic() - begun, time.process_time() - used - own
            shares = {name: 100 * (after - threads.get(name, 0.0)) / taken for name, after in by_thread().items()}
            shares["readers of /proc"] = 100 * (seconds_of(readers) - helped) / taken
            shares["MainThread"] -= 100 * own / taken
            counts = json.loads(churn.communicate()[0])
            gc.collect()
            grown = resident() - warm
            sys.stderr.write(
                f"{staying} stay, {sum(counts['done'].values()) / taken:.1f} changes a second for {taken:.0f} s, "
                f"{sum(counts['told'].values())} events; {checked} looks: "
                f"{100 * used / taken + shares['readers of /proc']:.1f} % of a core, "
                f"{grown / 1e6:+.1f} MB, the latest after {longest:.1f} s\n{counts}\n"
                + "".join(f"{name} {share:.2f} %, " for name, share in shares.items() if share > 0.05)
                + "\n"
            )
            lately.look()
            qtbot.waitUntil(lambda: not late(window, lately))
            wrong += [*torn(window), *mixed(window)]
    finally:
        engines.close()
        rig.run("rm", "-f", *ids)
    assert wrong == [], "\n".join(wrong)
    assert checked >= seconds / 4
    if seconds > 2 * WARM:
        assert grown <= GROWTH
