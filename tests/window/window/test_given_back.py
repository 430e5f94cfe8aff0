"""A closed window is given back wholly: nothing in it is held by what lives on."""

from __future__ import annotations

import gc
import weakref

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from rig.window import sample
from rig.window.hardening import picture
from rig.window.staged_hardening import StagedHardening
from stratascope.ui.app.app import make_window
from window.all_services import all_services
from window.denied import denied_stops


def test_a_window_whose_pages_were_all_seen(qapp: QApplication) -> None:
    before = {id(each) for each in qapp.topLevelWidgets()}
    snapshot = picture()
    staged = StagedHardening(snapshot.engines, snapshot.ground)
    window = make_window(sample.StillWatch(), all_services(staged, snapshot))
    denied_stops.tell_no_ends(window)
    window.show()
    window.selection.show_snapshot(snapshot)
    for view in window.pages.switch.views:
        window.pages.show_view(view)
        qapp.processEvents()
    there = weakref.ref(window)
    window.close()
    window.deleteLater()
    del window
    for _ in range(3):
        qapp.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
    assert there() is None
    left = [each for each in qapp.topLevelWidgets() if id(each) not in before]
    assert left == [], "without a parent"
