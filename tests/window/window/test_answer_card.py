"""The card below a container's name, on the demo's containers: its content in each state, and what it leads to."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from stratascope.core.capture import Gap, GapKind
from stratascope.core.container import EngineState
from stratascope.core.message import msg
from stratascope.core.relaunch.hardening_plan import HardeningPlan
from stratascope.core.relaunch.toggle import Alternative, Evidence, Use
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.core.threats.threat import Outcome
from stratascope.i18n.translate import translate
from stratascope.presentation.threat_outcomes import small
from stratascope.ui.harden.next_step import Act as PlanAct
from stratascope.ui.harden.next_step import PlanButton
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.answer import Act, Answer, Tone, answer
from stratascope.ui.window.answer_card import AnswerCard
from stratascope.usecases.hardening import recorded
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

DEMO = demo_snapshot()
TRY = PlanButton(PlanAct.TRY, msg("Try it safely"), msg("Your container is not touched yet."), numbers=True)


def named(name: str) -> ContainerState:
    return next(state for state in DEMO.containers if state.container.name == name)


def planned(state: ContainerState) -> HardeningPlan:
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    return recorded(DEMO, engine).plan(state)


def told(state: ContainerState, plan: HardeningPlan | None = None, *lines: str, can_ask: bool = False) -> Answer:
    return answer(state, None, plan, None if plan is None else TRY, lines, can_ask=can_ask)


def test_the_plan_s_button_and_number_stand_in_the_card() -> None:
    state = named("ci-runner")
    plan = planned(state)
    found = told(state, plan)
    assert (found.tone, found.act, found.button) == (Tone.OPEN, Act.PLAN, TRY)
    assert found.first == "Can take over this machine through the Docker socket."
    assert found.proof == f"/proc/{state.container.pid}/mountinfo:/var/run/docker.sock"
    assert found.numbers == ("10.0", f"{plan.then.exposure.worst:.1f}")
    assert found.note == f"{sum(change.on for change in plan.changes)} changes, as in the plan"


def test_what_is_used_and_stays_is_said_with_what_would_help_and_its_line() -> None:
    state = named("ci-runner")
    plan = planned(state)
    socket = next(change for change in plan.changes if change.choice.id == "engine-socket")
    why = msg("It calls the engine through its socket.")
    proxy = Alternative(msg("Put a proxy before it."))
    used = replace(socket, on=False, critical=True, evidence=Evidence(Use.USED, why), alternatives=(proxy,))
    rest = tuple(change for change in plan.changes if change is not socket)
    left = replace(plan, changes=(used, *rest), then=plan.now)
    found = told(state, left, "- -v /var/run/docker.sock:/var/run/docker.sock")
    assert found.second == "It calls the engine through its socket. So the plan leaves it. Put a proxy before it."
    assert found.line == "- -v /var/run/docker.sock:/var/run/docker.sock"
    assert told(state, replace(left, changes=rest), "- x").line == "", "no row keeps it"
    with_lines = replace(proxy, lines=("- -v a:b", "+ -e DOCKER_HOST=tcp://socket-proxy:2375", "docker run"))
    better = replace(left, changes=(replace(used, alternatives=(with_lines,)), *rest))
    assert told(state, better, "- x").line == "- -v a:b  + -e DOCKER_HOST=tcp://socket-proxy:2375"


def test_what_stands_in_the_way_is_said_below_the_button() -> None:
    state = named("ci-runner")
    button = PlanButton(PlanAct.EXPORT, msg("Export instead…"), msg("Compose owns it."))
    found = answer(state, None, planned(state), button, can_ask=False)
    assert (found.button, found.note) == (button, "Compose owns it.")


def test_before_the_offer_has_come_there_is_no_button() -> None:
    assert told(named("ci-runner")).act is Act.NOTHING


def test_what_is_serious_but_not_critical_is_amber() -> None:
    state = named("web")
    found = told(state, planned(state))
    assert (found.tone, found.act, found.short) == (Tone.WEAK, Act.PLAN, False)


def test_where_nothing_serious_is_open_it_is_green_and_short() -> None:
    state = named("redis-cache")
    found = told(state, planned(state))
    assert (found.tone, found.act, found.short) == (Tone.ENF, Act.NOTHING, True)
    assert found.first.startswith("Nothing serious is open.")


@pytest.mark.parametrize(("name", "first"), [("web", 2.0), ("redis-cache", 0.1)])
def test_a_session_that_raises_the_exposure_is_named(name: str, first: float) -> None:
    state = named(name)
    assert state.matrix is not None
    session = ProcessState(77, 5, "sh", (), kind="exec", exposure=state.matrix.exposure.worst)
    found = told(replace(state, first_exposure=first, processes=(session,)), planned(state))
    said = f"An exec session (sh, PID 77) raises its exposure from {first} to {session.exposure} until it ends."
    assert said in (found.first, found.second)
    assert not found.short
    assert found.first
    assert found.second


def test_what_a_session_alone_makes_serious_is_ended_not_relaunched(qtbot: QtBot, theme: Theme) -> None:
    state = named("web")
    assert state.matrix is not None
    session = ProcessState(77, 5, "sh", (), kind="exec", exposure=state.matrix.exposure.worst)
    lifted = replace(state, first_exposure=2.0, processes=(session,))
    found = told(lifted, planned(state))
    assert (found.act, found.word, found.button) == (Act.SESSION, "Show the session", None)
    card = AnswerCard(theme)
    qtbot.addWidget(card)
    card.show_answer(found)
    assert not card.quiet.isHidden()
    with qtbot.waitSignal(card.session_wanted):
        card.quiet.click()
    # if its first process alone is as bad, or there is no session, toggles are the remedy
    same_band = replace(lifted, first_exposure=session.exposure - 0.1 if session.exposure else None)
    assert told(same_band, planned(state)).act is Act.PLAN
    of_its_own = replace(lifted, processes=(replace(session, kind=""),))
    assert told(of_its_own, planned(state)).act is Act.PLAN


def test_two_layers_are_only_promised_where_they_are() -> None:
    for state in DEMO.containers:
        if state.matrix is None:
            continue
        serious = [each for each in state.matrix.threats if each.threat.severity in SERIOUS]
        sure = all(each.outcome is Outcome.STOPPED and each.depth[0] >= 2 for each in serious)
        assert (told(state).first == "At least two layers stop everything serious.") is sure


def test_what_is_not_known_is_grey_and_offers_root() -> None:
    state = named("node-exporter")
    found = told(state, can_ask=True)
    assert (found.tone, found.act, found.short) == (Tone.UNK, Act.ROOT, False)
    assert state.matrix is not None
    unknown = [each for each in state.matrix.threats if each.outcome is Outcome.UNKNOWN]
    assert found.first == "Nothing serious is known to be open."
    count = f"{len(unknown)} of {len(state.matrix.threats)} threats are not known."
    assert found.second.startswith(f"{count} It is {state.matrix.exposure.worst:.1f} if all are open. Reading as root")
    worst = min((each for each in unknown), key=lambda each: each.threat.severity.rank).threat.title
    assert small(translate(worst)) in found.second, "what root would tell"
    assert told(state).act is Act.NOTHING
    assert told(state).second.startswith(count)
    assert "root" not in told(state).second.partition(":")[0]
    blank = replace(state, gap=Gap(GapKind.DENIED), matrix=None)
    assert told(blank, can_ask=True).act is Act.ROOT
    ended = told(named("nightly-report"), can_ask=True)
    assert ended.first.startswith("None of its processes runs")
    assert ended.act is Act.NOTHING, "root knows no more of what does not run"


def test_what_is_not_known_and_worse_than_what_is_open_is_counted() -> None:
    state, doubtful = named("web"), named("node-exporter")
    assert state.matrix is not None
    assert doubtful.matrix is not None
    critical = next(each for each in state.matrix.threats if each.threat.severity is Severity.CRITICAL)
    threats = (replace(critical, outcome=Outcome.UNKNOWN), *state.matrix.open(Severity.HIGH))
    found = told(replace(state, matrix=replace(state.matrix, threats=threats)))
    assert found.second.startswith(f"1 of {len(threats)} threats is not known.")
    assert small(translate(critical.threat.title)) in found.second
    assert "not known" not in told(state).second, "where only lesser things are not known, there is worse to say"


def test_whose_engine_a_socket_leads_to_is_said() -> None:
    """A user's engine has that user's account, any other this machine; the path stands below it."""
    state = named("ci-runner")
    socket = next(each for each in state.findings if each.code == "namespaces.engine-socket")
    text = msg(
        "Can take over a user's account through that user's {engine} socket, {path}.", engine="Docker", path="/s"
    )
    others = tuple(each for each in state.findings if each is not socket)
    rootless = replace(state, findings=(replace(socket, severity=Severity.HIGH, text=text), *others))
    assert told(rootless).first == "Can take over a user's account through that user's Docker socket."
    assert "account" not in told(state).first


def test_an_engine_that_is_gone_is_asked_again() -> None:
    state = named("ci-runner")
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    gone = replace(engine, state=EngineState.UNREACHABLE)
    found = answer(state, gone, None, None, can_ask=False)
    assert (found.tone, found.act) == (Tone.UNK, Act.AGAIN)
    assert found.first == "docker does not answer. This is its last known state."
    found = answer(state, gone, None, None, can_ask=False, silent="10:42")
    assert found.first == "docker has not answered since 10:42. This is how it was then."


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> AnswerCard:
    card = AnswerCard(theme)
    qtbot.addWidget(card)
    state = named("ci-runner")
    card.exposure.show_exposure(state.matrix, state.matrix)
    card.show_answer(told(state, planned(state)))
    card.resize(816, card.heightForWidth(816))
    card.show()
    QApplication.processEvents()
    return card


def test_nothing_in_it_is_cut(card: AnswerCard, qtbot: QtBot) -> None:
    for width in (816, 640, 600, 420, 330):
        for low in (False, True):
            card.set_low(low)
            card.resize(width, card.heightForWidth(width))
            qtbot.wait(1)
            card.resize(width, card.heightForWidth(width))
            QApplication.processEvents()
            for label in (card.first, card.second):
                if label.isVisible():
                    assert label.height() >= label.heightForWidth(label.width()), (width, low, label.text())
            assert card.button.width() >= card.button.sizeHint().width()
            below = card.button.mapTo(card, QPoint(0, 0)).y() > card.first.mapTo(card, QPoint(0, 0)).y() + 10
            assert below is (width < 620) or not low


def test_it_is_ninety_two_high_at_least_and_forty_where_it_is_low(card: AnswerCard) -> None:
    assert card.heightForWidth(816) >= 92
    card.set_low(True)
    assert card.heightForWidth(1400) == 40
    assert not card.note.isVisible()
    assert not card.second.isVisible()


def test_one_line_high_it_is_brief_where_the_sentence_does_not_fit(card: AnswerCard, qtbot: QtBot) -> None:
    whole = "Would be root on this machine if a vulnerability let it escape."
    card.show_answer(Answer(Tone.WEAK, whole, brief="Be root on the host", act=Act.PLAN, button=TRY))
    card.set_low(True)
    card.resize(1200, 40)
    assert card.first.text() == whole
    card.resize(480, 40)
    assert (card.first.text(), card.first.toolTip().count(whole)) == ("Be root on the host", 1)
    card.set_low(False)
    assert card.first.text() == whole


def test_its_buttons(card: AnswerCard, qtbot: QtBot) -> None:
    with qtbot.waitSignal(card.plan_wanted):
        QTest.mouseClick(card.button, Qt.MouseButton.LeftButton)
    assert card.button.text().startswith("Try it safely  10.0 → ")
    assert card.button.accessibleName().startswith("In the card: Try it safely, 10.0 to ")
    card.show_answer(replace(card.answer, line="- -v /var/run/docker.sock:/var/run/docker.sock"))
    card.line.copy.click()
    assert QApplication.clipboard().text() == "- -v /var/run/docker.sock:/var/run/docker.sock"
    card.show_answer(told(named("node-exporter"), can_ask=True))
    assert not card.button.isVisible()
    with qtbot.waitSignal(card.root_wanted):
        QTest.mouseClick(card.quiet, Qt.MouseButton.LeftButton)


def test_what_is_supposed_takes_the_place_of_the_answer(card: AnswerCard) -> None:
    card.show_supposed("Then 12 things would reach the kernel.")
    assert card.suppose.isVisible()
    assert not card.first.isVisible()
    assert not card.button.isVisible()
    card.show_supposed("")
    assert card.first.isVisible()
    assert card.button.isVisible()
