"""What a screen reader reads of every page, over the real accessibility bus: each control has a name, a role and its
state; rows say what the eye sees; Tab goes from one to the next and ends nowhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from stratascope.ui.kit.page import View
from window.access.on_bus import told_by

CONTROLS = {
    "push button", "button", "check box", "radio button", "toggle button", "combo box", "text", "entry", "list item",
    "page tab", "menu item", "check menu item", "radio menu item", "button menu", "push button menu", "slider", "link",
    "tree item", "column header", "spin button",
}  # fmt: skip
Nodes = list[dict[str, Any]]


def read(folder: Path, walk: str) -> tuple[dict[str, Nodes], Nodes, list[list[str]]]:
    """Return the tree of each stop, what had the keyboard after each Tab, and the events that were heard."""
    told = told_by("window.access.tree", folder, walk, STRATASCOPE_LANGUAGE="en")
    return told["found"], told["tabs"], told["heard"]


def faults(stop: str, nodes: Nodes) -> list[str]:
    """Return what is wrong with a stop's tree."""
    wrong = []
    above: dict[int, str] = {}
    for node in nodes:
        name, role, states = node["name"].strip(), node["role"], set(node["states"])
        above[node["depth"]] = f"{role} {name[:60]!r}"
        who = f"{stop}: {' in '.join(above[depth] for depth in range(node['depth'], max(-1, node['depth'] - 4), -1))}"
        if not name and (role in CONTROLS or "focusable" in states):
            wrong.append(f"{who}: has no name")
        if role in ("check box", "radio button") and "checkable" not in states:
            wrong.append(f"{who}: does not say whether it is checked")
        if states & {"expanded", "collapsed"} and "expandable" not in states:
            wrong.append(f"{who}: is {states} and not said to unfold")
        if "expandable" in states and len(states & {"expanded", "collapsed"}) != 1 and role != "combo box":  # Qt's own
            wrong.append(f"{who}: does not say whether it is unfolded")
        if "selected" in states and "selectable" not in states:
            wrong.append(f"{who}: is selected and can't be")
        if "enabled" in states and "sensitive" not in states:
            wrong.append(f"{who}: is half disabled")
        if re.search(r"</?\w+/?>|&(amp|lt|gt|quot);", name):
            wrong.append(f"{who}: markup is read out")
    return wrong


def check(found: dict[str, Nodes]) -> None:
    wrong = [each for stop, nodes in found.items() for each in faults(stop, nodes)]
    assert not wrong, "\n".join(sorted(set(wrong)))


def names(nodes: Nodes, role: str) -> list[str]:
    return [node["name"].replace("\n", ", ") for node in nodes if node["role"] == role]


def check_rows(found: dict[str, Nodes]) -> None:
    """Containers and changes, as the eye sees them."""
    nodes = found["view strata"]
    rows = [name for name in names(nodes, "list item") if "Exposure" in name]
    assert any(re.match(r"ci-runner, .*docker.*Exposure 10\.0, Critical", name, re.DOTALL) for name in rows), rows[:3]
    for name in rows:
        assert name.count("Layer ") in (0, 6), name
    assert any(re.fullmatch(r"Try it safely, 10\.0 to \d\.\d", node["name"]) for node in nodes)
    changes = [node for node in nodes if node["role"] == "check box" and re.search(r", (on|off), ", node["name"])]
    said = [node["name"] for node in changes]
    assert any(re.fullmatch(r"Remove the Docker socket, on, [\w ]+, minus \d\.\d", each) for each in said), said
    for node in changes:
        assert ("checked" in node["states"]) == (", on, " in node["name"]), node
    (chosen,) = [node for node in nodes if node["role"] == "list item" and "selected" in node["states"]
                 and "Exposure" in node["name"]]  # fmt: skip
    assert chosen["name"].startswith("ci-runner")


def test_every_page_is_read(tmp_path: Path) -> None:
    found, tabs, heard = read(tmp_path, "views")
    assert {f"view {view}" for view in View if view is not View.PLAN} <= set(found)
    assert min(len(nodes) for nodes in found.values()) > 60
    check(found)
    check_rows(found)
    assert all(node["name"] for node in tabs), tabs
    focused = {path for path, member, what in heard if (member, what) == ("StateChanged", "focused")}
    assert len(focused) >= 3, heard  # the rays, one after the other
    assert [member for _, member, _ in heard].count("Announcement") == 1


@pytest.mark.slow
def test_everything_is_read_and_tab_leads_through_it(tmp_path: Path) -> None:
    found, tabs, _ = read(tmp_path, "everything")
    parts = {stop.partition(":")[0].partition(",")[0] for stop in found}
    assert {
        "ci-runner",
        "menu",
        "value of Run as non-root",
        "column while a copy is tried",
        "after a relaunch",
        "set aside",
    } <= parts
    assert len(found) > 90
    check(found)
    check_rows(found)
    met = [(node["role"], node["name"]) for node in tabs]
    assert all(name for _, name in met), met
    once = list(dict.fromkeys(met))
    assert len(once) > 30
    assert met[: len(once)] == once, "Tab comes back to a control before all were met"
