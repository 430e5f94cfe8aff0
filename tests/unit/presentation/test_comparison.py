"""Two containers side by side, and two pictures: on the demo's containers, which real engines ran."""

from __future__ import annotations

import json

import pytest

from stratascope.core.layer import Verdict
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.layers import all_layers
from stratascope.presentation import comparison as report
from stratascope.presentation.comparison import Part, compare, compare_all
from stratascope.presentation.terminal import Style
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return demo_snapshot()


def named(snapshot: Snapshot, name: str) -> ContainerState:
    return next(each for each in snapshot.containers if each.container.name == name)


def test_nothing_is_different_from_itself(snapshot: Snapshot) -> None:
    for state in snapshot.containers:
        assert compare(state, state, all_layers()).differences == ()


def test_what_differs_is_what_differs(snapshot: Snapshot) -> None:
    web, runner = named(snapshot, "web"), named(snapshot, "ci-runner")
    found = compare(web, runner, all_layers())
    verdicts = {layer.id: layer.assessment.verdict for layer in web.layers}
    others = {layer.id: layer.assessment.verdict for layer in runner.layers}
    layers = {each.id: each.worse for each in found.of(Part.LAYER)}
    assert set(layers) == {name for name in verdicts if verdicts[name] is not others[name]}
    assert (verdicts["capabilities"], others["capabilities"], layers["capabilities"]) == (
        Verdict.ENFORCED,
        Verdict.OPEN,
        1,
    )
    threats = {each.id: each for each in found.of(Part.THREAT)}
    assert (threats["use-engine-socket"].one, threats["use-engine-socket"].two) == ("Stopped by one layer", "Open")
    assert "mount" in {each.id for each in found.of(Part.CALL) if each.worse == 1}
    settings = {each.what: each for each in found.of(Part.SETTING)}
    assert settings["Image"].one == "nginx:1.27"
    assert "SYS_ADMIN" in settings["CapEff"].two
    assert "SYS_ADMIN" not in settings["CapEff"].one


def test_the_other_way_round_is_the_same_turned(snapshot: Snapshot) -> None:
    web, runner = named(snapshot, "web"), named(snapshot, "ci-runner")
    there = {(each.part, each.id): each for each in compare(web, runner, all_layers()).differences}
    back = {(each.part, each.id): each for each in compare(runner, web, all_layers()).differences}
    assert there.keys() == back.keys()
    assert all((there[key].one, there[key].worse) == (back[key].two, -back[key].worse) for key in there)


def test_what_can_not_be_alike_is_no_difference(snapshot: Snapshot) -> None:
    """Ids, inodes of namespaces and what is used just now."""
    web = named(snapshot, "web")
    for each in compare(web, named(snapshot, "redis-cache"), all_layers()).differences:
        assert web.container.id not in each.one, each
        assert "(40265" not in each.one, each
        assert each.what != "Path", each


def test_one_of_which_nothing_is_known_is_told_so(snapshot: Snapshot) -> None:
    found = compare(named(snapshot, "web"), named(snapshot, "nightly-report"), all_layers())
    assert {each.two.split(":")[0] for each in found.of(Part.LAYER)} == {"Not known"}
    assert not found.of(Part.THREAT)
    assert not [each for each in found.of(Part.SETTING) if not each.id.startswith("container:")]
    text = "\n".join(report.lines(found, "web", "nightly-report", Style()))
    assert "The exposure of nightly-report is not known." in text


def test_in_words(snapshot: Snapshot) -> None:
    found = compare(named(snapshot, "web"), named(snapshot, "ci-runner"), all_layers())
    text = " ".join("\n".join(report.lines(found, "web", "ci-runner", Style())).split())
    assert "ci-runner is more exposed: 10.0, against 5.4 for web." in text
    assert "web: Stopped by one layer; ci-runner: Open" in text
    assert "More calls pass in ci-runner:" in text
    assert "More calls pass in web:" not in text
    nothing = compare(found.one, found.one, all_layers())
    assert report.counted(nothing) == "Nothing is different."
    assert report.names_of(nothing, "now", "old.json") == ("web (now)", "web (old.json)")


def test_what_a_container_is_called_does_nothing_to_a_terminal(snapshot: Snapshot) -> None:
    web = named(snapshot, "web")
    evil = replace(web, container=replace(web.container, name="\x1b[2J\u202eevil", image="\x1b[31mred"))
    found = compare(web, evil, all_layers())
    text = "\n".join(report.lines(found, *report.names_of(found), Style()))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_json(snapshot: Snapshot) -> None:
    found = json.loads(
        json.dumps(report.document(compare(named(snapshot, "web"), named(snapshot, "backup"), all_layers())))
    )
    assert (found["a"]["name"], found["b"]["name"], found["schema"]) == ("web", "backup", 1)
    assert {each["part"] for each in found["differences"]} == {"layer", "threat", "call", "setting"}
    assert {each["worse"] for each in found["differences"]} <= {"a", "b", None}


def test_two_pictures(snapshot: Snapshot) -> None:
    states = tuple(each for each in snapshot.containers if each.container.name not in ("web", "backup"))
    backup = named(snapshot, "ci-runner")
    turned = replace(backup, container=replace(backup.container, name="backup", engine="docker"))
    after = replace(
        snapshot, containers=(*states, turned, replace(turned, container=replace(turned.container, name="x")))
    )
    found = compare_all(snapshot, after, all_layers())
    assert [each.container.name for each in found.gone] == ["web"]
    assert [each.container.name for each in found.new] == ["x"]
    assert [each.one.container.name for each in found.changed] == ["backup"]
    assert found.alike == len(states)
    text = "\n".join(report.fleet_lines(found, Style()))
    assert "Gone: web" in text
    assert "New: x" in text
    whole = report.fleet_document(found)
    assert [each["a"]["name"] for each in whole["changed"]] == ["backup"]
