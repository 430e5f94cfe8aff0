"""What a person who does not look is told: new and badly protected, hardened and failing; each once, no old news."""

from __future__ import annotations

import pytest

from rig.window import sample
from stratascope.core.container import Container, EngineState, Status
from stratascope.core.history.entry import Exposed, Standing, Subject
from stratascope.core.relaunch.launch_spec import RestartPolicy
from stratascope.core.relaunch.launch_spec import claim as mark
from stratascope.core.relaunch.transaction import Stage, Transaction, TransactionKind
from stratascope.core.severity import Severity
from stratascope.core.snapshot import ContainerState, Privilege, PrivilegeState, ProcessState, Snapshot
from stratascope.core.threats.depth import Exposure, Matrix
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.usecases.live.alerts import Alert, Alerts
from stratascope.value import replace

OF = sample.snapshot()


def container(
    name: str,
    worst: float | None = 9.5,
    best: float | None = None,
    *,
    number: str = "",
    status: Status = Status.RUNNING,
) -> ContainerState:
    base = next(state for state in OF.containers if state.matrix is not None)
    matrix = None if worst is None else Matrix((), Exposure(worst, worst if best is None else best, ()))
    ours = replace(base.container, engine="docker", id=number or f"id-{name}", name=name, status=status)
    return replace(base, container=ours, matrix=matrix)


def snapshot(*containers: ContainerState, demo: bool = False, connected: bool = True, listed: bool = True) -> Snapshot:
    state = EngineState.CONNECTED if connected else EngineState.STOPPED
    engines = tuple(replace(engine, id="docker", state=state) for engine in OF.engines[:1])
    known = frozenset({"docker"} if connected and listed else ())
    return replace(OF, engines=engines, containers=containers, demo=demo, listed=known)


def transaction(new: str, kind: TransactionKind = TransactionKind.HARDEN, stage: Stage = Stage.DONE) -> Transaction:
    policy = RestartPolicy("no", 0)
    return Transaction("1", kind, stage, "docker", "unix:///x", "web", "old", new, True, "web-old", "web-new", policy,
                       policy, True, 10, 0.0)  # fmt: skip


def see(alerts: Alerts, shown: Snapshot, *hardened: Transaction, limit: float | None = 9.0) -> list[str]:
    found = alerts.see(shown, limit, hardened, failures=True)
    return [said(alert) for alert in found]


def said(alert: Alert) -> str:
    return f"{translate(alert.title)}. {translate(alert.text)}"


def test_what_was_there_at_the_start_is_no_news() -> None:
    alerts = Alerts()
    assert see(alerts, snapshot(connected=False)) == []
    assert see(alerts, snapshot(listed=False)) == []  # it answers, and its containers are still being read
    assert see(alerts, snapshot(container("old"))) == []
    assert see(alerts, snapshot(container("old"), container("new"))) == [
        "New and poorly protected: new. Its exposure is 9.5 of 10."
    ]
    assert see(alerts, snapshot(container("old"), container("new"))) == []


def test_it_is_told_once_all_is_read() -> None:
    alerts = Alerts()
    see(alerts, snapshot(container("old")))
    assert see(alerts, snapshot(container("new", None))) == []
    assert see(alerts, snapshot(container("new", 9.5, 4.0))) == [
        "New, and not known to be protected: new. "
        "Its exposure is 9.5 of 10, at best 4.0, because not everything could be read."
    ]


@pytest.mark.parametrize(("worst", "limit"), [(9.0, 9.0), (3.0, 9.0), (10.0, None)])
def test_not_above_the_limit(worst: float, limit: float | None) -> None:
    alerts = Alerts()
    see(alerts, snapshot(container("old")))
    assert see(alerts, snapshot(container("new", worst)), limit=limit) == []


def test_a_replacement_that_is_no_worse_is_no_news() -> None:
    alerts = Alerts()
    see(alerts, snapshot(container("web", 9.8)))
    assert see(alerts, snapshot(container("web", 9.5, number="other"))) == []
    assert see(alerts, snapshot(container("web", 9.9, number="third"))) == [
        "New and poorly protected: web. Its exposure is 9.9 of 10."
    ]


def entered(name: str, first: float, *others: ProcessState) -> ContainerState:
    worst = max([first, *(each.exposure or 0.0 for each in others)])
    return replace(container(name, worst), first_exposure=first, processes=others)


SESSION = ProcessState(9, 7, "sh", (), kind="exec", exposure=5.2)
THREAD = ProcessState(11, 11, "worker", (), thread_of=8, exposure=9.5)
LESS = ProcessState(12, 12, "worker", (), exposure=2.0)


def test_a_session_that_raises_the_exposure_is_told_once_while_it_lasts() -> None:
    alerts = Alerts()
    see(alerts, snapshot(entered("web", 2.7)))
    session = "An exec session (sh, PID 9) raises its exposure from 2.7 to 5.2 until it ends."
    told = f"More is possible in it now: web. {session}"
    assert see(alerts, snapshot(entered("web", 2.7, LESS, SESSION))) == [told]
    assert see(alerts, snapshot(entered("web", 2.7, SESSION))) == []
    assert see(alerts, snapshot(entered("web", 2.7))) == []
    assert see(alerts, snapshot(entered("web", 2.7, SESSION))) == [told]
    assert see(alerts, snapshot(entered("web", 2.7)), limit=None) == []
    assert see(alerts, snapshot(entered("web", 2.7, SESSION)), limit=None) == []


def test_a_thread_is_told_above_the_limit_only_and_a_new_container_once() -> None:
    alerts = Alerts()
    see(alerts, snapshot(entered("web", 2.7)))
    assert see(alerts, snapshot(entered("web", 2.7, replace(THREAD, exposure=5.0)))) == []
    (told,) = see(alerts, snapshot(entered("web", 2.7, replace(THREAD, pid=13))))
    assert "worker, thread 13 of PID 8" in told
    found = see(alerts, snapshot(entered("web", 2.7, replace(THREAD, pid=13)), entered("new", 2.7, THREAD)))
    assert found == ["New and poorly protected: new. Its exposure is 9.5 of 10."]


def test_a_demo_is_never_told() -> None:
    alerts = Alerts()
    see(alerts, snapshot(container("old")))
    assert see(alerts, snapshot(container("new"), demo=True)) == []


def failing(**changes: object) -> Container:
    base = container("web", 2.0, number="new").container
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (failing(status=Status.EXITED, exit_code=1, pid=None), "It exited by itself with status 1."),
        (failing(status=Status.DEAD, exit_code=139, pid=None), "It exited by itself with status 139."),
        (failing(status=Status.RESTARTING), "It keeps ending and being restarted."),
        (failing(health="unhealthy"), "Its health check reports it as unhealthy."),
        (
            failing(status=Status.EXITED, exit_code=137, out_of_memory=True, pid=None),
            "It exceeded its memory limit and was killed.",
        ),
    ],
)
def test_a_hardened_one_fails(now: Container, text: str) -> None:
    alerts, done = Alerts(), transaction("new")
    well = container("web", 2.0, number="new")
    see(alerts, snapshot(well), done)
    failed = replace(well, container=now)
    told = f"web has been failing since it was hardened. {text} Its original is kept: Undo brings it back."
    assert see(alerts, snapshot(failed), done) == [told]
    assert see(alerts, snapshot(failed), done) == []
    assert see(alerts, snapshot(well), done) == []
    assert see(alerts, snapshot(failed), done) == [told]


@pytest.mark.parametrize("code", [0, 137, 143, 130, None])
def test_one_that_was_stopped_does_not_fail(code: int | None) -> None:
    alerts, done = Alerts(), transaction("new")
    well = container("web", 2.0, number="new")
    see(alerts, snapshot(well), done)
    stopped = replace(well, container=failing(status=Status.EXITED, exit_code=code, pid=None))
    assert see(alerts, snapshot(stopped), done) == []


def test_only_hardened_ones_and_only_where_wanted() -> None:
    well = container("web", 2.0, number="new")
    failed = replace(well, container=failing(status=Status.EXITED, exit_code=1, pid=None))
    for done in (
        (),
        (transaction("other"),),
        (transaction("new", TransactionKind.UNDO),),
        (transaction("new", stage=Stage.INTENT),),
    ):
        alerts = Alerts()
        see(alerts, snapshot(well), *done)
        assert see(alerts, snapshot(failed), *done) == []
    alerts = Alerts()
    alerts.see(snapshot(well), 9.0, (transaction("new"),), failures=False)
    assert alerts.see(snapshot(failed), 9.0, (transaction("new"),), failures=False) == ()


def test_one_that_failed_before_it_was_seen_well_is_the_relaunchs_own_concern() -> None:
    alerts, done = Alerts(), transaction("new")
    failed = replace(
        container("web", 2.0, number="new"), container=failing(status=Status.EXITED, exit_code=1, pid=None)
    )
    assert see(alerts, snapshot(failed), done) == []


OPEN, STOPPED, UNKNOWN = Outcome.OPEN, Outcome.STOPPED, Outcome.UNKNOWN
WHOLE = next(state.matrix for state in OF.containers if state.matrix is not None)
CRITICAL = tuple(each.threat.id for each in WHOLE.threats if each.threat.severity is Severity.CRITICAL)[:3]
HIGH = tuple(each.threat.id for each in WHOLE.threats if each.threat.severity is Severity.HIGH)[:3]


def holding(name: str, *, rest: Outcome = STOPPED, number: str = "", **outcomes: Outcome) -> ContainerState:
    """A container in which the first critical and high threats have these outcomes, by `critical` and `high`."""
    of = dict.fromkeys(CRITICAL, outcomes.get("critical", rest)) | dict.fromkeys(HIGH, outcomes.get("high", rest))
    threats = tuple(replace(each, outcome=of.get(each.threat.id, rest)) for each in WHOLE.threats)
    return replace(container(name, 5.0, number=number), matrix=Matrix(threats, Exposure(5.0, 5.0, ())))


def gains(alerts: Alerts, *containers: ContainerState, root: bool = False) -> list[str]:
    shown = snapshot(*containers)
    if root:
        shown = replace(shown, privilege=Privilege(PrivilegeState.ON))
    return [translate(alert.title) for alert in alerts.see(shown, None, (), failures=False, gains=True)]


def test_one_that_could_take_over_is_news_once() -> None:
    alerts = Alerts()
    assert gains(alerts, holding("old", critical=OPEN)) == []
    new = holding("new", critical=OPEN)
    assert gains(alerts, holding("old", critical=OPEN), new) == ["new could take over"]
    assert gains(alerts, holding("old", critical=OPEN), new) == []
    assert gains(alerts, holding("old", critical=OPEN)) == []
    assert gains(alerts, holding("new", critical=OPEN, number="again")) == []  # in its place, and no worse


def test_rights_that_it_gained_are_news() -> None:
    alerts = Alerts()
    gains(alerts, holding("web"), holding("db", critical=OPEN))
    assert gains(alerts, holding("web", high=OPEN)) == ["More is possible in it now: web"]
    assert gains(alerts, holding("web", high=OPEN, critical=OPEN)) == ["web could take over"]
    assert gains(alerts, holding("web")) == []
    assert gains(alerts, holding("web", high=OPEN, number="other")) == ["More is possible in it now: web"]


def test_what_was_not_known_is_not_gained() -> None:
    alerts = Alerts()
    gains(alerts, holding("web", rest=UNKNOWN))
    assert gains(alerts, holding("web", high=OPEN)) == []
    assert gains(alerts, holding("web", rest=UNKNOWN)) == []
    assert gains(alerts, holding("web", high=OPEN)) == []
    assert gains(alerts, holding("web", rest=UNKNOWN), holding("new", rest=UNKNOWN)) == []


def test_another_reader_sees_more_which_is_not_gained() -> None:
    alerts = Alerts()
    gains(alerts, holding("web"))
    assert gains(alerts, holding("web", high=OPEN, critical=OPEN), root=True) == []
    assert gains(alerts, holding("web")) == []


def test_an_engine_that_was_started_again_is_no_news() -> None:
    alerts = Alerts()
    gains(alerts, holding("web", critical=OPEN), holding("db"))
    assert alerts.see(snapshot(connected=False), None, (), failures=False, gains=True) == ()
    unread = replace(holding("web"), matrix=None)
    assert gains(alerts, unread, replace(holding("db"), matrix=None)) == []
    assert gains(alerts, holding("web", critical=OPEN), holding("db")) == []


def test_a_relaunch_under_way_is_no_news() -> None:
    alerts = Alerts()
    gains(alerts, holding("web", critical=OPEN))
    assert gains(alerts, holding("web", critical=OPEN), holding(mark("0123456789abcdef"), critical=OPEN)) == []


def test_what_the_history_knows_is_no_news_and_what_came_since_is() -> None:
    known = {Subject("docker", "web"): Standing(threats=CRITICAL, exposed=Exposed(9.0, 9.0)),
             Subject("docker", "db"): Standing(threats=HIGH, exposed=Exposed(5.0, 5.0))}  # fmt: skip
    alerts = Alerts()
    alerts.remember(known)
    found = gains(alerts, holding("web", critical=OPEN), holding("db", critical=OPEN), holding("new", critical=OPEN),
                  holding("plain", high=OPEN))  # fmt: skip
    assert found == ["db could take over", "new could take over"]


def test_what_it_says_names_the_worst() -> None:
    alerts = Alerts()
    gains(alerts, holding("web"))
    (found,) = alerts.see(snapshot(holding("web", high=OPEN, critical=OPEN)), None, (), failures=False, gains=True)
    text = translate(found.text)
    assert text.startswith("Possible now: ")
    assert translate(WHOLE.of(CRITICAL[0]).threat.title) in text  # type: ignore[union-attr]
    assert text.endswith(", and 3 more.")
    assert alerts.holds(found)
    gains(alerts, holding("web"))
    assert not alerts.holds(found)
    gains(alerts)
    assert not alerts.holds(found)
