"""A program that shows every view of the window on the demo, and prints their names, to find parts missing in bundles.

Run where Stratascope is installed, by that Python.
"""

EVERY_VIEW = """
import sys
from PySide6.QtCore import QTimer
from stratascope.wiring.views import live_view
from stratascope.ui.app import app
from stratascope.ui.kit.page import View
made = app.make_application(["x"])
window = app.make_window(live_view())
window.show()
window.start()
def look(left=400):
    if not window.containers.model.shown() and left:
        return QTimer.singleShot(25, lambda: look(left - 1))
    for view in View:
        window.pages.show_view(view)
        made.processEvents()
        assert not window.grab().isNull()
    print([view.value for view in View if view in window.pages.switch.views], flush=True)
    window.stop()
    made.quit()
sys.excepthook = lambda *error: (sys.__excepthook__(*error), made.exit(3))
QTimer.singleShot(0, look)
sys.exit(made.exec())
"""
