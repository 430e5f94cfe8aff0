"""Builds the window's services: what it shows, records and hardens, and what "copy as text" copies.

The wiring of hardening is imported when first needed, on a background thread.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from stratascope import appimage_environment
from stratascope.core.lesson import Lesson
from stratascope.core.snapshot import ContainerState, MachineCapture, Snapshot
from stratascope.formats.shared import ExportKind
from stratascope.state import capture_file
from stratascope.state.accepted import AcceptedFile
from stratascope.state.journal import FileJournal
from stratascope.state.needs import FileNeeds
from stratascope.state.settings import Settings
from stratascope.ui.app import app, single_instance
from stratascope.ui.harden.exports import exported
from stratascope.ui.history.feed import Made
from stratascope.ui.threats.feed import Where
from stratascope.ui.tighten.controller import TwinsOf
from stratascope.ui.window.main_window import Services
from stratascope.usecases.engine_access import EngineAccess
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import ObservationService
from stratascope.usecases.plan.plan import Plan
from stratascope.usecases.tighten.tighten import TwinObserver
from stratascope.wiring import views
from stratascope.wiring.engines import LateEngines, daily

if TYPE_CHECKING:
    from stratascope.core.reach.row import Reached
    from stratascope.core.relaunch.hardening_plan import HardeningPlan, Wanted
    from stratascope.core.relaunch.toggle import Choice
    from stratascope.core.snapshot import ContainerState
    from stratascope.ui.reach.feed import Read
    from stratascope.usecases.check.check import Checker
    from stratascope.usecases.check.corrections import Corrected, Corrections, Judged
    from stratascope.usecases.live.live_view import DeferredLiveView
    from stratascope.usecases.plan.offers import Offer, Preview
    from stratascope.usecases.plan.standards import Standard


class NotStarted:
    """Judges texts of containers that are not started yet, for one machine at a time.

    The machine's checker is built when the first text arrives, on a background thread. Nothing is kept for other
    machines.
    """

    def __init__(self, machines: Sequence[tuple[str, Callable[[], Checker]]]) -> None:
        """`machines`: names ("" is this one), each with the function that builds its checker; the first is chosen. At
        least one.
        """
        self._makes = dict(machines)
        self.machines = tuple(self._makes)
        self.machine = self.machines[0]
        self._lock = threading.Lock()
        self._made: Corrections | None = None

    def choose(self, machine: str) -> None:
        """Judge for that machine from now on. Raises KeyError."""
        with self._lock:
            self._makes[machine]
            self.machine, self._made = machine, None

    def check(self, text: str, file: str) -> Judged:
        """Raises ProbeError, OSError."""
        return self._corrections().check(text, file, time.time())

    def corrected(self, text: str, file: str, chosen: Mapping[str, tuple[Choice, ...]]) -> Corrected:
        """Raises ProbeError, OSError."""
        return self._corrections().corrected(text, file, chosen)

    def offer(self, state: ContainerState) -> Offer:
        """Raises ToggleError, ProbeError."""
        return self._corrections().offer(state)

    def preview(self, state: ContainerState, choices: Sequence[Choice]) -> Preview:
        """Raises ToggleError."""
        return self._corrections().preview(state, choices)

    def suggested(self, state: ContainerState, wanted: Wanted | None = None) -> HardeningPlan:
        """Raises ToggleError."""
        return self._corrections().suggested(state, wanted)

    def standards(self, state: ContainerState) -> tuple[Standard, ...]:
        """Raises ToggleError."""
        return self._corrections().standards(state)

    def _corrections(self) -> Corrections:
        with self._lock:
            if self._made is None:
                from stratascope.usecases.check.corrections import Corrections

                self._made = Corrections(self._makes[self.machine])
            return self._made


class CaptureStore:
    """Captures as files. Opened captures are shown by this program, started once more."""

    def __init__(self, capture: Callable[[], MachineCapture | None]) -> None:
        self.capture = capture

    def save(self, capture: MachineCapture, path: Path, *, labels: bool) -> None:
        """Raises OSError."""
        views.save(capture, path, labels=labels)

    def check(self, path: Path) -> None:
        """Raises ProbeError, OSError."""
        capture_file.load(path)

    def show(self, paths: Sequence[Path]) -> None:
        """Raises OSError."""
        words = [
            sys.executable,
            *([] if appimage_environment.is_frozen() else sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]),
        ]
        nowhere = subprocess.DEVNULL
        subprocess.Popen(
            [*words, "--from-capture", *map(str, paths)],
            env=appimage_environment.again(),
            stdin=nowhere,
            stdout=nowhere,
            start_new_session=True,
        )


def show_captures(paths: Sequence[Path]) -> int:
    """Show a window on captures instead of this machine: no engine is asked, nothing is recorded or changed."""
    watch = views.recorded_view(paths)
    status = app.run(
        watch,
        sys.argv[:1],
        Services(
            Settings(),
            report_as,
            captures=CaptureStore(lambda: None),
            before=NotStarted([(name, partial(_checker_of, path)) for name, path in views.named(paths)]),
        ),
    )
    if status == app.RESTART:
        start_again()
    return status


def main(words: list[str], shows: str = "") -> int:
    """Show the window on the engines of this environment until it is closed, or raise the window already open.
    `shows`: the name or id of the container to show.
    """
    where = single_instance.socket_path(os.environ)
    if where is not None and single_instance.raise_other(where, os.environ, shows):
        return 0
    late = LateEngines()
    learning, watch = learning_of(late), views.live_view(late)
    try:
        status = app.run(
            watch,
            [sys.argv[0], *words],
            Services(
                Settings(),
                report_as,
                hardening=hardening_of(late),
                exports=lambda plan: exported(plan, _texts),
                learning=learning,
                twins=twins_of(late),
                history=history_of,
                daily=daily(late),
                captures=CaptureStore(watch.capture),
                accepted=AcceptedFile(),
                before=NotStarted([("", partial(_checker, late))]),
                reach=_reach_of(watch),
                tries=_reach_of(watch, tries=True),
                attempts={Where.COPY: partial(_attempts, late), Where.ITSELF: partial(_attempts_in_place, late)},
                teach=partial(_teach, late),
            ),
            where=where,
            shows=shows,
        )
    finally:
        learning.close()  # keeps what is being observed
    if status == app.RESTART:
        start_again()
    return status


def _reach_of(watch: DeferredLiveView, *, tries: bool = False) -> Read:
    """What containers can get at, read by the live view, or really tried; the wiring is loaded when it is needed."""

    def read(snapshot: Snapshot, state: ContainerState) -> Reached:
        from stratascope.wiring.reach import reading, trying

        return (trying if tries else reading)(watch.once)(snapshot, state)

    return read


def _attempts(
    late: LateEngines, _: Snapshot, state: ContainerState, wanted: Sequence[str], cancelled: Callable[[], bool]
) -> Iterator[object]:
    """Threats tried on a copy of that container; all without any."""
    from stratascope.usecases.attempts.attempts import threats
    from stratascope.wiring.attempts import tries
    from stratascope.wiring.hardening import connect

    access = connect(late.get(), state.container.engine, FileJournal())
    return tries(access, state, threats(wanted), cancelled)


def _attempts_in_place(
    late: LateEngines, shown: Snapshot, state: ContainerState, wanted: Sequence[str], cancelled: Callable[[], bool]
) -> Iterator[object]:
    """The same in that container or sandbox itself, by attempts that change nothing."""
    from stratascope.usecases.attempts.attempts import threats
    from stratascope.wiring.attempts import tries_where_shown

    return tries_where_shown(late.get(), shown, state, threats(wanted), cancelled)


def _teach(late: LateEngines, taught: Lesson, stage: int, cancelled: Callable[[], bool]) -> Iterator[object]:
    """One stage of a lesson on the engine that can show it; else what was recorded, after the reason."""
    from stratascope.core.ports import ProbeError
    from stratascope.usecases.attempts import lessons
    from stratascope.usecases.attempts.attempts import Step
    from stratascope.wiring.attempts import teach
    from stratascope.wiring.hardening import connected

    access = lessons.engine_for(connected(late.get()).accesses, taught)
    if access is None:
        raise ProbeError(lessons.NO_ENGINE)
    why = lessons.not_here(access, taught)
    if why is None:
        yield from teach(access, taught, (taught.stages[stage],), cancelled)
    else:
        yield Step(why)
        yield from (made for made in lessons.recorded(taught.id) if made.stage == taught.stages[stage])


def _checker(late: LateEngines) -> Checker:
    """Build the checker for this machine's engines. Raises ProbeError."""
    from stratascope.wiring.check import checker

    return checker(late.get())


def _checker_of(path: Path) -> Checker:
    """Build the checker for the machine of that capture. Raises ProbeError, OSError."""
    from stratascope.wiring.check import checker

    return checker(None, capture_file.load(path))


def start_again() -> NoReturn:
    """Replace this process, which has finished its work, by the same program with the same arguments."""
    words = [sys.executable, *(sys.argv[1:] if appimage_environment.is_frozen() else sys.orig_argv[1:])]
    os.execve(sys.executable, words, appimage_environment.again())


def learning_of(late: LateEngines) -> ObservationService:
    """Observation on these engines, as root: authorisation is asked for when the first container is to be observed."""
    return ObservationService(FileNeeds(), lambda: late.get().root())


def twins_of(late: LateEngines) -> TwinsOf:
    """Observation of twins on these engines, as root."""

    def make(state: ContainerState) -> TwinObserver:
        from stratascope.wiring import hardening

        return hardening.watched_twins_of(late.get(), state)

    return make


def history_of() -> Made:
    """The history: what is recorded while the window is open, and how it is read."""
    return views.history(), views.recorder()


def hardening_of(late: LateEngines) -> Hardening:
    """Hardening on these engines; each is connected to when first needed."""
    journal = FileJournal()

    def connect(engine: str) -> EngineAccess:
        from stratascope.wiring import hardening

        return hardening.connect(late.get(), engine, journal)

    def command(plan: Plan) -> str:
        from stratascope.wiring import hardening

        return hardening.command(plan)

    return Hardening(connect, journal, command, lambda: late.get().root(), lambda: late.get().local)


def _texts(plan: Plan) -> Sequence[tuple[ExportKind, Callable[[], str]]]:
    from stratascope.wiring import hardening

    return hardening.exports_of(plan)


def report_as(snapshot: Snapshot, name: str) -> str:
    """The report that the window copies and saves, with every fact, in that format of `stratascope report`."""
    from stratascope.presentation import report_formats  # not needed for the first frame
    from stratascope.presentation.annotations import Annotations
    from stratascope.presentation.terminal import Style

    return "".join(report_formats.texts(name, snapshot, Annotations(), Style(details=True)))
