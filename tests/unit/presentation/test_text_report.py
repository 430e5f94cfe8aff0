"""What the text report says beside the golden one: processes that differ from the first, and what to type."""

from __future__ import annotations

import pytest

from rig.presentation import page_sample
from stratascope.core.container import Status
from stratascope.core.snapshot import ProcessState
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.presentation import text_report
from stratascope.presentation.terminal import width_of
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


def test_a_container_that_was_asked_for_fits_on_a_screen() -> None:
    """Its number comes first but for its name; with --all, the engines and everything else come, too."""
    whole = replace(page_sample.golden(), demo=False)
    worst = max(whole.containers, key=lambda state: state.matrix is not None and state.matrix.exposure.worst)
    only = replace(whole, containers=(worst,))
    narrow = text_report.Style(width=80)
    first, second, *rest = text_report.render(only, all_layers(), narrow, named=True).splitlines()
    assert first.startswith(worst.container.name)
    assert second.startswith("  Exposure ")
    assert len(rest) <= 38
    assert all(width_of(line) <= 80 for line in (first, second, *rest))
    assert f"stratascope plan {worst.container.name}" in "\n".join(rest)
    everything = text_report.render(only, all_layers(), replace(narrow, details=True), named=True)
    assert len(everything.splitlines()) > 100
    assert all(translate(finding.text)[:30] in everything for finding in worst.findings)
