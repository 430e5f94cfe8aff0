"""Presets are the plan, a part of it, or a standard beside it; and what they do not do is said. On the demo's."""

from __future__ import annotations

import pytest

from stratascope.core.relaunch.toggle import Choice, Preset
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.depth import Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.offers import shortfalls
from stratascope.usecases.plan.preview import UNSEEN, Inside, Previews
from stratascope.usecases.plan.standards import STANDARDS, offending
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

DEMO = demo_snapshot()
RUNNING = tuple(state for state in DEMO.containers if state.matrix is not None)
of_each = pytest.mark.parametrize("state", RUNNING, ids=lambda state: state.container.name)


def previews_of(state: ContainerState) -> Previews:
    return recorded(DEMO, next(each for each in DEMO.engines if each.id == state.container.engine))


def named(name: str) -> tuple[Previews, ContainerState]:
    state = next(each for each in RUNNING if each.container.name == name)
    return previews_of(state), state


def not_stopped(matrix: Matrix) -> set[str]:
    """Of the critical, also those that only a program of the image holds."""
    threats = (each for each in matrix.threats if each.threat.severity in SERIOUS)
    return {
        each.threat.id
        for each in threats
        if each.outcome is not Outcome.STOPPED or (each.held and each.threat.severity is Severity.CRITICAL)
    }


@of_each
def test_recommended_is_the_plan(state: ContainerState) -> None:
    previews = previews_of(state)
    plan = previews.plan(state)
    assert previews.preset(state, Preset.RECOMMENDED) == plan.choices
    preview = previews.preview(state, plan.choices)
    assert preview.after == plan.then
    if preview.after.open(Severity.CRITICAL):  # only what its work takes
        assert plan.in_use == plan.keeping != ()


@of_each
def test_critical_is_what_of_the_plan_closes_all_that_is_serious(state: ContainerState) -> None:
    """None of it could be left out, but for what goes along."""
    previews = previews_of(state)
    plan, chosen = previews.plan(state), previews.preset(state, Preset.CRITICAL)
    assert not_stopped(previews.preview(state, chosen).after) == not_stopped(plan.then)
    of_plan = {str(each) for row in plan.changes if row.on for choice in row.choices for each in choice.pieces}
    whole = {str(each) for each in plan.choices}
    assert {str(piece) for each in chosen for piece in each.pieces} <= of_plan | whole
    if not_stopped(plan.now) == not_stopped(plan.then):
        assert chosen == ()


@of_each
def test_a_standard_is_the_plan_and_what_resolves_what_offends_it(state: ContainerState) -> None:
    previews = previews_of(state)
    plan, found = previews.plan(state), previews.standards(state)
    assert tuple(each.preset for each in found) == STANDARDS
    findings = [each for layer in state.layers for each in layer.assessment.findings]
    for each in found:
        assert previews.preset(state, each.preset) == each.choices
        offends = list(offending(each.preset, findings))
        assert set(each.unmet) <= set(offends)
        ids = {choice.id for choice in each.choices}
        assert {choice.id for choice in plan.choices} <= ids
        assert {choice.id for choice in each.adds} <= ids
        for choice in each.adds:
            assert not choice.toggle.reaches, choice
            assert not choice.toggle.changes_users, choice
        if not each.adds:
            assert each.choices == plan.choices
        again = previews.preview(state, each.choices).after
        assert again.exposure.worst <= plan.then.exposure.worst


def test_a_standard_adds_what_the_plan_leaves_to_a_person() -> None:
    """Limits of which nothing is known; and says what only the host can do."""
    previews, state = named("legacy-vpn")
    plan, cis = previews.plan(state), next(each for each in previews.standards(state) if each.preset is Preset.CIS)
    assert {choice.id for choice in cis.adds} - {choice.id for choice in plan.choices}
    words = [translate(each) for each in shortfalls(previews.preview(state, cis.choices), Preset.CIS, plan, cis.unmet)]
    assert "It does not match the standard yet:" in words
    assert translate(cis.unmet[0].text) in words


def test_what_is_in_use_stays_and_that_is_said() -> None:
    """Recommended takes back what opens something critical, but for what a command or an environment names."""
    previews, state = named("ci-runner")
    remove = choice_of("engine-socket", "remove")
    assert remove in previews.preset(state, Preset.RECOMMENDED)
    assert remove in previews.preset(state, Preset.CRITICAL)
    assert previews.plan(state).in_use == ()
    named_in_command = replace(state, container=replace(state.container, command="runner --socket /run/docker.sock"))
    for used, inside in (
        (named_in_command, UNSEEN),
        (state, Inside(environment=("unix:///var/run/docker.sock",))),
    ):
        for preset in (Preset.CRITICAL, Preset.RECOMMENDED, Preset.RESTRICTED, *STANDARDS):
            assert remove.id not in {each.id for each in previews.preset(used, preset, inside)}
        plan = previews.plan(used, inside)
        (kept,) = plan.in_use
        assert kept.choice == remove
        preview = previews.preview(used, previews.preset(used, Preset.RECOMMENDED, inside))
        words = " ".join(translate(each) for each in shortfalls(preview, Preset.RECOMMENDED, plan))
        title = translate(remove.titled)
        assert f"Not included, as it is in use: {title}. Its command or its environment names" in words


def test_a_preset_that_changes_nothing_that_matters_says_so() -> None:
    web, plain = named("web")
    usual = web.preview(plain, (Choice(choice_of("ulimit-core", "0").toggle, "0"),))
    assert "closes nothing serious" in translate(shortfalls(usual, Preset.RECOMMENDED)[0])
    quiet, calm = named("redis-cache")
    assert not quiet.preview(calm, ()).in_vain, "nothing serious is open there"
    words = [translate(each) for each in shortfalls(quiet.preview(calm, ()), Preset.CRITICAL)]
    assert words == ["Nothing critical or serious is open, so there is nothing to close."]


def test_restricted_says_where_it_is_not_what_it_is_named_after() -> None:
    previews, state = named("web")
    preview = previews.preview(state, previews.preset(state, Preset.RESTRICTED))
    words = [translate(each) for each in shortfalls(preview, Preset.RESTRICTED)]
    place = next(place for place, each in enumerate(words) if "Pod Security Standards" in each)
    assert words[place + 1].startswith("It still starts as root.")
    assert words[place + 2 :] == ["Root inside is root on this machine: anyone who breaks out as root is root there."]
    assert len(shortfalls(preview, Preset.RECOMMENDED)) == place, "that one is not named after it"
