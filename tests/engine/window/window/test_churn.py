"""Ten changes a second beside containers that stay: at each second what the window shows is held against the engine.

Nothing of another container stands under a name, no row is of an older reading than the rest, the number of what stays
is that of a fresh reading, and in the end all is as the engine says. Prints how long the latest change took to be in
sight, what the process took of a core, and how its memory grew.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.window.live_window import live
from rig.churn import call
from rig.engine import Rig
from rig.places import TESTS
from stratascope.core.container import Status
from stratascope.core.snapshot import ContainerState
from stratascope.ui.window.main_window import MainWindow
from stratascope.wiring.engines import find_engines
from stratascope.wiring.hardening import connected

RATE = 10.0  # changes a second
WARM, GROWTH = 60.0, 5 << 20  # seconds until memory is compared, and bytes by which it may have grown
OPTIONS = ((), ("--cap-drop", "ALL"), ("--memory", "64m"), ("--user", "1000"), ("--read-only",))
Truth = tuple[str, str]  # name and status


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
    [(12, 20.0), pytest.param(250, float(os.environ.get("CHURN", "600")), marks=pytest.mark.slow)],
)
def test_nothing_stale_is_shown_while_containers_come_and_go(
    docker_rootful: Rig, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, staying: int, seconds: float
) -> None:
    """`CHURN`: seconds of the long one."""
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
    wrong, checked, longest = list[str](), 0, 0.0
    try:
        with live(qtbot, monkeypatch, rig, tmp_path, names[0]) as (window, _):
            access, lately = connected(engines).accesses[0], Lately(path)
            churn = subprocess.Popen(
                (sys.executable, "-m", "rig.churn", path, str(RATE), str(seconds)),
                cwd=TESTS,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            begun, used, warm = time.monotonic(), time.process_time(), 0
            while churn.poll() is None:
                lately.look()
                qtbot.wait(500)
                wrong += [*torn(window), *mixed(window)]
                lately.look()
                longest = max(longest, *late(window, lately).values(), 0.0)
                one = ids[checked % len(ids)]
                fresh, state = access.read(one), shown(window, one)
                assert fresh is not None
                if fresh.matrix is None or judged(state) != judged(fresh):
                    wrong.append(f"{state.container.name}: {judged(state)} is shown instead of {judged(fresh)}")
                checked += 1
                if not warm and time.monotonic() - begun > min(WARM, seconds / 2):
                    gc.collect()
                    warm = resident()
                qtbot.wait(300)
            taken = time.monotonic() - begun
            out, _ = churn.communicate()
            gc.collect()
            grown = resident() - warm
            sys.stderr.write(
                f"{staying} stay, {sum(json.loads(out).values())} changes in {taken:.0f} s, {checked} looks: "
                f"{100 * (time.process_time() - used) / taken:.1f} % of a core with this test's own looks, "
                f"{grown / 1e6:+.1f} MB, the latest after {longest:.1f} s\n"
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
