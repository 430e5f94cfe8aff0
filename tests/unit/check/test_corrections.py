"""What the window is offered for a text: only what can be written into it, and what that comes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratascope.core.relaunch.toggle import Choice, ToggleError
from stratascope.core.severity import SERIOUS
from stratascope.core.snapshot import ContainerState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.layers.toggles import choice_of
from stratascope.usecases.check.corrections import Corrections
from unit.check.demo import of_the_demo

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  hostPID: true
  hostNetwork: true
  containers:
    - name: a
      image: a
      securityContext:
        privileged: true
    - {name: b, image: b}
"""


@pytest.fixture(scope="module")
def made() -> Corrections:
    """Kept by the window."""
    return Corrections(of_the_demo)


def states(made: Corrections, text: str, file: str = "text") -> tuple[ContainerState, ...]:
    found = made.check(text, file, 0.0)
    assert found.snapshot is not None
    return found.snapshot.containers


def all_choices(made: Corrections, state: ContainerState) -> list[tuple[Choice, ...]]:
    """What can be chosen at once: the plan's, and each standard's."""
    return [made.suggested(state).choices, *(each.choices for each in made.standards(state))]


def test_what_the_pod_shares_is_not_offered_for_one(made: Corrections) -> None:
    state = states(made, POD)[0]
    offer = made.offer(state)
    able = {option.toggle.id for option in offer.options if option.why_not is None and not option.already}
    assert "pid" not in able
    assert "network" not in able
    assert "user" in able
    assert "privileged" in able
    assert all(option.toggle.id != "volume-owner" for option in offer.options)
    for choices in all_choices(made, state):
        assert not {"pid", "network"} & {choice.id for choice in choices}


def test_what_the_plan_comes_to_is_what_can_be_written(made: Corrections) -> None:
    text = POD.replace("privileged: true", "privileged: true\n        runAsUser: 0")
    state = states(made, text)[0]
    plan = made.offer(state).plan
    assert plan is not None
    written = made.corrected(text, "text", {state.container.id: plan.choices})
    assert written.left == ()
    again = states(made, written.text)[0]
    assert again.matrix is not None
    assert again.matrix.exposure.worst == plan.then.exposure.worst
    left = {each.threat.id for each in plan.left}
    assert left == {item.threat.id for each in SERIOUS for item in again.matrix.open(each)}
    assert left, "the host's network stays"


def test_who_is_not_known_is_not_known_and_the_offers_close_it_for_root(made: Corrections) -> None:
    text = (
        "services:\n  a:\n    image: x\n    cap_add: [SYS_ADMIN]\n"
        "  b:\n    image: x\n    user: '0'\n    cap_add: [SYS_ADMIN]\n"
    )
    found = made.check(text, "text", 0.0)
    assert found.nobody_knows == {"a"}
    assert found.snapshot is not None
    first, second = (state.matrix for state in found.snapshot.containers)
    assert first is not None
    assert second is not None
    assert first.exposure.best < second.exposure.best
    assert first.exposure.worst == pytest.approx(second.exposure.worst, abs=0.2), "root is what is worst of it"
    differ = [(one, two) for one, two in zip(first.threats, second.threats, strict=True) if one.outcome != two.outcome]
    assert differ
    assert {one.outcome for one, _ in differ} == {Outcome.UNKNOWN}
    assert "The image's user is not known" in {
        translate(each.ruling.reason) for one, _ in differ for route in one.routes for each in route.rulings
    }
    assert any(("image", "x") in each.text.args for each in found.problems)
    # the window and the command are of one mind
    told = of_the_demo().text(text, "text", 0.0).snapshot
    assert told is not None
    assert [state.matrix for state in told.containers] == [first, second]
    # the same plan, whoever it runs as
    mine, roots = (made.suggested(state) for state in states(made, text))
    assert mine.choices
    assert mine.choices == roots.choices
    again = states(made, made.corrected(text, "text", {"a": mine.choices}).text)[0].matrix
    assert again is not None
    serious = {item.threat.id for each in SERIOUS for item in second.open(each)}
    serious -= {each.threat.id for each in roots.left}
    assert serious
    assert {item.outcome for item in again.threats if item.threat.id in serious} == {Outcome.STOPPED}


def test_a_name_stays_while_lines_move_and_tells_apart(made: Corrections) -> None:
    text = "docker run nginx\ndocker run nginx\n"
    keys = [state.key for state in states(made, text)]
    assert len(set(keys)) == 2
    assert [state.key for state in states(made, "# more\n\n" + text)] == keys
    on = (choice_of("no-new-privileges", "on"),)
    found = made.corrected(text, "text", {keys[1][1]: on})
    assert found.text.splitlines()[0] == "docker run nginx"
    assert "no-new-privileges" in found.text.splitlines()[1]
    assert found.lines == ("-docker run nginx", "+docker run --security-opt no-new-privileges nginx")
    assert found.patch.startswith("--- a/text\n+++ b/text\n")


def test_a_group_that_was_not_chosen_is_not_written_along(made: Corrections) -> None:
    text = POD.replace("        privileged: true\n", "        runAsGroup: 1\n        privileged: true\n")
    offer = made.offer(states(made, text)[0])
    assert next(option for option in offer.options if option.toggle.id == "user").why_not is not None


def test_what_can_not_be_written_is_named_with_its_service(made: Corrections) -> None:
    found = made.corrected(POD, "text", {"p-b": (choice_of("pids", "50"), choice_of("user", "1000"))})
    assert [(name, choice.id) for name, choice in found.left] == [("p-b", "pids")]
    assert "runAsUser: 1000" in found.text


def test_of_a_text_that_is_gone_nothing_is_known(made: Corrections) -> None:
    state = states(made, "docker run --name gone nginx\n")[0]
    assert made.preview(state, (choice_of("memory", "512m"),)).layers
    states(made, "docker run --name other nginx\n")
    for ask in (made.offer, lambda each: made.preview(each, ())):
        with pytest.raises(ToggleError):
            ask(state)
    assert made.corrected("docker run --name other nginx\n", "text", {"gone": (choice_of("memory", "1g"),)}).lines == ()


def test_the_preview_is_that_of_the_written_text(made: Corrections) -> None:
    text = "docker run --name a --user 0 --cap-add SYS_ADMIN -v /etc:/x nginx\n"
    state = states(made, text)[0]
    for choices in all_choices(made, state):
        then = made.preview(state, choices).after
        again = states(made, made.corrected(text, "text", {"a": choices}).text)[0]
        assert again.matrix is not None
        assert again.matrix.exposure == then.exposure, choices
        states(made, text)


def test_paths_beside_a_file_that_is_named_as_it_is_typed(made: Corrections) -> None:
    """`./data` begins where the program does, also where a change was written and is read again."""
    text = "services:\n  a:\n    image: a\n    user: root\n    volumes:\n      - ./data:/data\n"
    state = states(made, text, "compose.yml")[0]
    assert [mount.source for mount in state.container.asked.mounts] == [str(Path.cwd() / "data")]
    able = {option.toggle.id for option in made.offer(state).options if option.why_not is None and not option.already}
    assert {"user", "no-new-privileges", "host-paths"} <= able


@pytest.mark.parametrize(
    "text", ["docker run nobody.example/x", "docker run --privileged nobody.example/x", POD, "docker run --user 7 x"]
)
def test_a_container_has_the_number_that_its_plan_begins_at(made: Corrections, text: str) -> None:
    """Also where nobody knows its user, who may be root: in all layers then, or in none."""
    for state in states(made, text):
        assert state.matrix is not None
        assert state.matrix.exposure.worst == made.suggested(state).now.exposure.worst
        assert state.matrix.exposure.best <= made.suggested(state).now.exposure.best
