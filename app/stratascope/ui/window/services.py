"""What the window is given beside the watch, as one value: each thing that it can do, and where that is remembered.

What is not there can't be done: without `hardening` it only shows, without `learning` nothing can be watched, without
`lesson` the twins on which settings are tried are not.
"""

from __future__ import annotations

from stratascope.ui.before.draft import Before
from stratascope.ui.captures.controller import CaptureFiles
from stratascope.ui.copying.copy_text import Report
from stratascope.ui.findings.acceptances import AcceptedList
from stratascope.ui.harden.export_menu import Exports
from stratascope.ui.history.chronicle import MakeHistory
from stratascope.ui.kit.background import MemorySettings, SettingsLike
from stratascope.ui.tighten.controller import TwinsOf
from stratascope.usecases.daily.daily import Daily
from stratascope.usecases.hardening import Hardening
from stratascope.usecases.observe.service import ObservationService
from stratascope.value import Value, field


class Services(Value):
    """`report` and `exports` make texts of what is shown and planned; `before` judges what is not started yet."""

    settings: SettingsLike = field(default_factory=MemorySettings)
    report: Report | None = None
    hardening: Hardening | None = None
    exports: Exports | None = None
    learning: ObservationService | None = None
    lesson: TwinsOf | None = None
    history: MakeHistory | None = None
    daily: Daily | None = None
    captures: CaptureFiles | None = None
    accepted: AcceptedList | None = None
    before: Before | None = None
