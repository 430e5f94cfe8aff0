"""The memory that the window keeps for removed containers: a process in which a thousand different ones come and go.

python tests/bench/long_run.py      one line of JSON: resident bytes at the start and at the end, both with the demo's
                                    containers in view, and how many came and went between them

They are the demo's with new ids, processes, namespaces, capabilities and limits each time, so that no two are alike.
They pass through everything that the live view's containers do, and one of each batch is selected.
"""

from __future__ import annotations

import gc
import json
import os
import re
import sys
import time

if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import msgspec
from PySide6.QtWidgets import QApplication

from bench.depth import resident
from rig.window.sample import StillWatch
from stratascope.core.snapshot import CapturedContainer, MachineCapture
from stratascope.ui.app.app import make_application, make_window
from stratascope.usecases.live.reader import Translations
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture, translations

MANY = 1000
SETTLE = 0.3  # seconds in which the window paints

_ID = re.compile(r"\b[0-9a-f]{64}\b")
_CAPABILITIES = re.compile(r"(Cap(?:Prm|Eff|Bnd):\\t)([0-9a-f]{16})")
_INODE = re.compile(r":\[(40265[0-9]{5})\]")
_LIMIT = re.compile(
    r'("name": "cgroup:[^"]*:(?:memory\.max|memory\.limit_in_bytes|pids\.max)", [^}]*"text": ")([0-9]+)'
)


def another(item: CapturedContainer, number: int) -> CapturedContainer:
    """A new container, made from an existing one."""
    text = json.dumps(msgspec.to_builtins(item))
    changed: dict[str, str] = {}
    for place, old in enumerate(sorted(set(_ID.findall(text)))):
        changed[old] = f"{number:032x}{place:032x}"
    text = _ID.sub(lambda found: changed[found[0]], text)
    if item.found is not None:
        old, new = item.found.first.pid, 1_000_000 + number
        text = text.replace(f"/proc/{old}/", f"/proc/{new}/").replace(f'"pid": {old}', f'"pid": {new}')
        text = text.replace(rf"\"Pid\":{old}", rf"\"Pid\":{new}")
    text = _INODE.sub(lambda found: f":[{int(found[1]) + 50 * number}]", text)
    text = _CAPABILITIES.sub(lambda found: f"{found[1]}{int(found[2], 16) & ~(number * 37):016x}", text)
    text = _LIMIT.sub(lambda found: f"{found[1]}{int(found[2]) + 4096 * number}", text)
    return msgspec.convert(json.loads(text), CapturedContainer)


def settle() -> None:
    """Process events until the window is painted."""
    until = time.monotonic() + SETTLE
    while time.monotonic() < until:
        QApplication.processEvents()


def measure(many: int = MANY) -> dict[str, int]:
    """Measure in a window of this process."""
    make_application(["bench"])
    shared: Translations = translations()
    made = assembler(shared)
    demo = demo_capture()
    watch = StillWatch()
    window = make_window(watch)
    window.resize(1440, 900)
    window.show()
    window.start()

    def show(capture: MachineCapture) -> None:
        shared.forget_all_but({(item.raw.engine, item.raw.id) for item in capture.containers})
        snapshot = made.snapshot(capture)
        watch.publish(snapshot)
        settle()
        window.selection.choose(snapshot.containers[0].key)
        settle()

    show(demo)
    show(demo)
    gc.collect()
    before = resident()
    number = 0
    while number < many:
        batch = []
        for item in demo.containers:
            number += 1
            batch.append(another(item, number))
        show(replace(demo, containers=tuple(batch)))
    show(demo)
    gc.collect()
    after = resident()
    window.stop()
    window.close()
    return {"before": before, "after": after, "containers": number}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure()) + "\n")
