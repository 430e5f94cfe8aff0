"""A seventh layer is one new package in `layers/`: report, JSON and window draw it without an edit."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from rig.usecases.live.replay import Replay
from stratascope import layers
from stratascope.presentation import json_report, text_report
from stratascope.ui.app.app import make_window
from stratascope.wiring.engines import assembler, demo_capture

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

SOURCE = '''"""A made-up layer."""
from stratascope.value import Value
from stratascope.core.layer import About, Assessment, Layer, Row, Tab, Table, Verdict
from stratascope.core.message import msg

class Facts(Value):
    rules: int

class Asked(Value):
    rules: int

def assess(facts, asked, around):
    row = Row(msg("Rules"), msg("{count}", count=facts.rules), "/proc/PID/status")
    tab = Tab(msg("Rules"), (Table(msg("Rules"), (row,)),))
    return Assessment(Verdict.ENFORCED, msg("Three rules"), (), lambda: (tab,))

LAYER = Layer(
    id="landlock",
    number=7,
    about=About(msg("Landlock"), msg("fences a program in"), msg("A fence."), (msg("It is made up."),)),
    wants=("status",),
    member_wants=(),
    asked=lambda container: Asked(3),
    decode=lambda capture, container, around: Facts(3),
    assess=assess,
    drift=lambda first, other: (),
    posture=lambda facts, asked, around: None,
    predict=lambda facts, before, after, around: facts,
    stance=lambda need, posture: None,
)
'''


def _busy() -> list[str]:
    """Threads of windows that are asking, and not waiting for a question."""
    frames = sys._current_frames()
    asking = [each for each in threading.enumerate() if each.name.startswith("query ")]
    return [each.name for each in asking if each.ident in frames and frames[each.ident].f_code.co_name != "_work"]


def _quiet() -> None:
    """Wait until no window asks any more, an earlier test's too: it would meet a layer it never assessed."""
    until = time.monotonic() + 60
    while _busy():
        assert time.monotonic() < until, _busy()
        time.sleep(0.05)


@pytest.fixture
def seventh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    _quiet()
    package = tmp_path / "landlock"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "layer.py").write_text(SOURCE)
    monkeypatch.setattr(layers, "__path__", [*layers.__path__, str(tmp_path)])
    layers.all_layers.cache_clear()
    yield
    _quiet()
    layers.all_layers.cache_clear()
    for name in ("stratascope.layers.landlock", "stratascope.layers.landlock.layer"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("seventh")
def test_reports_and_window_draw_it(qtbot: QtBot) -> None:
    replay = Replay(demo_capture(), assembler())
    snapshot = assembler().snapshot(demo_capture())
    running = next(state for state in snapshot.containers if state.capture is not None)
    printed = next(each for each in json_report.document(snapshot)["containers"] if each["id"] == running.container.id)
    assert printed["layers"]["landlock"]["facts"] == {"rules": 3}
    assert printed["layers"]["landlock"]["asked"] == {"rules": 3}
    assert "7 ■ Landlock" in text_report.render(snapshot, layers.all_layers(), text_report.Style())
    window = make_window(replay)
    qtbot.addWidget(window)
    window.resize(1440, 900)
    window.show()
    window.start()
    qtbot.waitUntil(lambda: window.selection.current is not None)
    window.selection.open_layer(7)
    assert window.strata_page.strata.bands[7].isChecked()
    assert window.strata_page.strata.bands[7].y() < window.strata_page.strata.bands[6].y(), "on top of the sixth"
    assert window.strata_page.panel.title.text() == "Landlock"
    assert window.strata_page.panel.tabs[0].text() == "Rules"
    window.stop()
