"""The threats in the text report: exposure, the worst open ones, and the table in the details."""

from __future__ import annotations

import re

import wcwidth

from rig.presentation import page_sample
from rig.window import fake_matrix
from stratascope.core.snapshot import Snapshot
from stratascope.layers import all_layers
from stratascope.presentation import text_report

STYLE, DETAILS = text_report.Style(), text_report.Style(details=True)


def printed(kind: str, style: text_report.Style, name: str = "web") -> str:
    whole = page_sample.golden()
    first = next(state for state in whole.containers if state.matrix is not None)
    state = page_sample.named(first, name, 4211, fake_matrix.matrix(kind))
    state = page_sample.with_calls(state, page_sample.call_map(frozenset({"mount"})))
    snapshot = Snapshot(whole.taken_at, whole.ground, whole.engines, (state,))
    return text_report.render(snapshot, all_layers(), style)


def test_exposure_and_counts() -> None:
    lines = printed("open", STYLE).splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("web "))
    assert lines[at + 1] == "  Exposure 10.0, Critical"
    assert lines[at + 2].startswith("  Of 61 things it could try: ")
    assert "  Exposure 10.0, Critical (at best " in printed("unknown", STYLE)


def test_the_worst_open_ones_are_told_and_the_rest_counted() -> None:
    shown = printed("open", STYLE)
    told = re.findall(r"^  (?:Critical|High) +([^:]+):", shown, re.MULTILINE)
    assert told[:2] == ["Use the engine's socket", "Be root on the host"]
    assert re.search(r"and \d+ more serious ones", shown)
    whole = printed("open", DETAILS)
    assert "more serious one" not in whole
    assert "→ Leave out what lets it through" in whole


def test_the_table_of_the_details() -> None:
    shown = printed("weak", DETAILS)
    row = re.compile(r"^    (.{40,46}?)  (?:Critical|High|Medium|Low) +((?:[■○?·] ){7})", re.MULTILINE)
    rows = {match[1].strip(): match[2].split() for match in row.finditer(shown)}
    assert len(rows) == len(fake_matrix.THREATS)
    assert rows["Use the engine's socket"] == ["○", "·", "·", "·", "·", "·", "·"]
    assert rows["Create a block device"] == ["·", "■", "■", "■", "■", "■", "·"]
    assert rows["Load BPF programs"][-1] == "■"  # the host's settings
    assert "What a process in it could try" not in printed("weak", STYLE)
    assert re.search(r"Make itself root of a new user namespace .* Not known +0 to 1$", shown, re.MULTILINE)


def test_the_attack_surface_is_told_beside_it() -> None:
    shown = " ".join(printed("weak", DETAILS).split())
    assert "Attack surface: 326 of 383 system calls pass, 3 more for some arguments; one more" not in shown
    assert "Attack surface: 326 of 383 system calls pass, 3 more for some arguments; 1 more than under" in shown
    assert "Every container on this machine uses this one kernel" in shown
    assert "More than by default: mount" in shown
    assert "clone: denied with CLONE_NEWUSER" in shown


def test_ascii_and_widths() -> None:
    plain = text_report.Style(unicode=False, details=True)
    table = printed("weak", plain).split("What a process in it could try")[1].split("6 User namespace")[0]
    assert table.isascii()
    for style in (STYLE, DETAILS):
        for line in printed("open", style).splitlines():
            assert wcwidth.width(line) <= 100 or "/" in line, line


def test_a_hostile_name_stays_text() -> None:
    shown = printed("open", DETAILS, page_sample.NASTY)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_the_most_exposed_container_is_first() -> None:
    fleet = page_sample.fleet(7)
    shown = text_report.render(fleet, all_layers(), STYLE)
    heads = re.findall(r"^(service-\d+|<script)", shown, re.MULTILINE)
    assert heads[:2] == ["service-4", "service-6"]
