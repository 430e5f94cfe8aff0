"""Builds the background service: the live view, the recorder, and the desktop around it. No Qt in it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from stratascope.core.message import msg
from stratascope.core.relaunch.launch_spec import TwinRecord
from stratascope.core.relaunch.transaction import Stage, Transaction
from stratascope.core.sanitize import plain
from stratascope.core.snapshot import Snapshot
from stratascope.desktop_bus.desk import Desk
from stratascope.desktop_bus.notices import Notice
from stratascope.desktop_bus.tray import Entry, Tray
from stratascope.engines.discovery import sandboxes_wanted
from stratascope.fault_log import fault_logger
from stratascope.i18n.translate import translate
from stratascope.presentation.takeover import Judges
from stratascope.presentation.tray_lines import tray_lines
from stratascope.probe.control_groups import UseCounters
from stratascope.state import preferences
from stratascope.state.history import FileHistory
from stratascope.state.journal import FileJournal
from stratascope.state.running_service import Running, ServiceMark
from stratascope.state.settings import Settings, default_path
from stratascope.usecases.background.service import BackgroundService, Does, Wanted
from stratascope.usecases.live.alerts import Alert, Key
from stratascope.usecases.live.live_view import DeferredLiveView, LiveView
from stratascope.wiring.desktop_files import how_started
from stratascope.wiring.engines import assembler, find_engines, translations
from stratascope.wiring.reach import reading
from stratascope.wiring.views import recorder

logger = fault_logger(__name__)
GATHER = 1.0  # seconds between snapshots: nobody looks at each


class Around:
    """A `usecases.background.service.Surroundings`."""

    def __init__(self, mark: ServiceMark) -> None:
        self._mark, self._since = mark, time.time()
        self.end: Callable[[], None] = _nothing  # what ends the service
        self._desk = Desk(self._open)
        self._trouble = ""
        self._judges, self._journal = Judges(), FileJournal()
        self._settings, self._read_at = Settings(), _changed_at()

    def wanted(self) -> Wanted:
        """What the settings say now; the window may have changed them."""
        changed = _changed_at()
        if changed != self._read_at:
            self._settings, self._read_at = Settings(), changed
        kept = self._settings
        return Wanted(
            preferences.NOTIFY_BACKGROUND.of(kept),
            preferences.NOTIFY_ABOVE.of(kept),
            preferences.NOTIFY_FAILURE.of(kept),
            preferences.NOTIFY_GAINS.of(kept),
            preferences.NOTIFY_REACH.of(kept),
        )

    def hardened(self) -> Sequence[Transaction]:
        """Those whose originals are kept."""
        found = self._journal.all()
        return [each for each in found if isinstance(each, Transaction) and each.stage is Stage.DONE]

    def twins(self) -> Sequence[TwinRecord]:
        """See the protocol."""
        return self._journal.twins()

    def tell(self, alert: Alert, still: Callable[[], bool]) -> None:
        """See the protocol."""
        self._desk.tell(Notice(alert.key, translate(alert.title), translate(alert.text)), still)

    def show(self, snapshot: Snapshot) -> None:
        """See the protocol."""
        lines = tray_lines(snapshot, self._judges)
        first = lines.worst[0][0] if lines.worst else None
        worst = tuple(Entry(text, _opens(self._open, key)) for key, text in lines.worst)
        entries = (
            Entry(lines.line, _opens(self._open, first)),
            Entry(""),
            *worst,
            *((Entry(""),) if worst else ()),
            Entry(translate(msg("Open Stratascope")), _opens(self._open, None)),
            Entry(translate(msg("Stop recording until the next login")), lambda _: self.end()),
        )
        self._desk.show(Tray("Stratascope", lines.line, lines.alarm, entries, _opens(self._open, first)))

    def say(self, does: Does) -> bool:
        """See the protocol. Trouble is said on standard error too, once, where systemd keeps it."""
        trouble = "" if does.trouble is None else plain(translate(does.trouble), 500)
        if trouble and trouble != self._trouble:
            logger.warning("%s", trouble)
        self._trouble = trouble
        shown = self._desk.tray_shown
        self._mark.say(Running(os.getpid(), self._since, does.recording, does.waiting, does.notices, shown, trouble))
        return not self._mark.asked_to_end()

    def close(self) -> None:
        """See the protocol."""
        self._desk.stop()

    def _open(self, key: Key | None, token: str) -> None:
        """Open the window, on that container; one that is open comes to the front."""
        command = (*(how_started().command or ("stratascope",)), *(() if key is None else ("--show", key[1])))
        variables = {"XDG_ACTIVATION_TOKEN": token} if token else {}
        self._desk.start(command, variables, lambda: _start(command, variables))


def _opens(show: Callable[[Key | None, str], None], key: Key | None) -> Callable[[str], None]:
    return lambda token: show(key, token)


def _start(command: Sequence[str], variables: dict[str, str]) -> None:
    """Start it as a child that outlives us, where there is no systemd."""
    nowhere = subprocess.DEVNULL
    with suppress(OSError):
        subprocess.Popen(
            command, env={**os.environ, **variables}, stdin=nowhere, stdout=nowhere, start_new_session=True
        )


def _nothing() -> None:
    return None


def _changed_at() -> tuple[int, int]:
    try:
        found = default_path().stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _agents_wanted(kept: Settings) -> bool:
    """Whether sandboxes are looked for: only for notices of agents, from the next start on."""
    notices = preferences.NOTIFY_BACKGROUND.of(kept) and preferences.NOTIFY_REACH.of(kept)
    return notices and sandboxes_wanted(os.environ, preferences.SANDBOXES.of(kept))


def background_service(mark: ServiceMark) -> BackgroundService:
    """The service, which holds the mark."""

    def make() -> tuple[LiveView, Callable[[], None]]:
        engines = find_engines(sandboxes=_agents_wanted(Settings()))
        shared = translations()
        view = LiveView(engines.ports, engines.reader(shared), assembler(shared), gather=GATHER, groups=UseCounters)
        return view, engines.close

    around = Around(mark)
    view = DeferredLiveView(make)
    service = BackgroundService(view, recorder(), FileHistory(), around, reading(view.once))
    around.end = service.end
    return service
