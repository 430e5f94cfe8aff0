"""What takes part in opening something critical: also by what a user could gain."""

from __future__ import annotations

import pytest

from stratascope.core.ground import Surroundings
from stratascope.core.relaunch.toggle import Subject
from stratascope.core.severity import Severity
from stratascope.layers import all_layers
from stratascope.layers.capabilities.programs import Identity, Program, Programs
from stratascope.layers.toggles import choice_of, fold
from stratascope.linux.capability import CapabilitySet
from stratascope.usecases.plan.critical_grants import critical_grants
from stratascope.usecases.plan.pieces import merged
from stratascope.usecases.plan.prediction import Prediction
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

DEMO = demo_snapshot()
NOTHING, USER = CapabilitySet(), Identity(1000, (), True, True, True)
SET_UID_ROOT = (0, 0, 0o4755)
SU, TOOL = (
    Program(path, True, 0, 0, False, known, SET_UID_ROOT, ()) for path, known in (("/bin/su", "su"), ("/t", ""))
)
GRANTS = ("privileged=off", "engine-socket=remove", "devices=remove", "read-only-root=on")


def as_a_user(name: str, programs: tuple[Program, ...], held: CapabilitySet) -> tuple[Prediction, Subject]:
    """That container as user 1000 with these rights, and these set-uid programs."""
    state = next(each for each in DEMO.containers if each.container.name == name)
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    around, asked = Surroundings(DEMO.ground_of(engine.id), engine), replace(state.container.asked, user="1000")
    facts = {each.layer.id: each.facts for each in Prediction(all_layers(), around, state).of(asked)}
    facts["capabilities"] = replace(
        facts["capabilities"], permitted=held, effective=held, root_inside=False, giving=Programs(programs), who=USER
    )
    layers = tuple(replace(each, facts=facts[each.id]) for each in state.layers)
    state = replace(state, container=replace(state.container, asked=asked), layers=layers)
    known = DEMO.containers[[each.container.name for each in DEMO.containers].index(name)]
    subject = Subject(state.container, engine, tuple((each.id, each.facts) for each in known.layers), set_uid=())
    judged = Prediction(all_layers(), around, state)
    return Prediction(all_layers(), around, replace(state, matrix=judged.matrix(judged.of(asked)))), subject


@pytest.mark.parametrize(
    ("programs", "held", "found"),
    [
        ((), NOTHING, False),
        ((SU,), NOTHING, True),
        ((TOOL,), NOTHING, True),
        ((SU, TOOL), NOTHING, True),
        ((), CapabilitySet.of(("CAP_SETUID",)), True),
    ],
    ids=["nothing gives it any", "a program that asks", "one that does not", "both", "it becomes root by itself"],
)
def test_what_a_user_can_gain_is_taken_back(programs: tuple[Program, ...], held: CapabilitySet, found: bool) -> None:
    """Also what is only held by a program that checks who asks; and nothing where nothing gives it rights."""
    prediction, subject = as_a_user("backup", programs, held)
    pieces = [choice_of(*text.split("=")) for text in GRANTS]
    choices = critical_grants(prediction, subject, pieces)
    assert {str(each) for each in choices} == ({"privileged=off"} if found else set())
    after = prediction.matrix(prediction.of(fold(subject.container.asked, merged(choices), subject)))
    assert not [
        state.threat.id
        for state in after.threats
        if state.threat.severity is Severity.CRITICAL and (state.held or state.at_stake)
    ]
