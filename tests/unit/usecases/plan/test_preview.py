"""Offers and hints for the demo's containers, recorded from real ones; the hint held against trying everything."""

from __future__ import annotations

import pytest

from rig.usecases.live.replay import Replay
from stratascope.core.capture import Gap, GapKind
from stratascope.core.relaunch.toggle import Preset, ToggleError
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.offers import shortfalls
from stratascope.usecases.plan.preview import Previews
from stratascope.value import replace
from stratascope.wiring.engines import assembler, demo_capture


@pytest.fixture(scope="module")
def picture() -> Snapshot:
    found: list[Snapshot] = []
    Replay(demo_capture(), assembler(), demo=True).start(found.append)
    return found[0]


def of(picture: Snapshot, name: str) -> tuple[Previews, ContainerState]:
    state = next(each for each in picture.containers if each.container.name == name)
    engine = next(each for each in picture.engines if each.id == state.container.engine)
    return recorded(picture, engine), state


def test_a_list_of_capabilities_is_told_as_what_is_kept(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    chosen = [choice_of("capabilities", value) for value in ("CAP_CHOWN,CAP_KILL", "none", "+CAP_SYS_TIME")]
    told = [translate(foresight.preview(state, (each,)).differences[0]) for each in chosen]
    assert told[0].startswith("Keeps only the capabilities: CHOWN, KILL. ")
    assert told[1].startswith("Drop unused capabilities: none. ")
    assert "Keeps only" not in told[2]


def test_a_switch_closes_alone_what_it_says_it_closes(picture: Snapshot) -> None:
    told = 0
    for state in picture.containers:
        foresight, _ = of(picture, state.container.name)
        offer = foresight.offer(state)
        for option in offer.options:
            if not option.closes:
                continue
            after = foresight.preview(state, (option.choice,)).after
            outcomes = {each.threat.id: each.outcome for each in after.threats}
            assert {outcomes[each] for each in option.closes} == {Outcome.STOPPED}
            for threat in option.closes:
                told += 1
                assert threat in _open(state)
                least = offer.closing(threat)
                assert least is not None
                assert offer.closing(threat, frozenset({option.key})) is option
                assert least.toggle.changes_users <= option.toggle.changes_users
    assert told > 10


def _open(state: ContainerState) -> set[str]:
    assert state.matrix is not None
    return {each.threat.id for severity in SERIOUS for each in state.matrix.open(severity)}


def test_limits_are_proposed_where_the_plan_has_one(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    offer = foresight.offer(state)
    assert offer.plan is not None
    limits = {each.choice.id: each.choice.value for each in offer.plan.changes if each.choice.toggle.limit}
    proposed = offer.proposed
    assert str(proposed.cpu) == limits["cpus"]
    assert (proposed.pids is None) is ("pids" not in limits)
    limited = replace(state, container=replace(state.container, asked=replace(state.container.asked, cpu_cores=1.0)))
    assert foresight.offer(limited).proposed.cpu is None  # it has one


def test_what_is_serious_is_open_now_and_held_afterwards(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    assert state.matrix is not None
    options = {each.toggle.id: each for each in foresight.offer(state).options}
    socket = options["engine-socket"]
    after = foresight.preview(state, (socket.choice,)).after
    held = [
        old.threat.id
        for old, new in zip(state.matrix.threats, after.threats, strict=True)
        if old.threat.severity in (Severity.CRITICAL, Severity.HIGH)
        and old.outcome is not Outcome.STOPPED
        and new.outcome is Outcome.STOPPED
    ]
    assert held == ["use-engine-socket"]
    assert list(socket.closes) == held
    assert all(len(each.closes) <= each.gains for each in options.values())


def test_what_its_machine_can_t_do_is_not_in_place_because_it_was_asked_for(picture: Snapshot) -> None:
    found = {"apparmor": 0, "selinux": 0}
    for state in picture.containers:
        foresight, _ = of(picture, state.container.name)
        for option in foresight.offer(state).options:
            if option.toggle.id in found and option.why_not is not None:
                assert not option.already, translate(option.why_not)
                found[option.toggle.id] += 1
    assert found["selinux"], "no machine of the demo has SELinux"


def test_what_does_not_run_is_offered_nothing_to_gain(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    assert {each.gains for each in foresight.offer(replace(state, matrix=None)).options} == {0}


def test_where_nothing_is_known_nothing_is_predicted(picture: Snapshot) -> None:
    foresight, state = of(picture, next(each.container.name for each in picture.containers if each.matrix is not None))
    blank = replace(
        state,
        gap=Gap(GapKind.CONFINED),
        matrix=None,
        layers=tuple(replace(layer, facts=None) for layer in state.layers),
    )
    assert foresight.offer(blank).plan is None
    assert foresight.preset(blank, Preset.RECOMMENDED) == ()
    for ask in (foresight.plan, foresight.standards):
        with pytest.raises(ToggleError):
            ask(blank)
    with pytest.raises(ToggleError):
        foresight.preview(blank, (choice_of("no-new-privileges", "on"),))


def test_what_only_gives_more_is_told_from_a_hardening(picture: Snapshot) -> None:
    foresight, state = of(picture, "web")
    more, less = choice_of("capabilities", "+CAP_SYS_PTRACE"), choice_of("no-new-privileges", "on")
    assert foresight.preview(state, (more,)).allows
    assert not foresight.preview(state, (more, less)).allows
    nothing = foresight.preview(state, ())
    assert not nothing.allows
    assert shortfalls(nothing, None) == (), "of what is not switched on nothing is expected"
    assert translate(foresight.preview(state, (more,)).differences[0]) == (
        "Capabilities: +SYS_PTRACE. It gets more than it has now."
    )
    assert translate(foresight.preview(state, (less,)).differences[0]).count(": on") == 0
