"""The program with a window: start-up, single instance, notifications, Qt's translations.

Modules that need no Qt are imported before it: PySide reads the source of every module that is imported after it, to
see whether it uses PySide, and that takes longer than the import itself. A module that is missing here is only imported
later.
"""

import html  # noqa: F401
import queue  # noqa: F401

import stratascope.core.options.meaning
import stratascope.core.overview.processes
import stratascope.core.snapshot
import stratascope.formats.shared
import stratascope.garbage
import stratascope.presentation.annotations
import stratascope.presentation.comparison
import stratascope.presentation.exposure
import stratascope.presentation.ground
import stratascope.presentation.history_report
import stratascope.presentation.processes
import stratascope.presentation.rays
import stratascope.presentation.relaunch_words
import stratascope.presentation.syscall_map
import stratascope.presentation.takeover
import stratascope.presentation.threat_outcomes
import stratascope.presentation.what_if
import stratascope.state.accepted
import stratascope.state.capture_file
import stratascope.state.journal
import stratascope.state.needs
import stratascope.usecases.daily.daily
import stratascope.usecases.hardening
import stratascope.usecases.history.history
import stratascope.usecases.history.recorder
import stratascope.usecases.listing.alike
import stratascope.usecases.listing.suggestions
import stratascope.usecases.live.alerts
import stratascope.usecases.live.predictions
import stratascope.usecases.live.recorded
import stratascope.usecases.observe.service
import stratascope.usecases.refusals.service
import stratascope.usecases.tighten.tighten
import stratascope.wiring.views  # noqa: F401
from stratascope.layers import all_layers

all_layers()
