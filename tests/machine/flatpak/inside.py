"""What is run in the sandbox by its own Python: how the window looks there, and how fast the host is read.

`python3 -c TEXT window PICTURE COUNT` shows the window until it has so many containers, saves a picture of it, and
prints as JSON what it says; `speed COUNT` prints seconds; `chores` reads the host for each line on its standard input,
`engines` asks the engines for each. Everything else comes from the installed program.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from stratascope import sandbox
from stratascope.core.ports import ProbeError, Wish
from stratascope.i18n.translate import translate
from stratascope.probe.piped import HostProber
from stratascope.wiring.engines import LateEngines, describe, find_engines
from stratascope.wiring.views import live_view


def window(picture: str, containers: int) -> dict[str, Any]:
    """The real window with the real watch."""
    from PySide6.QtCore import QTimer

    from stratascope.ui.app.app import make_application, make_window
    from stratascope.ui.app.start import hardening_of
    from stratascope.ui.window.main_window import Services

    app = make_application(["stratascope"])
    late = LateEngines()
    made = make_window(live_view(late), Services(hardening=hardening_of(late)))
    made.resize(1440, 900)
    made.show()
    made.start()
    until = time.monotonic() + 30

    said: dict[str, Any] = {}

    def note() -> None:
        made.grab().save(picture)
        notice = made.notices.trouble
        said.update(
            visible=notice.isVisible(),
            text=notice.text.text(),
            command=notice.command.text() if notice.command.isVisible() else "",
            root=made.toolbar.root.isVisible(),
            root_told=made.toolbar.root.accessibleDescription(),
            verdicts={
                state.container.name: {layer.id: layer.assessment.verdict.value for layer in state.layers}
                for state in (made.selection.snapshot.containers if made.selection.snapshot is not None else ())
            },
        )
        app.quit()

    def theme() -> None:
        snapshot = made.selection.snapshot
        there = snapshot is not None and not snapshot.demo and len(snapshot.containers) >= containers
        if there or time.monotonic() > until:
            QTimer.singleShot(4000, note)  # the column asks the engine
            return
        QTimer.singleShot(100, theme)

    theme()
    app.exec()
    made.stop()
    made.close()
    return said


def speed(count: int) -> dict[str, float]:
    """Seconds of one question to the collector on the host, and of one call of a command there."""
    prober = HostProber()
    wishes = (Wish(1, ("status",), members=False),)
    begun = time.monotonic()
    prober.capture(wishes)
    first = time.monotonic() - begun
    begun = time.monotonic()
    for _ in range(count):
        prober.capture(wishes)
    each = (time.monotonic() - begun) / count
    prober.close()
    begun = time.monotonic()
    for _ in range(10):
        subprocess.run((*sandbox.HOST, "true"), check=True, cwd="/")
    return {"first": first, "each": each, "call": (time.monotonic() - begun) / 10}


def chores() -> None:
    """A reading for each line on standard input, by one and the same prober."""
    prober = HostProber()
    for _ in sys.stdin:
        try:
            prober.host()
            said = ""
        except ProbeError as error:
            said = translate(error.message)
        print(json.dumps(said), flush=True)  # noqa: T201
    prober.close()


def engines() -> None:
    """What the engines of this sandbox say, for each line on standard input."""
    found = find_engines()
    for _ in sys.stdin:
        said = {
            engine.id: (engine.state.value, "" if engine.message is None else translate(engine.message))
            for engine in describe(found)
        }
        print(json.dumps(said), flush=True)  # noqa: T201
    found.close()


def main(words: list[str]) -> None:
    """The one that is named."""
    if words[0] == "window":
        print(json.dumps(window(words[1], int(words[2]))))  # noqa: T201
    elif words[0] == "speed":
        print(json.dumps(speed(int(words[1]))))  # noqa: T201
    elif words[0] == "engines":
        engines()
    else:
        chores()


if __name__ == "__main__":
    main(sys.argv[1:])
