"""What a window has behind it where all of its pages are to be seen: hardening, use, history, checks and reach."""

from __future__ import annotations

from rig.window import reach
from rig.window.history.remembered import days
from rig.window.staged_hardening import StagedHardening
from stratascope.core.snapshot import Snapshot
from stratascope.ui.app.start import report_as
from stratascope.ui.window.main_window import Services
from window.judge import Judge
from window.use.watched import Rig


def all_services(staged: StagedHardening, snapshot: Snapshot) -> Services:
    """Of these containers; nothing is known of the use and history of `backup`."""
    known = Rig.knowing(snapshot.containers, but="backup").learning
    past = days(snapshot.containers, but="backup").make()
    gets, tries = (reach.Reading({"ci-runner": found}) for found in (reach.FOUND, reach.TRIED))
    return Services(
        report=report_as, hardening=staged, learning=known, history=past, before=Judge(), reach=gets, tries=tries
    )
