"""The smallest set that closes what is critical and serious, held against all smaller sets; and its words."""

from __future__ import annotations

import pytest

from rig.usecases.plan.smaller_sets import opened, pieces_of, reached, singles, still_open
from stratascope.core.ground import Surroundings
from stratascope.core.relaunch.toggle import Choice, Cure, Preset, Subject
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.layers import all_layers
from stratascope.layers.capabilities.programs import Identity, Program, Programs
from stratascope.layers.toggles import choice_of, fold
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.closing import closing, smallest_hitting
from stratascope.usecases.plan.offers import shortfalls
from stratascope.usecases.plan.prediction import Prediction
from stratascope.usecases.plan.preview import UNSEEN, Inside, Previews
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

DEMO = demo_snapshot()
RUNNING = tuple(state for state in DEMO.containers if state.matrix is not None)


def previews_of(state: ContainerState) -> Previews:
    return recorded(DEMO, next(each for each in DEMO.engines if each.id == state.container.engine))


def subject_of(state: ContainerState) -> Subject:
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    return Subject(state.container, engine, tuple((layer.id, layer.facts) for layer in state.layers))


def named(name: str) -> tuple[Previews, ContainerState]:
    state = next(each for each in RUNNING if each.container.name == name)
    return previews_of(state), state


@pytest.mark.parametrize("state", RUNNING, ids=lambda state: state.container.name)
def test_it_closes_all_that_can_be_closed_and_first_what_was_granted(state: ContainerState) -> None:
    """No smaller set of grants closes what grants can close, and no barrier stands where a grant would do."""
    assert state.matrix is not None
    previews = previews_of(state)
    found = previews.closing(state)
    left = {threat.id for threat in found.left}
    assert still_open(state.matrix, previews.preview(state, found.choices).after) == left
    assert previews.preset(state, Preset.CRITICAL) == found.choices
    subject = subject_of(state)
    granted = [each for each in singles(previews, state) if each.cure(subject) is Cure.GRANT]
    taken = tuple(each for each in found.choices if each.cure(subject) is Cure.GRANT)
    if not opened(state.matrix):
        assert taken == found.choices, "what a set-uid program would give back"
        return
    needed = pieces_of(tuple(each for each in taken if not each.toggle.goes_along))
    for size in range(min(needed, 3)):
        for chosen, still in reached(previews, state, size, granted):
            assert not still <= open_after(previews, state, taken), chosen
    for chosen, still in reached(previews, state, 1, granted):
        assert open_after(previews, state, taken) <= still, chosen


def open_after(previews: Previews, state: ContainerState, chosen: tuple[Choice, ...]) -> frozenset[str]:
    preview = previews.preview(state, chosen)
    return still_open(preview.before, preview.after)


NOTHING, USER = CapabilitySet(), Identity(1000, (), True, True, True)
SET_UID_ROOT = (0, 0, 0o4755)
SU, TOOL = (
    Program(path, True, 0, 0, False, known, SET_UID_ROOT, ()) for path, known in (("/bin/su", "su"), ("/t", ""))
)


def as_a_user(name: str, programs: tuple[Program, ...], held: CapabilitySet) -> tuple[Prediction, Subject]:
    """That container as user 1000 with these rights, and these set-uid programs."""
    _, state = named(name)
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    around, asked = Surroundings(DEMO.ground_of(engine.id), engine), replace(state.container.asked, user="1000")
    facts = {each.layer.id: each.facts for each in Prediction(all_layers(), around, state).of(asked)}
    facts["capabilities"] = replace(
        facts["capabilities"], permitted=held, effective=held, root_inside=False, giving=Programs(programs), who=USER
    )
    layers = tuple(replace(each, facts=facts[each.id]) for each in state.layers)
    state = replace(state, container=replace(state.container, asked=asked), layers=layers)
    judged = Prediction(all_layers(), around, state)
    prediction = Prediction(all_layers(), around, replace(state, matrix=judged.matrix(judged.of(asked))))
    return prediction, replace(subject_of(state), set_uid=())


@pytest.mark.parametrize(
    ("programs", "held", "found"),
    [
        ((), NOTHING, ()),
        ((SU,), NOTHING, ("privileged=off",)),
        ((TOOL,), NOTHING, ("privileged=off",)),
        ((SU, TOOL), NOTHING, ("privileged=off",)),
        ((), CapabilitySet.of(("CAP_SETUID",)), ("privileged=off",)),
    ],
    ids=["nothing gives it any", "a program that asks", "one that does not", "both", "it becomes root by itself"],
)
def test_what_a_user_can_gain_is_taken_back(
    programs: tuple[Program, ...], held: CapabilitySet, found: tuple[str, ...]
) -> None:
    """Also what is only held by a program that checks who asks; and nothing where nothing gives it rights."""
    prediction, subject = as_a_user("backup", programs, held)
    choices = closing(prediction, subject, (Severity.CRITICAL,)).choices
    assert tuple(str(each) for each in choices) == found
    after = prediction.matrix(prediction.of(fold(subject.container.asked, choices, subject)))
    assert not [
        state.threat.id
        for state in after.threats
        if state.threat.severity is Severity.CRITICAL and (state.held or state.at_stake)
    ]


def test_it_is_offered_first_and_what_it_needs_is_in_the_offer() -> None:
    previews, state = named("ci-runner")
    offer = previews.offer(state)
    assert offer.presets[0][0] is Preset.CRITICAL
    wanted = {choice.id for choice in offer.of(Preset.CRITICAL)}
    assert "engine-socket" in wanted
    assert {each.toggle.id for each in offer.options if Preset.CRITICAL in each.presets} == wanted


def test_what_is_in_use_stays_and_that_is_said() -> None:
    """Recommended takes back what opens something critical, but for what a command or an environment names."""
    previews, state = named("ci-runner")
    assert choice_of("engine-socket", "remove") in previews.preset(state, Preset.RECOMMENDED)
    assert previews.in_use(state) == ()
    named_in_command = replace(state, container=replace(state.container, command="runner --socket /run/docker.sock"))
    for used, inside in (
        (named_in_command, UNSEEN),
        (state, Inside(environment=("unix:///var/run/docker.sock",))),
    ):
        assert "engine-socket" not in {each.id for each in previews.preset(used, Preset.RECOMMENDED, inside)}
        assert "engine-socket" in {each.id for each in previews.preset(used, Preset.CRITICAL, inside)}
        (kept,) = previews.in_use(used, inside)
        assert kept.choice == choice_of("engine-socket", "remove")
        preview = previews.preview(used, previews.preset(used, Preset.RECOMMENDED, inside))
        words = " ".join(translate(each) for each in shortfalls(preview, Preset.RECOMMENDED, in_use=(kept,)))
        assert (
            "Not included, as it is in use: Remove the engine's socket. Its command or its environment names" in words
        )
        offer = previews.offer(used, inside)
        assert offer.in_use == (kept,)
        option = next(each for each in offer.options if each.toggle.id == "engine-socket")
        assert option.risks[0] == kept.why


@pytest.mark.parametrize("state", RUNNING, ids=lambda state: state.container.name)
def test_recommended_leaves_nothing_critical_open_that_a_grant_opens(state: ContainerState) -> None:
    previews = previews_of(state)
    preview = previews.preview(state, previews.preset(state, Preset.RECOMMENDED))
    assert not preview.after.open(Severity.CRITICAL)
    assert not preview.in_vain or not preview.before.open(Severity.CRITICAL)


def test_a_preset_that_changes_nothing_that_matters_says_so() -> None:
    web, plain = named("web")
    usual = web.preview(plain, web.preset(plain, Preset.RECOMMENDED))
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


@pytest.mark.parametrize(
    ("sets", "smallest"),
    [
        ([], ""),
        (["a", "b"], "ab"),
        (["ab", "bc", "cd"], "bc"),
        (["abc", "ad", "be", "cf", "def"], "abf"),
        (["", "x"], "x"),
    ],
)
def test_hitting_sets(sets: list[str], smallest: str) -> None:
    found = smallest_hitting([frozenset(each) for each in sets], lambda each: (0, ord(each)))
    assert len(found) == len(smallest)
    assert all(found & set(each) for each in sets if each)


def test_of_hitting_sets_as_small_the_cheapest_is_taken() -> None:
    costs = {"a": 5, "b": 1, "c": 1, "d": 9}
    assert smallest_hitting([frozenset("ab"), frozenset("cd")], lambda each: (costs[each],)) == frozenset("bc")
    assert smallest_hitting([frozenset("ad"), frozenset("ab")], lambda each: (costs[each],)) == frozenset("a")
