"""What the text report says beside the golden one: processes that differ from the first, and what to type."""

from __future__ import annotations

import pytest

from rig.presentation import page_sample
from stratascope.core.container import Status
from stratascope.core.snapshot import ProcessState
from stratascope.layers import all_layers
from stratascope.presentation import text_report
from stratascope.value import replace


def test_processes_that_differ_are_told_by_layer() -> None:
    whole = page_sample.golden()
    state = next(state for state in whole.containers if state.matrix is not None)
    strange = ProcessState(77, 5, "sh", ("capabilities.effective", "capabilities.bounding", "mac.label"))
    state = replace(state, processes=(strange, ProcessState(78, None, "sleep", ())))
    page = text_report.render(replace(whole, containers=(state,)), all_layers(), text_report.Style())
    assert "  PID 77 (5) sh differs from the first process: Capabilities, Access control\n" in page
    assert "PID 78" not in page


def test_what_was_never_started_has_not_ended() -> None:
    """And a layer of which nothing is known is told by its name for people."""
    whole = page_sample.golden()
    created = next(state for state in whole.containers if state.container.status is Status.CREATED)
    page = text_report.render(replace(whole, containers=(created,)), all_layers(), text_report.Style(details=True))
    assert "created, never started" in page
    assert "    User namespace is not known: it is not running.\n" in page
    assert "ended" not in page
    assert "usermap" not in page


@pytest.mark.parametrize(
    ("name", "shown"), [("web-1", True), ("x; reboot", False), ("$(id)", False), ("--help", False)]
)
def test_a_name_in_a_command_is_one(name: str, shown: bool) -> None:
    whole = page_sample.golden()
    state = next(state for state in whole.containers if any(f.severity == "low" for f in state.findings))
    state = replace(state, container=replace(state.container, name=name))
    page = text_report.render(replace(whole, containers=(state,), demo=False), all_layers(), text_report.Style())
    assert ("stratascope report" in page) is shown
    assert "less serious finding" in page
