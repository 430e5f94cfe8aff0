"""The card below a container's name, on the demo's containers: its content in each state, and what it leads to."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from stratascope.core.capture import Gap, GapKind
from stratascope.core.container import EngineState
from stratascope.core.relaunch.toggle import Preset
from stratascope.core.severity import SERIOUS, Severity
from stratascope.core.snapshot import ContainerState, ProcessState
from stratascope.core.threats.threat import Outcome
from stratascope.layers import all_layers
from stratascope.ui.kit.theme import Theme
from stratascope.ui.window.answer import CHIPS_MAX, Act, Answer, Tone, answer, chip_word, chips_of
from stratascope.ui.window.answer_card import AnswerCard, SwitchChip
from stratascope.usecases.hardening import recorded
from stratascope.usecases.plan.offers import Offer
from stratascope.value import replace
from stratascope.wiring.engines import demo_snapshot

DEMO = demo_snapshot()
NUMBERS = {layer.id: layer.number for layer in all_layers()}


def named(name: str) -> ContainerState:
    return next(state for state in DEMO.containers if state.container.name == name)


def offered(state: ContainerState) -> Offer:
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    return recorded(DEMO, engine).offer(state)


def told(state: ContainerState, offer: Offer | None = None, *on: str, can_ask: bool = False) -> Answer:
    return answer(state, None, offer, frozenset(on), NUMBERS, can_ask=can_ask)


def test_what_is_critical_is_closed_by_the_smallest_set() -> None:
    state = named("ci-runner")
    offer = offered(state)
    found = told(state, offer, "user")
    assert (found.tone, found.act) == (Tone.OPEN, Act.CLOSE)
    assert (
        found.first
        == "A process could use the socket in the container to ask the engine for a container that owns the host."
    )
    assert found.second.startswith("Also open: open a disk of the host, ")
    assert found.proof == f"/proc/{state.container.pid}/mountinfo:/var/run/docker.sock"
    assert offer.smallest is not None
    assert found.word == f"Close it: 10.0 → {offer.smallest.after.exposure.worst:.1f}"
    assert [(chip.key, chip.word, chip.layer, chip.on) for chip in found.chips] == [
        ("user", "User", 6, True),
        ("drop=CAP_SYS_ADMIN", "SYS_ADMIN", 3, False),
        ("no-new-privileges", "No new privileges", 3, False),
        ("engine-socket", "Socket", 1, False),
    ]


def test_what_would_fill_the_card_shares_a_chip() -> None:
    options = offered(named("ci-runner")).options
    user = next(option for option in options if option.key == "user")
    drops = [option for option in options if option.toggle.id == "drop"]
    many = (user, *(drops * CHIPS_MAX)[:CHIPS_MAX])
    first, other = chips_of(many, NUMBERS, frozenset({"user"}))
    assert (first.word, first.on) == ("User", True)
    assert (other.key, other.word, other.on) == (drops[0].key, f"{chip_word(drops[0])} +{CHIPS_MAX - 1}", False)
    assert len(chips_of(many[:3], NUMBERS, frozenset())) == len({option.key for option in many[:3]})


def test_before_the_offer_has_come_there_is_no_button() -> None:
    assert told(named("ci-runner")).act is Act.NOTHING


def test_what_is_serious_but_not_critical_is_amber() -> None:
    state = named("web")
    found = told(state, offered(state))
    assert (found.tone, found.act, found.short) == (Tone.WEAK, Act.CLOSE, False)
    assert state.matrix is not None
    assert found.word.startswith(f"Close it: {state.matrix.exposure.worst:.1f} → ")


def test_what_no_switch_closes_is_lowered_and_said() -> None:
    state = named("ci-runner")
    offer = offered(state)
    assert state.matrix is not None
    left = state.matrix.open(Severity.CRITICAL)[0].threat
    found = told(state, replace(offer, left=(left,)))
    assert found.word.startswith("Lower it: 10.0 → ")
    assert found.second.startswith("Only the host, or how it is created, can change this: ")
    nothing = replace(offer, left=(left,), presets=((Preset.CRITICAL, ()),))
    assert told(state, nothing).act is Act.NOTHING


def test_where_nothing_serious_is_open_it_is_green_and_short() -> None:
    state = named("redis-cache")
    found = told(state, offered(state))
    assert (found.tone, found.act, found.short) == (Tone.ENF, Act.NOTHING, True)
    assert found.first.startswith("Nothing serious is open.")


@pytest.mark.parametrize(("name", "first"), [("web", 2.0), ("redis-cache", 0.1)])
def test_a_session_that_raises_the_exposure_is_named(name: str, first: float) -> None:
    state = named(name)
    assert state.matrix is not None
    session = ProcessState(77, 5, "sh", (), kind="exec", exposure=state.matrix.exposure.worst)
    found = told(replace(state, first_exposure=first, processes=(session,)), offered(state))
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
    found = told(lifted, offered(state))
    assert (found.act, found.word, found.chips) == (Act.SESSION, "Show the session", ())
    card = AnswerCard(theme)
    qtbot.addWidget(card)
    card.show_answer(found)
    assert not card.quiet.isHidden()
    with qtbot.waitSignal(card.session_wanted):
        card.quiet.click()
    # if its first process alone is as bad, or there is no session, toggles are the remedy
    same_band = replace(lifted, first_exposure=session.exposure - 0.1 if session.exposure else None)
    assert told(same_band, offered(state)).act is Act.CLOSE
    of_its_own = replace(lifted, processes=(replace(session, kind=""),))
    assert told(of_its_own, offered(state)).act is Act.CLOSE


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
    assert (found.tone, found.act, found.short) == (Tone.UNK, Act.ROOT, True)
    assert state.matrix is not None
    assert found.first == f"Too little can be read to tell. At worst {state.matrix.exposure.worst:.1f}."
    assert told(state).act is Act.NOTHING
    blank = replace(state, gap=Gap(GapKind.DENIED), matrix=None)
    assert told(blank, can_ask=True).act is Act.ROOT
    ended = told(named("nightly-report"), can_ask=True)
    assert ended.first.startswith("None of its processes runs")
    assert ended.act is Act.NOTHING, "root knows no more of what does not run"


def test_an_engine_that_is_gone_is_asked_again() -> None:
    state = named("ci-runner")
    engine = next(each for each in DEMO.engines if each.id == state.container.engine)
    gone = replace(engine, state=EngineState.UNREACHABLE)
    found = answer(state, gone, None, frozenset(), NUMBERS, can_ask=False)
    assert (found.tone, found.act) == (Tone.UNK, Act.AGAIN)
    assert found.first == "docker does not answer. This is its last known state."


@pytest.fixture
def card(qtbot: QtBot, theme: Theme) -> AnswerCard:
    card = AnswerCard(theme)
    qtbot.addWidget(card)
    state = named("ci-runner")
    card.exposure.show_exposure(state.matrix, state.matrix)
    card.show_answer(told(state, offered(state), "user"))
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
    assert not card.chips.isVisible()
    assert not card.second.isVisible()


def test_one_line_high_it_is_brief_where_the_sentence_does_not_fit(card: AnswerCard, qtbot: QtBot) -> None:
    whole = "If a flaw lets a process escape from this container, it is root on the host."
    card.show_answer(Answer(Tone.WEAK, whole, brief="Be root on the host", act=Act.CLOSE, word="Close it"))
    card.set_low(True)
    card.resize(1200, 40)
    assert card.first.text() == whole
    card.resize(640, 40)
    assert (card.first.text(), card.first.toolTip().count(whole)) == ("Be root on the host", 1)
    card.set_low(False)
    assert card.first.text() == whole


def test_its_buttons(card: AnswerCard, qtbot: QtBot) -> None:
    with qtbot.waitSignal(card.close_wanted):
        QTest.mouseClick(card.button, Qt.MouseButton.LeftButton)
    chips = card.findChildren(SwitchChip)
    assert [chip.accessibleName() for chip in chips] == [
        "Run as another user, layer 6: on",
        "Drop SYS_ADMIN, layer 3: off",
        "No new privileges, layer 3: off",
        "Remove the engine's socket, layer 1: off",
    ]
    with qtbot.waitSignal(card.switch_wanted) as found:
        QTest.mouseClick(chips[3], Qt.MouseButton.LeftButton)
    assert found.args == ["engine-socket"]
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
