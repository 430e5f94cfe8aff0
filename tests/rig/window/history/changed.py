"""A history in memory in which a machine's containers went every way: worse, new, better, gone, and none."""

from __future__ import annotations

import time

from rig.window.history.remembered import Remembered
from stratascope.core.history.entry import (
    GONE,
    Exposed,
    Image,
    Made,
    Part,
    PartKind,
    Run,
    Subject,
    Unlike,
    WatchSpan,
)
from stratascope.core.snapshot import Snapshot

HOUR, DAY = 3600.0, 86400.0
WORSE, NEW, SESSION, BETTER = "ci-runner", "web", "redis-cache", "grafana"  # of the demo's containers
SOCKET = "-v /var/run/docker.sock:/var/run/docker.sock"
HOSTILE = "<b>evil</b>\x1b[31m" + "x" * 300


def machine(snapshot: Snapshot) -> Remembered:
    """All of the snapshot's containers since four days; what changed did so today."""
    found, now = Remembered(), time.time()
    found.watched = [WatchSpan(now - 4 * DAY, now)]
    subjects = {
        each.container.name: Subject(each.container.engine, each.container.name) for each in snapshot.containers
    }
    for name, subject in subjects.items():
        if name != NEW:
            _begin(found, subject, now - 4 * DAY)
    worse = subjects[WORSE]
    found.note(worse, now - HOUR, (PartKind.MADE, Made("b" * 64, by="anna", owner="compose")),
               (PartKind.SETTINGS, ("--memory 64m", SOCKET, "--cap-add SYS_ADMIN")),
               (PartKind.EXPOSED, Exposed(10.0, 8.0)), (PartKind.THREATS, ("bpf", "load-module")))  # fmt: skip
    _begin(found, subjects[NEW], now - 2 * HOUR, started=now - 2 * HOUR, threats=("load-module",))
    found.note(subjects[SESSION], now - 3 * HOUR,
                   (PartKind.DRIFT, (Unlike("sh", "exec", ("capabilities.effective",)),)))  # fmt: skip
    found.note(subjects[BETTER], now - 4 * HOUR, (PartKind.SETTINGS, ("--memory 64m", "--read-only")),
                   (PartKind.EXPOSED, Exposed(2.0, 1.0)))  # fmt: skip
    for number in range(3):
        job = Subject("docker", f"job-{number}")
        _begin(found, job, now - 5 * HOUR, started=now - 5 * HOUR)
        found.note(job, now - 5 * HOUR + 60, (PartKind.RUN, Run(GONE)))
    gone = Subject("docker", HOSTILE)
    _begin(found, gone, now - 4 * DAY)
    found.note(gone, now - 6 * HOUR, (PartKind.RUN, Run(GONE)))
    return found


def _begin(
    store: Remembered, subject: Subject, at: float, started: float = 1.0, threats: tuple[str, ...] = ("load-module",)
) -> None:
    parts: tuple[tuple[PartKind, Part], ...] = (
        (PartKind.MADE, Made("a" * 64)),
        (PartKind.IMAGE, Image("app:1", "1")),
        (PartKind.RUN, Run("running", started)),
        (PartKind.SETTINGS, ("--memory 64m",)),
        (PartKind.EXPOSED, Exposed(4.1, 3.2)),
        (PartKind.LAYERS, (("seccomp", "ENFORCED"),)),
        (PartKind.THREATS, threats),
        (PartKind.DRIFT, ()),
    )
    store.note(subject, at, *parts)
