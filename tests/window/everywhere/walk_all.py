"""Walks the whole window and says what is wrong with it: a program of its own, since a scale is a process's.

`python -m window.everywhere.walk_all WIDTH HEIGHT [few] [PICTURES]` prints one fault a line, and a last line with what
it saw. QT_SCALE_FACTOR is Qt's, STRATASCOPE_LANGUAGE ours.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from stratascope.i18n.language import start
from stratascope.ui.app import app as ui
from window.access import scenes
from window.everywhere import stops
from window.everywhere.faults import Inspector, unreachable


def main(words: list[str]) -> None:
    """Walk, and print."""
    width, height = int(words[0]), int(words[1])
    pictures = Path(words[-1]) if len(words) > 2 and words[-1] != "few" else None
    assert start(dict(os.environ), None) is None
    application = ui.make_application(["everywhere"])
    ui.speak(application)
    inspector = Inspector()
    walked = stops.few(width, height) if "few" in words else stops.everything(width, height)
    for stop, part in walked:
        inspector.look(stop, part)
        if pictures is not None:
            name = re.sub(r"[^A-Za-z0-9]+", "-", stop)[:60]
            part.grab().save(str(pictures / f"{inspector.stops:03d}-{name}.png"))
    with scenes.opened(width, height) as window:
        for view in window.pages.switch.views:
            window.pages.show_view(view)
            scenes.settle()
            for fault in unreachable(window):
                inspector.found.setdefault(fault, f"view {view.value}")
    sys.stdout.write(f"{inspector.report()}\n{inspector.stops} stops, {inspector.texts} texts\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
