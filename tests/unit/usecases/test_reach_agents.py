"""When an agent's reach is read anew, and what is told of it."""

from __future__ import annotations

from rig.window import reach, sample
from stratascope.core.reach.row import Answer, Reached
from stratascope.core.snapshot import Privilege, PrivilegeState, Snapshot
from stratascope.i18n.translate import translate
from stratascope.usecases.reach.agents import FREE, LEAST, AgentReach
from stratascope.value import replace

AGENT = reach.agent()


def snapshot(*states: object, root: bool = False) -> Snapshot:
    state = PrivilegeState.ON if root else PrivilegeState.IDLE
    return replace(sample.snapshot(states or (AGENT,)), privilege=Privilege(state))  # type: ignore[arg-type]


def with_rows(*rows: tuple[str, Answer]) -> Reached:
    return Reached(tuple(reach.row(thing, answer, f"/srv/{thing}") for thing, answer in rows))


BEFORE = with_rows(("ssh-keys", Answer.CLOSED), ("gpg", Answer.UNKNOWN), ("project", Answer.NEEDED))


def test_an_agent_is_read_once_until_it_is_another() -> None:
    agents = AgentReach()
    assert agents.due(snapshot(), 0.0) is AGENT
    assert agents.due(snapshot(), 100.0) is None
    assert agents.due(snapshot(reach.agent(pid=5)), LEAST / 2) is None  # too soon
    assert agents.due(snapshot(reach.agent(pid=5)), LEAST) is not None
    assert agents.due(snapshot(*sample.states()), 200.0) is None  # containers are asked when they are in view
    assert agents.due(replace(snapshot(), demo=True), 300.0) is None


def test_new_agents_come_before_changed_ones() -> None:
    agents = AgentReach()
    agents.due(snapshot(), 0.0)
    new = reach.agent("claude")
    assert agents.due(snapshot(reach.agent(pid=5), new), 100.0) is new


def test_what_was_closed_and_is_open_is_told_once() -> None:
    agents = AgentReach()
    assert agents.take(AGENT, BEFORE, root=False) is None
    now = with_rows(("ssh-keys", Answer.OPEN), ("gpg", Answer.OPEN), ("aws", Answer.OPEN), ("project", Answer.NEEDED))
    alert = agents.take(AGENT, now, root=False)
    assert alert is not None
    assert translate(alert.title) == "codex can get at more now"
    # gpg was not known to be closed
    assert translate(alert.text) == "It can read your SSH keys. It can read your AWS credentials."
    assert agents.holds(alert)
    assert agents.take(AGENT, now, root=False) is None
    agents.take(AGENT, BEFORE, root=False)
    assert not agents.holds(alert)


def test_a_command_outside_of_the_sandbox_is_read_at_once_and_told() -> None:
    agents = AgentReach()
    agents.due(snapshot(), 0.0)
    agents.take(AGENT, BEFORE, root=False)
    sandbox = AGENT.container.sandbox
    assert sandbox is not None
    runs = replace(AGENT, container=replace(AGENT.container, sandbox=replace(sandbox, outside=((9, "bash"),))))
    assert agents.due(snapshot(runs), LEAST) is runs
    alert = agents.take(runs, with_rows(("outside-sandbox", Answer.OPEN)), root=False)
    assert alert is not None
    assert translate(alert.text) == "It runs a command outside of its sandbox."


def test_what_it_runs_while_no_sandbox_lives_is_told_though_it_has_another_name() -> None:
    agents = AgentReach()
    sandbox = AGENT.container.sandbox
    assert sandbox is not None
    free = replace(sandbox, id="codex-make", outside=((9, "make"),), free=True)
    runs = replace(AGENT, container=replace(AGENT.container, id="codex-make", sandbox=free))
    assert agents.due(snapshot(runs), 0.0) is runs
    alert = agents.take(runs, with_rows(("outside-sandbox", Answer.OPEN), ("ssh-keys", Answer.OPEN)), root=False)
    assert alert is not None
    assert translate(alert.text) == "It runs a command outside of its sandbox."
    again = replace(runs, container=replace(runs.container, pid=77))
    assert agents.due(snapshot(again), FREE) is again


def test_another_folder_that_it_was_given_is_told() -> None:
    agents = AgentReach()
    agents.take(AGENT, BEFORE, root=False)
    given = replace(reach.row("project", Answer.NEEDED, "/srv/me/secret"))
    alert = agents.take(AGENT, Reached((*BEFORE.rows[:2], given)), root=False)
    assert alert is not None
    assert translate(alert.text) == "It can change /srv/me/secret."


def test_readings_of_root_and_of_a_user_are_not_compared() -> None:
    agents = AgentReach()
    agents.take(AGENT, BEFORE, root=False)
    assert agents.take(AGENT, with_rows(("ssh-keys", Answer.OPEN)), root=True) is None


def test_what_is_not_known_for_a_while_is_compared_with_what_was() -> None:
    agents = AgentReach()
    agents.take(AGENT, BEFORE, root=False)
    agents.take(AGENT, with_rows(("ssh-keys", Answer.UNKNOWN)), root=False)
    alert = agents.take(AGENT, with_rows(("ssh-keys", Answer.OPEN)), root=False)
    assert alert is not None


def test_one_that_was_started_again_is_compared_with_before() -> None:
    agents = AgentReach()
    agents.take(AGENT, BEFORE, root=False)
    agents.due(snapshot(*sample.states()), 10.0)  # it has ended
    assert agents.take(reach.agent(pid=9), with_rows(("ssh-keys", Answer.OPEN)), root=False) is not None
