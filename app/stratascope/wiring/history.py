"""The history of this user's containers: where it is kept, and who writes and reads it."""

from __future__ import annotations

from stratascope.probe.control_groups import UseCounters
from stratascope.state.history import FileHistory
from stratascope.state.journal import FileJournal
from stratascope.usecases.history.history import History
from stratascope.usecases.history.recorder import Recorder


def history() -> History:
    """To be read."""
    return History(FileHistory(), FileJournal().all)


def recorder() -> Recorder:
    """To be written, by the window while it is open."""
    return Recorder(FileHistory(), UseCounters())
