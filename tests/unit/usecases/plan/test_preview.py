"""Offers and hints for the demo's containers, recorded from real ones; the hint held against trying everything."""

from __future__ import annotations

import pytest

from rig.usecases.live.replay import Replay
from stratascope.core.capture import Gap, GapKind
from stratascope.core.relaunch.toggle import Choice, Preset, ToggleError
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, Snapshot
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import brought_by, choice_of
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.offers import shortfalls
from stratascope.usecases.plan.preview import SERIOUS_EXPOSURE, Previews
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


def test_the_hint_is_what_trying_all_of_them_shows(picture: Snapshot) -> None:
    told = 0
    for state in picture.containers:
        if state.matrix is None:
            continue
        foresight, _ = of(picture, state.container.name)
        offer = foresight.offer(state)
        chosen = offer.of(Preset.RECOMMENDED)
        now = foresight.preview(state, chosen).after.exposure.worst
        reached = {}
        for option in offer.options:
            if option.already or option.why_not is not None or option.toggle.id in {each.id for each in chosen}:
                continue
            if not {each.id for each in brought_by(option.toggle)} <= {each.id for each in chosen}:
                continue  # alone it closes nothing for good
            try:
                more = (*chosen, option.choice)
                reached[option.toggle.id] = foresight.preview(state, more).after.exposure.worst
            except ToggleError:
                continue
        hint = foresight.hint(state, chosen, offer)
        if now < SERIOUS_EXPOSURE or min(reached.values(), default=now) > now - 0.1:
            assert hint is None, state.container.name
            continue
        told += 1
        assert hint is not None, state.container.name
        assert hint.after.exposure.worst == min(reached.values()) == reached[hint.choice.id]
        without = foresight.preview(state, chosen).after
        assert hint.certain is bool(without.open(Severity.CRITICAL) or without.open(Severity.HIGH))
    assert told >= 3


def test_the_hint_takes_back_a_grant_before_it_puts_up_a_barrier(picture: Snapshot) -> None:
    """Another user would lower a privileged container's exposure most, and leave the hole open."""
    hinted = []
    for state in picture.containers:
        if state.matrix is None or not state.matrix.open(Severity.CRITICAL):
            continue
        foresight, _ = of(picture, state.container.name)
        hint = foresight.hint(state, (), foresight.offer(state))
        assert hint is not None
        assert not hint.choice.toggle.changes_users, state.container.name
        hinted.append(hint.choice.id)
    assert hinted


def test_a_list_of_capabilities_is_told_as_what_is_kept(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    chosen = [choice_of("capabilities", value) for value in ("CAP_CHOWN,CAP_KILL", "none", "+CAP_SYS_TIME")]
    told = [translate(foresight.preview(state, (each,)).differences[0]) for each in chosen]
    assert told[0].startswith("Keeps only the capabilities: CHOWN, KILL. ")
    assert told[1].startswith("Fewer capabilities: none. ")
    assert "Keeps only" not in told[2]


def test_a_runner_with_the_engines_socket_is_led_to_safety_step_by_step(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    assert state.matrix is not None
    offer, steps = foresight.offer(state), list[str]()
    chosen: tuple[Choice, ...] = ()
    while (hint := foresight.hint(state, chosen, offer)) is not None:
        chosen = (*chosen, hint.choice)
        steps.append(hint.choice.id)
    assert "engine-socket" in steps
    assert foresight.preview(state, chosen).after.exposure.worst < SERIOUS_EXPOSURE < state.matrix.exposure.worst


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


def test_limits_are_proposed_where_a_preset_has_one(picture: Snapshot) -> None:
    foresight, state = of(picture, "ci-runner")
    offer = foresight.offer(state)
    by_preset = {each.id: each.value for each in (*offer.of(Preset.RECOMMENDED), *offer.of(Preset.STRICT))}
    proposed = offer.proposed
    assert proposed.cpu is not None
    assert "cpus" in by_preset
    assert (proposed.pids is None) is ("pids" not in by_preset)
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
    assert socket.serious == 1
    assert all(0 <= each.serious <= each.gains for each in options.values())


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
    offer = foresight.offer(blank)
    with pytest.raises(ToggleError):
        foresight.preview(blank, offer.of(Preset.RECOMMENDED))


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
