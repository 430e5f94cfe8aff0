"""What the text report says beside the golden one: processes that differ from the first."""

from __future__ import annotations

from presentation import page_sample
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
