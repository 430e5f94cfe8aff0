"""Running containers of a real engine, as in its report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rig.engine import Rig
from stratascope.presentation import json_report
from stratascope.usecases.check.check import Checked
from stratascope.wiring.check import checker
from stratascope.wiring.engines import Engines, assembler, open_engines, take_capture, translations


def really(engines: Engines) -> dict[str, Any]:
    """Running containers of the report, by name."""
    shared = translations()
    capture = take_capture(engines, shared, privileged=True)
    found = json_report.document(assembler(shared).snapshot(capture))["containers"]
    return {each["name"]: each for each in found if each["exposure"] is not None}


def said(checked: Checked) -> dict[str, Any]:
    """Predicted containers, by the service's name."""
    assert checked.snapshot is not None, checked.problems
    return {each["name"]: each for each in json_report.document(checked.snapshot)["containers"]}


def both(rig: Rig, file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The prediction for a file, and what runs."""
    with open_engines(environ=rig.environ) as engines:
        return said(checker(engines).text(file.read_text(), str(file), time.time())), really(engines)
