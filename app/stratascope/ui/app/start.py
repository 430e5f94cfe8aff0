"""From the program's entry to the window: what it shows, remembers and hardens, and what "copy as text" copies.

Hardening's wiring is imported when it is first needed, by a thread that is not the window's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from stratascope import appimage_environment
from stratascope.core.snapshot import ContainerState, MachineCapture, Snapshot
from stratascope.formats.shared import ExportKind
from stratascope.layers import all_layers
from stratascope.state import capture_file
from stratascope.state.accepted import AcceptedFile
from stratascope.state.journal import FileJournal
from stratascope.state.needs import FileNeeds
from stratascope.state.settings import Settings
from stratascope.ui.app import app, single_instance
from stratascope.ui.harden.exports import exported
from stratascope.ui.history.feed import Made
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
    from stratascope.core.relaunch.toggle import Choice
    from stratascope.core.snapshot import ContainerState
    from stratascope.usecases.check.check import Checker
    from stratascope.usecases.check.corrections import Corrected, Corrections, Judged
    from stratascope.usecases.plan.offers import Hint, Offer, Preview


class NotStarted:
    """Of one machine at a time, which is made ready when the first text has come, by a thread that is not the window's.
    Of the others nothing is kept.
    """

    def __init__(self, machines: Sequence[tuple[str, Callable[[], Checker]]]) -> None:
        """Their names, "" for this one, and what judges for them; the first is taken. At least one."""
        self._makes = dict(machines)
        self.machines = tuple(self._makes)
        self.machine = self.machines[0]
        self._lock = threading.Lock()
        self._made: Corrections | None = None

    def choose(self, machine: str) -> None:
        """Judge for that one from now on. Raises KeyError."""
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

    def hint(self, state: ContainerState, choices: Sequence[Choice], offer: Offer) -> Hint | None:
        """Raises ToggleError."""
        return self._corrections().hint(state, choices, offer)

    def _corrections(self) -> Corrections:
        with self._lock:
            if self._made is None:
                from stratascope.usecases.check.corrections import Corrections

                self._made = Corrections(self._makes[self.machine])
            return self._made


class CaptureStore:
    """Captures as files; those that are opened are shown by this program, started once more."""

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
    """A window on captures in the place of this machine: no engine is asked, nothing is recorded or changed."""
    watch = views.recorded_view(paths)
    status = app.run(
        watch,
        sys.argv[:1],
        Services(
            Settings(),
            as_text,
            captures=CaptureStore(lambda: None),
            before=NotStarted([(name, partial(_checker_of, path)) for name, path in views.named(paths)]),
        ),
    )
    if status == app.RESTART:
        start_again()
    return status


def main(words: list[str]) -> int:
    """Show the window on the engines of this environment until it is closed; or raise the one that there is."""
    where = single_instance.socket_path(os.environ)
    if where is not None and single_instance.raise_other(where, os.environ):
        return 0
    late = LateEngines()
    learning, watch = learning_of(late), views.live_view(late)
    try:
        status = app.run(
            watch,
            [sys.argv[0], *words],
            Services(
                Settings(),
                as_text,
                hardening=hardening_of(late),
                exports=lambda plan: exported(plan, _texts),
                learning=learning,
                twins=twins_of(late),
                history=history_of,
                daily=daily(late),
                captures=CaptureStore(watch.capture),
                accepted=AcceptedFile(),
                before=NotStarted([("", partial(_checker, late))]),
            ),
            where=where,
        )
    finally:
        learning.close()  # what is being observed is kept
    if status == app.RESTART:
        start_again()
    return status


def _checker(late: LateEngines) -> Checker:
    """Judges for the engines of this machine. Raises ProbeError."""
    from stratascope.wiring.check import checker

    return checker(late.get())


def _checker_of(path: Path) -> Checker:
    """Judges for the machine of that capture. Raises ProbeError, OSError."""
    from stratascope.wiring.check import checker

    return checker(None, capture_file.load(path))


def start_again() -> NoReturn:
    """The same program with the same words in place of this process, which has ended its work."""
    words = [sys.executable, *(sys.argv[1:] if appimage_environment.is_frozen() else sys.orig_argv[1:])]
    os.execve(sys.executable, words, appimage_environment.again())


def learning_of(late: LateEngines) -> ObservationService:
    """Watching on these engines: as root, who is asked for when the first container is to be watched."""
    return ObservationService(FileNeeds(), lambda: late.get().root())


def twins_of(late: LateEngines) -> TwinsOf:
    """Watching twins on these engines, as root."""

    def make(state: ContainerState) -> TwinObserver:
        from stratascope.wiring import hardening

        return hardening.watched_twins_of(late.get(), state)

    return make


def history_of() -> Made:
    """What is recorded while the window is open, and how it is read."""
    return views.history(), views.recorder()


def hardening_of(late: LateEngines) -> Hardening:
    """Hardening on these engines, each connected to when it is first needed."""
    journal = FileJournal()

    def connect(engine: str) -> EngineAccess:
        from stratascope.wiring import hardening

        return hardening.connect(late.get(), engine, journal)

    def command(plan: Plan) -> str:
        from stratascope.wiring import hardening

        return hardening.command(plan)

    return Hardening(connect, journal, command, lambda: late.get().root())


def _texts(plan: Plan) -> Sequence[tuple[ExportKind, Callable[[], str]]]:
    from stratascope.wiring import hardening

    return hardening.exports_of(plan)


def as_text(snapshot: Snapshot) -> str:
    """The report that the window puts on the clipboard, every fact included."""
    from stratascope.presentation import text_report  # not needed for the first picture

    return text_report.render(snapshot, all_layers(), text_report.Style(details=True))
