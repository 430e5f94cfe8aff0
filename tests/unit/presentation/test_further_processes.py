"""The weakest process, in every report: on captures of real containers."""

from __future__ import annotations

import json

import pytest

from rig.places import CAPTURES
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.presentation import json_report, text_report
from stratascope.presentation.html import page
from stratascope.state import capture_file
from stratascope.usecases.live.assembler import Assembler
from stratascope.wiring.engines import translations

SAVED = CAPTURES / "processes" / "docker.json"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Assembler(all_layers(), translations()).snapshot(capture_file.load(SAVED))


def test_json(snapshot: Snapshot) -> None:
    found = {each["name"]: each for each in json.loads(json_report.render(snapshot))["containers"]}
    hardened, threads = found["hardened"], found["threads"]
    (session,) = [each for each in hardened["processes"] if "exposure" in each]
    assert (session["kind"], session["verified"], "thread_of" in session) == ("exec", False, False)
    assert session["exposure"] == hardened["exposure"] > hardened["exposure_of_first"]
    (thread,) = threads["processes"]
    assert (thread["thread_of"], "kind" in thread) == (threads["pid"], False)
    source = threads["threats"]["bypass-file-permissions"]["reasons"]["capabilities"]["source"]
    assert source == f"/proc/{threads['pid']}/task/{thread['pid']}/status:CapEff"
    assert threads["threats"]["mount-file-system"]["reasons"]["capabilities"]["source"].startswith("/proc/")
    assert found["ended"]["exposure"] == found["ended"]["exposure_of_first"]


def test_text(snapshot: Snapshot) -> None:
    text = " ".join(text_report.render(snapshot, all_layers(), text_report.Style()).split())
    assert "An exec session (sleep, PID " in text
    assert "until it ends." in text
    assert "its first process alone has less." in text
    assert "threaded differs from the first process: Capabilities" in text


def test_page(snapshot: Snapshot) -> None:
    assert "An exec session (sleep, PID " in page.render(snapshot, all_layers())
