"""What a screen reader reads of every page, over the real accessibility bus: each control has a name, a role and its
state; rows say what the eye sees; Tab goes from one to the next and ends nowhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from window.access.on_bus import told_by

CONTROLS = {
    "push button", "button", "check box", "radio button", "toggle button", "combo box", "text", "entry", "list item",
    "page tab", "menu item", "check menu item", "radio menu item", "button menu", "push button menu", "slider", "link",
    "tree item", "column header", "spin button",
}  # fmt: skip
Nodes = list[dict[str, Any]]


def read(folder: Path, *words: str) -> tuple[dict[str, Nodes], Nodes]:
    """Return the tree of each stop, and what had the keyboard after each Tab."""
    told = told_by("window.access.tree", folder, *words, STRATASCOPE_LANGUAGE="en")
    return told["found"], told["tabs"]


def faults(stop: str, nodes: Nodes) -> list[str]:
    """Return what is wrong with a stop's tree."""
    wrong = []
    for node in nodes:
        name, role, states = node["name"].strip(), node["role"], set(node["states"])
        who = f"{stop}: {role} {name[:60]!r}"
        if not name and (role in CONTROLS or "focusable" in states):
            wrong.append(f"{who}: has no name")
        if role in ("check box", "radio button") and "checkable" not in states:
            wrong.append(f"{who}: does not say whether it is checked")
        if states & {"expanded", "collapsed"} and "expandable" not in states:
            wrong.append(f"{who}: is {states} and not said to unfold")
        if "expandable" in states and len(states & {"expanded", "collapsed"}) != 1:
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
    changes = [node for node in nodes if node["role"] == "check box" and re.search(r", (on|off), ", node["name"])]
    said = [node["name"] for node in changes]
    assert any(re.fullmatch(r"Remove the Docker socket, on, [\w ]+, minus \d\.\d", each) for each in said), said
    for node in changes:
        assert ("checked" in node["states"]) == (", on, " in node["name"]), node
    (chosen,) = [node for node in nodes if node["role"] == "list item" and "selected" in node["states"]
                 and "Exposure" in node["name"]]  # fmt: skip
    assert chosen["name"].startswith("ci-runner")


def test_every_page_is_read(tmp_path: Path) -> None:
    found, tabs = read(tmp_path, "few")
    assert len(found) > 8
    assert min(len(nodes) for nodes in found.values()) > 60
    check(found)
    check_rows(found)
    assert all(node["name"] for node in tabs), tabs


@pytest.mark.slow
def test_everything_is_read_and_tab_leads_through_it(tmp_path: Path) -> None:
    found, tabs = read(tmp_path)
    assert len(found) > 60
    check(found)
    check_rows(found)
    met = [(node["role"], node["name"]) for node in tabs]
    assert all(name for _, name in met), met
    once = list(dict.fromkeys(met))
    assert len(once) > 30
    assert met[: len(once)] == once, "Tab comes back to a control before all were met"
