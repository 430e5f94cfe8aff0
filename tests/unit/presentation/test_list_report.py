"""One line a container, and who shares what as JSON."""

from __future__ import annotations

import json

import pytest

from rig.window import fake_matrix
from stratascope.cli.arguments import parser
from stratascope.core.severity import Severity
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation import list_report
from stratascope.presentation.takeover import runs
from stratascope.presentation.terminal import Style, width_of
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot


def test_a_line_each_the_worst_first() -> None:
    snapshot = demo_snapshot()
    head, *lines, counted = list_report.render(snapshot, Style()).splitlines()
    assert len(lines) == len(snapshot.containers)
    stopped = sum(not runs(each) for each in snapshot.containers)
    assert counted == f"{len(lines) - stopped} running, {stopped} stopped"
    running = replace(snapshot, containers=tuple(filter(runs, snapshot.containers)))
    assert "stopped" not in list_report.render(running, Style())
    assert [line.split()[0] for line in lines[:3]] == ["10.0", "10.0", "9.2"]
    assert "Group" not in head  # none is in one
    web = next(line for line in lines if " web " in line)
    assert web.split()[1] == "◪■■■○○"
    assert web.endswith("Be root after an escape")
    assert lines[-1].split()[0] == "-"
    assert all(width_of(line) <= 100 for line in lines)


def test_groups_and_long_names() -> None:
    snapshot = demo_snapshot()
    first, *rest = snapshot.containers
    label = ("com.docker.compose.project", "店" * 40)
    grouped = replace(first, container=replace(first.container, name="a" * 200, labels=(label,)))
    head, *lines = list_report.render(replace(snapshot, containers=(grouped, *rest)), Style()).splitlines()
    assert "Group" in head
    assert all(width_of(line) <= 100 for line in lines)
    assert "店" in "".join(lines)
    assert (
        json.loads(list_report.document(replace(snapshot, containers=(grouped,))))["containers"][0]["group"]
        == "店" * 40
    )


def test_none() -> None:
    assert list_report.render(replace(demo_snapshot(), containers=()), Style()) == "No containers.\n"


def test_json() -> None:
    found = json.loads(list_report.document(demo_snapshot()))
    web = next(each for each in found["containers"] if each["name"] == "web")
    assert web["exposure"] == 5.4
    assert web["layers"]["capabilities"] == "ENFORCED"
    assert web["why"] == "Be root after an escape"
    keys = {(each["engine"], each["id"]) for each in found["containers"]}
    assert found["shared"]
    for each in found["shared"]:
        assert {(who["engine"], who["id"]) for who in each["containers"]} <= keys


def test_what_is_not_known_is_not_called_closed() -> None:
    state = next(each for each in demo_snapshot().containers if each.matrix is not None)
    assert state.matrix is not None
    closed = tuple(each for each in state.matrix.threats if each.outcome is Outcome.STOPPED)
    medium = next(each for each in fake_matrix.matrix("open").threats if each.threat.severity is Severity.MEDIUM)
    unknown = tuple(each for each in fake_matrix.matrix("unknown").threats if each.outcome is not Outcome.OPEN)
    told = [
        translate(list_report.why(replace(state, matrix=replace(state.matrix, threats=threats))))
        for threats in (closed, unknown, (*unknown, medium))
    ]
    count = f"{sum(each.outcome is Outcome.UNKNOWN for each in unknown)} of "
    assert told[0] == "Nothing is open"
    assert all(each.startswith(count) and each.endswith("are not known.") for each in told[1:]), told


def test_a_narrow_terminal_cuts_no_number() -> None:
    """Columns are left out, the last name column gives way, and no line is wider than the terminal."""
    for width in (60, 80, 100, 140):
        head, *lines, _ = list_report.render(demo_snapshot(), Style(width=width)).splitlines()
        assert all(width_of(line) <= width for line in (head, *lines)), width
        assert [line.split()[0] for line in lines[:3]] == ["10.0", "10.0", "9.2"]
        assert all(len(line.split()[1]) == 6 for line in lines), width
        assert ("Image" in head) == (width >= 100)


def test_two_of_one_name_keep_their_engine() -> None:
    """On a narrow terminal, the engine is what tells them apart."""
    snapshot = demo_snapshot()
    first, second, *rest = snapshot.containers
    twin = replace(second, container=replace(second.container, name=first.container.name))
    narrow = Style(width=80)
    assert "Engine" in list_report.render(replace(snapshot, containers=(first, twin, *rest)), narrow)
    assert "Engine" not in list_report.render(snapshot, narrow)


def test_chosen_columns_and_order() -> None:
    snapshot = demo_snapshot()
    head, *lines, _ = list_report.render(snapshot, Style(), sort="name", columns=("name", "exposure")).splitlines()
    assert head.split() == ["Name", "Exposure"]
    names = [line.split()[0] for line in lines]
    assert names == sorted(names)
    found = json.loads(list_report.document(snapshot, sort="name"))["containers"]
    assert [each["name"] for each in found] == sorted(each["name"] for each in found)
    *_, last, _ = list_report.render(snapshot, Style(), sort="group").splitlines()
    assert last.startswith("-")


def test_the_command_line_names_the_same_columns() -> None:
    chosen = parser().parse_args(["list", "--columns", ",".join(list_report.COLUMNS)])
    assert chosen.columns == list_report.COLUMNS
    for each in list_report.SORTS:
        assert parser().parse_args(["list", "--sort", each]).sort == each
    for wrong in ("nothing", "name,,why", "name,nothing"):
        with pytest.raises(SystemExit):
            parser().parse_args(["list", "--columns", wrong])
